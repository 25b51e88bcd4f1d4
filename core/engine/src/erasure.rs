//! When a player may be erased (`E8`): while nothing of theirs is open.
//!
//! The log names players by random ids only. Who has an id stands in the people store, which forgets the person; the log
//! records that it did, so that a start on an older copy of the store does it again. What the log has of the player stays:
//! it proves the balances of others.

use domains::freeze::Freeze;
use ledger::{AccountId, AccountKind, Domain, OwnerKind};
use protocol::{Currency, PlayerId};

use crate::{books::Books, facts::Fact, invariant::Violation};

/// What keeps a player from being erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillOpen {
    /// A balance. Minor units; below zero when the player owes.
    Money {
        /// The domain that keeps it.
        domain: Domain,
        /// Its currency.
        currency: Currency,
        /// What stands on the account.
        posted: i128,
    },
    /// Money that is held, or will come when a hold ends. Minor units.
    Held {
        /// The domain that keeps it.
        domain: Domain,
        /// Its currency.
        currency: Currency,
        /// How much.
        amount: i128,
    },
    /// A freeze: a case that is not closed.
    Frozen {
        /// When it ends by itself, milliseconds since 1970; `None` until it is lifted.
        until: Option<u64>,
    },
}

impl Books {
    /// What keeps a player from being erased at a time, milliseconds since 1970; `None` for nothing. Who is to stay excluded
    /// may be frozen without an end: the exclusion takes the place of the freeze.
    #[must_use]
    pub fn still_open(&self, player: PlayerId, excluded: bool, now: u64) -> Option<StillOpen> {
        for (domain, id) in self.accounts_of(player) {
            let Some(account) = self.domains.ledger(domain).account(&id) else { continue };
            let (posted, currency) = (account.posted(), id.currency);
            if posted != 0 {
                return Some(StillOpen::Money { domain, currency, posted });
            }
            let amount = account.debits_pending + account.credits_pending;
            if amount != 0 {
                return Some(StillOpen::Held { domain, currency, amount });
            }
        }
        let freeze = Freeze::of(&self.domains.rows, player, now)?;
        let lasts = freeze.until.is_none() && excluded;
        (!lasts).then_some(StillOpen::Frozen { until: freeze.until })
    }

    /// Every account that a player may have.
    pub(crate) fn accounts_of(&self, player: PlayerId) -> Vec<(Domain, AccountId)> {
        let mut accounts = Vec::new();
        for domain in Domain::ALL {
            for currency in self.domains.ledger(domain).used().currencies.iter().copied() {
                let kinds = AccountKind::ALL.into_iter();
                let of_players = kinds.filter(|kind| kind.owners().contains(&OwnerKind::Player));
                let owner = player.into();
                accounts.extend(of_players.map(|kind| (domain, AccountId { kind, owner, currency })));
            }
        }
        accounts
    }

    /// `E8`: the record of an erasure comes while nothing of the player is open.
    ///
    /// # Errors
    /// When something is.
    pub(crate) fn erases_nothing_open(&self, fact: &Fact, now: u64) -> Result<(), Violation> {
        let Fact::Erased { player, excluded } = *fact else { return Ok(()) };
        match self.still_open(player, excluded, now) {
            Some(_) if !self.facts.says(fact) => Err(Violation::ErasedTooEarly(player)),
            Some(_) | None => Ok(()),
        }
    }
}
