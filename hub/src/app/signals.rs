//! The signals that ask for an orderly end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and Ctrl-C.
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

/// Handles SIGTERM and Ctrl-C from now on: a signal that comes early is returned by the next wait. Before, they end the
/// process as they do by default: a recovery has nothing to lose.
///
/// # Errors
/// When the system takes no handler.
pub fn stop() -> io::Result<Stop> {
    Ok(Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
}

impl Stop {
    /// Waits for one.
    pub async fn comes(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP, which a terminal sends when it closes. It drains, whenever it comes, and never kills.
pub struct Hangup(Option<Signal>);

/// Handles SIGHUP from now on, unless the hub was started with it ignored, as `nohup` does.
///
/// # Errors
/// When the system takes no handler.
pub fn hangup() -> io::Result<Hangup> {
    // SAFETY: an all-zero `sigaction` is a valid one; the call fills it and changes nothing.
    let ignored = unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    };
    if ignored { Ok(Hangup(None)) } else { signal(SignalKind::hangup()).map(Some).map(Hangup) }
}

impl Hangup {
    /// Waits for one; for ever where it is ignored.
    pub async fn comes(&mut self) {
        match &mut self.0 {
            Some(signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
}
