//! Maps with known fields, decoded so that an error says where it is: `bets[3].a: invalid type …`.
//!
//! What a derive does, with four differences that matter for hostile input: a field given twice is refused by
//! name, an array in place of the map is refused, `null` for an optional field is the same as its absence, and
//! the path to the fault stands before its message.

use std::fmt::{self, Write};

use serde::de;

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

/// Implements `Deserialize` for a struct of `required` and `optional` fields; unknown keys are ignored.
macro_rules! map_fields {
    ($type:ident, $expecting:literal, required [$($required:ident),*], optional [$($optional:ident),*]) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                #[derive(serde::Deserialize)]
                #[serde(field_identifier)]
                #[expect(non_camel_case_types, reason = "spelled like the fields")]
                enum Name {
                    $($required,)*
                    $($optional,)*
                    #[serde(other)]
                    Unknown,
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
                                Name::Unknown => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
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
}
pub(crate) use map_fields;
