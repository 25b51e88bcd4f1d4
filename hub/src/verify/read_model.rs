//! `hub verify --read-model`: holds the read model against the state at the same place in the log.

use std::{io::Write, path::Path, process::ExitCode};

use actors::followers::read_model::differences;
use journal::Files;
use readmodel::ModelContents;

use super::{Error, refused};
use crate::{archive::whole_of_files, config::Loaded, recovery};

/// Compares the two, and prints what was compared, or every difference. The log itself is proven by whoever calls this. With
/// `archive`, records that were removed from the log are read in the archive.
///
/// # Errors
/// When one of them cannot be read at all.
pub fn read_model(loaded: &Loaded, archive: bool, output: &mut impl Write) -> Result<ExitCode, Error> {
    let directory = Path::new(&loaded.config.journal.directory);
    // Read before the log: beside a serving hub, the log then has the records that it stands for.
    let contents = match ModelContents::read(directory) {
        Ok(Some(contents)) => contents,
        Ok(None) => {
            let what = "there is none of this release, or it is being built; a hub that serves builds it from the log";
            writeln!(output, "\nread model: {what}")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => {
            writeln!(output, "\nWRONG: the read model cannot be read: {}", error.with_causes())?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let files = Files::open(directory)?;
    let store = match recovery::store_of(directory) {
        Ok(store) => store,
        Err(error) => return refused(&error, output),
    };
    let whole = whole_of_files(if archive { &loaded.config.archive.to } else { "" }, &files)?;
    let at = (contents.cursor.lsn, contents.cursor.hash);
    let world = match recovery::state_at(&files, whole.as_deref(), store.as_ref(), at) {
        Ok(Ok(world)) => world,
        Ok(Err(why)) => {
            writeln!(output, "\nWRONG: the read model is compared with nothing: {why}")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return refused(&error, output),
    };
    let found = differences(&contents, &world);
    if found.is_empty() {
        let ModelContents { accounts, open_holds, rows, open_rounds, .. } = &contents;
        writeln!(
            output,
            "\nread model  {:>16}   is its last record; {} account(s), {} open hold(s), {} row(s) and {} open round(s) are those of the state",
            at.0,
            accounts.len(),
            open_holds.len(),
            rows.len(),
            open_rounds.len()
        )?;
        let (done, refused) = contents.transactions;
        writeln!(
            output,
            "            {done:>16}   transaction(s), {refused} refusal(s) and {} drawn round(s) are in it",
            contents.settled
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output)?;
    for difference in found {
        writeln!(output, "WRONG: the read model at record {}: {difference}", at.0)?;
    }
    writeln!(
        output,
        "The money is not touched by this. Stop the hub, remove the directory `read-model`, and start it."
    )?;
    Ok(ExitCode::FAILURE)
}
