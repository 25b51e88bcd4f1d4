//! The figures of the parts, read at one moment, and the collector that shows them at a scrape.

use std::{fmt, sync::Arc};

use channels::Counters;
use parking_lot::Mutex;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, registry::Unit};
use socket::Stats;

use super::families::{Families, Family};
use crate::{archive::ArchiveFigures, monitoring::counters::AlertFigures};

/// The figures of every part at one moment.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The requests and connections that are let in, and those that are not.
    pub door: DoorFigures,
    /// The log and what follows it.
    pub log: LogFigures,
    /// The workers' sockets.
    pub sockets: SocketFigures,
    /// The channels; none when they did not answer in time.
    pub channels: Option<ChannelFigures>,
}

/// The requests and connections that are let in, and those that are not.
#[derive(Debug, Clone, Default)]
pub struct DoorFigures {
    /// Requests between admission and reply.
    pub in_flight: u64,
    /// Requests refused for lack of room.
    pub busy: u64,
    /// Requests refused because a player was above the rate.
    pub rate_limited: u64,
    /// Connections turned away: the address had too many.
    pub connections_too_many: u64,
    /// Connections turned away: the address makes them too fast.
    pub connections_too_fast: u64,
    /// HTTP requests refused before any page: no HTTP.
    pub http_unreadable: u64,
    /// The same: for another host.
    pub http_misdirected: u64,
    /// The same: a header twice, or a body where none belongs.
    pub http_malformed: u64,
    /// The same: too often.
    pub http_too_fast: u64,
    /// Requests to the API above a limit of their caller, by what is limited.
    pub api_rate_limited: Vec<(&'static str, u64)>,
    /// The time since the keys of each issuer were last found as they are used, the longest. Seconds.
    pub issuer_keys_age_s: u64,
    /// How often keys of an issuer could not be read.
    pub issuer_keys_failures: u64,
    /// People with an id.
    pub people: u64,
    /// Whether new people are enrolled.
    pub enrols: bool,
    /// How often the checks of health have asked all parts.
    pub parts_asked: u64,
    /// Requests of services and operators without a token that is known.
    pub api_unauthorized: u64,
    /// What is counted of the alerts.
    pub alerts: AlertFigures,
}

/// The log and what follows it.
#[derive(Debug, Clone, Default)]
pub struct LogFigures {
    /// Whether records are taken.
    pub ready: bool,
    /// The last record on disk.
    pub durable_lsn: u64,
    /// Free on the log's disk, bytes; 0 when it is not known.
    pub disk_free: u64,
    /// What the writer has done.
    pub written: journal::Stats,
    /// The last record of the state store's copy of the state.
    pub store_applied_lsn: u64,
    /// The last record that the state store stands for.
    pub store_lsn: u64,
    /// The followers, by name.
    pub followers: Vec<(&'static str, FollowerFigures)>,
    /// The tables of SQL.
    pub read_model: ReadModelFigures,
    /// What the archiver has done.
    pub archived: ArchiveFigures,
    /// Publications a worker was too slow to take.
    pub dropped: u64,
    /// Publications that wait for a worker, bytes.
    pub waiting_bytes: u64,
}

/// Where a follower of the log stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct FollowerFigures {
    /// Durable records that it has not taken.
    pub lag: u64,
    /// For how long there have been such records. Milliseconds.
    pub age_ms: u64,
    /// How often it has panicked.
    pub panics: u64,
}

/// The tables of SQL.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadModelFigures {
    /// The last record that is in them; 0 when none are kept.
    pub lsn: u64,
    /// Whether they are being built, and not read yet.
    pub builds: bool,
    /// Length of the file.
    pub bytes: u64,
    /// Length of its WAL file.
    pub wal_bytes: u64,
}

/// The sockets of all workers.
#[derive(Debug, Clone, Default)]
pub struct SocketFigures {
    /// Workers that answered in time; of the others the last known figures stand.
    pub answering: u64,
    /// The sum over all workers.
    pub sum: Stats,
}

/// The channels.
#[derive(Debug, Clone, Default)]
pub struct ChannelFigures {
    /// Whether the backplane is up.
    pub up: bool,
    /// What it has counted.
    pub counters: Counters,
}

/// Shows the newest figures of the parts at every scrape.
#[derive(Debug, Clone, Default)]
pub struct PartsCollector(pub Arc<Mutex<Parts>>);

impl Collector for PartsCollector {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let Parts { door, log, sockets, channels } = self.0.lock().clone();
        let mut families = Families(encoder);
        door.encode(&mut families)?;
        log.encode(&mut families)?;
        sockets.encode(&mut families)?;
        channels.map_or(Ok(()), |channels| channels.encode(&mut families))
    }
}

impl DoorFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        to.gauge(
            Family::of("hub_requests_in_flight", "Requests between admission and reply"),
            self.in_flight,
        )?;
        to.counter(Family::of("hub_requests_busy", "Requests answered busy"), self.busy)?;
        let family = Family::of("hub_requests_rate_limited", "Requests above the rate of their player");
        to.counter(family, self.rate_limited)?;
        let family = Family::of(
            "hub_connections_turned_away",
            "Connections and demo sign-ins refused by the limits of their address, by reason",
        );
        let reasons = [("too_many", self.connections_too_many), ("too_fast", self.connections_too_fast)];
        to.by_reason(family, &reasons)?;
        let family =
            Family::of("hub_http_refused", "HTTP requests refused before any page was asked, by reason");
        let reasons = [
            ("unreadable", self.http_unreadable),
            ("misdirected", self.http_misdirected),
            ("malformed", self.http_malformed),
            ("too_fast", self.http_too_fast),
        ];
        to.by_reason(family, &reasons)?;
        let family =
            Family::of("hub_api_rate_limited", "Requests to the API above a limit of their caller, by limit");
        to.counters(family, "limit", &self.api_rate_limited)?;
        let family = Family {
            name: "hub_issuer_keys_age",
            unit: Some(Unit::Seconds),
            help: "Time since the keys of each issuer were found as they are used, the longest; 0 when none are published",
        };
        to.gauge(family, self.issuer_keys_age_s)?;
        let family =
            Family::of("hub_issuer_keys_failures", "Attempts to read the keys of an issuer that have failed");
        to.counter(family, self.issuer_keys_failures)?;
        to.gauge(
            Family::of("hub_people", "People with a player id, whether they have played or not"),
            self.people,
        )?;
        to.gauge(
            Family::of("hub_people_ready", "Whether new people are enrolled, 1 or 0"),
            self.enrols.into(),
        )?;
        let family = Family::of(
            "hub_health_asked",
            "How often the checks of health have asked all parts, the money thread among them",
        );
        to.counter(family, self.parts_asked)?;
        let family = Family::of(
            "hub_api_unauthorized",
            "Requests of services and operators without a token that is known",
        );
        to.counter(family, self.api_unauthorized)?;
        self.alerts.encode(to)
    }
}

impl AlertFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        let family = Family::of("hub_alerts_active", "Alerts that there are now, by severity");
        to.gauges(family, "severity", &[("warning", self.warnings), ("critical", self.critical)])?;
        to.counter(
            Family::of("hub_alerts_told", "Alerts told in log messages, each change of one"),
            self.told,
        )?;
        to.counter(Family::of("hub_alerts_posted", "Alerts that the webhook has taken"), self.posted)?;
        let family = Family::of("hub_alerts_not_posted", "Alerts that the webhook has not taken");
        to.counter(family, self.not_posted)
    }
}

impl LogFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        let written = &self.written;
        to.gauge(
            Family::of("hub_journal_ready", "Whether the log takes records, 1 or 0"),
            self.ready.into(),
        )?;
        to.gauge(Family::of("hub_journal_durable_lsn", "The last record on disk"), self.durable_lsn)?;
        to.counter(
            Family::of("hub_journal_batches", "Batches written, each with one sync"),
            written.batches,
        )?;
        to.counter(Family::of("hub_journal_records", "Records written"), written.records)?;
        to.counter(Family::bytes("hub_journal", "Bytes written, padding included"), written.bytes)?;
        let family = Family::bytes(
            "hub_journal_disk_free",
            "Bytes that are free on the log's disk, as of the last second; 0 when it is not known",
        );
        to.gauge(family, self.disk_free)?;
        let microseconds = || Some(Unit::Other("microseconds".to_owned()));
        let family =
            Family { unit: microseconds(), ..Family::of("hub_journal_sync", "Time spent in write and sync") };
        to.counter(family, written.sync_us_total)?;
        let family = Family::of(
            "hub_journal_sync_microseconds_max",
            "The longest write and sync since the start, microseconds",
        );
        to.gauge(family, written.sync_us_max)?;
        let family =
            Family::of("hub_store_applied_lsn", "The last record that the state store's copy has applied");
        to.gauge(family, self.store_applied_lsn)?;
        let family = Family::of("hub_store_lsn", "The last record that the state store stands for");
        to.gauge(family, self.store_lsn)?;
        self.encode_followers(to)?;
        self.read_model.encode(to)?;
        self.archived.encode(to)?;
        let family =
            Family::of("hub_publications_dropped", "Publications that a worker was too slow to take");
        to.counter(family, self.dropped)?;
        let family =
            Family::bytes("hub_publications_waiting", "Bytes of publications that wait for a worker");
        to.gauge(family, self.waiting_bytes)
    }
}

impl LogFigures {
    fn encode_followers(&self, to: &mut Families) -> fmt::Result {
        let of = |figure: fn(&FollowerFigures) -> u64| -> Vec<_> {
            self.followers.iter().map(|(name, figures)| (*name, figure(figures))).collect()
        };
        let family = Family::of("hub_follower_lag_records", "Durable records that a follower has not taken");
        to.gauges(family, "follower", &of(|figures| figures.lag))?;
        let family = Family::of(
            "hub_follower_age_milliseconds",
            "For how long there have been records that a follower has not taken, 0 when it has taken all",
        );
        to.gauges(family, "follower", &of(|figures| figures.age_ms))?;
        let family = Family::of(
            "hub_follower_panics",
            "Panics of a follower since the start, after each of which it goes on from its cursor",
        );
        to.counters(family, "follower", &of(|figures| figures.panics))
    }
}

impl ReadModelFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        let family = Family::of(
            "hub_read_model_lsn",
            "The last record that is in the read model; 0 when none is kept",
        );
        to.gauge(family, self.lsn)?;
        let family = Family::of(
            "hub_read_model_building",
            "Whether the read model is being built and not read yet, 1 or 0",
        );
        to.gauge(family, self.builds.into())?;
        to.gauge(Family::bytes("hub_read_model", "Length of the read model's file"), self.bytes)?;
        let family = Family::bytes("hub_read_model_wal", "Length of the read model's WAL file");
        to.gauge(family, self.wal_bytes)
    }
}

impl ArchiveFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        let family = Family::of("hub_archive_lsn", "The last record in the archive; 0 without one");
        to.gauge(family, self.lsn)?;
        let family =
            Family::of("hub_archive_waiting_segments", "Full segments of the log that are not archived yet");
        to.gauge(family, self.waiting)?;
        to.counter(Family::bytes("hub_archive_sent", "Bytes sent to the archive, compressed"), self.packed)?;
        let family =
            Family::of("hub_archive_failures", "Passes of the archiver that failed and are repeated");
        to.counter(family, self.failures)?;
        let family = Family::of(
            "hub_journal_first_lsn",
            "The first record that the log keeps, when it is archived; 0 without an archive",
        );
        to.gauge(family, self.first_kept)
    }
}

impl SocketFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        let sum = &self.sum;
        let family = Family::of("hub_workers_answering", "Workers that reported in time");
        to.gauge(family, self.answering)?;
        to.gauge(
            Family::of("hub_sockets_open", "WebSockets open now, including those that are closing"),
            sum.sessions as u64,
        )?;
        to.counter(Family::of("hub_sockets_opened", "Handshakes accepted"), sum.opened)?;
        to.counter(Family::of("hub_sockets_refused", "Handshakes refused"), sum.refused)?;
        let reasons = [
            ("too_slow", sum.closed_too_slow),
            ("no_pong", sum.closed_no_pong),
            ("fault", sum.closed_fault),
            ("flooding", sum.closed_flooding),
            ("panic", sum.closed_panic),
        ];
        to.by_reason(Family::of("hub_sockets_closed", "WebSockets the hub closed, by reason"), &reasons)?;
        to.counter(Family::bytes("hub_sockets_read", "Bytes from clients"), sum.read_bytes)?;
        to.counter(Family::bytes("hub_sockets_written", "Bytes to clients"), sum.written_bytes)?;
        to.counter(Family::of("hub_sockets_writes", "Write calls to the kernel"), sum.writes)?;
        let family =
            Family::of("hub_sockets_conflated", "States replaced by newer ones before they were sent");
        to.counter(family, sum.conflated)
    }
}

impl ChannelFigures {
    fn encode(&self, to: &mut Families) -> fmt::Result {
        let Counters { channels, quiet, history_bytes, delivered, gaps, resets, dropped, links_lost, .. } =
            self.counters;
        to.gauge(Family::of("hub_channels_up", "Whether the backplane works, 1 or 0"), self.up.into())?;
        to.gauge(Family::of("hub_channels_open", "Channels with a subscriber or a history"), channels)?;
        to.gauge(Family::of("hub_channels_quiet", "Channels of which only the position is kept"), quiet)?;
        let family = Family::bytes("hub_channels_history", "Bytes that histories hold");
        to.gauge(family, history_bytes)?;
        to.counter(Family::of("hub_channels_delivered", "Publications delivered in this hub"), delivered)?;
        to.counter(Family::of("hub_channels_gaps", "Gaps detected in channels"), gaps)?;
        let family =
            Family::of("hub_channels_resets", "Channels whose subscribers were told to load the state anew");
        to.counter(family, resets)?;
        let family = Family::of("hub_channels_invalid", "Messages from Redis that are no publication");
        to.counter(family, dropped.invalid + dropped.oversized)?;
        let reasons = [
            ("invalid", dropped.invalid),
            ("oversized", dropped.oversized),
            ("ambiguous", dropped.ambiguous),
            ("owned", dropped.owned),
            ("log", dropped.log),
        ];
        to.by_reason(
            Family::of("hub_channels_dropped", "Messages from Redis that were dropped, by reason"),
            &reasons,
        )?;
        to.counter(Family::of("hub_channels_links_lost", "Times a link to Redis was lost"), links_lost)
    }
}
