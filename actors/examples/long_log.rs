//! Writes a log of many bets with keys, as a serving hub writes it, with its state store beside it: for measuring what reads
//! a log of any length. Memory does not grow with the bets but for the filters of the store, about 2.4 bytes a key.
//!
//! ```text
//! cargo run --release -p actors --example long_log -- DIR [BETS] [REFUSED] [PLAYERS] [TABLES] [AT_ONCE]
//! ```
//! The bets are decided by live tables and the turn, and settled round by round; of ten bets `REFUSED` are above a limit of
//! their table, and that they are refused is recorded under their keys. `AT_ONCE` tables have a round open at the same time, and their
//! bets take turns; otherwise one has. The writer's thread makes the batches. The copy that
//! keeps the state store takes each record, and the keys that it has committed leave memory. Unlike the follower of a hub it
//! merges without a rest, so that the turn asks few filters. `DIR` is empty.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use actors::stored::{Keeper, Stored};
use domains::recipes::Deposit;
use engine::{
    Books, Content, DIGEST_EVERY, Envelope, Formats, Tx, TxId, TxResult, Verdict,
    table::live::{BetLimits, BetRequest, LiveTable, SEATS_MAX, TableConfig, TableRules},
};
use games::fair::{Seed, commit};
use journal::{Journal, Lsn, Options};
use protocol::{Currency, Key, PlayerId, TableId};

/// The allocator of the hub.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Most keys in memory: with so many the next bet waits for the state store.
const KEYS_IN_MEMORY_MAX: usize = 1 << 19;
/// Records after which the state store is committed.
const COMMIT_EVERY: u64 = 1 << 17;
/// Most records that are not on disk yet.
const IN_FLIGHT_MAX: u64 = 4_096;
/// Bets and players of a round.
const ROUND: (u64, u64) = (1_000, 50);
/// The money of a player at first: more than all bets can lose. Minor units.
const DEPOSIT: i128 = 1_000_000_000_000;
/// Most that is staked on a spot. Minor units.
const SPOT_MAX: i128 = 1_000_000_000;
/// When the first record is written: 2026. Milliseconds since 1970.
const BEGINS: u64 = 1_767_225_600_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().expect("usage: long_log DIR [BETS] ..."));
    let mut number = |default: u64| {
        arguments.next().map_or(default, |text| text.parse().expect("the other arguments are numbers"))
    };
    let (bets, refused, players, tables) =
        (number(1_000_000), number(0), number(10_000).max(ROUND.1), number(8));
    let at_once = number(1).clamp(1, tables);
    let mut hub = Hub::open(&directory, refused);
    let mut tables: Vec<LiveTable> = (0..tables).map(table).collect();
    (0..players).for_each(|player| hub.deposit(player));
    for table in &mut tables {
        let rules = table.record_rules();
        hub.step(table, rules);
    }

    let (mut made, mut told, began) = (0, Instant::now(), Instant::now());
    while made < bets {
        let rounds = bets.min(made + ROUND.0 * at_once);
        hub.rounds(&mut tables[..at_once as usize], made..rounds, players);
        tables.rotate_left(at_once as usize);
        made = rounds;
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let a_second = made as f64 / began.elapsed().as_secs_f64();
            println!("{made} bets, {a_second:.0} a second, {} keys in memory", hub.books.keys_in_memory());
        }
    }
    println!("{made} bets in {:.1?}", began.elapsed());
    hub.stop();
}

/// The books, their log, and the copy that keeps the state store.
struct Hub {
    books: Books,
    now: u64,
    /// Of ten bets so many are refused.
    refused: u64,
    journal: Journal<()>,
    store: JoinHandle<()>,
    ends: Arc<AtomicBool>,
    commits: mpsc::Receiver<Stored>,
}

/// A gate behind which nobody waits.
struct OpenGate;

impl journal::Gate<()> for OpenGate {
    fn open(&mut self, _: Lsn, done: &mut Vec<()>) {
        done.clear();
    }

    fn failed(&mut self, error: &journal::Error) {
        eprintln!("the journal failed: {error}");
        std::process::abort();
    }
}

impl Hub {
    fn open(directory: &Path, refused: u64) -> Self {
        let log = journal::open(directory, Options::default()).expect("an empty directory");
        assert_eq!(log.last(), Lsn(0), "the directory has a log already");
        let journal = log.start(OpenGate);
        let (committed, commits) = mpsc::channel();
        let keeper = Keeper::open(directory, Formats::STANDARD).expect("an empty directory");
        let (log, ends) = (journal.clone(), Arc::new(AtomicBool::new(false)));
        let end = ends.clone();
        let store = thread::spawn(move || keep(keeper, &log, &end, &committed));
        Self { books: Books::default(), now: BEGINS, refused, journal, store, ends, commits }
    }

    fn deposit(&mut self, number: u64) {
        let player = player_id(number);
        let deposit = Deposit { player, currency: eur(), amount: DEPOSIT };
        let id = TxId::of_service("bench", &number.to_string());
        let content = Content::of(&[b"deposit", &number.to_be_bytes()]);
        self.run(Envelope::Run(Tx::new(id, player.into(), Some(content), deposit)));
    }

    /// Plays one round at each of these tables, with these bets among them.
    fn rounds(&mut self, tables: &mut [LiveTable], bets: std::ops::Range<u64>, players: u64) {
        for (table, begins) in tables.iter_mut().zip(bets.clone().step_by(ROUND.0 as usize)) {
            let seed = seed_of(begins);
            let opening = table.open_round(commit(&Seed(seed)), Box::new(seed), self.now);
            self.step(table, opening);
        }
        for turn in 0..ROUND.0 {
            for (table, begins) in tables.iter_mut().zip(bets.clone().step_by(ROUND.0 as usize)) {
                let bet = begins + turn;
                if bet < bets.end {
                    // Those who play a round are neighbours, and each has a bet in turn.
                    let first = bet / ROUND.0 * ROUND.1;
                    self.bet(table, bet, player_id((first + bet % ROUND.1) % players));
                }
            }
        }
        for (table, begins) in tables.iter_mut().zip(bets.step_by(ROUND.0 as usize)) {
            self.end_round(table, seed_of(begins));
        }
    }

    fn end_round(&mut self, table: &mut LiveTable, seed: [u8; 32]) {
        self.now = self.now.max(table.state().open.as_ref().expect("it was opened").deadline);
        let lock = table.lock(self.now);
        self.step(table, lock);
        self.now = self.now.max(table.state().open.as_ref().expect("it is locked").deadline);
        let settlement = table.settle(Some(seed), self.now);
        self.step(table, settlement);
        assert!(table.state().open.is_none(), "the round is over");
        self.now = self.now.max(table.state().next_at);
    }

    fn bet(&mut self, table: &mut LiveTable, number: u64, player: PlayerId) {
        let (kind, numbers) = match number / ROUND.1 % 3 {
            0 => ("red", vec![]),
            1 => ("straight", vec![(number % 37) as u8]),
            _ => ("dozen", vec![(number % 3 + 1) as u8]),
        };
        let stake = if number / ROUND.1 % 10 < self.refused { SPOT_MAX + 1 } else { 100 };
        // A refusal whose key the filters of the store call possible is answered and not recorded: then with another key.
        for attempt in 0.. {
            let key: Key = format!("bet-{number}-{attempt}").parse().expect("a key");
            let request = BetRequest {
                id: TxId::of_key(player, &key),
                content: Content::of(&[b"bet", &number.to_be_bytes()]),
                player,
                round: table.state().round,
                bets: vec![(kind.into(), numbers.clone(), stake)],
                share: None,
            };
            let envelope = table.place_bet(request, self.now).now().expect("nothing is under way");
            if self.step(table, envelope) {
                break;
            }
        }
    }

    /// Runs an envelope of a table, which applies the result. Returns whether it was recorded.
    fn step(&mut self, table: &mut LiveTable, envelope: Envelope) -> bool {
        let result = self.run(envelope);
        table.apply(result.id, result.leg.as_ref(), result.time);
        !matches!(result.verdict, Verdict::Answered(_))
    }

    /// Decides an envelope, applies it and appends its records; then memory is made free.
    fn run(&mut self, envelope: Envelope) -> TxResult {
        let concluded =
            self.books.run(envelope, self.now, DIGEST_EVERY).expect("it was decided on this state");
        for (_, record) in concluded.upgrades.into_iter().chain(concluded.record).chain(concluded.digest) {
            self.journal.append(record, ());
        }
        let last = self.books.lsn();
        while last - self.journal.durable().0 > IN_FLIGHT_MAX {
            self.journal.wait_for_more(self.journal.durable(), Duration::from_secs(1));
        }
        let newest = self.commits.try_iter().last();
        newest.into_iter().for_each(|stored| self.forget(stored));
        while self.books.keys_in_memory() >= KEYS_IN_MEMORY_MAX {
            let stored = self.commits.recv().expect("the follower runs");
            self.forget(stored);
        }
        concluded.result
    }

    /// What the state store has leaves memory.
    fn forget(&mut self, stored: Stored) {
        self.books.turn_to(Arc::new(stored));
        self.books.forget(usize::MAX);
    }

    /// Closes the log and the store, and proves the state.
    fn stop(self) {
        self.books.check().expect("the invariants hold");
        while self.journal.durable().0 < self.books.lsn() {
            self.journal.wait_for_more(self.journal.durable(), Duration::from_secs(1));
        }
        self.ends.store(true, Relaxed);
        self.store.join().expect("the copy stands for the log");
        self.journal.stop();
        let stats = self.journal.stats();
        println!(
            "{} records with {} keys in {} batches, {} bytes a record",
            self.books.lsn(),
            self.books.keys(),
            stats.batches,
            stats.bytes / stats.records.max(1),
        );
    }
}

/// Keeps the state store of a log that is being written, until it ends. Tells each commit, and again once files are merged.
fn keep(mut keeper: Keeper, log: &Journal<()>, ends: &AtomicBool, committed: &mpsc::Sender<Stored>) {
    // At the end nobody waits for a commit any more.
    let tell = |keeper: &Keeper| drop(committed.send(keeper.stored()));
    let mut reader = log.read(Lsn(0)).expect("a log");
    loop {
        let last = ends.load(Relaxed);
        let durable = log.durable();
        while let Some(entry) = reader.next(durable).expect("a sound log") {
            let ends = entry.lsn == entry.batch.last();
            keeper.take(entry.bytes).expect("the log stands for the copy");
            if ends && keeper.uncommitted() >= COMMIT_EVERY {
                keeper.commit(reader.cursor()).expect("a disk");
                tell(&keeper);
                while keeper.merge_step().expect("a disk") {}
                tell(&keeper);
            }
        }
        if last {
            keeper.commit(reader.cursor()).expect("a disk");
            return;
        }
        log.wait_for_more(keeper.lsn(), Duration::from_millis(100));
    }
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

fn seed_of(number: u64) -> [u8; 32] {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    seed
}

/// A player id whose bits are spread as in real ids, which are hashes.
fn player_id(number: u64) -> PlayerId {
    PlayerId(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}

fn table(place: u64) -> LiveTable {
    let game = games::game("roulette").expect("the game is in the registry");
    let id: TableId = format!("bench-{place}").parse().expect("a table id");
    let limits = game.kinds().iter().map(|_| BetLimits { stake_min: 1, spot_max: SPOT_MAX }).collect();
    let rules = TableRules {
        game: "roulette".into(),
        rules_version: game.rules_version(),
        currency: eur(),
        scale: 2,
        betting_ms: 10_000,
        locked_ms: 200,
        pause_ms: 200,
        limits,
        round_max: SPOT_MAX,
        seats_max: SEATS_MAX,
    };
    let config = TableConfig { name: "Bench".into(), rules, places_max: 100_000 };
    LiveTable::new(id, Arc::new(config), game, Default::default())
}
