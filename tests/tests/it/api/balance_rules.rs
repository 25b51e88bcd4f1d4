//! What the operator allows balances to be: refused over the API and at a table, and the thresholds that tell the player and the
//! alerts.

use protocol::{ErrorCode, Open, level::BalanceLevel, push::Event};
use serde_json::{Value, json};
use tests::{
    answer::Answer,
    hub::{OPEN, Setup, TestHub},
    player::{Account, Session, refusal, token},
};

use super::{BALANCE, change, get, refused, service};

const PLAYER: &str = "/api/domains/balance/PLAYER_123";

const RULE: &str = "[[balance.rules]]\ncurrency = \"EUR\"\nleast = \"2.00\"\nmost = \"100.00\"\ncredit_max = \"60.00\"\n\
                    debit_max = \"30.00\"\nlow = \"20.00\"\ncritical_low = \"5.00\"\nhigh = \"80.00\"\n";

/// A player whom services call `PLAYER_123`.
async fn player(hub: &TestHub) -> Session {
    let account = Account { token: token("PLAYER_123"), player: protocol::PlayerId(0), deposited: 0 };
    account.connect(hub.address()).await
}

async fn paid(hub: &TestHub, token: &str, (key, kind, amount): (&str, &str, &str)) -> Answer {
    let body = json!({ "playerId": "PLAYER_123", "amount": amount, "currency": "EUR", "type": kind });
    change(hub.address(), token, key, BALANCE, &body).await
}

/// The level that the player's channel tells with a change, if the change has crossed a threshold.
async fn told(session: &mut Session, lsn: &Value) -> Option<BalanceLevel> {
    let lsn = lsn.as_u64().expect("a place in the log");
    let heard = session.hear("the balance", |_, event| match event {
        Event::Balance { lsn: at, level, .. } if *at == lsn => Some(level.as_ref().map(Open::known)),
        _ => None,
    });
    heard.await.map(|level| level.expect("a level of this release"))
}

async fn level(hub: &TestHub, token: &str) -> Value {
    get(hub.address(), token, PLAYER).await.json()["balances"][0]["level"].clone()
}

#[tokio::test]
async fn changes_beyond_the_rule_are_refused_and_crossed_thresholds_are_told() {
    let mut hub =
        Setup::default().deposit("10.00").option("monitoring.check_every_seconds", 1).extra(RULE).start();
    hub.expect_errors(); // the alert
    let cashier = service(&hub, "cashier", "balance:*,collections:*,monitoring:read");
    let mut session = player(&hub).await;

    refused(&paid(&hub, &cashier, ("c1", "credit", "60.01")).await, 422, "change_too_large");
    let credited = paid(&hub, &cashier, ("c2", "credit", "60.00")).await.json();
    assert_eq!(
        told(&mut session, &credited["lsn"]).await,
        Some(BalanceLevel::Normal),
        "it was nothing, critically low"
    );
    let payment = json!({
        "merchantId": "M", "amount": "40.01", "currency": "EUR", "paymentMethod": "manual", "playerId": "PLAYER_123",
    });
    let collections = "/api/domains/collections";
    let answer = change(hub.address(), &cashier, "p1", collections, &payment).await;
    let told_why = refused(&answer, 422, "balance_too_high");
    assert_eq!((&told_why["final"], &told_why["key_consumed"]), (&json!(true), &json!(true)), "{told_why}");
    let high = paid(&hub, &cashier, ("c3", "credit", "40.00")).await.json();
    assert_eq!(told(&mut session, &high["lsn"]).await, Some(BalanceLevel::High));
    assert_eq!(level(&hub, &cashier).await, json!("high"));

    refused(&paid(&hub, &cashier, ("d1", "debit", "30.01")).await, 422, "change_too_large");
    for (key, amount, crossed) in [
        ("d2", "30.00", Some(BalanceLevel::Normal)),
        ("d3", "30.00", None),
        ("d4", "25.00", Some(BalanceLevel::Low)),
    ] {
        let debited = paid(&hub, &cashier, (key, "debit", amount)).await.json();
        assert_eq!(told(&mut session, &debited["lsn"]).await, crossed, "{key}");
    }
    let hold = json!({ "playerId": "PLAYER_123", "amount": "13.01", "currency": "EUR" });
    let holds = "/api/domains/balance/holds";
    refused(&change(hub.address(), &cashier, "h1", holds, &hold).await, 422, "balance_too_low");

    // At a table, over a crash.
    let round = session.open_round(OPEN.id).await;
    let bet = session.bet(session.key(), OPEN.id, round, "11.00").await.expect("4.00 stay");
    assert_eq!(told(&mut session, &json!(bet.lsn)).await, Some(BalanceLevel::CriticalLow));
    let refused_bet = refusal(session.bet(session.key(), OPEN.id, round, "2.01").await);
    assert_eq!(refused_bet, ErrorCode::BalanceTooLow);
    hub.crash();
    assert_eq!(level(&hub, &cashier).await, json!("critical_low"));
    let mut session = player(&hub).await;
    let balances = session.client.balances().await.expect("the balances");
    assert_eq!(balances[0].level.as_ref().and_then(Open::known), Some(BalanceLevel::CriticalLow));

    // Each start counts anew: cross once more.
    assert_eq!(paid(&hub, &cashier, ("c4", "credit", "20.00")).await.status, 200);
    let low = paid(&hub, &cashier, ("d5", "debit", "21.00")).await.json();
    assert_eq!(told(&mut session, &low["lsn"]).await, Some(BalanceLevel::CriticalLow));
    let metrics = tests::http::get(hub.admin(), "/metrics").await.body;
    assert!(metrics.contains("hub_balances_critical_total 1"), "it is counted");
    assert_eq!(hub.times_logged("beyond a critical threshold"), 2, "each start has logged whose it is");
    tests::until("the alert", async || {
        let told = get(hub.address(), &cashier, "/monitoring/alerts").await.json();
        let alerts = told["alerts"].as_array().expect("alerts");
        alerts
            .iter()
            .any(|one| one["name"] == "balances_critical" && one["status"] == "critical")
            .then_some(())
    })
    .await;

    // Without a rule nothing is refused, and what was decided stays as it was.
    hub.kill();
    hub.configure(|_| Setup::default());
    hub.start();
    refused(&paid(&hub, &cashier, ("c1", "credit", "60.01")).await, 422, "change_too_large");
    assert_eq!(paid(&hub, &cashier, ("c5", "credit", "5000.00")).await.status, 200);
    assert_eq!(level(&hub, &cashier).await, json!("normal"));
    hub.kill();
    hub.verify();
}

#[test]
fn rules_that_contradict_refuse_the_start_with_their_options() {
    let rule = "[[balance.rules]]\ncurrency = \"EUR\"\nlow = \"10.00\"\ncritical_low = \"20.00\"\n\
                [[balance.rules]]\ncurrency = \"ABC\"\n";
    let hub = Setup::default().extra(rule).prepare();
    let words = hub.refuses(&["check-config"]);
    for wanted in [
        "balance.rules[0].critical_low = \"20.00\": must not be above low",
        "balance.rules[1].currency = \"ABC\": not one of the currencies",
    ] {
        assert!(words.contains(wanted), "{words}");
    }
    for (deposit, wanted) in
        [("100.01", "above most of its currency"), ("60.01", "above credit_max of its currency")]
    {
        let words = Setup::default().deposit(deposit).extra(RULE).prepare().refuses(&["check-config"]);
        assert!(words.contains(wanted), "no player would get it: {words}");
    }
}
