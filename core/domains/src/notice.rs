//! The notice to a player about a transaction: part of the record, with the balance before and after it.

use ledger::Account;
use protocol::{Currency, PlayerId, RoundId};

/// A player's funds in one currency, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Funds {
    /// What can be staked.
    pub available: i128,
    /// Stakes held in open rounds.
    pub held: i128,
}

impl From<&Account> for Funds {
    /// The funds that a cash account shows to its player.
    fn from(account: &Account) -> Self {
        Self { available: account.available(), held: account.debits_pending }
    }
}

/// What one player is told of a transaction. Becomes one event on the player's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Funds before it; zero when the transaction opens the account.
    pub before: Funds,
    /// Funds after it.
    pub after: Funds,
    /// What happened.
    pub what: What,
}

/// What happened to a player's funds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Money came in.
    Deposit,
    /// A stake is held.
    Stake,
    /// Stakes are given back before the lock.
    Release,
    /// A round is settled.
    Settled {
        /// The round.
        round: RoundId,
        /// The player's stakes in it, minor units.
        staked: i128,
        /// The payout, stakes included, minor units.
        returned: i128,
        /// The outcome.
        outcome: u32,
    },
    /// A round is void and its stakes are returned.
    Voided {
        /// The round.
        round: RoundId,
        /// The player's stakes in it, minor units.
        staked: i128,
    },
}
