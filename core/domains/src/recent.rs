//! The newest of what the state store keeps the last ones of: those that it does not have yet, in memory.

use std::{collections::VecDeque, hash::Hash};

use ledger::Shards;

/// The last items of each owner, as far as the state store does not have them; `MAX` of an owner at most.
#[derive(Debug, Clone)]
pub struct Recent<K, T, const MAX: usize> {
    items: Shards<K, VecDeque<(u64, T)>>,
    /// Whose items they are, with the place of each in the log, oldest first. Some may be dropped already.
    order: VecDeque<(u64, K)>,
    /// Number of the items.
    count: usize,
}

impl<K, T, const MAX: usize> Default for Recent<K, T, MAX> {
    fn default() -> Self {
        Self { items: Shards::default(), order: VecDeque::new(), count: 0 }
    }
}

impl<K: Copy + Eq + Hash, T, const MAX: usize> Recent<K, T, MAX> {
    /// Adds the newest item of an owner, which is recorded at `lsn`. Without a state store the older ones of an owner go when
    /// there are more than `MAX`.
    pub fn push(&mut self, lsn: u64, owner: K, item: T) {
        self.order.push_back((lsn, owner));
        let items = self.items.get_or_default(owner);
        self.count += 1;
        if items.len() >= MAX {
            items.pop_front();
            self.count -= 1;
        }
        items.push_back((lsn, item));
        if self.order.len() > 2 * self.count + MAX {
            self.forget_dropped();
        }
    }

    /// Drops the items of an owner whose place another one is to take.
    pub fn replace(&mut self, owner: K, replaced: impl Fn(&T) -> bool) {
        let Some(items) = self.items.get_mut(&owner) else { return };
        let before = items.len();
        items.retain(|(_, item)| !replaced(item));
        self.count -= before - items.len();
    }

    /// The items of an owner, newest first.
    pub fn of(&self, owner: K) -> impl Iterator<Item = &T> {
        self.items.get(&owner).into_iter().flatten().rev().map(|(_, item)| item)
    }

    /// Every item with its owner, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = (K, &T)> {
        self.items.iter().flat_map(|(owner, items)| items.iter().map(|(_, item)| (*owner, item)))
    }

    /// Number of the items.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The place in the log of the newest item of all, and its owner.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, K)> {
        self.order.back().copied()
    }

    /// Drops what is recorded up to `lsn`, but no more than `most`. Returns whether all of it is dropped.
    pub fn forget(&mut self, lsn: u64, most: usize) -> bool {
        for _ in 0..most {
            match self.order.front() {
                Some((oldest, owner)) if *oldest <= lsn => {
                    let (oldest, owner) = (*oldest, *owner);
                    self.order.pop_front();
                    self.drop_up_to(oldest, owner);
                }
                Some(_) | None => return true,
            }
        }
        self.order.front().is_none_or(|(oldest, _)| *oldest > lsn)
    }

    fn drop_up_to(&mut self, lsn: u64, owner: K) {
        let Some(items) = self.items.get_mut(&owner) else { return };
        while items.front().is_some_and(|(oldest, _)| *oldest <= lsn) {
            items.pop_front();
            self.count -= 1;
        }
        if items.is_empty() {
            self.items.remove(&owner);
        }
    }

    /// Drops from the order what is dropped already.
    fn forget_dropped(&mut self) {
        let Self { items, order, .. } = self;
        order.retain(|(lsn, owner)| {
            items.get(owner).is_some_and(|items| items.binary_search_by_key(lsn, |(at, _)| *at).is_ok())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 50;

    #[test]
    fn memory_is_bounded_by_what_is_kept_however_much_there_was() {
        let mut recent = Recent::<u64, u64, MAX>::default();
        for lsn in 1..=20_000 {
            let owner = if lsn == 1 { 1 } else { 2 + lsn % 2 };
            recent.push(lsn, owner, lsn);
        }
        assert_eq!((recent.count(), recent.all().count()), (2 * MAX + 1, 2 * MAX + 1));
        assert!(recent.order.len() <= 3 * recent.count, "{}", recent.order.len());
        assert_eq!(
            recent.of(3).copied().collect::<Vec<_>>(),
            (19_901..20_000).rev().step_by(2).collect::<Vec<_>>()
        );
        assert_eq!(recent.newest(), Some((20_000, 2)));
        for lsn in 20_001..30_000 {
            // One that is older than the others of its owner, again and again.
            let replaced = if lsn == 20_001 { 19_950 } else { lsn - 1 };
            recent.replace(2, |item| *item == replaced);
            recent.push(lsn, 2, lsn);
            assert_eq!((recent.of(2).next(), recent.count()), (Some(&lsn), 2 * MAX + 1));
        }
        assert_eq!(recent.all().count(), 2 * MAX + 1);
        assert!(recent.order.len() <= 3 * recent.count, "{}", recent.order.len());
        assert!(recent.forget(30_000, usize::MAX));
        assert_eq!((recent.count, recent.order.len(), recent.newest()), (0, 0, None));
    }
}
