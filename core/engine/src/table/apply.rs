//! Applies a leg to the recorded state of its table.

use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::Currency;

use super::{
    TableLeg,
    bets::{Bets, Placed},
    past::{Drawn, PastRound},
    state::{OpenRound, Stage, TableState},
};

/// A leg does not fit the table's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a leg does not fit the table's state")]
pub struct Unfit;

impl TableState {
    /// Applies a leg. Returns the offset of its event on the table's channel, when it has one.
    ///
    /// A leg that does not fit, or that panics, makes the table unfit. From then on legs are skipped except for their
    /// stakes, until a [`TableLeg::Quarantined`] replaces the whole state.
    pub fn apply(&mut self, leg: &TableLeg, time: u64) -> Option<u64> {
        if let TableLeg::Quarantined { state } = leg {
            *self = (**state).clone();
            return None;
        }
        let closed = self.quarantined && !matches!(leg, TableLeg::Voided { .. });
        let skipped = self.unfit || closed;
        if skipped || !matches!(catch_unwind(AssertUnwindSafe(|| self.try_apply(leg, time))), Ok(Ok(()))) {
            self.unfit = true;
            self.note_stakes(leg);
            return None;
        }
        match leg {
            TableLeg::BetPlaced { .. }
            | TableLeg::BetsCleared { .. }
            | TableLeg::Ruled { .. }
            | TableLeg::Quarantined { .. } => None,
            TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Settled { .. }
            | TableLeg::Voided { .. } => {
                self.events += 1;
                Some(self.events)
            }
        }
    }

    fn try_apply(&mut self, leg: &TableLeg, time: u64) -> Result<(), Unfit> {
        if let TableLeg::Ruled { change, rules } = leg {
            // A round ends by the rules it was opened under.
            if self.open.is_some() || *change != self.rules_changes + 1 {
                return Err(Unfit);
            }
            self.rules_changes = *change;
            self.rules = Some(rules.clone());
            return Ok(());
        }
        if let TableLeg::Opened { round, game, rules, currency, .. } = leg {
            if self.open.is_some() || *round != self.round + 1 || !self.are_the_rules(game, *rules, *currency)
            {
                return Err(Unfit);
            }
            self.begin_round(leg);
            return Ok(());
        }
        let open = self.open.as_deref_mut().filter(|_| leg.round() == self.round).ok_or(Unfit)?;
        match (leg, open.stage) {
            (TableLeg::BetPlaced { player, hold, bets, share, .. }, Stage::Betting) => {
                let placed = Placed { hold: *hold, bets: bets.clone() };
                if !open.bets.place(*player, placed, *share) {
                    return Err(Unfit);
                }
            }
            (TableLeg::BetsCleared { player, holds, .. }, Stage::Betting) => {
                if !open.bets.are_of(*player, holds) {
                    return Err(Unfit);
                }
                open.bets.clear(*player, holds);
            }
            (TableLeg::Locked { deadline, staked, mix, .. }, Stage::Betting) => {
                if *staked != open.bets.staked() || *mix != open.bets.mix() {
                    return Err(Unfit);
                }
                open.stage = Stage::Locked { mix: *mix };
                open.deadline = *deadline;
            }
            (TableLeg::Settled { deadline, outcome, seed, .. }, Stage::Locked { mix }) => {
                let drawn = Drawn { outcome: *outcome, seed: *seed, mix };
                self.end_round(*deadline, time, Some(drawn));
            }
            (TableLeg::Voided { deadline, .. }, Stage::Betting | Stage::Locked { .. }) => {
                self.end_round(*deadline, time, None);
            }
            (
                TableLeg::Opened { .. }
                | TableLeg::BetPlaced { .. }
                | TableLeg::BetsCleared { .. }
                | TableLeg::Locked { .. }
                | TableLeg::Settled { .. }
                | TableLeg::Ruled { .. }
                | TableLeg::Quarantined { .. },
                Stage::Betting | Stage::Locked { .. },
            ) => return Err(Unfit),
        }
        Ok(())
    }

    /// Keeps track of the open holds although legs do not fit: the money side has made or ended those holds.
    fn note_stakes(&mut self, leg: &TableLeg) {
        if let TableLeg::Opened { .. } = leg {
            return self.begin_round(leg);
        }
        let Some(open) = self.open.as_deref_mut().filter(|_| leg.round() == self.round) else { return };
        match leg {
            TableLeg::BetPlaced { player, hold, bets, .. } => {
                open.bets.place(*player, Placed { hold: *hold, bets: bets.clone() }, None);
            }
            TableLeg::BetsCleared { player, holds, .. } => open.bets.clear(*player, holds),
            // The ledger decides which stakes are still held, when the quarantine is recorded.
            TableLeg::Settled { .. }
            | TableLeg::Voided { .. }
            | TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Ruled { .. }
            | TableLeg::Quarantined { .. } => {}
        }
    }

    /// Whether these are the game, the version of its rules and the currency of the recorded rules.
    fn are_the_rules(&self, game: &str, version: u16, currency: Currency) -> bool {
        let rules = self.rules.as_deref();
        rules.is_some_and(|rules| {
            (&*rules.game, rules.rules_version, rules.currency) == (game, version, currency)
        })
    }

    fn begin_round(&mut self, leg: &TableLeg) {
        let TableLeg::Opened { round, deadline, game, rules, currency, commit, sealed } = leg else { return };
        self.round = *round;
        self.open = Some(Box::new(OpenRound {
            stage: Stage::Betting,
            deadline: *deadline,
            game: game.clone(),
            rules: *rules,
            currency: *currency,
            commit: *commit,
            sealed: sealed.clone(),
            bets: Bets::default(),
        }));
    }

    fn end_round(&mut self, next_at: u64, time: u64, drawn: Option<Drawn>) {
        let Some(open) = self.open.take() else { return };
        self.next_at = next_at;
        let (number, commit, staked) = (self.round, open.commit, open.bets.staked());
        self.last = Some(PastRound { number, time, commit, staked, drawn });
    }
}
