//! What the naive model is asked, and what it answers.

use super::{Protection, Sessions};

/// What is asked for. A hold has the name of the request that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Deposit {
        player: String,
        currency: String,
        amount: i128,
    },
    Credit {
        player: String,
        currency: String,
        amount: i128,
    },
    Debit {
        player: String,
        currency: String,
        amount: i128,
    },
    Stake {
        player: String,
        round: String,
        currency: String,
        amount: i128,
    },
    Release {
        player: String,
        round: String,
        currency: String,
        holds: Vec<String>,
    },
    Settle {
        round: String,
        currency: String,
        shares: Vec<Share>,
    },
    Void {
        round: String,
        currency: String,
        shares: Vec<Share>,
    },
    Freeze {
        player: String,
        reason: u8,
        until: Option<u64>,
    },
    Unfreeze {
        player: String,
    },
    /// How long in milliseconds; `None` for good.
    Exclude {
        player: String,
        strict: bool,
        lasts: Option<u64>,
    },
    Reinstate {
        player: String,
    },
    /// Sets how play sessions are kept.
    Sessions {
        rules: Sessions,
    },
    Acknowledge {
        player: String,
    },
    Protect {
        protection: Protection,
    },
    SetAside {
        player: String,
        currency: String,
        amount: i128,
        expires: u64,
    },
    Expire {
        hold: String,
    },
    Hold {
        player: String,
        currency: String,
        amount: i128,
        expires: Option<u64>,
    },
    Capture {
        hold: String,
        part: Option<(i128, String)>,
    },
    Free {
        hold: String,
    },
    Collect {
        player: String,
        currency: String,
        amount: i128,
        merchant: String,
    },
    Winnings {
        player: String,
        currency: String,
        amount: i128,
        game: String,
    },
    Refuse {
        code: &'static str,
    },
}

impl Asked {
    pub(super) fn amount(&self) -> i128 {
        match self {
            Asked::Deposit { amount, .. }
            | Asked::Credit { amount, .. }
            | Asked::Debit { amount, .. }
            | Asked::Stake { amount, .. }
            | Asked::SetAside { amount, .. }
            | Asked::Hold { amount, .. }
            | Asked::Capture { part: Some((amount, _)), .. }
            | Asked::Collect { amount, .. }
            | Asked::Winnings { amount, .. } => *amount,
            Asked::Release { .. }
            | Asked::Settle { .. }
            | Asked::Void { .. }
            | Asked::Freeze { .. }
            | Asked::Unfreeze { .. }
            | Asked::Exclude { .. }
            | Asked::Reinstate { .. }
            | Asked::Sessions { .. }
            | Asked::Acknowledge { .. }
            | Asked::Protect { .. }
            | Asked::Expire { .. }
            | Asked::Capture { part: None, .. }
            | Asked::Free { .. }
            | Asked::Refuse { .. } => 0,
        }
    }
}

/// A player's part in the end of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub player: String,
    pub holds: Vec<String>,
    pub staked: i128,
    pub returned: i128,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Recorded(Outcome),
    Done,
    KeyReused,
    Answered(&'static str),
    Impossible(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done { place: u64, round: Option<String>, currency: String, amount: i128, available: i128, held: i128 },
    Changed { place: u64 },
    Refused { code: &'static str, place: u64 },
}
