//! What lists are filtered by: times, the past, amounts.

use protocol::Amount;
use rusqlite::OptionalExtension;

use crate::{Error, ModelView, error::sql, money::Unsigned};

/// Most decimals that an amount has.
const SCALE_MAX: u32 = protocol::amount::SCALE_MAX;

/// When something was decided. All that is given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    /// At this time or later, milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Before this time, milliseconds since 1970.
    pub to_ms: Option<u64>,
    /// In this record or an earlier one.
    pub as_of: Option<u64>,
}

/// Bounds of an amount, both inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AmountRange {
    /// The least.
    pub min: Option<Amount>,
    /// The most.
    pub max: Option<Amount>,
}

impl AmountRange {
    /// Whether an amount in minor units of a currency with so many decimals is within.
    pub(crate) fn has(&self, minor: i128, scale: u32) -> bool {
        // Compared in the finest unit, so that nothing is rounded. What is too large for that is above every amount of a record.
        let finest = |amount: &Amount| amount.to_minor(SCALE_MAX).unwrap_or(i128::MAX);
        let value = minor.saturating_abs().saturating_mul(10_i128.pow(SCALE_MAX.saturating_sub(scale)));
        self.min.as_ref().is_none_or(|min| value >= finest(min))
            && self.max.as_ref().is_none_or(|max| value <= finest(max))
    }
}

impl ModelView<'_> {
    /// The first and the last record of these moments; `None` when there is none. Times never fall along the
    /// log, so the places are found by halving, without an index of times.
    pub(crate) fn span(&self, when: &Moments) -> Result<Option<(u64, u64)>, Error> {
        let first = match when.from_ms {
            None => 0,
            Some(from) => match self.first_at(from)? {
                Some(lsn) => lsn,
                None => return Ok(None),
            },
        };
        let last = match when.to_ms {
            None => i64::MAX.cast_unsigned(),
            Some(to) => match self.first_at(to)? {
                Some(0) => return Ok(None),
                Some(lsn) => lsn - 1,
                None => i64::MAX.cast_unsigned(),
            },
        };
        let last = when.as_of.map_or(last, |as_of| last.min(as_of));
        Ok((first <= last).then_some((first, last)))
    }

    /// The first transaction that was decided at a time or later.
    fn first_at(&self, time_ms: u64) -> Result<Option<u64>, Error> {
        let mut next = self
            .connection
            .prepare_cached("SELECT lsn, time_ms FROM transactions WHERE lsn >= ?1 ORDER BY lsn LIMIT 1")
            .map_err(sql("read transactions of"))?;
        let mut at = |lsn: u64| {
            next.query_row([Unsigned(lsn)], |row| {
                Ok((row.get::<_, Unsigned>(0)?.0, row.get::<_, Unsigned>(1)?.0))
            })
            .optional()
            .map_err(sql("read transactions of"))
        };
        // Every transaction before `low` is earlier; the one at `high` or after it is not.
        let (mut low, mut high) = (0, self.as_of()?.lsn.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            match at(middle)? {
                Some((lsn, time)) if time < time_ms => low = lsn + 1,
                Some(_) | None => high = middle,
            }
        }
        at(low).map(|found| found.map(|(lsn, _)| lsn))
    }
}
