//! Players are found by a part of the id that the operator's issuer gives them.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::{
    hub::{Setup, TestHub},
    until,
};

use super::{BALANCE, change, get, refused, service};

const PLAYERS: &str = "/api/domains/balance/players";

/// Searches until the names are read, and returns the ids of the page, and the next one.
async fn found(at: SocketAddr, token: &str, query: &str) -> (Vec<String>, Value) {
    let answer = until("the names are read", async || {
        let answer = get(at, token, &format!("{PLAYERS}?{query}")).await;
        (answer.status != 503).then_some(answer)
    })
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let ids = answer["data"].as_array().expect("a list").iter();
    (ids.map(|line| line["playerId"].as_str().expect("an id").to_owned()).collect(), answer["next"].clone())
}

async fn credit(at: SocketAddr, token: &str, key: &str, player: &str) {
    let body = json!({"playerId": player, "amount": "1.00", "type": "credit"});
    assert_eq!(change(at, token, key, BALANCE, &body).await.status, 200, "{player}");
}

#[tokio::test]
async fn players_are_found_by_a_part_of_their_id_by_pages_until_they_are_erased() {
    let mut hub: TestHub = Setup::default().start();
    let token = service(&hub, "desk", "balance:*");
    let mut at = hub.address();
    for (key, player) in [("1", "PLAYER_1"), ("2", "PLAYER_12"), ("3", "VIP 7/ä"), ("4", "players")] {
        credit(at, &token, key, player).await;
    }
    let asked = refused(&get(at, &token, &format!("{PLAYERS}?contains=R_1")).await, 503, "unavailable");
    let detail = asked["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("the names are being read"), "{asked}");
    let (ids, next) = found(at, &token, "contains=R_1").await;
    assert_eq!((ids, next), (vec!["PLAYER_1".into(), "PLAYER_12".into()], json!(null)));
    let (ids, next) = found(at, &token, "contains=R_1&limit=1").await;
    assert_eq!(ids, ["PLAYER_1"]);
    let cursor = next.as_str().expect("more").to_owned();
    let (ids, next) = found(at, &token, &format!("contains=R_1&limit=1&cursor={cursor}")).await;
    assert_eq!((ids, next), (vec!["PLAYER_12".into()], json!(null)));
    assert_eq!(found(at, &token, "contains=7%2F%C3%A4").await.0, ["VIP 7/ä"]);
    assert_eq!(found(at, &token, "contains=player").await.0, ["players"], "upper and lower case differ");
    credit(at, &token, "5", "PLAYER_123").await;
    assert_eq!(found(at, &token, "contains=R_12").await.0, ["PLAYER_12", "PLAYER_123"]);

    let line = get(at, &token, &format!("{PLAYERS}?contains=PLAYER_123")).await.json()["data"][0].clone();
    let player = line["player"].as_str().expect("an id").to_owned();
    let body = json!({"playerId": "PLAYER_123", "amount": "1.00", "type": "debit"});
    assert_eq!(change(at, &token, "out", BALANCE, &body).await.status, 200);
    hub.done(&["person", "erase", "--id", &player]);
    assert_eq!(found(at, &token, "contains=R_12").await.0, ["PLAYER_12"]);
    at = hub.crash();
    assert_eq!(found(at, &token, "contains=R_12").await.0, ["PLAYER_12"]);

    let gone = format!("contains=R&cursor={player}");
    for (query, field) in [
        ("", "contains"),
        ("contains=", "contains"),
        ("contains=a&limit=0", "limit"),
        ("contains=a&limit=201", "limit"),
        ("contains=a&cursor=x", "cursor"),
        (gone.as_str(), "cursor"),
    ] {
        let told = refused(&get(at, &token, &format!("{PLAYERS}?{query}")).await, 400, "malformed");
        assert_eq!(told["field"], field, "{query}: {told}");
    }
    refused(&get(at, &token, &format!("{PLAYERS}?contains=a&from=b")).await, 400, "malformed");
    let other = service(&hub, "other", "collections:*");
    refused(&get(at, &other, &format!("{PLAYERS}?contains=a")).await, 403, "forbidden");
}
