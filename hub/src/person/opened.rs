//! The log and the people store, as a command about a person needs them.

use std::path::Path;

use ::people::{Contents, Person};
use engine::World;
use journal::{Claim, Files};
use protocol::PlayerId;

use super::{error::Error, whom::Whom};
use crate::{
    config::Loaded,
    recovery::{self, Expectations},
};

pub(super) fn directory(loaded: &Loaded) -> &Path {
    Path::new(&loaded.config.journal.directory)
}

pub(super) fn refused<E: Into<recovery::Error>>(loaded: &Loaded) -> impl FnOnce(E) -> Error {
    move |error| Error::Log { directory: directory(loaded).into(), source: Box::new(error.into()) }
}

/// A directory without a log is left as it is.
pub(super) fn has_log(loaded: &Loaded) -> Result<(), Error> {
    if recovery::begun(directory(loaded)) {
        return Ok(());
    }
    Err(Error::NoLog(loaded.config.journal.directory.clone()))
}

/// The right to write the log, and the people store with it. `locked`: what it means that another process has it.
pub(super) fn claim(loaded: &Loaded, locked: fn(String) -> Error) -> Result<Claim, Error> {
    has_log(loaded)?;
    Claim::take(directory(loaded)).map_err(|error| match error {
        journal::Error::Locked { .. } => locked(loaded.config.journal.directory.clone()),
        other => refused(loaded)(other),
    })
}

/// Reads the log as a start does, and the people store behind it.
pub(super) fn opened(loaded: &Loaded) -> Result<(Contents, World), Error> {
    has_log(loaded)?;
    let files = Files::open(directory(loaded)).map_err(refused(loaded))?;
    let stored = recovery::store_of(directory(loaded)).map_err(refused(loaded))?;
    let proven = recovery::tail(&files, None, stored.as_ref(), &Expectations::of(loaded, None));
    let proven = proven.map_err(refused(loaded))?;
    Ok((store(loaded, &proven.world)?, proven.world))
}

pub(super) fn store(loaded: &Loaded, world: &World) -> Result<Contents, Error> {
    let found = recovery::people::of_log(directory(loaded), &loaded.secrets.people, world);
    found.map_err(refused(loaded))?.ok_or_else(|| Error::NoStore(directory(loaded).into()))
}

/// Who somebody is, and the name.
pub(super) fn known(
    loaded: &Loaded,
    whom: &Whom,
    contents: &Contents,
    world: &World,
) -> Result<(PlayerId, Person), Error> {
    let player = player(loaded, whom, contents)?;
    if world.books.facts().is_erased(player) {
        return Err(Error::Erased(player));
    }
    Ok((player, contents.person(player)?.ok_or(Error::Nobody)?))
}

/// The id of somebody; for an id that nobody has, the id as it was given.
pub(super) fn player(loaded: &Loaded, whom: &Whom, contents: &Contents) -> Result<PlayerId, Error> {
    if let Some(player) = whom.id {
        return Ok(player);
    }
    let subject = whom.subject.as_deref().unwrap_or_default();
    let person = Person::new(whom.issuer(loaded).into(), subject).map_err(|_| Error::NoName)?;
    match contents.find(&person) {
        Some(player) => Ok(player),
        None if contents.is_excluded(&person) => Err(Error::Excluded),
        None => Err(Error::Nobody),
    }
}
