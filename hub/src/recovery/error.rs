//! Why a log is refused. Each error names the file, or the record and its place in a file.

use std::path::PathBuf;

use actors::stored;
use engine::{ApplyError, Unloadable, Unreadable, invariant::Violation};
use journal::Location;
use people::StoreId;
use protocol::{Currency, PlayerId};

use super::head::Head;

/// The log has no valid state, or cannot be read. The hub does not start on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal's own findings: they name file and offset.
    #[error("failed to read the log")]
    Journal(#[source] journal::Error),
    /// A file beside the log tells of later records, or of a lineage that the log has abandoned.
    #[error(
        "records of the log are missing, or its directory looks like a restored backup. Bring back the files that are \
         missing; only if it is a restored backup, run `hub restored` on it (docs/operating.md, backups)"
    )]
    LooksRestored(#[source] journal::Error),
    /// The record that the operator expects came after a fork, in the lineage that was abandoned there.
    #[error(
        "record {expected} with this hash is of a lost future: this log was restored at record {forked}, where it \
         abandoned lineage {lineage}, and has other records since"
    )]
    LostFuture {
        /// The record that was expected.
        expected: u64,
        /// The last record before the fork.
        forked: u64,
        /// The lineage that was abandoned.
        lineage: journal::LineageId,
    },
    /// The record's bytes are sound but mean nothing to this release.
    #[error("failed to read record {lsn} in {location}")]
    Record {
        /// The record.
        lsn: u64,
        /// Where it lies.
        location: Location,
        /// What is wrong with it.
        source: engine::DecodeError,
    },
    /// The state store is behind the first use of what this release does not have.
    #[error("failed to go on from the state store")]
    Later {
        /// What it has.
        source: engine::DecodeError,
    },
    /// The oldest segments were removed, and nothing has the state with which the rest begins.
    #[error(
        "the log begins at record {first}, and there is no state store to go on from{passed_over}. Bring back an anchor from the \
         archive with `hub archive --fetch`, or set archive.to: a start then reads the records before {first} in the archive; or \
         bring back the state store of this log (docs/operating.md, archive)"
    )]
    NoState {
        /// The first record that the log keeps.
        first: u64,
        /// Why the store that is there cannot be used.
        passed_over: String,
    },
    /// The state store cannot be used, and another one that is built from the log can.
    #[error("the state store cannot be used: {0}")]
    StoreDamaged(String),
    /// The disk of the state store fails.
    #[error("failed to use the state store: {0}")]
    StoreFails(String),
    /// There is no directory for the state store of a proof.
    #[error("failed to make a directory in {} for the state store of this proof; TMPDIR names another place", directory.display())]
    Scratch {
        /// Where it was tried.
        directory: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The record does not fit the state before it.
    #[error("failed to apply record {lsn} in {location}")]
    Unfit {
        /// The record.
        lsn: u64,
        /// Where it lies.
        location: Location,
        /// Why not.
        source: Box<engine::ApplyError>,
    },
    /// Deciding the record again gives another result.
    #[error("failed to prove record {lsn} in {location}: {what}")]
    Disproved {
        /// The record.
        lsn: u64,
        /// Where it lies.
        location: Location,
        /// What is wrong with it.
        what: String,
    },
    /// The state breaks an invariant.
    #[error("failed to prove the state after record {lsn}")]
    Invariant {
        /// The last record.
        lsn: u64,
        /// What does not hold.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A log is begun once.
    #[error("there is a log already, and it is left as it is")]
    Begun,
    /// The first records do not fit.
    #[error("failed to begin the log")]
    Refused {
        /// Why not.
        source: Box<engine::ApplyError>,
    },
    /// The configuration gives a currency other decimals than the log.
    #[error(
        "currency {currency} has scale {configured} in the configuration and {recorded} in the log, where there are \
         accounts in it: every balance would be another one. Set its scale to {recorded}; what needs another scale is \
         another currency, with a code of its own"
    )]
    Scale {
        /// The currency.
        currency: Currency,
        /// The configured decimals.
        configured: u32,
        /// The recorded ones.
        recorded: u32,
    },
    /// A secret is not the one the log was written with.
    #[error(
        "the {secret} from {place} is not the one that this log was written with: {harm}. Give the hub the secret it \
         had, or another journal.directory"
    )]
    Secret {
        /// Which one.
        secret: &'static str,
        /// What harm another secret would do.
        harm: &'static str,
        /// The variable or file that it came from.
        place: String,
    },
    /// The configuration names another issuer than the log.
    #[error(
        "auth.issuer is {configured:?} in the configuration and {recorded:?} in the log: every player would be a stranger \
         to their balance. Set it to {recorded:?}, or give the hub another journal.directory"
    )]
    Issuer {
        /// The configured one.
        configured: Box<str>,
        /// The recorded one.
        recorded: Box<str>,
    },
    /// The people store's own findings: they name the file.
    #[error("failed to use the people store")]
    People(#[from] people::Error),
    /// The log has players, and nothing says who they are.
    #[error(
        "there is no people store {}, and the log has one: no player would find their balance. Restore it \
         from a backup made with the log's or after it", file.display()
    )]
    NoPeople {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The people store is not the one that this log was written with.
    #[error(
        "{} is people store {found:032x}, and the log was written with {recorded:032x}: no player would find \
         their balance, or it would be another one's. Restore the log's own store, or give the hub another journal.directory",
        file.display()
    )]
    OtherPeople {
        /// The file.
        file: PathBuf,
        /// Its id.
        found: StoreId,
        /// The id in the log.
        recorded: StoreId,
    },
    /// The people store is older than the log.
    #[error(
        "{} does not have {count} player(s) of the log, such as {first}: it is older than the log. Restore one from a \
         backup made with the log's or after it", file.display()
    )]
    Strangers {
        /// The file.
        file: PathBuf,
        /// How many players.
        count: usize,
        /// One of them.
        first: PlayerId,
    },
    /// The state store does not have what the replay has.
    #[error("failed to prove the state store at record {lsn}: {what}")]
    Store {
        /// The last record it stands for.
        lsn: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The log ends before the record that the operator expects.
    #[error("the log ends at record {last}, and record {expected} was expected")]
    Short {
        /// Its last record.
        last: u64,
        /// The record that was expected.
        expected: u64,
    },
    /// The log has another record than the operator expects.
    #[error("record {expected} is of another log than the one expected; here its batch ends with {found}")]
    OtherLog {
        /// The record that was expected.
        expected: u64,
        /// The end of its batch.
        found: Head,
    },
}

impl From<Unreadable> for Error {
    fn from(Unreadable { what, damaged }: Unreadable) -> Self {
        if damaged { Self::StoreDamaged(what) } else { Self::StoreFails(what) }
    }
}

impl From<stored::Error> for Error {
    fn from(error: stored::Error) -> Self {
        match error {
            stored::Error::Contents(Unloadable::Unread(source)) if source.is_later() => {
                Self::Later { source }
            }
            other if other.is_cured_by_a_new_store() => Self::StoreDamaged(other.with_causes()),
            other => Self::StoreFails(other.with_causes()),
        }
    }
}

impl Error {
    /// What is wrong with the state store, when it alone is wrong: another one can be built from the log.
    ///
    /// # Errors
    /// Any other error, as it is.
    pub fn of_the_store(self) -> Result<String, Self> {
        match self {
            Self::StoreDamaged(why) => Ok(why),
            Self::Unfit { lsn, location, source } => match *source {
                ApplyError::Invariant(Violation::Unreadable(unreadable)) => {
                    Self::from(unreadable).of_the_store()
                }
                source => Err(Self::Unfit { lsn, location, source: Box::new(source) }),
            },
            other => Err(other),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        stored::Error::from(error).into()
    }
}

impl From<journal::Error> for Error {
    fn from(error: journal::Error) -> Self {
        match error {
            journal::Error::Ends { .. } | journal::Error::Abandoned { .. } => Self::LooksRestored(error),
            other => Self::Journal(other),
        }
    }
}
