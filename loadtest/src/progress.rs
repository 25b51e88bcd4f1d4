//! How far a run is: a bar for a person, a line now and then for a log.

use std::{
    cell::Cell,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where no terminal is.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows progress on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    last_line: Cell<Option<Instant>>,
    aside: Cell<(&'static str, u64)>,
}

impl Progress {
    /// A bar if standard error is a terminal, lines otherwise.
    #[must_use]
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let template = "{elapsed_precise} {wide_bar:.green/dim} {pos}/{len} {msg}";
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Self { bar, last_line: Cell::new(None), aside: Cell::new(("", 0)) }
    }

    /// A figure to show beside the progress.
    pub fn say(&self, what: &'static str, count: u64) {
        self.aside.set((what, count));
    }

    /// So many of all are done.
    pub fn show(&self, what: &'static str, done: u64, all: u64) {
        let now = Instant::now();
        let (aside, count) = self.aside.get();
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(if aside.is_empty() {
                what.to_owned()
            } else {
                format!("{what}, {aside} {count}")
            });
        } else if self.last_line.get().is_none_or(|last| now - last >= LINE_EVERY) {
            self.last_line.set(Some(now));
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
