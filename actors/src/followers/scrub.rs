//! The scrub: reads slowly the part of the log that a start does not read, and then every key of the state store. Damage before
//! the store's cursor is then found while a good backup still exists, and a key that the store has lost before it is used
//! again.
//!
//! It checks checksums and the hash chain of every record, and the keys against their digest, at the lowest priority and with
//! pauses: once after the start and once a day. Damage that it meets makes the log unsound: the hub refuses further requests
//! and reports the place.

mod keys;

use std::{io, time::Duration};

use journal::{Condition, Entry, Journal, Lsn, RecordReader};

use self::keys::{KeyScan, Scanned};
use super::{
    Progress,
    runner::{CpuShare, Follower, Next, Running},
};
use crate::{
    messages::output::Output,
    stored::{ADVICE, LatestStored},
};

/// How much is read between two pauses. Bytes; with the pause, 4 MiB a second at most.
const READ_BYTES: usize = 256 << 10;

/// The pause.
const PAUSE: Duration = Duration::from_millis(64);

/// From the end of one reading to the beginning of the next.
const EVERY: Duration = Duration::from_secs(86_400);

/// A running scrub. Stops when dropped.
pub struct Scrub {
    running: Running,
}

impl Scrub {
    /// Starts to read the log up to `unread`, the last record that the start has not read; a day later all of it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(journal: Journal<Output>, unread: u64, store: LatestStored) -> io::Result<Self> {
        let check = Check::up_to(Lsn(unread), store, journal.condition().clone());
        Ok(Self { running: Running::start(check, journal)? })
    }

    /// Where it stands, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }
}

/// One reading after the other. The reader checks what it reads; nothing else is done with a record.
struct Check {
    /// The last record of this reading; `None` between two.
    until: Option<Lsn>,
    /// Read since the last pause. Bytes.
    read: usize,
    store: LatestStored,
    /// The reading of the keys, which comes after that of the log.
    keys: Option<KeyScan>,
    log: Condition,
}

impl Check {
    fn up_to(until: Lsn, store: LatestStored, log: Condition) -> Self {
        Self { until: Some(until), read: 0, store, keys: None, log }
    }

    /// Reads some more keys.
    fn scan(&mut self, keys: &mut KeyScan) -> Option<Next> {
        match keys.step(READ_BYTES) {
            Scanned::More => return Some(Next::ReadAfter(PAUSE)),
            Scanned::Whole(count) => {
                tracing::debug!(count, "every key of the state store was read and is found")
            }
            Scanned::Unsound(why) => self.log.unsound(format!("{why}; {ADVICE}")),
            Scanned::Failed(fault) => {
                tracing::warn!(fault, "the keys of the state store could not be read; tried again in a day")
            }
        }
        None
    }
}

impl Follower for Check {
    const NAME: &'static str = "the scrub";
    const THREAD: &'static str = "hub-scrub";
    const SHARE: CpuShare = CpuShare::Leftover;
    const FINISHES: bool = false;
    const GATHER: Duration = Duration::ZERO; // it never waits for a record

    fn cursor(&self) -> Lsn {
        Lsn(0)
    }

    fn open(&self, journal: &Journal<Output>) -> Result<Box<dyn RecordReader>, journal::Error> {
        journal.read_kept()
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        *self.until.get_or_insert(durable)
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        self.read += entry.bytes.len();
        (self.read >= READ_BYTES).then(|| {
            self.read = 0;
            PAUSE
        })
    }

    fn reached(&mut self, _: &journal::Cursor, _: bool) -> Result<Next, journal::Error> {
        if let Some(mut keys) = self.keys.take() {
            if let Some(next) = self.scan(&mut keys) {
                self.keys = Some(keys);
                return Ok(next);
            }
            self.until = None;
            return Ok(Next::Restart(EVERY));
        }
        if let Some(last) = self.until.filter(|last| *last > Lsn(0)) {
            tracing::debug!(last = last.0, "the log was read again and is sound");
        }
        match self.store.get().filter(|stored| stored.0.cursor().lsn > Lsn(0)) {
            Some(stored) => {
                self.keys = Some(KeyScan::of(stored));
                Ok(Next::Read)
            }
            None => {
                self.until = None;
                Ok(Next::Restart(EVERY))
            }
        }
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        if let journal::Error::Removed { first, .. } = error {
            tracing::debug!(
                first = first.0,
                "segments were removed while the log was read again; it goes on behind them"
            );
            return Duration::ZERO;
        }
        (self.until, self.keys) = (None, None);
        tracing::warn!(%error, "the log could not be read again; tried again in a day");
        EVERY
    }

    fn again(&mut self) -> Result<(), String> {
        (self.until, self.keys, self.read) = (None, None, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domains::recipes::Deposit;
    use engine::{Content, Envelope, Formats, Tx, TxId, World};
    use journal::{Cursor, State};
    use protocol::PlayerId;
    use store::{Change, Options, Store, Tree};
    use tempfile::TempDir;

    use super::*;
    use crate::{
        followers::log,
        stored::{self, Keeper, Stored},
    };

    fn scrub(journal: &Journal<Output>, unread: u64, store: LatestStored) -> Scrub {
        Scrub::start(journal.clone(), unread, store).expect("a thread")
    }

    /// A store with the keys of so many deposits.
    fn with_keys(directory: &TempDir, keys: u64) -> Stored {
        let mut world = World::default();
        for number in 0..keys {
            let deposit =
                Deposit { player: PlayerId(7), currency: "EUR".parse().expect("a currency"), amount: 100 };
            let id = TxId::of_service("test", &number.to_string());
            let tx = Tx::new(id, PlayerId(7).into(), Some(Content::of(&[b"test"])), deposit);
            world.books.run(Envelope::Run(tx), number, u64::MAX).expect("what was decided applies");
        }
        let at = Cursor { lsn: Lsn(world.books.lsn()), ..Cursor::default() };
        log::once_unlocked(|| Ok(stored::replace(stored::storage(directory.path())?, &world, at)?));
        log::once_unlocked(|| Keeper::open(directory.path(), Formats::STANDARD)).stored()
    }

    #[test]
    fn every_key_is_read_in_pieces_and_one_that_the_store_has_lost_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut keys = KeyScan::of(with_keys(&directory, 500));
        let mut pieces = 0;
        let whole = loop {
            match keys.step(1_000) {
                Scanned::More => pieces += 1,
                end => break end,
            }
        };
        assert_eq!((whole, pieces > 20), (Scanned::Whole(500), true));

        let storage = || stored::storage(directory.path());
        let mut store = log::once_unlocked(|| Ok(Store::over(storage()?, Options::default())?));
        let view = store.view();
        let (key, _) = view.scan(Tree::Keys).nth(250).expect("a key").expect("it reads");
        let gone = Change { tree: Tree::Keys, key, value: None };
        store.commit([gone], view.cursor(), view.meta()).expect("a disk");
        let latest = LatestStored::default();
        latest.set(Stored(store.view()));
        let log = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&log, 25);
        let scrub = scrub(&journal, 25, latest);
        let state = journal.condition().wait_while(|state| state != State::Unsound, Duration::from_secs(30));
        assert_eq!(state, State::Unsound);
        let why = journal.condition().why();
        assert!(why.contains("the state store has 499 keys, and the log has 500 up to record 500"), "{why}");
        drop(scrub);
    }

    #[test]
    fn a_byte_that_turned_in_what_the_start_did_not_read_is_found_while_the_hub_serves() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 25);
        log::flip(&directory, 600);
        let scrub = scrub(&journal, 25, LatestStored::default());
        log::becomes_unsound(&journal, "at offset 512");
        drop(scrub);
    }

    #[test]
    fn a_sound_log_is_read_to_the_record_asked_for_and_a_day_later_to_its_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 0);
        for n in 1..=25 {
            journal.append(vec![n; 100], Output::Nothing);
            log::durable(&journal, n.into()); // each is a batch of its own
        }
        for until in [0, 1, 25] {
            let mut check = Check::up_to(Lsn(until), LatestStored::default(), journal.condition().clone());
            let mut reader = journal.read(check.cursor()).expect("a log");
            let limit = check.limit(journal.durable());
            let mut taken = 0;
            while let Some(entry) = reader.next(limit).expect("it is sound") {
                assert_eq!(check.take(&entry), None, "it is short");
                taken += 1;
            }
            assert_eq!(taken, until);
            assert_eq!(
                check.reached(&reader.cursor(), false).expect("nothing is written"),
                Next::Restart(EVERY)
            );
            assert_eq!((check.cursor(), check.limit(journal.durable())), (Lsn(0), Lsn(25)));
        }
        drop(scrub(&journal, 25, LatestStored::default()));
        assert_ne!(journal.condition().state(), State::Unsound);
    }

    #[test]
    fn it_pauses_after_each_quarter_of_a_mebibyte() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 0);
        journal.append(vec![0; READ_BYTES - 1], Output::Nothing);
        journal.append(vec![0; 1], Output::Nothing);
        journal.append(vec![0; 1], Output::Nothing);
        log::durable(&journal, 3);
        let mut check = Check::up_to(Lsn(3), LatestStored::default(), journal.condition().clone());
        let mut reader = journal.read(Lsn(0)).expect("a log");
        let mut pauses = Vec::new();
        while let Some(entry) = reader.next(Lsn(3)).expect("it is sound") {
            pauses.push(check.take(&entry));
        }
        assert_eq!(pauses, [None, Some(PAUSE), None]);
    }
}
