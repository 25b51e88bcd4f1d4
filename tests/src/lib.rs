//! Support for the end-to-end tests: the real hub as a process, players with their own books, a raw socket for
//! malformed input, and clients and servers around the hub (HTTP, Redis). It knows the hub only from outside, as a
//! player and an operator do.
//!
//! Everything here panics when something is not as expected: this is test code, and a panic names the place. Every wait
//! has an end ([`PATIENCE`]); none is a blind sleep.

pub mod answer;
pub mod bettor;
pub mod contract;
pub mod fate;
pub mod files;
pub mod http;
pub mod hub;
pub mod moment;
pub mod needle;
pub mod play;
pub mod player;
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
pub mod power;
pub mod proxy;
pub mod raw;
pub mod redis;
pub mod verify;

use std::time::{Duration, Instant, SystemTime};

/// Longest wait for anything that should happen at once. Generous: the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is checked of which there is no notice.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits for something that should come soon; `what` names it in the panic when it does not.
///
/// # Panics
/// After [`PATIENCE`].
#[track_caller]
pub fn soon<T>(what: &str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(value) => value,
            Err(_) => panic!("{what} did not happen within {} s (asked at {place})", PATIENCE.as_secs()),
        }
    }
}

/// Looks again and again until `look` finds something.
///
/// # Panics
/// After [`PATIENCE`].
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} was not seen within {} s", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The number of the day in UTC, by the clock that the hub has too. What was done before and after midnight is on two days.
///
/// # Panics
/// When the clock stands before 1970.
#[must_use]
pub fn day() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("a clock of this century").as_secs() / 86_400
}
