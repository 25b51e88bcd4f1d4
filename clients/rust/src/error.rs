//! The errors of the client, and whether trying again can help.

use std::{fmt, io, time::Duration};

use protocol::{CloseCode, FrameError, Retry, reply::Failure};

/// An error of the client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not `ws://host[:port][/path]`.
    #[error("\"{url}\" is not an address such as ws://127.0.0.1:7700/ws")]
    Url {
        /// The address given.
        url: String,
    },
    /// No TCP connection.
    #[error("connect to {address}")]
    Connect {
        /// Host and port tried.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The server did not switch to WebSocket.
    #[error("open a WebSocket")]
    Handshake(#[source] tokio_websockets::Error),
    /// The server switched, but to another sub-protocol.
    #[error("the server chose the sub-protocol {0:?}")]
    Subprotocol(String),
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Closed(Closed),
    /// The hub refused the request.
    #[error("{} ({}): {}", .0.name, .0.code.number(), .0.message)]
    Refused(Failure),
    /// No answer in time. Whether the request was carried out is not known.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// A frame this client cannot read.
    #[error("a frame of the hub cannot be read")]
    Frame(#[from] FrameError),
    /// A reply of another kind than the request asks for.
    #[error("the hub answered {0} with another kind of reply")]
    Unexpected(&'static str),
    /// The operating system has no random numbers.
    #[error("random numbers from the operating system")]
    Random(#[source] getrandom::Error),
}

impl Error {
    /// Whether a new connection may end better. `false`: a program or a token has to change first.
    #[must_use]
    pub fn reconnect(&self) -> bool {
        match self {
            // What cannot be read now, such as one channel of a welcome, another connection may bring otherwise.
            Self::Connect { .. } | Self::Timeout(_) | Self::Frame(_) => true,
            Self::Handshake(tokio_websockets::Error::Upgrade(
                tokio_websockets::upgrade::Error::DidNotSwitchProtocols(status),
            )) => *status == 429 || *status >= 500,
            Self::Handshake(error) => {
                matches!(error, tokio_websockets::Error::Io(_) | tokio_websockets::Error::AlreadyClosed)
            }
            Self::Closed(closed) => closed.reconnect(),
            Self::Refused(failure) => match failure.retry {
                Retry::SameKey | Retry::AskOutcome => true,
                Retry::Never | Retry::Authenticate => false,
            },
            Self::Url { .. } | Self::Subprotocol(_) | Self::Unexpected(_) | Self::Random(_) => false,
        }
    }
}

impl Error {
    /// The least time until another attempt, as the hub has told it.
    pub(crate) fn not_before(&self) -> Duration {
        match self {
            Self::Refused(failure) => Duration::from_millis(failure.retry_after_ms.unwrap_or_default()),
            _ => Duration::ZERO,
        }
    }

    /// The error as the end of a connection.
    pub(crate) fn closing(&self) -> Closed {
        match self {
            Self::Closed(closed) => closed.clone(),
            other => Closed::broken(other.to_string()),
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Close code of the server; none when the connection broke.
    pub code: Option<u16>,
    /// What is known of the reason.
    pub reason: String,
}

impl Closed {
    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self { code: None, reason: reason.into() }
    }

    /// Whether the client may connect again.
    #[must_use]
    pub fn reconnect(&self) -> bool {
        self.code.is_none_or(CloseCode::reconnect)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(formatter, "code {code}, {}", self.reason),
            None => formatter.write_str(&self.reason),
        }
    }
}
