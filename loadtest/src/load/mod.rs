//! The generator: players on real WebSockets, driven by one thread and one timetable.
//!
//! `connect` brings every player to its table, `play` places bets as they fall due, `settle` waits until no accepted
//! bet is open. Everything received goes into the books; totals that the server reports are not used. The check
//! against the server's own balances follows on fresh connections, in `audit`.

mod connect;
mod hear;
mod limits;
mod place;
mod stages;
mod tables;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use fastrand::Rng;
use protocol::{Currency, TableId};
use serde::Serialize;

pub use stages::Played;
pub use tables::{Table, Tables};

use crate::{
    bet::{KeyStem, Template},
    book::{Book, Minor},
    clock::Clock,
    fates::Fates,
    latency::Latency,
    plan::Plan,
    poll::{EVENTS_MAX, Poll, Ready},
    target::Target,
    tokens::Demo,
    wire::{self, Opcode, Socket},
};

/// Faults written out; the rest are counted.
const FAULTS_MAX: usize = 50;
/// Refused bets that are looked up afterwards.
const REFUSED_SAMPLES_MAX: usize = 50;
/// Receipts there is room for from the start, so that no growing copies them while a bet waits. Memory that is not
/// written to costs nothing.
const RECEIPTS_RESERVED_MAX: usize = 16_000_000;
/// Receipts a second that a closed loop reserves for; its rate is what it is to find.
const CLOSED_RATE: f64 = 100_000.0;

/// One player.
pub struct Player {
    /// Its token.
    pub token: String,
    /// What the hub said it was given.
    deposited: Option<protocol::Amount>,
    /// What it knows about its money.
    pub book: Book,
    /// Its table, an index.
    pub table: usize,
    socket: Option<Socket>,
    stage: Stage,
    due: Instant,
    in_flight: VecDeque<Sent>,
    /// What is available by the hub's newest message, minor units.
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
    /// The kernel has all of it.
    written: bool,
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

/// Counts of the whole run, warm-up included.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Bets sent.
    pub sent: u64,
    /// Bets accepted.
    pub accepted: u64,
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
    /// Results received, one for each player and round.
    pub results: u64,
    /// Publications and replies of any kind.
    pub frames: u64,
}

/// The whole run while it goes on.
pub struct Load<'a> {
    target: &'a Target,
    plan: &'a Plan,
    poll: Poll,
    random: Rng,
    clock: Clock,
    request: Vec<u8>,
    scratch: Vec<u8>,
    frame: Vec<u8>,
    dirty: Vec<usize>,
    events: Vec<Ready>,
    /// When the sockets were last found to hold nothing more.
    looked: Instant,
    /// What is being read now cannot have come before this moment.
    came_after: Instant,
    next_number: u64,
    next_request: u64,
    in_flight: usize,
    ready: usize,
    gone: usize,
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
    /// The frames of bets: those of table `t` start at `t * spots`.
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
    /// From the time a bet was due to its answer, whatever that was.
    pub answers: Latency,
    /// The same for receipts alone.
    pub bets: Latency,
    /// From the time a bet was due until the kernel had it: what the generator adds before.
    pub delays: Latency,
    /// From the earliest moment an answer can have come to its reading: at most what the generator adds behind.
    pub readings: Latency,
    /// From the announced time of a result to its arrival.
    pub results: Latency,
    /// Counts of the whole run.
    pub counts: Counts,
    /// What became of the bets of the measured time.
    pub fates: Fates,
    /// Accepted bets to ask for again.
    pub samples: Vec<Sample>,
    /// Refused bets to look up: player and number.
    pub refused: Vec<(usize, u64)>,
    /// The lsns of all receipts.
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
        demos: Vec<Demo>,
        tables: Vec<TableId>,
        currency: Currency,
        scale: u32,
        seed: u64,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut random = Rng::with_seed(seed);
        // The stem is not of the seed: the same run repeated must not repeat its keys.
        let stem = KeyStem::new(getrandom::u64()?);
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
        let player = |(number, demo): (usize, Demo)| Player {
            token: demo.token,
            deposited: demo.deposited,
            book: Book::default(),
            table: number % tables.len(),
            socket: None,
            stage: Stage::Waiting,
            due: now,
            in_flight: VecDeque::with_capacity(plan.bets.in_flight_per_player_max.min(1_024)),
            available: 0,
            // The first player of each table listens for all of them.
            follows_table: plan.follow_tables || number < tables.len(),
        };
        let players: Vec<Player> = demos.into_iter().enumerate().map(player).collect();
        let protocol = protocol::SUBPROTOCOL_MSGPACK;
        let rate = plan.arrivals.closed.map_or(plan.arrivals.rate, |_| CLOSED_RATE);
        let receipts = (rate * plan.length().as_secs_f64() * 1.1) as usize;
        Ok(Self {
            target,
            plan,
            poll: Poll::new()?,
            random: random.fork(),
            clock: Clock::new(),
            request: wire::handshake(&target.host, &target.path, Some(protocol)),
            scratch: Vec::new(),
            frame: Vec::new(),
            dirty: Vec::with_capacity(2 * players.len()),
            events: Vec::with_capacity(EVENTS_MAX),
            looked: now,
            came_after: now,
            next_number: 1,
            next_request: 1 << 52,
            in_flight: 0,
            ready: 0,
            gone: 0,
            backlog: VecDeque::with_capacity(1_024),
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
            answers: Latency::default(),
            bets: Latency::default(),
            delays: Latency::default(),
            readings: Latency::default(),
            results: Latency::default(),
            counts: Counts::default(),
            fates: Fates::default(),
            samples: Vec::with_capacity(plan.samples.min(receipts)),
            refused: Vec::new(),
            lsns: Vec::with_capacity(receipts.min(RECEIPTS_RESERVED_MAX)),
            faults: Vec::new(),
            faults_more: 0,
        })
    }

    fn flush(&mut self, player: usize) {
        let Player { socket: Some(socket), in_flight, .. } = &mut self.players[player] else { return };
        match socket.flush(&self.poll) {
            Ok(true) => {
                let now = Instant::now();
                // Bets are written in the order they were placed, so those that were not yet stand last.
                for sent in in_flight.iter_mut().rev().take_while(|sent| !sent.written) {
                    sent.written = true;
                    if sent.measured {
                        self.delays.record(now.saturating_duration_since(sent.due));
                    }
                }
            }
            Ok(false) => {}
            Err(error) => self.lost(player, &error.to_string()),
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
        self.gone += 1;
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
}
