//! The rules of a table as one value: one encoding, and every bound is checked when it is read.

use engine::{
    DecodeError,
    table::live::{
        BETTING_MS_MAX, BetLimits, GAME_BYTES_MAX, KINDS_MAX, LOCKED_MS_MAX, PAUSE_MS_MAX, SEATS_MAX,
        TableRules,
    },
};
use ledger::SUM_MAX;
use proptest::prelude::*;
use protocol::amount::SCALE_MAX;

fn limits() -> impl Strategy<Value = BetLimits> {
    let most = prop_oneof![1..=1_000_i128, 1..=SUM_MAX, Just(SUM_MAX)];
    most.prop_flat_map(|spot_max| (1..=spot_max).prop_map(move |stake_min| BetLimits { stake_min, spot_max }))
}

prop_compose! {
    fn rules()(
        game in "[a-zé-]{1,16}",
        rules_version in any::<u16>(),
        currency in "[A-Z][A-Z0-9]{2,7}",
        scale in 0..=SCALE_MAX,
        seats_max in 1..=SEATS_MAX,
        times in (0..=BETTING_MS_MAX, 0..=LOCKED_MS_MAX, 0..=PAUSE_MS_MAX),
        round_max in prop_oneof![1..=1_000_i128, 1..=SUM_MAX],
        limits in prop::collection::vec(limits(), 1..=KINDS_MAX),
    ) -> TableRules {
        let (betting_ms, locked_ms, pause_ms) = times;
        TableRules {
            game: game.into(),
            rules_version,
            currency: currency.parse().unwrap(),
            scale,
            seats_max,
            betting_ms,
            locked_ms,
            pause_ms,
            round_max,
            limits,
        }
    }
}

fn roulette() -> TableRules {
    TableRules {
        game: "roulette".into(),
        rules_version: 1,
        currency: "EUR".parse().unwrap(),
        scale: 2,
        seats_max: 100,
        betting_ms: 20_000,
        locked_ms: 6_000,
        pause_ms: 4_000,
        round_max: 200_000,
        limits: vec![
            BetLimits { stake_min: 50, spot_max: 10_000 },
            BetLimits { stake_min: 50, spot_max: 50_000 },
        ],
    }
}

proptest! {
    #[test]
    fn rules_within_their_bounds_read_back(rules in rules()) {
        prop_assert_eq!(rules.out_of_bounds(), None);
        prop_assert_eq!(TableRules::from_bytes(&rules.to_bytes()), Ok(rules));
    }

    #[test]
    fn rules_cut_short_or_gone_on_are_refused(rules in rules(), cut in any::<prop::sample::Index>()) {
        let bytes = rules.to_bytes();
        prop_assert!(TableRules::from_bytes(&bytes[..cut.index(bytes.len())]).is_err());
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(TableRules::from_bytes(&longer), Err(DecodeError::TrailingBytes));
    }

    /// Equal hashes of bytes mean equal rules, and the other way round.
    #[test]
    fn rules_have_one_encoding(rules in rules(), at in any::<prop::sample::Index>(), mask in 1..=255_u8) {
        let mut bytes = rules.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        if let Ok(other) = TableRules::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes);
            prop_assert_ne!(other, rules);
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_are_an_encoding(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(rules) = TableRules::from_bytes(&bytes) {
            prop_assert_eq!(rules.to_bytes(), bytes);
        }
    }
}

#[test]
fn the_longest_rules_are_the_value_of_a_row() {
    let rules = TableRules {
        game: "x".repeat(GAME_BYTES_MAX).into(),
        rules_version: u16::MAX,
        currency: "ABCDEFGH".parse().unwrap(),
        scale: SCALE_MAX,
        seats_max: SEATS_MAX,
        betting_ms: BETTING_MS_MAX,
        locked_ms: LOCKED_MS_MAX,
        pause_ms: PAUSE_MS_MAX,
        round_max: SUM_MAX,
        limits: vec![BetLimits { stake_min: SUM_MAX, spot_max: SUM_MAX }; KINDS_MAX],
    };
    assert_eq!(rules.out_of_bounds(), None);
    assert!(rules.to_bytes().len() <= domains::rules::RULES_BYTES_MAX, "{} bytes", rules.to_bytes().len());
}

#[test]
fn the_encoding_is_the_one_that_logs_hold() {
    let golden = "08726f756c657474650100034555520264a09c01f02ea01f80b518\
                  0264a09c0164a08d06";
    assert_eq!(base16ct::lower::encode_string(&roulette().to_bytes()), golden);
}

#[test]
fn each_value_out_of_its_bounds_is_refused_by_name() {
    type Change = fn(&mut TableRules);
    let cases: &[(&str, Change)] = &[
        ("the name of a game", |rules| rules.game = "".into()),
        ("the name of a game", |rules| rules.game = "x".repeat(GAME_BYTES_MAX + 1).into()),
        ("the decimals of a currency", |rules| rules.scale = SCALE_MAX + 1),
        ("the seats of a table", |rules| rules.seats_max = 0),
        ("the seats of a table", |rules| rules.seats_max = SEATS_MAX + 1),
        ("the time for bets", |rules| rules.betting_ms = BETTING_MS_MAX + 1),
        ("the time from lock to result", |rules| rules.locked_ms = LOCKED_MS_MAX + 1),
        ("the time between rounds", |rules| rules.pause_ms = PAUSE_MS_MAX + 1),
        ("the most of a player in a round", |rules| rules.round_max = 0),
        ("the most of a player in a round", |rules| rules.round_max = -1),
        ("the number of bet kinds", |rules| rules.limits.clear()),
        ("the number of bet kinds", |rules| rules.limits.resize(KINDS_MAX + 1, rules.limits[0])),
        ("the limits of a bet kind", |rules| rules.limits[1].stake_min = 0),
        ("the limits of a bet kind", |rules| rules.limits[0].spot_max = -1),
        ("the limits of a bet kind", |rules| rules.limits[0].stake_min = rules.limits[0].spot_max + 1),
    ];
    for (name, change) in cases {
        let mut rules = roulette();
        change(&mut rules);
        assert_eq!(rules.out_of_bounds(), Some(*name));
        assert_eq!(TableRules::from_bytes(&rules.to_bytes()), Err(DecodeError::OutOfRange(name)));
    }
}

#[test]
fn a_count_of_kinds_that_is_too_large_is_refused_before_memory_is_allocated() {
    let mut rules = roulette();
    rules.limits.clear();
    let mut bytes = rules.to_bytes();
    assert_eq!(bytes.pop(), Some(0), "the count of kinds is last");
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(TableRules::from_bytes(&bytes), Err(DecodeError::Truncated));
}

#[test]
fn every_game_fits_the_bounds() {
    for game in games::GAMES {
        assert!((1..=GAME_BYTES_MAX).contains(&game.name().len()), "{}", game.name());
        assert!((1..=KINDS_MAX).contains(&game.kinds().len()), "{}", game.name());
    }
}
