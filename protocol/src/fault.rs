//! The error of a request that cannot be decoded, as a type: the place in the frame, and what is wrong there.
//!
//! The deserialisers of `request` return it through `typed`, in both encodings. Its error code follows from the kind
//! of the fault and the field. Its text is for the client's programmer; no program parses it.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use serde::de::{self, Expected, Unexpected};

use crate::code::ErrorCode;

/// Longest text of a client that an error repeats, characters.
const QUOTED_CHARS_MAX: usize = 32;
/// Longest error text, characters.
pub(crate) const DETAIL_CHARS_MAX: usize = 240;

/// Why a value is not what it should be.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The way to the value, innermost step first.
    path: Vec<Step>,
    cause: Cause,
}

/// One step into a value.
#[derive(Debug)]
pub(crate) enum Step {
    /// Into the value of a field.
    Field(Box<str>),
    /// Into an item of a list.
    Item(usize),
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Cause {
    /// The bytes are not a value of their encoding; the decoder's message.
    Syntax(String),
    /// Another kind of value than expected.
    Kind { expected: String, found: &'static str },
    /// A value of the right kind that is out of its range.
    Range { expected: String, found: String },
    /// A text or a list that is too long.
    TooLong { expected: String, length: usize },
    /// A required field is missing.
    Missing(&'static str),
    /// A field is given more than once.
    Twice(&'static str),
    /// A field that the request does not have; its name, quoted.
    Unknown(String),
    /// A text that does not follow the rules of its type; the type's message.
    Unfit(String),
}

impl Fault {
    fn new(cause: Cause) -> Self {
        Self(Box::new(Inner { path: Vec::new(), cause }))
    }

    /// The fault for bytes that are not a value of their encoding; `error` is the decoder's.
    pub fn syntax(error: &impl fmt::Display) -> Self {
        Self::new(Cause::Syntax(beginning(error)))
    }

    /// Adds an outer step to the place of the fault.
    pub fn inside(mut self, step: Step) -> Self {
        self.0.path.push(step);
        self
    }

    /// What is wrong.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// The code the client gets.
    pub fn code(&self) -> ErrorCode {
        match &self.0.cause {
            Cause::Kind { .. } | Cause::TooLong { .. } if self.is_of_an_amount() => ErrorCode::BadAmount,
            Cause::TooLong { .. } => ErrorCode::TooLarge,
            Cause::Missing(_) => ErrorCode::MissingField,
            Cause::Syntax(_)
            | Cause::Kind { .. }
            | Cause::Range { .. }
            | Cause::Twice(_)
            | Cause::Unknown(_)
            | Cause::Unfit(_) => ErrorCode::Malformed,
        }
    }

    /// What is wrong and where, for the client's programmer: such as `bets[3].n[0]: …`.
    pub fn detail(&self) -> String {
        let Inner { path, cause } = &*self.0;
        let mut place = String::new();
        let absent = match cause {
            Cause::Missing(field) | Cause::Twice(field) => Some(Step::Field((*field).into())),
            _ => None,
        };
        for step in path.iter().rev().chain(&absent) {
            let dot = if place.is_empty() { "" } else { "." };
            // Writing to a `String` does not fail.
            let _ = match step {
                Step::Field(name) => write!(place, "{dot}{}", harmless(name)),
                Step::Item(index) => write!(place, "[{index}]"),
            };
        }
        if !place.is_empty() {
            place.push_str(": ");
        }
        let hint =
            if self.is_of_an_amount() { "an amount is a decimal text such as \"12.50\": " } else { "" };
        format!("{place}{hint}{cause}").chars().take(DETAIL_CHARS_MAX).collect()
    }

    /// Whether the fault is in the stake of a bet, which has an error code of its own.
    fn is_of_an_amount(&self) -> bool {
        matches!(&*self.0.path, [Step::Field(stake), Step::Item(_), Step::Field(bets)]
            if &**stake == "a" && &**bets == "bets")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(words) | Self::Unfit(words) => formatter.write_str(words),
            Self::Kind { expected, found } => write!(formatter, "{expected} is expected, not {found}"),
            Self::Range { expected, found } => write!(formatter, "{expected} is expected, not {found}"),
            Self::TooLong { expected, length } => {
                write!(formatter, "{expected} is expected, not one of {length}")
            }
            Self::Missing(_) => formatter.write_str("the field is missing"),
            Self::Twice(_) => formatter.write_str("the field is given twice"),
            Self::Unknown(name) => write!(formatter, "there is no field {name}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail())
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::new(Cause::Unfit(beginning(&words)))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Cause::Kind { expected: expected.to_string(), found: kind(found) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            // Written out, the number may have hundreds of digits.
            Unexpected::Float(number) if number.fract() == 0.0 => "a number beyond that".to_owned(),
            Unexpected::Float(_) => "a number with a fraction".to_owned(),
            other => kind(other).to_owned(),
        };
        Self::new(Cause::Range { expected: expected.to_string(), found })
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(Cause::TooLong { expected: expected.to_string(), length })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Cause::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Cause::Twice(field))
    }

    fn unknown_field(field: &str, _known: &'static [&'static str]) -> Self {
        Self::new(Cause::Unknown(quoted(field)))
    }
}

/// The kind of a value, named alike in both encodings.
fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "a value of another kind",
    }
}

/// The beginning of a client's text in quotation marks, such as the name of an unknown field.
pub(crate) fn quoted(words: &str) -> String {
    format!("\"{}\"", harmless(words))
}

/// The beginning of a client's text, safe for logs, terminals and JSON. Letters, digits and visible ASCII characters
/// are kept, except quotation marks and backslashes; every other character becomes `?`.
fn harmless(words: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '"' | '\\');
    let safe = |letter: char| if plain(letter) || letter.is_alphanumeric() { letter } else { '?' };
    let cut = words.char_indices().nth(QUOTED_CHARS_MAX);
    if cut.is_none() && words.chars().all(|letter| safe(letter) == letter) {
        return Cow::Borrowed(words);
    }
    let beginning = cut.map_or(words, |(at, _)| &words[..at]);
    let end = if cut.is_some() { "…" } else { "" };
    Cow::Owned(beginning.chars().map(safe).chain(end.chars()).collect())
}

/// Longest message taken from a decoder, bytes: a message may quote the whole frame.
const MESSAGE_BYTES_MAX: usize = 512;

/// A writer that keeps the first [`MESSAGE_BYTES_MAX`] bytes and drops the rest.
struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(MESSAGE_BYTES_MAX.saturating_sub(self.0.len()));
        self.0.push_str(&text[..room]);
        if room < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The beginning of a message.
pub(crate) fn beginning(message: &impl fmt::Display) -> String {
    let mut beginning = Beginning(String::new());
    // An error means that the text is full; the rest is dropped.
    let _ = write!(beginning, "{message}");
    beginning.0
}
