//! The five domains as bytes: every account, every open hold, every player's last results.

use std::{collections::VecDeque, sync::Arc};

use domains::{Domains, Notice, RowImage};
use ledger::{
    Domain, HoldId, Ledger,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::record::{Formats, Unknown};

pub(crate) fn encode_domains(encoder: &mut Encoder, domains: &Domains) {
    for domain in Domain::ALL {
        encode_ledger(encoder, domains.ledger(domain));
    }
    encoder.uint(domains.balance.players().count() as u128);
    for (id, player) in domains.balance.players() {
        encoder.player(id);
        encoder.uint(player.events.into());
        encoder.uint(player.results().len() as u128);
        for (time, notice) in player.results() {
            encoder.uint((*time).into());
            notice.encode(encoder);
        }
    }
    encoder.uint(domains.rows.len() as u128);
    for (key, value) in domains.rows.iter() {
        RowImage { key, value: Some(value.into()) }.encode(encoder);
    }
}

pub(crate) fn decode_domains(
    decoder: &mut Decoder<'_>,
    formats: &Formats,
    unknown: Unknown,
) -> Result<Domains, DecodeError> {
    let mut domains = Domains::default();
    for domain in Domain::ALL {
        decode_ledger(decoder, domains.ledger_mut(domain))?;
    }
    for _ in 0..decoder.count()? {
        let id = decoder.player()?;
        let events = decoder.u64()?;
        let mut results = VecDeque::new();
        for _ in 0..decoder.count()? {
            results.push_back((decoder.u64()?, Notice::decode(decoder)?));
        }
        domains.balance.put_player(id, events, results);
    }
    for _ in 0..decoder.count()? {
        domains.rows.put(unknown.row(decoder, formats)?);
    }
    Ok(domains)
}

fn encode_ledger(encoder: &mut Encoder, ledger: &Ledger) {
    encoder.uint(ledger.accounts().count() as u128);
    for (id, account) in ledger.accounts() {
        encoder.account(id);
        encoder.sums(&account);
    }
    encoder.uint(ledger.holds().count() as u128);
    for (id, hold) in ledger.holds() {
        encoder.fixed(id.0);
        encoder.hold(hold);
    }
}

fn decode_ledger(decoder: &mut Decoder<'_>, ledger: &mut Ledger) -> Result<(), DecodeError> {
    for _ in 0..decoder.count()? {
        let id = decoder.account()?;
        let account = decoder.sums()?;
        ledger.put(id, account);
    }
    for _ in 0..decoder.count()? {
        let (id, hold) = (HoldId(decoder.fixed()?), decoder.hold()?);
        // Otherwise a malformed hold would be found only when it ends.
        hold.check().map_err(|_| DecodeError::OutOfRange("a hold"))?;
        ledger.put_hold(id, Arc::new(hold));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ledger::{AccountId, AccountKind, Hold, Prover, Purpose, Transfer};

    use super::*;

    #[test]
    fn a_hold_that_no_ledger_would_have_made_is_refused() {
        let currency = |code: &str| code.parse().expect("a currency");
        let cash = AccountId::cash(protocol::PlayerId(7), currency("EUR"));
        let clearing = |code| AccountId::house(AccountKind::Clearing(Domain::Collections), currency(code));
        let back = |transfer| {
            let (mut ledger, mut encoder) = (Ledger::default(), Encoder::plain(64));
            let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
            ledger.put_hold(HoldId(1), Arc::new(hold));
            encode_ledger(&mut encoder, &ledger);
            decode_ledger(&mut Decoder::plain(encoder.as_bytes()), &mut Ledger::default())
        };
        let good = Transfer { debit: cash, credit: clearing("EUR"), amount: 1 };
        assert_eq!(back(good), Ok(()));
        for bad in [
            Transfer { credit: cash, ..good },
            Transfer { credit: clearing("USD"), ..good },
            Transfer { amount: 0, ..good },
            Transfer { amount: -1, ..good },
        ] {
            assert_eq!(back(bad), Err(DecodeError::OutOfRange("a hold")), "{bad:?}");
        }
    }
}
