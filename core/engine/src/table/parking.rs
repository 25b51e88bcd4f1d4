//! Requests whose decision could still change with what is undecided. They wait, and are decided in order of arrival.
//!
//! A player's requests stay in their order, so only the first of each player is ever looked at. It waits for one of
//! two things: for the player's own bets and clearings that are under way, or for the whole table (a seat that may
//! become free or taken, a round that is being opened). Those who wait for the table are looked at in order, up to the
//! first that goes on waiting: all behind it wait for the same. So a result costs one or two checks, however many
//! requests wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::PlayerId;
use rustc_hash::FxHashMap;

use super::{
    assessment::Wait,
    config::{PARKED_MAX, PARKED_PER_PLAYER_MAX},
    request::{Asked, Ticket},
};

#[derive(Debug)]
pub(super) struct Parked {
    pub ticket: Ticket,
    /// When it arrived: deadlines are judged by this time. Milliseconds since 1970.
    pub arrived_ms: u64,
    pub asked: Asked,
}

#[derive(Debug, Default)]
pub(super) struct Parking {
    last: u64,
    len: usize,
    /// In order of arrival; none is empty.
    players: FxHashMap<PlayerId, VecDeque<Parked>>,
    /// Whose first request waits for the table.
    table: BTreeMap<Ticket, PlayerId>,
    /// Parked requests to bet.
    bets: BTreeSet<Ticket>,
    /// Parked clearings.
    clearings: BTreeSet<Ticket>,
    /// Whose first request is to be looked at: something of the player's own was decided.
    woken: VecDeque<PlayerId>,
    /// Those who wait for the table are to be looked at.
    table_woken: bool,
}

impl Parking {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether requests of the player are parked.
    pub fn holds(&self, player: PlayerId) -> bool {
        self.players.contains_key(&player)
    }

    /// How many requests to bet are parked in all, or with an earlier ticket.
    pub fn bets_before(&self, ticket: Option<Ticket>) -> usize {
        ticket.map_or(self.bets.len(), |ticket| self.bets.range(..ticket).count())
    }

    /// Whether a clearing is parked at all, or with an earlier ticket.
    pub fn clears_before(&self, ticket: Option<Ticket>) -> bool {
        self.clearings.first().is_some_and(|first| ticket.is_none_or(|ticket| *first < ticket))
    }

    /// Parks a request behind the player's others. `None`: there is no room.
    pub fn park(&mut self, player: PlayerId, arrived_ms: u64, asked: Asked, wait: Wait) -> Option<Ticket> {
        let theirs = self.players.get(&player).map_or(0, VecDeque::len);
        if self.len >= PARKED_MAX || theirs >= PARKED_PER_PLAYER_MAX {
            return None;
        }
        self.last += 1;
        let ticket = Ticket(self.last);
        self.len += 1;
        match asked {
            Asked::Bet(_) => drop(self.bets.insert(ticket)),
            Asked::Clear(_) => drop(self.clearings.insert(ticket)),
            Asked::Refused { .. } | Asked::Question => {}
        }
        self.players.entry(player).or_default().push_back(Parked { ticket, arrived_ms, asked });
        if wait == Wait::Table {
            self.table.insert(ticket, player);
        }
        Some(ticket)
    }

    /// Something of the player's own was decided, and with it something of the table's.
    pub fn wake(&mut self, player: Option<PlayerId>) {
        if self.is_empty() {
            return;
        }
        self.woken.extend(player.filter(|player| self.players.contains_key(player)));
        self.table_woken = true;
    }

    /// Everybody is looked at.
    pub fn wake_all(&mut self) {
        for (player, parked) in &self.players {
            self.table.extend(parked.front().map(|first| (first.ticket, *player)));
        }
        self.table_woken = true;
    }

    /// Whose first request is to be looked at now.
    pub fn next_player(&mut self) -> Option<PlayerId> {
        while let Some(player) = self.woken.pop_front() {
            if self.players.contains_key(&player) {
                return Some(player);
            }
        }
        if !self.table_woken {
            return None;
        }
        let first = self.table.first_key_value().map(|(_, player)| *player);
        self.table_woken = first.is_some();
        first
    }

    /// The first request of a player.
    pub fn first(&self, player: PlayerId) -> Option<&Parked> {
        self.players.get(&player)?.front()
    }

    /// The first request of a player, looked at, goes on waiting.
    pub fn keep(&mut self, player: PlayerId, wait: Wait) {
        let Some(ticket) = self.first(player).map(|parked| parked.ticket) else { return };
        match wait {
            Wait::Own => drop(self.table.remove(&ticket)),
            Wait::Table => {
                self.table.insert(ticket, player);
                self.table_woken &= self.table.first_key_value() != Some((&ticket, &player));
            }
        }
    }

    /// Takes the first request of a player out. The one behind it is looked at next.
    pub fn take(&mut self, player: PlayerId) -> Option<Parked> {
        let parked = self.players.get_mut(&player)?;
        let first = parked.pop_front()?;
        if parked.is_empty() {
            self.players.remove(&player);
        } else {
            self.woken.push_front(player);
        }
        self.len -= 1;
        self.table.remove(&first.ticket);
        self.bets.remove(&first.ticket);
        self.clearings.remove(&first.ticket);
        Some(first)
    }
}
