//! Stakes that are not in memory when they end: they have no index of their own, and are found by their round.

use super::*;
use crate::{CountedFor, TableStep, money::Unsigned};

const ROUNDS: u64 = 3;
const BETS: u64 = 8;
/// The first record behind the bets.
const ENDS: u64 = 1 + ROUNDS * BETS;

fn player(lsn: u64) -> [u8; 16] {
    [u8::try_from(lsn / ROUNDS % 4).expect("a small number"); 16]
}

fn round(number: u64) -> (String, u64) {
    (format!("table-{}", number % 2), number)
}

fn hold_of(lsn: u64) -> [u8; 16] {
    // Not in the order of the log.
    u128::from(lsn).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b).to_be_bytes()
}

/// A bet of two spots; the rounds take turns.
fn bet(lsn: u64) -> LogRows {
    let mut rows = rows(lsn, vec![MoveRow::Hold(Box::new(held(lsn, "stake", Some(round(lsn % ROUNDS)))))]);
    let row = rows.transaction.as_mut().expect("it has one");
    (row.player, row.round) = (Some(player(lsn)), Some(round(lsn % ROUNDS)));
    let bets = vec![(1, 6), (2, 4)];
    rows.step = Some(TableStep::Bets { round: round(lsn % ROUNDS), player: player(lsn), bets });
    rows
}

fn held(lsn: u64, purpose: &'static str, round: Option<(String, u64)>) -> HeldRow {
    HeldRow {
        hold: hold_of(lsn),
        domain: "balance",
        purpose,
        prover: if round.is_some() { "round" } else { "balance" },
        round,
        expires_ms: None,
        sources: vec![(AccountKey { owner: player(lsn), ..key("cash", eur()) }, 10)],
        credit: key("clearing_collections", eur()),
    }
}

/// A record that ends the stakes of these bets.
fn ends(lsn: u64, bets: &[u64], round: Option<u64>, player: Option<[u8; 16]>, how: Ended) -> LogRows {
    let end = |bet: &u64| MoveRow::End { domain: "balance", hold: hold_of(*bet), how };
    let mut rows = rows(lsn, bets.iter().map(end).collect());
    let row = rows.transaction.as_mut().expect("it has one");
    (row.player, row.round) = (player, round.map(self::round));
    rows
}

#[test]
fn stakes_that_are_not_in_memory_are_found_by_their_round_and_other_holds_by_their_id() {
    let directory = tempfile::tempdir().expect("a directory");
    let bets = |number: u64| (1..ENDS).filter(|lsn| lsn % ROUNDS == number).collect::<Vec<_>>();
    let other = MoveRow::Hold(Box::new(held(1_000, "service", None)));
    let mut writer = written(&directory, ENDS, |lsn| match lsn {
        ENDS => rows(lsn, vec![other.clone()]),
        lsn => bet(lsn),
    });
    let open = |of: &[u64]| {
        let contents = ModelContents::read(directory.path()).expect("readable").expect("it is there");
        let mut open: Vec<_> = of.iter().map(|lsn| (hold_of(*lsn), 10)).collect();
        open.sort_unstable();
        assert_eq!((contents.open_holds, contents.wrong), (open, Vec::<String>::new()));
    };
    let mut standing: Vec<u64> = (1..ENDS).chain([1_000]).collect();
    open(&standing);
    let taken_back: Vec<u64> = bets(0).into_iter().filter(|lsn| player(*lsn) == player(3)).collect();
    assert_eq!(taken_back.len(), 2);
    let rest: Vec<u64> = bets(0).into_iter().filter(|lsn| !taken_back.contains(lsn)).collect();
    let steps = [
        // One player's, a round's, all but those; one whose record names another round, and one that names none.
        ends(ENDS + 1, &taken_back, Some(0), Some(player(3)), Ended::Voided),
        ends(ENDS + 2, &bets(1), Some(1), None, Ended::Posted),
        ends(ENDS + 3, &rest, Some(0), None, Ended::Posted),
        ends(ENDS + 4, &bets(2)[..1], Some(1), None, Ended::Voided),
        ends(ENDS + 5, &[1_000], None, None, Ended::Posted),
        ends(ENDS + 6, &bets(2)[1..], None, Some(player(2)), Ended::Voided),
    ];
    let ended =
        [taken_back, bets(1), rest.clone(), bets(2)[..1].to_vec(), vec![1_000], bets(2)[1..].to_vec()];
    for (step, ended) in steps.iter().zip(&ended) {
        // What is in memory is forgotten.
        writer.roll_back().expect("a disk");
        writer.take(step.clone()).expect("they are open");
        writer.commit(cursor(step.lsn)).expect("a disk");
        standing.retain(|lsn| !ended.contains(lsn));
        open(&standing);
    }
    assert_eq!(standing, [0; 0]);
    // Each ends once.
    for step in &steps {
        assert!(writer.take(step.clone()).is_err_and(|error| error.needs_a_new_file()));
        writer.roll_back().expect("a disk");
    }
}

/// A record that opens a round.
fn opens(lsn: u64, number: u64) -> LogRows {
    let step = TableStep::Opened {
        round: round(number),
        game: "roulette".into(),
        rules: 1,
        currency: eur(),
        commitment: [3; 32],
    };
    LogRows { step: Some(step), ..rows(lsn, Vec::new()) }
}

/// A record that ends a round, and the stakes of these bets.
fn over(lsn: u64, bets: &[u64], number: u64, how: Ended) -> LogRows {
    let round = round(number);
    let step = match how {
        Ended::Posted => TableStep::Settled { round, drawn: 1, seed: [4; 32], returned: 0 },
        Ended::Voided => TableStep::Voided { round, reason: "a test" },
    };
    // Each player is counted for a round that is drawn, once.
    let figures = match how {
        Ended::Posted => vec![FigureRow {
            figure: BusinessFigure::Rounds,
            currency: eur(),
            number: 1,
            amount: 0,
            of: FigureOf::Round(self::round(number).0, number),
        }],
        Ended::Voided => Vec::new(),
    };
    let counted =
        bets.iter().map(|bet| (CountedFor::Bet, player(*bet), eur())).filter(|_| how == Ended::Posted);
    let business = BusinessRows { figures, players: counted.collect(), ..BusinessRows::default() };
    LogRows {
        step: Some(step),
        business: Some(Box::new(business)),
        ..ends(lsn, bets, Some(number), None, how)
    }
}

/// What the table says of the end of each hold, and the rounds of their open stakes.
fn own_ends(directory: &TempDir) -> (Vec<(u64, Option<u64>)>, Vec<u64>) {
    let sql = rusqlite::Connection::open(directory.path().join(crate::DIRECTORY).join("read-model.db"));
    let sql = sql.expect("the file");
    let mut holds = sql.prepare("SELECT lsn, ended_lsn FROM holds ORDER BY lsn, n").expect("SQL");
    let holds = holds.query_map([], |row| {
        Ok((row.get::<_, Unsigned>(0)?.0, row.get::<_, Option<Unsigned>>(1)?.map(|ended| ended.0)))
    });
    let mut rounds = sql.prepare("SELECT stakes_open FROM rounds ORDER BY round").expect("SQL");
    let rounds = rounds.query_map([], |row| row.get::<_, Unsigned>(0).map(|open| open.0));
    let holds = holds.expect("rows").collect::<rusqlite::Result<_>>().expect("rows");
    (holds, rounds.expect("rows").collect::<rusqlite::Result<_>>().expect("rows"))
}

#[test]
fn stakes_end_with_their_round_and_have_an_end_of_their_own_only_when_they_end_otherwise() {
    let bets = |number: u64| (ROUNDS + 1..ENDS).filter(|lsn| lsn % ROUNDS == number).collect::<Vec<_>>();
    let (first, second, third) = (bets(0), bets(1), bets(2));
    let steps = [
        // A bet of the first round is taken back, and the others are drawn. The second round is void. The third one leaves a
        // stake open, which ends later.
        (ends(ENDS, &first[..1], Some(0), Some(player(first[0])), Ended::Voided), &first[..1]),
        (over(ENDS + 1, &first[1..], 0, Ended::Posted), &first[1..]),
        (over(ENDS + 2, &second, 1, Ended::Voided), &second[..]),
        (over(ENDS + 3, &third[1..], 2, Ended::Posted), &third[1..]),
        (ends(ENDS + 4, &third[..1], Some(2), None, Ended::Voided), &third[..1]),
    ];
    // One record a commit and nothing in memory; what is in memory stays; all in one commit.
    let ways = [(true, true), (true, false), (false, false)];
    let ended: Vec<_> = ways
        .map(|(commits, forgets)| {
            let directory = tempfile::tempdir().expect("a directory");
            let mut writer = written(&directory, ROUNDS, |lsn| opens(lsn, lsn % ROUNDS));
            let mut standing = Vec::new();
            let step = |writer: &mut ModelWriter, rows: LogRows| {
                let lsn = rows.lsn;
                writer.take(rows).expect("it fits");
                if commits || lsn == ENDS + 4 {
                    writer.commit(cursor(lsn)).expect("a disk");
                }
                if forgets {
                    writer.roll_back().expect("a disk");
                }
            };
            for lsn in ROUNDS + 1..ENDS {
                step(&mut writer, bet(lsn));
                standing.push((hold_of(lsn), 10));
            }
            for (rows, over) in &steps {
                step(&mut writer, rows.clone());
                standing.retain(|(hold, _)| over.iter().all(|lsn| hold_of(*lsn) != *hold));
                if commits {
                    let contents =
                        ModelContents::read(directory.path()).expect("readable").expect("it is there");
                    standing.sort_unstable();
                    assert_eq!(
                        (contents.open_holds, contents.wrong),
                        (standing.clone(), Vec::<String>::new())
                    );
                }
            }
            assert!(standing.is_empty());
            let read = ReadModel::start(&writer).expect("threads");
            for (rows, over) in &steps {
                for lsn in *over {
                    let (lsn, hold) = (*lsn, hold_of(*lsn));
                    let ended = ask(&read, move |view| view.hold_ended(lsn, hold)).expect("an answer");
                    assert_eq!(ended, Some(rows.lsn));
                }
            }
            // Each ends once.
            for (rows, _) in &steps {
                assert!(writer.take(rows.clone()).is_err_and(|error| error.needs_a_new_file()));
                writer.roll_back().expect("a disk");
            }
            own_ends(&directory)
        })
        .into();
    let own = |lsn: &u64| match *lsn {
        lsn if lsn == first[0] => Some(ENDS),
        lsn if lsn == third[0] => Some(ENDS + 4),
        lsn if lsn % ROUNDS == 2 => Some(ENDS + 3),
        _ => None,
    };
    let expected: Vec<_> = (ROUNDS + 1..ENDS).map(|lsn| (lsn, own(&lsn))).collect();
    for (holds, stakes_open) in ended {
        assert_eq!(
            (holds, stakes_open),
            (expected.clone(), vec![0; 3]),
            "it does not matter when it is committed"
        );
    }
}

#[test]
fn the_open_stakes_of_a_round_are_those_of_its_bets_that_have_not_ended() {
    let directory = tempfile::tempdir().expect("a directory");
    let taken_back: Vec<u64> = (1..ENDS).filter(|lsn| lsn % ROUNDS == 0).take(2).collect();
    let writer = written(&directory, ENDS, |lsn| match lsn {
        ENDS => ends(lsn, &taken_back, Some(0), None, Ended::Voided),
        lsn => bet(lsn),
    });
    let read = ReadModel::start(&writer).expect("threads");
    let stakes = |number: u64, player: Option<[u8; 16]>| {
        let (table, round) = round(number);
        let question = move |view: &crate::ModelView<'_>| {
            let read = || -> rusqlite::Result<Vec<u64>> {
                let mut stakes = view.connection.prepare(crate::held::OF_ROUND)?;
                let of = rusqlite::params![table, Unsigned(round), player, "balance"];
                stakes.query_map(of, |row| row.get::<_, Unsigned>(1).map(|lsn| lsn.0))?.collect()
            };
            read().map_err(crate::error::sql("read"))
        };
        ask(&read, question).expect("an answer")
    };
    for number in 0..ROUNDS {
        let open = |lsn: &u64| lsn % ROUNDS == number && !taken_back.contains(lsn);
        let expected: Vec<u64> = (1..ENDS).filter(open).collect();
        assert!(expected.len() >= 6);
        assert_eq!(stakes(number, None), expected);
        let own: Vec<u64> = expected.into_iter().filter(|lsn| player(*lsn) == player(3)).collect();
        assert_eq!(stakes(number, Some(player(3))), own);
    }
    assert_eq!(stakes(ROUNDS, None), [0; 0]);
}

#[test]
fn the_search_for_a_hold_reads_no_table_as_a_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 1, bet);
    let read = ReadModel::start(&writer).expect("threads");
    let plan = |query: &'static str, values: usize| {
        let steps = move |view: &crate::ModelView<'_>| {
            let read = || -> rusqlite::Result<Vec<String>> {
                let mut plan = view.connection.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
                let nothing = rusqlite::params_from_iter(vec![rusqlite::types::Null; values]);
                plan.query_map(nothing, |row| row.get(3))?.collect()
            };
            read().map_err(crate::error::sql("read"))
        };
        ask(&read, steps).expect("an answer")
    };
    let other = plan(crate::held::OTHER, 2);
    assert!(other.len() == 1 && other[0].contains("INDEX holds_open (hold=? AND domain=?)"), "{other:?}");
    let mut of_round = plan(crate::held::OF_ROUND, 4);
    // Whether the round of a stake has ended is looked up for each.
    of_round.retain(|step| !step.starts_with("CORRELATED"));
    assert!(of_round.len() == 3 && of_round.iter().all(|step| step.starts_with("SEARCH")), "{of_round:?}");
    assert!(of_round[0].contains("(table_id=? AND round=?)"), "{of_round:?}");
    assert!(of_round[1].contains("(lsn=?)"), "{of_round:?}");
    let any = plan(crate::held::ANY, 2);
    assert!(any.iter().any(|step| step.starts_with("SCAN")), "what a search as a whole looks like: {any:?}");
}
