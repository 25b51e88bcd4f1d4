//! Which limit of a player has refused something.

use domains::{
    Intent,
    limit_rules::LimitRules,
    limits::{Counted, LimitReached, PlayerLimits, held},
    recipes::{Collect, Deposit, HoldStake},
};

use ledger::Domain;

use crate::books::Books;

impl Books {
    /// The limit that refuses an intent on the applied state, at a time, milliseconds since 1970. A code alone tells nobody how
    /// much is left and when more is.
    pub(crate) fn limit_reached(&self, intent: &Intent, now: u64) -> Option<LimitReached> {
        let (player, currency, counted) = if let Some(stake) = intent.get::<HoldStake>() {
            (stake.player, stake.currency, Counted::Stake(stake.amount))
        } else if let Some(deposit) = intent.get::<Deposit>() {
            (deposit.player, deposit.currency, Counted::Deposit(deposit.amount))
        } else {
            let collected = intent.get::<Collect>()?;
            (collected.player, collected.currency, Counted::Deposit(collected.amount))
        };
        let rows = &self.domains().rows;
        let mut limits = PlayerLimits::of(rows, player)?;
        let held = held(self.domains().ledger(Domain::Balance), player, currency);
        limits.count((&LimitRules::of(rows), now), (currency, held), counted).err()
    }
}
