//! The scrub of the state store: reads every key slowly. A key that is missing, or that a filter does not find, would let a
//! request be carried out twice.

use engine::{Component, Digest, StoreSummary, TxId, key_print};
use store::{Key, Scan, Tree};

use crate::stored::Stored;

/// One reading of all keys of a store, as of one commit. Their digest must be that of all keys of the log, which the copy
/// beside the store carries on record by record and compares with the digests in the log.
pub struct KeyScan {
    stored: Stored,
    scan: Scan,
    digest: Digest,
    count: u64,
}

/// What a step of a reading has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// There are more keys.
    More,
    /// Every key of the log is there and is found; so many.
    Whole(u64),
    /// The store is not to be believed, and why.
    Unsound(String),
    /// The store could not be read, and that is no damage.
    Failed(String),
}

impl KeyScan {
    /// Begins to read a store.
    pub fn of(stored: Stored) -> Self {
        let scan = stored.0.scan(Tree::Keys);
        Self { stored, scan, digest: Digest::default(), count: 0 }
    }

    /// Reads on, about so many bytes.
    pub fn step(&mut self, bytes: usize) -> Scanned {
        let mut read = 0;
        while read < bytes {
            let (key, kept) = match self.scan.next() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) if error.needs_a_new_store() => {
                    return Scanned::Unsound(error.with_causes());
                }
                Some(Err(error)) => return Scanned::Failed(error.with_causes()),
                None => return self.end(),
            };
            read += size_of::<Key>() + kept.len();
            if !self.stored.0.may_have(Tree::Keys, &key) {
                return Scanned::Unsound(format!("the state store has key {key:?}, and its filters do not"));
            }
            match key_print(TxId(u128::from_be_bytes(key.0)), &kept) {
                Ok(print) => self.digest.add(print),
                Err(error) => {
                    return Scanned::Unsound(format!("the state store has an outcome that is none: {error}"));
                }
            }
            self.count += 1;
        }
        Scanned::More
    }

    fn end(&self) -> Scanned {
        match StoreSummary::of(self.stored.0.meta()) {
            Ok(summary)
                if (summary.keys, summary.digest.of(Component::Keys)) == (self.count, self.digest) =>
            {
                Scanned::Whole(self.count)
            }
            Ok(summary) => {
                let (lsn, count) = (self.stored.0.cursor().lsn.0, self.count);
                Scanned::Unsound(if summary.keys == count {
                    format!("the {count} keys of the state store are not those of the log up to record {lsn}")
                } else {
                    let keys = summary.keys;
                    format!("the state store has {count} keys, and the log has {keys} up to record {lsn}")
                })
            }
            Err(error) => Scanned::Unsound(format!("the state store has no head: {error}")),
        }
    }
}
