//! Slow clients, which do not read: their memory is bounded, their actor goes on, and in the end they are closed.

use socket::{Class, Limits, binary_frame, text_frame};

use crate::server::{Server, TOO_SLOW, limits, serve};
use raw_socket::Client;

/// A session whose client has stopped reading: the kernel's buffers are full and the queue has begun to fill.
pub async fn stuffed(limits: Limits) -> (Server, Client) {
    let server = serve(limits).await;
    let mut client = Client::open(server.port).await;
    client.text("hello").await;
    client.expect_text().await;
    let out = server.seen.outs.borrow()[0].clone();
    for n in 0.. {
        out.push(text_frame(format!("{n:08}").repeat(125).as_bytes()), Class::Reply);
        // After the driver was polled, only bytes that the socket refused are still queued.
        tokio::task::yield_now().await;
        if out.queued_bytes() > 4_000 {
            return (server, client);
        }
    }
    unreachable!("the kernel does not take everything")
}

#[actix_rt::test]
async fn a_client_that_never_reads_is_closed_at_the_limit_and_its_actor_lives_until_then() {
    let limits = Limits { queue_bytes_max: 100_000, close_within_ms: 100, ..limits() };
    let (server, client) = stuffed(limits).await;
    let out = server.seen.outs.borrow()[0].clone();

    let ticks = server.seen.ticks.get();
    server
        .until("the actor ticks while its client is stuck", |server| server.seen.ticks.get() > ticks + 5)
        .await;
    assert!(out.is_open());

    let frame = binary_frame(&[0; 1_000]);
    while out.push(frame.clone(), Class::Publication) {
        assert!(out.queued_bytes() <= 100_000);
    }
    assert_eq!(out.close_code(), Some(TOO_SLOW));
    assert!(out.queued_bytes() < 2_100, "only the frame under way and the close wait");
    server.until_empty().await;
    assert_eq!((server.worker.stats().closed_too_slow, server.seen.stopped.get()), (1, 1));
    assert_eq!(out.queued_bytes(), 0);
    drop(client);
}

#[actix_rt::test]
async fn a_reply_that_waits_too_long_closes_the_session() {
    let limits = Limits { stall_ms_max: 150, close_within_ms: 5_000, ..limits() };
    let (server, mut client) = stuffed(limits).await;
    server.until("too slow", |server| server.worker.stats().closed_too_slow == 1).await;
    // A client that reads again in time still gets the close frame: the frame under way is finished first.
    assert_eq!(client.expect_close().await, TOO_SLOW);
}

#[actix_rt::test]
async fn the_server_stops_reading_from_a_client_that_does_not_read() {
    let limits =
        Limits { read_pause_bytes: 20_000, queue_bytes_max: 40_000, stall_ms_max: 60_000, ..limits() };
    let server = serve(limits).await;
    let mut client = Client::open(server.port).await;
    let mut asked = 0;
    let ask = raw_socket::masked(0x81, b"flood:10");
    let mut pending = Vec::new();
    // Send requests until TCP takes no more for a while.
    let mut refused = 0;
    while refused < 100 {
        if pending.is_empty() {
            pending = ask.clone();
            asked += 1;
        }
        match client.io.try_write(&pending) {
            Ok(n) => {
                pending.drain(..n);
                refused = 0;
            }
            Err(_) => {
                refused += 1;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
    }
    let out = server.seen.outs.borrow()[0].clone();
    assert!(out.is_open());
    assert!(server.seen.messages.get() < asked, "{} of {asked} were heard", server.seen.messages.get());
    let heard = server.seen.messages.get();
    // When it reads, the server reads from it again.
    for _ in 0..heard * 10 + 100 {
        client.expect_text().await;
    }
    assert!(server.seen.messages.get() > heard);
}

#[actix_rt::test]
async fn a_slow_client_gets_the_newest_state_and_every_reply_in_order() {
    let (server, mut client) = stuffed(limits()).await;
    let out = server.seen.outs.borrow()[0].clone();
    for n in 0..1_000 {
        assert!(out.push(text_frame(format!("state {n}").as_bytes()), Class::State(7)));
        if n % 100 == 0 {
            assert!(out.push(text_frame(format!("reply {n}").as_bytes()), Class::Reply));
        }
    }
    out.push(text_frame(b"end"), Class::Reply);
    let mut heard = Vec::new();
    while heard.last().is_none_or(|text| text != "end") {
        let text = client.expect_text().await;
        if !text.starts_with('0') {
            heard.push(text);
        }
    }
    let replies = (0..10).map(|n| format!("reply {}", n * 100));
    let expected: Vec<String> = replies.chain(["state 999".to_owned(), "end".to_owned()]).collect();
    assert_eq!(heard, expected);
    assert_eq!(server.worker.stats().conflated, 999);
}
