//! The measurement of credits over HTTP: a service credits players, each request with a key of its own, over connections that stay
//! open. An answer comes when the credit is on disk. Every cent is then compared with what the hub says the players have, and some
//! requests are sent again: each must bring its first answer, and move nothing.

mod report;

use std::{
    collections::VecDeque,
    error::Error,
    io,
    time::{Duration, Instant},
};

use fastrand::Rng;
use protocol::Amount;
use serde::Deserialize;

pub use self::report::Credits;
use self::report::Faults;
use crate::{
    arrivals::{Arrivals, Spacing},
    bet::KeyStem,
    http,
    latency::Latency,
    poll::Poll,
    progress::Progress,
    target::Target,
    wire::Socket,
};

const PATH: &str = "/api/domains/balance";
/// Requests that are sent again at the end.
const AGAIN: usize = 200;
/// Longest wait for the last answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// WebSocket of the hub; its API is on the same host and port.
    pub url: String,
    /// Token of a service with `balance:*`.
    pub token: String,
    /// Connections, each with one request under way.
    pub clients: usize,
    /// Players that are credited in turn.
    pub players: usize,
    /// Credits a second, independent of the answers; `None`: each connection sends the next one when it has an answer.
    pub rate: Option<f64>,
    /// Measured time.
    pub length: Duration,
    /// Amount of each credit.
    pub amount: Amount,
    /// Seed of all random choices, and of the keys; `None` for another one each time.
    pub seed: Option<u64>,
}

/// What is read of an answer.
#[derive(Debug, Deserialize)]
struct Receipt {
    lsn: u64,
    replayed: bool,
}

/// What is read of a balance.
#[derive(Debug, Deserialize)]
struct Balances {
    balances: Vec<Balance>,
}

#[derive(Debug, Deserialize)]
struct Balance {
    total: Amount,
}

/// A request under way.
#[derive(Debug, Clone, Copy)]
struct Asked {
    number: usize,
    due: Instant,
}

struct Line {
    socket: Socket,
    asked: Option<Asked>,
}

struct Run<'a> {
    options: &'a Options,
    target: &'a Target,
    stem: KeyStem,
    bearer: String,
    poll: Poll,
    lines: Vec<Line>,
    idle: Vec<usize>,
    /// When requests were due for which no connection was free.
    waiting: VecDeque<Instant>,
    /// The record of each credit, by its number; 0 until it is answered.
    records: Vec<u64>,
    buffer: Vec<u8>,
    faults: Faults,
}

/// Credits, and compares.
///
/// # Errors
/// When the hub cannot be asked.
pub fn credits(options: &Options) -> Result<Credits, Box<dyn Error>> {
    if options.clients == 0 || options.players == 0 {
        return Err("there is at least one client and one player".into());
    }
    let target = Target::parse(&options.url)?;
    let progress = Progress::new();
    let seed = options.seed.map_or_else(getrandom::u64, Ok)?;
    let mut run = Run::new(options, &target, seed)?;
    // The first credit of each player opens an account.
    run.send(Instant::now(), options.players, None, &progress)?;
    let opened = run.records.len();

    let mut latency = Latency::default();
    let began = Instant::now();
    run.send(began, usize::MAX, Some((&mut latency, seed)), &progress)?;
    let seconds = began.elapsed().as_secs_f64();
    let credited = run.records.len() - opened;
    progress.line("comparing the balances, and sending some requests again");
    run.audit(&mut Rng::with_seed(seed))?;
    progress.finish();
    Ok(Credits {
        clients: options.clients,
        players: options.players,
        credits: credited as u64,
        per_second: credited as f64 / seconds,
        answered: latency.percentiles(),
        compared: options.players,
        again: AGAIN.min(run.records.len()),
        faults: run.faults,
    })
}

impl<'a> Run<'a> {
    fn new(options: &'a Options, target: &'a Target, seed: u64) -> io::Result<Self> {
        let poll = Poll::new()?;
        let line = |number| {
            let socket = Socket::connect(&poll, number, target.address, None, &[])?;
            Ok(Line { socket, asked: None })
        };
        let lines = (0..options.clients).map(line).collect::<io::Result<_>>()?;
        Ok(Self {
            options,
            target,
            stem: KeyStem::new(seed),
            bearer: format!("Bearer {}", options.token),
            poll,
            lines,
            idle: (0..options.clients).collect(),
            waiting: VecDeque::new(),
            records: Vec::new(),
            buffer: Vec::new(),
            faults: Faults::default(),
        })
    }

    fn player(&self, number: usize) -> String {
        format!("{}{}", self.stem.key(0), number % self.options.players)
    }

    /// The request with this number.
    fn credit(&self, number: usize) -> Vec<u8> {
        let key = self.stem.key(number as u64).to_string();
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key.as_str()),
        ];
        let body = format!(
            "{{\"playerId\":\"{}\",\"amount\":\"{}\",\"type\":\"credit\"}}",
            self.player(number),
            self.options.amount
        );
        http::request(&format!("POST {PATH}"), &self.target.host, &headers, Some(body.as_bytes()))
    }

    /// Sends so many requests, or for the measured time those that are due; and waits for every answer.
    fn send(
        &mut self,
        began: Instant,
        count: usize,
        mut measured: Option<(&mut Latency, u64)>,
        progress: &Progress,
    ) -> io::Result<()> {
        let length = self.options.length;
        let rate = measured.as_ref().and(self.options.rate);
        let mut arrivals = rate.map(|rate| {
            let random = Rng::with_seed(measured.as_ref().map_or(0, |(_, seed)| *seed));
            Arrivals::new(began, length, rate, Spacing::Poisson, random)
        });
        let last = self.records.len().saturating_add(count);
        loop {
            let now = Instant::now();
            let goes_on = measured.is_none() || now < began + length;
            match &mut arrivals {
                Some(arrivals) => self.waiting.extend(std::iter::from_fn(|| arrivals.take_due(now))),
                // Each connection that is free asks at once.
                None if goes_on => self.waiting.extend(self.idle.iter().map(|_| now)),
                None => {}
            }
            while self.records.len() < last
                && let (Some(line), Some(due)) = (self.idle.last().copied(), self.waiting.front().copied())
            {
                self.idle.pop();
                self.waiting.pop_front();
                let number = self.records.len();
                self.records.push(0);
                let request = self.credit(number);
                let line = &mut self.lines[line];
                line.asked = Some(Asked { number, due });
                line.socket.queue_bytes(&request);
                line.socket.flush(&self.poll)?;
            }
            if arrivals.is_none() {
                self.waiting.clear();
            }
            let is_over = self.records.len() >= last || !goes_on;
            if is_over && self.waiting.is_empty() && self.idle.len() == self.lines.len() {
                return Ok(());
            }
            if measured.is_some() && now > began + length + PATIENCE {
                let missing = self.lines.len() - self.idle.len() + self.waiting.len();
                return Err(io::Error::other(format!("{missing} requests have no answer")));
            }
            let due = arrivals.as_ref().and_then(Arrivals::next_due);
            let nap = due.map_or(Duration::from_millis(10), |due| due.saturating_duration_since(now));
            progress.show("credits", self.records.len() as u64, (self.records.len() as u64).max(1));
            self.turn(nap, measured.as_mut().map(|(latency, _)| &mut **latency))?;
        }
    }

    fn turn(&mut self, nap: Duration, mut latency: Option<&mut Latency>) -> io::Result<()> {
        let ready: Vec<_> = self.poll.wait(nap)?.collect();
        for event in ready {
            if event.writable {
                self.lines[event.number].socket.flush(&self.poll)?;
            }
            if event.readable
                && let Some(due) = self.hear(event.number)?
                && let Some(latency) = &mut latency
            {
                latency.record(due.elapsed());
            }
        }
        Ok(())
    }

    /// Reads what has come on a connection. When its request was due, if that is its answer.
    fn hear(&mut self, line: usize) -> io::Result<Option<Instant>> {
        let Line { socket, asked } = &mut self.lines[line];
        let count = socket.fill(&mut self.buffer)?;
        let bytes = &self.buffer[..count];
        let Some((answer, _)) = http::answer(bytes)? else {
            socket.keep(bytes);
            return Ok(None);
        };
        let Some(Asked { number, due }) = asked.take() else {
            return Err(io::Error::other("the server has answered what was not asked"));
        };
        match (answer.status, serde_json::from_slice(answer.body)) {
            (200, Ok(Receipt { lsn, replayed: false })) => self.records[number] = lsn,
            (status, _) => {
                let body = String::from_utf8_lossy(answer.body);
                self.faults.add(format!("credit {number} is answered with status {status}: {body}"));
            }
        }
        self.idle.push(line);
        Ok(Some(due))
    }

    /// Compares what the players have with what they were credited, before and after some requests are sent again.
    fn audit(&mut self, random: &mut Rng) -> Result<(), Box<dyn Error>> {
        let mut records: Vec<_> = self.records.iter().copied().filter(|lsn| *lsn > 0).collect();
        let acknowledged = records.len();
        records.sort_unstable();
        records.dedup();
        if records.len() != acknowledged {
            self.faults.add(format!("{acknowledged} credits have {} records", records.len()));
        }
        let mut client = http::Client::connect(self.target.address, &self.target.host)?;
        self.compare(&mut client)?;
        for _ in 0..AGAIN.min(self.records.len()) {
            let number = random.usize(..self.records.len());
            let first = self.records[number];
            if first == 0 {
                continue;
            }
            let (status, body) = client.ask(&self.credit(number))?;
            match serde_json::from_slice(&body) {
                Ok(Receipt { lsn, replayed: true }) if status == 200 && lsn == first => {}
                _ => {
                    let body = String::from_utf8_lossy(&body);
                    self.faults
                        .add(format!("credit {number}, sent again, is answered with {status}: {body}"));
                }
            }
        }
        self.compare(&mut client)?;
        Ok(())
    }

    fn compare(&mut self, client: &mut http::Client) -> Result<(), Box<dyn Error>> {
        const SCALE: u32 = protocol::amount::SCALE_MAX;
        let amount = self.options.amount.to_minor(SCALE)?;
        for player in 0..self.options.players {
            let credited = self.records.iter().skip(player).step_by(self.options.players);
            let expected = amount * credited.filter(|lsn| **lsn > 0).count() as i128;
            let path = format!("GET {PATH}/{}", self.player(player));
            let headers = [("authorization", self.bearer.as_str())];
            let (status, body) = client.ask(&http::request(&path, &self.target.host, &headers, None))?;
            let found: Balances = match (status, serde_json::from_slice(&body)) {
                (200, Ok(found)) => found,
                (status, _) => {
                    let body = String::from_utf8_lossy(&body);
                    return Err(format!("a balance is answered with status {status}: {body}").into());
                }
            };
            let totals = found.balances.iter().map(|balance| balance.total.to_minor(SCALE));
            let has: i128 = totals.sum::<Result<_, _>>()?;
            if has != expected {
                self.faults.add(format!("player {player} has {has}e-{SCALE} instead of {expected}e-{SCALE}"));
            }
        }
        Ok(())
    }
}
