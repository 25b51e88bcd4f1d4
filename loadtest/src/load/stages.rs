//! The stages of a run, one after the other: connect, play, settle.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Load, Player, Stage};
use crate::{arrivals::Arrivals, poll::EVENTS_MAX, process, progress::Progress, wire::Opcode};

/// Longest wait for sockets, so that the progress is shown and lost time limits are noticed.
const NAP_MAX: Duration = Duration::from_millis(50);

impl Load<'_> {
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
            let until_next =
                Duration::from_secs_f64(next as f64 * gap).saturating_sub(start.elapsed()).min(NAP_MAX);
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
        let random = self.random.fork();
        let mut arrivals = Arrivals::new(start, length, rate, self.plan.arrivals.spacing, random);
        let processor_before = process::own_seconds();
        loop {
            let now = Instant::now();
            if now >= end || self.gone == self.players.len() {
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
        self.give_up_backlog();
        Ok(Played {
            measured: Duration::from_secs_f64(self.plan.seconds),
            generator_cores: (process::own_seconds() - processor_before) / start.elapsed().as_secs_f64(),
        })
    }

    /// Waits until every answer has come and every accepted bet is settled. What is missing when the time is
    /// over becomes a fault, here and in the books.
    pub fn settle(&mut self, progress: &Progress) -> io::Result<()> {
        let start = Instant::now();
        let patience = Duration::from_secs_f64(self.plan.settle_seconds_max);
        loop {
            let open = self.players.iter().filter(|player| !player.book.is_settled()).count();
            // A player without a connection receives nothing any more; its open bets show in its book.
            let heard = |player: &&Player| player.stage != Stage::Gone;
            let waits = |player: &Player| !player.in_flight.is_empty() || !player.book.is_settled();
            if !self.players.iter().filter(heard).any(waits) {
                break;
            }
            progress.show(
                "players without open bets",
                (self.players.len() - open) as u64,
                self.players.len() as u64,
            );
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
                self.fates.unanswered += u64::from(sent.measured);
                self.players[player]
                    .book
                    .fault(format!("bet {key} on round {} was never answered", sent.round));
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
        self.flush_dirty();
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        // What is there at once came while the generator was busy, at any moment since its last look. What comes
        // while it waits is taken as it comes.
        events.extend(self.poll.wait(Duration::ZERO)?);
        let waits = events.is_empty() && !nap.is_zero();
        if waits {
            events.extend(self.poll.wait(nap)?);
        }
        let now = Instant::now();
        self.came_after = if waits { now } else { self.looked };
        if events.len() < EVENTS_MAX {
            self.looked = now;
        }
        for event in &events {
            if event.writable {
                self.flush(event.number);
            }
            if event.readable {
                self.read(event.number);
            }
        }
        self.events = events;
        self.flush_dirty();
        Ok(())
    }

    /// Writes what is queued, each socket once, and keeps the list's memory.
    fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for player in dirty.drain(..) {
            self.flush(player);
        }
        self.dirty = dirty;
    }

    /// The measured time: to the end of the plan, or to the last answer if that came later. An answer that
    /// came late must not count as throughput of a time in which it had not come.
    #[must_use]
    pub fn measured_until_last_answer(&self, played: &Played) -> Duration {
        let from =
            self.measure_from.zip(self.last_answer).map(|(from, last)| last.saturating_duration_since(from));
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
