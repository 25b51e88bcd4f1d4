//! The five domain actors: each answers reads of its own state machine, and reports its health and figures.
//!
//! They share the money thread with the coordinator, whose turn runs their `decide` and `apply` directly: that is what
//! makes a transaction over several of them one synchronous step. A domain answers a message from its own state only.
//! An answer that shows balances goes through the output gate. A panic ends the process: otherwise actix would drop
//! the actor, and no `hello` would be answered.

use std::marker::PhantomData;

use actix::prelude::*;
use domains::{StateMachine, What, balance::Balance};
use journal::Journal;
use protocol::{
    Amount, Reply,
    reply::{self, PlayerResult},
};

use crate::{
    books::SharedBooks,
    currencies::Currencies,
    messages::{
        domain::{Arrive, GetBalance, GetReport, GetResults, Report},
        output::Output,
    },
    panics::AbortOnPanic,
};

/// One domain's actor. Lives on the money arbiter.
pub struct DomainActor<M> {
    books: SharedBooks,
    journal: Journal<Output>,
    currencies: Currencies,
    machine: PhantomData<M>,
}

impl<M: StateMachine + Unpin + 'static> DomainActor<M> {
    /// The actor of one domain of these books.
    #[must_use]
    pub fn new(books: SharedBooks, journal: Journal<Output>, currencies: Currencies) -> Self {
        Self { books, journal, currencies, machine: PhantomData }
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
        let balances = self.currencies.spelled().filter_map(|(currency, scale)| {
            let funds = books.domains().balance.funds(player, currency)?;
            Some(reply::Balance {
                currency,
                available: Amount::from_minor(funds.available, scale).ok()?,
                held: Amount::from_minor(funds.held, scale).ok()?,
            })
        });
        let reply = Reply::Balances { lsn: books.lsn(), balances: balances.collect() };
        self.journal.barrier(Output::Reply(to, Box::new(reply)));
    }
}

impl Handler<GetResults> for DomainActor<Balance> {
    type Result = ();

    fn handle(&mut self, GetResults { player, to }: GetResults, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(Balance::DOMAIN.name());
        let books = self.books.borrow();
        let results = books.domains().balance.player(player).into_iter().flat_map(|player| player.results());
        let results = results.filter_map(|(time, notice)| {
            let scale = self.currencies.spelling(notice.currency)?;
            let (round, staked, returned, outcome) = match notice.what {
                What::Settled { round, staked, returned, outcome } => {
                    (round, staked, returned, Some(outcome))
                }
                What::Voided { round, staked } => (round, staked, staked, None),
                What::Deposit | What::Stake | What::Release | What::Credit | What::Debit | What::Expired => {
                    return None;
                }
            };
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
        let Arrive { player, to, resume, welcome, subscriber } = arrive;
        let books = self.books.borrow();
        let events = books.domains().balance.player(player).map_or(0, |player| player.events);
        self.journal.barrier(Output::Welcome { to, player, events, resume, welcome, subscriber });
    }
}
