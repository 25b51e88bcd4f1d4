//! The fields of a JSON body, read one by one by name. Every refusal is in our words and names its field; a field that
//! nobody asked for is refused by its name.

use std::{borrow::Cow, fmt};

use protocol::{Amount, Currency, amount::AmountError};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::edge::error::{Error, Kind};

/// Most fields of a body.
const FIELDS_MAX: usize = 32;

/// The fields of a body that were not taken yet.
#[derive(Debug)]
pub struct JsonFields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// The map of a body, as it is written.
struct Map<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// The name of a field, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Map<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Map<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    // One more than may be shows that there are too many.
                    if fields.len() <= FIELDS_MAX {
                        fields.push((name, value));
                    }
                }
                Ok(Map(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'a> JsonFields<'a> {
    /// The fields of a body; of an empty one there are none.
    ///
    /// # Errors
    /// `malformed` when the body is no JSON map, has a field twice, or too many of them.
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Map(fields) = serde_json::from_slice(body).map_err(|error| {
            let words = if error.is_data() {
                "the body is a JSON map, such as {\"amount\":\"12.50\"}".to_owned()
            } else {
                format!("the body is no JSON at line {}, column {}", error.line(), error.column())
            };
            Error::new(Kind::Malformed, words)
        })?;
        if fields.len() > FIELDS_MAX {
            return Err(Error::new(Kind::Malformed, format!("a body has at most {FIELDS_MAX} fields")));
        }
        for (index, (name, _)) in fields.iter().enumerate() {
            if fields[..index].iter().any(|(other, _)| other == name) {
                return Err(Error::new(
                    Kind::Malformed,
                    format!("the field \"{}\" is given twice", shown(name)),
                ));
            }
        }
        Ok(Self(fields))
    }

    /// Takes a field. One that is `null` counts as not given.
    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.0.swap_remove(index);
        (value.get() != "null").then_some(value)
    }

    /// A text, if it is given.
    ///
    /// # Errors
    /// `malformed` when it is no text.
    pub fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match serde_json::from_str(value.get()) {
            Ok(Name(text)) => Ok(Some(text)),
            Err(_) => Err(Error::new(Kind::Malformed, format!("\"{name}\" is a text")).field(name)),
        }
    }

    /// A text that must be given.
    ///
    /// # Errors
    /// `malformed` when it is missing, or no text.
    pub fn needed_text(&mut self, name: &'static str) -> Result<Cow<'a, str>, Error> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A text that is parsed, if it is given.
    ///
    /// # Errors
    /// `malformed`, in the words of the type.
    pub fn parsed<T: std::str::FromStr<Err: fmt::Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|error: T::Err| Error::new(Kind::Malformed, error.to_string()).field(name))
    }

    /// A text that must be given, and is parsed.
    ///
    /// # Errors
    /// `malformed` when it is missing, or in the words of the type.
    pub fn needed<T: std::str::FromStr<Err: fmt::Display>>(
        &mut self,
        name: &'static str,
    ) -> Result<T, Error> {
        self.parsed(name)?.ok_or_else(|| missing(name))
    }

    /// Whether a field is given. One that is `null` counts as not given, and is taken.
    #[must_use]
    pub fn has(&mut self, name: &str) -> bool {
        self.0.retain(|(known, value)| known != name || value.get() != "null");
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Takes fields that do not go with another one.
    ///
    /// # Errors
    /// `malformed` when one of them is given.
    pub fn without(&mut self, names: &[&'static str], other: &str) -> Result<(), Error> {
        match names.iter().find(|name| self.has(name)) {
            Some(name) => {
                let words = format!("\"{name}\" does not go with \"{other}\"");
                Err(Error::new(Kind::Malformed, words).field(name))
            }
            None => Ok(()),
        }
    }

    /// A list of texts, if it is given.
    ///
    /// # Errors
    /// `malformed` when it is no list of texts.
    pub fn texts(&mut self, name: &'static str) -> Result<Option<Vec<Cow<'a, str>>>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let texts: Result<Vec<Name<'a>>, _> = serde_json::from_str(value.get());
        match texts {
            Ok(texts) => Ok(Some(texts.into_iter().map(|Name(text)| text).collect())),
            Err(_) => Err(Error::new(Kind::Malformed, format!("\"{name}\" is a list of texts")).field(name)),
        }
    }

    /// A number without decimals, from zero on, if it is given. To JSON, `7.0` is one.
    ///
    /// # Errors
    /// `malformed` when it is something else.
    pub fn whole(&mut self, name: &'static str) -> Result<Option<u64>, Error> {
        let wrong =
            || Error::new(Kind::Malformed, format!("\"{name}\" is a number without decimals")).field(name);
        let digits = |value: &'a RawValue| match value.get().split_once('.') {
            Some((whole, rest)) if rest.bytes().all(|byte| byte == b'0') => whole,
            _ => value.get(),
        };
        self.take(name).map(|value| digits(value).parse().map_err(|_| wrong())).transpose()
    }

    /// Whether something holds, if it is given.
    ///
    /// # Errors
    /// `malformed` when it is neither `true` nor `false`.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.take(name).map(RawValue::get) {
            None => Ok(None),
            Some("false") => Ok(Some(false)),
            Some("true") => Ok(Some(true)),
            Some(_) => Err(Error::new(Kind::Malformed, format!("\"{name}\" is true or false")).field(name)),
        }
    }

    /// The fields of a map within the body, which must be given.
    ///
    /// # Errors
    /// `malformed` when it is missing, or no map.
    pub fn nested(&mut self, name: &'static str) -> Result<JsonFields<'a>, Error> {
        let value = self.take(name).ok_or_else(|| missing(name))?;
        if !value.get().starts_with('{') {
            return Err(Error::new(Kind::Malformed, format!("\"{name}\" is a map")).field(name));
        }
        JsonFields::read(value.get().as_bytes())
    }

    /// A currency, if it is given.
    ///
    /// # Errors
    /// `malformed` when it is no code of a currency.
    pub fn currency(&mut self) -> Result<Option<Currency>, Error> {
        self.parsed("currency")
    }

    /// An amount above zero: as text, or as a number that is read from its digits and never rounded.
    ///
    /// # Errors
    /// `malformed` when it is missing, or no amount.
    pub fn amount(&mut self) -> Result<Amount, Error> {
        const NAME: &str = "amount";
        let refused = |error: AmountError| Error::new(Kind::Malformed, error.to_string()).field(NAME);
        let value = self.take(NAME).ok_or_else(|| missing(NAME))?.get();
        let amount: Amount = if value.starts_with('"') {
            let text: Name<'_> = serde_json::from_str(value).map_err(|_| refused(AmountError::Malformed))?;
            text.0.parse().map_err(refused)?
        } else {
            value.parse().map_err(refused)?
        };
        if amount.decimal().is_zero() {
            return Err(Error::new(Kind::Malformed, "the amount is zero").field(NAME));
        }
        Ok(amount)
    }

    /// The end of the body.
    ///
    /// # Errors
    /// `malformed` when there is a field that nobody took.
    pub fn finish(self, known: &str) -> Result<(), Error> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::new(
                Kind::Malformed,
                format!("there is no field \"{}\" here; the fields are {known}", shown(name)),
            )),
        }
    }
}

fn missing(name: &'static str) -> Error {
    Error::new(Kind::Malformed, format!("the field \"{name}\" is missing")).field(name)
}

/// A name out of a request, bounded and without control characters.
pub(super) fn shown(name: &str) -> String {
    name.chars().take(32).map(|char| if char.is_control() { '?' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        let read = |body: &'static [u8]| -> Result<(), Error> {
            let mut fields = JsonFields::read(body)?;
            fields.needed_text("playerId")?;
            fields.amount()?;
            fields.currency()?;
            fields.finish("playerId, amount and currency")
        };
        let error = read(body.to_owned().leak().as_bytes()).expect_err(body);
        assert_eq!(error.kind(), Kind::Malformed, "{body}");
        error.body()
    }

    #[test]
    fn each_body_that_is_wrong_is_told_what_is_wrong_with_it_in_our_words() {
        for (body, field, words) in [
            ("", Some("playerId"), "is missing"),
            ("{}", Some("playerId"), "is missing"),
            ("7", None, "a JSON map"),
            ("[]", None, "a JSON map"),
            ("{\"playerId\":", None, "line 1, column 12"),
            ("{\"playerId\":7}", Some("playerId"), "is a text"),
            ("{\"playerId\":\"a\",\"playerId\":\"b\"}", None, "\\\"playerId\\\" is given twice"),
            ("{\"playerId\":\"a\"}", Some("amount"), "is missing"),
            ("{\"playerId\":\"a\",\"amount\":null}", Some("amount"), "is missing"),
            ("{\"playerId\":\"a\",\"amount\":\"-1\"}", Some("amount"), "digits"),
            ("{\"playerId\":\"a\",\"amount\":-1}", Some("amount"), "digits"),
            ("{\"playerId\":\"a\",\"amount\":1e3}", Some("amount"), "digits"),
            ("{\"playerId\":\"a\",\"amount\":\"0.00\"}", Some("amount"), "zero"),
            ("{\"playerId\":\"a\",\"amount\":true}", Some("amount"), "digits"),
            ("{\"playerId\":\"a\",\"amount\":{}}", Some("amount"), "digits"),
            ("{\"playerId\":\"a\",\"amount\":1,\"currency\":\"eur\"}", Some("currency"), "upper-case"),
            ("{\"playerId\":\"a\",\"amount\":1,\"ammount\":1}", None, "no field \\\"ammount\\\" here"),
        ] {
            let told = refused(body);
            assert!(told.contains(words), "{body}: {told}");
            let answer: serde_json::Value = serde_json::from_str(&told).expect("JSON");
            assert_eq!(answer["field"].as_str(), field, "{body}: {told}");
        }
        let many: Vec<_> = (0..40).map(|number| format!("\"f{number}\":1")).collect();
        assert!(refused(&format!("{{{}}}", many.join(","))).contains("at most 32 fields"));
    }

    #[test]
    fn a_field_that_is_null_counts_as_not_given() {
        let mut fields = JsonFields::read(b"{\"a\":null,\"b\":1,\"c\":null}").expect("a map");
        assert_eq!((fields.has("a"), fields.has("b"), fields.has("d")), (false, true, false));
        assert!(fields.text("c").is_ok_and(|text| text.is_none()));
        let left = fields.finish("a, b and c").expect_err("one is left").to_string();
        assert!(left.contains("no field \"b\" here"), "{left}");
    }

    #[test]
    fn an_amount_as_a_number_is_read_from_its_digits() {
        for (body, expected) in [
            ("{\"amount\":0.1}", "0.1"),
            ("{\"amount\":100000000000000.01}", "100000000000000.01"),
            ("{\"amount\":\"12.50\"}", "12.50"),
            ("{\"amount\":\"\\u0031\"}", "1"),
        ] {
            let mut fields = JsonFields::read(body.as_bytes()).expect("a map");
            let amount = fields.amount().map_err(|error| error.body());
            assert_eq!(amount, Ok(expected.parse().expect("an amount")), "{body}");
        }
    }
}
