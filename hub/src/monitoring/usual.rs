//! What is usual for a figure at an hour of the day, and how far it is from that.
//!
//! The mean of each hour is kept for some days. A full hour is compared with the same hour of the days before, by median
//! and MAD (median absolute deviation) on a scale of ratios: a few strange days do not change them. Pure: values and times come in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

const HOUR_MS: u64 = 3_600_000;
const DAY_HOURS: u64 = 24;
const WEEK_HOURS: u64 = 7 * DAY_HOURS;
/// Before the same day of the week is known so often, nothing is said: a weekend is no alarm.
const WEEKS_MIN: usize = 2;
/// The standard deviation of values that are distributed normally, in MADs.
const MAD_TO_DEVIATION: f64 = 1.482_6;
/// The least spread, a twentieth: a figure that is always the same may change a little.
const SPREAD_MIN: f64 = 0.05;

/// The hours of one figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UsualHours {
    /// The mean of each full hour, by hours since 1970.
    hours: BTreeMap<u64, f64>,
    /// The hour that is not over: which one, the sum of its values, and their number.
    running: Option<(u64, f64, u32)>,
    /// How far the last full hour was from what is usual, in spreads. `None` when it is not known.
    #[serde(skip)]
    distance: Option<f64>,
}

impl UsualHours {
    /// Takes a value, and says how far the last full hour was from the same hour of at most so many days before, in
    /// spreads: 1 is a common distance. `None` while too few days are known, and after an hour without a value.
    pub fn take(&mut self, value: f64, now_ms: u64, days: u32) -> Option<f64> {
        let hour = now_ms / HOUR_MS;
        match &mut self.running {
            Some((running, sum, number)) if *running == hour => {
                *sum += value;
                *number = number.saturating_add(1);
            }
            running => {
                let over = running.replace((hour, value, 1));
                self.distance = None;
                if let Some((over, sum, number)) = over {
                    let mean = sum / f64::from(number);
                    // One that ended longer ago says nothing of now.
                    self.distance = self.distance_at(over, mean).filter(|_| over + 1 == hour);
                    self.hours.insert(over, mean);
                }
                let oldest = hour.saturating_sub(u64::from(days) * DAY_HOURS);
                self.hours = self.hours.split_off(&oldest);
            }
        }
        self.distance
    }

    /// Number of hours that are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Whether no hour is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How far a value is from the same hour of the days before, or of the same days of the week: the nearer one counts.
    fn distance_at(&self, hour: u64, value: f64) -> Option<f64> {
        let before = |step: u64| {
            let same = self
                .hours
                .iter()
                .filter(move |(known, _)| **known < hour && (hour - **known).is_multiple_of(step));
            same.map(|(_, mean)| scaled(*mean)).collect::<Vec<_>>()
        };
        let (days, weeks) = (before(DAY_HOURS), before(WEEK_HOURS));
        if weeks.len() < WEEKS_MIN {
            return None;
        }
        let middle = median(days.clone());
        let deviation = median(days.iter().map(|one| (one - middle).abs()).collect());
        // A change by one says nothing of a figure that is near to nothing.
        let one = 1.0 / middle.abs().exp();
        let spread = (deviation * MAD_TO_DEVIATION).max(SPREAD_MIN).max(one);
        let value = scaled(value);
        Some((value - middle).abs().min((value - median(weeks)).abs()) / spread)
    }
}

/// A value on a scale of ratios: twice as much is as far from a value as half as much, and nothing is far from much.
fn scaled(value: f64) -> f64 {
    value.abs().ln_1p().copysign(value)
}

/// The middle one of some values, or the mean of the two in the middle. Zero of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.len() % 2, values.get(half), half.checked_sub(1).and_then(|before| values.get(before))) {
        (1, Some(middle), _) => *middle,
        (0, Some(upper), Some(lower)) => (lower + upper) / 2.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
