//! Weeks of a figure from a seeded generator: what is usual stays quiet, and what is not is found.

use super::*;

/// The distance from which on an operator is told, as it is built in.
const TOLD_FROM: f64 = 8.0;

/// Values of a figure through weeks: a day with a peak, a weekend that is busier, and noise.
struct Weeks {
    random: fastrand::Rng,
    hours: UsualHours,
}

impl Weeks {
    fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), hours: UsualHours::default() }
    }

    /// About normally distributed, with a deviation of 1.
    fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0
    }

    /// The usual value of an hour, with a tenth of noise.
    fn value(&mut self, hour: u64) -> f64 {
        let day = 2.0 + (std::f64::consts::TAU * (hour % 24) as f64 / 24.0).sin();
        let weekend = if hour / 24 % 7 >= 5 { 1.6 } else { 1.0 };
        1_000.0 * day * weekend * (1.0 + 0.1 * self.noise())
    }

    /// Plays these hours, each with four values that are `factor` times what is usual; the greatest distance.
    fn play(&mut self, hours: std::ops::Range<u64>, factor: f64) -> f64 {
        let mut worst = 0.0_f64;
        for hour in hours {
            let value = self.value(hour) * factor;
            for quarter in 0..4 {
                let found = self.hours.take(value, hour * HOUR_MS + quarter * 900_000, 14);
                worst = worst.max(found.unwrap_or(0.0));
            }
        }
        worst
    }
}

#[test]
fn weeks_of_noise_tell_nobody_and_an_hour_that_is_not_usual_is_found() {
    for seed in 0..40 {
        let mut weeks = Weeks::new(seed);
        let quiet = weeks.play(0..24 * 42, 1.0);
        assert!(quiet < TOLD_FROM, "seed {seed}: {quiet} after weeks of noise");
        let six_weeks = 24 * 42;
        for (hour, factor) in [(six_weeks + 3, 0.0), (six_weeks + 30, 10.0)] {
            let after = if hour == six_weeks + 3 { six_weeks } else { six_weeks + 5 };
            weeks.play(after..hour, 1.0);
            weeks.play(hour..hour + 1, factor);
            // An hour is judged when it is over.
            let found = weeks.play(hour + 1..hour + 2, 1.0);
            assert!(found > TOLD_FROM, "seed {seed}: {found} for {factor} times the usual");
            let later = weeks.play(hour + 2..hour + 3, 1.0);
            assert!(later < TOLD_FROM, "seed {seed}: the hour after it was usual again, {later}");
        }
    }
}

#[test]
fn nothing_is_said_before_two_weeks_are_known_nor_after_an_hour_without_values() {
    let mut hours = UsualHours::default();
    let mut at = |hour: u64, value: f64| hours.take(value, hour * HOUR_MS, 14);
    for day in 0..14 {
        assert_eq!(at(day * 24 + 7, 100.0), None);
        assert_eq!(at(day * 24 + 8, 100.0), None, "day {day}");
    }
    assert_eq!(at(14 * 24 + 7, 200.0), None);
    let doubled = at(14 * 24 + 8, 100.0).expect("two weeks are known");
    assert!((13.7..13.8).contains(&doubled), "{doubled}: the spread is a twentieth");
    assert_eq!(at(15 * 24 + 7, 900.0), None);
    assert_eq!(at(15 * 24 + 9, 100.0), None, "nobody looked for an hour");
}

#[test]
fn what_is_kept_is_bounded_and_survives_a_restart() {
    let mut hours = UsualHours::default();
    for hour in 0..24 * 60 {
        hours.take(1.0, hour * HOUR_MS, 14);
    }
    assert!(hours.len() <= 24 * 14, "{}", hours.len());
    let text = serde_json::to_string(&hours).expect("JSON");
    let mut kept: UsualHours = serde_json::from_str(&text).expect("hours");
    kept.take(90.0, 24 * 60 * HOUR_MS, 14);
    let found = kept.take(1.0, (24 * 60 + 1) * HOUR_MS, 14).expect("all of it is known");
    assert!((7.6..7.7).contains(&found), "{found}: a change by one is a spread");
}

#[test]
fn the_median_is_in_the_middle() {
    for (values, expected) in [
        (vec![], 0.0),
        (vec![3.0], 3.0),
        (vec![9.0, 1.0], 5.0),
        (vec![9.0, 1.0, 2.0], 2.0),
        (vec![4.0, 1.0, 2.0, 9.0], 3.0),
    ] {
        assert_eq!(median(values.clone()), expected, "{values:?}");
    }
}
