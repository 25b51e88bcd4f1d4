//! What a table is told and asked, each with what it does.

use std::sync::atomic::Ordering::Relaxed;

use actix::prelude::*;
use engine::{Content, Envelope, TxId, table::live::BetRequest};
use protocol::{ErrorCode, PlayerId, Reply, TableId, reply::Failure};

use super::{BetContext, CHIPS_EVERY_MS, TableActor, view};
use crate::{
    clock::{Wake, now_ms},
    coordinator::{Coordinator, GetOutcome},
    directory::Directory,
    gate::{TxResult, Verdict},
    reply::{ReplyTo, SessionRef},
};

/// Also sent once at the start to tables whose round was interrupted: it runs to its end with nobody there.
impl Handler<Wake> for TableActor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Context<Self>) {
        self.guarded(context, |this, context| {
            let now = now_ms();
            if this.alarm_ms.is_some_and(|at_ms| at_ms <= now) {
                this.alarm_ms = None;
            }
            if this.chips_shown_ms + CHIPS_EVERY_MS <= now {
                this.chips_alarm = false;
            }
            if this.chips_changed {
                this.show_chips(context);
            }
            this.proceed(context);
        });
    }
}

/// A session comes to the table. Says whether it has a place now; the client's own answer may come later.
#[derive(Message, Debug)]
#[rtype(result = "bool")]
pub struct Join {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
}

impl Handler<Join> for TableActor {
    type Result = bool;

    fn handle(&mut self, Join { player, to }: Join, context: &mut Context<Self>) -> bool {
        let full = self.seated.len() >= self.live.config().places_max as usize;
        if full && !self.seated.contains(&to.session) {
            to.refuse(&self.shared.workers, ErrorCode::TableFull);
            return false;
        }
        let session = to.session;
        self.seated.insert(session);
        self.arriving.push_back((player, to));
        self.guarded(context, |this, context| {
            this.status.players.store(this.seated.len() as u32, Relaxed);
            this.proceed(context);
            this.welcome();
        });
        self.seated.contains(&session)
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

    fn handle(&mut self, Leave { session }: Leave, context: &mut Context<Self>) {
        self.guarded(context, |this, _| {
            this.seated.remove(&session);
            this.status.players.store(this.seated.len() as u32, Relaxed);
            if this.seated.is_empty() {
                this.seated.shrink_to_fit();
            }
        });
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

    fn handle(&mut self, Bet { request, context: asked }: Bet, context: &mut Context<Self>) {
        // Refused by the log, not here: a retry over a new connection must find its receipt.
        let seated = self.seated.contains(&asked.to.session);
        self.decide(asked, context, |live| {
            Some(if seated {
                live.place_bet(request, now_ms())
            } else {
                let BetRequest { id, content, .. } = request;
                Envelope::Refuse { id, content, code: ErrorCode::NotAtTable }
            })
        });
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

    fn handle(&mut self, clear: Clear, context: &mut Context<Self>) {
        let Clear { player, round, id, content, context: asked } = clear;
        let seated = self.seated.contains(&asked.to.session);
        self.decide(asked, context, |live| {
            if seated {
                live.clear_bets(id, content, player, round, now_ms())
            } else {
                Some(Envelope::Refuse { id, content, code: ErrorCode::NotAtTable })
            }
        });
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

    fn handle(&mut self, GetRounds { to }: GetRounds, context: &mut Context<Self>) {
        let mut reply = Reply::Error(Failure::of(ErrorCode::Internal));
        self.guarded(context, |this, _| {
            let (table, rounds) = (this.live.id(), view::past_rounds(this.live.state()));
            reply = Reply::TableHistory { table, rounds };
        });
        to.send(&self.shared.workers, reply);
    }
}

/// An envelope's result, released by the gate: its record is on disk.
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
        self.guarded(context, |this, context| {
            let sound = !this.live.state().quarantined;
            let offset = this.live.apply(id, leg.as_ref(), time);
            if sound && this.live.state().quarantined {
                tracing::error!(table = %this.live.id(), "a record does not fit the table; it is closed");
            }
            if let Some(leg) = &leg {
                this.applied(leg, offset, context);
            }
            if let (None, Verdict::Impossible(code)) = (&request, verdict) {
                let table = this.live.id();
                tracing::error!(%table, code = code.name(), "a round cannot go on; its table is closed");
                this.live.step_failed();
            }
        });
        if let Some(request) = request {
            self.answer(request, verdict, context);
        }
        self.guarded(context, |this, context| {
            this.proceed(context);
            this.welcome();
        });
    }
}

/// What became of a player's key, asked behind the bets that are on their way: it passes every table the session
/// sits at, then goes to the coordinator.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct AskOutcome {
    /// Tables still to pass.
    pub tables: Vec<TableId>,
    /// The question.
    pub ask: GetOutcome,
}

impl Handler<AskOutcome> for TableActor {
    type Result = ();

    fn handle(&mut self, AskOutcome { tables, ask }: AskOutcome, context: &mut Context<Self>) {
        self.guarded(context, |this, _| {
            ask_outcome(&this.shared.directory, &this.shared.coordinator, tables, ask);
        });
    }
}

/// Passes the question on to the next table, or to the coordinator.
pub fn ask_outcome(
    directory: &Directory,
    coordinator: &Addr<Coordinator>,
    mut tables: Vec<TableId>,
    ask: GetOutcome,
) {
    while let Some(table) = tables.pop() {
        if let Some(entry) = directory.get(table) {
            return entry.addr.do_send(AskOutcome { tables, ask });
        }
    }
    coordinator.do_send(ask);
}
