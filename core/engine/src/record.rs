//! The record of the log: a transaction with all its legs and notices, a refusal, a digest or a fact.
//!
//! The first byte is the version. The decoder reads the version of its release; for any other, the error names both.

use domains::{Funds, Notice, What};
use ledger::{Digest, Domain, Leg};
use protocol::{ErrorCode, RoundId, TableId};

use crate::{
    codec::{AT_ONCE, DecodeError, Decoder, Encoder},
    facts::Fact,
    keys::{Content, Done, TxId},
    table::TableLeg,
};

/// Version this release writes.
const VERSION: u8 = 3;

/// Longest record that is made. Bytes; the journal takes no longer one.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was decided, milliseconds since 1970; never earlier than the record before it.
    pub time: u64,
    /// What happened.
    pub body: Body,
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every record is a transaction that was carried out; a box would only cost"
)]
pub enum Body {
    /// A transaction was carried out.
    Committed(Committed),
    /// A request was refused for good.
    Refused {
        /// The transaction.
        id: TxId,
        /// Its content.
        content: Content,
        /// Why.
        code: ErrorCode,
    },
    /// The digest of the money state after the record before this one.
    Digest(Digest),
    /// A fact about the hub that writes the log.
    Fact(Fact),
}

/// A transaction that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The transaction.
    pub id: TxId,
    /// The content of its request, when it came with a client's key; such ids are kept for good.
    pub key: Option<Content>,
    /// One leg for each domain that takes part, in canonical order.
    pub legs: Vec<(Domain, Leg)>,
    /// One notice for each player touched.
    pub notices: Vec<Notice>,
    /// The table's own leg.
    pub table: Option<(TableId, TableLeg)>,
}

impl Committed {
    /// The receipt of a transaction with a key, from its first notice; such a transaction touches one player. `None`
    /// without a notice.
    pub(crate) fn receipt(&self, lsn: u64) -> Option<Done> {
        let notice: &Notice = self.notices.first()?;
        let amount = match notice.what {
            What::Deposit | What::Release => notice.after.available - notice.before.available,
            What::Stake => notice.before.available - notice.after.available,
            What::Settled { returned, .. } => returned,
            What::Voided { staked, .. } => staked,
        };
        let round = self.table.as_ref().map(|(table, leg)| RoundId { table: *table, number: leg.round() });
        Some(Done {
            lsn,
            round,
            currency: notice.currency,
            amount,
            available: notice.after.available,
            held: notice.after.held,
        })
    }
}

impl Record {
    /// The table's own leg, if it has one.
    #[must_use]
    pub fn leg(&self) -> Option<&TableLeg> {
        match &self.body {
            Body::Committed(committed) => committed.table.as_ref().map(|(_, leg)| leg),
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
        }
    }

    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder(Vec::with_capacity(256));
        encoder.byte(VERSION);
        encoder.uint(self.time.into());
        match &self.body {
            Body::Committed(committed) => {
                encoder.byte(1);
                committed.encode(&mut encoder);
            }
            Body::Refused { id, content, code } => {
                encoder.byte(2);
                encoder.fixed(id.0);
                encoder.fixed(content.0);
                encoder.uint(code.number().into());
            }
            Body::Digest(digest) => {
                encoder.byte(3);
                encoder.fixed(digest.0);
            }
            Body::Fact(fact) => {
                encoder.byte(4);
                fact.encode(&mut encoder);
            }
        }
        encoder.0
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a whole record of a known version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder(bytes);
        let version = decoder.byte()?;
        if version != VERSION {
            return Err(DecodeError::Version { found: version, read: VERSION });
        }
        let time = decoder.u64()?;
        let body = match decoder.byte()? {
            1 => Body::Committed(Committed::decode(&mut decoder)?),
            2 => Body::Refused {
                id: TxId(decoder.fixed()?),
                content: Content(decoder.fixed()?),
                code: ErrorCode::from_number(decoder.u16()?).ok_or(DecodeError::Unknown("error code"))?,
            },
            3 => Body::Digest(Digest(decoder.fixed()?)),
            4 => Body::Fact(Fact::decode(&mut decoder)?),
            _ => return Err(DecodeError::Unknown("record body")),
        };
        decoder.finish()?;
        Ok(Self { time, body })
    }
}

impl Committed {
    fn encode(&self, encoder: &mut Encoder) {
        encoder.fixed(self.id.0);
        encoder.byte(u8::from(self.key.is_some()));
        if let Some(content) = self.key {
            encoder.fixed(content.0);
        }
        encoder.uint(self.legs.len() as u128);
        for (domain, leg) in &self.legs {
            encoder.byte(*domain as u8);
            encoder.leg(leg);
        }
        encoder.uint(self.notices.len() as u128);
        self.notices.iter().for_each(|notice| encode_notice(encoder, notice));
        encoder.byte(u8::from(self.table.is_some()));
        if let Some((table, leg)) = &self.table {
            encoder.bytes(table.as_bytes());
            leg.encode(encoder);
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let id = TxId(decoder.fixed()?);
        let key = if decoder.flag()? { Some(Content(decoder.fixed()?)) } else { None };
        let mut legs = Vec::new();
        for _ in 0..decoder.count()? {
            legs.push((decoder.domain()?, decoder.leg()?));
        }
        let count = decoder.count()?;
        let mut notices = Vec::with_capacity(count.min(AT_ONCE));
        for _ in 0..count {
            notices.push(decode_notice(decoder)?);
        }
        let table = if decoder.flag()? { Some((decoder.table()?, TableLeg::decode(decoder)?)) } else { None };
        Ok(Self { id, key, legs, notices, table })
    }
}

pub(crate) fn encode_notice(encoder: &mut Encoder, notice: &Notice) {
    encoder.fixed(notice.player.0);
    encoder.currency(notice.currency);
    for amount in [notice.before.available, notice.before.held, notice.after.available, notice.after.held] {
        encoder.money(amount);
    }
    match &notice.what {
        What::Deposit => encoder.byte(1),
        What::Stake => encoder.byte(2),
        What::Release => encoder.byte(3),
        What::Settled { round, staked, returned, outcome } => {
            encoder.byte(4);
            encoder.round(*round);
            encoder.money(*staked);
            encoder.money(*returned);
            encoder.uint((*outcome).into());
        }
        What::Voided { round, staked } => {
            encoder.byte(5);
            encoder.round(*round);
            encoder.money(*staked);
        }
    }
}

pub(crate) fn decode_notice(decoder: &mut Decoder<'_>) -> Result<Notice, DecodeError> {
    let (player, currency) = (decoder.player()?, decoder.currency()?);
    let before = Funds { available: decoder.money()?, held: decoder.money()? };
    let after = Funds { available: decoder.money()?, held: decoder.money()? };
    let what = match decoder.byte()? {
        1 => What::Deposit,
        2 => What::Stake,
        3 => What::Release,
        4 => What::Settled {
            round: decoder.round()?,
            staked: decoder.money()?,
            returned: decoder.money()?,
            outcome: decoder.u32()?,
        },
        5 => What::Voided { round: decoder.round()?, staked: decoder.money()? },
        _ => return Err(DecodeError::Unknown("notice")),
    };
    Ok(Notice { player, currency, before, after, what })
}
