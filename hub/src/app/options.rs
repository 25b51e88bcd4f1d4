//! From the operator's configuration to the options of each part.

use std::{path::PathBuf, rc::Rc, sync::Arc, thread};

use actors::{
    admission::Bounds,
    budgets::{Budget, Budgets},
    clock::time_of_day_ms,
    configured::ConfiguredRules,
    currencies::Currencies,
    house::Setup,
    pubsub::MakeBackplane,
    seal::Sealer,
};
use channels::{Backplane, ConnectError, Memory, Namespace, Options, RedisBackplane};
use engine::table::live::{BetLimits, TableConfig, TableRules};
use journal::LogRecords;

use crate::{
    config::{Config, Loaded, Publisher, approval_rules},
    recovery::{Recovered, facts},
};

/// Workers for sessions: as configured, or one a core.
fn workers(configured: u16) -> u16 {
    match configured {
        0 => {
            thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX))
        }
        configured => configured,
    }
}

/// What the house is started with. `whole` has the records that were removed from the log as well, if something has.
pub fn setup(
    loaded: &Loaded,
    recovered: Recovered,
    whole: Option<Arc<dyn LogRecords>>,
    accept_clock: bool,
) -> Result<Setup, ConnectError> {
    let config = &loaded.config;
    let tables = loaded.tables.iter().map(|table| {
        let config = TableConfig {
            name: table.name.clone(),
            rules: TableRules {
                game: table.game.into(),
                rules_version: table.rules_version,
                currency: table.currency,
                scale: table.scale,
                betting_ms: table.betting_ms.into(),
                locked_ms: table.locked_ms.into(),
                pause_ms: table.pause_ms.into(),
                limits: table
                    .limits
                    .iter()
                    .map(|limit| BetLimits { stake_min: limit.min, spot_max: limit.max })
                    .collect(),
                round_max: table.player_round_max,
                seats_max: table.seats_max,
            },
            places_max: table.seats_max.saturating_add(table.spectators_max),
        };
        (table.id, Arc::new(config))
    });
    let workers = workers(config.server.workers);
    let seed_key =
        loaded.secrets.seed_key.expose().try_into().expect("the seed key is checked to be 32 bytes");
    Ok(Setup {
        log: Box::new(recovered.log),
        whole,
        facts: facts::missing(&facts::given(loaded), &recovered.people, &recovered.world.books),
        currencies: currencies(loaded).with_recorded(recovered.world.books.facts().scales()),
        world: recovered.world,
        keeper: recovered.keeper,
        unread: recovered.unread,
        accept_clock,
        workers,
        waiting_bytes_max: config.channels.waiting_bytes_max,
        table_arbiters: workers.div_ceil(2),
        budgets: Budgets {
            refused: Budget {
                bytes_per_second: config.rate.refused_bytes_per_second_per_player,
                burst_bytes: config.rate.refused_bytes_burst_per_player,
            },
            cleared: Budget {
                bytes_per_second: config.rate.cleared_bytes_per_second_per_player,
                burst_bytes: config.rate.cleared_bytes_burst_per_player,
            },
        },
        rules: configured_rules(config),
        tables: tables.collect(),
        sealer: Sealer::new(seed_key),
        backplane: backplane(loaded)?,
        commit_every: config.journal.store_every_records,
        read_model: config.read_model.on.then(|| PathBuf::from(&config.journal.directory)),
    })
}

/// The operator's rules.
///
/// # Panics
/// Never: the zone was checked with the configuration.
fn configured_rules(config: &Config) -> ConfiguredRules {
    ConfiguredRules {
        protection: config.protection.protection(),
        approval: approval_rules(config),
        sessions: config.play_sessions.rules(),
        limits: config.limits.rules(time_of_day_ms()).expect("the zone is checked with the configuration"),
        balances: config.balance.rules(&config.currencies),
    }
}

/// Bounds of the work under way.
pub fn bounds(config: &Config) -> Bounds {
    let Config { rate, channels, .. } = config;
    Bounds {
        in_flight_max: rate.in_flight_max,
        in_flight_per_session_max: rate.in_flight_per_session,
        rate_per_second: rate.requests_per_second_per_player,
        rate_burst: rate.requests_burst_per_player,
        sessions_per_player_max: rate.sessions_per_player_max,
        channels_per_player_max: channels.subscriptions_per_player_max,
    }
}

/// The operator's currencies.
fn currencies(loaded: &Loaded) -> Currencies {
    Currencies::new(loaded.config.currencies.iter().map(|currency| (currency.code, currency.scale)))
}

/// The backplane the configuration asks for: memory, or Redis when it has an address.
fn backplane(loaded: &Loaded) -> Result<MakeBackplane, ConnectError> {
    let configured = &loaded.config.channels;
    let namespaces = configured.namespaces.iter().map(|(name, namespace)| {
        let history_size = namespace.history_size as usize;
        let (history_age_ms, local) = (namespace.history_age_ms.into(), namespace.publish == Publisher::Hub);
        (name.clone(), Namespace { history_size, history_age_ms, local })
    });
    let options = Options {
        namespaces: namespaces.collect(),
        channels_max: configured.channels_max as usize,
        payload_bytes_max: configured.payload_bytes_max,
        history_bytes_max: configured.history_bytes_max,
        history_bytes_per_channel_max: configured.history_bytes_per_channel_max,
        ..Options::default()
    };
    let Some(url) = loaded.secrets.redis_url().map(str::to_owned) else {
        return Ok(Box::new(move |deliver| Rc::new(Memory::new(options, deliver)) as Rc<dyn Backplane>));
    };
    // The address is checked here, so that a wrong one is an error of the start and not of a thread.
    channels::check_url(&url)?;
    Ok(Box::new(move |deliver| {
        let backplane = RedisBackplane::connect(&url, options, deliver).expect("the address was checked");
        Rc::new(backplane) as Rc<dyn Backplane>
    }))
}
