//! The kinds of refusals: status, code, words and advice of each.

use actix_web::http::{
    StatusCode,
    header::{self, HeaderName, HeaderValue},
};
use protocol::ErrorCode;

use super::{money, row::KindRow};

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
    /// A change without a key.
    IdempotencyKeyRequired,
    /// Nobody has this id.
    UnknownPlayer,
    /// Nothing was done under this id or key.
    UnknownTransaction,
    /// The domains of a coordinated change are not those of its type.
    ParticipantsDiffer,
    /// The outcome of a change is unknown.
    OutcomeUnknown,
    /// The log does not have a record.
    NotRecorded,
    /// The money refuses, with its own code.
    Money(ErrorCode),
}

/// The retry after a refusal that ends within seconds, milliseconds.
const SOON_MS: u64 = 2_000;

impl Kind {
    /// Every kind, by status.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all: Vec<_> = Self::OWN.into_iter().chain(money::CODES.map(Self::Money)).collect();
        all.sort_by_key(|kind| kind.status());
        all
    }

    /// Every kind but those of the money.
    const OWN: [Self; 30] = [
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
        Self::IdempotencyKeyRequired,
        Self::UnknownPlayer,
        Self::UnknownTransaction,
        Self::ParticipantsDiffer,
        Self::OutcomeUnknown,
        Self::NotRecorded,
    ];

    pub(super) fn row(self) -> KindRow {
        use StatusCode as S;
        match self {
            Self::Malformed => KindRow::last(
                S::BAD_REQUEST,
                "malformed",
                "the request cannot be understood",
                "fix the program; `detail` names the place",
            ),
            Self::BadHandshake => KindRow::last(
                S::BAD_REQUEST,
                "bad_handshake",
                "the request is not a valid WebSocket handshake",
                "use a WebSocket library",
            ),
            Self::UnknownSubprotocol => KindRow::last(
                S::BAD_REQUEST,
                "unknown_subprotocol",
                "none of the offered sub-protocols is supported",
                "offer `hub.v1.msgpack` or `hub.v1.json`",
            ),
            Self::BadPayload => KindRow::last(
                S::BAD_REQUEST,
                "bad_payload",
                "the data cannot be published",
                "fix the program; `detail` says what is wrong with `data`",
            ),
            Self::BadName => KindRow::last(
                S::BAD_REQUEST,
                "bad_name",
                "the name is empty, too long or unprintable",
                "send another name",
            ),
            Self::Unauthorized => KindRow::last(
                S::UNAUTHORIZED,
                "unauthorized",
                "the token of a service or an operator is needed",
                "send `Authorization: Bearer` with a token of `hub token --service` or of `publish.tokens_file`",
            ),
            Self::Forbidden => KindRow::last(
                S::FORBIDDEN,
                "forbidden",
                "this is not allowed",
                "ask the operator; pages need their origin in `server.allowed_origins`",
            ),
            Self::NotFound => KindRow::last(
                S::NOT_FOUND,
                "not_found",
                "there is nothing at this path",
                "compare the path with this page",
            ),
            Self::NoDemo => KindRow::last(
                S::NOT_FOUND,
                "no_demo",
                "this hub gives no play money",
                "get a token from whoever runs the hub",
            ),
            Self::MethodNotAllowed => KindRow::last(
                S::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path takes another method",
                "use a method of the header `Allow`",
            ),
            Self::TooSlow => KindRow::passing(
                S::REQUEST_TIMEOUT,
                "too_slow",
                "the body did not come in time",
                "send head and body in one go; the connection is closed",
                None,
            ),
            Self::TooLarge => KindRow::last(
                S::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body, or the data in it, is too long",
                "send less; `detail` says how much is taken",
            ),
            Self::UnsupportedMediaType => KindRow::last(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body is not of the type this path takes",
                "send `content-type: application/json`",
            ),
            Self::Misdirected => KindRow::last(
                S::MISDIRECTED_REQUEST,
                "misdirected",
                "the hub does not answer to the name in `Host`",
                "the operator adds the name to `server.allowed_hosts`; IP addresses and `localhost` always work",
            ),
            Self::UpgradeRequired => KindRow::last(
                S::UPGRADE_REQUIRED,
                "upgrade_required",
                "this path takes WebSocket connections only",
                "open a WebSocket (version 13)",
            ),
            Self::TooManyConnections => KindRow::passing(
                S::TOO_MANY_REQUESTS,
                "too_many_connections",
                "this address has too many connections, or opens them too fast",
                "close some, and connect again later",
                Some(SOON_MS),
            ),
            Self::TooFast => KindRow::passing(
                S::TOO_MANY_REQUESTS,
                "too_fast",
                "this address sends too many requests",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Full => KindRow::last(
                S::TOO_MANY_REQUESTS,
                "full",
                "no more play money is given",
                "the operator raises `demo.players_max`, or restarts the hub",
            ),
            Self::Internal => KindRow::passing(
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "the hub failed",
                "tell the operator the `request_id`, which is in the hub's output",
                None,
            ),
            Self::Refused => KindRow::passing(
                S::BAD_GATEWAY,
                "refused",
                "Redis refused the publication",
                "the operator checks Redis",
                None,
            ),
            Self::Busy => KindRow::passing(
                S::SERVICE_UNAVAILABLE,
                "busy",
                "the hub is busy",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Draining => KindRow::passing(
                S::SERVICE_UNAVAILABLE,
                "draining",
                "the hub is restarting",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Unavailable => KindRow::passing(
                S::SERVICE_UNAVAILABLE,
                "unavailable",
                "a part of the hub is not available",
                "same request, later",
                Some(SOON_MS),
            ),
            Self::Unconfirmed => KindRow::passing(
                S::GATEWAY_TIMEOUT,
                "unconfirmed",
                "it is not known whether it was published",
                "publish again if two publications do no harm",
                None,
            ),
            Self::IdempotencyKeyRequired => KindRow::last(
                S::BAD_REQUEST,
                "idempotency_key_required",
                "a change needs a key",
                "send the header `Idempotency-Key`, with a new value for each change and the same one for each retry",
            ),
            Self::UnknownPlayer => KindRow::last(
                S::NOT_FOUND,
                "unknown_player",
                "nobody has this id",
                "compare the id with the subject of the player's tokens; the first payment makes an account, where `api.open_accounts` is on",
            ),
            Self::UnknownTransaction => KindRow::last(
                S::NOT_FOUND,
                "unknown_transaction",
                "nothing was done under this id",
                "compare the id, or the key and the token; what had no key is found by the `lsn` of its record",
            ),
            Self::ParticipantsDiffer => KindRow::last(
                S::CONFLICT,
                "participants_differ",
                "other domains take part in this type of change",
                "send the domains that `detail` names, or leave `domains` out",
            ),
            Self::OutcomeUnknown => KindRow::passing(
                S::GATEWAY_TIMEOUT,
                "outcome_unknown",
                "it is not known whether this was carried out",
                "same request with the same key: it is carried out once, and the answer tells the outcome",
                Some(SOON_MS),
            ),
            Self::NotRecorded => KindRow::last(
                S::CONFLICT,
                "not_recorded",
                "the log does not have this record",
                "give the `lsn` of an answer of this hub; after a backup was restored, ask without it",
            ),
            Self::Money(code) => money::row(code),
        }
    }

    /// The kind's name on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// What happened, in one clause.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// What the caller can do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        self.row().hint
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
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
            Self::BadHandshake
            | Self::UnknownSubprotocol
            | Self::Misdirected
            | Self::TooManyConnections
            | Self::IdempotencyKeyRequired
            | Self::UnknownPlayer
            | Self::UnknownTransaction
            | Self::ParticipantsDiffer
            | Self::OutcomeUnknown
            | Self::NotRecorded
            | Self::Money(_) => "0.2",
        }
    }

    /// Whether the same request will be refused again.
    #[must_use]
    pub fn is_final(self) -> bool {
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
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
