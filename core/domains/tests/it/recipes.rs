//! What each recipe moves, in every domain it touches.

use domains::{
    Command, Context, Domains, Intent, OwnerName, PaymentCause, Principal, StateMachine, adjustment, balance,
    decide::Deciding, free_play, recipes, rows::owner_name,
};
use ledger::{AccountId, AccountKind, Domain, HoldId, Owner, OwnerKind, Rejection};
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
fn a_balance_is_kept_within_the_operators_rule_but_winnings_and_what_is_given_back_always_arrive() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        balance-rule 20 150 60 50 =>
        deposit P1 61       => ChangeTooLarge
        credit P1 61        => ChangeTooLarge
        collect M P1 61     => ChangeTooLarge
        debit P1 51         => ChangeTooLarge
        hold H9 P1 51       => ChangeTooLarge
        deposit P1 51       => BalanceTooHigh
        deposit P1 50       => balance.P1 +50  balance.collections -50  collections.balance +50  collections.source -50
        credit P1 1         => BalanceTooHigh
        collect M P1 1      => BalanceTooHigh
        stake H1 P1 131     => BalanceTooLow
        stake H1 P1 130     => balance.P1 held +130     # a stake may be larger than a debit
        stake H2 P1 1       => BalanceTooLow
        debit P1 1          => BalanceTooLow
        hold H2 P1 1        => BalanceTooLow
        debit P1 21         => InsufficientFunds
        credit P1 1         => BalanceTooHigh            # what is held counts
        winnings G P1 1000  => balance.P1 +1000  balance.distributions -1000  collections.distributions +1000  collections.results -1000  distributions.balance +1000  distributions.collections -1000
        release P1 H1       => balance.P1 held -130
        debit P1 50         => balance.P1 -50  balance.adjustment +50  adjustment.balance -50  adjustment.corrections +50
        balance-rule - - - -      =>
        deposit P1 1000     => balance.P1 +1000  balance.collections -1000  collections.balance +1000  collections.source -1000
        stake H3 P1 2100    => balance.P1 held +2100
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
fn a_service_captures_what_it_holds_whole_or_in_part_or_gives_it_back_and_that_once() {
    check(
        "
        credit P1 100       => balance.P1 +100  balance.adjustment -100  adjustment.balance +100  adjustment.corrections -100
        hold H1 P1 60       => balance.P1 held +60
        hold H1 P1 1        => HoldExists
        hold H2 P1 41       => InsufficientFunds
        hold H2 P1 0        => AmountNotPositive
        hold H2 P2 1        => AccountNotFound
        capture H1 61       => AboveHold
        capture H1 0        => AmountNotPositive
        capture H1 -1       => AmountNotPositive
        capture H1 1 USD    => CurrencyDiffers
        capture H1 20       => balance.P1 -20 held -60  balance.adjustment +20  adjustment.balance -20  adjustment.corrections +20
        capture H1 20       => HoldEnded
        free H1             => HoldEnded
        hold H3 P1 30       => balance.P1 held +30
        capture H3          => balance.P1 -30 held -30  balance.adjustment +30  adjustment.balance -30  adjustment.corrections +30
        hold H4 P1 30       => balance.P1 held +30
        capture H4 30       => balance.P1 -30 held -30  balance.adjustment +30  adjustment.balance -30  adjustment.corrections +30
        hold H5 P1 20       => balance.P1 held +20
        hold H6 P1 1        => InsufficientFunds
        free H5             => balance.P1 held -20
        free H5             => HoldEnded
        free H9             => HoldEnded
        ",
    );
}

#[test]
fn a_hold_of_a_service_ends_by_itself_and_a_stake_is_none() {
    check(
        "
        credit P1 100       => balance.P1 +100  balance.adjustment -100  adjustment.balance +100  adjustment.corrections -100
        hold H1 P1 60 6     => balance.P1 held +60      # until line 6, in the clock of these lines
        expire H1           => NotDue
        stake H2 P1 10      => balance.P1 held +10
        free H2             => HoldEnded                # it is a bet's
        capture H1          => HoldEnded                # its time is over, and it has not expired yet
        free H1             => HoldEnded
        expire H1           => balance.P1 held -60
        freeze P1           =>
        hold H3 P1 1        => AccountFrozen
        ",
    );
}

#[test]
fn the_end_of_a_hold_goes_on_while_the_player_is_frozen() {
    check(
        "
        credit P1 100       => balance.P1 +100  balance.adjustment -100  adjustment.balance +100  adjustment.corrections -100
        hold H1 P1 60       => balance.P1 held +60
        hold H2 P1 30       => balance.P1 held +30
        freeze P1           =>
        capture H1 1        => balance.P1 -1 held -60  balance.adjustment +1  adjustment.balance -1  adjustment.corrections +1
        free H2             => balance.P1 held -30
        ",
    );
}

#[test]
fn a_payment_comes_in_through_its_merchant_and_winnings_out_of_their_game() {
    check(
        "
        collect M P1 100    => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        collect M P1 5      => balance.P1 +5  balance.collections -5  collections.balance +5  collections.source -5
        collect M P1 0      => AmountNotPositive
        winnings G P2 40    => balance.P2 +40  balance.distributions -40  collections.distributions +40  collections.results -40  distributions.balance +40  distributions.collections -40
        winnings G P2 2     => balance.P2 +2  balance.distributions -2  collections.distributions +2  collections.results -2  distributions.balance +2  distributions.collections -2
        winnings G P2 -1    => AmountNotPositive
        freeze P1           =>
        collect N P1 1      => balance.P1 +1  balance.collections -1  collections.balance +1  collections.source -1
        ",
    );
}

/// The first use of a name is a row; the same name of another kind is another owner.
#[test]
fn each_merchant_and_each_game_has_accounts_of_its_own_and_is_known_by_name() {
    let player = PlayerId(1);
    let collect = |merchant: &str| -> Intent {
        let (merchant, method) = (merchant.parse().unwrap(), recipes::PaymentMethod::Manual);
        let cause = PaymentCause::default();
        recipes::Collect { player, currency: eur(), amount: 5, merchant, method, cause }.into()
    };
    let winnings = |game: &str| -> Intent {
        let (game, cause) = (game.parse().unwrap(), PaymentCause::default());
        recipes::PlayerWinnings { player, currency: eur(), amount: 5, game, cause }.into()
    };
    let mut world = Domains::default();
    for (intent, names) in [
        (collect("A"), 1),
        (collect("A"), 0),
        (collect("B"), 1),
        (winnings("A"), 1),
        (winnings("A"), 0),
        (winnings("B"), 1),
    ] {
        let context = Context { now: 0, id: HoldId(0), principal: Principal::HUB, view: &world, shares: &[] };
        let effects = intent.decide(&context).unwrap();
        assert_eq!(effects.rows.len(), names, "{intent:?}");
        effects.rows.into_iter().for_each(|row| world.rows.put(row));
        for (domain, drafted) in effects.legs {
            world.ledger_mut(domain).apply(&drafted.leg).unwrap();
        }
    }
    let name: OwnerName = "A".parse().unwrap();
    let (merchant, game) = (name.owner(OwnerKind::Merchant), name.owner(OwnerKind::Game));
    assert_eq!(world.rows.get::<OwnerName>(&owner_name::key(merchant)).as_ref(), Some(&name));
    let collections = world.collections.ledger();
    let posted = |kind, owner| {
        collections.account(&AccountId { kind, owner, currency: eur() }).map(|account| account.posted())
    };
    assert_eq!(posted(AccountKind::Source, merchant), Some(-10));
    assert_eq!(posted(AccountKind::Results, game), Some(-10));
    assert_eq!(posted(AccountKind::Source, Owner::HOUSE), None);
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
    let context = Context { now: 0, id: HoldId(0), principal: Principal::HUB, view: world, shares: &[] };
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
