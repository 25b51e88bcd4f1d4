//! Where the log is kept, and the keys of the people store.

use serde::{Deserialize, Serialize};

/// The log of everything that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// Directory of segments, the state store, the lock and the people store; relative to where the hub is started.
    pub directory: String,
    /// Size of one segment. Bytes; 1_048_576..=4_294_967_296.
    pub segment_bytes: u64,
    /// Free bytes on the log's disk below which the operator is warned; 0..=1_125_899_906_842_624, 0: never.
    pub disk_warn_bytes: u64,
    /// Free bytes on the log's disk below which requests are refused as `busy`; at most `disk_warn_bytes`, 0: never.
    pub disk_refuse_bytes: u64,
    /// Records between two commits of the state store, at most one a second; 1_000..=200_000. More: fewer syncs of the disk,
    /// more memory, a longer start.
    pub store_every_records: u64,
    /// File with the secret that seals the seeds of rounds not yet revealed; empty: `HUB_SEED_SECRET`.
    pub seed_secret_file: String,
}

/// Copies of full segments of the log elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Archiving {
    /// A directory, `file:///directory`, or `s3://bucket/prefix` in a build with the feature `s3`; empty: no archive.
    pub to: String,
    /// Whether archived segments are removed from the log.
    pub remove: bool,
    /// Length of the newest full segments that are kept in any case. Bytes; 0..=1_125_899_906_842_624.
    pub keep_bytes: u64,
}

/// The read model: the log as tables of SQL, for lists, reports and dashboards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadModelOptions {
    /// Whether it is kept, in the directory `read-model` beside the log.
    pub on: bool,
}

impl Default for ReadModelOptions {
    fn default() -> Self {
        Self { on: true }
    }
}

impl Default for Archiving {
    fn default() -> Self {
        Self { to: String::new(), remove: false, keep_bytes: 1 << 30 }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            directory: "data".into(),
            segment_bytes: 64 * 1024 * 1024,
            disk_warn_bytes: 2 << 30,
            disk_refuse_bytes: 256 << 20,
            store_every_records: 16_384,
            seed_secret_file: String::new(),
        }
    }
}

/// The keys of the people store, which is beside the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleKeys {
    /// File with the master key; empty: `HUB_PEOPLE_KEY`.
    pub key_file: String,
    /// File with the master key that `hub person rotate-key` replaces; empty: `HUB_PEOPLE_KEY_OLD`.
    pub old_key_file: String,
}
