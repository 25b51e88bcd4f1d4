//! The follower that keeps the read model: each record becomes rows of SQL, and a batch of them is committed together with the
//! cursor.
//!
//! It goes on from its cursor, so every record is in the tables once, wherever it was stopped. A file that is missing, damaged, of
//! another version of the schema or of another log is built anew aside while nothing is read, and takes its place once it has
//! the whole log. Play never waits for any of it.

mod business;
mod compare;
mod rows;

use std::{
    cell::{Cell, RefCell},
    io,
    path::Path,
    time::{Duration, Instant},
};

use engine::{Formats, Record};
use journal::{Cursor, Entry, Journal, Lsn, RecordReader};
use readmodel::{Error, ModelCursor, ModelWriter, ReadModel};

pub use self::{
    compare::differences,
    rows::{key_of, rows_of},
};
use super::{
    Progress,
    runner::{CpuShare, Follower, Next, Running},
};
use crate::messages::output::Output;

/// How long it waits after a failure to read or write.
const RETRY: Duration = Duration::from_secs(10);
/// Most records of a commit, about: a batch of the log is taken as a whole.
const COMMIT_EVERY: u64 = 20_000;
/// How long it lets records gather after a commit of so many, the most first: larger commits change each page less often. What was
/// decided is in the tables within a second also then.
const GATHER_BUSY: [(u64, Duration); 2] =
    [(2_000, Duration::from_millis(500)), (500, Duration::from_millis(250))];
/// How often it tells how far a file is that is being built.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The running follower. Stops when dropped.
pub struct KeptReadModel {
    /// Ends first: it writes what is read.
    running: Running,
    committed: Progress,
    read: ReadModel,
}

impl KeptReadModel {
    /// Starts to follow `journal`, with the tables in the directory of the log.
    ///
    /// # Errors
    /// When the files cannot be used at all, or a thread cannot be started.
    pub fn start(directory: &Path, journal: Journal<Output>) -> io::Result<Self> {
        let (writer, why) = ModelWriter::open(directory).map_err(io::Error::other)?;
        if let Some(why) = why {
            tells_why(&why);
        }
        let read = ReadModel::start(&writer)?;
        let tables = Tables::of(writer);
        let committed = tables.committed.clone();
        Ok(Self { running: Running::start(tables, journal)?, committed, read })
    }

    /// The last record that is committed, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.committed.clone()
    }

    /// The last record that was taken, committed or not, as it goes on.
    #[must_use]
    pub fn taken(&self) -> Progress {
        self.running.progress()
    }

    /// Answers from the tables.
    #[must_use]
    pub fn read(&self) -> ReadModel {
        self.read.clone()
    }
}

fn tells_why(why: &str) {
    tracing::warn!(why, "the read model is built again from the log; until then nothing is read from it");
}

/// The tables, as they follow the log.
struct Tables {
    writer: RefCell<ModelWriter>,
    /// The last record that was taken; it may not be committed yet.
    taken: Cell<Lsn>,
    committed: Progress,
    halted: Option<Halt>,
    /// The last durable record when it looked last.
    durable: Lsn,
    told: Instant,
    /// The records that it needs were removed, and nothing has them.
    lacks: bool,
    /// A record that the tables did not take, although they were built from the beginning: a fault of this release.
    unfit: Option<u64>,
}

/// Why nothing more of the batch under way is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    /// Something failed that may pass: it goes on from its cursor in a while.
    ForNow,
    /// The file is of no use: another one is built.
    Anew,
    /// A record does not fit, again: it goes on with the next release.
    ForGood,
}

impl Tables {
    fn of(writer: ModelWriter) -> Self {
        let at = Lsn(writer.cursor().lsn);
        Self {
            writer: RefCell::new(writer),
            taken: Cell::new(at),
            committed: Progress::at(at),
            halted: None,
            durable: Lsn(0),
            told: Instant::now(),
            lacks: false,
            unfit: None,
        }
    }

    fn fails(&mut self, lsn: u64, error: &Error) {
        tracing::error!(
            lsn,
            fault = error.with_causes(),
            "the read model is not kept; tried again in a while"
        );
        self.halted = Some(match error {
            // Another file would end at the same record.
            error if error.needs_a_new_file() && self.unfit == Some(lsn) => Halt::ForGood,
            error if error.needs_a_new_file() => {
                self.unfit = Some(lsn);
                Halt::Anew
            }
            _ => Halt::ForNow,
        });
        if self.halted == Some(Halt::ForGood) {
            tracing::error!(lsn, "the read model stays at its cursor: a record does not fit it; report this");
        }
    }

    /// What the halt asks for. Returns when to go on.
    fn recover(&mut self, halt: Halt) -> Next {
        let writer = self.writer.get_mut();
        let done = match halt {
            Halt::ForNow => writer.roll_back(),
            Halt::Anew => {
                tells_why("its file is damaged, or does not have what a record needs");
                writer.begin_anew()
            }
            Halt::ForGood => writer.roll_back(),
        };
        match done {
            Ok(()) if halt == Halt::ForGood => {}
            Ok(()) => self.halted = None,
            Err(error) if error.needs_a_new_file() => self.halted = Some(Halt::Anew),
            Err(_) => {}
        }
        Next::Restart(if halt == Halt::Anew { Duration::ZERO } else { RETRY })
    }
}

/// Whether a log has the end of a batch up to which the tables stand; and a reader that goes on there.
fn goes_on(
    journal: &Journal<Output>,
    at: &ModelCursor,
) -> Result<Option<Box<dyn RecordReader>>, journal::Error> {
    if at.lsn == 0 {
        return journal.read(Lsn(0)).map(Some);
    }
    if Lsn(at.lsn) > journal.durable() {
        return Ok(None);
    }
    let mut reader = match journal.read(Lsn(at.lsn - 1)) {
        // What came before it was removed, and nothing has it: that it goes on here is all that can be known.
        Err(journal::Error::Removed { .. }) => return journal.read(Lsn(at.lsn)).map(Some),
        opened => opened?,
    };
    let found = reader.next(Lsn(at.lsn))?;
    let is_it = found.is_some_and(|entry| entry.batch.last() == Lsn(at.lsn) && entry.batch.hash == at.hash);
    Ok(is_it.then_some(reader))
}

/// How long records gather after a commit of so many; `None` when it rests until there is one.
fn gather_after(taken: u64) -> Option<Duration> {
    GATHER_BUSY.iter().find(|(most, _)| taken >= *most).map(|(_, time)| *time)
}

fn cursor_of(at: &Cursor) -> ModelCursor {
    ModelCursor { lineage: at.lineage.0, lsn: at.lsn.0, hash: at.hash }
}

impl Follower for Tables {
    const NAME: &'static str = "the read model";
    const THREAD: &'static str = "hub-read-model";
    const SHARE: CpuShare = CpuShare::Leftover;
    const FINISHES: bool = true; // so that an orderly stop is committed
    const GATHER: Duration = Duration::from_millis(50);

    fn cursor(&self) -> Lsn {
        self.taken.get()
    }

    fn open(&self, journal: &Journal<Output>) -> Result<Box<dyn RecordReader>, journal::Error> {
        let at = {
            // What was taken of a batch that was not read to its end is taken again.
            let mut writer = self.writer.borrow_mut();
            if self.taken.get() != Lsn(writer.cursor().lsn)
                && let Err(error) = writer.roll_back()
            {
                tracing::error!(
                    fault = error.with_causes(),
                    "the read model is not kept; tried again in a while"
                );
            }
            writer.cursor()
        };
        self.taken.set(Lsn(at.lsn));
        if let Some(reader) = goes_on(journal, &at)? {
            return Ok(reader);
        }
        tells_why("it stands for another log, or for records that this log does not have");
        if let Err(error) = self.writer.borrow_mut().begin_anew() {
            tracing::error!(
                fault = error.with_causes(),
                "the read model is not kept; tried again in a while"
            );
        }
        self.taken.set(Lsn(0));
        journal.read(Lsn(0))
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        self.durable = durable;
        let writer = self.writer.get_mut();
        if writer.found_damaged() && !writer.builds() {
            self.halted = Some(Halt::Anew);
        }
        let at = writer.cursor().lsn;
        self.committed.moves_to(Lsn(at), durable);
        if self.halted.is_some() {
            return Lsn(at);
        }
        durable.min(Lsn(at.saturating_add(COMMIT_EVERY))).max(Lsn(at))
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        if self.halted.is_some() {
            return None;
        }
        let lsn = entry.lsn.0;
        match Record::decode_effects(entry.bytes, &Formats::STANDARD) {
            Ok(record) => match self.writer.get_mut().take(rows_of(lsn, &record)) {
                Ok(()) => self.taken.set(entry.lsn),
                Err(error) => self.fails(lsn, &error),
            },
            Err(error) => {
                tracing::error!(lsn, %error, "the read model stays at its cursor: a record cannot be read");
                self.halted = Some(Halt::ForGood);
            }
        }
        None
    }

    fn reached(&mut self, at: &Cursor, stopping: bool) -> Result<Next, journal::Error> {
        if let Some(halt) = self.halted {
            return Ok(if stopping { Next::Rest(Duration::ZERO) } else { self.recover(halt) });
        }
        let writer = self.writer.get_mut();
        let before = writer.cursor().lsn;
        let committed = writer.commit(cursor_of(at)).and_then(|()| {
            if !writer.builds() || at.lsn < self.durable {
                return Ok(());
            }
            writer.swap()?;
            tracing::info!(lsn = at.lsn.0, "the read model has the whole log, and is read");
            Ok(())
        });
        if let Err(error) = committed {
            self.fails(at.lsn.0, &error);
            let halt = self.halted.unwrap_or(Halt::ForNow);
            return Ok(if stopping { Next::Rest(Duration::ZERO) } else { self.recover(halt) });
        }
        self.committed.moves_to(at.lsn, self.durable);
        if writer.builds() && self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            tracing::info!(lsn = at.lsn.0, of = self.durable.0, "the read model is being built");
        }
        let taken = at.lsn.0.saturating_sub(before);
        Ok(match at.lsn < self.durable {
            true => Next::Read,
            false if stopping => Next::Rest(RETRY),
            false => gather_after(taken).map_or(Next::Rest(RETRY), Next::ReadAfter),
        })
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        use std::error::Error as _;
        if let journal::Error::Removed { .. } = error {
            // Told once: it is so until the hub starts with an archive.
            if !std::mem::replace(&mut self.lacks, true) {
                tracing::warn!(
                    fault = %error,
                    "the read model cannot be built: the beginning of the log is in an archive that archive.to does not name"
                );
            }
            return RETRY;
        }
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(fault = %error, cause, "the read model is not kept; tried again in a while");
        RETRY
    }

    fn again(&mut self) -> Result<(), String> {
        let writer = self.writer.get_mut();
        let done = writer.roll_back();
        self.taken.set(Lsn(writer.cursor().lsn));
        done.map_err(|error| {
            if error.needs_a_new_file() {
                self.halted = Some(Halt::Anew);
            }
            error.with_causes()
        })
    }
}

#[cfg(test)]
mod tests;
