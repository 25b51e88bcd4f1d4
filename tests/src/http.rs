//! As much HTTP as the tests need: one request, one answer, one connection.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::soon;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status, such as 200.
    pub status: u16,
    /// Header lines as they came.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Asks for a path.
///
/// # Panics
/// When there is no answer in time; `hub` is expected to run.
pub async fn get(hub: SocketAddr, path: &str) -> Answer {
    request(hub, &format!("GET {path} HTTP/1.1\r\nhost: {hub}\r\nconnection: close\r\n\r\n")).await
}

/// Posts JSON, with a bearer token if there is one.
///
/// # Panics
/// When there is no answer in time; `hub` is expected to run.
pub async fn post(hub: SocketAddr, path: &str, bearer: Option<&str>, body: &Value) -> Answer {
    let body = body.to_string();
    let bearer = bearer.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let request_text = format!(
        "POST {path} HTTP/1.1\r\nhost: {hub}\r\nconnection: close\r\n{bearer}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    request(hub, &request_text).await
}

/// Sends a request as it is, and reads until the hub ends the connection.
///
/// # Panics
/// When there is no answer in time; `hub` is expected to run.
pub async fn request(hub: SocketAddr, request: &str) -> Answer {
    let line = request.lines().next().unwrap_or_default().to_owned();
    let exchange = async {
        let mut stream = TcpStream::connect(hub).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = soon(&line, exchange).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    let answer = String::from_utf8(answer).expect("the hub answers in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{line}: {head}"));
    assert!(!head.to_lowercase().contains("transfer-encoding"), "bodies are read whole: {head}");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
