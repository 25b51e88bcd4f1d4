//! Days, weeks and months of a time zone, as a decision counts them.
//!
//! A zone is a list of the instants from which another offset from UTC holds, and is recorded: the same record finds the same
//! day, whatever a time zone's data say later. A day is numbered from 1970-01-01, and a week begins on Monday.

use ledger::codec::{DecodeError, Decoder, Encoder};

/// A day, milliseconds.
pub const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Most changes of a zone's offset. A row has no room for more than about 400.
pub const CHANGES_MAX: usize = 200;
/// Largest offset from UTC, seconds, in either direction.
pub const OFFSET_MAX: i32 = 26 * 60 * 60;

/// A period of the calendar. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Period {
    /// From midnight to midnight.
    Day = 1,
    /// From Monday.
    Week = 2,
    /// From the first of the month.
    Month = 3,
}

impl Period {
    /// Every period, in the order of their numbers.
    pub const ALL: [Period; 3] = [Period::Day, Period::Week, Period::Month];

    /// The period of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Period::ALL.into_iter().find(|period| *period as u8 == number)
    }

    /// The name on the wire and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }

    /// The period with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Period::ALL.into_iter().find(|period| period.name() == name)
    }

    /// The first day of the period that has this day.
    #[must_use]
    pub fn first_day(self, day: u32) -> u32 {
        match self {
            Period::Day => day,
            // 1970-01-01 was a Thursday. The days before the first Monday are of one week.
            Period::Week => ((day + 3) / 7 * 7).saturating_sub(3),
            Period::Month => {
                let (year, month, _) = civil(day);
                days(year, month)
            }
        }
    }

    /// The first day of the period after the one that has this day.
    #[must_use]
    pub fn next_day(self, day: u32) -> u32 {
        match self {
            Period::Day => day.saturating_add(1),
            Period::Week => ((day + 3) / 7 + 1) * 7 - 3,
            Period::Month => match civil(day) {
                (year, 12, _) => days(year + 1, 1),
                (year, month, _) => days(year, month + 1),
            },
        }
    }
}

/// Year, month and day of the month of a day. By the civil calendar with years that begin in March, so that the leap day is the
/// last of its year.
fn civil(day: u32) -> (u32, u32, u32) {
    let since = day + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u32::from(month <= 2);
    (year, month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// The day that is the first of a month, from 1970 on.
fn days(year: u32, month: u32) -> u32 {
    let year = year - u32::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

/// A time zone: from when which offset from UTC holds. The first one holds before, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(Vec<OffsetChange>);

/// From an instant on, an offset from UTC holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffsetChange {
    /// Milliseconds since 1970.
    pub from: u64,
    /// Seconds to add to UTC.
    pub offset: i32,
}

/// The changes are no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a zone has 1 to 200 changes of its offset, each later than the one before, and none of more than 26 hours"
)]
pub struct NotAZone;

impl Zone {
    /// The zone with these changes.
    ///
    /// # Errors
    /// When there are none or more than [`CHANGES_MAX`], they are not in order, or an offset is above [`OFFSET_MAX`].
    pub fn new(changes: Vec<OffsetChange>) -> Result<Self, NotAZone> {
        let fits = (1..=CHANGES_MAX).contains(&changes.len())
            && changes.is_sorted_by(|one, next| one.from < next.from)
            && changes.iter().all(|change| change.offset.abs() <= OFFSET_MAX);
        if fits { Ok(Self(changes)) } else { Err(NotAZone) }
    }

    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self(vec![OffsetChange { from: 0, offset: 0 }])
    }

    /// Its changes.
    #[must_use]
    pub fn changes(&self) -> &[OffsetChange] {
        &self.0
    }

    /// The day at an instant, milliseconds since 1970.
    #[must_use]
    pub fn day(&self, at: u64) -> u32 {
        let place = self.0.partition_point(|change| change.from <= at).saturating_sub(1);
        let local = (at as i64).saturating_add(i64::from(self.0[place].offset) * 1_000);
        u32::try_from(local / DAY as i64).unwrap_or_default()
    }

    /// The first instant of a day, milliseconds since 1970: midnight, or what comes after it where a zone has no midnight.
    #[must_use]
    pub fn begins(&self, day: u32) -> u64 {
        let midnight = i64::from(day) * DAY as i64;
        let mut changes = self.0.iter().enumerate();
        let first = changes.find_map(|(place, change)| {
            let from = if place == 0 { 0 } else { change.from };
            let at = u64::try_from(midnight - i64::from(change.offset) * 1_000).unwrap_or_default().max(from);
            let ends = self.0.get(place + 1).map_or(u64::MAX, |next| next.from);
            (at < ends).then_some(at)
        });
        first.expect("the last offset holds for good")
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.0.len() as u128);
        let mut before = 0;
        for OffsetChange { from, offset } in &self.0 {
            encoder.uint((from - before).into());
            encoder.uint((offset + OFFSET_MAX) as u128);
            before = *from;
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let wrong = DecodeError::OutOfRange("a time zone");
        let (count, mut from) = (decoder.count_of(2)?, 0_u64);
        let mut changes = Vec::with_capacity(count.min(CHANGES_MAX));
        for _ in 0..count {
            from = from.checked_add(decoder.u64()?).ok_or(wrong)?;
            let offset = i32::try_from(decoder.u32()?).map_err(|_| wrong)?;
            changes.push(OffsetChange { from, offset: offset - OFFSET_MAX });
        }
        Self::new(changes).map_err(|_| wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = DAY / 24;

    /// London in 2026: summer time from 29 March, 01:00 UTC, to 25 October, 01:00 UTC.
    fn london() -> Zone {
        let changes = [(0, 0), (1_774_746_000_000, 3_600), (1_792_890_000_000, 0)];
        Zone::new(changes.map(|(from, offset)| OffsetChange { from, offset }).into()).expect("a zone")
    }

    #[test]
    fn the_calendar_counts_each_day_from_1970_on_once() {
        let (mut year, mut month, mut of_month) = (1970, 1, 1);
        for day in 0..100_000 {
            assert_eq!(civil(day), (year, month, of_month), "{day}");
            assert_eq!(days(year, month), day + 1 - of_month, "{day}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = [31, 28 + u32::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
            (year, month, of_month) = match (of_month == last, month) {
                (false, _) => (year, month, of_month + 1),
                (true, 12) => (year + 1, 1, 1),
                (true, _) => (year, month + 1, 1),
            };
        }
    }

    #[test]
    fn each_day_is_in_one_period_and_the_next_begins_where_it_ends() {
        for period in Period::ALL {
            let mut first = 0;
            for day in 0..20_000 {
                if period.next_day(first) == day {
                    first = day;
                }
                assert_eq!(period.first_day(day), first, "{period:?} {day}");
                assert!(period.next_day(day) > day && period.next_day(day) == period.next_day(first));
            }
        }
        // 2026-11-30 is a Monday.
        assert_eq!((Period::Week.first_day(20_787), civil(20_787)), (20_787, (2026, 11, 30)));
        assert_eq!(civil(Period::Month.next_day(20_787)), (2026, 12, 1));
        assert_eq!(civil(Period::Month.next_day(Period::Month.next_day(20_787))), (2027, 1, 1));
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone_also_when_the_clock_changes() {
        let zone = london();
        for (day, hours) in
            [(20_540, 24), (20_541, 23), (20_542, 24), (20_750, 24), (20_751, 25), (20_752, 24)]
        {
            let (begins, ends) = (zone.begins(day), zone.begins(day + 1));
            assert_eq!((ends - begins) / HOUR, hours, "{day} {:?}", civil(day));
            assert_eq!((zone.day(begins), zone.day(ends - 1), zone.day(ends)), (day, day, day + 1));
        }
    }

    #[test]
    fn a_zone_without_a_midnight_begins_the_day_at_the_change_and_one_that_has_it_twice_at_the_first() {
        let skips = Zone::new(vec![
            OffsetChange { from: 0, offset: -3 * 3_600 },
            OffsetChange { from: 10 * DAY + 3 * HOUR, offset: -2 * 3_600 },
        ]);
        let skips = skips.expect("a zone");
        assert_eq!(skips.begins(10), 10 * DAY + 3 * HOUR, "01:00 is the first instant of the day");
        let twice = Zone::new(vec![
            OffsetChange { from: 0, offset: -2 * 3_600 },
            OffsetChange { from: 10 * DAY + 2 * HOUR, offset: -3 * 3_600 },
        ]);
        let twice = twice.expect("a zone");
        // At midnight the clock is set back to 23:00 of the day before.
        assert_eq!(twice.day(10 * DAY + 2 * HOUR), 9);
        assert_eq!(twice.begins(10), 10 * DAY + 3 * HOUR);
        assert_eq!(twice.day(twice.begins(10)), 10);
    }

    #[test]
    fn a_zone_reads_back_and_what_is_none_is_refused() {
        for zone in [london(), Zone::utc()] {
            let mut encoder = Encoder::default();
            zone.encode(&mut encoder);
            assert_eq!(Zone::decode(&mut Decoder::new(encoder.as_bytes())), Ok(zone));
        }
        let change = |from, offset| OffsetChange { from, offset };
        for wrong in [
            vec![],
            vec![change(5, 0), change(5, 3_600)],
            vec![change(0, OFFSET_MAX + 1)],
            (0..=CHANGES_MAX as u64).map(|from| change(from, 0)).collect(),
        ] {
            assert_eq!(Zone::new(wrong), Err(NotAZone));
        }
    }
}
