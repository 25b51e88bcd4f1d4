//! Compares all that can be seen of the books with the model.

use std::collections::BTreeMap;

use domains::{
    Funds, Row,
    exclusion::{Exclusion, ExclusionKind},
    freeze::Freeze,
    play_session::PlaySession,
    protection::Protection,
};
use ledger::{Domain, HoldId};

use super::{
    both::{Both, CURRENCIES, PLAYERS},
    translate::{account, currency, outcome, player},
};
use crate::model::{self, Away, Held, play::Play};

/// Panics at the first difference.
pub fn agree(both: &Both) {
    let Both { books, model, ids, clock, .. } = both;
    assert_eq!((books.lsn(), books.time()), (model.records, model.time), "place and time of the last record");
    let domains = books.domains();

    let sums = Domain::ALL.into_iter().flat_map(|domain| {
        let named = move |(id, sums): (_, ledger::Account)| {
            let held = (sums.debits_pending, sums.credits_pending);
            (account(domain, id), (sums.debits, sums.credits, held.0, held.1))
        };
        domains.ledger(domain).accounts().map(named)
    });
    let accounts: BTreeMap<_, _> = sums.collect();
    assert_eq!(accounts, model.accounts(), "accounts");
    for name in CURRENCIES {
        for who in PLAYERS {
            let Funds { available, held } =
                domains.balance.funds(player(who), currency(name)).unwrap_or_default();
            assert_eq!((available, held), model.funds(who, name), "funds of {who} in {name}");
        }
        let cash = accounts.iter().filter(|((domain, who, currency), _)| {
            *domain == "balance" && PLAYERS.contains(&&**who) && currency == name
        });
        let owed: i128 = cash.map(|(_, (debits, credits, ..))| credits - debits).sum();
        assert_eq!(owed, model.owed.get(name).copied().unwrap_or(0), "what players have in {name}");
    }

    let holds = domains.ledger(Domain::Balance).holds();
    let holds = holds.map(|(id, hold)| (id, (hold.first.account.owner, hold.amount(), hold.expires)));
    let expected = model.holds.iter().map(|(name, held)| {
        let Held { player: who, amount, expires, .. } = held;
        (HoldId(ids[name].0), (player(who).into(), *amount, *expires))
    });
    assert_eq!(holds.collect::<BTreeMap<_, _>>(), expected.collect(), "holds");
    assert_eq!(books.next_due(), model.due(), "what is due next");

    let played = PLAYERS.iter().filter(|who| model.play_of(who).is_some()).count();
    let of_rules = usize::from(model.protection.is_some()) + usize::from(model.sessions.is_some());
    let rows = model.freezes.len() + model.away.len() + of_rules + model.named.len() + played;
    assert_eq!(domains.rows.len(), rows, "rows");
    let Protection { time_out_max, self_exclusion_min, cooling_off } = Protection::of(&domains.rows);
    if let Some(model::Protection { longest, shortest, cooling }) = model.protection {
        assert_eq!((time_out_max, self_exclusion_min, cooling_off), (longest, shortest, cooling));
    }
    let now = (*clock).max(books.time());
    for who in PLAYERS {
        let row = domains.rows.get::<Freeze>(&player(who).0.to_be_bytes());
        let row = row.map(|freeze| (freeze.reason as u8, freeze.until));
        assert_eq!(row, model.freezes.get(who).copied(), "{} of {who}", Freeze::NAME);
        let frozen = Freeze::of(&domains.rows, player(who), now).is_some();
        assert_eq!(frozen, model.is_frozen(who, now), "freeze of {who} now");
        let row = domains.rows.get::<Exclusion>(&player(who).0.to_be_bytes());
        let row = row.map(|Exclusion { kind, until }| Away {
            strict: kind == ExclusionKind::SelfExclusion,
            cooling: kind == ExclusionKind::CoolingOff,
            until,
        });
        assert_eq!(row, model.away.get(who).copied(), "{} of {who}", Exclusion::NAME);
        let excluded = Exclusion::of(&domains.rows, player(who), now).is_some();
        assert_eq!(excluded, model.is_away(who, now), "exclusion of {who} now");
        let play = PlaySession::of(&domains.rows, player(who)).map(|play| Play {
            since: play.since,
            last: play.last,
            checked: play.checked,
            start: play.start,
            begun: play.rounds.iter().map(ToString::to_string).collect(),
            sums: play.sums.iter().map(|sum| (sum.currency.to_string(), sum.staked, sum.returned)).collect(),
        });
        assert_eq!(play, model.play_of(who), "{} of {who}", PlaySession::NAME);
        let events = domains.balance.player(player(who)).map_or(0, |kept| kept.events);
        assert_eq!(events, model.told.get(who).copied().unwrap_or(0), "notices to {who}");
    }

    assert_eq!(books.keys(), model.keys.len() as u64, "keys with an outcome");
    for (name, id) in ids {
        let expected = model.keys.get(name).map(|(_, outcome)| outcome.clone());
        assert_eq!(books.outcome(*id).unwrap().map(outcome), expected, "outcome of {name}");
    }
}
