//! A directory that holds other files too, as one whose path was mistyped: they keep their contents and their modes. And a
//! segment of another version.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use journal::file::Directory;
use journal::{Claim, Error, Log, Lsn, Reader};

use crate::{SMALL, filled, replayed};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A directory that everybody may read, with a file of somebody else.
fn shared() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    set_mode(dir.path(), 0o755);
    let theirs = dir.path().join("passwd");
    fs::write(&theirs, "root").unwrap();
    set_mode(&theirs, 0o644);
    (dir, theirs)
}

#[test]
fn a_log_in_a_directory_of_others_leaves_the_modes_of_their_files() {
    let (dir, theirs) = shared();
    let modes = || (mode(dir.path()), mode(&theirs));
    drop(filled(&Directory::create(dir.path()).unwrap(), 3));
    assert_eq!(modes(), (0o755, 0o644), "at the first start");
    let segment = dir.path().join("00000000000000000001.log");
    set_mode(&segment, 0o664);
    drop(journal::open(dir.path(), SMALL).unwrap());
    assert_eq!(modes(), (0o755, 0o644), "at the second");
    assert_eq!(mode(&segment), 0o600, "what is of the log is its owner's alone");
}

#[test]
fn who_is_refused_has_changed_no_mode() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(&Directory::create(dir.path()).unwrap(), 3));
    let segment = dir.path().join("00000000000000000001.log");
    set_mode(&segment, 0o664);
    set_mode(dir.path(), 0o755);
    let running = journal::open(dir.path(), SMALL).unwrap();
    set_mode(&segment, 0o664);
    set_mode(dir.path(), 0o755);
    assert!(matches!(journal::open(dir.path(), SMALL), Err(Error::Locked { .. })));
    drop(running);
    // A claim that is given up, as by a start that refuses what it reads.
    drop(Claim::take(dir.path()).unwrap());
    assert_eq!((mode(dir.path()), mode(&segment)), (0o755, 0o664));
    drop(journal::open(dir.path(), SMALL).unwrap());
    assert_eq!((mode(dir.path()), mode(&segment)), (0o700, 0o600));
}

#[test]
fn a_log_neither_removes_nor_overwrites_what_it_has_not_made() {
    let (dir, _) = shared();
    let theirs = dir.path().join("download.partial");
    fs::write(&theirs, "half of a file").unwrap();
    drop(filled(&Directory::create(dir.path()).unwrap(), 3));
    drop(journal::open(dir.path(), SMALL).unwrap());
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "half of a file");
    for (name, text) in [("lock", "held by another program"), ("head", "ref: refs/heads/main")] {
        let (dir, _) = shared();
        fs::write(dir.path().join(name), text).unwrap();
        let before = fs::read_dir(dir.path()).unwrap().count();
        let refused = journal::open(dir.path(), SMALL).unwrap_err();
        assert!(matches!(&refused, Error::Damaged { file, .. } if file.ends_with(name)), "{refused}");
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), text);
        let segments = fs::read_dir(dir.path()).unwrap().count() - before;
        assert!(segments <= 1, "at most the file lock was made");
    }
}

#[test]
fn a_lock_that_a_power_failure_has_torn_is_taken() {
    for text in ["", "\0\0\0\0\0", "123\0\0", "4194304\n"] {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(&Directory::create(dir.path()).unwrap(), 3));
        fs::write(dir.path().join("lock"), text).unwrap();
        let log: Log = journal::open(dir.path(), SMALL).unwrap();
        assert_eq!(replayed(&log).len(), 3);
        let held = fs::read_to_string(dir.path().join("lock")).unwrap();
        assert_eq!(held, format!("{}\n", std::process::id()));
    }
}

#[test]
fn a_segment_of_another_version_is_refused_with_its_name_both_versions_and_what_to_do() {
    let cases = [
        (1_u32, "go on with the build that wrote it, or begin a new log in another journal.directory"),
        (3, "a later release wrote it. Go on with that release or a later one, on the same directory"),
    ];
    for (version, advice) in cases {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(&Directory::create(dir.path()).unwrap(), 3));
        let segment = dir.path().join("00000000000000000001.log");
        let mut bytes = fs::read(&segment).unwrap();
        assert_eq!(bytes[8..12], 2_u32.to_le_bytes(), "the version of this release");
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..508]);
        bytes[508..512].copy_from_slice(&crc.to_le_bytes());
        fs::write(&segment, &bytes).unwrap();
        let read =
            |lsn| Reader::open(dir.path(), Lsn(lsn)).and_then(|mut reader| reader.next(Lsn::MAX).map(drop));
        for refused in [journal::open(dir.path(), SMALL).unwrap_err(), read(0).unwrap_err()] {
            let said = refused.to_string();
            assert!(said.starts_with(&segment.display().to_string()), "{said}");
            let what = format!("has format version {version}, and this release reads version 2: {advice}");
            assert!(said.contains(&what) && said.contains("docs/operating.md"), "{said}");
        }
        assert_eq!(fs::read(&segment).unwrap(), bytes, "nothing is changed");
    }
}
