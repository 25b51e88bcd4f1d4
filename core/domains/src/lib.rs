//! The state machines of the five money domains, and the recipes that span them.
//!
//! A domain owns its ledger and decides its commands: [`Command::decide`] reads the state before the transaction, and adds
//! moves and rows to what it makes. Each domain has one file with its commands; what is common to all is in
//! [`StateMachine`]. A [`recipe`](recipes) is one business event: it says which commands each domain gets. Applying is the
//! same for all: a leg is posted by its ledger, and an image of a row replaces the row.
//!
//! Money moves from one domain to another over a pair of clearing accounts that mirror each other. So each domain's
//! ledger balances by itself, and all clearing accounts together add up to zero.
//!
//! Pure: the actors that host these state machines live in `actors`, the turn that runs a recipe in `engine`.

pub mod acknowledged;
pub mod adjustment;
pub mod approval;
pub mod approval_rules;
pub mod balance;
pub mod balance_rule;
pub mod calendar;
mod cause;
pub mod collections;
pub mod correction;
pub mod decide;
pub mod distributions;
pub mod exclusion;
mod fields;
pub mod free_play;
pub mod freeze;
pub mod limit_rules;
pub mod limits;
mod machine;
mod notice;
pub mod operator_act;
pub mod play_session;
mod principal;
pub mod protection;
pub mod recent;
pub mod recipe;
pub mod recipes;
pub mod results;
pub mod reversal;
pub mod rows;
pub mod rules;
pub mod session_rules;
mod settlement;

use ledger::{Domain, Ledger};

pub use balance::Balance;
pub use cause::{
    NotAReason, NotAReference, PaymentCause, REASON_BYTES_MAX, REFERENCE_BYTES_MAX, ReasonCode, Reference,
};
pub use decide::{Command, Context, Effects, RefusedBy, View};
pub use fields::{Field, Fields};
pub use machine::{Accounts, StateMachine};
pub(crate) use machine::{clearing, open, post};
pub use notice::{Funds, Notice, RoundEnd, What};
pub use principal::{Principal, PrincipalKind};
pub use recipe::{Intent, Recipe};
pub use rows::{
    Row, RowImage, RowKind, Rows,
    owner_name::{NotAnOwnerName, OwnerName},
};
pub use settlement::PlayerSettlement;

/// Every kind of row that this release has.
pub const KINDS: &[RowKind] = &[
    RowKind::of::<freeze::Freeze>(),
    RowKind::of::<rules::RulesRow>(),
    RowKind::of::<rows::owner_name::OwnerName>(),
    RowKind::of::<exclusion::Exclusion>(),
    RowKind::of::<protection::Protection>(),
    RowKind::of::<acknowledged::Acknowledged>(),
    RowKind::of::<approval::Proposal>(),
    RowKind::of::<approval_rules::ApprovalRules>(),
    RowKind::of::<approval::EndedProposal>(),
    RowKind::of::<reversal::Reversed>(),
    RowKind::of::<play_session::PlaySession>(),
    RowKind::of::<session_rules::SessionRules>(),
    RowKind::of::<limits::PlayerLimits>(),
    RowKind::of::<limit_rules::LimitRules>(),
    RowKind::of::<balance_rule::BalanceRule>(),
];

/// The five domains together, as the turn, replay and the simulation use them.
#[derive(Debug, Clone, Default)]
pub struct Domains {
    /// Player accounts.
    pub balance: balance::Balance,
    /// Payments in, and stakes taken.
    pub collections: collections::Collections,
    /// Winnings and payouts.
    pub distributions: distributions::Distributions,
    /// Bonus money.
    pub free_play: free_play::FreePlay,
    /// Corrections.
    pub adjustment: adjustment::Adjustment,
    /// The rows of all domains.
    pub rows: Rows,
}

impl Domains {
    /// The ledger of a domain.
    #[must_use]
    pub fn ledger(&self, domain: Domain) -> &Ledger {
        match domain {
            Domain::Balance => self.balance.ledger(),
            Domain::Collections => self.collections.ledger(),
            Domain::Distributions => self.distributions.ledger(),
            Domain::FreePlay => self.free_play.ledger(),
            Domain::Adjustment => self.adjustment.ledger(),
        }
    }

    /// The ledger of a domain, to apply and to restore.
    pub fn ledger_mut(&mut self, domain: Domain) -> &mut Ledger {
        match domain {
            Domain::Balance => self.balance.ledger_mut(),
            Domain::Collections => self.collections.ledger_mut(),
            Domain::Distributions => self.distributions.ledger_mut(),
            Domain::FreePlay => self.free_play.ledger_mut(),
            Domain::Adjustment => self.adjustment.ledger_mut(),
        }
    }
}

impl View for Domains {
    fn ledger(&self, domain: Domain) -> &Ledger {
        Domains::ledger(self, domain)
    }

    fn rows(&self) -> &Rows {
        &self.rows
    }
}
