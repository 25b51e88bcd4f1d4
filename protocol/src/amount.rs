//! Amounts of money on the wire: strict decimal text, checked against the scale of its currency.
//!
//! An amount is never a float, has no exponent, sign or underscore, and is never rounded silently. The ledger works
//! in integer minor units; the conversion happens only here, and refuses an amount that does not fit.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest accepted text of an amount, bytes.
pub const AMOUNT_TEXT_MAX: usize = 30;
/// Largest accepted amount in minor units: 10^15. A ledger account keeps sums of more than 10^15 such amounts.
pub const MINOR_MAX: i128 = 1_000_000_000_000_000;
/// Largest scale a currency may have, decimal digits.
pub const SCALE_MAX: u32 = 8;

/// A non-negative amount as it was written, for instance `"12.50"`.
///
/// Equality is of the value (`1.0 == 1.00`); the text keeps the scale it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

/// Why a text is not an amount, or an amount does not fit its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point between them, or longer than [`AMOUNT_TEXT_MAX`].
    #[error("an amount is a text of digits with at most one point between them, such as \"12.50\"")]
    Malformed,
    /// More decimals than the currency has.
    #[error("the amount has more decimals than its currency")]
    TooPrecise,
    /// Above [`MINOR_MAX`].
    #[error("the amount is too large")]
    TooLarge,
}

impl Amount {
    /// Makes an amount of minor units, for instance `from_minor(1250, 2)` is `12.50`.
    /// A negative number or a scale above [`SCALE_MAX`] is refused.
    pub fn from_minor(minor: i128, scale: u32) -> Result<Self, AmountError> {
        if minor < 0 || scale > SCALE_MAX {
            return Err(AmountError::Malformed);
        }
        Decimal::try_from_i128_with_scale(minor, scale).map(Self).map_err(|_| AmountError::TooLarge)
    }

    /// The amount in minor units of a currency with `scale` decimals. Never rounds: an amount with more decimals, or
    /// above [`MINOR_MAX`], is refused.
    pub fn to_minor(self, scale: u32) -> Result<i128, AmountError> {
        let exact = self.0.normalize();
        if exact.scale() > scale {
            return Err(AmountError::TooPrecise);
        }
        let factor = 10_i128.pow(scale - exact.scale());
        let minor = exact.mantissa().checked_mul(factor).ok_or(AmountError::TooLarge)?;
        if minor > MINOR_MAX { Err(AmountError::TooLarge) } else { Ok(minor) }
    }

    /// The decimal inside, for ratios and reports.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > AMOUNT_TEXT_MAX || !digits(whole) || !fraction.is_none_or(digits) {
            return Err(AmountError::Malformed);
        }
        if fraction.is_some_and(|digits| digits.len() > 20) {
            return Err(AmountError::TooPrecise);
        }
        Decimal::from_str_exact(text).map(Self).map_err(|_| AmountError::TooLarge)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strict;
        impl de::Visitor<'_> for Strict {
            type Value = Amount;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an amount as text, such as \"12.50\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Strict)
    }
}

/// A currency code: three to eight upper-case letters or digits, the first a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 8]);

impl Currency {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("only ASCII is stored")
    }

    /// The code's ASCII bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(8);
        &self.0[..length]
    }

    /// The same, filled up with zeros.
    #[must_use]
    pub fn padded(&self) -> [u8; 8] {
        self.0
    }
}

/// The text is not a currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three to eight upper-case letters or digits, such as \"EUR\"")]
pub struct NotACurrency;

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        let bytes = text.as_bytes();
        let legal = bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !(3..=8).contains(&bytes.len()) || !legal || !bytes[0].is_ascii_uppercase() {
            return Err(NotACurrency);
        }
        let mut code = [0; 8];
        code[..bytes.len()].copy_from_slice(bytes);
        Ok(Self(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

crate::bounded::text_serde!(Currency, "a currency such as \"EUR\"");
