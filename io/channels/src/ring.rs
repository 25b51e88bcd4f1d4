//! The last publications of one channel: contiguous, bounded in number, bytes and age.

use std::collections::VecDeque;

use protocol::Payload;

/// Contiguous by construction: the newest has the channel's top offset, each before it one less.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    kept: VecDeque<Kept>,
    /// What is kept costs, in bytes.
    bytes: usize,
}

/// What a publication that is kept costs besides its payload: its entry, with the room a queue keeps to grow, and the
/// allocations behind its payload. Bytes; counted against every bound, so that many small ones are no way around one.
pub(crate) const KEPT_BYTES: usize = 160;

/// Bounds of one channel's history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingLimits {
    /// Publications.
    pub(crate) size: usize,
    /// Bytes, with what each publication costs besides.
    pub(crate) bytes: usize,
    /// Age of the oldest. Milliseconds.
    pub(crate) age_ms: u64,
}

#[derive(Debug)]
struct Kept {
    at_ms: u64,
    payload: Payload,
}

impl Kept {
    fn cost_bytes(&self) -> usize {
        self.payload.bytes().len() + KEPT_BYTES
    }
}

impl Ring {
    /// Keeps a publication. The caller has cleared the ring if it does not follow the newest. Answers its cost in bytes.
    pub(crate) fn push(&mut self, payload: Payload, now_ms: u64) -> usize {
        let cost = payload.bytes().len() + KEPT_BYTES;
        self.bytes += cost;
        self.kept.push_back(Kept { at_ms: now_ms, payload });
        cost
    }

    /// Forgets the oldest until what is left is within the limits. Answers the bytes freed.
    pub(crate) fn trim(&mut self, limits: RingLimits, now_ms: u64) -> usize {
        let mut freed = 0;
        while let Some(oldest) = self.kept.front() {
            let fits = self.kept.len() <= limits.size && self.bytes <= limits.bytes;
            if fits && now_ms.saturating_sub(oldest.at_ms) <= limits.age_ms {
                break;
            }
            freed += self.forget_oldest();
        }
        // A ring that was once long does not keep the memory of its longest day.
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
        freed
    }

    /// Forgets the oldest, if any. Answers the bytes freed.
    pub(crate) fn forget_oldest(&mut self) -> usize {
        let freed = self.kept.pop_front().map_or(0, |kept| kept.cost_bytes());
        self.bytes -= freed;
        freed
    }

    /// Forgets all. Answers the bytes freed.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(self).bytes
    }

    /// What is kept costs, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest `count`, oldest first. `None` when fewer are kept.
    pub(crate) fn newest(&self, count: usize) -> Option<impl Iterator<Item = &Payload>> {
        let skipped = self.kept.len().checked_sub(count)?;
        Some(self.kept.iter().skip(skipped).map(|kept| &kept.payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_publication_covers_what_it_takes_in_memory() {
        // A queue has at most twice the room it needs. Behind a payload: its bytes' allocation and their shared count,
        // each with what an allocator adds.
        let entry = 2 * size_of::<Kept>();
        let payload = 16 + (size_of::<(usize, usize, usize, usize)>() + 16);
        assert!(entry + payload <= KEPT_BYTES, "{entry} and {payload}");
    }
}
