//! Floods of control frames and empty fragments: they cost little, and too many of them close their session.

use socket::Limits;

use crate::server::{FLOODING, limits, serve};
use raw_socket::{Client, PING, PONG, masked};

/// Sends the frames again and again until the session is closed; the other sessions must not be affected.
async fn check_flood(frames: &[Vec<u8>]) {
    let server = serve(Limits { tick_ms: 50, ..limits() }).await;
    let mut bystander = Client::open(server.port).await;
    let mut client = Client::open(server.port).await;
    let flood = frames.concat().repeat(2_000);
    // The server may close the connection before everything is sent.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.io, &flood).await;
    assert_eq!(client.expect_close().await, FLOODING);
    assert_eq!(server.worker.stats().closed_flooding, 1);
    bystander.text("and you").await;
    assert_eq!(bystander.expect_text().await, "and you");
}

#[actix_rt::test]
async fn a_flood_of_control_frames_ends_its_session() {
    check_flood(&[masked(PING, b"")]).await;
    check_flood(&[masked(PONG, b"unasked")]).await;
    check_flood(&[masked(PING, b"a"), masked(PONG, b"b")]).await;
}

#[actix_rt::test]
async fn a_flood_of_empty_fragments_ends_its_session() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.send(0x01, "").await;
    let flood = masked(0x00, b"").repeat(2_000);
    let _ = tokio::io::AsyncWriteExt::write_all(&mut client.io, &flood).await;
    assert_eq!(client.expect_close().await, FLOODING);
    assert_eq!((server.worker.stats().closed_flooding, server.seen.messages.get()), (1, 0));
}

#[actix_rt::test]
async fn the_allowed_number_of_frames_and_a_message_in_many_fragments_are_no_flood() {
    let server = serve(Limits { control_frames_per_second_max: 20, ..limits() }).await;
    let mut client = Client::open(server.port).await;
    for _ in 0..19 {
        client.send(PING, "p").await;
    }
    client.send(0x01, "").await;
    for _ in 0..5_000 {
        client.send(0x00, "x").await;
    }
    client.send(0x80, "end").await;
    loop {
        match client.frame().await.expect("the session goes on") {
            (PONG, payload) => assert_eq!(payload, b"p"),
            (_, text) => break assert_eq!(text.len(), 5_003),
        }
    }
}

#[actix_rt::test]
async fn many_pings_of_a_client_that_does_not_read_get_one_pong() {
    let limits = Limits { control_frames_per_second_max: u32::MAX, ..limits() };
    let (server, mut client) = crate::slow::stuffed(limits).await;
    let out = server.seen.outs.borrow()[0].clone();
    let (queued, read) = (out.queued_bytes(), server.worker.stats().read_bytes);
    let pings: Vec<u8> = (0..5_000_u32).flat_map(|n| masked(PING, &n.to_be_bytes())).collect();
    client.raw(&pings).await;
    let all = read + pings.len() as u64;
    server.until("every ping is read", |server| server.worker.stats().read_bytes == all).await;
    assert!(out.queued_bytes() <= queued + 6, "{} bytes wait", out.queued_bytes() - queued);
    loop {
        let (first, payload) = client.frame().await.expect("the session goes on");
        if first == PONG {
            assert_eq!(payload, 4_999_u32.to_be_bytes(), "the newest is answered");
            return;
        }
    }
}
