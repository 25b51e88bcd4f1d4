//! The five domain actors: each answers reads of its own state machine, and reports its health and figures.
//!
//! They share the money thread with the coordinator, whose turn runs their `decide` and `apply` directly: that is what
//! makes a transaction over several of them one synchronous step. A domain answers a message from its own state only.
//! An answer that shows balances goes through the output gate. A panic ends the process: otherwise actix would drop
//! the actor, and no `hello` would be answered.

use std::marker::PhantomData;

use actix::prelude::*;
use domains::{
    RoundEnd, StateMachine,
    balance::Balance,
    balance_rule::BalanceRule,
    exclusion::Exclusion,
    freeze::Freeze,
    play_session::PlaySession,
    results::{RESULTS_MAX, Settled},
};
use engine::last_results;
use journal::Journal;
use protocol::{
    Amount, Open, Reply,
    level::BalanceLevel,
    reply::{self, Excluded, PlayerResult},
};

use crate::{
    asides::Asides,
    books::SharedBooks,
    clock::now_ms,
    currencies::Currencies,
    limits,
    messages::{
        domain::{Arrive, GetBalance, GetFunds, GetReport, GetResults, PlayerFunds, Report, ResultsRead},
        output::Output,
        reply::ReplyTo,
    },
    panics::AbortOnPanic,
    play::play_view,
};

/// One domain's actor. Lives on the money arbiter.
pub struct DomainActor<M> {
    books: SharedBooks,
    journal: Journal<Output>,
    currencies: Currencies,
    asides: Asides,
    machine: PhantomData<M>,
}

impl<M: StateMachine + Unpin + 'static> DomainActor<M> {
    /// The actor of one domain of these books.
    #[must_use]
    pub fn new(books: SharedBooks, journal: Journal<Output>, currencies: Currencies, asides: Asides) -> Self {
        Self { books, journal, currencies, asides, machine: PhantomData }
    }
}

impl<M: StateMachine + Unpin + 'static> Actor for DomainActor<M> {
    type Context = Context<Self>;
}

impl<M: StateMachine + Unpin + 'static> Handler<GetReport> for DomainActor<M> {
    type Result = MessageResult<GetReport>;

    fn handle(&mut self, _: GetReport, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic(M::DOMAIN.name());
        let books = self.books.borrow();
        let ledger = books.domains().ledger(M::DOMAIN);
        let (accounts, holds) = ledger.counts();
        MessageResult(Report { domain: M::DOMAIN, accounts, holds })
    }
}

impl Handler<GetBalance> for DomainActor<Balance> {
    type Result = ();

    fn handle(&mut self, GetBalance { player, to }: GetBalance, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(Balance::DOMAIN.name());
        let books = self.books.borrow();
        let rows = &books.domains().rows;
        let balances = self.currencies.spelled().filter_map(|(currency, scale)| {
            let funds = books.domains().balance.funds(player, currency)?;
            Some(reply::Balance {
                currency,
                available: Amount::from_minor(funds.available, scale).ok()?,
                held: Amount::from_minor(funds.held, scale).ok()?,
                level: Some(BalanceRule::level_of(rows, currency, funds))
                    .filter(|level| *level != BalanceLevel::Normal)
                    .map(Open::from),
            })
        });
        let now = now_ms().max(books.time());
        let (exclusion, play) = (Exclusion::of(rows, player, now), PlaySession::told(rows, player, now));
        let reply = Reply::Balances {
            lsn: books.lsn(),
            play: play.map(|play| play_view(&play, &self.currencies)),
            balances: balances.collect(),
            exclusion: exclusion
                .map(|Exclusion { kind, until }| Excluded { kind: kind.name().into(), until }),
            limits: limits::of_player(&books, player, now)
                .iter()
                .filter_map(|limit| limits::state(limit, &self.currencies))
                .collect(),
        };
        self.journal.barrier(Output::Reply(to, Box::new(reply)));
    }
}

impl Handler<GetFunds> for DomainActor<Balance> {
    type Result = ();

    fn handle(&mut self, GetFunds { player, answer }: GetFunds, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(Balance::DOMAIN.name());
        let books = self.books.borrow();
        let (domains, now) = (books.domains(), now_ms().max(books.time()));
        let funds = |(currency, _)| {
            let funds = domains.balance.funds(player, currency)?;
            Some((currency, funds, BalanceRule::level_of(&domains.rows, currency, funds)))
        };
        let funds = PlayerFunds {
            lsn: books.lsn(),
            freeze: Freeze::of(&domains.rows, player, now),
            exclusion: Exclusion::of(&domains.rows, player, now),
            play: PlaySession::told(&domains.rows, player, now),
            limits: limits::of_player(&books, player, now),
            accounts: self.currencies.spelled().filter_map(funds).collect(),
        };
        self.journal.barrier(Output::Funds(answer, Box::new(funds)));
    }
}

impl Handler<GetResults> for DomainActor<Balance> {
    type Result = ();

    fn handle(&mut self, GetResults { player, to }: GetResults, context: &mut Context<Self>) {
        let _guard = AbortOnPanic(Balance::DOMAIN.name());
        let books = self.books.borrow();
        let balance = &books.domains().balance;
        let count = balance.player(player).map_or(0, |player| player.results);
        let recent: Vec<_> = balance.recent(player).cloned().collect();
        if recent.len() as u64 == count.min(RESULTS_MAX as u64) {
            return self.answer_results(to, &recent);
        }
        let (store, this) = (books.store(), context.address());
        self.asides.run(move || {
            let results = last_results(&*store, player, count, recent);
            this.do_send(ResultsRead { to, results });
        });
    }
}

impl Handler<ResultsRead> for DomainActor<Balance> {
    type Result = ();

    fn handle(&mut self, ResultsRead { to, results }: ResultsRead, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(Balance::DOMAIN.name());
        match results {
            Ok(results) => self.answer_results(to, &results),
            Err(unreadable) => {
                let failure = self.asides.failure(&unreadable, self.journal.condition());
                self.journal.barrier(Output::Reply(to, Box::new(Reply::Error(failure))));
            }
        }
    }
}

impl DomainActor<Balance> {
    fn answer_results(&self, to: ReplyTo, results: &[Settled]) {
        let results = results.iter().filter_map(|Settled { time, notice, .. }| {
            let scale = self.currencies.spelling(notice.currency)?;
            let RoundEnd { round, staked, returned, outcome } = notice.what.round_end()?;
            Some(PlayerResult {
                round,
                time: *time,
                currency: notice.currency,
                staked: Amount::from_minor(staked, scale).ok()?,
                returned: Amount::from_minor(returned, scale).ok()?,
                outcome,
            })
        });
        let reply = Reply::PlayerHistory { results: results.collect() };
        self.journal.barrier(Output::Reply(to, Box::new(reply)));
    }
}

impl Handler<Arrive> for DomainActor<Balance> {
    type Result = ();

    fn handle(&mut self, arrive: Arrive, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(Balance::DOMAIN.name());
        let Arrive { player, to, resume, mut welcome, subscriber } = arrive;
        let books = self.books.borrow();
        let play = PlaySession::told(&books.domains().rows, player, now_ms().max(books.time()));
        welcome.play = play.map(|play| play_view(&play, &self.currencies));
        let events = books.domains().balance.player(player).map_or(0, |player| player.events);
        self.journal.barrier(Output::Welcome { to, player, events, resume, welcome, subscriber });
    }
}
