//! The tables of this hub: where each lives, and what the lobby shows of it without asking.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use actix::Addr;
use engine::table::live::TableConfig;
use protocol::{Amount, TableId, reply::Phase, reply::TableSummary};
use rustc_hash::FxHashMap;

use crate::{
    gate::TxResult,
    table::{BetContext, Finished, TableActor},
};

/// Tables by id. Filled once at the start; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Directory(Arc<OnceLock<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    entries: Vec<Entry>,
    places: FxHashMap<TableId, usize>,
}

/// One table.
#[derive(Debug)]
pub struct Entry {
    /// Its id.
    pub id: TableId,
    /// Its actor.
    pub addr: Addr<TableActor>,
    /// What the operator set.
    pub config: Arc<TableConfig>,
    /// What the lobby shows.
    pub status: Arc<Status>,
}

/// What the lobby shows of a table; written by its actor.
#[derive(Debug, Default)]
pub struct Status {
    /// Sessions at the table.
    pub players: AtomicU32,
    /// Offset of the newest event of the table's channel.
    pub events: AtomicU64,
    phase: AtomicU8,
}

impl Status {
    /// Shows a phase.
    pub fn show(&self, phase: Phase) {
        let number = match phase {
            Phase::Idle => 0,
            Phase::Betting => 1,
            Phase::Locked => 2,
            Phase::Settled => 3,
            Phase::Closed => 4,
        };
        self.phase.store(number, Relaxed);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            1 => Phase::Betting,
            2 => Phase::Locked,
            3 => Phase::Settled,
            4 => Phase::Closed,
            _ => Phase::Idle,
        }
    }
}

impl Directory {
    /// Fills the directory. The second call is ignored.
    pub fn fill(&self, entries: Vec<Entry>) {
        let places = entries.iter().enumerate().map(|(place, entry)| (entry.id, place)).collect();
        let _ = self.0.set(Tables { entries, places });
    }

    /// A table.
    #[must_use]
    pub fn get(&self, id: TableId) -> Option<&Entry> {
        let tables = self.0.get()?;
        tables.places.get(&id).map(|place| &tables.entries[*place])
    }

    /// Every table, as configured.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.get().into_iter().flat_map(|tables| &tables.entries)
    }

    /// The first tables, as the lobby shows them.
    #[must_use]
    pub fn summaries(&self, most: usize) -> Vec<TableSummary> {
        self.entries().take(most).filter_map(summary).collect()
    }

    /// Hands a result to its table.
    pub fn result(&self, table: TableId, result: TxResult, request: Option<BetContext>) {
        match self.get(table) {
            Some(entry) => entry.addr.do_send(Finished { result, request }),
            None => tracing::error!(%table, "a result came back for a table that is not in the directory"),
        }
    }
}

fn summary(entry: &Entry) -> Option<TableSummary> {
    let config = &entry.config;
    let smallest = config.limits.iter().map(|(minimum, _)| *minimum).min()?;
    Some(TableSummary {
        table: entry.id,
        name: config.name.clone(),
        game: config.game.clone(),
        currency: config.currency,
        min: Amount::from_minor(smallest, config.scale).ok()?,
        max: Amount::from_minor(config.round_max, config.scale).ok()?,
        players: entry.status.players.load(Relaxed),
        phase: entry.status.phase().into(),
    })
}
