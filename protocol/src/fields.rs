//! Maps with known fields, decoded so that an error says where it is: `bets[3].a: invalid type …`.
//!
//! What a derive does, with five differences that matter for hostile input: a field given twice is refused by
//! name, an array in place of the map is refused, `null` for an optional field is the same as its absence, the path
//! to the fault stands before its message, and a field nobody knows can be refused without repeating more of its
//! name than is harmless.

use std::fmt::{self, Write};

use serde::de;

/// Most characters of a client's own words that an error repeats.
const QUOTED_CHARS_MAX: usize = 32;

/// The beginning of a client's own words between quotation marks, such as the name of an unknown field. Letters,
/// digits and the visible characters of ASCII stand as they are, quotation marks and backslashes aside; every other
/// character becomes `?`, so that a log, a terminal and JSON show it as one word.
pub(crate) fn quoted(words: &str) -> String {
    let safe = |letter: char| {
        let plain = letter.is_ascii_graphic() && !matches!(letter, '"' | '\\');
        if plain || letter.is_alphanumeric() { letter } else { '?' }
    };
    let (beginning, cut) = match words.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((at, _)) => (&words[..at], "…"),
        None => (words, ""),
    };
    format!("\"{}{cut}\"", beginning.chars().map(safe).collect::<String>())
}

/// Longest message carried upwards, bytes: an error quotes what it found, which may be the whole frame.
const MESSAGE_BYTES_MAX: usize = 512;

/// The beginning of a text; the rest is dropped while it is written.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(MESSAGE_BYTES_MAX.saturating_sub(self.0.len()));
        self.0.push_str(&text[..room]);
        if room < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The beginning of an error's message.
pub(crate) fn message(error: &impl fmt::Display) -> String {
    let mut beginning = Beginning(String::new());
    // An error here says that the text is full, which is what it is for.
    let _ = write!(beginning, "{error}");
    beginning.0
}

/// Puts a step of the path before an error's message: `.a` before `: text` or before `[0]: text`.
pub(crate) fn within<E: de::Error>(step: impl fmt::Display, error: E) -> E {
    let message = message(&error);
    let separator = if message.starts_with(['.', '[']) { "" } else { ": " };
    E::custom(format_args!("{step}{separator}{message}"))
}

/// Splits a message into the path that [`within`] gave it and the rest. The path is empty at the top.
pub(crate) fn split_path(message: &str) -> (&str, &str) {
    if !message.starts_with(['.', '[']) {
        return ("", message);
    }
    let (path, rest) = message.split_once(": ").unwrap_or(("", message));
    (path.trim_start_matches('.'), rest)
}

/// Implements `Deserialize` for a struct of `required` and `optional` fields. Any other field is `ignored`, or
/// `refused` by its name.
macro_rules! map_fields {
    ($type:ident, $expecting:literal, required [$($required:ident),*], optional [$($optional:ident),*],
        others $others:ident) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[expect(non_camel_case_types, reason = "spelled like the fields")]
                enum Name {
                    $($required,)*
                    $($optional,)*
                    /// Another one, quoted when it is refused.
                    Other(Option<String>),
                }
                impl<'de> serde::Deserialize<'de> for Name {
                    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                        source.deserialize_identifier(NameOf)
                    }
                }
                struct NameOf;
                impl serde::de::Visitor<'_> for NameOf {
                    type Value = Name;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str("the name of a field")
                    }
                    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
                        Ok(match name {
                            $(stringify!($required) => Name::$required,)*
                            $(stringify!($optional) => Name::$optional,)*
                            _ => Name::Other(crate::fields::map_fields!(@other $others, name)),
                        })
                    }
                }
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $type;
                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        formatter.write_str($expecting)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$type, A::Error> {
                        use serde::de::Error as _;
                        $(let mut $required = None;)*
                        $(let mut $optional = None;)*
                        while let Some(name) = map.next_key::<Name>()? {
                            match name {
                                $(Name::$required => {
                                    crate::fields::map_fields!(@read map, $required);
                                })*
                                $(Name::$optional => {
                                    crate::fields::map_fields!(@read map, $optional);
                                })*
                                Name::Other(refused) => {
                                    // What is not even a value is the graver fault.
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                    if let Some(name) = refused {
                                        // The name comes last: nothing in it is taken for a path or a cause.
                                        return Err(A::Error::custom(format_args!("there is no field {name}")));
                                    }
                                }
                            }
                        }
                        Ok($type {
                            $($required: $required.ok_or_else(|| {
                                A::Error::custom(concat!(".", stringify!($required), ": the field is missing"))
                            })?,)*
                            $($optional: $optional.unwrap_or_default(),)*
                        })
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }
    };
    (@read $map:ident, $field:ident) => {
        if $field.is_some() {
            return Err(A::Error::custom(concat!(".", stringify!($field), ": the field is given twice")));
        }
        let step = concat!(".", stringify!($field));
        $field = Some($map.next_value().map_err(|error| crate::fields::within(step, error))?);
    };
    (@other ignored, $name:ident) => {
        None
    };
    (@other refused, $name:ident) => {
        Some(crate::fields::quoted($name))
    };
}
pub(crate) use map_fields;
