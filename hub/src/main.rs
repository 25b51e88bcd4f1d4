//! `hub`: reads the command and the configuration, runs the command, and returns its result as the exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::SystemTime,
};

use clap::Parser;
use hub::{
    anchor, api, app, archive, backup,
    cli::{self, Cli, Subcommand},
    config::{self, Environment},
    inspect,
    recovery::Head,
    telemetry, verify,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before any file is made: data, backups and archived segments are their owner's alone, whoever starts the hub.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let (subcommand, sources) = Cli::parse().into_parts(Environment::of_process());
    let catalogue = actors::house::catalogue();
    let loaded = match config::load(&sources, &catalogue, subcommand.secret_policy()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("hub: {problems}");
            return ExitCode::from(cli::EXIT_CONFIG);
        }
    };
    let mut output = io::stdout().lock();
    let result: Result<ExitCode, Box<dyn std::error::Error>> = match subcommand {
        Subcommand::Serve { expect, accept_clock } => {
            drop(output);
            return serve(loaded, expect, accept_clock);
        }
        Subcommand::Init => cli::init(&loaded, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into),
        Subcommand::Restored => {
            cli::restored(&loaded, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::Backup { to, keys_to, bytes_per_second } => {
            let order = backup::BackupOrder { to, keys_to, speed: bytes_per_second };
            backup::make(&loaded, &order, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::Restore { from, keys_from } => {
            let order = backup::RestoreOrder { from, keys_from };
            backup::restore(&loaded, &order, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::Archive { to, remove, list, verify, fetch } => {
            let fetch = fetch.map(|into| into.map_or(archive::Fetch::Anchor, archive::Fetch::Log));
            let order = archive::Order { to, list, verify, fetch, remove };
            archive::run(&loaded, &order, &mut output).map_err(Into::into)
        }
        Subcommand::Anchor => {
            anchor::run(&loaded, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::CheckConfig => cli::check_config(&loaded, &mut output).map_err(Into::into),
        Subcommand::Token { whom, ttl } => {
            cli::token::token(&loaded, &whom, ttl, SystemTime::now(), &mut output)
                .map(|()| ExitCode::SUCCESS)
                .map_err(Into::into)
        }
        Subcommand::Verify { tail, level, expect, archive, read_model } => {
            let order = verify::VerifyOrder { scope: cli::scope(tail, level), expected: expect, archive };
            let proven = verify::log(&loaded, order, &mut output);
            let proven = proven.and_then(|code| match code {
                // What is wrong with the log is told alone.
                code if !read_model || code != ExitCode::SUCCESS => Ok(code),
                _ => verify::read_model(&loaded, archive, &mut output),
            });
            proven.map_err(Into::into)
        }
        Subcommand::Inspect { record, json } => {
            inspect::show(&loaded, record, json, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::Openapi => {
            let text = api::document_text(&api::Vocabulary::of(&loaded.config));
            output.write_all(text.as_bytes()).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::Person(task) => {
            task.run(&loaded, &mut output).map(|()| ExitCode::SUCCESS).map_err(Into::into)
        }
        Subcommand::VerifyRound { round } => verify::round(&loaded, round, &mut output).map_err(Into::into),
    };
    result.unwrap_or_else(|error| fail(&*error))
}

fn serve(loaded: config::Loaded, expect: Option<Head>, accept_clock: bool) -> ExitCode {
    if let Err(error) = telemetry::start(&loaded.config.telemetry) {
        return fail(&error);
    }
    for note in &loaded.notes {
        telemetry::events::note(note);
    }
    match app::run(loaded, expect, accept_clock) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Prints an error with its causes.
fn fail(error: &dyn std::error::Error) -> ExitCode {
    // Nothing is left to do when standard error is gone too.
    let _ = writeln!(io::stderr(), "hub: {}", telemetry::with_causes(error));
    ExitCode::FAILURE
}
