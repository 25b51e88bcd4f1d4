//! The freeze of a player: a row of the balance domain. While it stands, nothing is debited from the player's accounts and
//! nothing held; credits and the end of open holds go on.

use ledger::codec::{DecodeError, Decoder, Encoder};
use protocol::PlayerId;

use crate::{
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// Why a player is frozen. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FreezeReason {
    /// A check for fraud is under way.
    FraudCheck = 1,
    /// A check of identity or of the source of funds is under way.
    ComplianceCheck = 2,
    /// The player asked for it.
    PlayerRequest = 3,
    /// Anything else that the operator decided.
    Operator = 4,
}

impl FreezeReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [FreezeReason; 4] = [
        FreezeReason::FraudCheck,
        FreezeReason::ComplianceCheck,
        FreezeReason::PlayerRequest,
        FreezeReason::Operator,
    ];

    /// The reason of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        FreezeReason::ALL.into_iter().find(|reason| *reason as u8 == number)
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FreezeReason::FraudCheck => "FRAUD_CHECK",
            FreezeReason::ComplianceCheck => "COMPLIANCE_CHECK",
            FreezeReason::PlayerRequest => "PLAYER_REQUEST",
            FreezeReason::Operator => "OPERATOR",
        }
    }
}

/// The freeze of one player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freeze {
    /// Why.
    pub reason: FreezeReason,
    /// When it ends by itself, milliseconds since 1970; `None` until it is lifted.
    pub until: Option<u64>,
}

impl Freeze {
    /// The freeze of a player that stands at a time, milliseconds since 1970.
    #[must_use]
    pub fn of(rows: &Rows, player: PlayerId, now: u64) -> Option<Self> {
        rows.get::<Self>(&player.0.to_be_bytes())
            .filter(|freeze| freeze.until.is_none_or(|until| now < until))
    }

    /// The image of a player's freeze, or of none.
    ///
    /// # Panics
    /// Never: a player's id is shorter than the longest key.
    #[must_use]
    pub fn image(player: PlayerId, freeze: Option<&Self>) -> RowImage {
        RowImage::of(&player.0.to_be_bytes(), freeze).expect("a player's id is a short key")
    }
}

impl Row for Freeze {
    const KIND: u16 = 1;
    const NAME: &'static str = "freeze";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.byte(self.reason as u8);
        encoder.option(self.until);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let reason =
            FreezeReason::from_number(decoder.byte()?).ok_or(DecodeError::Unknown("reason of a freeze"))?;
        Ok(Self { reason, until: decoder.option()? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_player_key(bytes)
    }

    fn fields(&self) -> Fields {
        let until = self.until.map(|until| ("until", Field::Time(until)));
        std::iter::once(("reason", Field::Text(self.reason.name().into()))).chain(until).collect()
    }
}
