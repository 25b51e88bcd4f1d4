//! One game table: takes bets, runs rounds, and shows only what is durable.
//!
//! Receives from `session`; sends envelopes to `coordinator` and events to `pubsub`. Rules of play live in `games`,
//! phases and decisions in `engine::table`. A leg is applied when its record is on disk, so whatever a table shows
//! is durable. A table nobody sits at has no alarm and costs no CPU.

mod handlers;
mod past;
mod requests;
mod view;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use actix::prelude::*;
use engine::{
    Envelope, Tx,
    table::{
        History, Places, Stage, Stake, TableLeg,
        live::{Due, LiveTable, Ticket},
    },
};
use journal::Condition;
use protocol::{
    Channel, ErrorCode, Reply, RoundId, TableId,
    push::Event,
    reply::{Failure, Phase},
};
use rustc_hash::FxHashMap;

use crate::{
    clock::{Alarms, now_ms},
    currencies::Currencies,
    messages::{
        money::{GetOutcome, GetPastRounds},
        pubsub::PublishEvent,
        reply::{BetContext, ReplyTo, SessionRef},
        table::{Join, NoPlace},
    },
    ports::{
        money::MoneyPort,
        table::{Status, TablePort},
    },
    pubsub::PubSub,
    seal::Sealer,
    telemetry::Metrics,
    workers::Workers,
};

/// How long a table that can open no round waits before it tries again, milliseconds.
const OPEN_AGAIN_MS: u64 = 1_000;

/// Shortest time between two pictures of everybody's chips, milliseconds.
const CHIPS_EVERY_MS: u64 = 200;

/// What every table of a hub shares.
pub struct TableContext {
    /// Takes envelopes.
    pub money: MoneyPort,
    /// Takes events.
    pub pubsub: Addr<PubSub>,
    /// Takes replies.
    pub workers: Workers,
    /// The other tables.
    pub tables: TablePort,
    /// Makes and opens seeds.
    pub sealer: Sealer,
    /// The operator's currencies.
    pub currencies: Currencies,
    /// The log's epoch, for positions in views.
    pub log_epoch: channels::Epoch,
    /// Whether the log takes records.
    pub log: Condition,
    /// Figures.
    pub metrics: Metrics,
}

/// A table's actor.
pub struct TableActor {
    live: LiveTable,
    shared: Arc<TableContext>,
    alarms: Alarms,
    status: Arc<Status>,
    places: Places<SessionRef>,
    /// Requests that wait for something undecided.
    parked: FxHashMap<Ticket, Parked>,
    /// Those whose answer to a join waits until the rounds they will see are here: the open one and the last ones.
    arriving: VecDeque<Join>,
    /// The last rounds, while somebody is here to look at them.
    history: History,
    /// Those who wait for the last rounds alone.
    looking: Vec<ReplyTo>,
    /// The alarm that is set, milliseconds since 1970.
    alarm_ms: Option<u64>,
    /// When chips were last shown, and whether they have changed since.
    chips_shown_ms: u64,
    chips_changed: bool,
    /// Whether an alarm for the next picture is set.
    chips_alarm: bool,
}

/// Who waits for a parked request, with the permit it holds.
#[derive(Debug)]
enum Parked {
    /// A bet or a clearing.
    Request(BetContext),
    /// A question about a key, and the tables it has still to pass.
    Question { tables: Vec<TableId>, ask: GetOutcome },
}

impl TableActor {
    /// A table with the state that replay has left. To be made on its arbiter.
    #[must_use]
    pub fn new(live: LiveTable, shared: Arc<TableContext>, alarms: Alarms, status: Arc<Status>) -> Self {
        Self {
            live,
            shared,
            alarms,
            status,
            places: Places::default(),
            parked: FxHashMap::default(),
            arriving: VecDeque::new(),
            history: History::default(),
            looking: Vec::new(),
            alarm_ms: None,
            chips_shown_ms: 0,
            chips_changed: false,
            chips_alarm: false,
        }
    }

    /// Runs one message, or a part of one. A panic costs this table only: it takes no more bets, and its stakes are
    /// returned.
    fn guarded(&mut self, context: &mut Context<Self>, run: impl FnOnce(&mut Self, &mut Context<Self>)) {
        if catch_unwind(AssertUnwindSafe(|| run(self, context))).is_ok() {
            return;
        }
        tracing::error!(table = %self.live.id(), "a table has panicked; it is closed and its stakes are returned");
        self.live.panicked();
        if catch_unwind(AssertUnwindSafe(|| self.proceed(context))).is_err() {
            self.live.give_up();
            tracing::error!(table = %self.live.id(), "the table's round cannot be voided before the next start");
            self.answer_parked(ErrorCode::Internal);
        }
        if catch_unwind(AssertUnwindSafe(|| self.welcome())).is_err() {
            for Join { to, .. } in std::mem::take(&mut self.arriving) {
                self.shared.workers.refuse(to, ErrorCode::Internal);
            }
        }
        self.forget_history();
    }

    fn publish(&self, offset: Option<u64>, event: Event) {
        let channel = Channel::table(self.live.id());
        self.shared.pubsub.do_send(PublishEvent { channel, offset, event });
    }

    /// Decides what was parked and can be decided, does what is due now, and sets the alarm for what is due later.
    fn proceed(&mut self, context: &mut Context<Self>) {
        self.unpark();
        let now = now_ms();
        let due = self.live.due(now, !self.places.is_empty());
        let envelope = match due {
            Due::Nothing => None,
            Due::At(at_ms) => {
                self.set_alarm(at_ms, context);
                None
            }
            Due::Rules => self.record_rules(now, context),
            Due::Open => self.open(now, context),
            Due::Lock => Some(self.live.lock(now)),
            Due::Settle => Some(self.live.settle(self.opened_seed(), now)),
            Due::Void(reason) => Some(self.live.void(reason, now)),
            Due::Quarantine => Some(self.live.quarantine()),
        };
        // Read from the envelope: a round that is to be settled is voided too when its seed cannot be opened.
        if let Some(Envelope::Run(Tx {
            table: Some((table, TableLeg::Voided { round, reason, .. })), ..
        })) = &envelope
        {
            tracing::error!(%table, round, reason = reason.text(), "a round is voided");
        }
        if let Some(envelope) = envelope {
            self.submit(envelope, None);
        }
        let phase = self.phase(now);
        self.status.show(phase);
        if phase == Phase::Settled && due == Due::Nothing {
            // No session is here to open the next round: the alarm shows the end of this one in the lobby.
            self.set_alarm(self.live.state().next_at, context);
        }
    }

    /// Whether the log takes records; otherwise the table asks again in a while.
    fn log_is_ready(&mut self, now: u64, context: &mut Context<Self>) -> bool {
        let ready = self.shared.log.is_ready();
        if !ready {
            self.set_alarm(now + OPEN_AGAIN_MS, context);
        }
        ready
    }

    /// Records the configured rules, before the first round that is played by them.
    fn record_rules(&mut self, now: u64, context: &mut Context<Self>) -> Option<Envelope> {
        if !self.log_is_ready(now, context) {
            return None;
        }
        tracing::info!(table = %self.live.id(), "the rules of the table are recorded; the next round is played by them");
        Some(self.live.record_rules())
    }

    /// Opens a round. None while the log takes no records: nobody could bet in it, and what is kept free of the last
    /// segment is for the rounds that are open.
    fn open(&mut self, now: u64, context: &mut Context<Self>) -> Option<Envelope> {
        if !self.log_is_ready(now, context) {
            return None;
        }
        let round = RoundId { table: self.live.id(), number: self.live.state().round + 1 };
        match self.shared.sealer.make(round) {
            Ok((commit, sealed)) => Some(self.live.open_round(commit, sealed, now)),
            Err(error) => {
                tracing::error!(table = %self.live.id(), %error, "no round can be opened; tried again in a second");
                self.set_alarm(now + OPEN_AGAIN_MS, context);
                None
            }
        }
    }

    fn opened_seed(&self) -> Option<[u8; 32]> {
        let open = self.live.state().open.as_ref()?;
        let round = RoundId { table: self.live.id(), number: self.live.state().round };
        self.shared.sealer.open(round, &open.sealed)
    }

    fn set_alarm(&mut self, at_ms: u64, context: &mut Context<Self>) {
        if self.alarm_ms.is_none_or(|set| at_ms < set) {
            self.alarm_ms = Some(at_ms);
            self.alarms.at(at_ms, context.address().recipient());
        }
    }

    /// Shows everybody's chips, now or when the last picture is old enough.
    fn show_chips(&mut self, context: &mut Context<Self>) {
        let now = now_ms();
        let next = self.chips_shown_ms + CHIPS_EVERY_MS;
        if now < next {
            if !self.chips_alarm {
                self.chips_alarm = true;
                self.alarms.at(next, context.address().recipient());
            }
            return;
        }
        self.chips_changed = false;
        self.chips_shown_ms = now;
        let betting = self.live.state().open.as_ref().is_some_and(|open| open.stage == Stage::Betting);
        if betting && !self.places.is_empty() {
            let spots = view::spots(&self.live);
            let (round, players) = (self.live.state().round, self.places.len() as u32);
            self.publish(None, Event::Chips { round, spots, players });
        }
    }

    fn phase(&self, now: u64) -> Phase {
        let state = self.live.state();
        match &state.open {
            _ if self.live.closed() => Phase::Closed,
            Some(open) if open.stage == Stage::Betting => Phase::Betting,
            Some(_) => Phase::Locked,
            None if state.round > 0 && now < state.next_at => Phase::Settled,
            None => Phase::Idle,
        }
    }

    /// Whether the last rounds are here. Otherwise they are on their way: a message brings them.
    fn has_history(&mut self) -> bool {
        let state = self.live.state();
        let newest = state.round.saturating_sub(state.open.is_some().into());
        if self.history.ask() {
            if newest == 0 {
                self.history.read(Vec::new());
            } else {
                let (table, gaps) = (self.live.id(), state.failed());
                self.shared.money.past_rounds(GetPastRounds { table, newest, gaps });
            }
        }
        self.history.rounds().is_some()
    }

    /// Drops the last rounds when nobody is here to look at them. A closed table reads them anew each time: it may not know of
    /// all that end.
    fn forget_history(&mut self) {
        let idle = self.places.is_empty() && self.live.state().open.is_none();
        if idle || self.live.closed() {
            self.history.forget();
        }
    }

    /// Refuses a join: there is no place, or nothing to show. In this order: the session knows of it before its client does.
    fn turn_away(&self, Join { to, join, refused, .. }: Join, failure: Failure) {
        refused.do_send(NoPlace { table: self.live.id(), join });
        self.shared.workers.reply(to, Reply::Error(failure));
    }

    /// Shows the table to those who have come, unless the round they wait for is still being opened, or the last ones are
    /// still being read.
    fn welcome(&mut self) {
        if self.arriving.is_empty() || !self.has_history() || self.live.opening() {
            return;
        }
        let phase = self.phase(now_ms());
        // Each stays in the list until its answer is made, so that a panic answers those who are left.
        while let (Some(player), Some(rounds)) =
            (self.arriving.front().map(|join| join.player), self.history.rounds())
        {
            let (epoch, players) = (&self.shared.log_epoch, self.places.len() as u32);
            let view = view::view(&self.live, rounds, epoch, phase, players);
            let reply = match view {
                Some(view) => Reply::Joined { view, bets: view::bets_of(&self.live, player) },
                None => Reply::Error(Failure::of(ErrorCode::Internal)),
            };
            if let Some(Join { to, .. }) = self.arriving.pop_front() {
                self.shared.workers.reply(to, reply);
            }
        }
    }

    fn applied(&mut self, leg: &TableLeg, offset: Option<u64>, context: &mut Context<Self>) {
        if let (TableLeg::Settled { round, .. } | TableLeg::Voided { round, .. }, Some(last)) =
            (leg, self.live.state().last)
            && last.number == *round
        {
            self.history.ended(last);
        }
        if let Some(offset) = offset {
            let event = leg.event(self.live.state(), self.live.table_rules().scale);
            match event {
                Some(event) => {
                    // Stored before it is published: a session that joins between the two gets a position too high,
                    // loads anew and misses nothing.
                    self.status.events.store(offset, Relaxed);
                    self.publish(Some(offset), event);
                }
                None => tracing::error!(table = %self.live.id(), "an event of the log cannot be spelled"),
            }
        }
        match leg {
            TableLeg::BetPlaced { player, .. } => {
                self.places.bets(*player, true);
                self.chips_changed = true;
                self.show_chips(context);
            }
            TableLeg::BetsCleared { player, .. } => {
                self.places.bets(*player, self.live.stake(*player) == Stake::Stands);
                self.chips_changed = true;
                self.show_chips(context);
            }
            TableLeg::Settled { .. } => {
                self.places.nobody_bets();
                self.shared.metrics.round_settled();
            }
            TableLeg::Voided { .. } => {
                self.places.nobody_bets();
                self.shared.metrics.round_voided();
            }
            TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Ruled { .. }
            | TableLeg::Quarantined { .. } => {}
        }
    }
}

impl Actor for TableActor {
    type Context = Context<Self>;
}

#[cfg(test)]
mod tests;
