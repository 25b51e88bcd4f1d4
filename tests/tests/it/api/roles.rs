//! Roles: a token names them, and what they allow is what the configuration of the hub says that checks it.

use std::net::SocketAddr;

use serde_json::json;
use tests::{
    http::Answer,
    hub::{Setup, TestHub},
};

use super::{BALANCE, ask, change, get, payment, refused, token};

fn of_roles(hub: &TestHub, roles: &str) -> String {
    token(hub, &["--operator", "anna", "--role", roles])
}

async fn credit(at: SocketAddr, token: &str, key: &str) -> Answer {
    change(at, token, key, BALANCE, &payment("credit", "1.00")).await
}

#[tokio::test]
async fn what_a_role_allows_is_what_the_configuration_says_at_the_start() {
    let mut hub =
        Setup::default().extra("[api.roles]\ntill = [\"balance:*\"]\nlooks = [\"balance:read\"]\n").start();
    let mut at = hub.address();
    let both = of_roles(&hub, "till,looks");
    assert_eq!(credit(at, &both, "c1").await.status, 200);
    assert_eq!(get(at, &both, &format!("{BALANCE}/PLAYER_123")).await.status, 200);
    let looks = of_roles(&hub, "looks");
    let lacks = refused(&credit(at, &looks, "c2").await, 403, "forbidden");
    let words = "the operator \"anna\" has not the capability \"balance:write\"";
    assert_eq!(lacks["detail"], json!(words));
    // What the token itself allows counts as well.
    let besides = token(&hub, &["--operator", "anna", "--role", "looks", "--can", "balance:write"]);
    assert_eq!(credit(at, &besides, "c3").await.status, 200);

    let none = hub.refuses(&["token", "--operator", "anna", "--role", "till,boss"]);
    assert!(
        none.contains(
            "the role \"boss\" is not configured; api.roles has admin, compliance, looks, payments"
        ),
        "{none}"
    );

    // The same token under another configuration: no role is in it any more.
    hub.configure(|_| Setup::default().extra("[api.roles]\nlooks = [\"balance:read\"]\nsupport = []\n"));
    at = hub.crash();
    let lacks = refused(&credit(at, &both, "c4").await, 403, "forbidden");
    assert_eq!(lacks["detail"], json!(format!("{words}; the role \"till\" is not configured")));
    assert_eq!(get(at, &both, &format!("{BALANCE}/PLAYER_123")).await.status, 200, "the other role stays");
    let gone = hub.refuses(&["token", "--operator", "anna", "--role", "support"]);
    assert!(gone.contains("the role \"support\" is not configured"), "{gone}");
}

#[tokio::test]
async fn the_roles_that_are_built_in_allow_what_the_manual_says() {
    let hub = Setup::default().start();
    let at = hub.address();
    let wants = [
        ("balance:read", format!("GET {BALANCE}/dashboard")),
        ("balance:write", format!("POST {BALANCE}/X/unfreeze")),
        ("collections:write", "POST /api/domains/collections".to_owned()),
        ("adjustment:read", "GET /api/domains/adjustment".to_owned()),
        ("adjustment:propose", "POST /api/domains/adjustment".to_owned()),
        (
            "adjustment:approve",
            "POST /api/domains/adjustment/tx_00000000000000000000000000000001/approve".to_owned(),
        ),
        ("coordinator:read", "GET /api/domains/coordinator/transactions".to_owned()),
        ("coordinator:write", "POST /api/domains/coordinator/coordinate".to_owned()),
        ("monitoring:read", "GET /monitoring/security".to_owned()),
        ("monitoring:write", "POST /monitoring/alerts/x/acknowledge".to_owned()),
    ];
    for (role, may) in [
        ("viewer", &["balance:read", "adjustment:read", "coordinator:read", "monitoring:read"][..]),
        ("support", &["balance:read", "adjustment:read", "adjustment:propose", "coordinator:read"]),
        ("payments", &["balance:read", "collections:write", "coordinator:read"]),
        (
            "compliance",
            &[
                "balance:read",
                "balance:write",
                "adjustment:read",
                "adjustment:approve",
                "coordinator:read",
                "monitoring:read",
            ],
        ),
    ] {
        let bearer = format!("Bearer {}", of_roles(&hub, role));
        for (needed, line) in &wants {
            let answer = ask(at, line, &[("authorization", &bearer)], None).await;
            assert_eq!(answer.status != 403, may.contains(needed), "{role} {line}: {answer:?}");
        }
    }
}
