//! Rows: state that is no sum of moves, such as a freeze or the rules of a table.
//!
//! A row has a kind, a key and a value, all bytes to this store. A record holds the image of each row that it changes: its
//! new value, or none. So applying, digests, the state store and copies need to know nothing of the kinds. Each kind is one type
//! that implements [`Row`], and one line of [`KINDS`](crate::KINDS).

mod kept;
mod key;
pub mod owner_name;

use std::collections::BTreeMap;

use kept::Kept;
pub use key::{KEY_BYTES_MAX, RowKey};
use ledger::{
    Digest, Unfound,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::fields::{Field, Fields};

/// Longest value of a row, bytes.
pub const VALUE_BYTES_MAX: usize = 4_096;

/// A kind of row.
pub trait Row: Sized {
    /// Its number in the log.
    const KIND: u16;
    /// Its name in reports.
    const NAME: &'static str;

    /// Appends the value.
    fn encode(&self, encoder: &mut Encoder);

    /// Reads a value.
    ///
    /// # Errors
    /// When the bytes are not a value of this kind.
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// What a key of this kind names, as a report shows it.
    fn key(bytes: &[u8]) -> Field;

    /// The value's parts by name, as a report shows them.
    fn fields(&self) -> Fields;
}

/// What the log knows of a kind of row.
#[derive(Debug, Clone, Copy)]
pub struct RowKind {
    /// Its number in the log.
    pub number: u16,
    /// Its name in reports.
    pub name: &'static str,
    /// Checks the bytes of a value.
    check: fn(&[u8]) -> Result<(), DecodeError>,
    /// What a key names.
    key: fn(&[u8]) -> Field,
    /// The parts of a value.
    fields: fn(&[u8]) -> Result<Fields, DecodeError>,
}

impl RowKind {
    /// The kind of a type.
    #[must_use]
    pub const fn of<R: Row>() -> Self {
        Self {
            number: R::KIND,
            name: R::NAME,
            check: check::<R>,
            key: R::key,
            fields: |bytes| read::<R>(bytes).map(|value| value.fields()),
        }
    }

    /// What the key of a row of this kind names.
    #[must_use]
    pub fn key(&self, key: &RowKey) -> Field {
        (self.key)(key.as_bytes())
    }

    /// The parts of a value by name.
    ///
    /// # Errors
    /// When the bytes are not a value of this kind.
    pub fn fields(&self, value: &[u8]) -> Result<Fields, DecodeError> {
        (self.fields)(value)
    }
}

fn check<R: Row>(bytes: &[u8]) -> Result<(), DecodeError> {
    read::<R>(bytes).map(|_| ())
}

fn read<R: Row>(bytes: &[u8]) -> Result<R, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let value = R::decode(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

/// Room in which most values are encoded without growing. Bytes.
const ROOM: usize = 160;

/// The image of a row after a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowImage {
    /// Which row.
    pub key: RowKey,
    /// Its new value; `None` when it is removed.
    pub value: Option<Box<[u8]>>,
}

impl RowImage {
    /// The image of a row with this value, or of a removed row. `None` when the key is too long.
    #[must_use]
    pub fn of<R: Row>(key: &[u8], value: Option<&R>) -> Option<Self> {
        let value = value.map(|value| {
            let mut encoder = Encoder::with_capacity(ROOM);
            value.encode(&mut encoder);
            encoder.into_bytes().into()
        });
        Some(Self { key: RowKey::new(R::KIND, key)?, value })
    }

    /// Its value; `None` when the row is removed.
    ///
    /// # Panics
    /// As [`Rows::get`].
    #[must_use]
    pub fn read<R: Row>(&self) -> Option<R> {
        self.value.as_ref().map(|value| read(value).expect("a row's value is made by its kind"))
    }

    /// The value, when it is one of this kind that is not removed.
    ///
    /// # Panics
    /// As [`Rows::get`].
    #[must_use]
    pub fn get<R: Row>(&self) -> Option<R> {
        if self.key.kind() == R::KIND { self.read() } else { None }
    }

    /// Appends it to a record.
    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.key.kind().into());
        encoder.bytes(self.key.as_bytes());
        encoder.flag(self.value.is_some());
        if let Some(value) = &self.value {
            encoder.bytes(value);
        }
    }

    /// Reads one from a record, of one of these kinds.
    ///
    /// # Errors
    /// When it is not the image of a row of a known kind.
    pub fn decode(decoder: &mut Decoder<'_>, kinds: &[RowKind]) -> Result<Self, DecodeError> {
        let (number, image) = Self::image(decoder)?;
        let kind = kinds.iter().find(|kind| kind.number == number).ok_or(DecodeError::RowKind(number))?;
        image.value.as_ref().map_or(Ok(()), |value| (kind.check)(value))?;
        Ok(image)
    }

    /// As [`RowImage::decode`], and the value of a row of any other kind is taken as it is: nothing here can read it.
    ///
    /// # Errors
    /// When it is not the image of a row.
    pub fn decode_any(decoder: &mut Decoder<'_>, kinds: &[RowKind]) -> Result<Self, DecodeError> {
        let (number, image) = Self::image(decoder)?;
        let kind = kinds.iter().find(|kind| kind.number == number);
        if let (Some(kind), Some(value)) = (kind, &image.value) {
            (kind.check)(value)?;
        }
        Ok(image)
    }

    fn image(decoder: &mut Decoder<'_>) -> Result<(u16, Self), DecodeError> {
        let number = decoder.u16()?;
        let key = RowKey::new(number, decoder.bytes()?).ok_or(DecodeError::OutOfRange("the key of a row"))?;
        if !decoder.flag()? {
            return Ok((number, Self { key, value: None }));
        }
        let value = decoder.bytes()?;
        if value.len() > VALUE_BYTES_MAX {
            return Err(DecodeError::OutOfRange("the value of a row"));
        }
        Ok((number, Self { key, value: Some(value.into()) }))
    }
}

/// All rows.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    kinds: BTreeMap<u16, Kept>,
    /// In a copy that is being completed: what it was asked for in vain.
    unfound: Option<Unfound<RowKey>>,
}

impl Rows {
    /// The value of a row.
    ///
    /// # Panics
    /// When the value is not one of its kind. It was checked when its record was read, or made by that kind. A row that
    /// cannot be read must not count as none: a freeze would be lifted.
    #[must_use]
    pub fn get<R: Row>(&self, key: &[u8]) -> Option<R> {
        let bytes = self.bytes(&RowKey::new(R::KIND, key)?)?;
        Some(read(bytes).expect("a row's value is checked before it is put"))
    }

    /// The bytes of a row's value.
    #[must_use]
    pub fn bytes(&self, key: &RowKey) -> Option<&[u8]> {
        let found = self.kinds.get(&key.kind()).and_then(|kept| kept.get(key));
        if let (None, Some(unfound)) = (found, &self.unfound) {
            unfound.note(*key);
        }
        found
    }

    /// Makes this a copy that is being completed: from now on it notes which rows it is asked for in vain.
    pub fn note_into(&mut self, unfound: Unfound<RowKey>) {
        self.unfound = Some(unfound);
    }

    /// Every row, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (RowKey, &[u8])> {
        self.kinds.iter().flat_map(|(kind, kept)| kept.iter(*kind))
    }

    /// Every row of a kind, in no particular order.
    ///
    /// # Panics
    /// As [`Rows::get`].
    pub fn of<R: Row>(&self) -> impl Iterator<Item = (RowKey, R)> {
        let kept = self.kinds.get(&R::KIND).into_iter().flat_map(|kept| kept.iter(R::KIND));
        kept.map(|(key, value)| (key, read(value).expect("a row's value is checked before it is put")))
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.values().map(Kept::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The digest of the rows of each kind that has had one.
    pub fn digests(&self) -> impl Iterator<Item = (u16, Digest)> {
        self.kinds.iter().map(|(kind, kept)| (*kind, kept.digest()))
    }

    /// Sets the digest of a kind to that of all its rows, in a copy in which only some of them are present.
    pub fn restore(&mut self, kind: u16, digest: Digest) {
        self.kinds.entry(kind).or_default().restore(digest);
    }

    /// Makes a row present that the digest of its kind contains already.
    pub fn page_in(&mut self, key: RowKey, value: Box<[u8]>) {
        self.kinds.entry(key.kind()).or_default().page_in(key, value);
    }

    /// Makes a row absent. The digest of its kind still contains it.
    pub fn page_out(&mut self, key: &RowKey) {
        self.kinds.entry(key.kind()).or_default().page_out(key);
    }

    /// Takes over an image.
    pub fn put(&mut self, image: RowImage) {
        let RowImage { key, value } = image;
        self.kinds.entry(key.kind()).or_default().set(key, value);
    }
}
