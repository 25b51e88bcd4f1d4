//! What the benchmarks of turns share: how long each took, by the clock and on a processor.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long the turns of one kind took.
pub struct Turns {
    by_the_clock: Vec<Duration>,
    /// Without the time in which other programs had the processor.
    on_a_processor: Vec<Duration>,
}

impl Turns {
    /// With room for so many, so that noting them takes no memory later.
    pub fn with_capacity(turns: usize) -> Self {
        // Each place is written once, so that its memory is resident from here on.
        let filled = || {
            let mut times = vec![Duration::MAX; turns];
            times.clear();
            times
        };
        Self { by_the_clock: filled(), on_a_processor: filled() }
    }

    /// Runs one turn, and notes how long it took.
    pub fn time<T>(&mut self, turn: impl FnOnce() -> T) -> T {
        let (ran, began) = (on_a_processor(), Instant::now());
        let result = turn();
        self.by_the_clock.push(began.elapsed());
        self.on_a_processor.push(on_a_processor() - ran);
        result
    }

    /// Prints the times.
    pub fn report(self, name: &str) {
        let Self { by_the_clock, on_a_processor } = self;
        for (how, mut times) in [("by the clock", by_the_clock), ("on a processor", on_a_processor)] {
            times.sort_unstable();
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
            println!(
                "  {name:<24} {how:<15} shortest {:.1?}, median {:.1?}, p99 {:.1?}, longest {:.1?}",
                at(0.0),
                at(0.5),
                at(0.99),
                at(1.0),
            );
        }
    }
}

/// How long this thread has been on a processor.
fn on_a_processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("below a second"))
}
