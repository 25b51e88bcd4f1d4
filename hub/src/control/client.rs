//! The side of the command: asks the hub that serves from a data directory.

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    SOCKET,
    frame::{self, NoFrame},
    request::{ControlAnswer, ControlTask},
};

/// Longest time without a word of the hub.
const SILENCE_MAX: Duration = Duration::from_secs(600);

/// Why the hub could not be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The socket is there and cannot be used.
    #[error("failed to connect to {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The request could not be sent.
    #[error("failed to ask the hub")]
    Send(#[source] io::Error),
    /// The hub has ended, or said nothing for ten minutes. What it was doing may be done or not.
    #[error("the hub gave no answer; look at its log messages, and call this again")]
    NoAnswer(#[source] NoFrame),
    /// It is a hub of another release.
    #[error(
        "the hub answers in a way that this release does not know: give the command with the program that the hub runs"
    )]
    Unknown,
}

/// Asks the hub that serves from a directory, and waits for its last word; `tell` is told its progress. `None` when no hub
/// listens there.
///
/// # Errors
/// When one listens and could not be asked, or did not answer.
pub fn ask(
    directory: &Path,
    task: &ControlTask,
    tell: &mut dyn FnMut(&str),
) -> Result<Option<ControlAnswer>, AskError> {
    let path = directory.join(SOCKET);
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        // The last one: no socket can have a path of this length.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::InvalidInput
            ) =>
        {
            return Ok(None);
        }
        Err(source) => return Err(AskError::Connect { path, source }),
    };
    stream.set_read_timeout(Some(SILENCE_MAX)).map_err(AskError::Send)?;
    // A hub that turns a command away does not read it; what it says is read below.
    let sent = frame::write(&mut &stream, &task.encode());
    loop {
        let frame = match (frame::read(&mut &stream), &sent) {
            (Ok(frame), _) => frame,
            (Err(NoFrame::Closed), Err(_)) => return Err(AskError::Send(sent.expect_err("it is one"))),
            (Err(error), _) => return Err(AskError::NoAnswer(error)),
        };
        match ControlAnswer::decode(&frame).ok_or(AskError::Unknown)? {
            ControlAnswer::Progress(text) => tell(&text),
            last @ (ControlAnswer::Done(_) | ControlAnswer::Failed(_)) => return Ok(Some(last)),
        }
    }
}
