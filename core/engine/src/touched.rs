//! Which items of the state a transaction names in what it does.

use ledger::{AccountId, Domain, Move};

use crate::{item::ItemId, record::Committed};

impl Committed {
    /// Everything that it names: the accounts, holds, rows and players that it changes, and its table. An item may come
    /// twice. The accounts of a hold that it ends are named by the hold alone.
    pub(crate) fn named_items(&self) -> impl Iterator<Item = ItemId> {
        let moves =
            self.legs.iter().flat_map(|(domain, leg)| leg.moves.iter().map(|change| (*domain, change)));
        let moved = moves.flat_map(|(domain, change)| {
            let mut named = Vec::with_capacity(3);
            let account = |id: AccountId| ItemId::Account(domain, id);
            match change {
                Move::Open(id) => named.push(account(*id)),
                Move::Post(transfer) => named.extend([account(transfer.debit), account(transfer.credit)]),
                Move::Hold(id, hold) => {
                    named.extend([ItemId::Hold(domain, *id), account(hold.credit)]);
                    named.extend(hold.sources().map(|source| account(source.account)));
                }
                Move::PostHold(id) | Move::VoidHold(id) => named.push(ItemId::Hold(domain, *id)),
            }
            named
        });
        let rows = self.rows.iter().map(|row| ItemId::Row(row.key));
        let told = self.notices.iter().flat_map(|notice| {
            let cash = AccountId::cash(notice.player, notice.currency);
            [ItemId::Player(notice.player), ItemId::Account(Domain::Balance, cash)]
        });
        let table = self.table.iter().map(|(table, _)| ItemId::Table(*table));
        moved.chain(rows).chain(told).chain(table)
    }
}
