//! Parked requests: they wait because undecided requests could change their decision, and are decided in order of
//! arrival.
//!
//! A player's requests keep their order, so only the first of each player is checked. It waits for one of two things:
//! for the player's own bets and clearings that are under way, or for the whole table (a seat that may become free or
//! taken, a round that is being opened). Requests that wait for the table are checked in order, up to the first that
//! must go on waiting: all after it wait for the same. So a result costs one or two checks, however many requests wait.

use std::collections::{BTreeMap, VecDeque};

use protocol::PlayerId;
use rustc_hash::FxHashMap;

use super::{
    assessment::Wait,
    bounds::{PARKED_MAX, PARKED_PER_PLAYER_MAX},
    request::{Asked, Ticket},
};

#[derive(Debug)]
pub(super) struct Parked {
    pub ticket: Ticket,
    /// When it arrived, milliseconds since 1970. Deadlines are compared with this time.
    pub arrived_ms: u64,
    pub asked: Asked,
}

#[derive(Debug, Default)]
pub(super) struct Parking {
    last: u64,
    len: usize,
    /// The requests of each player, in order of arrival. No list is empty.
    players: FxHashMap<PlayerId, VecDeque<Parked>>,
    /// Players whose first request waits for the table.
    table: BTreeMap<Ticket, PlayerId>,
    /// Parked requests to bet, in order of arrival: the number ahead of one is found by binary search.
    bets: VecDeque<Ticket>,
    /// Parked clearings, in order of arrival.
    clearings: VecDeque<Ticket>,
    /// Players whose first request is to be checked, because a request of their own was decided.
    woken: VecDeque<PlayerId>,
    /// Whether the requests that wait for the table are to be checked.
    table_woken: bool,
}

impl Parking {
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether requests of the player are parked.
    pub fn has(&self, player: PlayerId) -> bool {
        self.players.contains_key(&player)
    }

    /// Number of parked requests to bet: all, or those with an earlier ticket.
    pub fn bets_before(&self, ticket: Option<Ticket>) -> usize {
        ticket.map_or(self.bets.len(), |ticket| self.bets.partition_point(|other| *other < ticket))
    }

    /// Whether a clearing is parked: any, or one with an earlier ticket.
    pub fn clears_before(&self, ticket: Option<Ticket>) -> bool {
        self.clearings.front().is_some_and(|first| ticket.is_none_or(|ticket| *first < ticket))
    }

    /// Parks a request after the player's others. `None` at [`PARKED_MAX`] or [`PARKED_PER_PLAYER_MAX`].
    pub fn park(&mut self, player: PlayerId, arrived_ms: u64, asked: Asked, wait: Wait) -> Option<Ticket> {
        let theirs = self.players.get(&player).map_or(0, VecDeque::len);
        if self.len >= PARKED_MAX || theirs >= PARKED_PER_PLAYER_MAX {
            return None;
        }
        self.last += 1;
        let ticket = Ticket(self.last);
        self.len += 1;
        match asked {
            Asked::Bet(_) => self.bets.push_back(ticket),
            Asked::Clear(_) => self.clearings.push_back(ticket),
            Asked::Refused { .. } | Asked::Question => {}
        }
        self.players.entry(player).or_default().push_back(Parked { ticket, arrived_ms, asked });
        if wait == Wait::Table {
            self.table.insert(ticket, player);
        }
        Some(ticket)
    }

    /// A request was decided: that player's first parked request, and those that wait for the table, are to be checked.
    pub fn wake(&mut self, player: Option<PlayerId>) {
        if self.is_empty() {
            return;
        }
        self.woken.extend(player.filter(|player| self.players.contains_key(player)));
        self.table_woken = true;
    }

    /// Every player's first request is to be checked.
    pub fn wake_all(&mut self) {
        for (player, parked) in &self.players {
            self.table.extend(parked.front().map(|first| (first.ticket, *player)));
        }
        self.table_woken = true;
    }

    /// The next player whose first request is to be checked.
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

    /// Keeps the first request of a player waiting after a check.
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

    /// Removes the first request of a player. The one after it is checked next.
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
        for tickets in [&mut self.bets, &mut self.clearings] {
            if let Ok(place) = tickets.binary_search(&first.ticket) {
                tickets.remove(place);
            }
        }
        Some(first)
    }
}
