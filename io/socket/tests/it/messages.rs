//! Messages that the actor receives and sends.

use crate::server::{limits, serve};
use raw_socket::{BINARY, Client, PING, PONG, TEXT, masked};

#[actix_rt::test]
async fn messages_come_back_as_they_went() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    for len in [0, 1, 125, 126, 4_000, 65_535, 65_536] {
        let payload = vec![b'm'; len];
        client.send(BINARY, &payload).await;
        assert_eq!(client.frame().await, Some((BINARY, payload)));
    }
    client.text("grüße").await;
    assert_eq!(client.expect_text().await, "grüße");
}

#[actix_rt::test]
async fn the_actors_context_and_its_queue_keep_one_order() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.text("context:one").await;
    assert_eq!(client.expect_text().await, "one");
    client.text("two").await;
    client.text("context:three").await;
    assert_eq!(client.expect_text().await, "two");
    assert_eq!(client.expect_text().await, "three");
}

#[actix_rt::test]
async fn fragments_arrive_as_one_message_with_pings_answered_between() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.send(0x01, "whole ").await;
    client.send(PING, "are you there").await;
    assert_eq!(client.frame().await, Some((PONG, b"are you there".to_vec())));
    client.send(0x00, "").await;
    client.send(PONG, "unasked").await;
    client.send(0x80, "again").await;
    assert_eq!(client.expect_text().await, "whole again");
    assert_eq!(server.seen.messages.get(), 1);
}

#[actix_rt::test]
async fn a_byte_at_a_time_is_enough() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.io.set_nodelay(true).unwrap();
    for byte in [masked(TEXT, "drip ä".as_bytes()), masked(PING, b"p"), masked(BINARY, &[5; 200])].concat() {
        client.raw(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.expect_text().await, "drip ä");
    assert_eq!(client.frame().await, Some((PONG, b"p".to_vec())));
    assert_eq!(client.frame().await, Some((BINARY, vec![5; 200])));
}

#[actix_rt::test]
async fn ten_thousand_frames_in_a_burst_are_all_answered_in_order() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    let burst: Vec<u8> = (0..10_000).flat_map(|n: u32| masked(TEXT, n.to_string().as_bytes())).collect();
    let (mut reader, mut writer) = (client, None);
    // The client must read while it writes: the server does not read from a client that does not read.
    let io = reader.io.into_std().unwrap();
    let copy = io.try_clone().unwrap();
    reader.io = tokio::net::TcpStream::from_std(io).unwrap();
    writer.replace(tokio::net::TcpStream::from_std(copy).unwrap());
    let write = tokio::task::spawn_local(async move {
        tokio::io::AsyncWriteExt::write_all(&mut writer.take().unwrap(), &burst).await.unwrap();
    });
    for n in 0..10_000 {
        assert_eq!(reader.expect_text().await, n.to_string());
    }
    write.await.unwrap();
    client = reader;
    client.text("still here").await;
    assert_eq!(client.expect_text().await, "still here");
    assert_eq!(server.seen.messages.get(), 10_001);
}

#[actix_rt::test]
async fn the_replies_of_one_turn_leave_in_one_write() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.text("ready").await;
    client.expect_text().await;
    let before = server.worker.stats();
    client.raw(&[masked(TEXT, b"a"), masked(TEXT, b"b"), masked(TEXT, b"c")].concat()).await;
    for text in ["a", "b", "c"] {
        assert_eq!(client.expect_text().await, text);
    }
    let after = server.worker.stats();
    assert_eq!((after.writes - before.writes, after.written_bytes - before.written_bytes), (1, 9));
}

#[actix_rt::test]
async fn a_panic_ends_its_own_session_only() {
    let server = serve(limits()).await;
    let mut bystander = Client::open(server.port).await;
    let mut client = Client::open(server.port).await;
    client.text("panic").await;
    assert_eq!(client.expect_close().await, 1011);
    drop(client);
    server.until("one session left", |server| server.worker.sessions() == 1).await;
    assert_eq!(server.worker.stats().closed_panic, 1);
    bystander.text("and you").await;
    assert_eq!(bystander.expect_text().await, "and you");
}
