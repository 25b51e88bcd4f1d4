//! One record of the log: all legs of a transaction, its id, its result and what it tells.
//!
//! The first byte is the version. A reader knows every version up to its own; a newer one is refused by name.

use domains::{Funds, Notice, What};
use ledger::{Digest, Domain, Leg};
use protocol::{ErrorCode, TableId};

use crate::{
    codec::{AT_ONCE, DecodeError, Reader, Writer},
    keys::{Content, TxId},
    table::TableLeg,
};

/// Version this release writes.
const VERSION: u8 = 1;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it was decided, milliseconds since 1970; never before the record ahead of it.
    pub time: u64,
    /// What happened.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// A transaction that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The transaction.
    pub id: TxId,
    /// Its content, when it came with a client's key; such ids are kept for ever.
    pub key: Option<Content>,
    /// One leg a domain that takes part, in canonical order.
    pub legs: Vec<(Domain, Leg)>,
    /// What each player touched is told.
    pub notices: Vec<Notice>,
    /// The table's own leg.
    pub table: Option<(TableId, TableLeg)>,
}

impl Record {
    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer(Vec::with_capacity(256));
        writer.byte(VERSION);
        writer.uint(self.time.into());
        match &self.body {
            Body::Committed(committed) => {
                writer.byte(1);
                committed.encode(&mut writer);
            }
            Body::Refused { id, content, code } => {
                writer.byte(2);
                writer.fixed(id.0);
                writer.fixed(content.0);
                writer.uint(code.number().into());
            }
            Body::Digest(digest) => {
                writer.byte(3);
                writer.fixed(digest.0);
            }
        }
        writer.0
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a whole record of a known version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        if reader.byte()? != VERSION {
            return Err(DecodeError::Unknown("record version"));
        }
        let time = reader.u64()?;
        let body = match reader.byte()? {
            1 => Body::Committed(Committed::decode(&mut reader)?),
            2 => Body::Refused {
                id: TxId(reader.fixed()?),
                content: Content(reader.fixed()?),
                code: ErrorCode::from_number(reader.u16()?).ok_or(DecodeError::Unknown("error code"))?,
            },
            3 => Body::Digest(Digest(reader.fixed()?)),
            _ => return Err(DecodeError::Unknown("record body")),
        };
        reader.finish()?;
        Ok(Self { time, body })
    }
}

impl Committed {
    fn encode(&self, writer: &mut Writer) {
        writer.fixed(self.id.0);
        writer.byte(u8::from(self.key.is_some()));
        if let Some(content) = self.key {
            writer.fixed(content.0);
        }
        writer.uint(self.legs.len() as u128);
        for (domain, leg) in &self.legs {
            writer.byte(*domain as u8);
            writer.leg(leg);
        }
        writer.uint(self.notices.len() as u128);
        self.notices.iter().for_each(|notice| encode_notice(writer, notice));
        writer.byte(u8::from(self.table.is_some()));
        if let Some((table, leg)) = &self.table {
            writer.bytes(table.as_str().as_bytes());
            leg.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = TxId(reader.fixed()?);
        let key = if reader.flag()? { Some(Content(reader.fixed()?)) } else { None };
        let mut legs = Vec::new();
        for _ in 0..reader.count()? {
            legs.push((reader.domain()?, reader.leg()?));
        }
        let count = reader.count()?;
        let mut notices = Vec::with_capacity(count.min(AT_ONCE));
        for _ in 0..count {
            notices.push(decode_notice(reader)?);
        }
        let table = if reader.flag()? { Some((reader.table()?, TableLeg::decode(reader)?)) } else { None };
        Ok(Self { id, key, legs, notices, table })
    }
}

pub(crate) fn encode_notice(writer: &mut Writer, notice: &Notice) {
    writer.fixed(notice.player.0);
    writer.currency(notice.currency);
    for amount in [notice.before.available, notice.before.held, notice.after.available, notice.after.held] {
        writer.money(amount);
    }
    match &notice.what {
        What::Deposit => writer.byte(1),
        What::Stake => writer.byte(2),
        What::Release => writer.byte(3),
        What::Settled { round, staked, returned, outcome } => {
            writer.byte(4);
            writer.round(*round);
            writer.money(*staked);
            writer.money(*returned);
            writer.uint((*outcome).into());
        }
        What::Voided { round, staked } => {
            writer.byte(5);
            writer.round(*round);
            writer.money(*staked);
        }
    }
}

pub(crate) fn decode_notice(reader: &mut Reader<'_>) -> Result<Notice, DecodeError> {
    let (player, currency) = (reader.player()?, reader.currency()?);
    let before = Funds { available: reader.money()?, held: reader.money()? };
    let after = Funds { available: reader.money()?, held: reader.money()? };
    let what = match reader.byte()? {
        1 => What::Deposit,
        2 => What::Stake,
        3 => What::Release,
        4 => What::Settled {
            round: reader.round()?,
            staked: reader.money()?,
            returned: reader.money()?,
            outcome: reader.u32()?,
        },
        5 => What::Voided { round: reader.round()?, staked: reader.money()? },
        _ => return Err(DecodeError::Unknown("notice")),
    };
    Ok(Notice { player, currency, before, after, what })
}
