//! Waits that differ from client to client, so that clients that are refused at the same time do not retry at the same
//! time.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// 2^32 divided by the golden ratio, made odd: its multiples are spread evenly over the whole circle, however many
/// there are.
const STEP: u32 = 0x9E37_79B9;

/// Wait after a request that is refused because there is no room for it. Milliseconds.
pub const BUSY: RangeInclusive<u64> = 50..=1_000;
/// Wait after a session that the hub has no room for, and after any request during the drain. Milliseconds.
pub const COME_BACK: RangeInclusive<u64> = 1_000..=5_000;
/// Wait after a session too many of one player: the dead ones among them have ended by then. Milliseconds.
pub const TOO_MANY_SESSIONS: RangeInclusive<u64> = 5_000..=10_000;

static TURN: AtomicU32 = AtomicU32::new(0);

/// The next wait out of `range`, milliseconds. Any number of calls in a row are spread evenly over it.
#[must_use]
pub fn wait_ms(range: RangeInclusive<u64>) -> u64 {
    let turn = u64::from(TURN.fetch_add(STEP, Relaxed));
    let (from, to) = range.into_inner();
    from + ((turn * (to - from + 1)) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_clients_sent_away_at_once_come_back_evenly_over_the_whole_range() {
        let mut tenths = [0_u32; 10];
        for _ in 0..1_000 {
            let wait = wait_ms(COME_BACK);
            assert!(COME_BACK.contains(&wait), "{wait}");
            tenths[((wait - 1_000) / 401) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (90..=110).contains(count)), "{tenths:?}");
    }

    #[test]
    fn a_range_of_one_value_has_that_value() {
        assert_eq!(wait_ms(7..=7), 7);
    }
}
