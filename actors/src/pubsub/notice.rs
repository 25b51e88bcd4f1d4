//! Notices to players, as events of the wire.

use domains::What;
use engine::Told;
use protocol::{
    Amount, Open,
    push::{BalanceReason, Event},
};

use crate::{currencies::Currencies, play::play_view};

/// What a player is told, as an event of the wire; `None` when its amounts cannot be written.
pub fn event(told: &Told, currencies: &Currencies) -> Option<Event> {
    let Told { notice, lsn, play, crossing, .. } = told;
    let level = || crossing.map(|crossing| Open::from(crossing.level));
    let lsn = *lsn;
    let play = play.as_ref().map(|play| play_view(play, currencies));
    let scale = currencies.spelling(notice.currency)?;
    let amount = |minor| Amount::from_minor(minor, scale).ok();
    let (available, held) = (amount(notice.after.available)?, amount(notice.after.held)?);
    let currency = notice.currency;
    let balance = |reason: BalanceReason| {
        let (reason, play, level) = (reason.into(), play.clone(), level());
        Some(Event::Balance { lsn, currency, available, held, reason, play, level })
    };
    let settled = |round, staked, returned, outcome| {
        let (staked, returned, play) = (amount(staked)?, amount(returned)?, play.clone());
        let level = level();
        Some(Event::BetSettled {
            lsn,
            round,
            staked,
            returned,
            outcome,
            currency,
            available,
            held,
            play,
            level,
        })
    };
    match notice.what {
        What::Deposit => balance(BalanceReason::Deposit),
        What::Stake => balance(BalanceReason::Stake),
        What::Release => balance(BalanceReason::Release),
        What::Credit => balance(BalanceReason::Credit),
        What::Debit => balance(BalanceReason::Debit),
        What::Expired => balance(BalanceReason::Expired),
        What::Held => balance(BalanceReason::Held),
        What::Captured => balance(BalanceReason::Captured),
        What::Freed => balance(BalanceReason::Freed),
        What::Winnings => balance(BalanceReason::Winnings),
        What::Settled { round, staked, returned, outcome } => settled(round, staked, returned, Some(outcome)),
        What::Voided { round, staked } => settled(round, staked, staked, None),
    }
}
