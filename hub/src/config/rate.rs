//! How much clients may ask for, and how much of it at once.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// What a page of a list or a report counts as, in reads.
pub const LIST_READS: u32 = 10;

/// How much clients may ask for. Above it the answer is `busy` or `rate_limited` with a time to retry at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// Requests of one player, over all its sessions, in the long run. Per second; 1..=1_000_000.
    pub requests_per_second_per_player: u32,
    /// Requests one player may save up. 1..=1_000_000.
    pub requests_burst_per_player: u32,
    /// What a player's refusals that are recorded may cost, log and memory together, in the long run: 512 bytes each. Bytes
    /// per second; 1..=1_000_000_000.
    pub refused_bytes_per_second_per_player: u32,
    /// The same, saved up. Bytes; 512..=1_000_000_000.
    pub refused_bytes_burst_per_player: u32,
    /// What a player's bets that are taken back may cost, log and memory together, in the long run: 1,024 bytes each
    /// request to bet and each clearing. Bytes per second; 1..=1_000_000_000.
    pub cleared_bytes_per_second_per_player: u32,
    /// The same, saved up. Bytes; 1_024..=1_000_000_000.
    pub cleared_bytes_burst_per_player: u32,
    /// Sessions of one player at once, so that no account takes everybody's room. 1..=1_000_000.
    pub sessions_per_player_max: u32,
    /// New connections from one network address in the long run. Per second; 1..=1_000_000.
    pub connects_per_second_per_address: u32,
    /// New connections one address may save up. 1..=1_000_000.
    pub connects_burst_per_address: u32,
    /// HTTP requests from one network address in the long run, refused ones too, those of known services apart; a wrong
    /// service token counts as twenty. Per second; 1..=1_000_000.
    pub requests_per_second_per_address: u32,
    /// HTTP requests one address may save up. 1..=1_000_000.
    pub requests_burst_per_address: u32,
    /// Changes over the API of one caller in the long run, dry runs and repeated ones too. Per second; 1..=1_000_000.
    pub changes_per_second_per_caller: u32,
    /// Changes one caller may save up. 1..=1_000_000.
    pub changes_burst_per_caller: u32,
    /// Reads over the API of one caller in the long run; a page of a list and a report count as ten. Per second; 1..=1_000_000.
    pub reads_per_second_per_caller: u32,
    /// Reads one caller may save up. 10..=1_000_000.
    pub reads_burst_per_caller: u32,
    /// Dashboards that one caller may read in the long run. Per minute; 1..=1_000_000.
    pub dashboards_per_minute_per_caller: u32,
    /// Dashboards one caller may save up. 1..=1_000_000.
    pub dashboards_burst_per_caller: u32,
    /// Publications of one caller over HTTP in the long run, refused ones too. Per second; 1..=1_000_000.
    pub publications_per_second_per_caller: u32,
    /// Publications one caller may save up. 1..=1_000_000.
    pub publications_burst_per_caller: u32,
    /// Requests of one session that wait for their reply. 1..=4_096.
    pub in_flight_per_session: u32,
    /// Transactions of the whole hub between admission and reply. 64..=1_048_576.
    pub in_flight_max: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            requests_per_second_per_player: 50,
            requests_burst_per_player: 200,
            refused_bytes_per_second_per_player: 128,
            refused_bytes_burst_per_player: 262_144,
            cleared_bytes_per_second_per_player: 512,
            cleared_bytes_burst_per_player: 4_194_304,
            sessions_per_player_max: 20,
            connects_per_second_per_address: 20,
            connects_burst_per_address: 100,
            requests_per_second_per_address: 200,
            requests_burst_per_address: 1_000,
            changes_per_second_per_caller: 20_000,
            changes_burst_per_caller: 20_000,
            reads_per_second_per_caller: 20_000,
            reads_burst_per_caller: 20_000,
            dashboards_per_minute_per_caller: 100,
            dashboards_burst_per_caller: 100,
            publications_per_second_per_caller: 20_000,
            publications_burst_per_caller: 20_000,
            in_flight_per_session: 64,
            in_flight_max: 65_536,
        }
    }
}

impl Rate {
    /// Every option with its value and the values that it may have.
    pub(super) fn bounds(&self) -> impl Iterator<Item = (&'static str, u32, RangeInclusive<u32>)> {
        const ASK: RangeInclusive<u32> = 1..=1_000_000;
        const BYTES_MAX: u32 = 1_000_000_000;
        [
            ("rate.requests_per_second_per_player", self.requests_per_second_per_player, ASK),
            ("rate.requests_burst_per_player", self.requests_burst_per_player, ASK),
            (
                "rate.refused_bytes_per_second_per_player",
                self.refused_bytes_per_second_per_player,
                1..=BYTES_MAX,
            ),
            ("rate.refused_bytes_burst_per_player", self.refused_bytes_burst_per_player, 512..=BYTES_MAX),
            (
                "rate.cleared_bytes_per_second_per_player",
                self.cleared_bytes_per_second_per_player,
                1..=BYTES_MAX,
            ),
            ("rate.cleared_bytes_burst_per_player", self.cleared_bytes_burst_per_player, 1_024..=BYTES_MAX),
            ("rate.sessions_per_player_max", self.sessions_per_player_max, ASK),
            ("rate.connects_per_second_per_address", self.connects_per_second_per_address, ASK),
            ("rate.connects_burst_per_address", self.connects_burst_per_address, ASK),
            ("rate.requests_per_second_per_address", self.requests_per_second_per_address, ASK),
            ("rate.requests_burst_per_address", self.requests_burst_per_address, ASK),
            ("rate.changes_per_second_per_caller", self.changes_per_second_per_caller, ASK),
            ("rate.changes_burst_per_caller", self.changes_burst_per_caller, ASK),
            ("rate.reads_per_second_per_caller", self.reads_per_second_per_caller, ASK),
            ("rate.reads_burst_per_caller", self.reads_burst_per_caller, LIST_READS..=1_000_000),
            ("rate.dashboards_per_minute_per_caller", self.dashboards_per_minute_per_caller, ASK),
            ("rate.dashboards_burst_per_caller", self.dashboards_burst_per_caller, ASK),
            ("rate.publications_per_second_per_caller", self.publications_per_second_per_caller, ASK),
            ("rate.publications_burst_per_caller", self.publications_burst_per_caller, ASK),
            ("rate.in_flight_per_session", self.in_flight_per_session, 1..=4_096),
            ("rate.in_flight_max", self.in_flight_max, 64..=1_048_576),
        ]
        .into_iter()
    }
}
