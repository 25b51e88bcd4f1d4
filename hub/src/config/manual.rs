//! Every option and every variable for the manual: what is built in, and the release that brought it.

use super::{
    given::GIVEN,
    options::defaults,
    tree::{Node, Value},
};

/// Every option by the release that brought it. `NAME` and `KIND` stand for what the operator names, `[]` for each of a
/// list. A test holds it against the options there are.
const SINCE: &[(&str, &[&str])] = &[
    (
        "0.1",
        &[
            "auth.algorithm",
            "auth.audience",
            "auth.issuer",
            "auth.leeway_seconds",
            "auth.private_key_file",
            "auth.public_key_file",
            "auth.secret_file",
            "channels.channels_max",
            "channels.namespaces.NAME.history_age_ms",
            "channels.namespaces.NAME.history_size",
            "channels.namespaces.NAME.publish",
            "channels.namespaces.NAME.subscribe",
            "channels.payload_bytes_max",
            "channels.subscriptions_per_player_max",
            "channels.subscriptions_per_session_max",
            "currencies[].code",
            "currencies[].scale",
            "demo.currency",
            "demo.deposit",
            "demo.enabled",
            "demo.players_max",
            "demo.token_seconds",
            "journal.directory",
            "journal.seed_secret_file",
            "journal.segment_bytes",
            "mode",
            "publish.tokens_file",
            "rate.connects_burst_per_address",
            "rate.connects_per_second_per_address",
            "rate.in_flight_max",
            "rate.in_flight_per_session",
            "rate.requests_burst_per_player",
            "rate.requests_per_second_per_player",
            "rate.sessions_per_player_max",
            "redis.url",
            "redis.url_file",
            "server.allowed_origins",
            "server.connections_max",
            "server.connections_per_address_max",
            "server.drain_seconds",
            "server.listen",
            "server.public_url",
            "server.workers",
            "socket.close_within_ms",
            "socket.frame_bytes_max",
            "socket.hello_within_ms",
            "socket.message_bytes_max",
            "socket.ping_every_ms",
            "socket.pong_within_ms",
            "socket.queue_bytes_max",
            "socket.queue_soft_bytes",
            "socket.send_buffer_bytes",
            "socket.stall_ms_max",
            "tables[].betting_ms",
            "tables[].copies",
            "tables[].currency",
            "tables[].game",
            "tables[].id",
            "tables[].limits.KIND.max",
            "tables[].limits.KIND.min",
            "tables[].locked_ms",
            "tables[].name",
            "tables[].pause_ms",
            "tables[].player_round_max",
            "tables[].seats_max",
            "tables[].spectators_max",
            "telemetry.format",
            "telemetry.log",
        ],
    ),
    (
        "0.2",
        &[
            "archive.keep_bytes",
            "archive.remove",
            "archive.to",
            "journal.disk_refuse_bytes",
            "journal.disk_warn_bytes",
            "journal.store_every_records",
            "adjustment.approvals",
            "adjustment.bands",
            "adjustment.break_glass",
            "adjustment.limits",
            "adjustment.stands_hours",
            "balance.rules",
            "admin.enabled",
            "admin.listen",
            "admin.remote",
            "api.default_currency",
            "api.on",
            "api.reasons",
            "api.open_accounts",
            "api.roles.NAME",
            "api.services",
            "auth.jwks",
            "auth.jwks_refresh_seconds",
            "auth.token_lifetime_max_seconds",
            "channels.history_bytes_max",
            "channels.history_bytes_per_channel_max",
            "channels.waiting_bytes_max",
            "monitoring.check_every_seconds",
            "monitoring.usual_days",
            "monitoring.webhook_url",
            "monitoring.webhook_url_file",
            "monitoring.alerts.NAME.on",
            "monitoring.alerts.NAME.figure",
            "monitoring.alerts.NAME.when",
            "monitoring.alerts.NAME.warning",
            "monitoring.alerts.NAME.critical",
            "monitoring.alerts.NAME.rise_within_seconds",
            "monitoring.alerts.NAME.for_seconds",
            "monitoring.alerts.NAME.cool_down_seconds",
            "monitoring.alerts.NAME.escalate_after_seconds",
            "monitoring.weights.admission",
            "monitoring.weights.archive",
            "monitoring.weights.channels",
            "monitoring.weights.domains",
            "monitoring.weights.journal",
            "monitoring.weights.people",
            "monitoring.weights.read_model",
            "monitoring.weights.state_store",
            "monitoring.weights.tables",
            "people.key_file",
            "people.old_key_file",
            "play_sessions.pause_seconds",
            "play_sessions.reality_check_seconds",
            "play_sessions.round_start_ms_min",
            "limits.confirm_hours",
            "limits.loosening_hours",
            "limits.play_break_minutes",
            "limits.time_zone",
            "protection.cooling_off_hours",
            "protection.self_exclusion_days_min",
            "protection.time_out_days_max",
            "read_model.on",
            "rate.changes_burst_per_caller",
            "rate.changes_per_second_per_caller",
            "rate.dashboards_burst_per_caller",
            "rate.dashboards_per_minute_per_caller",
            "rate.publications_burst_per_caller",
            "rate.publications_per_second_per_caller",
            "rate.reads_burst_per_caller",
            "rate.reads_per_second_per_caller",
            "rate.cleared_bytes_burst_per_player",
            "rate.cleared_bytes_per_second_per_player",
            "rate.refused_bytes_burst_per_player",
            "rate.refused_bytes_per_second_per_player",
            "rate.requests_burst_per_address",
            "rate.requests_per_second_per_address",
            "server.allowed_hosts",
            "server.metrics",
        ],
    ),
];

/// An option as the manual shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionRow {
    /// Its full name, such as `server.listen`.
    pub name: String,
    /// What is built in, as TOML; nothing for what belongs to each of a list.
    pub default: Option<String>,
    /// The release that brought it; nothing when it is not on the list.
    pub since: Option<&'static str>,
}

/// A variable of the environment as the manual shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableRow {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub what: &'static str,
    /// The release that brought it.
    pub since: &'static str,
}

/// Every option there is, by name.
#[must_use]
pub fn options() -> Vec<OptionRow> {
    let mut rows = Vec::new();
    collect(&defaults(), "", false, &mut rows);
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    rows.dedup_by(|a, b| a.name == b.name);
    rows
}

/// Names on the list that are no options.
#[must_use]
pub fn unknown() -> Vec<&'static str> {
    let known = options();
    let listed = SINCE.iter().flat_map(|(_, names)| *names).copied();
    listed.filter(|name| known.iter().all(|row| row.name != *name)).collect()
}

/// Every variable the hub reads, those for single options in one.
#[must_use]
pub fn variables() -> Vec<VariableRow> {
    let fixed = [
        ("HUB_CONFIG", "a configuration file, like `--config`"),
        ("HUB_CONFIG_DIR", "the directory of `hub.toml`, like `--config-dir`"),
        ("HUB__SECTION__OPTION", "any option, two underscores between the parts: `HUB__SERVER__LISTEN`"),
    ];
    let fixed = fixed.map(|(name, what)| VariableRow { name, what, since: "0.1" });
    let secrets =
        GIVEN.iter().map(|given| VariableRow { name: given.variable, what: given.what, since: given.since });
    fixed.into_iter().chain(secrets).collect()
}

fn collect(node: &Node, path: &str, of_a_list: bool, rows: &mut Vec<OptionRow>) {
    match &node.value {
        Value::Table(entries) if path == "channels.namespaces" => {
            entries.values().for_each(|namespace| collect(namespace, "channels.namespaces.NAME", true, rows));
        }
        Value::Table(entries) if path == "api.roles" => {
            entries.values().for_each(|role| collect(role, "api.roles.NAME", true, rows));
        }
        Value::Table(entries) if path == "monitoring.alerts" => {
            entries.values().for_each(|alert| collect(alert, "monitoring.alerts.NAME", true, rows));
        }
        Value::Table(entries) if path == "tables[].limits" => {
            entries.values().for_each(|limit| collect(limit, "tables[].limits.KIND", true, rows));
        }
        Value::Table(entries) if !entries.is_empty() => {
            for (key, entry) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(entry, &path, of_a_list, rows);
            }
        }
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Table(_))) => {
            items.iter().for_each(|item| collect(item, &format!("{path}[]"), true, rows));
        }
        Value::Bool(_)
        | Value::Integer(_)
        | Value::Text(_)
        | Value::Raw(_)
        | Value::Other(_)
        | Value::List(_)
        // A map of names that the operator gives: empty as it is built in.
        | Value::Table(_) => rows.push(OptionRow {
            name: path.to_owned(),
            default: (!of_a_list).then(|| node.spelled()),
            since: SINCE.iter().find(|(_, names)| names.contains(&path)).map(|(since, _)| *since),
        }),
    }
}
