//! Which round is open at each table, as the money side knows it: from the legs of the records that it has applied.
//!
//! The money side decides apart from the tables. With this it refuses by itself a change of rules while a round is open
//! (`E6`). It costs nothing on the path of a bet: only the records that open or end a round change it.

use std::collections::BTreeMap;

use ledger::{
    Digest, Print,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{RoundId, TableId};

use crate::table::TableLeg;

/// The open round of each table that has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds {
    open: BTreeMap<TableId, u64>,
    digest: Digest,
}

impl Rounds {
    /// The open round of a table.
    pub fn open(&self, table: TableId) -> Option<RoundId> {
        self.open.get(&table).map(|number| RoundId { table, number: *number })
    }

    /// Every open round.
    pub fn all(&self) -> impl Iterator<Item = RoundId> {
        self.open.iter().map(|(table, number)| RoundId { table: *table, number: *number })
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes over what the leg of an applied record says.
    pub fn note(&mut self, table: TableId, leg: &TableLeg) {
        match leg {
            TableLeg::Opened { round, .. } => self.set(table, Some(*round)),
            TableLeg::Settled { round, .. } | TableLeg::Voided { round, .. } => {
                if self.open.get(&table) == Some(round) {
                    self.set(table, None);
                }
            }
            TableLeg::Quarantined { state } => {
                self.set(table, state.open.is_some().then_some(state.round));
            }
            TableLeg::BetPlaced { .. }
            | TableLeg::BetsCleared { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Ruled { .. } => {}
        }
    }

    fn set(&mut self, table: TableId, round: Option<u64>) {
        let before = match round {
            Some(number) => {
                self.digest.add(print(table, number));
                self.open.insert(table, number)
            }
            None => self.open.remove(&table),
        };
        if let Some(before) = before {
            self.digest.remove(print(table, before));
        }
    }

    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.open.len() as u128);
        self.all().for_each(|round| encoder.round(round));
    }

    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut rounds = Self::default();
        for _ in 0..decoder.count()? {
            let RoundId { table, number } = decoder.round()?;
            rounds.set(table, Some(number));
        }
        Ok(rounds)
    }
}

fn print(table: TableId, number: u64) -> Print {
    let mut encoder = Encoder::plain(64);
    encoder.round(RoundId { table, number });
    Print::of(encoder.as_bytes())
}
