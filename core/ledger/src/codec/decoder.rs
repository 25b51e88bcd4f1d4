//! Reading values out of a record.

use std::sync::Arc;

use protocol::{Currency, PlayerId, RoundId, TableId};

use super::{
    DecodeError, NAME_BYTES_MAX,
    feature::{Feature, NamedFeature},
};
use crate::{
    Account, AccountId, AccountKind, Domain, Hold, HoldId, Leg, Move, Owner, OwnerKind, Prover, Purpose,
    SUM_MAX, Source, Transfer, named::Named,
};

/// Most items to allocate for before they are read: a count may be wrong.
pub const AT_ONCE: usize = 16;

/// Reads values from a record.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    ids: Named<u128>,
    names: Named<[u8; NAME_BYTES_MAX]>,
    plain: bool,
}

/// Each method reads one value.
///
/// # Errors
/// When the next bytes are not such a value in its only encoding.
impl<'a> Decoder<'a> {
    /// A decoder of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, ids: Named::default(), names: Named::default(), plain: false }
    }

    /// A decoder of what [`Encoder::plain`](super::Encoder::plain) has written.
    #[must_use]
    pub fn plain(bytes: &'a [u8]) -> Self {
        Self { plain: true, ..Self::new(bytes) }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// When bytes are left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }

    /// What is left, without reading it.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// So many bytes.
    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.bytes.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.bytes = tail;
        Ok(head)
    }

    /// So many bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(self.raw(N)?.try_into().expect("as many bytes were taken"))
    }

    /// A byte.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.raw(1)?[0])
    }

    /// An integer in its only valid encoding: no bits beyond 128, no last byte that is zero.
    pub fn uint(&mut self) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            value |= bits << shift;
            if byte < 0x80 {
                let one_spelling = (bits << shift) >> shift == bits && (bits != 0 || shift == 0);
                return if one_spelling { Ok(value) } else { Err(DecodeError::OutOfRange("an integer")) };
            }
        }
        Err(DecodeError::OutOfRange("an integer"))
    }

    /// A yes or no.
    pub fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::OutOfRange("a flag")),
        }
    }

    /// An integer of 64 bits.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.uint()?.try_into().map_err(|_| DecodeError::OutOfRange("an integer"))
    }

    /// An integer of 32 bits.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.uint()?.try_into().map_err(|_| DecodeError::OutOfRange("an integer"))
    }

    /// An integer of 16 bits.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.uint()?.try_into().map_err(|_| DecodeError::OutOfRange("an integer"))
    }

    /// An amount of money, minor units, at most [`SUM_MAX`]: the sum of all amounts of a record cannot overflow.
    pub fn money(&mut self) -> Result<i128, DecodeError> {
        let value = self.uint()?;
        let amount = (value >> 1) as i128 ^ -((value & 1) as i128);
        if amount.unsigned_abs() > SUM_MAX.unsigned_abs() {
            return Err(DecodeError::OutOfRange("an amount"));
        }
        Ok(amount)
    }

    /// 128 bits.
    pub fn fixed(&mut self) -> Result<u128, DecodeError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    /// Bytes with their count before them.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.uint()?.try_into().map_err(|_| DecodeError::Truncated)?;
        self.raw(count)
    }

    /// The same as text.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::OutOfRange("a text"))
    }

    /// A count of items of at least one byte each. Refused when it is above the number of bytes left.
    pub fn count(&mut self) -> Result<usize, DecodeError> {
        self.count_of(1)
    }

    /// As [`Decoder::count`], for items of at least `bytes` bytes each.
    pub fn count_of(&mut self, bytes: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.uint()?).map_err(|_| DecodeError::Truncated)?;
        if count > self.bytes.len() / bytes { Err(DecodeError::Truncated) } else { Ok(count) }
    }

    /// An id of 128 bits that is new, or was spelled before in this record.
    pub fn id(&mut self) -> Result<u128, DecodeError> {
        if self.plain {
            return self.fixed();
        }
        match self.back()? {
            0 => {
                let value = self.fixed()?;
                if self.ids.back(value).is_some() {
                    Err(DecodeError::OutOfRange("an id, spelled twice,"))
                } else {
                    Ok(value)
                }
            }
            back => self.ids.at(back).ok_or(DecodeError::OutOfRange("an id's place")),
        }
    }

    fn name(&mut self) -> Result<[u8; NAME_BYTES_MAX], DecodeError> {
        let back = if self.plain { 0 } else { self.back()? };
        if back > 0 {
            return self.names.at(back).ok_or(DecodeError::OutOfRange("a name's place"));
        }
        let name = self.bytes()?;
        let mut padded = [0; NAME_BYTES_MAX];
        if name.len() > NAME_BYTES_MAX || name.contains(&0) {
            return Err(DecodeError::OutOfRange("a name"));
        }
        padded[..name.len()].copy_from_slice(name);
        if !self.plain && self.names.back(padded).is_some() {
            return Err(DecodeError::OutOfRange("a name, spelled twice,"));
        }
        Ok(padded)
    }

    fn back(&mut self) -> Result<usize, DecodeError> {
        self.uint()?.try_into().map_err(|_| DecodeError::OutOfRange("a place"))
    }

    /// An integer that may be absent.
    pub fn option(&mut self) -> Result<Option<u64>, DecodeError> {
        if self.flag()? { self.u64().map(Some) } else { Ok(None) }
    }

    /// A player.
    pub fn player(&mut self) -> Result<PlayerId, DecodeError> {
        self.id().map(PlayerId)
    }

    /// A currency.
    pub fn currency(&mut self) -> Result<Currency, DecodeError> {
        let name = self.name()?;
        text_of(&name).parse().map_err(|_| DecodeError::OutOfRange("a currency"))
    }

    /// A table.
    pub fn table(&mut self) -> Result<TableId, DecodeError> {
        let name = self.name()?;
        text_of(&name).parse().map_err(|_| DecodeError::OutOfRange("a table id"))
    }

    /// A round.
    pub fn round(&mut self) -> Result<RoundId, DecodeError> {
        Ok(RoundId { table: self.table()?, number: self.u64()? })
    }

    /// A feature with its name.
    pub fn feature(&mut self) -> Result<NamedFeature, DecodeError> {
        let feature = match self.byte()? {
            1 => Feature::Recipe { kind: self.u16()?, revision: self.u16()? },
            2 => Feature::Row { kind: self.u16()? },
            _ => return Err(DecodeError::Unknown("feature")),
        };
        let name = self.text()?;
        let named = NamedFeature::new(feature, name);
        if named.name() == name { Ok(named) } else { Err(DecodeError::OutOfRange("the name of a feature")) }
    }

    /// A domain.
    pub fn domain(&mut self) -> Result<Domain, DecodeError> {
        Domain::from_number(self.byte()?).ok_or(DecodeError::Unknown("domain"))
    }

    /// The id of an account. Whether its owner is of a kind that such accounts have is not checked here.
    pub fn account(&mut self) -> Result<AccountId, DecodeError> {
        let byte = self.byte()?;
        let kind = AccountKind::from_number(byte & 0x1f).ok_or(DecodeError::Unknown("account kind"))?;
        let owner = OwnerKind::from_number(byte >> 5).ok_or(DecodeError::Unknown("owner kind"))?;
        let owner = match owner {
            OwnerKind::House => Owner::HOUSE,
            _ => Owner::new(owner, self.id()?),
        };
        Ok(AccountId { kind, owner, currency: self.currency()? })
    }

    /// The four sums of an account.
    pub fn sums(&mut self) -> Result<Account, DecodeError> {
        Ok(Account {
            debits: self.money()?,
            credits: self.money()?,
            debits_pending: self.money()?,
            credits_pending: self.money()?,
        })
    }

    /// A transfer. Its rules are not checked here.
    pub fn transfer(&mut self) -> Result<Transfer, DecodeError> {
        Ok(Transfer { debit: self.account()?, credit: self.account()?, amount: self.money()? })
    }

    /// A hold. Its rules are not checked here.
    pub fn hold(&mut self) -> Result<Hold, DecodeError> {
        let purpose = Purpose::from_number(self.byte()?).ok_or(DecodeError::Unknown("purpose of a hold"))?;
        let prover = match self.byte()? {
            1 => Prover::Round(self.round()?),
            2 => Prover::Domain(self.domain()?),
            _ => return Err(DecodeError::Unknown("prover of a hold")),
        };
        let (expires, credit, count) = (self.option()?, self.account()?, self.count()?);
        let source =
            |decoder: &mut Self| Ok(Source { account: decoder.account()?, amount: decoder.money()? });
        let first = source(self)?;
        let more = (0..count).map(|_| source(self)).collect::<Result<_, _>>()?;
        Ok(Hold { purpose, prover, expires, credit, first, more })
    }

    /// A leg.
    pub fn leg(&mut self) -> Result<Leg, DecodeError> {
        let count = self.count()?;
        let mut moves = Vec::with_capacity(count.min(AT_ONCE));
        for _ in 0..count {
            moves.push(match self.byte()? {
                1 => Move::Open(self.account()?),
                2 => Move::Post(self.transfer()?),
                3 => Move::Hold(HoldId(self.id()?), Arc::new(self.hold()?)),
                4 => Move::PostHold(HoldId(self.id()?)),
                5 => Move::VoidHold(HoldId(self.id()?)),
                _ => return Err(DecodeError::Unknown("move")),
            });
        }
        Ok(Leg { moves })
    }
}

fn text_of(padded: &[u8; NAME_BYTES_MAX]) -> &str {
    let length = padded.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES_MAX);
    std::str::from_utf8(&padded[..length]).unwrap_or_default()
}
