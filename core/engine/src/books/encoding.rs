//! The five domains as bytes: every account, every open hold, every player's last results.

use std::collections::VecDeque;

use domains::Domains;
use ledger::{Account, Domain, HoldId, Ledger};

use crate::{
    codec::{DecodeError, Decoder, Encoder},
    record::{decode_notice, encode_notice},
};

pub(crate) fn encode_domains(encoder: &mut Encoder, domains: &Domains) {
    for domain in Domain::ALL {
        encode_ledger(encoder, domains.ledger(domain));
    }
    encoder.uint(domains.balance.players().count() as u128);
    for (id, player) in domains.balance.players() {
        encoder.fixed(id.0);
        encoder.uint(player.events.into());
        encoder.uint(player.results.len() as u128);
        for (time, notice) in &player.results {
            encoder.uint((*time).into());
            encode_notice(encoder, notice);
        }
    }
}

pub(crate) fn decode_domains(decoder: &mut Decoder<'_>) -> Result<Domains, DecodeError> {
    let mut domains = Domains::default();
    for domain in Domain::ALL {
        decode_ledger(decoder, domains.ledger_mut(domain))?;
    }
    for _ in 0..decoder.count()? {
        let id = decoder.player()?;
        let events = decoder.u64()?;
        let mut results = VecDeque::new();
        for _ in 0..decoder.count()? {
            results.push_back((decoder.u64()?, decode_notice(decoder)?));
        }
        domains.balance.put_player(id, events, results);
    }
    Ok(domains)
}

fn encode_ledger(encoder: &mut Encoder, ledger: &Ledger) {
    encoder.uint(ledger.accounts().count() as u128);
    for (id, account) in ledger.accounts() {
        encoder.account(id);
        for sum in [account.debits, account.credits, account.debits_pending, account.credits_pending] {
            encoder.money(sum);
        }
        encoder.byte(u8::from(account.frozen));
    }
    encoder.uint(ledger.holds().count() as u128);
    for (id, hold) in ledger.holds() {
        encoder.fixed(id.0);
        encoder.transfer(&hold.transfer);
    }
}

fn decode_ledger(decoder: &mut Decoder<'_>, ledger: &mut Ledger) -> Result<(), DecodeError> {
    for _ in 0..decoder.count()? {
        let id = decoder.account()?;
        let account = Account {
            debits: decoder.money()?,
            credits: decoder.money()?,
            debits_pending: decoder.money()?,
            credits_pending: decoder.money()?,
            frozen: decoder.flag()?,
        };
        ledger.put(id, account);
    }
    for _ in 0..decoder.count()? {
        let (id, transfer) = (HoldId(decoder.fixed()?), decoder.transfer()?);
        // Otherwise a malformed transfer would be found only when its hold ends.
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
            let (mut ledger, mut encoder) = (Ledger::default(), Encoder::default());
            ledger.put_hold(HoldId(1), transfer);
            encode_ledger(&mut encoder, &ledger);
            decode_ledger(&mut Decoder(&encoder.0), &mut Ledger::default())
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
