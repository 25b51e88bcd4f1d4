//! Floods of what is no request, and requests above what may be under way: each ends or waits by itself, and the others
//! play on.

use protocol::{CloseCode, ErrorCode, SUBPROTOCOL_JSON};
use serde_json::{Value, json};
use tests::{
    hub::{OPEN, Setup},
    player::Account,
    raw::{self, CONTINUATION, Frame, PING, PONG, RawSocket, TEXT},
    soon, until,
};

use super::{Bystander, resident_kib};

#[tokio::test]
async fn floods_of_frames_that_bring_nothing_end_their_session_and_cost_no_memory() {
    let hub = Setup::default().start();
    let address = hub.address();
    let mut bystander = Bystander::sit(&hub).await;
    let account = Account::sign_in(address, "busybody").await;
    let empty = [raw::frame(TEXT, false, b""), raw::frame(CONTINUATION, false, b"").repeat(200_000)].concat();
    let floods = [
        ("pings", raw::frame(PING, true, b"").repeat(200_000)),
        ("pongs", raw::frame(PONG, true, b"unasked").repeat(100_000)),
        ("empty fragments", empty),
    ];
    let before_kib = resident_kib(hub.pid());
    for (what, bytes) in floods {
        let mut socket = RawSocket::hello(address, &account.token).await;
        let mut close = None;
        socket
            .flood(&bytes, |frame| {
                if let Frame::Close(code) = frame {
                    close = *code;
                }
                close.is_some()
            })
            .await;
        assert_eq!(close, Some(CloseCode::Flooding.number()), "{what}");
        bystander.plays_on().await;
    }
    // Nor when the client reads nothing, before its `hello`.
    let mut deaf = RawSocket::open_narrow(address, SUBPROTOCOL_JSON).await.expect("a handshake");
    let _ = deaf.send_bytes(&raw::frame(PING, true, &[7; 125]).repeat(20_000)).await;
    bystander.plays_on().await;
    let grown_kib = resident_kib(hub.pid()).saturating_sub(before_kib);
    assert!(grown_kib < 32 * 1024, "{grown_kib} KiB more");
    let closed = "hub_sockets_closed_total{reason=\"flooding\"}";
    until("the figure", async || (hub.figure(closed).await? == 4).then_some(())).await;
}

#[tokio::test]
async fn saying_hello_again_and_again_is_an_error_like_any_other() {
    let hub = Setup::default().start();
    let mut bystander = Bystander::sit(&hub).await;
    let account = Account::sign_in(hub.address(), "polite").await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    let hello = json!({"t": "hello", "id": 7, "token": account.token}).to_string();
    let _ = socket.send_bytes(&raw::frame(TEXT, true, hello.as_bytes()).repeat(1_000)).await;
    let (code, answers) = soon("the end of the session", socket.to_end()).await;
    assert_eq!(code, Some(CloseCode::TooManyErrors.number()));
    let refused = answers.iter().filter(|answer| answer["code"] == ErrorCode::OutOfOrder.number()).count();
    assert_eq!(refused, 20, "{answers:?}");
    bystander.plays_on().await;
    let closed = "hub_sessions_closed_total{code=\"4102\"}";
    until("the figure", async || (hub.figure(closed).await? == 1).then_some(())).await;
}

#[tokio::test]
async fn requests_above_the_bound_are_told_to_wait_and_nothing_stays_under_way() {
    let hub = Setup::default().option("rate.in_flight_per_session", 1).start();
    let account = Account::sign_in(hub.address(), "impatient").await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    let ask = |id: u32| raw::frame(TEXT, true, json!({"t": "get_balance", "id": id}).to_string().as_bytes());
    let bytes: Vec<u8> = (100..150).flat_map(ask).collect();
    socket.send_bytes(&bytes).await.expect("the connection stands");
    let (mut served, mut busy) = (0, 0);
    while served + busy < 50 {
        let reply = socket.push(|reply| reply["id"].as_u64().is_some_and(|id| id >= 100)).await;
        match &reply["t"] {
            Value::String(kind) if kind == "balances" => served += 1,
            _ => {
                let told = (&reply["code"], &reply["retry"]);
                assert_eq!(told, (&json!(ErrorCode::Busy.number()), &json!("same_key")), "{reply}");
                assert!(reply["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{reply}");
                busy += 1;
            }
        }
    }
    assert!(served >= 1 && busy >= 1, "{served} served, {busy} told to wait");
    assert_eq!(socket.ask(json!({"t": "get_balance"})).await["t"], "balances", "it is served when it waits");
    until("a hub with nothing under way", async || {
        let (under_way, refused) =
            (hub.figure("hub_requests_in_flight").await?, hub.figure("hub_requests_busy_total").await?);
        (under_way == 0 && refused == busy).then_some(())
    })
    .await;
}

#[tokio::test]
async fn tables_that_refuse_a_session_do_not_count_as_its_tables() {
    let tiny = "\n[[tables]]\nid = \"tiny\"\nname = \"Tiny\"\ngame = \"roulette\"\ncurrency = \"EUR\"\ncopies = 16\n\
                seats_max = 1\nspectators_max = 0\nbetting_ms = 600_000\nplayer_round_max = \"100.00\"\n\
                [tables.limits]\nany = { min = \"0.50\", max = \"50.00\" }\n";
    let hub = Setup::default().extra(tiny).start();
    let owner = Account::sign_in(hub.address(), "owner").await;
    let mut owner = RawSocket::hello(hub.address(), &owner.token).await;
    let guest = Account::sign_in(hub.address(), "guest").await;
    let mut guest = RawSocket::hello(hub.address(), &guest.token).await;
    for number in 1..=16 {
        let join = json!({"t": "join_table", "table": format!("tiny-{number}")});
        assert_eq!(owner.ask(join.clone()).await["t"], "joined");
        assert_eq!(guest.ask(join).await["code"], ErrorCode::TableFull.number());
    }
    let open = json!({"t": "join_table", "table": OPEN.id});
    assert_eq!(owner.ask(open.clone()).await["code"], ErrorCode::TooLarge.number(), "it sits at sixteen");
    assert_eq!(guest.ask(open).await["t"], "joined", "it sits at none");
}
