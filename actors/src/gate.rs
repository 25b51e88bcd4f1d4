//! The output gate: an output that depends on a record waits here until the record is on disk.
//!
//! Everything the money thread sends goes through the journal's queue, in order. A record carries the outputs it
//! releases; a read waits behind the records it has seen. The journal's writer opens the gate after each sync; on a
//! failed sync the process ends and nothing is released.

use actix::Addr;
use engine::{Preview, Verdict};
use journal::Lsn;
use protocol::{ErrorCode, reply::Failure};

use crate::{
    currencies::Currencies,
    messages::{
        money::Origin,
        output::Output,
        pubsub::{Attach, PlayerNotices},
        reply::BetContext,
    },
    ports::table::TablePort,
    pubsub::PubSub,
    receipts::bet_reply,
    workers::Workers,
};

/// Hands each released output to its receiver. Runs on the journal's thread.
pub struct OutputGate {
    /// The tables.
    pub tables: TablePort,
    /// The workers' inboxes.
    pub workers: Workers,
    /// The channels.
    pub pubsub: Addr<PubSub>,
    /// The operator's currencies.
    pub currencies: Currencies,
}

/// What is told of a dry run that had no turn.
fn no_preview(verdict: Verdict) -> Preview {
    match verdict {
        Verdict::NotNow(code, wait_ms) => Preview::NotNow(code, wait_ms),
        Verdict::Recorded(_)
        | Verdict::Done
        | Verdict::KeyReused
        | Verdict::Answered(_)
        | Verdict::TooManyRefused(_)
        | Verdict::TooManyCleared(_)
        | Verdict::Impossible(_) => Preview::Refused(ErrorCode::Internal),
    }
}

impl journal::Gate<Output> for OutputGate {
    fn open(&mut self, _durable: Lsn, done: &mut Vec<Output>) {
        let mut told = Vec::new();
        for output in done.drain(..) {
            match output {
                Output::Result { origin, result, notices } => {
                    told.extend(notices);
                    match origin {
                        Origin::Table { table, request } => self.tables.finished(table, result, request),
                        Origin::Session(BetContext { to, key, clears, .. }) => {
                            let reply = bet_reply(key, clears, result.into(), &self.currencies, Failure::of);
                            self.workers.reply(to, reply);
                        }
                        Origin::Waiting { answer, .. } => drop(answer.send(result)),
                        Origin::Preview(answer) => drop(answer.send(no_preview(result.verdict))),
                        Origin::Nobody => {
                            if let Verdict::Impossible(code) = result.verdict {
                                let code = code.name();
                                tracing::error!(
                                    code,
                                    "what a table that is gone has left open cannot be ended; stakes that are held for it stay held"
                                );
                            }
                        }
                    }
                }
                Output::PastRounds { table, rounds } => self.tables.past_rounds_read(table, rounds),
                Output::Reply(to, reply) => self.workers.reply(to, *reply),
                Output::Welcome { to, player, events, resume, welcome, subscriber } => {
                    // Events released before this one are announced first: the position must not run ahead.
                    if !told.is_empty() {
                        self.pubsub.do_send(PlayerNotices(std::mem::take(&mut told)));
                    }
                    self.pubsub.do_send(Attach { to, player, events, resume, welcome, subscriber });
                }
                Output::Funds(answer, funds) => drop(answer.send(*funds)),
                Output::Proposals(answer, found) => drop(answer.send(*found)),
                Output::Preview(answer, preview) => drop(answer.send(preview)),
                Output::Outcome(answer, outcome) => drop(answer.send(outcome)),
                Output::Durable(waiting) => drop(waiting.send(())),
                Output::Erasure { to, erasure } => drop(to.send(erasure)),
                Output::Nothing => {}
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
