//! As much HTTP/1.1 as the generator needs: POST with a body, on a connection that is kept.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

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

/// Spells a POST.
#[must_use]
pub fn post(host: &str, path: &str, content_type: &str, bearer: Option<&str>, body: &[u8]) -> Vec<u8> {
    let bearer = bearer.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {content_type}\r\n\
         {bearer}content-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend(body);
    request
}

/// The first answer in `bytes` and how many bytes it takes; `None` when more have to come. A body needs a
/// `content-length`, which both servers measured here send.
pub fn answer(bytes: &[u8]) -> io::Result<Option<(Answer<'_>, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let wrong = || io::Error::other("the server's answer is not HTTP/1.1 with a content-length");
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| wrong())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or_else(wrong)?;
    let status: u16 = status.get(..3).and_then(|status| status.parse().ok()).ok_or_else(wrong)?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value.trim().parse::<usize>());
    let length = match length {
        Some(length) => length.map_err(|_| wrong())?,
        None if status == 204 => 0,
        None => return Err(wrong()),
    };
    let start = end + 4;
    Ok(bytes.get(start..start + length).map(|body| (Answer { status, body }, start + length)))
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
        let request = post(&self.host, path, "application/json", None, body.as_bytes());
        self.stream.write_all(&request)?;
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
    }
}
