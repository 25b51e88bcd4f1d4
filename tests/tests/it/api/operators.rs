//! Acts of operators that are refused for want of a capability: each is a record, within bounds, and the answer is the same.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::hub::{Setup, TestHub};

use super::{BALANCE, change, get, payment, refused, service, token};

fn operator(hub: &TestHub, name: &str, can: &str) -> String {
    token(hub, &["--operator", name, "--can", can])
}

/// The records of refused acts, the oldest first, once the read model has the record of a credit from now.
async fn acts(at: SocketAddr, auditor: &str, key: &str) -> Vec<Value> {
    let last = change(at, auditor, key, BALANCE, &payment("credit", "1.00")).await.json();
    let path = format!(
        "/api/domains/coordinator/transactions?type=operator_refused&order=oldest&at_least={}",
        last["lsn"]
    );
    get(at, auditor, &path).await.json()["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_act_that_an_operator_may_not_do_is_a_record_and_the_answer_stays_the_same() {
    let mut hub = Setup::default().option("adjustment.break_glass", true).start();
    let mut at = hub.address();
    let auditor = service(&hub, "auditor", "*");
    let anna = operator(&hub, "anna", "balance:read,adjustment:propose");
    assert_eq!(change(at, &auditor, "c1", BALANCE, &payment("credit", "50.00")).await.status, 200);

    let freeze = json!({ "reason": "FRAUD_CHECK" });
    let path = format!("{BALANCE}/PLAYER_123/freeze");
    let lacks = refused(&change(at, &anna, "f1", &path, &freeze).await, 403, "forbidden");
    assert_eq!(lacks["detail"], json!("the operator \"anna\" has not the capability \"balance:write\""));
    assert_eq!((&lacks["key_consumed"], &lacks["replayed"]), (&json!(false), &json!(false)), "{lacks}");
    // Of somebody whom the hub does not know, and of nobody.
    let nobody = format!("{BALANCE}/NOBODY/freeze");
    refused(&change(at, &anna, "f2", &nobody, &freeze).await, 403, "forbidden");
    let propose = json!({
        "playerId": "PLAYER_123", "amount": "1.00", "currency": "USD", "reason": "ERROR", "reference": "t 1",
        "breakGlass": "the phone is down",
    });
    refused(&change(at, &anna, "p1", "/api/domains/adjustment", &propose).await, 403, "forbidden");
    for path in ["/monitoring/check-alerts", "/monitoring/alerts/x/acknowledge"] {
        refused(&change(at, &anna, "a1", path, &json!({})).await, 403, "forbidden");
    }
    let published = json!({ "channel": "news:a", "data": 1 });
    refused(&change(at, &anna, "n1", "/api/publish", &published).await, 403, "forbidden");

    // No acts: a reading, a dry run, a malformed change that may be made, and what a service is refused.
    refused(&get(at, &anna, "/monitoring/security").await, 403, "forbidden");
    refused(&change(at, &anna, "d1", &format!("{path}?dry_run=true"), &freeze).await, 403, "forbidden");
    let weak = service(&hub, "weak", "balance:read");
    refused(&change(at, &weak, "f1", &path, &freeze).await, 403, "forbidden");

    let found = acts(at, &auditor, "c2").await;
    let told: Vec<_> = found.iter().map(|line| (&line["by"], &line["outcome"], &line["code"])).collect();
    let expected = (&json!("operator"), &json!("rejected"), &json!("forbidden"));
    assert_eq!(told, [expected; 6], "{found:?}");
    let about: Vec<_> = found.iter().map(|line| !line["player"].is_null()).collect();
    assert_eq!(about, [true, false, true, false, false, false], "{found:?}");
    let words = |of: &TestHub, line: &Value| of.done(&["inspect", &line["lsn"].to_string()]);
    for (line, act) in found.iter().zip([
        "act freeze, lacks balance:write, player ",
        "act freeze, lacks balance:write, code forbidden",
        "act break_glass, lacks adjustment:approve, player ",
        "act check_alerts, lacks monitoring:write",
        "act acknowledge_alert, lacks monitoring:write",
        "act publish, lacks publish, code forbidden",
    ]) {
        let shown = words(&hub, line).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in act.split(", ") {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
    // Shown by its place, and explained.
    for last in ["", "/explain"] {
        let path = format!("/api/domains/coordinator/transactions/{}{last}", found[0]["lsn"]);
        let told = get(at, &auditor, &path).await.json();
        let expected = (&json!("OPERATOR_REFUSED"), &json!("rejected"), &json!("forbidden"));
        assert_eq!((&told["type"], &told["outcome"], &told["code"]), expected, "{told}");
        assert_eq!(told["parameters"]["lacks"], json!("balance:write"), "{told}");
    }

    // The list of the operator has what was refused, and what was done with another token of the name.
    let of_anna = "/api/operators/anna/acts?order=oldest";
    let acts_of = |list: &Value| -> Vec<(String, String)> {
        let lines = list["data"].as_array().expect("a list").iter();
        let word = |line: &Value, name: &str| line[name].as_str().unwrap_or("-").to_owned();
        lines.map(|line| (word(line, "act"), word(line, "lacks"))).collect()
    };
    let pairs = [
        ("freeze", "balance:write"),
        ("freeze", "balance:write"),
        ("break_glass", "adjustment:approve"),
        ("check_alerts", "monitoring:write"),
        ("acknowledge_alert", "monitoring:write"),
        ("publish", "publish"),
    ];
    let mut expected: Vec<_> = pairs.map(|(act, lacks)| (act.to_owned(), lacks.to_owned())).into();
    let list = get(at, &auditor, of_anna).await;
    assert_eq!(acts_of(&list.json()), expected, "{list:?}");
    let first = get(at, &auditor, &format!("{of_anna}&limit=4")).await.json();
    let cursor = first["next"].as_str().expect("a cursor");
    let second = get(at, &auditor, &format!("/api/operators/anna/acts?cursor={cursor}")).await.json();
    assert_eq!([acts_of(&first), acts_of(&second)].concat(), expected);
    for nobody in ["/api/operators/ben/acts", "/api/operators/anna/acts?issuer=elsewhere"] {
        assert_eq!(get(at, &auditor, nobody).await.json()["data"], json!([]), "{nobody}");
    }
    refused(&get(at, &anna, of_anna).await, 403, "forbidden");
    refused(&get(at, &auditor, "/api/operators/a%20b/acts").await, 400, "malformed");

    // The key is free: the same request with the right to it is carried out. And the records are there after a crash.
    let boss = operator(&hub, "anna", "balance:write");
    assert_eq!(change(at, &boss, "f1", &path, &freeze).await.status, 200);
    at = hub.crash();
    assert_eq!(acts(at, &auditor, "c3").await, found);
    expected.push(("-".to_owned(), "-".to_owned()));
    let list = get(at, &auditor, of_anna).await.json();
    assert_eq!(acts_of(&list), expected, "{list}");
    let done = &list["data"][6];
    assert_eq!((&done["type"], &done["outcome"]), (&json!("freeze"), &json!("committed")), "{done}");
    let only = get(at, &auditor, &format!("{of_anna}&outcome=committed&type=freeze")).await.json();
    assert_eq!(only["data"], json!([done]));
    let _ = hub.verify();
}

#[tokio::test]
async fn a_flood_of_refusals_fills_no_log_and_what_is_not_recorded_is_counted() {
    let hub = Setup::default().start();
    let at = hub.address();
    let auditor = service(&hub, "auditor", "*");
    let [anna, ben] = ["anna", "ben"].map(|name| operator(&hub, name, "balance:read"));
    for number in 0..15 {
        let key = format!("k{number}");
        refused(&change(at, &anna, &key, BALANCE, &payment("credit", "1.00")).await, 403, "forbidden");
    }
    refused(&change(at, &ben, "k", BALANCE, &payment("credit", "1.00")).await, 403, "forbidden");
    // Ten of one operator, those that a slow machine has time for, and one of another.
    let recorded = acts(at, &auditor, "c1").await.len() as u64 - 1;
    let counted = hub.figure("hub_operator_refusals_unrecorded_total{reason=\"too_many\"}").await;
    assert!(
        (10..15).contains(&recorded) && counted == Some(15 - recorded),
        "{recorded} and {counted:?} of 15"
    );
}

#[tokio::test]
async fn without_room_for_a_record_the_refusal_is_the_same_and_is_counted() {
    let mut hub = Setup::default().start();
    let (boss, anna) = (operator(&hub, "boss", "*"), operator(&hub, "anna", "balance:read"));
    hub.configure(|setup| {
        setup.option("journal.disk_warn_bytes", 1_u64 << 50).option("journal.disk_refuse_bytes", 1_u64 << 50)
    });
    hub.expect_errors();
    let at = hub.crash();
    hub.logged("requests are refused until there is room").await;
    let credit = payment("credit", "1.00");
    refused(&change(at, &boss, "k", BALANCE, &credit).await, 503, "busy");
    let lacks = refused(&change(at, &anna, "k", BALANCE, &credit).await, 403, "forbidden");
    assert_eq!(lacks["key_consumed"], json!(false), "{lacks}");
    let counted = hub.figure("hub_operator_refusals_unrecorded_total{reason=\"busy\"}").await;
    assert_eq!(counted, Some(1));
}

#[tokio::test]
async fn whoever_may_only_propose_withdraws_their_own_and_rejects_nothing_else() {
    let hub = Setup::default().start();
    let at = hub.address();
    let auditor = service(&hub, "auditor", "*");
    let [anna, ben] = ["anna", "ben"].map(|name| operator(&hub, name, "adjustment:propose"));
    assert_eq!(change(at, &auditor, "c1", BALANCE, &payment("credit", "50.00")).await.status, 200);
    let correction = json!({
        "playerId": "PLAYER_123", "amount": "1.00", "currency": "USD", "reason": "ERROR", "reference": "t 1",
    });
    let proposed = change(at, &anna, "p1", "/api/domains/adjustment", &correction).await.json();
    let path = format!("/api/domains/adjustment/{}/reject", proposed["proposal"].as_str().expect("an id"));
    let lacks = refused(&change(at, &ben, "r1", &path, &json!({})).await, 403, "forbidden");
    assert_eq!(lacks["detail"], json!("the operator \"ben\" has not the capability \"adjustment:approve\""));
    let withdrawn = change(at, &anna, "r1", &path, &json!({})).await;
    assert_eq!((withdrawn.status, &withdrawn.json()["status"]), (200, &json!("withdrawn")), "{withdrawn:?}");
    let again = change(at, &anna, "r1", &path, &json!({})).await;
    assert_eq!((again.status, &again.json()["replayed"]), (200, &json!(true)), "{again:?}");
    let none = "/api/domains/adjustment/tx_00000000000000000000000000000001/reject";
    refused(&change(at, &anna, "r2", none, &json!({})).await, 404, "unknown_proposal");
    let found = acts(at, &auditor, "c2").await;
    assert_eq!(found.len(), 1, "{found:?}");
}
