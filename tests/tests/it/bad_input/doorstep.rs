//! What strangers send to the port: no HTTP at all, foreign names, headers twice, pages again and again.

use serde_json::json;
use tests::{
    http,
    hub::{Setup, TestHub},
    raw::RawSocket,
    soon, until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Bystander;

/// What is refused for a reason, since the start.
async fn refused(hub: &TestHub, reason: &str) -> Option<u64> {
    hub.figure(&format!("hub_http_refused_total{{reason=\"{reason}\"}}")).await
}

#[tokio::test]
async fn connections_that_speak_no_http_are_counted_and_log_no_error() {
    // A hub that logs an error fails its test.
    let hub = Setup::default().start();
    let mut bystander = Bystander::sit(&hub).await;
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let cases: [&[u8]; 5] = [
        hello,
        b"SSH-2.0-scan\r\n\r\n",
        b"\x00\x00\x00\x00\n\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(hub.address()).await.expect("the hub listens");
        stream.write_all(bytes).await.expect("the connection stands");
        let mut answer = Vec::new();
        soon("the end", stream.read_to_end(&mut answer)).await.expect("an end and no reset");
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{bytes:?}: {}", String::from_utf8_lossy(&answer));
    }
    // A client that disconnects in the middle of a request is not counted.
    let mut stream = TcpStream::connect(hub.address()).await.expect("the hub listens");
    stream.write_all(b"GET / HT").await.expect("the connection stands");
    drop(stream);
    until("the figure", async || (refused(&hub, "unreadable").await? == 5).then_some(())).await;
    bystander.plays_on().await;
}

#[tokio::test]
async fn a_page_whose_name_was_pointed_at_the_hub_is_not_answered() {
    let hub = Setup::default().option("server.allowed_hosts", "hub.internal").start();
    let address = hub.address();
    let ask = async |host: &str| {
        let text = format!("GET /api/info HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        http::request(address, &text).await
    };
    for host in ["localhost", "127.0.0.1", "[::1]:7700", "10.1.2.3:80", "hub.internal", "HUB.internal:7700"] {
        assert_eq!(ask(host).await.status, 200, "{host}");
    }
    let answer = ask("evil.example").await;
    assert_eq!((answer.status, &answer.json()["code"]), (421, &json!("misdirected")));
    assert!(answer.json()["hint"].as_str().is_some_and(|hint| hint.contains("allowed_hosts")));
    let old = http::request(address, "GET /health/live HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.status, 200, "who names no host is no browser");
    let socket = RawSocket::open_with(address, "evil.example", "origin: http://evil.example\r\n").await;
    assert_eq!(socket.err(), Some(Some(421)), "its own origin is no more than its own name");
    let text = "GET /metrics HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    assert_eq!(http::request(hub.admin(), text).await.status, 421, "the operator's figures neither");
    assert_eq!(refused(&hub, "misdirected").await, Some(3));
}

#[tokio::test]
async fn a_second_header_that_decides_is_refused() {
    let hub = Setup::default().start();
    let origin = format!("origin: http://{}\r\n", hub.address());
    for second in [
        format!("{origin}origin: http://evil.example\r\n"),
        "sec-websocket-key: AGhlIHNhbXBsZSBub25jZQ==\r\n".into(),
        "sec-websocket-version: 13\r\n".into(),
        "host: evil.example\r\n".into(),
    ] {
        let host = hub.address().to_string();
        let socket = RawSocket::open_with(hub.address(), &host, &second).await;
        assert_eq!(socket.err(), Some(Some(400)), "{second}");
    }
    let text = "POST /api/publish HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\n\
                authorization: Bearer b\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let answer = http::request(hub.address(), text).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("malformed")));
    let text =
        "POST /api/publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(http::request(hub.address(), text).await.status, 400);
}

#[tokio::test]
async fn an_address_that_asks_for_pages_too_often_waits_and_services_do_not() {
    const TOKEN: &str = "Zk3xPq8Lw2Tn9Vb5Rc7Yd1Hs4Jm6Gf0A";
    let hub = Setup::default()
        .option("rate.requests_per_second_per_address", 1)
        .option("rate.requests_burst_per_address", 10)
        .variable("HUB_PUBLISH_TOKENS", format!("scores:{TOKEN}"))
        .start();
    let address = hub.address();
    let mut bystander = Bystander::sit(&hub).await;
    let page = format!("GET /api/info HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let answers = http::request(address, &page.repeat(100)).await;
    let all = format!("{}\r\n\r\n{}", answers.head, answers.body);
    assert_eq!(all.matches("HTTP/1.1 429 ").count(), 1, "the connection ends with the first refusal: {all}");
    assert!(all.matches("HTTP/1.1 200 ").count() >= 5, "{all}");
    assert!(all.to_lowercase().contains("retry-after: "), "{all}");
    let publication = json!({"channel": "news:sport", "data": 1});
    for _ in 0..30 {
        assert_eq!(http::post(address, "/api/publish", Some(TOKEN), &publication).await.status, 200);
    }
    let guess = async || http::post(address, "/api/publish", Some("guess"), &publication).await.status;
    until("an address that has something left", async || (guess().await == 401).then_some(())).await;
    assert_eq!(guess().await, 429, "guessing is slow");
    bystander.plays_on().await;
}
