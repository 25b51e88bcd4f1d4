//! What stands in a record, by name and with its type, so that a report needs to know neither recipes nor kinds of rows.
//!
//! The names are stable: programs read them in the output of `hub inspect --json`.

use ledger::HoldId;
use protocol::{Currency, PlayerId, RoundId};

/// One value of a record, as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A player.
    Player(PlayerId),
    /// A currency.
    Currency(Currency),
    /// Money: minor units, and their currency.
    Amount(i128, Currency),
    /// A round.
    Round(RoundId),
    /// A hold.
    Hold(HoldId),
    /// Several holds.
    Holds(Vec<HoldId>),
    /// A time, milliseconds since 1970.
    Time(u64),
    /// A number.
    Number(u64),
    /// Whether something holds.
    Flag(bool),
    /// Text.
    Text(String),
    /// Bytes, such as a hash.
    Bytes(Vec<u8>),
    /// Values that belong together.
    Group(Fields),
    /// Several values of one sort, each with fields of its own.
    List(Vec<Fields>),
}

impl Field {
    /// What a row's key names that is the id of a player.
    pub(crate) fn of_player_key(bytes: &[u8]) -> Self {
        match bytes.try_into() {
            Ok(id) => Field::Player(PlayerId(u128::from_be_bytes(id))),
            Err(_) => Field::Bytes(bytes.to_vec()),
        }
    }

    /// What a row's key names that is a text.
    pub(crate) fn of_text_key(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(name) => Field::Text(name.into()),
            Err(_) => Field::Bytes(bytes.to_vec()),
        }
    }
}

/// Values with their names, in the order in which they are shown. A value that is not there is left out.
pub type Fields = Vec<(&'static str, Field)>;
