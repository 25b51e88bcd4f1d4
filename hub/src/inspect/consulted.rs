//! An item of the state that a decision has read, by name.

use engine::{Field, Fields, ItemId, StateItem, row_key, row_value};
use ledger::{AccountId, Hold};

use super::report::{account, prover, text};

/// The item, and its values before the record; without values when there was no such item.
pub fn consulted(id: &ItemId, item: Option<&StateItem>) -> Fields {
    let mut fields = match id {
        ItemId::Account(domain, id) => vec![
            ("item", text("account")),
            ("domain", text(domain.name())),
            ("account", account(id)),
            ("currency", Field::Currency(id.currency)),
        ],
        ItemId::Hold(domain, id) => {
            vec![("item", text("hold")), ("domain", text(domain.name())), ("hold", Field::Hold(*id))]
        }
        ItemId::Row(key) => [vec![("item", text("row"))], row_key(key)].concat(),
        ItemId::Table(table) => vec![("item", text("table")), ("table", Field::Text(table.to_string()))],
        ItemId::Player(player) | ItemId::Result(player, _) => {
            vec![("item", text("player")), ("player", Field::Player(*player))]
        }
        ItemId::Round(table, _) => {
            vec![("item", text("past_round")), ("table", Field::Text(table.to_string()))]
        }
    };
    fields.push(("found", Field::Flag(item.is_some())));
    match item {
        Some(StateItem::Account(_, AccountId { currency, .. }, account)) => fields.extend([
            ("balance", Field::Amount(account.posted(), *currency)),
            ("held", Field::Amount(account.debits_pending, *currency)),
            ("available", Field::Amount(account.available(), *currency)),
        ]),
        Some(StateItem::Hold(_, _, hold)) => fields.extend(held(hold)),
        Some(StateItem::Row(key, value)) => fields.extend(row_value(key, value)),
        Some(StateItem::Table(table, state)) => fields.extend(state.fields(*table)),
        Some(StateItem::Player(..) | StateItem::Result(_) | StateItem::Round(..)) | None => {}
    }
    fields
}

fn held(hold: &Hold) -> Fields {
    let currency = hold.first.account.currency;
    let mut fields = vec![
        ("purpose", text(hold.purpose.name())),
        ("prover", prover(hold)),
        ("account", account(&hold.first.account)),
        ("currency", Field::Currency(currency)),
        ("amount", Field::Amount(hold.amount(), currency)),
    ];
    fields.extend(hold.expires.map(|expires| ("expires", Field::Time(expires))));
    fields
}
