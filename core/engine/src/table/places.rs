//! The sessions at a table. Seats belong to players, places to sessions.
//!
//! A player with bets in the open round has a seat, which takes one place, even without a session at the table. Every
//! session of another player takes one place. Two kinds of players can join a full table: a player with bets in the
//! round, who may want to take them back, and a player who has a session there already, because the connection of that
//! session may be lost without being detected yet.

use std::{collections::hash_map::Entry, hash::Hash};

use protocol::PlayerId;
use rustc_hash::FxHashMap;

/// The sessions at a table; `S` is the id of a session.
#[derive(Debug)]
pub struct Places<S> {
    sessions: FxHashMap<S, PlayerId>,
    players: FxHashMap<PlayerId, Here>,
    /// Number of sessions of players without bets in the round.
    watching: usize,
}

/// A player with a session at the table.
#[derive(Debug)]
struct Here {
    sessions: usize,
    /// Whether the player has bets in the open round.
    bets: bool,
}

/// Whether a player who joins has bets in the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stake {
    /// No bets.
    None,
    /// A request to bet is undecided.
    Undecided,
    /// Bets stand.
    Stands,
}

impl<S> Default for Places<S> {
    fn default() -> Self {
        Self { sessions: FxHashMap::default(), players: FxHashMap::default(), watching: 0 }
    }
}

impl<S: Hash + Eq + Copy> Places<S> {
    /// Number of sessions at the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session is at the table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Whether the session is at the table.
    #[must_use]
    pub fn has(&self, session: S) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Adds a session of the player; `false` when there is no place. `seats`: players with bets in the round;
    /// `places_max`: places of the table.
    pub fn join(
        &mut self,
        session: S,
        player: PlayerId,
        stake: Stake,
        seats: usize,
        places_max: usize,
    ) -> bool {
        let free = seats + self.watching < places_max;
        let Entry::Vacant(place) = self.sessions.entry(session) else { return true };
        if !free && stake == Stake::None && !self.players.contains_key(&player) {
            return false;
        }
        place.insert(player);
        let bets = stake == Stake::Stands;
        let here = self.players.entry(player).or_insert(Here { sessions: 0, bets });
        here.sessions += 1;
        self.watching += usize::from(!here.bets);
        true
    }

    /// Removes a session, if it was at the table.
    pub fn leave(&mut self, session: S) {
        let Some(player) = self.sessions.remove(&session) else { return };
        if let Some(here) = self.players.get_mut(&player) {
            here.sessions -= 1;
            self.watching -= usize::from(!here.bets);
            if here.sessions == 0 {
                self.players.remove(&player);
            }
        }
        if self.sessions.is_empty() {
            *self = Self::default(); // an idle table keeps no memory
        }
    }

    /// Sets whether the player has bets in the round.
    pub fn bets(&mut self, player: PlayerId, bets: bool) {
        let Some(here) = self.players.get_mut(&player).filter(|here| here.bets != bets) else { return };
        here.bets = bets;
        if bets {
            self.watching -= here.sessions;
        } else {
            self.watching += here.sessions;
        }
    }

    /// The round is over: no player has bets any more.
    pub fn nobody_bets(&mut self) {
        self.players.values_mut().for_each(|here| here.bets = false);
        self.watching = self.sessions.len();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table of three places, with the bets of a round.
    #[derive(Default)]
    struct Table {
        places: Places<u32>,
        bettors: std::collections::BTreeSet<PlayerId>,
    }

    impl Table {
        fn join(&mut self, session: u32, player: u128) -> bool {
            let player = PlayerId(player);
            let stake = if self.bettors.contains(&player) { Stake::Stands } else { Stake::None };
            self.places.join(session, player, stake, self.bettors.len(), 3)
        }

        fn bets(&mut self, player: u128, bets: bool) {
            let player = PlayerId(player);
            if bets {
                self.bettors.insert(player)
            } else {
                self.bettors.remove(&player)
            };
            self.places.bets(player, bets);
        }
    }

    #[test]
    fn a_full_table_lets_a_bettor_back_in_and_nobody_else() {
        let mut table = Table::default();
        assert!(table.join(1, 1) && table.join(2, 2) && table.join(3, 3));
        assert!(!table.join(4, 4));
        table.bets(1, true);
        table.places.leave(1);
        assert!(!table.join(4, 4), "the seat is the player's, there or not");
        assert!(table.join(5, 1) && table.join(6, 1), "with as many sessions as the player has");
        table.bets(1, false);
        table.places.leave(5);
        table.places.leave(6);
        assert!(table.join(4, 4), "the bets are taken back and the player is gone");
    }

    #[test]
    fn a_dead_session_never_keeps_its_own_player_out() {
        let mut table = Table::default();
        assert!(table.join(1, 1) && table.join(2, 2) && table.join(3, 3));
        assert!(table.join(4, 1), "session 1 may be dead");
        table.places.leave(1);
        assert!(!table.join(5, 5), "its place was taken over");
    }

    #[test]
    fn a_bet_that_is_undecided_lets_its_player_in_and_takes_no_second_place() {
        let mut places = Places::default();
        assert!(places.join(1, PlayerId(1), Stake::None, 0, 1));
        assert!(!places.join(2, PlayerId(2), Stake::None, 0, 1));
        assert!(places.join(2, PlayerId(2), Stake::Undecided, 0, 1));
        places.bets(PlayerId(2), true);
        assert_eq!(places.watching, 1);
    }

    proptest! {
        #[test]
        fn the_count_of_watching_sessions_is_what_counting_them_gives(
            steps in prop::collection::vec((0..5_u8, 0..6_u32, 0..4_u128), 0..80),
        ) {
            let mut table = Table::default();
            for (step, session, player) in steps {
                // A session belongs to one player.
                let session = session * 4 + player as u32;
                match step {
                    0 | 1 => drop(table.join(session, player)),
                    2 => table.places.leave(session),
                    3 => {
                        let bets = !table.bettors.contains(&PlayerId(player));
                        table.bets(player, bets);
                    }
                    _ => {
                        table.bettors.clear();
                        table.places.nobody_bets();
                    }
                }
                let watching = table.places.sessions.values().filter(|one| !table.bettors.contains(one));
                prop_assert_eq!(table.places.watching, watching.count());
                let sessions: usize = table.places.players.values().map(|here| here.sessions).sum();
                prop_assert_eq!(sessions, table.places.len());
            }
        }
    }
}
