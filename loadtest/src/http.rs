//! As much HTTP/1.1 as is needed to measure: requests with a body of known length, and their answers.
//!
//! No client library fits between the generator and its sockets, which it polls itself. The heads of answers are read by
//! `httparse`. The tests of the whole hub spell their requests and read their answers here as well.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use httparse::{Response, Status};

/// Most header lines of an answer.
const HEADERS_MAX: usize = 64;
/// Longest head of an answer, bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longest wait for an answer of the blocking client.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Status, such as 200.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// Spells a request. `line` is method and path, such as `GET /metrics`; a body is sent with its length.
#[must_use]
pub fn request(line: &str, host: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
    let mut head = format!("{line} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    if let Some(body) = body {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend(body.unwrap_or_default());
    request
}

/// Spells a POST.
#[must_use]
pub fn post(host: &str, path: &str, content_type: &str, bearer: Option<&str>, body: &[u8]) -> Vec<u8> {
    let bearer = bearer.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", content_type)];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    request(&format!("POST {path}"), host, &headers, Some(body))
}

/// What `read` makes of the head of the first answer in `bytes`, and how many bytes the head takes; `None` when more
/// have to come.
pub fn head<T>(
    bytes: &[u8],
    read: impl FnOnce(&Response<'_, '_>) -> io::Result<T>,
) -> io::Result<Option<(T, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = Response::new(&mut headers);
    match response.parse(bytes) {
        Ok(Status::Complete(length)) => Ok(Some((read(&response)?, length))),
        Ok(Status::Partial) if bytes.len() <= HEAD_BYTES_MAX => Ok(None),
        Ok(Status::Partial) => Err(io::Error::other("the head of the server's answer is too long")),
        Err(error) => Err(io::Error::other(format!("the server's answer is not HTTP/1.1: {error}"))),
    }
}

/// A header of an answer; `None` when it is not there, or is no text.
#[must_use]
pub fn header<'a>(head: &Response<'_, 'a>, name: &str) -> Option<&'a str> {
    let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value).ok()
}

/// The first answer in `bytes` and how many bytes it takes; `None` when more have to come. A body needs a
/// `content-length`, which both servers measured here send.
pub fn answer(bytes: &[u8]) -> io::Result<Option<(Answer<'_>, usize)>> {
    let read = head(bytes, |head| {
        let status = head.code.unwrap_or_default();
        let length = match header(head, "content-length") {
            Some(length) => length.parse().ok(),
            None => (status == 204).then_some(0),
        };
        Ok((status, length.ok_or_else(|| io::Error::other("the server's answer has no content-length"))?))
    })?;
    let Some(((status, length), start)) = read else { return Ok(None) };
    let end = start.saturating_add(length);
    Ok(bytes.get(start..end).map(|body| (Answer { status, body }, end)))
}

/// A blocking client for what happens before the measurement.
pub struct Client {
    host: String,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr, host: &str) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { host: host.to_owned(), stream, buffer: Vec::new() })
    }

    /// Posts JSON and returns status and body.
    pub fn post_json(&mut self, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        self.ask(&post(&self.host, path, "application/json", None, body.as_bytes()))
    }

    /// Sends a request and returns status and body.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut chunk = [0; 4_096];
        loop {
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend(&chunk[..count]);
            if let Some((answer, _)) = answer(&self.buffer)? {
                return Ok((answer.status, answer.body.to_vec()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 No Content\r\n\r\n";
        let (first, taken) = answer(bytes).unwrap().unwrap();
        assert_eq!(first, Answer { status: 200, body: b"hello" });
        let (second, _) = answer(&bytes[taken..]).unwrap().unwrap();
        assert_eq!(second, Answer { status: 204, body: b"" });
        for cut in 0..taken {
            assert_eq!(answer(&bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert!(answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(answer(b"SSH-2.0\r\n\r\n").is_err());
        assert!(answer(&b"HTTP/1.1 200 OK\r\nx: y\r\n".repeat(4_000)).is_err(), "a head that does not end");
    }

    #[test]
    fn a_request_has_its_host_its_headers_and_the_length_of_its_body() {
        let text =
            b"POST /p HTTP/1.1\r\nhost: h:1\r\ncontent-type: text/plain\r\nauthorization: Bearer t\r\n\
                     content-length: 2\r\n\r\nhi";
        assert_eq!(post("h:1", "/p", "text/plain", Some("t"), b"hi"), text);
        assert_eq!(request("GET /", "h", &[("a", "b")], None), b"GET / HTTP/1.1\r\nhost: h\r\na: b\r\n\r\n");
    }
}
