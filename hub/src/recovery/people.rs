//! The people store beside a log: it must be the log's own, and have every player of the log who is not erased.
//!
//! It is read after the log, because it may be written meanwhile: a person is on disk before the first record that names
//! their id. So whoever reads the log first finds in the store every player that the log names.

use std::path::Path;

use engine::{Books, Fact, World};
use ledger::Domain;
use people::{Contents, Erased, Master, People};
use protocol::PlayerId;

use super::{Error, facts, facts::Given};
use crate::telemetry::events as telemetry;

/// Reads the people store of a directory and compares it with the log there. `None` when there is none; a copy of a log is
/// proven without it.
///
/// # Errors
/// When the store is damaged, under another master key, belongs to another log, or does not have a player of this one.
pub fn beside(directory: &Path, master: &Master, world: &World) -> Result<Option<Contents>, Error> {
    let Some(contents) = Contents::read(directory, master)? else { return Ok(None) };
    let place = contents.path().display().to_string();
    facts::check(&[Given { fact: Fact::People { file: contents.id() }, place }], world)?;
    let erased = |player| contents.is_erased(player) || world.books.facts().is_erased(player);
    contents.check_keys(erased)?;
    let strangers = players(&world.books).filter(|player| !contents.has(*player) && !erased(*player));
    let mut strangers: Vec<PlayerId> = strangers.collect();
    strangers.sort_unstable();
    strangers.dedup();
    match strangers.first() {
        Some(first) => Err(Error::Strangers { file: contents.path(), count: strangers.len(), first: *first }),
        None => Ok(Some(contents)),
    }
}

/// [`beside`], for who cannot do without the store; `None` only for a log that has none yet.
///
/// # Errors
/// Those of [`beside`], and when the store is lost.
pub fn of_log(directory: &Path, master: &Master, world: &World) -> Result<Option<Contents>, Error> {
    match beside(directory, master, world)? {
        None => missing(directory, world).map_or(Ok(None), Err),
        found => Ok(found),
    }
}

/// Why a start needs a people store that is not there; `None` for a log that nobody has ever signed in to.
#[must_use]
pub fn missing(directory: &Path, world: &World) -> Option<Error> {
    let named = world.books.facts().people().is_some() || players(&world.books).next().is_some();
    named.then(|| Error::NoPeople { file: directory.join(people::DATABASE) })
}

/// Opens the store for writing, or makes it for a log that has none yet. Who is erased by the log and still there, in a store
/// that was restored or whose erasure was interrupted, is erased again. Call it under the lock of the log.
pub(super) fn open(
    found: Option<Contents>,
    directory: &Path,
    master: &Master,
    world: &World,
) -> Result<People, Error> {
    let mut contents = match found {
        Some(contents) => contents,
        None => Contents::create(directory, master)?,
    };
    let recorded: Vec<_> = world.books.facts().erased().collect();
    let Erased { removed, unrecognised } = contents.erase(&recorded)?;
    removed.iter().for_each(|player| telemetry::erased_again(*player));
    unrecognised.iter().for_each(|player| telemetry::exclusion_lost(*player));
    let books = &world.books;
    let restored = contents.erased().filter(|(player, _)| !books.facts().is_erased(*player));
    for (player, excluded) in restored {
        if books.still_open(player, excluded, books.time()).is_some() {
            telemetry::erased_has_money(player);
        }
    }
    Ok(People::open(contents)?)
}

/// Whose accounts the log has. A player with accounts in several domains or currencies comes several times.
fn players(books: &Books) -> impl Iterator<Item = PlayerId> {
    let accounts = Domain::ALL.into_iter().flat_map(|domain| books.domains().ledger(domain).accounts());
    accounts.filter_map(|(id, _)| id.owner.player())
}
