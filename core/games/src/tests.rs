//! What holds for every game in [`GAMES`], and the statistics of its draws.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use fair::{Seed, Stream};
use proptest::prelude::*;

#[test]
fn a_game_is_found_by_its_name_and_by_no_other() {
    for listed in GAMES {
        assert_eq!(game(listed.name()).unwrap().name(), listed.name());
        assert_eq!(GAMES.iter().filter(|other| other.name() == listed.name()).count(), 1, "names are unique");
    }
    assert!(game("Roulette").is_none());
    assert!(game("").is_none());
}

#[test]
fn every_code_is_described_and_reads_back_as_itself() {
    for game in GAMES {
        for code in (0..game.bets()).map(BetCode) {
            let described = game.describe(code).unwrap();
            assert_eq!(game.bet(described.kind, described.numbers), Ok(code), "{described:?}");
            assert_eq!(game.kinds()[described.kind_index], described.kind);
            assert!(described.numbers.is_sorted_by(|a, b| a < b), "{described:?}");
            assert!(described.covers.is_sorted_by(|a, b| a < b), "{described:?}");
        }
        for code in [game.bets(), u16::MAX].map(BetCode) {
            assert_eq!(game.describe(code), None);
            assert_eq!(game.payout(code, 1, DrawResult(0)), None);
        }
    }
}

#[test]
fn a_bet_pays_on_exactly_the_outcomes_it_covers() {
    for game in GAMES {
        for code in (0..game.bets()).map(BetCode) {
            let covers = game.describe(code).unwrap().covers;
            for outcome in 0..game.results() {
                let covered = covers.contains(&u8::try_from(outcome).unwrap());
                assert_eq!(
                    game.payout(code, 1, DrawResult(outcome)).unwrap() > 0,
                    covered,
                    "{code:?} {outcome}"
                );
            }
        }
    }
}

proptest! {
    /// Settlement adds up a player's stakes on a bet and pays the sum.
    #[test]
    fn a_payout_is_additive_in_the_stake(
        one in 0..1_i128 << 60, other in 0..1_i128 << 60, code in any::<u16>(), outcome in any::<u32>(),
    ) {
        for game in GAMES {
            let (code, outcome) = (BetCode(code % game.bets()), DrawResult(outcome % game.results()));
            let pays = |stake| game.payout(code, stake, outcome).unwrap();
            prop_assert_eq!(pays(one) + pays(other), pays(one + other), "{} {:?}", game.name(), code);
            prop_assert_eq!(pays(0), 0);
        }
    }
}

#[test]
fn an_outcome_that_is_not_the_games_has_no_face_and_no_payout() {
    for game in GAMES {
        assert!((0..game.results()).all(|outcome| game.face(DrawResult(outcome)).is_some()));
        for outcome in [game.results(), game.results() + 256, u32::MAX].map(DrawResult) {
            assert_eq!(game.face(outcome), None);
            assert_eq!(game.payout(BetCode(0), 1, outcome), None);
        }
    }
}

/// Rounds per outcome in a sample.
const ROUNDS_PER_OUTCOME: u32 = 10_000;

/// The first draw of each of many rounds, every round with a seed of its own, as in play.
fn draws(game: &dyn Game, map: impl Fn(&mut Stream) -> u32) -> Vec<u32> {
    let rounds = ROUNDS_PER_OUTCOME * game.results();
    (0..rounds)
        .map(|round| {
            let mut seed = Seed([0; 32]);
            seed.0[..4].copy_from_slice(&round.to_be_bytes());
            map(&mut Stream::new(&seed, &fair::mix([]), &format!("table:{round}")))
        })
        .collect()
}

/// How many standard deviations Pearson's chi-square of these counts lies from the value for uniform bins.
///
/// Wilson and Hilferty's approximation: the cube root of a chi-square over its degrees of freedom is normal.
fn deviation(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    let freedom = (counts.len() - 1) as f64;
    let spread = 2.0 / (9.0 * freedom);
    ((chi_square / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Counts: how often each outcome came, and how often each pair of outcomes in neighbouring rounds.
fn bins(draws: &[u32], outcomes: u32) -> (Vec<u32>, Vec<u32>) {
    let mut singles = vec![0; outcomes as usize];
    let mut pairs = vec![0; (outcomes * outcomes) as usize];
    for pair in draws.chunks_exact(2) {
        pairs[(pair[0] * outcomes + pair[1]) as usize] += 1;
    }
    for draw in draws {
        singles[*draw as usize] += 1;
    }
    (singles, pairs)
}

/// Largest accepted deviation in both directions: counts that are too even are as wrong as counts that are too
/// uneven. A fair source fails this once in about 30,000 seeds.
const DEVIATION_MAX: f64 = 4.2;

#[test]
fn outcomes_and_pairs_of_outcomes_come_equally_often() {
    for game in GAMES {
        let (singles, pairs) = bins(&draws(*game, |stream| game.draw(stream).0), game.results());
        for (what, counts) in [("outcomes", singles), ("pairs", pairs)] {
            let deviation = deviation(&counts);
            assert!(deviation.abs() < DEVIATION_MAX, "{what} of {}: {deviation} sigma", game.name());
        }
    }
}

#[test]
fn a_biased_draw_and_a_repeating_one_fail_the_same_check() {
    let game = GAMES[0];
    let folded_bytes = draws(game, |stream| (stream.next_u32() >> 24) % game.results());
    let (singles, _) = bins(&folded_bytes, game.results());
    assert!(deviation(&singles) > DEVIATION_MAX, "256 bytes do not fold evenly onto 37 pockets");

    let rounds = ROUNDS_PER_OUTCOME * game.results();
    let in_turn: Vec<u32> = (0..rounds).map(|round| round % game.results()).collect();
    let (singles, pairs) = bins(&in_turn, game.results());
    assert!(deviation(&singles) < -DEVIATION_MAX, "each pocket in turn is too even");
    assert!(deviation(&pairs) > DEVIATION_MAX, "each pocket in turn repeats its pairs");
}
