//! The history of one channel: its last publications, contiguous, bounded in number, bytes and age.

use std::collections::VecDeque;

use protocol::Payload;

/// The history of one channel. The newest publication has the channel's top offset, each before it one less.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    kept: VecDeque<Kept>,
    /// Bytes of the publications, overhead included.
    bytes: usize,
}

/// Memory overhead of a publication in a history, besides its payload. Bytes: its entry, with the spare capacity of the
/// queue, and the allocations of its payload. Counted in every bound, so that many small publications cannot exceed
/// one.
pub(crate) const KEPT_BYTES: usize = 160;

/// Bounds of one channel's history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingLimits {
    /// Most publications.
    pub(crate) size: usize,
    /// Most bytes, overhead included.
    pub(crate) bytes: usize,
    /// Highest age of a publication. Milliseconds.
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
    /// Adds a publication. When it does not follow the newest one, the caller has cleared the ring. Returns its bytes,
    /// overhead included.
    pub(crate) fn push(&mut self, payload: Payload, now_ms: u64) -> usize {
        let cost = payload.bytes().len() + KEPT_BYTES;
        self.bytes += cost;
        self.kept.push_back(Kept { at_ms: now_ms, payload });
        cost
    }

    /// Drops the oldest publications until the rest is within the limits. Returns the bytes freed.
    pub(crate) fn trim(&mut self, limits: RingLimits, now_ms: u64) -> usize {
        let mut freed = 0;
        while let Some(oldest) = self.kept.front() {
            let fits = self.kept.len() <= limits.size && self.bytes <= limits.bytes;
            if fits && now_ms.saturating_sub(oldest.at_ms) <= limits.age_ms {
                break;
            }
            freed += self.forget_oldest();
        }
        // An empty ring gives its memory back.
        if self.kept.is_empty() {
            self.kept = VecDeque::new();
        }
        freed
    }

    /// Drops the oldest publication, if there is one. Returns the bytes freed.
    pub(crate) fn forget_oldest(&mut self) -> usize {
        let freed = self.kept.pop_front().map_or(0, |kept| kept.cost_bytes());
        self.bytes -= freed;
        freed
    }

    /// Drops all publications. Returns the bytes freed.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(self).bytes
    }

    /// Bytes of the publications, overhead included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest `count` publications, oldest first. `None` when there are fewer.
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
        // A queue has at most twice the capacity it needs. A payload has an allocation for its bytes and one for their
        // shared count, each with the overhead of the allocator.
        let entry = 2 * size_of::<Kept>();
        let payload = 16 + (size_of::<(usize, usize, usize, usize)>() + 16);
        assert!(entry + payload <= KEPT_BYTES, "{entry} and {payload}");
    }
}
