//! A small map that keeps the order of insertion, for what a leg has touched so far.
//!
//! Nearly every leg touches two or three accounts and one hold; the settlement of a full round touches thousands.
//! Few entries are searched one by one; with more than [`LINEAR_MAX`], an index is kept.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Most entries that are searched one by one: that costs about as much as one hash.
const LINEAR_MAX: usize = 8;

/// Values by key, in the order in which the keys were added.
#[derive(Debug)]
pub(crate) struct Touched<K, V> {
    entries: Vec<(K, V)>,
    /// The place of each key in `entries`; empty up to [`LINEAR_MAX`] entries.
    index: FxHashMap<K, usize>,
}

impl<K, V> Default for Touched<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: FxHashMap::default() }
    }
}

impl<K: Copy + Eq + Hash, V> Touched<K, V> {
    /// With room for so many entries.
    pub fn with_room(entries: usize) -> Self {
        let mut index = FxHashMap::default();
        if entries > LINEAR_MAX {
            index.reserve(entries);
        }
        Self { entries: Vec::with_capacity(entries), index }
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.place(key).map(|place| &self.entries[place].1)
    }

    /// The place of the key. A new key is added at the end, with the value that `first` returns.
    pub fn place_or<E>(&mut self, key: K, first: impl FnOnce() -> Result<V, E>) -> Result<usize, E> {
        match self.place(&key) {
            Some(place) => Ok(place),
            None => Ok(self.push(key, first()?)),
        }
    }

    /// The values at two different places.
    pub fn pair(&mut self, one: usize, other: usize) -> (&mut V, &mut V) {
        let [(_, one), (_, other)] =
            self.entries.get_disjoint_mut([one, other]).expect("two places that were just found");
        (one, other)
    }

    pub fn put(&mut self, key: K, value: V) {
        match self.place(&key) {
            Some(place) => self.entries[place].1 = value,
            None => drop(self.push(key, value)),
        }
    }

    /// Every entry, in the order in which the keys were added.
    pub fn entries(&self) -> &[(K, V)] {
        &self.entries
    }

    /// As [`Touched::entries`], by value.
    pub fn into_entries(self) -> Vec<(K, V)> {
        self.entries
    }

    fn push(&mut self, key: K, value: V) -> usize {
        let place = self.entries.len();
        self.entries.push((key, value));
        if !self.index.is_empty() {
            self.index.insert(key, place);
        } else if place >= LINEAR_MAX {
            self.index.extend(self.entries.iter().enumerate().map(|(place, (key, _))| (*key, place)));
        }
        place
    }

    fn place(&self, key: &K) -> Option<usize> {
        if self.index.is_empty() {
            self.entries.iter().position(|(known, _)| known == key)
        } else {
            self.index.get(key).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_last_value_and_its_first_place_however_many_there_are() {
        for count in [1, LINEAR_MAX, LINEAR_MAX + 1, 100] {
            for mut touched in [Touched::default(), Touched::with_room(count)] {
                (0..count).for_each(|key| touched.put(key, key));
                (0..count).for_each(|key| touched.put(key, key * 10));
                assert!((0..count).all(|key| touched.get(&key) == Some(&(key * 10))), "{count}");
                assert_eq!(touched.get(&count), None);
                let entries = touched.into_entries();
                assert_eq!(entries, (0..count).map(|key| (key, key * 10)).collect::<Vec<_>>());
            }
        }
    }
}
