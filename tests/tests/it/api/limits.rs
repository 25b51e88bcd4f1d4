//! How much a caller may ask for, and the id of a request: both in the headers of every answer.

use serde_json::json;
use tests::{
    http::{self, Answer},
    hub::Setup,
};

use super::{BALANCE, ask, change, get, payment, refused, service};

const DASHBOARD: &str = "/api/domains/balance/dashboard";

/// The value of a header that an answer has once.
#[track_caller]
fn header(answer: &Answer, name: &str) -> String {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    let mut found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let value = found.next().unwrap_or_else(|| panic!("no {name} in {answer:?}"));
    assert_eq!(found.next(), None, "{name} stands there twice: {answer:?}");
    value.to_owned()
}

fn has(answer: &Answer, name: &str) -> bool {
    answer.head.to_lowercase().contains(&format!("\n{name}:"))
}

/// Limit, remaining and reset of an answer, which are the same under both names.
#[track_caller]
fn left(answer: &Answer) -> [u64; 3] {
    ["limit", "remaining", "reset"].map(|part| {
        let value = header(answer, &format!("ratelimit-{part}"));
        assert_eq!(value, header(answer, &format!("x-ratelimit-{part}")));
        value.parse().expect("a number")
    })
}

#[tokio::test]
async fn a_caller_reads_in_each_answer_what_is_left_and_above_the_limit_when_to_come_back() {
    let hub = Setup::default()
        .option("rate.dashboards_burst_per_caller", 2)
        .option("rate.dashboards_per_minute_per_caller", 1)
        .start();
    hub.has_its_read_model().await;
    let (at, token) = (hub.address(), service(&hub, "reports", "balance:*"));
    // Nothing of a minute comes back while a test runs.
    assert_eq!(left(&get(at, &token, DASHBOARD).await), [2, 1, 60]);
    let wrong = get(at, &token, &format!("{DASHBOARD}?days=3")).await;
    refused(&wrong, 400, "malformed");
    assert_eq!(left(&wrong)[..2], [2, 0], "a refused request is charged as well, and says so");
    let answer = get(at, &token, DASHBOARD).await;
    let told = refused(&answer, 429, "rate_limited");
    assert_eq!(left(&answer)[..2], [2, 0]);
    let (after_s, after_ms) =
        (header(&answer, "retry-after"), told["retry_after_ms"].as_u64().expect("a time"));
    assert_eq!(after_s, after_ms.div_ceil(1_000).to_string(), "{told}");
    assert!((1..=60_000).contains(&after_ms) && told.get("key_consumed").is_none(), "{told}");
    let words = "the limit of the service \"reports\" for dashboards is 2 at once and 1 a minute";
    assert!(told["detail"].as_str().is_some_and(|detail| detail.starts_with(words)), "{told}");

    // Other limits, and other callers, are not affected; the domain does not matter.
    refused(&get(at, &token, "/api/domains/collections/dashboard").await, 429, "rate_limited");
    assert_eq!(get(at, &token, "/api/domains/balance/health").await.status, 200);
    let other = service(&hub, "other", "balance:*");
    assert_eq!(left(&get(at, &other, DASHBOARD).await)[..2], [2, 1]);
    assert_eq!(hub.figure("hub_api_rate_limited_total{limit=\"dashboards\"}").await, Some(2));
    assert_eq!(hub.figure("hub_api_rate_limited_total{limit=\"changes\"}").await, Some(0));

    // Whoever is not known is not charged, and is told of no limit.
    for answer in [http::get(at, DASHBOARD).await, get(at, &format!("{token}x"), DASHBOARD).await] {
        refused(&answer, 401, "unauthorized");
        assert!(!has(&answer, "ratelimit-limit") && !has(&answer, "x-ratelimit-limit"), "{answer:?}");
    }
    assert!(!has(&http::get(at, "/health/live").await, "ratelimit-limit"), "no limit holds there");
}

#[tokio::test]
async fn a_change_above_the_limit_leaves_its_key_and_a_dry_run_counts_as_one() {
    let hub = Setup::default()
        .option("rate.changes_burst_per_caller", 3)
        .option("rate.changes_per_second_per_caller", 1)
        .start();
    let (at, token) = (hub.address(), service(&hub, "cashier", "*"));
    let credit = payment("credit", "1.00");
    let dry = change(at, &token, "d", &format!("{BALANCE}?dry_run=true"), &credit).await;
    assert_eq!((dry.status, left(&dry)), (200, [3, 2, 1]), "{dry:?}");
    // On any machine some of so many come within a second.
    let mut done = 0;
    let (key, answer) = loop {
        let key = format!("k{done}");
        let answer = change(at, &token, &key, BALANCE, &credit).await;
        if answer.status == 429 {
            break (key, answer);
        }
        assert_eq!((answer.status, done < 100), (200, true), "{answer:?}");
        done += 1;
    };
    let told = refused(&answer, 429, "rate_limited");
    assert_eq!((&told["key_consumed"], &told["final"]), (&json!(false), &json!(false)), "{told}");
    assert!(told["retry_after_ms"].as_u64().is_some_and(|ms| (1..=1_000).contains(&ms)), "{told}");
    assert_eq!((left(&answer)[0], left(&answer)[1], header(&answer, "retry-after")), (3, 0, "1".into()));
    let of_key = format!("/api/domains/coordinator/transactions?key={key}");
    let read = get(at, &token, &of_key).await;
    refused(&read, 404, "unknown_transaction");
    assert_eq!(left(&read)[0], 20_000, "a refused read tells its limit as well");
    hub.has_its_read_model().await;
    let list = get(at, &token, "/api/domains/balance/PLAYER_123/transactions").await;
    assert_eq!((list.status, left(&list)[0]), (200, 20_000), "{list:?}");
}

#[tokio::test]
async fn a_service_that_publishes_more_than_its_limit_is_told_when_to_come_back() {
    let hub = Setup::default()
        .option("rate.publications_burst_per_caller", 3)
        .option("rate.publications_per_second_per_caller", 1)
        .start();
    let (at, token) = (hub.address(), service(&hub, "press", "publish:news"));
    let publish = async |channel: &str| {
        http::post(at, "/api/publish", Some(&token), &json!({ "channel": channel, "data": 1 })).await
    };
    let answer = publish("news:x").await;
    assert_eq!((answer.status, left(&answer)), (200, [3, 2, 1]), "{answer:?}");
    let answer = publish("other:x").await;
    refused(&answer, 403, "forbidden");
    assert_eq!(left(&answer)[0], 3, "a refused one is charged as well, and says so");
    // On any machine some of so many come within a second.
    let mut published = 0;
    let answer = loop {
        let answer = publish("news:x").await;
        if answer.status != 200 {
            break answer;
        }
        published += 1;
        assert!(published < 10_000, "nothing is ever refused");
    };
    let told = refused(&answer, 429, "rate_limited");
    assert_eq!((left(&answer)[0], left(&answer)[1], header(&answer, "retry-after")), (3, 0, "1".into()));
    let words = "the limit of the service \"press\" for publications is 3 at once and 1 a second";
    assert!(told["detail"].as_str().is_some_and(|detail| detail.starts_with(words)), "{told}");
    assert_eq!(hub.figure("hub_api_rate_limited_total{limit=\"publications\"}").await, Some(1));
    // Whoever is not known is not charged.
    let answer =
        http::post(at, "/api/publish", Some("wrong"), &json!({ "channel": "news:x", "data": 1 })).await;
    refused(&answer, 401, "unauthorized");
    assert!(!has(&answer, "ratelimit-limit"), "{answer:?}");
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request_and_so_has_the_log() {
    let hub = Setup::default()
        .option("telemetry.log", "info,hub=debug")
        .option("server.connections_per_address_max", 100)
        .start();
    let (at, token) = (hub.address(), service(&hub, "cashier", "balance:*"));
    let bearer = format!("Bearer {token}");
    let with = async |line: &str, id: &str, body: Option<&str>| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "k"),
            ("x-request-id", id),
        ];
        ask(at, line, &headers, body).await
    };
    let longest = "x".repeat(64);
    let credit = payment("credit", "1.00").to_string();
    let post = format!("POST {BALANCE}");
    for (line, body, status) in [
        ("GET /api/domains/balance/PLAYER_123", None, 404),
        (post.as_str(), Some(credit.as_str()), 200),
        (post.as_str(), Some("{"), 400),
        ("PUT /api/domains/balance", None, 405),
        ("GET /api/domains/nothing/health", None, 404),
        ("GET /api/domains/balance/%FF", None, 404),
        ("GET /api/nothing", None, 404),
        ("GET /", None, 200),
        ("GET /health/ready", None, 200),
    ] {
        for id in ["7f3c:{\"}", longest.as_str()] {
            let answer = with(line, id, body).await;
            assert_eq!((answer.status, header(&answer, "x-request-id")), (status, id.to_owned()), "{line}");
            if status >= 400 {
                assert_eq!(answer.json()["request_id"], id, "{line}");
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for id in ["", "two words", "x".repeat(65).as_str()] {
        let answer = with("GET /api/domains/balance/NOBODY", id, None).await;
        let given = header(&answer, "x-request-id");
        assert_eq!(answer.json()["request_id"], given.as_str(), "{answer:?}");
        assert!(given != id && seen.insert(given), "{answer:?}");
    }
    hub.has_its_read_model().await;
    let told = with("GET /api/domains/balance/PLAYER_123/transactions", "find-me-in-the-log", None).await;
    assert_eq!(told.status, 200, "{told:?}");
    let line: serde_json::Value =
        serde_json::from_str(&hub.logged("find-me-in-the-log").await).expect("a line of JSON");
    assert_eq!(
        (&line["request_id"], &line["method"], &line["page"], &line["status"]),
        (
            &json!("find-me-in-the-log"),
            &json!("GET"),
            &json!("/api/domains/balance/{playerId}/transactions"),
            &json!(200)
        ),
        "{line}"
    );
    assert!(!hub.whole_log().contains("PLAYER_123"), "ids of players are not logged");
    let admin = http::get(hub.admin(), "/health/ready").await;
    assert!(has(&admin, "x-request-id"), "{admin:?}");
}
