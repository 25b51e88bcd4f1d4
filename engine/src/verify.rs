//! The auditor: replays records with the engine's own code and checks what the engine takes on trust.
//!
//! Beyond [`World::apply`], which already refuses a leg that does not fit and a balance that is not the recorded
//! one, it repeats every draw from the revealed seed, recomputes every payment, and checks all invariants.

use domains::{Notice, PlayerSettlement, What};
use games::Outcome;
use protocol::RoundId;

use crate::{
    record::{Body, Committed, Record},
    table::{OpenRound, TableLeg, draw, settlement, void_settlement},
    world::World,
};

/// Something that is not as it must be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The record.
    pub lsn: u64,
    /// What is wrong.
    pub what: String,
}

/// Replays a log from its first record.
#[derive(Debug, Default)]
pub struct Verifier {
    world: World,
    rounds: u64,
    draws: u64,
}

impl Verifier {
    /// The state so far.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Rounds ended, and how many of them were drawn and checked.
    #[must_use]
    pub fn rounds(&self) -> (u64, u64) {
        (self.rounds, self.draws)
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// The first thing that is not as it must be; after it the state means nothing.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Record, Finding> {
        let lsn = self.world.books.lsn() + 1;
        let finding = |what: String| Finding { lsn, what };
        let record = Record::decode(bytes).map_err(|error| finding(error.to_string()))?;
        if let Body::Committed(committed) = &record.body {
            self.check_settlement(committed).map_err(finding)?;
        }
        self.world.apply(&record).map_err(|error| finding(error.to_string()))?;
        Ok(record)
    }

    /// Checks every invariant on the state so far.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), Finding> {
        let lsn = self.world.books.lsn();
        self.world.books.check().map_err(|broken| Finding { lsn, what: broken.to_string() })
    }

    fn check_settlement(&mut self, committed: &Committed) -> Result<(), String> {
        let Some((table, leg)) = &committed.table else { return Ok(()) };
        let round = RoundId { table: *table, number: leg.round() };
        let open = self.world.tables.get(table).and_then(|state| state.open.as_deref());
        match leg {
            TableLeg::Settled { outcome, seed, returned, .. } => {
                let open = open.ok_or_else(|| format!("round {round} is settled but not open"))?;
                let expected = expected(round, open, *outcome, *seed)?;
                self.rounds += 1;
                self.draws += 1;
                if expected.iter().map(|player| player.returned).sum::<i128>() != *returned {
                    return Err(format!("round {round} returns another sum than its bets and outcome give"));
                }
                compare(round, &expected, &committed.notices)
            }
            TableLeg::Voided { .. } => {
                self.rounds += 1;
                let open = open.ok_or_else(|| format!("round {round} is voided but not open"))?;
                compare(round, &void_settlement(open), &committed.notices)
            }
            TableLeg::Opened { .. }
            | TableLeg::BetPlaced { .. }
            | TableLeg::BetsCleared { .. }
            | TableLeg::Locked { .. } => Ok(()),
        }
    }
}

/// What the players of a round must get, from the revealed seed and the recorded bets alone.
fn expected(
    round: RoundId,
    open: &OpenRound,
    outcome: u32,
    seed: [u8; 32],
) -> Result<Vec<PlayerSettlement>, String> {
    let game = games::game(&open.game).ok_or_else(|| format!("no game is called {}", open.game))?;
    let drawn = draw(game, round, open, seed)
        .ok_or_else(|| format!("the seed of round {round} is not the committed one"))?;
    if drawn.outcome != Outcome(outcome) {
        return Err(format!("round {round} draws {}, the record says {outcome}", drawn.outcome.0));
    }
    settlement(game, open, drawn.outcome).ok_or_else(|| format!("a bet of round {round} is none of the game"))
}

fn compare(round: RoundId, expected: &[PlayerSettlement], notices: &[Notice]) -> Result<(), String> {
    let told = notices.iter().map(|notice| match notice.what {
        What::Settled { staked, returned, .. } => (notice.player, staked, returned),
        What::Voided { staked, .. } => (notice.player, staked, staked),
        What::Deposit | What::Stake | What::Release => (notice.player, -1, -1),
    });
    let due = expected.iter().map(|player| (player.player, player.staked, player.returned));
    if told.eq(due) {
        Ok(())
    } else {
        Err(format!("round {round} is not settled as its bets and outcome say"))
    }
}
