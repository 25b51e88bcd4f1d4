//! A copy of the state that follows the log and keeps the state store: only the items that records touch are present in it,
//! and each comes from the store when it is needed.
//!
//! It refuses, like replay, a record that does not fit and a digest that is not its own. So it finds a live state that
//! differs from the log, although it has no second copy of the whole.

use std::sync::Arc;

use domains::results::Settled;
use ledger::codec::{DecodeError, Encoder};
use protocol::PlayerId;
use rustc_hash::FxHashMap;

use crate::{
    apply::ApplyError,
    erasure::rows_of,
    facts::Fact,
    head::StoreHead,
    invariant::Violation,
    item::{ItemId, StateItem},
    keys::encode_kept,
    record::{Body, Committed, Formats, Record, Unknown},
    stored_state::{Empty, ItemPlace, StoredState, Unreadable},
    table::PastRound,
    tx_id::TxId,
    world::{Unloadable, World},
};

/// Items that stay present after a commit although no record has touched them since the one before.
const PRESENT_MAX: usize = 1 << 17;

/// What a commit of the state store changes.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreCommit {
    /// The last record that the store then stands for.
    pub lsn: u64,
    /// The new head.
    pub head: Vec<u8>,
    /// The items that have changed, each with its new bytes, or none.
    pub items: Vec<(ItemPlace, Option<Vec<u8>>)>,
    /// The new keys, each with its outcome.
    pub keys: Vec<(TxId, Vec<u8>)>,
}

impl StoreCommit {
    /// The first commit of a store that is to have the whole of a state which is in memory as a whole.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let items = world.items().filter_map(|id| Some((id.place(), Some(world.item(id)?.encode()))));
        let (lsn, head) = (world.books.lsn(), StoreHead::of(&world.books).encode());
        Self { lsn, head, items: items.collect(), keys: keys_since(world, 0) }
    }
}

/// The keys in memory that are recorded after `lsn`, as the store spells them.
pub(crate) fn keys_since(world: &World, lsn: u64) -> Vec<(TxId, Vec<u8>)> {
    let spelled = |(id, kept)| {
        let mut encoder = Encoder::plain(64);
        encode_kept(&mut encoder, &kept);
        (id, encoder.into_bytes())
    };
    world.books.keys.since(lsn).map(spelled).collect()
}

/// A copy of the state that follows the log.
#[derive(Debug, Clone)]
pub struct Replica {
    world: World,
    store: Arc<dyn StoredState>,
    formats: Formats,
    /// Every item that was looked up since the last commits, whether there is one or not.
    present: FxHashMap<ItemId, Touch>,
    changed: Vec<ItemId>,
    /// Number of commits so far.
    commits: u64,
}

#[derive(Debug, Clone, Copy)]
struct Touch {
    /// The number of commits before the last record that needed the item.
    at: u64,
    /// Whether a record since the last commit may have changed it.
    changed: bool,
}

/// The log does not stand for the copy: nothing of it may be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Parted {
    /// What is no record.
    #[error("record {lsn} cannot be read")]
    Unreadable {
        /// Its place.
        lsn: u64,
        /// Why not.
        source: DecodeError,
    },
    /// A record that was decided on another state.
    #[error("record {lsn} does not fit the copy")]
    Unfit {
        /// Its place.
        lsn: u64,
        /// Why not.
        source: Box<ApplyError>,
    },
    /// The store of the copy cannot be read: it is to be built again. That says nothing about the log.
    #[error(transparent)]
    Store(#[from] Unreadable),
}

impl Replica {
    /// A copy of the state before the first record.
    #[must_use]
    pub fn new(formats: Formats) -> Self {
        Self::over(World::default(), Arc::new(Empty), formats)
    }

    /// A copy that goes on where a store stands.
    ///
    /// # Errors
    /// When the head of the store cannot be read.
    pub fn open(head: &[u8], store: Arc<dyn StoredState>, formats: Formats) -> Result<Self, Unloadable> {
        Ok(Self::over(World::paged(head, store.clone(), &formats)?, store, formats))
    }

    fn over(world: World, store: Arc<dyn StoredState>, formats: Formats) -> Self {
        Self { world, store, formats, present: FxHashMap::default(), changed: Vec::new(), commits: 0 }
    }

    /// The part of the state that is present. Its digests are those of the whole state.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The last record that was taken.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.world.books.lsn()
    }

    /// Records that were taken since the last commit.
    #[must_use]
    pub fn uncommitted(&self) -> u64 {
        self.lsn() - self.store.lsn()
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// When the log does not stand for the copy, or its store cannot be read. The copy must not be used after that.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Record, Parted> {
        let lsn = self.lsn() + 1;
        let record =
            Record::decode_with(bytes, &self.formats).map_err(|source| Parted::Unreadable { lsn, source })?;
        match &record.body {
            Body::Committed(committed) => self.fetch(committed)?,
            Body::Fact(Fact::Erased { player, .. }) => self.fetch_player(*player)?,
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => {}
        }
        self.world.apply(&record).map_err(|error| match error {
            ApplyError::Invariant(Violation::Unreadable(unreadable)) => Parted::Store(unreadable),
            source => Parted::Unfit { lsn, source: Box::new(source) },
        })?;
        if let Body::Committed(committed) = &record.body {
            self.note_results(committed);
            self.note_past_round(lsn);
        }
        Ok(record)
    }

    /// Makes everything present that a transaction reads or changes.
    fn fetch(&mut self, committed: &Committed) -> Result<(), Unreadable> {
        for id in committed.named_items() {
            self.touch(id)?;
            let ItemId::Hold(domain, hold) = id else { continue };
            // One that the transaction makes is not here yet, and its accounts are named.
            if let Some(hold) = self.world.books.domains().ledger(domain).hold(hold).cloned() {
                let accounts = hold.sources().map(|source| source.account).chain([hold.credit]);
                accounts.map(|account| ItemId::Account(domain, account)).try_for_each(|id| self.touch(id))?;
            }
        }
        Ok(())
    }

    /// Makes everything present that keeps a player from being erased.
    fn fetch_player(&mut self, player: PlayerId) -> Result<(), Unreadable> {
        let accounts = self.world.books.accounts_of(player).into_iter();
        accounts.map(|(domain, id)| ItemId::Account(domain, id)).try_for_each(|id| self.touch(id))?;
        rows_of(player).try_for_each(|key| self.touch(ItemId::Row(key)))
    }

    /// Makes an item present that the next record needs, and takes it for changed.
    fn touch(&mut self, id: ItemId) -> Result<(), Unreadable> {
        let at = self.commits;
        match self.present.get_mut(&id) {
            Some(touch) => {
                if !std::mem::replace(&mut touch.changed, true) {
                    self.changed.push(id);
                }
                touch.at = at;
                return Ok(());
            }
            None => {
                if let Some(item) = self.stored(id)? {
                    self.world.page_in(item);
                }
                self.present.insert(id, Touch { at, changed: true });
                self.changed.push(id);
            }
        }
        Ok(())
    }

    /// What the store has of an item.
    fn stored(&self, id: ItemId) -> Result<Option<StateItem>, Unreadable> {
        let Some(bytes) = self.store.item(id.place())? else { return Ok(None) };
        let item = StateItem::decode(&bytes, &self.formats, Unknown::Refused)
            .map_err(|error| Unreadable::damage(format!("{id:?}: {error}")))?;
        if item.id() == id {
            Ok(Some(item))
        } else {
            Err(Unreadable::damage(format!("{id:?} is another item")))
        }
    }

    /// The results of the record that was applied are new items.
    fn note_results(&mut self, committed: &Committed) {
        for notice in committed.notices.iter().filter(|notice| notice.what.round_end().is_some()) {
            let player = self.world.books.domains().balance.player(notice.player);
            let number = player.map_or(0, |player| player.results);
            self.note(ItemId::Result(notice.player, Settled::place(number)));
        }
    }

    /// The round that has ended by the record that was applied at `lsn` is a new item.
    fn note_past_round(&mut self, lsn: u64) {
        if let Some((table, past)) = self.world.books.past.ended_at(lsn) {
            self.note(ItemId::Round(table, PastRound::place(past.number)));
        }
    }

    /// A new item, whatever the store has at its place.
    fn note(&mut self, id: ItemId) {
        let at = self.commits;
        let touch = self.present.entry(id).or_insert(Touch { at, changed: false });
        touch.at = at;
        if !std::mem::replace(&mut touch.changed, true) {
            self.changed.push(id);
        }
    }

    /// What the store is to take over now: everything that has changed since the last commit. `None` when nothing has, and
    /// while a table waits for its quarantine ([`World::settled`]).
    #[must_use]
    pub fn commit(&self) -> Option<StoreCommit> {
        if self.uncommitted() == 0 || !self.world.settled() {
            return None;
        }
        let bytes = |id: &ItemId| self.world.item(*id).map(|item| item.encode());
        let items = self.changed.iter().map(|id| (id.place(), bytes(id))).collect();
        let (lsn, head) = (self.lsn(), StoreHead::of(&self.world.books).encode());
        Some(StoreCommit { lsn, head, items, keys: keys_since(&self.world, self.store.lsn()) })
    }

    /// The store has taken over what [`Replica::commit`] returned after the last record. What no record has touched since
    /// the commit before is absent from now on, when there is too much of it.
    pub fn committed(&mut self, store: Arc<dyn StoredState>) {
        self.store = store.clone();
        self.commits += 1;
        for id in self.changed.drain(..) {
            if let Some(touch) = self.present.get_mut(&id) {
                touch.changed = false;
            }
        }
        let books = &mut self.world.books;
        books.turn_to(store);
        books.forget(usize::MAX);
        if self.present.len() > PRESENT_MAX {
            let last = self.commits - 1;
            let Self { present, world, .. } = self;
            present.retain(|id, touch| {
                let stays = touch.at >= last;
                if !stays {
                    world.page_out(*id);
                }
                stays
            });
        }
    }
}
