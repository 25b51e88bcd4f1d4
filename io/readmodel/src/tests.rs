//! The tables by themselves: holds on several accounts, readers with deadlines, a bounded queue, a bounded WAL file.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use protocol::Currency;
use tempfile::TempDir;

use crate::{
    AccountKey, AccountName, AmountRange, BusinessFigure, BusinessRows, Ended, FigureOf, FigureRow, HeldRow,
    LinePlace, LogRows, ModelContents, ModelCursor, ModelWriter, MoveRow, NotAnswered, Page, ReadModel,
    StatementFilter, TransactionRow,
};

mod before;
mod lists;
mod stakes;

/// Longest wait for a thread.
const PATIENCE: Duration = Duration::from_secs(30);
const PLAYER: [u8; 16] = [7; 16];

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

fn key(kind: &'static str, currency: Currency) -> AccountKey {
    match kind {
        "cash" | "bonus" => {
            AccountKey { domain: "balance", kind, owner_kind: "player", owner: PLAYER, currency }
        }
        _ => AccountKey { domain: "balance", kind, owner_kind: "house", owner: [0; 16], currency },
    }
}

/// A record with these moves.
fn rows(lsn: u64, moves: Vec<MoveRow>) -> LogRows {
    let transaction = TransactionRow {
        tx: u128::from(lsn).to_be_bytes(),
        recipe: if lsn.is_multiple_of(2) { "EVEN" } else { "ODD" },
        revision: 1,
        principal_kind: "player",
        principal: PLAYER,
        code: None,
        player: Some(PLAYER),
        amount: Some((5, eur())),
        reason: None,
        reference: lsn.is_multiple_of(5).then(|| format!("REF-{lsn}")),
        round: Some((format!("table-{}", lsn % 3), lsn / 3)),
    };
    LogRows {
        lsn,
        time_ms: lsn * 1_000,
        transaction: Some(transaction),
        moves,
        images: Vec::new(),
        step: None,
        refused_act: None,
        scale: (lsn == 1).then(|| (eur(), 2)),
        business: None,
    }
}

fn post(amount: i128, currency: Currency) -> MoveRow {
    MoveRow::Post { debit: key("clearing_collections", currency), credit: key("cash", currency), amount }
}

/// What a grant of bonus money adds to the figures of the business.
fn granted(amount: i128) -> Box<BusinessRows> {
    let (figure, of) = (BusinessFigure::Bonuses, FigureOf::NoGame);
    let figures = vec![FigureRow { figure, currency: eur(), number: 1, amount, of }];
    Box::new(BusinessRows { figures, ..BusinessRows::default() })
}

fn cursor(lsn: u64) -> ModelCursor {
    ModelCursor { lineage: [1; 16], lsn, hash: [2; 32] }
}

/// A read model that is read, with what `write` has put into it.
fn written(directory: &TempDir, last: u64, write: impl Fn(u64) -> LogRows) -> ModelWriter {
    let (mut writer, why) = ModelWriter::open(directory.path()).expect("a disk");
    assert_eq!((why, writer.builds()), (None, true));
    for lsn in 1..=last {
        writer.take(write(lsn)).expect("a disk");
    }
    writer.commit(cursor(last)).expect("a disk");
    writer.swap().expect("a disk");
    writer
}

/// Asks, and waits for the answer.
fn ask<T: Send + 'static>(
    read: &ReadModel,
    question: impl FnOnce(&crate::ModelView<'_>) -> Result<T, crate::Error> + Send + 'static,
) -> Result<T, NotAnswered> {
    let (sender, told) = mpsc::channel();
    read.ask(PATIENCE, question, move |answer| sender.send(answer).expect("the test listens"));
    told.recv_timeout(PATIENCE).expect("an answer").map(|(_, answer)| answer)
}

#[test]
fn a_hold_on_several_accounts_is_set_aside_and_posted_or_given_back_on_each() {
    for (how, balance) in [(Ended::Posted, (60, 0)), (Ended::Voided, (100, 50))] {
        let directory = tempfile::tempdir().expect("a directory");
        let held = HeldRow {
            hold: [9; 16],
            domain: "balance",
            purpose: "stake",
            prover: "round",
            round: Some(("table-1".into(), 4)),
            expires_ms: Some(5),
            sources: vec![(key("cash", eur()), 40), (key("bonus", eur()), 50)],
            credit: key("clearing_collections", eur()),
        };
        let bonus = MoveRow::Post { debit: key("grants", eur()), credit: key("bonus", eur()), amount: 50 };
        let mut writer = written(&directory, 2, |lsn| match lsn {
            1 => LogRows { business: Some(granted(50)), ..rows(1, vec![post(100, eur()), bonus.clone()]) },
            _ => rows(2, vec![MoveRow::Hold(Box::new(held.clone()))]),
        });
        let open = ModelContents::read(directory.path()).expect("readable").expect("it is there");
        assert_eq!((open.open_holds, open.wrong), (vec![([9; 16], 90)], vec![]));
        // What is in memory of it is forgotten.
        writer.roll_back().expect("a disk");
        let end = MoveRow::End { domain: "balance", hold: [9; 16], how };
        writer.take(rows(3, vec![end.clone()])).expect("it is open");
        writer.commit(cursor(3)).expect("a disk");
        let ended = ModelContents::read(directory.path()).expect("readable").expect("it is there");
        assert_eq!((ended.open_holds, ended.wrong), (vec![], vec![]));
        let posted = |kind: &str| {
            let found = ended.accounts.iter().find(|account| account.kind == kind).expect("it is there");
            assert_eq!((found.debits_pending, found.credits_pending), (0, 0));
            found.credits - found.debits
        };
        assert_eq!((posted("cash"), posted("bonus")), balance);
        // A hold ends once.
        assert!(writer.take(rows(4, vec![end])).is_err_and(|error| error.needs_a_new_file()));
    }
}

#[test]
fn a_statement_is_read_by_pages_in_both_orders_with_each_filter() {
    let directory = tempfile::tempdir().expect("a directory");
    let usd = "USD".parse().expect("a currency");
    // Every fourth record changes two accounts of the player.
    let moves = |lsn: u64| match lsn % 4 {
        0 => vec![post(i128::from(lsn), eur()), post(1, usd)],
        1 => vec![post(i128::from(lsn), usd)],
        _ => vec![post(i128::from(lsn), eur())],
    };
    let writer = written(&directory, 100, |lsn| rows(lsn, moves(lsn)));
    let read = ReadModel::start(&writer).expect("threads");
    let pages = |filter: &StatementFilter, newest_first: bool, limit: usize| {
        let (mut places, mut after) = (Vec::new(), None);
        loop {
            let (filter, page) = (filter.clone(), Page { after, newest_first, limit });
            let (lines, more) =
                ask(&read, move |view| view.statement(PLAYER, &filter, page)).expect("an answer");
            assert!(lines.len() <= limit && (!more || lines.len() == limit));
            for line in &lines {
                assert_eq!(line.after - line.before, line.amount());
            }
            places.extend(lines.iter().map(|line| line.place));
            after = places.last().copied();
            if !more {
                return places;
            }
        }
    };
    let all = StatementFilter::default();
    let expected: Vec<LinePlace> = (1..=100)
        .flat_map(|lsn| (0..1 + u32::from(lsn % 4 == 0)).map(move |n| LinePlace { lsn, n }))
        .collect();
    // The clearing accounts have entries between them.
    let lsns = |places: &[LinePlace]| places.iter().map(|place| place.lsn).collect::<Vec<_>>();
    for limit in [1, 2, 7, 200] {
        let found = pages(&all, false, limit);
        assert_eq!(lsns(&found), lsns(&expected), "{limit}");
        assert!(found.is_sorted());
        let mut newest = pages(&all, true, limit);
        newest.reverse();
        assert_eq!(newest, found, "{limit}");
    }
    let with = |change: &dyn Fn(&mut StatementFilter)| {
        let mut filter = StatementFilter::default();
        change(&mut filter);
        lsns(&pages(&filter, false, 7))
    };
    let only = |wanted: &dyn Fn(u64) -> bool| {
        expected.iter().map(|place| place.lsn).filter(|lsn| wanted(*lsn)).collect::<Vec<_>>()
    };
    assert_eq!(with(&|filter| filter.recipe = Some("EVEN".into())), only(&|lsn| lsn % 2 == 0));
    assert_eq!(with(&|filter| filter.table = Some("table-1".into())), only(&|lsn| lsn % 3 == 1));
    assert_eq!(with(&|filter| filter.round = Some(4)), only(&|lsn| lsn / 3 == 4));
    assert_eq!(with(&|filter| filter.reference = Some("REF-15".into())), [15]);
    assert_eq!(with(&|filter| filter.when.from_ms = Some(50_001)), only(&|lsn| lsn >= 51));
    assert_eq!(with(&|filter| filter.when.to_ms = Some(50_000)), only(&|lsn| lsn < 50));
    assert_eq!(with(&|filter| filter.when.from_ms = Some(100_001)), [0; 0]);
    assert_eq!(with(&|filter| filter.when.to_ms = Some(0)), [0; 0]);
    assert_eq!(
        with(&|filter| (filter.when.from_ms, filter.when.to_ms) = (Some(10_000), Some(12_000))),
        only(&|lsn| lsn == 10 || lsn == 11)
    );
    let name = |currency: &str| AccountName {
        domain: "balance".into(),
        kind: "cash".into(),
        currency: currency.into(),
    };
    let of_usd: Vec<u64> = (1..=100).filter(|lsn| lsn % 4 < 2).collect();
    assert_eq!(with(&|filter| filter.account = Some(name("USD"))), of_usd);
    assert_eq!(with(&|filter| filter.account = Some(name("GBP"))), [0; 0]);
    // 0.30 EUR are 30 minor units; the decimals of USD are not known, so that its units count as whole ones.
    let range =
        AmountRange { min: Some("0.30".parse().expect("one")), max: Some("0.345".parse().expect("one")) };
    let of_eur = |filter: &mut StatementFilter| {
        (filter.amount, filter.account) = (range.clone(), Some(name("EUR")));
    };
    assert_eq!(with(&of_eur), [30, 31, 32, 34]);
    // A stranger has no lines.
    let none = ask(&read, |view| {
        view.statement(
            [1; 16],
            &StatementFilter::default(),
            Page { after: None, newest_first: false, limit: 5 },
        )
    });
    assert_eq!(none.expect("an answer"), (vec![], false));
}

#[test]
fn a_question_that_takes_too_long_is_ended_and_more_than_the_queue_takes_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 10, |lsn| rows(lsn, vec![post(1, eur())]));
    let read = ReadModel::start(&writer).expect("threads");
    // Both threads count to a number that is never reached.
    let (sender, told) = mpsc::channel();
    let endless = |view: &crate::ModelView<'_>| {
        let query = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
        view.connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(crate::error::sql("read"))
    };
    for _ in 0..2 {
        let sender = sender.clone();
        read.ask(Duration::from_millis(50), endless, move |answer| {
            sender.send(answer.map(drop)).expect("the test listens");
        });
    }
    for _ in 0..2 {
        let answer = told.recv_timeout(PATIENCE).expect("an answer");
        assert!(matches!(answer, Err(NotAnswered::TooLong)), "{answer:?}");
    }
    // Both threads are held; then the queue fills.
    let barrier = Arc::new(Barrier::new(3));
    for _ in 0..2 {
        let (barrier, held) = (barrier.clone(), barrier.clone());
        read.ask(
            PATIENCE,
            move |_| {
                barrier.wait();
                held.wait();
                Ok(())
            },
            |_| {},
        );
    }
    barrier.wait();
    for _ in 0..64 {
        let sender = sender.clone();
        read.ask(
            PATIENCE,
            |_| Ok(()),
            move |answer| {
                sender.send(answer.map(drop)).expect("the test listens");
            },
        );
    }
    let refused = sender.clone();
    read.ask(
        PATIENCE,
        |_| Ok(()),
        move |answer| {
            refused.send(answer.map(drop)).expect("the test listens");
        },
    );
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Err(NotAnswered::Busy))), "it is refused at once");
    assert_eq!(told.recv_timeout(Duration::ZERO).map(drop), Err(RecvTimeoutError::Timeout));
    barrier.wait();
    for _ in 0..64 {
        assert!(matches!(told.recv_timeout(PATIENCE), Ok(Ok(()))));
    }
    // A panic in a question costs nobody else an answer.
    let (sender, told) = mpsc::channel::<()>();
    read.ask(PATIENCE, |_| -> Result<(), _> { panic!("a bug of a question") }, move |_| drop(sender));
    assert_eq!(told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    assert_eq!(ask(&read, |view| view.as_of()).expect("an answer").lsn, 10);
}

#[test]
fn the_wal_file_begins_anew_although_there_is_always_a_reader() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut writer = written(&directory, 1, |lsn| rows(lsn, vec![post(1, eur())]));
    let read = ReadModel::start(&writer).expect("threads");
    let ends = Arc::new(AtomicBool::new(false));
    // Each of two readers keeps its view until the other one has begun another: there is always an old one.
    let askers: Vec<_> = (0..2)
        .map(|_| {
            let (read, ends) = (read.clone(), ends.clone());
            std::thread::spawn(move || {
                let mut asked = 0;
                while !ends.load(Relaxed) {
                    let slow = |view: &crate::ModelView<'_>| {
                        let query = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000) \
                                     SELECT max(x) FROM n, (SELECT max(lsn) FROM transactions)";
                        view.connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(crate::error::sql("read"))
                    };
                    ask(&read, slow).expect("an answer");
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    let (mut longest, mut lsn) = (0, 1);
    for _ in 0..50 {
        for _ in 0..200 {
            lsn += 1;
            writer.take(rows(lsn, vec![post(1, eur())])).expect("a disk");
        }
        writer.commit(cursor(lsn)).expect("a disk");
        longest = longest.max(read.bytes().1);
    }
    ends.store(true, Relaxed);
    let asked: u64 = askers.into_iter().map(|asker| asker.join().expect("no panic")).sum();
    assert!(asked > 2, "they ask all the time");
    let (file, _) = read.bytes();
    // So many records have several megabytes; the WAL file never has more than its bound and a commit.
    assert!(file > 1 << 20 && longest > 0 && longest < 2 << 20, "{file} {longest}");
}

#[test]
fn while_a_file_is_built_nothing_is_read_and_then_the_new_one_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut writer = written(&directory, 10, |lsn| rows(lsn, vec![post(1, eur())]));
    let read = ReadModel::start(&writer).expect("threads");
    assert_eq!(ask(&read, |view| view.transaction(10)).expect("an answer"), Some(("EVEN".into(), None)));
    writer.begin_anew().expect("a disk");
    for lsn in 1..=3 {
        writer.take(rows(lsn, vec![post(1, eur())])).expect("a disk");
    }
    writer.commit(cursor(3)).expect("a disk");
    let answer = ask(&read, |view| view.as_of());
    assert!(matches!(answer, Err(NotAnswered::Builds { lsn: 3 })), "{answer:?}");
    writer.swap().expect("a disk");
    assert_eq!(ask(&read, |view| view.transaction(10)).expect("an answer"), None);
    assert_eq!(ask(&read, |view| view.as_of()).expect("an answer").lsn, 3);
    // It goes on being written.
    writer.take(rows(4, vec![post(1, eur())])).expect("a disk");
    writer.commit(cursor(4)).expect("a disk");
    assert_eq!(ask(&read, |view| view.as_of()).expect("an answer").lsn, 4);
}

#[test]
fn damage_that_a_reader_meets_is_told_to_the_writer() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 10, |lsn| rows(lsn, vec![post(1, eur())]));
    let read = ReadModel::start(&writer).expect("threads");
    assert!(!writer.found_damaged());
    let gone = |view: &crate::ModelView<'_>| {
        let query = "SELECT gone FROM transactions";
        view.connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(crate::error::sql("read"))
    };
    assert!(matches!(ask(&read, gone), Err(NotAnswered::Failed(_))));
    while !writer.found_damaged() {
        std::thread::yield_now();
    }
}
