//! The operator's own server: it answers however busy the public server is.

use std::time::Duration;

use serde_json::json;
use tests::{
    http,
    hub::{Setup, TestHub},
    raw::RawSocket,
};

/// A hub whose public server takes two connections, and two that stay.
async fn full() -> (TestHub, [RawSocket; 2]) {
    let hub = Setup::default().option("server.workers", 1).option("server.connections_max", 2).start();
    let open = || RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON);
    let sockets = [open().await.expect("a handshake"), open().await.expect("a handshake")];
    (hub, sockets)
}

#[tokio::test]
async fn a_hub_with_all_the_connections_it_may_have_still_answers_the_operator() {
    let (hub, [one, _two]) = full().await;
    let address = hub.address();
    let mut third = tokio::spawn(async move { http::get(address, "/health/live").await.status });
    for _ in 0..3 {
        let live = http::get(hub.admin(), "/health/live").await;
        assert_eq!((live.status, &live.json()["status"]), (200, &json!("up")));
        let ready = http::get(hub.admin(), "/health/ready").await;
        assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("up")), "{ready:?}");
        assert_eq!(hub.figure("hub_sockets_open").await, Some(2));
    }
    let early = tokio::time::timeout(Duration::from_millis(100), &mut third).await;
    assert!(early.is_err(), "the public server was not full: {early:?}");
    drop(one);
    assert_eq!(third.await.expect("no panic"), 200, "whoever waited is let in");
}

#[tokio::test]
async fn the_public_server_shows_health_and_no_figures_unless_told_to() {
    let hub = Setup::default().start();
    assert_eq!(http::get(hub.address(), "/health/ready").await.status, 200);
    assert_eq!(http::get(hub.address(), "/metrics").await.status, 404);
    for path in ["/", "/ws", "/api/info", "/nothing"] {
        let answer = http::get(hub.admin(), path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_found")), "{path}");
    }
    let hub = Setup::default().option("server.metrics", true).start();
    assert!(http::get(hub.address(), "/metrics").await.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn why_a_part_is_down_and_what_it_does_is_told_to_the_operator_alone() {
    let hub = Setup::default().start();
    for (address, told) in [
        (hub.address(), &["name", "status"][..]),
        (hub.admin(), &["duration_ms", "message", "name", "status"]),
    ] {
        let report = http::get(address, "/health/ready").await.json();
        let members = report.as_object().expect("a report").keys().collect::<Vec<_>>();
        assert_eq!(members, ["parts", "status"], "{report}");
        let parts = report["parts"].as_array().expect("the parts");
        assert_eq!(parts.len(), 10, "{report}");
        for part in parts {
            assert_eq!(part.as_object().expect("a part").keys().collect::<Vec<_>>(), told, "{report}");
        }
    }
}

#[tokio::test]
async fn the_operators_server_reports_a_drain_while_it_lasts() {
    let mut hub = Setup::default().option("server.drain_seconds", 20).start();
    let socket = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let admin = hub.admin();
    hub.terminate();
    hub.logged("draining: no new work is taken").await;
    let ready = http::get(admin, "/health/ready").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("down")), "{ready:?}");
    drop(socket);
    assert!(hub.ended().await.success());
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_in_production_and_is_told_in_development() {
    let first = Setup::default().start();
    let taken = Setup::default().option("admin.listen", first.admin());
    let second = taken.clone().start();
    second.logged("the port of admin.listen is taken").await;
    assert_eq!(http::get(second.address(), "/health/ready").await.status, 200);
    let production = taken
        .variable("HUB__MODE", "production")
        .variable("HUB_SEED_SECRET", "S8n1Bv6cXz4aSd9fGh2jKl7pOi3uYt5r")
        .option("demo.enabled", false)
        .option("server.allowed_origins", "https://play.example.com")
        .prepare();
    let refused = production.run(&["serve", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains(&first.admin().to_string()), "{words}");
}
