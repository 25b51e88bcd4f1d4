//! HTTP for the tests: one request, one answer, one connection. Requests are spelled and answers read as the load harness
//! does; bytes go out as they are, because the hub has to stand those of bad clients as well.

use std::{io, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub use crate::answer::Answer;
use crate::{contract, soon};

/// Spells a well-formed request of one connection, with JSON or another text as its body if it has one.
#[must_use]
pub fn spelled(line: &str, host: &str, headers: &[(&str, &str)], body: Option<&str>) -> String {
    let headers = [headers, &[("connection", "close")]].concat();
    let bytes = loadtest::http::request(line, host, &headers, body.map(str::as_bytes));
    String::from_utf8(bytes).expect("it is made of text")
}

/// Asks for a path.
///
/// # Panics
/// When there is no answer in time; `hub` is expected to run.
pub async fn get(hub: SocketAddr, path: &str) -> Answer {
    request(hub, &spelled(&format!("GET {path}"), &hub.to_string(), &[], None)).await
}

/// Posts JSON, with a bearer token if there is one.
///
/// # Panics
/// When there is no answer in time; `hub` is expected to run.
pub async fn post(hub: SocketAddr, path: &str, bearer: Option<&str>, body: &Value) -> Answer {
    let bearer = bearer.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    request(hub, &spelled(&format!("POST {path}"), &hub.to_string(), &headers, Some(&body.to_string()))).await
}

/// Sends text as it is, which may be no request that a client library would send, and reads until the hub ends the
/// connection.
///
/// # Panics
/// When there is no answer in time, for `hub` is expected to run; and when the API answers something that its description
/// does not have.
pub async fn request(hub: SocketAddr, request: &str) -> Answer {
    let line = request.lines().next().unwrap_or_default().to_owned();
    attempt(hub, request).await.unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Does the same at a hub that may be killed meanwhile.
///
/// # Errors
/// When there is no whole answer.
///
/// # Panics
/// When nothing comes in time; and when the API answers something that its description does not have.
pub async fn attempt(hub: SocketAddr, request: &str) -> io::Result<Answer> {
    let line = request.lines().next().unwrap_or_default().to_owned();
    let exchange = async {
        let mut stream = TcpStream::connect(hub).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    };
    let answer = soon(&line, exchange).await?;
    let answer = String::from_utf8(answer).expect("the hub answers in UTF-8");
    let half = || io::Error::new(io::ErrorKind::UnexpectedEof, format!("half an answer: {answer:?}"));
    let read = loadtest::http::head(answer.as_bytes(), |head| {
        let length = loadtest::http::header(head, "content-length").and_then(|length| length.parse().ok());
        Ok((head.code.expect("a status"), length))
    });
    let ((status, body_length), length) = read?.ok_or_else(half)?;
    let (head, body) = answer.split_at(length);
    assert!(!head.to_lowercase().contains("transfer-encoding"), "bodies are read whole: {head}");
    // Of a HEAD there is none.
    if body_length.is_some_and(|length: usize| body.len() < length) && !request.starts_with("HEAD ") {
        return Err(half());
    }
    let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
    contract::check(request, &answer);
    Ok(answer)
}
