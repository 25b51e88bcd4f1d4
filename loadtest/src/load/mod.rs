//! The generator: players on real WebSockets, driven by one thread and one timetable.
//!
//! `connect` brings every player to its table, `play` places bets as they fall due, `settle` waits until no accepted
//! bet is open. Everything heard goes into the books; nothing the server says about totals is believed.
//! The check against the server's own balances follows on fresh connections, in `audit`.

mod connect;
mod hear;
mod place;
mod tables;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    time::{Duration, Instant},
};

use protocol::{Currency, TableId};

pub use tables::{Table, Tables};

use crate::{
    arrivals::Arrivals,
    bet::{KeyStem, Template},
    book::{Book, Minor},
    clock::Clock,
    latency::Latency,
    plan::Plan,
    poll::Poll,
    progress::Progress,
    random::Random,
    target::Target,
    wire::{self, Opcode, Socket},
};

/// Longest nap, so that the progress is shown and lost time limits are noticed.
const NAP_MAX: Duration = Duration::from_millis(50);
/// Faults written out; the rest are counted.
const FAULTS_MAX: usize = 50;
/// Refused bets that are looked up afterwards.
const REFUSED_SAMPLES_MAX: usize = 50;

/// One player.
pub struct Player {
    /// Its token.
    pub token: String,
    /// What it knows about its money.
    pub book: Book,
    /// Its table, an index.
    pub table: usize,
    socket: Option<Socket>,
    stage: Stage,
    due: Instant,
    in_flight: VecDeque<Sent>,
    /// Available by the last word of the hub.
    available: Minor,
    follows_table: bool,
}

/// How far a player is on its way to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Upgrading,
    Greeting,
    /// Requests of the set-up that are not answered yet.
    SettingUp(u8),
    Ready,
    Gone,
}

/// A bet under way.
#[derive(Debug, Clone, Copy)]
struct Sent {
    number: u64,
    due: Instant,
    round: u64,
    template: u32,
    measured: bool,
}

/// An accepted bet to be asked for again.
pub struct Sample {
    /// The player.
    pub player: usize,
    /// The bet's number, which makes its key.
    pub number: u64,
    /// Its round.
    pub round: u64,
    /// Which template.
    pub template: usize,
    /// The frame of its receipt as it came.
    pub frame: Vec<u8>,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Bets sent, warm-up included.
    pub sent: u64,
    /// Bets accepted, warm-up included.
    pub accepted: u64,
    /// Bets accepted that were due in the measured time.
    pub accepted_measured: u64,
    /// Bets refused because betting had just ended.
    pub late: u64,
    /// Bets refused otherwise, by the name of the code.
    pub refused: BTreeMap<String, u64>,
    /// Arrivals while no table took bets.
    pub no_table: u64,
    /// Arrivals for which no player had the money.
    pub no_money: u64,
    /// Arrivals that could not be sent before betting ended, because every player had too many bets under way.
    pub unsent: u64,
    /// Rounds settled, summed over players.
    pub settled: u64,
    /// Publications and replies of any kind.
    pub frames: u64,
}

/// The whole run while it goes on.
pub struct Load<'a> {
    target: &'a Target,
    plan: &'a Plan,
    poll: Poll,
    random: Random,
    clock: Clock,
    request: Vec<u8>,
    scratch: Vec<u8>,
    frame: Vec<u8>,
    dirty: Vec<usize>,
    next_number: u64,
    next_request: u64,
    in_flight: usize,
    ready: usize,
    backlog: VecDeque<Instant>,
    measure_from: Option<Instant>,
    /// When the last measured bet was answered.
    last_answer: Option<Instant>,
    result_at: Vec<BTreeMap<u64, Instant>>,
    accepted_seen: u64,
    /// The players, by number.
    pub players: Vec<Player>,
    /// The tables in play.
    pub tables: Tables,
    /// What bets look like: those of table `t` start at `t * spots`.
    pub templates: Vec<Template>,
    /// How keys begin.
    pub stem: KeyStem,
    /// Currency of the tables and its decimals.
    pub currency: Currency,
    /// Decimals of the currency.
    pub scale: u32,
    /// Stake of each bet in minor units.
    pub stake: Minor,
    /// From the time a connection was due to its welcome.
    pub connects: Latency,
    /// From the time a bet was due to its receipt.
    pub bets: Latency,
    /// From the time a bet was due to its sending: what the generator itself adds.
    pub delays: Latency,
    /// From the announced time of a result to its arrival.
    pub results: Latency,
    /// Counts.
    pub counts: Counts,
    /// Accepted bets to ask for again.
    pub samples: Vec<Sample>,
    /// Refused bets to look up: player and number.
    pub refused: Vec<(usize, u64)>,
    /// Places in the log of all receipts.
    pub lsns: Vec<u64>,
    /// Faults of the run as a whole.
    pub faults: Vec<String>,
    faults_more: u64,
}

impl<'a> Load<'a> {
    /// Players and tables before the first connection.
    ///
    /// `tables` come with their currency and its decimals, which must be the same for all.
    pub fn new(
        target: &'a Target,
        plan: &'a Plan,
        tokens: Vec<String>,
        tables: Vec<TableId>,
        currency: Currency,
        scale: u32,
        seed: u64,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut random = Random::new(seed);
        // The stem is not of the seed: the same run repeated must not repeat its keys.
        let stem = KeyStem::new(Random::seed()?);
        let stake = plan.bets.stake.parse::<protocol::Amount>()?.to_minor(scale)?;
        let spots = plan.spots()?;
        let mut templates = Vec::with_capacity(tables.len() * spots.len());
        for table in &tables {
            for spot in &spots {
                let template = Template::new(&stem, *table, spot, &plan.bets.stake, currency);
                templates.push(template.ok_or("the stake's text is longer than the wire allows")?);
            }
        }
        let now = Instant::now();
        let player = |(number, token)| Player {
            token,
            book: Book::default(),
            table: number % tables.len(),
            socket: None,
            stage: Stage::Waiting,
            due: now,
            in_flight: VecDeque::new(),
            available: 0,
            // The first player of each table listens for all of them.
            follows_table: plan.follow_tables || number < tables.len(),
        };
        let players: Vec<Player> = tokens.into_iter().enumerate().map(player).collect();
        let protocol = protocol::SUBPROTOCOL_MSGPACK;
        Ok(Self {
            target,
            plan,
            poll: Poll::new()?,
            random: Random::new(random.bits()),
            clock: Clock::new(),
            request: wire::handshake(&target.host, &target.path, Some(protocol)),
            scratch: Vec::new(),
            frame: Vec::new(),
            dirty: Vec::new(),
            next_number: 1,
            next_request: 1 << 52,
            in_flight: 0,
            ready: 0,
            backlog: VecDeque::new(),
            measure_from: None,
            last_answer: None,
            result_at: vec![BTreeMap::new(); tables.len()],
            accepted_seen: 0,
            tables: Tables::new(&tables, players.len()),
            players,
            templates,
            stem,
            currency,
            scale,
            stake: Minor::try_from(stake)?,
            connects: Latency::default(),
            bets: Latency::default(),
            delays: Latency::default(),
            results: Latency::default(),
            counts: Counts::default(),
            samples: Vec::new(),
            refused: Vec::new(),
            lsns: Vec::new(),
            faults: Vec::new(),
            faults_more: 0,
        })
    }

    /// Opens all connections as they fall due and brings the players to their tables.
    pub fn connect(&mut self, progress: &Progress) -> io::Result<()> {
        let start = Instant::now();
        let gap = 1.0 / self.plan.connects_per_second;
        let patience = Duration::from_secs_f64(self.players.len() as f64 * gap) + Duration::from_secs(30);
        let mut next = 0;
        while self.ready < self.players.len() {
            let now = Instant::now();
            while next < self.players.len() {
                let due = start + Duration::from_secs_f64(next as f64 * gap);
                if due > now {
                    break;
                }
                self.open(next, due)?;
                next += 1;
            }
            progress.show("players at tables", self.ready as u64, self.players.len() as u64);
            let until_next = Duration::from_secs_f64(next as f64 * gap)
                .saturating_sub(start.elapsed())
                .min(NAP_MAX);
            self.turn(until_next)?;
            if let Some(fault) = self.faults.first() {
                return Err(io::Error::other(format!("not every player came to its table: {fault}")));
            }
            if start.elapsed() > patience {
                let text = format!("only {} of {} players came to a table", self.ready, self.players.len());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
        Ok(())
    }

    /// Places bets until the plan's time is over. Answers may still be under way then.
    pub fn play(&mut self, progress: &Progress) -> io::Result<Played> {
        let start = Instant::now();
        let measure_from = start + Duration::from_secs_f64(self.plan.warmup_seconds);
        self.measure_from = Some(measure_from);
        let length = self.plan.length();
        let end = start + length;
        let rate = if self.plan.arrivals.closed.is_some() { 0.0 } else { self.plan.arrivals.rate };
        let random = Random::new(self.random.bits());
        let mut arrivals = Arrivals::new(start, length, rate, self.plan.arrivals.spacing, random);
        let processor_before = crate::process::own_seconds();
        loop {
            let now = Instant::now();
            if now >= end {
                break;
            }
            match self.plan.arrivals.closed {
                Some(in_flight) => self.top_up(in_flight, now),
                None => {
                    while let Some(due) = arrivals.take_due(now) {
                        self.backlog.push_back(due);
                    }
                    self.work_off(now);
                }
            }
            let nap = arrivals.next_due().unwrap_or(end).min(end).saturating_duration_since(Instant::now());
            self.turn(nap.min(NAP_MAX))?;
            let done = start.elapsed().as_millis().min(length.as_millis());
            progress.say("bets accepted", self.counts.accepted);
            progress.show("milliseconds of play", done as u64, length.as_millis() as u64);
        }
        self.counts.unsent += self.backlog.len() as u64;
        self.backlog.clear();
        Ok(Played {
            measured: Duration::from_secs_f64(self.plan.seconds),
            generator_cores: (crate::process::own_seconds() - processor_before) / start.elapsed().as_secs_f64(),
        })
    }

    /// Waits until every answer has come and every accepted bet is settled. What is missing when the time is
    /// over becomes a fault, here and in the books.
    pub fn settle(&mut self, progress: &Progress) -> io::Result<()> {
        let start = Instant::now();
        let patience = Duration::from_secs_f64(self.plan.settle_seconds_max);
        loop {
            let open = self.players.iter().filter(|player| !player.book.is_settled()).count();
            if self.in_flight == 0 && open == 0 {
                break;
            }
            progress.show("players without open bets", (self.players.len() - open) as u64, self.players.len() as u64);
            if start.elapsed() > patience {
                let text = format!(
                    "after {patience:?} {} bets are not answered and {open} players have open bets",
                    self.in_flight
                );
                self.fault(text);
                break;
            }
            self.turn(NAP_MAX)?;
        }
        for player in 0..self.players.len() {
            for sent in std::mem::take(&mut self.players[player].in_flight) {
                let key = self.stem.key(sent.number);
                self.players[player].book.fault(format!("bet {key} on round {} was never answered", sent.round));
            }
            if let Some(mut socket) = self.players[player].socket.take() {
                socket.queue(Opcode::Close, &1_000_u16.to_be_bytes());
                // The connection ends either way.
                let _ = socket.flush(&self.poll);
            }
        }
        Ok(())
    }

    /// Sends what is queued, waits, and hears what has come.
    fn turn(&mut self, nap: Duration) -> io::Result<()> {
        for player in std::mem::take(&mut self.dirty) {
            self.flush(player);
        }
        let ready: Vec<_> = self.poll.wait(nap)?.collect();
        for event in ready {
            if event.writable {
                self.flush(event.number);
            }
            if event.readable {
                self.read(event.number);
            }
        }
        for player in std::mem::take(&mut self.dirty) {
            self.flush(player);
        }
        Ok(())
    }

    fn flush(&mut self, player: usize) {
        let Some(socket) = &mut self.players[player].socket else { return };
        if let Err(error) = socket.flush(&self.poll) {
            self.lost(player, &error.to_string());
        }
    }

    fn send(&mut self, player: usize, opcode: Opcode, payload: &[u8]) {
        if let Some(socket) = &mut self.players[player].socket {
            socket.queue(opcode, payload);
            self.dirty.push(player);
        }
    }

    /// A connection ended that should not have.
    fn lost(&mut self, player: usize, why: &str) {
        self.players[player].socket = None;
        self.players[player].stage = Stage::Gone;
        self.fault(format!("player {player} lost its connection: {why}"));
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        } else {
            self.faults_more += 1;
        }
    }

    /// Faults beyond those written out.
    #[must_use]
    pub fn faults_more(&self) -> u64 {
        self.faults_more
    }

    /// The measured time: to the end of the plan, or to the last answer if that came later. An answer that
    /// came late must not count as throughput of a time in which it had not come.
    #[must_use]
    pub fn measured_until_last_answer(&self, played: &Played) -> Duration {
        let from = self.measure_from.zip(self.last_answer).map(|(from, last)| last.saturating_duration_since(from));
        from.unwrap_or_default().max(played.measured)
    }
}

/// What [`Load::play`] brought besides the counts.
#[derive(Debug, Clone, Copy)]
pub struct Played {
    /// Length of the measured time.
    pub measured: Duration,
    /// Processor cores the generator kept busy.
    pub generator_cores: f64,
}
