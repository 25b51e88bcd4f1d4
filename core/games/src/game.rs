//! What a game of betting rounds is: bets, then one draw, then payouts.
//!
//! The interface between the rules of a game and the rest of the hub. A bet is parsed once, at the edge, into a
//! [`BetCode`] that cannot be wrong; from then on the engine and the log carry the code alone.

use crate::fair::Stream;

/// A bet's number within its game. It is written into the log, so its meaning never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BetCode(pub u16);

/// What a draw gave, as the game counts its outcomes: from 0, below [`Game::outcomes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DrawResult(pub u32);

/// The rules of one game. Pure: every answer depends on the arguments alone.
///
/// A log outlives the program that wrote it. Whoever changes what a code means, what it pays or how the
/// outcome is drawn adds a game beside the old one, or keeps the old answers for the old
/// [`rules_version`](Game::rules_version).
pub trait Game: Send + Sync + 'static {
    /// Name in configuration, log and wire, such as `roulette`.
    fn name(&self) -> &'static str;

    /// Version of the rules, recorded with each round.
    fn rules_version(&self) -> u16;

    /// The same game by earlier versions of its rules: what is open under them is played and verified by them.
    fn earlier(&self) -> &'static [&'static dyn Game] {
        &[]
    }

    /// Kinds of bets in their fixed order. A table has its limits per kind.
    fn kinds(&self) -> &'static [&'static str];

    /// How many bets the game knows; the codes are `0..bets()`.
    fn bets(&self) -> u16;

    /// How many outcomes the game knows; they are `0..outcomes()`, and each is equally likely.
    fn outcomes(&self) -> u32;

    /// Reads a bet as the wire spells it; the numbers may come in any order.
    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused>;

    /// Tells what a code means; `None` when the game has no such code. The inverse of [`bet`](Game::bet).
    fn describe(&self, code: BetCode) -> Option<Described>;

    /// Draws the outcome of a round from the round's stream.
    fn draw(&self, stream: &mut Stream) -> DrawResult;

    /// What comes back for a stake, the stake itself included, in the stake's unit; 0 when the bet lost.
    ///
    /// Additive in the stake: two stakes on a bet are paid together what they are paid each by itself. Whoever
    /// settles a round relies on it and adds a player's stakes on a bet up first.
    ///
    /// `None` when the code or the outcome is not the game's, the stake is negative, or the sum overflows.
    fn payout(&self, code: BetCode, stake: i128, outcome: DrawResult) -> Option<i128>;

    /// How an outcome is shown to people; `None` when it is not the game's.
    fn face(&self, outcome: DrawResult) -> Option<Face>;
}

/// A bet, spelled out.
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
    /// What is called out, such as `17`.
    pub name: String,
    /// Its colour, in lower case.
    pub colour: &'static str,
}

/// Why a bet is none of the game's. Order is precedence: the first that holds is returned. All are final.
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
