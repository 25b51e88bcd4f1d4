//! The budgets of a player or a service: bytes of log and memory for what is recorded under its keys and costs it nothing.
//!
//! A key that is recorded stays for ever, so without a bound a player could fill log and memory for nothing, in two ways,
//! and a service in the first of them:
//!
//! * with requests that are *refused*. Within the budget a refusal is recorded under its key; above it the request is
//!   answered `rate_limited`, nothing is recorded, and the same key is decided afresh later;
//! * with bets that are taken back, or *cleared*. A clearing is charged for itself and for each request to bet that it
//!   undoes. It is never refused, since it gives money back; who has cleared more than the budget allows waits before
//!   the next bet is taken.
//!
//! A bet that stays on the layout is not charged: its player pays for it with the house's edge.

use engine::Principal;
use protocol::PlayerId;
use rustc_hash::FxHashMap;

use crate::bucket::{Bucket, Refill};

/// What one recorded refusal is charged: a record of up to [`REFUSAL_RECORD_BYTES`], and its key, in memory
/// for a while and in the state store for good.
pub const REFUSAL_BYTES: u64 = 512;

/// Length of a record that [`REFUSAL_BYTES`] pays for; what a longer one has more is charged as well. A refused bet on one
/// spot has some 80 bytes, one on every spot of a layout some hundreds.
const REFUSAL_RECORD_BYTES: u64 = 128;

/// What a clearing, and each request to bet that it undoes, is charged: a record of 200 to 500 bytes, and its key in memory
/// twice.
pub const CLEARED_BYTES: u64 = 1_024;

/// Subjects known before those with a full budget are forgotten.
const FORGET_ABOVE: usize = 4_096;

/// A rate for each player and each service, with what may be saved up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes in the long run, each second. At least 1.
    pub bytes_per_second: u32,
    /// Bytes that can be saved up.
    pub burst_bytes: u32,
}

/// The bounds of what the keys of one player, or of one service, may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Of recorded refusals.
    pub refused: Budget,
    /// Of clearings, and of the bets that they undo.
    pub cleared: Budget,
}

/// What players and services have left of their budgets.
#[derive(Debug)]
pub struct Allowances {
    refused: Buckets,
    cleared: Buckets,
}

impl Allowances {
    /// Full budgets for everybody.
    #[must_use]
    pub fn new(budgets: Budgets) -> Self {
        Self { refused: Buckets::new(budgets.refused), cleared: Buckets::new(budgets.cleared) }
    }

    /// Charges a subject for a refusal that is to be recorded, in a record of so many bytes. No more than can be saved up.
    ///
    /// # Errors
    /// The milliseconds to wait, when it has not that much left; nothing is charged.
    pub fn refuse(&mut self, subject: Principal, record_bytes: usize, now_ms: u64) -> Result<(), u64> {
        let refill = self.refused.refill;
        let more = (record_bytes as u64).saturating_sub(REFUSAL_RECORD_BYTES);
        let price = REFUSAL_BYTES.saturating_add(more).min(refill.burst.into());
        self.refused.of(subject, now_ms).take(price, refill, now_ms)
    }

    /// Charges a player for a clearing that undoes so many requests to bet. It may cost more than is left.
    pub fn clear(&mut self, player: PlayerId, requests: usize, now_ms: u64) {
        let refill = self.cleared.refill;
        let price = CLEARED_BYTES.saturating_mul((requests as u64).saturating_add(1));
        self.cleared.of(Principal::from(player), now_ms).owe(price, refill, now_ms);
    }

    /// Whether a player may bet.
    ///
    /// # Errors
    /// The milliseconds to wait, when the player has cleared more than the budget allows.
    pub fn bet(&mut self, player: PlayerId, now_ms: u64) -> Result<(), u64> {
        let Buckets { refill, subjects, .. } = &mut self.cleared;
        subjects.get_mut(&player.into()).map_or(Ok(()), |bucket| bucket.take(0, *refill, now_ms))
    }
}

/// One budget of those who have used some of it.
#[derive(Debug)]
struct Buckets {
    refill: Refill,
    subjects: FxHashMap<Principal, Bucket>,
    forget_above: usize,
}

impl Buckets {
    fn new(Budget { bytes_per_second: per_second, burst_bytes: burst }: Budget) -> Self {
        let refill = Refill { per_second, burst };
        Self { refill, subjects: FxHashMap::default(), forget_above: FORGET_ABOVE }
    }

    fn of(&mut self, subject: Principal, now_ms: u64) -> &mut Bucket {
        let refill = self.refill;
        if self.subjects.len() >= self.forget_above {
            self.subjects.retain(|_, bucket| !bucket.is_full(refill, now_ms));
            // One pass over all subjects is followed by at least as many new ones before the next.
            self.forget_above = FORGET_ABOVE.max(2 * self.subjects.len());
        }
        self.subjects.entry(subject).or_insert_with(|| Bucket::full(refill, now_ms))
    }
}

#[cfg(test)]
mod tests {
    use engine::PrincipalKind;

    use super::*;

    const PLAYER: PlayerId = PlayerId(7);
    const OTHER: PlayerId = PlayerId(8);

    fn allowances(bytes_per_second: u32, burst_bytes: u64) -> Allowances {
        let budget = Budget { bytes_per_second, burst_bytes: burst_bytes as u32 };
        Allowances::new(Budgets { refused: budget, cleared: budget })
    }

    #[test]
    fn a_player_may_burst_and_then_keeps_to_the_rate_and_others_have_their_own() {
        let mut allowances = allowances(128, 3 * REFUSAL_BYTES);
        for _ in 0..3 {
            assert_eq!(allowances.refuse(PLAYER.into(), 80, 1_000), Ok(()));
        }
        assert_eq!(allowances.refuse(PLAYER.into(), 80, 1_000), Err(4_000), "512 bytes at 128 a second");
        assert_eq!(allowances.refuse(OTHER.into(), 80, 1_000), Ok(()));
        assert_eq!(allowances.refuse(Principal::named(PrincipalKind::Service, "", "one"), 80, 1_000), Ok(()));
        assert_eq!(allowances.refuse(PLAYER.into(), 80, 4_999), Err(1));
        assert_eq!(allowances.refuse(PLAYER.into(), 80, 5_000), Ok(()));
        assert_eq!(
            allowances.refuse(PLAYER.into(), 80, 4_000),
            Err(4_000),
            "a clock that goes back gives nothing away"
        );
        for _ in 0..3 {
            assert_eq!(allowances.refuse(PLAYER.into(), 80, u64::MAX), Ok(()));
        }
        assert!(
            allowances.refuse(PLAYER.into(), 80, u64::MAX).is_err(),
            "a pause saves up no more than the burst"
        );
    }

    #[test]
    fn a_refusal_with_a_long_record_costs_its_bytes_and_never_more_than_can_be_saved_up() {
        let mut allowances = allowances(1_024, 3 * REFUSAL_BYTES);
        assert_eq!(allowances.refuse(PLAYER.into(), 128, 1_000), Ok(()));
        assert_eq!(allowances.refuse(PLAYER.into(), 128 + 512, 1_000), Ok(()));
        assert_eq!(allowances.refuse(PLAYER.into(), 0, 1_000), Err(500), "the three are used up");
        assert_eq!(allowances.refuse(PLAYER.into(), usize::MAX, 2_499), Err(1));
        assert_eq!(allowances.refuse(PLAYER.into(), usize::MAX, 2_500), Ok(()));
    }

    #[test]
    fn clearing_is_never_refused_and_who_has_cleared_too_much_waits_before_the_next_bet() {
        let mut allowances = allowances(1_024, 4 * CLEARED_BYTES);
        assert_eq!(allowances.bet(PLAYER, 1_000), Ok(()), "nobody who has cleared nothing is known");
        allowances.clear(PLAYER, 3, 1_000);
        assert_eq!(allowances.bet(PLAYER, 1_000), Ok(()), "the burst is used up, and nothing is owed");
        allowances.clear(PLAYER, 9, 1_000);
        assert_eq!(allowances.bet(PLAYER, 1_000), Err(10_000), "ten keys, one a second");
        assert_eq!(allowances.bet(PLAYER, 10_999), Err(1));
        assert_eq!(allowances.bet(PLAYER, 11_000), Ok(()));
        assert_eq!(allowances.bet(PlayerId(8), 1_000), Ok(()));
        assert_eq!(
            allowances.refuse(PLAYER.into(), 80, 1_000),
            Ok(()),
            "refusals have a budget of their own"
        );
        allowances.clear(PLAYER, usize::MAX - 1, 1_000);
        assert!(allowances.bet(PLAYER, 1_000).is_err());
    }

    #[test]
    fn players_who_have_used_nothing_for_long_are_forgotten() {
        let mut allowances = allowances(512, 2 * REFUSAL_BYTES);
        for player in 0..3 * FORGET_ABOVE as u128 {
            let now_ms = player as u64;
            assert_eq!(allowances.refuse(PlayerId(player).into(), 80, now_ms), Ok(()));
            // Each is full again after a second.
            let known = allowances.refused.subjects.len();
            assert!(known <= FORGET_ABOVE.max(2 * 1_001), "{known}");
        }
    }
}
