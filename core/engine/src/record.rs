//! The record of the log: a transaction, a refusal, a digest or a fact.
//!
//! A transaction is recorded as its intent (the recipe with its parameters, who asked, the key) and its effects (moves, row
//! images, notices, the table's part). Replay applies the effects; `hub verify` decides the intent again and compares.
//!
//! The intent is the last value: what only applies effects need not read it. The first byte is the version
//! ([`upgrade`](crate::upgrade)); for one that this release does not read, the error names both.

use domains::{
    Intent, Notice, Principal, RowImage, RowKind, What, recipe::Known, recipes::ProposeAdjustment,
};
use ledger::{
    Domain, Leg, SUM_MAX,
    codec::{AT_ONCE, DecodeError, Decoder, Encoder, Feature},
};
use protocol::{ErrorCode, RoundId, TableId};

use crate::{
    components::StateDigest,
    content::Content,
    facts::{Fact, FactKind},
    keys::{Done, Outcome},
    table::{TableLeg, TableRequest},
    tx_id::TxId,
};

/// Version of the records that this release writes.
pub(crate) const VERSION: u8 = 3;

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
        /// Who asked.
        principal: Principal,
        /// Its content.
        content: Content,
        /// Why.
        code: ErrorCode,
        /// What was refused, and by whom.
        refused: RefusedRequest,
    },
    /// The digest of the money state after the record before this one.
    Digest(StateDigest),
    /// A fact about the hub that writes the log.
    Fact(Fact),
}

/// A request that was refused, and by whom: all that is needed to decide it again on the state at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedRequest {
    /// A domain refused to carry out the intent.
    ByDomain(Intent),
    /// A table refused a request.
    ByTable(Box<TableRequest>),
}

/// A transaction that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The transaction.
    pub id: TxId,
    /// Who asked for it.
    pub principal: Principal,
    /// The content of its request, when it came with a client's key; such ids are kept for good.
    pub key: Option<Content>,
    /// What it was to do.
    pub intent: Intent,
    /// One leg for each domain that takes part, in canonical order.
    pub legs: Vec<(Domain, Leg)>,
    /// The images of the rows that it changed.
    pub rows: Vec<RowImage>,
    /// One notice for each player touched.
    pub notices: Vec<Notice>,
    /// The table's own leg.
    pub table: Option<(TableId, TableLeg)>,
}

/// The versions that records may have, and the recipes and the kinds of rows and facts that they may name.
#[derive(Debug, Clone, Copy)]
pub struct Formats {
    /// The versions.
    pub shapes: &'static [Shape],
    /// The recipes, in every revision.
    pub recipes: &'static [Known],
    /// The kinds of rows.
    pub rows: &'static [RowKind],
    /// The kinds of facts.
    pub facts: &'static [FactKind],
}

/// How the records of one version are read.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// The version.
    pub version: u8,
    /// Reads what follows the version, to the end, as a record of today.
    pub read: fn(&mut Decoder<'_>, &Formats, Unknown) -> Result<Record, DecodeError>,
}

impl Formats {
    /// Whether they have this feature.
    #[must_use]
    pub fn have(&self, feature: Feature) -> bool {
        match feature {
            Feature::Recipe { .. } => self.recipes.iter().any(|known| known.feature() == feature),
            Feature::Row { kind } => self.rows.iter().any(|known| known.number == kind),
        }
    }
}

/// What becomes of a recipe, a revision or a kind of row that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// The record is refused.
    Refused,
    /// It is taken as bytes.
    Kept,
}

impl Unknown {
    fn intent(self, decoder: &mut Decoder<'_>, formats: &Formats) -> Result<Intent, DecodeError> {
        match self {
            Unknown::Refused => Intent::decode(decoder, formats.recipes),
            Unknown::Kept => Intent::decode_any(decoder, formats.recipes),
        }
    }

    pub(crate) fn row(self, decoder: &mut Decoder<'_>, formats: &Formats) -> Result<RowImage, DecodeError> {
        match self {
            Unknown::Refused => RowImage::decode(decoder, formats.rows),
            Unknown::Kept => RowImage::decode_any(decoder, formats.rows),
        }
    }

    /// Whether a feature is refused, because these formats do not have it.
    pub(crate) fn refuses(self, feature: Feature, formats: &Formats) -> bool {
        match self {
            Unknown::Refused => !formats.have(feature),
            Unknown::Kept => false,
        }
    }
}

impl Committed {
    /// The outcome of a transaction with a key, from its first notice; such a transaction touches one player, or is told by
    /// its rows. `None` when it changed nothing that could be told.
    pub(crate) fn outcome(&self, lsn: u64) -> Option<Outcome> {
        let notice = match &self.notices[..] {
            [notice] => notice,
            // What changes the funds of several players, such as the reversal of a round, is no receipt for one of them.
            [] | [_, _, ..] => return (!self.rows.is_empty()).then_some(Outcome::Changed { lsn }),
        };
        let amount = match notice.what {
            What::Deposit | What::Release | What::Credit | What::Expired | What::Freed | What::Winnings => {
                notice.after.available - notice.before.available
            }
            What::Stake | What::Debit | What::Held => notice.before.available - notice.after.available,
            What::Captured => notice.before.total() - notice.after.total(),
            What::Settled { returned, .. } => returned,
            What::Voided { staked, .. } => staked,
        };
        let round = self.table.as_ref().map(|(table, leg)| RoundId { table: *table, number: leg.round() });
        Some(Outcome::Done(Done {
            lsn,
            round,
            currency: notice.currency,
            amount,
            available: notice.after.available,
            held: notice.after.held,
        }))
    }
}

impl Committed {
    /// The sum of the stakes whose round it ends, as it tells the players of them.
    pub(crate) fn ended_stakes(&self) -> i128 {
        let staked = self.notices.iter().filter_map(|notice| Some(notice.what.round_end()?.staked));
        staked.fold(0_i128, i128::saturating_add).clamp(-SUM_MAX, SUM_MAX)
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

    /// Whether an operator has acted alone in an emergency.
    #[must_use]
    pub fn breaks_glass(&self) -> bool {
        match &self.body {
            Body::Committed(Committed { intent, .. }) => {
                intent.get().is_some_and(|ProposeAdjustment { break_glass, .. }| break_glass.is_some())
            }
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => false,
        }
    }

    /// Enough bytes for nearly every record.
    fn room(&self) -> usize {
        match &self.body {
            Body::Committed(committed) => 192 + 64 * committed.notices.len(),
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => 256,
        }
    }

    /// The record's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::with_capacity(self.room());
        encoder.byte(VERSION);
        encoder.uint(self.time.into());
        match &self.body {
            Body::Committed(committed) => {
                encoder.byte(1);
                committed.encode(&mut encoder);
            }
            Body::Refused { id, principal, content, code, refused } => {
                encoder.byte(2);
                encoder.id(id.0);
                principal.encode(&mut encoder);
                encoder.fixed(content.0);
                encoder.uint(code.number().into());
                refused.encode(&mut encoder);
            }
            Body::Digest(digest) => {
                encoder.byte(3);
                digest.encode(&mut encoder);
            }
            Body::Fact(fact) => {
                encoder.byte(4);
                fact.encode(&mut encoder);
            }
        }
        encoder.into_bytes()
    }

    /// Reads what follows the version, in the shape that this release writes.
    pub(crate) fn read_newest(
        decoder: &mut Decoder<'_>,
        formats: &Formats,
        unknown: Unknown,
    ) -> Result<Self, DecodeError> {
        let time = decoder.u64()?;
        let body = match decoder.byte()? {
            1 => Body::Committed(Committed::decode(decoder, formats, unknown)?),
            2 => Body::Refused {
                id: TxId(decoder.id()?),
                principal: Principal::decode(decoder)?,
                content: Content(decoder.fixed()?),
                code: ErrorCode::from_number(decoder.u16()?).ok_or(DecodeError::Unknown("error code"))?,
                refused: RefusedRequest::decode(decoder, formats, unknown)?,
            },
            3 => Body::Digest(StateDigest::decode(decoder)?),
            4 => {
                Body::Fact(Fact::decode(decoder, formats.facts, |feature| unknown.refuses(feature, formats))?)
            }
            _ => return Err(DecodeError::Unknown("record body")),
        };
        Ok(Self { time, body })
    }
}

impl RefusedRequest {
    /// Whether a record of it could be read again.
    pub(crate) fn reads_back(&self) -> bool {
        match self {
            RefusedRequest::ByDomain(intent) => intent.reads_back(),
            RefusedRequest::ByTable(_) => true, // its stakes have no bounds
        }
    }

    fn encode(&self, encoder: &mut Encoder) {
        match self {
            RefusedRequest::ByDomain(intent) => {
                encoder.byte(1);
                intent.encode(encoder);
            }
            RefusedRequest::ByTable(request) => {
                encoder.byte(2);
                request.encode(encoder);
            }
        }
    }

    fn decode(decoder: &mut Decoder<'_>, formats: &Formats, unknown: Unknown) -> Result<Self, DecodeError> {
        Ok(match decoder.byte()? {
            1 => RefusedRequest::ByDomain(unknown.intent(decoder, formats)?),
            2 => RefusedRequest::ByTable(Box::new(TableRequest::decode(decoder)?)),
            _ => return Err(DecodeError::Unknown("refusal")),
        })
    }
}

impl Committed {
    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.id.0);
        self.principal.encode(encoder);
        encoder.flag(self.key.is_some());
        if let Some(content) = self.key {
            encoder.fixed(content.0);
        }
        encoder.uint(self.legs.len() as u128);
        for (domain, leg) in &self.legs {
            encoder.byte(*domain as u8);
            encoder.leg(leg);
        }
        encoder.uint(self.rows.len() as u128);
        self.rows.iter().for_each(|row| row.encode(encoder));
        encoder.uint(self.notices.len() as u128);
        self.notices.iter().for_each(|notice| notice.encode(encoder));
        encoder.flag(self.table.is_some());
        if let Some((table, leg)) = &self.table {
            encoder.table(*table);
            leg.encode(encoder);
        }
        self.intent.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>, formats: &Formats, unknown: Unknown) -> Result<Self, DecodeError> {
        let (id, principal) = (TxId(decoder.id()?), Principal::decode(decoder)?);
        let key = if decoder.flag()? { Some(Content(decoder.fixed()?)) } else { None };
        let mut legs = Vec::new();
        for _ in 0..decoder.count()? {
            legs.push((decoder.domain()?, decoder.leg()?));
        }
        let mut rows = Vec::new();
        for _ in 0..decoder.count()? {
            rows.push(unknown.row(decoder, formats)?);
        }
        let count = decoder.count()?;
        let mut notices = Vec::with_capacity(count.min(AT_ONCE));
        for _ in 0..count {
            notices.push(Notice::decode(decoder)?);
        }
        let table = if decoder.flag()? { Some((decoder.table()?, TableLeg::decode(decoder)?)) } else { None };
        let intent = unknown.intent(decoder, formats)?;
        Ok(Self { id, principal, key, intent, legs, rows, notices, table })
    }
}
