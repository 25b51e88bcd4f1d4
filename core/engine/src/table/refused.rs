//! What a table refused: the request as it was asked, so that the refusal can be decided again from the log.
//!
//! A table decides on the records that it has applied and on what is under way. It refuses only what it would refuse
//! whatever becomes of the requests under way (ADR-0014), and their records stand before the refusal. So the state of the
//! table at the place of the refusal in the log gives the same code, as [`ruling`](super::ruling) decides it, unless the
//! refusal follows from something that is not in the log ([`Grounds`]).

use games::BetCode;
use ledger::codec::{AT_ONCE, DecodeError, Decoder, Encoder};
use protocol::TableId;

/// The revision of requests that this release writes: a higher one for each change of how a table decides them, such as
/// another order of the rules or another bound of the record format.
const REVISION: u16 = 1;

/// A request that a table refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRequest {
    /// The table.
    pub table: TableId,
    /// The round that it was for.
    pub round: u64,
    /// When it arrived, milliseconds since 1970: deadlines are compared with this time.
    pub arrived: u64,
    /// What was asked.
    pub asked: TableAsked,
    /// What the refusal follows from.
    pub grounds: Grounds,
}

/// What a table was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableAsked {
    /// To place bets, by spot in the order of the codes. Empty: the request had none.
    Bets(Vec<SpotAsked>),
    /// To take back all bets of the player.
    Clearing,
}

/// What a request stakes on one spot, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpotAsked {
    /// The spot.
    pub code: BetCode,
    /// Sum of the stakes.
    pub stake: i128,
    /// The smallest of the stakes.
    pub smallest: i128,
}

/// What a table's refusal follows from. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Grounds {
    /// The records before it.
    Log = 0,
    /// A fault of the table in its process, such as a panic: the table was closed until the next start.
    Fault = 1,
    /// The configuration or the release: they could not play the open round, which was about to be voided.
    Configuration = 2,
}

impl Grounds {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Grounds::Log => "log",
            Grounds::Fault => "fault",
            Grounds::Configuration => "configuration",
        }
    }
}

impl TableRequest {
    /// Its name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.asked {
            TableAsked::Bets(_) => "BET",
            TableAsked::Clearing => "CLEARING",
        }
    }

    /// Its revision.
    #[must_use]
    pub fn revision(&self) -> u16 {
        REVISION
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        let Self { table, round, arrived, asked, grounds } = self;
        encoder.byte(match asked {
            TableAsked::Bets(_) => 1,
            TableAsked::Clearing => 2,
        });
        encoder.uint(REVISION.into());
        encoder.table(*table);
        encoder.uint((*round).into());
        encoder.uint((*arrived).into());
        encoder.byte(*grounds as u8);
        if let TableAsked::Bets(spots) = asked {
            encoder.uint(spots.len() as u128);
            for SpotAsked { code, stake, smallest } in spots {
                encoder.uint(code.0.into());
                encoder.money(*stake);
                encoder.flag(smallest != stake);
                if smallest != stake {
                    encoder.money(*smallest);
                }
            }
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let kind = decoder.byte()?;
        if decoder.u16()? != REVISION {
            return Err(DecodeError::Unknown("revision of a table's request"));
        }
        let (table, round, arrived) = (decoder.table()?, decoder.u64()?, decoder.u64()?);
        let grounds = match decoder.byte()? {
            0 => Grounds::Log,
            1 => Grounds::Fault,
            2 => Grounds::Configuration,
            _ => return Err(DecodeError::Unknown("grounds of a refusal")),
        };
        let asked = match kind {
            1 => {
                let count = decoder.count_of(3)?;
                let mut spots = Vec::with_capacity(count.min(AT_ONCE));
                for _ in 0..count {
                    spots.push(SpotAsked::decode(decoder)?);
                }
                TableAsked::Bets(spots)
            }
            2 => TableAsked::Clearing,
            _ => return Err(DecodeError::Unknown("request to a table")),
        };
        Ok(Self { table, round, arrived, asked, grounds })
    }
}

impl SpotAsked {
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (code, stake) = (BetCode(decoder.u16()?), wide(decoder)?);
        if !decoder.flag()? {
            return Ok(Self { code, stake, smallest: stake });
        }
        match wide(decoder)? {
            smallest if smallest == stake => Err(DecodeError::OutOfRange("a stake, spelled twice,")),
            smallest => Ok(Self { code, stake, smallest }),
        }
    }
}

/// An amount without bounds: what is refused may be beyond what an account can hold.
fn wide(decoder: &mut Decoder<'_>) -> Result<i128, DecodeError> {
    let value = decoder.uint()?;
    Ok((value >> 1) as i128 ^ -((value & 1) as i128))
}
