//! Checks what types cannot say: bounds, values that must agree with one another, and what production demands.

use std::{collections::HashSet, fmt::Display, ops::RangeInclusive, sync::Arc};

use channels::OWNED_NAMESPACES;
use protocol::{Amount, Currency, TableId};

use super::{
    Catalogue, Config, KindLimit, Mode, Publisher, Table, TableOptions,
    problem::{Problem, choice},
    tables::ANY_KIND,
    tree::Node,
};

/// The least that production takes from when a looser limit is asked for until it can be confirmed.
const LOOSENING_HOURS_MIN: u32 = 24;

/// Most tables of one hub.
const TABLES_MAX: usize = 1_000_000;

/// Checks `config`; returns the tables to open, of which there may be too few when problems were found.
pub(super) fn validate(
    config: &Config,
    layers: &Node,
    catalogue: Catalogue<'_>,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Vec<Table> {
    let mut check = Check { layers, problems };
    bounds(config, &mut check);
    agreement(config, &mut check);
    admin(config, &mut check, notes);
    names(config, &mut check);
    currencies(config, &mut check);
    super::served::problems(config).for_each(|(key, what)| check.refuse(&key, what));
    config.balance.problems(&config.currencies).into_iter().for_each(|(key, what)| check.refuse(&key, what));
    super::approvals::problems(config).into_iter().for_each(|(key, what)| check.refuse(&key, what));
    super::pace::problems(config).for_each(|(key, what)| check.refuse(&key, what));
    let tables = tables(config, catalogue, &mut check);
    demo(config, &mut check);
    match config.mode {
        Mode::Development => development(config, notes),
        Mode::Production => production(config, &mut check, notes),
    }
    tables
}

/// Notes problems at the place of the option they concern.
pub(super) struct Check<'a> {
    pub(super) layers: &'a Node,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    /// Notes a problem with the option's place and value.
    pub(super) fn refuse(&mut self, key: &str, what: impl Into<String>) {
        self.note(key, true, what.into());
    }

    /// Notes a problem with the option's place alone: its value says nothing, or is not the cause.
    pub(super) fn refuse_unseen(&mut self, key: &str, what: impl Into<String>) {
        self.note(key, false, what.into());
    }

    /// Notes one problem for each option: a second one may only follow from the first.
    fn note(&mut self, key: &str, show: bool, what: String) {
        let told = |problem: &Problem| {
            let rest = key.strip_prefix(problem.key.as_str()).filter(|_| !problem.key.is_empty());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if self.problems.iter().any(told) {
            return;
        }
        // A list from a variable is one text: then the whole list is shown.
        let list = key.rsplit_once('[').map_or(key, |(list, _)| list);
        let (key, node) = match (self.layers.find(key), self.layers.find(list)) {
            (None, Some(node)) => (list, Some(node)),
            (node, _) => (key, node),
        };
        self.problems.push(Problem {
            origin: node.map(|node| node.origin.clone()),
            key: key.to_owned(),
            value: node.filter(|_| show).map(Node::spelled),
            what,
        });
    }

    pub(super) fn within<N: PartialOrd + Display>(&mut self, key: &str, value: N, range: RangeInclusive<N>) {
        if !range.contains(&value) {
            self.refuse(key, format!("must be from {} to {}", range.start(), range.end()));
        }
    }
}

fn bounds(config: &Config, check: &mut Check<'_>) {
    let Config { server, socket, rate, channels, journal, .. } = config;
    check.within("server.workers", server.workers, 0..=256);
    check.within("server.connections_max", server.connections_max, 1..=1_000_000);
    check.within("server.connections_per_address_max", server.connections_per_address_max, 1..=1_000_000);
    check.within("server.drain_seconds", server.drain_seconds, 0..=300);
    check.within("socket.frame_bytes_max", socket.frame_bytes_max, 1024..=protocol::FRAME_BYTES_MAX);
    check.within("socket.message_bytes_max", socket.message_bytes_max, 1024..=65_536);
    check.within("socket.queue_bytes_max", socket.queue_bytes_max, 65_536..=16_777_216);
    check.within("socket.queue_soft_bytes", socket.queue_soft_bytes, 1024..=16_777_216);
    check.within("socket.stall_ms_max", socket.stall_ms_max, 1_000..=120_000);
    check.within("socket.ping_every_ms", socket.ping_every_ms, 1_000..=300_000);
    check.within("socket.pong_within_ms", socket.pong_within_ms, 500..=300_000);
    check.within("socket.hello_within_ms", socket.hello_within_ms, 100..=60_000);
    check.within("socket.close_within_ms", socket.close_within_ms, 100..=30_000);
    if socket.send_buffer_bytes != 0 {
        check.within("socket.send_buffer_bytes", socket.send_buffer_bytes, 4_096..=4_194_304);
    }
    rate.bounds().for_each(|(key, value, range)| check.within(key, value, range));
    config.limits.bounds().into_iter().for_each(|(key, value, range)| check.within(key, value, range));
    // Which time it is matters to its offsets, and not to whether there is such a zone.
    if let Err(error) = config.limits.rules(0) {
        check.refuse("limits.time_zone", error.to_string());
    }
    // clause: gli19.a.3.7.loosening
    if config.mode == Mode::Production && config.limits.loosening_hours < LOOSENING_HOURS_MIN {
        check.refuse(
            "limits.loosening_hours",
            format!("must be at least {LOOSENING_HOURS_MIN} in production"),
        );
    }
    config.protection.bounds().into_iter().for_each(|(key, value, range)| check.within(key, value, range));
    config.adjustment.bounds().into_iter().for_each(|(key, value, range)| check.within(key, value, range));
    check.within("auth.leeway_seconds", config.auth.leeway_seconds, 0..=30);
    check.within("auth.token_lifetime_max_seconds", config.auth.token_lifetime_max_seconds, 60..=31_536_000);
    check.within("auth.jwks_refresh_seconds", config.auth.jwks_refresh_seconds, 10..=86_400);
    check.within("demo.players_max", config.demo.players_max, 1..=10_000_000);
    check.within("demo.token_seconds", config.demo.token_seconds, 60..=2_592_000);
    check.within("channels.payload_bytes_max", channels.payload_bytes_max, 256..=65_536);
    check.within(
        "channels.subscriptions_per_session_max",
        channels.subscriptions_per_session_max,
        1..=10_000,
    );
    check.within(
        "channels.subscriptions_per_player_max",
        channels.subscriptions_per_player_max,
        1..=1_000_000,
    );
    check.within("channels.channels_max", channels.channels_max, 16..=10_000_000);
    let bytes = 1_048_576..=68_719_476_736;
    check.within("channels.history_bytes_max", channels.history_bytes_max as u64, bytes.clone());
    check.within("channels.waiting_bytes_max", channels.waiting_bytes_max, bytes);
    let of_one = channels.history_bytes_per_channel_max;
    check.within("channels.history_bytes_per_channel_max", of_one, 131_072..=1_073_741_824);
    check.within("journal.segment_bytes", journal.segment_bytes, 1_048_576..=4_294_967_296);
    check.within("journal.disk_warn_bytes", journal.disk_warn_bytes, 0..=1 << 50);
    check.within("journal.store_every_records", journal.store_every_records, 1_000..=200_000);
    check.within("archive.keep_bytes", config.archive.keep_bytes, 0..=1 << 50);
    for (name, namespace) in &channels.namespaces {
        let key = |option| format!("channels.namespaces.{name}.{option}");
        check.within(&key("history_size"), namespace.history_size, 0..=10_000);
        check.within(&key("history_age_ms"), namespace.history_age_ms, 0..=86_400_000);
    }
}

fn agreement(config: &Config, check: &mut Check<'_>) {
    let Config { socket, rate, channels, .. } = config;
    let mut at_most = |key: &str, small: usize, other: &str, large: usize| {
        if small > large {
            check.refuse(key, format!("must not be above {other}, which is {large}"));
        }
    };
    at_most(
        "socket.frame_bytes_max",
        socket.frame_bytes_max,
        "socket.message_bytes_max",
        socket.message_bytes_max,
    );
    at_most(
        "socket.queue_soft_bytes",
        socket.queue_soft_bytes,
        "socket.queue_bytes_max",
        socket.queue_bytes_max,
    );
    let (pong, ping) = (socket.pong_within_ms as usize, socket.ping_every_ms as usize);
    at_most("socket.pong_within_ms", pong, "socket.ping_every_ms", ping);
    let (demo, any) = (config.demo.token_seconds as usize, config.auth.token_lifetime_max_seconds as usize);
    at_most("demo.token_seconds", demo, "auth.token_lifetime_max_seconds", any);
    let protection = &config.protection;
    let (time_out, exclusion) =
        (protection.time_out_days_max as usize, protection.self_exclusion_days_min as usize);
    at_most("protection.time_out_days_max", time_out, "protection.self_exclusion_days_min", exclusion);
    let (session, hub) = (rate.in_flight_per_session as usize, rate.in_flight_max as usize);
    at_most("rate.in_flight_per_session", session, "rate.in_flight_max", hub);
    let (refuse, warn) = (config.journal.disk_refuse_bytes as usize, config.journal.disk_warn_bytes as usize);
    at_most("journal.disk_refuse_bytes", refuse, "journal.disk_warn_bytes", warn);
    let (one, all) = (channels.history_bytes_per_channel_max, channels.history_bytes_max);
    at_most("channels.history_bytes_per_channel_max", one, "channels.history_bytes_max", all);
    // A session must be able to queue a few publications, or the first large one closes it.
    let (payload, quarter) = (channels.payload_bytes_max, socket.queue_bytes_max / 4);
    at_most("channels.payload_bytes_max", payload, "a quarter of socket.queue_bytes_max", quarter);
}

fn names(config: &Config, check: &mut Check<'_>) {
    for (key, name) in [("auth.issuer", &config.auth.issuer), ("auth.audience", &config.auth.audience)] {
        if !is_issuer(name) {
            check.refuse(key, ISSUER_WANTED);
        }
    }
    if config.archive.remove && config.archive.to.is_empty() {
        check.refuse("archive.remove", "needs archive.to: nothing is removed that is not archived");
    }
    if !config.archive.to.is_empty()
        && let Err(error) = archive::Archive::check(&config.archive.to)
    {
        let why = match error {
            archive::Error::Target { why, .. } => why,
            other => other.to_string(),
        };
        check.refuse("archive.to", why);
    }
    if config.journal.directory.is_empty() {
        check.refuse("journal.directory", "must name a directory");
    }
    if let Err(error) = config.telemetry.filter() {
        let what =
            format!("{error}; allowed: off, error, warn, info, debug, trace, or by part: \"info,hub=debug\"");
        check.refuse("telemetry.log", what);
    }
    if !config.server.public_url.is_empty() && !is_origin(&config.server.public_url) {
        check.refuse("server.public_url", ORIGIN_WANTED);
    }
    for (index, origin) in config.server.allowed_origins.iter().enumerate() {
        if origin != "*" && !is_origin(origin) {
            check.refuse(&format!("server.allowed_origins[{index}]"), ORIGIN_WANTED);
        }
    }
    for (index, name) in config.server.allowed_hosts.iter().enumerate() {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name != "*" && (name.is_empty() || !name.bytes().all(legal)) {
            let wanted = "must be a host's name without scheme and port, such as \"hub.internal\", or \"*\"";
            check.refuse(&format!("server.allowed_hosts[{index}]"), wanted);
        }
    }
    for (name, namespace) in &config.channels.namespaces {
        let key = format!("channels.namespaces.{name}");
        let legal =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        if name.is_empty() || name.len() > 32 || !name.bytes().all(legal) {
            check.refuse(&key, "a namespace is 1 to 32 lower-case letters, digits, '_' or '-'");
        }
        if OWNED_NAMESPACES.contains(&name.as_str()) && namespace.publish != Publisher::Hub {
            check.refuse(&format!("{key}.publish"), "only the hub publishes here; allowed: hub");
        }
    }
    for name in OWNED_NAMESPACES {
        if !config.channels.namespaces.contains_key(name) {
            check.refuse(&format!("channels.namespaces.{name}"), "the hub's own namespace cannot be missing");
        }
    }
}

/// What [`is_issuer`] wants.
pub(super) const ISSUER_WANTED: &str = "must have 1 to 256 bytes and no control characters";

/// Whether a text may be the name of an issuer or an audience. No control characters: messages show the name.
pub(super) fn is_issuer(name: &str) -> bool {
    !name.is_empty() && name.len() <= engine::ISSUER_BYTES_MAX && !name.chars().any(char::is_control)
}

const ORIGIN_WANTED: &str = "must be a scheme and a host, lower-case and without a path, such as \
                             \"https://play.example.com\"";

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(legal))
}

fn currencies(config: &Config, check: &mut Check<'_>) {
    let mut seen = HashSet::new();
    for (index, currency) in config.currencies.iter().enumerate() {
        check.within(&format!("currencies[{index}].scale"), currency.scale, 0..=protocol::amount::SCALE_MAX);
        if !seen.insert(currency.code) {
            check.refuse(&format!("currencies[{index}].code"), "this currency is listed twice");
        }
    }
    if config.currencies.is_empty() {
        check.refuse("currencies", "at least one is needed");
    }
}

/// The decimals of a currency, or a problem at `key`.
fn scale(config: &Config, key: &str, currency: Currency, check: &mut Check<'_>) -> Option<u32> {
    let found = config.currencies.iter().find(|known| known.code == currency);
    if found.is_none() {
        let known: Vec<_> = config.currencies.iter().map(|known| known.code.to_string()).collect();
        check.refuse(key, format!("not one of the currencies; allowed: {}", known.join(", ")));
    }
    found.map(|currency| currency.scale)
}

/// An amount above zero in minor units, or a problem at `key`.
fn positive(key: &str, amount: Amount, scale: u32, check: &mut Check<'_>) -> Option<i128> {
    match amount.to_minor(scale) {
        Ok(0) => check.refuse(key, "must be above zero"),
        Ok(minor) => return Some(minor),
        Err(error) => check.refuse(key, error.to_string()),
    }
    None
}

fn tables(config: &Config, catalogue: Catalogue<'_>, check: &mut Check<'_>) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut ids = HashSet::new();
    for (index, options) in config.tables.iter().enumerate() {
        let at = |option: &str| format!("tables[{index}].{option}");
        check.within(&at("copies"), options.copies, 1..=1_000_000);
        check.within(&at("seats_max"), options.seats_max, 1..=10_000);
        check.within(&at("spectators_max"), options.spectators_max, 0..=1_000_000);
        check.within(&at("betting_ms"), options.betting_ms, 100..=3_600_000);
        check.within(&at("locked_ms"), options.locked_ms, 0..=600_000);
        check.within(&at("pause_ms"), options.pause_ms, 0..=600_000);
        if options.name.is_empty() || options.name.len() > 64 || options.name.chars().any(char::is_control) {
            check.refuse(&at("name"), "must have 1 to 64 bytes and no control characters");
        }
        if tables.len() + options.copies as usize > TABLES_MAX {
            check.refuse(&at("copies"), format!("more than {TABLES_MAX} tables in all"));
            continue;
        }
        let Some(first) = table(config, options, &at, catalogue, check) else { continue };
        for number in 1..=options.copies {
            let Some((id, name)) = numbered(options, number) else {
                check.refuse(&at("id"), "too long for the number each copy adds; at most 23 bytes with it");
                break;
            };
            if !ids.insert(id) {
                check.refuse(&at("id"), format!("there is another table \"{id}\""));
                break;
            }
            tables.push(Table { id, name, ..first.clone() });
        }
    }
    tables
}

/// The id and name of a copy; a single table keeps its own.
fn numbered(options: &TableOptions, number: u32) -> Option<(TableId, String)> {
    if options.copies == 1 {
        return Some((options.id, options.name.clone()));
    }
    let id = format!("{}-{number}", options.id).parse().ok()?;
    Some((id, format!("{} {number}", options.name)))
}

fn table(
    config: &Config,
    options: &TableOptions,
    at: &dyn Fn(&str) -> String,
    catalogue: Catalogue<'_>,
    check: &mut Check<'_>,
) -> Option<Table> {
    let game = catalogue.iter().find(|(name, ..)| *name == options.game);
    if game.is_none() {
        let known: Vec<_> = catalogue.iter().map(|(name, ..)| *name).collect();
        check.refuse(&at("game"), format!("no such game; {}", choice(&options.game, &known)));
    }
    let scale = scale(config, &at("currency"), options.currency, check);
    let (&(game, rules_version, kinds), scale) = (game?, scale?);
    let player_round_max = positive(&at("player_round_max"), options.player_round_max, scale, check);
    let limits = limits(options, at, kinds, scale, check);
    Some(Table {
        id: options.id,
        name: options.name.clone(),
        game,
        rules_version,
        currency: options.currency,
        scale,
        seats_max: options.seats_max,
        spectators_max: options.spectators_max,
        betting_ms: options.betting_ms,
        locked_ms: options.locked_ms,
        pause_ms: options.pause_ms,
        player_round_max: player_round_max?,
        limits: limits?,
    })
}

fn limits(
    options: &TableOptions,
    at: &dyn Fn(&str) -> String,
    kinds: &'static [&'static str],
    scale: u32,
    check: &mut Check<'_>,
) -> Option<Arc<[KindLimit]>> {
    let problems = check.problems.len();
    let mut checked = std::collections::BTreeMap::new();
    for (kind, limit) in &options.limits {
        let key = at(&format!("limits.{kind}"));
        if kind != ANY_KIND && !kinds.contains(&kind.as_str()) {
            let known: Vec<_> = kinds.iter().copied().chain([ANY_KIND]).collect();
            check.refuse(&key, format!("{} has no such bet kind; {}", options.game, choice(kind, &known)));
            continue;
        }
        let min = positive(&format!("{key}.min"), limit.min, scale, check);
        let max = positive(&format!("{key}.max"), limit.max, scale, check);
        let (Some(min), Some(max)) = (min, max) else { continue };
        if min > max {
            check.refuse(&format!("{key}.min"), format!("must not be above max, which is {}", limit.max));
        }
        if limit.min > options.player_round_max {
            check.refuse(&format!("{key}.min"), "above player_round_max: nobody could place this bet");
        }
        checked.insert(kind.as_str(), (min, max));
    }
    let of_kind = |kind: &&'static str| {
        let (min, max) = checked.get(kind).or_else(|| checked.get(ANY_KIND)).copied()?;
        Some(KindLimit { kind, min, max })
    };
    let all: Option<Arc<[KindLimit]>> = kinds.iter().map(of_kind).collect();
    if all.is_none() && check.problems.len() == problems {
        let missing: Vec<_> = kinds.iter().copied().filter(|kind| of_kind(kind).is_none()).collect();
        let what = format!("no limits for {}; add them, or \"{ANY_KIND}\" for all", missing.join(", "));
        check.refuse(&at("limits"), what);
    }
    all
}

fn demo(config: &Config, check: &mut Check<'_>) {
    if config.demo.enabled
        && let Some(scale) = scale(config, "demo.currency", config.demo.currency, check)
    {
        let deposit = positive("demo.deposit", config.demo.deposit, scale, check);
        let rules = config.balance.rules(&config.currencies);
        let rule = rules.iter().find(|rule| rule.currency == config.demo.currency);
        let bounds = rule.into_iter().flat_map(|rule| [("most", rule.most), ("credit_max", rule.credit_max)]);
        for (option, bound) in bounds {
            if deposit.zip(bound).is_some_and(|(deposit, bound)| deposit > bound) {
                check.refuse("demo.deposit", format!("above {option} of its currency in balance.rules"));
            }
        }
    }
}

fn admin(config: &Config, check: &mut Check<'_>, notes: &mut Vec<String>) {
    let Config { admin, server, .. } = config;
    if !admin.enabled {
        if !server.metrics {
            notes.push("admin.enabled and server.metrics are off: the hub shows its figures nowhere".into());
        }
        return;
    }
    if !admin.listen.ip().is_loopback() && !admin.remote {
        let what = "other machines would read health and figures without a password: listen on 127.0.0.1, or set \
                    admin.remote = true where only your own network reaches the port";
        check.refuse("admin.listen", what);
    }
    if admin.listen == server.listen && admin.listen.port() != 0 {
        check.refuse("admin.listen", "is the address of server.listen; the admin server needs its own port");
    }
}

fn development(config: &Config, notes: &mut Vec<String>) {
    if config.demo.enabled && !config.server.listen.ip().is_loopback() {
        notes.push(format!(
            "development mode listens on {}: anyone who reaches this machine can play with demo money",
            config.server.listen
        ));
    }
}

fn production(config: &Config, check: &mut Check<'_>, notes: &mut Vec<String>) {
    if config.demo.enabled {
        check.refuse(
            "demo.enabled",
            "production hands out no money; set it to false, as production.toml does",
        );
    }
    let remedy = "name the sites that may open a socket, such as [\"https://play.example.com\"], or set \
                  HUB__SERVER__ALLOWED_ORIGINS";
    if config.server.allowed_origins.is_empty() {
        check.refuse("server.allowed_origins", format!("production needs at least one: {remedy}"));
    }
    for (index, origin) in config.server.allowed_origins.iter().enumerate() {
        if origin == "*" {
            let what = format!("production does not open to every site: {remedy}");
            check.refuse(&format!("server.allowed_origins[{index}]"), what);
        } else if origin.starts_with("http://") {
            notes.push(format!(
                "the origin {origin} is not encrypted: tokens and bets can be read on the way"
            ));
        }
    }
}
