//! The invariants as predicates. Tests, the simulation, `hub verify` and live checks share them.

use std::collections::BTreeMap;

use protocol::Currency;
use rustc_hash::FxHashMap;

use crate::{Account, AccountId, AccountKind, Domain, HoldId, Ledger};

/// An invariant that does not hold: ours to mend, never a user's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// `L1`.
    #[error("L1: in {currency}, debits are {debits} and credits {credits}")]
    Conservation {
        /// The currency that does not balance.
        currency: Currency,
        /// Sum of posted and pending debits.
        debits: i128,
        /// Sum of posted and pending credits.
        credits: i128,
    },
    /// `L2`.
    #[error("L2: {account:?} has {available} available")]
    Overdraft {
        /// The account.
        account: AccountId,
        /// What it has available: below zero.
        available: i128,
    },
    /// `L3`.
    #[error("L3: hold {:032x} has ended and is open all the same", .0.0)]
    EndedTwice(HoldId),
    /// `L4`.
    #[error("L4: {account:?} has {pending:?} pending, its holds sum up to {holds:?}")]
    PendingDiffers {
        /// The account.
        account: AccountId,
        /// The account's pending debits and credits.
        pending: (i128, i128),
        /// The same from the open holds.
        holds: (i128, i128),
    },
    /// The clearing accounts of two domains do not mirror each other.
    #[error("L1: clearing between {0:?} and {1:?} does not net to zero")]
    Clearing(Domain, Domain),
}

/// `L1`: over all accounts of a ledger, per currency, debits equal credits, posted and pending.
pub fn conservation(ledger: &Ledger) -> Result<(), Violation> {
    let mut sums: BTreeMap<Currency, [i128; 4]> = BTreeMap::new();
    for (id, account) in ledger.accounts() {
        let sum = sums.entry(id.currency).or_default();
        sum[0] += account.debits;
        sum[1] += account.credits;
        sum[2] += account.debits_pending;
        sum[3] += account.credits_pending;
    }
    for (currency, [debits, credits, debits_pending, credits_pending]) in sums {
        if debits != credits || debits_pending != credits_pending {
            return Err(Violation::Conservation {
                currency,
                debits: debits + debits_pending,
                credits: credits + credits_pending,
            });
        }
    }
    Ok(())
}

/// `L2`: no player's account is overdrawn.
pub fn no_overdraft(ledger: &Ledger) -> Result<(), Violation> {
    match ledger.accounts().find(|(id, account)| id.kind.is_players() && account.available() < 0) {
        Some((id, account)) => Err(Violation::Overdraft { account: *id, available: account.available() }),
        None => Ok(()),
    }
}

/// `L3`: a hold that has ended is open no more, and so cannot end again.
pub fn has_ended(ledger: &Ledger, hold: HoldId) -> Result<(), Violation> {
    match ledger.hold(hold) {
        Some(_) => Err(Violation::EndedTwice(hold)),
        None => Ok(()),
    }
}

/// `L4`: pending amounts are the sums of the open holds.
pub fn pending_is_held(ledger: &Ledger) -> Result<(), Violation> {
    let mut sums: FxHashMap<AccountId, (i128, i128)> = FxHashMap::default();
    for (_, hold) in ledger.holds() {
        sums.entry(hold.transfer.debit).or_default().0 += hold.transfer.amount;
        sums.entry(hold.transfer.credit).or_default().1 += hold.transfer.amount;
    }
    for (id, account) in ledger.accounts() {
        let pending = (account.debits_pending, account.credits_pending);
        let holds = sums.remove(id).unwrap_or_default();
        if pending != holds {
            return Err(Violation::PendingDiffers { account: *id, pending, holds });
        }
    }
    match sums.into_iter().next() {
        Some((account, holds)) => Err(Violation::PendingDiffers { account, pending: (0, 0), holds }),
        None => Ok(()),
    }
}

/// All invariants of one ledger.
pub fn all(ledger: &Ledger) -> Result<(), Violation> {
    conservation(ledger)?;
    no_overdraft(ledger)?;
    pending_is_held(ledger)
}

/// `L1` across domains: what one domain's clearing account owes another, the other's is owed.
pub fn clearing_nets_to_zero<'a>(ledger_of: impl Fn(Domain) -> &'a Ledger) -> Result<(), Violation> {
    let clearing = |of: Domain, with: Domain| -> BTreeMap<Currency, i128> {
        let kind = AccountKind::Clearing(with);
        let accounts = ledger_of(of).accounts().filter(|(id, _)| id.kind == kind);
        accounts
            .map(|(id, account): (_, &Account)| (id.currency, account.posted()))
            .filter(|(_, posted)| *posted != 0)
            .collect()
    };
    for one in Domain::ALL {
        for other in Domain::ALL.into_iter().filter(|other| *other > one) {
            let mut mirrored = clearing(other, one);
            mirrored.values_mut().for_each(|posted| *posted = -*posted);
            if clearing(one, other) != mirrored {
                return Err(Violation::Clearing(one, other));
            }
        }
    }
    Ok(())
}
