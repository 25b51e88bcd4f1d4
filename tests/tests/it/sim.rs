//! The simulation: a seeded world of players and tables on a disk that fails, without actors or threads.
//!
//! The engine, the journal and the state store are the real ones. So are the start, which is the binary's, and the copy
//! that the store is kept from. The store is on the same disk, and at some starts it is lost. A scheduler made of one
//! seed decides who acts next, when the log is synced and when the power fails. An auditor keeps books of its own, made
//! only from what players were told, and compares. After each start it also reads the whole log: the state must be what
//! the log tells, freezes and what is due included. In some lives seeds are lost, tables fail, and tables are no longer
//! configured. Each start draws the rules that its tables are configured with, and whether its clock is days ahead or
//! behind.
//!
//! A failure prints its seed. `HUB_SIM_SEED=7 HUB_SIM_RUNS=1` runs that one again; more runs look further.

mod aside;
mod auditor;
mod hub;
mod life;
mod players;
mod story;
mod unsure;

use journal::memory::Crash;
use life::{Life, Plan};
use story::Seen;

/// Lives of a test, unless a variable says more. After each start of each the whole log is replayed.
const RUNS: u64 = 30;

fn variable(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
        Err(_) => default,
    }
}

/// Runs a life and, should it fail, says how to see it fail again.
fn run(plan: Plan) -> Life {
    let again = format!("HUB_SIM_SEED={} HUB_SIM_RUNS=1, {plan:?}", plan.seed);
    match std::panic::catch_unwind(|| Life::lived(plan)) {
        Ok(life) => life,
        Err(cause) => {
            eprintln!("the simulation failed; to run it again: {again}");
            std::panic::resume_unwind(cause)
        }
    }
}

#[test]
fn in_random_lives_with_crashes_nothing_is_lost_or_doubled() {
    let (first, runs) = (variable("HUB_SIM_SEED", 1), variable("HUB_SIM_RUNS", RUNS));
    let (mut crashes, mut accepted, mut rounds, mut mid_round, mut refused) = (0, 0, 0, 0, 0);
    let (mut doubted, mut behind, mut seen) = (0, 0, Seen::default());
    let (mut looked_up, mut stores_lost) = (0, 0);
    for seed in first..first + runs {
        let life = run(Plan { seed, steps: 400, crash_one_in: 25, power_off: None, disorder: false });
        crashes += life.crashes;
        accepted += life.auditor.accepted();
        rounds += life.auditor.rounds_drawn();
        mid_round += life.mid_round;
        refused += life.refused_rules;
        (doubted, behind) = (doubted + life.doubted, behind + life.behind);
        (looked_up, stores_lost) = (looked_up + life.looked_up, stores_lost + life.stores_lost);
        seen.add(life.seen);
    }
    println!(
        "{runs} lives: {crashes} crashes, {accepted} accepted requests, {rounds} rounds drawn, {seen:?}"
    );
    println!(
        "{mid_round} open rounds that met other rules at a start, {refused} changes in mid-round refused"
    );
    println!("{doubted} starts with a clock that was doubted, {behind} with one behind the log");
    println!("{looked_up} look-ups of old keys, {stores_lost} starts without the store");
    // A simulation in which nothing happens proves nothing.
    assert!(looked_up >= 5 * runs && stores_lost >= runs / 5, "{looked_up} look-ups, {stores_lost} lost");
    assert!(crashes >= 5 * runs && accepted >= 5 * runs && rounds >= 5 * runs, "too little happened");
    assert!(seen.least() >= runs && refused >= runs, "{seen:?}, {refused} changes in mid-round refused");
    assert!(seen.came_back >= runs / 5, "{seen:?}");
    assert!(seen.rules >= 5 * runs && mid_round >= 2 * runs, "{seen:?}, {mid_round} in mid-round");
    assert!(doubted >= runs / 5 && behind >= runs / 5, "{doubted} clocks doubted, {behind} behind");
}

#[test]
fn where_seeds_are_lost_and_tables_fail_every_stake_comes_back_and_nothing_is_lost_or_doubled() {
    let (first, runs) = (variable("HUB_SIM_SEED", 1), variable("HUB_SIM_RUNS", RUNS));
    let (mut voided, mut drawn, mut quarantined, mut orphans) = (0, 0, 0, 0);
    for seed in first..first + runs {
        let life = run(Plan { seed, steps: 400, crash_one_in: 25, power_off: None, disorder: true });
        voided += life.auditor.rounds_voided();
        drawn += life.auditor.rounds_drawn();
        quarantined += life.quarantined();
        orphans += life.orphans;
    }
    println!(
        "{runs} lives: {drawn} rounds drawn, {voided} voided, {orphans} of tables that were gone, {quarantined} tables quarantined"
    );
    assert!(
        voided >= runs && drawn >= runs && orphans >= runs / 10 && quarantined >= runs / 10,
        "too little happened"
    );
}

/// Ends a life at each of its disk operations in turn, with each kind of crash. Returns the positions, and the orphans.
fn crash_everywhere(plan: Plan, kinds: &[Crash]) -> (u64, u64) {
    let (operations, mut orphans) = (run(plan).operations, 0);
    for at in 0..operations {
        for crash in kinds {
            let life = run(Plan { power_off: Some((at, *crash)), ..plan });
            assert!(life.crashes >= 1, "operation {at} was never reached");
            orphans += life.orphans;
        }
    }
    println!("{operations} positions, {} kinds of crash", kinds.len());
    (operations, orphans)
}

/// The first short life, from the seed on, in which enough happens.
fn eventful(disorder: bool, steps: u64, enough: impl Fn(&Life) -> bool) -> Plan {
    let first = variable("HUB_SIM_SEED", 1);
    let plans =
        (first..first + 1_000).map(|seed| Plan { seed, steps, crash_one_in: 0, power_off: None, disorder });
    let found = plans.into_iter().find(|plan| {
        let life = run(*plan);
        life.seen.least() >= 1 && life.refused_rules >= 1 && enough(&life)
    });
    found.expect("in one of a thousand lives enough happens")
}

/// One short life in which money is set aside and returned, players are frozen, freezes are lifted and end, and rules
/// change.
#[test]
fn a_crash_at_every_position_of_the_log_loses_and_doubles_nothing() {
    let plan = eventful(false, 170, |life| life.auditor.rounds_drawn() >= 2);
    let random = Crash::Random(plan.seed);
    let kinds = [Crash::Lose, Crash::Keep, Crash::Torn(1), Crash::Torn(600), Crash::Torn(1 << 20), random];
    let (operations, _) = crash_everywhere(plan, &kinds);
    assert!(operations >= 60, "too short a life: {operations} operations");
}

/// The same with a table that fails, a round that is void, and starts without a table.
#[test]
fn a_crash_at_every_position_where_tables_fail_and_rounds_are_void_loses_and_doubles_nothing() {
    let plan = eventful(true, 170, |life| life.seen.quarantined >= 1 && life.seen.voided >= 1);
    let (operations, orphans) = crash_everywhere(plan, &[Crash::Keep, Crash::Random(plan.seed)]);
    assert!(operations >= 60 && orphans >= 5, "{operations} operations, {orphans} orphans");
}

#[test]
fn the_same_seed_gives_the_same_life() {
    let plan = Plan { seed: 5, steps: 200, crash_one_in: 20, power_off: None, disorder: false };
    let (one, other) = (run(plan), run(plan));
    assert_eq!((one.records(), one.crashes), (other.records(), other.crashes));
}
