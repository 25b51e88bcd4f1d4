//! How a client reconnects: by itself, to everything it followed, with growing waits, and never beyond its time limit.
//! Connections are made in memory, so that time can be advanced.

use std::{io, time::Duration};

use hub_client::{Error, Outcome, Pushed, Pushes, Resilient, Settings, Transport, one_bet};
use protocol::{
    Channel, ErrorCode, Push, Reply, Request,
    reply::{Failure, KeyOutcome},
    request::PlaceBet,
};
use tokio::{
    io::DuplexStream,
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::scripted::{Scripted, joined, personal, publication, receipt, subscribed};

type Server = Scripted<DuplexStream>;
/// The far ends of the connections a client makes.
type Arrivals = mpsc::UnboundedReceiver<DuplexStream>;

const PATIENCE: Duration = Duration::from_secs(120);

fn client(settings: Settings) -> (Resilient, Pushes, Arrivals) {
    let (arrive, arrivals) = mpsc::unbounded_channel();
    let connect = move || {
        let (near, far) = tokio::io::duplex(256 * 1024);
        let arrived = arrive.send(far).map_err(|_| io::ErrorKind::ConnectionRefused.into());
        let stream = arrived.map(|()| Box::new(near) as Box<dyn Transport>);
        Box::pin(std::future::ready(stream)) as _
    };
    let (client, pushes) =
        Resilient::with(Box::new(connect), "ws://hub.test/ws", "a token", settings).unwrap();
    (client, pushes, arrivals)
}

async fn next(arrivals: &mut Arrivals) -> Server {
    Scripted::welcoming(arrivals.recv().await.unwrap()).await
}

fn bet() -> PlaceBet {
    let (key, table) = ("key-1".parse().unwrap(), "roulette-1".parse().unwrap());
    one_bet(key, table, 4, "red", &[], "1.00", "EUR".parse().unwrap()).unwrap()
}

fn refusal(code: ErrorCode, after_ms: u64) -> Reply {
    Reply::Error(Failure::of(code).after_ms(after_ms))
}

fn heard(offset: u64) -> Option<Pushed> {
    Some(Pushed::Push(publication(&personal(), offset)))
}

/// Waits that grow from 100 ms to 10 s, as the default settings have them: some are long, and the first is not.
fn grows(moments: &[Instant]) {
    let gaps: Vec<Duration> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (attempt, gap) in gaps.iter().enumerate() {
        let limit = Duration::from_millis(100 << attempt.min(10)).min(Duration::from_secs(10));
        assert!(*gap <= limit + Duration::from_millis(20), "{attempt}: {gaps:?}");
    }
    // Eight of them are a random share of 10 s: all are below 1 s once in a hundred million times.
    assert!(gaps.iter().any(|gap| *gap >= Duration::from_secs(1)), "{gaps:?}");
    assert!(gaps.windows(2).any(|pair| pair[0] != pair[1]), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_goes_on_hearing_after_a_restart_though_nobody_asks_anything() {
    let (mut resilient, mut pushes, mut arrivals) = client(Settings::default());
    let (_, mut server) = tokio::join!(resilient.client(), next(&mut arrivals));
    server.push(&publication(&personal(), 1)).await;
    assert_eq!(pushes.recv().await, heard(1));
    drop(server);
    let script = async {
        // The hub is not there at first.
        drop(arrivals.recv().await.unwrap());
        let (mut server, hello) =
            Scripted::resuming(arrivals.recv().await.unwrap(), 2, &[2], Vec::new()).await;
        assert_eq!(hello.resume[0].o.get(), 1);
        server.push(&publication(&personal(), 3)).await;
        server
    };
    let listen = async {
        assert_eq!(pushes.recv().await, heard(2));
        assert_eq!(pushes.recv().await, heard(3));
    };
    let ((), _server) = tokio::join!(listen, script);
    drop(resilient);
    assert_eq!(pushes.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_told_when_the_hub_does_not_want_the_client_and_hears_again_with_another_token() {
    let (mut resilient, mut pushes, mut arrivals) = client(Settings::default());
    let (_, server) = tokio::join!(resilient.client(), next(&mut arrivals));
    let (told, ()) = tokio::join!(pushes.recv(), server.close(4_101, "the token was refused"));
    assert!(matches!(told, Some(Pushed::Stopped(closed)) if closed.code == Some(4_101)));
    assert!(matches!(resilient.client().await, Err(Error::Closed(closed)) if closed.code == Some(4_101)));
    assert!(arrivals.try_recv().is_err(), "it stays away");

    resilient.set_token("another token");
    let script = async {
        let (server, hello) = Scripted::resuming(arrivals.recv().await.unwrap(), 1, &[1], Vec::new()).await;
        assert_eq!(&*hello.token, "another token");
        server
    };
    let (client, server) = tokio::join!(resilient.client(), script);
    assert!(client.unwrap().closed().is_none());
    assert_eq!(pushes.recv().await, heard(1));
    // It is watched again too.
    drop(server);
    next(&mut arrivals).await;
}

#[tokio::test(start_paused = true)]
async fn no_channel_is_lost_over_a_new_connection_however_many_there_are() {
    let channels: Vec<Channel> = (0..40).map(|number| format!("a{number:02}").parse().unwrap()).collect();
    let (mut resilient, mut pushes, mut arrivals) = client(Settings::default());
    let (client, mut server) = tokio::join!(resilient.client(), next(&mut arrivals));
    let client = client.unwrap();
    for channel in &channels {
        let grant = async {
            let (id, _) = server.asked().await;
            server.reply(id, Reply::Subscribed(subscribed(channel, 4, &[]))).await;
        };
        tokio::join!(client.subscribe(channel.clone(), None), grant).0.unwrap();
    }
    drop((server, client));

    // The hub goes on with all it is asked for in the hello, but for the last.
    let mut server = Scripted::accept(arrivals.recv().await.unwrap()).await;
    let (id, request) = server.asked().await;
    let Request::Hello(hello) = request else { panic!("{request:?}") };
    assert_eq!((hello.resume.len(), &hello.resume[0].ch), (32, &personal()));
    let mut reply = crate::scripted::welcome(subscribed(&personal(), 0, &[]));
    let Reply::Welcome(welcome) = &mut reply else { unreachable!() };
    let (left_out, resumed) = hello.resume[1..].split_last().unwrap();
    welcome.resumed = resumed.iter().map(|since| subscribed(&since.ch, 5, &[5])).collect();
    server.reply(id, reply).await;

    // The others are asked for one by one. Of these one is over, and one has to be asked for again.
    let (over, busy) = (&left_out.ch, &channels[39]);
    let (mut asked, mut was_busy) = (0, false);
    while asked < 10 {
        let (id, request) = server.asked().await;
        let Request::Subscribe(subscribe) = request else { panic!("{request:?}") };
        assert_eq!(subscribe.since.as_ref().map(|(_, offset)| offset.get()), Some(4));
        let reply = match &subscribe.channel {
            channel if channel == over => Reply::Error(Failure::of(ErrorCode::Forbidden)),
            channel if channel == busy && !was_busy => {
                was_busy = true;
                server.reply(id, refusal(ErrorCode::RateLimited, 40)).await;
                continue;
            }
            channel => Reply::Subscribed(subscribed(channel, 5, &[5])),
        };
        asked += 1;
        server.reply(id, reply).await;
    }
    let mut heard = Vec::new();
    for _ in &channels {
        heard.push(pushes.recv().await.unwrap());
    }
    for channel in &channels {
        let expected = if channel == over {
            Push::Reset { ch: channel.clone(), e: "e1".into(), o: 4 }
        } else {
            publication(channel, 5)
        };
        let times = heard.iter().filter(|pushed| **pushed == Pushed::Push(expected.clone())).count();
        assert_eq!(times, 1, "{channel}");
    }
    let client = timeout(PATIENCE, resilient.client()).await.unwrap().unwrap();
    assert_eq!(client.positions().len(), 40, "the one that is over is followed no longer");
}

#[tokio::test(start_paused = true)]
async fn waits_grow_when_a_hub_says_welcome_and_closes_again_and_again() {
    let (mut resilient, _pushes, mut arrivals) = client(Settings::default());
    let (_, server) = tokio::join!(resilient.client(), next(&mut arrivals));
    drop(server);
    let mut moments = vec![Instant::now()];
    for _ in 0..15 {
        drop(next(&mut arrivals).await);
        moments.push(Instant::now());
    }
    grows(&moments);

    // One connection that lasts, and the waits are short again.
    let mut server = next(&mut arrivals).await;
    let _ = timeout(Duration::from_secs(10), server.idle()).await;
    drop(server);
    let ended = Instant::now();
    let _server = next(&mut arrivals).await;
    assert!(ended.elapsed() <= Duration::from_millis(100), "{:?}", ended.elapsed());
}

#[tokio::test(start_paused = true)]
async fn waits_grow_when_a_hub_is_busy_again_and_again() {
    let (mut resilient, _pushes, mut arrivals) = client(Settings::default());
    let script = async {
        let mut server = next(&mut arrivals).await;
        let mut moments = Vec::new();
        for _ in 0..16 {
            let (id, _) = server.asked().await;
            moments.push(Instant::now());
            server.reply(id, Reply::Error(Failure::of(ErrorCode::Busy))).await;
        }
        let (id, _) = server.asked().await;
        server.reply(id, Reply::BetAccepted(receipt("key-1"))).await;
        (moments, server)
    };
    let (outcome, (moments, _server)) = tokio::join!(resilient.place_bet(bet()), script);
    assert_eq!(outcome.unwrap(), Outcome::Accepted(receipt("key-1")));
    grows(&moments);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_asks_for_an_endless_wait_does_not_get_it() {
    let settings = Settings { give_up_after: PATIENCE, ..Settings::default() };
    let (mut resilient, _pushes, mut arrivals) = client(settings);
    // For a bet.
    let start = Instant::now();
    let script = async {
        let mut server = next(&mut arrivals).await;
        let (id, _) = server.asked().await;
        server.reply(id, refusal(ErrorCode::Busy, u64::MAX)).await;
        let _ = timeout(PATIENCE, server.idle()).await;
        server
    };
    let (outcome, mut server) = tokio::join!(resilient.place_bet(bet()), script);
    assert!(matches!(outcome, Err(Error::Timeout(waited)) if waited == PATIENCE), "{outcome:?}");
    assert_eq!(start.elapsed(), PATIENCE);

    // In a drain: the call gives up in time, and the client has not gone for ever.
    server.push(&Push::Drain { reconnect_after_ms: u64::MAX }).await;
    server.close(4_000, "").await;
    let start = Instant::now();
    let outcome = resilient.place_bet(bet()).await;
    assert!(outcome.is_err() && start.elapsed() == PATIENCE, "{outcome:?}");

    // At the hello.
    let mut server = Scripted::accept(arrivals.recv().await.unwrap()).await;
    assert!(start.elapsed() <= PATIENCE + Duration::from_secs(10), "{:?}", start.elapsed());
    let (id, _) = server.asked().await;
    server.reply(id, refusal(ErrorCode::Unavailable, u64::MAX)).await;
    let start = Instant::now();
    let refused = resilient.client().await;
    assert!(matches!(refused, Err(Error::Refused(failure)) if failure.code == ErrorCode::Unavailable));
    assert!(start.elapsed() <= PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_handed_on_once_although_joining_the_table_again_fails() {
    let table = "roulette-1".parse().unwrap();
    let (mut resilient, mut pushes, mut arrivals) = client(Settings::default());
    let script = async {
        let mut server = next(&mut arrivals).await;
        let (id, _) = server.asked().await;
        server.reply(id, joined(table)).await;
        server
    };
    let (at_table, server) = tokio::join!(resilient.join_table(table), script);
    at_table.unwrap();
    drop(server);

    // Welcomed, and lost on the way to the table.
    let (mut server, hello) =
        Scripted::resuming(arrivals.recv().await.unwrap(), 2, &[1, 2], Vec::new()).await;
    assert_eq!(hello.resume[0].o.get(), 0);
    assert_eq!(server.asked().await.1, Request::JoinTable { table });
    drop(server);

    // Welcomed, and asked to wait on the way to the table: it stays on this connection.
    let (mut server, hello) = Scripted::resuming(arrivals.recv().await.unwrap(), 3, &[3], Vec::new()).await;
    assert_eq!(hello.resume[0].o.get(), 2);
    let (id, _) = server.asked().await;
    server.reply(id, refusal(ErrorCode::Busy, 500)).await;
    let start = Instant::now();
    let (id, request) = server.asked().await;
    assert_eq!(request, Request::JoinTable { table });
    assert!(start.elapsed() >= Duration::from_millis(500));
    server.reply(id, joined(table)).await;
    server.push(&publication(&personal(), 4)).await;
    for offset in 1..=4 {
        assert_eq!(pushes.recv().await, heard(offset));
    }
    assert_eq!(pushes.try_recv(), None);
}

#[tokio::test(start_paused = true)]
async fn a_push_that_overtakes_the_welcome_is_handed_on_once() {
    let (mut resilient, mut pushes, mut arrivals) = client(Settings::default());
    let script = async {
        let mut server = Scripted::accept(arrivals.recv().await.unwrap()).await;
        let (id, _) = server.asked().await;
        server.push(&publication(&personal(), 1)).await;
        server.push(&publication(&personal(), 2)).await;
        server.reply(id, crate::scripted::welcome(subscribed(&personal(), 1, &[]))).await;
        server
    };
    let (_client, _server) = tokio::join!(resilient.client(), script);
    assert_eq!(pushes.recv().await, heard(2), "the first is in the state of the welcome");
    assert_eq!(pushes.try_recv(), None);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_read_and_an_outcome_that_is_not_definite_are_asked_for_again() {
    let (mut resilient, _pushes, mut arrivals) = client(Settings::default());
    let key = bet().key;
    let script = async {
        let mut server = next(&mut arrivals).await;
        let (id, _) = server.asked().await;
        server.raw(later(&format!(r#"{{"t":"bet_accepted","id":{},"lsn":"far"}}"#, id.get()))).await;
        for outcome in [KeyOutcome::Other, KeyOutcome::Accepted { receipt: receipt("key-1") }] {
            let (id, request) = server.asked().await;
            assert_eq!(request, Request::GetOutcome { key });
            server.reply(id, Reply::Outcome { key, outcome }).await;
        }
        server
    };
    let (outcome, _server) = tokio::join!(resilient.place_bet(bet()), script);
    assert_eq!(outcome.unwrap(), Outcome::Accepted(receipt("key-1")));
}

/// A frame of a later hub, from JSON.
fn later(frame: &str) -> Vec<u8> {
    protocol::Payload::from_json(frame.as_bytes()).unwrap().bytes().to_vec()
}

#[tokio::test(start_paused = true)]
async fn a_welcome_that_cannot_be_read_is_tried_again_without_resuming_and_what_is_lost_by_it_is_told() {
    let (mut resilient, mut pushes, mut arrivals) = client(Settings::default());
    let (_, mut server) = tokio::join!(resilient.client(), next(&mut arrivals));
    server.push(&publication(&personal(), 1)).await;
    assert_eq!(pushes.recv().await, heard(1));
    drop(server);
    let mut moments = vec![Instant::now()];
    for attempt in 0..15 {
        let arrival = timeout(PATIENCE, arrivals.recv()).await.expect("the client comes back");
        let mut server = Scripted::accept(arrival.unwrap()).await;
        moments.push(Instant::now());
        let (id, Request::Hello(hello)) = server.asked().await else { panic!("hello comes first") };
        assert_eq!(hello.resume.len(), usize::from(attempt == 0), "what was resumed may be in the way");
        server.raw(later(&format!(r#"{{"t":"welcome","id":{},"personal":"yes"}}"#, id.get()))).await;
    }
    grows(&moments);
    let (mut server, _) = Scripted::resuming(arrivals.recv().await.unwrap(), 4, &[], Vec::new()).await;
    server.push(&publication(&personal(), 5)).await;
    let lost = Push::Reset { ch: personal(), e: "e1".into(), o: 4 };
    assert_eq!(pushes.recv().await, Some(Pushed::Push(lost)), "no gap is passed over in silence");
    assert_eq!(pushes.recv().await, heard(5));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_read_is_asked_for_again() {
    let (mut resilient, _pushes, mut arrivals) = client(Settings::default());
    let key = bet().key;
    let script = async {
        let mut server = next(&mut arrivals).await;
        let (id, _) = server.asked().await;
        server.raw(later(&format!(r#"{{"t":"bet_accepted","id":{},"lsn":"far"}}"#, id.get()))).await;
        let (id, _) = server.asked().await;
        server.raw(later(&format!(r#"{{"t":"outcome","id":{},"outcome":"fine"}}"#, id.get()))).await;
        let (id, request) = server.asked().await;
        assert_eq!(request, Request::GetOutcome { key });
        let outcome = KeyOutcome::Accepted { receipt: receipt("key-1") };
        server.reply(id, Reply::Outcome { key, outcome }).await;
        server
    };
    let both = async { tokio::join!(resilient.place_bet(bet()), script) };
    let (outcome, _server) = timeout(PATIENCE, both).await.expect("the client goes on asking");
    assert_eq!(outcome.unwrap(), Outcome::Accepted(receipt("key-1")));
}
