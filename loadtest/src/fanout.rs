//! The measurement of the fan-out: one channel, many subscribers, a few publications in flight.
//!
//! A publication is done when **all** subscribers have it; then the next one takes its place. Every subscriber must
//! get the same publications in the same order, each once: the first one to get that far sets the order, the others
//! are held to it. The receiver parses frame headers in a shared buffer and allocates nothing for a delivery, so that
//! the server is what is measured.

mod deliveries;

use std::{
    error::Error,
    fmt, io,
    time::{Duration, Instant},
};

use protocol::Channel;
use serde::Serialize;

use self::deliveries::Deliveries;
use crate::{
    crowd::{Crowd, Manner},
    http,
    latency::{Latency, Percentiles},
    process,
    progress::Progress,
    target::Target,
    tokens,
    wire::{self, Opcode, Socket},
};

/// Digits of the number at the start of each payload.
const DIGITS: usize = 16;
/// Longest wait for the last deliveries.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which server is measured, and how publications reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// The hub: `hello`, `subscribe`, `POST /api/publish`.
    Hub,
    /// Bun's built-in publish at its best, `bench/bun-server.js`: every connection is subscribed, publications come as
    /// messages on one WebSocket, `/publisher`.
    Bun,
    /// The same server, or one with the same paths, over HTTP like the hub: `POST /publish`.
    Raw,
}

/// The options of a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// Which server is measured.
    pub server: Server,
    /// Its WebSocket.
    pub url: String,
    /// Its process, whose processor time is counted.
    pub pid: u32,
    /// Sessions that listen.
    pub subscribers: usize,
    /// Size of a payload. Bytes; at least 16.
    pub bytes: usize,
    /// Publications under way; over HTTP each on a connection of its own.
    pub in_flight: usize,
    /// Measured time. Seconds.
    pub seconds: f64,
    /// Time before it. Seconds.
    pub warmup_seconds: f64,
    /// Token of a service that may publish; the hub only.
    #[serde(skip)]
    pub token: Option<String>,
    /// Channel of the hub.
    pub channel: String,
}

/// The result of a measurement.
#[derive(Debug, Serialize)]
pub struct Fanout {
    /// The options of the measurement.
    pub options: Options,
    /// Deliveries in the measured time.
    pub deliveries: u64,
    /// Deliveries a second.
    pub per_second: f64,
    /// Server's processor seconds for a million deliveries.
    pub processor_seconds_per_million: f64,
    /// Cores the server kept busy.
    pub server_cores: f64,
    /// Cores the generator kept busy.
    pub generator_cores: f64,
    /// Cores kept busy by anything else on the machine: what disturbs the measurement.
    pub outside_cores: f64,
    /// From the sending of a publication to each of its deliveries.
    pub latency: Percentiles,
    /// Deliveries that never came.
    pub lost: u64,
    /// Deliveries that were not the next in the common order: doubled, late or out of turn.
    pub misplaced: u64,
}

impl fmt::Display for Fanout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { server, subscribers, bytes, in_flight, .. } = &self.options;
        write!(
            out,
            "{server:?}: {subscribers} subscribers, {bytes} B, {in_flight} in flight: {:.0} deliveries/s, \
             {:.3} CPU s per million, p50 {:.2} ms, p99 {:.2} ms, server {:.2} cores, generator {:.2}, others {:.2}, \
             lost {}, misplaced {}",
            self.per_second,
            self.processor_seconds_per_million,
            self.latency.p50_ms,
            self.latency.p99_ms,
            self.server_cores,
            self.generator_cores,
            self.outside_cores,
            self.lost,
            self.misplaced
        )
    }
}

/// A place for one publication under way.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The server answered the request, if it answers at all.
    answered: bool,
    /// All subscribers have its publication.
    delivered: bool,
}

struct Run<'a> {
    options: &'a Options,
    target: &'a Target,
    crowd: Crowd,
    slots: Vec<Slot>,
    /// Connections that publish: one for each slot over HTTP, one for all as a WebSocket.
    lines: Vec<Socket>,
    /// The lines can be used.
    open: bool,
    deliveries: Deliveries,
    /// When each publication was sent, and by whom.
    sent: Vec<(Instant, u32)>,
    buffer: Vec<u8>,
    latency: Option<Latency>,
    count: u64,
}

/// Measures a server.
pub fn fanout(options: Options) -> Result<Fanout, Box<dyn Error>> {
    if options.bytes < DIGITS || options.subscribers == 0 || options.in_flight == 0 {
        return Err(
            format!("payloads have at least {DIGITS} bytes, subscribers and in-flight at least 1").into()
        );
    }
    if !process::allow_files((options.subscribers + options.in_flight) as u64 + 64) {
        return Err(format!("{} subscribers need as many open files: ulimit -n", options.subscribers).into());
    }
    let target = Target::parse(&options.url)?;
    let progress = Progress::new();
    let manner = match options.server {
        Server::Bun | Server::Raw => Manner::Silent,
        Server::Hub => {
            let channel: Channel = options.channel.parse()?;
            Manner::Hub { tokens: tokens::tokens(&target, options.subscribers)?, channel: Some(channel) }
        }
    };
    let mut run = Run::new(&options, &target, manner, &progress)?;
    run.until(Instant::now() + Duration::from_secs_f64(options.warmup_seconds))?;

    let before = (process::usage(options.pid)?, process::own_seconds(), process::machine_seconds()?);
    let start = Instant::now();
    run.latency = Some(Latency::default());
    run.count = 0;
    run.until(start + Duration::from_secs_f64(options.seconds))?;
    let seconds = start.elapsed().as_secs_f64();
    let after = (process::usage(options.pid)?, process::own_seconds(), process::machine_seconds()?);
    let (deliveries, latency) = (run.count, run.latency.take().unwrap_or_default().percentiles());
    run.finish()?;
    progress.finish();

    let server = after.0.processor_seconds - before.0.processor_seconds;
    let generator = after.1 - before.1;
    let (lost, misplaced) = (run.deliveries.lost(), run.deliveries.misplaced);
    drop(run);
    Ok(Fanout {
        options,
        deliveries,
        per_second: deliveries as f64 / seconds,
        processor_seconds_per_million: server / (deliveries.max(1) as f64 / 1e6),
        server_cores: server / seconds,
        generator_cores: generator / seconds,
        outside_cores: (after.2 - before.2 - server - generator) / seconds,
        latency,
        lost,
        misplaced,
    })
}

impl<'a> Run<'a> {
    fn new(
        options: &'a Options,
        target: &'a Target,
        manner: Manner,
        progress: &Progress,
    ) -> io::Result<Self> {
        let crowd = Crowd::open(target, options.subscribers, manner, progress)?;
        let (lines, request, open) = match options.server {
            Server::Hub | Server::Raw => (options.in_flight, Vec::new(), true),
            Server::Bun => (1, wire::handshake(&target.host, "/publisher", None), false),
        };
        let line = |nth| {
            let number = options.subscribers + nth;
            Socket::connect(&crowd.poll, number, target.address, None, &request)
        };
        let lines = (0..lines).map(line).collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            options,
            target,
            crowd,
            slots: vec![Slot { answered: true, delivered: true }; options.in_flight],
            lines,
            open,
            deliveries: Deliveries::new(options.subscribers),
            sent: Vec::new(),
            buffer: Vec::new(),
            latency: None,
            count: 0,
        })
    }

    /// Keeps publications under way until a time.
    fn until(&mut self, end: Instant) -> io::Result<()> {
        loop {
            for nth in 0..self.slots.len() {
                let Slot { answered, delivered } = self.slots[nth];
                if self.open && answered && delivered {
                    self.publish(nth);
                }
            }
            for line in &mut self.lines {
                line.flush(&self.crowd.poll)?;
            }
            let Some(left) = end.checked_duration_since(Instant::now()) else { return Ok(()) };
            self.turn(left)?;
        }
    }

    /// Waits for what is under way, so that what is lost can be told from what is late.
    fn finish(&mut self) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !self.slots.iter().all(|slot| slot.answered && slot.delivered) {
            let Some(left) = end.checked_duration_since(Instant::now()) else { return Ok(()) };
            self.turn(left)?;
        }
        // What comes now would be a doubled delivery.
        self.turn(Duration::from_millis(50))
    }

    fn publish(&mut self, nth: usize) {
        let number = self.deliveries.published();
        let payload = format!("{number:0DIGITS$}{:x<width$}", "", width = self.options.bytes - DIGITS);
        let host = &self.target.host;
        let line = nth % self.lines.len();
        let line = &mut self.lines[line];
        match self.options.server {
            Server::Hub => {
                let channel = &self.options.channel;
                let body = format!("{{\"channel\":\"{channel}\",\"data\":\"{payload}\"}}");
                let token = self.options.token.as_deref();
                let request = http::post(host, "/api/publish", "application/json", token, body.as_bytes());
                line.queue_bytes(&request);
            }
            Server::Raw => {
                line.queue_bytes(&http::post(host, "/publish", "text/plain", None, payload.as_bytes()));
            }
            Server::Bun => line.queue(Opcode::Text, payload.as_bytes()),
        }
        self.sent.push((Instant::now(), nth as u32));
        self.slots[nth] = Slot { answered: self.options.server == Server::Bun, delivered: false };
    }

    fn turn(&mut self, nap: Duration) -> io::Result<()> {
        let events: Vec<_> = self.crowd.poll.wait(nap)?.collect();
        for event in events {
            let number = event.number;
            match number.checked_sub(self.options.subscribers) {
                None => {
                    if event.writable {
                        self.crowd.sockets[number].flush(&self.crowd.poll)?;
                    }
                    if event.readable {
                        self.hear(number)?;
                    }
                }
                Some(nth) => {
                    if event.writable {
                        self.lines[nth].flush(&self.crowd.poll)?;
                    }
                    if event.readable {
                        self.answered(nth)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, nth: usize) -> io::Result<()> {
        let line = &mut self.lines[nth];
        let count = line.fill(&mut self.buffer)?;
        let bytes = &self.buffer[..count];
        if self.options.server == Server::Bun {
            if !self.open {
                match wire::answered(bytes, None)? {
                    Some(_) => self.open = true,
                    None => line.keep(bytes),
                }
            }
            return Ok(());
        }
        match http::answer(bytes)? {
            None => line.keep(bytes),
            Some((answer, _)) if (200..300).contains(&answer.status) => self.slots[nth].answered = true,
            Some((answer, _)) => {
                let body = String::from_utf8_lossy(answer.body);
                let text = format!("publishing is answered with status {}: {body}", answer.status);
                return Err(io::Error::other(text));
            }
        }
        Ok(())
    }

    fn hear(&mut self, subscriber: usize) -> io::Result<()> {
        let socket = &mut self.crowd.sockets[subscriber];
        let count = socket.fill(&mut self.buffer)?;
        let now = Instant::now();
        let mut rest = &self.buffer[..count];
        let mut pinged = false;
        while let Some((opcode, frame, taken)) = wire::frame(rest)? {
            match opcode {
                Opcode::Binary | Opcode::Text => {
                    // Whatever is around it, a frame ends with its payload.
                    let payload =
                        frame.len().checked_sub(self.options.bytes).and_then(|at| frame.get(at..at + DIGITS));
                    if let Some(number) = payload.and_then(number_of) {
                        self.count += 1;
                        if let Some((sent, slot)) = self.sent.get(number as usize) {
                            if let Some(latency) = &mut self.latency {
                                latency.record(now.saturating_duration_since(*sent));
                            }
                            if self.deliveries.heard(subscriber, number) {
                                self.slots[*slot as usize].delivered = true;
                            }
                        } else {
                            self.deliveries.misplaced += 1;
                        }
                    }
                }
                Opcode::Ping => {
                    socket.queue(Opcode::Pong, frame);
                    pinged = true;
                }
                Opcode::Pong => {}
                Opcode::Close => {
                    return Err(io::Error::other(format!("the server closed subscriber {subscriber}")));
                }
            }
            rest = &rest[taken..];
        }
        socket.keep(rest);
        if pinged {
            socket.flush(&self.crowd.poll)?;
        }
        Ok(())
    }
}

/// The number at the start of a payload.
fn number_of(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_its_digits() {
        assert_eq!(number_of(b"0000000000000042"), Some(42));
        assert_eq!(number_of(b"000000000000004x"), None);
        assert_eq!(number_of(b"9999999999999999"), None);
    }
}
