//! A session at a later hub: a frame that cannot be read ends as little as possible, and is reported.

use hub_client::{Client, Connection, Error, Options, Pushed, Pushes};
use protocol::{Channel, Reply, Request, U53, reply::KeyOutcome};
use tokio::io::DuplexStream;

use crate::scripted::{ENCODING, Scripted, personal, publication, subscribed};

async fn connected() -> (Client, Pushes, Scripted<DuplexStream>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let client = async {
        let connection = Connection::over(near, "ws://hub.test/ws", ENCODING).await.unwrap();
        Client::over(connection, "a token", Options::default()).await.unwrap()
    };
    let ((client, pushes), server) = tokio::join!(client, Scripted::welcoming(far));
    (client, pushes, server)
}

/// A frame of a later hub, from JSON.
fn later(frame: &str) -> Vec<u8> {
    protocol::Payload::from_json(frame.as_bytes()).unwrap().bytes().to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_read_fails_its_request_and_nothing_else() {
    let (client, _pushes, mut server) = connected().await;
    let script = async {
        for frame in [r#""t":"tables","tables":"many""#, r#""t":"menu","dishes":[]"#] {
            let (id, request) = server.asked().await;
            assert_eq!(request, Request::ListTables);
            server.raw(later(&format!(r#"{{"id":{},{frame}}}"#, id.get()))).await;
        }
        let (id, _) = server.asked().await;
        server.reply(id, Reply::Tables { tables: vec![] }).await;
    };
    let ask = async {
        for _ in 0..2 {
            let answer = client.list_tables().await;
            assert!(
                matches!(answer, Err(Error::Frame(_))),
                "at once, not after the time is over: {answer:?}"
            );
        }
        client.list_tables().await
    };
    let (tables, ()) = tokio::join!(ask, script);
    assert!(tables.unwrap().is_empty() && client.closed().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_push_that_cannot_be_read_is_told_and_the_next_one_heard() {
    let (client, mut pushes, mut server) = connected().await;
    server.raw(later(r#"{"t":"drain","reconnect_after_ms":"soon"}"#)).await;
    server.raw(b"\xc1".to_vec()).await;
    server.raw(later(r#"{"t":"fanfare","tune":3}"#)).await;
    server.push(&publication(&personal(), 1)).await;
    assert_eq!(pushes.recv().await, Some(Pushed::Missed(1)));
    assert_eq!(pushes.recv().await, Some(Pushed::Missed(1)));
    let next = Some(Pushed::Push(publication(&personal(), 1)));
    assert_eq!(pushes.recv().await, next, "a kind that is not known is passed over in silence");
    assert!(client.closed().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_only_a_later_client_can_fill_is_told_once_and_the_channel_goes_on() {
    let (_client, mut pushes, mut server) = connected().await;
    server.push(&publication(&personal(), 3)).await;
    let (id, _) = server.asked().await;
    server.raw(later(&format!(r#"{{"t":"subscribed","id":{},"pubs":"elsewhere"}}"#, id.get()))).await;
    server.push(&publication(&personal(), 4)).await;
    server.push(&publication(&personal(), 5)).await;
    assert_eq!(pushes.recv().await, Some(Pushed::Missed(1)));
    assert_eq!(pushes.recv().await, Some(Pushed::Push(publication(&personal(), 4))));
    assert_eq!(pushes.recv().await, Some(Pushed::Push(publication(&personal(), 5))));
}

#[tokio::test(start_paused = true)]
async fn words_and_codes_of_a_later_hub_are_handed_on() {
    let (client, _pushes, mut server) = connected().await;
    let script = async {
        let (id, _) = server.asked().await;
        let error = r#""t":"error","code":3999,"name":"not_today","message":"no","retry":"later""#;
        server.raw(later(&format!(r#"{{"id":{},{error}}}"#, id.get()))).await;
        let (id, _) = server.asked().await;
        let outcome = r#""t":"outcome","key":"k","outcome":{"status":"pending"}"#;
        server.raw(later(&format!(r#"{{"id":{},{outcome}}}"#, id.get()))).await;
    };
    let ask = async {
        let Err(Error::Refused(failure)) = client.list_tables().await else { panic!("it was refused") };
        assert_eq!((failure.code.number(), failure.retry), (3999, protocol::Retry::Never));
        client.outcome("k".parse().unwrap()).await.unwrap()
    };
    assert_eq!(tokio::join!(ask, script).0, KeyOutcome::Other);
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_request_that_was_given_up_comes_as_pushes() {
    let (client, mut pushes, mut server) = connected().await;
    let channel: Channel = "lobby".parse().unwrap();
    let asked = client.subscribe(channel.clone(), Some(("e1", 4)));
    let (id, _): (U53, _) = tokio::select! {
        _ = asked => unreachable!("nobody has answered"),
        request = server.asked() => request,
    };
    server.reply(id, Reply::Subscribed(subscribed(&channel, 6, &[5, 6]))).await;
    server.push(&publication(&channel, 7)).await;
    for offset in 5..=7 {
        assert_eq!(pushes.recv().await, Some(Pushed::Push(publication(&channel, offset))));
    }
}
