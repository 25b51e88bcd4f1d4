//! The invariants as predicates. Tests, the simulation, `hub verify` and live checks share them.
//!
//! Two forms: of a whole ledger, for the start and `hub verify`, and of what one transaction changes, before its
//! record is queued and whenever it is applied. The second looks only at the accounts that the transaction touches.

use std::collections::BTreeMap;

use protocol::Currency;
use rustc_hash::FxHashMap;

use crate::{Account, AccountId, AccountKind, Change, Changes, Domain, HoldId, Ledger};

/// An invariant that does not hold: a bug of the hub or a damaged log, never a user's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// `L1`: debits and credits of a currency differ.
    #[error("L1: in {currency}, debits are {debits} and credits {credits}")]
    Conservation {
        /// The currency that does not balance.
        currency: Currency,
        /// Sum of posted and pending debits.
        debits: i128,
        /// Sum of posted and pending credits.
        credits: i128,
    },
    /// `L2`: an account has less available than its floor.
    #[error("L2: {account:?} has {available} available, below its floor")]
    Overdraft {
        /// The account.
        account: AccountId,
        /// What it has available, minor units: below its floor.
        available: i128,
    },
    /// `L3`: a hold has ended and is still open.
    #[error("L3: hold {:032x} has ended and is open all the same", .0.0)]
    EndedTwice(HoldId),
    /// `L4`: an account's pending amounts are not the sums of its open holds.
    #[error("L4: {account:?} has {pending:?} pending, its holds sum up to {holds:?}")]
    PendingDiffers {
        /// The account.
        account: AccountId,
        /// The account's pending debits and credits.
        pending: (i128, i128),
        /// The same from the open holds.
        holds: (i128, i128),
    },
    /// `L1`: the clearing accounts of two domains do not mirror each other.
    #[error("L1: clearing between {0:?} and {1:?} does not net to zero")]
    Clearing(Domain, Domain),
}

/// `L1`: over all accounts of a ledger, per currency, debits equal credits, posted and pending.
pub fn conservation(ledger: &Ledger) -> Result<(), Violation> {
    let mut sums: BTreeMap<Currency, Sums> = BTreeMap::new();
    for (id, account) in ledger.accounts() {
        sums.entry(id.currency).or_default().add(&account);
    }
    sums.into_iter().try_for_each(|(currency, sums)| sums.balance(currency))
}

/// Sums over accounts of one currency, minor units.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    debits: i128,
    credits: i128,
    debits_pending: i128,
    credits_pending: i128,
}

impl Sums {
    fn add(&mut self, account: &Account) {
        self.debits += account.debits;
        self.credits += account.credits;
        self.debits_pending += account.debits_pending;
        self.credits_pending += account.credits_pending;
    }

    fn take(&mut self, account: &Account) {
        self.debits -= account.debits;
        self.credits -= account.credits;
        self.debits_pending -= account.debits_pending;
        self.credits_pending -= account.credits_pending;
    }

    fn balance(self, currency: Currency) -> Result<(), Violation> {
        let Self { debits, credits, debits_pending, credits_pending } = self;
        if debits == credits && debits_pending == credits_pending {
            return Ok(());
        }
        let (debits, credits) = (debits + debits_pending, credits + credits_pending);
        Err(Violation::Conservation { currency, debits, credits })
    }
}

/// `L2`: no account has less available than its floor.
pub fn no_overdraft(ledger: &Ledger) -> Result<(), Violation> {
    ledger.accounts().try_for_each(|(id, account)| above_floor(id, &account))
}

fn above_floor(id: &AccountId, account: &Account) -> Result<(), Violation> {
    match id.kind.floor() {
        Some(floor) if account.available() < floor => {
            Err(Violation::Overdraft { account: *id, available: account.available() })
        }
        Some(_) | None => Ok(()),
    }
}

/// `L1` and `L2` of what one leg changes in its ledger: per currency it debits what it credits, posted and pending,
/// and no account it touches ends below its floor.
pub fn of_leg(changes: &Changes) -> Result<(), Violation> {
    // Nearly every leg has one currency, the first account's: only the others need a list.
    let Some(first) = changes.accounts().next().map(|(id, _)| id.currency) else { return Ok(()) };
    let (mut sums, mut others) = (Sums::default(), Vec::<(Currency, Sums)>::new());
    for (id, Change { before, after }) in changes.accounts() {
        above_floor(id, after)?;
        let sums = if id.currency == first { &mut sums } else { of_currency(&mut others, id.currency) };
        sums.add(after);
        if let Some(before) = before {
            sums.take(before);
        }
    }
    sums.balance(first)?;
    others.into_iter().try_for_each(|(currency, sums)| sums.balance(currency))
}

fn of_currency(sums: &mut Vec<(Currency, Sums)>, currency: Currency) -> &mut Sums {
    let place = sums.iter().position(|(known, _)| *known == currency).unwrap_or_else(|| {
        sums.push((currency, Sums::default()));
        sums.len() - 1
    });
    &mut sums[place].1
}

/// `L1` across domains, of what one transaction changes: when a domain's clearing account towards another domain
/// moves, the other domain's clearing account moves back by the same amount.
pub fn legs_clear(legs: &[(Domain, Changes)]) -> Result<(), Violation> {
    let mut open: Vec<(Domain, Domain, Currency, i128)> = Vec::new();
    for (of, changes) in legs {
        for (id, change) in changes.accounts() {
            let AccountKind::Clearing(with) = id.kind else { continue };
            let (one, other) = ((*of).min(with), (*of).max(with));
            let moved = change.after.posted() - change.before.unwrap_or_default().posted();
            let known = |(a, b, currency, _): &&mut (Domain, Domain, Currency, i128)| {
                (*a, *b, *currency) == (one, other, id.currency)
            };
            match open.iter_mut().find(known) {
                Some((_, _, _, sum)) => *sum += moved,
                None => open.push((one, other, id.currency, moved)),
            }
        }
    }
    match open.into_iter().find(|(_, _, _, sum)| *sum != 0) {
        Some((one, other, _, _)) => Err(Violation::Clearing(one, other)),
        None => Ok(()),
    }
}

/// `L3`: a hold that has ended is not open any more, so it cannot end again.
pub fn has_ended(ledger: &Ledger, hold: HoldId) -> Result<(), Violation> {
    match ledger.hold(hold) {
        Some(_) => Err(Violation::EndedTwice(hold)),
        None => Ok(()),
    }
}

/// `L4`: pending amounts are the sums of the open holds.
pub fn pending_is_held(ledger: &Ledger) -> Result<(), Violation> {
    let mut sums: FxHashMap<AccountId, (i128, i128)> = FxHashMap::default();
    for transfer in ledger.holds().flat_map(|(_, hold)| hold.transfers()) {
        sums.entry(transfer.debit).or_default().0 += transfer.amount;
        sums.entry(transfer.credit).or_default().1 += transfer.amount;
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

/// `L1` across domains: the clearing accounts of two domains towards each other add up to zero, in each currency.
pub fn clearing_nets_to_zero<'a>(ledger_of: impl Fn(Domain) -> &'a Ledger) -> Result<(), Violation> {
    let clearing = |of: Domain, with: Domain| -> BTreeMap<Currency, i128> {
        let kind = AccountKind::Clearing(with);
        let accounts = ledger_of(of).accounts().filter(|(id, _)| id.kind == kind);
        accounts
            .map(|(id, account)| (id.currency, account.posted()))
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

#[cfg(test)]
mod tests {
    use protocol::PlayerId;

    use super::*;

    const CLEARING: AccountKind = AccountKind::Clearing(Domain::Collections);

    fn eur() -> Currency {
        "EUR".parse().expect("a currency")
    }

    /// Changes that no correct ledger makes.
    fn changes(accounts: &[(AccountId, Option<Account>, Account)]) -> Changes {
        let mut changes = Changes::default();
        for (id, before, after) in accounts {
            changes.accounts.put(*id, Change { before: *before, after: *after });
        }
        changes
    }

    fn credit(credits: i128) -> Account {
        Account { credits, ..Account::default() }
    }

    fn debit(debits: i128) -> Account {
        Account { debits, ..Account::default() }
    }

    #[test]
    fn a_leg_that_credits_more_than_it_debits_is_found_by_what_it_changes() {
        let cash = AccountId::cash(PlayerId(1), eur());
        let clearing = AccountId::house(CLEARING, eur());
        let leg = |after| changes(&[(cash, Some(credit(7)), credit(12)), (clearing, Some(debit(7)), after)]);
        assert_eq!(of_leg(&leg(debit(12))), Ok(()));
        let conservation = Violation::Conservation { currency: eur(), debits: 4, credits: 5 };
        assert_eq!(of_leg(&leg(debit(11))), Err(conservation));
        let pending = |debits_pending| Account { debits: 12, debits_pending, ..Account::default() };
        assert!(matches!(of_leg(&leg(pending(1))), Err(Violation::Conservation { debits: 6, .. })));
        let pending = Account { debits: 12, credits_pending: 2, ..Account::default() };
        assert!(matches!(of_leg(&leg(pending)), Err(Violation::Conservation { credits: 7, .. })));
    }

    #[test]
    fn two_currencies_never_balance_each_other() {
        let dollars =
            AccountId { currency: "USD".parse().expect("a currency"), ..AccountId::house(CLEARING, eur()) };
        let leg =
            changes(&[(AccountId::cash(PlayerId(1), eur()), None, credit(5)), (dollars, None, debit(5))]);
        assert!(matches!(of_leg(&leg), Err(Violation::Conservation { debits: 0, credits: 5, .. })));
        let clearing = AccountId::house(CLEARING, eur());
        let balanced = [(AccountId::cash(PlayerId(1), eur()), None, credit(5)), (clearing, None, debit(5))];
        let [one, other] = balanced;
        assert_eq!(of_leg(&changes(&[one, other])), Ok(()));
        let alone = changes(&[one, other, (dollars, None, debit(3))]);
        let currency = dollars.currency;
        assert_eq!(of_leg(&alone), Err(Violation::Conservation { currency, debits: 3, credits: 0 }));
    }

    #[test]
    fn an_account_below_its_floor_is_found_and_the_house_has_none() {
        let clearing = AccountId::house(CLEARING, eur());
        for owned in [AccountId::cash(PlayerId(1), eur()), AccountId::bonus(PlayerId(1), eur())] {
            let leg = changes(&[(owned, None, debit(1)), (clearing, None, credit(1))]);
            assert_eq!(of_leg(&leg), Err(Violation::Overdraft { account: owned, available: -1 }));
        }
        let source = AccountId::house(AccountKind::Source, eur());
        assert_eq!(of_leg(&changes(&[(source, None, debit(1)), (clearing, None, credit(1))])), Ok(()));
    }

    #[test]
    fn clearing_that_is_not_mirrored_is_found_by_what_the_legs_change() {
        let leg = |domain, with, before, after| {
            (domain, changes(&[(AccountId::house(AccountKind::Clearing(with), eur()), Some(before), after)]))
        };
        let balance = || leg(Domain::Balance, Domain::Collections, debit(100), debit(107));
        let other = |domain, credits| leg(domain, Domain::Balance, credit(100), credit(credits));
        let clearing = Err(Violation::Clearing(Domain::Balance, Domain::Collections));
        assert_eq!(legs_clear(&[balance(), other(Domain::Collections, 107)]), Ok(()));
        assert_eq!(legs_clear(&[balance(), other(Domain::Collections, 106)]), clearing);
        assert_eq!(legs_clear(&[balance()]), clearing, "one side alone");
        let moved = leg(Domain::Collections, Domain::Balance, credit(50), credit(57));
        assert_eq!(legs_clear(&[balance(), moved]), Ok(()), "what moves counts, not what was there");
        assert!(legs_clear(&[balance(), other(Domain::Distributions, 107)]).is_err(), "with another domain");
    }
}
