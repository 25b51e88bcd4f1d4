//! Who has to approve corrections of players' balances.

use std::ops::RangeInclusive;

use actors::ports::service::{APPROVALS_MAX, ApprovalRules};
use protocol::{Amount, Currency};
use serde::{Deserialize, Serialize};

/// An hour, milliseconds.
const HOUR: u64 = 60 * 60 * 1_000;

/// Who has to approve corrections. A change is recorded at the next start; what waits then keeps the number of approvals and the
/// time that it was proposed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdjustmentOptions {
    /// How many operators beside the author have to approve what no band is for. 1..=8.
    pub approvals: u32,
    /// For how long a proposal can be approved. Hours; 1..=8_784.
    pub stands_hours: u32,
    /// Whether an operator may act alone in an emergency, with a reason.
    pub break_glass: bool,
    /// How many approvals amounts need; at most 48.
    pub bands: Vec<BandOptions>,
    /// The largest amounts that operators approve, or do alone; at most 48.
    pub limits: Vec<ApproverOptions>,
}

/// How many approvals an amount needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandOptions {
    /// The currency, one of `currencies`.
    pub currency: Currency,
    /// The least amount.
    pub from: Amount,
    /// How many operators beside the author; 0: the author acts alone. 0..=8.
    pub approvals: u32,
}

/// The largest amount of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproverOptions {
    /// The name in the operator's token; empty: everybody who is not listed with the currency.
    #[serde(default)]
    pub operator: String,
    /// The issuer of the token; empty: `auth.issuer`.
    #[serde(default)]
    pub issuer: String,
    /// The currency, one of `currencies`.
    pub currency: Currency,
    /// The amount.
    pub max: Amount,
}

impl Default for AdjustmentOptions {
    fn default() -> Self {
        let ApprovalRules { needed, stands, break_glass, .. } = ApprovalRules::STANDARD;
        Self {
            approvals: needed.into(),
            stands_hours: (stands / HOUR) as u32,
            break_glass,
            bands: Vec::new(),
            limits: Vec::new(),
        }
    }
}

impl AdjustmentOptions {
    /// For how long a proposal can be approved, milliseconds.
    pub(super) fn stands(&self) -> u64 {
        u64::from(self.stands_hours) * HOUR
    }

    /// Each option with its bounds.
    pub(super) fn bounds(&self) -> [(&'static str, u32, RangeInclusive<u32>); 2] {
        [
            ("adjustment.approvals", self.approvals, 1..=APPROVALS_MAX.into()),
            ("adjustment.stands_hours", self.stands_hours, 1..=8_784),
        ]
    }
}
