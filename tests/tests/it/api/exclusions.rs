//! Players who leave play for a time: by the API and on the socket, while they sit at a table, over crashes and an erasure.

use engine::{Body, Record};
use journal::{Lsn, Reader};
use protocol::{
    ErrorCode,
    reply::KeyOutcome,
    request::{Exclude, Lasts},
};
use serde_json::{Value, json};
use tests::{
    hub::{OPEN, Setup, TestHub},
    player::{Account, Session, refusal, token},
    raw::RawSocket,
};

use super::{BALANCE, change, get, payment, refused, service};

const PLAYER: &str = "/api/domains/balance/PLAYER_123";

/// A player whom services call `PLAYER_123`, with money.
async fn player(hub: &TestHub, token_of_service: &str) -> Session {
    let account = Account { token: token("PLAYER_123"), player: protocol::PlayerId(0), deposited: 0 };
    let session = account.connect(hub.address()).await;
    deposit(hub, token_of_service, "deposit-1").await;
    session
}

fn deposited() -> Value {
    json!({
        "merchantId": "M", "amount": "100.00", "currency": "EUR", "paymentMethod": "manual", "playerId": "PLAYER_123",
    })
}

async fn deposit(hub: &TestHub, token: &str, key: &str) {
    let answer = change(hub.address(), token, key, "/api/domains/collections", &deposited()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn shown(hub: &TestHub, token: &str) -> Value {
    get(hub.address(), token, PLAYER).await.json()
}

// clause: gli19.a.3.8.enforced
// clause: gli19.a.3.8.payout
#[tokio::test]
async fn the_next_bet_and_deposit_of_an_excluded_player_are_refused_at_the_table_too_and_money_goes_out() {
    let mut hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*,collections:*");
    let mut session = player(&hub, &cashier).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "10.00").await.expect("nothing stands against it");
    let at = hub.address();

    let path = format!("{PLAYER}/timeout");
    let first = change(at, &cashier, "t1", &path, &json!({ "days": 7 })).await;
    assert_eq!((first.status, &first.json()["days"]), (200, &json!(7)), "{first:?}");
    let again = change(at, &cashier, "t1", &path, &json!({ "days": 7 })).await.json();
    assert_eq!((&again["lsn"], &again["replayed"]), (&first.json()["lsn"], &json!(true)), "the same receipt");
    let other = refused(&change(at, &cashier, "t1", &path, &json!({ "days": 8 })).await, 409, "key_reused");
    assert_eq!(other["differs"], json!(["days"]), "{other}");

    let bet = session.bet(session.key(), OPEN.id, round, "1.00").await;
    assert_eq!(refusal(bet), ErrorCode::Excluded);
    let late = change(at, &cashier, "late", "/api/domains/collections", &deposited()).await;
    refused(&late, 422, "excluded");
    let credit = json!({ "playerId": "PLAYER_123", "amount": "5.00", "currency": "EUR", "type": "credit" });
    assert_eq!(change(at, &cashier, "c", BALANCE, &credit).await.status, 200);
    let debit = json!({ "playerId": "PLAYER_123", "amount": "90.00", "currency": "EUR", "type": "debit" });
    assert_eq!(change(at, &cashier, "d", BALANCE, &debit).await.status, 200);
    session
        .client
        .clear_bets(session.key(), OPEN.id.parse().expect("a table id"), round)
        .await
        .expect("a bet goes back");

    hub.crash();
    let told = shown(&hub, &cashier).await;
    assert_eq!(
        (&told["status"], &told["exclusion"]["kind"]),
        (&json!("excluded"), &json!("time_out")),
        "{told}"
    );
    assert!(told["exclusion"]["until"].as_str().is_some_and(|until| until.ends_with('Z')), "{told}");
    let late = change(hub.address(), &cashier, "later", "/api/domains/collections", &deposited()).await;
    refused(&late, 422, "excluded");
    hub.kill();
    hub.verify();
}

// clause: ukgc.sr.3.5.3.minimum
#[tokio::test]
async fn an_exclusion_is_not_made_shorter_and_each_wrong_request_is_told_what_is_wrong() {
    let hub = Setup::default().option("protection.time_out_days_max", 30).start();
    let cashier = service(&hub, "cashier", "balance:*,collections:*");
    let _session = player(&hub, &cashier).await;
    let at = hub.address();
    let asked = async |key: &str, what: &str, body: Value| {
        change(at, &cashier, key, &format!("{PLAYER}/{what}"), &body).await
    };
    for (what, body, words) in [
        ("timeout", json!({}), "a time-out needs \"days\""),
        ("timeout", json!({ "days": "7" }), "\"days\" is a number without decimals"),
        ("timeout", json!({ "days": 1.5 }), "\"days\" is a number without decimals"),
        ("timeout", json!({ "days": 0 }), "1 to 36500 days"),
        ("timeout", json!({ "permanent": true, "days": 1 }), "no field \"permanent\" here"),
        ("exclusion", json!({}), "an exclusion needs \"days\", or \"permanent\": true"),
        ("exclusion", json!({ "days": 400, "permanent": true }), "and not both"),
        ("exclusion", json!({ "permanent": "yes" }), "\"permanent\" is true or false"),
        ("exclusion", json!({ "days": 400, "permanent": false }), "and not both"),
        ("exclusion", json!({ "permanent": false }), "an exclusion needs \"days\", or \"permanent\": true"),
        ("exclusion", json!({ "days": 36_501 }), "1 to 36500 days"),
    ] {
        let told = refused(&asked("wrong", what, body.clone()).await, 400, "malformed");
        let detail = told["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{what} {body}: {told}");
        assert_eq!(told["key_consumed"], json!(false), "{what} {body}: {told}");
    }
    for (what, days, words) in [
        ("timeout", 31, "at most 30 days (option protection.time_out_days_max)"),
        ("exclusion", 183, "at least 184 days (option protection.self_exclusion_days_min)"),
    ] {
        let told = refused(&asked("wrong", what, json!({ "days": days })).await, 422, "bad_duration");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{told}");
        assert_eq!(told["key_consumed"], json!(false), "{told}");
    }
    refused(&asked("r0", "reinstate", json!({})).await, 409, "not_excluded");
    assert_eq!(asked("e1", "exclusion", json!({ "days": 200 })).await.status, 200);
    refused(&asked("e2", "exclusion", json!({ "days": 200 })).await, 409, "exclusion_stands");
    refused(&asked("e3", "exclusion", json!({ "days": 184 })).await, 409, "exclusion_stands");
    refused(&asked("t1", "timeout", json!({ "days": 1 })).await, 409, "exclusion_stands");
    refused(&asked("r1", "reinstate", json!({})).await, 409, "exclusion_stands");
    assert_eq!(asked("e4", "exclusion", json!({ "days": 400.0 })).await.status, 200, "a longer one");
    assert_eq!(asked("e5", "exclusion", json!({ "permanent": true })).await.status, 200, "for good");
    refused(&asked("e6", "exclusion", json!({ "days": 36_500 })).await, 409, "exclusion_stands");
    let told = shown(&hub, &cashier).await;
    assert_eq!(told["exclusion"], json!({ "kind": "self_exclusion", "until": null }), "{told}");
    let nobody = "/api/domains/balance/NOBODY/timeout";
    refused(&change(at, &cashier, "n", nobody, &json!({ "days": 1 })).await, 404, "unknown_player");
}

// clause: ukgc.sr.3.3.4.time_out
#[tokio::test]
async fn a_player_leaves_play_on_the_socket_and_every_session_of_the_player_is_kept_out() {
    let hub = Setup::default().start();
    let account = Account::sign_in(hub.address(), "tired").await;
    let (mut one, two) = (account.connect(hub.address()).await, account.connect(hub.address()).await);
    let round = one.open_round(OPEN.id).await;
    assert_eq!(two.client.exclusion().await.expect("an answer"), None);
    let exclude = |days: u64| Exclude {
        key: one.key(),
        kind: protocol::Text::new("time_out").expect("short"),
        lasts: Lasts::Days(protocol::U53::new(days).expect("a number of days")),
    };
    let asked = exclude(1);
    let lsn = two.client.exclude(asked.clone()).await.expect("nothing stands against it");
    assert_eq!(two.client.exclude(asked.clone()).await.expect("the same again"), lsn);
    let outcome = two.client.outcome(asked.key).await.expect("an answer");
    assert_eq!(outcome, KeyOutcome::Changed { lsn });
    assert_eq!(refusal(one.bet(one.key(), OPEN.id, round, "1.00").await), ErrorCode::Excluded);
    let stands = two.client.exclusion().await.expect("an answer").expect("it stands");
    assert_eq!((stands.kind.as_str(), stands.until.is_some()), ("time_out", true));
    assert_eq!(refusal(two.client.exclude(exclude(1)).await), ErrorCode::ExclusionStands);
    assert_eq!(
        refusal(two.client.exclude(exclude(43)).await),
        ErrorCode::BadDuration,
        "the operator's bound"
    );
    assert_eq!(refusal(two.client.reinstate(one.key()).await), ErrorCode::ExclusionStands);

    let mut raw = RawSocket::hello(hub.address(), &account.token).await;
    for (request, words) in [
        (
            json!({"t": "exclude", "key": "w", "kind": "break", "days": 1}),
            "\"time_out\" or \"self_exclusion\"",
        ),
        (json!({"t": "exclude", "key": "w", "kind": "time_out", "days": 0}), "1 to 36500 days"),
        (json!({"t": "exclude", "key": "w", "days": 1}), "needs the field \"kind\""),
        (json!({"t": "exclude", "key": "w", "kind": "self_exclusion"}), "\"days\", or \"permanent\": true"),
        (json!({"t": "exclude", "key": "w", "kind": "self_exclusion", "days": null}), "\"days\", or"),
        (
            json!({"t": "exclude", "key": "w", "kind": "self_exclusion", "days": 1, "permanent": true}),
            "not both",
        ),
        (json!({"t": "reinstate", "key": "w", "days": 1}), "reinstate has no field \"days\""),
    ] {
        let told = raw.ask(request.clone()).await;
        assert_eq!(told["t"], "error", "{request}: {told}");
        assert!(told["message"].as_str().is_some_and(|text| text.contains(words)), "{request}: {told}");
    }
    let unknown = raw.ask(json!({"t": "get_outcome", "key": "w"})).await;
    assert_eq!(unknown["outcome"]["status"], "unknown", "none of them has used the key: {unknown}");
}

/// Each longer exclusion is a record for good, and the first one never waits for a budget.
#[tokio::test]
async fn who_makes_an_exclusion_longer_again_and_again_pays_for_it_and_the_first_one_is_free() {
    let hub = Setup::default()
        .option("rate.refused_bytes_burst_per_player", 1_024)
        .option("rate.refused_bytes_per_second_per_player", 1)
        .start();
    let session = Account::sign_in(hub.address(), "undecided").await.connect(hub.address()).await;
    let exclude = async |days: u64| {
        let (key, kind) = (session.key(), protocol::Text::new("time_out").expect("short"));
        let lasts = Lasts::Days(protocol::U53::new(days).expect("a number of days"));
        session.client.exclude(Exclude { key, kind, lasts }).await
    };
    for days in [1, 2, 3] {
        exclude(days).await.unwrap_or_else(|error| panic!("{days} days: {error}"));
    }
    assert_eq!(refusal(exclude(4).await), ErrorCode::RateLimited);
}

/// How often it is recorded what protects players.
fn changes_of_protection(hub: &TestHub) -> usize {
    let mut reader = Reader::open(&hub.data(), Lsn(0)).expect("a log");
    let mut changes = 0;
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        if let Body::Committed(committed) = Record::decode(entry.bytes).expect("a record").body {
            changes += usize::from(committed.intent.name() == "PROTECTION");
        }
    }
    changes
}

/// What protects players is recorded when the configuration changes it, and what was decided before is proven as it was.
#[tokio::test]
async fn a_change_of_the_bounds_is_recorded_and_holds_from_then_on() {
    let mut hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*,collections:*");
    let session = player(&hub, &cashier).await;
    drop(session);
    let path = format!("{PLAYER}/timeout");
    let first = change(hub.address(), &cashier, "t1", &path, &json!({ "days": 40 })).await;
    assert_eq!(first.status, 200, "{first:?}");
    let until = shown(&hub, &cashier).await["exclusion"]["until"].clone();
    hub.kill();
    hub.configure(|setup| setup.option("protection.time_out_days_max", 1));
    hub.start();
    assert_eq!(shown(&hub, &cashier).await["exclusion"]["until"], until, "it keeps its end");
    let other = Account { token: token("OTHER"), player: protocol::PlayerId(0), deposited: 0 };
    let session = other.connect(hub.address()).await;
    let exclude = |days: u64| Exclude {
        key: session.key(),
        kind: protocol::Text::new("time_out").expect("short"),
        lasts: Lasts::Days(protocol::U53::new(days).expect("a number of days")),
    };
    assert_eq!(refusal(session.client.exclude(exclude(2)).await), ErrorCode::BadDuration);
    session.client.exclude(exclude(1)).await.expect("within the new bound");
    hub.kill();
    hub.verify();
    assert_eq!(changes_of_protection(&hub), 1, "the first start has changed nothing");
}

#[tokio::test]
async fn an_excluded_player_is_erased_only_so_that_the_person_is_recognised() {
    let hub = Setup::default().start();
    let cashier = service(&hub, "cashier", "balance:*");
    let credit = payment("credit", "1.00");
    assert_eq!(change(hub.address(), &cashier, "c", BALANCE, &credit).await.status, 200);
    assert_eq!(change(hub.address(), &cashier, "d", BALANCE, &payment("debit", "1.00")).await.status, 200);
    let excluded = format!("{PLAYER}/exclusion");
    let answer = change(hub.address(), &cashier, "e", &excluded, &json!({ "permanent": true })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let erase = ["person", "erase", "--subject", "PLAYER_123"];
    let refused_with = hub.refuses(&erase);
    assert!(refused_with.contains("excluded from play for good; give --excluded"), "{refused_with}");
    hub.done(&[&erase[..], &["--excluded"]].concat());
    let back = Account { token: token("PLAYER_123"), player: protocol::PlayerId(0), deposited: 0 };
    let told = back.try_connect(hub.address(), vec![]).await;
    assert_eq!(refusal(told.map(drop)), ErrorCode::Forbidden);
}
