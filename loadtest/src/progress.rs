//! How far a run is: a bar for a person, a line now and then for a log.

use std::{
    cell::Cell,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between two lines where no terminal is.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Time between two pictures of the bar. The generator calls after every look at its sockets; spelling and drawing
/// that often would show up in what it measures.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// The same as a rate.
const DRAWS_PER_SECOND: u8 = 10;

/// Shows progress on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    shown: Pace,
    aside: Cell<(&'static str, u64)>,
}

impl Progress {
    /// A bar if standard error is a terminal, lines otherwise.
    #[must_use]
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
            let bar = ProgressBar::with_draw_target(Some(0), target);
            let template = "{elapsed_precise} {wide_bar:.green/dim} {pos}/{len} {msg}";
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        let shown = Pace::new(if bar.is_some() { DRAW_EVERY } else { LINE_EVERY });
        Self { bar, shown, aside: Cell::new(("", 0)) }
    }

    /// A figure to show beside the progress.
    pub fn say(&self, what: &'static str, count: u64) {
        self.aside.set((what, count));
    }

    /// So many of all are done. Costs a look at the clock unless it is time to show it.
    pub fn show(&self, what: &'static str, done: u64, all: u64) {
        if !self.shown.take(Instant::now()) {
            return;
        }
        let (aside, count) = self.aside.get();
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(if aside.is_empty() {
                what.to_owned()
            } else {
                format!("{what}, {aside} {count}")
            });
        } else {
            let aside = if aside.is_empty() { String::new() } else { format!(", {aside}: {count}") };
            eprintln!("{what}: {done} of {all}{aside}");
        }
    }

    /// Says something that stays.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// Lets something happen at most once in a while.
struct Pace {
    every: Duration,
    last: Cell<Option<Instant>>,
}

impl Pace {
    fn new(every: Duration) -> Self {
        Self { every, last: Cell::new(None) }
    }

    /// Whether it may happen now; if so, it has.
    fn take(&self, now: Instant) -> bool {
        let is_due = self.last.get().is_none_or(|last| now.saturating_duration_since(last) >= self.every);
        if is_due {
            self.last.set(Some(now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_at_most_ten_times_a_second_however_often_it_is_told() {
        let pace = Pace::new(DRAW_EVERY);
        let start = Instant::now();
        let draws =
            (0..100_000_u64).filter(|tick| pace.take(start + Duration::from_micros(tick * 20))).count();
        assert_eq!(draws, 20, "in two seconds");
    }
}
