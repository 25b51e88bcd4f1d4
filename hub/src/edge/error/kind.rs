//! The kinds of refusals: status, code, words and advice of each.

use actix_web::http::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};

/// What is wrong, for programs. A kind keeps its status and its code for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be understood.
    Malformed,
    /// The handshake is not one of RFC 6455.
    BadHandshake,
    /// None of the offered sub-protocols is spoken here.
    UnknownSubprotocol,
    /// The data of a publication cannot be carried.
    BadPayload,
    /// A demo player's name is empty, too long or unprintable.
    BadName,
    /// No service token, or none that is known.
    Unauthorized,
    /// Known, and not allowed; or a page of another origin.
    Forbidden,
    /// Nothing is served at the path.
    NotFound,
    /// Play money is not offered.
    NoDemo,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The body did not come in time.
    TooSlow,
    /// The body, or what it holds, is too long.
    TooLarge,
    /// The body is not of the type the path takes.
    UnsupportedMediaType,
    /// The request is for another host.
    Misdirected,
    /// The path speaks WebSocket.
    UpgradeRequired,
    /// The address has too many connections.
    TooManyConnections,
    /// The address asks too often.
    TooFast,
    /// No more play money is given.
    Full,
    /// The hub failed.
    Internal,
    /// Redis refused.
    Refused,
    /// No room at the moment.
    Busy,
    /// The hub restarts.
    Draining,
    /// A part of the hub is not available.
    Unavailable,
    /// The publication's outcome is unknown.
    Unconfirmed,
}

/// What is fixed for a kind.
pub(super) struct Row {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
    /// What the caller can do about it.
    pub hint: &'static str,
    /// Whether the same request will be refused again.
    pub last: bool,
    /// The default time until a retry, milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// The retry after a refusal that ends within seconds, milliseconds.
const SOON_MS: u64 = 2_000;

impl Row {
    /// A refusal that stays as long as the request does.
    const fn last(status: StatusCode, code: &'static str, title: &'static str, hint: &'static str) -> Self {
        Self { status, code, title, hint, last: true, retry_after_ms: None }
    }

    /// A refusal that may end by itself.
    const fn passing(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        hint: &'static str,
        retry_after_ms: Option<u64>,
    ) -> Self {
        Self { status, code, title, hint, last: false, retry_after_ms }
    }
}

impl Kind {
    /// Every kind, by status.
    pub const ALL: [Self; 24] = [
        Self::Malformed,
        Self::BadHandshake,
        Self::UnknownSubprotocol,
        Self::BadPayload,
        Self::BadName,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::NoDemo,
        Self::MethodNotAllowed,
        Self::TooSlow,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Misdirected,
        Self::UpgradeRequired,
        Self::TooManyConnections,
        Self::TooFast,
        Self::Full,
        Self::Internal,
        Self::Refused,
        Self::Busy,
        Self::Draining,
        Self::Unavailable,
        Self::Unconfirmed,
    ];

    pub(super) const fn row(self) -> Row {
        use StatusCode as S;
        match self {
            Self::Malformed => Row::last(
                S::BAD_REQUEST,
                "malformed",
                "the request cannot be understood",
                "fix the program; `detail` names the place",
            ),
            Self::BadHandshake => Row::last(
                S::BAD_REQUEST,
                "bad_handshake",
                "the request is not a valid WebSocket handshake",
                "use a WebSocket library",
            ),
            Self::UnknownSubprotocol => Row::last(
                S::BAD_REQUEST,
                "unknown_subprotocol",
                "none of the offered sub-protocols is supported",
                "offer `hub.v1.msgpack` or `hub.v1.json`",
            ),
            Self::BadPayload => Row::last(
                S::BAD_REQUEST,
                "bad_payload",
                "the data cannot be published",
                "fix the program; `detail` says what is wrong with `data`",
            ),
            Self::BadName => Row::last(
                S::BAD_REQUEST,
                "bad_name",
                "the name is empty, too long or unprintable",
                "send another name",
            ),
            Self::Unauthorized => Row::last(
                S::UNAUTHORIZED,
                "unauthorized",
                "a service token is needed",
                "send `Authorization: Bearer` with a token of `publish.tokens_file`",
            ),
            Self::Forbidden => Row::last(
                S::FORBIDDEN,
                "forbidden",
                "this is not allowed",
                "ask the operator; pages need their origin in `server.allowed_origins`",
            ),
            Self::NotFound => Row::last(
                S::NOT_FOUND,
                "not_found",
                "there is nothing at this path",
                "compare the path with this page",
            ),
            Self::NoDemo => Row::last(
                S::NOT_FOUND,
                "no_demo",
                "this hub gives no play money",
                "get a token from whoever runs the hub",
            ),
            Self::MethodNotAllowed => Row::last(
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes another method",
                "use a method of the header `Allow`",
            ),
            Self::TooSlow => Row::passing(
                S::REQUEST_TIMEOUT,
                "too_slow",
                "the body did not come in time",
                "send head and body in one go; the connection is closed",
                None,
            ),
            Self::TooLarge => Row::last(
                S::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body, or the data in it, is too long",
                "send less; `detail` says how much is taken",
            ),
            Self::UnsupportedMediaType => Row::last(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body is not of the type this path takes",
                "send `content-type: application/json`",
            ),
            Self::Misdirected => Row::last(
                S::MISDIRECTED_REQUEST,
                "misdirected",
                "the hub does not answer to the name in `Host`",
                "the operator adds the name to `server.allowed_hosts`; IP addresses and `localhost` always work",
            ),
            Self::UpgradeRequired => Row::last(
                S::UPGRADE_REQUIRED,
                "upgrade_required",
                "this path takes WebSocket connections only",
                "open a WebSocket (version 13)",
            ),
            Self::TooManyConnections => Row::passing(
                S::TOO_MANY_REQUESTS,
                "too_many_connections",
                "this address has too many connections, or opens them too fast",
                "close some, and connect again later",
                Some(SOON_MS),
            ),
            Self::TooFast => Row::passing(
                S::TOO_MANY_REQUESTS,
                "too_fast",
                "this address sends too many requests",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Full => Row::last(
                S::TOO_MANY_REQUESTS,
                "full",
                "no more play money is given",
                "the operator raises `demo.players_max`, or restarts the hub",
            ),
            Self::Internal => Row::passing(
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "the hub failed",
                "tell the operator the `request_id`, which is in the hub's output",
                None,
            ),
            Self::Refused => Row::passing(
                S::BAD_GATEWAY,
                "refused",
                "Redis refused the publication",
                "the operator checks Redis",
                None,
            ),
            Self::Busy => Row::passing(
                S::SERVICE_UNAVAILABLE,
                "busy",
                "the hub is busy",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Draining => Row::passing(
                S::SERVICE_UNAVAILABLE,
                "draining",
                "the hub is restarting",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Unavailable => Row::passing(
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "a part of the hub is not available",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Unconfirmed => Row::passing(
                S::GATEWAY_TIMEOUT,
                "unconfirmed",
                "it is not known whether it was published",
                "publish again if two publications do no harm",
                None,
            ),
        }
    }

    /// The kind's name on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// What happened, in one clause.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// What the caller can do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        self.row().hint
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// The release that first answered so.
    #[must_use]
    pub const fn since(self) -> &'static str {
        match self {
            Self::Malformed
            | Self::BadPayload
            | Self::BadName
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::NoDemo
            | Self::MethodNotAllowed
            | Self::TooSlow
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::UpgradeRequired
            | Self::TooFast
            | Self::Full
            | Self::Internal
            | Self::Refused
            | Self::Busy
            | Self::Draining
            | Self::Unavailable
            | Self::Unconfirmed => "0.1",
            Self::BadHandshake | Self::UnknownSubprotocol | Self::Misdirected | Self::TooManyConnections => {
                "0.2"
            }
        }
    }

    /// Whether the same request will be refused again.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.row().last
    }

    /// The header that belongs to the kind, whatever the request was.
    pub(super) fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::UpgradeRequired => Some((header::UPGRADE, HeaderValue::from_static("websocket"))),
            Self::TooSlow | Self::TooManyConnections => {
                Some((header::CONNECTION, HeaderValue::from_static("close")))
            }
            Self::Malformed
            | Self::BadHandshake
            | Self::UnknownSubprotocol
            | Self::BadPayload
            | Self::BadName
            | Self::Forbidden
            | Self::NotFound
            | Self::NoDemo
            | Self::MethodNotAllowed
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::Misdirected
            | Self::TooFast
            | Self::Full
            | Self::Internal
            | Self::Refused
            | Self::Busy
            | Self::Draining
            | Self::Unavailable
            | Self::Unconfirmed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_is_listed_once_by_status_and_has_a_code_of_its_own() {
        let codes: HashSet<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.status()));
        for kind in Kind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
            assert!(
                kind.status().is_client_error() || !kind.is_final(),
                "a failure of ours may end: {kind:?}"
            );
        }
    }
}
