//! The state as of a record, beside what the records before it have done.

use super::*;
use crate::{ImageRow, TableStep};

fn image(kind: u16, key: &[u8], value: Option<&[u8]>) -> ImageRow {
    ImageRow { kind, key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
}

#[test]
fn an_account_as_of_a_record_is_what_the_records_up_to_it_have_made_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let held = |hold: u8, amount| {
        MoveRow::Hold(Box::new(HeldRow {
            hold: [hold; 16],
            domain: "balance",
            purpose: "service",
            prover: "balance",
            round: None,
            expires_ms: None,
            sources: vec![(key("cash", eur()), amount)],
            credit: key("clearing_collections", eur()),
        }))
    };
    let end = |hold, how| MoveRow::End { domain: "balance", hold: [hold; 16], how };
    let bonus = MoveRow::Post { debit: key("grants", eur()), credit: key("bonus", eur()), amount: 1 << 90 };
    let writer = written(&directory, 8, |lsn| {
        let moves = match lsn {
            2 => vec![MoveRow::Open(key("cash", eur()))],
            // Its first use opens it.
            3 => vec![bonus.clone()],
            4 => vec![post(100, eur())],
            5 => vec![held(5, 30)],
            6 => vec![held(6, 20), end(5, Ended::Posted)],
            7 => vec![end(6, Ended::Voided)],
            _ => vec![],
        };
        rows(lsn, moves)
    });
    let read = ReadModel::start(&writer).expect("threads");
    let as_of =
        |kind, lsn| ask(&read, move |view| view.account_as_of(&key(kind, eur()), lsn)).expect("an answer");
    let cash: Vec<_> = (0..=9).map(|lsn| as_of("cash", lsn)).collect();
    let expected = [
        None,
        None,
        Some((0, 0)),
        Some((0, 0)),
        Some((100, 0)),
        Some((100, 30)),
        Some((70, 20)),
        Some((70, 0)),
        Some((70, 0)),
        Some((70, 0)),
    ];
    assert_eq!(cash, expected);
    assert_eq!((as_of("bonus", 2), as_of("bonus", 3)), (None, Some((1 << 90, 0))));
    assert_eq!(as_of("grants", u64::MAX), Some((-(1 << 90), 0)));
    // What it is to be credited with is no money of it yet.
    assert_eq!((as_of("clearing_collections", 3), as_of("clearing_collections", 5)), (None, Some((-100, 0))));
    // Each part of the key counts.
    let other = AccountKey { owner: [1; 16], ..key("cash", eur()) };
    let others = [
        other,
        AccountKey { domain: "collections", ..key("cash", eur()) },
        AccountKey { owner_kind: "merchant", ..key("cash", eur()) },
        key("cash", "USD".parse().expect("a currency")),
    ];
    for other in others {
        let found = ask(&read, move |view| view.account_as_of(&other, u64::MAX)).expect("an answer");
        assert_eq!(found, None, "{other:?}");
    }
}

#[test]
fn a_row_as_of_a_record_is_the_newest_image_up_to_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 9, |lsn| {
        let images = match lsn {
            2 => vec![image(1, b"one", Some(b"first")), image(2, b"one", Some(b"of another kind"))],
            4 => vec![image(1, b"one", Some(b"")), image(1, b"on", Some(b"of another key"))],
            6 => vec![image(1, b"one", None)],
            8 => vec![image(1, b"one", Some(b"again")), image(2, b"one", None)],
            _ => vec![],
        };
        LogRows { images, ..rows(lsn, vec![]) }
    });
    let read = ReadModel::start(&writer).expect("threads");
    let as_of = |kind, key: &'static [u8], lsn| {
        ask(&read, move |view| view.row_as_of(kind, key, lsn)).expect("an answer")
    };
    let texts: Vec<_> = (1..=9)
        .map(|lsn| as_of(1, b"one", lsn).map(|value| String::from_utf8(value).expect("a text")))
        .collect();
    let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
    let first = Some("first");
    assert_eq!(texts, [None, first, first, Some(""), Some(""), None, None, Some("again"), Some("again")]);
    assert_eq!(as_of(1, b"one", u64::MAX), Some(b"again".to_vec()));
    assert_eq!(as_of(2, b"one", 7), Some(b"of another kind".to_vec()));
    assert_eq!((as_of(2, b"one", 8), as_of(3, b"one", 8), as_of(1, b"o", 8)), (None, None, None));

    let contents = ModelContents::read(directory.path()).expect("readable").expect("it is there");
    let newest = [image(1, b"on", Some(b"of another key")), image(1, b"one", Some(b"again"))];
    assert_eq!(contents.rows, newest, "a removed row is none");
}

#[test]
fn the_last_round_of_a_table_as_of_a_record_and_when_a_hold_had_ended_are_found() {
    let directory = tempfile::tempdir().expect("a directory");
    // Round n of either table is opened by record 10 n, and that of the second one by the next record.
    let opens = |lsn: u64| (lsn >= 10 && lsn % 10 < 2).then(|| (format!("table-{}", lsn % 10), lsn / 10));
    let writer = written(&directory, 95, |lsn| {
        let mut rows = rows(lsn, Vec::new());
        rows.step = opens(lsn).map(|round| TableStep::Opened {
            round,
            game: "roulette".into(),
            rules: 1,
            currency: eur(),
            commitment: [3; 32],
        });
        if let 93 | 95 = lsn {
            rows.moves = vec![match lsn {
                93 => MoveRow::Hold(Box::new(HeldRow {
                    hold: [9; 16],
                    domain: "balance",
                    purpose: "service",
                    prover: "balance",
                    round: None,
                    expires_ms: None,
                    sources: vec![(key("cash", eur()), 5)],
                    credit: key("clearing_adjustment", eur()),
                })),
                _ => MoveRow::End { domain: "balance", hold: [9; 16], how: Ended::Voided },
            }];
        }
        rows
    });
    let read = ReadModel::start(&writer).expect("threads");
    for lsn in 0..=100 {
        for table in 0..2 {
            let expected =
                (1..=9).rev().map(|number| (number, number * 10 + table)).find(|(_, at)| *at <= lsn);
            let name = format!("table-{table}");
            let found = ask(&read, move |view| view.last_round(&name, lsn)).expect("an answer");
            assert_eq!(found, expected, "{table} {lsn}");
        }
    }
    assert_eq!(ask(&read, |view| view.last_round("table-2", 100)).expect("an answer"), None);
    let ended = |made, hold| ask(&read, move |view| view.hold_ended(made, [hold; 16])).expect("an answer");
    assert_eq!((ended(93, 9), ended(93, 8), ended(94, 9)), (Some(95), None, None));
}
