//! What the operator expects of the log; the start and `hub verify` compare it with the log in the same way.

use engine::{Formats, World};
use journal::{Files, Lsn, Tail, storage::Storage};

use super::{
    Error, facts,
    facts::Given,
    head::Head,
    removed::{Whole, batch_end},
};
use crate::config::Loaded;

/// What the log must agree with besides itself. One field and one function for each.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// A record that the log must have.
    pub head: Option<Head>,
    /// Facts that the log must not contradict.
    pub facts: Vec<Given>,
    /// The recipes and kinds of rows that its records may name: those of this release.
    pub formats: Formats,
}

impl Expectations {
    /// What a configuration and the command line expect.
    #[must_use]
    pub fn of(loaded: &Loaded, head: Option<Head>) -> Self {
        Self { head, facts: facts::given(loaded), formats: Formats::STANDARD }
    }

    /// Compares all of it with a log that was read to its end. `whole` has the records that were removed from it, if
    /// something has.
    ///
    /// # Errors
    /// The first that does not hold.
    pub(super) fn check<S: Storage>(
        &self,
        files: &Files<S>,
        whole: Whole<'_>,
        tail: &Tail,
        world: &World,
    ) -> Result<(), Error> {
        self.head(files, whole, tail)?;
        facts::check(&self.facts, world)
    }

    /// The log has the record that was noted elsewhere: it was not cut below it, and not written anew.
    fn head<S: Storage>(&self, files: &Files<S>, whole: Whole<'_>, tail: &Tail) -> Result<(), Error> {
        let Some(expected) = self.head else { return Ok(()) };
        let removed = whole.filter(|_| expected.lsn <= files.begins().lsn.0);
        let found = match removed.map(|whole| batch_end(whole, Lsn(expected.lsn))).transpose()? {
            Some(end) => Some(Head { lsn: end.lsn.0, hash: end.hash }),
            None => files.hash_at(Lsn(expected.lsn))?.map(|hash| Head { lsn: expected.lsn, hash }),
        };
        if found == Some(expected) {
            return Ok(());
        }
        // The first fork before it: the log shares nothing later with what was abandoned there.
        let forks = files.lineages().iter().filter_map(|lineage| lineage.forked);
        if let Some(fork) = forks.into_iter().find(|fork| fork.lsn.0 < expected.lsn) {
            let (forked, lineage) = (fork.lsn.0, fork.lineage);
            return Err(Error::LostFuture { expected: expected.lsn, forked, lineage });
        }
        if let (Some(found), true) = (found, removed.is_some()) {
            return Err(Error::OtherLog { expected: expected.lsn, found });
        }
        let Some(proof) = files.proof(Lsn(expected.lsn))? else {
            return Err(Error::Short { last: tail.last().0, expected: expected.lsn });
        };
        let found = Head { lsn: proof.last().0, hash: proof.batch };
        Err(Error::OtherLog { expected: expected.lsn, found })
    }
}
