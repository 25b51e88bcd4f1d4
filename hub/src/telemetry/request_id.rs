//! The id of one request, so that an answer to a client can be found in the logs.

use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// A request's id: different for each request of this process, and in all likelihood from those of any other process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    process: u32,
    number: u64,
}

/// Tells this process's ids from another's. The low bits of the nanosecond in which the first id was made: it needs
/// to differ, not to be a secret.
static PROCESS: LazyLock<u32> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() & u128::from(u32::MAX)) as u32
});

/// Ids given out.
static GIVEN: AtomicU64 = AtomicU64::new(0);

impl RequestId {
    /// The next id.
    #[must_use]
    pub fn next() -> Self {
        Self { process: *PROCESS, number: GIVEN.fetch_add(1, Relaxed) + 1 }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}-{}", self.process, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_requests_have_two_ids() {
        assert_ne!(RequestId::next().to_string(), RequestId::next().to_string());
    }
}
