//! The invariants that are proven of a transaction before its record is queued, and again whenever it is applied.
//!
//! The turn proves what its recipe has decided. So a wrong recipe costs one refused envelope, and no record is
//! acknowledged that the next start would refuse. `apply` proves the same of a recorded transaction, so that a log
//! with a wrong record is refused at that record. Both look only at the accounts that the transaction touches.

use domains::{Balance, Funds};
use ledger::{AccountId, Change, Changes, Domain};

use crate::{
    books::Books,
    invariant::{Violation, no_effect_yet},
    record::Committed,
};

/// Proves a transaction on the state before it; `legs` is what its legs change there.
///
/// # Errors
/// The first invariant that would not hold: `E1`, `L1`, `L2`, `E4`.
pub(crate) fn prove(
    books: &Books,
    committed: &Committed,
    legs: &[(Domain, Changes)],
) -> Result<(), Violation> {
    no_effect_yet(books, committed.id)?;
    if committed.key.is_some() && committed.receipt(0).is_none() {
        return Err(Violation::NoReceipt(committed.id));
    }
    if !legs.is_sorted_by(|(one, _), (other, _)| one < other) {
        return Err(Violation::SecondLeg(committed.id));
    }
    for (_, changes) in legs {
        ledger::invariant::of_leg(changes)?;
    }
    ledger::invariant::legs_clear(legs)?;
    let balance = legs.iter().find(|(domain, _)| *domain == Domain::Balance).map(|(_, changes)| changes);
    told_is_done(&books.domains().balance, committed, balance)
}

/// `E4`: the funds in each notice, before and after, are those that the balance domain has and will have.
fn told_is_done(
    balance: &Balance,
    committed: &Committed,
    changes: Option<&Changes>,
) -> Result<(), Violation> {
    for notice in &committed.notices {
        let cash = AccountId::cash(notice.player, notice.currency);
        let (before, after) = match changes.and_then(|changes| changes.account(&cash)) {
            Some(Change { before, after }) => {
                (before.as_ref().map(Funds::from).unwrap_or_default(), Funds::from(after))
            }
            None => {
                let untouched = balance.funds(notice.player, notice.currency).unwrap_or_default();
                (untouched, untouched)
            }
        };
        for (when, recorded, found) in [("before", notice.before, before), ("after", notice.after, after)] {
            if recorded != found {
                return Err(Violation::Told { player: notice.player, when, recorded, found });
            }
        }
    }
    Ok(())
}
