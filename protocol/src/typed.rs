//! Wraps the deserialiser of an encoding, so that its errors are [`Fault`]s with a place, not texts.
//!
//! Both encodings are self-describing. So every value is read with `deserialize_any`, and the visitors of this crate
//! refuse it through [`serde::de::Error`], which `Fault` implements. Errors of the encoding itself are left for bytes
//! that are not a value. The encoding can only return its own error type; meanwhile the fault is kept in [`Parked`].

use std::{borrow::Cow, cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

use crate::fault::{Fault, Step};

/// Reads one value.
pub(crate) fn read<'de, T: Deserialize<'de>>(source: impl Deserializer<'de>) -> Result<T, Fault> {
    let parked = Parked::default();
    T::deserialize(Typed { inner: source, parked: &parked })
}

/// Keeps a fault while the encoding's deserialiser returns an empty error of its own in its place.
#[derive(Default)]
struct Parked(Cell<Option<Fault>>);

impl Parked {
    /// Replaces a fault by an empty error of the encoding, and keeps the fault.
    fn park<T, E: de::Error>(&self, result: Result<T, Fault>) -> Result<T, E> {
        result.map_err(|fault| {
            self.0.set(Some(fault));
            E::custom("")
        })
    }

    /// Replaces an error of the encoding by the fault that was kept; without one, it is a fault of syntax.
    fn resume<T>(&self, result: Result<T, impl de::Error>) -> Result<T, Fault> {
        result.map_err(|error| self.0.take().unwrap_or_else(|| Fault::syntax(&error)))
    }
}

/// A deserialiser, visitor or seed of serde, wrapped so that its errors are faults.
struct Typed<'p, I> {
    inner: I,
    parked: &'p Parked,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Typed<'_, D> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { inner, parked } = self;
        parked.resume(inner.deserialize_any(Typed { inner: visitor, parked }))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { inner, parked } = self;
        parked.resume(inner.deserialize_option(Typed { inner: visitor, parked }))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { inner, parked } = self;
        parked.resume(inner.deserialize_ignored_any(Typed { inner: visitor, parked }))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

macro_rules! visit {
    ($($visit:ident($type:ty);)*) => {
        $(fn $visit<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.parked.park(self.inner.$visit(value))
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Typed<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    visit! {
        visit_bool(bool);
        visit_i64(i64);
        visit_u64(u64);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.parked.park(self.inner.visit_unit())
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.parked.park(self.inner.visit_none())
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<V::Value, D::Error> {
        let Self { inner, parked } = self;
        parked.park(inner.visit_some(Typed { inner: source, parked }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        let Self { inner, parked } = self;
        parked.park(inner.visit_seq(Items { items, at: 0, parked }))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let Self { inner, parked } = self;
        parked.park(inner.visit_map(Entries { entries, key: Cow::Borrowed(""), parked }))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Typed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<S::Value, D::Error> {
        let Self { inner, parked } = self;
        parked.park(inner.deserialize(Typed { inner: source, parked }))
    }
}

/// The items of a list, with the index of the next one.
struct Items<'p, A> {
    items: A,
    at: usize,
    parked: &'p Parked,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let parked = self.parked;
        let item = parked.resume(self.items.next_element_seed(Typed { inner: seed, parked }));
        self.at += 1;
        item.map_err(|fault| fault.inside(Step::Item(self.at - 1)))
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.size_hint()
    }
}

/// The entries of a map, with the key of the current one.
struct Entries<'de, 'p, A> {
    entries: A,
    key: Cow<'de, str>,
    parked: &'p Parked,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'de, '_, A> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(key) = self.parked.resume(self.entries.next_key_seed(KeyText))? else { return Ok(None) };
        self.key = key;
        seed.deserialize(StrDeserializer::new(&self.key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let parked = self.parked;
        let value = parked.resume(self.entries.next_value_seed(Typed { inner: seed, parked }));
        value.map_err(|fault| fault.inside(Step::Field((&*self.key).into())))
    }
}

/// Reads a key, which is text in both encodings.
struct KeyText;

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyText {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a field")
    }

    fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
