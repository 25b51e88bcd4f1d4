//! The rows of one kind as they are kept. Most rows are about somebody with an id, and there can be one for each player.
//! When such a row is a few bytes, as a freeze is, it is kept without an allocation of its own.

use ledger::{Digest, Shards};

use super::key::{RowKey, print};

/// Length of a short row's key, bytes: that of an id.
const ID_BYTES: usize = 16;

/// Longest value of a short row, bytes.
const SHORT_BYTES_MAX: usize = 11;

/// The rows of one kind, and their digest. A row is in one of the three maps.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// Those whose key is as long as an id, and whose value is at most [`SHORT_BYTES_MAX`] bytes.
    short: Shards<[u8; ID_BYTES], Short>,
    /// Those with such a key whose value is longer.
    of_id: Shards<[u8; ID_BYTES], Box<[u8]>>,
    /// All others.
    long: Shards<RowKey, Box<[u8]>>,
    digest: Digest,
}

/// A value of a short row. With its key it has 28 bytes.
#[derive(Debug, Clone, Copy)]
struct Short {
    length: u8,
    bytes: [u8; SHORT_BYTES_MAX],
}

impl Short {
    /// `None` when the value is longer than [`SHORT_BYTES_MAX`].
    fn new(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHORT_BYTES_MAX];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Self { length: value.len() as u8, bytes })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Kept {
    pub fn get(&self, key: &RowKey) -> Option<&[u8]> {
        // For nearly every player no row is found. Then an empty map costs no search.
        let Some(id) = id(key) else {
            return if self.long.is_empty() { None } else { self.long.get(key).map(|value| &**value) };
        };
        let short = (!self.short.is_empty()).then(|| self.short.get(&id)).flatten();
        match short {
            Some(value) => Some(value.as_bytes()),
            None if self.of_id.is_empty() => None,
            None => self.of_id.get(&id).map(|value| &**value),
        }
    }

    /// Sets the value of a row, or removes it.
    pub fn set(&mut self, key: RowKey, value: Option<Box<[u8]>>) {
        if let Some(before) = self.get(&key) {
            let before = print(&key, before);
            self.digest.remove(before);
        }
        let Some(value) = value else { return self.remove(&key) };
        self.digest.add(print(&key, &value));
        self.keep(key, value);
    }

    /// Sets the digest to that of all rows of this kind: only some of them are present.
    pub fn restore(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// Makes a row present that the digest contains already.
    pub fn page_in(&mut self, key: RowKey, value: Box<[u8]>) {
        self.keep(key, value);
    }

    /// Puts a row into the map that it belongs to, and out of the other one.
    fn keep(&mut self, key: RowKey, value: Box<[u8]>) {
        match (id(&key), Short::new(&value)) {
            (Some(id), Some(value)) => {
                self.of_id.remove(&id);
                self.short.insert(id, value);
            }
            (Some(id), None) => {
                self.short.remove(&id);
                self.of_id.insert(id, value);
            }
            (None, _) => drop(self.long.insert(key, value)),
        }
    }

    /// Makes a row absent. The digest still contains it.
    pub fn page_out(&mut self, key: &RowKey) {
        self.remove(key);
    }

    fn remove(&mut self, key: &RowKey) {
        match id(key) {
            Some(id) => {
                self.short.remove(&id);
                self.of_id.remove(&id);
            }
            None => drop(self.long.remove(key)),
        }
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn len(&self) -> usize {
        self.short.len() + self.of_id.len() + self.long.len()
    }

    /// Every row of this kind, which has this number, in no particular order.
    pub fn iter(&self, kind: u16) -> impl Iterator<Item = (RowKey, &[u8])> {
        let of_id = move |id: &[u8]| RowKey::new(kind, id).expect("an id is shorter than the longest key");
        let short = self.short.iter().map(move |(id, value)| (of_id(id), value.as_bytes()));
        let longer = self.of_id.iter().map(move |(id, value)| (of_id(id), &**value));
        short.chain(longer).chain(self.long.iter().map(|(key, value)| (*key, &**value)))
    }
}

/// The key, if it is as long as an id.
fn id(key: &RowKey) -> Option<[u8; ID_BYTES]> {
    key.as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_row_has_its_last_value_however_long_its_key_and_its_values_are() {
        let (mut kept, mut expected) = (Kept::default(), BTreeMap::new());
        let lengths = [0, 1, SHORT_BYTES_MAX, SHORT_BYTES_MAX + 1, 300, SHORT_BYTES_MAX, 40, 0];
        for (turn, length) in lengths.into_iter().enumerate() {
            for key_length in [0, 1, ID_BYTES - 1, ID_BYTES, ID_BYTES + 1, 37] {
                for who in 0..3 {
                    let key = RowKey::new(7, &vec![who; key_length]).expect("a short key");
                    let value = vec![turn as u8; length];
                    // Each time, another one of three has no row.
                    if (turn + usize::from(who)).is_multiple_of(3) {
                        kept.set(key, None);
                        expected.remove(&key);
                    } else {
                        kept.set(key, Some(value.clone().into()));
                        expected.insert(key, value);
                    }
                    assert_eq!(kept.get(&key), expected.get(&key).map(Vec::as_slice), "{turn} {key:?}");
                }
            }
            let all: BTreeMap<_, _> = kept.iter(7).map(|(key, value)| (key, value.to_vec())).collect();
            assert_eq!((kept.len(), &all), (expected.len(), &expected));
            let mut digest = Digest::default();
            expected.iter().for_each(|(key, value)| digest.add(print(key, value)));
            assert_eq!(kept.digest(), digest, "{turn}");
        }
    }

    /// The table of a million rows has this size for each.
    #[test]
    fn a_short_row_is_kept_in_28_bytes() {
        assert_eq!(size_of::<([u8; ID_BYTES], Short)>(), 28);
    }
}
