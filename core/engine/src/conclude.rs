//! The result of a turn: the records to append, and what is sent once they are on disk.
//!
//! [`Books::turn`] decides, [`Books::conclude`] applies and encodes; [`Books::run`] does both. The simulation, the test
//! rigs and the benchmarks call `run`. The coordinator calls the two one by one, so that a panic in a decision ends
//! only that decision.

use std::iter::Peekable;

use domains::{
    Notice, Row, RowImage, Rows,
    balance_rule::{BalanceRule, Crossing},
    limits::LimitReached,
    play_session::{PlayFacts, PlaySession},
};
use ledger::{Domain, Leg};
use protocol::{Currency, ErrorCode, PlayerId};

use crate::{
    apply::ApplyError,
    books::Books,
    facts::Fact,
    keys::Outcome,
    record::{Body, RefusedRequest},
    table::TableLeg,
    turn::{Envelope, Turn},
    tx_id::TxId,
};

/// The verdict on an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The outcome is recorded under the key, by this envelope or an earlier one.
    Recorded(Outcome),
    /// The hub's own transaction is done.
    Done,
    /// The key has an outcome for a request with another content.
    KeyReused,
    /// Refused, and nothing is recorded under the key: the reason does not depend on the recorded state, or the refusal
    /// is only temporary.
    Answered(ErrorCode),
    /// The player has used up the budget of recorded refusals. Try again after so many milliseconds.
    TooManyRefused(u64),
    /// The player has taken back more bets than may be: no bet is taken, for so many milliseconds.
    TooManyCleared(u64),
    /// Nothing is decided now, and the key is as it was. Try again after so many milliseconds.
    NotNow(ErrorCode, u64),
    /// The hub's own transaction cannot be done.
    Impossible(ErrorCode),
}

/// What a turn would do if it were concluded: the answer to a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preview {
    /// The key has this outcome already, and nothing new would happen.
    Known(Outcome),
    /// It would be carried out with this outcome. Its place in the log is not known before.
    Done(Outcome),
    /// It would be refused.
    Refused(ErrorCode),
    /// That cannot be said now. Ask again after so many milliseconds.
    NotNow(ErrorCode, u64),
}

impl Turn {
    /// What it would do. Nothing changes.
    #[must_use]
    pub fn preview(&self) -> Preview {
        match self {
            Turn::Known(outcome) => Preview::Known(*outcome),
            Turn::KeyReused => Preview::Refused(ErrorCode::KeyReused),
            Turn::Answered { code, .. } | Turn::Impossible { code, .. } => Preview::Refused(*code),
            Turn::Unproven(_) => Preview::Refused(ErrorCode::Internal),
            Turn::New(decided) | Turn::Refused { decided, .. } => match &decided.record.body {
                Body::Committed(committed) => {
                    committed.outcome(0).map_or(Preview::Refused(ErrorCode::Internal), Preview::Done)
                }
                Body::Refused { code, .. } => Preview::Refused(*code),
                Body::Digest(_) | Body::Fact(_) => Preview::Refused(ErrorCode::Internal),
            },
        }
    }
}

/// The result of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxResult {
    /// The transaction.
    pub id: TxId,
    /// Time of its record, milliseconds; 0 when there is none.
    pub time: u64,
    /// The table's leg, for the table to apply.
    pub leg: Option<TableLeg>,
    /// The verdict.
    pub verdict: Verdict,
    /// The play session of the player who has asked, when a refusal is about it.
    pub play: Option<Box<PlayFacts>>,
    /// The limit that refuses it, when this envelope has made the record of that.
    pub limit: Option<Box<LimitReached>>,
}

impl TxResult {
    /// Whether this envelope has made a record. What has an outcome without one was recorded by an earlier envelope.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.time > 0
    }
}

/// A notice, with its offset on the player's channel and its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub notice: Notice,
    /// Offset on the player's channel.
    pub offset: u64,
    /// Place in the log.
    pub lsn: u64,
    /// The player's play session, when the transaction has changed it.
    pub play: Option<PlayFacts>,
    /// The threshold of the operator that the transaction has crossed.
    pub crossing: Option<Crossing>,
}

/// A finished turn: its records are applied, and are to be appended in this order.
#[derive(Debug)]
pub struct Concluded {
    /// The result of the envelope.
    pub result: TxResult,
    /// The notices to players.
    pub notices: Vec<Told>,
    /// The legs of the domains that took part.
    pub legs: Vec<(Domain, Leg)>,
    /// The records before it, with their places in the log: of the features that it is the first to use (`E7`).
    pub upgrades: Vec<(u64, Vec<u8>)>,
    /// The envelope's record with its place in the log; `None` when nothing new happened.
    pub record: Option<(u64, Vec<u8>)>,
    /// The record of the digest that follows it, with its place in the log, when one was due.
    pub digest: Option<(u64, Vec<u8>)>,
}

impl Concluded {
    /// A turn that recorded nothing.
    #[must_use]
    pub fn unrecorded(id: TxId, verdict: Verdict) -> Self {
        let result = TxResult { id, time: 0, leg: None, verdict, play: None, limit: None };
        let (notices, legs, upgrades) = (Vec::new(), Vec::new(), Vec::new());
        Self { result, notices, legs, upgrades, record: None, digest: None }
    }

    /// The records to append, each with the place it must get in the log.
    pub fn records(&self) -> impl Iterator<Item = &(u64, Vec<u8>)> {
        self.upgrades.iter().chain(&self.record).chain(&self.digest)
    }
}

impl Books {
    /// Decides an envelope, applies and encodes it. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// As [`Books::apply`]: the process must end.
    pub fn run(&mut self, envelope: Envelope, now: u64, digest_every: u64) -> Result<Concluded, ApplyError> {
        let (id, turn) = (envelope.id(), self.turn(envelope, now));
        self.conclude(id, turn, now, digest_every)
    }

    /// Applies what a turn has decided. A digest is recorded after it when one of its records has a place that is a multiple
    /// of `digest_every`.
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
            Turn::Answered { code, play, .. } => {
                let mut concluded = Concluded::unrecorded(id, Verdict::Answered(code));
                concluded.result.play = play;
                return Ok(concluded);
            }
            Turn::Impossible { code, .. } => return Ok(Concluded::unrecorded(id, Verdict::Impossible(code))),
            Turn::Unproven(_) => {
                return Ok(Concluded::unrecorded(id, Verdict::Impossible(ErrorCode::Internal)));
            }
        };
        let first = self.lsn() + 1;
        let mut upgrades = Vec::new();
        for fact in self.upgrades(&decided.record.body) {
            let record = self.fact_record(fact, now);
            self.apply(&record)?;
            upgrades.push((self.lsn(), record.encode()));
        }
        let (record, bytes, applied) = self.take(*decided)?;
        let (lsn, time) = (self.lsn(), record.time);
        let mut limit = None;
        let (leg, notices, legs) = match record.body {
            Body::Committed(committed) => {
                let mut plays = self.plays_after(&committed.rows, time);
                let mut levels = Levels::of(&self.domains().rows);
                let told = committed.notices.into_iter().zip(applied.offsets);
                let told = told.map(|(notice, offset)| {
                    let play = plays.next_if(|(player, _)| *player == notice.player);
                    let crossing = levels.crossed_by(&notice);
                    Told { notice, offset, lsn, play: play.and_then(|(_, play)| play), crossing }
                });
                let notices = told.collect();
                (committed.table.map(|(_, leg)| leg), notices, committed.legs)
            }
            Body::Refused { code, refused, .. } => {
                if let (ErrorCode::LimitReached, RefusedRequest::ByDomain(intent)) = (code, &refused) {
                    limit = self.limit_reached(intent, time).map(Box::new);
                }
                (None, Vec::new(), Vec::new())
            }
            Body::Digest(_) | Body::Fact(_) => (None, Vec::new(), Vec::new()),
        };
        let verdict = applied.outcome.map_or(Verdict::Done, Verdict::Recorded);
        let digest = if (first..=lsn).any(|place| place.is_multiple_of(digest_every)) {
            let record = self.digest_record(now);
            self.apply(&record)?;
            Some((self.lsn(), record.encode()))
        } else {
            None
        };
        let result = TxResult { id, time, leg, verdict, play: None, limit };
        Ok(Concluded { result, notices, legs, upgrades, record: Some((lsn, bytes)), digest })
    }

    /// The play sessions that a record has changed, in its order, which is that of its notices: whose, and what is told.
    fn plays_after<'a>(
        &'a self,
        rows: &'a [RowImage],
        time: u64,
    ) -> Peekable<impl Iterator<Item = (PlayerId, Option<PlayFacts>)> + 'a> {
        let of_play = rows.iter().filter(|row| row.key.kind() == PlaySession::KIND);
        let told = move |row: &RowImage| {
            let player = PlayerId(u128::from_be_bytes(row.key.as_bytes().try_into().ok()?));
            Some((player, PlaySession::told(&self.domains().rows, player, time)))
        };
        of_play.filter_map(told).peekable()
    }

    /// Records a fact at a time, milliseconds since 1970: applies it, and returns its record and that of the digest that
    /// follows it when one is due (a record whose place is a multiple of `digest_every`), each with its place in the log.
    ///
    /// # Errors
    /// As [`Books::apply`]. The state is unchanged.
    pub fn record_fact(
        &mut self,
        fact: Fact,
        now: u64,
        digest_every: u64,
    ) -> Result<Vec<(u64, Vec<u8>)>, ApplyError> {
        let record = self.fact_record(fact, now);
        self.apply(&record)?;
        let mut records = vec![(self.lsn, record.encode())];
        if self.lsn.is_multiple_of(digest_every) {
            let digest = self.digest_record(now);
            self.apply(&digest)?;
            records.push((self.lsn, digest.encode()));
        }
        Ok(records)
    }
}

/// What balances are by the operator's thresholds. The notices of a record are of few currencies: the last rule is kept.
struct Levels<'a> {
    rows: &'a Rows,
    last: Option<(Currency, Option<BalanceRule>)>,
}

impl<'a> Levels<'a> {
    fn of(rows: &'a Rows) -> Self {
        Self { rows, last: None }
    }

    /// The threshold that what a notice tells has crossed.
    fn crossed_by(&mut self, notice: &Notice) -> Option<Crossing> {
        let rule = match self.last {
            Some((currency, rule)) if currency == notice.currency => rule,
            Some(_) | None => BalanceRule::of(self.rows, notice.currency),
        };
        self.last = Some((notice.currency, rule));
        rule?.crossed(notice.before, notice.after)
    }
}
