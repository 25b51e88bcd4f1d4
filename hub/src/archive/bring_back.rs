//! `hub archive --fetch`: brings back an anchor as the state store of a log that begins later.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::archive::{AnchorName, Archive};
use actors::stored::{self, Stored};
use engine::{Formats, StoredState as _, Unknown};
use journal::{Claim, Files, Lsn, file::Directory};

use super::error::Error;
use crate::{
    config::Loaded,
    recovery::{self, Expectations},
    telemetry::with_causes,
};

/// The directory in which the files of an anchor are put together, in that of the log. What is left of it is removed.
const FETCHED: &str = "store.fetched";
/// What a state store that cannot be used is renamed to.
const REPLACED: &str = "store.replaced";

/// Puts the newest anchor that can be used in the place of the state store, where a start needs it: the log begins later, and
/// there is no store to go on from. Every object that is not what its name states is named, and the next older one is
/// tried. Nothing is changed before one is whole.
///
/// # Errors
/// When a hub serves, a start would refuse for another reason, no anchor can be used, or the archive or a file cannot be used.
pub fn bring_back(loaded: &Loaded, archive: &Archive, output: &mut impl Write) -> Result<ExitCode, Error> {
    let place = &loaded.config.journal.directory;
    let directory = Path::new(place);
    let claim = match Claim::take(directory) {
        Err(journal::Error::Locked { .. }) => return Err(Error::InUse(place.clone())),
        claim => claim?,
    };
    let files = claim.files();
    let begins = files.begins().lsn;
    if begins == Lsn(0) {
        writeln!(
            output,
            "Nothing is fetched: the log has all its records, and a start builds the state store from them."
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let unfit = |source| Error::Unfit(Box::new(source));
    let store = recovery::store_of(directory).map_err(unfit)?;
    match recovery::tail(files, None, store.as_ref(), &Expectations::of(loaded, None)) {
        Ok(_) => {
            writeln!(output, "Nothing is fetched: a start goes on from the state store that is there.")?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(recovery::Error::NoState { .. }) => {}
        Err(error) => return Err(unfit(error)),
    }
    let catalogue = archive.catalogue(files)?;
    for archived in catalogue.anchors.iter().rev() {
        let name = &archived.name;
        match unusable(files, name)? {
            Some(why) => writeln!(output, "passed over: {name}: {why}")?,
            None => match fetched(archive, name, directory) {
                Ok(()) => {
                    put_in_place(directory, output)?;
                    writeln!(
                        output,
                        "The state store stands for record {} now, as of {name}. `hub verify` proves the rest of the log on it.",
                        name.at.lsn.0
                    )?;
                    return Ok(ExitCode::SUCCESS);
                }
                Err(Error::Archive(
                    error @ (::archive::Error::Altered { .. } | ::archive::Error::Lost { .. }),
                )) => {
                    writeln!(output, "WRONG    {}", with_causes(&error))?;
                }
                Err(error) => return Err(error),
            },
        }
    }
    Err(Error::NoAnchor { begins: begins.0 })
}

/// Why a log cannot go on from an anchor, as far as its name tells.
fn unusable(files: &Files, name: &AnchorName) -> Result<Option<String>, Error> {
    let (lsn, begins) = (name.at.lsn, files.begins().lsn);
    if lsn < begins {
        return Ok(Some(format!("the log begins with record {}, later than it needs", begins.next().0)));
    }
    match files.hash_at(lsn) {
        Ok(hash) if hash == Some(name.at.hash) => Ok(None),
        Ok(Some(_)) => Ok(Some("the log has another batch there".into())),
        Ok(None) => Ok(Some("the log has no such record".into())),
        Err(error) => Err(error.into()),
    }
}

/// Puts the files of an anchor together, and proves that they are the state of its name.
fn fetched(archive: &Archive, name: &AnchorName, directory: &Path) -> Result<(), Error> {
    let path = directory.join(FETCHED);
    remove_all(&path)?;
    let to = Directory::create(&path)?;
    let altered = |what: String| ::archive::Error::Altered { object: name.path(), what };
    let prove = || -> Result<(), Error> {
        archive.fetch_anchor(name, &to)?;
        let stored = Stored::read(&to).map_err(|error| altered(error.with_causes()))?;
        if stored.0.cursor() != name.at {
            return Err(altered(format!("its state store stands for record {}", stored.lsn())).into());
        }
        stored.load(Formats::STANDARD, Unknown::Kept).map_err(|error| altered(error.with_causes()))?;
        Ok(())
    };
    prove().inspect_err(|_| drop(fs::remove_dir_all(&path)))
}

/// Renames what was put together to the state store, and the store that is there to another name.
fn put_in_place(directory: &Path, output: &mut impl Write) -> Result<(), Error> {
    let (from, to) = (directory.join(FETCHED), directory.join(stored::DIRECTORY));
    if to.exists() {
        let aside = free_name(directory);
        rename(&to, &aside)?;
        writeln!(output, "The state store that could not be used is in {} now.", aside.display())?;
    }
    rename(&from, &to)?;
    fs::File::open(directory).and_then(|names| names.sync_all()).map_err(|source| Error::Place {
        action: "sync directory",
        path: directory.to_owned(),
        source,
    })
}

/// A name that no earlier store was given.
fn free_name(directory: &Path) -> PathBuf {
    let numbered = (2_u32..).map(|number| directory.join(format!("{REPLACED}.{number}")));
    let mut names = [directory.join(REPLACED)].into_iter().chain(numbered);
    names.find(|name| !name.exists()).expect("the numbers have no end")
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|source| Error::Place { action: "rename", path: from.to_owned(), source })
}

fn remove_all(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Place { action: "remove", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
