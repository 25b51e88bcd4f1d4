//! `hub person erase`: by the hub that serves or, when none does, by the command itself under the lock of the log.

use std::io::Write;

use ::people::Erased;
use actors::clock::now_ms;
use engine::{Erasable, Fact};
use journal::Options;
use protocol::PlayerId;

use super::{
    error::Error,
    opened::{claim, directory, has_log, player, refused, store},
    whom::Whom,
};
use crate::{
    config::Loaded,
    control::{self, ControlAnswer, ControlTask, ErasePerson},
    recovery::{self, Expectations, Proven},
};

/// Erases a person: asks the hub that serves or, when none does, does it alone. With `excluded` the person stays excluded: who
/// comes back under the same name is recognised. A person who was erased before is erased again where anything is left, and
/// cannot be excluded any more.
///
/// # Errors
/// When nobody has the name or id, something of the player is open, or a file cannot be written.
pub fn erase(loaded: &Loaded, whom: &Whom, excluded: bool, output: &mut impl Write) -> Result<(), Error> {
    has_log(loaded)?;
    let by_name = whom.id.is_none();
    let order = ErasePerson {
        id: whom.id,
        issuer: by_name.then(|| whom.issuer(loaded).into()),
        subject: whom.subject.as_deref().map(Into::into),
        excluded,
    };
    // Progress that cannot be written ends nothing: the erasure is what counts.
    let mut tell = |text: &str| drop(writeln!(output, "{text}").and_then(|()| output.flush()));
    let done = match control::ask(directory(loaded), &ControlTask::Erase(order), &mut tell)? {
        Some(ControlAnswer::Done(done)) => done,
        Some(ControlAnswer::Failed(why) | ControlAnswer::Progress(why)) => return Err(Error::Refused(why)),
        None => alone(loaded, whom, excluded)?,
    };
    writeln!(output, "{done}")?;
    Ok(())
}

/// Erases a person under the lock of the log: records it, destroys the key, removes the row.
fn alone(loaded: &Loaded, whom: &Whom, excluded: bool) -> Result<String, Error> {
    let claim = claim(loaded, |directory| Error::Deaf { directory })?;
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
    let now = now_ms();
    let recorded = match world.books.erasable(player, excluded, now) {
        Erasable::Now => false,
        Erasable::Before => true,
        Erasable::Not(open) => {
            let scale = open.currency().and_then(|currency| facts.scale(currency)).unwrap_or_default();
            return Err(Error::Open { player, open, scale });
        }
    };
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
    Ok(told(player, excluded, &erased, (!recorded).then(|| world.books.lsn())))
}

/// What was done, in words; `recorded` is the place of the record, when it was made now.
pub(super) fn told(
    player: PlayerId,
    excluded: bool,
    Erased { removed, unrecognised }: &Erased,
    recorded: Option<u64>,
) -> String {
    let mut told = match (recorded, removed.is_empty()) {
        (Some(lsn), _) => format!("erased      {player}   recorded as record {lsn}\n"),
        (None, false) => format!("erased      {player}   again; it was recorded before\n"),
        (None, true) => format!("erased      {player}   before; nothing was left of the person\n"),
    };
    if !unrecognised.is_empty() {
        told += "not excluded: nothing says any more who this was, so nobody can be recognised\n";
    } else if excluded {
        told += "excluded    who comes back under the same name is refused\n";
    }
    told + "Backups of the key file that are older still open this person's name in old backups of the database: destroy them."
}
