//! What operators do, and what they need for it, as records of refused acts tell it: closed lists of words with numbers, so
//! that nothing from outside enters a record.

/// An act of an operator that the API refuses to whoever has no right to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OperatorAct {
    /// A credit or a debit.
    ChangeBalance = 1,
    /// A freeze of a player's account.
    Freeze = 2,
    /// The end of a freeze.
    Unfreeze = 3,
    /// Money that is held for a service.
    Hold = 4,
    /// Taking what is held.
    CaptureHold = 5,
    /// Giving back what is held.
    ReleaseHold = 6,
    /// A time-out or a self-exclusion of a player.
    Exclude = 7,
    /// A player who comes back.
    Reinstate = 8,
    /// A limit of a player.
    SetLimit = 9,
    /// A looser limit that is confirmed.
    ConfirmLimit = 10,
    /// A reality check that is acknowledged for a player.
    RealityCheck = 11,
    /// A payment that has come in.
    Collect = 12,
    /// A change by several domains.
    Coordinate = 13,
    /// A correction that is proposed.
    ProposeAdjustment = 14,
    /// The approval of a correction.
    ApproveAdjustment = 15,
    /// The rejection of a correction, or its withdrawal.
    RejectAdjustment = 16,
    /// A correction that its author carries out alone in an emergency.
    BreakGlass = 17,
    /// The acknowledgement of an alert.
    AcknowledgeAlert = 18,
    /// A look of the monitoring out of turn.
    CheckAlerts = 19,
    /// A publication to a channel.
    Publish = 20,
}

impl OperatorAct {
    /// Every act, in the order of their numbers.
    pub const ALL: [OperatorAct; 20] = [
        OperatorAct::ChangeBalance,
        OperatorAct::Freeze,
        OperatorAct::Unfreeze,
        OperatorAct::Hold,
        OperatorAct::CaptureHold,
        OperatorAct::ReleaseHold,
        OperatorAct::Exclude,
        OperatorAct::Reinstate,
        OperatorAct::SetLimit,
        OperatorAct::ConfirmLimit,
        OperatorAct::RealityCheck,
        OperatorAct::Collect,
        OperatorAct::Coordinate,
        OperatorAct::ProposeAdjustment,
        OperatorAct::ApproveAdjustment,
        OperatorAct::RejectAdjustment,
        OperatorAct::BreakGlass,
        OperatorAct::AcknowledgeAlert,
        OperatorAct::CheckAlerts,
        OperatorAct::Publish,
    ];

    /// The act of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        OperatorAct::ALL.into_iter().find(|act| *act as u8 == number)
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OperatorAct::ChangeBalance => "change_balance",
            OperatorAct::Freeze => "freeze",
            OperatorAct::Unfreeze => "unfreeze",
            OperatorAct::Hold => "hold",
            OperatorAct::CaptureHold => "capture_hold",
            OperatorAct::ReleaseHold => "release_hold",
            OperatorAct::Exclude => "exclude",
            OperatorAct::Reinstate => "reinstate",
            OperatorAct::SetLimit => "set_limit",
            OperatorAct::ConfirmLimit => "confirm_limit",
            OperatorAct::RealityCheck => "reality_check",
            OperatorAct::Collect => "collect",
            OperatorAct::Coordinate => "coordinate",
            OperatorAct::ProposeAdjustment => "propose_adjustment",
            OperatorAct::ApproveAdjustment => "approve_adjustment",
            OperatorAct::RejectAdjustment => "reject_adjustment",
            OperatorAct::BreakGlass => "break_glass",
            OperatorAct::AcknowledgeAlert => "acknowledge_alert",
            OperatorAct::CheckAlerts => "check_alerts",
            OperatorAct::Publish => "publish",
        }
    }
}

/// The capabilities that an act may lack, by their texts; of `publish:NAMESPACE` the word alone. The place in the list, from 1, is
/// the number in the log: a new one is added at the end.
const CAPABILITIES: [&str; 21] = [
    "balance:read",
    "balance:write",
    "collections:read",
    "collections:write",
    "distributions:read",
    "distributions:write",
    "free-play:read",
    "free-play:write",
    "adjustment:read",
    "adjustment:write",
    "coordinator:read",
    "coordinator:write",
    "monitoring:read",
    "monitoring:write",
    "adjustment:propose",
    "adjustment:approve",
    "payouts:propose",
    "payouts:approve",
    "promotions:propose",
    "promotions:approve",
    "publish",
];

/// A capability that somebody lacks, as a record names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LackedCapability(u8);

impl LackedCapability {
    /// That of a text such as `balance:write`, or of `publish:` with any namespace; `None` of what is no capability.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let word = if text.starts_with("publish:") { "publish" } else { text };
        let place = CAPABILITIES.iter().position(|known| *known == word)?;
        Self::from_number(u8::try_from(place + 1).ok()?)
    }

    /// That of a number in the log.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        (1..=CAPABILITIES.len()).contains(&number.into()).then_some(Self(number))
    }

    /// The number in the log.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The text.
    #[must_use]
    pub fn name(self) -> &'static str {
        CAPABILITIES[usize::from(self.0) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_act_and_each_capability_has_a_number_and_a_name_of_its_own() {
        for (place, act) in OperatorAct::ALL.into_iter().enumerate() {
            assert_eq!((act as usize, OperatorAct::from_number(act as u8)), (place + 1, Some(act)));
            assert!(OperatorAct::ALL[..place].iter().all(|other| other.name() != act.name()));
        }
        for (place, text) in CAPABILITIES.into_iter().enumerate() {
            let lacked = LackedCapability::of_text(text).expect("a capability");
            assert_eq!((usize::from(lacked.number()), lacked.name()), (place + 1, text));
            assert_eq!(LackedCapability::from_number(lacked.number()), Some(lacked));
        }
        assert_eq!(LackedCapability::of_text("publish:news").map(LackedCapability::name), Some("publish"));
        for text in ["", "balance", "balance:*", "*", "money:read"] {
            assert_eq!(LackedCapability::of_text(text), None, "{text}");
        }
        assert_eq!([0, 22].map(LackedCapability::from_number), [None, None]);
        assert_eq!([0, 21].map(OperatorAct::from_number), [None, None]);
    }
}
