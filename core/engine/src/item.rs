//! The state as items: what the state store has one by one, each under its place. Accounts, open holds, rows, players,
//! their results, tables and past rounds are items. Keys are not: a key is its own place, in a tree of their own. What is small and
//! changes with nearly every record is the store's head ([`head`](crate::head)).

use std::sync::Arc;

use domains::{balance::Player, results::Settled, rows::RowKey};
use ledger::{
    Account, AccountId, Domain, Hold, HoldId,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{PlayerId, TableId};
use sha2::{Digest as _, Sha256};

use crate::{
    record::{Formats, Unknown},
    stored_state::ItemPlace,
    table::{PastRound, TableState},
};

/// Identifies an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemId {
    /// An account of a domain.
    Account(Domain, AccountId),
    /// An open hold of a domain.
    Hold(Domain, HoldId),
    /// A row.
    Row(RowKey),
    /// What is kept of a player besides the accounts.
    Player(PlayerId),
    /// One of the last results of a player, by its place among them ([`Settled::place`]).
    Result(PlayerId, u64),
    /// A table.
    Table(TableId),
    /// One of the last rounds of a table, by its place among them ([`PastRound::place`]).
    Round(TableId, u64),
}

impl ItemId {
    /// Where the state store has it.
    #[must_use]
    pub fn place(&self) -> ItemPlace {
        let mut encoder = Encoder::plain(64);
        self.encode(&mut encoder);
        let hash: [u8; 32] = Sha256::digest(encoder.as_bytes()).into();
        *hash.first_chunk().expect("SHA-256 has 32 bytes")
    }

    fn encode(&self, encoder: &mut Encoder) {
        match self {
            ItemId::Account(domain, account) => {
                encoder.byte(1);
                encoder.byte(*domain as u8);
                encoder.account(account);
            }
            ItemId::Hold(domain, hold) => {
                encoder.byte(2);
                encoder.byte(*domain as u8);
                encoder.fixed(hold.0);
            }
            ItemId::Row(key) => {
                encoder.byte(3);
                encoder.uint(key.kind().into());
                encoder.bytes(key.as_bytes());
            }
            ItemId::Player(player) => {
                encoder.byte(4);
                encoder.player(*player);
            }
            ItemId::Result(player, place) => {
                encoder.byte(5);
                encoder.player(*player);
                encoder.uint((*place).into());
            }
            ItemId::Table(table) => {
                encoder.byte(6);
                encoder.table(*table);
            }
            ItemId::Round(table, place) => {
                encoder.byte(7);
                encoder.table(*table);
                encoder.uint((*place).into());
            }
        }
    }
}

/// An item: a part of the state that is stored by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum StateItem {
    /// An account of a domain.
    Account(Domain, AccountId, Account),
    /// An open hold of a domain.
    Hold(Domain, HoldId, Arc<Hold>),
    /// A row.
    Row(RowKey, Box<[u8]>),
    /// What is kept of a player besides the accounts.
    Player(PlayerId, Player),
    /// One of the last results of a player.
    Result(Settled),
    /// A table.
    Table(TableId, Box<TableState>),
    /// One of the last rounds of a table.
    Round(TableId, PastRound),
}

impl StateItem {
    /// What identifies it.
    #[must_use]
    pub fn id(&self) -> ItemId {
        match self {
            StateItem::Account(domain, id, _) => ItemId::Account(*domain, *id),
            StateItem::Hold(domain, id, _) => ItemId::Hold(*domain, *id),
            StateItem::Row(key, _) => ItemId::Row(*key),
            StateItem::Player(player, _) => ItemId::Player(*player),
            StateItem::Result(settled) => {
                ItemId::Result(settled.notice.player, Settled::place(settled.number))
            }
            StateItem::Table(table, _) => ItemId::Table(*table),
            StateItem::Round(table, past) => ItemId::Round(*table, PastRound::place(past.number)),
        }
    }

    /// Its bytes in the state store. They tell what it is, so that an item found at the place of another one is noticed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::plain(96);
        self.id().encode(&mut encoder);
        match self {
            StateItem::Account(_, _, account) => encoder.sums(account),
            StateItem::Hold(_, _, hold) => encoder.hold(hold),
            StateItem::Row(_, value) => {
                encoder.flag(true);
                encoder.bytes(value);
            }
            StateItem::Player(_, player) => {
                encoder.uint(player.events.into());
                encoder.uint(player.results.into());
            }
            StateItem::Result(settled) => settled.encode(&mut encoder),
            StateItem::Table(_, state) => state.encode(&mut encoder),
            StateItem::Round(_, past) => past.encode(&mut encoder),
        }
        encoder.into_bytes()
    }

    /// Reads an item of a state that was made with these formats.
    ///
    /// # Errors
    /// When the bytes are not a whole item.
    pub fn decode(bytes: &[u8], formats: &Formats, unknown: Unknown) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::plain(bytes);
        let item = Self::read(&mut decoder, formats, unknown)?;
        decoder.finish()?;
        Ok(item)
    }

    fn read(decoder: &mut Decoder<'_>, formats: &Formats, unknown: Unknown) -> Result<Self, DecodeError> {
        Ok(match decoder.byte()? {
            1 => StateItem::Account(decoder.domain()?, decoder.account()?, decoder.sums()?),
            2 => {
                let (domain, id, hold) = (decoder.domain()?, HoldId(decoder.fixed()?), decoder.hold()?);
                // Otherwise a malformed hold would be found only when it ends.
                hold.check().map_err(|_| DecodeError::OutOfRange("a hold"))?;
                StateItem::Hold(domain, id, Arc::new(hold))
            }
            3 => {
                let row = unknown.row(decoder, formats)?;
                StateItem::Row(row.key, row.value.ok_or(DecodeError::OutOfRange("a row without a value"))?)
            }
            4 => {
                let player = decoder.player()?;
                StateItem::Player(player, Player { events: decoder.u64()?, results: decoder.u64()? })
            }
            5 => {
                let (player, place) = (decoder.player()?, decoder.u64()?);
                let settled = Settled::decode(decoder)?;
                if (settled.notice.player, Settled::place(settled.number)) != (player, place) {
                    return Err(DecodeError::OutOfRange("a result at another place"));
                }
                StateItem::Result(settled)
            }
            6 => StateItem::Table(decoder.table()?, Box::new(TableState::decode(decoder)?)),
            7 => {
                let (table, place) = (decoder.table()?, decoder.u64()?);
                let past = PastRound::decode(decoder)?;
                if PastRound::place(past.number) != place {
                    return Err(DecodeError::OutOfRange("a past round at another place"));
                }
                StateItem::Round(table, past)
            }
            _ => return Err(DecodeError::Unknown("item")),
        })
    }
}
