//! Which round is open at each table, as the money side knows it: from the legs of the records that it has applied.
//!
//! The money side decides apart from the tables. With this it refuses by itself a change of rules while a round is open
//! (`E6`), and it knows what a round was when it has ended ([`past_rounds`](crate::past_rounds)). It costs nothing on the path
//! of a bet: only the records that open, lock or end a round change it.

use std::collections::BTreeMap;

use ledger::{
    Digest, Print,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{RoundId, TableId};

use crate::table::{Drawn, PastRound, Stage, TableLeg, TableState};

/// The open round of each table that has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rounds {
    open: BTreeMap<TableId, Running>,
    digest: Digest,
}

/// An open round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Running {
    number: u64,
    /// SHA-256 of the seed.
    commit: [u8; 32],
    /// The players' shares, mixed, once its bets are locked.
    mix: Option<[u8; 32]>,
}

impl Running {
    /// The open round of a table's own state.
    fn at(state: &TableState) -> Option<Self> {
        let open = state.open.as_ref()?;
        let mix = match open.stage {
            Stage::Betting => None,
            Stage::Locked { mix } => Some(mix),
        };
        Some(Self { number: state.round, commit: open.commit, mix })
    }
}

impl Rounds {
    /// The open round of a table.
    pub fn open(&self, table: TableId) -> Option<RoundId> {
        self.open.get(&table).map(|running| RoundId { table, number: running.number })
    }

    /// Every open round.
    pub fn all(&self) -> impl Iterator<Item = RoundId> {
        self.open.iter().map(|(table, running)| RoundId { table: *table, number: running.number })
    }

    /// Whether a table has the open round that is known of it, with the same commitment and mix, or none.
    pub fn are_of(&self, table: TableId, state: &TableState) -> bool {
        self.open.get(&table).copied() == Running::at(state)
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes over what the leg of a record says that is applied at `time`, with the sum of the stakes that the record ends.
    /// Returns the round that has ended by it. One that a leg drops without a draw is void, as far as the money side can tell. A
    /// quarantine may open a round again: then its later end counts.
    pub fn note(
        &mut self,
        table: TableId,
        leg: &TableLeg,
        time: u64,
        staked: impl FnOnce() -> i128,
    ) -> Option<PastRound> {
        let running = match leg {
            TableLeg::Opened { round, commit, .. } => {
                Some(Running { number: *round, commit: *commit, mix: None })
            }
            TableLeg::Locked { round, mix, .. } => {
                let running = self.open.get_mut(&table).filter(|running| running.number == *round);
                if let Some(running) = running {
                    running.mix = Some(*mix);
                }
                return None;
            }
            TableLeg::Settled { round, .. } | TableLeg::Voided { round, .. } => {
                if self.open.get(&table)?.number != *round {
                    return None;
                }
                None
            }
            TableLeg::Quarantined { state } => Running::at(state),
            TableLeg::BetPlaced { .. } | TableLeg::BetsCleared { .. } | TableLeg::Ruled { .. } => {
                return None;
            }
        };
        let ended = self.set(table, running)?;
        if running.is_some_and(|running| running.number == ended.number) {
            return None; // it goes on
        }
        let drawn = match leg {
            TableLeg::Settled { outcome, seed, .. } => {
                ended.mix.map(|mix| Drawn { outcome: *outcome, seed: *seed, mix })
            }
            TableLeg::Opened { .. }
            | TableLeg::BetPlaced { .. }
            | TableLeg::BetsCleared { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Voided { .. }
            | TableLeg::Ruled { .. }
            | TableLeg::Quarantined { .. } => None,
        };
        Some(PastRound { number: ended.number, time, commit: ended.commit, staked: staked(), drawn })
    }

    /// Sets the open round of a table. Returns the one before.
    fn set(&mut self, table: TableId, running: Option<Running>) -> Option<Running> {
        let before = match running {
            Some(running) => {
                self.digest.add(print(table, running.number));
                self.open.insert(table, running)
            }
            None => self.open.remove(&table),
        };
        if let Some(before) = before {
            self.digest.remove(print(table, before.number));
        }
        before
    }

    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.open.len() as u128);
        for (table, Running { number, commit, mix }) in &self.open {
            encoder.round(RoundId { table: *table, number: *number });
            encoder.raw(commit);
            encoder.flag(mix.is_some());
            if let Some(mix) = mix {
                encoder.raw(mix);
            }
        }
    }

    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut rounds = Self::default();
        for _ in 0..decoder.count()? {
            let RoundId { table, number } = decoder.round()?;
            let commit = decoder.array()?;
            let mix = if decoder.flag()? { Some(decoder.array()?) } else { None };
            rounds.set(table, Some(Running { number, commit, mix }));
        }
        Ok(rounds)
    }
}

fn print(table: TableId, number: u64) -> Print {
    let mut encoder = Encoder::plain(64);
    encoder.round(RoundId { table, number });
    Print::of(encoder.as_bytes())
}
