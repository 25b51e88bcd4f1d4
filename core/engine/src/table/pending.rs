//! What a table has asked for and not heard back: bets and clearings under way. They count against limits only.

use games::BetCode;
use protocol::PlayerId;
use rustc_hash::FxHashMap;

use super::bets::{Stakes, take};
use crate::keys::TxId;

/// Bets and clearings under way.
#[derive(Debug, Default)]
pub(super) struct Pending {
    requests: FxHashMap<TxId, Request>,
    players: FxHashMap<PlayerId, Player>,
    /// How many of the players have no bets that stand yet: they will need a seat.
    newcomers: usize,
}

#[derive(Debug)]
struct Request {
    player: PlayerId,
    /// A clearing has none, and neither has a retry of bets that stand.
    bets: Vec<(BetCode, i128)>,
}

/// What a player has under way.
#[derive(Debug, Default)]
struct Player {
    requests: usize,
    stakes: Stakes,
    seated: bool,
}

impl Pending {
    /// A request goes out. One that is under way already, sent again, stakes nothing more. `seated`: bets of the
    /// player stand already.
    pub fn begin(&mut self, id: TxId, player: PlayerId, seated: bool, bets: Vec<(BetCode, i128)>) {
        if self.requests.contains_key(&id) {
            return;
        }
        let sums = self.players.entry(player).or_insert_with(|| {
            self.newcomers += usize::from(!seated);
            Player { seated, ..Player::default() }
        });
        sums.requests += 1;
        for (code, stake) in &bets {
            *sums.stakes.entry(*code).or_default() += stake;
        }
        self.requests.insert(id, Request { player, bets });
    }

    /// A request came back.
    pub fn end(&mut self, id: TxId) {
        let Some(Request { player, bets }) = self.requests.remove(&id) else { return };
        let Some(sums) = self.players.get_mut(&player) else { return };
        sums.requests -= 1;
        if sums.requests == 0 {
            self.newcomers -= usize::from(!sums.seated);
            self.players.remove(&player);
            return;
        }
        bets.into_iter().for_each(|(code, stake)| take(&mut sums.stakes, code, stake));
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// What a player has under way, by bet; `None`: nothing at all.
    pub fn of(&self, player: PlayerId) -> Option<&Stakes> {
        self.players.get(&player).map(|player| &player.stakes)
    }

    /// Bets of a player stand now, or stand no more.
    pub fn seats(&mut self, player: PlayerId, seated: bool) {
        if let Some(player) = self.players.get_mut(&player) {
            self.newcomers += usize::from(!seated);
            self.newcomers -= usize::from(!player.seated);
            player.seated = seated;
        }
    }

    /// The same for everybody, when a round begins or ends.
    pub fn seats_all(&mut self, seated: impl Fn(PlayerId) -> bool) {
        for (id, player) in &mut self.players {
            player.seated = seated(*id);
        }
        self.newcomers = self.players.values().filter(|player| !player.seated).count();
    }

    /// Players with something under way and no bets that stand, this one left out.
    pub fn newcomers_but(&self, player: PlayerId) -> usize {
        self.newcomers - usize::from(self.players.get(&player).is_some_and(|player| !player.seated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Four players ask, are answered, sit down and leave in any order: counted is what a walk would find.
        #[test]
        fn newcomers_are_those_under_way_who_have_no_seat(
            steps in prop::collection::vec((0..4_u8, 0..4_u128, 0..8_u128), 0..60),
        ) {
            let (mut pending, mut seated) = (Pending::default(), [false; 4]);
            for (step, player, request) in steps {
                let (id, place) = (PlayerId(player), player as usize);
                match step {
                    0 => pending.begin(TxId(request), id, seated[place], Vec::new()),
                    1 => pending.end(TxId(request)),
                    2 => {
                        seated[place] = !seated[place];
                        pending.seats(id, seated[place]);
                    }
                    _ => {
                        seated = [false; 4];
                        pending.seats_all(|_| false);
                    }
                }
                let walk = |but: u128| {
                    let others = pending.players.keys().filter(|other| other.0 != but);
                    others.filter(|other| !seated[other.0 as usize]).count()
                };
                for but in 0..4 {
                    prop_assert_eq!(pending.newcomers_but(PlayerId(but)), walk(but));
                }
            }
        }
    }
}
