//! A map in many parts. A map that grows moves all its entries, and all requests wait meanwhile; here only one part of
//! the entries moves at a time.
//!
//! The last part gets twice as many entries as the first. So the parts do not double in size all at about the same
//! number of entries, and at any number the map as a whole is about two thirds full.

use std::{
    borrow::Borrow,
    collections::hash_map::Entry,
    hash::{BuildHasher, Hash},
};

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Number of parts: at ten millions of entries, growing one moves some ten thousands, which takes about a millisecond.
const PARTS: usize = 256;

/// Values by key, in many maps.
#[derive(Debug, Clone)]
pub struct Shards<K, V> {
    parts: Box<[FxHashMap<K, V>]>,
    len: usize,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| FxHashMap::default()).collect(), len: 0 }
    }
}

impl<K: Eq + Hash, V> Shards<K, V> {
    /// The value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts[part(key)].get(key)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.parts[part(key)].get_mut(key)
    }

    /// The value of a key, to change; a new key gets the default value.
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        match self.parts[part(&key)].entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.len += 1;
                new.insert(V::default())
            }
        }
    }

    /// Whether the key has a value.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key, and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.parts[part(&key)].insert(key, value);
        self.len += usize::from(before.is_none());
        before
    }

    /// Sets the value of a key that has none. `false`, and no change, when it has one.
    pub fn insert_new(&mut self, key: K, value: V) -> bool {
        let Entry::Vacant(new) = self.parts[part(&key)].entry(key) else { return false };
        new.insert(value);
        self.len += 1;
        true
    }

    /// Removes a key, and returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let before = self.parts[part(key)].remove(key);
        self.len -= usize::from(before.is_some());
        before
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every entry, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flatten()
    }

    /// Makes room for so many more entries.
    pub fn reserve(&mut self, more: usize) {
        self.parts.iter_mut().for_each(|part| part.reserve(more.div_ceil(PARTS)));
    }
}

/// The part of a key. The maps use the low and the highest bits of a hash; these are from its middle.
fn part<Q: Hash + ?Sized>(key: &Q) -> usize {
    // A fraction of 2^16. As it grows from 0 to 1, (4x - x²) / 3 does so too, at first twice as fast as in the end.
    let x = FxBuildHasher.hash_one(key) >> 40 & 0xffff;
    ((x * ((4 << 16) - x) / 3 * PARTS as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_counted_however_it_came_in() {
        let mut shards = Shards::default();
        for key in 0..1_000_u64 {
            assert!(shards.insert_new(key, key));
            assert!(!shards.insert_new(key, 7), "it has a value");
            assert_eq!(shards.insert(key, key + 1), Some(key));
            *shards.get_or_default(key + 1_000) += key;
            *shards.get_mut(&key).expect("a value") += 1;
            assert_eq!(shards.get_mut(&(key + 2_000)), None);
        }
        assert_eq!((shards.len(), shards.iter().count()), (2_000, 2_000));
        for key in 0..1_000 {
            assert_eq!((shards.get(&key), shards.get(&(key + 1_000))), (Some(&(key + 2)), Some(&key)));
            assert_eq!(shards.remove(&key), Some(key + 2));
            assert_eq!(shards.remove(&key), None);
        }
        assert_eq!((shards.len(), shards.is_empty()), (1_000, false));
    }

    /// Parts of one size would all be half full at some numbers of entries, and grow together at others.
    #[test]
    fn at_any_number_of_entries_the_map_as_a_whole_is_about_as_full() {
        let mut shards = Shards::default();
        for key in 0..400_000_u64 {
            shards.insert(key, ());
            if key > 100_000 && key.is_multiple_of(10_000) {
                let room: usize = shards.parts.iter().map(FxHashMap::capacity).sum();
                let taken = shards.len() as f64 / room as f64;
                assert!((0.6..0.9).contains(&taken), "{key} entries take {taken} of the room");
            }
        }
    }
}
