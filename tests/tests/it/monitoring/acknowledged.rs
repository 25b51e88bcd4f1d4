//! An acknowledgement is a record of the log: it is not lost, and it is told who did it.

use serde_json::{Value, json};
use tests::{
    http::{self, Answer},
    hub::{Setup, TestHub},
    until,
};

use super::{
    alerts::{SOMEBODY, arrives, shown},
    unified::{ask, operator},
};

const PATH: &str = "POST /monitoring/alerts/somebody/acknowledge";

async fn acknowledge(hub: &TestHub, token: &str, key: &str, body: &Value) -> Answer {
    let (at, bearer) = (hub.address(), format!("Bearer {token}"));
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", key)];
    http::request(at, &http::spelled(PATH, &at.to_string(), &headers, Some(&body.to_string()))).await
}

#[tokio::test]
async fn what_an_operator_has_acknowledged_is_known_after_a_crash_that_came_before_it_was_in_the_file() {
    let setup = Setup::default().extra(SOMEBODY).option("monitoring.check_every_seconds", 1);
    let mut hub = setup.start();
    let token = operator(&hub, "monitoring:*,coordinator:read");
    let one = arrives(&hub).await;
    hub.logged("an alert warns").await;
    let since = shown(&hub, &token).await["since"].clone();
    let body = json!({ "since": since, "severity": "warning" });

    // Nothing is there that began at another time, and nothing is known of a key that was refused.
    let early = json!({ "since": "2026-01-01T00:00:00Z", "severity": "warning" });
    let refused = acknowledge(&hub, &token, "a", &early).await;
    assert_eq!((refused.status, &refused.json()["key_consumed"]), (404, &json!(false)), "{refused:?}");
    assert_eq!(shown(&hub, &token).await["acknowledged"], Value::Null);

    let worse = json!({ "since": since, "severity": "critical" });
    let refused = acknowledge(&hub, &token, "a", &worse).await;
    assert_eq!((refused.status, &refused.json()["field"]), (400, &json!("severity")), "it is a warning");

    let done = acknowledge(&hub, &token, "a", &body).await;
    assert_eq!(done.status, 200, "{done:?}");
    let (told, lsn) = (done.json(), done.json()["lsn"].clone());
    assert_eq!((&told["alert"], &told["severity"]), (&json!("somebody"), &json!("warning")), "{told}");
    assert_eq!(acknowledge(&hub, &token, "a", &body).await.json()["replayed"], true);
    // What fails under a used key leaves what is known.
    let reused = json!({ "since": "2026-01-01T00:00:00Z", "severity": "warning" });
    assert_eq!(acknowledge(&hub, &token, "a", &reused).await.status, 409);
    assert_eq!(shown(&hub, &token).await["acknowledged"]["severity"], "warning");

    let file = hub.data().join("monitoring/alerts.json");
    let kept = || std::fs::read_to_string(&file).unwrap_or_default();
    until("the alert in the file", async || kept().contains("\"somebody\":{\"episode\":{").then_some(()))
        .await;
    hub.kill();
    // The file does not know it: the crash came before.
    let mut alerts: Value = serde_json::from_str(&kept()).expect("JSON");
    alerts["states"]["somebody"]["episode"]["acknowledged"] = Value::Null;
    std::fs::write(&file, alerts.to_string()).expect("a disk");
    drop(one);
    // Nobody is here any more: it takes an hour to end.
    hub.configure(|setup| {
        let setup = setup.option("monitoring.check_every_seconds", 300);
        setup.option("monitoring.alerts.somebody.for_seconds", 3_600)
    });
    hub.start();
    let alert = shown(&hub, &token).await;
    assert_eq!((&alert["since"], &alert["acknowledged"]["severity"]), (&since, &json!("warning")), "{alert}");
    let id = lsn.as_u64().expect("a place");
    let record = ask(&hub, &token, &format!("GET /api/domains/coordinator/transactions/{id}")).await.json();
    assert_eq!(
        (&record["type"], &record["principal"]["kind"]),
        (&json!("ACKNOWLEDGE"), &json!("operator")),
        "{record}"
    );
    hub.terminate();
    assert!(hub.ended().await.success());
    hub.verify();
}
