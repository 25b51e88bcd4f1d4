//! The command `loadtest`.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Parser, Subcommand};
use loadtest::{
    arrivals::Spacing,
    audit::chain,
    fanout::{self, Server},
    fates::Required,
    idle,
    plan::{ArrivalPlan, BetPlan, Plan},
    report,
    run::run,
};
use serde::Serialize;

/// Measures a hub from outside and checks every cent.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays as a plan says, then checks the money. Exit code 1 when a check fails.
    Run {
        /// The plan, such as config/loadtest/smoke.toml.
        plan: PathBuf,
        #[command(flatten)]
        hub: Hub,
    },
    /// Finds how many bets a second a hub takes, or how fast it answers at a rate; then checks the money.
    Bets(Bets),
    /// Measures the fan-out of publications to many subscribers.
    Fanout(Fanout),
    /// Measures the memory of idle sessions.
    Idle {
        /// Sessions to hold.
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
        /// Process of the hub.
        #[arg(long)]
        pid: u32,
        /// How long to hold them. Seconds.
        #[arg(long, default_value_t = 5.0)]
        hold: f64,
        #[command(flatten)]
        hub: Hub,
    },
}

#[derive(Args)]
struct Hub {
    /// WebSocket of the hub.
    #[arg(long, default_value = "ws://127.0.0.1:7700/ws")]
    url: String,
    /// Writes the result as JSON into this file; `run` writes PLAN.report.json without it.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Bets {
    /// Bets a second, whatever the hub does.
    #[arg(long, required_unless_present = "closed")]
    rate: Option<f64>,
    /// Instead: so many bets kept under way.
    #[arg(long, conflicts_with = "rate")]
    closed: Option<usize>,
    /// Players, each with its own connection.
    #[arg(long, default_value_t = 200)]
    players: usize,
    /// Measured time. Seconds. Shorter runs see so few rounds end that the tail is a matter of luck.
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// Time before it. Seconds.
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Stake of each bet.
    #[arg(long, default_value = "0.01")]
    stake: String,
    /// How long before the end of betting a player stops. Milliseconds; 0: when it hears that betting is over.
    #[arg(long, default_value_t = 100)]
    close_margin_ms: u64,
    /// Bets one player may have under way.
    #[arg(long, default_value_t = 64)]
    in_flight_per_player: usize,
    /// Connections opened a second.
    #[arg(long, default_value_t = 500.0)]
    connects_per_second: f64,
    /// Every player follows its table's channel.
    #[arg(long)]
    follow_tables: bool,
    /// Equal gaps instead of independent arrivals.
    #[arg(long)]
    fixed: bool,
    /// Seed of all choices.
    #[arg(long)]
    seed: Option<u64>,
    /// Least share of the bets due, those between rounds and late ones apart, that must be accepted. 0 to 1.
    #[arg(long, default_value_t = Required::default().accepted_share_min)]
    accepted_share_min: f64,
    /// Largest share of the bets that may be refused as late. 0 to 1.
    #[arg(long, default_value_t = Required::default().late_share_max)]
    late_share_max: f64,
    #[command(flatten)]
    hub: Hub,
}

#[derive(Args)]
struct Fanout {
    /// Whose fan-out.
    #[arg(long, value_enum, default_value_t = Server::Hub)]
    server: Server,
    /// Process of the server.
    #[arg(long)]
    pid: u32,
    /// Sessions that listen.
    #[arg(long, default_value_t = 1_000)]
    subscribers: usize,
    /// Size of a payload. Bytes.
    #[arg(long, default_value_t = 64)]
    bytes: usize,
    /// Publications under way.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    /// Measured time. Seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Time before it. Seconds.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// Channel of the hub.
    #[arg(long, default_value = "bench:1")]
    channel: String,
    /// Token of a service that may publish.
    #[arg(long, env = "LOADTEST_PUBLISH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    hub: Hub,
}

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadtest: {}", chain(&*error));
            ExitCode::from(2)
        }
    }
}

/// Where the report of a plan goes unless a file is named: into the current directory, under the plan's name.
fn beside(plan: &Path) -> PathBuf {
    let name = plan.file_stem().unwrap_or(plan.as_os_str()).to_string_lossy();
    PathBuf::from(format!("{name}.report.json"))
}

/// Whether every check passed.
fn execute(command: Command) -> Result<bool, Box<dyn Error>> {
    match command {
        Command::Run { plan, hub } => {
            let json = hub.json.unwrap_or_else(|| beside(&plan));
            run(&Plan::read(&plan)?, &hub.url, Some(&json), &mut std::io::stdout())
        }
        Command::Bets(bets) => {
            let json = bets.hub.json.as_deref();
            run(&bets.plan().checked()?, &bets.hub.url, json, &mut std::io::stdout())
        }
        Command::Fanout(flags) => {
            let result = fanout::fanout(flags.options())?;
            println!("{result}");
            save(&flags.hub, &result)?;
            Ok(result.lost == 0 && result.misplaced == 0)
        }
        Command::Idle { connections, pid, hold, hub } => {
            let result = idle::idle(&hub.url, connections, pid, Duration::from_secs_f64(hold))?;
            println!(
                "{connections} idle sessions: {:.2} KiB each, {:.0} µs to open one, {:.3} cores while idle",
                result.kib_per_connection, result.open_microseconds, result.idle_cores
            );
            save(&hub, &result)?;
            Ok(true)
        }
    }
}

fn save(hub: &Hub, result: &impl Serialize) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &hub.json {
        report::save(path, result)?;
    }
    Ok(())
}

impl Bets {
    fn plan(&self) -> Plan {
        let defaults = Plan::default();
        Plan {
            players: self.players,
            connects_per_second: self.connects_per_second,
            seconds: self.seconds,
            warmup_seconds: self.warmup,
            follow_tables: self.follow_tables,
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
    fn options(&self) -> fanout::Options {
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
