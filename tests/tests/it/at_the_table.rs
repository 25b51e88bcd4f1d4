//! Places at a table, and the order in which requests are decided there.

use protocol::{ErrorCode, SUBPROTOCOL_JSON};
use serde_json::{Value, json};
use tests::{
    hub::{OPEN, Setup, TestHub},
    player::Account,
    raw::{self, RawSocket, TEXT},
    until,
};

/// A table of two seats and one more place, which takes bets for as long as any test runs.
const SMALL: &str = "\n[[tables]]\nid = \"small\"\nname = \"Small\"\ngame = \"roulette\"\ncurrency = \"EUR\"\n\
                     seats_max = 2\nspectators_max = 1\nbetting_ms = 600_000\nplayer_round_max = \"2000.00\"\n\
                     [tables.limits]\nany = { min = \"0.50\", max = \"500.00\" }\n";

fn hub() -> TestHub {
    Setup::default().extra(SMALL).option("rate.connects_burst_per_address", 10_000).start()
}

async fn session(hub: &TestHub, name: &str) -> (Account, RawSocket) {
    let account = Account::sign_in(hub.address(), name).await;
    let socket = RawSocket::hello(hub.address(), &account.token).await;
    (account, socket)
}

fn join(table: &str) -> Value {
    json!({"t": "join_table", "table": table})
}

fn bet(key: &str, round: &Value, amount: &str) -> Value {
    json!({"t": "place_bet", "key": key, "table": "small", "round": round, "currency": "EUR",
           "bets": [{"kind": "red", "a": amount}]})
}

/// Sends requests in one go and waits for their replies, in the order of the requests.
async fn in_one_go(socket: &mut RawSocket, requests: &[Value]) -> Vec<Value> {
    let mut bytes = Vec::new();
    for (id, request) in (1_000..).zip(requests) {
        let mut request = request.clone();
        request["id"] = id.into();
        bytes.extend(raw::frame(TEXT, true, request.to_string().as_bytes()));
    }
    socket.send_bytes(&bytes).await.expect("the connection stands");
    let mut replies = Vec::new();
    for id in (1_000..).take(requests.len()) {
        replies.push(socket.push(|reply| reply["id"] == id).await);
    }
    replies
}

#[tokio::test]
async fn what_is_sent_in_one_go_is_decided_as_if_each_had_waited_for_the_one_before() {
    let hub = hub();
    let (_, mut socket) = session(&hub, "quick").await;
    let round = socket.ask(join("small")).await["view"]["round"].clone();
    let clear = |key: &str| json!({"t": "clear_bets", "key": key, "table": "small", "round": round});
    let asked = [
        bet("1", &round, "500.00"),
        clear("2"),
        bet("3", &round, "500.00"),
        bet("4", &round, "0.50"),
        bet("3", &round, "500.00"),
        json!({"t": "get_outcome", "key": "4"}),
        clear("5"),
        clear("6"),
    ];
    let said = in_one_go(&mut socket, &asked).await;
    let names: Vec<_> = said.iter().map(|reply| reply.get("name").unwrap_or(&reply["t"])).collect();
    let expected = [
        "bet_accepted",
        "bets_cleared",
        "bet_accepted",
        "above_limit",
        "bet_accepted",
        "outcome",
        "bets_cleared",
        "no_bets",
    ];
    assert_eq!(names, expected, "{said:?}");
    assert_eq!(said[4]["lsn"], said[2]["lsn"], "the retry has the receipt of the first");
    assert_eq!(said[5]["outcome"]["name"], "above_limit", "the question waits for what is ahead of it");
    hub.verify();
}

#[tokio::test]
async fn a_question_waits_for_the_bets_before_it_although_their_session_has_left_the_table() {
    let hub = hub();
    let (_, mut socket) = session(&hub, "gone").await;
    let round = socket.ask(join("small")).await["view"]["round"].clone();
    // The second one waits at the table for the first.
    let asked = [
        bet("1", &round, "500.00"),
        bet("2", &round, "0.50"),
        json!({"t": "leave_table", "table": "small"}),
        json!({"t": "get_outcome", "key": "2"}),
        json!({"t": "get_outcome", "key": "1"}),
    ];
    let said = in_one_go(&mut socket, &asked).await;
    assert_eq!(
        (&said[0]["t"], &said[1]["name"]),
        (&json!("bet_accepted"), &json!("above_limit")),
        "{said:?}"
    );
    assert_eq!(said[3]["outcome"]["name"], "above_limit", "{said:?}");
    assert_eq!(said[4]["outcome"]["status"], "accepted", "{said:?}");
}

#[tokio::test]
async fn a_player_with_a_stake_comes_back_to_a_full_table_and_takes_it_back() {
    let hub = hub();
    let (account, mut first) = session(&hub, "bettor").await;
    let round = first.ask(join("small")).await["view"]["round"].clone();
    assert_eq!(first.ask(bet("1", &round, "5.00")).await["t"], "bet_accepted");
    let (_, mut one) = session(&hub, "one").await;
    let (_, mut two) = session(&hub, "two").await;
    for watcher in [&mut one, &mut two] {
        assert_eq!(watcher.ask(join("small")).await["t"], "joined");
    }
    let (_, mut late) = session(&hub, "late").await;
    assert_eq!(late.ask(join("small")).await["code"], ErrorCode::TableFull.number());

    // Once while the first session is still there, for all the hub knows, and once after it.
    let mut second = RawSocket::hello(hub.address(), &account.token).await;
    assert_eq!(second.ask(join("small")).await["t"], "joined");
    assert_eq!(second.ask(json!({"t": "leave_table", "table": "small"})).await["t"], "left");
    drop(first);
    until("the end of the first session", async || {
        let tables = two.ask(json!({"t": "list_tables"})).await["tables"].clone();
        let small = tables.as_array()?.iter().find(|table| table["table"] == "small")?.clone();
        (small["players"] == 2).then_some(())
    })
    .await;
    assert_eq!(late.ask(join("small")).await["code"], ErrorCode::TableFull.number(), "the seat is kept");
    let joined = second.ask(join("small")).await;
    assert_eq!(joined["bets"], json!([{"kind": "red", "n": [], "a": "5.00"}]), "{joined}");
    let clear = json!({"t": "clear_bets", "key": "2", "table": "small", "round": round});
    assert_eq!(second.ask(clear).await["t"], "bets_cleared");
}

#[tokio::test]
async fn a_session_that_joins_and_is_gone_at_once_keeps_no_place() {
    let hub = hub();
    let (_, mut watcher) = session(&hub, "watcher").await;
    let gone = (0..60).map(|number| {
        let address = hub.address();
        async move {
            let account = Account::sign_in(address, &format!("gone-{number}")).await;
            let mut socket =
                RawSocket::open(address, SUBPROTOCOL_JSON).await.expect("the hub takes the handshake");
            let hello = json!({"t": "hello", "id": 0, "token": account.token});
            let mut bytes = raw::frame(TEXT, true, hello.to_string().as_bytes());
            for id in 1..=20 {
                let name = if id % 2 == 1 { "join_table" } else { "leave_table" };
                let request = json!({"t": name, "id": id, "table": OPEN.id});
                bytes.extend(raw::frame(TEXT, true, request.to_string().as_bytes()));
            }
            bytes.extend(raw::frame(
                TEXT,
                true,
                json!({"t": "join_table", "id": 21, "table": OPEN.id}).to_string().as_bytes(),
            ));
            socket.send_bytes(&bytes).await.expect("the connection stands");
        }
    });
    let gone: Vec<_> = gone.map(tokio::spawn).collect();
    for one in gone {
        one.await.expect("a client that joins and goes");
    }
    until("a table with nobody at it", async || {
        let tables = watcher.ask(json!({"t": "list_tables"})).await["tables"].clone();
        let open = tables.as_array()?.iter().find(|table| table["table"] == OPEN.id)?.clone();
        (open["players"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refusal_for_the_request_alone_leaves_its_key_free() {
    let hub = hub();
    let (_, mut socket) = session(&hub, "early").await;
    let early = socket.ask(bet("mine", &json!(1), "1.00")).await;
    let told = (&early["name"], &early["retry"], &early["final"]);
    assert_eq!(told, (&json!("not_at_table"), &json!("never"), &json!(false)), "{early}");
    let unknown = socket.ask(json!({"t": "get_outcome", "key": "mine"})).await;
    assert_eq!(unknown["outcome"]["status"], "unknown");
    let round = socket.ask(join("small")).await["view"]["round"].clone();
    assert_eq!(round, 1);
    let placed = socket.ask(bet("mine", &round, "1.00")).await;
    assert_eq!(placed["t"], "bet_accepted", "{placed}");
    let late = socket.ask(bet("late", &json!(0), "1.00")).await;
    assert_eq!((&late["name"], late.get("final")), (&json!("bets_closed"), None), "recorded: {late}");
}

#[tokio::test]
async fn refusals_are_recorded_within_the_budget_of_their_player_alone() {
    let hub = Setup::default().extra(SMALL).option("rate.refused_bytes_burst_per_player", 2_048).start();
    let (_, mut socket) = session(&hub, "stubborn").await;
    let (_, mut other) = session(&hub, "patient").await;
    let round = socket.ask(join("small")).await["view"]["round"].clone();
    other.ask(join("small")).await;
    let mut names = Vec::new();
    for number in 0..8 {
        let reply = socket.ask(bet(&format!("above-{number}"), &round, "500.50")).await;
        names.push(reply["name"].as_str().map(str::to_owned));
        if number == 7 {
            assert_eq!(reply["retry"], "same_key", "{reply}");
            assert!(reply["retry_after_ms"].as_u64().is_some_and(|wait_ms| wait_ms <= 4_000), "{reply}");
        }
    }
    let recorded = names.iter().flatten().filter(|name| *name == "above_limit").count();
    assert_eq!((recorded, names.len()), (4, 8), "{names:?}");
    assert!(names[4..].iter().flatten().all(|name| name == "rate_limited"), "{names:?}");
    assert_eq!(other.ask(bet("above", &round, "500.50")).await["name"], "above_limit", "another player");
    assert_eq!(socket.ask(bet("within", &round, "1.00")).await["t"], "bet_accepted", "not a refusal");
    until("the figure", async || (hub.figure("hub_refusals_over_budget_total").await? == 4).then_some(()))
        .await;
    let refused = hub.figure("hub_requests_refused_total{code=\"above_limit\"}").await;
    assert_eq!(refused, Some(5), "those that are recorded: four, and the other player's");
}
