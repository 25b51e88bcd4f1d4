//! Lists, the past and reports, each beside what the rows themselves say.

use super::*;
use crate::{
    DayRange, ListPage, ListedAs, LsnPage, Moments, PastFunds, RefusedAct, TableStep, TransactionFilter,
    TransactionLine,
};

const OTHER: [u8; 16] = [8; 16];

/// Every third record is a refusal, every seventh moves money of nobody's, every fifth is of another player and moves none.
fn mixed(lsn: u64) -> LogRows {
    let is_refusal = lsn.is_multiple_of(3);
    let moves = if is_refusal || lsn.is_multiple_of(5) { vec![] } else { vec![post(lsn.into(), eur())] };
    let mut rows = rows(lsn, moves);
    let row = rows.transaction.as_mut().expect("it has one");
    row.code = is_refusal.then_some(if lsn.is_multiple_of(2) { "no_account" } else { "table_closed" });
    row.amount = (!lsn.is_multiple_of(4)).then(|| (lsn.into(), eur()));
    row.player = match lsn {
        lsn if lsn.is_multiple_of(7) => None,
        lsn if lsn.is_multiple_of(5) => Some(OTHER),
        _ => Some(PLAYER),
    };
    rows
}

/// Every fourth record is of one of two operators; every eighth tells of a refused act.
fn of_operators(lsn: u64) -> LogRows {
    let mut rows = mixed(lsn);
    if lsn.is_multiple_of(4) {
        let row = rows.transaction.as_mut().expect("it has one");
        row.principal_kind = "operator";
        row.principal = if lsn.is_multiple_of(12) { OTHER } else { PLAYER };
        rows.refused_act =
            lsn.is_multiple_of(8).then_some(RefusedAct { act: "freeze", lacks: "balance:write" });
    }
    rows
}

#[test]
fn the_acts_of_an_operator_are_found_by_an_index_and_say_what_was_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 100, of_operators);
    let read = ReadModel::start(&writer).expect("threads");
    // Players have such ids too; they are others.
    let filter = TransactionFilter { operator: Some(OTHER), ..TransactionFilter::default() };
    let found: Vec<_> = all(&read, &filter, false)
        .into_iter()
        .map(|line| (line.lsn, line.principal_kind, line.refused_act.is_some()))
        .collect();
    let expected: Vec<_> =
        (1..=8_u64).map(|number| (number * 12, "operator".to_owned(), number.is_multiple_of(2))).collect();
    assert_eq!(found, expected);
}

/// All lines of a list, by pages of three.
fn all(read: &ReadModel, filter: &TransactionFilter, newest_first: bool) -> Vec<TransactionLine> {
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let (filter, page) = (filter.clone(), LsnPage { after, newest_first, limit: 3 });
        let found: ListPage<_> = ask(read, move |view| view.transactions(&filter, page)).expect("an answer");
        assert!(found.lines.len() <= 3);
        lines.extend(found.lines);
        match found.goes_on_after {
            None => return lines,
            next => after = next,
        }
    }
}

#[test]
fn the_list_of_transactions_has_what_its_filter_wants_in_order_and_by_pages() {
    const LAST: u64 = 100;
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, LAST, mixed);
    let read = ReadModel::start(&writer).expect("threads");
    let wanted = |change: &dyn Fn(&mut TransactionFilter), is: &dyn Fn(u64, &TransactionRow) -> bool| {
        let mut filter = TransactionFilter::default();
        change(&mut filter);
        let mut expected: Vec<_> = (1..=LAST)
            .filter(|lsn| is(*lsn, mixed(*lsn).transaction.as_ref().expect("it has one")))
            .collect();
        let lsns =
            |newest_first| all(&read, &filter, newest_first).iter().map(|line| line.lsn).collect::<Vec<_>>();
        assert_eq!(lsns(false), expected, "{filter:?}");
        expected.reverse();
        assert_eq!(lsns(true), expected, "{filter:?}");
        expected.len()
    };
    // The player's account was changed by what names no player too.
    let is_of_player =
        |lsn: u64, row: &TransactionRow| row.player == Some(PLAYER) || !mixed(lsn).moves.is_empty();
    assert_eq!(wanted(&|_| {}, &|_, _| true), 100);
    assert!(wanted(&|filter| filter.player = Some(PLAYER), &is_of_player) > 50);
    assert!(wanted(&|filter| filter.player = Some(OTHER), &|_, row| row.player == Some(OTHER)) > 5);
    assert_eq!(wanted(&|filter| filter.player = Some([1; 16]), &|_, _| false), 0);
    let refused = |_: u64, row: &TransactionRow| row.code.is_some();
    assert_eq!(wanted(&|filter| filter.decision = Some(ListedAs::Rejected), &refused), 33);
    assert_eq!(
        wanted(&|filter| filter.decision = Some(ListedAs::Committed), &|_, row| row.code.is_none()),
        67
    );
    wanted(
        &|filter| {
            filter.decision = Some(ListedAs::Rejected);
            filter.player = Some(PLAYER);
        },
        &|_, row| row.code.is_some() && row.player == Some(PLAYER),
    );
    wanted(&|filter| filter.code = Some("no_account".into()), &|_, row| row.code == Some("no_account"));
    wanted(&|filter| filter.recipe = Some("ODD".into()), &|_, row| row.recipe == "ODD");
    wanted(&|filter| (filter.table, filter.round) = (Some("table-1".into()), Some(4)), &|_, row| {
        row.round == Some(("table-1".into(), 4))
    });
    assert_eq!(wanted(&|filter| filter.reference = Some("REF-40".into()), &|lsn, _| lsn == 40), 1);
    wanted(
        &|filter| (filter.reference, filter.player) = (Some("REF-40".into()), Some(PLAYER)),
        &|lsn, row| lsn == 40 && row.player == Some(PLAYER),
    );
    wanted(
        &|filter| filter.amount = AmountRange { min: "0.10".parse().ok(), max: "0.5".parse().ok() },
        &|_, row| row.amount.is_some_and(|(minor, _)| (10..=50).contains(&minor)),
    );
    let when = Moments { from_ms: Some(20_000), to_ms: Some(80_000), as_of: Some(60) };
    assert_eq!(wanted(&|filter| filter.when = when, &|lsn, _| (20..=60).contains(&lsn)), 41);
    // More than are looked at for one page, none of which is wanted.
    assert_eq!(wanted(&|filter| filter.code = Some("none".into()), &|_, _| false), 0);

    let line = all(&read, &TransactionFilter { player: Some(OTHER), ..Default::default() }, false).remove(0);
    let row = mixed(5).transaction.expect("it has one");
    assert_eq!((line.lsn, line.time_ms, line.tx, line.player), (5, 5_000, row.tx, Some(OTHER)));
    assert_eq!((line.reference, line.amount), (row.reference, Some((5, "EUR".into()))));
    assert_eq!(line.round, row.round.map(|(table, round)| (table, Some(round))));
}

#[test]
fn what_a_player_had_as_of_a_record_is_the_sum_of_what_was_posted_until_then() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 30, mixed);
    let read = ReadModel::start(&writer).expect("threads");
    let mut sum = 0;
    for lsn in 1..=30 {
        sum += i128::from(if mixed(lsn).moves.is_empty() { 0 } else { lsn });
        let found = ask(&read, move |view| view.funds_as_of(PLAYER, lsn)).expect("an answer");
        let account = AccountName { domain: "balance".into(), kind: "cash".into(), currency: "EUR".into() };
        assert_eq!(found, [PastFunds { account, balance: sum, held: 0 }], "{lsn}");
    }
    assert_eq!(ask(&read, |view| view.funds_as_of(PLAYER, 0)).expect("an answer"), []);
    assert_eq!(ask(&read, |view| view.funds_as_of(OTHER, u64::MAX)).expect("an answer"), []);
}

/// A round of table 1 for each four records: opened, staked, locked, and drawn or void; every fifth is left open.
fn played(lsn: u64) -> LogRows {
    let number = (lsn - 1) / 4;
    let round = (format!("table-{}", number % 2), number);
    let mut rows = rows(lsn, Vec::new());
    rows.time_ms = lsn * 3_600_000;
    rows.step = Some(match (lsn - 1) % 4 {
        0 => TableStep::Opened {
            round,
            game: "roulette".into(),
            rules: 1,
            currency: eur(),
            commitment: [3; 32],
        },
        1 => {
            rows.moves = vec![MoveRow::Hold(Box::new(HeldRow {
                hold: u128::from(lsn).to_be_bytes(),
                domain: "balance",
                purpose: "stake",
                prover: "round",
                round: Some(round.clone()),
                expires_ms: None,
                sources: vec![(key("cash", eur()), 30), (key("bonus", eur()), 10)],
                credit: key("clearing_collections", eur()),
            }))];
            TableStep::Bets { round, player: PLAYER, bets: vec![(1, 40)] }
        }
        2 => TableStep::Locked { round, staked: 40, mix: [4; 32] },
        _ if number % 5 == 4 => return LogRows { lsn, time_ms: rows.time_ms, ..LogRows::default() },
        _ => {
            let how = if number.is_multiple_of(3) { Ended::Voided } else { Ended::Posted };
            rows.moves =
                vec![MoveRow::End { domain: "balance", hold: u128::from(lsn - 2).to_be_bytes(), how }];
            match how {
                Ended::Voided => TableStep::Voided { round, reason: "test" },
                Ended::Posted => TableStep::Settled { round, drawn: 1, seed: [5; 32], returned: 36 },
            }
        }
    });
    rows
}

#[test]
fn interrupted_rounds_are_the_void_ones_and_those_without_an_end_that_nobody_plays() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 40, played);
    let read = ReadModel::start(&writer).expect("threads");
    let rounds = |tables: &'static [&str], newest_first| {
        let (mut lines, mut after) = (Vec::new(), None);
        loop {
            let page = LsnPage { after, newest_first, limit: 2 };
            let played: Vec<_> = tables.iter().map(|table| (*table).to_owned()).collect();
            let found = ask(&read, move |view| view.interrupted(&Moments::default(), &played, page));
            let found = found.expect("an answer");
            lines.extend(found.lines);
            match found.goes_on_after {
                None => return lines,
                next => after = next,
            }
        }
    };
    let told = |tables, newest_first| {
        let lines = rounds(tables, newest_first).into_iter();
        lines.map(|line| (line.round, line.state, line.held.holds, line.held.amount)).collect::<Vec<_>>()
    };
    let void = |round| (round, "voided".to_owned(), 0, 0);
    let open = |round| (round, "locked".to_owned(), 1, 40);
    let expected = [void(0), void(3), open(4), void(6), open(9)];
    assert_eq!(told(&[], false), expected);
    assert_eq!(told(&[], true), expected.iter().rev().cloned().collect::<Vec<_>>());
    // Round 9 is at table 1.
    assert_eq!(told(&["table-1", "other"], false), expected[..4]);
}

#[test]
fn games_and_classes_are_summed_over_the_days_that_are_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = written(&directory, 40, played);
    let read = ReadModel::start(&writer).expect("threads");
    let played = |first, last| ask(&read, move |view| view.games_played(DayRange { first, last }));
    let whole = played(0, 9).expect("an answer");
    assert_eq!(whole.len(), 1);
    // Of ten rounds three are void, and two have no end.
    let game = &whole[0].sums;
    assert_eq!((game.settled, game.voided, game.requests), (5, 3, 5));
    assert_eq!((game.staked, game.returned, game.staked_squares), (200, 180, 8_000.0));
    let parts = [played(0, 0).expect("an answer"), played(1, 1).expect("an answer")].concat();
    assert_eq!(parts.iter().map(|part| part.sums.settled + part.sums.voided).sum::<u64>(), 8);
    assert_eq!(played(2, 9).expect("an answer"), []);

    let days = |domain: Option<&'static str>| {
        let days = DayRange { first: 0, last: 9 };
        ask(&read, move |view| view.class_days(days, domain)).expect("an answer")
    };
    assert_eq!(days(None), days(Some("balance")));
    assert_eq!(days(Some("collections")), []);
    let posted: i128 = days(None).iter().map(|day| day.posted.debits - day.posted.credits).sum();
    assert_eq!(posted, 0, "what one account gives, another has");
    let totals = ask(&read, |view| view.class_totals(None)).expect("an answer");
    let owed = totals.iter().filter(|class| class.is_owed());
    let of: Vec<_> = owed.map(|owed| (owed.kind.as_str(), owed.open_holds, owed.held)).collect();
    assert_eq!(of, [("bonus", 0, 20), ("cash", 2, 60)]);
}
