//! Readers: each question is answered on one of a few threads, from one commit, within its deadline.
//!
//! A question that waits or runs too long is ended by SQLite itself. So no reader keeps an old state of the file for long, and
//! the WAL file cannot grow behind it. More questions than the queue takes are refused.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};

use crate::{
    Error, ModelWriter,
    error::{is_damage, sql},
    files::{WhichFile, to_read},
    shared::ModelStanding,
    view::{AsOf, ModelView},
};

/// Threads that answer.
const THREADS: usize = 2;
/// Questions that wait, above those that are being answered.
const WAITING_MAX: usize = 64;
/// Longest time for one question, the wait included.
const WITHIN_MAX: Duration = Duration::from_secs(5);
/// Steps of SQLite between two looks at the clock; some ten microseconds.
const STEPS: i32 = 1_000;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// The tables are being built again from the log.
    #[error("the read model is being built; it has the log up to record {lsn}")]
    Builds {
        /// The last record that is in it.
        lsn: u64,
    },
    /// Too many questions wait.
    #[error("too many questions wait for the read model")]
    Busy,
    /// It was not answered in time.
    #[error("the read model did not answer in time")]
    TooLong,
    /// The tables cannot be read.
    #[error("the read model cannot be read")]
    Failed(#[source] Error),
    /// The hub ends, or the question has failed by a fault of its own.
    #[error("the read model gave no answer")]
    Gone,
}

type Answered = Box<dyn FnOnce(Result<&ModelView<'_>, NotAnswered>) -> Result<(), Error> + Send>;

struct Waiting {
    deadline: Instant,
    question: Answered,
}

/// Answers questions from the read model. Clones share the threads, which end with the last clone.
#[derive(Clone)]
pub struct ReadModel {
    queue: SyncSender<Waiting>,
    shared: Arc<ModelStanding>,
}

impl ReadModel {
    /// Starts the threads (`hub-read`) that read what a writer writes.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(writer: &ModelWriter) -> io::Result<Self> {
        let shared = writer.shared().clone();
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..THREADS {
            let (waiting, shared) = (waiting.clone(), shared.clone());
            thread::Builder::new().name("hub-read".into()).spawn(move || answer(&waiting, &shared))?;
        }
        Ok(Self { queue, shared })
    }

    /// The last record that is in the tables.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.shared.lsn()
    }

    /// Whether the tables are being built, and are not read yet.
    #[must_use]
    pub fn builds(&self) -> bool {
        self.shared.builds()
    }

    /// Length of the file and of its WAL file as of the last commit. Bytes.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        self.shared.bytes()
    }

    /// Asks a question, and never waits. `told` is called once, on a thread of the read model or at once: with the answer and
    /// the record it is as of, or with why there is none.
    pub fn ask<T: 'static>(
        &self,
        within: Duration,
        question: impl FnOnce(&ModelView<'_>) -> Result<T, Error> + Send + 'static,
        told: impl FnOnce(Result<(AsOf, T), NotAnswered>) + Send + 'static,
    ) {
        let deadline = Instant::now() + within.min(WITHIN_MAX);
        let question: Answered = Box::new(move |view| match view {
            Ok(view) => match view.as_of().and_then(|as_of| Ok((as_of, question(view)?))) {
                Ok(answer) => {
                    told(Ok(answer));
                    Ok(())
                }
                Err(error) if is_interrupted(&error) => {
                    told(Err(NotAnswered::TooLong));
                    Ok(())
                }
                Err(error) => {
                    let damaged = error.needs_a_new_file();
                    told(Err(NotAnswered::Failed(error)));
                    if damaged { Err(Error::Unfit { what: "sound pages".into(), lsn: 0 }) } else { Ok(()) }
                }
            },
            Err(why) => {
                told(Err(why));
                Ok(())
            }
        });
        if let Err(refused) = self.queue.try_send(Waiting { deadline, question }) {
            let (waiting, why) = match refused {
                TrySendError::Full(waiting) => (waiting, NotAnswered::Busy),
                TrySendError::Disconnected(waiting) => (waiting, NotAnswered::Gone),
            };
            let _ = (waiting.question)(Err(why));
        }
    }
}

fn is_interrupted(error: &Error) -> bool {
    match error {
        Error::Sql { source: rusqlite::Error::SqliteFailure(failure, _), .. } => {
            failure.code == ErrorCode::OperationInterrupted
        }
        _ => false,
    }
}

/// Answers until nobody can ask any more.
fn answer(waiting: &Mutex<Receiver<Waiting>>, shared: &ModelStanding) {
    let mut open: Option<(u64, Connection)> = None;
    loop {
        // The lock is held while this thread waits, so another one waits for the lock instead.
        let Ok(Waiting { deadline, question }) = waiting.lock().recv() else { return };
        // A panic in a question must not take the thread with it; whoever asked hears that nobody tells them.
        let answered = catch_unwind(AssertUnwindSafe(|| one(&mut open, shared, deadline, question)));
        match answered {
            Ok(Ok(())) => {}
            Ok(Err(_)) => shared.is_found_damaged(),
            Err(_) => open = None,
        }
    }
}

fn one(
    open: &mut Option<(u64, Connection)>,
    shared: &ModelStanding,
    deadline: Instant,
    question: Answered,
) -> Result<(), Error> {
    if Instant::now() >= deadline {
        return question(Err(NotAnswered::TooLong));
    }
    if shared.builds() || shared.is_damaged() {
        *open = None;
        return question(Err(NotAnswered::Builds { lsn: shared.lsn() }));
    }
    let generation = shared.generation();
    if open.as_ref().is_none_or(|(opened, _)| *opened != generation) {
        *open = None;
        match to_read(&shared.path(WhichFile::Main)) {
            Ok(connection) => *open = Some((generation, connection)),
            Err(error) => {
                let damaged = is_damage(&error);
                let told = question(Err(NotAnswered::Failed(sql("open")(error))));
                return if damaged {
                    Err(Error::Unfit { what: "a sound file".into(), lsn: 0 })
                } else {
                    told
                };
            }
        }
    }
    let Some((_, connection)) = open else { return question(Err(NotAnswered::Gone)) };
    let late = move || Instant::now() >= deadline;
    let begun =
        connection.progress_handler(STEPS, Some(late)).and_then(|()| connection.execute_batch("BEGIN"));
    if let Err(error) = begun {
        return question(Err(NotAnswered::Failed(sql("read")(error))));
    }
    let told = question(Ok(&ModelView::over(connection)));
    // Not interrupted: it frees what the writer waits for.
    let ended = connection
        .progress_handler(0, None::<fn() -> bool>)
        .and_then(|()| connection.execute_batch("COMMIT"));
    if ended.is_err() {
        *open = None;
    }
    told
}
