//! The result of a turn: the records to append, and what is sent once they are on disk.
//!
//! [`Books::turn`] decides, [`Books::conclude`] applies and encodes. Together they are one step of the money,
//! [`Books::run`]. The simulation, the tests' rigs and the benchmarks call that; the coordinator calls the two one by
//! one, so that a panic in a decision ends that decision only.

use domains::Notice;
use ledger::{Domain, Leg};
use protocol::ErrorCode;

use crate::{
    apply::ApplyError,
    books::Books,
    keys::{Outcome, TxId},
    record::Body,
    table::TableLeg,
    turn::{Envelope, Turn},
};

/// The verdict on an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Recorded under its key, now or before.
    Recorded(Outcome),
    /// The hub's own transaction is done.
    Done,
    /// The key has an outcome for another content.
    KeyReused,
    /// Refused for what the request is, or for now: nothing is recorded under its key.
    Answered(ErrorCode),
    /// The player has had as many refusals recorded as may be: not now, for so many milliseconds.
    TooManyRefused(u64),
    /// The hub's own transaction cannot be done.
    Impossible(ErrorCode),
}

/// What became of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxResult {
    /// The transaction.
    pub id: TxId,
    /// Time of its record, milliseconds; 0 when there is none.
    pub time: u64,
    /// The table's leg, to be applied now.
    pub leg: Option<TableLeg>,
    /// The verdict.
    pub verdict: Verdict,
}

/// What a player is told, and its place on the player's channel and in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub notice: Notice,
    /// Offset on the player's channel.
    pub offset: u64,
    /// Place in the log.
    pub lsn: u64,
}

/// A turn that is over: its records are applied, and wait to be appended in this order.
#[derive(Debug)]
pub struct Concluded {
    /// What became of the envelope.
    pub result: TxResult,
    /// What players are told.
    pub notices: Vec<Told>,
    /// What the domains that took part have moved.
    pub legs: Vec<(Domain, Leg)>,
    /// The envelope's record with its place; none when nothing new has happened.
    pub record: Option<(u64, Vec<u8>)>,
    /// The record of the digest behind it with its place, when one was due.
    pub digest: Option<(u64, Vec<u8>)>,
}

impl Concluded {
    /// A turn that recorded nothing.
    #[must_use]
    pub fn unrecorded(id: TxId, verdict: Verdict) -> Self {
        let result = TxResult { id, time: 0, leg: None, verdict };
        Self { result, notices: Vec::new(), legs: Vec::new(), record: None, digest: None }
    }

    /// The records to append, each with the place it must get.
    pub fn records(&self) -> impl Iterator<Item = &(u64, Vec<u8>)> {
        self.record.iter().chain(&self.digest)
    }
}

impl Envelope {
    /// The transaction it is, or would have been.
    #[must_use]
    pub fn id(&self) -> TxId {
        match self {
            Envelope::Run(tx) => tx.id,
            Envelope::Refuse { id, .. } => *id,
        }
    }
}

impl Books {
    /// One whole turn of the loop: decides, applies and encodes.
    ///
    /// # Errors
    /// As [`Books::apply`]: the process must end.
    pub fn run(&mut self, envelope: Envelope, now: u64, digest_every: u64) -> Result<Concluded, ApplyError> {
        let (id, turn) = (envelope.id(), self.turn(envelope, now));
        self.conclude(id, turn, now, digest_every)
    }

    /// Applies what a turn has decided. The digest is recorded behind each record whose place `digest_every` divides.
    ///
    /// # Errors
    /// As [`Books::apply`]: the process must end.
    pub fn conclude(
        &mut self,
        id: TxId,
        turn: Turn,
        now: u64,
        digest_every: u64,
    ) -> Result<Concluded, ApplyError> {
        let decided = match turn {
            Turn::New(decided) | Turn::Refused { decided, .. } => decided,
            Turn::Known(outcome) => return Ok(Concluded::unrecorded(id, Verdict::Recorded(outcome))),
            Turn::KeyReused => return Ok(Concluded::unrecorded(id, Verdict::KeyReused)),
            Turn::Answered { code, .. } => return Ok(Concluded::unrecorded(id, Verdict::Answered(code))),
            Turn::Impossible { code, .. } => return Ok(Concluded::unrecorded(id, Verdict::Impossible(code))),
            Turn::Unproven(_) => {
                return Ok(Concluded::unrecorded(id, Verdict::Impossible(ErrorCode::Internal)));
            }
        };
        let (record, applied) = self.take(*decided)?;
        let (lsn, bytes, time) = (self.lsn(), record.encode(), record.time);
        let (leg, notices, legs) = match record.body {
            Body::Committed(committed) => {
                let told = committed.notices.into_iter().zip(applied.offsets);
                let notices = told.map(|(notice, offset)| Told { notice, offset, lsn }).collect();
                (committed.table.map(|(_, leg)| leg), notices, committed.legs)
            }
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => (None, Vec::new(), Vec::new()),
        };
        let verdict = applied.outcome.map_or(Verdict::Done, Verdict::Recorded);
        let digest = if lsn.is_multiple_of(digest_every) {
            let record = self.digest_record(now);
            self.apply(&record)?;
            Some((self.lsn(), record.encode()))
        } else {
            None
        };
        let result = TxResult { id, time, leg, verdict };
        Ok(Concluded { result, notices, legs, record: Some((lsn, bytes)), digest })
    }
}
