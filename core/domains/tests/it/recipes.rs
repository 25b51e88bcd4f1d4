//! What each recipe moves, in every domain it touches.

use domains::{StateMachine, adjustment::Adjustment, balance::Balance, free_play::FreePlay};
use domains::{adjustment, balance, free_play};
use ledger::{AccountId, AccountKind, Domain, Rejection};
use protocol::PlayerId;

use crate::script::{check, eur};

#[test]
fn a_deposit_comes_from_the_source_over_clearing_and_opens_the_account() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        deposit P1 5        => balance.P1 +5  balance.collections -5  collections.balance +5  collections.source -5
        deposit P1 0        => AmountNotPositive
        deposit P1 -5       => AmountNotPositive
        deposit P2 0        => AmountNotPositive
        stake H1 P2 1       => AccountNotFound          # the refused deposit has opened nothing
        ",
    );
}

#[test]
fn a_stake_is_held_and_a_release_gives_it_back() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 60      => balance.P1 held +60
        stake H2 P1 41      => InsufficientFunds
        stake H2 P1 0       => AmountNotPositive
        stake H1 P1 5       => HoldExists
        stake H2 P1 40      => balance.P1 held +40
        release P1 H1 H9    => HoldNotOpen              # and H1 is still held
        release P1 H1 H2    => balance.P1 held -100
        release P1 H1       => HoldNotOpen
        ",
    );
}

#[test]
fn a_settled_round_takes_every_stake_and_pays_every_winner_in_one_step() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        deposit P2 100      => balance.P2 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        stake H2 P1 20      => balance.P1 held +20
        stake H3 P2 50      => balance.P2 held +50
        settle 17 P1 H1 H2 30 360 + P2 H3 50 0  => balance.P1 +330 held -30  balance.P2 -50 held -50  balance.collections +80  balance.distributions -360  collections.balance -80  collections.stakes +80  distributions.balance +360  distributions.winnings -360
        settle 17 P1 H1 H2 30 360               => HoldNotOpen
        nobody-settles 3    =>
        table               =>
        ",
    );
}

#[test]
fn a_void_round_returns_every_stake_and_moves_nothing_else() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        void P1 H1 10 10    => balance.P1 held -10
        void P1 H1 10 10    => HoldNotOpen
        ",
    );
}

#[test]
fn a_recipe_that_names_other_holds_or_sums_than_the_ledger_has_is_refused() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        deposit P2 100      => balance.P2 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        stake H2 P2 10      => balance.P2 held +10
        release P2 H1       => HoldNotOpen              # another player's
        settle 0 P1 H1 11 0 => HoldNotOpen              # one domain would take more than the other gives
        settle 0 P1 H2 10 0 => HoldNotOpen
        void P1 H1 9 9      => HoldNotOpen
        release P1 H1 H1    => HoldNotOpen
        settle 0 P1 H1 10 0 + P2 H1 10 0        => HoldNotOpen
        settle 0 P1 H1 10 -1                    => AmountNotPositive
        ",
    );
}

/// Decides and applies commands; the ledger has the result.
fn run<M: StateMachine>(machine: &mut M, commands: &[M::Command]) -> Result<(), Rejection> {
    let drafted = machine.decide(commands)?;
    machine.apply(&drafted.leg)
}

#[test]
fn a_bonus_is_converted_out_of_the_players_own_and_never_more_than_there_is() {
    let (player, currency) = (PlayerId(1), eur());
    let mut free_play = FreePlay::default();
    let grant = |amount| [free_play::Command::Grant { player, currency, amount }];
    let convert = |player, amount| [free_play::Command::Convert { player, currency, amount }];
    assert_eq!(run(&mut free_play, &convert(player, 1)), Err(Rejection::AccountNotFound));
    run(&mut free_play, &grant(5)).unwrap();
    run(&mut free_play, &grant(2)).unwrap();
    assert_eq!(run(&mut free_play, &convert(player, 8)), Err(Rejection::InsufficientFunds));
    assert_eq!(run(&mut free_play, &convert(PlayerId(2), 1)), Err(Rejection::AccountNotFound));
    run(&mut free_play, &convert(player, 6)).unwrap();
    let posted = |id| free_play.ledger().account(&id).unwrap().posted();
    assert_eq!(posted(AccountId::bonus(player, currency)), 1);
    assert_eq!(posted(AccountId::house(AccountKind::Clearing(Domain::Balance), currency)), 6);
    assert_eq!(posted(AccountId::house(AccountKind::Grants, currency)), -7, "granted once, and not again");
}

#[test]
fn free_play_and_adjustment_pay_over_clearing_and_take_no_overdraft() {
    let (player, currency) = (PlayerId(1), eur());
    let mut balance = Balance::default();
    let mut free_play = FreePlay::default();
    let mut adjustment = Adjustment::default();
    let credit = |amount, from| balance::Command::Credit { player, currency, amount, from };
    let debit = |amount, to| balance::Command::Debit { player, currency, amount, to };

    let bonus = [
        free_play::Command::Grant { player, currency, amount: 9 },
        free_play::Command::Convert { player, currency, amount: 7 },
    ];
    run(&mut free_play, &bonus).unwrap();
    let corrections = [
        adjustment::Command::Give { currency, amount: 5 },
        adjustment::Command::Take { currency, amount: 2 },
    ];
    run(&mut adjustment, &corrections).unwrap();
    let commands = [
        balance::Command::Open(player, currency),
        balance::Command::Open(player, currency), // opened once, asked twice
        credit(7, Domain::FreePlay),
        credit(5, Domain::Adjustment),
        debit(2, Domain::Adjustment),
    ];
    run(&mut balance, &commands).unwrap();

    assert_eq!(balance.funds(player, currency).unwrap().available, 10);
    let mut world = domains::Domains { balance, free_play, adjustment, ..Default::default() };
    ledger::invariant::clearing_nets_to_zero(|domain| world.ledger(domain)).unwrap();
    let refused = run(&mut world.balance, &[debit(11, Domain::Adjustment)]);
    assert_eq!(refused, Err(Rejection::InsufficientFunds));
}
