//! Logs: set up once at the start, read by people in a terminal and by machines elsewhere.
//!
//! Everything goes to standard error, so that a command's answer on standard output stays clean. A panic is logged
//! like anything else, with its thread and place, before it unwinds or ends the process.

pub mod events;
pub mod noted;
mod request_id;

pub use journal::with_causes;
pub use request_id::RequestId;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
};

use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter, fmt::format::FmtSpan, layer::SubscriberExt as _, util::SubscriberInitExt,
};

use self::noted::ErrorNotes;

/// The options of logging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Least severity, such as `info`, or by part: `info,hub=debug`.
    pub log: String,
    /// For whom a line is written.
    pub format: Format,
}

/// For whom a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people when standard error is a terminal, else for machines.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self { log: "info".into(), format: Format::Auto }
    }
}

/// The text of `telemetry.log` is not a filter.
#[derive(Debug, thiserror::Error)]
#[error("not a log filter")]
pub struct NotAFilter(#[source] tracing_subscriber::filter::ParseError);

/// A subscriber was installed before.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the log")]
pub struct AlreadySet(#[source] tracing_subscriber::util::TryInitError);

impl Options {
    /// The filter `log` describes.
    pub fn filter(&self) -> Result<EnvFilter, NotAFilter> {
        EnvFilter::builder().parse(&self.log).map_err(NotAFilter)
    }

    fn for_people(&self, terminal: bool) -> bool {
        match self.format {
            Format::Auto => terminal,
            Format::Human => true,
            Format::Json => false,
        }
    }
}

/// The filter directive that silences the HTTP server's own messages about single connections.
const SERVED: &str = "actix_http::h1::dispatcher=off";

/// Starts logging and logs panics from now on. Once a process. The options were checked with the configuration.
pub fn start(options: &Options) -> Result<(), AlreadySet> {
    let terminal = io::stderr().is_terminal();
    let filter = options.filter().unwrap_or_else(|_| EnvFilter::new("info"));
    // A stranger who speaks no HTTP is an ERROR to the HTTP server; nobody has to act, and `hub_http_refused` counts it.
    let filter = filter.add_directive(SERVED.parse().expect("a directive"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_span_events(FmtSpan::NONE);
    if options.for_people(terminal) {
        builder
            .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none())
            .finish()
            .with(ErrorNotes)
            .try_init()
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .with(ErrorNotes)
            .try_init()
    }
    .map_err(AlreadySet)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Panic messages here come from our own asserts: they name invariants, not players.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let message = info.payload_as_str().unwrap_or("without a message");
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        place = info.location().map(tracing::field::display),
        backtrace,
        "panic: {}",
        message,
    );
    // The process may end by it.
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    noted::keep_panic(message, &place);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_automatic_format_is_text_on_a_terminal_and_json_elsewhere() {
        let reads = |format, terminal| Options { format, ..Options::default() }.for_people(terminal);
        assert!(reads(Format::Auto, true) && !reads(Format::Auto, false));
        assert!(reads(Format::Human, false) && !reads(Format::Json, true));
    }

    #[test]
    fn a_text_that_is_not_a_filter_is_refused() {
        let filter = |log: &str| Options { log: log.into(), ..Options::default() }.filter();
        assert_eq!(filter("info,hub=debug").unwrap().to_string(), "hub=debug,info");
        assert!(filter("hub=loud").is_err());
    }
}
