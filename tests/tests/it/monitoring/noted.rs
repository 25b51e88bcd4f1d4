//! Errors and the security log: kept over a restart, and naming nobody.

use serde_json::{Value, json};
use tests::{
    hub::{Setup, TestHub},
    raw::RawSocket,
    until,
};

use super::unified::{ask, operator};

async fn list(hub: &TestHub, token: &str, name: &str, key: &str) -> Vec<Value> {
    let answer = ask(hub, token, &format!("GET /monitoring/{name}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()[key].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_error_is_kept_over_a_restart_and_counted_each_time() {
    let sessions =
        "\n[monitoring.alerts.somebody]\nfigure = \"hub_sessions\"\ncritical = 0\ncool_down_seconds = 0\n";
    let mut hub = Setup::default().extra(sessions).option("monitoring.check_every_seconds", 1).start();
    hub.expect_errors();
    let token = operator(&hub, "monitoring:read");
    assert_eq!(list(&hub, &token, "errors", "errors").await, [] as [Value; 0]);
    for times in 1..=2 {
        let player = hub.done(&["token", "--player", "PLAYER_123"]).trim().to_owned();
        let socket = RawSocket::hello(hub.address(), &player).await;
        until("the alert", async || (hub.times_logged("an alert is critical") == times).then_some(())).await;
        drop(socket);
        until("its end", async || (hub.times_logged("an alert is over") == times).then_some(())).await;
        let errors = list(&hub, &token, "errors", "errors").await;
        let [error] = &errors[..] else { panic!("{errors:?}") };
        assert_eq!(
            (&error["kind"], &error["message"]),
            (&json!("error"), &json!("an alert is critical")),
            "{error}"
        );
        assert_eq!(error["count"], times, "{error}");
        assert!(error["sample"].as_str().is_some_and(|sample| sample.contains("alert=somebody")), "{error}");
        hub.terminate();
        assert!(hub.ended().await.success());
        hub.start();
    }
    let errors = list(&hub, &token, "errors", "errors").await;
    assert_eq!(errors[0]["count"], 2, "{errors:?}");
}

#[tokio::test]
async fn refused_tokens_and_missing_capabilities_are_in_the_security_log_also_after_a_crash() {
    let mut hub = Setup::default().option("monitoring.check_every_seconds", 1).start();
    let (reads, lacks) = (operator(&hub, "monitoring:read"), operator(&hub, "balance:read"));
    let path = "GET /monitoring/security";
    for _ in 0..3 {
        assert_eq!(ask(&hub, &lacks, path).await.status, 403);
    }
    assert_eq!(ask(&hub, "no token at all", path).await.status, 401);
    let has = |events: &[Value], kind: &str, counter: &str, count: u64| {
        let found = events
            .iter()
            .find(|event| event["counter"].as_str().is_some_and(|text| text.starts_with(counter)));
        found.is_some_and(|event| event["kind"] == kind && event["count"] == count)
    };
    let both = |events: &[Value]| {
        has(events, "capability_refused", "hub_api_forbidden_total{path=\"/monitoring/security\"}", 3)
            && has(events, "token_refused", "hub_api_unauthorized_total", 1)
    };
    let told = until("the lines", async || {
        let events = list(&hub, &reads, "security", "events").await;
        both(&events).then_some(events)
    })
    .await;
    let text = json!(told).to_string();
    assert!(!text.contains("olga") && !text.contains("127.0.0.1"), "{text}");
    hub.terminate();
    assert!(hub.ended().await.success());
    hub.start();
    let events = list(&hub, &reads, "security", "events").await;
    assert!(both(&events), "{events:?}");
}
