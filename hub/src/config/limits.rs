//! How limits of players are counted and loosened.

use std::ops::RangeInclusive;

use actors::ports::service::{CHANGES_MAX, DAY, LimitRules, OffsetChange, Zone};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// An hour, milliseconds.
const HOUR: u64 = DAY / 24;
/// A minute, milliseconds.
const MINUTE: u64 = HOUR / 60;

/// How far before now the recorded zone reaches: no period is as long. Milliseconds.
const BEFORE: u64 = 62 * DAY;
/// How far after now: a start records what comes then. Milliseconds.
const AFTER: u64 = 12 * 366 * DAY;

/// How limits of players are counted and loosened. A change is recorded at the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitOptions {
    /// The zone whose days, weeks and months limits are counted in, and whose days the figures of the business are of, as the IANA
    /// names it, such as `Europe/London`.
    pub time_zone: String,
    /// From when a player asks for a looser limit until it can be confirmed. Hours; 0..=8_784, in production from 24.
    pub loosening_hours: u32,
    /// How long it can be confirmed from then on. Hours; 1..=8_784.
    pub confirm_hours: u32,
    /// A player who has done nothing at a table for longer has not played meanwhile. Minutes; 1..=1_440.
    pub play_break_minutes: u32,
}

impl Default for LimitOptions {
    fn default() -> Self {
        let LimitRules { loosening_after, confirm_within, play_break, .. } = LimitRules::standard();
        Self {
            time_zone: "UTC".into(),
            loosening_hours: (loosening_after / HOUR) as u32,
            confirm_hours: (confirm_within / HOUR) as u32,
            play_break_minutes: (play_break / MINUTE) as u32,
        }
    }
}

/// There is no such zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no time zone of the IANA, such as \"Europe/London\" or \"UTC\"")]
pub struct NoSuchZone;

impl LimitOptions {
    /// As the money takes them, at a time: milliseconds since 1970.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn rules(&self, now: u64) -> Result<LimitRules, NoSuchZone> {
        Ok(LimitRules {
            loosening_after: u64::from(self.loosening_hours) * HOUR,
            confirm_within: u64::from(self.confirm_hours) * HOUR,
            play_break: u64::from(self.play_break_minutes) * MINUTE,
            zone: zone(&self.time_zone, now)?,
        })
    }

    /// Each number with its bounds.
    pub(super) fn bounds(&self) -> [(&'static str, u32, RangeInclusive<u32>); 3] {
        [
            ("limits.loosening_hours", self.loosening_hours, 0..=8_784),
            ("limits.confirm_hours", self.confirm_hours, 1..=8_784),
            ("limits.play_break_minutes", self.play_break_minutes, 1..=1_440),
        ]
    }
}

/// The offsets of a zone around a time. One without changes has the same row at each start.
fn zone(name: &str, now: u64) -> Result<Zone, NoSuchZone> {
    let zone = TimeZone::get(name).map_err(|_| NoSuchZone)?;
    let instant = |ms: u64| i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let (begins, ends) = (now.saturating_sub(BEFORE), now.saturating_add(AFTER));
    let from = instant(begins).ok_or(NoSuchZone)?;
    let first = OffsetChange { from: 0, offset: zone.to_offset(from).seconds() };
    let later = zone.following(from).map_while(|change| {
        let from = u64::try_from(change.timestamp().as_millisecond()).ok().filter(|from| *from < ends)?;
        Some(OffsetChange { from, offset: change.offset().seconds() })
    });
    // A change of name alone is none of the offset.
    let mut changes = vec![first];
    for change in later.take(CHANGES_MAX) {
        if changes.last().is_some_and(|last| last.offset != change.offset) {
            changes.push(change);
        }
    }
    changes.truncate(CHANGES_MAX);
    Zone::new(changes).map_err(|_| NoSuchZone)
}

#[cfg(test)]
mod tests {
    use actors::ports::service::Period;

    use super::*;

    /// 2026-11-30.
    const NOW: u64 = 1_796_000_000_000;

    #[test]
    fn what_is_built_in_is_what_holds_while_nothing_is_recorded() {
        assert_eq!(LimitOptions::default().rules(NOW), Ok(LimitRules::standard()));
    }

    #[test]
    fn a_zone_has_its_summer_times_of_the_years_to_come() {
        let options = LimitOptions { time_zone: "Europe/London".into(), ..LimitOptions::default() };
        let zone = options.rules(NOW).expect("a zone").zone;
        assert!((24..=26).contains(&zone.changes().len()), "{zone:?}");
        // 28 March 2027 has 23 hours, 31 October 25.
        for (day, hours) in [(20_905, 23), (21_122, 25), (20_800, 24)] {
            assert_eq!((zone.begins(day + 1) - zone.begins(day)) / HOUR, hours, "{day}");
        }
        let month = Period::Month.next_day(zone.day(NOW));
        assert_eq!(zone.begins(month), 1_796_083_200_000, "1 December 2026");
    }

    #[test]
    fn every_zone_there_is_can_be_recorded_and_no_other() {
        let mut count = 0;
        for name in jiff::tz::db().available() {
            assert!(zone(name.as_str(), NOW).is_ok(), "{}", name.as_str());
            count += 1;
        }
        assert!(count > 300, "{count}");
        for wrong in ["", "Europe/Atlantis", "../etc/passwd", "+01:00"] {
            assert_eq!(zone(wrong, NOW), Err(NoSuchZone), "{wrong}");
        }
    }
}
