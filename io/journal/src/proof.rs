//! The hashes of records and batches, and the proof that a log has a record.
//!
//! A record's hash covers its lsn and its bytes. A batch's hash covers the hash of the batch before it and the hashes of
//! its records, so it stands for every record up to its last one. Only the batch's hash is stored: a record's hash is
//! computed from the record (docs/adr/0017-batches-are-chained.md).
//!
//! ```text
//! record hash = SHA-256("hub\0rec\n", lsn 8, payload)
//! batch hash  = SHA-256("hub\0bat\n", hash of the batch before 32, first lsn 8, record hash 32 {count}, count 4)
//! ```
//! Numbers are little-endian. The first batch of a log follows the hash of zeros.

use sha2::{Digest, Sha256};

use crate::Lsn;

const RECORD: [u8; 8] = *b"hub\0rec\n";
const BATCH: [u8; 8] = *b"hub\0bat\n";

/// The hash of a record: SHA-256 of the eight bytes `"hub\0rec\n"`, its lsn as eight bytes, little-endian, and its bytes.
pub fn record_hash(lsn: Lsn, bytes: &[u8]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(RECORD).chain_update(lsn.0.to_le_bytes());
    hasher.chain_update(bytes).finalize().into()
}

/// A batch's hash, of as many records as were added so far.
#[derive(Debug, Clone)]
pub(crate) struct BatchHash {
    hasher: Sha256,
    count: u32,
}

impl BatchHash {
    /// Begins with the hash of the batch before, and the first record.
    pub fn begin(previous: &[u8; 32], first: Lsn) -> BatchHash {
        let hasher = Sha256::new().chain_update(BATCH).chain_update(previous);
        BatchHash { hasher: hasher.chain_update(first.0.to_le_bytes()), count: 0 }
    }

    /// Adds the hash of the next record.
    pub fn add(&mut self, record: &[u8; 32]) {
        self.hasher.update(record);
        self.count += 1;
    }

    /// The hash of the batch.
    pub fn finish(self) -> [u8; 32] {
        self.hasher.chain_update(self.count.to_le_bytes()).finalize().into()
    }
}

/// That a log has a record: with its bytes, this leads to the hash of its batch, and that stands in the log.
///
/// Who keeps a batch's hash, or a later one, needs no other part of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The record.
    pub lsn: Lsn,
    /// The hash of the batch before its batch; zeros for the first one.
    pub previous: [u8; 32],
    /// The first record of its batch.
    pub first: Lsn,
    /// The hashes of all records of its batch, in order.
    pub records: Vec<[u8; 32]>,
    /// The hash of its batch.
    pub batch: [u8; 32],
}

impl Proof {
    /// The hash of the record itself; `None` when the proof has no such record.
    pub fn hash(&self) -> Option<&[u8; 32]> {
        let place = self.lsn.0.checked_sub(self.first.0)?;
        self.records.get(usize::try_from(place).ok()?)
    }

    /// The last record of its batch.
    pub fn last(&self) -> Lsn {
        Lsn((self.first.0 + self.records.len() as u64).saturating_sub(1))
    }

    /// Whether these are the bytes of the record, and the hashes lead to that of the batch.
    pub fn proves(&self, bytes: &[u8]) -> bool {
        let mut batch = BatchHash::begin(&self.previous, self.first);
        self.records.iter().for_each(|record| batch.add(record));
        self.hash() == Some(&record_hash(self.lsn, bytes)) && batch.finish() == self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(lsn: u64) -> [u8; 3] {
        [lsn as u8; 3]
    }

    /// A batch of three records, and the proof for one of them.
    fn proof(lsn: u64) -> Proof {
        let records: Vec<_> = (5..8).map(|lsn| record_hash(Lsn(lsn), &bytes(lsn))).collect();
        let mut batch = BatchHash::begin(&[9; 32], Lsn(5));
        records.iter().for_each(|record| batch.add(record));
        Proof { lsn: Lsn(lsn), previous: [9; 32], first: Lsn(5), records, batch: batch.finish() }
    }

    #[test]
    fn a_proof_proves_each_record_of_its_batch_and_no_other() {
        for lsn in 5..8 {
            assert!(proof(lsn).proves(&bytes(lsn)));
            assert!(!proof(lsn).proves(&bytes(lsn + 1)));
        }
        assert!(!proof(4).proves(&bytes(4)) && !proof(8).proves(&bytes(8)));
        assert_eq!(proof(5).last(), Lsn(7));
    }

    #[test]
    fn a_proof_in_which_anything_is_altered_proves_nothing() {
        let altered: [fn(&mut Proof); 7] = [
            |proof| proof.lsn = Lsn(7),
            |proof| proof.previous[0] ^= 1,
            |proof| proof.first = Lsn(4),
            |proof| proof.batch[31] ^= 1,
            |proof| proof.records.swap(0, 2),
            |proof| proof.records.truncate(2),
            |proof| proof.records.push([0; 32]),
        ];
        for alter in altered {
            let mut proof = proof(6);
            alter(&mut proof);
            assert!(!proof.proves(&bytes(6)), "{proof:?}");
        }
    }

    // The expected values were computed from the layout above with another implementation of SHA-256.
    #[test]
    fn the_hashes_are_what_the_module_states() {
        let hex = |bytes: &[u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(&record_hash(Lsn(5), &bytes(5))),
            "4e1f887e181e03a9c9bcbd3e5665698146a85e8aeeebe653a90cd8f642cf8cb1"
        );
        assert_eq!(hex(&proof(5).batch), "3ebf44698c59be75c4a704c0cab3b90219abec67c3e311e4817bdc81bd4bbdd7");
    }
}
