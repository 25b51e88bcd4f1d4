//! Reads the merged tree into types, and turns what does not fit into a [`Problem`] that names its place.
//!
//! Text from a variable has no type of its own, so the target decides: a number is parsed, a list is split at
//! commas (or written as TOML), `true` and `false` are flags.

use serde::{
    Deserialize,
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer,
        MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
    },
};

use super::{
    problem::{Problem, choice},
    tree::{Node, Origin, Value},
};

/// Reads as much as fits. What does not is reported and taken out of `root`, and the rest is read again, so
/// that all problems come at once. `None`: nothing could be read.
pub(super) fn read<T: DeserializeOwned>(root: &mut Node, problems: &mut Vec<Problem>) -> Option<T> {
    loop {
        match T::deserialize(Reader(root)) {
            Ok(value) => return Some(value),
            Err(fault) => {
                let problem = fault.into_problem();
                let path = problem.key.clone();
                problems.push(problem);
                // Each turn removes something, so this ends.
                if !root.remove(&path) {
                    return None;
                }
            }
        }
    }
}

/// A value that does not fit, on its way from where it was found to the caller.
#[derive(Debug)]
struct Fault {
    path: String,
    origin: Option<Origin>,
    value: Option<String>,
    what: String,
}

impl Fault {
    fn new(what: String) -> Self {
        Self { path: String::new(), origin: None, value: None, what }
    }

    /// Notes the step that led to the misfit; the innermost place and value stay.
    fn within(mut self, step: &str, node: &Node) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{joint}{}", self.path);
        if self.origin.is_none() {
            self.origin = Some(node.origin.clone());
            self.value = match &node.value {
                Value::Table(_) => None,
                Value::Bool(_)
                | Value::Integer(_)
                | Value::Text(_)
                | Value::Raw(_)
                | Value::Other(_)
                | Value::List(_) => Some(node.spelled()),
            };
        }
        self
    }

    fn into_problem(self) -> Problem {
        Problem { origin: self.origin, key: self.path, value: self.value, what: self.what }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let plain = match expected.as_str() {
            "a string" => "text in quotes",
            "a sequence" => "a list such as [\"a\", \"b\"]",
            "a map" => "a table",
            other => other.strip_prefix("struct ").map_or(other, |_| "a table"),
        };
        Self::new(format!("expected {plain}"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown; {}", choice(variant, expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let secret = ["secret", "password", "token", "tokens", "key", "private_key", "seed_secret"];
        if secret.contains(&field) {
            let what = "unknown key, and secrets never stand in the configuration: give them by environment \
                        variable (HUB_AUTH_SECRET, HUB_SEED_SECRET, HUB_PUBLISH_TOKENS) or \
                        name their file";
            return Self::new(format!("{what}; known here: {}", expected.join(", ")));
        }
        Self::new(format!("unknown key; {}", choice(field, expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the key \"{field}\" is missing"))
    }
}

struct Reader<'a>(&'a Node);

impl Reader<'_> {
    fn mismatch<'de, V: Visitor<'de>>(&self, visitor: &V) -> Fault {
        de::Error::invalid_type(Unexpected::Other("value"), visitor)
    }

    fn text(&self) -> Option<&str> {
        match &self.0.value {
            Value::Text(text) | Value::Raw(text) => Some(text),
            Value::Bool(_) | Value::Integer(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => None,
        }
    }

    fn whole_number(&self, low: i128, high: i128) -> Result<i128, Fault> {
        let number = match &self.0.value {
            Value::Integer(number) => Some(*number),
            Value::Raw(text) => text.trim().replace('_', "").parse().ok(),
            Value::Bool(_) | Value::Text(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => None,
        };
        number
            .filter(|number| (low..=high).contains(number))
            .ok_or_else(|| Fault::new(format!("expected a whole number from {low} to {high}")))
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let number = self.whole_number(i128::from(<$type>::MIN), i128::from(<$type>::MAX))?;
            visitor.$visit(<$type>::try_from(number).expect("the range was checked"))
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::Bool(_) => self.deserialize_bool(visitor),
            Value::Integer(_) => self.deserialize_i64(visitor),
            Value::Text(_) | Value::Raw(_) => self.deserialize_str(visitor),
            Value::Other(_) => Err(self.mismatch(&visitor)),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Table(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let flag = match &self.0.value {
            Value::Bool(flag) => Some(*flag),
            Value::Raw(text) => text.trim().parse().ok(),
            Value::Integer(_) | Value::Text(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => None,
        };
        visitor.visit_bool(flag.ok_or_else(|| Fault::new("expected true or false".into()))?)
    }

    whole_numbers!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    );

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            Some(text) => visitor.visit_str(text),
            None => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::List(items) => visitor.visit_seq(Items { items, index: 0 }),
            Value::Raw(text) if text.trim_start().starts_with('[') => {
                let node = Node::parse_value(text, &self.0.origin).map_err(Fault::new)?;
                Reader(&node).deserialize_seq(visitor)
            }
            Value::Raw(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let item =
                    |part: &str| Node { value: Value::Raw(part.into()), origin: self.0.origin.clone() };
                let items: Vec<_> = parts.map(item).collect();
                visitor.visit_seq(Items { items: &items, index: 0 })
            }
            Value::Bool(_) | Value::Integer(_) | Value::Text(_) | Value::Other(_) | Value::Table(_) => {
                Err(self.mismatch(&visitor))
            }
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::Table(entries) => visitor.visit_map(Entries { entries: entries.iter(), current: None }),
            Value::Raw(text) if text.trim_start().starts_with('{') => {
                let node = Node::parse_value(text, &self.0.origin).map_err(Fault::new)?;
                Reader(&node).deserialize_map(visitor)
            }
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Text(_)
            | Value::Raw(_)
            | Value::Other(_)
            | Value::List(_) => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.text() {
            Some(text) => visitor.visit_enum(Word(text)),
            None => Err(Fault::new(format!("expected one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'a> {
    items: &'a [Node],
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.get(self.index) else { return Ok(None) };
        let step = format!("[{}]", self.index);
        self.index += 1;
        seed.deserialize(Reader(node)).map(Some).map_err(|fault| fault.within(&step, node))
    }
}

struct Entries<'a> {
    entries: std::collections::btree_map::Iter<'a, String, Node>,
    current: Option<(&'a String, &'a Node)>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.current = self.entries.next();
        let Some((key, node)) = self.current else { return Ok(None) };
        let name: de::value::StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        let known = seed.deserialize(name).map_err(|mut fault| {
            // The value of an unknown key may be a secret: it is not shown.
            fault.origin = Some(node.origin.clone());
            fault.within(key, node)
        });
        known.map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let (key, node) = self.current.expect("serde asks for the value after its key");
        seed.deserialize(Reader(node)).map_err(|fault| fault.within(key, node))
    }
}

struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let word: de::value::StrDeserializer<'_, Fault> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, self))
    }
}

/// Our enums in the configuration are plain words.
impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Fault> {
        Err(Fault::new("expected a word".into()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(Fault::new("expected a word".into()))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Fault> {
        Err(Fault::new("expected a word".into()))
    }
}

/// Reads an address with its port, and says what one looks like.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<std::net::SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| de::Error::custom("expected an address with its port, such as \"127.0.0.1:7700\""))
}
