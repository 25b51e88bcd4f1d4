//! Bets the rules refuse: each with its own code, recorded or not, and without a cent moved.

use protocol::{ErrorCode, push::Event};
use serde_json::{Value, json};
use tests::{
    hub::{OPEN, QUICK, Setup, Table},
    player::{Account, red, refusal},
};

use super::{good_bet, seated};

/// Bets for a moment, then stays locked for as long as any test runs.
const LOCKED: Table = Table { id: "locked", betting_ms: 150, locked_ms: 600_000, pause_ms: 100 };

/// The good bet with one thing changed, given as a path and what stands there instead.
fn spoilt(key: &str, round: u64, path: &str, value: Value) -> Value {
    let mut bet = good_bet(key, round);
    if path == "/bets/0/n" {
        bet["bets"][0]["n"] = Value::Null;
    }
    *bet.pointer_mut(path).expect("a path in the bet") = value;
    bet
}

#[tokio::test]
async fn each_bad_bet_gets_its_own_code_and_moves_no_cent() {
    use ErrorCode::{
        AboveLimit, BadAmount, BadSelection, BelowLimit, BetsClosed, KeyReused, Malformed, MissingField,
        NotAtTable, TooLarge, TooPrecise, UnknownBet, UnknownTable, WrongCurrency, WrongRound,
    };
    let hub = Setup::default().tables([OPEN, QUICK, LOCKED]).start();
    let (_, mut socket, round) = seated(&hub, "careless").await;
    let before = socket.ask(json!({"t": "get_balance"})).await["balances"].clone();
    let many = vec![json!({"kind": "red", "a": "1.00"}); 161];
    let rows = [
        ("above the limit", "/bets/0/a", json!("500.01"), AboveLimit),
        ("far above any limit", "/bets/0/a", json!("99999999999999999999999999999"), AboveLimit),
        ("below the limit", "/bets/0/a", json!("0.49"), BelowLimit),
        ("nothing", "/bets/0/a", json!("0.00"), BelowLimit),
        ("too many decimals", "/bets/0/a", json!("1.001"), TooPrecise),
        ("negative", "/bets/0/a", json!("-1.00"), BadAmount),
        ("with a plus", "/bets/0/a", json!("+1.00"), BadAmount),
        ("with an exponent", "/bets/0/a", json!("1e2"), BadAmount),
        ("with an underscore", "/bets/0/a", json!("1_000.00"), BadAmount),
        ("with a comma", "/bets/0/a", json!("1,00"), BadAmount),
        ("no digits", "/bets/0/a", json!(""), BadAmount),
        ("not a number at all", "/bets/0/a", json!("NaN"), BadAmount),
        ("a float instead of text", "/bets/0/a", json!(1.5), BadAmount),
        ("another currency", "/currency", json!("USD"), WrongCurrency),
        ("an unknown kind", "/bets/0/kind", json!("sure_thing"), UnknownBet),
        ("numbers red does not have", "/bets/0/n", json!([7]), BadSelection),
        ("no bets", "/bets", json!([]), MissingField),
        ("more bets than a layout has", "/bets", json!(many), TooLarge),
        ("a round that is over", "/round", json!(round - 1), BetsClosed),
        ("a round to come", "/round", json!(round + 1), WrongRound),
        ("a table not joined", "/table", json!(QUICK.id), NotAtTable),
        ("a table that is not", "/table", json!("nowhere"), UnknownTable),
        ("a key with a space", "/key", json!("my key"), Malformed),
        ("a key of nothing", "/key", json!(""), Malformed),
    ];
    for (number, (what, path, value, code)) in rows.into_iter().enumerate() {
        let reply = socket.ask(spoilt(&format!("bad-{number}"), round, path, value)).await;
        assert_eq!(
            (&reply["t"], &reply["code"]),
            (&json!("error"), &json!(code.number())),
            "{what}: {reply}"
        );
        assert_eq!(
            (&reply["name"], &reply["retry"]),
            (&json!(code.name()), &json!("never")),
            "{what}: {reply}"
        );
        assert!(reply["message"].as_str().is_some_and(|words| words.len() > 10), "{what}: {reply}");
        let after = socket.ask(json!({"t": "get_balance"})).await["balances"].clone();
        assert_eq!(after, before, "{what} moved money");
    }

    // One of several bets is bad: none is placed.
    let mut several = good_bet("several", round);
    several["bets"] = json!([{"kind": "red", "a": "1.00"}, {"kind": "straight", "n": [37], "a": "1.00"}]);
    assert_eq!(socket.ask(several).await["code"], BadSelection.number());

    // The same key again: the same content gets the same receipt, other content is refused.
    let first = socket.ask(good_bet("mine", round)).await;
    assert_eq!(first["t"], "bet_accepted", "{first}");
    let mut again = socket.ask(good_bet("mine", round)).await;
    again["id"] = first["id"].clone();
    assert_eq!(again, first, "a retry gets the first receipt");
    let other = socket.ask(spoilt("mine", round, "/bets/0/a", json!("2.00"))).await;
    assert_eq!(other["code"], KeyReused.number(), "{other}");
    let elsewhere = socket.ask(spoilt("mine", round, "/currency", json!("USD"))).await;
    assert_eq!(elsewhere["code"], KeyReused.number(), "the currency is part of the content: {elsewhere}");
    let cleared =
        socket.ask(json!({"t": "clear_bets", "key": "mine", "table": OPEN.id, "round": round})).await;
    assert_eq!(cleared["code"], KeyReused.number(), "{cleared}");

    // A refusal that was recorded is final for its key, even when the request has become possible.
    let outcome = socket.ask(json!({"t": "get_outcome", "key": "bad-0"})).await;
    assert_eq!(outcome["outcome"], json!({"status": "refused", "code": 3007, "name": "above_limit"}));
    let mended = socket.ask(good_bet("bad-0", round)).await;
    assert_eq!(mended["code"], KeyReused.number(), "{mended}");

    let balance = socket.ask(json!({"t": "get_balance"})).await;
    assert_eq!(balance["balances"], json!([{"currency": "EUR", "available": "999.00", "held": "1.00"}]));
    let cash = hub.verify().of("balance", "cash");
    assert_eq!(cash.held, 100, "one bet of one euro stands: {cash:?}");
}

#[tokio::test]
async fn a_bet_after_the_lock_is_refused_and_costs_nothing() {
    let hub = Setup::default().tables([LOCKED]).start();
    let mut session = Account::sign_in(hub.address(), "late").await.connect(hub.address()).await;
    let round = session.open_round(LOCKED.id).await;
    session.hear("the lock", |_, event| matches!(event, Event::BetsLocked { .. }).then_some(())).await;
    let key = session.key();
    let late = session.bet(key, LOCKED.id, round, "1.00").await;
    assert_eq!(refusal(late), ErrorCode::BetsClosed);
    let again = session.bet(key, LOCKED.id, round, "1.00").await;
    assert_eq!(refusal(again), ErrorCode::BetsClosed, "a refusal is final for its key");
    assert_eq!(session.balance().await, (100_000, 0));
    assert_eq!(hub.verify().of("balance", "cash").held, 0);
}

#[tokio::test]
async fn a_stake_above_the_balance_is_refused_whatever_else_is_under_way() {
    let hub = Setup::default().deposit("10.00").start();
    let mut session = Account::sign_in(hub.address(), "poor").await.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    // Eight bets of 1.50 at once: six fit into 10.00, whichever they are.
    let mut bets = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (client, bet) = (session.client.clone(), red(session.key(), OPEN.id, round, "1.50"));
        bets.spawn(async move { client.place_bet(bet).await });
    }
    let (accepted, refused): (Vec<_>, Vec<_>) = bets.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(accepted.len(), 6);
    for result in refused {
        assert_eq!(refusal(result), ErrorCode::InsufficientFunds);
    }
    assert_eq!(session.balance().await, (100, 900));
    let cash = hub.verify().of("balance", "cash");
    assert_eq!((cash.posted, cash.held), (1_000, 900));
}
