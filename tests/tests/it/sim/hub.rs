//! The hub without its actors: books, tables, log and gate, on one thread and a disk that can fail.
//!
//! The start is the binary's own ([`hub::recovery`]), the turn is the coordinator's ([`Books::try_turn`]), the state
//! store and its copy of the state are those of its follower ([`Keeper`]). What the actors do beside them is done here
//! step by step: what only the store can answer waits until it was looked up, a turn appends to the log, results wait
//! behind the gate until a sync has returned, and only then the table applies its leg and the player hears. What is due
//! is carried out by the coordinator's own loop ([`Scheduler`]).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use actors::stored::Keeper;
use domains::{
    exclusion::LONGER_MIN,
    protection::Protection,
    recipes::{SetProtection, SetRules},
    rules::RulesRow,
};
use engine::{
    Books, Envelope, Found, Principal, Tx, TxId, TxResult, Verdict, World,
    due::{AT_ONCE, Scheduled, Scheduler},
    last_rounds,
    table::{
        PastRound, TableLeg, close_orphan,
        live::{BetLimits, Decision, Due, LiveTable, TableConfig, TableRules, Ticket, Unparked},
    },
};
use fastrand::Rng;
use games::fair::{Seed, commit};
use hub::recovery::{self, Expectations, Proven};
use journal::{
    Claim, Lsn, Options, Reader, SyncLog,
    memory::{DiskPart, Memory},
    storage::Storage,
};
use protocol::{Currency, ErrorCode, TableId};

use super::{aside::FORMATS, unsure::unsure};

pub const TABLES: usize = 2;
/// Rules that a table may be configured with.
pub const RULES: u64 = 3;
/// The digest is recorded every so many records: often, so that short lives have some.
const DIGEST_EVERY: u64 = 37;
/// The state store is on the disk of the log.
pub const STORE: &str = "store-";
/// The store is committed every so many records: short lives have several commits, not one at each record.
const COMMIT_EVERY: u64 = 8;
/// How long a player cools off who comes back, milliseconds.
pub const COOLING_OFF: u64 = 20;
/// What protects players: exclusions are short, so that lives see their ends.
const PROTECTION: Protection =
    Protection { time_out_max: 2 * LONGER_MIN, self_exclusion_min: 1, cooling_off: COOLING_OFF };
/// Segments so short that a life goes through several.
const OPTIONS: Options = Options { segment_bytes: 16 << 10, nice: 0 };

/// A result behind the gate.
#[derive(Debug)]
struct Waiting {
    /// What it has seen of the log.
    seen: u64,
    table: Option<usize>,
    result: TxResult,
    /// The player's request it answers, and whether it is a forgery of it.
    request: Option<(usize, bool)>,
}

/// What a player hears.
#[derive(Debug)]
pub struct Reply {
    pub request: usize,
    pub forged: bool,
    pub verdict: Verdict,
}

/// Where the last rounds of a table are: they do not change while this is the same.
#[derive(Debug, PartialEq, Eq)]
pub struct PastPlace {
    last: Option<PastRound>,
    /// How many are in memory.
    recent: usize,
    /// The commit of the state store that has the others.
    store: u64,
}

/// An envelope that waits for a look-up.
#[derive(Debug)]
struct Aside {
    envelope: Envelope,
    table: Option<usize>,
    request: Option<(usize, bool)>,
    found: Found,
}

pub struct Hub {
    memory: Memory,
    log: SyncLog<Memory>,
    pub books: Books,
    pub tables: Vec<LiveTable>,
    /// Requests parked at a table.
    parked: BTreeMap<(usize, Ticket), (usize, bool)>,
    gate: VecDeque<Waiting>,
    /// The state store, with the copy that follows the log on its own.
    keeper: Keeper<DiskPart>,
    /// Envelopes with old keys, and what was looked up for each.
    asides: VecDeque<Aside>,
    /// Number of look-ups.
    pub looked_up: u64,
    /// Whether the clock was doubted at the start.
    pub doubts_clock: bool,
    /// How it was started.
    setup: Setup,
    scheduler: Scheduler,
}

/// How a process is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// Tables and seeds may fail, and a table may be missing in the configuration.
    pub disorder: bool,
    /// The table that the process is not configured to have.
    pub absent: Option<usize>,
    /// The rules in the configuration, of 0..[`RULES`].
    pub rules: u64,
    /// Whether the operator says that the clock is right.
    pub accept_clock: bool,
}

/// The disk failed under the hub: this process is over.
#[derive(Debug)]
pub struct Dead;

pub fn currency() -> Currency {
    "EUR".parse().expect("a currency")
}

pub fn table_id(place: usize) -> TableId {
    format!("table-{place}").parse().expect("a table id")
}

/// The rules that a table may be configured with: each start draws some. What a player may bet at all, every one
/// allows.
fn config(rules: u64) -> Arc<TableConfig> {
    let game = games::game("roulette").expect("the game");
    Arc::new(TableConfig {
        name: "A table".into(),
        rules: TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: currency(),
            scale: 2,
            betting_ms: 60 + 20 * rules,
            locked_ms: 30 - 5 * rules,
            pause_ms: 20 + rules,
            limits: game
                .kinds()
                .iter()
                .map(|_| BetLimits { stake_min: 5, spot_max: 100 - 30 * i128::from(rules) })
                .collect(),
            round_max: 250 - 50 * i128::from(rules),
            seats_max: if rules == 0 { 100 } else { 2 },
        },
        places_max: 100,
    })
}

/// What a faulty release may record: a lock that does not fit the bets. Every replay of it finds the table unfit.
fn misfit(envelope: &mut Envelope) {
    if let Envelope::Run(Tx { table: Some((_, TableLeg::Locked { mix, .. })), .. }) = envelope {
        mix[0] ^= 1;
    }
}

impl Hub {
    /// The start path, to where the state is recovered.
    pub fn start(memory: &Memory, setup: Setup, now: u64) -> Result<Self, recovery::Error> {
        let claim = Claim::over(memory.clone())?;
        let expectations = Expectations { formats: FORMATS, ..Expectations::default() };
        let store = memory.part(STORE);
        let (keeper, Proven { tail, world, .. }) = recovery::kept(claim.files(), None, store, &expectations)?;
        let log = claim.open(tail, OPTIONS)?.into_sync();
        assert_eq!(world.books.lsn(), log.durable().0, "the log and the books count together");
        let game = games::game("roulette").expect("the game");
        let tables = (0..TABLES).map(|place| {
            let state = world.tables.get(&table_id(place)).cloned().unwrap_or_default();
            LiveTable::new(table_id(place), config(setup.rules), game, state)
        });
        let tables = tables.collect();
        let doubts_clock = world.books.doubts_clock(now, setup.accept_clock);
        let mut books = world.books.clone();
        books.turn_to(unsure(books.store()));
        Ok(Self {
            memory: memory.clone(),
            log,
            books,
            tables,
            parked: BTreeMap::new(),
            gate: VecDeque::new(),
            keeper,
            asides: VecDeque::new(),
            looked_up: 0,
            doubts_clock,
            setup,
            scheduler: Scheduler::new(!doubts_clock),
        })
    }

    /// The rest of the start path: records whether the clock is doubted, and ends what a table that is absent has left
    /// open. Whether it had anything open.
    pub fn begin(&mut self, now: u64) -> bool {
        if let Some(fact) = self.books.clock_fact(self.doubts_clock) {
            let record = self.books.fact_record(fact, now);
            self.books.apply(&record).expect("a fact applies");
            assert_eq!(self.log.append(&record.encode()).0, self.books.lsn(), "they count together");
        }
        let orphan = self.setup.absent.map(|table| (table_id(table), self.tables[table].state().clone()));
        let envelopes = orphan.map(|(id, state)| close_orphan(id, state, &self.books, now));
        envelopes.into_iter().flatten().for_each(|envelope| self.submit(envelope, None, None, now));
        if Protection::of(&self.books.domains().rows) != PROTECTION {
            let id = TxId::of_protection(self.books.lsn());
            let set = Tx::new(id, Principal::HUB, None, SetProtection(PROTECTION));
            self.submit(Envelope::Run(set), None, None, now);
        }
        !self.at_rest()
    }

    /// Whether the operator says that the clock of this process is right.
    pub fn accepts_clock(&self) -> bool {
        self.setup.accept_clock
    }

    /// The state as it was recovered: money and tables.
    pub fn recovered(&self) -> World {
        let tables = self.tables.iter().map(|live| (live.id(), live.state().clone()));
        World { books: self.books.clone(), tables: tables.collect() }
    }

    /// How many tables have an open round and are configured with other rules than its own.
    pub fn mid_round(&self) -> u64 {
        let other = |live: &&LiveTable| {
            let state = live.state();
            state.open.is_some() && state.rules.as_deref() != Some(&live.config().rules)
        };
        self.tables.iter().filter(other).count() as u64
    }

    /// Whether this process has a table.
    pub fn has(&self, table: usize) -> bool {
        self.setup.absent != Some(table)
    }

    /// What a table says to a request of a player.
    pub fn decided(&mut self, decided: Decision, table: usize, request: (usize, bool), now: u64) {
        match decided {
            Decision::Now(envelope) => self.submit(envelope, Some(table), Some(request), now),
            Decision::Parked(ticket) => drop(self.parked.insert((table, ticket), request)),
            Decision::Busy => {} // the player asks again another time
        }
    }

    /// Submits what was parked at a table and can be decided.
    fn unpark(&mut self, table: usize, now: u64) {
        while let Some((ticket, unparked)) = self.tables[table].next_decided() {
            let request = self.parked.remove(&(table, ticket));
            assert!(request.is_some(), "each parked request is decided once");
            match unparked {
                Unparked::Submit(envelope) => self.submit(envelope, Some(table), request, now),
                Unparked::GoOn => panic!("nobody asks a question"),
            }
        }
    }

    /// One turn of the coordinator.
    pub fn submit(
        &mut self,
        envelope: Envelope,
        table: Option<usize>,
        request: Option<(usize, bool)>,
        now: u64,
    ) {
        self.turn(envelope, table, request, None, now);
    }

    /// What waited for a look-up has its turn.
    pub fn run_asides(&mut self, now: u64) {
        for _ in 0..self.asides.len() {
            let Some(Aside { envelope, table, request, found }) = self.asides.pop_front() else { return };
            self.turn(envelope, table, request, Some(found), now);
        }
    }

    fn turn(
        &mut self,
        envelope: Envelope,
        table: Option<usize>,
        request: Option<(usize, bool)>,
        found: Option<Found>,
        now: u64,
    ) {
        let id = envelope.id();
        let turn = match self.books.try_turn(envelope, now, found.as_ref()) {
            Ok(turn) => turn,
            Err(aside) => {
                let found = match engine::look_up(&*self.books.store(), id) {
                    Ok(found) => found,
                    // The machine is off: the next sync tells.
                    Err(unreadable) => return assert!(!unreadable.damaged, "{unreadable}"),
                };
                self.looked_up += 1;
                return self.asides.push_back(Aside { envelope: aside.envelope, table, request, found });
            }
        };
        self.books.forget(4);
        let concluded = self.books.conclude(id, turn, now, DIGEST_EVERY).expect("what was decided applies");
        for (place, bytes) in concluded.records() {
            assert_eq!(self.log.append(bytes).0, *place, "the log and the books count together");
        }
        self.gate.push_back(Waiting { seen: self.books.lsn(), table, result: concluded.result, request });
    }

    /// Syncs the log and opens the gate for what it covers.
    pub fn sync(&mut self, now: u64) -> Result<Vec<Reply>, Dead> {
        let durable = self.log.sync().map_err(|_| Dead)?.0;
        let mut replies = Vec::new();
        while self.gate.front().is_some_and(|waiting| waiting.seen <= durable) {
            let Some(Waiting { table, result, request, .. }) = self.gate.pop_front() else { break };
            let TxResult { id, time, leg, verdict, .. } = result;
            if let Some(table) = table {
                self.tables[table].apply(id, leg.as_ref(), time);
                assert!(
                    self.disorder() || !self.tables[table].closed(),
                    "a table failed in an orderly world"
                );
                self.unpark(table, now);
            }
            match (request, verdict) {
                (Some((request, forged)), verdict) => replies.push(Reply { request, forged, verdict }),
                (None, Verdict::Done) => {}
                (None, verdict) => panic!("a step of a round came to {verdict:?}"),
            }
        }
        Ok(replies)
    }

    pub fn disorder(&self) -> bool {
        self.setup.disorder
    }

    pub fn durable(&self) -> u64 {
        self.log.durable().0
    }

    /// Where the last rounds of a table are.
    pub fn past_place(&self, table: usize) -> PastPlace {
        let (recent, state) = (self.books.recent_rounds(table_id(table)), self.tables[table].state());
        PastPlace { last: state.last, recent: recent.count(), store: self.books.store().generation() }
    }

    /// The last rounds of a table, newest first, as it shows them; `None` when the machine is off, which the next sync tells.
    pub fn past_rounds(&self, table: usize) -> Option<Vec<PastRound>> {
        let (id, state) = (table_id(table), self.tables[table].state());
        let newest = state.round.saturating_sub(state.open.is_some().into());
        let recent: Vec<_> = self.books.recent_rounds(id).copied().collect();
        match last_rounds(&*self.books.store(), id, newest, &recent, state.failed()) {
            // The books know of rounds whose end is not durable yet.
            Ok(rounds) => Some(rounds.into_iter().filter(|past| past.number <= newest).collect()),
            Err(unreadable) => {
                assert!(!unreadable.damaged, "{unreadable}");
                None
            }
        }
    }

    /// Whether nothing is under way: nothing waits behind the gate, or is parked.
    pub fn at_rest(&self) -> bool {
        self.gate.is_empty() && self.parked.is_empty() && self.asides.is_empty()
    }

    /// Does what a table's clock asks for.
    pub fn proceed(&mut self, table: usize, wanted: bool, now: u64, random: &mut Rng) {
        if !self.has(table) {
            return;
        }
        let fails = self.disorder() && random.u64(..12) == 0;
        let live = &mut self.tables[table];
        if fails && random.u64(..12) == 0 {
            live.panicked();
        }
        let mut envelope = match live.due(now, wanted) {
            Due::Nothing | Due::At(_) => return,
            Due::Rules => live.record_rules(),
            Due::Open => {
                let seed = std::array::from_fn(|_| random.u8(..));
                live.open_round(commit(&Seed(seed)), seed.into(), now)
            }
            Due::Lock => live.lock(now),
            Due::Settle => {
                let open = live.state().open.as_ref().expect("a round is settled while it is open");
                let seed = open.sealed[..].try_into().expect("the simulation seals nothing");
                live.settle((!fails).then_some(seed), now)
            }
            Due::Void(reason) => {
                assert!(self.setup.disorder, "a round is voided in an orderly world: {}", reason.text());
                live.void(reason, now)
            }
            Due::Quarantine => {
                assert!(self.setup.disorder, "a table fails in an orderly world");
                live.quarantine()
            }
        };
        if fails {
            misfit(&mut envelope);
        }
        self.submit(envelope, Some(table), None, now);
    }

    /// The coordinator's look for what is due. Afterwards nothing is, unless the clock is doubted.
    pub fn run_due(&mut self, now: u64) {
        for _ in 0..AT_ONCE {
            match self.scheduler.next(&self.books, now) {
                Scheduled::Nothing => break,
                Scheduled::Submit(envelope) => {
                    assert!(!self.doubts_clock, "something is carried out by a clock that is doubted");
                    self.submit(*envelope, None, None, now);
                }
                Scheduled::Failed(id) => panic!("what is due cannot be carried out: {id:?}"),
            }
        }
        assert!(self.doubts_clock || self.books.due(now).is_none(), "something is due and not carried out");
    }

    /// A faulty table asks for other rules while its round is open: the books refuse it, and nothing is recorded.
    /// `false` when nobody can ask, because no round is known to be open.
    pub fn refuses_rules(&mut self, table: usize, now: u64) -> bool {
        let state = self.tables[table].state();
        // At a table that a record did not fit, and at one that is absent, a round may stay open that has ended.
        let known = self.has(table) && !state.unfit;
        if !self.gate.is_empty() || state.open.is_none() || !known {
            return false;
        }
        let (id, change) = (table_id(table), state.rules_changes + 1);
        let rules = config((self.setup.rules + 1) % RULES).rules.clone();
        let intent = SetRules { of: id.as_str().as_bytes().into(), rules: RulesRow(rules.to_bytes().into()) };
        let leg = TableLeg::Ruled { change, rules: Box::new(rules) };
        let step = leg.step_id(id).expect("a change of rules is a step");
        let before = (self.books.lsn(), self.books.digest());
        let envelope = Envelope::Run(Tx::new(step, Principal::HUB, None, intent).at(id, leg));
        let concluded = self.books.run(envelope, now, DIGEST_EVERY).expect("nothing is applied");
        assert_eq!(concluded.result.verdict, Verdict::Impossible(ErrorCode::Internal), "rules in mid-round");
        assert_eq!((self.books.lsn(), self.books.digest()), before, "nothing is recorded");
        true
    }

    /// The work of the state store's follower: reads what is durable, compares, commits when it is due, and merges.
    pub fn commit(&mut self) -> Result<(), Dead> {
        let durable = self.log.durable();
        let mut reader = Reader::over(self.memory.clone(), self.keeper.lsn()).map_err(|_| Dead)?;
        while let Some(entry) = reader.next(durable).map_err(|_| Dead)? {
            self.keeper.take(entry.bytes).expect("the log stands for the copy");
        }
        if self.keeper.lsn().0 == self.books.lsn() {
            assert_eq!(self.keeper.digest(), self.books.digest(), "the copy is not the live state");
        }
        if self.keeper.uncommitted() < COMMIT_EVERY {
            return self.keeper.merge_step().map(drop).map_err(|_| Dead);
        }
        if let Some(stored) = self.keeper.commit(reader.cursor()).map_err(|_| Dead)? {
            // The machine may go off while it is read.
            let read_back = match self.keeper.load() {
                Err(_) if Storage::list(&self.memory).is_err() => return Err(Dead),
                loaded => loaded.expect("the store reads back"),
            };
            assert_eq!(read_back.books.digest(), self.keeper.digest(), "E3 holds");
            self.books.turn_to(unsure(Arc::new(stored)));
        }
        Ok(())
    }

    /// Every record that is durable, as bytes.
    pub fn records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let read = self.log.log().replay(Lsn(0), |entry| {
            records.push(entry.bytes.to_vec());
            Ok::<(), journal::Error>(())
        });
        read.expect("a sound log reads");
        records
    }
}
