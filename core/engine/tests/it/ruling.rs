//! Recorded rules: a round is played to its end by the rules it was opened under, and an old record means what it meant.

use domains::{
    Context, Effects, RowImage, View,
    recipes::{SetRules, TableOnly},
    rules::RulesRow,
};
use engine::{
    ApplyError, Body, Books, Committed, Envelope, Finding, LogVerifier, Principal, Record, Turn, Tx, TxId,
    Verdict, World,
    invariant::{Violation, rounds_are_open},
    table::{
        TableLeg, TableState,
        live::{BetLimits, Due, TableRules},
    },
};
use ledger::{HoldId, Move};
use protocol::{ErrorCode, RoundId, TableId};

use crate::rig::{BETTING_MS, LOCKED_MS, PAUSE_MS, Rig, config, done, refused, stored, table_id};

fn other() -> TableRules {
    let mut rules = config().rules;
    rules.limits.fill(BetLimits { stake_min: 1, spot_max: 20 });
    rules.round_max = 30;
    rules.seats_max = 1;
    (rules.betting_ms, rules.locked_ms, rules.pause_ms) = (7_000, 8_000, 9_000);
    rules
}

fn row(rig: &Rig) -> Option<RulesRow> {
    RulesRow::of(rig.books.domains().rows(), table_id().as_str().as_bytes())
}

fn changes(rig: &Rig) -> usize {
    let records = rig.log.iter().map(|bytes| Record::decode(bytes).unwrap());
    records.filter(|record| matches!(record.leg(), Some(TableLeg::Ruled { .. }))).count()
}

fn audit<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<LogVerifier, Finding> {
    let mut verifier = LogVerifier::default();
    for record in records {
        verifier.next(&record.encode())?;
    }
    verifier.check()?;
    Ok(verifier)
}

fn records(rig: &Rig) -> Vec<Record> {
    rig.log.iter().map(|bytes| Record::decode(bytes).unwrap()).collect()
}

#[test]
fn a_round_is_played_to_its_end_by_the_rules_it_was_opened_under_and_the_next_by_the_configured_ones() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    let opened = config().rules;
    assert_eq!(row(&rig), Some(RulesRow(opened.to_bytes().into())));
    rig.restart_with(other());
    assert_eq!(rig.live.table_rules(), &opened, "what the table shows is what it plays by");
    assert_eq!(rig.bet("small", 1, &[("red", &[], 5)]), refused(ErrorCode::BelowLimit));
    done(rig.bet("a", 1, &[("red", &[], 100)]));
    done(rig.bet("b", 2, &[("red", &[], 100)]));
    assert_eq!(rig.bet("c", 2, &[("black", &[], 60)]), refused(ErrorCode::AboveLimit));
    rig.wait(BETTING_MS);
    assert_eq!(rig.live.state().open.as_ref().unwrap().deadline, rig.now + LOCKED_MS);
    assert_eq!(changes(&rig), 1, "nothing changes in mid-round");
    rig.now += LOCKED_MS;
    let settle = rig.due().unwrap();
    rig.run(&settle);
    assert_eq!(rig.live.state().next_at, rig.now + PAUSE_MS);
    assert_eq!(rig.live.due(rig.now, false), Due::Nothing, "nobody is at the table");
    assert_eq!(rig.live.due(rig.now, true), Due::Rules);
    rig.open();
    assert_eq!(row(&rig), Some(RulesRow(other().to_bytes().into())));
    assert_eq!(rig.live.table_rules(), &other());
    assert_eq!(rig.live.state().open.as_ref().unwrap().deadline, rig.now + other().betting_ms);
    assert_eq!(rig.bet("d", 1, &[("red", &[], 21)]), refused(ErrorCode::AboveLimit));
    done(rig.bet("e", 1, &[("red", &[], 20)]));
    assert_eq!(rig.bet("f", 2, &[("red", &[], 20)]), refused(ErrorCode::TableFull));
    audit(&records(&rig)).unwrap();
    rig.restart();
}

#[test]
fn rules_are_recorded_when_a_round_is_to_be_played_by_others_than_before_and_only_then() {
    let mut rig = Rig::new();
    assert_eq!(rig.live.due(rig.now, true), Due::Rules);
    rig.restart_with(other());
    assert_eq!(changes(&rig), 0, "no round was played by the rules before");
    for rounds in 1..=2 {
        rig.open();
        rig.now += 7_000;
        rig.proceed();
        rig.now += 8_000;
        let settle = rig.due().unwrap();
        rig.run(&settle);
        assert_eq!((changes(&rig), rig.live.state().round), (1, rounds));
        rig.now += 9_000;
        rig.restart();
    }
    rig.restart_with(config().rules);
    let change = rig.due().unwrap();
    rig.run(&change);
    rig.restart_with(other());
    rig.open();
    assert_eq!(changes(&rig), 3, "each change has its number");
    audit(&records(&rig)).unwrap();
}

/// A change of rules that a faulty table submits.
fn change(number: u64, rules: &TableRules) -> Tx {
    let of = table_id().as_str().as_bytes().into();
    let intent = SetRules { of, rules: RulesRow(rules.to_bytes().into()) };
    let leg = TableLeg::Ruled { change: number, rules: Box::new(rules.clone()) };
    Tx::new(TxId::of_rules(table_id(), number), Principal::HUB, None, intent).at(table_id(), leg)
}

/// Plays until a round is in each stage with a bet, without one, and over, and hands the rig and that round to a test.
fn at_each_stage(test: impl Fn(Rig, Option<RoundId>)) {
    let open = Some(RoundId { table: table_id(), number: 1 });
    let opened = |bet: bool| {
        let mut rig = Rig::new();
        rig.deposit(1, 1_000);
        rig.open();
        if bet {
            done(rig.bet("a", 1, &[("red", &[], 100)]));
        }
        rig
    };
    test(opened(false), open);
    test(opened(true), open);
    let mut rig = opened(true);
    rig.wait(BETTING_MS);
    test(rig, open);
    let mut rig = opened(true);
    rig.restart();
    test(rig, open);
    let mut rig = opened(true);
    rig.finish();
    test(rig, None);
}

#[test]
fn a_change_of_rules_while_a_round_is_open_is_refused_by_the_money_and_the_round_goes_on() {
    at_each_stage(|mut rig, open| {
        let (before, envelope) = (rig.books.lsn(), Envelope::Run(change(2, &other())));
        match (rig.books.turn(envelope.clone(), rig.now), open) {
            (Turn::Unproven(violation), Some(round)) => {
                assert_eq!(violation, Violation::RulesInMidRound(round));
                let said = "E6: the rules of table t1 change while round t1:1 is open";
                assert_eq!(violation.to_string(), said);
            }
            (Turn::New(_), None) => return,
            (turn, open) => panic!("{open:?}: {turn:?}"),
        }
        assert_eq!(rig.run(&envelope), Verdict::Impossible(ErrorCode::Internal));
        assert_eq!((rig.books.lsn(), rig.live.closed()), (before, false), "nothing is recorded");
        rig.finish();
        assert!(rig.live.state().last.unwrap().drawn.is_some(), "the round is drawn");
        audit(&records(&rig)).unwrap();
    });
}

/// The record of a change of rules, as a faulty hub may write it.
fn record_of(rig: &Rig, tx: Tx) -> Record {
    let Tx { id, principal, key, intent, table, .. } = tx;
    let context = Context {
        now: rig.now,
        id: HoldId(id.0),
        principal: Principal::HUB,
        view: rig.books.domains(),
        shares: &[],
    };
    let Effects { rows, .. } = intent.decide(&context).unwrap();
    let committed =
        Committed { id, principal, key, intent, legs: Vec::new(), rows, notices: Vec::new(), table };
    Record { time: rig.now, body: Body::Committed(committed) }
}

#[test]
fn a_log_with_a_change_of_rules_while_a_round_is_open_is_refused_at_that_record() {
    at_each_stage(|rig, open| {
        let record = record_of(&rig, change(2, &other()));
        let mut world = World::default();
        for record in records(&rig) {
            world.apply(&record).unwrap();
        }
        // From the state store as from the whole log.
        let restored = stored(&world);
        for mut world in [world, restored] {
            assert_eq!(world.check(), Ok(()));
            let expected = open.map(|round| ApplyError::Invariant(Violation::RulesInMidRound(round)));
            assert_eq!(world.apply(&record).err(), expected);
        }
        let mut log = records(&rig);
        log.push(record);
        let found = audit(&log).err().map(|finding| finding.what);
        let said = "the rules of table t1 change while round t1:1 is open";
        assert_eq!(found, open.map(|_| said.into()));
    });
}

#[test]
fn a_table_whose_open_round_the_money_does_not_know_is_found() {
    at_each_stage(|rig, open| {
        let mut world = World::default();
        for record in records(&rig) {
            world.apply(&record).unwrap();
        }
        let found = Err(Violation::OtherRound(table_id()));
        let state = world.tables.get_mut(&table_id()).unwrap();
        let round = state.open.take();
        let mut other = world.clone();
        assert_eq!(
            rounds_are_open(&world.books, tables(&world)),
            if open.is_some() { found.clone() } else { Ok(()) }
        );
        let Some(round) = round else { return };
        let state = other.tables.get_mut(&table_id()).unwrap();
        (state.open, state.round) = (Some(round), 2);
        assert_eq!(rounds_are_open(&other.books, tables(&other)), found);
        other.tables.clear();
        assert_eq!(rounds_are_open(&other.books, tables(&other)), found);
    });
}

fn tables(world: &World) -> impl Iterator<Item = (TableId, &TableState)> {
    world.tables.iter().map(|(id, state)| (*id, state))
}

#[test]
fn a_change_of_rules_is_the_next_one() {
    let mut rig = Rig::new();
    rig.run(&Envelope::Run(change(2, &other())));
    assert!(rig.live.closed());
    let found = audit(&records(&rig)).unwrap_err();
    assert_eq!(found.what, "change 2 of the rules of table t1 is not the next");
}

#[test]
fn the_row_of_a_tables_rules_is_what_the_table_is_ruled_by() {
    let row = |tx: &Tx| match tx.intent.get::<SetRules>() {
        Some(set) => set.clone(),
        None => panic!("not a change of rules"),
    };
    type Fault = fn(&mut Tx, SetRules);
    let faults: &[(&str, Fault)] = &[
        ("other rules in the row", |tx, set| {
            tx.intent = SetRules { rules: RulesRow(other().to_bytes().into()), ..set }.into();
        }),
        ("the row of another table", |tx, set| {
            tx.intent = SetRules { of: b"t2".as_slice().into(), ..set }.into();
        }),
        ("a row without the table", |tx, _| tx.table = None),
        ("a table without the row", |tx, _| tx.intent = TableOnly.into()),
        ("a row beside another leg", |tx, _| {
            let leg = TableLeg::Locked { round: 1, deadline: 1, staked: 0, mix: [0; 32] };
            tx.id = leg.step_id(table_id()).unwrap();
            tx.table = Some((table_id(), leg));
        }),
    ];
    for (fault, make) in faults {
        let rig = Rig::new();
        let mut tx = change(1, &config().rules);
        let set = row(&tx);
        make(&mut tx, set);
        let id = tx.id;
        match rig.books.turn(Envelope::Run(tx), rig.now) {
            Turn::Unproven(violation) => assert_eq!(violation, Violation::RulesDiffer(id), "{fault}"),
            turn => panic!("{fault}: {turn:?}"),
        }
    }
}

fn ruled(rig: &Rig) -> Committed {
    let mut rig_log = records(rig).into_iter().filter_map(|record| match record.body {
        Body::Committed(committed) => Some(committed),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
    });
    rig_log.find(|committed| matches!(committed.table, Some((_, TableLeg::Ruled { .. })))).unwrap()
}

#[test]
fn a_change_of_rules_moves_no_money() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    let mut committed = ruled(&rig);
    let Body::Committed(deposit) = records(&rig).remove(0).body else { panic!("a deposit") };
    assert!(deposit.legs.iter().any(|(_, leg)| leg.moves.iter().any(|step| matches!(step, Move::Post(_)))));
    committed.legs.clone_from(&deposit.legs);

    let record = Record { time: rig.now, body: Body::Committed(committed) };
    match Books::default().apply(&record) {
        Err(ApplyError::Invariant(Violation::Participant { recipe: "RULES", .. })) => {}
        other => panic!("{other:?}"),
    }
}

/// The records of two players' round, with the rules of the table forged: in the intent, in the row and in the leg.
fn forged(change: impl Fn(&mut TableRules)) -> Result<LogVerifier, Finding> {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 40), ("straight", &[3], 10)]));
    done(rig.bet("b", 1, &[("red", &[], 40)]));
    done(rig.bet("c", 2, &[("odd", &[], 20)]));
    rig.wait(BETTING_MS);
    rig.wait(LOCKED_MS);
    let mut log = records(&rig);
    for record in &mut log {
        let Body::Committed(committed) = &mut record.body else { continue };
        let Some((table, TableLeg::Ruled { rules, .. })) = &mut committed.table else { continue };
        change(rules);
        let row = RulesRow(rules.to_bytes().into());
        let of = table.as_str().as_bytes();
        committed.rows = vec![RowImage::of(of, Some(&row)).unwrap()];
        committed.intent = SetRules { of: of.into(), rules: row }.into();
    }
    audit(&log)
}

#[test]
fn bets_that_the_recorded_rules_do_not_allow_are_found_at_their_record() {
    forged(|_| {}).unwrap();
    forged(|rules| rules.limits.fill(BetLimits { stake_min: 10, spot_max: 80 })).unwrap();
    forged(|rules| (rules.round_max, rules.seats_max) = (90, 2)).unwrap();
    type Lie = fn(&mut TableRules);
    let lies: &[(Lie, u64, &str)] = &[
        (
            |rules| rules.limits.fill(BetLimits { stake_min: 10, spot_max: 79 }),
            6,
            "a bet of round t1:1 breaks a rule of its table: the most of a player on a spot",
        ),
        (
            |rules| rules.limits.fill(BetLimits { stake_min: 11, spot_max: 80 }),
            5,
            "a bet of round t1:1 breaks a rule of its table: the smallest stake",
        ),
        (
            |rules| rules.round_max = 89,
            6,
            "a bet of round t1:1 breaks a rule of its table: the most of a player in a round",
        ),
        (|rules| rules.seats_max = 1, 7, "a bet of round t1:1 breaks a rule of its table: seats"),
        (
            |rules| rules.limits.truncate(1),
            5,
            "a bet of round t1:1 breaks a rule of its table: the kinds of bets",
        ),
        (|rules| rules.rules_version += 1, 4, "round t1:1 is opened by other rules than its table's"),
        (|rules| rules.game = "poker".into(), 4, "round t1:1 is opened by other rules than its table's"),
        (
            |rules| rules.currency = "USD".parse().unwrap(),
            4,
            "round t1:1 is opened by other rules than its table's",
        ),
    ];
    for (lie, lsn, what) in lies {
        let found = forged(lie).map(|_| ()).unwrap_err();
        assert_eq!(found, Finding { lsn: *lsn, what: (*what).into() });
    }
}
