//! What is due is carried out, a hundred at a time, and not with a doubtful clock.

use domains::{Context as Decided, What, decide::Deciding, decide::Part, decide::RefusedBy};
use engine::{Content, DecodeError, Envelope, Tx, TxId, due::Scheduler};
use ledger::{
    AccountId, AccountKind, Domain, Hold, Move, Prover, Purpose, Rejection, Transfer,
    codec::{Decoder, Encoder},
};
use protocol::PlayerId;

use actix::prelude::*;

use super::super::Coordinator;
use crate::{
    messages::money::Origin,
    rig::{Money, eur, money},
};

const PLAYER: PlayerId = PlayerId(7);
const HOLDS: u128 = 250;
const END: u64 = 1_000;

/// A hold of 1 that ends at [`END`]. Its records are not read back here.
#[derive(Debug)]
struct SetAside;

impl domains::Recipe for SetAside {
    const KIND: u16 = 60_000;
    const NAME: &'static str = "SET_ASIDE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, _: &mut Encoder) {}

    fn decode(_: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn fields(&self) -> domains::Fields {
        domains::Fields::new()
    }

    fn decide(&self, _: &Decided<'_>, deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        deciding.ask(self)?;
        deciding.tell(PLAYER, eur(), What::Stake);
        Ok(())
    }
}

impl domains::Command for SetAside {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, context: &Decided<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let credit = AccountId::house(AccountKind::Clearing(Domain::Collections), eur());
        let transfer = Transfer { debit: AccountId::cash(PLAYER, eur()), credit, amount: 1 };
        let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
        part.draft.add(Move::Hold(context.id, Hold { expires: Some(END), ..hold }.into()))
    }
}

fn with_holds(log: &std::path::Path) -> (Money, Coordinator) {
    let money = money(log);
    let mut coordinator = money.coordinator();
    coordinator.scheduler = Scheduler::new(true);
    let key = Some(Content(1));
    let deposit = domains::recipes::Deposit { player: PLAYER, currency: eur(), amount: 1_000 };
    coordinator.turn(Envelope::Run(Tx::new(TxId(0), PLAYER.into(), key, deposit)), Origin::Nobody, None);
    for number in 1..=HOLDS {
        let tx = Tx::new(TxId(number), PLAYER.into(), key, SetAside);
        coordinator.turn(Envelope::Run(tx), Origin::Nobody, None);
    }
    (money, coordinator)
}

fn held(money: &Money) -> i128 {
    money.books.borrow().domains().balance.funds(PLAYER, eur()).expect("an account").held
}

#[actix::test]
async fn what_is_due_is_carried_out_a_hundred_at_a_time_and_others_have_their_turn_between() {
    let log = tempfile::tempdir().expect("a directory");
    let (money, mut coordinator) = with_holds(log.path());
    let mut context = Context::new();
    coordinator.run_due(END - 1, &mut context);
    assert_eq!(held(&money), 250, "nothing is due yet");
    for left in [150, 50, 0, 0] {
        coordinator.run_due(END, &mut context);
        assert_eq!(held(&money), left);
    }
    let (deposit, first_use) = (1, 1);
    assert_eq!(money.books.borrow().lsn(), deposit + first_use + 250 + 250, "each is recorded once");
    money.journal.stop();
}

#[actix::test]
async fn with_a_doubtful_clock_nothing_that_is_due_is_carried_out() {
    let log = tempfile::tempdir().expect("a directory");
    let (money, coordinator) = with_holds(log.path());
    let mut coordinator = coordinator.with_doubtful_clock();
    coordinator.run_due(u64::MAX, &mut Context::new());
    assert_eq!(held(&money), 250);
    money.journal.stop();
}
