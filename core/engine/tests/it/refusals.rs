//! What a table refused is recorded as it was asked, and decided again from the log.

use engine::{
    Body, Decisions, Envelope, Finding, Level, LogVerifier, Occurrences, Record, RefusedRequest, Tally,
    Undecided,
    table::{SpotAsked, TableAsked, TableRequest, live::Due},
};
use games::BetCode;
use protocol::ErrorCode;

use crate::rig::{BETTING_MS, LOCKED_MS, Rig, config, done, refused};

fn records(rig: &Rig) -> Vec<Record> {
    rig.log.iter().map(|bytes| Record::decode(bytes).unwrap()).collect()
}

fn audit(records: &[Record], level: Level) -> Result<Tally, Finding> {
    let mut verifier = LogVerifier::default().at(level);
    for record in records {
        verifier.next(&record.encode())?;
    }
    verifier.check()?;
    Ok(verifier.tally().clone())
}

/// A table with every kind of refusal, each once or more, in this order.
const CODES: [ErrorCode; 13] = [
    ErrorCode::BetsClosed, // 2: no round is open
    ErrorCode::WrongRound, // 6: a later round
    ErrorCode::BetsClosed, // 7: an earlier round
    ErrorCode::NoBets,     // 8: a request without bets
    ErrorCode::BelowLimit, // 9
    ErrorCode::BelowLimit, // 10: one of two stakes on a spot
    ErrorCode::AboveLimit, // 11: the spot
    ErrorCode::AboveLimit, // 12: beyond any amount
    ErrorCode::AboveLimit, // 14: the round
    ErrorCode::TableFull,  // 15
    ErrorCode::NoBets,     // 16: nothing to take back
    ErrorCode::BetsClosed, // 17: after the deadline
    ErrorCode::BetsClosed, // 19: after the lock
];

pub fn refusing() -> Rig {
    let mut config = config();
    config.rules.seats_max = 1;
    let mut rig = Rig::with(config);
    rig.deposit(1, 1_000);
    assert_eq!(rig.bet("early", 1, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
    rig.deposit(2, 1_000);
    rig.open();
    for (key, round) in [("later", 2), ("earlier", 0)] {
        let mut request = rig.request(key, 1, &[("red", &[], 50)]);
        request.round = round;
        rig.place(request);
    }
    rig.bet("none", 1, &[]);
    rig.bet("small", 1, &[("red", &[], 9)]);
    rig.bet("smaller", 1, &[("red", &[], 50), ("black", &[], 20), ("red", &[], 9)]);
    rig.bet("spot", 1, &[("straight", &[17], 60), ("straight", &[17], 41)]);
    rig.bet("beyond", 1, &[("red", &[], i128::MAX), ("red", &[], i128::MAX)]);
    done(rig.bet("a", 1, &[("red", &[], 100)]));
    rig.bet("round", 1, &[("black", &[], 51)]);
    rig.bet("seat", 2, &[("black", &[], 50)]);
    rig.clear("nothing", 2);
    rig.now += BETTING_MS;
    rig.bet("late", 1, &[("black", &[], 10)]);
    rig.proceed();
    rig.clear("locked", 1);
    rig.wait(LOCKED_MS);
    rig
}

fn codes(log: &[Record]) -> Vec<ErrorCode> {
    let code = |record: &Record| match record.body {
        Body::Refused { code, .. } => Some(code),
        Body::Committed(_) | Body::Digest(_) | Body::Fact(_) => None,
    };
    log.iter().filter_map(code).collect()
}

#[test]
fn each_refusal_by_a_table_is_decided_again_from_the_log() {
    let log = records(&refusing());
    assert_eq!(codes(&log), CODES);
    let tally = audit(&log, Level::ReDecide).unwrap();
    assert_eq!((tally.refusals, tally.undecided.len()), (13, 0));
    let refused_by_table = |count| Decisions { refused_by_table: count, ..Decisions::default() };
    assert_eq!(tally.decided[&("BET", 1)], refused_by_table(11));
    assert_eq!(tally.decided[&("CLEARING", 1)], refused_by_table(2));
    assert_eq!(tally.decided[&("STAKE", 1)].carried_out, 1);
    assert_eq!(tally.re_decided(), tally.transactions + tally.refusals);
}

#[test]
fn a_refusal_by_a_table_for_another_reason_than_there_was_is_found_wherever_it_is() {
    let log = records(&refusing());
    let mut forged = 0;
    for place in 0..log.len() {
        for other in ErrorCode::ALL.iter().filter(|code| code.consumes_key()) {
            let mut log = log.clone();
            let Body::Refused { code, .. } = &mut log[place].body else { continue };
            if code == other {
                continue;
            }
            *code = *other;
            let found = audit(&log, Level::ReDecide).unwrap_err();
            let says = format!("is refused as {} by table t1, and the reason is", other.name());
            assert!(found.lsn == place as u64 + 1 && found.what.contains(&says), "{found:?}");
            forged += 1;
            assert!(audit(&log, Level::ReApply).is_ok(), "its effect is the same: the key has an outcome");
        }
    }
    assert_eq!(forged, 13 * 35);
}

type Lie = fn(&mut TableRequest);

#[test]
fn a_refused_request_that_the_table_would_have_taken_is_found() {
    let spots = |request: &mut TableRequest, stake: i128| match &mut request.asked {
        TableAsked::Bets(spots) => {
            *spots = vec![SpotAsked { code: BetCode(17), stake, smallest: stake }];
        }
        TableAsked::Clearing => panic!("a request to bet"),
    };
    let taken: &[(u64, &str, Lie)] = &[
        (6, "the round that is open", |request| request.round = 1),
        (9, "the smallest stake", |request| match &mut request.asked {
            TableAsked::Bets(spots) => (spots[0].stake, spots[0].smallest) = (10, 10),
            TableAsked::Clearing => unreachable!("a request to bet"),
        }),
        (10, "no small stake", |request| match &mut request.asked {
            TableAsked::Bets(spots) => spots.iter_mut().for_each(|spot| spot.smallest = 20),
            TableAsked::Clearing => unreachable!("a request to bet"),
        }),
        (17, "before the deadline", |request| request.arrived -= 1),
    ];
    let log = records(&refusing());
    let forge = |lsn: u64, change: &dyn Fn(&mut TableRequest)| {
        let mut log = log.clone();
        match &mut log[lsn as usize - 1].body {
            Body::Refused { refused: RefusedRequest::ByTable(request), .. } => change(request),
            other => panic!("not a table's refusal: {other:?}"),
        }
        audit(&log, Level::ReDecide).unwrap_err()
    };
    for (lsn, what, lie) in taken {
        let found = forge(*lsn, &|request| lie(request));
        assert!(found.lsn == *lsn && found.what.contains("nothing speaks against it"), "{what}: {found:?}");
    }
    for lsn in [11, 12, 14] {
        let found = forge(lsn, &|request| spots(request, 10));
        assert!(found.lsn == lsn && found.what.contains("nothing speaks against it"), "{found:?}");
    }
    let found = forge(2, &|request| request.arrived += 1);
    assert_eq!(found.what, "BET at table t1 arrived after it was refused");
}

#[test]
fn a_refusal_by_a_fault_that_is_not_in_the_log_is_counted_apart() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.live.panicked();
    assert_eq!(rig.bet("b", 1, &[("red", &[], 50)]), refused(ErrorCode::TableClosed));
    rig.proceed();
    assert_eq!(rig.bet("c", 1, &[("red", &[], 50)]), refused(ErrorCode::TableClosed));
    let tally = audit(&records(&rig), Level::ReDecide).unwrap();
    let apart = [(Undecided::Fault, Occurrences { count: 2, first: 5 })];
    assert_eq!(tally.undecided, apart.into_iter().collect());
    assert!(!tally.lacks(), "no other release can prove more");

    // The log of a table that no fault closed says so itself.
    let quarantine = rig.live.quarantine();
    rig.run(&quarantine);
    assert_eq!(rig.bet("d", 1, &[("red", &[], 50)]), refused(ErrorCode::TableClosed));
    assert_eq!(audit(&records(&rig), Level::ReDecide).unwrap().undecided[&Undecided::Fault].count, 2);
}

#[test]
fn a_refusal_at_a_table_that_is_configured_with_another_currency_is_counted_apart() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    let mut rules = config().rules;
    rules.currency = "USD".parse().unwrap();
    rig.restart_with(rules);
    assert!(matches!(rig.live.due(rig.now, true), Due::Void(_)));
    assert_eq!(rig.bet("a", 1, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
    let tally = audit(&records(&rig), Level::ReDecide).unwrap();
    let apart = [(Undecided::Configuration, Occurrences { count: 1, first: 4 })];
    assert_eq!(tally.undecided, apart.into_iter().collect());
}

#[test]
fn a_request_for_a_later_round_waits_for_the_step_under_way_and_is_refused_by_what_it_leaves() {
    let later = |rig: &mut Rig, key: &str| {
        let mut request = rig.request(key, 1, &[("red", &[], 50)]);
        request.round = 9;
        assert_eq!(rig.live.place_bet(request, rig.now).now(), None, "{key}");
    };
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.rule();
    let step = |rig: &mut Rig, key: &str| {
        let envelope: Envelope = rig.due().unwrap();
        rig.submit(&envelope);
        later(rig, key);
        rig.release();
    };
    step(&mut rig, "open");
    rig.now += BETTING_MS;
    step(&mut rig, "lock");
    rig.now += LOCKED_MS;
    step(&mut rig, "settle");
    let log = records(&rig);
    assert_eq!(codes(&log), [ErrorCode::WrongRound, ErrorCode::WrongRound, ErrorCode::BetsClosed]);
    assert_eq!(audit(&log, Level::ReDecide).unwrap().undecided.len(), 0);
}
