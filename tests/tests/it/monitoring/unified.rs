//! `GET /monitoring/unified-metrics`: how the whole hub does, however often it is asked.

use std::time::Instant;

use serde_json::{Value, json};
use tests::{
    http::{self, Answer},
    hub::{Setup, TestHub},
    until,
};

pub(super) const PATH: &str = "/monitoring/unified-metrics";

/// The token of an operator who may do these things.
pub(super) fn operator(hub: &TestHub, can: &str) -> String {
    hub.done(&["token", "--operator", "olga", "--can", can]).trim().to_owned()
}

/// Asks with a token, and without a body.
pub(super) async fn ask(hub: &TestHub, token: &str, line: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let at = hub.address();
    http::request(at, &http::spelled(line, &at.to_string(), &[("authorization", &bearer)], None)).await
}

/// The unified metrics once they have this score: what was found while the read model was built is kept for a while.
async fn scored(hub: &TestHub, token: &str, score: u64) -> Value {
    until("the score", async || {
        let answer = ask(hub, token, &format!("GET {PATH}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.json();
        (told["system"]["healthScore"] == score).then_some(told)
    })
    .await
}

#[tokio::test]
async fn the_unified_metrics_tell_of_domains_coordinator_and_the_whole() {
    let hub = Setup::default().start();
    hub.has_its_read_model().await;
    let token = operator(&hub, "monitoring:read");
    let told = scored(&hub, &token, 100).await;
    assert_eq!(told["system"], json!({ "overallStatus": "healthy", "healthScore": 100 }), "{told}");
    assert_eq!(told["coordinator"], json!({ "status": "healthy", "activeTransactions": 0 }), "{told}");
    let domains = told["domains"].as_object().expect("domains");
    let names: Vec<_> = domains.keys().collect();
    assert_eq!(names, ["adjustment", "balance", "collections", "distributions", "free-play"], "{told}");
    for (name, domain) in domains {
        assert_eq!(domain["status"], "healthy", "{name}: {domain}");
        for metric in ["accounts", "holds", "accepted", "refused"] {
            assert!(domain["metrics"][metric].is_u64(), "{name}: {domain}");
        }
    }
    assert!(told["dashboard"]["records"].as_u64().is_some_and(|records| records > 0), "{told}");
    assert_eq!(told["dashboard"]["sessions"], 0, "{told}");
    let lacks = ask(&hub, &operator(&hub, "balance:read"), &format!("GET {PATH}")).await;
    assert_eq!((lacks.status, &lacks.json()["code"]), (403, &json!("forbidden")));
}

#[tokio::test]
async fn a_part_that_fails_lowers_the_score_by_its_weight() {
    // The log's disk never has so much room: the check of the log needs attention, which is half of it.
    let hub = Setup::default()
        .option("journal.disk_warn_bytes", 1_u64 << 50)
        .option("monitoring.weights.journal", 700)
        .option("monitoring.weights.domains", 935)
        .start();
    hub.has_its_read_model().await;
    let token = operator(&hub, "monitoring:read");
    // 700 of 700 + 935 + 40 are only half there; without an archive its 5 do not count.
    let told = scored(&hub, &token, 79).await;
    assert_eq!(told["system"], json!({ "overallStatus": "degraded", "healthScore": 79 }), "{told}");
}

#[tokio::test]
async fn however_often_it_is_asked_the_money_is_asked_four_times_a_second_at_most() {
    let hub = Setup::default().start();
    let token = operator(&hub, "monitoring:*");
    let asked = async || hub.figure("hub_health_asked_total").await.expect("a figure");
    let (before, began) = (asked().await, Instant::now());
    let mut times: Vec<u128> = Vec::new();
    while times.len() < 400 {
        let line = format!("GET {PATH}");
        let (one, two) = (ask(&hub, &token, &line), http::get(hub.address(), "/health"));
        let (three, four) = (http::get(hub.admin(), "/health/ready"), ask(&hub, &token, &line));
        let sent = Instant::now();
        let (one, two, three, four) = tokio::join!(one, two, three, four);
        assert_eq!([one, two, three, four].map(|answer| answer.status), [200; 4]);
        times.push(sent.elapsed().as_micros());
    }
    let passes = asked().await - before;
    // A quarter of a second lies between two, and the first may have been under way.
    let most = u64::try_from(began.elapsed().as_millis() / 250).expect("a time") + 1;
    assert!(passes <= most, "the parts were asked {passes} times, {most} are the most");
    times.sort_unstable();
    println!("1600 answers, four at once: half within {} µs, all within {} µs", times[200], times[399]);
}

#[tokio::test]
async fn weights_that_are_no_weights_are_refused() {
    let hub = Setup::default().option("monitoring.weights.journal", 1_001).prepare();
    let refused = hub.refuses(&["check-config"]);
    assert!(refused.contains("monitoring.weights.journal") && refused.contains("0 to 1000"), "{refused}");
    let none = [
        "journal",
        "tables",
        "domains",
        "admission",
        "people",
        "channels",
        "state_store",
        "read_model",
        "archive",
    ];
    let setup = none
        .iter()
        .fold(Setup::default(), |setup, name| setup.option(&format!("monitoring.weights.{name}"), 0));
    let refused = setup.prepare().refuses(&["check-config"]);
    assert!(refused.contains("at least one weight is above 0"), "{refused}");
}
