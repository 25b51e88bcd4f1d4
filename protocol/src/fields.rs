//! Deserialisers for maps with known fields.
//!
//! As serde's derive, with four differences that matter for hostile input: a field given twice is refused, an array
//! in place of the map is refused, `null` for an optional field is the same as its absence, and an unknown field can
//! be refused or ignored.

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
                    /// Any other field; its name when it is to be refused.
                    Other(Option<Box<str>>),
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
                                    // A broken value is reported before an unknown field.
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                    if let Some(name) = refused {
                                        return Err(A::Error::unknown_field(&name, &[]));
                                    }
                                }
                            }
                        }
                        Ok($type {
                            $($required: $required
                                .ok_or_else(|| A::Error::missing_field(stringify!($required)))?,)*
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
            return Err(A::Error::duplicate_field(stringify!($field)));
        }
        $field = Some($map.next_value()?);
    };
    (@other ignored, $name:ident) => {
        None
    };
    (@other refused, $name:ident) => {
        Some($name.into())
    };
}
pub(crate) use map_fields;
