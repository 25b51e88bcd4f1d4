//! Notices to players, as events of the wire.

use domains::{Notice, What};
use protocol::{
    Amount,
    push::{BalanceReason, Event},
};

use crate::currencies::Currencies;

/// A notice as an event of the wire; `None` when its amounts cannot be written.
pub fn event(notice: &Notice, lsn: u64, currencies: &Currencies) -> Option<Event> {
    let scale = currencies.spelling(notice.currency)?;
    let amount = |minor| Amount::from_minor(minor, scale).ok();
    let (available, held) = (amount(notice.after.available)?, amount(notice.after.held)?);
    let currency = notice.currency;
    let balance = |reason: BalanceReason| {
        Some(Event::Balance { lsn, currency, available, held, reason: reason.into() })
    };
    let settled = |round, staked, returned, outcome| {
        let (staked, returned) = (amount(staked)?, amount(returned)?);
        Some(Event::BetSettled { lsn, round, staked, returned, outcome, currency, available, held })
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
