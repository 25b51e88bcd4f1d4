//! What each recipe moves, in every domain it touches.

use domains::{Command, Context, Domains, StateMachine, adjustment, balance, decide::Deciding, free_play};
use ledger::{AccountId, AccountKind, Domain, HoldId, Rejection};
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

#[test]
fn a_credit_and_a_debit_have_their_other_side_in_corrections() {
    check(
        "
        credit P1 9         => balance.P1 +9  balance.adjustment -9  adjustment.balance +9  adjustment.corrections -9
        debit P1 4          => balance.P1 -4  balance.adjustment +4  adjustment.balance -4  adjustment.corrections +4
        debit P1 6          => InsufficientFunds
        debit P2 1          => AccountNotFound
        credit P1 0         => AmountNotPositive
        debit P1 -3         => AmountNotPositive
        ",
    );
}

#[test]
fn a_frozen_player_is_paid_and_not_debited_and_open_holds_end() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        freeze P1           =>
        stake H2 P1 1       => AccountFrozen
        debit P1 1          => AccountFrozen
        credit P1 5         => balance.P1 +5  balance.adjustment -5  adjustment.balance +5  adjustment.corrections -5
        stake H2 P2 1       => AccountNotFound          # another player's freeze
        release P1 H1       => balance.P1 held -10
        unfreeze P1         =>
        unfreeze P1         => NotFrozen
        stake H3 P1 1       => balance.P1 held +1
        freeze P1 13        =>                          # until line 13, in the clock of these lines
        debit P1 1          => balance.P1 -1  balance.adjustment +1  adjustment.balance -1  adjustment.corrections +1
        unfreeze P1         => NotFrozen
        ",
    );
}

#[test]
fn a_hold_without_an_end_does_not_expire() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        expire H1           => NotDue
        expire H2           => HoldNotOpen
        ",
    );
}

/// Decides commands together and applies them; the ledger has the result.
fn run<C: Command>(world: &mut Domains, commands: &[C]) -> Result<(), Rejection> {
    let context = Context { now: 0, id: HoldId(0), view: world, shares: &[] };
    let mut decision = Deciding::new(&context);
    commands.iter().try_for_each(|command| decision.ask(command)).map_err(|(_, rejection)| rejection)?;
    for (domain, drafted) in decision.finish().legs {
        world.ledger_mut(domain).apply(&drafted.leg)?;
    }
    Ok(())
}

#[test]
fn a_bonus_is_converted_out_of_the_players_own_and_never_more_than_there_is() {
    let (player, currency) = (PlayerId(1), eur());
    let mut world = Domains::default();
    let grant = |amount| [free_play::Command::Grant { player, currency, amount }];
    let convert = |player, amount| [free_play::Command::Convert { player, currency, amount }];
    assert_eq!(run(&mut world, &convert(player, 1)), Err(Rejection::AccountNotFound));
    run(&mut world, &grant(5)).unwrap();
    run(&mut world, &grant(2)).unwrap();
    assert_eq!(run(&mut world, &convert(player, 8)), Err(Rejection::InsufficientFunds));
    assert_eq!(run(&mut world, &convert(PlayerId(2), 1)), Err(Rejection::AccountNotFound));
    run(&mut world, &convert(player, 6)).unwrap();
    let posted = |id| world.free_play.ledger().account(&id).unwrap().posted();
    assert_eq!(posted(AccountId::bonus(player, currency)), 1);
    assert_eq!(posted(AccountId::house(AccountKind::Clearing(Domain::Balance), currency)), 6);
    assert_eq!(posted(AccountId::house(AccountKind::Grants, currency)), -7, "granted once, and not again");
}

#[test]
fn free_play_and_adjustment_pay_over_clearing_and_take_no_overdraft() {
    let (player, currency) = (PlayerId(1), eur());
    let mut world = Domains::default();
    let credit = |amount, from| balance::Command::Credit { player, currency, amount, from };
    let debit = |amount, to| balance::Command::Debit { player, currency, amount, to };

    let bonus = [
        free_play::Command::Grant { player, currency, amount: 9 },
        free_play::Command::Convert { player, currency, amount: 7 },
    ];
    run(&mut world, &bonus).unwrap();
    let corrections = [
        adjustment::Command::Give { currency, amount: 5 },
        adjustment::Command::Take { currency, amount: 2 },
    ];
    run(&mut world, &corrections).unwrap();
    let commands = [
        balance::Command::Open(player, currency),
        balance::Command::Open(player, currency), // opened once, asked twice
        credit(7, Domain::FreePlay),
        credit(5, Domain::Adjustment),
        debit(2, Domain::Adjustment),
    ];
    run(&mut world, &commands).unwrap();

    assert_eq!(world.balance.funds(player, currency).unwrap().available, 10);
    ledger::invariant::clearing_nets_to_zero(|domain| world.ledger(domain)).unwrap();
    let refused = run(&mut world, &[debit(11, Domain::Adjustment)]);
    assert_eq!(refused, Err(Rejection::InsufficientFunds));
}
