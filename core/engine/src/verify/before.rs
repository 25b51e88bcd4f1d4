//! The state of a table before a record, out of the records since its last round was opened. What came before is not in
//! it but for the recorded rules: no decision reads more.

use std::{collections::BTreeMap, sync::Arc};

use domains::{rows::RowKey, rules::RulesRow};
use ledger::{
    Hold, HoldId, Move,
    codec::{DecodeError, Decoder},
};
use protocol::TableId;

use crate::{
    item::ItemId,
    record::{Body, Committed, Record},
    table::{TableLeg, TableState, live::TableRules},
};

/// A table that is brought to its state before a record.
#[derive(Debug)]
pub struct TableBefore {
    table: TableId,
    state: TableState,
    stakes: BTreeMap<HoldId, Arc<Hold>>,
}

impl TableBefore {
    /// Which row has a table's rules; `None` when the table's id is too long for a key.
    #[must_use]
    pub fn rules_row(table: TableId) -> Option<ItemId> {
        RowKey::new(<RulesRow as domains::Row>::KIND, table.as_str().as_bytes()).map(ItemId::Row)
    }

    /// Before the round of this number was opened: 1 when none was. `rules`: the value of the row of its rules then.
    ///
    /// # Errors
    /// When the rules cannot be read.
    pub fn round(table: TableId, number: u64, rules: Option<&[u8]>) -> Result<Self, DecodeError> {
        let state =
            TableState { round: number.saturating_sub(1), rules: read(rules)?, ..TableState::default() };
        Ok(Self { table, state, stakes: BTreeMap::new() })
    }

    /// Takes the next record of the log, from the one that opened the round on. A record of another table changes nothing.
    pub fn take(&mut self, record: &Record) {
        let Body::Committed(Committed { table: Some((table, leg)), legs, .. }) = &record.body else { return };
        // The rules are given at the end; see `finish`.
        if *table != self.table || matches!(leg, TableLeg::Ruled { .. }) {
            return;
        }
        self.state.apply(leg, record.time);
        for change in legs.iter().flat_map(|(_, leg)| &leg.moves) {
            match change {
                Move::Hold(id, hold) => drop(self.stakes.insert(*id, hold.clone())),
                Move::PostHold(id) | Move::VoidHold(id) => drop(self.stakes.remove(id)),
                Move::Open(_) | Move::Post(_) => {}
            }
        }
    }

    /// The state before a record, once every earlier one was taken, and the stakes that are held. `rules`: the value of the row
    /// of its rules then. How often they had changed, a record that changes them says itself.
    ///
    /// # Errors
    /// When the rules cannot be read.
    pub fn finish(
        self,
        record: &Record,
        rules: Option<&[u8]>,
    ) -> Result<(TableState, BTreeMap<HoldId, Arc<Hold>>), DecodeError> {
        let rules_changes = match &record.body {
            Body::Committed(Committed { table: Some((_, TableLeg::Ruled { change, .. })), .. }) => {
                change.saturating_sub(1)
            }
            Body::Committed(_) | Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => 0,
        };
        Ok((TableState { rules: read(rules)?, rules_changes, ..self.state }, self.stakes))
    }
}

fn read(rules: Option<&[u8]>) -> Result<Option<Box<TableRules>>, DecodeError> {
    let Some(value) = rules else { return Ok(None) };
    let mut decoder = Decoder::new(value);
    let RulesRow(bytes) = domains::Row::decode(&mut decoder)?;
    decoder.finish()?;
    TableRules::from_bytes(&bytes).map(Box::new).map(Some)
}
