//! A game that fails when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use games::{BetCode, BetRefused, Described, DrawResult, Face, Game, fair};

/// Roulette that panics over one kind of bet, and over every view once it is broken.
pub struct Fragile {
    pub rules: &'static dyn Game,
    pub broken: Arc<AtomicBool>,
}

impl Game for Fragile {
    fn name(&self) -> &'static str {
        self.rules.name()
    }
    fn rules_version(&self) -> u16 {
        self.rules.rules_version()
    }
    fn kinds(&self) -> &'static [&'static str] {
        assert!(!self.broken.load(Relaxed), "this game is broken, on purpose");
        self.rules.kinds()
    }
    fn bets(&self) -> u16 {
        self.rules.bets()
    }
    fn results(&self) -> u32 {
        self.rules.results()
    }
    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused> {
        assert_ne!(kind, "fragile", "this game fails here, on purpose");
        self.rules.bet(kind, numbers)
    }
    fn describe(&self, code: BetCode) -> Option<Described> {
        self.rules.describe(code)
    }
    fn draw(&self, stream: &mut fair::Stream) -> DrawResult {
        self.rules.draw(stream)
    }
    fn payout(&self, code: BetCode, stake: i128, outcome: DrawResult) -> Option<i128> {
        self.rules.payout(code, stake, outcome)
    }
    fn face(&self, outcome: DrawResult) -> Option<Face> {
        self.rules.face(outcome)
    }
}
