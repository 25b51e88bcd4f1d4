//! Whether what was reversed is what the log has: each reversal is made again of the record that it names, and compared (ADR-0048).
//!
//! A decision cannot read the log, so the turn has taken the opposite of a transaction as it was given. Only who reads the whole
//! log can compare it. The records that are named come before; so the log is read a second time, if there are any.

use std::collections::BTreeMap;

use engine::{Body, Record, reversal_of};
use journal::{Entry, Location, Lsn};

use super::Error;
use actors::ports::service::{ApproveAdjustment, Correction, CorrectionOf, ProposeAdjustment};

/// A reversal, and where it stands.
struct Claim {
    lsn: u64,
    location: Location,
    digest: [u8; 32],
    hash: [u8; 32],
}

/// The reversals of a log, by the record that they reverse.
#[derive(Default)]
pub(super) struct Reversals(BTreeMap<u64, Vec<Claim>>);

impl Reversals {
    /// Takes a record, which may propose or approve a reversal.
    pub fn take(&mut self, entry: &Entry<'_>, record: &Record) {
        let Body::Committed(committed) = &record.body else { return };
        let proposed = committed.intent.get().map(|ProposeAdjustment { correction, .. }| correction);
        let approved = || committed.intent.get().map(|ApproveAdjustment { correction, .. }| correction);
        let Some(Correction { of: CorrectionOf::Transaction(reversal), .. }) = proposed.or_else(approved)
        else {
            return;
        };
        let (lsn, location) = (entry.lsn.0, entry.location);
        let claim = Claim { lsn, location, digest: reversal.digest(), hash: reversal.hash };
        self.0.entry(reversal.lsn).or_default().push(claim);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// After the whole log was read from behind a record on: each record behind it that is named was there.
    ///
    /// # Errors
    /// The first reversal of a record that the log does not have.
    pub fn finish(&self, begins: Lsn) -> Result<(), Error> {
        let missing = self.0.range(begins.0 + 1..).next();
        missing.and_then(|(named, claims)| Some((named, claims.first()?))).map_or(Ok(()), |(named, claim)| {
            let Claim { lsn, location, .. } = claim;
            let what = format!("it reverses record {named}, which is not there");
            Err(Error::Disproved { lsn: *lsn, location: *location, what })
        })
    }

    /// Compares a record with the reversals of it. Records that are not in the log any more are not compared.
    ///
    /// # Errors
    /// The first reversal that is not what takes the record back.
    pub fn compare(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        let Some(claims) = self.0.remove(&entry.lsn.0) else { return Ok(()) };
        let record = Record::decode(entry.bytes).ok();
        let reversal = record.as_ref().and_then(|record| match &record.body {
            Body::Committed(committed) => reversal_of(entry.lsn.0, entry.hash, committed).ok(),
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
        });
        let digest = reversal.map(|reversal| reversal.digest());
        let wrong = claims.iter().find(|claim| {
            claim.lsn <= entry.lsn.0 || claim.hash != entry.hash || Some(claim.digest) != digest
        });
        wrong.map_or(Ok(()), |Claim { lsn, location, .. }| {
            let what = format!("it reverses record {}, and is not the opposite of that", entry.lsn.0);
            Err(Error::Disproved { lsn: *lsn, location: *location, what })
        })
    }
}
