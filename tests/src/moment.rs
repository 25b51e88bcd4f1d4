//! The moments at which something is killed: each is a fact that can be seen from outside, so that a fast machine and a slow
//! one are killed at the same step.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{files::paths_below, hub::BegunCommand};

/// How often a fact is looked for. Short, because the next step comes soon.
const LOOK_EVERY: Duration = Duration::from_micros(100);

/// A fact that tells how far a command is, or the hub that works for it.
#[derive(Debug, Clone, Copy)]
pub enum KillMoment<'a> {
    /// The command was started.
    Started,
    /// It has said this.
    Said(&'a str),
    /// Something has this path.
    There(&'a Path),
    /// So many files are below a directory that were not known before, unfinished ones included.
    NewFiles {
        /// The directory, which may be missing.
        below: &'a Path,
        /// The files that do not count.
        known: &'a BTreeSet<PathBuf>,
        /// How many others.
        count: usize,
    },
}

impl KillMoment<'_> {
    /// Waits until the fact is seen, or the command has ended. Whether it was seen, also at the end. Blocks the thread, at most as
    /// long as the command may run.
    pub fn comes(&self, command: &mut BegunCommand) -> bool {
        loop {
            // Asked first: what has come until its end is seen then.
            let has_ended = command.has_ended();
            if self.is_seen(command) {
                return true;
            }
            if has_ended {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn is_seen(&self, command: &BegunCommand) -> bool {
        match *self {
            Self::Started => true,
            Self::Said(text) => command.has_said(text),
            Self::There(path) => path.exists(),
            Self::NewFiles { below, known, count } => paths_below(below).difference(known).count() >= count,
        }
    }
}
