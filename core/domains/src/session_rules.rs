//! The rules of play sessions, as the operator has set them: a row that is recorded when configuration changes it. A decision
//! reads the row, so a record can be decided again whatever the configuration says later.

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// The key of the only row of its kind.
const KEY: &[u8] = b"all";

/// The rules of [play sessions](crate::play_session). All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// So long without a stake, and the play session of a player is over. 0: no play sessions are kept, and the other rules
    /// do not hold.
    pub pause_min: u64,
    /// After so much play a player is asked to acknowledge how long they have played and what they have won or lost, and no
    /// stake is taken before. 0: never.
    pub check_every: u64,
    /// From the first stake of a player in a round until the player may begin with the next round. 0: no such time.
    pub start_min: u64,
}

impl SessionRules {
    /// What holds while nothing is recorded: no play sessions are kept. A decision on a log without a row depends on it: it
    /// stays.
    pub const STANDARD: SessionRules = SessionRules { pause_min: 0, check_every: 0, start_min: 0 };

    /// What is in force.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        rows.get(KEY).unwrap_or(Self::STANDARD)
    }

    /// What is in force, when play sessions are kept.
    pub(crate) fn kept(rows: &Rows) -> Option<Self> {
        Some(Self::of(rows)).filter(|rules| rules.pause_min > 0)
    }

    /// The image of the row.
    ///
    /// # Panics
    /// Never: its key is short.
    #[must_use]
    pub fn image(&self) -> RowImage {
        RowImage::of(KEY, Some(self)).expect("a short key")
    }
}

impl Row for SessionRules {
    const KIND: u16 = 9;
    const NAME: &'static str = "session_rules";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { pause_min, check_every, start_min } = *self;
        [pause_min, check_every, start_min].into_iter().for_each(|ms| encoder.uint(ms.into()));
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut ms = || decoder.u64();
        Ok(Self { pause_min: ms()?, check_every: ms()?, start_min: ms()? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        vec![
            ("pause_min_ms", Field::Number(self.pause_min)),
            ("check_every_ms", Field::Number(self.check_every)),
            ("start_min_ms", Field::Number(self.start_min)),
        ]
    }
}
