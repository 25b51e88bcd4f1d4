//! Holds the read model against the state at the same place in the log.

use std::collections::BTreeSet;

use base16ct::lower::encode_string;
use domains::KINDS;
use engine::{World, table::Stage};
use ledger::{Account, AccountId, Domain};
use readmodel::{AccountSums, ImageRow, ModelContents, OpenRoundRow};

use super::rows::key_of;

/// Most differences of one sort that are told one by one.
const TOLD_MAX: usize = 10;

/// Most bytes of a row's value that are told.
const VALUE_TOLD_MAX: usize = 64;

/// How the read model differs from the state, in words; none when they agree. `world` is the state as of its cursor.
#[must_use]
pub fn differences(contents: &ModelContents, world: &World) -> Vec<String> {
    let mut found = contents.wrong.clone();
    let (mut accounts, mut holds) = (Vec::new(), Vec::new());
    for domain in Domain::ALL {
        let ledger = world.books.domains().ledger(domain);
        accounts.extend(ledger.accounts().map(|(id, account)| sums(domain, id, &account)));
        holds.extend(ledger.holds().map(|(id, hold)| (id.0.to_be_bytes(), hold.amount())));
    }
    tell(&mut found, "account", &contents.accounts, &accounts, |account| {
        let AccountSums { domain, kind, owner, currency, .. } = account;
        let (owner, balance) = (u128::from_be_bytes(*owner), account.credits - account.debits);
        format!(
            "{domain} {kind} {currency} of {owner:032x}: balance {balance}, held {}, expected {}",
            account.debits_pending, account.credits_pending
        )
    });
    tell(&mut found, "open hold", &contents.open_holds, &holds, |(hold, amount)| {
        format!("{:032x} of {amount}", u128::from_be_bytes(*hold))
    });
    let rows: Vec<_> = world
        .books
        .domains()
        .rows
        .iter()
        .map(|(key, value)| ImageRow {
            kind: key.kind(),
            key: key.as_bytes().to_vec(),
            value: Some(value.to_vec()),
        })
        .collect();
    tell(&mut found, "row", &contents.rows, &rows, spelled);
    let rounds: Vec<_> = world
        .tables
        .iter()
        .filter_map(|(table, state)| {
            let open = state.open.as_ref()?;
            let locked = !matches!(open.stage, Stage::Betting);
            Some(OpenRoundRow {
                table: table.to_string(),
                round: state.round,
                game: open.game.to_string(),
                locked,
            })
        })
        .collect();
    tell(&mut found, "open round", &contents.open_rounds, &rounds, |open| {
        let stage = if open.locked { "locked" } else { "open" };
        format!("{}:{} of {}, {stage}", open.table, open.round, open.game)
    });
    found
}

/// A row in words: its kind by name, where this release has one, its key, and what its value begins with.
fn spelled(row: &ImageRow) -> String {
    let kind = match KINDS.iter().find(|known| known.number == row.kind) {
        Some(known) => known.name.to_owned(),
        None => format!("of kind {}", row.kind),
    };
    let value = row.value.as_deref().unwrap_or_default();
    let (begin, more) = value.split_at(value.len().min(VALUE_TOLD_MAX));
    let more = if more.is_empty() { "" } else { "…" };
    format!("{kind} {}: {}{more}", encode_string(&row.key), encode_string(begin))
}

fn sums(domain: Domain, id: &AccountId, account: &Account) -> AccountSums {
    let key = key_of(domain, id);
    AccountSums {
        domain: key.domain.into(),
        kind: key.kind.into(),
        owner_kind: key.owner_kind.into(),
        owner: key.owner,
        currency: key.currency.as_str().into(),
        debits: account.debits,
        credits: account.credits,
        debits_pending: account.debits_pending,
        credits_pending: account.credits_pending,
    }
}

/// Tells what only one of the two has.
fn tell<T: Ord>(found: &mut Vec<String>, what: &str, model: &[T], state: &[T], spell: impl Fn(&T) -> String) {
    let (model, state): (BTreeSet<_>, BTreeSet<_>) = (model.iter().collect(), state.iter().collect());
    let sides = [("the read model", model.difference(&state)), ("the state", state.difference(&model))];
    for (side, only) in sides {
        let only: Vec<_> = only.collect();
        found.extend(
            only.iter().take(TOLD_MAX).map(|one| format!("only {side} has the {what} {}", spell(one))),
        );
        if let Some(more) = only.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
            found.push(format!("and {more} more"));
        }
    }
}
