//! `hub backup`: takes the cut, copies it, and writes the inventory last.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use actors::{clock::now_ms, stored};
use base16ct::lower::encode_string;
use journal::{
    FIRST_KEPT, Files, LogCut,
    file::Directory,
    storage::{File as _, Storage},
};
use people::{DATABASE, KEYS};
use sha2::{Digest, Sha256};
use store::{MANIFEST, StoreCut};

use super::{
    Error, LOG, PEOPLE, STORE,
    copy::{Copier, PARTIAL, empty, vacant, write_small},
    inventory::{Inventory, Listed},
};
use crate::{app::files, config::Loaded, recovery::Head};

/// How much lower the priority of a backup is than that of a hub, in the system's steps.
const NICE: i32 = 10;

/// What `hub backup` is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOrder {
    /// The directory of the backup, new or empty.
    pub to: String,
    /// Where the key file of the people store is copied, if it is.
    pub keys_to: Option<String>,
    /// Most bytes that are copied in a second.
    pub speed: u64,
}

/// The files of a hub as of one cut, open.
struct Cut {
    store: Option<StoreCut<File>>,
    log: LogCut<File>,
}

/// Makes a backup of the configured log, beside a hub that serves from it or has stopped.
///
/// # Errors
/// Why there is no backup. What was copied is left, without an inventory.
pub fn make(loaded: &Loaded, order: &BackupOrder, output: &mut dyn Write) -> Result<(), Error> {
    let place = &loaded.config.journal.directory;
    let directory = Path::new(place);
    if !directory.is_dir() {
        return Err(Error::NoLog(place.clone()));
    }
    let from = Directory::open(directory)?;
    let to = Path::new(&order.to);
    check(directory, order)?;

    files::allow_all();
    // Play comes first where processors are few. Without it the backup is as good.
    let _ = rustix::process::nice(NICE);
    let cut_ms = now_ms();
    let no_log = || Error::NoLog(place.clone());
    let mut taken = cut(&from, output)?.ok_or_else(no_log)?;
    // Nothing is made before: what cannot be copied leaves no folders.
    let backup = empty(to)?;
    let keys_to = order.keys_to.as_deref().map(|keys| empty(Path::new(keys))).transpose()?;
    let [log, kept_store, people_to] = [LOG, STORE, PEOPLE].map(|folder| Directory::create(&to.join(folder)));
    let (log, kept_store, people_to) = (log?, kept_store?, people_to?);
    let partial = format!("{DATABASE}.{PARTIAL}");
    let mut people = people::copy(directory, &people_to.path(&partial))?;
    if people.as_ref().is_some_and(|copied| copied.keyless > 0) {
        // An erasure was interrupted. Its record came first, and must be in the cut.
        people_to.remove(&partial).map_err(Error::io("remove", people_to.path(&partial)))?;
        taken = cut(&from, output)?.ok_or_else(no_log)?;
        people = people::copy(directory, &people_to.path(&partial))?;
    }
    let cut = taken;
    if people.is_some() {
        people_to.rename(&partial, DATABASE).map_err(Error::io("rename", people_to.path(&partial)))?;
        people_to.sync_names().map_err(Error::io("sync directory", people_to.path("")))?;
    }
    let keys = people.as_ref().and_then(|copied| copied.keys.as_deref());
    match (&keys_to, keys) {
        (Some(keys_to), Some(keys)) => write_small(keys_to, KEYS, keys)?,
        (Some(_), None) => return Err(Error::NoKeys),
        (None, _) => {}
    }

    let head = Head { lsn: cut.log.end.lsn.0, hash: cut.log.end.hash };
    let people_bytes = match &people {
        Some(_) => {
            let path = people_to.path(DATABASE);
            fs::metadata(&path).map_err(Error::io("read", &path))?.len()
        }
        None => 0,
    };
    let all = cut.bytes(directory)? + people_bytes;
    let mut copying = Copying { files: Vec::new(), copier: Copier::new(output, "copied", all, order.speed) };
    if let Some(store) = &cut.store {
        for (name, file) in &store.runs {
            let bytes = file.len().map_err(Error::io("read", directory.join(STORE).join(name)))?;
            copying.copy(STORE, (file, &directory.join(STORE)), (bytes, bytes), (&kept_store, name))?;
        }
        copying.small(STORE, (&kept_store, MANIFEST), &store.manifest)?;
    }
    for segment in &cut.log.segments {
        copying.copy(
            LOG,
            (&segment.file, directory),
            (segment.used, segment.bytes),
            (&log, &segment.name),
        )?;
    }
    if let Some(bytes) = &cut.log.first_kept {
        copying.small(LOG, (&log, FIRST_KEPT), bytes)?;
    }
    if people.is_some() {
        let (bytes, sha256) = copying.copier.sum(&people_to.path(DATABASE))?;
        copying.files.push(Listed { path: format!("{PEOPLE}/{DATABASE}"), bytes, sha256 });
    }
    let files = copying.files;
    let inventory = Inventory {
        hub: env!("CARGO_PKG_VERSION").into(),
        cut_ms,
        log: encode_string(&cut.log.id),
        lineage: cut.log.end.lineage.to_string(),
        first: cut.log.begins.lsn.0 + 1,
        head: head.to_string(),
        store: cut.store.as_ref().map(|store| store.cursor.lsn.0),
        keys: keys.map(|bytes| encode_string(&Sha256::digest(bytes))),
        files,
    };
    backup.sync_names().map_err(Error::io("sync directory", to))?;
    inventory.write(&backup)?;
    tell(&inventory, order, output).map_err(Error::Write)
}

/// Checks what can be known before anything is made: whether the places are apart and free, and whether there are keys.
fn check(log: &Path, order: &BackupOrder) -> Result<(), Error> {
    let (to, keys_to) = (Path::new(&order.to), order.keys_to.as_deref().map(Path::new));
    for path in [Some(to), keys_to].into_iter().flatten() {
        if is_in(path, log)? {
            return Err(Error::BesideLog(path.to_owned()));
        }
    }
    if let Some(keys) = keys_to {
        if is_in(keys, to)? {
            return Err(Error::KeysInside(keys.to_owned()));
        }
        if is_in(to, keys)? {
            return Err(Error::KeysAround(keys.to_owned()));
        }
    }
    for path in [Some(to), keys_to].into_iter().flatten().filter(|path| path.exists()) {
        vacant(path)?;
    }
    if keys_to.is_some() && !log.join(KEYS).is_file() { Err(Error::NoKeys) } else { Ok(()) }
}

/// Whether a path is below a directory, or is it, as the two are written.
fn is_in(path: &Path, directory: &Path) -> Result<bool, Error> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::io("look at", path));
    Ok(absolute(path)?.starts_with(absolute(directory)?))
}

/// Opens the files of the store, then those of the log, and compares the two.
fn cut(from: &Directory, output: &mut dyn Write) -> Result<Option<Cut>, Error> {
    let store = match stored::storage_to_read(&from.path("")) {
        Ok(Some(storage)) => StoreCut::take(&storage),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(log) = LogCut::take(from)? else { return Ok(None) };
    let store = match store {
        Ok(store) => store,
        // It is built from the log, if that has all records.
        Err(error) if error.needs_a_new_store() && log.first_kept.is_none() => {
            let why = error.with_causes();
            writeln!(output, "the state store is left out, and a start builds it again: {why}")
                .map_err(Error::Write)?;
            None
        }
        Err(error) => return Err(Error::Store(error)),
    };
    if let Some(at) = store.as_ref().map(|store| store.cursor).filter(|at| at.lsn > log.end.lsn) {
        // The log has lost its end, and a start would refuse it.
        let files = Files::over(from.clone())?;
        let reader = files.reader(journal::Lsn(u64::MAX - 1))?;
        files.reaches(&files.finish(reader)?, &at, stored::DIRECTORY)?;
    }
    Ok(Some(Cut { store, log }))
}

impl Cut {
    /// The length of the files of store and log in a directory, but for those of a few bytes. Bytes.
    fn bytes(&self, directory: &Path) -> Result<u64, Error> {
        let runs = self.store.iter().flat_map(|store| &store.runs);
        let path = |name| directory.join(STORE).join(name);
        let runs = runs.map(|(name, file)| file.len().map_err(Error::io("read", path(name))));
        Ok(runs.sum::<Result<u64, Error>>()?
            + self.log.segments.iter().map(|segment| segment.bytes).sum::<u64>())
    }
}

/// The copying of a cut, and what was copied.
struct Copying<'a> {
    files: Vec<Listed>,
    copier: Copier<'a>,
}

impl Copying<'_> {
    fn copy(
        &mut self,
        folder: &str,
        (file, directory): (&File, &Path),
        (used, bytes): (u64, u64),
        (to, name): (&Directory, &str),
    ) -> Result<(), Error> {
        let sha256 = self.copier.copy((file, &directory.join(name)), (used, bytes), (to, name))?;
        self.files.push(Listed { path: format!("{folder}/{name}"), bytes, sha256 });
        Ok(())
    }

    fn small(&mut self, folder: &str, (to, name): (&Directory, &str), bytes: &[u8]) -> Result<(), Error> {
        write_small(to, name, bytes)?;
        let sha256 = encode_string(&Sha256::digest(bytes));
        self.files.push(Listed { path: format!("{folder}/{name}"), bytes: bytes.len() as u64, sha256 });
        Ok(())
    }
}

fn tell(inventory: &Inventory, order: &BackupOrder, output: &mut dyn Write) -> std::io::Result<()> {
    let Inventory { head, lineage, first, .. } = inventory;
    writeln!(
        output,
        "backup      {} file(s) of {} bytes in {}",
        inventory.files.len(),
        inventory.bytes(),
        order.to
    )?;
    writeln!(output, "log         from record {first}, lineage {lineage}")?;
    writeln!(output, "head        {head}")?;
    if let Some(lsn) = inventory.store {
        writeln!(output, "store       stands for record {lsn}")?;
    }
    match (&inventory.keys, &order.keys_to) {
        (None, _) => {}
        (Some(_), Some(keys)) => writeln!(
            output,
            "keys        {KEYS} is in {keys}: keep it apart from the backup, for days and not for years"
        )?,
        (Some(_), None) => writeln!(
            output,
            "keys        {KEYS} is not in the backup: without it nobody can sign in to a restored hub. Copy it with --keys-to \
             into another place"
        )?,
    }
    writeln!(output, "Secrets are not in the backup. Restore it with `hub restore --from {}`.", order.to)
}
