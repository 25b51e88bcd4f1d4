//! What was named in a record so far, so that it is spelled once.

use std::hash::Hash;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Most values that are searched one by one: that costs about as much as one hash.
const LINEAR_MAX: usize = 8;

/// Values in the order in which they were first named.
#[derive(Debug)]
pub(crate) struct Named<T> {
    /// Nearly every record names a few: these take no allocation.
    values: SmallVec<[T; LINEAR_MAX]>,
    /// The place of each value; empty up to [`LINEAR_MAX`] values.
    places: FxHashMap<T, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { values: SmallVec::new(), places: FxHashMap::default() }
    }
}

impl<T: Copy + Eq + Hash> Named<T> {
    /// How far back the value was first named: 1 for the newest value. `None` when it is new; then it is named now.
    pub fn back(&mut self, value: T) -> Option<usize> {
        let known = match self.places.is_empty() {
            true => self.values.iter().position(|known| *known == value),
            false => self.places.get(&value).copied(),
        };
        if let Some(place) = known {
            return Some(self.values.len() - place);
        }
        if !self.places.is_empty() {
            self.places.insert(value, self.values.len());
        } else if self.values.len() >= LINEAR_MAX {
            self.places =
                self.values.iter().copied().chain([value]).enumerate().map(|(n, v)| (v, n)).collect();
        }
        self.values.push(value);
        None
    }

    /// The value that was named so far back.
    pub fn at(&self, back: usize) -> Option<T> {
        self.values.len().checked_sub(back).and_then(|place| self.values.get(place)).copied()
    }

    pub fn clear(&mut self) {
        self.values.clear();
        self.places.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_named_once_however_many_there_are() {
        for count in [1, LINEAR_MAX, LINEAR_MAX + 1, 100] {
            let mut named = Named::default();
            for value in 0..count {
                assert_eq!(named.back(value), None);
            }
            for value in 0..count {
                assert_eq!(named.back(value), Some(count - value), "{count}");
                assert_eq!(named.at(count - value), Some(value));
            }
            assert_eq!((named.at(0), named.at(count + 1)), (None, None));
        }
    }
}
