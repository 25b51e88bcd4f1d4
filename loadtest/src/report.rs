//! The report of a run: a summary for people, JSON for programs.

use std::{error::Error, fmt, fs, path::Path};

use serde::Serialize;

use crate::{
    audit::Audit,
    fates::Fates,
    latency::Percentiles,
    load::{Counts, Load, Played},
    plan::Plan,
};

/// Faults shown in the summary; the JSON has more.
const FAULTS_SHOWN: usize = 10;

/// Everything about a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was run.
    pub plan: Plan,
    /// Seed of all choices.
    pub seed: u64,
    /// Tables in play.
    pub tables: usize,
    /// Length of the measured time, to the last answer. Seconds.
    pub measured_seconds: f64,
    /// Bets accepted a second in that time.
    pub accepted_per_second: f64,
    /// Processor cores the generator kept busy.
    pub generator_cores: f64,
    /// From when a connection was due to its welcome.
    pub connect: Percentiles,
    /// From when a bet was due to its answer, whatever that was.
    pub bet_answered: Percentiles,
    /// The same for receipts alone.
    pub bet_accepted: Percentiles,
    /// From when a bet was due until the kernel had it: the generator's own share of the lines above, before.
    pub bet_sent: Percentiles,
    /// From the earliest moment an answer can have come, the generator's last look at its sockets, to its reading: at
    /// most the generator's own share behind. What a thread waits for a core is not in it.
    pub answer_read: Percentiles,
    /// From the announced time of a result to its arrival.
    pub result: Percentiles,
    /// What became of each bet that was due in the measured time.
    pub fates: Fates,
    /// Share of the wanted ones that were accepted, by [`Fates::accepted_share`].
    pub accepted_share: f64,
    /// Counts of the whole run.
    pub counts: Counts,
    /// The check of the money.
    pub audit: Audit,
    /// Faults of the run itself: what it was required to reach and did not, and what must not happen.
    pub faults: Vec<String>,
    /// Faults that are not written out.
    pub faults_more: u64,
    /// Whether nothing is wrong.
    pub passed: bool,
}

impl Report {
    /// Puts a report together.
    #[must_use]
    pub fn new(load: &Load<'_>, plan: &Plan, seed: u64, played: Played, audit: Audit) -> Self {
        let measured_seconds = load.measured_until_last_answer(&played).as_secs_f64();
        let fates = load.fates;
        let mut faults = fates.faults(&plan.required);
        faults.extend(load.faults.iter().cloned());
        Self {
            plan: plan.clone(),
            seed,
            tables: load.tables.len(),
            measured_seconds,
            accepted_per_second: fates.accepted as f64 / measured_seconds,
            generator_cores: played.generator_cores,
            connect: load.connects.percentiles(),
            bet_answered: load.answers.percentiles(),
            bet_accepted: load.bets.percentiles(),
            bet_sent: load.delays.percentiles(),
            answer_read: load.readings.percentiles(),
            result: load.results.percentiles(),
            counts: load.counts.clone(),
            fates,
            accepted_share: fates.accepted_share(),
            passed: faults.is_empty() && audit.faults.is_empty(),
            faults,
            faults_more: load.faults_more(),
            audit,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { sent, accepted, late, refused, no_table, no_money, unsent, results, .. } = &self.counts;
        let rate = match self.plan.arrivals.closed {
            Some(in_flight) => format!("closed loop, {in_flight} in flight"),
            None => format!("open loop, {} bets a second", self.plan.arrivals.rate),
        };
        writeln!(out, "{} players, {} tables, {rate}, seed {}", self.plan.players, self.tables, self.seed)?;
        writeln!(
            out,
            "  accepted {:.0} bets a second over {:.1} s; the generator kept {:.2} cores busy",
            self.accepted_per_second, self.measured_seconds, self.generator_cores
        )?;
        writeln!(out, "\n  milliseconds        count       p50       p90       p99     p99.9       max")?;
        for (name, latency) in [
            ("connect", &self.connect),
            ("bet answered", &self.bet_answered),
            ("bet accepted", &self.bet_accepted),
            ("  sent after", &self.bet_sent),
            ("  read within", &self.answer_read),
            ("result", &self.result),
        ] {
            let Percentiles { count, p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = latency;
            writeln!(
                out,
                "  {name:<14} {count:>10} {p50_ms:>9.3} {p90_ms:>9.3} {p99_ms:>9.3} {p999_ms:>9.3} {max_ms:>9.3}"
            )?;
        }
        writeln!(
            out,
            "  sent after and read within: what the generator itself adds before a bet and, at most, behind its answer"
        )?;
        let Fates { due, accepted: accepted_due, late: late_due, .. } = self.fates;
        writeln!(
            out,
            "\n  of {due} bets due in the measured time: {accepted_due} accepted, {late_due} late, {} refused, \
             {} not answered, {} not sent, {} between rounds, {} without money",
            self.fates.refused,
            self.fates.unanswered,
            self.fates.unsent,
            self.fates.no_table,
            self.fates.no_money
        )?;
        writeln!(
            out,
            "  accepted {:.2} % of the wanted ones, which are those neither between rounds nor late",
            100.0 * self.accepted_share
        )?;
        writeln!(
            out,
            "  with the warm-up: {sent} sent, {accepted} accepted, {late} late, {results} results, {no_table} due \
             between rounds, {no_money} without money, {unsent} not sent with too many under way"
        )?;
        for (name, count) in refused {
            writeln!(out, "  refused as {name}: {count}")?;
        }
        let audit = &self.audit;
        let money = audit.money;
        writeln!(
            out,
            "\n  money, minor units: {} − {} staked + {} returned = {} available + {} held",
            money.opening, money.staked, money.returned, money.available, money.held
        )?;
        writeln!(
            out,
            "  compared with fresh sessions: {} balances, {} results, {} retries, {} refusals",
            audit.balances_compared, audit.results_compared, audit.retries_compared, audit.refusals_checked
        )?;
        let faults: Vec<&String> = self.faults.iter().chain(&audit.faults).collect();
        for fault in faults.iter().take(FAULTS_SHOWN) {
            writeln!(out, "  FAULT {fault}")?;
        }
        let more = faults.len().saturating_sub(FAULTS_SHOWN) as u64 + self.faults_more;
        if more > 0 {
            writeln!(out, "  and {more} faults more")?;
        }
        write!(out, "  {}", if self.passed { "passed" } else { "FAILED" })
    }
}

/// Writes a result as JSON.
///
/// Fails with the name of the file; what was measured should be printed before.
pub fn save(path: &Path, result: &impl Serialize) -> Result<(), Box<dyn Error>> {
    let text = serde_json::to_string_pretty(result)?;
    fs::write(path, text).map_err(|source| Unwritten { path: path.display().to_string(), source })?;
    Ok(())
}

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("write the report {path}; name a file in a directory that can be written to with --json")]
pub struct Unwritten {
    path: String,
    source: std::io::Error,
}
