//! The moments at which something is killed: they close in on its end, so that some kills come before it and some behind it,
//! however fast the machine is.

use std::time::Duration;

/// Shortest step between two moments.
const STEP: Duration = Duration::from_millis(1);

/// The next moment to kill something at, counted from its beginning.
#[derive(Debug, Clone, Copy, Default)]
pub struct KillMoment {
    after: Duration,
    before_the_end: u32,
    behind_it: u32,
}

impl KillMoment {
    /// Waits for the moment.
    pub async fn comes(&self) {
        tokio::time::sleep(self.after).await;
    }

    /// Whether the kill came before the end of what was killed: then the next one comes later, otherwise earlier.
    pub fn was(&mut self, before_the_end: bool) {
        if before_the_end {
            self.before_the_end += 1;
            self.after += self.after / 2 + STEP;
        } else {
            self.behind_it += 1;
            self.after /= 2;
        }
    }

    /// How many kills came before the end, and how many behind it.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        (self.before_the_end, self.behind_it)
    }
}
