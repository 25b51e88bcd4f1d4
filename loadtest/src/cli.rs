//! The command line of `loadtest`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser};
use protocol::Amount;

use crate::{
    arrivals::Spacing,
    credits,
    fanout::{self, Server},
    fates::Required,
    old_keys,
    plan::{ArrivalPlan, BetPlan, Plan},
};

/// Measures a hub from outside and checks every cent.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to measure.
    #[command(subcommand)]
    pub subcommand: Subcommand,
}

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Subcommand {
    /// Plays according to a plan, then checks the money. Exit code 1 when a check fails.
    #[command(after_help = "Since 0.1.")]
    Run {
        /// The plan, such as config/loadtest/smoke.toml.
        plan: PathBuf,
        /// The hub that is measured.
        #[command(flatten)]
        hub: Hub,
    },
    /// Measures how many bets a second a hub takes, or how fast it answers at a rate; then checks the money.
    #[command(after_help = "Since 0.1.")]
    Bets(Bets),
    /// Measures how many credits a second a hub takes over HTTP, or how fast it answers at a rate; then checks the money.
    #[command(after_help = "Since 0.2.")]
    Credits(Credits),
    /// Measures the fan-out of publications to many subscribers.
    #[command(after_help = "Since 0.1.")]
    Fanout(Fanout),
    /// Measures how fast the hub answers bets whose keys are old, and that each gets its first receipt again.
    #[command(after_help = "Since 0.2.")]
    Keys(OldKeys),
    /// Measures the memory of idle sessions.
    #[command(after_help = "Since 0.1.")]
    Idle {
        /// Sessions to hold.
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
        /// Process id of the hub.
        #[arg(long)]
        pid: u32,
        /// How long to hold them. Seconds.
        #[arg(long, default_value_t = 5.0)]
        hold: f64,
        /// The hub that is measured.
        #[command(flatten)]
        hub: Hub,
    },
}

/// The hub that is measured.
#[derive(Args)]
pub struct Hub {
    /// WebSocket of the hub.
    #[arg(long, default_value = "ws://127.0.0.1:7700/ws")]
    pub url: String,
    /// Writes the result as JSON into this file; without it, `run` writes PLAN.report.json.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Arguments of `bets`.
#[derive(Args)]
pub struct Bets {
    /// Bets a second, independent of the hub's answers.
    #[arg(long, required_unless_present = "closed")]
    pub rate: Option<f64>,
    /// Instead of a rate: the number of bets kept under way.
    #[arg(long, conflicts_with = "rate")]
    pub closed: Option<usize>,
    /// Players, each with its own connection.
    #[arg(long, default_value_t = 200)]
    pub players: usize,
    /// Measured time. Seconds. In shorter runs too few rounds end for a stable tail latency.
    #[arg(long, default_value_t = 30.0)]
    pub seconds: f64,
    /// Load before the measured time. Seconds.
    #[arg(long, default_value_t = 2.0)]
    pub warmup: f64,
    /// Stake of each bet.
    #[arg(long, default_value = "0.01")]
    pub stake: String,
    /// How long before the end of betting a player stops. Milliseconds; 0: when it is told that betting is over.
    #[arg(long, default_value_t = 100)]
    pub close_margin_ms: u64,
    /// Bets one player may have under way.
    #[arg(long, default_value_t = 64)]
    pub in_flight_per_player: usize,
    /// Connections opened a second.
    #[arg(long, default_value_t = 500.0)]
    pub connects_per_second: f64,
    /// Every player follows its table's channel.
    #[arg(long)]
    pub follow_tables: bool,
    /// Every player sets every limit there is, so high that none is reached.
    #[arg(long)]
    pub limits: bool,
    /// Equal gaps between bets instead of independent arrivals.
    #[arg(long)]
    pub fixed: bool,
    /// Seed of all random choices.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Least share of the bets due that must be accepted, not counting those between rounds and late ones. 0 to 1.
    #[arg(long, default_value_t = Required::default().accepted_share_min)]
    pub accepted_share_min: f64,
    /// Largest share of the bets that may be refused as late. 0 to 1.
    #[arg(long, default_value_t = Required::default().late_share_max)]
    pub late_share_max: f64,
    /// The hub that is measured.
    #[command(flatten)]
    pub hub: Hub,
}

/// Arguments of `keys`.
#[derive(Args)]
pub struct OldKeys {
    /// Players, each with its own connection.
    #[arg(long, default_value_t = 50)]
    pub players: usize,
    /// Bets placed by all players, each with a key.
    #[arg(long, default_value_t = 20_000)]
    pub keys: usize,
    /// Time between the last bet and the first that is sent again. Seconds. The hub forgets keys within about 10, and every
    /// round with a bet must have ended.
    #[arg(long, default_value_t = 20.0)]
    pub rest: f64,
    /// Bets sent again a second, independent of the hub's answers.
    #[arg(long, default_value_t = 1_000.0)]
    pub rate: f64,
    /// Measured time. Seconds.
    #[arg(long, default_value_t = 20.0)]
    pub seconds: f64,
    /// Stake of each bet.
    #[arg(long, default_value = "0.01")]
    pub stake: String,
    /// Seed of all random choices, and of the keys.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The hub that is measured.
    #[command(flatten)]
    pub hub: Hub,
}

impl OldKeys {
    /// The measurement that the arguments describe.
    #[must_use]
    pub fn options(&self) -> old_keys::Options {
        old_keys::Options {
            url: self.hub.url.clone(),
            players: self.players,
            keys: self.keys,
            rest: Duration::from_secs_f64(self.rest),
            rate: self.rate,
            length: Duration::from_secs_f64(self.seconds),
            stake: self.stake.clone(),
            seed: self.seed,
        }
    }
}

/// Arguments of `credits`.
#[derive(Args)]
pub struct Credits {
    /// Connections that stay open, each with one request under way.
    #[arg(long, default_value_t = 64)]
    pub clients: usize,
    /// Players that are credited in turn.
    #[arg(long, default_value_t = 1_000)]
    pub players: usize,
    /// Credits a second, independent of the hub's answers. Without it each connection asks again when it is answered.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Measured time. Seconds.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Amount of each credit, in the default currency of the API.
    #[arg(long, default_value = "0.01")]
    pub amount: Amount,
    /// Seed of all random choices, and of the keys.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Token of a service with balance:*, as `hub token` prints it.
    #[arg(long, env = "LOADTEST_API_TOKEN", hide_env_values = true)]
    pub token: String,
    /// The hub that is measured.
    #[command(flatten)]
    pub hub: Hub,
}

impl Credits {
    /// The measurement that the arguments describe.
    #[must_use]
    pub fn options(&self) -> credits::Options {
        credits::Options {
            url: self.hub.url.clone(),
            token: self.token.clone(),
            clients: self.clients,
            players: self.players,
            rate: self.rate,
            length: Duration::from_secs_f64(self.seconds),
            amount: self.amount,
            seed: self.seed,
        }
    }
}

/// Arguments of `fanout`.
#[derive(Args)]
pub struct Fanout {
    /// Which server is measured.
    #[arg(long, value_enum, default_value_t = Server::Hub)]
    pub server: Server,
    /// Process id of the server.
    #[arg(long)]
    pub pid: u32,
    /// Sessions that subscribe.
    #[arg(long, default_value_t = 1_000)]
    pub subscribers: usize,
    /// Size of a payload. Bytes.
    #[arg(long, default_value_t = 64)]
    pub bytes: usize,
    /// Publications under way.
    #[arg(long, default_value_t = 16)]
    pub in_flight: usize,
    /// Measured time. Seconds.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Load before the measured time. Seconds.
    #[arg(long, default_value_t = 1.0)]
    pub warmup: f64,
    /// Channel of the hub.
    #[arg(long, default_value = "bench:1")]
    pub channel: String,
    /// Token of a service that may publish.
    #[arg(long, env = "LOADTEST_PUBLISH_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The hub that is measured.
    #[command(flatten)]
    pub hub: Hub,
}

impl Bets {
    /// The plan that the arguments describe.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let defaults = Plan::default();
        Plan {
            players: self.players,
            connects_per_second: self.connects_per_second,
            seconds: self.seconds,
            warmup_seconds: self.warmup,
            follow_tables: self.follow_tables,
            limits: self.limits,
            seed: self.seed,
            arrivals: ArrivalPlan {
                rate: self.rate.unwrap_or(defaults.arrivals.rate),
                spacing: if self.fixed { Spacing::Fixed } else { Spacing::Poisson },
                closed: self.closed,
            },
            bets: BetPlan {
                stake: self.stake.clone(),
                close_margin_ms: self.close_margin_ms,
                in_flight_per_player_max: self.in_flight_per_player,
                ..defaults.bets
            },
            required: Required {
                accepted_share_min: self.accepted_share_min,
                late_share_max: self.late_share_max,
            },
            ..defaults
        }
    }
}

impl Fanout {
    /// The measurement that the arguments describe.
    #[must_use]
    pub fn options(&self) -> fanout::Options {
        fanout::Options {
            server: self.server,
            url: self.hub.url.clone(),
            pid: self.pid,
            subscribers: self.subscribers,
            bytes: self.bytes,
            in_flight: self.in_flight,
            seconds: self.seconds,
            warmup_seconds: self.warmup,
            token: self.token.clone(),
            channel: self.channel.clone(),
        }
    }
}
