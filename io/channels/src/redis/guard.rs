//! Watches the hub's own namespaces in Redis, where nothing may be published. A message there is forged, or comes from
//! a hub of an older release that sends its tables through Redis.
//!
//! The receiving link subscribes to these namespaces by pattern. What arrives is counted where the connection reads it
//! and goes no further: it takes no room in the queue, so a flood of it costs the link nothing and no position is ever
//! read from it.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use redis::{PushInfo, PushKind, Value};

use super::wire::REDIS_PREFIX;
use crate::{Options, telemetry::Telemetry};

/// Longest part of a channel's name that is logged, bytes: the sender chose it.
const NAME_BYTES_MAX: usize = 128;

/// What was dropped and not reported yet. Filled by the connection's task, emptied by the backplane's thread.
#[derive(Debug, Default)]
pub(super) struct Guard {
    dropped: AtomicU64,
    /// The channel of one of them, as Redis spells it.
    example: Mutex<String>,
}

impl Guard {
    /// The patterns to subscribe to: each namespace's channel of that very name, and those behind its colon.
    pub(super) fn patterns(options: &Options) -> Vec<String> {
        let patterns = |namespace: &str| {
            [String::new(), ":*".into()].map(|rest| format!("{REDIS_PREFIX}{namespace}{rest}"))
        };
        options.local_namespaces().flat_map(patterns).collect()
    }

    /// Drops a message on one of the hub's own namespaces. Answers whether this was one.
    pub(super) fn dropped(&self, push: &PushInfo) -> bool {
        if push.kind != PushKind::PMessage {
            return false;
        }
        if self.dropped.fetch_add(1, Relaxed) == 0
            && let Some(Value::BulkString(name)) = push.data.get(1)
        {
            let name = String::from_utf8_lossy(&name[..name.len().min(NAME_BYTES_MAX)]).into_owned();
            *self.example.lock().unwrap_or_else(PoisonError::into_inner) = name;
        }
        true
    }

    /// Counts and logs what was dropped since the last call.
    pub(super) fn report(&self, telemetry: &Telemetry) {
        let count = self.dropped.swap(0, Relaxed);
        if count > 0 {
            telemetry.owned(&self.example.lock().unwrap_or_else(PoisonError::into_inner), count);
        }
    }
}
