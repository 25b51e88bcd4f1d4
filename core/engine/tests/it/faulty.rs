//! Deliberately wrong recipes: each is refused before a record is queued, by the invariant that would not hold, and
//! nothing changes.
//!
//! The table of violations is exhaustive: a new one does not compile without a line here, and a line that says a wrong
//! recipe can break the invariant needs a case that does. So is the table of the ledger's rejections.

mod cases;
mod proposals;
mod recipe;
mod rejections;
mod tables;

use domains::Effects;
use engine::{
    ApplyError, Asked, Body, Books, Committed, Content, Envelope, Principal, Record, Turn, Tx, Verdict,
    invariant::Violation,
};
use ledger::invariant::Violation as Ledger;
use protocol::ErrorCode;

use self::{
    cases::CASES,
    recipe::{Case, Faulty, ID, Level, PLAYER, context},
    tables::{DIFFERENCES, TABLES},
};
use crate::rig::{Rig, done, eur};

/// How an invariant can be broken by what the money thread is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// By a case of this level.
    By(Level),
    /// By none, and why not.
    Never(&'static str),
}

macro_rules! violations {
    ($($violation:pat => $name:literal, $reach:expr;)*) => {
        /// The name of a violation.
        fn name(violation: &Violation) -> &'static str {
            match violation {
                $($violation => $name,)*
            }
        }

        const VIOLATIONS: &[(&str, Reach)] = &[$(($name, $reach)),*];
    };
}

const BY_RECIPE: Reach = Reach::By(Level::Recipe);
const BY_ENVELOPE: Reach = Reach::By(Level::Envelope);
/// [`domains::decide::Deciding`] lets no recipe do it: it is broken in the effects behind it.
const BY_EFFECTS: Reach = Reach::By(Level::Effects);

violations! {
    Violation::Ledger(Ledger::Conservation { .. }) => "Conservation",
        Reach::Never("a move of a draft debits what it credits; broken sums are in core/ledger/src/invariant.rs");
    Violation::Ledger(Ledger::Overdraft { .. }) => "Overdraft",
        Reach::Never("a draft refuses the move, see InsufficientFunds among the rejections");
    Violation::Ledger(Ledger::EndedTwice(_)) => "EndedTwice",
        Reach::Never("a draft refuses the move, see HoldNotOpen among the rejections");
    Violation::Ledger(Ledger::PendingDiffers { .. }) => "PendingDiffers",
        Reach::Never("a draft changes pending sums together with a hold, and only a pass over all accounts finds it");
    Violation::Ledger(Ledger::Clearing(..)) => "Clearing", BY_RECIPE;
    Violation::SecondEffect(_) => "SecondEffect", BY_ENVELOPE;
    Violation::Unreadable(_) => "Unreadable",
        Reach::Never("a recipe does not read the state store");
    Violation::StepRenamed(_) => "StepRenamed", BY_ENVELOPE;
    Violation::SecondLeg(_) => "SecondLeg", BY_EFFECTS;
    Violation::Participant { .. } => "Participant", BY_RECIPE;
    Violation::KeyOfNobody(_) => "KeyOfNobody", BY_ENVELOPE;
    Violation::RowTwice(_) => "RowTwice", BY_EFFECTS;
    Violation::RowOfAnother { .. } => "RowOfAnother", BY_RECIPE;
    Violation::RulesDiffer(_) => "RulesDiffer", BY_RECIPE;
    Violation::RulesInMidRound(_) => "RulesInMidRound", BY_RECIPE;
    Violation::OtherRound(_) => "OtherRound",
        Reach::Never("whether a round may open or end, its table knows; only a look at all tables finds it");
    Violation::OtherPastRound(_) => "OtherPastRound",
        Reach::Never("how a round ends, its table knows; only a look at all tables finds it");
    Violation::NoReceipt(_) => "NoReceipt", BY_RECIPE;
    Violation::HoldWithoutBet(_) => "HoldWithoutBet", BY_RECIPE;
    Violation::BetWithoutHold { .. } => "BetWithoutHold",
        Reach::Never("a bet is recorded with the hold that it makes; only a look at all tables finds it");
    Violation::HoldOfTwoBets(_) => "HoldOfTwoBets",
        Reach::Never("a hold is named after its transaction, and ids are used once");
    Violation::LegDiffers { .. } => "LegDiffers", BY_RECIPE;
    Violation::TooLong { .. } => "TooLong", BY_ENVELOPE;
    Violation::Place { .. } => "Place", Reach::Never("it compares two copies of the state");
    Violation::Money(_) => "Money", Reach::Never("it compares two copies of the state");
    Violation::Table(_) => "Table", Reach::Never("it compares two copies of the state");
    Violation::ErasedTooEarly(_) => "ErasedTooEarly",
        Reach::Never("of a fact, not of a transaction; see erasure.rs");
    Violation::OfErased(_) => "OfErased",
        Reach::Never("the turn refuses what touches an erased player before it is proven; see erasure.rs");
    Violation::FactChanged { .. } => "FactChanged", Reach::Never("a fact is a record of its own");
    Violation::NotInUse(_) => "NotInUse",
        Reach::Never("the first use is recorded in the same turn, before the record");
    Violation::Told { .. } => "Told", BY_EFFECTS;
    Violation::Untold { .. } => "Untold", BY_RECIPE;
}

/// Every case with what it breaks.
fn cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter().chain(TABLES)
}

#[test]
fn every_invariant_that_a_wrong_recipe_can_break_has_one_that_does() {
    for (violation, reach) in VIOLATIONS {
        let mut levels = cases().filter(|case| case.breaks == *violation).map(|case| case.level);
        match reach {
            Reach::By(level) => assert!(levels.any(|found| found == *level), "{violation}: no case"),
            Reach::Never(why) => {
                assert_eq!(levels.next(), None, "{violation} is broken after all, not: {why}")
            }
        }
    }
}

#[test]
fn each_difference_of_a_leg_from_its_money_has_a_wrong_recipe() {
    for difference in DIFFERENCES {
        assert!(TABLES.iter().any(|case| case.says == *difference), "no case: {difference}");
    }
}

/// A hub whose players have money, with a round at a table and a bet of each of the two.
pub fn hub() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    done(rig.bet("b", 2, &[("red", &[], 50)]));
    rig
}

#[test]
fn each_wrong_recipe_is_refused_by_its_invariant_before_anything_is_recorded() {
    for case in cases() {
        let mut rig = hub();
        let state = |rig: &Rig| (rig.books.digest(), rig.books.lsn(), rig.books.time(), rig.books.keys());
        let (before, records) = (state(&rig), rig.log.len());
        let Envelope::Run(tx) = case.submitted() else { panic!("a transaction") };
        let known = rig.books.outcome(tx.id).unwrap();

        let violation = match case.spoils {
            None => match rig.books.turn(case.submitted(), rig.now) {
                Turn::Unproven(violation) => violation,
                turn => panic!("{}: {turn:?}", case.fault),
            },
            Some(spoil) => {
                let Tx { id, principal, key, intent, table, .. } = tx.clone();
                let mut effects = decided(&rig.books, &tx);
                spoil(&mut effects);
                let asked = Asked { id, principal, key, intent };
                rig.books.commit(asked, effects, table).map(drop).expect_err(case.fault)
            }
        };
        assert_eq!(name(&violation), case.breaks, "{}: {violation}", case.fault);
        assert!(violation.to_string().contains(case.says), "{}: {violation}", case.fault);

        // The whole way: the sender gets an answer, and there is nothing to append.
        if case.spoils.is_none() {
            assert_eq!(
                rig.submit(&case.submitted()),
                Verdict::Impossible(ErrorCode::Internal),
                "{}",
                case.fault
            );
        }
        // A log that has it is refused at that record. The journal itself takes no record that is too long.
        if case.breaks != "TooLong" {
            let record = Record { time: rig.books.time(), body: Body::Committed(forged(&rig.books, case)) };
            assert_eq!(
                rig.books.apply(&record),
                Err(ApplyError::Invariant(violation)),
                "{}: in a log",
                case.fault
            );
        }
        assert_eq!((state(&rig), rig.log.len()), (before, records), "{}: something has changed", case.fault);
        assert_eq!(rig.books.outcome(tx.id).unwrap(), known, "{}: the key is not as it was", case.fault);
        if known.is_none() {
            let deposit = domains::recipes::Deposit { player: PLAYER, currency: eur(), amount: 1 };
            let honest = Tx::new(tx.id, PLAYER.into(), Some(Content(1)), deposit);
            done(rig.submit(&Envelope::Run(honest)));
        }
    }
}

/// What the recipe of a case decides.
fn decided(books: &Books, tx: &Tx) -> Effects {
    tx.intent.decide(&context(books)).expect("no rule of the ledger is broken")
}

/// The record of a case, as a hub without proofs would have written it.
fn forged(books: &Books, case: &Case) -> Committed {
    let Envelope::Run(tx) = case.submitted() else { panic!("a transaction") };
    let mut effects = decided(books, &tx);
    if let Some(spoil) = case.spoils {
        spoil(&mut effects);
    }
    let Tx { id, principal, key, intent, table, .. } = tx;
    let Effects { legs, rows, notices } = effects;
    let legs = legs.into_iter().map(|(domain, drafted)| (domain, drafted.leg)).collect();
    Committed { id, principal, key, intent, legs, rows, notices, table }
}

/// Without this, each case could be refused for a reason that all of them share.
#[test]
fn a_recipe_of_the_same_kind_that_is_right_is_carried_out() {
    let mut rig = hub();
    let right = Faulty(|_, deciding| {
        recipe::credit(deciding, 10)?;
        recipe::capture(deciding, 10)?;
        recipe::tell(deciding)
    });
    done(rig.submit(&Envelope::Run(Tx::new(ID, PLAYER.into(), Some(Content(1)), right.clone()))));
    let own = Tx::new(engine::TxId(10), Principal::HUB, None, right);
    assert_eq!(rig.submit(&Envelope::Run(own)), Verdict::Done);
}
