//! `hub verify` and `hub verify-round`: prints what the log proves. The proof itself is in [`recovery`], and the start
//! uses the same.

mod done;
mod read_model;

use std::{collections::BTreeMap, io::Write, path::Path, process::ExitCode};

pub use self::read_model::read_model;
use ::people::Master;
use base16ct::lower::encode_string;
use engine::{
    Body, Books, InUse, Level, LogVerifier, Occurrences, Record, World,
    table::{OpenRound, TableLeg},
};
use journal::{Files, Lineage, Lsn, Reader, Tail};
use ledger::Domain;
use protocol::{Amount, Currency, RoundId};

use crate::{
    archive::whole_of_files,
    config::Loaded,
    recovery::{self, Expectations, Findings, Head, Proven, facts, people},
    telemetry::with_causes,
};

/// The log cannot be read, or the answer not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal's own findings: they name file and offset.
    #[error("failed to read the log")]
    Journal(#[from] journal::Error),
    /// Nothing is there to be verified.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// There is no archive to read in.
    #[error("set archive.to: --archive reads the records there that were removed from the log")]
    NoArchive,
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] std::io::Error),
}

/// How much of the log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What a start reads.
    Tail,
    /// Everything, at this level.
    Full(Level),
}

/// What `hub verify` is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyOrder {
    /// How much is read.
    pub scope: Scope,
    /// A record that the log must have.
    pub expected: Option<Head>,
    /// Read in the archive what was removed from the log.
    pub archive: bool,
}

/// Proves the log in a scope and prints its state. Success only when everything agrees: the log with itself,
/// with its state store, and with what the operator expects of it.
///
/// # Errors
/// When the log cannot be looked at; what is wrong with it is printed and told by the exit code.
pub fn log(loaded: &Loaded, order: VerifyOrder, output: &mut impl Write) -> Result<ExitCode, Error> {
    let VerifyOrder { scope, expected, archive } = order;
    let directory = Path::new(&loaded.config.journal.directory);
    let expectations = Expectations::of(loaded, expected);
    let key = &loaded.secrets.people;
    let files = match Files::open(directory) {
        Ok(files) if files.is_empty() => return Err(Error::NoLog(loaded.config.journal.directory.clone())),
        Ok(files) => files,
        Err(error @ (journal::Error::Io { .. } | journal::Error::Locked { .. })) => return Err(error.into()),
        Err(error) => return refused(&error.into(), output),
    };
    if !files.has_noted_end() {
        let what = "the file head is missing or torn, so a log that was cut where a batch begins would pass";
        writeln!(output, "note: {what}")?;
    }
    let store = match recovery::store_of(directory) {
        Ok(store) => store,
        Err(error) => return refused(&error, output),
    };
    let to = if archive { loaded.config.archive.to.as_str() } else { "" };
    if archive && to.is_empty() {
        return Err(Error::NoArchive);
    }
    let whole = whole_of_files(to, &files)?;
    let whole = whole.as_deref();
    match scope {
        Scope::Tail => match recovery::tail(&files, whole, store.as_ref(), &expectations) {
            Ok(proven) => with_people((directory, key), &proven.world, output, |output, starts| {
                tail(loaded, &files, (&proven, starts), output)
            }),
            Err(error) => unproven(error, output),
        },
        Scope::Full(level) => match recovery::full(&files, whole, store.as_ref(), level, &expectations) {
            Ok(findings) => {
                let world = findings.verifier.world();
                with_people((directory, key), world, output, |output, _| {
                    full(loaded, &files, &findings, output)
                })
            }
            Err(error) => unproven(error, output),
        },
    }
}

/// Holds the people store against a log that was proven; prints what is wrong with it, or what it has and then the log's
/// own state. A copy of a log is proven without the store; `print` is told whether a hub has what it needs to start.
fn with_people<W: Write>(
    (directory, key): (&Path, &Master),
    world: &World,
    output: &mut W,
    print: impl FnOnce(&mut W, bool) -> Result<ExitCode, Error>,
) -> Result<ExitCode, Error> {
    match people::beside(directory, key, world) {
        Err(error) => return refused(&error, output),
        Ok(Some(found)) => {
            writeln!(
                output,
                "people      {:>16}   have an id, every player of the log among them",
                found.count()
            )?;
        }
        Ok(None) => {
            if let Some(missing) = people::missing(directory, world) {
                writeln!(output, "note: {missing}")?;
                return print(output, false);
            }
        }
    }
    print(output, true)
}

/// Prints why a hub would not start on this log; but an archive that cannot be reached or used now proves nothing.
fn unproven(error: recovery::Error, output: &mut impl Write) -> Result<ExitCode, Error> {
    match error {
        recovery::Error::Journal(away @ journal::Error::NotFetched { wrong: false, .. }) => Err(away.into()),
        error => refused(&error, output),
    }
}

/// Prints why a hub would not start on this log.
fn refused(error: &recovery::Error, output: &mut impl Write) -> Result<ExitCode, Error> {
    writeln!(output, "{}: {}", word(error), with_causes(error))?;
    Ok(ExitCode::FAILURE)
}

/// What is wrong with a log, in one word; docs/operating.md lists them.
pub(crate) fn word(error: &recovery::Error) -> &'static str {
    match error {
        recovery::Error::Journal(journal::Error::Missing { .. } | journal::Error::Removed { .. })
        | recovery::Error::NoState { .. }
        | recovery::Error::LooksRestored(journal::Error::Ends { .. })
        | recovery::Error::Short { .. } => "SHORT",
        recovery::Error::Journal(_) | recovery::Error::People(::people::Error::Damaged { .. }) => "DAMAGED",
        recovery::Error::Record { .. }
        | recovery::Error::Later { .. }
        | recovery::Error::Unfit { .. }
        | recovery::Error::Disproved { .. }
        | recovery::Error::Invariant { .. }
        | recovery::Error::Store { .. }
        | recovery::Error::StoreDamaged(_)
        | recovery::Error::StoreFails(_)
        | recovery::Error::Scratch { .. }
        | recovery::Error::Begun
        | recovery::Error::Refused { .. }
        | recovery::Error::Scale { .. }
        | recovery::Error::Secret { .. }
        | recovery::Error::Issuer { .. }
        | recovery::Error::LooksRestored(_)
        | recovery::Error::NoPeople { .. }
        | recovery::Error::OtherPeople { .. }
        | recovery::Error::Strangers { .. }
        | recovery::Error::People(_)
        | recovery::Error::LostFuture { .. }
        | recovery::Error::OtherLog { .. } => "WRONG",
    }
}

/// Prints the state with which a start would begin.
fn tail(
    loaded: &Loaded,
    files: &Files,
    (proven, starts): (&Proven, bool),
    output: &mut impl Write,
) -> Result<ExitCode, Error> {
    if let Some(why) = &proven.passed_over {
        writeln!(output, "note: the state store cannot be used, and a start builds it again: {why}")?;
    }
    let last = proven.tail.last().0;
    writeln!(output, "records     {last:>16}   of which {} replayed", last - proven.cursor)?;
    end(files, &proven.tail, output)?;
    upgrades(&proven.world.books, output)?;
    stranded(loaded, &proven.world.books, output)?;
    let verdict = if starts {
        "a hub would start on this log"
    } else {
        "with its people store, a hub would start on this log"
    };
    let read = if proven.cursor == files.begins().lsn.0 {
        "The log was replayed from its first record."
    } else {
        "What lies before the state store's cursor was not read."
    };
    writeln!(output, "\nThe tail agrees: {verdict}. {read}")?;
    Ok(ExitCode::SUCCESS)
}

fn full(
    loaded: &Loaded,
    files: &Files,
    findings: &Findings,
    output: &mut impl Write,
) -> Result<ExitCode, Error> {
    let Findings { tail, verifier, trusted, fetched, stored, in_memory: _ } = findings;
    if *fetched > 0 {
        writeln!(
            output,
            "archive     {fetched:>16}   record(s) at the beginning, read in the archive and proven"
        )?;
    }
    if *trusted > 0 {
        let removed = files.begins().lsn.0;
        writeln!(output, "removed     {removed:>16}   record(s) at the beginning, which are in the archive")?;
        writeln!(
            output,
            "trusted     {trusted:>16}   is the record of the state store that the rest is proven on: `hub verify --archive` proves what was before"
        )?;
    }
    totals(verifier, output)?;
    done::print(verifier, output)?;
    match stored {
        Some(lsn) => {
            writeln!(output, "\nstate store {lsn:>16}   is its last record, and it has what the replay has")?
        }
        None => writeln!(output, "\nnote: there is no state store; the next start builds it from the log")?,
    }
    end(files, tail, output)?;
    upgrades(&verifier.world().books, output)?;
    stranded(loaded, &verifier.world().books, output)?;
    if verifier.closed().is_empty() && !verifier.tally().lacks() {
        writeln!(
            output,
            "\nEverything agrees: debits equal credits in every domain, no account is overdrawn,"
        )?;
        writeln!(output, "every hold is the stake of a bet that stands, and clearing nets to zero.")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output)?;
    for (why, Occurrences { count, first }) in &verifier.tally().undecided {
        if why.is_unknown() {
            writeln!(output, "UNKNOWN {why}: {count} record(s) not decided again, from record {first} on")?;
        }
    }
    if verifier.closed().is_empty() {
        writeln!(output, "The money agrees. Verify with a release that knows them.")?;
        return Ok(ExitCode::FAILURE);
    }
    for (table, lsn) in verifier.closed() {
        writeln!(
            output,
            "CLOSED table {table} at record {lsn}: a record does not fit it, and it plays no more"
        )?;
    }
    writeln!(output, "The money agrees. Keep the log and report it; give a new table a new id.")?;
    Ok(ExitCode::FAILURE)
}

/// Prints what the log uses that an older release may not have.
fn upgrades(books: &Books, output: &mut impl Write) -> Result<(), Error> {
    for InUse { feature, first } in books.facts().upgrades() {
        writeln!(output, "upgrade     {first:>16}   is the record of the first use of {feature}")?;
    }
    Ok(())
}

/// Prints the accounts in currencies that are configured no more.
fn stranded(loaded: &Loaded, books: &Books, output: &mut impl Write) -> Result<(), Error> {
    for left in facts::stranded(loaded, books) {
        let (available, held) = (signed(left.available, left.scale), signed(left.held, left.scale));
        writeln!(
            output,
            "STRANDED    {:>16}   account(s) in {}, which is not configured: {available} available, {held} held",
            left.accounts, left.currency
        )?;
    }
    Ok(())
}

/// Prints the lineages, the last record, and what no sync has confirmed behind it.
fn end(files: &Files, tail: &Tail, output: &mut impl Write) -> Result<(), Error> {
    for Lineage { id, forked } in files.lineages() {
        match forked {
            None => writeln!(output, "lineage     {id}   from the beginning")?,
            Some(at) => {
                let end = Head { lsn: at.lsn.0, hash: at.hash };
                writeln!(output, "lineage     {id}   since a backup was restored that ended with {end}")?;
            }
        }
    }
    writeln!(output, "head        {}", Head { lsn: tail.last().0, hash: tail.cursor().hash })?;
    if let Some(torn) = tail.torn() {
        let (bytes, offset) = (torn.bytes, torn.offset);
        writeln!(
            output,
            "torn        {bytes:>16}   bytes of a write that was never answered, in {} at offset {offset}: the next start cuts them, unless a hub writes them now",
            torn.file.display()
        )?;
    }
    Ok(())
}

fn totals(verifier: &LogVerifier, output: &mut impl Write) -> Result<(), Error> {
    let books = &verifier.world().books;
    let (rounds, drawn) = verifier.rounds();
    writeln!(output, "records     {:>16}   chain and checksums agree", books.lsn())?;
    writeln!(output, "keys        {:>16}   each with one outcome", books.keys())?;
    let drawn_how = match verifier.level() {
        Level::ReApply => "drawn",
        Level::ReDecide => "drawn again from their seeds, every payment recomputed",
    };
    writeln!(output, "rounds      {rounds:>16}   {drawn} {drawn_how}")?;
    for domain in Domain::ALL {
        let ledger = books.domains().ledger(domain);
        let mut sums: BTreeMap<(Currency, String), (i128, i128, u64)> = BTreeMap::new();
        for (id, account) in ledger.accounts() {
            let name = format!("{:?}", id.kind).to_lowercase();
            let sum = sums.entry((id.currency, name)).or_default();
            *sum = (sum.0 + account.posted(), sum.1 + account.debits_pending, sum.2 + 1);
        }
        writeln!(output, "\n{}", domain.name())?;
        if sums.is_empty() {
            writeln!(output, "  no accounts yet")?;
        }
        for ((currency, name), (posted, held, accounts)) in sums {
            let scale = books.facts().scale(currency).unwrap_or_default();
            let (posted, held) = (signed(posted, scale), signed(held, scale));
            writeln!(
                output,
                "  {name:<24} {posted:>20} {currency}   held {held:>16}   {accounts} account(s)"
            )?;
        }
    }
    Ok(())
}

/// Minor units as a decimal with a sign.
pub(crate) fn signed(minor: i128, scale: u32) -> String {
    match Amount::from_minor(minor.abs(), scale) {
        Ok(amount) if minor < 0 => format!("-{amount}"),
        Ok(amount) => amount.to_string(),
        Err(_) => format!("{minor}e-{scale}"),
    }
}

/// Checks one round: the commitment, the draw, and every payment.
///
/// # Errors
/// When the log cannot be read at all.
pub fn round(loaded: &Loaded, round: RoundId, output: &mut impl Write) -> Result<ExitCode, Error> {
    let directory = Path::new(&loaded.config.journal.directory);
    let files = Files::open(directory)?;
    let store = match recovery::store_of(directory) {
        Ok(store) => store,
        Err(error) => return refused(&error, output),
    };
    let mut verifier = match recovery::oldest(&files, store.as_ref()) {
        Ok(world) => LogVerifier::default().on(world),
        Err(error) => return refused(&error, output),
    };
    let begins = verifier.world().books.lsn();
    let mut reader = Reader::open(directory, Lsn(begins))?;
    while let Some(entry) = reader.next(Lsn::MAX)? {
        let (lsn, location) = (entry.lsn.0, entry.location);
        match verifier.next(entry.bytes) {
            Err(finding) => {
                writeln!(output, "WRONG: failed to prove record {lsn} in {location}: {}", finding.what)?;
                return Ok(ExitCode::FAILURE);
            }
            Ok(record) => {
                if let Some(leg) = leg_of(&record, round) {
                    let state = verifier.world().tables.get(&round.table);
                    tell(lsn, record.time, leg, state.and_then(|state| state.open.as_deref()), output)?;
                    if matches!(leg, TableLeg::Settled { .. } | TableLeg::Voided { .. }) {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
            }
        }
    }
    let state = verifier.world().tables.get(&round.table);
    match state.filter(|state| state.round == round.number) {
        Some(_) => writeln!(output, "round {round} is still open: its seed is not revealed yet")?,
        None if begins > 0 => writeln!(
            output,
            "there is no round {round} after record {begins}, the first whose state is here: `hub archive` fetches what was before"
        )?,
        None => writeln!(output, "there is no round {round} in this log")?,
    }
    Ok(ExitCode::FAILURE)
}

fn leg_of(record: &Record, round: RoundId) -> Option<&TableLeg> {
    match &record.body {
        Body::Committed(committed) => committed
            .table
            .as_ref()
            .filter(|(table, leg)| *table == round.table && leg.round() == round.number)
            .map(|(_, leg)| leg),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
    }
}

/// Prints a step of a round. `open`: the round after it, when it is open.
fn tell(
    lsn: u64,
    time: u64,
    leg: &TableLeg,
    open: Option<&OpenRound>,
    output: &mut impl Write,
) -> Result<(), Error> {
    match leg {
        TableLeg::Opened { game, rules, commit, .. } => {
            writeln!(output, "record {lsn}  opened at {time}: {game}, rules {rules}")?;
            writeln!(output, "  commitment  {}", encode_string(commit))?;
        }
        TableLeg::BetPlaced { .. } | TableLeg::BetsCleared { .. } | TableLeg::Ruled { .. } => {}
        TableLeg::Locked { mix, .. } => {
            writeln!(output, "record {lsn}  bets locked at {time}")?;
            let mut shares: Vec<_> = open.into_iter().flat_map(|open| open.bets.shares()).collect();
            shares.sort_unstable(); // the order in which they are mixed
            for share in shares {
                writeln!(output, "  share       {}", encode_string(&share.0))?;
            }
            writeln!(output, "  mix         {}", encode_string(mix))?;
        }
        TableLeg::Settled { outcome, seed, .. } => {
            writeln!(output, "record {lsn}  settled at {time}")?;
            writeln!(output, "  seed        {}", encode_string(seed))?;
            writeln!(output, "  outcome     {outcome}")?;
            writeln!(
                output,
                "FAIR: the seed is the committed one, it draws this outcome, and every payment follows."
            )?;
        }
        TableLeg::Voided { reason, .. } => {
            writeln!(output, "record {lsn}  void at {time}: {}; every stake was returned", reason.text())?;
        }
        TableLeg::Quarantined { .. } => {
            writeln!(output, "record {lsn}  table taken out of play at {time}: a record did not fit it")?;
        }
    }
    Ok(())
}
