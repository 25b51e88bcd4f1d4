//! Writing values into a record.

use protocol::{Currency, PlayerId, RoundId, TableId};

use super::NAME_BYTES_MAX;
use super::feature::{Feature, NamedFeature};
use crate::{Account, AccountId, Hold, Leg, Move, OwnerKind, Prover, Transfer, named::Named};

/// Appends values to a record.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    ids: Named<u128>,
    names: Named<[u8; NAME_BYTES_MAX]>,
    /// Every id and name is spelled, however often it occurs.
    plain: bool,
}

impl Encoder {
    /// An encoder with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// An encoder that spells every id and name: for what is not one record, such as a value that is hashed, or an
    /// item of the state store. [`Decoder::plain`](super::Decoder::plain) reads it.
    #[must_use]
    pub fn plain(bytes: usize) -> Self {
        Self { plain: true, ..Self::with_capacity(bytes) }
    }

    /// Forgets all that was encoded.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ids.clear();
        self.names.clear();
    }

    /// What was encoded.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was encoded, by value.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A byte.
    pub fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// A yes or no: one byte.
    pub fn flag(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    /// An integer: seven bits a byte, the lowest first.
    pub fn uint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// An amount, minor units: the sign in the lowest bit.
    pub fn money(&mut self, value: i128) {
        self.uint((value << 1 ^ value >> 127) as u128);
    }

    /// An id of 128 bits: 0 and its bytes when it is new in this record, otherwise how many ids were new since.
    pub fn id(&mut self, value: u128) {
        if self.plain {
            return self.fixed(value);
        }
        match self.ids.back(value) {
            Some(back) => self.uint(back as u128),
            None => {
                self.byte(0);
                self.fixed(value);
            }
        }
    }

    /// A name of at most [`NAME_BYTES_MAX`] bytes, as an id is.
    fn name(&mut self, name: &[u8]) {
        if self.plain {
            return self.bytes(name);
        }
        let mut padded = [0; NAME_BYTES_MAX];
        padded[..name.len()].copy_from_slice(name);
        match self.names.back(padded) {
            Some(back) => self.uint(back as u128),
            None => {
                self.byte(0);
                self.bytes(name);
            }
        }
    }

    /// 128 bits in 16 bytes.
    pub fn fixed(&mut self, value: u128) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes with their count before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.uint(bytes.len() as u128);
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A feature with its name.
    pub fn feature(&mut self, named: &NamedFeature) {
        match named.feature {
            Feature::Recipe { kind, revision } => {
                self.byte(1);
                self.uint(kind.into());
                self.uint(revision.into());
            }
            Feature::Row { kind } => {
                self.byte(2);
                self.uint(kind.into());
            }
        }
        self.bytes(named.name().as_bytes());
    }

    /// A player, as an id.
    pub fn player(&mut self, player: PlayerId) {
        self.id(player.0);
    }

    /// A currency, as a name.
    pub fn currency(&mut self, currency: Currency) {
        self.name(currency.as_bytes());
    }

    /// A table, as a name.
    pub fn table(&mut self, table: TableId) {
        self.name(table.as_bytes());
    }

    /// A round: its table and its number.
    pub fn round(&mut self, round: RoundId) {
        self.table(round.table);
        self.uint(round.number.into());
    }

    /// An integer that may be absent.
    pub fn option(&mut self, value: Option<u64>) {
        self.flag(value.is_some());
        if let Some(value) = value {
            self.uint(value.into());
        }
    }

    /// The kind of account and of owner in one byte, the owner's id unless it is the operator, the currency.
    pub fn account(&mut self, id: &AccountId) {
        self.byte(id.kind.number() | (id.owner.kind() as u8) << 5);
        if id.owner.kind() != OwnerKind::House {
            self.id(id.owner.id());
        }
        self.currency(id.currency);
    }

    /// The four sums of an account.
    pub fn sums(&mut self, account: &Account) {
        for sum in [account.debits, account.credits, account.debits_pending, account.credits_pending] {
            self.money(sum);
        }
    }

    /// A transfer: both accounts and the amount.
    pub fn transfer(&mut self, transfer: &Transfer) {
        self.account(&transfer.debit);
        self.account(&transfer.credit);
        self.money(transfer.amount);
    }

    /// A hold: purpose, prover, end, credited account, sources.
    pub fn hold(&mut self, hold: &Hold) {
        self.byte(hold.purpose as u8);
        match hold.prover {
            Prover::Round(round) => {
                self.byte(1);
                self.round(round);
            }
            Prover::Domain(domain) => {
                self.byte(2);
                self.byte(domain as u8);
            }
        }
        self.option(hold.expires);
        self.account(&hold.credit);
        self.uint(hold.more.len() as u128);
        for source in hold.sources() {
            self.account(&source.account);
            self.money(source.amount);
        }
    }

    /// A leg: its moves in order.
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
                Move::Hold(id, hold) => {
                    self.byte(3);
                    self.id(id.0);
                    self.hold(hold);
                }
                Move::PostHold(hold) => {
                    self.byte(4);
                    self.id(hold.0);
                }
                Move::VoidHold(hold) => {
                    self.byte(5);
                    self.id(hold.0);
                }
            }
        }
    }
}
