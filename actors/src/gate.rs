//! The output gate: what has seen a record waits here until the record is on disk.
//!
//! Everything the money thread says goes through the journal's queue, in order: a record takes what it releases
//! along, a read takes the place behind the records it has seen. The journal's writer opens the gate after each
//! sync; on a failed sync the process ends and nothing is released.

use actix::Addr;
use domains::Notice;
use engine::{Outcome, TxId, table::TableLeg};
use journal::Lsn;
use protocol::{
    ErrorCode, PlayerId, Reply,
    reply::{Failure, Welcome},
};
use tokio::sync::oneshot;

use crate::{
    coordinator::{Origin, bet_reply},
    directory::Directory,
    domain::Currencies,
    pubsub::{Attach, PlayerNotices, PubSub},
    reply::ReplyTo,
    table::BetContext,
    worker::Workers,
};

/// What waits for a record, or behind it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is the common one: every bet is a result")]
pub enum Release {
    /// The result of an envelope.
    Result {
        /// Where it goes.
        origin: Origin,
        /// The result.
        result: TxResult,
        /// What players are told.
        notices: Vec<Told>,
    },
    /// The answer to a read.
    Reply(ReplyTo, Box<Reply>),
    /// A session whose player's channel position is known now.
    Welcome {
        /// The session.
        to: ReplyTo,
        /// The player.
        player: PlayerId,
        /// Offset of the newest event of the player's channel.
        events: u64,
        /// Channels to follow again.
        resume: Vec<protocol::request::Since>,
        /// The reply, its channels still to be filled in.
        welcome: Box<Welcome>,
    },
    /// Nothing but the wish to know when everything before it is on disk.
    Durable(oneshot::Sender<()>),
    /// Nothing.
    Nothing,
}

/// What a player is told, and its place on the player's channel and in the log.
#[derive(Debug)]
pub struct Told {
    /// What happened.
    pub notice: Notice,
    /// Offset on the player's channel.
    pub offset: u64,
    /// Place in the log.
    pub lsn: u64,
}

/// What became of an envelope.
#[derive(Debug)]
pub struct TxResult {
    /// The transaction.
    pub id: TxId,
    /// Time of its record, milliseconds; 0 when there is none.
    pub time: u64,
    /// The table's leg, to be applied now.
    pub leg: Option<TableLeg>,
    /// The verdict.
    pub verdict: Verdict,
}

/// The verdict on an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Recorded under its key, now or before.
    Recorded(Outcome),
    /// The hub's own transaction is done.
    Done,
    /// The key has an outcome for another content.
    KeyReused,
    /// The hub's own transaction cannot be done.
    Impossible(ErrorCode),
}

/// Hands released items to whom they belong. Runs on the journal's thread.
pub struct OutputGate {
    /// Tables by id.
    pub directory: Directory,
    /// The workers' inboxes.
    pub workers: Workers,
    /// The channels.
    pub pubsub: Addr<PubSub>,
    /// The operator's currencies.
    pub currencies: Currencies,
}

impl journal::Gate<Release> for OutputGate {
    fn open(&mut self, _durable: Lsn, done: &mut Vec<Release>) {
        let mut told = Vec::new();
        for release in done.drain(..) {
            match release {
                Release::Result { origin, result, notices } => {
                    told.extend(notices);
                    match origin {
                        Origin::Table { table, request } => self.directory.result(table, result, request),
                        Origin::Session(BetContext { to, key, clears }) => {
                            let reply = bet_reply(key, clears, result.verdict, &self.currencies, Failure::of);
                            to.send(&self.workers, reply);
                        }
                        Origin::Service(answer) => drop(answer.send(result.verdict)),
                        Origin::Nobody => {
                            if let Verdict::Impossible(code) = result.verdict {
                                let code = code.name();
                                tracing::error!(
                                    code,
                                    "a round of a table that is gone cannot be voided; its stakes stay held"
                                );
                            }
                        }
                    }
                }
                Release::Reply(to, reply) => to.send(&self.workers, *reply),
                Release::Welcome { to, player, events, resume, welcome } => {
                    // Events released before this one are announced first: the position must not run ahead.
                    if !told.is_empty() {
                        self.pubsub.do_send(PlayerNotices(std::mem::take(&mut told)));
                    }
                    self.pubsub.do_send(Attach { to, player, events, resume, welcome });
                }
                Release::Durable(waiting) => drop(waiting.send(())),
                Release::Nothing => {}
            }
        }
        if !told.is_empty() {
            self.pubsub.do_send(PlayerNotices(told));
        }
    }

    fn failed(&mut self, error: &journal::Error) {
        tracing::error!(%error, "the journal cannot be written; the hub stops without answering what is not on disk");
    }
}
