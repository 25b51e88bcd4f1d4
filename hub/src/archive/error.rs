//! Why a command about the archive failed.

use std::{io, path::PathBuf};

use crate::recovery;

/// The archive could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No archive is named.
    #[error(
        "name an archive with --to DIR or --to s3://bucket/prefix, or set archive.to in the configuration"
    )]
    Nowhere,
    /// Nothing is there to be archived.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// The log cannot be read.
    #[error("failed to read the log")]
    Journal(#[from] journal::Error),
    /// The log is not one that a hub would start on.
    #[error("failed to prove the log. What is full was sent, and nothing was removed")]
    Unproven(#[source] Box<recovery::Error>),
    /// The same of one that an anchor is to be brought back to.
    #[error("failed to prove the log that an anchor is to be brought back to; nothing was changed")]
    Unfit(#[source] Box<recovery::Error>),
    /// A hub has the log.
    #[error(
        "a hub serves from {0}, and only it may remove segments of its log: set archive.remove = true in its configuration. \
         What is full was sent, and nothing was removed"
    )]
    Served(String),
    /// An anchor could not be brought back beside a hub that serves.
    #[error(
        "a hub serves from {0}, or another command writes there: an anchor is brought back to a log that nobody writes. Nothing was \
         changed"
    )]
    InUse(String),
    /// No anchor of the archive can be the state store of the log.
    #[error(
        "the archive has no anchor that this log can go on from: one that is whole, of this log, and at record {begins} or a later \
         one. Nothing was changed. Put the whole log together with `hub archive --fetch DIR`"
    )]
    NoAnchor {
        /// The record before the first one that the log keeps.
        begins: u64,
    },
    /// The directory to fetch into has files.
    #[error("{0} is not empty: a log is put together in a directory of its own; nothing was changed")]
    NotEmpty(String),
    /// The directory to fetch into cannot be read.
    #[error("failed to list {directory}")]
    List {
        /// Which one.
        directory: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The state store could not be put in its place.
    #[error("failed to put the state store in place: cannot {action} {}. The same command may be given again", path.display())]
    Place {
        /// What was tried: a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The archive's own findings.
    #[error("failed to use the archive")]
    Archive(#[from] ::archive::Error),
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}
