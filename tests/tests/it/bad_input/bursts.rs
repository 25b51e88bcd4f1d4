//! Ten thousand bets in one burst: those the rate allows are answered, the others told to wait, and what was accepted
//! is what is held.

use std::collections::BTreeSet;

use protocol::{
    ClientFrame, CloseCode, Encoding, ErrorCode, Reply, Request, SUBPROTOCOL_MSGPACK, U53,
    codec::{ServerFrame, decode_server, encode_client},
    reply::KeyOutcome,
};
use serde_json::json;
use tests::{
    hub::{OPEN, Setup, TestHub},
    player::{Account, red},
    raw::{self, BINARY, Frame, RawSocket},
    verify::cents,
};

use super::{Bystander, seated};

/// Ten thousand bets in one burst, each with a key of its own.
fn burst(round: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..10_000_u64 {
        let bet = red(burst_key(number), OPEN.id, round, "0.50");
        let frame = ClientFrame { id: U53::from(number as u32 + 10), request: Request::PlaceBet(bet) };
        bytes.extend(raw::frame(BINARY, true, &encode_client(Encoding::Msgpack, frame)));
    }
    bytes
}

fn burst_key(number: u64) -> protocol::Key {
    format!("burst-{number}").parse().expect("a key")
}

/// Bets of 0.50 that the limit of a spot has room for.
const SPOT_MAX: usize = 1_000;

/// What a burst was answered with.
#[derive(Debug, Default)]
struct Answers {
    accepted: Vec<u64>,
    later: u64,
    close: Option<u16>,
}

impl Answers {
    fn note(&mut self, frame: &Frame) -> u64 {
        match frame {
            Frame::Binary(bytes) => {
                match decode_server(Encoding::Msgpack, bytes).expect("the hub's own frame") {
                    ServerFrame::Reply(frame) => match frame.reply {
                        Reply::BetAccepted(_) => {
                            self.accepted.push(frame.id.expect("a reply has an id").get() - 10)
                        }
                        // A fast machine has 500.00 on the spot before the burst is over.
                        Reply::Error(failure) if failure.code == ErrorCode::AboveLimit => {
                            assert_eq!(self.accepted.len(), SPOT_MAX, "{failure:?}");
                            self.later += 1;
                        }
                        Reply::Error(failure) => {
                            assert_eq!(failure.retry, protocol::Retry::SameKey, "{failure:?}");
                            self.later += 1;
                        }
                        other => panic!("a bet was answered with {other:?}"),
                    },
                    ServerFrame::Push(_) => {}
                }
            }
            Frame::Close(code) => self.close = *code,
            Frame::Text(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::End => {}
        }
        self.accepted.len() as u64 + self.later
    }
}

/// Says hello in MessagePack, joins the open table, and sends the burst.
async fn flood(hub: &TestHub, account: &Account, round: u64) -> Answers {
    let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_MSGPACK).await.expect("a handshake");
    let hello = protocol::request::Hello {
        token: protocol::Text::new(&account.token).expect("a token"),
        client: None,
        resume: Vec::new(),
    };
    let table = OPEN.id.parse().expect("a table id");
    for (id, request) in [(1, Request::Hello(hello)), (2, Request::JoinTable { table })] {
        let frame = ClientFrame { id: U53::from(id), request };
        socket.send(BINARY, true, &encode_client(Encoding::Msgpack, frame)).await;
        while !matches!(socket.next().await, Frame::Binary(_)) {}
    }
    let mut answers = Answers::default();
    socket.flood(&burst(round), |frame| answers.note(frame) == 10_000 || answers.close.is_some()).await;
    answers
}

#[tokio::test]
async fn ten_thousand_frames_in_one_burst_are_each_answered_when_the_rate_allows_them() {
    let hub = Setup::default().start();
    let mut bystander = Bystander::sit(&hub).await;
    let (account, mut socket, round) = seated(&hub, "eager").await;
    let answers = flood(&hub, &account, round).await;
    assert_eq!(answers.accepted.len() as u64 + answers.later, 10_000, "{:?}", answers.close);
    assert!(answers.accepted.len() >= 64, "as many as may be under way at once: {}", answers.accepted.len());
    bystander.plays_on().await;
    let balance = socket.ask(json!({"t": "get_balance"})).await;
    let held = cents(balance["balances"][0]["held"].as_str().expect("an amount"));
    assert_eq!(held, Some(50 * answers.accepted.len() as i128), "what is held is what was accepted");
    assert_eq!(hub.verify().of("balance", "cash").held, 50 * answers.accepted.len() as i128 + 100);
}

#[tokio::test]
async fn a_burst_far_above_the_rate_is_told_to_slow_down_then_closed_and_loses_nothing() {
    let mut hub = Setup::default()
        .option("rate.requests_per_second_per_player", 50)
        .option("rate.requests_burst_per_player", 200)
        .start();
    let mut bystander = Bystander::sit(&hub).await;
    let (account, socket, round) = seated(&hub, "flooder").await;
    drop(socket);
    let answers = flood(&hub, &account, round).await;
    assert!(answers.later >= 1_000, "most were told to wait: {answers:?}");
    assert_eq!(answers.close, Some(CloseCode::Flooding.number()));
    bystander.plays_on().await;

    // Whether a bet was accepted can be asked for each key; what is held is exactly those. Asking keeps to the rate
    // as well, so the hub comes back with a higher one.
    hub.crash_into("rate.requests_burst_per_player", 100_000);
    let session = account.connect(hub.address()).await;
    let mut accepted = BTreeSet::new();
    for number in 0..10_000 {
        match session.client.outcome(burst_key(number)).await.expect("an outcome") {
            KeyOutcome::Accepted { .. } => drop(accepted.insert(number)),
            KeyOutcome::Unknown => {}
            refused @ (KeyOutcome::Refused { .. } | KeyOutcome::Changed { .. } | KeyOutcome::Other) => {
                panic!("nothing was wrong with bet {number}: {refused:?}")
            }
        }
    }
    assert!(
        answers.accepted.iter().all(|number| accepted.contains(number)),
        "every answer that came is true"
    );
    assert!(accepted.len() >= 64, "as many as may be under way at once: {}", accepted.len());
    assert_eq!(session.balance().await.1, 50 * accepted.len() as i128);
    assert_eq!(hub.verify().of("balance", "cash").held, 50 * accepted.len() as i128 + 100);
}
