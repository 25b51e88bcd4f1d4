//! Random moves: deciding, applying and the invariants must agree after every step.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ledger::{
    Account, AccountId, AccountKind, Digests, Domain, Drafted, Hold, HoldId, Ledger, Leg, Move, Prover,
    Purpose, Rejection, SUM_MAX, Source, Transfer, invariant,
};
use proptest::prelude::*;
use protocol::PlayerId;

fn account() -> impl Strategy<Value = AccountId> {
    let currency = prop_oneof![9 => Just("EUR"), 1 => Just("USD")];
    (0..7_u8, currency).prop_map(|(place, currency)| {
        let currency = currency.parse().unwrap();
        match place {
            0..4 => AccountId::cash(PlayerId(place.into()), currency),
            4 => AccountId::house(AccountKind::Clearing(Domain::Collections), currency),
            5 => AccountId::house(AccountKind::Stakes, currency),
            _ => AccountId::house(AccountKind::Source, currency),
        }
    })
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let amount = prop_oneof![
        20 => 1..50_i128,
        1 => -5..=0_i128,
        1 => Just(SUM_MAX - 20),
        1 => Just(i128::MAX),
        1 => Just(i128::MIN),
    ];
    (account(), account(), amount).prop_map(|(debit, credit, amount)| Transfer { debit, credit, amount })
}

fn change() -> impl Strategy<Value = Move> {
    let hold = || (0..12_u128).prop_map(HoldId);
    prop_oneof![
        2 => account().prop_map(Move::Open),
        4 => transfer().prop_map(Move::Post),
        4 => (hold(), made()).prop_map(|(id, made)| Move::Hold(id, Arc::new(made))),
        2 => hold().prop_map(Move::PostHold),
        2 => hold().prop_map(Move::VoidHold),
    ]
}

fn made() -> impl Strategy<Value = Hold> {
    let more = prop::collection::vec((account(), 0..40_i128), 0..3);
    let expires = prop::option::weighted(0.5, 0..20_u64);
    (transfer(), more, expires).prop_map(|(transfer, more, expires)| {
        let more = more.into_iter().map(|(account, amount)| Source { account, amount }).collect();
        let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
        Hold { more, expires, ..hold }
    })
}

/// The hold that is the first to end by itself, found by looking at each.
fn next_expiry(ledger: &Ledger) -> Option<(u64, HoldId)> {
    ledger.holds().filter_map(|(id, hold)| Some((hold.expires?, id))).min()
}

/// The digest of a ledger that was built from the state alone, without the moves that led to it.
fn digest_from_scratch(ledger: &Ledger) -> Digests {
    let mut copy = Ledger::default();
    ledger.accounts().for_each(|(id, account)| copy.put(*id, account));
    ledger.holds().for_each(|(id, hold)| copy.put_hold(id, hold.clone()));
    copy.digests()
}

fn accounts(ledger: &Ledger) -> BTreeMap<AccountId, (i128, i128, i128, i128)> {
    let sums = |account: Account| {
        let Account { debits, credits, debits_pending, credits_pending, .. } = account;
        (debits, credits, debits_pending, credits_pending)
    };
    ledger.accounts().map(|(id, account)| (*id, sums(account))).collect()
}

proptest! {
    #[test]
    fn whatever_is_decided_applies_and_every_invariant_holds(
        legs in prop::collection::vec(prop::collection::vec(change(), 1..4), 1..60),
    ) {
        let mut ledger = Ledger::default();
        let mut replayed = Ledger::default();
        let mut ended: BTreeSet<HoldId> = BTreeSet::new();
        for moves in legs {
            let before = (accounts(&ledger), ledger.digests());
            let mut draft = ledger.draft();
            let mut taken = Vec::new();
            for change in moves {
                if draft.add(change.clone()).is_ok() {
                    taken.push(change);
                }
            }
            // A refused move must not change the draft: the other moves must apply without it.
            let expected: Vec<_> = accounts(&ledger).keys().copied().chain(taken.iter().flat_map(touched)).map(|id| {
                let account = draft.account(&id);
                (id, account)
            }).collect();
            let Drafted { leg, changes } = draft.finish();
            prop_assert_eq!(&leg.moves, &taken);
            prop_assert_eq!(invariant::of_leg(&changes), Ok(()));
            let recorded = ledger.changes_of(&leg).unwrap();
// A refused move may have read an account that no other move touches.
            prop_assert!(recorded.accounts().all(|(id, change)| changes.account(id) == Some(change)));
            prop_assert_eq!((accounts(&ledger), ledger.digests()), before);

            ledger.apply(&leg).unwrap();
            replayed.apply(&leg).unwrap();
            for (id, account) in expected {
                prop_assert_eq!(ledger.account(&id), account);
            }
            for change in &leg.moves {
                match change {
                    Move::PostHold(id) | Move::VoidHold(id) => { ended.insert(*id); }
                    Move::Hold(id, _) => { ended.remove(id); }
                    Move::Open(_) | Move::Post(_) => {}
                }
            }
            prop_assert!(ended.iter().all(|id| ledger.hold(*id).is_none() && is_over(&ledger, *id)));
            invariant::all(&ledger).unwrap();
            prop_assert_eq!(ledger.digests(), digest_from_scratch(&ledger));
            prop_assert_eq!(ledger.next_expiry(), next_expiry(&ledger));
        }
        prop_assert_eq!(replayed.digests(), ledger.digests());
    }

    /// A log may contain any leg: applying it is refused, or keeps the invariants, and never panics.
    #[test]
    fn an_arbitrary_leg_is_refused_or_keeps_the_invariants(
        moves in prop::collection::vec(change(), 1..40),
    ) {
        let mut ledger = Ledger::default();
        for change in moves {
            let refused = ledger.draft().add(change.clone()).err();
            let applied = ledger.apply(&Leg { moves: vec![change.clone()] });
            match refused {
                Some(_) => {
                    prop_assert!(applied.is_err(), "{:?} is refused when decided and applied all the same", change);
                    return Ok(()); // as documented, the ledger is of no use any more
                }
                None => applied.unwrap(),
            }
            invariant::all(&ledger).unwrap();
        }
    }
}

fn touched(change: &Move) -> Vec<AccountId> {
    match change {
        Move::Open(id) => vec![*id],
        Move::Post(transfer) => vec![transfer.debit, transfer.credit],
        Move::Hold(_, hold) => hold.sources().map(|source| source.account).chain([hold.credit]).collect(),
        Move::PostHold(_) | Move::VoidHold(_) => Vec::new(),
    }
}

fn is_over(ledger: &Ledger, id: HoldId) -> bool {
    [Move::PostHold(id), Move::VoidHold(id)]
        .into_iter()
        .all(|change| ledger.draft().add(change) == Err(Rejection::HoldNotOpen))
}

#[test]
fn each_predicate_finds_its_violation() {
    let currency = "EUR".parse().unwrap();
    let cash = AccountId::cash(PlayerId(1), currency);
    let stakes = AccountId::house(AccountKind::Stakes, currency);
    let with = |changes: &[(AccountId, Account)]| {
        let mut ledger = Ledger::default();
        changes.iter().for_each(|(id, account)| ledger.put(*id, *account));
        ledger
    };
    let credit = |credits| Account { credits, ..Account::default() };
    let debit = |debits| Account { debits, ..Account::default() };
    assert_eq!(invariant::all(&with(&[(cash, credit(5)), (stakes, debit(5))])), Ok(()));
    let off = invariant::all(&with(&[(cash, credit(5)), (stakes, debit(4))]));
    assert!(matches!(off, Err(invariant::Violation::Conservation { debits: 4, credits: 5, .. })), "{off:?}");
    let below = invariant::all(&with(&[(cash, debit(5)), (stakes, credit(5))]));
    assert!(matches!(below, Err(invariant::Violation::Overdraft { available: -5, .. })), "{below:?}");
    let transfer = Transfer { debit: stakes, credit: cash, amount: 3 };
    let mut unheld = with(&[(cash, credit(5)), (stakes, debit(5))]);
    unheld.put_hold(HoldId(1), Arc::new(Hold::on(Purpose::Stake, Prover::Domain(Domain::Balance), transfer)));
    let unheld = invariant::all(&unheld);
    assert!(matches!(unheld, Err(invariant::Violation::PendingDiffers { .. })), "{unheld:?}");
}
