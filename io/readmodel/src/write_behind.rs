//! Hands to the disk, bit by bit, what was written and is not synced.
//!
//! Left alone, the system keeps the pages of these files for half a minute and then writes them all at once; syncs of the log, and every
//! bet with them, wait behind that. So after each commit the writing of a part of each file is begun, and of each file as a whole
//! once in [`CYCLE`]. Nothing is waited for: this is no sync, and what a crash of the machine leaves is still not known.

use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The time in which every part of a file has its turn: less than the 30 s after which Linux writes pages by itself.
const CYCLE: Duration = Duration::from_secs(20);
/// The shortest part. Bytes.
const PART_MIN: u64 = 1 << 20;

/// The files of a database that is written without a sync.
#[derive(Debug, Default)]
pub(crate) struct WriteBehind {
    turns: Vec<Turn>,
    /// Databases that others have taken the place of. To close one here would release the locks that this process has on it by
    /// SQLite, and it may only have another name now; so they are closed with the writer. There is one for each that was built.
    /// A WAL file has no locks.
    replaced: Vec<File>,
}

/// One file, and how far its turn is.
#[derive(Debug)]
struct Turn {
    path: PathBuf,
    file: File,
    inode: u64,
    at: u64,
    last: Instant,
}

impl WriteBehind {
    /// Begins to write the next part of a database and of its WAL file, as far as they are there. Not being able to is no failure:
    /// the system writes by itself, later.
    pub fn step(&mut self, [database, wal]: &[PathBuf; 2]) {
        // A file that is not there yet has its turn after a later commit.
        let _ = self.step_of(database, true);
        let _ = self.step_of(wal, false);
    }

    /// The turn of one file. `locked`: whether SQLite has locks on such a file.
    fn step_of(&mut self, path: &Path, locked: bool) -> io::Result<()> {
        let now = path.metadata()?;
        let known = self.turns.iter().position(|turn| turn.path == path);
        if let Some(place) = known.filter(|place| self.turns[*place].inode != now.ino()) {
            let before = self.turns.swap_remove(place).file;
            self.replaced.extend(locked.then_some(before));
        }
        let place = match self.turns.iter().position(|turn| turn.path == path) {
            Some(place) => place,
            None => {
                let file = File::open(path)?;
                let inode = file.metadata()?.ino();
                self.turns.push(Turn { path: path.to_owned(), file, inode, at: 0, last: Instant::now() });
                self.turns.len() - 1
            }
        };
        let turn = &mut self.turns[place];
        let (at, length) = part(turn.at, now.len(), turn.last.elapsed());
        (turn.at, turn.last) = (at + length, Instant::now());
        begin_to_write(&turn.file, at, length)
    }
}

/// The next part of a file of this length, when the last turn ended at `at`, so long ago.
fn part(at: u64, length: u64, since: Duration) -> (u64, u64) {
    let share = since.as_secs_f64() / CYCLE.as_secs_f64();
    let part = ((length as f64 * share) as u64).clamp(PART_MIN, length.max(PART_MIN));
    (if at >= length { 0 } else { at }, part)
}

fn begin_to_write(file: &File, at: u64, length: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let (at, length) = (at.cast_signed(), length.cast_signed());
    // SAFETY: the descriptor is open, and the call touches no memory.
    match unsafe { libc::sync_file_range(file.as_raw_fd(), at, length, libc::SYNC_FILE_RANGE_WRITE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_part_has_its_turn_once_in_a_cycle_and_none_is_longer_than_the_file() {
        for length in [0, 5, PART_MIN, 400 * PART_MIN + 7] {
            let (mut at, mut covered, mut turns) = (0, 0, 0);
            while covered < length {
                let (from, part) = part(at, length, CYCLE / 400);
                assert_eq!(from, covered, "without a gap");
                (at, covered, turns) = (from + part, from + part, turns + 1);
            }
            assert!(turns <= 401, "{turns}");
            assert_eq!(part(length, length, CYCLE / 400).0, 0, "from the beginning again");
        }
        assert_eq!(part(0, 10 * PART_MIN, 9 * CYCLE), (0, 10 * PART_MIN), "after a pause all of it");
    }

    #[test]
    fn a_database_that_another_one_takes_the_place_of_stays_open_and_a_wal_file_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let paths = ["database", "wal"].map(|name| directory.path().join(name));
        let mut behind = WriteBehind::default();
        behind.step(&paths);
        assert!(behind.turns.is_empty(), "they are not there yet");
        paths.iter().for_each(|path| fs::write(path, vec![1; 5 << 20]).expect("a disk"));
        behind.step(&paths);
        let turns: Vec<_> = behind.turns.iter().map(|turn| turn.at).collect();
        assert_eq!((turns, behind.replaced.len()), (vec![PART_MIN, PART_MIN], 0));
        let before = behind.turns[0].inode;
        for path in &paths {
            let other = directory.path().join("other");
            fs::write(&other, [2; 100]).expect("a disk");
            fs::rename(&other, path).expect("a disk");
        }
        behind.step(&paths);
        let inode = |path: &PathBuf| path.metadata().expect("a file").ino();
        let mut followed: Vec<_> = behind.turns.iter().map(|turn| turn.inode).collect();
        followed.sort_unstable();
        let mut now = paths.each_ref().map(inode);
        now.sort_unstable();
        assert_eq!(followed, now);
        let kept: Vec<_> =
            behind.replaced.iter().map(|file| file.metadata().expect("a file").ino()).collect();
        assert_eq!(kept, [before]);
    }
}
