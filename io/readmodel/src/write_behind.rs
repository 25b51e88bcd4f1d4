//! Hands to the disk, bit by bit, what was written and is not synced.
//!
//! Left alone, the system keeps the pages of these files for half a minute and then writes them all at once; syncs of the log, and every
//! bet with them, wait behind that. So the writing of a part of each file is begun every [`EVERY`], and of each file as a whole
//! once in [`CYCLE`]. Nothing is waited for: this is no sync, and what a crash of the machine leaves is still not known.
//!
//! It is done on a thread of its own, `hub-read-behind`. The thread of the writer gets what play leaves, so it would begin late and
//! with much at once. This one has the priority of whoever opens the read model, sleeps nearly all of the time, and waits
//! for a commit when there was none for a cycle. It begins and ends with the writer, whatever files that writes.

use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

/// Time between two parts.
const EVERY: Duration = Duration::from_millis(50);
/// The time in which every part of a file has its turn: less than the 30 s after which Linux writes pages by itself.
const CYCLE: Duration = Duration::from_secs(20);
/// The shortest part. Bytes.
const PART_MIN: u64 = 256 << 10;

/// The running thread. Told to end when dropped, and waited for.
#[derive(Debug)]
pub(crate) struct WriteBehind {
    shared: Arc<SharedTurns>,
    /// `None` once it has ended, and where the system gave no thread: then the system writes by itself, later.
    thread: Option<JoinHandle<FileTurns>>,
    /// The files once it has ended: see [`FileTurns::replaced`].
    ended: Option<FileTurns>,
}

/// What the writer and the thread share.
#[derive(Debug, Default)]
struct SharedTurns {
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Told {
    /// The database that was committed last, and its WAL file.
    files: Option<[PathBuf; 2]>,
    /// Commits so far.
    commits: u64,
    /// Parts of files whose writing was begun.
    parts: u64,
    ends: bool,
}

impl WriteBehind {
    /// Starts the thread.
    pub fn start() -> Self {
        let shared = Arc::new(SharedTurns::default());
        let of_thread = shared.clone();
        let started = thread::Builder::new().name("hub-read-behind".into()).spawn(move || of_thread.run());
        if let Err(error) = &started {
            tracing::debug!(%error, "what is written of the read model is left to the system");
        }
        Self { shared, thread: started.ok(), ended: None }
    }

    /// A database, with its WAL file, has another commit.
    pub fn committed(&self, files: [PathBuf; 2]) {
        let mut told = self.shared.told.lock();
        told.files = Some(files);
        told.commits += 1;
        self.shared.changed.notify_one();
    }

    /// Ends the thread. The files stay open until this is dropped.
    pub fn end(&mut self) {
        self.shared.told.lock().ends = true;
        self.shared.changed.notify_one();
        // It does not panic; if it did, the files are closed.
        self.ended = self.thread.take().and_then(|thread| thread.join().ok()).or(self.ended.take());
    }
}

impl Drop for WriteBehind {
    fn drop(&mut self) {
        self.end();
    }
}

impl SharedTurns {
    /// Begins to write parts until it is told to end.
    fn run(&self) -> FileTurns {
        let mut turns = FileTurns::default();
        let (mut commits, mut since) = (0, Instant::now());
        loop {
            let mut told = self.told.lock();
            if told.commits == commits && since.elapsed() > CYCLE && !told.ends {
                self.changed.wait(&mut told);
            } else if !told.ends {
                // A commit before that time is no reason to begin sooner.
                let until = Instant::now() + EVERY;
                while !told.ends && !self.changed.wait_until(&mut told, until).timed_out() {}
            }
            if told.ends {
                return turns;
            }
            if told.commits != commits {
                (commits, since) = (told.commits, Instant::now());
            }
            let Some(files) = told.files.clone() else { continue };
            drop(told);
            let parts = turns.step(&files);
            self.told.lock().parts += parts;
        }
    }
}

/// The files of a database that is written without a sync.
#[derive(Debug, Default)]
struct FileTurns {
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

impl FileTurns {
    /// Begins to write the next part of a database and of its WAL file, as far as they are there. Not being able to is no failure:
    /// the system writes by itself, later. Returns of how many it was begun.
    fn step(&mut self, [database, wal]: &[PathBuf; 2]) -> u64 {
        // A file that is not there yet has a later turn.
        u64::from(self.step_of(database, true).is_ok()) + u64::from(self.step_of(wal, false).is_ok())
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
    use crate::{LogRows, ModelCursor, ModelWriter};

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
    fn the_thread_begins_to_write_what_is_committed_and_ends_with_its_writer() {
        let directory = tempfile::tempdir().expect("a directory");
        let paths = ["database", "wal"].map(|name| directory.path().join(name));
        let mut behind = WriteBehind::start();
        behind.committed(paths.clone());
        paths.iter().for_each(|path| fs::write(path, [1; 9_000]).expect("a disk"));
        while behind.shared.told.lock().parts < 4 {
            thread::yield_now();
        }
        behind.end();
        let parts = behind.shared.told.lock().parts;
        let turns = &behind.ended.as_ref().expect("it has ended").turns;
        assert_eq!(turns.len(), 2, "the files are open until it is dropped");
        behind.committed(paths);
        assert_eq!((Arc::strong_count(&behind.shared), behind.shared.told.lock().parts), (1, parts));
        // One that waits for a commit ends as well, and so does one whose files are not there.
        let waits = WriteBehind::start();
        let without = WriteBehind::start();
        without.committed(["a", "b"].map(|name| directory.path().join(name)));
        let shared = [&waits, &without].map(|behind| Arc::downgrade(&behind.shared));
        drop((waits, without));
        assert!(shared.iter().all(|shared| shared.upgrade().is_none()));
    }

    #[test]
    fn a_writer_has_one_thread_whatever_it_builds_and_none_once_it_is_dropped() {
        let log = tempfile::tempdir().expect("a directory");
        let (mut writer, _) = ModelWriter::open(log.path()).expect("a disk");
        let shared = Arc::downgrade(&writer.write_behind().shared);
        for lsn in [1, 2] {
            writer.begin_anew().expect("a disk");
            writer.take(LogRows { lsn, time_ms: lsn, ..LogRows::default() }).expect("a disk");
            writer.commit(ModelCursor { lineage: [1; 16], lsn, hash: [2; 32] }).expect("a disk");
            writer.swap().expect("a disk");
            writer.roll_back().expect("a disk");
            assert_eq!(shared.strong_count(), 2, "the writer and its thread");
        }
        drop(writer);
        assert_eq!(shared.strong_count(), 0);
    }

    #[test]
    fn a_database_that_another_one_takes_the_place_of_stays_open_and_a_wal_file_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let paths = ["database", "wal"].map(|name| directory.path().join(name));
        let mut behind = FileTurns::default();
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
