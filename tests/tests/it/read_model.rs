//! The read model over HTTP and in the proof: statements, dashboards, and that both are what the log says.

use std::{collections::BTreeMap, fs, net::SocketAddr};

use engine::{Record, World};
use journal::{Lsn, Reader};
use ledger::Domain;
use rusqlite::Connection;
use serde_json::{Value, json};
use tests::{
    http::{self, Answer},
    hub::{OPEN, Setup, TestHub, words},
    player::{Account, token},
    until,
};

mod business;
mod reports;

const PLAYER: &str = "PLAYER_123";

/// The token of a service that may do these things.
fn service(hub: &TestHub, can: &str) -> String {
    hub.done(&["token", "--service", "cashier", "--can", can]).trim().to_owned()
}

async fn get(at: SocketAddr, token: &str, path: &str) -> Answer {
    get_as(at, token, path, "application/json").await
}

async fn get_as(at: SocketAddr, token: &str, path: &str, accept: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("accept", accept)];
    http::request(at, &http::spelled(&format!("GET {path}"), &at.to_string(), &headers, None)).await
}

/// A credit or a debit under a key. Returns the answer.
async fn pay(at: SocketAddr, token: &str, key: &str, kind: &str, amount: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
    let reference = format!("PAPER-{key}");
    let body = json!({"playerId": PLAYER, "amount": amount, "currency": "EUR", "type": kind, "reference": reference});
    let line = "POST /api/domains/balance";
    let request = http::spelled(line, &at.to_string(), &headers, Some(&body.to_string()));
    http::request(at, &request).await.json()
}

fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (status, &json!(code)), "{answer:?}");
    body
}

fn list(query: &str) -> String {
    format!("/api/domains/balance/{PLAYER}/transactions{query}")
}

/// A hub where the player was credited twice, debited once, and has a bet in an open round; and the last record.
async fn played() -> (TestHub, String, u64) {
    let hub = Setup::default().tables([OPEN]).start();
    hub.has_its_read_model().await;
    let (at, token) = (hub.address(), service(&hub, "balance:*"));
    let credit = pay(at, &token, "c1", "credit", "50.00").await;
    pay(at, &token, "c2", "credit", "7.25").await;
    pay(at, &token, "d1", "debit", "20.00").await;
    let player = credit["player"].as_str().expect("an id").parse().expect("a player id");
    let account = Account { token: self::token(PLAYER), player, deposited: 0 };
    let mut session = account.connect(at).await;
    let round = session.open_round(OPEN.id).await;
    let receipt = session.bet(session.key(), OPEN.id, round, "1.50").await.expect("a good bet");
    (hub, token, receipt.lsn)
}

#[tokio::test]
async fn a_players_statement_is_read_by_pages_with_filters_as_json_and_as_csv() {
    let (mut hub, token, last) = played().await;
    let at = hub.address();
    let whole = get(at, &token, &list(&format!("?at_least={last}"))).await;
    assert_eq!(whole.status, 200, "{whole:?}");
    let whole = whole.json();
    assert!(whole["as_of"].as_u64().is_some_and(|as_of| as_of >= last), "{whole}");
    assert_eq!(whole["next"], Value::Null);
    let lines = whole["data"].as_array().expect("lines").clone();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            (
                text(&line["type"]),
                text(&line["amount"]),
                text(&line["after"]["available"]),
                text(&line["reference"]),
            )
        })
        .collect();
    let line = |kind: &str, amount: &str, after: &str, reference: &str| {
        (kind.to_owned(), amount.to_owned(), after.to_owned(), reference.to_owned())
    };
    assert_eq!(
        told,
        [
            line("credit", "50.00", "50.00", "PAPER-c1"),
            line("credit", "7.25", "57.25", "PAPER-c2"),
            line("debit", "-20.00", "37.25", "PAPER-d1"),
            line("stake", "-1.50", "35.75", "-"),
        ]
    );
    let stake = &lines[3];
    assert_eq!(stake["before"], json!({"available": "37.25", "held": "0.00", "total": "37.25"}));
    assert_eq!(stake["after"], json!({"available": "35.75", "held": "1.50", "total": "37.25"}));
    assert_eq!(
        (&stake["table"], &stake["lsn"], &stake["by"]),
        (&json!(OPEN.id), &json!(last), &json!("player"))
    );
    assert_eq!(stake["account"], json!("balance:cash:EUR"));

    // Page by page; a cursor goes on with its filter, and with no other.
    let (mut pages, mut next) = (Vec::new(), None);
    loop {
        let query = match &next {
            None => "?type=credit&limit=1".to_owned(),
            Some(cursor) => format!("?limit=1&cursor={cursor}"),
        };
        let page = get(at, &token, &list(&query)).await.json();
        pages.extend(page["data"].as_array().expect("lines").clone());
        let Some(cursor) = page["next"].as_str() else { break };
        let other = format!("?cursor={cursor}&type=debit");
        let told = refused(&get(at, &token, &list(&other)).await, 400, "malformed");
        assert_eq!(told["field"], json!("cursor"));
        assert_eq!(get(at, &token, &list(&format!("?cursor={cursor}&type=credit"))).await.status, 200);
        next = Some(cursor.to_owned());
    }
    assert_eq!(pages, lines[..2]);

    let only = async |query: &str| get(at, &token, &list(query)).await.json()["data"].clone();
    let mut newest = lines.clone();
    newest.reverse();
    assert_eq!(only("?order=newest").await, json!(newest));
    assert_eq!(only("?min=7.25&max=20").await, json!(lines[1..3]));
    assert_eq!(only("?reference=PAPER-d1").await, json!([lines[2]]));
    assert_eq!(only(&format!("?table={}", OPEN.id)).await, json!([lines[3]]));
    assert_eq!(only("?account=balance:cash:EUR").await, json!(lines));
    for none in
        ["?account=balance:cash:USD", "?to=2020-01-01T00:00:00Z", "?from=2999-01-01T00:00:00Z", "?round=999"]
    {
        assert_eq!(only(none).await, json!([]), "{none}");
    }

    let csv = get_as(at, &token, &list("?type=debit"), "text/csv").await;
    assert!(csv.head.to_lowercase().contains("content-type: text/csv"), "{csv:?}");
    let rows: Vec<_> = csv.body.lines().collect();
    assert_eq!(rows.len(), 2, "{csv:?}");
    assert!(
        rows[0].starts_with("lsn,n,time,tx,type,by,account,currency,amount,available_before,"),
        "{csv:?}"
    );
    assert!(
        rows[1].contains(
            ",debit,service,balance:cash:EUR,EUR,-20.00,57.25,0.00,57.25,37.25,0.00,37.25,,PAPER-d1,,"
        ),
        "{csv:?}"
    );

    for (query, words) in [
        ("?colour=red", "no parameter \"colour\" here"),
        ("?limit=1&limit=2", "\"limit\" is given twice"),
        ("?limit=0", "1 to 200"),
        ("?limit=201", "1 to 200"),
        ("?from=yesterday", "RFC 3339"),
        ("?min=1e3", "digits"),
        ("?account=cash", "balance:cash:EUR"),
        ("?order=up", "oldest or newest"),
        ("?cursor=00", "none of this list"),
    ] {
        let told = refused(&get(at, &token, &list(query)).await, 400, "malformed");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{query}: {told}");
    }
    let far = get(at, &token, &list("?at_least=999999999")).await;
    assert_eq!(refused(&far, 409, "not_recorded")["field"], json!("at_least"));
    refused(&get(at, &token, "/api/domains/balance/nobody/transactions").await, 404, "unknown_player");
    let other = service(&hub, "collections:read");
    refused(&get(at, &other, &list("")).await, 403, "forbidden");

    // It holds random ids alone, before somebody is erased as after it.
    hub.terminate();
    assert!(hub.ended().await.success());
    let directory = hub.data().join("read-model");
    let mut looked = 0;
    for file in fs::read_dir(&directory).expect("a directory").flatten() {
        let bytes = fs::read(file.path()).expect("a file");
        looked += bytes.len();
        assert!(!bytes.windows(PLAYER.len()).any(|part| part == PLAYER.as_bytes()), "{:?}", file.path());
        assert!(!bytes.windows(7).any(|part| part == b"cashier"), "{:?}", file.path());
    }
    assert!(looked > 10_000, "{looked}");
}

/// The state at the end of the log.
fn world(hub: &TestHub) -> World {
    let (mut world, mut reader) = (World::default(), Reader::open(&hub.data(), Lsn(0)).expect("a log"));
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        world.apply(&Record::decode(entry.bytes).expect("our record")).expect("it fits");
    }
    world
}

#[tokio::test]
async fn a_dashboard_is_what_a_sum_over_the_log_is_and_shows_zeros_for_what_is_empty() {
    let (mut hub, token, last) = played().await;
    let at = hub.address();
    assert_eq!(get(at, &token, &list(&format!("?at_least={last}"))).await.status, 200);
    let monitor = service(&hub, "monitoring:read");
    let mut dashboards = BTreeMap::new();
    for domain in Domain::ALL {
        let name = domain.name().replace('_', "-");
        let told = get(at, &monitor, &format!("/api/domains/{name}/dashboard")).await;
        assert_eq!(told.status, 200, "{told:?}");
        dashboards.insert(domain, told.json());
    }
    // The second answer is the first one, and older.
    let again = get(at, &token, "/api/domains/balance/dashboard").await.json();
    assert_eq!(again["as_of"], dashboards[&Domain::Balance]["as_of"]);
    refused(&get(at, &token, "/api/domains/collections/dashboard").await, 403, "forbidden");
    refused(&get(at, &monitor, "/api/domains/balance/dashboard?days=3").await, 400, "malformed");
    refused(&get(at, &monitor, "/api/domains/nothing/dashboard").await, 404, "not_found");
    hub.kill();

    let world = world(&hub);
    for (domain, told) in dashboards {
        let ledger = world.books.domains().ledger(domain);
        assert_eq!(told["accounts"], json!(ledger.accounts().count()), "{told}");
        assert_eq!(told["open_holds"], json!(ledger.holds().count()), "{told}");
        assert!(told["age_ms"].is_u64(), "{told}");
        for currency in ["EUR", "USD"] {
            let found = told["currencies"].as_array().expect("a list");
            let found = found.iter().find(|found| found["currency"] == currency).expect("each is shown");
            let mut sum = (0, 0);
            for (_, account) in ledger.accounts().filter(|(id, _)| id.currency.as_str() == currency) {
                sum = (sum.0 + account.debits, sum.1 + account.credits);
            }
            let spelled = |minor: i128| format!("{}.{:02}", minor / 100, minor % 100);
            let week = &found["seven_days"];
            let expected = (json!(spelled(sum.0)), json!(spelled(sum.1)));
            assert_eq!((&week["debits"], &week["credits"]), (&expected.0, &expected.1), "{told}");
            for kind in found["kinds"].as_array().expect("a list") {
                let (mut balance, mut held) = (0, 0);
                for (id, account) in ledger.accounts().filter(|(id, _)| id.currency.as_str() == currency) {
                    if kind["kind"] == format!("{:?}", id.kind).to_lowercase() {
                        (balance, held) = (balance + account.posted(), held + account.debits_pending);
                    }
                }
                if kind["kind"] == "cash" {
                    assert_eq!(
                        (&kind["balance"], &kind["held"]),
                        (&json!(spelled(balance)), &json!(spelled(held)))
                    );
                    assert_eq!((balance, held), (3_725, 150), "{kind}");
                }
            }
        }
    }
}

#[tokio::test]
async fn verify_holds_the_read_model_against_the_state_and_finds_one_altered_value() {
    let (mut hub, token, last) = played().await;
    assert_eq!(get(hub.address(), &token, &list(&format!("?at_least={last}"))).await.status, 200);
    // Beside a serving hub, and after it.
    let told = hub.done(&["verify", "--read-model"]);
    assert!(told.contains("is its last record; "), "{told}");
    hub.terminate();
    assert!(hub.ended().await.success());
    for arguments in [&["verify", "--read-model"][..], &["verify", "--tail", "--read-model"]] {
        let told = hub.done(arguments);
        assert!(
            told.contains("1 open hold(s), 1 row(s) and 1 open round(s) are those of the state"),
            "{told}"
        );
    }
    let path = hub.data().join("read-model/read-model.db");
    let sql = Connection::open(&path).expect("the file");
    let changed = sql.execute("UPDATE accounts SET credits = credits + 1 WHERE owner <> zeroblob(16)", []);
    assert_eq!(changed.expect("SQL"), 1);
    drop(sql);
    let output = hub.run(&["verify", "--read-model"]);
    let told = words(&output);
    assert!(
        !output.status.success() && told.contains("only the state has the account balance cash EUR"),
        "{told}"
    );
    fs::remove_dir_all(hub.data().join("read-model")).expect("it is there");
    let output = hub.run(&["verify", "--read-model"]);
    assert!(!output.status.success() && words(&output).contains("read model: there is none"), "{output:?}");
    // A start builds it again.
    let at = hub.start();
    let built =
        async || (get(at, &token, &list(&format!("?at_least={last}"))).await.status == 200).then_some(());
    until("the read model", built).await;
    assert!(hub.done(&["verify", "--read-model"]).contains("is its last record; "));
}

#[tokio::test]
async fn a_hub_without_a_read_model_plays_and_says_so() {
    let hub = Setup::default().option("read_model.on", false).start();
    let (at, token) = (hub.address(), service(&hub, "balance:*"));
    pay(at, &token, "c1", "credit", "50.00").await;
    let told = refused(&get(at, &token, &list("")).await, 503, "unavailable");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("read_model.on")), "{told}");
    refused(&get(at, &token, "/api/domains/balance/dashboard").await, 503, "unavailable");
    assert!(!hub.data().join("read-model").exists());
}
