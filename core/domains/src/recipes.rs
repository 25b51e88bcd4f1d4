//! Recipes: the business events that move money or change rows, each one transaction over the domains it touches.
//!
//! | recipe | balance | collections | distributions |
//! |---|---|---|---|
//! | `DEPOSIT` | clearing → cash | source → clearing | |
//! | `STAKE` | cash ⇢ clearing (held) | | |
//! | `RELEASE` | held stakes voided | | |
//! | `SETTLE_ROUND` | held stakes posted, clearing → cash of each winner | clearing → stakes | winnings → clearing |
//! | `ROUND_VOID` | held stakes voided | | |
//! | `CREDIT` | clearing → cash | | |
//! | `DEBIT` | cash → clearing | | |
//! | `HOLD` | cash ⇢ clearing (held) | | |
//! | `HOLD_CAPTURE` | held → clearing, the rest voided | | |
//! | `HOLD_RELEASE` | hold voided | | |
//! | `COLLECT` | clearing → cash | a merchant's source → clearing | |
//! | `PLAYER_WINNINGS` | clearing → cash | a game's results → clearing | clearing → winnings → clearing |
//! | `FREEZE`, `UNFREEZE` | a row | | |
//! | `EXCLUDE`, `REINSTATE` | a row | | |
//! | `LIMIT`, `LIMIT_CONFIRM` | a row | | |
//! | `HOLD_EXPIRE` | hold voided | | |
//! | `RULES`, `PROTECTION`, `SESSION_RULES`, `LIMIT_RULES`, `BALANCE_RULE`, `ACKNOWLEDGE`, `APPROVAL_RULES` | a row | | |
//! | `PROPOSE_ADJUSTMENT`, `APPROVE_ADJUSTMENT` | clearing ↔ cash, or the opposite of a transaction | the opposite | the opposite |
//! | `REJECT_ADJUSTMENT`, `OPERATOR_REFUSED` | | | |
//! | `ACKNOWLEDGE_REALITY_CHECK` | a row | | |
//! | `TABLE` | | | |
//!
//! Whatever deposits, stakes or ends a round also counts against the limits of its player, in their row.
//! `CREDIT`, `DEBIT` and `HOLD_CAPTURE` have their other side in the adjustment domain's corrections. A settlement takes the stakes and
//! pays the winners in one record: a stake is never taken without its winnings being paid (ADR-0005).
//!
//! A recipe is one file with a type that implements [`Recipe`](crate::Recipe), and one line of [`STANDARD`]. What its
//! parameters mean never changes: a new meaning is a new revision, with a file of its own beside the old one.

mod acknowledge;
mod acknowledge_check;
mod approval_rules;
mod approve_adjustment;
mod balance_rule;
mod collect;
mod credit;
mod debit;
mod deposit;
mod exclude;
mod freeze;
mod hold;
mod hold_capture;
mod hold_expire;
mod hold_release;
mod limit;
mod limit_confirm;
mod limit_rules;
mod operator_refused;
mod payment;
mod player_winnings;
mod propose_adjustment;
mod protection;
mod reinstate;
mod reject_adjustment;
mod release;
mod round_void;
mod rules;
mod session_rules;
mod settle_round;
mod stake;
mod table;
mod unfreeze;

pub use self::{
    acknowledge::AcknowledgeAlert,
    acknowledge_check::AcknowledgeCheck,
    approval_rules::SetApprovalRules,
    approve_adjustment::ApproveAdjustment,
    balance_rule::SetBalanceRule,
    collect::{Collect, PaymentMethod},
    credit::Credit,
    debit::Debit,
    deposit::Deposit,
    exclude::ExcludePlayer,
    freeze::FreezePlayer,
    hold::HoldFunds,
    hold_capture::CaptureHold,
    hold_expire::HoldExpire,
    hold_release::ReleaseHold,
    limit::SetPlayerLimit,
    limit_confirm::ConfirmLimit,
    limit_rules::SetLimitRules,
    operator_refused::OperatorRefused,
    player_winnings::PlayerWinnings,
    propose_adjustment::ProposeAdjustment,
    protection::SetProtection,
    reinstate::Reinstate,
    reject_adjustment::RejectAdjustment,
    release::ReleaseStakes,
    round_void::RoundVoid,
    rules::SetRules,
    session_rules::SetSessionRules,
    settle_round::SettleRound,
    stake::HoldStake,
    table::TableOnly,
    unfreeze::Unfreeze,
};
use crate::recipe::Known;

/// Every recipe of this release, in every revision that its records may have.
pub const STANDARD: &[Known] = &[
    Known::of::<Deposit>(),
    Known::of::<HoldStake>(),
    Known::of::<ReleaseStakes>(),
    Known::of::<SettleRound>(),
    Known::of::<RoundVoid>(),
    Known::of::<TableOnly>(),
    Known::of::<Credit>(),
    Known::of::<Debit>(),
    Known::of::<FreezePlayer>(),
    Known::of::<Unfreeze>(),
    Known::of::<HoldExpire>(),
    Known::of::<SetRules>(),
    Known::of::<HoldFunds>(),
    Known::of::<CaptureHold>(),
    Known::of::<ReleaseHold>(),
    Known::of::<Collect>(),
    Known::of::<PlayerWinnings>(),
    Known::of::<ExcludePlayer>(),
    Known::of::<Reinstate>(),
    Known::of::<SetProtection>(),
    Known::of::<AcknowledgeAlert>(),
    Known::of::<ProposeAdjustment>(),
    Known::of::<ApproveAdjustment>(),
    Known::of::<RejectAdjustment>(),
    Known::of::<SetApprovalRules>(),
    Known::of::<AcknowledgeCheck>(),
    Known::of::<SetSessionRules>(),
    Known::of::<SetPlayerLimit>(),
    Known::of::<ConfirmLimit>(),
    Known::of::<SetLimitRules>(),
    Known::of::<OperatorRefused>(),
    Known::of::<SetBalanceRule>(),
];
