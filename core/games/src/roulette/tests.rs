//! The layout against a second computation of its geometry, and the arithmetic of every bet.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn codes() -> impl Iterator<Item = BetCode> {
    (0..European.bets()).map(BetCode)
}

#[test]
fn each_of_157_bets_loses_exactly_one_stake_over_the_37_outcomes() {
    assert_eq!(European.bets(), 157);
    for code in codes() {
        let net: i128 =
            (0..37).map(|outcome| European.payout(code, 1, DrawResult(outcome)).unwrap() - 1).sum();
        assert_eq!(net, -1, "{:?}", European.describe(code));
    }
}

#[test]
fn each_kind_has_its_count_its_coverage_and_its_odds() {
    let even_chances = ["red", "black", "odd", "even", "low", "high"].map(|kind| (kind, 1, 18, 1));
    let rows = [
        // kind, bets, numbers covered, pays to one
        ("straight", 37, 1, 35),
        ("split", 60, 2, 17),
        ("street", 14, 3, 11),
        ("corner", 23, 4, 8),
        ("six_line", 11, 6, 5),
        ("column", 3, 12, 2),
        ("dozen", 3, 12, 2),
    ];
    let rows: Vec<_> = rows.into_iter().chain(even_chances).collect();
    assert_eq!(European.kinds(), rows.iter().map(|row| row.0).collect::<Vec<_>>());
    for (kind, bets, covered, odds) in rows {
        let of_kind: Vec<_> = codes().filter(|code| European.describe(*code).unwrap().kind == kind).collect();
        assert_eq!(of_kind.len(), bets, "{kind}");
        for code in of_kind {
            let covers = European.describe(code).unwrap().covers;
            assert_eq!(covers.len(), covered, "{kind}");
            let won = European.payout(code, 100, DrawResult(covers[0].into()));
            assert_eq!(won, Some(100 * (odds + 1)), "{kind}");
        }
    }
}

/// The codes are written into logs. The hash was computed by other code than this, from rows and columns.
#[test]
fn the_codes_never_change() {
    let join = |numbers: &[u8]| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let list: String = codes()
        .map(|code| {
            let bet = European.describe(code).unwrap();
            format!("{} {} {} {}\n", code.0, bet.kind, join(bet.numbers), join(bet.covers))
        })
        .collect();
    let expected = "5561e612d1db77bac0d763a31f8ee196ce4c8632fbc613a228de3670b9b03fa5";
    assert_eq!(base16ct::lower::encode_string(&Sha256::digest(&list)), expected, "{list}");
}

#[test]
fn the_kinds_stand_in_the_order_of_their_names() {
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, place);
        assert_eq!(Kind::named(kind.name()), Some(kind));
    }
}

#[test]
fn colours_alternate_around_the_wheel_and_every_number_is_on_it_once() {
    assert_eq!(WHEEL.iter().collect::<BTreeSet<_>>().len(), 37);
    let colour = |number: u8| European.face(DrawResult(number.into())).unwrap().colour;
    assert_eq!(colour(WHEEL[0]), "green");
    for (place, number) in WHEEL.into_iter().enumerate().skip(1) {
        assert_eq!(colour(number), if place % 2 == 1 { "red" } else { "black" }, "{number}");
    }
    assert_eq!(European.face(DrawResult(17)).unwrap().name, "17");
}

/// Row and column of a number from 1 on.
fn cell(number: u8) -> (i8, i8) {
    let place = i8::try_from(number - 1).unwrap();
    (place / 3, place % 3)
}

/// Whether ascending numbers are an inside bet of this kind, by the shape their cells make.
fn is_inside_bet(kind: &str, numbers: &[u8]) -> bool {
    if numbers[0] == 0 {
        return match kind {
            "straight" => true,
            "split" => matches!(numbers, [0, 1..=3]),
            "street" => matches!(numbers, [0, 1, 2] | [0, 2, 3]),
            "corner" => matches!(numbers, [0, 1, 2, 3]),
            _ => false,
        };
    }
    let (top, left) = cell(numbers[0]);
    let shape: Vec<_> =
        numbers.iter().map(|number| cell(*number)).map(|(r, c)| (r - top, c - left)).collect();
    match kind {
        "straight" => true,
        "split" => matches!(shape[..], [(0, 0), (0, 1) | (1, 0)]),
        "street" => shape == [(0, 0), (0, 1), (0, 2)],
        "corner" => shape == [(0, 0), (0, 1), (1, 0), (1, 1)],
        "six_line" => shape == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)],
        _ => false,
    }
}

/// Calls `visit` with every ascending selection of `count` numbers of the wheel.
fn for_each_selection(count: usize, chosen: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
    if chosen.len() == count {
        return visit(chosen);
    }
    for number in chosen.last().map_or(0, |last| last + 1)..=36 {
        chosen.push(number);
        for_each_selection(count, chosen, visit);
        chosen.pop();
    }
}

#[test]
fn of_all_selections_of_the_right_count_only_those_on_the_layout_are_bets() {
    for (kind, count) in [("straight", 1), ("split", 2), ("street", 3), ("corner", 4), ("six_line", 6)] {
        for_each_selection(count, &mut Vec::new(), &mut |numbers| match European.bet(kind, numbers) {
            Ok(code) => {
                assert!(is_inside_bet(kind, numbers), "{kind} {numbers:?}");
                assert_eq!(European.describe(code).unwrap().covers, numbers);
            }
            Err(refused) => {
                assert!(!is_inside_bet(kind, numbers), "{kind} {numbers:?}");
                assert_eq!(refused, BetRefused::NotOnLayout { kind });
            }
        });
    }
}

#[test]
fn a_selection_is_refused_for_the_first_reason_that_holds() {
    let off_layout = |kind| Err(BetRefused::NotOnLayout { kind });
    let wrong_count = |kind, expected| Err(BetRefused::WrongCount { kind, expected });
    let rows: [(&str, &[u8], Result<BetCode, BetRefused>); 19] = [
        ("straight", &[36], Ok(BetCode(36))),
        ("split", &[3, 0], Ok(BetCode(39))),
        ("high", &[], Ok(BetCode(156))),
        ("Red", &[], Err(BetRefused::KindUnknown)),
        ("trio", &[0, 1, 2], Err(BetRefused::KindUnknown)),
        ("", &[99, 99], Err(BetRefused::KindUnknown)),
        ("straight", &[], wrong_count("straight", 1)),
        ("straight", &[40, 40], wrong_count("straight", 1)),
        ("street", &[1, 2, 3, 4], wrong_count("street", 3)),
        ("red", &[1], wrong_count("red", 0)),
        ("straight", &[37], Err(BetRefused::NumberUnknown(37))),
        ("split", &[255, 255], Err(BetRefused::NumberUnknown(255))),
        ("split", &[5, 5], Err(BetRefused::NumberTwice(5))),
        ("split", &[3, 4], off_layout("split")),
        ("street", &[0, 1, 3], off_layout("street")),
        ("corner", &[0, 1, 2, 4], off_layout("corner")),
        ("six_line", &[2, 3, 4, 5, 6, 7], off_layout("six_line")),
        ("column", &[0], off_layout("column")),
        ("dozen", &[4], off_layout("dozen")),
    ];
    for (kind, numbers, expected) in rows {
        assert_eq!(European.bet(kind, numbers), expected, "{kind} {numbers:?}");
    }
}

#[test]
fn a_stake_below_zero_or_a_sum_too_large_has_no_payout() {
    let (straight, win, loss) = (BetCode(17), DrawResult(17), DrawResult(18));
    assert_eq!(European.payout(straight, 0, win), Some(0));
    assert_eq!(European.payout(straight, -1, win), None);
    assert_eq!(European.payout(straight, -1, loss), None);
    assert_eq!(European.payout(straight, i128::MAX / 36, win), Some(i128::MAX / 36 * 36));
    assert_eq!(European.payout(straight, i128::MAX / 36 + 1, win), None);
    assert_eq!(European.payout(straight, i128::MAX, loss), Some(0));
}

proptest! {
    #[test]
    fn a_bet_reads_the_same_in_any_order(
        (code, numbers) in (0..157_u16).prop_flat_map(|code| {
            let numbers = European.describe(BetCode(code)).expect("a code of the layout").numbers.to_vec();
            (Just(BetCode(code)), Just(numbers).prop_shuffle())
        })
    ) {
        let kind = European.describe(code).unwrap().kind;
        prop_assert_eq!(European.bet(kind, &numbers), Ok(code));
    }

    #[test]
    fn whatever_is_read_is_spelled_out_as_it_was_given(
        kind in 0..13_usize,
        numbers in prop_oneof![
            prop::collection::vec(0..40_u8, 0..8),
            (0..157_u16).prop_map(|code| European.describe(BetCode(code)).expect("a code").covers.to_vec()),
        ],
    ) {
        let kind = European.kinds()[kind];
        if let Ok(code) = European.bet(kind, &numbers) {
            let described = European.describe(code).unwrap();
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            prop_assert_eq!((described.kind, described.numbers), (kind, &sorted[..]));
        }
    }
}
