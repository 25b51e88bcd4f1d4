//! The requests under way: bets and clearings that the table has submitted and that have no result yet. Each may be
//! carried out or refused.
//!
//! No request waits for a refusal, because a refusal changes nothing. Refusals are still counted, by key, because
//! results come back by key and in order: a request may be submitted after the refusal of its own key. A refusal is
//! submitted only when no request with its key is under way.

use std::collections::hash_map::Entry;

use protocol::PlayerId;
use rustc_hash::FxHashMap;

use super::{
    bets::{Stakes, take},
    request::Spot,
};
use crate::tx_id::TxId;

/// Requests under way, each once.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    requests: FxHashMap<TxId, Request>,
    /// Refusals under way, by key.
    refusals: FxHashMap<TxId, u32>,
    players: FxHashMap<PlayerId, Player>,
    /// Spots of all bets under way.
    spots: usize,
    /// Number of players with bets under way and none that stand: they may need a seat.
    newcomers: usize,
    /// Number of players with bets that stand and a clearing under way: they may free their seat.
    leavers: usize,
}

#[derive(Debug)]
struct Request {
    player: PlayerId,
    what: What,
}

/// What a request does.
#[derive(Debug)]
pub(super) enum What {
    /// Places bets.
    Bets(Vec<Spot>),
    /// Takes back all bets of the player that stand.
    Clearing,
    /// Sends bets again that stand already: no further stake.
    Again,
}

/// One player's requests under way.
#[derive(Debug, Default)]
pub(super) struct Player {
    requests: usize,
    /// How many of them are bets.
    bets: usize,
    /// Whether one of them is a clearing; a second waits for the first.
    clears: bool,
    stakes: Stakes,
    seated: bool,
}

impl Player {
    /// Stakes under way, by bet.
    pub fn stakes(&self) -> &Stakes {
        &self.stakes
    }

    /// Whether a clearing is under way.
    pub fn clears(&self) -> bool {
        self.clears
    }

    /// Whether the player may need a seat and has none.
    pub fn is_newcomer(&self) -> bool {
        !self.seated && self.bets > 0
    }

    fn is_leaver(&self) -> bool {
        self.seated && self.clears
    }
}

impl UnderWay {
    /// Adds a request that is submitted. `seated`: the player has bets that stand.
    pub fn begin(&mut self, id: TxId, player: PlayerId, seated: bool, what: What) {
        let Entry::Vacant(free) = self.requests.entry(id) else {
            debug_assert!(false, "a request waits while its key is under way");
            return;
        };
        let what = &free.insert(Request { player, what }).what;
        let theirs = self.players.entry(player).or_insert_with(|| Player { seated, ..Player::default() });
        let before = (theirs.is_newcomer(), theirs.is_leaver());
        theirs.requests += 1;
        match what {
            What::Bets(bets) => {
                theirs.bets += 1;
                self.spots += bets.len();
                bets.iter().for_each(|spot| *theirs.stakes.entry(spot.code).or_default() += spot.stake);
            }
            What::Clearing => theirs.clears = true,
            What::Again => {}
        }
        let after = (theirs.is_newcomer(), theirs.is_leaver());
        self.count(before, after);
    }

    /// Adds a refusal that is submitted.
    pub fn begin_refusal(&mut self, id: TxId) {
        debug_assert!(!self.contains(id), "a refusal waits while its key is under way");
        *self.refusals.entry(id).or_default() += 1;
    }

    /// Removes the request of a result. Returns its player; `None` for a refusal, and for a step of the round.
    pub fn end(&mut self, id: TxId) -> Option<PlayerId> {
        if let Entry::Occupied(mut refusals) = self.refusals.entry(id) {
            *refusals.get_mut() -= 1;
            if *refusals.get() == 0 {
                refusals.remove();
            }
            return None;
        }
        let Request { player, what } = self.requests.remove(&id)?;
        let theirs = self.players.get_mut(&player)?;
        let before = (theirs.is_newcomer(), theirs.is_leaver());
        theirs.requests -= 1;
        match what {
            What::Bets(bets) => {
                theirs.bets -= 1;
                self.spots -= bets.len();
                bets.into_iter().for_each(|spot| take(&mut theirs.stakes, spot.code, spot.stake));
            }
            What::Clearing => theirs.clears = false,
            What::Again => {}
        }
        let after = (theirs.is_newcomer(), theirs.is_leaver());
        if theirs.requests == 0 {
            self.players.remove(&player);
        }
        self.count(before, after);
        Some(player)
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Spots of all bets under way.
    pub fn spots(&self) -> usize {
        self.spots
    }

    /// Whether the request is under way.
    pub fn contains(&self, id: TxId) -> bool {
        self.requests.contains_key(&id)
    }

    /// The requests of a player; `None` when there are none.
    pub fn of(&self, player: PlayerId) -> Option<&Player> {
        self.players.get(&player)
    }

    /// Sets whether the player has bets that stand.
    pub fn seats(&mut self, player: PlayerId, seated: bool) {
        if let Some(theirs) = self.players.get_mut(&player) {
            let before = (theirs.is_newcomer(), theirs.is_leaver());
            theirs.seated = seated;
            let after = (theirs.is_newcomer(), theirs.is_leaver());
            self.count(before, after);
        }
    }

    /// As [`UnderWay::seats`], for every player, when a round begins or ends.
    pub fn seats_all(&mut self, seated: impl Fn(PlayerId) -> bool) {
        for (id, player) in &mut self.players {
            player.seated = seated(*id);
        }
        self.newcomers = self.players.values().filter(|player| player.is_newcomer()).count();
        self.leavers = self.players.values().filter(|player| player.is_leaver()).count();
    }

    /// Number of players with bets under way and none that stand.
    pub fn newcomers(&self) -> usize {
        self.newcomers
    }

    /// Number of players with bets that stand and a clearing under way.
    pub fn leavers(&self) -> usize {
        self.leavers
    }

    fn count(&mut self, before: (bool, bool), after: (bool, bool)) {
        self.newcomers = self.newcomers + usize::from(after.0) - usize::from(before.0);
        self.leavers = self.leavers + usize::from(after.1) - usize::from(before.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Requests, results and seats of four players in any order: the counts are what counting one by one gives.
        #[test]
        fn the_counts_of_newcomers_and_leavers_are_what_counting_them_gives(
            steps in prop::collection::vec((0..7_u8, 0..4_u128, 0..8_u128), 0..60),
        ) {
            let (mut under_way, mut seated) = (UnderWay::default(), [false; 4]);
            for (step, player, request) in steps {
                let (id, place) = (PlayerId(player), player as usize);
                let fresh = !under_way.contains(TxId(request));
                let clears = under_way.of(id).is_some_and(Player::clears);
                match step {
                    0 if fresh => under_way.begin(TxId(request), id, seated[place], What::Bets(Vec::new())),
                    1 if fresh && !clears => under_way.begin(TxId(request), id, seated[place], What::Clearing),
                    2 if fresh => under_way.begin(TxId(request), id, seated[place], What::Again),
                    6 if fresh => under_way.begin_refusal(TxId(request)),
                    0..=3 | 6 => drop(under_way.end(TxId(request))),
                    4 => {
                        seated[place] = !seated[place];
                        under_way.seats(id, seated[place]);
                    }
                    _ => {
                        seated = [false; 4];
                        under_way.seats_all(|_| false);
                    }
                }
                let of = |player: u128, what: fn(&What) -> bool| {
                    let theirs = under_way.requests.values().filter(|one| one.player == PlayerId(player));
                    theirs.filter(|one| what(&one.what)).count() > 0
                };
                let sits = |player: &u128| seated[*player as usize];
                let newcomers = (0..4).filter(|one| !sits(one) && of(*one, |what| matches!(what, What::Bets(_))));
                prop_assert_eq!(under_way.newcomers(), newcomers.count());
                let leavers = (0..4).filter(|one| sits(one) && of(*one, |what| matches!(what, What::Clearing)));
                prop_assert_eq!(under_way.leavers(), leavers.count());
            }
        }
    }
}
