//! Why a record says what it says: it is decided again, and what the decision reads is told.
//!
//! The copy of the state that it is decided on begins empty. Whoever has the state before the record gives what the decision
//! looks for, until it finds everything. So nothing but what was consulted is ever given, and it can come from anywhere.

use std::collections::BTreeSet;

use domains::{Context, Principal, rows::RowKey};
use ledger::{Domain, HoldId, LedgerKey, Rejection, Unfound};
use protocol::PlayerId;

use super::{decide::Decider, tally::Undecided};
use crate::{
    item::{ItemId, StateItem},
    record::{Body, Formats, Record, RefusedRequest},
    table::{Stage, TableAsked, TableRequest, TableState, keeps},
    world::World,
};

/// A record that is being explained.
#[derive(Debug)]
pub struct Explaining {
    record: Record,
    world: World,
    /// What was asked for and given, in that order.
    given: Vec<(ItemId, Option<StateItem>)>,
    asked: BTreeSet<ItemId>,
    ledgers: [(Domain, Unfound<LedgerKey>); 5],
    rows: Unfound<RowKey>,
}

/// What a record follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What the decision comes to.
    pub redecided: ReDecided,
    /// What it has read of the state before the record, each item once; `None`: there was no such item.
    pub consulted: Vec<(ItemId, Option<StateItem>)>,
}

/// What a second decision comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReDecided {
    /// To what is recorded; of a refusal, why.
    Same(Option<RefusedWhy>),
    /// To something else: the record does not follow from what was before it.
    Differs(String),
    /// It cannot be decided again.
    Undecided(Undecided),
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedWhy {
    /// By a rule of a domain.
    Domain(Domain, Rejection),
    /// By its table; for a bet that a recorded rule does not allow, the rule in words.
    Table(Option<&'static str>),
}

impl Explaining {
    /// Begins to explain a record.
    #[must_use]
    pub fn of(record: Record) -> Self {
        let mut world = World::default();
        let (ledgers, rows) = (Domain::ALL.map(|domain| (domain, Unfound::default())), Unfound::default());
        for (domain, unfound) in &ledgers {
            world.books.domains.ledger_mut(*domain).note_into(unfound.clone());
        }
        world.books.domains.rows.note_into(rows.clone());
        Self { record, world, given: Vec::new(), asked: BTreeSet::new(), ledgers, rows }
    }

    /// What is to be given next, as it was before the record; nothing when it can be decided. What is asked for once is not
    /// asked for again.
    #[must_use]
    pub fn needs(&mut self) -> Vec<ItemId> {
        let mut needs = if self.asked.is_empty() { self.named() } else { Vec::new() };
        needs.retain(|id| self.asked.insert(*id));
        if !needs.is_empty() {
            return needs;
        }
        // Only what it looks for in vain is of interest yet.
        let _ = self.decider().decide(&self.record);
        let _ = self.why();
        for (domain, unfound) in &self.ledgers {
            needs.extend(unfound.take().into_iter().map(|key| match key {
                LedgerKey::Account(id) => ItemId::Account(*domain, id),
                LedgerKey::Hold(id) => ItemId::Hold(*domain, id),
            }));
        }
        needs.extend(self.rows.take().into_iter().map(ItemId::Row));
        needs.retain(|id| self.asked.insert(*id));
        needs
    }

    /// Gives what was asked for; `None`: there was no such item.
    pub fn give(&mut self, id: ItemId, item: Option<StateItem>) {
        if let Some(item) = item.clone() {
            self.world.page_in(item);
        }
        self.given.push((id, item));
    }

    /// The explanation, once nothing more is needed.
    #[must_use]
    pub fn explained(self) -> Explanation {
        let redecided = match self.decider().decide(&self.record) {
            Ok(Ok(_) | Err(None)) => ReDecided::Same(self.why()),
            Ok(Err(Some(why))) => ReDecided::Undecided(why),
            Err(what) => ReDecided::Differs(what),
        };
        Explanation { redecided, consulted: self.given }
    }

    /// What the record itself names: its decision reads that for certain.
    fn named(&self) -> Vec<ItemId> {
        let named: Vec<_> = match &self.record.body {
            Body::Committed(committed) => committed.named_items().collect(),
            Body::Refused { refused: RefusedRequest::ByTable(request), .. } => {
                vec![ItemId::Table(request.table)]
            }
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => Vec::new(),
        };
        let is_read = |id: &ItemId| match id {
            ItemId::Account(..) | ItemId::Hold(..) | ItemId::Row(_) | ItemId::Table(_) => true,
            ItemId::Player(_) | ItemId::Result(..) | ItemId::Round(..) => false,
        };
        named.into_iter().filter(is_read).collect()
    }

    fn decider(&self) -> Decider<'_> {
        Decider { rules: games::rules, rows: Formats::STANDARD.rows, world: &self.world }
    }

    /// Why it is refused, if it is.
    fn why(&self) -> Option<RefusedWhy> {
        let Body::Refused { id, principal, refused, .. } = &self.record.body else { return None };
        match refused {
            RefusedRequest::ByDomain(intent) => {
                let (id, view) = (HoldId(id.0), self.world.books.domains());
                let context = Context { now: self.record.time, id, principal: *principal, view, shares: &[] };
                let refused = intent.is_read().then(|| intent.decide(&context).err()).flatten();
                refused.map(|(domain, rejection)| RefusedWhy::Domain(domain, rejection))
            }
            RefusedRequest::ByTable(request) => {
                let rule = broken_rule(self.world.tables.get(&request.table)?, *principal, request);
                Some(RefusedWhy::Table(rule))
            }
        }
    }
}

/// The recorded rule that a request to bet breaks, in words.
fn broken_rule(state: &TableState, principal: Principal, request: &TableRequest) -> Option<&'static str> {
    let (Some(rules), Some(open), TableAsked::Bets(spots)) = (&state.rules, &state.open, &request.asked)
    else {
        return None;
    };
    let takes_bets = !state.failed() && open.stage == Stage::Betting && request.arrived < open.deadline;
    let game = games::rules(&rules.game, rules.rules_version);
    let asks = || keeps(rules, game, open, PlayerId(principal.id()), spots);
    let kept = (takes_bets && request.round == state.round).then(asks);
    kept.and_then(Result::err).map(|rule| rule.text())
}
