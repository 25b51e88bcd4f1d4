//! How limits of players are counted and loosened, as the operator has set it: a row that is recorded when configuration, or
//! the data of its time zone, change it. A decision reads the row, so a record can be decided again whatever they say later.

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{
    calendar::{DAY, Zone},
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// The key of the only row of its kind.
const KEY: &[u8] = b"all";

/// How limits of players are counted and loosened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRules {
    /// From when a player asks for a looser limit until it can be confirmed, milliseconds.
    pub loosening_after: u64,
    /// How long it can be confirmed from then on, milliseconds.
    pub confirm_within: u64,
    /// A player who has done nothing at a table for longer than this has not played meanwhile, milliseconds.
    pub play_break: u64,
    /// The zone of the calendar.
    pub zone: Zone,
}

impl LimitRules {
    // clause: gli19.a.3.7.loosening
    /// What holds while nothing is recorded: a day, a week, half an hour, and UTC. A decision on a log without a row depends on
    /// these values: they stay.
    #[must_use]
    pub fn standard() -> Self {
        Self { loosening_after: DAY, confirm_within: 7 * DAY, play_break: DAY / 48, zone: Zone::utc() }
    }

    /// What is in force.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        rows.get(KEY).unwrap_or_else(Self::standard)
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

impl Row for LimitRules {
    const KIND: u16 = 15;
    const NAME: &'static str = "limit_rules";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { loosening_after, confirm_within, play_break, zone } = self;
        [loosening_after, confirm_within, play_break].into_iter().for_each(|ms| encoder.uint((*ms).into()));
        zone.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut ms = || decoder.u64();
        let (loosening_after, confirm_within, play_break) = (ms()?, ms()?, ms()?);
        Ok(Self { loosening_after, confirm_within, play_break, zone: Zone::decode(decoder)? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        let Self { loosening_after, confirm_within, play_break, zone } = self;
        let change = |change: &crate::calendar::OffsetChange| {
            let east = change.offset >= 0;
            vec![
                ("from", Field::Time(change.from)),
                ("offset_seconds", Field::Number(change.offset.unsigned_abs().into())),
                ("east", Field::Flag(east)),
            ]
        };
        vec![
            ("loosening_after_ms", Field::Number(*loosening_after)),
            ("confirm_within_ms", Field::Number(*confirm_within)),
            ("play_break_ms", Field::Number(*play_break)),
            ("zone", Field::List(zone.changes().iter().map(change).collect())),
        ]
    }
}
