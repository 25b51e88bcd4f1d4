//! One session: replies, time limits, pushes, the end. Time is advanced, nothing is slept.

use std::{collections::BTreeMap, time::Duration};

use hub_client::{Client, Connection, Error, Options, Pushed, Pushes};
use protocol::{ErrorCode, Reply, Request, Retry, reply::Failure};
use tokio::{io::DuplexStream, time::Instant};

use crate::scripted::{BEAT_MS, ENCODING, Scripted, personal, publication, subscribed, welcome};

const URL: &str = "ws://hub.test/ws";

/// A client and its server, connected in memory and past `hello`.
async fn connected(options: Options) -> (Client, Pushes, Scripted<DuplexStream>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let client = async {
        let connection = Connection::over(near, URL, ENCODING).await.unwrap();
        Client::over(connection, "a token", options).await.unwrap()
    };
    let ((client, pushes), server) = tokio::join!(client, Scripted::welcoming(far));
    (client, pushes, server)
}

#[tokio::test(start_paused = true)]
async fn replies_find_their_requests_when_they_overtake_each_other() {
    let (client, _pushes, mut server) = connected(Options::default()).await;
    let script = async {
        let (first, _) = server.asked().await;
        let (second, asked) = server.asked().await;
        assert_eq!(asked, Request::ListTables);
        server.reply(second, Reply::Tables { tables: vec![] }).await;
        server
            .reply(
                first,
                Reply::Balances { lsn: 0, balances: vec![], exclusion: None, play: None, limits: vec![] },
            )
            .await;
    };
    let (balances, tables, ()) = tokio::join!(client.balances(), client.list_tables(), script);
    assert!(balances.unwrap().is_empty() && tables.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_as_long_as_it_should_and_its_late_reply_harms_nobody() {
    let timeout = Duration::from_millis(700);
    let (client, _pushes, mut server) =
        connected(Options { request_timeout: timeout, ..Options::default() }).await;
    let start = Instant::now();
    assert!(matches!(client.balances().await, Err(Error::Timeout(waited)) if waited == timeout));
    assert_eq!(start.elapsed(), timeout);
    let script = async {
        let (late, _) = server.asked().await;
        server
            .reply(
                late,
                Reply::Balances { lsn: 0, balances: vec![], exclusion: None, play: None, limits: vec![] },
            )
            .await;
        let (id, _) = server.asked().await;
        server.reply(id, Reply::Tables { tables: vec![] }).await;
    };
    let (tables, ()) = tokio::join!(client.list_tables(), script);
    assert!(tables.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_why_and_what_to_do() {
    let (client, _pushes, mut server) = connected(Options::default()).await;
    let script = async {
        let (id, _) = server.asked().await;
        server.reply(id, Reply::Error(Failure::of(ErrorCode::Busy).after_ms(40))).await;
    };
    let (answer, ()) = tokio::join!(client.list_tables(), script);
    let Err(Error::Refused(failure)) = answer else { panic!("{answer:?}") };
    assert_eq!(
        (failure.code, failure.retry, failure.retry_after_ms),
        (ErrorCode::Busy.into(), Retry::SameKey, Some(40))
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_ends_every_request_with_the_reason() {
    let (client, mut pushes, mut server) = connected(Options::default()).await;
    let script = async {
        server.asked().await;
        server.close(4_103, "too fast").await;
    };
    let (answer, ()) = tokio::join!(client.list_tables(), script);
    let Err(Error::Closed(closed)) = answer else { panic!("{answer:?}") };
    assert_eq!((closed.code, closed.reason.as_str(), closed.reconnect()), (Some(4_103), "too fast", false));
    assert_eq!(client.closed(), Some(&closed));
    assert!(matches!(client.balances().await, Err(Error::Closed(again)) if again == closed));
    assert_eq!(pushes.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_given_up_after_two_heartbeats() {
    let (client, mut pushes, _server) = connected(Options::default()).await;
    let start = Instant::now();
    assert_eq!(pushes.recv().await, None);
    assert_eq!(start.elapsed(), Duration::from_millis(2 * BEAT_MS));
    assert!(client.closed().unwrap().reconnect());
}

#[tokio::test(start_paused = true)]
async fn a_session_says_goodbye_when_its_last_client_is_dropped() {
    let (client, _pushes, mut server) = connected(Options::default()).await;
    let clone = client.clone();
    drop(client);
    tokio::time::advance(Duration::from_millis(BEAT_MS / 2)).await;
    drop(clone);
    assert_eq!(server.frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_listener_missed_on_the_way_is_asked_for_and_comes_in_order() {
    let (_client, mut pushes, mut server) = connected(Options::default()).await;
    let channel = personal();
    server.push(&publication(&channel, 1)).await;
    server.push(&publication(&channel, 3)).await;
    let (id, request) = server.asked().await;
    let Request::Subscribe(subscribe) = request else { panic!("{request:?}") };
    assert_eq!(subscribe.since.unwrap().1.get(), 1);
    server.reply(id, Reply::Subscribed(subscribed(&channel, 3, &[2, 3]))).await;
    server.push(&publication(&channel, 4)).await;
    for offset in 1..=4 {
        assert_eq!(pushes.recv().await, Some(Pushed::Push(publication(&channel, offset))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_last_message_heals_within_two_heartbeats() {
    let (_client, mut pushes, mut server) = connected(Options::default()).await;
    let channel = personal();
    let tops = BTreeMap::from([(channel.as_str().to_owned(), ("e1".to_owned(), 1))]);
    for _ in 0..2 {
        let beat = server.frame().await.unwrap();
        assert_eq!(beat.request, Request::Ping);
        server.reply(beat.id, Reply::Pong { time: 1, tops: tops.clone() }).await;
    }
    let (id, request) = server.asked().await;
    assert!(matches!(request, Request::Subscribe(_)), "{request:?}");
    server.reply(id, Reply::Subscribed(subscribed(&channel, 1, &[1]))).await;
    assert_eq!(pushes.recv().await, Some(Pushed::Push(publication(&channel, 1))));
}

#[tokio::test(start_paused = true)]
async fn a_resumed_session_hands_on_what_was_missed_before_anything_new() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let resume = vec![protocol::request::Since {
        ch: personal(),
        e: protocol::Text::new("e1").unwrap(),
        o: protocol::U53::from(4),
    }];
    let client = async {
        let connection = Connection::over(near, URL, ENCODING).await.unwrap();
        let options = Options { resume: resume.clone(), ..Options::default() };
        Client::over(connection, "a token", options).await.unwrap()
    };
    let script = async {
        let mut server = Scripted::accept(far).await;
        let (id, request) = server.asked().await;
        let Request::Hello(hello) = request else { panic!("{request:?}") };
        assert_eq!(hello.resume, resume);
        server.reply(id, welcome(subscribed(&personal(), 6, &[5, 6]))).await;
        server.push(&publication(&personal(), 7)).await;
        server
    };
    let ((client, mut pushes), _server) = tokio::join!(client, script);
    for offset in 5..=7 {
        assert_eq!(pushes.recv().await, Some(Pushed::Push(publication(&personal(), offset))));
    }
    assert_eq!(client.positions()[0].o.get(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_another_sub_protocol_is_not_talked_to() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let server = tokio_websockets::ServerBuilder::new();
    let (connection, _server) = tokio::join!(Connection::over(near, URL, ENCODING), server.accept(far));
    assert!(matches!(connection, Err(Error::Subprotocol(chosen)) if chosen.is_empty()));
}
