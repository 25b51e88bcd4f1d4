//! Where an HTTP/1.1 request ends: the empty line behind its head, and the last byte of its body.
//!
//! Looks only for these two places. The HTTP server behind it reads the request, and refuses a malformed one. Both
//! must agree on the end, so the states here are those of `actix_http`'s decoder.

/// The bytes are no body in chunks (RFC 9112, 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Looks for the empty line that ends a head. Empty lines in front of a head belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestHead {
    /// Nothing but line ends has come.
    #[default]
    Before,
    /// Within a line.
    Line,
    /// A line has ended.
    LineEnd,
    /// A line has ended, and a carriage return has come.
    Return,
}

impl RequestHead {
    /// Goes through `bytes`; how many belong to the head when it ends in them, and from then on before the next one.
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, byte) in bytes.iter().enumerate() {
            *self = match (*self, byte) {
                (Self::Before, b'\r' | b'\n') => Self::Before,
                (Self::LineEnd | Self::Return, b'\n') => {
                    *self = Self::Before;
                    return Some(index + 1);
                }
                (Self::LineEnd, b'\r') => Self::Return,
                (Self::Line, b'\n') => Self::LineEnd,
                _ => Self::Line,
            };
        }
        None
    }
}

/// Most header fields of a head, as in `actix_http`.
const HEADERS_MAX: usize = 96;

/// Length of the body of a request whose head is `head`, when all of it is among the `behind` bytes that have come
/// behind the head. 0 when there is no body, when more is to come, and when its end is not told by a length.
pub fn short_body(head: &[u8], behind: usize) -> usize {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    if behind == 0 || !request.parse(head).is_ok_and(|status| status.is_complete()) {
        return 0;
    }
    let mut length: Option<usize> = None;
    for field in request.headers {
        if field.name.eq_ignore_ascii_case("transfer-encoding") || field.name.eq_ignore_ascii_case("upgrade")
        {
            return 0;
        }
        if field.name.eq_ignore_ascii_case("content-length") {
            let value = str::from_utf8(field.value).ok().and_then(|value| value.trim().parse().ok());
            let (None, Some(value)) = (length, value) else { return 0 };
            length = Some(value);
        }
    }
    length.filter(|length| *length <= behind).unwrap_or(0)
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyLeft {
    /// Nothing.
    #[default]
    Ended,
    /// This many bytes.
    Length(u64),
    /// Chunks.
    Chunks(Chunk),
}

/// Where in a body of chunks the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// The first digit of a size.
    SizeFirst,
    /// A digit behind these.
    Size(u64),
    /// Space behind a size.
    Space(u64),
    /// An extension behind a size.
    Extension(u64),
    /// The line feed behind a size.
    SizeLf(u64),
    /// This many bytes of data, at least one.
    Data(u64),
    /// The carriage return behind the data.
    DataCr,
    /// The line feed behind the data.
    DataLf,
    /// The first byte of a line behind the last chunk: a trailer, or the empty line.
    Last,
    /// Within a trailer.
    Trailer,
    /// The line feed behind a trailer.
    TrailerLf,
    /// The line feed of the empty line.
    LastLf,
}

impl BodyLeft {
    /// A body whose first byte is still to come.
    #[must_use]
    pub fn in_chunks() -> Self {
        Self::Chunks(Chunk::SizeFirst)
    }

    /// Whether nothing more belongs to it.
    #[must_use]
    pub fn ended(self) -> bool {
        self == Self::Ended
    }

    /// Goes through `bytes`; how many of them belong to the body. Less than all: it ends there.
    ///
    /// # Errors
    /// When they cannot be chunks.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        match *self {
            Self::Ended => Ok(0),
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - taken as u64;
                *self = if left == 0 { Self::Ended } else { Self::Length(left) };
                Ok(taken)
            }
            Self::Chunks(mut chunk) => {
                let mut taken = 0;
                while let Some(byte) = bytes.get(taken) {
                    if let Chunk::Data(left) = chunk {
                        let here = (bytes.len() - taken).min(usize::try_from(left).unwrap_or(usize::MAX));
                        taken += here;
                        let left = left - here as u64;
                        chunk = if left == 0 { Chunk::DataCr } else { Chunk::Data(left) };
                        continue;
                    }
                    taken += 1;
                    match chunk.next(*byte)? {
                        Some(next) => chunk = next,
                        None => {
                            *self = Self::Ended;
                            return Ok(taken);
                        }
                    }
                }
                *self = Self::Chunks(chunk);
                Ok(taken)
            }
        }
    }
}

impl Chunk {
    /// The state behind one byte that is not data; `None` behind the last byte of the body.
    fn next(self, byte: u8) -> Result<Option<Self>, Malformed> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        Ok(Some(match (self, byte) {
            (Self::SizeFirst, _) => Self::Size(digit.ok_or(Malformed)?),
            (Self::Size(size) | Self::Space(size), b' ' | b'\t') => Self::Space(size),
            (Self::Size(size) | Self::Space(size), b';') => Self::Extension(size),
            (Self::Size(size) | Self::Space(size) | Self::Extension(size), b'\r') => Self::SizeLf(size),
            (Self::Size(size), _) => {
                Self::Size(size.checked_mul(16).ok_or(Malformed)? + digit.ok_or(Malformed)?)
            }
            (Self::Extension(_), 0..=0x08 | 0x0a..=0x1f | 0x7f) => return Err(Malformed),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeLf(0), b'\n') | (Self::TrailerLf, b'\n') => Self::Last,
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::SizeFirst,
            (Self::Last, b'\r') => Self::LastLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::Last | Self::Trailer, _) => Self::Trailer,
            (Self::LastLf, b'\n') => return Ok(None),
            (
                Self::Space(_)
                | Self::SizeLf(_)
                | Self::Data(_)
                | Self::DataCr
                | Self::DataLf
                | Self::TrailerLf
                | Self::LastLf,
                _,
            ) => return Err(Malformed),
        }))
    }
}

#[cfg(test)]
mod tests {
    use actix_codec::Decoder;
    use actix_http::h1::{Codec, Message};
    use bytes::BytesMut;
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;

    /// The HTTP server's reader. It wants a runtime for the date of its answers.
    fn with_codec<T>(read: impl FnOnce(Codec) -> T) -> T {
        let runtime = actix_rt::Runtime::new().expect("a runtime");
        runtime.block_on(async { read(Codec::default()) })
    }

    /// What the HTTP server makes of bytes behind a head of a body in chunks: where the body ends, `None` not yet.
    fn servers_end(mut codec: Codec, body: &[u8]) -> Result<Option<usize>, ()> {
        let mut buffer = BytesMut::from("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        assert!(matches!(codec.decode(&mut buffer), Ok(Some(Message::Item(_)))));
        buffer.extend_from_slice(body);
        loop {
            match codec.decode(&mut buffer).map_err(drop)? {
                Some(Message::Chunk(None)) => return Ok(Some(body.len() - buffer.len())),
                Some(Message::Chunk(Some(_))) => {}
                Some(Message::Item(_)) => panic!("a body is no request"),
                None => return Ok(None),
            }
        }
    }

    proptest! {
        #[test]
        fn a_body_in_chunks_ends_where_the_server_sees_its_end(
            parts in vec(
                select(vec![
                    "0", "1", "a", "F", "10", ";", " ", "x", "\r", "\n", "\r\n", "0\r\n", "\r\n0\r\n\r\n",
                    "3\r\nabc\r\n", "2;e=1\r\n\n\n\r\n", "T: v\r\n", "GET / HTTP/1.1\r\n\r\n",
                ]),
                0..12,
            ),
        ) {
            let text = parts.concat();
            let mut body = BodyLeft::in_chunks();
            let ours = body.advance(text.as_bytes()).map(|taken| body.ended().then_some(taken)).map_err(drop);
            prop_assert_eq!(ours, with_codec(|codec| servers_end(codec, text.as_bytes())), "{:?}", text);
        }

        #[test]
        fn a_head_ends_where_the_server_sees_its_end(
            parts in vec(
                select(vec!["\r", "\n", "\r\n", "\r\n\r\n", "\n\n", "a: b", "GET / HTTP/1.1\r\n", "host: a\r\n", "x"]),
                0..12,
            ),
        ) {
            let text = parts.concat();
            let mut buffer = BytesMut::from(text.as_str());
            let end = RequestHead::default().end(text.as_bytes());
            match with_codec(|mut codec| codec.decode(&mut buffer)) {
                Ok(Some(_)) => prop_assert_eq!(end, Some(text.len() - buffer.len()), "{:?}", text),
                Ok(None) => prop_assert_eq!(end, None, "{:?}", text),
                Err(_) => {}
            }
        }
    }

    proptest! {
        #[test]
        fn a_short_body_ends_where_the_server_sees_its_end(
            fields in vec(
                select(vec![
                    "content-length: 3\r\n", "Content-Length:3\r\n", "content-length: 0\r\n",
                    "content-length: +3\r\n", "content-length: 3 \r\n", "content-length: 99\r\n",
                    "transfer-encoding: chunked\r\n", "transfer-encoding: identity\r\n", "expect: 100-continue\r\n",
                    "upgrade: websocket\r\n", "connection: upgrade\r\n", "x: content-length\r\n",
                ]),
                0..4,
            ),
            start in select(vec![
                "POST / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", "POST / HTTP/1.0\r\n", "\r\nPOST / HTTP/1.1\n",
                "CONNECT a:1 HTTP/1.1\r\n",
            ]),
            behind in select(vec!["", "ab", "abc", "abcGET / HTTP/1.1\r\n\r\n", "0\r\n\r\n"]),
        ) {
            let head = format!("{start}host: a\r\n{}\r\n", fields.concat());
            let ours = short_body(head.as_bytes(), behind.len());
            let mut buffer = BytesMut::from(format!("{head}{behind}").as_str());
            let servers = with_codec(|mut codec| {
                let Ok(Some(Message::Item(_))) = codec.decode(&mut buffer) else { return None };
                // Asking on without a body would read the next request.
                while ours > 0 && !matches!(codec.decode(&mut buffer), Ok(Some(Message::Chunk(None)))) {}
                Some(head.len() + behind.len() - buffer.len())
            });
            if let Some(servers) = servers {
                prop_assert_eq!(head.len() + ours, servers, "{:?} {:?}", head, behind);
            }
        }
    }

    #[test]
    fn a_body_is_short_when_all_of_it_has_come_with_its_head() {
        let behind = |fields: &str, behind: usize| {
            short_body(format!("POST / HTTP/1.1\r\n{fields}\r\n").as_bytes(), behind)
        };
        assert_eq!(behind("content-length: 5\r\n", 5), 5);
        assert_eq!(behind("Content-Length:5\r\n", 80), 5, "the next request is not part of it");
        assert_eq!(behind("content-length: 5\r\n", 4), 0, "a byte is to come");
        assert_eq!(behind("", 5), 0);
        assert_eq!(behind("content-length: 5\r\ncontent-length: 5\r\n", 5), 0);
        assert_eq!(behind("content-length: 5\r\ntransfer-encoding: chunked\r\n", 5), 0);
        assert_eq!(
            behind("content-length: 5\r\nupgrade: websocket\r\n", 5),
            0,
            "these bytes are the session's"
        );
        assert_eq!(behind("content-length: 18446744073709551616\r\n", 5), 0);
    }

    /// The head ends behind `head` whatever follows, and however the bytes come.
    #[track_caller]
    fn check_head(head: &str) {
        let text = format!("{head}GET /next HTTP/1.1\r\n\r\n");
        assert_eq!(RequestHead::default().end(text.as_bytes()), Some(head.len()), "{head:?}");
        let mut byte_by_byte = RequestHead::default();
        let ends: Vec<_> =
            head.bytes().enumerate().filter(|(_, byte)| byte_by_byte.end(&[*byte]).is_some()).collect();
        assert_eq!(ends.len(), 1, "{head:?}");
        assert_eq!(ends[0].0, head.len() - 1, "{head:?}");
        assert_eq!(byte_by_byte, RequestHead::Before, "{head:?}");
    }

    #[test]
    fn a_head_ends_with_its_first_empty_line() {
        check_head("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        check_head("GET / HTTP/1.1\nhost: a\n\n");
        check_head("GET / HTTP/1.1\r\nhost: a\n\r\n");
        check_head("\r\n\n\r\nGET / HTTP/1.1\r\n\r\n");
        check_head("GET / HTTP/1.1\r\nx: a\rb\r\n\r\n");
        assert_eq!(RequestHead::default().end(b"GET / HTTP/1.1\r\nhost: a\r\n\r"), None);
        assert_eq!(RequestHead::default().end(b"\r\n\r\n\n\n"), None, "nothing but empty lines");
    }

    /// The body ends behind `body` and before what follows, and however the bytes come.
    #[track_caller]
    fn check_body(start: BodyLeft, body: &str) {
        let text = format!("{body}GET /");
        let mut whole = start;
        assert_eq!(whole.advance(text.as_bytes()), Ok(body.len()), "{body:?}");
        assert!(whole.ended(), "{body:?}");
        let mut byte_by_byte = start;
        for (index, byte) in body.bytes().enumerate() {
            assert!(!byte_by_byte.ended(), "{body:?} ended before byte {index}");
            assert_eq!(byte_by_byte.advance(&[byte]), Ok(1), "{body:?}");
        }
        assert!(byte_by_byte.ended(), "{body:?}");
        assert_eq!(byte_by_byte.advance(b"GET /"), Ok(0));
    }

    #[test]
    fn a_body_ends_with_its_length_or_its_last_chunk() {
        check_body(BodyLeft::Length(5), "a\n\r\nb");
        check_body(BodyLeft::in_chunks(), "0\r\n\r\n");
        check_body(BodyLeft::in_chunks(), "4\r\na\n\n\n\r\n0\r\n\r\n");
        check_body(BodyLeft::in_chunks(), "1a \t;name=\"v\"\r\nabcdefghijklmnopqrstuvwxyz\r\n00;x\r\n\r\n");
        check_body(BodyLeft::in_chunks(), "1\r\na\r\n0\r\nTrailer: b\r\nMore: c\r\n\r\n");
        assert_eq!(BodyLeft::Ended.advance(b"GET /"), Ok(0));
    }

    #[test]
    fn what_cannot_be_a_chunk_is_malformed() {
        let wrong = [
            "x\r\n",
            "\r\n",
            "1 2\r\n",
            "1\n",
            "1\r\nab",
            "1\r\na\n",
            "0\r\n\rx",
            "1;a\nb",
            "g",
            "10000000000000000\r\n",
        ];
        for text in wrong {
            assert_eq!(BodyLeft::in_chunks().advance(text.as_bytes()), Err(Malformed), "{text:?}");
        }
    }
}
