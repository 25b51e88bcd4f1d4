//! The guard of the hub's own namespaces in Redis, where nothing may be published. A message there is forged, or comes
//! from a hub of an older release that sends the events of its tables through Redis.
//!
//! The receiving link subscribes to these namespaces by pattern. Messages are counted and dropped where the connection
//! reads them. They do not enter the queue, so a flood of them cannot break the link, and they are never decoded.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use redis::{PushInfo, PushKind, Value};

use super::wire::REDIS_PREFIX;
use crate::{Options, telemetry::Telemetry};

/// Longest part of a channel's name that is logged, bytes: the sender chooses the name.
const NAME_BYTES_MAX: usize = 128;

/// Dropped messages that are not reported yet. The connection's task adds to it, the backplane's thread reports.
#[derive(Debug, Default)]
pub(super) struct Guard {
    dropped: AtomicU64,
    /// The channel of one of them, with its name in Redis.
    example: Mutex<String>,
}

impl Guard {
    /// The patterns to subscribe to: for each namespace the channel of that name, and all names after its colon.
    pub(super) fn patterns(options: &Options) -> Vec<String> {
        let patterns = |namespace: &str| {
            [String::new(), ":*".into()].map(|rest| format!("{REDIS_PREFIX}{namespace}{rest}"))
        };
        options.local_namespaces().flat_map(patterns).collect()
    }

    /// Counts a message if it is on one of the hub's own namespaces; returns whether it is, and is to be dropped.
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

    /// Reports the messages dropped since the last call.
    pub(super) fn report(&self, telemetry: &Telemetry) {
        let count = self.dropped.swap(0, Relaxed);
        if count > 0 {
            telemetry.owned(&self.example.lock().unwrap_or_else(PoisonError::into_inner), count);
        }
    }
}
