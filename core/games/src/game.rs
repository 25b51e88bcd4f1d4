//! The interface of a game of betting rounds: bets, then one draw, then payouts.
//!
//! It lies between the rules of a game and the rest of the hub. A bet is parsed once, when it arrives, into a valid
//! [`BetCode`]; from then on the engine and the log carry only the code.

use crate::fair::Stream;

/// A bet's number within its game. It is written into the log, so its meaning never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BetCode(pub u16);

/// The outcome of a draw, as a number from 0, below [`Game::outcomes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrawResult(pub u32);

/// The rules of one game. Pure: every result depends on the arguments alone.
///
/// Later releases read the logs of earlier ones. So a change of what a code means, what it pays or how the outcome is
/// drawn is a new game, or a new [`rules_version`](Game::rules_version) with the old rules kept in
/// [`earlier`](Game::earlier).
pub trait Game: Send + Sync + 'static {
    /// Name in configuration, log and wire, such as `roulette`.
    fn name(&self) -> &'static str;

    /// Version of the rules, recorded with each round.
    fn rules_version(&self) -> u16;

    /// The same game with earlier versions of its rules. Rounds opened under them are played and verified by them.
    fn earlier(&self) -> &'static [&'static dyn Game] {
        &[]
    }

    /// Kinds of bets, in an order that never changes. A table has limits for each kind.
    fn kinds(&self) -> &'static [&'static str];

    /// Number of bets of the game; the codes are `0..bets()`.
    fn bets(&self) -> u16;

    /// Number of outcomes of the game; they are `0..results()`, all equally likely.
    fn results(&self) -> u32;

    /// Parses a bet of the wire; the numbers may come in any order.
    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused>;

    /// Describes a code; `None` when the game has no such code. The inverse of [`bet`](Game::bet).
    fn describe(&self, code: BetCode) -> Option<Described>;

    /// Draws the outcome of a round from the round's stream.
    fn draw(&self, stream: &mut Stream) -> DrawResult;

    /// The payout of a stake, the stake itself included, in the stake's unit; 0 when the bet lost.
    ///
    /// Additive in the stake: the payout of the sum of two stakes on a bet is the sum of their payouts. Settlement
    /// relies on this: it adds up a player's stakes on a bet first.
    ///
    /// `None` when the code or the outcome is not the game's, the stake is negative, or the sum overflows.
    fn payout(&self, code: BetCode, stake: i128, outcome: DrawResult) -> Option<i128>;

    /// An outcome as people see it; `None` when it is not an outcome of the game.
    fn face(&self, outcome: DrawResult) -> Option<Face>;
}

/// A bet, with all that its code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// Its kind, as on the wire.
    pub kind: &'static str,
    /// Place of the kind in [`Game::kinds`].
    pub kind_index: usize,
    /// Its numbers as on the wire, ascending.
    pub numbers: &'static [u8],
    /// The outcomes it wins on, ascending.
    pub covers: &'static [u8],
}

/// An outcome, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// The name, such as `17`.
    pub name: String,
    /// Its colour, in lower case.
    pub colour: &'static str,
}

/// Why the game has no such bet. When several reasons hold, the first in this order is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BetRefused {
    /// The game has no such kind.
    #[error("the game has no bet of this kind")]
    KindUnknown,
    /// The kind takes another count of numbers.
    #[error("a bet of kind {kind} takes exactly {expected} number(s)")]
    WrongCount {
        /// The kind.
        kind: &'static str,
        /// How many numbers it takes.
        expected: usize,
    },
    /// No bet of the game has this number.
    #[error("{0} is not a number of the game")]
    NumberUnknown(u8),
    /// A number was given twice.
    #[error("number {0} is given twice")]
    NumberTwice(u8),
    /// Each number is fine, but no bet of the kind has them together.
    #[error("these numbers are not a bet of kind {kind} on the layout")]
    NotOnLayout {
        /// The kind.
        kind: &'static str,
    },
}
