//! The operators' command line, and the commands `init`, `check-config` and `token`.

pub mod token;

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser};
use engine::Level;
use protocol::RoundId;

use crate::{
    config::{Environment, Loaded, Mode, SecretPolicy, Sources},
    inspect::Lookup,
    person::PersonTask,
    recovery::{self, Expectations, Head},
    telemetry::with_causes,
    verify::Scope,
};

/// Exit code of a wrong configuration (`EX_CONFIG`).
pub const EXIT_CONFIG: u8 = 78;

/// A hub for games at which real money is played, and for the events around them.
///
/// Without a command it serves: `hub` alone in an empty directory opens two roulette tables and prints the page to
/// look at.
#[derive(Debug, Parser)]
#[command(name = "hub", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    subcommand: Option<Subcommand>,
}

const EXAMPLES: &str = "\
Examples:
  hub                                   play at once: development mode, demo money
  hub --mode production check-config    everything that is missing for production
  hub token --player anna --ttl 8h      a token for a client you are writing
  hub verify                            replay the log and prove every balance
  hub verify-round roulette-1:42        repeat the draw of a round
  hub inspect 17                        show record 17 of the log in words

Options come from config/hub.toml, its overlay for the mode, --config, variables such as HUB__SERVER__LISTEN, and
these flags; the later one wins. config/hub.toml explains each of them.";

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
struct Options {
    /// A configuration file of your own, over the ones in the directory
    #[arg(long, global = true, value_name = "FILE", env = "HUB_CONFIG")]
    config: Option<PathBuf>,
    /// Directory of hub.toml, dev.toml and production.toml [default: config, if it exists]
    #[arg(long, global = true, value_name = "DIR", env = "HUB_CONFIG_DIR")]
    config_dir: Option<PathBuf>,
    /// `development`: play money, nothing to set up. `production`: real money, refuses what is not safe
    #[arg(long, global = true, value_name = "MODE")]
    mode: Option<Mode>,
    /// Directory of the log [default: data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:7700]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// What the operator wants.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Subcommand {
    /// Serve until SIGTERM, SIGHUP or Ctrl-C; without a command the hub does the same
    #[command(after_help = "Since 0.1.")]
    Serve {
        /// Start only if the log has a batch with this end and hash: the `head` that `verify` printed, kept elsewhere.
        /// Since 0.2
        #[arg(long, value_name = "LSN:HASH")]
        expect: Option<Head>,
        /// The clock is right, although it is more than a day ahead of the log's last record: carry out what is due. Since
        /// 0.2
        #[arg(long)]
        accept_clock: bool,
    },
    /// Begin the log in journal.directory, and its people store; once, before the first start in production
    ///
    /// Production begins no log by itself, since one at a mistyped path would have no balances. A log that is there is
    /// left as it is.
    #[command(after_help = "Since 0.2.")]
    Init,
    /// Begin a new lineage of the log on a restored backup; once, before the first start on it
    ///
    /// What came after the backup is lost. The log is proven as by a start, and goes on from its end as another log: a
    /// client's position or an expected head of the lost future is then refused by name. A state store of the lost future
    /// is removed, and the next start builds it again. No hub may run on the directory.
    #[command(after_help = "Since 0.2.")]
    Restored,
    /// Copy log, state store and people database as of one moment to an empty directory, beside a hub that is serving or stopped
    ///
    /// Takes no lock, and play goes on. Everything that was answered before the command is in the backup. The file backup.json
    /// is written last; a directory without it is no backup. Secrets and the people key file are not in it.
    #[command(after_help = "Since 0.2.")]
    Backup {
        /// The directory of the backup: new or empty, and not below journal.directory
        #[arg(long, value_name = "DIR")]
        to: String,
        /// Copy the people key file too, to this directory: new or empty, and kept apart from the backup
        #[arg(long, value_name = "DIR")]
        keys_to: Option<String>,
        /// Copy at most so many bytes a second; a lower number disturbs play less
        #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1..))]
        bytes_per_second: u64,
    },
    /// Put a backup into the empty directory of the log, prove it as a start does, and begin its new lineage
    ///
    /// Every file is compared with the inventory first. What came after the backup is lost. If it refuses, the directory is
    /// empty again. If it is interrupted, nothing is there that a hub would start on, or everything; the same command goes on, or says
    /// what to do.
    #[command(after_help = "Since 0.2.")]
    Restore {
        /// The directory of the backup
        #[arg(long, value_name = "DIR")]
        from: String,
        /// The directory of the people key file; without it, put the file in place by hand before the start
        #[arg(long, value_name = "DIR")]
        keys_from: Option<String>,
    },
    /// Check the configuration, and print each option and where its value comes from
    ///
    /// Every problem is listed at once with its file and line. Secrets are named by their source and never shown. Where
    /// there is a log, its currencies and secrets must be the configured ones, and its people store must be there.
    #[command(after_help = "Since 0.1.")]
    CheckConfig,
    /// Print a token for a player, a service or an operator, signed with the configured key
    ///
    /// A player's is for the `hello` of a client; a service's or an operator's for `Authorization: Bearer` of the API. Needs the
    /// shared secret (HS256) or the private key.
    #[command(after_help = "Since 0.1.")]
    Token {
        /// Whom it is for.
        #[command(flatten)]
        whom: token::Whose,
        /// How long it is valid: 90s, 30m, 8h, 7d
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_time)]
        ttl: Duration,
    },
    /// Replay the whole log, recompute its hash chain and every balance, and print the totals
    ///
    /// Decides every transaction and refusal again, compares the state store with the replay, and says what it did. Exits with 0 only when everything agrees. May run beside a hub that is serving.
    #[command(after_help = "Since 0.1.")]
    Verify {
        /// Read only what a start reads: headers, links and sizes, and every record after the state store's cursor. Since 0.2
        ///
        /// The verdict is the start's. Damage before that cursor is found only without --tail.
        #[arg(long)]
        tail: bool,
        /// How much is proven of each record. Since 0.2
        #[arg(long, value_name = "LEVEL", value_enum, default_value_t, conflicts_with = "tail")]
        level: VerifyLevel,
        /// The log must have a batch with this end and hash: the `head` that an earlier `verify` printed, kept elsewhere
        ///
        /// A log that was cut short, or written anew with other records, agrees with itself; only what was noted
        /// somewhere else tells.
        #[arg(long, value_name = "LSN:HASH")]
        expect: Option<Head>,
        /// Read records that were removed from the log in the archive of archive.to, and prove every record from the first one
        /// on. Since 0.2
        ///
        /// Without it, such a log is proven on the state store, and the report says which record of it is trusted. Each object
        /// is compared with its name. With --tail: a state store that is lost is built for the proof, as a start would.
        #[arg(long)]
        archive: bool,
        /// Then hold the read model against the state at the same place in the log: every account, open hold and open round, and
        /// the tables among themselves. Since 0.2
        #[arg(long)]
        read_model: bool,
    },
    /// Send the full segments of the log to an archive, read each back and compare it; list, verify or fetch what is there
    ///
    /// A directory or, in a build with the feature `s3`, an S3-compatible bucket; credentials, region and endpoint of a bucket come
    /// from the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL. May run beside a hub that is
    /// serving, except with --remove and with --fetch without DIR. What is there already is compared, and never overwritten.
    #[command(after_help = "Since 0.2.")]
    Archive {
        /// The archive: a directory, file:///directory or s3://bucket/prefix [default: archive.to]
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        /// Then remove from the log of a stopped hub each full segment that has a verified copy and a verified state
        /// behind it; the newest archive.keep_bytes stay
        #[arg(long)]
        remove: bool,
        /// Only list what the archive has of this log
        #[arg(long, conflicts_with_all = ["remove", "verify", "fetch"])]
        list: bool,
        /// Only read every object back, and say which is not what its name states
        #[arg(long, conflicts_with_all = ["remove", "fetch"])]
        verify: bool,
        /// Only put the whole log together in the empty directory DIR: removed segments from the archive, the others from the log
        ///
        /// Without DIR: bring back the newest anchor that can be used as the state store of a stopped hub, whose log begins
        /// later than record 1 and whose store is lost.
        #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with = "remove")]
        fetch: Option<Option<String>>,
    },
    /// Send a copy of the whole state to the archive, so that a start can go on from it when the state store is lost
    ///
    /// Asks the hub that serves, over the socket hub.sock in its data directory: it commits its state store, and sends it to
    /// archive.to as one object whose name states record, hash and SHA-256, reads it back whole and compares it. Play goes on.
    /// Without a hub that serves, the command does the same itself; a hub may start while it sends. `hub archive --list` shows the
    /// anchors.
    #[command(after_help = "Since 0.2.")]
    Anchor,
    /// Check the draw of a round (commitment, seed, players' shares, result) and its payments
    #[command(after_help = "Since 0.1.")]
    VerifyRound {
        /// The round, as the page shows it: TABLE:NUMBER, such as roulette-1:42
        #[arg(value_name = "ROUND")]
        round: RoundId,
    },
    /// Show a record of the log in words: intent, effects, balances before and after, neighbours, hash
    ///
    /// Replays the log up to the record. May run beside a hub that is serving.
    #[command(after_help = "Since 0.2.")]
    Inspect {
        /// An lsn; a transaction, `tx:` and 32 hexadecimal digits; or a key, player:ID/KEY or service:NAME/KEY
        #[arg(value_name = "RECORD")]
        record: Lookup,
        /// Print one JSON object, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print the description of the API of services and operators, OpenAPI 3.1, with the configured currencies and reasons
    ///
    /// The same document is served at /api/openapi.json. Programs make clients from it.
    #[command(after_help = "Since 0.2.")]
    Openapi,
    /// Find, export or erase a person, or change the master key of the people store
    #[command(subcommand, after_help = "Since 0.2.")]
    Person(PersonTask),
}

impl Cli {
    /// The subcommand, and where the configuration comes from.
    #[must_use]
    pub fn into_parts(self, environment: Environment) -> (Subcommand, Sources) {
        let Options { config, config_dir, mode, data, listen } = self.options;
        let sources = Sources { config_dir, config_file: config, mode, data, listen, environment };
        (self.subcommand.unwrap_or(Subcommand::Serve { expect: None, accept_clock: false }), sources)
    }
}

impl Subcommand {
    /// Whether the command may write development secrets: only a command whose result depends on them later.
    #[must_use]
    pub fn secret_policy(&self) -> SecretPolicy {
        match self {
            Self::Serve { .. } | Self::Init | Self::Token { .. } => SecretPolicy::Create,
            Self::Restored
            | Self::Backup { .. }
            | Self::Restore { .. }
            | Self::Archive { .. }
            | Self::Anchor
            | Self::CheckConfig
            | Self::Openapi
            | Self::Verify { .. }
            | Self::VerifyRound { .. }
            | Self::Inspect { .. }
            | Self::Person(_) => SecretPolicy::Peek,
        }
    }
}

/// A time such as `90s`, `30m`, `8h` or `7d`; at least a second, at most a year, which no hub is configured above.
fn parse_time(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a time such as 90s, 30m, 8h or 7d, at most 365d";
    let unit = text.chars().last().ok_or(EXPECTED)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(EXPECTED.into()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| EXPECTED)?;
    let total =
        count.checked_mul(seconds).filter(|total| (1..=365 * 86_400).contains(total)).ok_or(EXPECTED)?;
    Ok(Duration::from_secs(total))
}

/// How much `hub verify` proves of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum VerifyLevel {
    /// Apply every record again and prove the invariants; works for records of recipes that this release does not have
    ReApply,
    /// The same, and decide every transaction and refusal again from what was asked
    #[default]
    ReDecide,
}

/// How much `hub verify` reads and proves.
#[must_use]
pub fn scope(tail: bool, level: VerifyLevel) -> Scope {
    match (tail, level) {
        (true, _) => Scope::Tail,
        (false, VerifyLevel::ReApply) => Scope::Full(Level::ReApply),
        (false, VerifyLevel::ReDecide) => Scope::Full(Level::ReDecide),
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No log was begun.
    #[error("failed to begin a log in {directory}")]
    Init {
        /// Where.
        directory: String,
        /// Why not.
        source: Box<recovery::Error>,
    },
    /// No lineage was begun.
    #[error("failed to begin a new lineage of the log in {directory}")]
    Restored {
        /// Where.
        directory: String,
        /// Why not.
        source: Box<recovery::Error>,
    },
    /// Nothing is there that could have been restored.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

/// `hub init`: begins the log.
pub fn init(loaded: &Loaded, output: &mut impl Write) -> Result<(), Error> {
    let journal = &loaded.config.journal;
    let (directory, expectations) = (Path::new(&journal.directory), Expectations::of(loaded, None));
    let source = |source| Error::Init { directory: journal.directory.clone(), source: Box::new(source) };
    let last = recovery::begin(directory, journal.segment_bytes, &expectations, &loaded.secrets.people)
        .map_err(source)?;
    writeln!(
        output,
        "A log and its people store are begun in {} with {last} record(s); `hub serve` goes on from there.",
        journal.directory
    )?;
    Ok(())
}

/// `hub restored`: begins a new lineage on a restored backup.
pub fn restored(loaded: &Loaded, output: &mut impl Write) -> Result<(), Error> {
    let journal = &loaded.config.journal;
    let (directory, expectations) = (Path::new(&journal.directory), Expectations::of(loaded, None));
    if !recovery::begun(directory) {
        return Err(Error::NoLog(journal.directory.clone()));
    }
    let source = |source| Error::Restored { directory: journal.directory.clone(), source: Box::new(source) };
    let restored = recovery::restored(directory, journal.segment_bytes, &expectations).map_err(source)?;
    let (forked, last) = (restored.forked, restored.forked.lsn.0);
    writeln!(output, "lineage     {}   begins after record {last}", restored.lineage)?;
    writeln!(output, "abandoned   {}   at {}", forked.lineage, Head { lsn: last, hash: forked.hash })?;
    if restored.store_removed {
        writeln!(
            output,
            "removed     the state store, which is of the lost future; the next start builds it again"
        )?;
    }
    writeln!(
        output,
        "What came after record {last} is lost: reconcile it from other sources, then start the hub."
    )?;
    Ok(())
}

/// `hub check-config`: what is in force on `output`, held against the log if there is one.
pub fn check_config(loaded: &Loaded, output: &mut impl Write) -> Result<ExitCode, Error> {
    let tables = loaded.tables.len();
    let (verdict, notes) = held_against_log(loaded);
    let mut text = loaded.effective();
    let right = "# The configuration is right";
    match &verdict {
        Ok(()) => text.push_str(&format!("{right}: {} mode, {tables} table(s).\n", loaded.config.mode)),
        Err(refused) => {
            text.push_str(&format!("# The configuration is not the log's: {}.\n", with_causes(refused)))
        }
    }
    for note in loaded.notes.iter().chain(&notes) {
        text.push_str(&format!("# note: {note}\n"));
    }
    match output.write_all(text.as_bytes()) {
        // The reader has closed the pipe, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(match verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => {
            eprintln!("hub: {}", with_causes(&refused));
            ExitCode::from(EXIT_CONFIG)
        }
    })
}

/// What in the configuration the log contradicts, and what else the operator should know of it. Reads what a start
/// reads.
fn held_against_log(loaded: &Loaded) -> (Result<(), recovery::Error>, Vec<String>) {
    let directory = Path::new(&loaded.config.journal.directory);
    if !recovery::begun(directory) {
        return (Ok(()), vec![format!("there is no log yet in {}", directory.display())]);
    }
    let expectations = Expectations::of(loaded, None);
    let proven = journal::Files::open(directory)
        .map_err(recovery::Error::from)
        .and_then(|files| {
            recovery::tail(&files, None, recovery::store_of(directory)?.as_ref(), &expectations)
        })
        .and_then(|proven| {
            recovery::people::of_log(directory, &loaded.secrets.people, &proven.world).map(|_| proven)
        });
    match proven {
        Ok(proven) => {
            let stranded = recovery::facts::stranded(loaded, &proven.world.books).into_iter();
            let note = |left: recovery::facts::Stranded| {
                format!("{} account(s) are in {}, which is not configured", left.accounts, left.currency)
            };
            (Ok(()), stranded.map(note).collect())
        }
        Err(
            refused @ (recovery::Error::Scale { .. }
            | recovery::Error::Secret { .. }
            | recovery::Error::Issuer { .. }
            | recovery::Error::NoPeople { .. }
            | recovery::Error::OtherPeople { .. }
            | recovery::Error::People(
                people::Error::WrongKey { .. }
                | people::Error::NoKeys { .. }
                | people::Error::KeysLost { .. }
                | people::Error::OtherStore { .. }
                | people::Error::Old { .. },
            )
            | recovery::Error::Strangers { .. }),
        ) => (Err(refused), Vec::new()),
        // A start will refuse it; the configuration is not at fault.
        Err(error) => (Ok(()), vec![format!("the log could not be compared: {error}; ask `hub verify`")]),
    }
}

#[cfg(test)]
mod tests;
