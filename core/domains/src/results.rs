//! Results: the rounds that have ended for a player. The state store keeps the last ones of each player; the domain keeps
//! those that the store does not have yet.

use std::collections::VecDeque;

use ledger::{
    Print, Shards,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::notice::Notice;

/// Results that can be looked up of each player.
pub const RESULTS_MAX: usize = 50;

/// A round that has ended for a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its number among the results of the player, from 1.
    pub number: u64,
    /// When it was recorded, milliseconds since 1970.
    pub time: u64,
    /// What the player was told.
    pub notice: Notice,
}

impl Settled {
    /// Its place among the results that are kept of the player: a newer one takes the place of an older one.
    #[must_use]
    pub fn place(number: u64) -> u64 {
        number % RESULTS_MAX as u64
    }

    /// Its print in the digest of all results.
    #[must_use]
    pub fn print(&self) -> Print {
        let mut encoder = Encoder::plain(96);
        self.encode(&mut encoder);
        Print::of(encoder.as_bytes())
    }

    /// Appends it to an item of the state store.
    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.number.into());
        encoder.uint(self.time.into());
        self.notice.encode(encoder);
    }

    /// Reads one from an item of the state store.
    ///
    /// # Errors
    /// When the bytes are not a result.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { number: decoder.u64()?, time: decoder.u64()?, notice: Notice::decode(decoder)? })
    }
}

/// The last results of each player, as far as the state store does not have them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent {
    players: Shards<PlayerId, VecDeque<(u64, Settled)>>,
    /// Whose results they are, with the place of each in the log, oldest first. Some may be dropped already.
    order: VecDeque<(u64, PlayerId)>,
    /// Number of the results.
    count: usize,
}

impl Recent {
    /// Adds the newest result of a player, which is recorded at `lsn`. Without a state store the older ones of a player go
    /// when there are more than [`RESULTS_MAX`].
    pub fn push(&mut self, lsn: u64, settled: Settled) {
        self.order.push_back((lsn, settled.notice.player));
        let results = self.players.get_or_default(settled.notice.player);
        self.count += 1;
        if results.len() >= RESULTS_MAX {
            results.pop_front();
            self.count -= 1;
        }
        results.push_back((lsn, settled));
        if self.order.len() > 2 * self.count + RESULTS_MAX {
            self.forget_dropped();
        }
    }

    /// The results of a player, newest first.
    pub fn of(&self, player: PlayerId) -> impl Iterator<Item = &Settled> {
        self.players.get(&player).into_iter().flatten().rev().map(|(_, settled)| settled)
    }

    /// The results of all players, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = &Settled> {
        self.players.iter().flat_map(|(_, results)| results).map(|(_, settled)| settled)
    }

    /// Number of the results.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Drops what is recorded up to `lsn`, but no more than `most`. Returns whether all of it is dropped.
    pub fn forget(&mut self, lsn: u64, most: usize) -> bool {
        for _ in 0..most {
            match self.order.front() {
                Some((oldest, player)) if *oldest <= lsn => {
                    let (oldest, player) = (*oldest, *player);
                    self.order.pop_front();
                    self.drop_up_to(oldest, player);
                }
                Some(_) | None => return true,
            }
        }
        self.order.front().is_none_or(|(oldest, _)| *oldest > lsn)
    }

    fn drop_up_to(&mut self, lsn: u64, player: PlayerId) {
        let Some(results) = self.players.get_mut(&player) else { return };
        while results.front().is_some_and(|(oldest, _)| *oldest <= lsn) {
            results.pop_front();
            self.count -= 1;
        }
        if results.is_empty() {
            self.players.remove(&player);
        }
    }

    /// Drops from the order what [`RESULTS_MAX`] has dropped already.
    fn forget_dropped(&mut self) {
        let Self { players, order, .. } = self;
        let first =
            |player: &PlayerId| players.get(player).and_then(VecDeque::front).map(|(first, _)| *first);
        order.retain(|(lsn, player)| first(player).is_some_and(|first| first <= *lsn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Funds, What};

    #[test]
    fn memory_is_bounded_by_the_results_that_are_kept_however_many_there_were() {
        let mut recent = Recent::default();
        for lsn in 1..=20_000 {
            let player = if lsn == 1 { PlayerId(1) } else { PlayerId(2 + u128::from(lsn % 2)) };
            let (before, after, what) = (Funds::default(), Funds::default(), What::Deposit);
            let currency = "EUR".parse().expect("a currency");
            let notice = Notice { player, currency, before, after, what };
            recent.push(lsn, Settled { number: lsn, time: lsn, notice });
        }
        assert_eq!((recent.count(), recent.all().count()), (2 * RESULTS_MAX + 1, 2 * RESULTS_MAX + 1));
        assert!(recent.order.len() <= 3 * recent.count, "{}", recent.order.len());
        assert!(recent.forget(20_000, usize::MAX));
        assert_eq!((recent.count, recent.order.len()), (0, 0));
    }
}
