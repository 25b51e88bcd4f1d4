//! What a pipe hands over, and when.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// The end of a client, and the pipe at the other end.
async fn pair(head_within: Duration) -> (TcpStream, Pipe) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, Pipe::new(listener.accept().await.unwrap().0, head_within))
}

/// What the server is handed until it is told to wait; its turn ends with that.
async fn turn(pipe: &mut Pipe) -> String {
    let mut all = Vec::new();
    loop {
        let mut bytes = [0; 512];
        let mut buf = ReadBuf::new(&mut bytes);
        let read = |cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut *pipe).poll_read(cx, &mut buf));
        if std::future::poll_fn(read).await.is_pending() {
            break;
        }
        all.extend(buf.filled());
    }
    pipe.flush().await.unwrap();
    String::from_utf8(all).unwrap()
}

#[actix_rt::test]
async fn the_server_gets_one_request_a_turn_and_none_while_it_answers() {
    let (mut client, mut pipe) = pair(Duration::from_secs(60)).await;
    client
        .write_all(b"GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\n\r\nbodyGET /3 HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    pipe.io().readable().await.unwrap();
    assert_eq!(turn(&mut pipe).await, "GET /1 HTTP/1.1\r\n\r\n");
    let answering = pipe.exchange().begin(BodyLeft::Ended);
    assert_eq!(turn(&mut pipe).await, "");
    drop(answering);
    assert_eq!(turn(&mut pipe).await, "POST /2 HTTP/1.1\r\n\r\n");
    let answering = pipe.exchange().begin(BodyLeft::Length(4));
    assert_eq!(turn(&mut pipe).await, "body");
    assert_eq!(turn(&mut pipe).await, "");
    drop(answering);
    assert_eq!(turn(&mut pipe).await, "GET /3 HTTP/1.1\r\n\r\n");
}

#[actix_rt::test]
async fn a_short_body_comes_with_its_head_and_the_next_request_does_not() {
    let (mut client, mut pipe) = pair(Duration::from_secs(60)).await;
    let first = "POST /1 HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody";
    client.write_all(format!("{first}GET /2 HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
    pipe.io().readable().await.unwrap();
    assert_eq!(turn(&mut pipe).await, first);
    let answering = pipe.exchange().begin(BodyLeft::Length(4));
    assert!(pipe.exchange().passed(), "nothing of the body is left");
    assert_eq!(turn(&mut pipe).await, "");
    drop(answering);
    assert_eq!(turn(&mut pipe).await, "GET /2 HTTP/1.1\r\n\r\n");
    let answering = pipe.exchange().begin(BodyLeft::Ended);
    drop(answering);
    client.write_all(b"POST /3 HTTP/1.1\r\ncontent-length: 6\r\n\r\nfirst").await.unwrap();
    pipe.io().readable().await.unwrap();
    assert_eq!(turn(&mut pipe).await, "POST /3 HTTP/1.1\r\ncontent-length: 6\r\n\r\n");
    let _answering = pipe.exchange().begin(BodyLeft::Length(6));
    assert_eq!(turn(&mut pipe).await, "first");
    assert_eq!(pipe.exchange().body.get(), BodyLeft::Length(1));
}

#[actix_rt::test]
async fn a_later_request_that_begins_and_does_not_go_on_is_given_up() {
    let (mut client, mut pipe) = pair(Duration::from_millis(1)).await;
    client.write_all(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HT").await.unwrap();
    pipe.io().readable().await.unwrap();
    assert_eq!(turn(&mut pipe).await, "GET /1 HTTP/1.1\r\n\r\n");
    assert_eq!(turn(&mut pipe).await, "GET /2 HT");
    let error = pipe.read(&mut [0; 512]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}
