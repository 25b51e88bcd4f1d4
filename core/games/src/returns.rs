//! What a game returns in the long run, by its rules alone: computed over every bet and every outcome.

use crate::{BetCode, DrawResult, Game};

/// A stake that every payout of a game is exact for.
const STAKE: i128 = 1_000_000;

/// The long-run return of a game. Shares of the stake: 1 is all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheoreticalReturn {
    /// Of the bet that returns the least.
    pub least: f64,
    /// Of the bet that returns the most.
    pub most: f64,
    /// The largest variance that a bet of 1 has. However a stake is spread over the bets of one draw, the standard deviation of what it
    /// returns is at most the square root of this, times the stake.
    pub variance_most: f64,
}

impl TheoreticalReturn {
    /// Of a game, by enumeration of its bets and outcomes. `None` when the game has a bet that it does not pay.
    #[must_use]
    pub fn of(game: &dyn Game) -> Option<Self> {
        let outcomes = f64::from(game.results());
        let mut found: Option<Self> = None;
        for code in (0..game.bets()).map(BetCode) {
            let (mut sum, mut squares) = (0.0, 0.0);
            for outcome in (0..game.results()).map(DrawResult) {
                let payout = game.payout(code, STAKE, outcome)? as f64 / STAKE as f64;
                sum += payout;
                squares += payout * payout;
            }
            let mean = sum / outcomes;
            let variance = squares / outcomes - mean * mean;
            let before = found.unwrap_or(Self { least: mean, most: mean, variance_most: variance });
            found = Some(Self {
                least: before.least.min(mean),
                most: before.most.max(mean),
                variance_most: before.variance_most.max(variance),
            });
        }
        found
    }
}

/// Where the return of many rounds lies 95 times in 100 or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReturnBand {
    /// From this share of the stakes.
    pub from: f64,
    /// To this one.
    pub to: f64,
}

/// Standard deviations on either side that a normal distribution leaves 5 times in 100.
const DEVIATIONS: f64 = 1.96;

impl ReturnBand {
    /// The band of rounds whose stakes and their squares have these sums. It is that of the widest spread that the rules allow: every
    /// stake of a round on the one bet with the largest variance. `None` without a stake.
    #[must_use]
    pub fn of(game: &TheoreticalReturn, staked: f64, staked_squares: f64) -> Option<Self> {
        (staked > 0.0).then(|| {
            let deviation = (game.variance_most * staked_squares).sqrt() / staked;
            let width = DEVIATIONS * deviation;
            Self { from: (game.least - width).max(0.0), to: game.most + width }
        })
    }

    /// Whether a return is in it.
    #[must_use]
    pub fn has(&self, share: f64) -> bool {
        (self.from..=self.to).contains(&share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game;

    #[test]
    fn roulette_returns_36_of_37_and_a_single_number_has_the_largest_variance() {
        let roulette = TheoreticalReturn::of(game("roulette").expect("a game")).expect("it pays");
        for share in [roulette.least, roulette.most] {
            assert!((share - 36.0 / 37.0).abs() < 1e-12, "{roulette:?}");
        }
        // 36 times the stake in one of 37 outcomes.
        let variance = 36.0 * 36.0 / 37.0 - (36.0_f64 / 37.0).powi(2);
        assert!((roulette.variance_most - variance).abs() < 1e-9, "{roulette:?}");
    }

    #[test]
    fn the_band_narrows_with_the_rounds_and_holds_what_single_rounds_return() {
        let roulette = TheoreticalReturn::of(game("roulette").expect("a game")).expect("it pays");
        // One round may return nothing, or 12 times what was staked on three numbers.
        let one = ReturnBand::of(&roulette, 10.0, 100.0).expect("a stake");
        assert!(one.has(0.0) && one.has(12.0) && !one.has(13.0), "{one:?}");
        // 10,000 rounds of the same stake: a hundredth of the width.
        let many = ReturnBand::of(&roulette, 100_000.0, 1_000_000.0).expect("a stake");
        let width = |band: &ReturnBand| band.to - roulette.most;
        assert!((width(&one) / width(&many) - 100.0).abs() < 1e-6);
        assert!(many.has(0.97) && !many.has(0.8) && !many.has(1.2), "{many:?}");
        assert_eq!(ReturnBand::of(&roulette, 0.0, 0.0), None);
    }
}
