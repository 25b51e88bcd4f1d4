//! The read model behind a log of played rounds: wherever it is stopped, it has what one that was built in one go has.

mod business;
mod played;

use std::{collections::BTreeMap, fs, path::Path};

use engine::{Body, World, table::TableLeg};
use readmodel::{DIRECTORY, ModelContents};
use rusqlite::{Connection, types::ValueRef};
use tempfile::TempDir;

use self::played::Played;
use super::*;
use crate::followers::log::{self, OpenGate};

/// Name of the file that is read.
const FILE: &str = "read-model.db";

fn path(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join(DIRECTORY).join(FILE)
}

/// The tables with their log, taken step by step on the thread of the test.
struct Stepped {
    tables: Tables,
    journal: Journal<Output>,
    reader: Box<dyn RecordReader>,
}

impl Stepped {
    fn open(directory: &TempDir, journal: &Journal<Output>) -> Self {
        let (writer, _) = ModelWriter::open(directory.path()).expect("a disk");
        let tables = Tables::of(writer);
        let reader = tables.open(journal).expect("a log");
        Self { tables, journal: journal.clone(), reader }
    }

    /// Takes the records up to this one, and commits them only when it shall.
    fn take(&mut self, lsn: u64, commits: bool) {
        self.tables.limit(self.journal.durable());
        while let Some(entry) = self.reader.next(Lsn(lsn)).expect("a sound log") {
            assert_eq!(self.tables.take(&entry), None);
        }
        assert_eq!(self.tables.halted, None);
        if commits {
            let next = self.tables.reached(&self.reader.cursor(), false).expect("a disk");
            assert_ne!(next, Next::Restart(RETRY));
        }
    }
}

/// All tables as text, for a comparison.
fn dump(path: &Path) -> Vec<String> {
    let sql = Connection::open(path).expect("the file");
    let mut names =
        sql.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").expect("SQL");
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).expect("names").map(|name| name.expect("a name")).collect();
    assert!(names.len() >= 10, "{names:?}");
    let mut lines = Vec::new();
    for name in names {
        let mut rows = sql.prepare(&format!("SELECT * FROM {name}")).expect("SQL");
        let columns = rows.column_count();
        let mut rows = rows.query([]).expect("rows");
        let mut of_table = Vec::new();
        while let Some(row) = rows.next().expect("a row") {
            let values = (0..columns).map(|at| match row.get_ref(at).expect("a value") {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                value => format!("{value:?}"),
            });
            of_table.push(format!("{name} {}", values.collect::<Vec<_>>().join(" ")));
        }
        of_table.sort();
        lines.extend(of_table);
    }
    lines
}

/// Follows the whole log with the running follower, and stops it.
fn follow(directory: &TempDir, journal: &Journal<Output>) {
    let kept = KeptReadModel::start(directory.path(), journal.clone()).expect("a thread");
    let (durable, progress) = (journal.durable(), kept.progress());
    while progress.lsn() < durable || kept.read().builds() {
        std::thread::yield_now();
    }
}

fn agrees(directory: &TempDir, world: &World) {
    let contents = ModelContents::read(directory.path()).expect("readable").expect("it is there");
    assert_eq!(contents.cursor.lsn, world.books.lsn());
    assert_eq!(differences(&contents, world), Vec::<String>::new());
}

#[test]
fn the_read_model_has_what_the_state_has_after_bets_clearings_draws_voids_and_refusals() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(6);
    follow(&directory, &played.journal);
    agrees(&directory, &played.world());
    let lines = dump(&path(&directory));
    for (what, least) in [
        ("transactions", 60),
        ("accounts", 5),
        ("bets", 20),
        ("rounds", 7),
        ("row_images", 4),
        ("entries", 60),
        ("daily_totals", 3),
        ("daily_games", 1),
        ("daily_business", 5),
        ("daily_players", 8),
        ("currencies", 1),
    ] {
        let rows = lines.iter().filter(|line| line.split(' ').next() == Some(what)).count();
        assert!(rows >= least, "{what} has {rows} rows");
    }
    assert!(lines.iter().any(|line| line.starts_with("rounds") && line.contains("voided")));
    assert!(lines.iter().any(|line| line.starts_with("holds") && line.contains("voided")));
    assert!(lines.iter().any(|line| line.starts_with("transactions") && line.contains("no_account")));
    played.journal.stop();
}

#[test]
fn what_was_played_by_day_is_the_sum_of_the_rounds_that_ended_on_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(6);
    let kept = KeptReadModel::start(directory.path(), played.journal.clone()).expect("a thread");
    while kept.progress().lsn() < played.journal.durable() || kept.read().builds() {
        std::thread::yield_now();
    }
    // From the records alone: day, rounds, voids, requests, stakes, payouts.
    let mut days: BTreeMap<u64, (u64, u64, u64, i128, i128)> = BTreeMap::new();
    let mut staked_now = 0;
    let mut last = 0;
    played.each_record(|record| {
        last = record.time;
        let Body::Committed(committed) = &record.body else { return };
        let day = days.entry(record.time / 86_400_000).or_default();
        match &committed.table {
            Some((_, TableLeg::Locked { staked, .. })) => staked_now = *staked,
            Some((_, TableLeg::Settled { returned, .. })) => {
                let moves = committed.legs.iter().flat_map(|(_, leg)| &leg.moves);
                let posted = moves.filter(|made| matches!(made, ledger::Move::PostHold(_))).count() as u64;
                *day = (day.0 + 1, day.1, day.2 + posted, day.3 + staked_now, day.4 + returned);
            }
            Some((_, TableLeg::Voided { .. })) => day.1 += 1,
            _ => {}
        }
    });
    let of_day = |day: u64| {
        let day = i64::try_from(day).expect("a small number");
        let days = readmodel::DayRange { first: day, last: day };
        let (sender, told) = std::sync::mpsc::channel();
        let question = move |view: &readmodel::ModelView<'_>| view.games_played(days);
        kept.read().ask(RETRY, question, move |answer| sender.send(answer).expect("the test listens"));
        let (_, games) = told.recv().expect("an answer").expect("in time");
        assert!(games.len() <= 1, "one game is played");
        games.first().map(|game| {
            let sums = &game.sums;
            (sums.settled, sums.voided, sums.requests, sums.staked, sums.returned)
        })
    };
    let last = last / 86_400_000;
    let found: BTreeMap<_, _> =
        (last - 9..=last).filter_map(|day| of_day(day).map(|played| (day, played))).collect();
    assert_eq!(found.len(), 2, "the rounds go over midnight");
    assert_eq!(found, days);
    drop(kept);
    played.journal.stop();
}

#[test]
fn after_a_panic_it_goes_on_from_what_is_committed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(1);
    let last = played.journal.durable().0;
    let mut stepped = Stepped::open(&directory, &played.journal);
    stepped.take(5, true);
    stepped.take(last, false);
    assert_eq!(stepped.tables.cursor(), Lsn(last));
    stepped.tables.again().expect("a disk");
    assert_eq!(stepped.tables.cursor(), Lsn(5));
    stepped.reader = stepped.tables.open(&played.journal).expect("a log");
    stepped.take(last, true);
    drop(stepped);
    agrees(&directory, &played.world());
    played.journal.stop();
}

/// The cursor names the lineage of the log, which is random, so both read models follow the same log.
#[test]
fn stopped_at_any_record_before_or_after_a_commit_it_becomes_what_one_built_in_one_go_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(2);
    follow(&directory, &played.journal);
    let whole = dump(&path(&directory));
    let last = played.journal.durable().0;
    fs::remove_dir_all(directory.path().join(DIRECTORY)).expect("it is there");
    for lsn in 1..=last {
        // What was not committed is lost, as in a crash of the process.
        Stepped::open(&directory, &played.journal).take(lsn, lsn % 3 == 0);
    }
    let mut end = Stepped::open(&directory, &played.journal);
    end.take(last, true);
    drop(end);
    assert_eq!(dump(&path(&directory)), whole);
    played.journal.stop();
}

#[test]
fn without_its_file_or_with_one_of_another_version_or_damaged_it_is_built_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(2);
    follow(&directory, &played.journal);
    let whole = dump(&path(&directory));
    type Spoil<'a> = (&'a str, &'a dyn Fn(&Path));
    let spoil: [Spoil<'_>; 4] = [
        ("removed", &|path| fs::remove_file(path).expect("it is there")),
        ("of another version", &|path| {
            let sql = Connection::open(path).expect("the file");
            sql.execute_batch("DROP TABLE entries; PRAGMA user_version = 77").expect("SQL");
        }),
        ("no database", &|path| fs::write(path, [7; 10_000]).expect("a disk")),
        ("without a table", &|path| {
            let sql = Connection::open(path).expect("the file");
            sql.execute_batch("DROP TABLE classes").expect("SQL");
        }),
    ];
    for (what, spoil) in spoil {
        spoil(&path(&directory));
        let (writer, why) = ModelWriter::open(directory.path()).expect("a disk");
        assert!(writer.builds(), "{what}");
        assert_eq!(why.is_none(), what == "removed", "{why:?}");
        drop(writer);
        // The old file stays until the new one is complete.
        assert_eq!(path(&directory).exists(), what != "removed");
        follow(&directory, &played.journal);
        assert_eq!(dump(&path(&directory)), whole, "{what}");
        assert_eq!(fs::read_dir(directory.path().join(DIRECTORY)).expect("it is there").count(), 1, "{what}");
    }
    played.journal.stop();
}

#[test]
fn one_of_another_log_is_built_again() {
    let (first, second) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let mut other = Played::over(log::reopened(&first).start(OpenGate));
    other.play(1);
    follow(&first, &other.journal);
    other.journal.stop();
    let mut played = Played::over(log::reopened(&second).start(OpenGate));
    // A longer log, and after it a shorter one.
    played.play(2);
    fs::create_dir_all(second.path().join(DIRECTORY)).expect("a disk");
    fs::copy(path(&first), path(&second)).expect("a disk");
    follow(&second, &played.journal);
    agrees(&second, &played.world());
    played.journal.stop();

    let third = tempfile::tempdir().expect("a third");
    let mut short = Played::over(log::reopened(&third).start(OpenGate));
    short.deposits();
    fs::create_dir_all(third.path().join(DIRECTORY)).expect("a disk");
    fs::copy(path(&second), path(&third)).expect("a disk");
    follow(&third, &short.journal);
    agrees(&third, &short.world());
    short.journal.stop();
}

#[test]
fn damage_that_is_met_while_it_follows_has_another_file_built() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(1);
    follow(&directory, &played.journal);
    // An open hold is gone, so the record that ends it does not fit.
    played.open_round();
    follow(&directory, &played.journal);
    let sql = Connection::open(path(&directory)).expect("the file");
    let open = "DELETE FROM holds WHERE (lsn, n) IN (SELECT lsn, n FROM open_holds)";
    assert!(sql.execute(open, []).expect("SQL") > 0);
    drop(sql);
    played.end_round();
    follow(&directory, &played.journal);
    agrees(&directory, &played.world());
    played.journal.stop();
}

#[test]
fn a_record_that_does_not_fit_a_file_that_was_built_for_it_is_not_tried_for_ever() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(1);
    let mut stepped = Stepped::open(&directory, &played.journal);
    stepped.take(5, true);
    let unfit = Error::Unfit { what: "a hold".into(), lsn: 6 };
    for (halt, at) in [(Halt::Anew, 0), (Halt::ForGood, 0)] {
        stepped.tables.fails(6, &unfit);
        assert_eq!(stepped.tables.halted, Some(halt));
        stepped.tables.recover(halt);
        stepped.reader = stepped.tables.open(&played.journal).expect("a log");
        assert_eq!(stepped.tables.cursor(), Lsn(at));
    }
    assert_eq!(stepped.tables.limit(played.journal.durable()), Lsn(0), "nothing more is taken");
    // Another start tries once more.
    drop(stepped);
    follow(&directory, &played.journal);
    agrees(&directory, &played.world());
    played.journal.stop();
}

#[test]
fn the_more_a_commit_has_the_longer_the_next_one_gathers() {
    let ms = |taken| gather_after(taken).map(|time| time.as_millis());
    let times = [0, 499, 500, 1_999, 2_000, 1_000_000].map(ms);
    assert_eq!(times, [None, None, Some(250), Some(250), Some(500), Some(500)]);
}

#[test]
fn a_value_that_was_altered_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(2);
    played.open_round();
    follow(&directory, &played.journal);
    let world = played.world();
    agrees(&directory, &world);
    for change in [
        "UPDATE accounts SET credits = credits + 1 WHERE account = 1",
        "UPDATE accounts SET debits_pending = debits_pending + 1 WHERE account = 1",
        "UPDATE holds SET amount = amount + 1 WHERE (lsn, n) IN (SELECT lsn, n FROM open_holds)",
        "UPDATE rounds SET state = 'locked', locked_lsn = 1 WHERE ended_lsn IS NULL",
        "UPDATE entries SET after = after + 1 WHERE lsn = (SELECT min(lsn) FROM entries)",
        "UPDATE classes SET accounts = accounts + 1",
        "UPDATE daily_totals SET credits = credits + 1",
        "UPDATE daily_business SET amount = amount + 1 WHERE figure = 'bets'",
        "UPDATE daily_business SET number = number + 1 WHERE figure = 'new_players'",
        "DELETE FROM daily_business WHERE figure = 'deposits'",
        "UPDATE daily_players SET day = day + 1 WHERE counted_for = 'bet'",
        "DELETE FROM daily_players WHERE account = 1 AND counted_for = 'bet'",
        "DELETE FROM daily_players WHERE account = 1 AND counted_for = 'deposit'",
        "UPDATE rounds SET stakes_open = stakes_open + 1 WHERE ended_lsn IS NULL",
        "UPDATE rounds SET stakes_open = stakes_open + 1 WHERE state = 'settled' AND requests > 0",
        "DELETE FROM rounds WHERE ended_lsn IS NULL",
        "UPDATE row_images SET value = x'00' WHERE lsn = (SELECT max(lsn) FROM row_images WHERE value IS NOT NULL)",
        "UPDATE row_images SET key = x'00' WHERE lsn = (SELECT max(lsn) FROM row_images WHERE value IS NOT NULL)",
        "DELETE FROM row_images WHERE lsn = (SELECT max(lsn) FROM row_images WHERE value IS NOT NULL)",
        "DELETE FROM row_images WHERE value IS NULL",
        "INSERT INTO row_images SELECT kind, key, lsn + 100, NULL FROM row_images WHERE value IS NOT NULL",
        "INSERT INTO row_images VALUES (77, x'07', 1, x'')",
        "UPDATE accounts SET opened_lsn = opened_lsn + 100 WHERE account = 1",
    ] {
        let kept = fs::read(path(&directory)).expect("the file");
        let sql = Connection::open(path(&directory)).expect("the file");
        assert!(sql.execute(change, []).expect("SQL") > 0, "{change}");
        drop(sql);
        let contents = ModelContents::read(directory.path()).expect("readable").expect("it is there");
        assert_ne!(differences(&contents, &world), Vec::<String>::new(), "{change}");
        fs::write(path(&directory), kept).expect("a disk");
    }
    agrees(&directory, &world);
    played.journal.stop();
}
