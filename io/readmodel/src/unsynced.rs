//! Whether the machine has stopped while the files were not synced.
//!
//! Nothing is synced while the read model is written: that would hold back the log's own syncs, and whoever waits for them. So the
//! file `unsynced` stands in the directory from before the first write until an orderly stop has synced everything, and says
//! in which boot of the machine it was made. A process that is killed leaves its writes to the machine. When the machine itself has
//! stopped, some of them may be missing, and any page may be of another time: the files are then built again.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path};

/// The file.
const MARK: &str = "unsynced";
/// Where Linux tells a random id that is another one after each boot.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The boot of the machine; empty where it cannot be told: then every mark counts as one of another boot.
fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default()
}

/// Whether the machine has stopped since the files of this directory were written, and they were not synced.
pub fn has_lost_writes(directory: &Path) -> io::Result<bool> {
    match fs::read_to_string(directory.join(MARK)) {
        Ok(made_in) => Ok(made_in.is_empty() || made_in != boot()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// From now on the files are written without a sync.
pub fn begin(directory: &Path) -> io::Result<()> {
    let path = directory.join(MARK);
    let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(boot().as_bytes())?;
    file.sync_all()?;
    sync(directory)
}

/// Everything is synced.
pub fn end(directory: &Path) -> io::Result<()> {
    // What was made in the directory is there before the mark is gone.
    sync(directory)?;
    fs::remove_file(directory.join(MARK))?;
    sync(directory)
}

fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{DIRECTORY, LogRows, ModelCursor, ModelWriter};

    /// Commits a record that has nothing.
    fn commit(writer: &mut ModelWriter, lsn: u64) {
        let nothing = LogRows { lsn, time_ms: lsn, ..LogRows::default() };
        writer.take(nothing).expect("a disk");
        writer.commit(ModelCursor { lineage: [1; 16], lsn, hash: [2; 32] }).expect("a disk");
    }

    fn opened(log: &TempDir) -> (ModelWriter, Option<String>) {
        ModelWriter::open(log.path()).expect("a disk")
    }

    /// A read model that is read, with a record.
    fn written(log: &TempDir) -> ModelWriter {
        let (mut writer, _) = opened(log);
        commit(&mut writer, 1);
        writer.swap().expect("a disk");
        commit(&mut writer, 2);
        writer
    }

    fn mark(log: &TempDir) -> std::path::PathBuf {
        log.path().join(DIRECTORY).join(MARK)
    }

    #[test]
    fn after_an_orderly_stop_it_goes_on_also_after_another_boot() {
        let log = tempfile::tempdir().expect("a directory");
        let writer = written(&log);
        assert!(mark(&log).exists());
        drop(writer);
        assert!(!mark(&log).exists(), "everything is synced");
        let (writer, why) = opened(&log);
        assert_eq!((writer.cursor().lsn, writer.builds(), why), (2, false, None));
    }

    #[test]
    fn after_a_kill_it_goes_on_and_after_the_machine_has_stopped_it_is_built_again() {
        let log = tempfile::tempdir().expect("a directory");
        // As a process that is killed leaves it.
        std::mem::forget(written(&log));
        let (writer, why) = opened(&log);
        assert_eq!((writer.cursor().lsn, writer.builds(), why), (2, false, None));
        std::mem::forget(writer);

        for of_another_boot in ["another boot\n", ""] {
            fs::write(mark(&log), of_another_boot).expect("a disk");
            let (mut writer, why) = opened(&log);
            let why = why.expect("it is told");
            assert!(why.contains("the machine has stopped"), "{why}");
            assert_eq!((writer.cursor().lsn, writer.builds()), (0, true));
            commit(&mut writer, 1);
            writer.swap().expect("a disk");
            std::mem::forget(writer);
        }
    }
}
