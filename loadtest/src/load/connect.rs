//! A player's way to its table: connect, upgrade, `hello`, join, balance, follow.

use std::{io, time::Instant};

use protocol::{
    Channel, ClientFrame, Encoding, Reply, Request, Text, U53,
    codec::{ServerFrame, decode_server, encode_client},
    reply::{Phase, TableView},
    request::{Hello, Subscribe},
};

use super::{Load, Stage, limits};
use crate::{
    book::Minor,
    wire::{Opcode, Socket},
};

impl Load<'_> {
    pub(super) fn open(&mut self, player: usize, due: Instant) -> io::Result<()> {
        let socket = Socket::connect(&self.poll, player, self.target.address, None, &self.request)?;
        let player = &mut self.players[player];
        player.socket = Some(socket);
        player.stage = Stage::Upgrading;
        player.due = due;
        Ok(())
    }

    /// The server switched to WebSocket.
    pub(super) fn upgraded(&mut self, player: usize) {
        self.players[player].stage = Stage::Greeting;
        let hello = Hello {
            token: Text::new(&self.players[player].token).unwrap_or_else(|| Text::new("").expect("short")),
            client: Text::new("loadtest"),
            resume: Vec::new(),
        };
        self.ask(player, Request::Hello(hello));
    }

    /// A reply to anything but a bet.
    pub(super) fn set_up(&mut self, player: usize, payload: &[u8], now: Instant) {
        let reply = match decode_server(Encoding::Msgpack, payload) {
            Ok(ServerFrame::Reply(frame)) => frame.reply,
            Ok(ServerFrame::Push(_)) => return,
            Err(error) => return self.fault(format!("player {player} got an unreadable frame: {error}")),
        };
        let table = self.tables.get(self.players[player].table).id;
        match reply {
            Reply::Welcome(welcome) => {
                self.clock.heard(welcome.time, now);
                self.connects.record(now.saturating_duration_since(self.players[player].due));
                self.players[player].book.follow(welcome.personal.o);
                let limits =
                    if self.plan.limits { limits::every(&self.stem, self.currency) } else { Vec::new() };
                self.players[player].stage = Stage::SettingUp(2 + limits.len() as u8);
                self.ask(player, Request::GetBalance);
                self.ask(player, Request::JoinTable { table });
                limits.into_iter().for_each(|limit| self.ask(player, Request::SetLimit(limit)));
            }
            Reply::Balances { balances, .. } => {
                let balance = balances.into_iter().find(|balance| balance.currency == self.currency);
                let minor = |amount: protocol::Amount| {
                    amount.to_minor(self.scale).ok().and_then(|minor| Minor::try_from(minor).ok())
                };
                let both = balance.and_then(|balance| minor(balance.available).zip(minor(balance.held)));
                let Some((available, held)) = both else {
                    return self.fault(format!("player {player} has no account in {}", self.currency));
                };
                let given = self.players[player].deposited;
                if given.is_some_and(|given| minor(given) != Some(available + held)) {
                    let text = format!("player {player} was given {given:?} and has {available} + {held}");
                    self.fault(text);
                }
                self.players[player].available = available;
                self.players[player].book.open(available, held);
                self.one_less(player);
            }
            Reply::Joined { view, .. } => self.joined(player, view),
            Reply::Subscribed(subscribed) => {
                // What happened between the view and the subscription.
                subscribed.pubs.iter().for_each(|missed| self.at_table(player, missed.d.bytes()));
                self.one_less(player);
            }
            Reply::Changed { .. } => self.one_less(player),
            Reply::Error(failure) => {
                self.fault(format!("player {player} is refused: {} ({})", failure.message, failure.name));
            }
            _ => self.fault(format!("player {player} got an answer to a question nobody asked")),
        }
    }

    fn joined(&mut self, player: usize, view: TableView) {
        let table = self.players[player].table;
        if view.phase == Phase::Betting
            && let Some(deadline) = view.deadline
        {
            self.tables.opened(table, view.round, self.clock.local(deadline));
        }
        if self.players[player].follows_table {
            let since = Text::new(&view.e).zip(U53::new(view.o));
            let channel = Channel::table(view.table);
            self.ask(player, Request::Subscribe(Subscribe { channel, since }));
        } else {
            self.one_less(player);
        }
    }

    fn one_less(&mut self, player: usize) {
        let stage = &mut self.players[player].stage;
        match stage {
            Stage::SettingUp(1) => {
                *stage = Stage::Ready;
                self.ready += 1;
            }
            Stage::SettingUp(left) => *left -= 1,
            Stage::Waiting | Stage::Upgrading | Stage::Greeting | Stage::Ready | Stage::Gone => {}
        }
    }

    fn ask(&mut self, player: usize, request: Request) {
        let id = U53::new(self.next_request).expect("a run asks far fewer than 2^52 questions");
        self.next_request += 1;
        self.send(player, Opcode::Binary, &encode_client(Encoding::Msgpack, ClientFrame { id, request }));
    }
}
