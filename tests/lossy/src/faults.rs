//! Which calls suffer which fault: by seed, in the order of the calls of the process.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use lossy_notes::{FAULTS, Fault, SEED};

/// The rates are of so many calls.
const OF: u32 = 10_000;

/// The faults of this process.
pub struct Faults {
    seed: u64,
    calls: AtomicU64,
    rates: [u32; Fault::ALL.len()],
}

impl Faults {
    /// As the variables say; without them there are none.
    pub fn from_environment() -> Faults {
        let text = std::env::var(FAULTS).unwrap_or_default();
        let rate = |fault: Fault| {
            let mut words = text.split(',').filter_map(|word| word.split_once('='));
            words.find(|(name, _)| *name == fault.name()).and_then(|(_, rate)| rate.parse().ok()).unwrap_or(0)
        };
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
        Faults { seed, calls: AtomicU64::new(0), rates: Fault::ALL.map(rate) }
    }

    /// The fault of the next call, of those that it can have; and a number for what else is random about it.
    pub fn draw(&self, possible: &[Fault]) -> (Option<Fault>, u64) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut random = Rng::with_seed(self.seed ^ call.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let hit = Fault::ALL.into_iter().zip(self.rates).find(|(fault, rate)| {
            // Each is drawn for, whether it is possible or not: the next ones are then the same for each kind of call.
            random.u32(..OF) < *rate && possible.contains(fault)
        });
        (hit.map(|(fault, _)| fault), random.u64(..))
    }
}
