//! Placing bets: whose turn it is, and what is written down about it.

use std::time::{Duration, Instant};

use super::{Load, Sent, Stage};
use crate::{book::Minor, wire::Opcode};

/// Players looked at before an arrival is put off.
const TRIES_MAX: usize = 32;

/// What became of an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placed {
    Sent,
    NoTable,
    NoMoney,
    /// Everyone tried has as many bets under way as allowed: later, with the time it was due.
    Full,
}

impl Load<'_> {
    /// Sends the arrivals that are due, oldest first.
    pub(super) fn work_off(&mut self, now: Instant) {
        while let Some(due) = self.backlog.front().copied() {
            let measured = u64::from(self.is_measured(due));
            match self.place(due, now) {
                Placed::Sent => {}
                Placed::Full => return,
                // Waiting for the next round would turn the pause between rounds into a burst.
                Placed::NoTable if due + Duration::from_millis(5) < now => {
                    self.counts.unsent += 1;
                    self.fates.unsent += measured;
                }
                Placed::NoTable => {
                    self.counts.no_table += 1;
                    self.fates.no_table += measured;
                }
                Placed::NoMoney => {
                    self.counts.no_money += 1;
                    self.fates.no_money += measured;
                }
            }
            self.fates.due += measured;
            self.backlog.pop_front();
        }
    }

    /// Sends bets until so many are under way.
    pub(super) fn top_up(&mut self, in_flight: usize, now: Instant) {
        while self.in_flight < in_flight {
            match self.place(now, now) {
                Placed::Sent => self.fates.due += u64::from(self.is_measured(now)),
                Placed::Full | Placed::NoTable | Placed::NoMoney => return,
            }
        }
    }

    /// Gives up what is still not sent when the time is over.
    pub(super) fn give_up_backlog(&mut self) {
        while let Some(due) = self.backlog.pop_front() {
            let measured = u64::from(self.is_measured(due));
            self.counts.unsent += 1;
            self.fates.unsent += measured;
            self.fates.due += measured;
        }
    }

    fn is_measured(&self, due: Instant) -> bool {
        self.measure_from.is_some_and(|from| due >= from)
    }

    fn place(&mut self, due: Instant, now: Instant) -> Placed {
        // Without a margin the time is not compared: players bet until they hear that betting is over.
        if self.plan.bets.close_margin_ms > 0 {
            self.tables.close_before(now + Duration::from_millis(self.plan.bets.close_margin_ms));
        }
        let open = self.tables.open();
        if open.is_empty() {
            return Placed::NoTable;
        }
        let mut full = false;
        for _ in 0..TRIES_MAX {
            let table = open[self.random.usize(..open.len())];
            let nth = self.random.usize(..self.tables.players(table));
            let number = self.tables.player(table, nth);
            let player = &self.players[number];
            let under_way = player.in_flight.len();
            if player.stage != Stage::Ready {
                continue;
            }
            if under_way >= self.plan.bets.in_flight_per_player_max {
                full = true;
                continue;
            }
            if player.available < self.stake * (under_way as Minor + 1) {
                continue;
            }
            self.bet(number, table, due);
            return Placed::Sent;
        }
        if full { Placed::Full } else { Placed::NoMoney }
    }

    fn bet(&mut self, player: usize, table: usize, due: Instant) {
        let spots = self.templates.len() / self.tables.len();
        let template = table * spots + self.random.usize(..spots);
        let round = self.tables.get(table).round;
        let number = self.next_number;
        self.next_number += 1;
        let mut frame = std::mem::take(&mut self.frame);
        self.templates[template].fill(&mut frame, number, round);
        self.send(player, Opcode::Binary, &frame);
        self.frame = frame;
        let (measured, template) = (self.is_measured(due), template as u32);
        let sent = Sent { number, due, round, template, measured, written: false };
        self.players[player].in_flight.push_back(sent);
        self.in_flight += 1;
        self.counts.sent += 1;
    }
}
