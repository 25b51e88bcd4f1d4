//! A load run from the first token to the report.

use std::{error::Error, io::Write, path::Path};

use hub_client::{Client, Options};
use protocol::{Currency, TableId};

use crate::{
    audit::audit,
    load::Load,
    plan::Plan,
    process,
    progress::Progress,
    report::{Report, save},
    target::Target,
    tokens,
};

/// Runs a plan against a hub and prints the summary to `out`; then writes the report as JSON if a file is named.
/// Whether every check passed.
///
/// Fails when the run cannot be made, or the file not written: the summary is printed by then.
pub fn run(plan: &Plan, url: &str, json: Option<&Path>, out: &mut dyn Write) -> Result<bool, Box<dyn Error>> {
    let report = measure(plan, url)?;
    writeln!(out, "{report}")?;
    if let Some(path) = json {
        save(path, &report)?;
        writeln!(out, "the whole report: {}", path.display())?;
    }
    Ok(report.passed)
}

/// Runs a plan against a hub.
pub fn measure(plan: &Plan, url: &str) -> Result<Report, Box<dyn Error>> {
    let target = Target::parse(url)?;
    if !process::allow_files(plan.players as u64 + 64) {
        return Err(format!("{} players need as many open files: ulimit -n", plan.players).into());
    }
    let progress = Progress::new();
    let seed = plan.seed.map_or_else(getrandom::u64, Ok)?;
    progress.line(&format!("asking for {} players", plan.players));
    let demos = tokens::demo(&target, plan.players)?;
    let first = demos.first().ok_or("a plan has at least one player")?;
    let (tables, currency, scale) = tables(&target, &first.token, &plan.tables)?;
    let mut load = Load::new(&target, plan, demos, tables, currency, scale, seed)?;
    load.connect(&progress)?;
    let played = load.play(&progress)?;
    load.settle(&progress)?;
    progress.line("checking every balance on a fresh connection");
    let audit = audit(&load, &target)?;
    progress.finish();
    Ok(Report::new(&load, plan, seed, played, audit))
}

/// The tables to play at, with their common currency.
fn tables(
    target: &Target,
    token: &str,
    wanted: &[TableId],
) -> Result<(Vec<TableId>, Currency, u32), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, _pushes) = Client::connect(&target.url, token, Options::default()).await?;
        let mut tables = client.list_tables().await?;
        tables.retain(|table| wanted.is_empty() || wanted.contains(&table.table));
        let missing = wanted.iter().find(|wanted| tables.iter().all(|table| table.table != **wanted));
        if let Some(missing) = missing {
            return Err(format!("the hub has no table {missing}").into());
        }
        let currency = tables.first().ok_or("the hub has no tables")?.currency;
        if tables.iter().any(|table| table.currency != currency) {
            return Err("the tables play in several currencies: name those of one in the plan".into());
        }
        let first = tables[0].table;
        let (view, _) = client.join_table(first).await?;
        client.leave_table(first).await?;
        Ok((tables.into_iter().map(|table| table.table).collect(), currency, view.scale))
    })
}
