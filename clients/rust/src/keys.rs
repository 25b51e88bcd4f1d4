//! Idempotency keys that never repeat: a random stem for each program run, and a counter.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use protocol::Key;

use crate::Error;

/// Makes keys, unique for a player for ever. Share one among all tasks of a program.
#[derive(Debug)]
pub struct Keys {
    stem: String,
    next: AtomicU64,
}

impl Keys {
    /// A maker with 96 random bits of its own. Fails without random numbers.
    pub fn new() -> Result<Self, Error> {
        let mut stem = [0; 12];
        getrandom::fill(&mut stem).map_err(Error::Random)?;
        let stem = base16ct::lower::encode_string(&stem);
        Ok(Self { stem, next: AtomicU64::new(0) })
    }

    /// The next key: 25 to 41 bytes.
    ///
    /// # Panics
    /// Never: stem, dash and counter are legal and at most 41 bytes together.
    pub fn make(&self) -> Key {
        let count = self.next.fetch_add(1, Relaxed);
        format!("{}-{count:x}", self.stem).parse().expect("hexadecimal digits and a dash, at most 41 bytes")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_within_a_run_and_between_runs() {
        let makers: Vec<Keys> = (0..20).map(|_| Keys::new().expect("random numbers")).collect();
        let keys: HashSet<Key> = makers.iter().flat_map(|maker| (0..50).map(|_| maker.make())).collect();
        assert_eq!(keys.len(), 1_000);
    }

    #[test]
    fn the_last_key_a_counter_can_reach_is_legal() {
        let keys = Keys { stem: "f".repeat(24), next: AtomicU64::new(u64::MAX) };
        assert_eq!(keys.make().as_str().len(), 41);
    }
}
