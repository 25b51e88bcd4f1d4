//! Errors and panics as they are logged, for the book of errors: a layer beside the log messages.
//!
//! It takes no lock for long, waits for nothing, and is bounded: what comes faster than it is read is in the log messages alone.

use std::{
    collections::VecDeque,
    fmt::{Debug, Write as _},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

/// Most errors that wait to be read.
const WAITING_MAX: usize = 1_000;
/// Longest text of a message, a place or a sample, bytes.
const TEXT_BYTES_MAX: usize = 400;
/// Longest file of panics, bytes.
const PANICS_BYTES_MAX: u64 = 256 * 1024;
/// Fields that tell of somebody, or of one request.
const UNTOLD: [&str; 7] = ["player", "id", "request_id", "backtrace", "unparked", "violation", "tx"];
/// What begins the message of a panic.
pub(super) const PANIC: &str = "panic: ";

/// An error that was logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedError {
    /// Whether it was a panic.
    pub panic: bool,
    /// The words of the log message.
    pub message: String,
    /// The part of the code; of a panic the line.
    pub place: String,
    /// The other fields, but those that tell of somebody.
    pub sample: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// What waits to be read.
static WAITING: Mutex<VecDeque<NotedError>> = Mutex::new(VecDeque::new());
/// Where panics are kept that the process may not survive.
static PANICS: OnceLock<PathBuf> = OnceLock::new();

/// Takes what was logged since the last time, as far as it was kept.
#[must_use]
pub fn taken() -> Vec<NotedError> {
    WAITING.lock().drain(..).collect()
}

/// Panics are also written to this file from now on, at once.
pub fn keep_panics(file: &Path) {
    // The first one stays: a process serves one log.
    let _ = PANICS.set(file.to_owned());
}

/// Appends a panic to the file of panics. Whatever fails, fails quietly: the log messages have it.
pub(super) fn keep_panic(message: &str, place: &str) {
    let Some(file) = PANICS.get() else { return };
    if fs::metadata(file).is_ok_and(|found| found.len() > PANICS_BYTES_MAX) {
        return;
    }
    let (message, place) = (cut(message), cut(place));
    let noted = NotedError { panic: true, message, place, sample: String::new(), at_ms: now_ms() };
    let opened = fs::OpenOptions::new().create(true).append(true).open(file);
    if let (Ok(mut opened), Ok(mut line)) = (opened, serde_json::to_vec(&noted)) {
        line.push(b'\n');
        let _ = opened.write_all(&line);
    }
}

/// The panics of a file; a line that is not whole is left out.
#[must_use]
pub fn kept_panics(text: &str) -> Vec<NotedError> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX.min(text.len()));
    text[..end].to_owned()
}

/// The layer.
#[derive(Debug, Clone, Copy)]
pub struct ErrorNotes;

impl<S: Subscriber> Layer<S> for ErrorNotes {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let panic = fields.message.starts_with(PANIC);
        let place = if panic { &fields.place } else { event.metadata().target() };
        let noted = NotedError {
            panic,
            message: cut(fields.message.strip_prefix(PANIC).unwrap_or(&fields.message)),
            place: cut(place),
            sample: cut(&fields.rest),
            at_ms: now_ms(),
        };
        let mut waiting = WAITING.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push_back(noted);
        }
    }
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    place: String,
    rest: String,
}

impl Fields {
    fn note(&mut self, name: &str, value: &dyn Debug) {
        // Writing to a text does not fail.
        let _ = match name {
            "message" => write!(self.message, "{value:?}"),
            "place" => write!(self.place, "{value:?}"),
            name if UNTOLD.contains(&name) || self.rest.len() > TEXT_BYTES_MAX => Ok(()),
            name => write!(self.rest, "{}{name}={value:?}", if self.rest.is_empty() { "" } else { " " }),
        };
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.note(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field.name(), &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn errors_are_noted_without_whom_they_concern() {
        let layered = tracing_subscriber::registry().with(ErrorNotes);
        tracing::subscriber::with_default(layered, || {
            tracing::error!(player = 7, why = "the disk is full", lsn = 9, "a player is gone");
            tracing::warn!("a warning");
            tracing::error!(place = %"a.rs:1:2", thread = "hub", "panic: index 7");
        });
        // Other tests of this process may have logged errors too.
        let noted = taken();
        let found = |message: &str| noted.iter().find(|noted| noted.message == message).cloned();
        let gone = found("a player is gone").expect("it is noted");
        assert_eq!((gone.panic, gone.sample.as_str()), (false, "why=the disk is full lsn=9"));
        let panicked = found("index 7").expect("it is noted");
        assert_eq!(
            (panicked.panic, panicked.place.as_str(), panicked.sample.as_str()),
            (true, "a.rs:1:2", "thread=hub")
        );
        assert_eq!(found("a warning"), None);
    }

    #[test]
    fn a_line_that_a_crash_has_cut_is_left_out() {
        let noted = NotedError {
            panic: true,
            message: "m".into(),
            place: "p".into(),
            sample: String::new(),
            at_ms: 7,
        };
        let line = serde_json::to_string(&noted).expect("JSON");
        assert_eq!(kept_panics(&format!("{line}\n{}", &line[..9])), [noted]);
    }
}
