//! What can fail in the archive. Each error names the object, so that an operator knows what to look at.

use std::time::Duration;

/// Why a segment could not be sent, read back or fetched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text that names the archive is not one.
    #[error("{to} cannot be used as an archive: {why}")]
    Target {
        /// What was given.
        to: String,
        /// What is wrong with it.
        why: String,
    },
    /// The local log cannot be read, or is damaged. Nothing of it is sent.
    #[error("failed to read the log")]
    Journal(#[from] journal::Error),
    /// The store refused a call, or could not be reached.
    #[error("cannot {action} {object}")]
    Store {
        /// What was tried: a verb.
        action: &'static str,
        /// The object.
        object: String,
        /// The error of the store.
        source: object_store::Error,
    },
    /// A call took too long.
    #[error("cannot {action} {object}: no answer within {} s", after.as_secs_f32())]
    Late {
        /// What was tried: a verb.
        action: &'static str,
        /// The object.
        object: String,
        /// The deadline.
        after: Duration,
    },
    /// The store said that the object was put, and does not have it.
    #[error("{object} was put into the archive and is not there")]
    Lost {
        /// The object.
        object: String,
    },
    /// An object is not what its name states. It is never overwritten: keep it as evidence under another name, then send the
    /// segment again.
    #[error("{object} in the archive is not what its name states: {what}")]
    Altered {
        /// The object.
        object: String,
        /// What was found.
        what: String,
    },
    /// A segment, or a file of an anchor, changed while it was sent.
    #[error("{segment} changed while it was read")]
    Unsteady {
        /// Its file, or the object that it was to be.
        segment: String,
    },
    /// Neither the archive nor the log has a record.
    #[error("record {lsn} is neither in the archive nor in the log")]
    Gap {
        /// The record.
        lsn: u64,
    },
    /// The archive has nothing of a log whose beginning was removed.
    #[error("{place} has no object of this log: it is another archive, or its disk is not mounted")]
    Empty {
        /// The archive, as it was given.
        place: String,
    },
    /// Two parts of a log are each whole, and do not follow each other.
    #[error(
        "record {lsn} does not follow {object} in the archive: one of them is of another history of the log"
    )]
    Parted {
        /// The object that ends before the record, or has it.
        object: String,
        /// The record.
        lsn: u64,
    },
    /// The system gave no thread or could not compress.
    #[error("cannot {action}")]
    System {
        /// What was tried: a verb.
        action: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Error::Late { .. } | Error::Lost { .. } => true,
            // All others tell of a wrong place, right or option, or of the object itself.
            Error::Store { source, .. } => matches!(
                source,
                object_store::Error::Generic { .. }
                    | object_store::Error::JoinError { .. }
                    | object_store::Error::Precondition { .. }
            ),
            Error::Target { .. }
            | Error::Journal(_)
            | Error::Altered { .. }
            | Error::Unsteady { .. }
            | Error::Gap { .. }
            | Error::Empty { .. }
            | Error::Parted { .. }
            | Error::System { .. } => false,
        }
    }

    /// Whether the archive or the log has other bytes than it must have: somebody must look.
    pub fn tells_of_damage(&self) -> bool {
        match self {
            Error::Altered { .. } | Error::Gap { .. } | Error::Parted { .. } => true,
            Error::Journal(error) => error.tells_of_damage(),
            Error::Target { .. }
            | Error::Store { .. }
            | Error::Late { .. }
            | Error::Lost { .. }
            | Error::Unsteady { .. }
            | Error::Empty { .. }
            | Error::System { .. } => false,
        }
    }
}
