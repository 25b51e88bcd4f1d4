//! The encoding of values in records: little-endian base-128 integers, length-prefixed bytes, tags.
//!
//! Written by hand, because records must be small, the same on every machine, and readable by all later releases. The
//! decoder checks every length before it allocates.

use ledger::{AccountId, AccountKind, Domain, HoldId, Leg, Move, SUM_MAX, Transfer};
use protocol::{Currency, PlayerId, RoundId, TableId};

/// Why bytes cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the record ends in the middle of a value")]
    Truncated,
    /// There are bytes after the end.
    #[error("the record has bytes after its end")]
    TrailingBytes,
    /// A tag that this release does not know.
    #[error("unknown {0}")]
    Unknown(&'static str),
    /// A version of the record format that this release does not read.
    #[error(
        "the record has version {found} and this release reads version {read}: go on with the release that wrote the \
         log, or begin a new log in another directory (docs/operating.md, \"Upgrade and rollback\")"
    )]
    Version {
        /// The version found.
        found: u8,
        /// The version that this release reads.
        read: u8,
    },
    /// A value out of its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

/// Appends values to a record.
#[derive(Debug, Default)]
pub(crate) struct Encoder(pub Vec<u8>);

impl Encoder {
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn uint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn money(&mut self, value: i128) {
        self.uint((value << 1 ^ value >> 127) as u128);
    }

    pub fn fixed(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.uint(bytes.len() as u128);
        self.0.extend_from_slice(bytes);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn currency(&mut self, currency: Currency) {
        self.bytes(currency.as_bytes());
    }

    pub fn round(&mut self, round: RoundId) {
        self.bytes(round.table.as_bytes());
        self.uint(round.number.into());
    }

    pub fn account(&mut self, id: &AccountId) {
        self.byte(id.kind.number());
        if id.kind.is_players() {
            self.fixed(id.owner);
        }
        self.currency(id.currency);
    }

    pub fn transfer(&mut self, transfer: &Transfer) {
        self.account(&transfer.debit);
        self.account(&transfer.credit);
        self.money(transfer.amount);
    }

    pub fn leg(&mut self, leg: &Leg) {
        self.uint(leg.moves.len() as u128);
        for change in &leg.moves {
            match change {
                Move::Open(id) => {
                    self.byte(1);
                    self.account(id);
                }
                Move::Post(transfer) => {
                    self.byte(2);
                    self.transfer(transfer);
                }
                Move::Hold(hold, transfer) => {
                    self.byte(3);
                    self.fixed(hold.0);
                    self.transfer(transfer);
                }
                Move::PostHold(hold) => {
                    self.byte(4);
                    self.fixed(hold.0);
                }
                Move::VoidHold(hold) => {
                    self.byte(5);
                    self.fixed(hold.0);
                }
            }
        }
    }
}

/// Most items to allocate for before they are read: a count may be wrong.
pub(crate) const AT_ONCE: usize = 16;

/// Reads values from a record.
#[derive(Debug)]
pub(crate) struct Decoder<'a>(pub &'a [u8]);

impl<'a> Decoder<'a> {
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }

    pub fn raw(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(self.raw(N)?.try_into().expect("as many bytes were taken"))
    }

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

    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.uint()?.try_into().map_err(|_| DecodeError::OutOfRange("an integer"))
    }

    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.uint()?.try_into().map_err(|_| DecodeError::OutOfRange("an integer"))
    }

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

    pub fn fixed(&mut self) -> Result<u128, DecodeError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.uint()?.try_into().map_err(|_| DecodeError::Truncated)?;
        self.raw(count)
    }

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
        if count > self.0.len() / bytes { Err(DecodeError::Truncated) } else { Ok(count) }
    }

    pub fn player(&mut self) -> Result<PlayerId, DecodeError> {
        self.fixed().map(PlayerId)
    }

    pub fn currency(&mut self) -> Result<Currency, DecodeError> {
        self.text()?.parse().map_err(|_| DecodeError::OutOfRange("a currency"))
    }

    pub fn table(&mut self) -> Result<TableId, DecodeError> {
        self.text()?.parse().map_err(|_| DecodeError::OutOfRange("a table id"))
    }

    pub fn round(&mut self) -> Result<RoundId, DecodeError> {
        Ok(RoundId { table: self.table()?, number: self.u64()? })
    }

    pub fn domain(&mut self) -> Result<Domain, DecodeError> {
        Domain::from_number(self.byte()?).ok_or(DecodeError::Unknown("domain"))
    }

    pub fn account(&mut self) -> Result<AccountId, DecodeError> {
        let kind = AccountKind::from_number(self.byte()?).ok_or(DecodeError::Unknown("account kind"))?;
        let owner = if kind.is_players() { self.fixed()? } else { 0 };
        Ok(AccountId { kind, owner, currency: self.currency()? })
    }

    pub fn transfer(&mut self) -> Result<Transfer, DecodeError> {
        Ok(Transfer { debit: self.account()?, credit: self.account()?, amount: self.money()? })
    }

    pub fn leg(&mut self) -> Result<Leg, DecodeError> {
        let count = self.count()?;
        let mut moves = Vec::with_capacity(count.min(AT_ONCE));
        for _ in 0..count {
            moves.push(match self.byte()? {
                1 => Move::Open(self.account()?),
                2 => Move::Post(self.transfer()?),
                3 => Move::Hold(HoldId(self.fixed()?), self.transfer()?),
                4 => Move::PostHold(HoldId(self.fixed()?)),
                5 => Move::VoidHold(HoldId(self.fixed()?)),
                _ => return Err(DecodeError::Unknown("move")),
            });
        }
        Ok(Leg { moves })
    }
}
