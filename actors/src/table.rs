//! One game table: takes bets, runs rounds, speaks when it is durable.
//!
//! Receives from `session`; sends commands to `coordinator` and events to `pubsub`. Rules of play live in `games`,
//! phases and decisions in `engine::table`. A leg is applied when its record is on disk, so whatever a table shows
//! is durable. A table nobody sits at has no alarm and costs no CPU.

mod view;

use std::sync::{Arc, atomic::Ordering::Relaxed};

use actix::prelude::*;
use engine::{
    Command, Content, Outcome, TxId,
    table::{
        Stage, TableLeg, VoidReason,
        live::{BetRequest, Due, LiveTable},
    },
};
use protocol::{
    Channel, ErrorCode, Key, PlayerId, Reply, RoundId,
    push::Event,
    reply::{Failure, Phase},
};
use rustc_hash::FxHashSet;

use crate::{
    clock::{Alarms, Wake, now_ms},
    coordinator::{Coordinator, Origin, Submit, receipt},
    directory::Status,
    domain::Currencies,
    gate::{TxResult, Verdict},
    pubsub::{PubSub, PublishEvent},
    reply::{ReplyTo, SessionRef},
    seal::Sealer,
    telemetry::Metrics,
    worker::Workers,
};

/// At most one picture of everybody's chips in this time, milliseconds.
const CHIPS_EVERY_MS: u64 = 200;

/// What every table of a hub shares.
pub struct TableContext {
    /// Takes commands.
    pub coordinator: Addr<Coordinator>,
    /// Takes events.
    pub pubsub: Addr<PubSub>,
    /// Takes replies.
    pub workers: Workers,
    /// Makes and opens seeds.
    pub sealer: Sealer,
    /// The operator's currencies.
    pub currencies: Currencies,
    /// The log's epoch, for positions in views.
    pub log_epoch: channels::Epoch,
    /// Figures.
    pub metrics: Metrics,
}

/// A table's actor.
pub struct TableActor {
    live: LiveTable,
    shared: Arc<TableContext>,
    alarms: Alarms,
    status: Arc<Status>,
    seated: FxHashSet<SessionRef>,
    /// The alarm that is set, milliseconds since 1970.
    alarm_ms: Option<u64>,
    /// When chips were last shown, and whether they have changed since.
    chips_shown_ms: u64,
    chips_changed: bool,
}

/// The request a transaction came from; travels with it and ends in a reply.
#[derive(Debug)]
pub struct BetContext {
    /// The session.
    pub to: ReplyTo,
    /// The key.
    pub key: Key,
    /// Whether the reply is to `clear_bets`.
    pub clears: bool,
}

impl TableActor {
    /// A table as replay has left it. Needs to be made on its arbiter.
    #[must_use]
    pub fn new(live: LiveTable, shared: Arc<TableContext>, alarms: Alarms, status: Arc<Status>) -> Self {
        Self {
            live,
            shared,
            alarms,
            status,
            seated: FxHashSet::default(),
            alarm_ms: None,
            chips_shown_ms: 0,
            chips_changed: false,
        }
    }

    fn submit(&self, command: Command, request: Option<BetContext>) {
        let origin = Origin::Table { table: self.live.id(), request };
        self.shared.coordinator.do_send(Submit { command, origin });
    }

    fn publish(&self, offset: Option<u64>, event: Event) {
        let channel = Channel::table(self.live.id());
        self.shared.pubsub.do_send(PublishEvent { channel, offset, event });
    }

    /// Does what is due now and sets the alarm for what is due later.
    fn proceed(&mut self, context: &mut Context<Self>) {
        let now = now_ms();
        let due = self.live.due(now, !self.seated.is_empty());
        let command = match due {
            Due::Nothing => None,
            Due::At(at_ms) => {
                self.set_alarm(at_ms, context);
                None
            }
            Due::Open => self.open(now),
            Due::Lock => Some(self.live.lock(now)),
            Due::Settle => Some(self.live.settle(self.opened_seed(), now)),
            Due::Void(reason) => Some(self.live.void(reason, now)),
        };
        if let Due::Void(reason) = due {
            let table = self.live.id();
            tracing::error!(%table, round = self.live.state().round, reason = reason.text(), "a round is voided");
        }
        if let Some(command) = command {
            self.submit(command, None);
        }
        self.status.show(self.phase(now));
    }

    fn open(&mut self, now: u64) -> Option<Command> {
        let round = RoundId { table: self.live.id(), number: self.live.state().round + 1 };
        match self.shared.sealer.make(round) {
            Ok((commit, sealed)) => Some(self.live.open_round(commit, sealed, now)),
            Err(error) => {
                tracing::error!(table = %self.live.id(), %error, "no round can be opened");
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
            return self.set_alarm(next, context);
        }
        self.chips_changed = false;
        self.chips_shown_ms = now;
        let betting = self.live.state().open.as_ref().is_some_and(|open| open.stage == Stage::Betting);
        if betting && !self.seated.is_empty() {
            let spots = view::spots(&self.live);
            let (round, players) = (self.live.state().round, self.seated.len() as u32);
            self.publish(None, Event::Chips { round, spots, players });
        }
    }

    fn phase(&self, now: u64) -> Phase {
        let state = self.live.state();
        match &state.open {
            _ if state.quarantined => Phase::Closed,
            Some(open) if open.stage == Stage::Betting => Phase::Betting,
            Some(_) => Phase::Locked,
            None if state.round > 0 && now < state.next_at => Phase::Settled,
            None => Phase::Idle,
        }
    }

    /// Answers the request a result belongs to.
    fn answer(&self, request: BetContext, verdict: Verdict) {
        let BetContext { to, key, clears } = request;
        let reply = match verdict {
            Verdict::Recorded(Outcome::Done(done)) => match receipt(key, &done, &self.shared.currencies) {
                Some(receipt) if clears => Reply::BetsCleared(receipt),
                Some(receipt) => Reply::BetAccepted(receipt),
                None => Reply::Error(Failure::of(ErrorCode::Internal)),
            },
            Verdict::Recorded(Outcome::Refused(code)) | Verdict::Impossible(code) => {
                Reply::Error(self.refusal(code))
            }
            Verdict::KeyReused => Reply::Error(Failure::of(ErrorCode::KeyReused)),
            Verdict::Done => Reply::Error(Failure::of(ErrorCode::Internal)),
        };
        to.send(&self.shared.workers, reply);
    }

    /// A refusal in words that name this table's limits where they are the reason.
    fn refusal(&self, code: ErrorCode) -> Failure {
        match view::limits_in_words(&self.live, code) {
            Some(words) => Failure::with(code, words),
            None => Failure::of(code),
        }
    }

    fn applied(&mut self, leg: &TableLeg, offset: Option<u64>, context: &mut Context<Self>) {
        if let Some(offset) = offset {
            let event = leg.event(self.live.state(), self.live.config().scale);
            match event {
                Some(event) => self.publish(Some(offset), event),
                None => tracing::error!(table = %self.live.id(), "an event of the log cannot be spelled"),
            }
        }
        match leg {
            TableLeg::BetPlaced { .. } | TableLeg::BetsCleared { .. } => {
                self.chips_changed = true;
                self.show_chips(context);
            }
            TableLeg::Settled { .. } => self.shared.metrics.round_settled(),
            TableLeg::Voided { .. } => self.shared.metrics.round_voided(),
            TableLeg::Opened { .. } | TableLeg::Locked { .. } => {}
        }
    }
}

impl Actor for TableActor {
    type Context = Context<Self>;
}

/// Also sent once at the start to tables whose round was interrupted: it runs to its end with nobody there.
impl Handler<Wake> for TableActor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Context<Self>) {
        self.alarm_ms = None;
        if self.chips_changed {
            self.show_chips(context);
        }
        self.proceed(context);
    }
}

/// A session comes to the table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Join {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
}

impl Handler<Join> for TableActor {
    type Result = ();

    fn handle(&mut self, Join { player, to }: Join, context: &mut Context<Self>) {
        let full = self.seated.len() >= self.live.config().places_max as usize;
        if full && !self.seated.contains(&to.session) {
            return to.refuse(&self.shared.workers, ErrorCode::TableFull);
        }
        self.seated.insert(to.session);
        self.status.players.store(self.seated.len() as u32, Relaxed);
        self.proceed(context);
        let players = self.seated.len() as u32;
        let view = view::view(&self.live, &self.shared.log_epoch, self.phase(now_ms()), players);
        let reply = match view {
            Some(view) => Reply::Joined { view, bets: view::bets_of(&self.live, player) },
            None => Reply::Error(Failure::of(ErrorCode::Internal)),
        };
        to.send(&self.shared.workers, reply);
    }
}

/// A session leaves the table, or is gone. Its bets stand.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Leave {
    /// The session.
    pub session: SessionRef,
}

impl Handler<Leave> for TableActor {
    type Result = ();

    fn handle(&mut self, Leave { session }: Leave, _: &mut Context<Self>) {
        self.seated.remove(&session);
        self.status.players.store(self.seated.len() as u32, Relaxed);
        if self.seated.is_empty() {
            self.seated.shrink_to_fit();
        }
    }
}

/// A player bets. The session has checked all that does not need the table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Bet {
    /// The request.
    pub request: BetRequest,
    /// Its key and session.
    pub context: BetContext,
}

impl Handler<Bet> for TableActor {
    type Result = ();

    fn handle(&mut self, Bet { request, context }: Bet, _: &mut Context<Self>) {
        let command = self.live.place_bet(request, now_ms());
        self.submit(command, Some(context));
    }
}

/// A player takes back all bets of the open round.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Clear {
    /// The player.
    pub player: PlayerId,
    /// The round meant.
    pub round: u64,
    /// The transaction.
    pub id: TxId,
    /// Its content.
    pub content: Content,
    /// Its key and session.
    pub context: BetContext,
}

impl Handler<Clear> for TableActor {
    type Result = ();

    fn handle(&mut self, clear: Clear, _: &mut Context<Self>) {
        let Clear { player, round, id, content, context } = clear;
        match self.live.clear_bets(id, content, player, round, now_ms()) {
            Some(command) => self.submit(command, Some(context)),
            None => {
                let busy = Failure::with(ErrorCode::Busy, "bets of the player are under way");
                context.to.send(&self.shared.workers, Reply::Error(busy.after_ms(20)));
            }
        }
    }
}

/// The last rounds of the table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetRounds {
    /// The session.
    pub to: ReplyTo,
}

impl Handler<GetRounds> for TableActor {
    type Result = ();

    fn handle(&mut self, GetRounds { to }: GetRounds, _: &mut Context<Self>) {
        let reply =
            Reply::TableHistory { table: self.live.id(), rounds: view::past_rounds(self.live.state()) };
        to.send(&self.shared.workers, reply);
    }
}

/// A command's result, released by the gate: its record is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Finished {
    /// The result.
    pub result: TxResult,
    /// The request it came from.
    pub request: Option<BetContext>,
}

impl Handler<Finished> for TableActor {
    type Result = ();

    fn handle(&mut self, Finished { result, request }: Finished, context: &mut Context<Self>) {
        let TxResult { id, time, leg, verdict } = result;
        let offset = self.live.apply(id, leg.as_ref(), time);
        if let Some(leg) = &leg {
            self.applied(leg, offset, context);
        }
        match request {
            Some(request) => self.answer(request, verdict),
            None => {
                if let Verdict::Impossible(code) = verdict {
                    let table = self.live.id();
                    tracing::error!(%table, code = code.name(), "a round cannot go on; its table is closed");
                    self.live.step_failed();
                }
            }
        }
        self.proceed(context);
    }
}

/// Returns the stakes of a table that is in the log but not in the configuration any more.
pub fn void_orphan(live: &mut LiveTable, coordinator: &Addr<Coordinator>) {
    if live.state().open.is_some() {
        let command = live.void(VoidReason::TableGone, now_ms());
        coordinator.do_send(Submit { command, origin: Origin::Nobody });
    }
}
