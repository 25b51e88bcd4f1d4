//! What a verifier did: how many records it applied, what it decided again, and what it could not decide again and why.

use std::{collections::BTreeMap, fmt};

use crate::record::{Body, RefusedRequest};

/// Counts of what a verifier did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Transactions that were applied.
    pub transactions: u64,
    /// Refusals that were applied.
    pub refusals: u64,
    /// Digests that were compared with the state.
    pub digests: u64,
    /// Facts that were applied.
    pub facts: u64,
    /// What was decided again: by the name of the recipe, or of the request to a table, and by revision.
    pub decided: BTreeMap<(&'static str, u16), Decisions>,
    /// What could not be decided again, by reason.
    pub undecided: BTreeMap<Undecided, Occurrences>,
}

/// Decisions that were made again, and came to what is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decisions {
    /// It was carried out.
    pub carried_out: u64,
    /// A domain refused it.
    pub refused_by_domain: u64,
    /// A table refused it.
    pub refused_by_table: u64,
}

impl Decisions {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.carried_out + self.refused_by_domain + self.refused_by_table
    }
}

/// How often, and where for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrences {
    /// How often.
    pub count: u64,
    /// Place in the log of the first.
    pub first: u64,
}

/// Why a record could not be decided again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undecided {
    /// This release does not have the recipe in this revision.
    Recipe {
        /// Its number in the log.
        kind: u16,
        /// Its revision.
        revision: u16,
    },
    /// This release does not have this version of the rules of a game.
    Rules {
        /// The game.
        game: Box<str>,
        /// The version.
        version: u16,
    },
    /// A table refused a request because of a fault in its process, which is not in the log.
    Fault,
    /// A table refused a request because configuration or release could not play its open round.
    Configuration,
    /// A table refused a request while a record that did not fit it was under way.
    Failed,
}

impl Undecided {
    /// Whether a release that has what is missing could decide it: then this one proves less than is possible.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Undecided::Recipe { .. } | Undecided::Rules { .. } => true,
            Undecided::Fault | Undecided::Configuration | Undecided::Failed => false,
        }
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undecided::Recipe { kind, revision } => {
                write!(f, "recipe {kind} in revision {revision} is not known to this release")
            }
            Undecided::Rules { game, version } => {
                write!(f, "version {version} of the rules of {game} is not known to this release")
            }
            Undecided::Fault => f.write_str("refused by a table that was closed by a fault in its process"),
            Undecided::Configuration => {
                f.write_str("refused by a table that could not play its open round as it was configured")
            }
            Undecided::Failed => f.write_str("refused by a table that had failed and did not know it yet"),
        }
    }
}

impl Tally {
    /// Number of records that were applied.
    #[must_use]
    pub fn re_applied(&self) -> u64 {
        self.transactions + self.refusals + self.digests + self.facts
    }

    /// Number of transactions and refusals that were decided again.
    #[must_use]
    pub fn re_decided(&self) -> u64 {
        self.decided.values().map(Decisions::all).sum()
    }

    /// Whether something was left out that another release could decide.
    #[must_use]
    pub fn lacks(&self) -> bool {
        self.undecided.keys().any(Undecided::is_unknown)
    }

    pub(super) fn applied(&mut self, body: &Body) {
        *match body {
            Body::Committed(_) => &mut self.transactions,
            Body::Refused { .. } => &mut self.refusals,
            Body::Digest(_) => &mut self.digests,
            Body::Fact(_) => &mut self.facts,
        } += 1;
    }

    pub(super) fn decided(&mut self, name: &'static str, revision: u16, body: &Body) {
        let decisions = self.decided.entry((name, revision)).or_default();
        match body {
            Body::Refused { refused: RefusedRequest::ByDomain(_), .. } => decisions.refused_by_domain += 1,
            Body::Refused { refused: RefusedRequest::ByTable(_), .. } => decisions.refused_by_table += 1,
            Body::Committed(_) | Body::Digest(_) | Body::Fact(_) => decisions.carried_out += 1,
        }
    }

    pub(super) fn undecided(&mut self, why: Undecided, lsn: u64) {
        self.undecided.entry(why).or_insert(Occurrences { count: 0, first: lsn }).count += 1;
    }
}
