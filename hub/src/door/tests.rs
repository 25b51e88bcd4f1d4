//! The door over real sockets, with pages of its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use actix_service::{fn_service, map_config};
use actix_web::{
    App, HttpResponse,
    body::{BodySize, MessageBody},
    dev::AppConfig,
    web,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    config::{Rate, Server},
    edge::addresses::Addresses,
};

/// How a server is set up.
struct Setting {
    rate: Rate,
    waits: Waits,
    /// Whether it takes WebSockets, as the public server does; the admin server takes none.
    sockets: bool,
}

impl Default for Setting {
    fn default() -> Self {
        let rate = Rate { requests_burst_per_address: 1_000_000, ..Rate::default() };
        Self { rate, waits: Waits::new(&Socket::default()), sockets: true }
    }
}

impl Setting {
    /// An address may make so many requests at once, and one a second.
    fn burst(requests: u32) -> Self {
        let rate = Rate {
            requests_per_second_per_address: 1,
            requests_burst_per_address: requests,
            ..Rate::default()
        };
        Self { rate, ..Self::default() }
    }

    /// Either server, which waits so long for a client.
    fn short(sockets: bool) -> Self {
        let wait = Duration::from_secs(1);
        Self { waits: Waits { request: wait, answer: wait }, sockets, ..Self::default() }
    }
}

/// A server that counts what it is asked.
struct Rig {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    /// Endless answers that are being sent.
    sending: Arc<AtomicUsize>,
    handle: actix_server::ServerHandle,
}

/// A body without an end.
struct Endless(Arc<AtomicUsize>);

impl MessageBody for Endless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, Infallible>>> {
        Poll::Ready(Some(Ok(web::Bytes::from_static(&[b'x'; 4096]))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Pages that count what they are asked in `asked`, and the endless answers that are being sent in `sending`.
fn app(asked: &Arc<AtomicUsize>, sending: &Arc<AtomicUsize>) -> impl Pages + use<> {
    let (asked, sending) = (asked.clone(), sending.clone());
    let count = move || asked.fetch_add(1, Relaxed) + 1;
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
            "/impatient",
            web::post().to(async |payload: web::Payload| {
                match tokio::time::timeout(Duration::from_millis(20), payload.to_bytes()).await {
                    Ok(Ok(body)) => HttpResponse::Ok().body(body),
                    Ok(Err(_)) => HttpResponse::BadRequest().body("broken"),
                    Err(_) => HttpResponse::RequestTimeout().body("slow"),
                }
            }),
        )
        .route(
            "/endless",
            web::get().to(move || {
                sending.fetch_add(1, Relaxed);
                let endless = Endless(sending.clone());
                async move { HttpResponse::Ok().body(endless) }
            }),
        )
        .service(web::resource("/api/publish").to(async || HttpResponse::Unauthorized().body("who?")))
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
    map_config(app, |_| AppConfig::default())
}

impl Rig {
    fn start() -> Self {
        Self::with(Setting::default())
    }

    fn with(Setting { rate, waits, sockets }: Setting) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, sending) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (asked.clone(), sending.clone());
        let server = actix_server::Server::build().workers(1).disable_signals().shutdown_timeout(1);
        let rules =
            Arc::new(EdgeRules::new(&Server::default(), Addresses::new(&rate, 1_000, Instant::now())));
        let server = if sockets {
            server.listen("door", listener, move || {
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
                http(app(&counts.0, &counts.1), upgrade, rules.clone(), waits)
            })
        } else {
            server.listen("door", listener, move || pages(app(&counts.0, &counts.1), rules.clone(), waits))
        };
        let server = server.unwrap().run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { address, asked, sending, handle }
    }

    /// Waits until so many endless answers are being sent.
    async fn sends(&self, answers: usize) {
        let sends = async {
            while self.sending.load(Relaxed) != answers {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let sent = tokio::time::timeout(Duration::from_secs(20), sends).await;
        assert!(sent.is_ok(), "{answers} were expected, {} are sent", self.sending.load(Relaxed));
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

/// The statuses of the answers to a request that is sent again and again on one connection.
async fn statuses_of(rig: &Rig, request: &str) -> Vec<String> {
    let answers = rig.exchange(&format!("{}{LAST}", request.repeat(20))).await;
    bodies(&answers).iter().map(|(status, _)| (*status).to_owned()).collect()
}

#[actix_rt::test]
async fn what_is_refused_before_its_page_costs_what_the_page_costs() {
    let refusals = [
        ("421", "GET /page/1 HTTP/1.1\r\nhost: evil.example\r\n\r\n"),
        ("400", "GET /page/1 HTTP/1.1\r\nhost: localhost\r\norigin: a\r\norigin: b\r\n\r\n"),
        ("400", "GET /page/1 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx"),
        ("421", "POST /api/publish HTTP/1.1\r\nhost: evil.example\r\n\r\n"),
        ("400", "GET /api/publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx"),
    ];
    for (status, request) in refusals {
        let rig = Rig::with(Setting::burst(3));
        let answered = statuses_of(&rig, request).await;
        assert_eq!(answered[..3], [status; 3], "{request}");
        // On a slow machine a request more is earned meanwhile; the connection ends with the first that is refused.
        assert!(
            answered.len() < 10 && answered.last().is_some_and(|last| last == "429"),
            "{request}: {answered:?}"
        );
        rig.handle.stop(false).await;
    }
}

#[actix_rt::test]
async fn a_wrong_service_token_costs_as_much_however_the_path_is_spelled() {
    for path in ["/api/publish", "/api/%70ublish", "/%61%70%69/publish", "/api/publish?a=b"] {
        let rig = Rig::with(Setting::burst(23));
        let request = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(statuses_of(&rig, &request).await, ["401", "401", "429"], "{path}");
        rig.handle.stop(false).await;
    }
}

/// Heads of requests that are answered without their body, with the status.
const UNREAD: [(&str, &str); 4] = [
    ("403", "POST /refuse HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"),
    ("408", "POST /impatient HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"),
    ("400", "GET /page/1 HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"),
    ("403", "POST /refuse HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n"),
];

#[actix_rt::test]
async fn a_body_that_does_not_go_on_ends_its_connection() {
    for sockets in [true, false] {
        let rig = Rig::with(Setting::short(sockets));
        let begins = UNREAD.iter().flat_map(|(status, head)| {
            let chunked = head.contains("chunked");
            let begins = if chunked { ["", "1\r\n", "1\r\na\r\n0\r\n"] } else { ["", "a", "ab"] };
            begins.map(|begin| (*status, format!("{head}{begin}")))
        });
        let exchanges = begins.map(async |(status, text)| {
            let answers = rig.exchange(&text).await;
            let answered: Vec<_> = bodies(&answers).iter().map(|(status, _)| *status).collect();
            assert_eq!(answered, [status], "{text}");
        });
        futures_util::future::join_all(exchanges).await;
        rig.handle.stop(false).await;
    }
}

#[actix_rt::test]
async fn a_body_whose_end_comes_in_time_behind_its_answer_keeps_the_connection() {
    let rig = Rig::start();
    for (status, head) in UNREAD.into_iter().filter(|(_, head)| head.contains("chunked")) {
        let mut stream = rig.connect().await;
        stream.write_all(format!("{head}1\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let mut answers = String::from_utf8(answer[..read].to_vec()).unwrap();
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answers}");
        stream.write_all(format!("a\r\n0\r\n\r\n{LAST}").as_bytes()).await.unwrap();
        stream.read_to_string(&mut answers).await.unwrap();
        assert_eq!(bodies(&answers).last(), Some(&("200", "x")), "{head}");
    }
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn a_body_that_goes_on_and_on_behind_its_answer_ends_its_connection() {
    const SENT_MAX: usize = 64 << 20;
    let rig = Rig::start();
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'z');
    chunk.extend(b"\r\n");
    for (status, head) in UNREAD.into_iter().filter(|(_, head)| head.contains("chunked")) {
        let mut stream = rig.connect().await;
        stream.write_all(format!("{head}1\r\na\r\n").as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{head}");
        let mut sent = 0;
        while sent < SENT_MAX && stream.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        assert!(sent < SENT_MAX, "{head}: all of it was taken");
    }
    rig.handle.stop(false).await;
}

#[actix_rt::test]
async fn an_answer_that_is_not_read_ends_its_connection() {
    for sockets in [true, false] {
        let rig = Rig::with(Setting::short(sockets));
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(rig.address).await.unwrap();
        stream.write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        rig.sends(1).await;
        rig.sends(0).await;
        rig.handle.stop(false).await;
    }
}
