//! The state before a record, item by item: accounts and rows from the read model, holds and tables from the log.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::web;
use actors::followers::read_model::key_of;
use engine::{Body, ItemId, Record, RefusedRequest, StateItem, TableBefore, TxId, table::TableState};
use journal::Lsn;
use ledger::{Account, Domain, Hold, HoldId, Move};
use protocol::TableId;

use super::super::{
    logged::{self, LogEntry},
    reads::Reads,
    surface::ApiSurface,
};
use crate::{
    edge::error::{Error, Kind},
    telemetry::{events, with_causes},
};

/// Most records of the log that are read for one table: since its round was opened.
const RECORDS_MAX: u64 = 2_000_000;

/// The stakes that a table's round holds.
type Stakes = BTreeMap<HoldId, Arc<Hold>>;

/// The state before a record.
pub(super) struct StateBefore<'a> {
    api: &'a ApiSurface,
    reads: &'a Arc<Reads>,
    /// The last record that is in it.
    as_of: u64,
    /// The table that takes part in the record.
    table: Option<(TableId, TableState)>,
    stakes: Stakes,
}

impl<'a> StateBefore<'a> {
    /// The state before this record, with the table that takes part in it.
    ///
    /// # Errors
    /// `busy` or `unavailable`.
    pub async fn of(api: &'a ApiSurface, reads: &'a Arc<Reads>, found: &LogEntry) -> Result<Self, Error> {
        let as_of = found.lsn - 1;
        reads.reaches("id", as_of).await?;
        let mut before = Self { api, reads, as_of, table: None, stakes: Stakes::new() };
        let table = match &found.record.body {
            Body::Committed(committed) => committed.table.as_ref().map(|(table, _)| *table),
            Body::Refused { refused: RefusedRequest::ByTable(request), .. } => Some(request.table),
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
        };
        if let Some(table) = table {
            let (state, stakes) = before.play(table, &found.record).await?;
            (before.table, before.stakes) = (Some((table, state)), stakes);
        }
        Ok(before)
    }

    /// These items as they were; `None` for each that was not there.
    ///
    /// # Errors
    /// `busy` or `unavailable`.
    pub async fn items(&self, ids: Vec<ItemId>) -> Result<Vec<(ItemId, Option<StateItem>)>, Error> {
        let (mut items, mut asked) = (Vec::with_capacity(ids.len()), Vec::new());
        for id in ids {
            match id {
                ItemId::Account(..) | ItemId::Row(_) => asked.push(id),
                ItemId::Hold(domain, hold) => {
                    let found = self.held(domain, hold).await?;
                    items.push((id, found.map(|found| StateItem::Hold(domain, hold, found))));
                }
                ItemId::Table(table) => {
                    let state = self.table.as_ref().filter(|(known, _)| *known == table);
                    items.push((id, state.map(|(_, state)| StateItem::Table(table, state.clone().into()))));
                }
                // No decision reads these.
                ItemId::Player(_) | ItemId::Result(..) | ItemId::Round(..) => items.push((id, None)),
            }
        }
        if asked.is_empty() {
            return Ok(items);
        }
        let as_of = self.as_of;
        let read = move |view: &readmodel::ModelView<'_>| {
            let one = |id| match id {
                ItemId::Account(domain, account) => {
                    let found = view.account_as_of(&key_of(domain, &account), as_of)?;
                    let known = found.map(|(balance, held)| Account::with_balance(balance, held));
                    Ok((id, known.map(|known| StateItem::Account(domain, account, known))))
                }
                ItemId::Row(key) => {
                    let value = view.row_as_of(key.kind(), key.as_bytes(), as_of)?;
                    Ok((id, value.map(|value| StateItem::Row(key, value.into()))))
                }
                other => Ok((other, None)),
            };
            asked.into_iter().map(one).collect::<Result<Vec<_>, readmodel::Error>>()
        };
        items.extend(self.reads.ask(read).await?.1);
        Ok(items)
    }

    /// A hold that was open: its id is that of the transaction that made it.
    async fn held(&self, domain: Domain, id: HoldId) -> Result<Option<Arc<Hold>>, Error> {
        if let Some(stake) = self.stakes.get(&id) {
            return Ok(Some(stake.clone()));
        }
        let kept = self.api.money.find(TxId(id.0)).await.map_err(|code| Error::from(Kind::Money(code)))?;
        let made = kept.map(|(_, outcome)| outcome.lsn()).filter(|made| *made <= self.as_of);
        let Some(made) = made else { return Ok(None) };
        let (_, ended) = self.reads.ask(move |view| view.hold_ended(made, id.0.to_be_bytes())).await?;
        if ended.is_some_and(|ended| ended <= self.as_of) {
            return Ok(None);
        }
        let found = logged::read(self.api, made).await?;
        let Body::Committed(committed) = found.record.body else { return Ok(None) };
        let moves = committed.legs.into_iter().filter(|(of, _)| *of == domain).flat_map(|(_, leg)| leg.moves);
        let mut holds = moves.filter_map(|change| match change {
            Move::Hold(made, hold) => (made == id).then_some(hold),
            Move::Open(_) | Move::Post(_) | Move::PostHold(_) | Move::VoidHold(_) => None,
        });
        Ok(holds.next())
    }

    /// Plays what a table has recorded since its last round was opened.
    async fn play(&self, table: TableId, record: &Record) -> Result<(TableState, Stakes), Error> {
        let (as_of, row) = (self.as_of, TableBefore::rules_row(table));
        let (_, (round, opened_by, rules)) = self
            .reads
            .ask(move |view| {
                let round = view.last_round(table.as_str(), as_of)?;
                let rules_at = |lsn| match row {
                    Some(ItemId::Row(key)) => view.row_as_of(key.kind(), key.as_bytes(), lsn),
                    _ => Ok(None),
                };
                let opened_by = round.map(|(_, opened)| rules_at(opened)).transpose()?.flatten();
                Ok((round, opened_by, rules_at(as_of)?))
            })
            .await?;
        let (number, opened) = round.unwrap_or((1, as_of + 1));
        if as_of.saturating_sub(opened) > RECORDS_MAX {
            return Err(Error::new(Kind::Unavailable, "its round has too many records to be read for this"));
        }
        let _turn = self.api.reading.acquire().await.map_err(|_| Kind::Unavailable)?;
        let (log, record) = (self.api.log.clone(), record.clone());
        let played = web::block(move || {
            let mut replay = TableBefore::round(table, number, opened_by.as_deref())
                .map_err(|error| with_causes(&error))?;
            if opened <= as_of {
                let mut reader = log.read(Lsn(opened - 1)).map_err(|error| with_causes(&error))?;
                // A batch is read to its end, which may be beyond.
                while let Some(entry) = reader.next(Lsn(as_of)).map_err(|error| with_causes(&error))?
                    && entry.lsn.0 <= as_of
                {
                    replay.take(&Record::decode(entry.bytes).map_err(|error| with_causes(&error))?);
                }
            }
            replay.finish(&record, rules.as_deref()).map_err(|error| with_causes(&error))
        });
        played.await.map_err(|_| Kind::Unavailable)?.map_err(|why| {
            events::record_not_read(opened, &why);
            Error::new(Kind::Unavailable, format!("the records of the round cannot be read now: {table}"))
        })
    }
}
