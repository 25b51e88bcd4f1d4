//! Which record is asked for: by its lsn, by its transaction, or by the key of a principal.

use std::{fmt, str::FromStr};

use base16ct::mixed;
use engine::{Body, Record, TxId};

/// The record that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Its place in the log, from 1.
    Lsn(u64),
    /// The id of its transaction, which may have come from a key.
    Transaction(TxId),
}

impl Lookup {
    /// Whether it is this record.
    #[must_use]
    pub fn is(&self, lsn: u64, record: &Record) -> bool {
        match self {
            Lookup::Lsn(wanted) => *wanted == lsn,
            Lookup::Transaction(wanted) => transaction(record) == Some(*wanted),
        }
    }
}

/// The transaction of a record, done or refused.
pub(super) fn transaction(record: &Record) -> Option<TxId> {
    match &record.body {
        Body::Committed(committed) => Some(committed.id),
        Body::Refused { id, .. } => Some(*id),
        Body::Digest(_) | Body::Fact(_) => None,
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lookup::Lsn(lsn) => write!(f, "record {lsn}"),
            Lookup::Transaction(id) => write!(f, "transaction {:032x}", id.0),
        }
    }
}

impl FromStr for Lookup {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected an lsn such as 17, a transaction as tx: and 32 hexadecimal digits, or a key as \
                                player:ID/KEY or service:NAME/KEY";
        if let Some(digits) = text.strip_prefix("tx:") {
            return id(digits).map(|id| Lookup::Transaction(TxId(id))).ok_or(EXPECTED);
        }
        if let Some((player, key)) = text.strip_prefix("player:").and_then(|of| of.split_once('/')) {
            let (player, key) = (player.parse().map_err(|_| EXPECTED)?, key.parse().map_err(|_| EXPECTED)?);
            return Ok(Lookup::Transaction(TxId::of_key(player, &key)));
        }
        if let Some((name, key)) = text.strip_prefix("service:").and_then(|of| of.split_once('/')) {
            let named = !name.is_empty() && !key.is_empty();
            return named.then(|| Lookup::Transaction(TxId::of_service(name, key))).ok_or(EXPECTED);
        }
        if let Some(id) = id(text) {
            return Ok(Lookup::Transaction(TxId(id)));
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let lsn = text.parse().ok().filter(|lsn| digits && *lsn > 0);
        lsn.map(Lookup::Lsn).ok_or(EXPECTED)
    }
}

/// An id of 32 hexadecimal digits.
fn id(digits: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    let whole = mixed::decode(digits, &mut bytes).is_ok_and(|read| read.len() == 16);
    whole.then(|| u128::from_be_bytes(bytes))
}
