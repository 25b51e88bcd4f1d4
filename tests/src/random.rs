//! Seeded randomness for tests: the same seed gives the same choices.

/// SplitMix64: one addition and three shifts, good enough to choose moments and bets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Choices of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of a variable, or a new one; print it, so that a failure can be repeated.
    ///
    /// # Panics
    /// When the variable is no number, or the system has no random numbers.
    #[must_use]
    pub fn seed_from(variable: &str) -> u64 {
        match std::env::var(variable) {
            Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number")),
            Err(_) => getrandom::u64().expect("the system has random numbers"),
        }
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end
    }

    /// Another stream of choices, independent of this one.
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }
}
