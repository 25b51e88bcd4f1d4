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
}

impl Pending {
    /// A request goes out. One that is under way already, sent again, stakes nothing more.
    pub fn begin(&mut self, id: TxId, player: PlayerId, bets: Vec<(BetCode, i128)>) {
        if self.requests.contains_key(&id) {
            return;
        }
        let sums = self.players.entry(player).or_default();
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

    /// Players with something under way.
    pub fn players(&self) -> impl Iterator<Item = &PlayerId> {
        self.players.keys()
    }
}
