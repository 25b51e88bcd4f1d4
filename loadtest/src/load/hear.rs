//! Receiving: frames from the sockets into books, tables and histograms.
//!
//! The hot path reads the few fields it needs (`scan`); whatever is rare goes through the full decoder.

use std::{io, time::Instant};

use protocol::{
    Encoding, Push, TableId,
    codec::{ServerFrame, decode_server},
    push::Event,
};

use super::{Load, REFUSED_SAMPLES_MAX, Sample, Sent, Stage};
use crate::{
    book::Minor,
    scan,
    wire::{self, Opcode},
};

/// The fields of a frame that count under load.
#[derive(Default)]
struct Head<'a> {
    t: &'a [u8],
    id: Option<u64>,
    key: &'a [u8],
    lsn: Option<u64>,
    round: &'a [u8],
    amount: &'a [u8],
    available: &'a [u8],
    name: &'a [u8],
    code: Option<u64>,
    channel: &'a [u8],
    offset: Option<u64>,
    data: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(payload: &'a [u8]) -> Option<Self> {
        let mut head = Self::default();
        for (key, value) in scan::fields(payload)? {
            match key {
                b"t" => head.t = scan::text(value)?,
                b"id" => head.id = scan::uint(value),
                b"key" => head.key = scan::text(value)?,
                b"lsn" => head.lsn = scan::uint(value),
                b"round" => head.round = scan::text(value).unwrap_or_default(),
                b"amount" => head.amount = scan::text(value)?,
                b"available" => head.available = scan::text(value)?,
                b"name" => head.name = scan::text(value)?,
                b"code" => head.code = scan::uint(value),
                b"ch" => head.channel = scan::text(value)?,
                b"o" => head.offset = scan::uint(value),
                b"d" => head.data = value,
                _ => {}
            }
        }
        Some(head)
    }
}

/// The result of a round for one player, amounts in minor units. A round of a thousand players brings a thousand of
/// them at once, while bets wait to be timed.
struct Settled {
    round: u64,
    staked: Minor,
    returned: Minor,
    available: Minor,
}

impl Settled {
    /// Reads the event. `None` when it is of another table or currency, or not one that can be read.
    fn read(data: &[u8], table: TableId, currency: &str, scale: u32) -> Option<Self> {
        let (mut round, mut staked, mut returned, mut available, mut is_ours) =
            (None, None, None, None, false);
        for (key, value) in scan::fields(data)? {
            match key {
                b"round" => round = round_at(table, scan::text(value)?),
                b"staked" => staked = scan::minor(scan::text(value)?, scale),
                b"returned" => returned = scan::minor(scan::text(value)?, scale),
                b"available" => available = scan::minor(scan::text(value)?, scale),
                b"currency" => is_ours = scan::text(value)? == currency.as_bytes(),
                _ => {}
            }
        }
        Some(Self {
            round: round.filter(|_| is_ours)?,
            staked: staked?,
            returned: returned?,
            available: available?,
        })
    }
}

/// The number of a round such as `roulette-1:42`, if it is one of this table.
fn round_at(table: TableId, text: &[u8]) -> Option<u64> {
    let number = text.strip_prefix(table.as_str().as_bytes())?.strip_prefix(b":")?;
    scan::minor(number, 0).and_then(|number| u64::try_from(number).ok())
}

impl Load<'_> {
    pub(super) fn read(&mut self, player: usize) {
        let mut buffer = std::mem::take(&mut self.scratch);
        if let Err(error) = self.read_into(player, &mut buffer) {
            self.lost(player, &error.to_string());
        }
        self.scratch = buffer;
    }

    fn read_into(&mut self, player: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        let Some(socket) = &mut self.players[player].socket else { return Ok(()) };
        let count = socket.fill(buffer)?;
        let now = Instant::now();
        let mut rest = &buffer[..count];
        if self.players[player].stage == Stage::Upgrading {
            match wire::answered(rest, Some(protocol::SUBPROTOCOL_MSGPACK))? {
                Some(taken) => rest = &rest[taken..],
                None => {
                    if let Some(socket) = &mut self.players[player].socket {
                        socket.keep(rest);
                    }
                    return Ok(());
                }
            }
            self.upgraded(player);
        }
        while let Some((opcode, payload, taken)) = wire::frame(rest)? {
            match opcode {
                Opcode::Binary => self.hear(player, payload, now),
                Opcode::Ping => self.send(player, Opcode::Pong, payload),
                Opcode::Pong => {}
                Opcode::Text => return Err(io::Error::other("a text frame in a binary sub-protocol")),
                Opcode::Close => {
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                    return Err(io::Error::other(format!("the hub closed with code {code} {reason}")));
                }
            }
            rest = &rest[taken..];
        }
        if let Some(socket) = &mut self.players[player].socket {
            socket.keep(rest);
        }
        Ok(())
    }

    fn hear(&mut self, player: usize, payload: &[u8], now: Instant) {
        self.counts.frames += 1;
        let Some(head) = Head::read(payload) else {
            return self.fault(format!("player {player} got a frame that is not a map: {payload:02x?}"));
        };
        match head.t {
            b"bet_accepted" => self.accepted(player, &head, payload, now),
            b"pub" if head.channel.starts_with(b"player:") => self.personal(player, &head, now),
            b"pub" => self.at_table(player, head.data),
            b"error" if head.id.is_some_and(|id| id < 1 << 52) => self.refused(player, &head, now),
            b"reset" | b"drain" => self.interrupted(player, payload),
            _ => self.set_up(player, payload, now),
        }
    }

    /// Takes a bet off the list of those under way.
    fn take(&mut self, player: usize, id: Option<u64>) -> Option<Sent> {
        let under_way = &mut self.players[player].in_flight;
        let at = under_way.iter().position(|sent| Some(sent.number) == id)?;
        self.in_flight -= 1;
        under_way.remove(at)
    }

    /// Counts the time of an answer, whatever it says. `now` is when its bytes were read.
    fn answered(&mut self, sent: Sent, now: Instant) {
        if sent.measured {
            self.last_answer = Some(now);
            self.answers.record(now.saturating_duration_since(sent.due));
            self.readings.record(now.saturating_duration_since(self.came_after));
            if !sent.written {
                // Only a part of what was queued behind it waits for room.
                self.delays.record(now.saturating_duration_since(sent.due));
            }
        }
    }

    fn accepted(&mut self, player: usize, head: &Head<'_>, payload: &[u8], now: Instant) {
        let Some(sent) = self.take(player, head.id) else {
            let fault = format!("a receipt for request {:?}, which is not under way", head.id);
            return self.players[player].book.fault(fault);
        };
        self.answered(sent, now);
        let table = self.tables.get(self.players[player].table).id;
        let in_round = round_at(table, head.round) == Some(sent.round);
        let amount = scan::minor(head.amount, self.scale);
        let available = scan::minor(head.available, self.scale);
        let right = self.stem.matches(head.key, sent.number) && in_round && amount == Some(self.stake);
        let (true, Some(lsn), Some(available)) = (right, head.lsn, available) else {
            let text = String::from_utf8_lossy(payload).into_owned();
            let fault = format!("a receipt that does not fit bet {}: {text}", self.stem.key(sent.number));
            self.fates.refused += u64::from(sent.measured);
            return self.players[player].book.fault(fault);
        };
        self.lsns.push(lsn);
        self.counts.accepted += 1;
        if sent.measured {
            self.fates.accepted += 1;
            self.bets.record(now.saturating_duration_since(sent.due));
        }
        self.players[player].available = available;
        self.players[player].book.accept(sent.round, self.stake);
        self.sample(player, sent, payload);
    }

    /// Keeps a random sample of all receipts: each is as likely to be in it as any other.
    fn sample(&mut self, player: usize, sent: Sent, frame: &[u8]) {
        self.accepted_seen += 1;
        let (number, round, template) = (sent.number, sent.round, sent.template as usize);
        let room = self.plan.samples;
        let at = if self.samples.len() < room {
            self.samples.len()
        } else {
            self.random.usize(..self.accepted_seen as usize)
        };
        if at < room {
            let sample = Sample { player, number, round, template, frame: frame.to_vec() };
            if at < self.samples.len() {
                self.samples[at] = sample;
            } else {
                self.samples.push(sample);
            }
        }
    }

    fn refused(&mut self, player: usize, head: &Head<'_>, now: Instant) {
        let Some(sent) = self.take(player, head.id) else {
            let fault = format!("a refusal of request {:?}, which is not under way", head.id);
            return self.players[player].book.fault(fault);
        };
        self.answered(sent, now);
        let name = String::from_utf8_lossy(head.name).into_owned();
        let code = head.code.and_then(|code| u16::try_from(code).ok());
        let fate = match code {
            Some(3_002 | 3_003) => &mut self.fates.late,
            _ => &mut self.fates.refused,
        };
        *fate += u64::from(sent.measured);
        match code {
            Some(3_002 | 3_003) => self.counts.late += 1,
            Some(3_000..=4_999) => *self.counts.refused.entry(name).or_default() += 1,
            // Malformed, unauthorised or broken: not what a hub says to an honest client.
            code => {
                *self.counts.refused.entry(name.clone()).or_default() += 1;
                let key = self.stem.key(sent.number);
                self.players[player].book.fault(format!("bet {key} met error {code:?} {name}"));
                return;
            }
        }
        if self.refused.len() < REFUSED_SAMPLES_MAX {
            self.refused.push((player, sent.number));
        }
    }

    /// A publication on a personal channel.
    fn personal(&mut self, player: usize, head: &Head<'_>, now: Instant) {
        if let Some(offset) = head.offset {
            self.players[player].book.heard(offset);
        }
        // A change of the balance tells nothing that the receipt has not told.
        if event_name(head.data) != Some(b"bet_settled") {
            return;
        }
        let table = self.players[player].table;
        let settled = Settled::read(head.data, self.tables.get(table).id, self.currency.as_str(), self.scale);
        let Some(Settled { round, staked, returned, available }) = settled else {
            let told = rmp_serde::from_slice::<Event>(head.data);
            return self.fault(format!("player {player} got a result that is not of its table: {told:?}"));
        };
        self.counts.results += 1;
        self.players[player].available = available;
        self.players[player].book.settle(round, staked, returned);
        if let Some(announced) = self.result_at[table].get(&round) {
            self.results.record(now.saturating_duration_since(*announced));
        }
    }

    /// A publication on a table's channel.
    pub(super) fn at_table(&mut self, player: usize, data: &[u8]) {
        if !matches!(event_name(data), Some(b"round_opened" | b"bets_locked")) {
            return;
        }
        let table = self.players[player].table;
        match rmp_serde::from_slice::<Event>(data) {
            Ok(Event::RoundOpened { round, deadline, .. }) => {
                self.tables.opened(table, round, self.clock.local(deadline));
            }
            Ok(Event::BetsLocked { round, deadline, .. }) => {
                self.tables.locked(table, round);
                let announced = self.clock.local(deadline);
                self.result_at[table].insert(round, announced);
            }
            _ => self.fault(format!("player {player} got an unreadable event of its table")),
        }
    }

    fn interrupted(&mut self, player: usize, payload: &[u8]) {
        match decode_server(Encoding::Msgpack, payload) {
            Ok(ServerFrame::Push(Push::Reset { ch, .. })) => {
                self.fault(format!("player {player} lost continuity of {ch}"));
            }
            Ok(ServerFrame::Push(Push::Drain { .. })) => self.fault("the hub is going down".to_owned()),
            other => self.fault(format!("player {player} got {other:?}")),
        }
    }
}

/// The name of the event a publication carries.
fn event_name(data: &[u8]) -> Option<&[u8]> {
    scan::fields(data)?.find(|(key, _)| *key == b"ev").and_then(|(_, value)| scan::text(value))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use protocol::Payload;

    use super::*;

    #[test]
    fn a_result_is_read_as_the_codec_wrote_it_and_only_when_it_is_ours() {
        let event = Event::BetSettled {
            lsn: 9,
            round: "roulette-1:42".parse().unwrap(),
            staked: "1.50".parse().unwrap(),
            returned: "3.00".parse().unwrap(),
            outcome: Some(17),
            currency: "EUR".parse().unwrap(),
            available: "998.00".parse().unwrap(),
            held: "0.00".parse().unwrap(),
            play: None,
            level: None,
        };
        let payload = Payload::of(&event);
        let read = |table: &str, currency| {
            let settled = Settled::read(payload.bytes(), table.parse().unwrap(), currency, 2)?;
            Some((settled.round, settled.staked, settled.returned, settled.available))
        };
        assert_eq!(read("roulette-1", "EUR"), Some((42, 150, 300, 99_800)));
        assert_eq!(read("roulette-2", "EUR"), None);
        assert_eq!(read("roulette", "EUR"), None);
        assert_eq!(read("roulette-1", "USD"), None);
    }
}
