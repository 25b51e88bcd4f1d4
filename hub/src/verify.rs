//! `hub verify` and `hub verify-round`: the log, replayed and proven by someone who trusts nothing in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    process::ExitCode,
};

use engine::{Body, Record, Verifier, checkpoint, invariant, table::TableLeg};
use journal::{Lsn, Reader};
use ledger::Domain;
use protocol::{Amount, Currency, RoundId};

use crate::{cli::Place, config::Loaded};

/// The log cannot be read, or the answer not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal's own findings: they name file and offset.
    #[error("failed to read the log")]
    Journal(#[from] journal::Error),
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] std::io::Error),
}

/// Replays the whole log and prints the totals per domain. Success only when everything agrees: the log with itself,
/// with every checkpoint beside it, and with the place in it that `expected` names.
///
/// # Errors
/// When the log cannot be read at all; what is wrong inside it is printed and told by the exit code.
pub fn log(loaded: &Loaded, expected: Option<Place>, output: &mut impl Write) -> Result<ExitCode, Error> {
    let directory = Path::new(&loaded.config.journal.directory);
    let mut verifier = Verifier::default();
    let mut reader = Reader::open(directory, Lsn(0))?;
    // Before the log is read: beside a serving hub, what is listed here stands for records that are there.
    let mut checkpoints: BTreeSet<Lsn> = journal::checkpoint::list(directory)?.into_iter().collect();
    let mut held = 0;
    loop {
        // Damage is a finding as well: it is named and the rest of the log is not believed.
        let entry = match reader.next(Lsn::MAX) {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                writeln!(output, "DAMAGED after record {}: {error}", verifier.world().books.lsn())?;
                return Ok(ExitCode::FAILURE);
            }
        };
        let (lsn, hash) = (entry.lsn.0, entry.hash);
        if let Err(finding) = verifier.next(entry.bytes) {
            writeln!(output, "WRONG at record {}: {}", finding.lsn, finding.what)?;
            return Ok(ExitCode::FAILURE);
        }
        let here = Place { lsn, hash };
        if expected.is_some_and(|expected| expected.lsn == lsn && expected != here) {
            writeln!(
                output,
                "WRONG at record {lsn}: this is another log than the one expected; here it is {here}"
            )?;
            return Ok(ExitCode::FAILURE);
        }
        if checkpoints.remove(&Lsn(lsn)) {
            if let Err(what) = hold(directory, here, &verifier)? {
                writeln!(output, "WRONG checkpoint {lsn}: {what}")?;
                return Ok(ExitCode::FAILURE);
            }
            held += 1;
        }
    }
    let last = verifier.world().books.lsn();
    if let Some(expected) = expected.filter(|expected| expected.lsn > last) {
        writeln!(output, "SHORT: the log ends at record {last}, and record {} was expected", expected.lsn)?;
        return Ok(ExitCode::FAILURE);
    }
    if let Some(lsn) = checkpoints.last() {
        writeln!(
            output,
            "SHORT: the log ends at record {last}, and there is a checkpoint of record {}",
            lsn.0
        )?;
        return Ok(ExitCode::FAILURE);
    }
    if let Err(finding) = verifier.check() {
        writeln!(output, "WRONG after record {}: {}", finding.lsn, finding.what)?;
        return Ok(ExitCode::FAILURE);
    }
    totals(loaded, &verifier, output)?;
    writeln!(output, "\ncheckpoints {held:>16}   each holds what the replay holds")?;
    writeln!(output, "head        {}", Place { lsn: last, hash: reader.hash() })?;
    if verifier.closed().is_empty() {
        writeln!(
            output,
            "\nEverything agrees: debits equal credits in every domain, no account is overdrawn,"
        )?;
        writeln!(output, "every hold is the stake of a bet that stands, and clearing nets to zero.")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output)?;
    for (table, lsn) in verifier.closed() {
        writeln!(
            output,
            "CLOSED table {table} at record {lsn}: the record does not fit it, and it plays no more"
        )?;
    }
    writeln!(output, "The money agrees. Keep the log and report it; give a new table a new id.")?;
    Ok(ExitCode::FAILURE)
}

/// Holds a checkpoint against the log at its record: the same log, and the same world (`E3`).
fn hold(directory: &Path, here: Place, verifier: &Verifier) -> Result<Result<(), String>, Error> {
    let found = match journal::checkpoint::at(directory, Lsn(here.lsn)) {
        Ok(Some(found)) => found,
        // A newer one has taken its place since the list was made.
        Ok(None) => return Ok(Ok(())),
        Err(error @ (journal::Error::Damaged { .. } | journal::Error::Version { .. })) => {
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    if found.hash != here.hash {
        return Ok(Err("it is not of this log".into()));
    }
    let world = match checkpoint::decode(&found.bytes) {
        Ok(world) => world,
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(invariant::same(&world, verifier.world()).map_err(|broken| broken.to_string()))
}

fn totals(loaded: &Loaded, verifier: &Verifier, output: &mut impl Write) -> Result<(), Error> {
    let books = &verifier.world().books;
    let (rounds, drawn) = verifier.rounds();
    writeln!(output, "records     {:>16}   chain and checksums agree", books.lsn())?;
    writeln!(output, "keys        {:>16}   each with one outcome", books.keys())?;
    writeln!(
        output,
        "rounds      {rounds:>16}   {drawn} drawn again from their seeds, every payment recomputed"
    )?;
    let scales: BTreeMap<Currency, u32> =
        loaded.config.currencies.iter().map(|currency| (currency.code, currency.scale)).collect();
    for domain in Domain::ALL {
        let ledger = books.domains().ledger(domain);
        let mut sums: BTreeMap<(Currency, String), (i128, i128, u64)> = BTreeMap::new();
        for (id, account) in ledger.accounts() {
            let name = format!("{:?}", id.kind).to_lowercase();
            let sum = sums.entry((id.currency, name)).or_default();
            *sum = (sum.0 + account.posted(), sum.1 + account.debits_pending, sum.2 + 1);
        }
        writeln!(output, "\n{}", domain.name())?;
        if sums.is_empty() {
            writeln!(output, "  no accounts yet")?;
        }
        for ((currency, name), (posted, held, accounts)) in sums {
            let scale = scales.get(&currency).copied().unwrap_or(2);
            let (posted, held) = (signed(posted, scale), signed(held, scale));
            writeln!(
                output,
                "  {name:<24} {posted:>20} {currency}   held {held:>16}   {accounts} account(s)"
            )?;
        }
    }
    Ok(())
}

/// Minor units as a decimal with a sign.
fn signed(minor: i128, scale: u32) -> String {
    match Amount::from_minor(minor.abs(), scale) {
        Ok(amount) if minor < 0 => format!("-{amount}"),
        Ok(amount) => amount.to_string(),
        Err(_) => format!("{minor}e-{scale}"),
    }
}

/// Checks one round: the commitment, the draw, and every payment.
///
/// # Errors
/// When the log cannot be read at all.
pub fn round(loaded: &Loaded, round: RoundId, output: &mut impl Write) -> Result<ExitCode, Error> {
    let directory = Path::new(&loaded.config.journal.directory);
    let mut verifier = Verifier::default();
    let mut reader = Reader::open(directory, Lsn(0))?;
    while let Some(entry) = reader.next(Lsn::MAX)? {
        let lsn = entry.lsn.0;
        match verifier.next(entry.bytes) {
            Err(finding) => {
                writeln!(output, "WRONG at record {}: {}", finding.lsn, finding.what)?;
                return Ok(ExitCode::FAILURE);
            }
            Ok(record) => {
                if let Some(leg) = leg_of(&record, round) {
                    tell(lsn, record.time, leg, output)?;
                    if matches!(leg, TableLeg::Settled { .. } | TableLeg::Voided { .. }) {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
            }
        }
    }
    let state = verifier.world().tables.get(&round.table);
    match state.filter(|state| state.round == round.number) {
        Some(_) => writeln!(output, "round {round} is still open: its seed is not revealed yet")?,
        None => writeln!(output, "there is no round {round} in this log")?,
    }
    Ok(ExitCode::FAILURE)
}

fn leg_of(record: &Record, round: RoundId) -> Option<&TableLeg> {
    match &record.body {
        Body::Committed(committed) => committed
            .table
            .as_ref()
            .filter(|(table, leg)| *table == round.table && leg.round() == round.number)
            .map(|(_, leg)| leg),
        Body::Refused { .. } | Body::Digest(_) => None,
    }
}

fn tell(lsn: u64, time: u64, leg: &TableLeg, output: &mut impl Write) -> Result<(), Error> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match leg {
        TableLeg::Opened { game, rules, commit, .. } => {
            writeln!(output, "record {lsn}  opened at {time}: {game}, rules {rules}")?;
            writeln!(output, "  commitment  {}", hex(commit))?;
        }
        TableLeg::BetPlaced { .. } | TableLeg::BetsCleared { .. } => {}
        TableLeg::Locked { mix, .. } => {
            writeln!(output, "record {lsn}  bets locked at {time}")?;
            writeln!(output, "  mix         {}", hex(mix))?;
        }
        TableLeg::Settled { outcome, seed, .. } => {
            writeln!(output, "record {lsn}  settled at {time}")?;
            writeln!(output, "  seed        {}", hex(seed))?;
            writeln!(output, "  outcome     {outcome}")?;
            writeln!(
                output,
                "FAIR: the seed is the committed one, it draws this outcome, and every payment follows."
            )?;
        }
        TableLeg::Voided { reason, .. } => {
            writeln!(output, "record {lsn}  void at {time}: {}; every stake was returned", reason.text())?;
        }
    }
    Ok(())
}
