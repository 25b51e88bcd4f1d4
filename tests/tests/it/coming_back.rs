//! Clients that are told to come back can: with the same token, not all at once, and without being taken for a flood.

use std::{collections::BTreeSet, fs};

use protocol::{CloseCode, ErrorCode, SUBPROTOCOL_JSON};
use serde_json::json;
use tests::{
    hub::Setup,
    player::Account,
    raw::{self, Frame, RawSocket, TEXT},
    until,
};

#[tokio::test]
async fn a_hello_that_a_hub_without_room_refuses_is_closed_with_a_code_that_asks_for_another_connection() {
    let mut hub = Setup::default().start();
    let latecomer = Account::sign_in(hub.address(), "latecomer").await;
    hub.kill();
    fs::remove_file(hub.data().join("spare.ready")).expect("a spare");
    hub.start_with_files_below(600 * 1024);
    hub.start();
    let address = hub.address();
    let mut waits = BTreeSet::new();
    for _ in 0..5 {
        let mut socket = RawSocket::open(address, SUBPROTOCOL_JSON).await.expect("a handshake");
        let refused = socket.ask(json!({"t": "hello", "token": latecomer.token})).await;
        assert_eq!(
            (&refused["code"], &refused["retry"]),
            (&json!(ErrorCode::Busy.number()), &json!("same_key"))
        );
        waits.insert(refused["retry_after_ms"].as_u64().expect("when to come back"));
        let Frame::Close(Some(code)) = socket.next().await else { panic!("the session is over") };
        assert_eq!(code, CloseCode::Busy.number());
        assert!(CloseCode::reconnect(code), "with the same token, after a while");
    }
    assert_eq!(waits.len(), 5, "not all at once: {waits:?}");
    assert!(waits.iter().all(|wait| (1_000..=5_000).contains(wait)), "{waits:?}");
    hub.limit_files(None);
    until("a place in the hub", async || {
        let mut socket = RawSocket::open(address, SUBPROTOCOL_JSON).await.ok()?;
        let answer = socket.ask(json!({"t": "hello", "token": latecomer.token})).await;
        (answer["t"] == "welcome").then_some(())
    })
    .await;
}

#[tokio::test]
async fn requests_above_the_rate_are_told_times_at_which_there_is_room_for_each_of_them() {
    let hub = Setup::default()
        .option("rate.requests_per_second_per_player", 50)
        .option("rate.requests_burst_per_player", 10)
        .start();
    let account = Account::sign_in(hub.address(), "eager").await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    let ask = |id: u64| raw::frame(TEXT, true, json!({"t": "list_tables", "id": id}).to_string().as_bytes());
    let bytes: Vec<u8> = (1..=100).flat_map(|id| ask(1_000 + id)).collect();
    socket.send_bytes(&bytes).await.expect("the connection stands");
    let mut waits = Vec::new();
    for _ in 0..100 {
        let reply = socket.push(|reply| reply["id"].as_u64().is_some_and(|id| id >= 1_000)).await;
        if reply["t"] == "error" {
            assert_eq!(reply["code"], ErrorCode::RateLimited.number(), "{reply}");
            waits.push(reply["retry_after_ms"].as_u64().expect("when to come back"));
        }
    }
    assert!(waits.len() >= 80, "{} were above the rate", waits.len());
    for second in 0.. {
        let (from, to) = (second * 1_000, (second + 1) * 1_000);
        let within = waits.iter().filter(|wait| (from..to).contains(*wait)).count();
        assert!(
            within <= 60,
            "{within} are to come back between {from} and {to} ms, at 50 a second: {waits:?}"
        );
        if waits.iter().all(|wait| *wait < to) {
            break;
        }
    }
}
