//! The last publications of one channel: contiguous, bounded in number and age.

use std::collections::VecDeque;

use protocol::Payload;

/// Contiguous by construction: the newest has the channel's top offset, each before it one less.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    kept: VecDeque<Kept>,
}

#[derive(Debug)]
struct Kept {
    at_ms: u64,
    payload: Payload,
}

impl Ring {
    /// Keeps a publication. The caller has cleared the ring if it does not follow the newest.
    pub(crate) fn push(&mut self, payload: Payload, now_ms: u64) {
        self.kept.push_back(Kept { at_ms: now_ms, payload });
    }

    /// Forgets the oldest until at most `size` are left, none older than `age_ms`. Answers the bytes freed.
    pub(crate) fn trim(&mut self, size: usize, age_ms: u64, now_ms: u64) -> usize {
        let mut freed = 0;
        while let Some(oldest) = self.kept.front() {
            if self.kept.len() <= size && now_ms.saturating_sub(oldest.at_ms) <= age_ms {
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
        self.kept.pop_front().map_or(0, |kept| kept.payload.bytes().len())
    }

    /// Forgets all. Answers the bytes freed.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(self).bytes()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.payload.bytes().len()).sum()
    }

    /// The newest `count`, oldest first. `None` when fewer are kept.
    pub(crate) fn newest(&self, count: usize) -> Option<impl Iterator<Item = &Payload>> {
        let skipped = self.kept.len().checked_sub(count)?;
        Some(self.kept.iter().skip(skipped).map(|kept| &kept.payload))
    }
}
