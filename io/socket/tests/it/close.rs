//! Ends of sessions: a close from either side, a violation of the protocol, a missing pong.

use std::net::Shutdown;

use socket::{Class, Limits, text_frame};
use tokio::io::AsyncWriteExt;

use crate::server::{NO_PONG, Server, limits, serve};
use raw_socket::{BINARY, CLOSE, Client, PING, PONG, TEXT};

#[actix_rt::test]
async fn the_clients_close_is_echoed_and_the_connection_ends_at_once() {
    let server = serve(Limits { close_within_ms: 60_000, ..limits() }).await;
    let mut client = Client::open(server.port).await;
    client.text("last words").await;
    client.send(CLOSE, 4100u16.to_be_bytes()).await;
    assert_eq!(client.expect_text().await, "last words");
    // Nothing is waited for: the client gives up before the time that the server has for an end is over.
    assert_eq!(client.frame().await, Some((CLOSE, 4100u16.to_be_bytes().to_vec())));
    client.expect_end().await;
    drop(client);
    server.until_empty().await;
    assert_eq!(*server.seen.closes.borrow(), [Some(4100)]);
    assert_eq!(server.seen.stopped.get(), 1);
}

#[actix_rt::test]
async fn a_close_without_a_code_is_echoed_without_one() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.send(CLOSE, []).await;
    assert_eq!(client.frame().await, Some((CLOSE, vec![])));
    client.expect_end().await;
}

#[actix_rt::test]
async fn the_servers_close_says_its_code_after_what_came_before() {
    for (order, code) in [("bye", 4321), ("context bye", 4322), ("stop", 1000)] {
        let server = serve(limits()).await;
        let mut client = Client::open(server.port).await;
        client.text(order).await;
        if order != "stop" {
            assert_eq!(client.expect_text().await, "bye");
        }
        let (first, payload) = client.frame().await.unwrap();
        assert_eq!((first, u16::from_be_bytes(*payload.first_chunk().unwrap())), (CLOSE, code));
        assert_eq!(server.seen.outs.borrow()[0].close_code(), Some(code));
        // The server waits for the client's close frame, and then closes the connection.
        client.send(CLOSE, code.to_be_bytes()).await;
        client.expect_end().await;
        drop(client);
        server.until_empty().await;
        assert_eq!(server.seen.stopped.get(), 1, "{order}");
    }
}

#[actix_rt::test]
async fn a_client_that_never_answers_our_close_is_dropped() {
    let server = serve(Limits { close_within_ms: 100, ..limits() }).await;
    let mut client = Client::open(server.port).await;
    client.text("bye").await;
    assert_eq!(client.expect_close().await, 4321);
    client.drain().await;
    server.until_empty().await;
}

/// Sends `bytes`; expects a close with the code, and that the actor got no message.
async fn check_refused(bytes: &[u8], code: u16) -> Server {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.raw(bytes).await;
    assert_eq!(client.expect_close().await, code);
    client.expect_end().await;
    drop(client);
    server.until_empty().await;
    assert_eq!((server.seen.messages.get(), server.seen.stopped.get()), (0, 1));
    assert_eq!(server.worker.stats().closed_fault, 1);
    server
}

#[actix_rt::test]
async fn a_violation_of_the_protocol_is_answered_with_its_code() {
    use raw_socket::masked;
    check_refused(&[0x81, 0x02, b'h', b'i'], 1002).await;
    check_refused(&masked(0xC1, b"x"), 1002).await;
    check_refused(&masked(0x83, b"x"), 1002).await;
    check_refused(&masked(0x09, b"x"), 1002).await;
    check_refused(&masked(PING, &[0; 126]), 1002).await;
    check_refused(&masked(0x80, b"x"), 1002).await;
    check_refused(&masked(CLOSE, &999u16.to_be_bytes()), 1002).await;
    check_refused(&masked(TEXT, &[b'a', 0xC0, 0xAF]), 1007).await;
    check_refused(&[masked(0x02, &[0; 60_000]), masked(0x80, &[0; 6_000])].concat(), 1009).await;
}

#[actix_rt::test]
async fn a_declared_terabyte_costs_no_memory() {
    let server = serve(Limits { close_within_ms: 200, ..limits() }).await;
    let mut client = Client::open(server.port).await;
    let mut header = vec![0x82, 0xFF];
    header.extend((1u64 << 40).to_be_bytes());
    header.extend([1, 2, 3, 4]);
    client.raw(&header).await;
    assert_eq!(client.expect_close().await, 1009);
    client.expect_end().await;
    // The client goes on sending; the server reads and ignores it, and then closes the connection.
    let before_kib = resident_kib();
    let chunk = vec![0; 64 * 1024];
    let mut sent = 0;
    while sent < 512 << 20 && client.io.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
    }
    server.until_empty().await;
    assert!(sent > 1 << 20, "only {sent} bytes went out, so nothing was shown");
    let grown_kib = resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < 32 * 1024, "{grown_kib} KiB for {sent} bytes");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[actix_rt::test]
async fn a_client_that_stops_sending_ends_the_session() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.text("one more").await;
    socket2::SockRef::from(&client.io).shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.expect_text().await, "one more");
    client.expect_end().await;
    server.until_empty().await;
    assert_eq!((server.seen.stopped.get(), server.seen.closes.borrow().len()), (1, 0));
}

#[actix_rt::test]
async fn a_client_that_answers_pings_stays_and_one_that_does_not_is_closed() {
    let server =
        serve(Limits { ping_every_ms: 40, pong_within_ms: 400, close_within_ms: 50, ..limits() }).await;
    let mut client = Client::open(server.port).await;
    for _ in 0..5 {
        assert_eq!(client.frame().await, Some((PING, vec![])));
        client.send(PONG, []).await;
    }
    assert_eq!(server.worker.stats().closed_no_pong, 0);
    assert_eq!(client.frame().await, Some((PING, vec![])));
    assert_eq!(client.expect_close().await, NO_PONG);
    client.drain().await;
    server.until_empty().await;
    assert_eq!((server.worker.stats().closed_no_pong, server.seen.stopped.get()), (1, 1));
}

#[actix_rt::test]
async fn a_killed_session_is_gone_and_its_handles_are_harmless() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.text("hello").await;
    assert_eq!(client.expect_text().await, "hello");
    let (slot, out) = (server.seen.slots.borrow()[0], server.seen.outs.borrow()[0].clone());
    out.kill();
    client.expect_end().await;
    server.until_empty().await;

    // The place is used again, with a new generation.
    let mut second = Client::open(server.port).await;
    second.send(BINARY, "x").await;
    second.frame().await.unwrap();
    let second_slot = server.seen.slots.borrow()[1];
    assert_eq!(second_slot.index, slot.index);
    assert!(server.worker.get(slot).is_none());
    assert!(server.worker.get(second_slot).is_some());
    assert!(!out.push(text_frame(b"late"), Class::Reply));
    assert!(!server.worker.subscribe(slot, "room"));
    assert!(!server.worker.unsubscribe(slot, "room"));
    out.close(1000, "again");
    out.kill();
    second.text("mine").await;
    assert_eq!(second.expect_text().await, "mine");
}

#[actix_rt::test]
async fn draining_reaches_every_session() {
    let server = serve(limits()).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Client::open(server.port).await);
    }
    server.worker.for_each(|_, out| out.close(1012, "restart"));
    for client in &mut clients {
        assert_eq!(client.expect_close().await, 1012);
        client.send(CLOSE, 1012u16.to_be_bytes()).await;
        client.expect_end().await;
    }
    drop(clients);
    server.until_empty().await;
}
