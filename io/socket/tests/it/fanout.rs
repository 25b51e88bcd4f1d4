//! Fan-out on one worker: which sessions get which publications, how often and in which order.

use std::cell::Cell;

use socket::{Class, join, text_frame};

use crate::server::{limits, serve};
use raw_socket::{Client, HANDSHAKE};

#[actix_rt::test]
async fn every_subscriber_hears_each_publication_once_and_in_order() {
    let server = serve(limits()).await;
    let mut clients = Vec::new();
    for n in 0..50 {
        let mut client = Client::open(server.port).await;
        client.text("subscribe:room").await;
        assert_eq!(client.expect_text().await, format!("first {}", n == 0));
        clients.push(client);
    }
    let mut stranger = Client::open(server.port).await;
    stranger.text("subscribe:elsewhere").await;
    assert_eq!(stranger.expect_text().await, "first true");

    let writes = server.worker.stats().writes;
    for n in 0..200 {
        let frame = text_frame(n.to_string().as_bytes());
        assert_eq!(server.worker.broadcast("room", Class::Publication, |_| frame.clone()), 50);
    }
    assert_eq!(server.worker.stats().writes - writes, 200 * 50, "one write a delivery, at once");
    assert_eq!(server.worker.broadcast("nowhere", Class::Publication, |_| panic!("nobody asked")), 0);
    for client in &mut clients {
        for n in 0..200 {
            assert_eq!(client.expect_text().await, n.to_string());
        }
        client.text("done").await;
        assert_eq!(client.expect_text().await, "done");
    }
    stranger.text("nothing").await;
    assert_eq!(stranger.expect_text().await, "nothing");
}

#[actix_rt::test]
async fn a_publication_is_encoded_once_for_each_encoding() {
    let server = serve(limits()).await;
    let mut clients = Vec::new();
    for n in 0..6 {
        let name = if n % 2 == 0 { "v1.bin" } else { "v1.text" };
        let head = format!("{HANDSHAKE}sec-websocket-protocol: {name}\r\n");
        let mut client = Client::request(server.port, &head, b"").await;
        client.text("subscribe:room").await;
        client.expect_text().await;
        clients.push(client);
    }
    let encoded = Cell::new(0);
    server.worker.broadcast("room", Class::Publication, |encoding| {
        encoded.set(encoded.get() + 1);
        text_frame(format!("encoding {encoding}").as_bytes())
    });
    assert_eq!(encoded.get(), 2);
    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.expect_text().await, format!("encoding {}", n % 2));
    }
}

#[actix_rt::test]
async fn subscriptions_end_with_an_unsubscribe_or_with_the_session() {
    let server = serve(limits()).await;
    let mut one = Client::open(server.port).await;
    let mut two = Client::open(server.port).await;
    let steps = [
        (1, "subscribe:room", "first true"),
        (1, "subscribe:room", "first false"),
        (1, "subscribe:hall", "first true"),
        (2, "subscribe:room", "first false"),
        (1, "unsubscribe:room", "last false"),
        (1, "unsubscribe:room", "last false"),
        (2, "unsubscribe:room", "last true"),
        (2, "subscribe:room", "first true"),
        (1, "subscribe:room", "first false"),
    ];
    for (who, order, answer) in steps {
        let client = if who == 1 { &mut one } else { &mut two };
        client.text(order).await;
        assert_eq!(client.expect_text().await, answer, "{who} {order}");
    }
    drop(one);
    server.until("the hall is empty", |server| server.worker.subscribers("hall") == 0).await;
    assert_eq!(server.worker.subscribers("room"), 1);
    assert_eq!(*server.seen.vacant.borrow(), ["hall"]);
    let mut channels = Vec::new();
    server.worker.for_each_channel(|name, members| channels.push((name.to_owned(), members)));
    assert_eq!(channels, [("room".to_owned(), 1)]);
    assert_eq!(server.worker.broadcast("room", Class::Publication, |_| text_frame(b"left")), 1);
    assert_eq!(two.expect_text().await, "left");
}

#[actix_rt::test]
async fn corked_frames_are_sent_in_one_write_and_in_order() {
    let server = serve(limits()).await;
    let mut client = Client::open(server.port).await;
    client.text("subscribe:room").await;
    client.expect_text().await;

    let cork = server.worker.cork();
    let inner = server.worker.cork();
    let before = server.worker.stats().writes;
    server.worker.broadcast("room", Class::Publication, |_| text_frame(b"a"));
    server.worker.broadcast("room", Class::Publication, |_| join(&[text_frame(b"b"), text_frame(b"c")]));
    server.seen.outs.borrow()[0].push(text_frame(b"d"), Class::Reply);
    drop(inner);
    let mut buffer = [0; 64];
    assert!(client.io.try_read(&mut buffer).is_err(), "nothing leaves before the last cork does");
    drop(cork);
    client.io.readable().await.unwrap();
    let n = client.io.try_read(&mut buffer).unwrap();
    assert_eq!(server.worker.stats().writes - before, 1);
    assert_eq!(&buffer[..n], b"\x81\x01a\x81\x01b\x81\x01c\x81\x01d");
}
