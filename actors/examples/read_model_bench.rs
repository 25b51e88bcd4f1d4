//! Builds the read model of a log, and asks it: how many records a second it takes, and how long lists and dashboards take.
//!
//! ```text
//! cargo run --release -p actors --example long_log -- DIR 10000000
//! cargo run --release -p actors --example read_model_bench -- DIR [QUESTIONS] [RECORDS]
//! ```
//! The log is read as a follower reads it; the rows are made and committed by the follower's code, so many records in a commit,
//! on one thread. 20,000 are those of a follower that is far behind; 1,000 those of one that keeps up with 10,000 bets a second.
//! The processor's time is that of this thread alone, so it says something on a busy machine as well. Then each question is asked
//! `QUESTIONS` times, one after the other, as a request asks it: through the queue and a reader's thread. What the read model had
//! in `DIR` before is removed.

use std::{
    path::PathBuf,
    sync::mpsc,
    time::{Duration, Instant},
};

use actors::followers::read_model::rows_of;
use engine::{Formats, Record};
use journal::{Lsn, Reader};
use protocol::PlayerId;
use readmodel::{
    BusinessFilter, DIRECTORY, DayRange, Error, LinePlace, ModelCursor, ModelView, ModelWriter, Moments,
    Page, ReadModel, StatementFilter,
};

/// The allocator of the hub.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Most records of a commit, as in the follower.
const COMMIT_EVERY: u64 = 20_000;
/// Players of `long_log`.
const PLAYERS: u64 = 10_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory =
        PathBuf::from(arguments.next().expect("usage: read_model_bench DIR [QUESTIONS] [RECORDS]"));
    let questions = arguments.next().map_or(2_000, |text| text.parse().expect("a number"));
    let commit_every = arguments.next().map_or(COMMIT_EVERY, |text| text.parse().expect("a number"));
    // There may be none.
    let _ = std::fs::remove_dir_all(directory.join(DIRECTORY));
    let (mut writer, _) = ModelWriter::open(&directory).expect("a disk");
    let (records, bets) = build(&directory, &mut writer, commit_every);
    let read = ReadModel::start(&writer).expect("threads");
    let (bytes, _) = read.bytes();
    println!("{records} records, {bets} bets, {} bytes a record", bytes / records.max(1));

    let mut random = numbers(7);
    ask(&read, questions, "first page of a statement", move |_| {
        let player = player_id(random() % PLAYERS);
        move |view: &ModelView<'_>| page(view, player, StatementFilter::default(), None)
    });
    let mut random = numbers(8);
    ask(&read, questions, "a page in the middle", move |_| {
        let (player, lsn) = (player_id(random() % PLAYERS), random() % records);
        move |view: &ModelView<'_>| {
            page(view, player, StatementFilter::default(), Some(LinePlace { lsn, n: 0 }))
        }
    });
    let mut random = numbers(9);
    ask(&read, questions, "newest 50 settlements", move |_| {
        let player = player_id(random() % PLAYERS);
        let filter = StatementFilter { recipe: Some("SETTLE_ROUND".into()), ..StatementFilter::default() };
        move |view: &ModelView<'_>| page(view, player, filter, None)
    });
    let mut random = numbers(10);
    let time = 1_767_225_600_000;
    ask(&read, questions, "a page from a time on", move |_| {
        let player = player_id(random() % PLAYERS);
        let filter = StatementFilter {
            when: Moments { from_ms: Some(time + random() % 3_600_000), ..Moments::default() },
            ..StatementFilter::default()
        };
        move |view: &ModelView<'_>| page(view, player, filter, None)
    });
    ask(&read, questions, "dashboard", move |_| {
        move |view: &ModelView<'_>| view.dashboard("balance", time, 7).map(|found| found.totals.len())
    });
    let first = i64::try_from(time / 86_400_000).expect("a small number");
    for (by_day, by_game, words) in
        [(true, true, "by day and game"), (true, false, "by day"), (false, false, "as a whole")]
    {
        let days = DayRange { first, last: first + 29 };
        let asked = BusinessFilter { days, by_day, by_game, currency: None, game: None };
        ask(&read, questions.min(100), &format!("figures of the business of 30 days, {words}"), move |_| {
            let asked = asked.clone();
            move |view: &ModelView<'_>| {
                view.business(&asked, 10_000).map(|found| found.map_or(0, |found| found.lines.len()))
            }
        });
    }
}

fn page(
    view: &ModelView<'_>,
    player: PlayerId,
    filter: StatementFilter,
    after: Option<LinePlace>,
) -> Result<usize, Error> {
    let page = Page { after, newest_first: true, limit: 50 };
    view.statement(player.0.to_be_bytes(), &filter, page).map(|(lines, _)| lines.len())
}

/// Builds the tables. Returns the number of records, and of bets among them.
fn build(directory: &std::path::Path, writer: &mut ModelWriter, commit_every: u64) -> (u64, u64) {
    let mut reader = Reader::open(directory, Lsn(0)).expect("a log");
    let (began, mut told) = (Instant::now(), Instant::now());
    let (began_at, begun_with) = (processor_time(), bytes_written());
    let (mut records, mut bets, mut uncommitted) = (0, 0, 0);
    let (mut made, mut written, mut committed) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    loop {
        let entry = reader.next(Lsn::MAX).expect("a sound log");
        let ends = entry.as_ref().is_none_or(|entry| entry.lsn == entry.batch.last());
        let last = entry.is_none();
        if let Some(entry) = entry {
            let at = Instant::now();
            let record = Record::decode_effects(entry.bytes, &Formats::STANDARD).expect("our record");
            let rows = rows_of(entry.lsn.0, &record);
            bets += u64::from(matches!(&rows.step, Some(readmodel::TableStep::Bets { .. })));
            let then = Instant::now();
            writer.take(rows).expect("it fits");
            made += then - at;
            written += then.elapsed();
            records += 1;
            uncommitted += 1;
        }
        if last || ends && uncommitted >= commit_every {
            let (at, cursor) = (Instant::now(), reader.cursor());
            let cursor = ModelCursor { lineage: cursor.lineage.0, lsn: cursor.lsn.0, hash: cursor.hash };
            writer.commit(cursor).expect("a disk");
            committed += at.elapsed();
            uncommitted = 0;
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                println!("{records} records, {:.0} a second", records as f64 / began.elapsed().as_secs_f64());
            }
        }
        if last {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    let of_processor = (processor_time() - began_at).as_secs_f64() * 1e6 / bets.max(1) as f64;
    let written_a_bet = (bytes_written() - begun_with) / bets.max(1);
    writer.swap().expect("a disk");
    println!(
        "{records} records in {took:.1} s: {:.0} records and {:.0} bets a second; {:.0} % to make rows, {:.0} % to write \
         them, {:.0} % to commit",
        records as f64 / took,
        bets as f64 / took,
        100.0 * made.as_secs_f64() / took,
        100.0 * written.as_secs_f64() / took,
        100.0 * committed.as_secs_f64() / took,
    );
    println!("a bet took {of_processor:.1} µs of the processor and {written_a_bet} bytes to files");
    (records, bets)
}

/// What the processor did for this thread.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("it only grows")
}

/// What this process has given to files, synced or not.
fn bytes_written() -> u64 {
    let told = std::fs::read_to_string("/proc/self/io").expect("Linux");
    let line = told.lines().find_map(|line| line.strip_prefix("wchar: ")).expect("it is there");
    line.parse().expect("a number")
}

/// Asks so many times, and prints the median, the 99th percentile and the longest time.
fn ask<T: Send + 'static, Q>(read: &ReadModel, times: usize, what: &str, mut question: impl FnMut(usize) -> Q)
where
    Q: FnOnce(&ModelView<'_>) -> Result<T, Error> + Send + 'static,
{
    let mut took = Vec::with_capacity(times);
    for time in 0..times {
        let (sender, answer) = mpsc::channel();
        let (question, began) = (question(time), Instant::now());
        read.ask(Duration::from_secs(5), question, move |told| sender.send(told).expect("it is waited for"));
        answer.recv().expect("an answer").expect("in time");
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() * share / 1_000).min(took.len() - 1)].as_secs_f64() * 1e3;
    println!("{what}: median {:.2} ms, p99 {:.2} ms, longest {:.2} ms", at(500), at(990), at(1_000));
}

/// Numbers that look random and are the same each time.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

/// The players of `long_log`.
fn player_id(number: u64) -> PlayerId {
    PlayerId(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}
