//! Handshakes: which are accepted, and how the others are refused.

use crate::server::{limits, serve};
use raw_socket::{Client, HANDSHAKE, TEXT, masked};

async fn refusal(head: &str) -> (String, String) {
    let server = serve(limits()).await;
    let mut client = Client::request(server.port, head, b"").await;
    let body = client.body().await;
    assert_eq!((server.worker.sessions(), server.worker.stats().refused), (0, 1));
    (client.answer.to_lowercase(), body)
}

#[actix_rt::test]
async fn a_good_handshake_gets_the_key_answered() {
    let server = serve(limits()).await;
    let client = Client::open(server.port).await;
    // The example of RFC 6455 §1.3.
    assert!(client.answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{}", client.answer);
    assert!(!client.answer.to_lowercase().contains("sec-websocket-protocol"));
    assert_eq!(server.worker.stats().opened, 1);
}

#[actix_rt::test]
async fn the_chosen_subprotocol_is_echoed_and_tags_the_session() {
    let server = serve(limits()).await;
    let head =
        format!("{HANDSHAKE}sec-websocket-protocol: unknown, v1.text\r\nsec-websocket-protocol: v1.bin\r\n");
    let mut client = Client::request(server.port, &head, b"").await;
    assert!(
        client.answer.to_lowercase().contains("sec-websocket-protocol: v1.text\r\n"),
        "{}",
        client.answer
    );
    client.text("hello").await;
    assert_eq!(client.expect_text().await, "hello");
    assert_eq!(server.seen.outs.borrow()[0].encoding(), 1);
}

#[actix_rt::test]
async fn the_callers_refusal_is_the_answer() {
    let (answer, body) = refusal(&HANDSHAKE.replace("/ws", "/other")).await;
    assert!(answer.starts_with("http/1.1 404 "), "{answer}");
    assert_eq!(body, "no such path");
}

#[actix_rt::test]
async fn the_refusal_of_another_version_names_the_right_one() {
    for head in [
        HANDSHAKE.replace("version: 13", "version: 8"),
        HANDSHAKE.replace("sec-websocket-version: 13\r\n", ""),
    ] {
        let (answer, _) = refusal(&head).await;
        assert!(answer.starts_with("http/1.1 426 "), "{answer}");
        assert!(answer.contains("sec-websocket-version: 13\r\n"), "{answer}");
    }
}

#[actix_rt::test]
async fn a_malformed_handshake_is_refused() {
    for head in [
        HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="),
        HANDSHAKE.replace("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
    ] {
        let (answer, _) = refusal(&head).await;
        assert!(answer.starts_with("http/1.1 400 "), "{answer}");
    }
    let (answer, _) = refusal(&HANDSHAKE.replace("GET", "POST")).await;
    assert!(answer.starts_with("http/1.1 405 "), "{answer}");
}

#[actix_rt::test]
async fn a_plain_request_goes_to_the_service_behind() {
    let server = serve(limits()).await;
    let client = Client::request(server.port, "GET /ws HTTP/1.1\r\nhost: test\r\n", b"").await;
    assert!(client.answer.starts_with("HTTP/1.1 404 "), "{}", client.answer);
    assert_eq!(server.worker.stats().refused, 0);
}

#[actix_rt::test]
async fn frames_in_the_packet_of_the_handshake_are_received_and_checked() {
    let server = serve(limits()).await;
    let mut client = Client::request(server.port, HANDSHAKE, &masked(TEXT, b"eager")).await;
    assert_eq!(client.expect_text().await, "eager");

    let mut client = Client::request(server.port, HANDSHAKE, &[0x81, 0x01, b'x']).await;
    assert_eq!(client.expect_close().await, 1002);
    client.expect_end().await;
}

#[cfg(target_os = "linux")]
#[actix_rt::test]
async fn an_accepted_connection_has_its_options_set() {
    use std::os::fd::BorrowedFd;
    use std::time::Duration;

    let server = serve(limits()).await;
    let client = Client::open(server.port).await;
    let address = client.io.local_addr().unwrap();
    // The server's socket is also a descriptor of this process: the one whose peer is the client.
    let mut found = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let number = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        // SAFETY: used only to read options while `server` keeps the wanted one open; any other that is closed
        // meanwhile gives an error or another peer, and is skipped.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        let socket = socket2::SockRef::from(&fd);
        if socket.peer_addr().is_ok_and(|peer| peer.as_socket() == Some(address)) {
            found += 1;
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(25)));
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), 16 * 1024);
        }
    }
    assert_eq!(found, 1);
}
