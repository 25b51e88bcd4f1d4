//! The command `loadtest`.

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use loadtest::{
    audit::chain,
    cli::{Cli, Hub, Subcommand},
    credits, fanout, idle, old_keys,
    plan::Plan,
    report,
    run::run,
};
use serde::Serialize;

fn main() -> ExitCode {
    match execute(Cli::parse().subcommand) {
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
fn execute(subcommand: Subcommand) -> Result<bool, Box<dyn Error>> {
    match subcommand {
        Subcommand::Run { plan, hub } => {
            let json = hub.json.unwrap_or_else(|| beside(&plan));
            run(&Plan::read(&plan)?, &hub.url, Some(&json), &mut std::io::stdout())
        }
        Subcommand::Bets(bets) => {
            let json = bets.hub.json.as_deref();
            run(&bets.plan().checked()?, &bets.hub.url, json, &mut std::io::stdout())
        }
        Subcommand::Credits(flags) => {
            let result = credits::credits(&flags.options())?;
            println!("{result}");
            save(&flags.hub, &result)?;
            Ok(result.faults.total() == 0)
        }
        Subcommand::Fanout(flags) => {
            let result = fanout::fanout(flags.options())?;
            println!("{result}");
            save(&flags.hub, &result)?;
            Ok(result.lost == 0 && result.misplaced == 0)
        }
        Subcommand::Keys(keys) => {
            let result = old_keys::old_keys(&keys.options())?;
            println!("{result}");
            save(&keys.hub, &result)?;
            Ok(result.faults_total == 0)
        }
        Subcommand::Idle { connections, pid, hold, hub } => {
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
