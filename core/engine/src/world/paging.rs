//! The state out of the state store, and item by item.

use std::sync::Arc;

use domains::{balance::PlayerDigests, results::Settled};
use ledger::{Domain, codec::DecodeError};

use super::World;
use crate::{
    books::Books,
    components::{Component, StateDigest},
    head::StoreHead,
    item::{ItemId, StateItem},
    keys::Keys,
    past_rounds::PastRounds,
    record::{Formats, Unknown},
    stored_state::StoredState,
    table::PastRound,
};

/// Why a state cannot be read from the state store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unloadable {
    /// The head or an item cannot be read.
    #[error("the state store has what is no part of a state: {0}")]
    Unread(#[from] DecodeError),
    /// The items are not those of the head.
    #[error("the state store has other {0:?} than those that its head stands for")]
    Differs(Component),
}

impl Unloadable {
    /// Whether the store is sound and of a later release.
    #[must_use]
    pub fn is_later(&self) -> bool {
        match self {
            Unloadable::Unread(error) => error.is_later(),
            Unloadable::Differs(_) => false,
        }
    }
}

/// A state that is being read from the state store, item by item.
#[derive(Debug)]
pub struct Loading {
    world: World,
    head: StoreHead,
    formats: Formats,
    unknown: Unknown,
}

impl Loading {
    /// Begins with the head of a store; `store` has the keys. With [`Unknown::Kept`] the state is only compared: a hub never
    /// goes on from it.
    ///
    /// # Errors
    /// When the head cannot be read.
    pub fn begin(
        head: &[u8],
        store: Arc<dyn StoredState>,
        formats: Formats,
        unknown: Unknown,
    ) -> Result<Self, Unloadable> {
        let head = StoreHead::decode(head, &formats, unknown)?;
        let mut world = World { books: Books::under(&head, store), ..World::default() };
        let results = head.players().results;
        world.books.domains.balance.restore(PlayerDigests { results, ..PlayerDigests::default() });
        Ok(Self { world, head, formats, unknown })
    }

    /// Takes the next item, in any order.
    ///
    /// # Errors
    /// When it is none.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Unloadable> {
        let domains = &mut self.world.books.domains;
        match StateItem::decode(bytes, &self.formats, self.unknown)? {
            StateItem::Account(domain, id, account) => domains.ledger_mut(domain).put(id, account),
            StateItem::Hold(domain, id, hold) => domains.ledger_mut(domain).put_hold(id, hold),
            StateItem::Row(key, value) => {
                domains.rows.put(domains::RowImage { key, value: Some(value) });
            }
            StateItem::Player(id, player) => domains.balance.put_player(id, player),
            StateItem::Result(_) => {} // read when they are asked for
            StateItem::Table(id, state) => drop(self.world.tables.insert(id, *state)),
            StateItem::Round(..) => {} // the same
        }
        Ok(())
    }

    /// The state, when every item was taken.
    ///
    /// # Errors
    /// When the items are not those of the head.
    pub fn finish(self) -> Result<World, Unloadable> {
        let Self { world, head, .. } = self;
        match head.digest.differing(&world.books.digest()) {
            Some(component) => Err(Unloadable::Differs(component)),
            None => Ok(world),
        }
    }
}

impl Books {
    /// The books under a head, without any item yet.
    fn under(head: &StoreHead, store: Arc<dyn StoredState>) -> Self {
        Self {
            facts: head.facts.clone(),
            keys: Keys::of(store, head.keys, head.digest.of(Component::Keys)),
            rounds: head.rounds.clone(),
            past: PastRounds::restored(head.digest.of(Component::PastRounds)),
            lsn: head.lsn,
            time: head.time,
            ..Self::default()
        }
    }
}

impl World {
    /// The state under a head, of which no item is present yet. The digests are those of the whole state.
    ///
    /// # Errors
    /// When the head cannot be read.
    pub(crate) fn paged(
        head: &[u8],
        store: Arc<dyn StoredState>,
        formats: &Formats,
    ) -> Result<Self, DecodeError> {
        let head = StoreHead::decode(head, formats, Unknown::Refused)?;
        let mut books = Books::under(&head, store);
        for (domain, used) in Domain::ALL.into_iter().zip(&head.used) {
            books.domains.ledger_mut(domain).restore(head.digests_of(domain), used.clone());
        }
        for (component, digest) in head.digest.components() {
            if let Component::Rows(kind) = component {
                books.domains.rows.restore(kind, digest);
            }
        }
        books.domains.balance.restore(head.players());
        Ok(Self { books, ..Self::default() })
    }

    /// An item as it is now; `None` when there is none, or it is not present.
    #[must_use]
    pub fn item(&self, id: ItemId) -> Option<StateItem> {
        let domains = &self.books.domains;
        Some(match id {
            ItemId::Account(domain, id) => {
                StateItem::Account(domain, id, domains.ledger(domain).account(&id)?)
            }
            ItemId::Hold(domain, id) => StateItem::Hold(domain, id, domains.ledger(domain).hold(id)?.clone()),
            ItemId::Row(key) => StateItem::Row(key, domains.rows.bytes(&key)?.into()),
            ItemId::Player(id) => StateItem::Player(id, *domains.balance.player(id)?),
            ItemId::Result(player, place) => {
                let newest = |settled: &&Settled| Settled::place(settled.number) == place;
                StateItem::Result(domains.balance.recent(player).find(newest)?.clone())
            }
            ItemId::Table(id) => StateItem::Table(id, Box::new(self.tables.get(&id)?.clone())),
            ItemId::Round(table, place) => {
                let newest = |past: &&PastRound| PastRound::place(past.number) == place;
                StateItem::Round(table, *self.books.past.of(table).find(newest)?)
            }
        })
    }

    /// Every item of the state that is present, in no particular order.
    pub fn items(&self) -> impl Iterator<Item = ItemId> {
        let domains = &self.books.domains;
        let accounts = Domain::ALL.into_iter().flat_map(move |domain| {
            domains.ledger(domain).accounts().map(move |(id, _)| ItemId::Account(domain, *id))
        });
        let holds = Domain::ALL.into_iter().flat_map(move |domain| {
            domains.ledger(domain).holds().map(move |(id, _)| ItemId::Hold(domain, id))
        });
        let rows = domains.rows.iter().map(|(key, _)| ItemId::Row(key));
        let players = domains.balance.players().map(|(id, _)| ItemId::Player(id));
        let results = domains.balance.players().flat_map(move |(id, _)| {
            let recent = domains.balance.recent(id);
            recent.map(move |settled| ItemId::Result(id, Settled::place(settled.number)))
        });
        let tables = self.tables.keys().map(|id| ItemId::Table(*id));
        let past = self.books.past.all();
        let past = past.map(|(table, past)| ItemId::Round(table, PastRound::place(past.number)));
        accounts.chain(holds).chain(rows).chain(players).chain(results).chain(tables).chain(past)
    }

    /// Makes an item present that the digests contain already.
    pub(crate) fn page_in(&mut self, item: StateItem) {
        let domains = &mut self.books.domains;
        match item {
            StateItem::Account(domain, id, account) => domains.ledger_mut(domain).page_in(id, account),
            StateItem::Hold(domain, id, hold) => domains.ledger_mut(domain).page_in_hold(id, hold),
            StateItem::Row(key, value) => domains.rows.page_in(key, value),
            StateItem::Player(id, player) => domains.balance.page_in(id, player),
            StateItem::Result(_) => {} // a new one takes its place, whatever it was
            StateItem::Table(id, state) => drop(self.tables.insert(id, *state)),
            StateItem::Round(..) => {} // the same
        }
    }

    /// Makes an item absent. The digests still contain it.
    pub(crate) fn page_out(&mut self, id: ItemId) {
        let domains = &mut self.books.domains;
        match id {
            ItemId::Account(domain, id) => domains.ledger_mut(domain).page_out(&id),
            ItemId::Hold(domain, id) => domains.ledger_mut(domain).page_out_hold(id),
            ItemId::Row(key) => domains.rows.page_out(&key),
            ItemId::Player(id) => domains.balance.page_out(id),
            ItemId::Result(..) | ItemId::Round(..) => {}
            ItemId::Table(id) => drop(self.tables.remove(&id)),
        }
    }
}

impl World {
    /// The digest of the money side, component by component.
    #[must_use]
    pub fn digest(&self) -> StateDigest {
        self.books.digest()
    }
}
