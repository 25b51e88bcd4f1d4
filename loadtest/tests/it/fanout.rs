//! The fan-out measurement against a small server: what is lost or doubled is reported.

use std::{net::SocketAddr, sync::mpsc, thread};

use futures_util::{SinkExt, StreamExt};
use loadtest::fanout::{Fanout, Options, Server, fanout};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_websockets::{Message, ServerBuilder};

const SUBSCRIBERS: usize = 5;
const BYTES: usize = 64;

/// How often the first subscriber is sent the third publication.
#[derive(Debug, Clone, Copy)]
struct Copies(usize);

/// Starts a server on a thread of its own: every connection is subscribed, `POST /publish` publishes.
fn start(copies: Copies) -> SocketAddr {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            let (channel, _) = broadcast::channel::<String>(1_024);
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, channel.clone(), number == 0, copies));
            }
        });
    });
    receive.recv().unwrap()
}

async fn serve(mut stream: TcpStream, channel: broadcast::Sender<String>, is_first: bool, copies: Copies) {
    let mut start = [0; 4];
    if stream.peek(&mut start).await.unwrap() == 4 && &start == b"POST" {
        let mut buffer = [0; 2_048];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            let payload = String::from_utf8(buffer[count - BYTES..count].to_vec()).unwrap();
            channel.send(payload).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
        return;
    }
    let mut heard = channel.subscribe();
    let Ok((_, socket)) = ServerBuilder::new().accept(stream).await else { return };
    let (mut sink, mut stream) = socket.split();
    tokio::spawn(async move { while stream.next().await.is_some() {} });
    let mut number = 0;
    while let Ok(payload) = heard.recv().await {
        number += 1;
        let copies = if is_first && number == 3 { copies.0 } else { 1 };
        for _ in 0..copies {
            if sink.send(Message::text(payload.clone())).await.is_err() {
                return;
            }
        }
    }
}

fn measured(copies: Copies) -> Fanout {
    let options = Options {
        server: Server::Raw,
        url: format!("ws://{}/ws", start(copies)),
        pid: std::process::id(),
        subscribers: SUBSCRIBERS,
        bytes: BYTES,
        in_flight: 2,
        seconds: 0.2,
        warmup_seconds: 0.05,
        token: None,
        channel: String::new(),
    };
    fanout(options).unwrap()
}

#[test]
fn every_delivery_is_counted_and_none_is_missed() {
    let result = measured(Copies(1));
    assert_eq!((result.lost, result.misplaced), (0, 0), "{result}");
    assert!(result.deliveries > 10 * SUBSCRIBERS as u64, "{result}");
    assert!(result.latency.p50_ms > 0.0 && result.latency.count == result.deliveries);
}

#[test]
fn a_lost_delivery_is_found_among_all() {
    let result = measured(Copies(0));
    assert!(result.lost >= 1, "{result}");
}

#[test]
fn a_doubled_delivery_is_found_among_all() {
    let result = measured(Copies(2));
    assert!(result.misplaced >= 1 && result.lost == 0, "{result}");
}
