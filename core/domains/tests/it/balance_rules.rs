//! What the operator allows balances to be, and the thresholds that tell when they are low or high.

use domains::{
    Funds,
    balance_rule::{BalanceRule, Contradicts},
};
use proptest::prelude::*;
use protocol::level::BalanceLevel;

fn rule() -> BalanceRule {
    BalanceRule {
        low: Some(100),
        critical_low: Some(10),
        high: Some(1_000),
        critical_high: Some(5_000),
        ..BalanceRule::unbounded("EUR".parse().unwrap())
    }
}

fn funds(available: i128, held: i128) -> Funds {
    Funds { available, held }
}

#[test]
fn what_is_available_is_low_and_what_there_is_in_all_is_high() {
    for (available, held, level) in [
        (0, 0, BalanceLevel::CriticalLow),
        (9, 0, BalanceLevel::CriticalLow),
        (10, 0, BalanceLevel::Low),
        (99, 0, BalanceLevel::Low),
        (100, 0, BalanceLevel::Normal),
        (1_000, 0, BalanceLevel::Normal),
        (900, 100, BalanceLevel::Normal),
        (900, 101, BalanceLevel::High),
        (5_000, 0, BalanceLevel::High),
        (5_000, 1, BalanceLevel::CriticalHigh),
        // Both: what is critical comes first, and of two that are alike the low one.
        (50, 1_000, BalanceLevel::Low),
        (50, 6_000, BalanceLevel::CriticalHigh),
        (5, 6_000, BalanceLevel::CriticalLow),
    ] {
        assert_eq!(rule().level(funds(available, held)), level, "{available} {held}");
    }
}

#[test]
fn a_level_is_told_when_it_changes_also_when_it_is_normal_again() {
    let crossed =
        |before, after| rule().crossed(funds(before, 0), funds(after, 0)).map(|crossing| crossing.level);
    assert_eq!(crossed(500, 400), None);
    assert_eq!(crossed(500, 99), Some(BalanceLevel::Low));
    assert_eq!(crossed(99, 98), None);
    assert_eq!(crossed(99, 9), Some(BalanceLevel::CriticalLow));
    assert_eq!(crossed(9, 500), Some(BalanceLevel::Normal));
    assert_eq!(crossed(9, 9_000), Some(BalanceLevel::CriticalHigh));
    // The first money.
    assert_eq!(crossed(0, 9), Some(BalanceLevel::CriticalLow));
    assert_eq!(crossed(0, 500), Some(BalanceLevel::Normal));
}

#[test]
fn a_balance_that_gets_better_warns_nobody() {
    let warns = |before, after| rule().crossed(funds(before, 0), funds(after, 0)).unwrap().warns();
    for (before, after, expected) in [
        (500, 50, true),
        (500, 5, true),
        (50, 5, true),
        (5, 50, false),
        (50, 500, false),
        (50, 2_000, true),
        (2_000, 9_000, true),
        (9_000, 2_000, false),
        (5, 9_000, true),
        (0, 5, true),
        (0, 50, false),
        (0, 2_000, true),
        (9_000, 50, true),
    ] {
        assert_eq!(warns(before, after), expected, "{before} {after}");
    }
}

#[test]
fn bounds_that_contradict_are_named() {
    let wrong = |rule: BalanceRule| rule.check().unwrap_err();
    assert_eq!(rule().check(), Ok(()));
    assert_eq!(
        wrong(BalanceRule { critical_low: Some(101), ..rule() }),
        Contradicts { below: "critical_low", above: "low" }
    );
    assert_eq!(
        wrong(BalanceRule { least: Some(2), most: Some(1), ..rule() }),
        Contradicts { below: "least", above: "most" }
    );
    assert_eq!(
        wrong(BalanceRule { low: None, critical_low: Some(1_001), ..rule() }),
        Contradicts { below: "critical_low", above: "high" }
    );
}

proptest! {
    /// More money is never a lower level, whatever thresholds there are, as long as they do not contradict.
    #[test]
    fn more_money_is_never_a_lower_level(
        bounds in prop::array::uniform4(prop::option::of(0_i128..100)),
        mut amounts in prop::collection::vec(0_i128..120, 2..20),
    ) {
        let [low, critical_low, high, critical_high] = bounds;
        let rule = BalanceRule { low, critical_low, high, critical_high, ..rule() };
        prop_assume!(rule.check().is_ok());
        amounts.sort_unstable();
        let place = |amount: &i128| {
            let level = rule.level(funds(*amount, 0));
            BalanceLevel::ALL.iter().position(|known| *known == level)
        };
        prop_assert!(amounts.windows(2).all(|pair| place(&pair[0]) <= place(&pair[1])), "{rule:?}");
    }
}
