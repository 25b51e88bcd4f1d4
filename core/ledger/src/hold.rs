//! Holds: money that is reserved under an id, until it is posted or voided.

use protocol::RoundId;

use crate::{AccountId, Domain, Rejection, Transfer};

/// The id of a hold, never used again: the id of the transaction that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub u128);

/// Most accounts that one hold draws on.
pub const SOURCES_MAX: usize = 8;

/// What a hold is for. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// The stake of a bet.
    Stake = 1,
    /// What a service asked to be held.
    Service = 2,
    /// A payout that is under way.
    Payout = 3,
}

impl Purpose {
    /// Every purpose, in the order of their numbers.
    pub const ALL: [Purpose; 3] = [Purpose::Stake, Purpose::Service, Purpose::Payout];

    /// The purpose of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Purpose::ALL.into_iter().find(|purpose| *purpose as u8 == number)
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Stake => "stake",
            Purpose::Service => "service",
            Purpose::Payout => "payout",
        }
    }
}

/// Whose state says why a hold is open, and so proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prover {
    /// A round: the hold is the stake of one of its bets.
    Round(RoundId),
    /// A domain: the hold belongs to something that the domain keeps.
    Domain(Domain),
}

/// Part of a hold: what it reserves on one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The account that will be debited.
    pub account: AccountId,
    /// Minor units, above zero.
    pub amount: i128,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What it is for.
    pub purpose: Purpose,
    /// Who proves it.
    pub prover: Prover,
    /// When it ends by itself, milliseconds since 1970; `None` for a hold that waits for its prover.
    pub expires: Option<u64>,
    /// The account that is credited when it is posted.
    pub credit: AccountId,
    /// The first account it draws on. Nearly every hold has only one.
    pub first: Source,
    /// The other accounts it draws on, in the order in which they are used.
    pub more: Box<[Source]>,
}

impl Hold {
    /// A hold on one account, without an end.
    #[must_use]
    pub fn on(purpose: Purpose, prover: Prover, transfer: Transfer) -> Self {
        let Transfer { debit: account, credit, amount } = transfer;
        Self {
            purpose,
            prover,
            expires: None,
            credit,
            first: Source { account, amount },
            more: Box::default(),
        }
    }

    /// Every account it draws on, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The transfers that posting it makes, in order.
    pub fn transfers(&self) -> impl Iterator<Item = Transfer> {
        self.sources().map(|source| Transfer {
            debit: source.account,
            credit: self.credit,
            amount: source.amount,
        })
    }

    /// Sum of what it reserves, minor units. At most [`SUM_MAX`](crate::SUM_MAX) for a hold that a ledger has taken.
    #[must_use]
    pub fn amount(&self) -> i128 {
        self.sources().fold(0, |sum, source| sum.saturating_add(source.amount))
    }

    /// Checks the rules that need no state: those of its transfers (`L1`), no account twice, not too many accounts.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), Rejection> {
        self.transfers().try_for_each(|transfer| transfer.check())?;
        let twice =
            |place: usize, account: AccountId| self.sources().skip(place + 1).any(|s| s.account == account);
        if self.more.len() >= SOURCES_MAX
            || self.sources().enumerate().any(|(place, s)| twice(place, s.account))
        {
            return Err(Rejection::SourcesUnfit);
        }
        Ok(())
    }
}
