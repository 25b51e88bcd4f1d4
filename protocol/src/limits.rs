//! The limits of a player on the wire.

use serde::{Deserialize, Serialize};

use crate::{Amount, Currency, ErrorCode, FrameError, Key, Text, U53};

/// Fields of `set_limit`.
#[derive(Debug, Clone, PartialEq)]
pub struct SetLimit {
    /// Idempotency key.
    pub key: Key,
    /// Which limit.
    pub limit: NamedLimit,
    /// How much it allows.
    pub to: LimitTo,
}

/// Names a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedLimit {
    /// `deposit`, `loss`, `stake` or `play_time`.
    pub kind: Text<16>,
    /// `day`, `week` or `month`.
    pub period: Text<8>,
    /// The currency of a limit of money.
    pub currency: Option<Text<8>>,
}

/// How much a limit is to allow. In a frame it is `amount` of money, `minutes` of time, or `remove` that is true.
#[derive(Debug, Clone, PartialEq)]
pub enum LimitTo {
    /// Money, decimal text.
    Amount(Text<30>),
    /// Time.
    Minutes(U53),
    /// There is to be no limit.
    Removed,
}

impl LimitTo {
    /// The one that is given of three fields.
    pub(crate) fn given(
        amount: Option<Text<30>>,
        minutes: Option<U53>,
        remove: Option<bool>,
        id: U53,
    ) -> Result<Self, FrameError> {
        let wrong = |code, detail: &str| FrameError { id: Some(id), code, detail: detail.into() };
        match (amount, minutes, remove.unwrap_or(false)) {
            (Some(amount), None, false) => Ok(LimitTo::Amount(amount)),
            (None, Some(minutes), false) => Ok(LimitTo::Minutes(minutes)),
            (None, None, true) => Ok(LimitTo::Removed),
            (None, None, false) => Err(wrong(
                ErrorCode::MissingField,
                "set_limit needs the field \"amount\" or \"minutes\", or \"remove\": true",
            )),
            _ => Err(wrong(
                ErrorCode::Malformed,
                "set_limit has one of \"amount\", \"minutes\" and \"remove\"",
            )),
        }
    }

    /// The three fields.
    pub(crate) fn fields(self) -> (Option<Text<30>>, Option<U53>, Option<bool>) {
        match self {
            LimitTo::Amount(amount) => (Some(amount), None, None),
            LimitTo::Minutes(minutes) => (None, Some(minutes), None),
            LimitTo::Removed => (None, None, Some(true)),
        }
    }
}

/// How much a limit allows or is used: money as text, time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LimitValue {
    /// Milliseconds.
    Time(u64),
    /// Money.
    Money(Amount),
}

/// A limit that has refused a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHit {
    /// What it limits: `deposit`, `loss`, `stake` or `play_time`.
    pub kind: String,
    /// `day`, `week` or `month`.
    pub period: String,
    /// The currency of a limit of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What is allowed in a period.
    pub limit: LimitValue,
    /// What is used of it, with what is at stake.
    pub used: LimitValue,
    /// When the next period begins, server time in milliseconds.
    pub frees_at: u64,
    /// The clause that asks for it, such as `ukgc.rts.12b.deposit`.
    pub clause: String,
}

/// A limit of the player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitState {
    /// What it limits: `deposit`, `loss`, `stake` or `play_time`.
    pub kind: String,
    /// `day`, `week` or `month`.
    pub period: String,
    /// The currency of a limit of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The player's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<LimitValue>,
    /// The operator's for the player. The stricter one is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operators: Option<LimitValue>,
    /// What is used of it in this period, with what is at stake. Of losses that are gains, 0.
    pub used: LimitValue,
    /// What is left of the stricter one.
    pub left: LimitValue,
    /// When the next period begins, server time in milliseconds.
    pub frees_at: u64,
    /// A looser one that the player has asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loosening: Option<LimitLoosening>,
}

/// A looser limit that waits for the player to confirm it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitLoosening {
    /// The limit; absent when there will be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LimitValue>,
    /// From when it can be confirmed, server time in milliseconds.
    pub from: u64,
    /// Until when.
    pub until: u64,
}
