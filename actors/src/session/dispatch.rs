//! The dispatch of requests: one arm for each kind, with the checks that need no other actor.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use actix::prelude::*;
use actix_web_actors::ws;
use engine::{
    Content, Envelope, TxId,
    table::live::{BetRequest, ClearRequest},
};
use games::fair::Share;
use protocol::{
    Channel, CloseCode, ErrorCode, Key, PlayerId, Reply, Request, TableId, U53,
    amount::SCALE_MAX,
    reply::{Failure, Subscribed, Welcome},
    request::{self, Hello, PlaceBet, Since},
};

use super::{Bearer, Followed, Identity, Ready, SessionActor, State, amounts, exclusion, limits};
use crate::{
    admission::{ChannelsTaken, NotArrived},
    clock::now_ms,
    messages::{
        domain::{Arrive, GetBalance, GetResults},
        money::{GetOutcome, Origin},
        pubsub::{GetTops, NotFollowed, Subscribe, Subscriber, Unsubscribe},
        reply::{BetContext, ReplyTo},
        table::{Bet, Clear, Join, NoPlace},
    },
    spread,
};

/// Most tables one `list_tables` shows.
const LISTED_MAX: usize = 200;

impl SessionActor {
    /// Handles `hello`, the first request: checks the token, and enrols who is new.
    pub(super) fn hello(&mut self, id: U53, hello: Hello, context: &mut ws::WebsocketContext<Self>) {
        let bearer = match (self.context.authenticate)(&hello.token) {
            Ok(bearer) => bearer,
            Err((code, words)) => {
                self.context.metrics.token_refused();
                self.fail(Some(id), Failure::with(code, words));
                let close = match code {
                    ErrorCode::TokenExpired => CloseCode::TokenExpired,
                    // It is not known yet whether the token is valid: the same one may be sent again.
                    ErrorCode::Unavailable => CloseCode::Busy,
                    _ => CloseCode::TokenInvalid,
                };
                return self.close(close, code.text());
            }
        };
        let Some(to) = self.admit_hello(id) else { return };
        if let State::Waiting(Some(handle)) = self.state {
            context.cancel_future(handle);
        }
        match bearer {
            Bearer::Known(identity) => self.welcome(to, hello, identity, context),
            Bearer::New(enrolment) => {
                let enrolled =
                    enrolment.into_actor(self).map(move |identity, this, context| match identity {
                        Some(identity) => this.welcome(to, hello, identity, context),
                        None => this.fail_hello(to.id, ErrorCode::Busy, CloseCode::Busy),
                    });
                // Requests behind the `hello` wait: they come from somebody whose id is not on disk yet.
                context.wait(enrolled);
            }
        }
    }

    /// Begins the session of a player: counts it, and starts the subscriptions.
    fn welcome(
        &mut self,
        to: ReplyTo,
        hello: Hello,
        identity: Identity,
        context: &mut ws::WebsocketContext<Self>,
    ) {
        let (player, now) = (identity.player, now_ms());
        let arrived = self.context.admission.arrive(player, (self.context.number, self.slot), now);
        if arrived == Err(NotArrived::ShutOut) {
            // The person is somebody new when the client comes back, or nobody who is let in.
            return self.fail_hello(to.id, ErrorCode::Busy, CloseCode::Busy);
        }
        if arrived.is_err() {
            let words = "as many sessions of this player are open as may be";
            let wait_ms = spread::wait_ms(spread::TOO_MANY_SESSIONS);
            let failure = Failure::with(ErrorCode::RateLimited, words).after_ms(wait_ms);
            self.fail(Some(to.id), failure);
            return self.close(CloseCode::TooManySessions, words);
        }
        let personal = Channel::player(player);
        let mut resume: Vec<Since> = Vec::new();
        for since in hello.resume {
            let known = resume.iter().any(|other| other.ch == since.ch);
            let room = resume.len() + 1 < self.context.options.channels_max;
            let allowed = !known && room && self.may_subscribe(player, &since.ch);
            if allowed && (since.ch == personal || self.context.admission.subscribe(player).is_ok()) {
                resume.push(since);
            }
        }
        let others = resume.iter().map(|since| since.ch.clone()).filter(|channel| *channel != personal);
        let channels = std::iter::once(personal.clone()).chain(others);
        let channels = channels.map(|channel| Followed { channel, since: 0, granted: 1 }).collect();
        let (tables, asked) = (Vec::new(), Vec::new());
        let ready = Ready { identity, channels, subscriptions: 0, tables, joins: 0, asked };
        self.state = State::Ready(Box::new(ready));
        self.expire(context);
        let options = &self.context.options;
        let nothing = Subscribed {
            ch: Channel::player(player),
            e: String::new(),
            o: 0,
            recovered: false,
            pubs: Vec::new(),
        };
        let welcome = Box::new(Welcome {
            player,
            time: now,
            version: options.version.into(),
            ping_every_ms: options.ping_every_ms,
            personal: nothing,
            resumed: Vec::new(),
            play: None,
        });
        tracing::debug!(%player, client = hello.client.as_deref().unwrap_or("-"), "a session is ready");
        let subscriber = Subscriber { number: 0, refused: context.address().recipient() };
        self.context.money.arrive(Arrive { player, to, resume, welcome, subscriber });
    }

    /// Handles any other request of a player.
    pub(super) fn dispatch(
        &mut self,
        to: ReplyTo,
        request: Request,
        context: &mut ws::WebsocketContext<Self>,
    ) {
        let State::Ready(ready) = &mut self.state else { return };
        let player = ready.identity.player;
        let shared = &self.context;
        match request {
            Request::Hello(_) => shared.workers.refuse(to, ErrorCode::OutOfOrder),
            Request::Ping => {
                let channels = ready.channels.iter().map(|followed| followed.channel.clone()).collect();
                shared.pubsub.do_send(GetTops { to, channels });
            }
            Request::Subscribe(subscribe) => self.subscribe(to, player, subscribe, context),
            Request::Unsubscribe { channel } => self.unsubscribe(to, player, channel),
            Request::JoinTable { table } => self.join(to, player, table, context),
            Request::LeaveTable { table } => {
                if let Some(table) = shared.tables.get(table) {
                    table.leave(to.session);
                }
                ready.tables.retain(|(joined, _)| *joined != table);
                shared.workers.reply(to, Reply::Left { table });
            }
            Request::ListTables => {
                let tables = shared.tables.summaries(LISTED_MAX);
                shared.workers.reply(to, Reply::Tables { tables });
            }
            Request::PlaceBet(bet) => self.place_bet(to, player, bet),
            Request::ClearBets { key, table, round } => self.clear_bets(to, player, key, table, round),
            Request::Exclude(asked) => {
                exclusion::exclude((&shared.money, &shared.workers), to, player, asked);
            }
            Request::Reinstate { key } => exclusion::reinstate(&shared.money, to, player, key),
            Request::Acknowledge { key } => exclusion::acknowledge(&shared.money, to, player, key),
            Request::SetLimit(asked) => {
                limits::set((&shared.money, &shared.workers, &shared.currencies), to, player, asked);
            }
            Request::ConfirmLimit { key, limit } => {
                limits::confirm(
                    (&shared.money, &shared.workers, &shared.currencies),
                    to,
                    player,
                    (key, limit),
                );
            }
            Request::GetBalance => shared.money.balance(GetBalance { player, to }),
            Request::GetHistory { table: None } => shared.money.results(GetResults { player, to }),
            Request::GetHistory { table: Some(table) } => match shared.tables.get(table) {
                Some(table) => table.rounds(to),
                None => shared.workers.refuse(to, ErrorCode::UnknownTable),
            },
            Request::GetOutcome { key } => {
                ready.forget_answered(&self.in_flight);
                shared.tables.ask_outcome(ready.asked.clone(), GetOutcome { player, key, to }, &shared.money);
            }
        }
    }

    /// Sends the session to a table. It counts as seated at once, and no longer once [`NoPlace`] comes.
    fn join(
        &mut self,
        to: ReplyTo,
        player: PlayerId,
        table: TableId,
        context: &mut ws::WebsocketContext<Self>,
    ) {
        let State::Ready(ready) = &mut self.state else { return };
        let shared = &self.context;
        let Some(way) = shared.tables.get(table) else {
            return shared.workers.refuse(to, ErrorCode::UnknownTable);
        };
        ready.joins += 1;
        let number = ready.joins;
        let full = ready.tables.len() >= shared.options.tables_max;
        match ready.tables.iter_mut().find(|(joined, _)| *joined == table) {
            Some((_, newest)) => *newest = number,
            None if full => {
                let words = format!("a session may sit at {} tables", shared.options.tables_max);
                return shared.workers.reply(to, Reply::Error(Failure::with(ErrorCode::TooLarge, words)));
            }
            None => ready.tables.push((table, number)),
        }
        way.join(Join { player, to, join: number, refused: context.address().recipient() });
    }

    /// Sends the session to a channel. It counts at once, and no longer when the session hears [`NotFollowed`].
    fn subscribe(
        &mut self,
        to: ReplyTo,
        player: PlayerId,
        subscribe: request::Subscribe,
        context: &mut ws::WebsocketContext<Self>,
    ) {
        let request::Subscribe { channel, since } = subscribe;
        if !self.may_subscribe(player, &channel) {
            let known = matches!(channel.namespace(), "player" | "domain");
            let code = if known { ErrorCode::Forbidden } else { ErrorCode::UnknownChannel };
            return self.context.workers.refuse(to, code);
        }
        let State::Ready(ready) = &mut self.state else { return };
        ready.subscriptions += 1;
        let (number, count) = (ready.subscriptions, ready.channels.len());
        match ready.channels.iter_mut().find(|followed| followed.channel == channel) {
            Some(followed) => followed.granted += 1,
            None if count >= self.context.options.channels_max => {
                let words = format!("a session may follow {} channels", self.context.options.channels_max);
                let failure = Failure::with(ErrorCode::TooLarge, words);
                return self.context.workers.reply(to, Reply::Error(failure));
            }
            None => match self.context.admission.subscribe(player) {
                Ok(()) => {
                    ready.channels.push(Followed { channel: channel.clone(), since: number, granted: 1 });
                }
                Err(taken) => return self.context.workers.reply(to, Reply::Error(too_many_channels(taken))),
            },
        }
        let since = since.map(|(e, o)| Since { ch: channel.clone(), e, o });
        let subscriber = Subscriber { number, refused: context.address().recipient() };
        self.context.pubsub.do_send(Subscribe { to, channel, since, subscriber });
    }

    fn unsubscribe(&mut self, to: ReplyTo, player: PlayerId, channel: Channel) {
        let State::Ready(ready) = &mut self.state else { return };
        if channel == Channel::player(player) {
            let failure = Failure::with(ErrorCode::Forbidden, "the personal channel is always followed");
            return self.context.workers.reply(to, Reply::Error(failure));
        }
        let before = ready.channels.len();
        ready.channels.retain(|followed| followed.channel != channel);
        self.context.admission.unsubscribe(player, (before - ready.channels.len()) as u32);
        self.context.pubsub.do_send(Unsubscribe { to, channel });
    }

    /// Whether the player may subscribe to a channel: one of a configured table, the player's own, or one that the
    /// operator's configuration allows.
    fn may_subscribe(&self, player: PlayerId, channel: &Channel) -> bool {
        match channel.namespace() {
            "table" => {
                channel.name().parse().is_ok_and(|table: TableId| self.context.tables.get(table).is_some())
            }
            "player" => *channel == Channel::player(player),
            "domain" => false,
            _ => (self.context.may_subscribe)(channel),
        }
    }

    fn place_bet(&mut self, to: ReplyTo, player: PlayerId, bet: PlaceBet) {
        let State::Ready(ready) = &mut self.state else { return };
        let shared = &self.context;
        let table = shared.tables.get(bet.table);
        // By the currency named, whether the operator still has it or not, and not by the table: a retry has the same
        // content after both are gone.
        let scale = bet.currency.parse().ok().and_then(|currency| shared.currencies.spelling(currency));
        let scale = scale.unwrap_or(SCALE_MAX);
        let request = match priced(player, &bet, scale) {
            Ok(request) => request,
            Err(failure) => return shared.workers.reply(to, Reply::Error(failure)),
        };
        let context = BetContext { to, player, key: bet.key, clears: false };
        match table {
            None => self.refuse_keyed(request.id, request.content, ErrorCode::UnknownTable, context),
            Some(table) if &*bet.currency != table.config().rules.currency.as_str() => {
                self.refuse_keyed(request.id, request.content, ErrorCode::WrongCurrency, context);
            }
            Some(table) => {
                ready.asks(table.id(), &self.in_flight);
                table.bet(Bet { request, context });
            }
        }
    }

    fn clear_bets(&mut self, to: ReplyTo, player: PlayerId, key: Key, table: TableId, round: U53) {
        let State::Ready(ready) = &mut self.state else { return };
        let round = round.get();
        let id = TxId::of_key(player, &key);
        let content = Content::of(&[b"clear_bets", table.as_str().as_bytes(), &round.to_be_bytes()]);
        let context = BetContext { to, player, key, clears: true };
        match self.context.tables.get(table) {
            Some(table) => {
                ready.asks(table.id(), &self.in_flight);
                table.clear(Clear { request: ClearRequest { id, content, player, round }, context });
            }
            None => self.refuse_keyed(id, content, ErrorCode::UnknownTable, context),
        }
    }

    /// Refuses a request with a key through the log: the key may have an outcome already, and then that is the answer.
    fn refuse_keyed(&self, id: TxId, content: Content, code: ErrorCode, context: BetContext) {
        let principal = context.player.into();
        let envelope = Envelope::Refuse { id, principal, content, code, request: None };
        self.context.money.submit(envelope, Origin::Session(context));
    }
}

impl Ready {
    /// A bet or a clearing goes to a table: a question about its key must not overtake it there.
    fn asks(&mut self, table: TableId, in_flight: &AtomicU32) {
        self.forget_answered(in_flight);
        if !self.asked.contains(&table) {
            self.asked.push(table);
        }
    }

    /// Where nothing but the present request is under way, all before it was answered.
    fn forget_answered(&mut self, in_flight: &AtomicU32) {
        if in_flight.load(Relaxed) <= 1 {
            self.asked.clear();
        }
    }
}

/// Why a player may follow no more channels. What only a session that may be dead holds is free again soon.
fn too_many_channels(taken: ChannelsTaken) -> Failure {
    let words = "the player's sessions follow as many channels as they may together";
    match taken {
        ChannelsTaken::ByOneSession => Failure::with(ErrorCode::TooLarge, words),
        ChannelsTaken::BySeveral => {
            Failure::with(ErrorCode::RateLimited, words).after_ms(spread::wait_ms(spread::TOO_MANY_SESSIONS))
        }
    }
}

impl Handler<NotFollowed> for SessionActor {
    type Result = ();

    fn handle(&mut self, NotFollowed { channel, subscription }: NotFollowed, _: &mut Self::Context) {
        let State::Ready(ready) = &mut self.state else { return };
        // The first is the personal one: without it there is no session.
        let mut others = ready.channels.iter().enumerate().skip(1);
        let counted = |followed: &Followed| followed.channel == channel && subscription >= followed.since;
        let Some((place, _)) = others.find(|(_, followed)| counted(followed)) else { return };
        ready.channels[place].granted -= 1;
        if ready.channels[place].granted == 0 {
            ready.channels.remove(place);
            self.context.admission.unsubscribe(ready.identity.player, 1);
        }
    }
}

impl Handler<NoPlace> for SessionActor {
    type Result = ();

    fn handle(&mut self, NoPlace { table, join }: NoPlace, _: &mut Self::Context) {
        if let State::Ready(ready) = &mut self.state {
            ready.tables.retain(|joined| *joined != (table, join));
        }
    }
}

/// Reads the amounts of a bet with `scale` decimals, hashes the player's text, and fingerprints the content.
fn priced(player: PlayerId, bet: &PlaceBet, scale: u32) -> Result<BetRequest, Failure> {
    let mut bets = Vec::with_capacity(bet.bets.len());
    let mut content = Vec::with_capacity(32 * (bet.bets.len() + 1));
    for one in bet.bets.iter() {
        let stake = one.a.parse().and_then(|amount: protocol::Amount| amount.to_minor(scale));
        let stake = stake.map_err(|error| amounts::unfit(&one.a, error).not_final())?;
        content.extend_from_slice(&(one.kind.len() as u64).to_be_bytes());
        content.extend_from_slice(one.kind.as_bytes());
        content.extend_from_slice(&(one.n.len() as u64).to_be_bytes());
        content.extend_from_slice(&one.n);
        content.extend_from_slice(&stake.to_be_bytes());
        bets.push(((*one.kind).into(), one.n.to_vec(), stake));
    }
    let round = bet.round.get();
    let text = bet.seed.as_deref();
    let content = Content::of(&[
        b"place_bet",
        bet.table.as_str().as_bytes(),
        &round.to_be_bytes(),
        bet.currency.as_bytes(),
        &content,
        text.unwrap_or_default().as_bytes(),
    ]);
    let id = TxId::of_key(player, &bet.key);
    // Here, because a worker has the time: the table and the log get the hash, and the text ends here.
    let share = Share::given(player, text);
    Ok(BetRequest { id, content, player, round, bets, share })
}
