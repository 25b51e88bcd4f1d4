//! `hub person find` and `hub person export`.

use std::io::Write;

use serde_json::json;

use super::{
    error::Error,
    named::{self, Named},
    opened::{directory, known, opened, refused},
    whom::Whom,
};
use crate::config::Loaded;

/// `hub person find`: the id and the name.
///
/// # Errors
/// When nobody has it, or the store cannot be read.
pub fn find(loaded: &Loaded, whom: &Whom, output: &mut impl Write) -> Result<(), Error> {
    let (contents, world) = opened(loaded)?;
    let (player, person) = known(loaded, whom, &contents, &world)?;
    writeln!(output, "player      {player}")?;
    writeln!(output, "issuer      {}", person.issuer())?;
    writeln!(output, "subject     {}", person.subject())?;
    Ok(())
}

/// `hub person export`: everything that the store has of a person, and how many records of the log name the id, as JSON.
///
/// # Errors
/// When nobody has it, or the store or the log cannot be read.
pub fn export(loaded: &Loaded, whom: &Whom, output: &mut impl Write) -> Result<(), Error> {
    let (contents, world) = opened(loaded)?;
    let (player, person) = known(loaded, whom, &contents, &world)?;
    let Named { records, first, last, begins } =
        named::count(directory(loaded), player).map_err(refused(loaded))?;
    let told = json!({
        "store": format!("{:032x}", contents.id()),
        "player": player,
        "issuer": &**person.issuer(),
        "subject": person.subject(),
        "log": {
            "records": records,
            "first": first,
            "last": last,
            "begins": begins,
            "note": "number of records that name the player id, and the lsns of the first and the last. The log has no name of a person",
        },
    });
    writeln!(output, "{told:#}")?;
    Ok(())
}
