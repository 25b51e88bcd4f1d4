//! Random requests: after every step the books are what the naive model of `model.rs` says, and so is their log.
//!
//! `PROPTEST_CASES=20000 cargo test -p engine against_model` runs for longer.

mod actions;
mod agree;
mod both;
mod translate;

use std::collections::BTreeSet;

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use self::{actions::runs, agree::agree, both::Both};

proptest! {
    #[test]
    fn whatever_is_asked_the_books_do_what_the_naive_model_does(run in runs()) {
        let mut both = Both::new(&run);
        for action in &run.actions {
            both.act(action);
            agree(&both);
        }
        both.replay();
        agree(&both);
    }
}

/// Without this the property could hold because hardly anything is carried out.
#[test]
fn the_random_requests_get_every_verdict_that_they_can_get() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..1_500 {
        let run = runs().new_tree(&mut runner).unwrap().current();
        let mut both = Both::new(&run);
        run.actions.iter().for_each(|action| both.act(action));
        reached.append(&mut both.reached);
    }
    for (asked, verdicts) in VERDICTS {
        for verdict in verdicts.split(", ") {
            assert!(reached.contains(&format!("{asked}: {verdict}")), "{asked}: no {verdict}");
        }
    }
}

const VERDICTS: [(&str, &str); 27] = [
    ("Deposit", "done, key reused, refused below_limit, refused above_limit, answered above_limit"),
    ("Credit", "done, key reused, refused below_limit, refused above_limit, answered below_limit"),
    ("Debit", "done, key reused, refused below_limit, refused account_frozen, refused no_account"),
    ("Debit", "refused insufficient_funds, answered insufficient_funds"),
    ("Stake", "done, key reused, refused below_limit, refused account_frozen, refused no_account"),
    ("Stake", "refused insufficient_funds, refused above_limit, answered no_account"),
    ("Release", "done, key reused, refused no_bets"),
    (
        "Settle",
        "done, impossible no_bets, impossible below_limit, impossible above_limit, impossible no_account",
    ),
    ("Void", "done, impossible no_bets"),
    ("Unfreeze", "done, key reused, refused not_frozen"),
    ("Deposit", "refused excluded"),
    ("Stake", "refused excluded"),
    ("Collect", "refused excluded"),
    ("Exclude", "done, key reused, refused exclusion_stands, refused bad_duration"),
    ("Reinstate", "done, key reused, refused exclusion_stands, refused not_excluded"),
    ("Protect", "done, key reused"),
    ("Sessions", "done, key reused"),
    ("Acknowledge", "done, key reused, answered no_check_due"),
    ("Stake", "answered reality_check_due, answered start_too_soon"),
    ("SetAside", "done, key reused, refused insufficient_funds"),
    ("Hold", "done, key reused, refused insufficient_funds, refused account_frozen, refused no_account"),
    ("Capture", "done, key reused, refused hold_not_open, refused above_hold, refused below_limit"),
    ("Capture", "answered wrong_currency"),
    ("Free", "done, key reused, refused hold_not_open"),
    ("Collect", "done, key reused, refused below_limit, refused above_limit"),
    ("Winnings", "done, key reused, refused below_limit, refused above_limit"),
    ("Expire", "done, impossible no_bets, impossible internal"),
];
