//! A token bucket: how much may be used at once, and how fast it comes back.

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub struct Refill {
    /// What comes back each second.
    pub per_second: u32,
    /// What a full bucket holds.
    pub burst: u32,
}

/// What is left for one user. Counted in thousandths, so that a rate a second is one a millisecond in whole numbers.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// Below zero: what is owed.
    thousandths: i64,
    filled_ms: u64,
}

impl Bucket {
    /// A full one.
    pub fn full(refill: Refill, now_ms: u64) -> Self {
        Self { thousandths: refill.full(), filled_ms: now_ms }
    }

    /// Takes `price`; 0: only asks whether something is owed.
    ///
    /// # Errors
    /// The milliseconds until there is enough, when there is not; nothing is taken. A clock that goes back gives nothing.
    pub fn take(&mut self, price: u64, refill: Refill, now_ms: u64) -> Result<(), u64> {
        self.fill(refill, now_ms);
        let missing = thousandths(price).saturating_sub(self.thousandths);
        if missing > 0 {
            return Err(missing.unsigned_abs().div_ceil(u64::from(refill.per_second).max(1)));
        }
        self.thousandths -= thousandths(price);
        Ok(())
    }

    /// Takes `price`, whether or not there is enough: what is missing is owed.
    pub fn owe(&mut self, price: u64, refill: Refill, now_ms: u64) {
        self.fill(refill, now_ms);
        self.thousandths = self.thousandths.saturating_sub(thousandths(price));
    }

    /// Whether it is full, so that it need not be remembered.
    pub fn is_full(&self, refill: Refill, now_ms: u64) -> bool {
        self.at(refill, now_ms) >= refill.full()
    }

    fn fill(&mut self, refill: Refill, now_ms: u64) {
        self.thousandths = self.at(refill, now_ms);
        self.filled_ms = self.filled_ms.max(now_ms);
    }

    /// What is in it at a time.
    fn at(&self, refill: Refill, now_ms: u64) -> i64 {
        let passed_ms = i64::try_from(now_ms.saturating_sub(self.filled_ms)).unwrap_or(i64::MAX);
        let back = passed_ms.saturating_mul(refill.per_second.into());
        self.thousandths.saturating_add(back).min(refill.full())
    }
}

fn thousandths(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX).saturating_mul(1_000)
}

impl Refill {
    fn full(self) -> i64 {
        i64::from(self.burst) * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_at_the_rate_and_no_further_than_the_burst() {
        let refill = Refill { per_second: 10, burst: 3 };
        let mut bucket = Bucket::full(refill, 1_000);
        assert!(bucket.is_full(refill, 0), "a clock that went back empties nothing");
        assert_eq!(bucket.take(3, refill, 1_000), Ok(()));
        assert_eq!(bucket.take(2, refill, 1_050), Err(150));
        assert_eq!(bucket.take(1, refill, 900), Err(50), "a clock that goes back gives nothing away");
        assert!(!bucket.is_full(refill, 1_299) && bucket.is_full(refill, 1_300));
        assert_eq!(bucket.take(4, refill, u64::MAX), Err(100), "more than the burst is never there");
    }

    #[test]
    fn what_is_owed_is_waited_for() {
        let refill = Refill { per_second: 10, burst: 3 };
        let mut bucket = Bucket::full(refill, 1_000);
        bucket.owe(3, refill, 1_000);
        assert_eq!(bucket.take(0, refill, 1_000), Ok(()), "it is empty, and nothing is owed");
        bucket.owe(5, refill, 1_000);
        assert_eq!(bucket.take(0, refill, 1_000), Err(500));
        assert_eq!(bucket.take(1, refill, 1_000), Err(600));
        assert_eq!(bucket.take(0, refill, 1_500), Ok(()));
        bucket.owe(u64::MAX, refill, 1_500);
        assert!(bucket.take(0, refill, 1_500).is_err());
    }
}
