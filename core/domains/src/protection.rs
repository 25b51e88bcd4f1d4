//! What protects players, as the operator has set it: a row that is recorded when configuration changes it. A decision reads
//! the row, so a record can be decided again whatever the configuration says later.

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{
    calendar::DAY,
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// The key of the only row of its kind.
const KEY: &[u8] = b"all";

/// What protects players. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// The longest time-out.
    pub time_out_max: u64,
    /// The shortest self-exclusion.
    pub self_exclusion_min: u64,
    /// From when a player asks to come back after a self-exclusion until play begins.
    pub cooling_off: u64,
}

impl Protection {
    // clause: ukgc.sr.3.3.4.time_out
    // clause: ukgc.sr.3.5.3.minimum
    /// What holds while nothing is recorded: six weeks, six months however long they are, and a day. A decision on a log
    /// without a row depends on these numbers: they stay.
    pub const STANDARD: Protection =
        Protection { time_out_max: 42 * DAY, self_exclusion_min: 184 * DAY, cooling_off: DAY };

    /// What is in force.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        rows.get(KEY).unwrap_or(Self::STANDARD)
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

impl Row for Protection {
    const KIND: u16 = 5;
    const NAME: &'static str = "protection";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { time_out_max, self_exclusion_min, cooling_off } = *self;
        [time_out_max, self_exclusion_min, cooling_off].into_iter().for_each(|ms| encoder.uint(ms.into()));
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut ms = || decoder.u64();
        Ok(Self { time_out_max: ms()?, self_exclusion_min: ms()?, cooling_off: ms()? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        vec![
            ("time_out_max_ms", Field::Number(self.time_out_max)),
            ("self_exclusion_min_ms", Field::Number(self.self_exclusion_min)),
            ("cooling_off_ms", Field::Number(self.cooling_off)),
        ]
    }
}
