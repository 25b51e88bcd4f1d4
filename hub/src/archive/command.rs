//! `hub archive`: sends, lists, verifies, fetches, and on a stopped hub removes.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use ::archive::{Archive, FetchedFrom, Kept, Retention};
use journal::{Claim, Files, Lsn, Truncated, file::Directory, storage::Storage};

use super::{
    bring_back::bring_back,
    error::Error,
    send_anchor::RETRY,
    whole_state::{StoreBeside, VerifiedState},
};
use crate::{
    config::Loaded,
    recovery::{self, Expectations, Head},
    telemetry::with_causes,
};

/// What `hub archive --fetch` brings back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// The whole log, into this directory.
    Log(String),
    /// An anchor, as the state store of the log.
    Anchor,
}

/// What `hub archive` is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// The archive; that of the configuration when empty.
    pub to: Option<String>,
    /// Only list the objects of the log.
    pub list: bool,
    /// Read every object back.
    pub verify: bool,
    /// Bring back what the archive has.
    pub fetch: Option<Fetch>,
    /// Remove what is archived from the log of a stopped hub.
    pub remove: bool,
}

/// Carries out an order on the configured log.
///
/// # Errors
/// When the log or the archive cannot be used. What is wrong with an object is printed, and told by the exit code.
pub fn run(loaded: &Loaded, order: &Order, output: &mut impl Write) -> Result<ExitCode, Error> {
    let configured = &loaded.config.archive;
    let to = order.to.as_deref().unwrap_or(&configured.to);
    if to.is_empty() {
        return Err(Error::Nowhere);
    }
    let place = &loaded.config.journal.directory;
    let directory = Path::new(place);
    if !recovery::begun(directory) {
        return Err(Error::NoLog(place.clone()));
    }
    let archive = Archive::open(to, RETRY)?;
    let files = Files::open(directory)?;
    if order.list || order.verify {
        return list(&archive, &files, order.verify, output);
    }
    match &order.fetch {
        Some(Fetch::Log(into)) => return fetch(&archive, &files, into, output),
        Some(Fetch::Anchor) => {
            drop(files);
            return bring_back(loaded, &archive, output);
        }
        None => {}
    }
    archive.remove_unfinished()?;
    send(&archive, &files, output)?;
    drop(files);
    if order.remove {
        remove(loaded, &archive, output)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends every full segment, or compares its object.
fn send(archive: &Archive, files: &Files, output: &mut impl Write) -> Result<(), Error> {
    let segments: Vec<_> = files.sealed().collect();
    let (mut sent, mut compared, mut packed) = (0, 0, 0);
    for (place, segment) in segments.iter().enumerate() {
        let done = archive.send(files, segment)?;
        let (first, last) = (segment.first.0, segment.end.lsn.0);
        let what = if done.was_there {
            compared += 1;
            "was there, compared".to_owned()
        } else {
            sent += 1;
            packed += done.packed;
            format!("sent as {} bytes, compared", done.packed)
        };
        writeln!(
            output,
            "{}/{}  records {first} to {last}, {} bytes: {what}",
            place + 1,
            segments.len(),
            segment.bytes
        )?;
    }
    writeln!(
        output,
        "{sent} segment(s) sent as {packed} bytes, {compared} compared; the last one of the log is being written and stays"
    )?;
    Ok(())
}

/// Prints what the archive has of the log, and with `verify` reads it back.
fn list(archive: &Archive, files: &Files, verify: bool, output: &mut impl Write) -> Result<ExitCode, Error> {
    let catalogue = archive.catalogue(files)?;
    let mut wrong = 0;
    let begins = files.begins().lsn;
    let (mut objects, mut next) = (0, Lsn(1));
    for archived in catalogue.objects.values().flatten() {
        let name = archived.name;
        if name.first > next {
            gap(output, (next, Lsn(name.first.0 - 1)), begins)?;
            wrong += u64::from(next <= begins);
        }
        next = next.max(name.last.next());
        let word = match verify.then(|| archive.verify(&name)) {
            None => "object ",
            Some(Ok(())) => "whole  ",
            Some(Err(error @ (::archive::Error::Altered { .. } | ::archive::Error::Lost { .. }))) => {
                wrong += 1;
                writeln!(output, "WRONG    {}", with_causes(&error))?;
                continue;
            }
            Some(Err(error)) => return Err(error.into()),
        };
        objects += 1;
        let (first, last) = (name.first.0, name.last.0);
        writeln!(
            output,
            "{word}  records {first} to {last}, {} bytes as {}: {name}",
            name.bytes, archived.packed
        )?;
    }
    writeln!(output, "{objects} object(s) of {} bytes in {}", catalogue.packed(), archive.place())?;
    for archived in &catalogue.anchors {
        let (name, packed) = (archived.name, archived.packed);
        let word = match verify.then(|| archive.verify_anchor(&name)) {
            None => "anchor ",
            Some(Ok(())) => "whole  ",
            Some(Err(error @ (::archive::Error::Altered { .. } | ::archive::Error::Lost { .. }))) => {
                wrong += 1;
                writeln!(output, "WRONG    {}", with_causes(&error))?;
                continue;
            }
            Some(Err(error)) => return Err(error.into()),
        };
        writeln!(
            output,
            "{word}  anchor at record {}, {} bytes as {packed}: {name}",
            name.at.lsn.0, name.bytes
        )?;
    }
    if catalogue.lost_future > 0 {
        writeln!(output, "{} object(s) of a lost future are left alone", catalogue.lost_future)?;
    }
    if catalogue.foreign > 0 {
        writeln!(output, "{} object(s) with other names are left alone", catalogue.foreign)?;
    }
    // A gap between two objects is told above; here the one behind the last object.
    let untold = if next <= begins { Some(next) } else { None };
    let reaches = catalogue.reaches();
    // Objects that overlap have no gap between them, and yet do not follow each other.
    let untold = untold.or_else(|| (wrong == 0 && reaches < begins).then(|| reaches.next()));
    if let Some(first) = untold {
        gap(output, (first, begins), begins)?;
        wrong += 1;
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells of records that the archive does not have. The log lacks those up to `begins`.
fn gap(output: &mut impl Write, (first, last): (Lsn, Lsn), begins: Lsn) -> io::Result<()> {
    let lost = if first <= begins { ", which the log does not have" } else { "" };
    writeln!(output, "GAP      records {} to {}{lost}", first.0, last.0)
}

fn has_files(directory: &str) -> Result<bool, Error> {
    let listed = std::fs::read_dir(directory);
    let mut entries = listed.map_err(|source| Error::List { directory: directory.to_owned(), source })?;
    Ok(entries.next().is_some())
}

/// Puts the whole log together in an empty directory.
fn fetch(archive: &Archive, files: &Files, into: &str, output: &mut impl Write) -> Result<ExitCode, Error> {
    let to = Directory::create(Path::new(into))?;
    if has_files(into)? {
        return Err(Error::NotEmpty(into.to_owned()));
    }
    let catalogue = archive.catalogue(files)?;
    let mut told = Ok(());
    let fetched = archive.fetch(files, &catalogue, &to, |first, source| {
        let from = match source {
            FetchedFrom::Archive => "the archive",
            FetchedFrom::Log => "the log",
        };
        told = writeln!(output, "{}  from {from}", journal::segment_file(first));
    })?;
    told?;
    writeln!(
        output,
        "{} segment(s) from the archive and {} from the log, {} bytes: a whole log to record {}. Prove it with `hub verify \
         --data {into}`",
        fetched.archived, fetched.local, fetched.bytes, fetched.last.0
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Removes the oldest segments of the log of a stopped hub, after it has proven the log as a start does.
fn remove(loaded: &Loaded, archive: &Archive, output: &mut impl Write) -> Result<(), Error> {
    let place = &loaded.config.journal.directory;
    let claim = match Claim::take(Path::new(place)) {
        Err(journal::Error::Locked { .. }) => return Err(Error::Served(place.clone())),
        claim => claim?,
    };
    let expectations = Expectations::of(loaded, None);
    let unproven = |source| Error::Unproven(Box::new(source));
    let directory = Path::new(place);
    let store = recovery::store_of(directory).map_err(unproven)?;
    let proven = recovery::tail(claim.files(), None, store.as_ref(), &expectations).map_err(unproven)?;
    let end = Head { lsn: proven.tail.last().0, hash: proven.tail.cursor().hash };
    drop(proven);
    let retention = Retention {
        // Every full segment was sent.
        archived_before: Lsn::MAX,
        state: StoreBeside { directory: directory.to_owned() }.verified(claim.files())?,
        cursors: &[],
        keep_bytes: loaded.config.archive.keep_bytes,
    };
    let (done, why) = remove_verified(archive, claim, &retention)?;
    writeln!(
        output,
        "{} segment(s) of {} bytes removed: the log begins at record {} and ends with {end}",
        done.parts, done.bytes, done.first.0
    )?;
    if let Some(why) = why {
        writeln!(output, "no more is removed: {}", why.why())?;
    }
    Ok(())
}

/// Removes what may go, after the archived copies of exactly these segments were read again.
fn remove_verified<S: Storage>(
    archive: &Archive,
    claim: Claim<S>,
    retention: &Retention<'_>,
) -> Result<(Truncated, Option<Kept>), Error> {
    let (bound, why) = retention.bound(claim.files());
    for segment in claim.files().sealed().filter(|segment| segment.end.lsn < bound) {
        archive.verify_segment(claim.files(), &segment)?;
    }
    Ok((claim.truncate_before(bound, &[])?, why))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use ::archive::RetryRule;
    use journal::{Options, SyncLog, memory::Memory};

    use super::*;

    #[test]
    fn only_the_copies_of_what_is_removed_are_read_again() {
        let at = tempfile::tempdir().expect("a directory");
        let archive = Archive::open(at.path().to_str().expect("a plain path"), RetryRule::default());
        let (archive, memory) = (archive.expect("a directory"), Memory::new(1));
        let options = Options { segment_bytes: 4 << 10, nice: 0 };
        let mut log = SyncLog::open(memory.clone(), options).expect("a log");
        for record in 0..60 {
            log.append(format!("record {record} ").repeat(50).as_bytes());
            log.sync().expect("a disk");
        }
        log.close().expect("a disk");
        let files = Files::over(memory.clone()).expect("a log");
        let segments: Vec<_> = files.sealed().collect();
        let object = |place: usize| -> PathBuf {
            let name = archive.send(&files, &segments[place]).expect("an archive").name;
            at.path().join(name.path())
        };
        let objects: Vec<PathBuf> = (0..segments.len()).map(object).collect();
        let state = Some(segments[3].first);
        let retention = Retention { archived_before: Lsn::MAX, state, cursors: &[], keep_bytes: 0 };
        let alter = |object: &PathBuf| fs::write(object, "something else").expect("a disk");

        alter(&objects[3]);
        let claim = Claim::over(memory.clone()).expect("a log that nobody writes");
        let (done, why) = remove_verified(&archive, claim, &retention).expect("three whole copies");
        assert_eq!((done.parts, why), (3, Some(Kept::NoState)));

        let claim = Claim::over(memory.clone()).expect("a log that nobody writes");
        let retention = Retention { state: Some(Lsn::MAX), ..retention };
        let error = remove_verified(&archive, claim, &retention).expect_err("an altered copy");
        assert!(matches!(error, Error::Archive(::archive::Error::Altered { .. })), "{error}");
        assert_eq!(Files::over(memory).expect("a log").begins().lsn.next(), segments[3].first);
    }

    #[test]
    fn a_directory_that_cannot_be_listed_is_named() {
        let error = has_files("/nowhere/to/be/found").expect_err("it is not there");
        assert_eq!(error.to_string(), "failed to list /nowhere/to/be/found");
    }
}
