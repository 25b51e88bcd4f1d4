//! Why a request over HTTP is refused: one type for every surface, one row for each kind.
//!
//! The body is `application/problem+json` (RFC 9457). Handlers return [`Error`]; the refusals of the WebSocket
//! handshake and of connections that are not let in are made from it too. A request that is no HTTP at all never gets
//! here: the server answers it with a bare status. The kinds stand in `docs/protocol.md`, printed from here.

mod kind;
mod money;
mod row;

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use serde_json::{Map, Value, json};

pub use self::kind::Kind;
use self::row::KindRow;

use crate::telemetry::RequestId;

/// Media type of the body.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The header that says that an answer is that of an earlier request with the same key.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What the hub accepts instead, named in a header.
#[derive(Debug, Clone, Copy)]
enum Offer {
    /// These methods.
    Methods(&'static str),
    /// Version 13 of WebSocket.
    Version,
}

impl Offer {
    fn header(self) -> (HeaderName, HeaderValue) {
        match self {
            Self::Methods(methods) => (header::ALLOW, HeaderValue::from_static(methods)),
            Self::Version => (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        }
    }
}

/// A refused request, with what is known about this one.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    detail: Option<Cow<'static, str>>,
    field: Option<&'static str>,
    retry_after_ms: Option<u64>,
    offer: Option<Offer>,
    key: Option<Box<KeyFate>>,
    reached: Option<Box<Map<String, Value>>>,
}

/// What a refusal has done to the key of its request.
#[derive(Debug, Default)]
struct KeyFate {
    /// Place in the log of the record of the refusal, when one was made: then it stands under the key for good.
    recorded: Option<u64>,
    replayed: bool,
    /// The fields in which the request differs from the one that the key was used for.
    differs: Vec<&'static str>,
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        let retry_after_ms = kind.row().retry_after_ms;
        Self { kind, detail: None, field: None, retry_after_ms, offer: None, key: None, reached: None }
    }
}

impl Error {
    /// A refusal and its particulars, for people.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..kind.into() }
    }

    /// The path takes only these methods, such as `GET, HEAD`.
    #[must_use]
    pub fn method_not_allowed(allowed: &'static str) -> Self {
        Self { offer: Some(Offer::Methods(allowed)), ..Kind::MethodNotAllowed.into() }
    }

    /// The handshake is of another version of WebSocket than the hub's.
    #[must_use]
    pub fn other_version(detail: String) -> Self {
        Self { offer: Some(Offer::Version), ..Self::new(Kind::UpgradeRequired, detail) }
    }

    /// Names the field of the request that is wrong.
    #[must_use]
    pub fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// Says when to ask again, milliseconds.
    #[must_use]
    pub fn retry_after_ms(self, ms: u64) -> Self {
        Self { retry_after_ms: Some(ms), ..self }
    }

    /// Says where in the log the refusal is recorded, so that it stands under the key of the request for good, and whether it
    /// stood there before. `None`: the key is as it was.
    #[must_use]
    pub fn of_key(self, recorded: Option<u64>, replayed: bool) -> Self {
        Self { key: Some(Box::new(KeyFate { recorded, replayed, differs: Vec::new() })), ..self }
    }

    /// Names the fields in which the request differs from the one that its key was used for.
    #[must_use]
    pub fn differs_in(self, differs: Vec<&'static str>) -> Self {
        let key = KeyFate { differs, ..self.key.map_or_else(KeyFate::default, |key| *key) };
        Self { key: Some(Box::new(key)), ..self }
    }

    /// Tells which limit of a player refuses it.
    #[must_use]
    pub fn reaching(self, limit: Option<Map<String, Value>>) -> Self {
        Self { reached: limit.map(Box::new), ..self }
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Every header of the answer but those of its length; the id of the request within its scope.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let kind = (header::CONTENT_TYPE, CONTENT_TYPE);
        // A client that knows seconds only must not come back too early.
        let retry =
            self.retry_after_ms.map(|ms| (header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000))));
        let replayed = self.key.as_ref().filter(|key| key.replayed);
        let replayed = replayed.map(|_| (REPLAYED, HeaderValue::from_static("true")));
        let id = RequestId::current().map(|id| id.header());
        [Some(kind), self.kind.header(), self.offer.map(Offer::header), retry, replayed, id]
            .into_iter()
            .flatten()
    }

    /// The body, RFC 9457. Members without a value are left out. It has the id of the request within whose scope it is asked
    /// for.
    #[must_use]
    pub fn body(&self) -> String {
        let KindRow { status, code, title, hint, last, .. } = self.kind.row();
        let key = self.key.as_deref();
        let members = json!({
            "type": format!("urn:hub:error:{code}"),
            "title": title,
            "status": status.as_u16(),
            "code": code,
            "detail": self.detail,
            "hint": hint,
            "field": self.field,
            "final": last,
            "retry_after_ms": self.retry_after_ms,
            "reached": self.reached,
            "differs": key.map(|key| &key.differs).filter(|differs| !differs.is_empty()),
            "key_consumed": key.map(|key| key.recorded.is_some()),
            "replayed": key.map(|key| key.replayed),
            "lsn": key.and_then(|key| key.recorded),
            "request_id": RequestId::current().map(|id| id.to_string()),
        });
        let mut members = members;
        if let Value::Object(members) = &mut members {
            members.retain(|_, value| !value.is_null());
        }
        members.to_string()
    }

    /// The whole answer as bytes, for a connection on which no server speaks.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (status, body) = (self.kind.status(), self.body());
        let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in self.headers() {
            answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        answer.extend([b"\r\n", body.as_bytes()].concat());
        answer
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.detail.as_deref().unwrap_or(self.kind.title()))
    }
}

impl std::error::Error for Error {}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.kind.status());
        for header in self.headers() {
            response.insert_header(header);
        }
        response.body(self.body())
    }
}

impl From<Error> for socket::Refusal {
    fn from(error: Error) -> Self {
        Self { status: error.kind.status(), headers: error.headers().collect(), body: error.body().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_members_of_rfc_9457_and_ours_where_they_are_known() {
        let error = Error::new(Kind::Busy, "the queue is full").retry_after_ms(1_500).field("data");
        let body: Value = serde_json::from_str(&error.body()).expect("JSON");
        let expected = json!({
            "type": "urn:hub:error:busy", "title": "the hub is busy", "status": 503, "code": "busy",
            "detail": "the queue is full", "hint": "same request, later", "field": "data", "final": false,
            "retry_after_ms": 1_500,
        });
        assert_eq!(body, expected);
        let bare: Value = serde_json::from_str(&Error::from(Kind::NotFound).body()).expect("JSON");
        assert_eq!(bare.as_object().map(Map::len), Some(6), "{bare}");
    }

    #[test]
    fn the_headers_say_what_a_client_without_json_needs() {
        let header = |error: Error, name| error.error_response().headers().get(name).cloned();
        let text = HeaderValue::from_static;
        assert_eq!(
            header(Kind::NotFound.into(), header::CONTENT_TYPE),
            Some(text("application/problem+json"))
        );
        assert_eq!(header(Error::method_not_allowed("GET, HEAD"), header::ALLOW), Some(text("GET, HEAD")));
        assert_eq!(header(Kind::Unauthorized.into(), header::WWW_AUTHENTICATE), Some(text("Bearer")));
        assert_eq!(header(Kind::UpgradeRequired.into(), header::UPGRADE), Some(text("websocket")));
        let busy = Error::from(Kind::Busy).retry_after_ms(2_001);
        assert_eq!(header(busy, header::RETRY_AFTER), Some(text("3")), "never too early");
        let whole = String::from_utf8(Error::from(Kind::TooManyConnections).to_bytes()).expect("text");
        let (head, body) = whole.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("retry-after: 2") && head.contains("connection: close"), "{head}");
    }
}
