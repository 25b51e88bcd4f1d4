//! The chart of accounts, and what an account holds.

use protocol::{Currency, PlayerId};

use crate::{Owner, OwnerKind};

/// Largest amount of a transfer and largest sum an account keeps, open holds included; minor units. Far above any
/// real balance, and far enough below the limit of `i128` that two of them never overflow.
pub const SUM_MAX: i128 = 1 << 100;

/// The five money domains. The discriminant is written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Domain {
    /// Player accounts.
    Balance = 0,
    /// Payments in, and stakes taken.
    Collections = 1,
    /// Winnings and payouts.
    Distributions = 2,
    /// Bonus money.
    FreePlay = 3,
    /// Corrections.
    Adjustment = 4,
}

impl Domain {
    /// Every domain, in canonical order.
    pub const ALL: [Domain; 5] =
        [Domain::Balance, Domain::Collections, Domain::Distributions, Domain::FreePlay, Domain::Adjustment];

    /// The name in logs, metrics and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Domain::Balance => "balance",
            Domain::Collections => "collections",
            Domain::Distributions => "distributions",
            Domain::FreePlay => "free_play",
            Domain::Adjustment => "adjustment",
        }
    }

    /// The domain of a discriminant.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Domain::ALL.get(usize::from(number)).copied()
    }
}

/// What an account is for. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// Any domain: cash that the operator owes its owner, such as a player. Never below zero.
    Cash,
    /// Any domain: what it owes, or is owed by, another domain. Nets to zero over both.
    Clearing(Domain),
    /// Collections: where deposits come from, such as a gateway or the source of demo money.
    Source,
    /// Collections: stakes taken from players.
    Stakes,
    /// Distributions: winnings paid to players, stakes included.
    Winnings,
    /// Free play: bonus money granted.
    Grants,
    /// Free play: a player's bonus money. Never below zero.
    Bonus,
    /// Adjustment: corrections made.
    Corrections,
    /// Collections: the result of a game that is played elsewhere, and pays its winnings here.
    Results,
}

impl AccountKind {
    /// Every kind but the clearing accounts, of which there is one towards each domain.
    pub const ALL: [AccountKind; 8] = [
        AccountKind::Cash,
        AccountKind::Source,
        AccountKind::Stakes,
        AccountKind::Winnings,
        AccountKind::Grants,
        AccountKind::Bonus,
        AccountKind::Corrections,
        AccountKind::Results,
    ];

    /// The number in the log.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            AccountKind::Cash => 1,
            AccountKind::Source => 2,
            AccountKind::Stakes => 3,
            AccountKind::Winnings => 4,
            AccountKind::Grants => 5,
            AccountKind::Bonus => 6,
            AccountKind::Corrections => 7,
            AccountKind::Results => 8,
            AccountKind::Clearing(domain) => 16 + domain as u8,
        }
    }

    /// The kind of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => AccountKind::Cash,
            2 => AccountKind::Source,
            3 => AccountKind::Stakes,
            4 => AccountKind::Winnings,
            5 => AccountKind::Grants,
            6 => AccountKind::Bonus,
            7 => AccountKind::Corrections,
            8 => AccountKind::Results,
            _ => AccountKind::Clearing(Domain::from_number(number.checked_sub(16)?)?),
        })
    }

    /// The least that the account may have available (`L2`), minor units; `None` for the operator's accounts, which may
    /// be negative.
    #[must_use]
    pub fn floor(self) -> Option<i128> {
        self.is_opened().then_some(0)
    }

    /// Whether the account must be opened before its first use, and has a floor (`L2`). The operator's accounts are opened
    /// by their first use.
    #[must_use]
    pub fn is_opened(self) -> bool {
        match self {
            AccountKind::Cash | AccountKind::Bonus => true,
            AccountKind::Clearing(_)
            | AccountKind::Source
            | AccountKind::Stakes
            | AccountKind::Winnings
            | AccountKind::Grants
            | AccountKind::Corrections
            | AccountKind::Results => false,
        }
    }

    /// The kinds of owners that such an account can have.
    #[must_use]
    pub fn owners(self) -> &'static [OwnerKind] {
        match self {
            AccountKind::Cash => &[
                OwnerKind::Player,
                OwnerKind::Agent,
                OwnerKind::Merchant,
                OwnerKind::Gateway,
                OwnerKind::Provider,
            ],
            AccountKind::Bonus => &[OwnerKind::Player],
            AccountKind::Source => &[OwnerKind::House, OwnerKind::Merchant, OwnerKind::Gateway],
            AccountKind::Results => &[OwnerKind::Game],
            AccountKind::Clearing(_)
            | AccountKind::Stakes
            | AccountKind::Winnings
            | AccountKind::Grants
            | AccountKind::Corrections => &[OwnerKind::House],
        }
    }
}

/// Identifies an account within its domain's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// What it is for.
    pub kind: AccountKind,
    /// Who it belongs to.
    pub owner: Owner,
    /// Its currency.
    pub currency: Currency,
}

impl AccountId {
    /// An account of the operator.
    #[must_use]
    pub fn house(kind: AccountKind, currency: Currency) -> Self {
        Self { kind, owner: Owner::HOUSE, currency }
    }

    /// A player's cash.
    #[must_use]
    pub fn cash(player: PlayerId, currency: Currency) -> Self {
        Self { kind: AccountKind::Cash, owner: player.into(), currency }
    }

    /// A player's bonus money.
    #[must_use]
    pub fn bonus(player: PlayerId, currency: Currency) -> Self {
        Self { kind: AccountKind::Bonus, owner: player.into(), currency }
    }
}

impl AccountId {
    /// Whether its owner is of a kind that such accounts have.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.kind.owners().contains(&self.owner.kind())
    }
}

/// The four sums of an account, in minor units. The posted sums only grow; the pending ones also fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Sum of posted debits.
    pub debits: i128,
    /// Sum of posted credits.
    pub credits: i128,
    /// Sum of open holds that will debit this account.
    pub debits_pending: i128,
    /// Sum of open holds that will credit this account.
    pub credits_pending: i128,
}

impl Account {
    /// The account with this balance, of which so much is held. How much was ever debited and credited, and what it will be
    /// credited, are not known of it; a decision only asks whether these sums are below [`SUM_MAX`].
    #[must_use]
    pub fn with_balance(balance: i128, held: i128) -> Self {
        let (debits, credits) = if balance < 0 { (-balance, 0) } else { (0, balance) };
        Self { debits, credits, debits_pending: held, credits_pending: 0 }
    }

    /// Posted balance as the owner sees it: credits less debits.
    #[must_use]
    pub fn posted(&self) -> i128 {
        self.credits - self.debits
    }

    /// What can still be debited: posted less held. Pending credits do not count.
    #[must_use]
    pub fn available(&self) -> i128 {
        self.posted() - self.debits_pending
    }

    /// Whether every sum, with all open holds posted, is at most [`SUM_MAX`]. Checked also when a hold is made, so that
    /// a hold can always be posted.
    pub(crate) fn fits(&self) -> bool {
        let fits = |posted: i128, pending: i128| {
            posted <= SUM_MAX && pending <= SUM_MAX && posted + pending <= SUM_MAX
        };
        fits(self.debits, self.debits_pending) && fits(self.credits, self.credits_pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that is added does not compile here before it has a place, and fails here until it is in the list.
    #[test]
    fn every_kind_is_in_the_list_but_the_clearing_accounts() {
        let place = |kind| match kind {
            AccountKind::Cash => Some(0),
            AccountKind::Source => Some(1),
            AccountKind::Stakes => Some(2),
            AccountKind::Winnings => Some(3),
            AccountKind::Grants => Some(4),
            AccountKind::Bonus => Some(5),
            AccountKind::Corrections => Some(6),
            AccountKind::Results => Some(7),
            AccountKind::Clearing(_) => None,
        };
        let numbered = (0..=u8::MAX).filter_map(AccountKind::from_number);
        assert!(numbered.filter_map(place).eq(0..AccountKind::ALL.len()), "each has a number in the log");
        assert!(AccountKind::ALL.into_iter().map(place).eq((0..AccountKind::ALL.len()).map(Some)));
    }
}
