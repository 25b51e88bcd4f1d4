//! The bets of an open round.
//!
//! Each bet updates sums, and limits, views and settlement use those sums. So taking a bet costs the same in a round of
//! ten bets as in one of ten thousand, and settling costs time per player and spot, not per bet.

use std::collections::BTreeMap;

use games::{
    BetCode,
    fair::{self, Share},
};
use ledger::HoldId;
use protocol::PlayerId;
use rustc_hash::FxHashSet;

use ledger::codec::{AT_ONCE, DecodeError, Decoder, Encoder};

/// Stakes by bet, minor units.
pub type Stakes = BTreeMap<BetCode, i128>;

/// The bets that stand in a round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bets {
    players: BTreeMap<PlayerId, PlayerBets>,
    /// The holds of all bets: one for each request.
    holds: FxHashSet<HoldId>,
    /// Spots of all requests that stand.
    spots: usize,
    stakes: Stakes,
}

/// One player's bets in a round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlayerBets {
    placed: Vec<Placed>,
    stakes: Stakes,
    share: Option<Share>,
}

/// The bets of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The hold.
    pub hold: HoldId,
    /// The bets and their stakes.
    pub bets: Vec<(BetCode, i128)>,
}

impl PlayerBets {
    /// The bets by request, in the order in which they came.
    #[must_use]
    pub fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// Sum of the stakes on each bet.
    #[must_use]
    pub fn stakes(&self) -> &Stakes {
        &self.stakes
    }

    /// Sum of all stakes.
    #[must_use]
    pub fn staked(&self) -> i128 {
        self.stakes.values().sum()
    }

    /// The holds that cover the bets.
    #[must_use]
    pub fn holds(&self) -> Vec<HoldId> {
        self.placed.iter().map(|placed| placed.hold).collect()
    }
}

impl Bets {
    /// The players with bets.
    #[must_use]
    pub fn players(&self) -> &BTreeMap<PlayerId, PlayerBets> {
        &self.players
    }

    /// Number of requests whose bets stand, which is the number of holds.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.holds.len()
    }

    /// Spots of those requests; one that several bet on is counted for each.
    #[must_use]
    pub fn spots(&self) -> usize {
        self.spots
    }

    /// Whether the bets under this hold stand.
    #[must_use]
    pub fn stands(&self, hold: HoldId) -> bool {
        self.holds.contains(&hold)
    }

    /// Sum of the stakes on each bet, all players together.
    #[must_use]
    pub fn stakes(&self) -> &Stakes {
        &self.stakes
    }

    /// Sum of all stakes.
    #[must_use]
    pub fn staked(&self) -> i128 {
        self.stakes.values().sum()
    }

    /// The shares in the randomness: of each player with bets the last that was given, in the order of the players.
    pub fn shares(&self) -> impl Iterator<Item = Share> {
        self.players.values().filter_map(|bets| bets.share)
    }

    /// Those shares, mixed.
    #[must_use]
    pub fn mix(&self) -> [u8; 32] {
        fair::mix(self.shares())
    }

    /// Adds bets, and the player's new share in the randomness if there is one. `false`, and no change, when bets
    /// stand under the hold already.
    pub(super) fn place(&mut self, player: PlayerId, placed: Placed, share: Option<Share>) -> bool {
        if !self.holds.insert(placed.hold) {
            return false;
        }
        self.spots += placed.bets.len();
        let player = self.players.entry(player).or_default();
        player.placed.push(placed);
        for (code, stake) in player.placed.last().into_iter().flat_map(|placed| &placed.bets) {
            *self.stakes.entry(*code).or_default() += stake;
            *player.stakes.entry(*code).or_default() += stake;
        }
        player.share = share.or(player.share);
        true
    }

    /// Removes a player's bets under these holds.
    pub(super) fn clear(&mut self, id: PlayerId, holds: &[HoldId]) {
        let Some(player) = self.players.get_mut(&id) else { return };
        let wanted: FxHashSet<HoldId> = holds.iter().copied().collect();
        player.placed.retain(|placed| {
            if !wanted.contains(&placed.hold) {
                return true;
            }
            self.holds.remove(&placed.hold);
            self.spots -= placed.bets.len();
            for (code, stake) in &placed.bets {
                take(&mut self.stakes, *code, *stake);
                take(&mut player.stakes, *code, *stake);
            }
            false
        });
        if player.placed.is_empty() {
            self.players.remove(&id);
        }
    }

    /// Removes every bet whose hold is not kept.
    pub(super) fn retain(&mut self, kept: impl Fn(HoldId) -> bool) {
        let gone = |(player, bets): (&PlayerId, &PlayerBets)| {
            let holds: Vec<_> = bets.holds().into_iter().filter(|hold| !kept(*hold)).collect();
            (*player, holds)
        };
        let gone: Vec<_> = self.players.iter().map(gone).filter(|(_, holds)| !holds.is_empty()).collect();
        gone.iter().for_each(|(player, holds)| self.clear(*player, holds));
    }

    /// Whether each of the holds covers bets of the player, and none is named twice.
    pub(super) fn are_of(&self, player: PlayerId, holds: &[HoldId]) -> bool {
        let Some(bets) = self.players.get(&player) else { return false };
        let wanted: FxHashSet<HoldId> = holds.iter().copied().collect();
        let found = bets.placed.iter().filter(|placed| wanted.contains(&placed.hold)).count();
        found == holds.len()
    }

    pub(super) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.players.len() as u128);
        for (player, bets) in &self.players {
            encoder.player(*player);
            encode_share(encoder, bets.share);
            encoder.uint(bets.placed.len() as u128);
            bets.placed.iter().for_each(|placed| encode_bets(encoder, placed.hold, &placed.bets));
        }
    }

    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut bets = Self::default();
        for _ in 0..decoder.count()? {
            let player = decoder.player()?;
            // A state has only one valid encoding.
            if bets.players.last_key_value().is_some_and(|(last, _)| *last >= player) {
                return Err(DecodeError::OutOfRange("the order of players"));
            }
            let share = decode_share(decoder)?;
            let requests = decoder.count()?;
            if requests == 0 {
                return Err(DecodeError::OutOfRange("a player without bets"));
            }
            for _ in 0..requests {
                let (hold, placed) = decode_bets(decoder)?;
                if !bets.place(player, Placed { hold, bets: placed }, share) {
                    return Err(DecodeError::OutOfRange("a hold of two bets"));
                }
            }
        }
        Ok(bets)
    }
}

/// Subtracts a stake from a sum; a sum of zero is removed.
pub(super) fn take(stakes: &mut Stakes, code: BetCode, stake: i128) {
    if let Some(sum) = stakes.get_mut(&code) {
        *sum -= stake;
        if *sum == 0 {
            stakes.remove(&code);
        }
    }
}

pub(super) fn encode_share(encoder: &mut Encoder, share: Option<Share>) {
    encoder.byte(u8::from(share.is_some()));
    if let Some(share) = share {
        encoder.raw(&share.0);
    }
}

pub(super) fn decode_share(decoder: &mut Decoder<'_>) -> Result<Option<Share>, DecodeError> {
    Ok(if decoder.flag()? { Some(Share(decoder.array()?)) } else { None })
}

/// The bets of one request, with their hold.
pub(super) fn encode_bets(encoder: &mut Encoder, hold: HoldId, bets: &[(BetCode, i128)]) {
    encoder.id(hold.0);
    encoder.uint(bets.len() as u128);
    for (code, stake) in bets {
        encoder.uint(code.0.into());
        encoder.money(*stake);
    }
}

pub(super) fn decode_bets(decoder: &mut Decoder<'_>) -> Result<(HoldId, Vec<(BetCode, i128)>), DecodeError> {
    let hold = HoldId(decoder.id()?);
    let count = decoder.count()?;
    let mut bets = Vec::with_capacity(count.min(AT_ONCE));
    for _ in 0..count {
        bets.push((BetCode(decoder.u16()?), decoder.money()?));
    }
    Ok((hold, bets))
}
