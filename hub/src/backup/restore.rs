//! `hub restore`: checks a backup, puts it together beside nothing else, proves it, begins its new lineage, and gives the files
//! their places last.
//!
//! Everything is done in the folder `restoring` of the new data directory. The segments are moved out of it last, the first one
//! after all others: until then no hub would start on the directory, and with it the restored log is whole.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use journal::{Files, file::Directory, storage::Storage};
use people::KEYS;

use super::{
    Error, STORE,
    copy::{Copier, empty, write_small},
    inventory::Inventory,
};
use crate::utc::utc;
use crate::{
    config::Loaded,
    recovery::{self, Expectations, Head, Restored},
};

/// The folder in which a restored log is put together.
const STAGE: &str = "restoring";
/// A restore waits for nobody's play: it is as fast as the disk.
const SPEED: u64 = u64::MAX;

/// What `hub restore` is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreOrder {
    /// The directory of the backup.
    pub from: String,
    /// The directory of the key file of the people store.
    pub keys_from: Option<String>,
}

/// Restores a backup into the configured directory, which is new or empty.
///
/// # Errors
/// Why it is not restored. The directory is empty again then, except after a failure of the disk: [`Error::AtTheEnd`] when
/// everything is there, and otherwise nothing that a hub would start on.
pub fn restore(loaded: &Loaded, order: &RestoreOrder, output: &mut dyn Write) -> Result<(), Error> {
    let backup = Path::new(&order.from);
    let inventory = Inventory::read(backup)?;
    let head = inventory.head(backup)?;
    let data = Path::new(&loaded.config.journal.directory);
    let target = free(data)?;
    let mut copier = Copier::new(output, "checked", inventory.bytes(), SPEED);
    for listed in &inventory.files {
        copier.check(&listed.file(backup), listed.bytes, &listed.sha256)?;
    }

    let stage = data.join(STAGE);
    let restored = put_together(&inventory, order, &stage, output)
        .and_then(|()| prove(loaded, order, head, &stage))
        .inspect_err(|_| drop(fs::remove_dir_all(&stage)))?;
    move_out(&stage, &target)?;
    finish(&stage, &target)
        .map_err(|source| Error::AtTheEnd { directory: data.to_owned(), source: Box::new(source) })?;
    tell(&inventory, order, data, &restored, output).map_err(Error::Write)
}

/// The directory, new or empty, but for what a restore has left that was interrupted before it gave files their places.
fn free(data: &Path) -> Result<Directory, Error> {
    let directory = Directory::create(data)?;
    let stage = data.join(STAGE);
    let names = directory.list().map_err(Error::io("list", data))?;
    if names == [STAGE] {
        fs::remove_dir_all(&stage).map_err(Error::io("remove", &stage))?;
    } else if names.iter().any(|name| name == STAGE) {
        let mut left = fs::read_dir(&stage).map_err(Error::io("list", &stage))?;
        return Err(Error::Interrupted { directory: data.to_owned(), whole: left.next().is_none() });
    }
    empty(data)
}

/// Copies every file to where a hub expects it.
fn put_together(
    inventory: &Inventory,
    order: &RestoreOrder,
    stage: &Path,
    output: &mut dyn Write,
) -> Result<(), Error> {
    let (backup, directory) = (Path::new(&order.from), Directory::create(stage)?);
    let mut copier = Copier::new(output, "copied", inventory.bytes(), SPEED);
    let mut store = None;
    for listed in &inventory.files {
        let source = listed.file(backup);
        let Some((folder, name)) = listed.place() else { continue };
        let to = match (folder, &store) {
            (STORE, Some(store)) => store,
            (STORE, None) => store.insert(Directory::create(&stage.join(STORE))?),
            _ => &directory,
        };
        let file = File::open(&source).map_err(Error::io("open", &source))?;
        let sha256 = copier.copy((&file, &source), (listed.bytes, listed.bytes), (to, name))?;
        if sha256 != listed.sha256 {
            return Err(Error::damaged(source, "it has changed since it was checked"));
        }
    }
    if let Some(keys) = &order.keys_from {
        let path = Path::new(keys).join(KEYS);
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        write_small(&directory, KEYS, &bytes)?;
    }
    Ok(())
}

/// Proves log, state store and people store as a start does, and begins the new lineage.
fn prove(loaded: &Loaded, order: &RestoreOrder, expected: Head, stage: &Path) -> Result<Restored, Error> {
    let directory = loaded.config.journal.directory.as_str();
    let unproven =
        |source: recovery::Error| Error::Unproven { directory: directory.into(), source: Box::new(source) };
    let expectations = Expectations::of(loaded, Some(expected));
    let files = Files::open(stage)?;
    let store = recovery::store_of(stage).map_err(unproven)?;
    let proven = recovery::tail(&files, None, store.as_ref(), &expectations).map_err(unproven)?;
    let found = Head { lsn: proven.tail.last().0, hash: proven.tail.cursor().hash };
    if found != expected {
        return Err(Error::OtherEnd { found, expected });
    }
    // Without the key file the people store cannot be read.
    if order.keys_from.is_some() {
        recovery::people::of_log(stage, &loaded.secrets.people, &proven.world).map_err(unproven)?;
    }
    drop((proven, files));
    recovery::restored(stage, loaded.config.journal.segment_bytes, &expectations).map_err(unproven)
}

/// Gives every file its place: the segments last, from the newest to the oldest.
fn move_out(stage: &Path, target: &Directory) -> Result<(), Error> {
    let from = Directory::open(stage)?;
    let mut names = from.list().map_err(Error::io("list", stage))?;
    let is_segment = |name: &String| name.ends_with(".log");
    names.sort_by_key(|name| (is_segment(name), std::cmp::Reverse(name.clone())));
    let last = names.last().cloned();
    for name in names {
        let (old, new) = (from.path(&name), target.path(&name));
        fs::rename(&old, &new).map_err(Error::io("move", &old))?;
        // With the last one the log has its beginning; it is made durable by whoever finishes.
        if is_segment(&name) && Some(&name) != last.as_ref() {
            target.sync_names().map_err(Error::io("sync directory", target.path("")))?;
        }
    }
    Ok(())
}

/// Makes the places of the files durable, and removes the empty folder.
fn finish(stage: &Path, target: &Directory) -> Result<(), Error> {
    target.sync_names().map_err(Error::io("sync directory", target.path("")))?;
    fs::remove_dir(stage).map_err(Error::io("remove", stage))?;
    target.sync_names().map_err(Error::io("sync directory", target.path("")))
}

fn tell(
    inventory: &Inventory,
    order: &RestoreOrder,
    data: &Path,
    restored: &Restored,
    output: &mut dyn Write,
) -> io::Result<()> {
    let (last, data) = (restored.forked.lsn.0, data.display());
    writeln!(
        output,
        "restored    {} file(s) of {} bytes in {data}",
        inventory.files.len(),
        inventory.bytes()
    )?;
    writeln!(output, "backup      of a hub {}, cut at {}", inventory.hub, utc(inventory.cut_ms))?;
    writeln!(output, "log         from record {}", inventory.first)?;
    writeln!(output, "head        {}", inventory.head)?;
    writeln!(output, "lineage     {}   begins after record {last}", restored.lineage)?;
    writeln!(output, "abandoned   {}", restored.forked.lineage)?;
    if order.keys_from.is_none() && inventory.keys.is_some() {
        writeln!(
            output,
            "keys        put {KEYS} into {data} before the start: the one that was copied with this backup"
        )?;
    }
    writeln!(
        output,
        "What came after record {last} is lost: reconcile it from other sources, run `hub verify`, then start the hub."
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn wherever_the_files_stop_getting_their_places_the_log_has_no_beginning() {
        let segments = [1, 50, 99].map(|first| format!("{first:020}.log"));
        let names = ["people.db", "people.keys", "store", "head", "first_kept"].map(str::to_owned);
        let names = [&names[..], &segments].concat();
        for stop in &names {
            let data = tempfile::tempdir().unwrap();
            let (stage, target) = (data.path().join(STAGE), Directory::open(data.path()).unwrap());
            fs::create_dir_all(stage.join("store")).unwrap();
            for name in names.iter().filter(|name| *name != "store") {
                fs::write(stage.join(name), name).unwrap();
            }
            // Nothing is moved over a directory with a file.
            fs::create_dir(data.path().join(stop)).unwrap();
            fs::write(data.path().join(stop).join("file"), "").unwrap();
            assert!(move_out(&stage, &target).is_err(), "{stop}");
            let there = |name: &String| data.path().join(name).is_file();
            assert!(!there(&segments[0]), "{stop}: the log has its beginning");

            fs::remove_dir_all(data.path().join(stop)).unwrap();
            // Before the first file has its place, the folder is removed and everything begins anew.
            if names.iter().any(|name| data.path().join(name).exists()) {
                let left = free(data.path()).unwrap_err();
                assert!(matches!(left, Error::Interrupted { whole: false, .. }), "{stop}: {left}");
            }
            move_out(&stage, &target).unwrap();
            let left = free(data.path()).unwrap_err().to_string();
            assert!(
                left.contains("the log there is whole. Remove the empty folder restoring"),
                "{stop}: {left}"
            );
            finish(&stage, &target).unwrap();
            assert!(names.iter().all(|name| data.path().join(name).exists()) && !stage.exists(), "{stop}");
        }
    }
}
