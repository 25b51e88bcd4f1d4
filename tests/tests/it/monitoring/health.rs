//! `/health` and `/api/health`: every check, with its message and its time, and one status.

use serde_json::{Value, json};
use tests::{http, hub::Setup, raw::RawSocket, until};

/// Every check of a hub without an archive.
const CHECKS: [&str; 12] = [
    "adjustment",
    "admission",
    "balance",
    "channels",
    "collections",
    "distributions",
    "free_play",
    "journal",
    "people",
    "read_model",
    "state_store",
    "tables",
];

fn names(report: &Value) -> Vec<&String> {
    report["checks"].as_object().expect("the checks").keys().collect()
}

#[tokio::test]
async fn every_check_has_a_status_a_message_and_a_time_and_strangers_are_told_no_particulars() {
    let hub = Setup::default().start();
    hub.has_its_read_model().await;
    // What was found while it was built is kept for a while.
    let is = async || http::get(hub.address(), "/health").await.json()["status"] == "healthy";
    until("a healthy hub", async || is().await.then_some(())).await;
    for path in ["/health", "/api/health"] {
        for address in [hub.address(), hub.admin()] {
            let answer = http::get(address, path).await;
            let report = answer.json();
            assert_eq!((answer.status, &report["status"]), (200, &json!("healthy")), "{report}");
            assert_eq!(names(&report), CHECKS, "{report}");
            for (name, check) in report["checks"].as_object().expect("the checks") {
                let fields: Vec<_> = check.as_object().expect("a check").keys().collect();
                assert_eq!(fields, ["critical", "deadline_ms", "duration_ms", "message", "status"], "{name}");
                assert_eq!(check["status"], "healthy", "{name}: {check}");
                assert!(check["duration_ms"].is_number() && check["deadline_ms"].is_u64(), "{name}: {check}");
                let message = check["message"].as_str().expect("a text");
                assert_eq!(message == "works", address == hub.address(), "{name}: {message}");
            }
            let critical = |name: &str| report["checks"][name]["critical"].as_bool();
            for (name, expected) in
                [("journal", true), ("balance", true), ("people", false), ("channels", false)]
            {
                assert_eq!(critical(name), Some(expected), "{name}");
            }
        }
    }
    assert_eq!(http::post(hub.address(), "/health", None, &json!({})).await.status, 405);
}

#[tokio::test]
async fn a_hub_that_works_and_needs_attention_is_degraded_and_goes_on() {
    // No disk has so much room.
    let hub = Setup::default().option("journal.disk_warn_bytes", 1_u64 << 50).start();
    let report = http::get(hub.admin(), "/health").await;
    let told = report.json();
    assert_eq!((report.status, &told["status"]), (200, &json!("degraded")), "{told}");
    let journal = &told["checks"]["journal"];
    assert_eq!(journal["status"], "degraded", "{journal}");
    assert!(
        journal["message"].as_str().is_some_and(|words| words.contains("journal.disk_warn_bytes")),
        "{journal}"
    );
    let stranger = http::get(hub.address(), "/health").await.json();
    assert_eq!(stranger["checks"]["journal"]["message"], "works, and needs attention", "{stranger}");
    // The page of load balancers says whether it takes work, and it does.
    assert_eq!(http::get(hub.admin(), "/health/ready").await.json()["status"], "up");
}

#[tokio::test]
async fn a_hub_that_takes_no_work_is_unhealthy() {
    let mut hub = Setup::default().option("server.drain_seconds", 20).start();
    let socket = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let admin = hub.admin();
    hub.terminate();
    hub.logged("draining: no new work is taken").await;
    let report = http::get(admin, "/health").await;
    let told = report.json();
    assert_eq!((report.status, &told["status"]), (503, &json!("unhealthy")), "{told}");
    assert_eq!(told["checks"]["admission"]["message"], "draining", "{told}");
    drop(socket);
    assert!(hub.ended().await.success());
}
