//! The door over real sockets, with pages of its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use actix_service::{fn_service, map_config};
use actix_web::{App, HttpResponse, dev::AppConfig, web};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    config::{Rate, Server},
    edge::addresses::Addresses,
};

/// A server that counts what it is asked.
struct Rig {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    handle: actix_server::ServerHandle,
}

impl Rig {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = asked.clone();
        let server = actix_server::Server::build().workers(1).disable_signals().shutdown_timeout(1);
        let rate = Rate { requests_burst_per_address: 1_000_000, ..Rate::default() };
        let rules = Arc::new(EdgeRules::new(&Server::default(), Addresses::new(&rate, 1_000)));
        let server = server.listen("door", listener, move || {
            let counted = counted.clone();
            let count = move || counted.fetch_add(1, Relaxed) + 1;
            let (page, echo, slow) = (count.clone(), count.clone(), count);
            let app = App::new()
                .route(
                    "/page/{bytes}",
                    web::get().to(move |bytes: web::Path<usize>| {
                        page();
                        async move { HttpResponse::Ok().body(vec![b'x'; *bytes]) }
                    }),
                )
                .route(
                    "/echo",
                    web::post().to(move |body: web::Bytes| {
                        echo();
                        async move { HttpResponse::Ok().body(body) }
                    }),
                )
                .route("/refuse", web::post().to(async || HttpResponse::Forbidden().body("no")))
                .route(
                    "/slow",
                    web::get().to(move || {
                        slow();
                        async move {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            HttpResponse::Ok().body("slow")
                        }
                    }),
                );
            let upgrade = fn_service(|(_, framed): (Request, Framed<TcpStream, h1::Codec>)| async {
                let parts = framed.into_parts();
                let mut io = parts.io;
                let mut first = [0; 5];
                let _ = io.write_all(b"HTTP/1.1 101 Switching\r\n\r\n").await;
                let read = io.read_exact(&mut first).await.map(|_| first.to_vec()).unwrap_or_default();
                assert!(parts.read_buf.is_empty(), "nothing of the session is left in HTTP's buffer");
                let _ = io.write_all(&read).await;
                Ok::<_, Infallible>(())
            });
            http(map_config(app, |_| AppConfig::default()), upgrade, rules.clone())
        });
        let server = server.unwrap().run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { address, asked, handle }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends all of it and reads until the server ends the connection.
    async fn exchange(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let reading = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an end").unwrap();
        answer
    }
}

/// The bodies of answers that each tell their length.
fn bodies(mut answers: &str) -> Vec<(&str, &str)> {
    let mut bodies = Vec::new();
    while let Some((head, rest)) = answers.split_once("\r\n\r\n") {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let (body, rest) = rest.split_at(length.map_or(0, |length| length.parse().unwrap()));
        bodies.push((head.split(' ').nth(1).unwrap(), body));
        answers = rest;
    }
    assert_eq!(answers, "", "behind the last answer");
    bodies
}

const LAST: &str = "GET /page/1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[actix_rt::test]
async fn requests_sent_in_one_go_are_answered_one_after_the_other() {
    let rig = Rig::start();
    let mut text: String =
        (2..200).map(|bytes| format!("GET /page/{bytes} HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect();
    text.push_str(
        "GET /page/100000 HTTP/1.1\r\nhost: localhost\r\n\r\nGET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n",
    );
    text.push_str(LAST);
    let answers = rig.exchange(&text).await;
    let lengths: Vec<_> = bodies(&answers).iter().map(|(_, body)| body.len()).collect();
    let expected: Vec<_> = (2..200).chain([100_000, 4, 1]).collect();
    assert_eq!(lengths, expected);
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn what_stands_behind_a_body_is_the_next_request() {
    let rig = Rig::start();
    let long = "y".repeat(60_000);
    let text = format!(
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\na\n\n\r\n\
         bPOST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n3\r\n\n\nc\r\n2;x\r\nde\r\n0\r\n\r\n\
         POST /echo HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 60000\r\n\r\n{long}\r\n\r\n\
         POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n{LAST}"
    );
    let answers = rig.exchange(&text).await.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    let expected = [("200", "a\n\n\r\nb"), ("200", "\n\ncde"), ("200", &long), ("200", ""), ("200", "x")];
    assert_eq!(bodies(&answers), expected);
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn requests_that_come_byte_by_byte_are_understood() {
    let rig = Rig::start();
    let mut stream = rig.connect().await;
    let text = "\r\nPOST /echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    for byte in format!("{text}{LAST}").bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert_eq!(bodies(&answers), [("200", "ab"), ("200", "x")]);
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn a_refusal_that_does_not_wait_for_the_body_arrives() {
    let rig = Rig::start();
    let head = "POST /refuse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1099511627776\r\n\r\n";
    let answers = rig.exchange(&format!("{head}{}", "z".repeat(300_000))).await;
    assert_eq!(bodies(&answers), [("403", "no")]);
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn a_refusal_that_does_not_read_the_body_keeps_the_connection() {
    let rig = Rig::start();
    let text = format!(
        "POST /refuse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nsome body\
         POST /refuse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 40000\r\n\r\n{}\
         POST /refuse HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n{LAST}",
        "y".repeat(40_000),
    );
    let answers = rig.exchange(&text).await;
    assert_eq!(bodies(&answers), [("403", "no"), ("403", "no"), ("403", "no"), ("200", "x")]);
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn the_answer_to_what_is_no_request_arrives_whatever_stands_behind_it() {
    let rig = Rig::start();
    let head = "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n";
    let answers = rig.exchange(&format!("{head}{}", "z".repeat(30_000))).await;
    assert_eq!(bodies(&answers), [("400", "")]);
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn an_upgrade_behind_another_request_finds_its_answer_sent_and_its_own_bytes_untouched() {
    let rig = Rig::start();
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    for before in [
        "POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\nhi",
        "GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let answers = rig.exchange(&format!("{before}{upgrade}frame")).await;
        assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
        let head = answers.split_once("\r\n\r\n").unwrap().0;
        assert!(!head.contains("upgrade"), "the first answer is not that of the second request: {head}");
        assert!(answers.ends_with("HTTP/1.1 101 Switching\r\n\r\nframe"), "{answers}");
    }
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn a_client_that_reads_nothing_is_answered_no_more_than_the_kernel_takes() {
    let rig = Rig::start();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(rig.address).await.unwrap();
    let text = "GET /page/1000000 HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    stream.write_all(text.as_bytes()).await.unwrap();
    // The other's requests are served between those of the first, whose turns come as often.
    for _ in 0..100 {
        assert_eq!(bodies(&rig.exchange(LAST).await), [("200", "x")]);
    }
    let asked = rig.asked.load(Relaxed) - 100;
    assert!(
        (1..20).contains(&asked),
        "{asked} of 1,000 were begun: the kernel takes a few megabytes at most"
    );
    let mut read = vec![0; 64 * 1024];
    let mut left = 20_000_000;
    while left > 0 {
        left -= stream.read(&mut read).await.unwrap().min(left);
    }
    assert!(rig.asked.load(Relaxed) - 100 >= 20, "a client that reads goes on being answered");
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn a_head_without_end_is_given_up() {
    let rig = Rig::start();
    let endless = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}", "x".repeat(2 * pipe::HEAD_BYTES_MAX));
    let mut stream = rig.connect().await;
    let _ = stream.write_all(endless.as_bytes()).await;
    let mut answer = Vec::new();
    // The end may be a reset, because not everything was read.
    let _ =
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("an end");
    assert_eq!(rig.asked.load(Relaxed), 0);
    rig.handle.stop(false).await;
}
