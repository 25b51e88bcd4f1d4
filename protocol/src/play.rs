//! The play session of a player, as replies, events and refusals tell of it.

use serde::{Deserialize, Serialize};

use crate::{Amount, Currency};

/// A play session of a player, over all their connections: since when they play without a pause, and what they have won or lost
/// since. All times in milliseconds of the server's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayView {
    /// Its first stake. What has elapsed is the server's time less this.
    pub since: u64,
    /// When it is over, unless the player stakes before.
    pub ends: u64,
    /// From when on a bet is refused as `reality_check_due`, until the player sends `acknowledge`. Absent when that is never
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<u64>,
    /// From when on the player may begin with another round. Absent when there is no such rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// What came of the rounds that have ended since then, by currency.
    pub positions: Vec<PlayPosition>,
}

/// What a player has won or lost in one currency during a play session. A round counts when it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayPosition {
    /// The currency.
    pub currency: Currency,
    /// What was staked.
    pub staked: Amount,
    /// What came back, stakes included.
    pub returned: Amount,
    /// What came back less what was staked: an amount, with a minus before it for a loss.
    pub net: String,
}

impl PlayPosition {
    /// Of amounts in minor units of a currency with `scale` decimals; `None` when they cannot be written.
    #[must_use]
    pub fn from_minor(currency: Currency, staked: i128, returned: i128, scale: u32) -> Option<Self> {
        let amount = |minor| Amount::from_minor(minor, scale).ok();
        let minus = if returned < staked { "-" } else { "" };
        let net = amount(returned.checked_sub(staked)?.checked_abs()?)?;
        Some(Self {
            currency,
            staked: amount(staked)?,
            returned: amount(returned)?,
            net: format!("{minus}{net}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_has_a_minus_and_a_win_no_sign() {
        let euro = "EUR".parse().expect("a currency");
        for (staked, returned, net) in
            [(0, 0, "0.00"), (1_000, 250, "-7.50"), (5, 3_605, "36.00"), (1, 0, "-0.01")]
        {
            let position = PlayPosition::from_minor(euro, staked, returned, 2).expect("small amounts");
            assert_eq!(position.net, net);
        }
        assert_eq!(PlayPosition::from_minor(euro, i128::MAX, 0, 2), None);
    }
}
