//! The turn: decides an envelope on the applied state, proves the result, and makes a record of it.
//!
//! The turn looks up the key, decides in every domain, and proves the invariants of what was decided. It changes
//! nothing. Live, the turn and [`Books::take`] are one synchronous step on the money thread.

use domains::{
    Context, Effects, Intent, PlayerSettlement, Principal, PrincipalKind, StateMachine,
    play_session::{PlayFacts, PlaySession},
};
use ledger::{Changes, Domain, Drafted, HoldId, Rejection};
use protocol::{ErrorCode, PlayerId, TableId};

use crate::{
    books::Books,
    content::Content,
    invariant::{Violation, no_effect_in_memory, no_effect_yet},
    keys::{Found, KeptKey, KeyState, Outcome, look_up},
    proof::prove,
    record::{Body, Committed, RECORD_BYTES_MAX, Record, RefusedRequest},
    table::{TableLeg, TableRequest, TableState},
    tx_id::TxId,
};

/// What is submitted to the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every envelope is the large one; a box would only cost"
)]
pub enum Envelope {
    /// Run a transaction.
    Run(Tx),
    /// Refuse a request, unless its key has an outcome already. A table's refusal is recorded when its code consumes
    /// the key ([`ErrorCode::consumes_key`]); any other is only answered.
    Refuse {
        /// The id that the request's transaction would have had.
        id: TxId,
        /// Who asked.
        principal: Principal,
        /// The request's content.
        content: Content,
        /// Why it is refused.
        code: ErrorCode,
        /// What a table refused; `None` when the request did not get that far, or when others had their turn first.
        request: Option<Box<TableRequest>>,
    },
}

impl Envelope {
    /// The id of the transaction that it is, or would have been.
    #[must_use]
    pub fn id(&self) -> TxId {
        match self {
            Envelope::Run(tx) => tx.id,
            Envelope::Refuse { id, .. } => *id,
        }
    }

    /// Who asks for it.
    fn principal(&self) -> Principal {
        match self {
            Envelope::Run(tx) => tx.principal,
            Envelope::Refuse { principal, .. } => *principal,
        }
    }

    /// The content of its request, when it came with a client's key.
    fn content(&self) -> Option<Content> {
        match self {
            Envelope::Run(tx) => tx.key,
            Envelope::Refuse { content, .. } => Some(*content),
        }
    }

    /// The envelope when others may have their turn before it. A table's refusal follows from the records before it:
    /// behind later ones it may not, so it is only answered then, and its key stays free.
    fn overtaken(self) -> Self {
        match self {
            Envelope::Refuse { id, principal, content, code, request: _ } => {
                Envelope::Refuse { id, principal, content, code, request: None }
            }
            // Decided in its turn, on the money as it is then. The table keeps room for it until then.
            Envelope::Run(tx) => Envelope::Run(tx),
        }
    }

    /// The turn of an envelope whose key has an outcome.
    fn known(&self, (first, outcome): KeptKey) -> Turn {
        if self.content() == Some(first) { Turn::Known(outcome) } else { Turn::KeyReused }
    }
}

/// A transaction to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tx {
    /// Its id.
    pub id: TxId,
    /// Who asks for it.
    pub principal: Principal,
    /// The content of the request, when it came with a client's key.
    pub key: Option<Content>,
    /// What it is to do.
    pub intent: Intent,
    /// What follows for the intent from the table's state: the shares of a round's players.
    pub shares: Vec<PlayerSettlement>,
    /// The table's own leg.
    pub table: Option<(TableId, TableLeg)>,
}

impl Tx {
    /// A transaction without a table.
    #[must_use]
    pub fn new(id: TxId, principal: Principal, key: Option<Content>, intent: impl Into<Intent>) -> Self {
        Self { id, principal, key, intent: intent.into(), shares: Vec::new(), table: None }
    }

    /// The same with a table's own leg.
    #[must_use]
    pub fn at(self, table: TableId, leg: TableLeg) -> Self {
        Self { table: Some((table, leg)), ..self }
    }
}

/// What was asked: the part of a transaction that its effects do not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The id of the transaction.
    pub id: TxId,
    /// Who asks for it.
    pub principal: Principal,
    /// The content of the request, when it came with a client's key.
    pub key: Option<Content>,
    /// What it is to do.
    pub intent: Intent,
}

/// A record that was decided and proven, with its changes, so that applying it computes nothing twice.
#[derive(Debug)]
pub struct Decided {
    pub(crate) record: Record,
    /// The record's bytes, to be appended.
    pub(crate) bytes: Vec<u8>,
    /// The changes by domain; empty when no money moves.
    pub(crate) changes: Vec<(Domain, Changes)>,
    /// Place in the log of the last record of the state that it was decided on.
    pub(crate) on: u64,
}

impl Decided {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Length of the record, bytes.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The record, by value.
    #[must_use]
    pub fn into_record(self) -> Record {
        self.record
    }
}

impl From<Record> for Decided {
    /// A record that was not decided by a turn here: it is applied with all proofs.
    fn from(record: Record) -> Self {
        Self { bytes: record.encode(), record, changes: Vec::new(), on: u64::MAX }
    }
}

/// The result of a turn.
#[derive(Debug)]
pub enum Turn {
    /// The key has an outcome already: nothing new happens.
    Known(Outcome),
    /// The key has an outcome for a request with another content: refused, not recorded.
    KeyReused,
    /// The request is refused with a code that does not consume the key, asks for an amount beyond those of records, or is by
    /// or about a player who was erased (`E8`): answered, and not recorded.
    Answered {
        /// Why it is refused.
        code: ErrorCode,
        /// The domain that refuses; `None` when the table refused it.
        by: Option<Domain>,
        /// The play session of the player who has asked, when the code is about it.
        play: Option<Box<PlayFacts>>,
    },
    /// The hub's own transaction cannot be done: nothing is recorded.
    Impossible {
        /// Why not.
        code: ErrorCode,
        /// The domain that refuses.
        by: Domain,
    },
    /// An invariant would not hold after what the recipe decided: a bug of the hub. Nothing is recorded, and the key
    /// has no outcome.
    Unproven(Violation),
    /// A transaction to append and apply.
    New(Box<Decided>),
    /// A refusal to append and apply.
    Refused {
        /// The record.
        decided: Box<Decided>,
        /// The domain that refuses; `None` when the table refused it.
        by: Option<Domain>,
    },
}

impl Turn {
    /// Refused, and nothing else is told.
    fn answered(code: ErrorCode, by: Option<Domain>) -> Self {
        Turn::Answered { code, by, play: None }
    }
}

/// Whether an envelope's key has an outcome, only the state store can tell: it is to be looked up beside the turn, in
/// [`Books::store`], and the envelope is to be decided again with what was found.
#[derive(Debug)]
pub struct Aside {
    /// The envelope, as it is to be decided behind others: a table's refusal is not recorded any more.
    pub envelope: Envelope,
    /// The generation of the store.
    pub generation: u64,
}

impl Books {
    /// Decides an envelope on the applied state. Nothing changes. `now`: milliseconds since 1970. May wait for a disk:
    /// live, [`Books::try_turn`] is asked.
    #[must_use]
    pub fn turn(&self, envelope: Envelope, now: u64) -> Turn {
        let id = envelope.id();
        match self.try_turn(envelope, now, None) {
            Ok(turn) => turn,
            Err(aside) => match look_up(&*self.store(), id) {
                Ok(Found { kept: Some(kept), .. }) => aside.envelope.known(kept),
                Ok(Found { kept: None, .. }) => self.decide(aside.envelope, now),
                Err(unreadable) => Turn::Unproven(unreadable.into()),
            },
        }
    }

    /// Decides an envelope on the applied state, without a wait. Nothing changes. `found` is what the state store has
    /// under its key, if it was looked up: an outcome stands; that there is none counts only while the same generation
    /// is the current one.
    ///
    /// # Errors
    /// The envelope, when only the state store can tell whether its key has an outcome.
    pub fn try_turn(&self, envelope: Envelope, now: u64, found: Option<&Found>) -> Result<Turn, Box<Aside>> {
        if envelope.content().is_some() {
            match self.key_state(envelope.id(), found) {
                KeyState::Known(kept) => return Ok(envelope.known(kept)),
                KeyState::Older(generation) => {
                    return Err(Box::new(Aside { envelope: envelope.overtaken(), generation }));
                }
                KeyState::New => {}
            }
        }
        Ok(self.decide(envelope, now))
    }

    /// Decides an envelope whose key has no outcome.
    fn decide(&self, envelope: Envelope, now: u64) -> Turn {
        let id = envelope.id();
        // E8: what was queued behind the erasure of its player leaves nothing.
        if self.asked_by_nobody_erased(envelope.principal()).is_err() {
            return Turn::answered(ErrorCode::Forbidden, None);
        }
        let decided = |body, changes| {
            // A request that has waited arrived before: the record's time is never earlier.
            let arrived = match &body {
                Body::Refused { refused: RefusedRequest::ByTable(request), .. } => request.arrived,
                Body::Refused { .. } | Body::Committed(_) | Body::Digest(_) | Body::Fact(_) => 0,
            };
            let record = Record { time: now.max(self.time()).max(arrived), body };
            Box::new(Decided { bytes: record.encode(), record, changes, on: self.lsn() })
        };
        let refused = |principal, content, refused: Option<RefusedRequest>, code: ErrorCode, by| match refused
        {
            // An intent that no record can hold is refused whatever the state: it leaves its key free.
            Some(refused) if code.consumes_key() && refused.reads_back() => {
                let body = Body::Refused { id, principal, content, code, refused };
                Turn::Refused { decided: decided(body, Vec::new()), by }
            }
            Some(_) | None => {
                let play = self.play_behind(code, principal, now);
                Turn::Answered { code, by, play }
            }
        };
        let Tx { id, principal, key, intent, shares, table } = match envelope {
            Envelope::Refuse { principal, content, code, request, .. } => {
                return refused(principal, content, request.map(RefusedRequest::ByTable), code, None);
            }
            Envelope::Run(tx) => tx,
        };
        let context = Context {
            now: now.max(self.time()),
            id: HoldId(id.0),
            principal,
            view: self.domains(),
            shares: &shares,
        };
        let table = table.map(|(table, leg)| (table, self.leg_of_held(leg)));
        match (intent.decide(&context), key) {
            (Ok(effects), key) => {
                // E1: a key was looked up before.
                let new = if key.is_some() { Ok(()) } else { no_effect_in_memory(self, id) };
                let asked = Asked { id, principal, key, intent };
                let proven = new.and_then(|()| self.proven(asked, effects, table));
                let decided = proven.map(|(committed, changes)| decided(Body::Committed(committed), changes));
                match decided {
                    Ok(decided) if decided.bytes.len() > RECORD_BYTES_MAX => {
                        Turn::Unproven(Violation::TooLong { id, bytes: decided.bytes.len() })
                    }
                    Ok(decided) => Turn::New(decided),
                    // Somebody else asks for something that changes what a player has who was erased.
                    Err(Violation::OfErased(_)) if key.is_some() => {
                        Turn::answered(ErrorCode::Forbidden, None)
                    }
                    Err(Violation::OfErased(_)) => {
                        Turn::Impossible { code: ErrorCode::Forbidden, by: Domain::Balance }
                    }
                    Err(violation) => Turn::Unproven(violation),
                }
            }
            (Err((by, rejection)), Some(content)) => refused(
                principal,
                content,
                Some(RefusedRequest::ByDomain(intent)),
                refusal(rejection),
                Some(by),
            ),
            (Err((by, rejection)), None) => Turn::Impossible { code: refusal(rejection), by },
        }
    }

    /// What is told of a player's play session with a refusal that is about it.
    fn play_behind(&self, code: ErrorCode, principal: Principal, now: u64) -> Option<Box<PlayFacts>> {
        let about = matches!(code, ErrorCode::RealityCheckDue | ErrorCode::StartTooSoon);
        let player =
            (about && principal.kind() == PrincipalKind::Player).then(|| PlayerId(principal.id()))?;
        PlaySession::told(&self.domains().rows, player, now.max(self.time())).map(Box::new)
    }

    /// The leg to record. A quarantine keeps only the bets whose stakes are held in the ledger (`E2`).
    fn leg_of_held(&self, mut leg: TableLeg) -> TableLeg {
        if let TableLeg::Quarantined { state } = &mut leg {
            self.keep_held(state);
        }
        leg
    }

    /// Removes the bets of a table whose stakes are not held, and the round when none of its bets is left.
    pub(crate) fn keep_held(&self, state: &mut TableState) {
        state.keep_held(|hold| self.domains().balance.ledger().hold(hold).is_some());
    }

    /// The transaction that carries out the effects, proven on the applied state, and what it will change. Nothing
    /// changes yet.
    ///
    /// # Errors
    /// The invariant that would not hold after it, because the recipe that decided the effects is wrong.
    pub fn commit(
        &self,
        asked: Asked,
        effects: Effects,
        table: Option<(TableId, TableLeg)>,
    ) -> Result<(Committed, Vec<(Domain, Changes)>), Violation> {
        no_effect_yet(self, asked.id)?;
        self.proven(asked, effects, table)
    }

    /// The same, of an id that is known to have no effect yet.
    fn proven(
        &self,
        asked: Asked,
        effects: Effects,
        table: Option<(TableId, TableLeg)>,
    ) -> Result<(Committed, Vec<(Domain, Changes)>), Violation> {
        let Asked { id, principal, key, intent } = asked;
        let Effects { legs, rows, notices } = effects;
        let (mut moved, mut changes) = (Vec::with_capacity(legs.len()), Vec::with_capacity(legs.len()));
        for (domain, Drafted { leg, changes: of_leg }) in legs {
            moved.push((domain, leg));
            changes.push((domain, of_leg));
        }
        let committed = Committed { id, principal, key, intent, legs: moved, rows, notices, table };
        prove(self, &committed, &changes)?;
        Ok((committed, changes))
    }
}

/// The error code that a client gets for a ledger's rejection.
pub(crate) fn refusal(rejection: Rejection) -> ErrorCode {
    match rejection {
        Rejection::InsufficientFunds => ErrorCode::InsufficientFunds,
        Rejection::AccountNotFound => ErrorCode::NoAccount,
        Rejection::AccountFrozen => ErrorCode::AccountFrozen,
        Rejection::NotFrozen => ErrorCode::NotFrozen,
        Rejection::Excluded => ErrorCode::Excluded,
        Rejection::ExclusionStands => ErrorCode::ExclusionStands,
        Rejection::NotExcluded => ErrorCode::NotExcluded,
        Rejection::DurationUnfit => ErrorCode::BadDuration,
        Rejection::ProposalUnknown => ErrorCode::UnknownProposal,
        Rejection::ProposalEnded => ErrorCode::ProposalEnded,
        Rejection::NotAnApprover => ErrorCode::NotAnApprover,
        Rejection::OwnProposal => ErrorCode::OwnProposal,
        Rejection::ApprovedBefore => ErrorCode::ApprovedBefore,
        Rejection::ProposalExpired => ErrorCode::ProposalExpired,
        Rejection::AboveApproverLimit => ErrorCode::AboveApproverLimit,
        Rejection::NoBreakGlass => ErrorCode::NoBreakGlass,
        Rejection::ReversedBefore => ErrorCode::ReversedBefore,
        Rejection::NotReversible => ErrorCode::NotReversible,
        Rejection::RealityCheckDue => ErrorCode::RealityCheckDue,
        Rejection::StartTooSoon => ErrorCode::StartTooSoon,
        Rejection::NoCheckDue => ErrorCode::NoCheckDue,
        Rejection::LimitReached => ErrorCode::LimitReached,
        Rejection::NoLimit => ErrorCode::NoLimit,
        Rejection::LooseningWaits => ErrorCode::LimitChangeWaits,
        Rejection::LooseningEarly => ErrorCode::LimitChangeEarly,
        Rejection::LooseningLate => ErrorCode::LimitChangeLate,
        Rejection::LimitsFull => ErrorCode::TooManyLimits,
        Rejection::BalanceTooLow => ErrorCode::BalanceTooLow,
        Rejection::BalanceTooHigh => ErrorCode::BalanceTooHigh,
        Rejection::ChangeTooLarge => ErrorCode::ChangeTooLarge,
        Rejection::HoldEnded => ErrorCode::HoldNotOpen,
        Rejection::AboveHold => ErrorCode::AboveHold,
        Rejection::TooLarge => ErrorCode::AboveLimit,
        Rejection::HoldNotOpen => ErrorCode::NoBets,
        Rejection::HoldExists => ErrorCode::KeyReused,
        Rejection::AmountNotPositive => ErrorCode::BelowLimit,
        Rejection::CurrencyDiffers => ErrorCode::WrongCurrency,
        Rejection::SameAccount
        | Rejection::AccountExists
        | Rejection::OwnerUnfit
        | Rejection::SourcesUnfit
        | Rejection::ProposalDiffers
        | Rejection::NotDue
        | Rejection::KeyTooLong => ErrorCode::Internal,
    }
}
