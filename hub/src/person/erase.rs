//! `hub person erase`.

use std::io::Write;

use ::people::Erased;
use actors::clock::now_ms;
use engine::{Fact, StillOpen};
use journal::Options;
use protocol::PlayerId;

use super::{
    error::Error,
    opened::{claim, directory, player, refused, store},
    whom::Whom,
};
use crate::{
    config::Loaded,
    recovery::{self, Expectations, Proven},
};

/// Erases a person: records it in the log, destroys the key, removes the row. With `excluded` the person stays excluded: who
/// comes back under the same name is recognised. A person who was erased before is erased again where anything is left, and
/// cannot be excluded any more.
///
/// # Errors
/// When a hub serves, nobody has the name or id, something of the player is open, or a file cannot be written.
pub fn erase(loaded: &Loaded, whom: &Whom, excluded: bool, output: &mut impl Write) -> Result<(), Error> {
    let claim = claim(loaded)?;
    let expectations = Expectations::of(loaded, None);
    let stored = recovery::store_of(directory(loaded)).map_err(refused(loaded))?;
    let Proven { tail, mut world, .. } =
        recovery::tail(claim.files(), None, stored.as_ref(), &expectations).map_err(refused(loaded))?;
    let mut contents = store(loaded, &world)?;
    let player = player(loaded, whom, &contents)?;
    let facts = world.books.facts();
    if !contents.has(player) && !contents.is_erased(player) && !facts.is_erased(player) {
        return Err(Error::Nobody);
    }
    let fact = Fact::Erased { player, excluded };
    // An exclusion that recognises nobody is not recorded: every start would tell that it is lost.
    if excluded && !facts.says(&fact) && !contents.excludes(player) && contents.person(player)?.is_none() {
        return Err(Error::ErasedBefore(player));
    }
    let segment_bytes = loaded.config.journal.segment_bytes;
    let now = now_ms().max(world.books.time());
    if let Some(open) = world.books.still_open(player, excluded, now).filter(|_| !facts.says(&fact)) {
        let scale = currency(&open).and_then(|currency| facts.scale(currency)).unwrap_or_default();
        return Err(Error::Open { player, open, scale });
    }
    let recorded = facts.says(&fact);
    let log = claim.open(tail, Options { segment_bytes, ..Options::default() }).map_err(refused(loaded))?;
    let mut log = log.into_sync();
    if !recorded {
        let record = world.books.fact_record(fact, now);
        world
            .apply(&record)
            .map_err(|source| refused(loaded)(recovery::Error::Refused { source: Box::new(source) }))?;
        log.append(&record.encode());
        log.sync().map_err(refused(loaded))?;
    }
    let unfinished = |source| Error::Unfinished { player, source: Box::new(source) };
    let erased = contents.erase(&[(player, excluded)]).map_err(unfinished)?;
    log.close().map_err(refused(loaded))?;
    told(player, excluded, &erased, (recorded, world.books.lsn()), output)
}

fn told(
    player: PlayerId,
    excluded: bool,
    Erased { removed, unrecognised }: &Erased,
    (recorded, lsn): (bool, u64),
    output: &mut impl Write,
) -> Result<(), Error> {
    match (recorded, removed.is_empty()) {
        (false, _) => writeln!(output, "erased      {player}   recorded as record {lsn}")?,
        (true, false) => writeln!(output, "erased      {player}   again; it was recorded before")?,
        (true, true) => writeln!(output, "erased      {player}   before; nothing was left of the person")?,
    }
    if !unrecognised.is_empty() {
        writeln!(output, "not excluded: nothing says any more who this was, so nobody can be recognised")?;
    } else if excluded {
        writeln!(output, "excluded    who comes back under the same name is refused")?;
    }
    writeln!(
        output,
        "Backups of the key file that are older still open this person's name in old backups of the database: destroy them."
    )?;
    Ok(())
}

fn currency(open: &StillOpen) -> Option<protocol::Currency> {
    match open {
        StillOpen::Money { currency, .. } | StillOpen::Held { currency, .. } => Some(*currency),
        StillOpen::Frozen { .. } => None,
    }
}
