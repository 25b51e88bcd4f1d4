//! A change reaches a definite outcome with one key, whatever the connection does.
//!
//! Over real sockets, since reconnecting is what is tested; the waits are set to a few milliseconds.

use std::{future::Future, time::Duration};

use hub_client::{Error, Outcome, Pushed, Resilient, Settings, one_bet};
use protocol::{
    ErrorCode, Push, Reply, Request,
    reply::{Failure, KeyOutcome},
    request::PlaceBet,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::scripted::{Scripted, joined, personal, publication, receipt, subscribed, welcome};

type Server = Scripted<TcpStream>;

fn bet() -> PlaceBet {
    let (key, table) = ("key-1".parse().unwrap(), "roulette-1".parse().unwrap());
    one_bet(key, table, 4, "red", &[], "1.00", "EUR".parse().unwrap()).unwrap()
}

/// Places the bet while the script answers, and returns the outcome.
async fn place<F: Future<Output = ()>>(script: impl FnOnce(TcpListener) -> F) -> Result<Outcome, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let (mut resilient, _pushes) = Resilient::new(&url, "a token", quick()).unwrap();
    let (outcome, ()) = tokio::join!(resilient.place_bet(bet()), script(listener));
    outcome
}

fn quick() -> Settings {
    let ms = Duration::from_millis;
    Settings { wait_base: ms(1), wait_max: ms(5), give_up_after: ms(10_000), ..Settings::default() }
}

async fn next(listener: &TcpListener) -> Server {
    Scripted::welcoming(listener.accept().await.unwrap().0).await
}

/// Expects the bet and answers it; without an answer the connection breaks.
async fn meet_bet(server: &mut Server, answer: Option<Reply>) {
    let (id, request) = server.asked().await;
    assert_eq!(request, Request::PlaceBet(bet()), "the same key and content every time");
    if let Some(answer) = answer {
        server.reply(id, answer).await;
    }
}

async fn meet_question(server: &mut Server, outcome: KeyOutcome) {
    let (id, request) = server.asked().await;
    let key = bet().key;
    assert_eq!(request, Request::GetOutcome { key });
    server.reply(id, Reply::Outcome { key, outcome }).await;
}

fn accepted() -> KeyOutcome {
    KeyOutcome::Accepted { receipt: receipt("key-1") }
}

fn refusal(code: ErrorCode) -> Option<Reply> {
    Some(Reply::Error(Failure::of(code)))
}

#[tokio::test]
async fn a_receipt_lost_with_the_connection_is_asked_for_and_the_bet_not_sent_again() {
    let outcome = place(|listener| async move {
        meet_bet(&mut next(&listener).await, None).await;
        meet_question(&mut next(&listener).await, accepted()).await;
    });
    assert_eq!(outcome.await.unwrap(), Outcome::Accepted(receipt("key-1")));
}

#[tokio::test]
async fn a_bet_the_hub_never_saw_is_sent_again_with_its_key() {
    let outcome = place(|listener| async move {
        meet_bet(&mut next(&listener).await, None).await;
        let mut server = next(&listener).await;
        meet_question(&mut server, KeyOutcome::Unknown).await;
        meet_bet(&mut server, Some(Reply::BetAccepted(receipt("key-1")))).await;
    });
    assert_eq!(outcome.await.unwrap(), Outcome::Accepted(receipt("key-1")));
}

#[tokio::test]
async fn a_refusal_of_the_second_attempt_does_not_hide_that_the_first_was_accepted() {
    let outcome = place(|listener| async move {
        meet_bet(&mut next(&listener).await, None).await;
        let mut server = next(&listener).await;
        meet_question(&mut server, KeyOutcome::Unknown).await;
        meet_bet(&mut server, refusal(ErrorCode::NotAtTable)).await;
        meet_question(&mut server, accepted()).await;
    });
    assert_eq!(outcome.await.unwrap(), Outcome::Accepted(receipt("key-1")));
}

#[tokio::test]
async fn a_failure_inside_the_hub_is_cleared_up_on_the_same_connection() {
    let outcome = place(|listener| async move {
        let mut server = next(&listener).await;
        meet_bet(&mut server, refusal(ErrorCode::Internal)).await;
        let refused = KeyOutcome::Refused { code: ErrorCode::BetsClosed.into(), name: "bets_closed".into() };
        meet_question(&mut server, refused).await;
    });
    let code = ErrorCode::BetsClosed.into();
    assert_eq!(outcome.await.unwrap(), Outcome::Refused { code, text: "bets_closed".into() });
}

#[tokio::test]
async fn a_busy_hub_is_asked_again_not_before_the_time_it_named() {
    let start = Instant::now();
    let outcome = place(|listener| async move {
        let mut server = next(&listener).await;
        meet_bet(&mut server, Some(Reply::Error(Failure::of(ErrorCode::Busy).after_ms(60)))).await;
        meet_bet(&mut server, Some(Reply::BetAccepted(receipt("key-1")))).await;
    });
    assert_eq!(outcome.await.unwrap(), Outcome::Accepted(receipt("key-1")));
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_rule_that_refuses_is_final_at_once() {
    let outcome = place(|listener| async move {
        meet_bet(&mut next(&listener).await, refusal(ErrorCode::AboveLimit)).await;
    });
    assert!(matches!(outcome.await.unwrap(), Outcome::Refused { code, .. } if code == ErrorCode::AboveLimit));
}

#[tokio::test]
async fn a_client_the_hub_does_not_want_stays_away() {
    let outcome = place(|listener| async move {
        let mut server = next(&listener).await;
        meet_bet(&mut server, None).await;
        server.close(4_103, "flooding").await;
    });
    assert!(matches!(outcome.await, Err(Error::Closed(closed)) if closed.code == Some(4_103)));
}

#[tokio::test]
async fn after_a_drain_the_client_comes_back_at_its_time_to_its_table_and_its_place_in_the_channels() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let (mut resilient, mut pushes) = Resilient::new(&url, "a token", quick()).unwrap();
    let table = "roulette-1".parse().unwrap();
    let script = async {
        let mut server = next(&listener).await;
        let (id, request) = server.asked().await;
        assert_eq!(request, Request::JoinTable { table });
        server.reply(id, joined(table)).await;
        let (id, _) = server.asked().await;
        server.push(&publication(&personal(), 1)).await;
        let drained = Instant::now();
        server.push(&Push::Drain { reconnect_after_ms: 80 }).await;
        server.reply(id, refusal(ErrorCode::Draining).unwrap()).await;
        server.close(4_000, "").await;

        let (stream, _) = listener.accept().await.unwrap();
        assert!(drained.elapsed() >= Duration::from_millis(80), "{:?}", drained.elapsed());
        let mut server = Scripted::accept(stream).await;
        let (id, request) = server.asked().await;
        let Request::Hello(hello) = request else { panic!("{request:?}") };
        assert_eq!(hello.resume[0].o.get(), 1);
        server.reply(id, welcome(subscribed(&personal(), 2, &[2]))).await;
        // A place that is gone does not keep the client from its bet.
        let (id, request) = server.asked().await;
        assert_eq!(request, Request::JoinTable { table });
        server.reply(id, refusal(ErrorCode::TableFull).unwrap()).await;
        meet_bet(&mut server, Some(Reply::BetAccepted(receipt("key-1")))).await;
    };
    let play = async {
        resilient.join_table(table).await.unwrap();
        resilient.place_bet(bet()).await.unwrap()
    };
    let (outcome, ()) = tokio::join!(play, script);
    assert_eq!(outcome, Outcome::Accepted(receipt("key-1")));
    let heard: Vec<_> = std::iter::from_fn(|| pushes.try_recv()).collect();
    let drain = Pushed::Push(Push::Drain { reconnect_after_ms: 80 });
    let publication = |offset| Pushed::Push(publication(&personal(), offset));
    assert_eq!(heard, [publication(1), drain, publication(2)]);
}
