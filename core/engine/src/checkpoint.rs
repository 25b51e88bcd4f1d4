//! A world as bytes, so that a start need not replay the whole log.
//!
//! A checkpoint is a shortcut, never the truth: it carries the digest of the money state, which decoding
//! recomputes, and the log before it stays.

use std::collections::VecDeque;

use domains::Domains;
use ledger::{Account, Domain, HoldId, Ledger};

use crate::{
    books::Books,
    codec::{DecodeError, Reader, Writer},
    record::{decode_notice, encode_notice},
    table::TableState,
    world::World,
};

/// Version this release writes.
const VERSION: u8 = 1;

/// The world as bytes.
#[must_use]
pub fn encode(world: &World) -> Vec<u8> {
    let mut writer = Writer(Vec::with_capacity(1 << 20));
    writer.byte(VERSION);
    world.books.encode(&mut writer);
    writer.fixed(world.books.digest().0);
    writer.uint(world.tables.len() as u128);
    for (id, table) in &world.tables {
        writer.bytes(id.as_str().as_bytes());
        table.encode(&mut writer);
    }
    writer.0
}

/// The world of bytes.
///
/// # Errors
/// When they are not a whole checkpoint of a known version, or the digest is not the state's.
pub fn decode(bytes: &[u8]) -> Result<World, DecodeError> {
    let mut reader = Reader(bytes);
    if reader.byte()? != VERSION {
        return Err(DecodeError::Unknown("checkpoint version"));
    }
    let mut world = World { books: Books::decode(&mut reader)?, ..World::default() };
    if world.books.digest().0 != reader.fixed()? {
        return Err(DecodeError::OutOfRange("the checkpoint's digest"));
    }
    for _ in 0..reader.count()? {
        let id = reader.table()?;
        world.tables.insert(id, TableState::decode(&mut reader)?);
    }
    reader.finish()?;
    Ok(world)
}

pub(crate) fn encode_domains(writer: &mut Writer, domains: &Domains) {
    for domain in Domain::ALL {
        encode_ledger(writer, domains.ledger(domain));
    }
    writer.uint(domains.balance.players().count() as u128);
    for (id, player) in domains.balance.players() {
        writer.fixed(id.0);
        writer.uint(player.events.into());
        writer.uint(player.results.len() as u128);
        for (time, notice) in &player.results {
            writer.uint((*time).into());
            encode_notice(writer, notice);
        }
    }
}

pub(crate) fn decode_domains(reader: &mut Reader<'_>) -> Result<Domains, DecodeError> {
    let mut domains = Domains::default();
    for domain in Domain::ALL {
        decode_ledger(reader, domains.ledger_mut(domain))?;
    }
    for _ in 0..reader.count()? {
        let id = reader.player()?;
        let events = reader.u64()?;
        let mut results = VecDeque::new();
        for _ in 0..reader.count()? {
            results.push_back((reader.u64()?, decode_notice(reader)?));
        }
        domains.balance.put_player(id, events, results);
    }
    Ok(domains)
}

fn encode_ledger(writer: &mut Writer, ledger: &Ledger) {
    writer.uint(ledger.accounts().count() as u128);
    for (id, account) in ledger.accounts() {
        writer.account(id);
        for sum in [account.debits, account.credits, account.debits_pending, account.credits_pending] {
            writer.money(sum);
        }
        writer.byte(u8::from(account.frozen));
    }
    writer.uint(ledger.holds().count() as u128);
    for (id, hold) in ledger.holds() {
        writer.fixed(id.0);
        writer.transfer(&hold.transfer);
    }
}

fn decode_ledger(reader: &mut Reader<'_>, ledger: &mut Ledger) -> Result<(), DecodeError> {
    for _ in 0..reader.count()? {
        let id = reader.account()?;
        let account = Account {
            debits: reader.money()?,
            credits: reader.money()?,
            debits_pending: reader.money()?,
            credits_pending: reader.money()?,
            frozen: reader.flag()?,
        };
        ledger.put(id, account);
    }
    for _ in 0..reader.count()? {
        let (id, transfer) = (HoldId(reader.fixed()?), reader.transfer()?);
        // A hold of any other shape would be met when it ends, where nobody expects it any more.
        transfer.check().map_err(|_| DecodeError::OutOfRange("a hold's transfer"))?;
        ledger.put_hold(id, transfer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ledger::{AccountId, AccountKind, Transfer};

    use super::*;

    #[test]
    fn a_hold_that_no_ledger_would_have_made_is_refused() {
        let currency = |code: &str| code.parse().expect("a currency");
        let cash = AccountId::cash(protocol::PlayerId(7), currency("EUR"));
        let clearing = |code| AccountId::house(AccountKind::Clearing(Domain::Collections), currency(code));
        let back = |transfer| {
            let (mut ledger, mut writer) = (Ledger::default(), Writer::default());
            ledger.put_hold(HoldId(1), transfer);
            encode_ledger(&mut writer, &ledger);
            decode_ledger(&mut Reader(&writer.0), &mut Ledger::default())
        };
        let good = Transfer { debit: cash, credit: clearing("EUR"), amount: 1 };
        assert_eq!(back(good), Ok(()));
        for bad in [
            Transfer { credit: cash, ..good },
            Transfer { credit: clearing("USD"), ..good },
            Transfer { amount: 0, ..good },
            Transfer { amount: -1, ..good },
        ] {
            assert_eq!(back(bad), Err(DecodeError::OutOfRange("a hold's transfer")), "{bad:?}");
        }
    }
}
