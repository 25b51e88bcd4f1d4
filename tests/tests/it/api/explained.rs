//! Why a transaction is what it is: decided again on the state before it, with what the decision read.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::{
    http::Answer,
    hub::{OPEN, Setup, TestHub},
    player::Account,
    until,
};

use super::{BALANCE, change, get, payment, refused, service};

const TRANSACTIONS: &str = "/api/domains/coordinator/transactions";
const HOLDS: &str = "/api/domains/balance/holds";

fn done(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// What is read in the read model, which may be behind on a busy machine.
async fn read(at: SocketAddr, token: &str, path: &str) -> Value {
    let answer = until("the read model has it", async || {
        let answer = get(at, token, path).await;
        (answer.status != 503).then_some(answer)
    });
    done(&answer.await)
}

async fn explained(at: SocketAddr, token: &str, tx: &Value) -> Value {
    let tx = tx.as_str().expect("an id");
    let told = read(at, token, &format!("{TRANSACTIONS}/{tx}/explain")).await;
    assert_eq!((&told["tx"], &told["agrees"]), (&json!(tx), &json!(true)), "{told}");
    assert_eq!(told["as_of"].as_u64(), told["lsn"].as_u64().map(|lsn| lsn - 1));
    told
}

/// The transaction of a key.
async fn of_key(at: SocketAddr, token: &str, key: &str) -> Value {
    done(&get(at, token, &format!("{TRANSACTIONS}?key={key}")).await)["tx"].clone()
}

/// What was consulted of a kind and matches.
fn consulted<'a>(told: &'a Value, item: &str, matches: impl Fn(&Value) -> bool) -> &'a Value {
    let all = told["consulted"].as_array().expect("a list");
    let mut found = all.iter().filter(|one| one["item"] == item && matches(one));
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "more than one {item}: {told}");
    first.unwrap_or_else(|| panic!("no {item}: {told}"))
}

fn cash(told: &Value) -> &Value {
    consulted(told, "account", |one| one["account"].as_str().is_some_and(|name| name.starts_with("cash of")))
}

#[tokio::test]
async fn money_is_explained_with_the_balances_holds_and_freezes_that_were_read_whatever_came_after() {
    let mut hub = Setup::default().start();
    let token = service(&hub, "cashier", "balance:*,coordinator:read");
    let mut at = hub.address();
    let credit = done(&change(at, &token, "c", BALANCE, &payment("credit", "100.00")).await);
    let debit = done(&change(at, &token, "d", BALANCE, &payment("debit", "30.00")).await);
    refused(&change(at, &token, "x", BALANCE, &payment("debit", "70.01")).await, 422, "insufficient_funds");
    let body = json!({"playerId": "PLAYER_123", "amount": "60.00"});
    let hold = done(&change(at, &token, "h", HOLDS, &body).await);
    let capture = format!("{HOLDS}/{}/capture", hold["hold"].as_str().expect("an id"));
    let captured = done(&change(at, &token, "p", &capture, &json!({"amount": "20.00"})).await);
    refused(&change(at, &token, "e", &capture, &json!({})).await, 409, "hold_not_open");
    let frozen = done(
        &change(at, &token, "f", &format!("{BALANCE}/PLAYER_123/freeze"), &json!({"reason": "FRAUD_CHECK"}))
            .await,
    );
    refused(&change(at, &token, "y", BALANCE, &payment("debit", "1.00")).await, 422, "account_frozen");
    done(&change(at, &token, "u", &format!("{BALANCE}/PLAYER_123/unfreeze"), &json!({})).await);
    done(&change(at, &token, "z", BALANCE, &payment("debit", "1.00")).await);

    for round in 0..2 {
        // The player had no account yet; the adjustment domain had no correction.
        let told = explained(at, &token, &credit["tx"]).await;
        assert_eq!(told["type"], "CREDIT", "{told}");
        let told = explained(at, &token, &debit["tx"]).await;
        let account = cash(&told);
        assert_eq!(
            (&account["found"], &account["balance"], &account["held"], &account["available"]),
            (&json!(true), &json!("100.00"), &json!("0.00"), &json!("100.00"))
        );
        let freeze = consulted(&told, "row", |row| row["kind"] == "freeze");
        assert_eq!((&freeze["kind"], &freeze["found"]), (&json!("freeze"), &json!(false)), "{told}");

        let told = explained(at, &token, &of_key(at, &token, "x").await).await;
        assert_eq!((&told["outcome"], &told["code"]), (&json!("rejected"), &json!("insufficient_funds")));
        assert_eq!(told["refused_by"], "balance");
        assert_eq!(told["reason"], "the available balance is below the amount");
        assert_eq!(cash(&told)["available"], "70.00", "{told}");

        let told = explained(at, &token, &captured["tx"]).await;
        let held = consulted(&told, "hold", |_| true);
        assert_eq!((&held["purpose"], &held["amount"]), (&json!("service"), &json!("60.00")), "{told}");
        assert_eq!((&cash(&told)["held"], &cash(&told)["available"]), (&json!("60.00"), &json!("10.00")));
        let told = explained(at, &token, &of_key(at, &token, "e").await).await;
        assert_eq!(consulted(&told, "hold", |_| true)["found"], json!(false), "it had ended: {told}");
        assert_eq!(told["reason"], "there is no such open hold");

        explained(at, &token, &frozen["tx"]).await;
        let told = explained(at, &token, &of_key(at, &token, "y").await).await;
        let freeze = consulted(&told, "row", |row| row["kind"] == "freeze");
        assert_eq!(freeze["value"]["reason"], "FRAUD_CHECK", "{told}");
        assert_eq!(told["reason"], "the account is frozen");
        if round == 0 {
            at = hub.crash();
        }
    }

    let nobody = format!("{TRANSACTIONS}/tx_{}/explain", "0".repeat(32));
    refused(&get(at, &token, &nobody).await, 404, "unknown_transaction");
    refused(&get(at, &token, &format!("{TRANSACTIONS}/tx_1/explain")).await, 400, "malformed");
    let other = service(&hub, "other", "balance:*");
    refused(&get(at, &other, &nobody).await, 403, "forbidden");
}

/// Plays rounds until one is over in which a player has bet.
async fn play(hub: &TestHub) {
    let anna = Account::sign_in(hub.address(), "anna").await;
    let mut session = anna.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("it is taken");
    session.bet(session.key(), OPEN.id, round, "1000000.00").await.expect_err("above every limit");
}

#[tokio::test]
async fn bets_and_rounds_are_explained_with_the_table_as_it_was() {
    let hub = Setup::default().tables([OPEN]).start();
    let token = service(&hub, "auditor", "coordinator:read");
    let at = hub.address();
    play(&hub).await;
    let list = until("the refusal is in the list", async || {
        let list = get(at, &token, &format!("{TRANSACTIONS}?limit=200")).await;
        let has = |list: &Value| {
            list["data"].as_array()?.iter().find(|line| line["outcome"] == "rejected").cloned()
        };
        (list.status == 200 && has(&list.json()).is_some()).then(|| list.json())
    })
    .await;
    let lines = list["data"].as_array().expect("a list");
    let of = |kind: &str, outcome: &str| {
        let line = lines.iter().find(|line| line["type"] == kind && line["outcome"] == outcome);
        line.unwrap_or_else(|| panic!("no {kind}: {list}"))["tx"].clone()
    };
    let told = explained(at, &token, &of("stake", "committed")).await;
    let table = consulted(&told, "table", |_| true);
    assert_eq!((&table["stage"], &table["requests"]), (&json!("betting"), &json!(0)), "{told}");
    assert_eq!(table["table_rules"]["game"], "roulette");
    assert_eq!(cash(&told)["held"], "0.00");

    let told = explained(at, &token, &of("bet", "rejected")).await;
    assert_eq!((&told["refused_by"], &told["code"]), (&json!("table"), &json!("above_limit")), "{told}");
    assert_eq!(told["reason"], "the most of a player on a spot");
    assert_eq!(consulted(&told, "table", |_| true)["requests"], 1, "{told}");
    // What the hub did by itself is found by its place alone.
    for line in lines {
        let told = read(at, &token, &format!("{TRANSACTIONS}/{}/explain", line["lsn"])).await;
        assert_eq!((&told["tx"], &told["agrees"]), (&line["tx"], &json!(true)), "{told}");
        let shown = done(&get(at, &token, &format!("{TRANSACTIONS}/{}", line["lsn"])).await);
        assert_eq!((&shown["tx"], &shown["lsn"]), (&line["tx"], &line["lsn"]), "{shown}");
    }
    for wrong in ["0", "01", "+1", "1.0", "18446744073709551616"] {
        refused(&get(at, &token, &format!("{TRANSACTIONS}/{wrong}/explain")).await, 400, "malformed");
    }
    // A record that is no transaction, and none.
    for nothing in ["1", "18446744073709551615"] {
        refused(&get(at, &token, &format!("{TRANSACTIONS}/{nothing}")).await, 404, "unknown_transaction");
    }
}
