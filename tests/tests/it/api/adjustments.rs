//! Corrections that another operator approves, and reversals of whole transactions, on the real binary: also over kill -9, and
//! with everything that is wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domains::{
    approval::ProposalId,
    correction::{AdjustmentReason, Correction, CorrectionOf},
    recipes::{Deposit, ProposeAdjustment},
    reversal::Reversal,
};
use engine::{Body, Content, Envelope, Intent, Principal, PrincipalKind, Turn, Tx, TxId, World, reversal_of};
use journal::{Lsn, Options, Reader, SyncLog, file::Directory};
use protocol::push::Event;
use serde_json::{Value, json};
use tests::{
    hub::{QUICK, Setup, TestHub},
    player::{Account, token as player_token},
};

use super::{BALANCE, change, get, payment, refused, service, token};

const ADJUSTMENT: &str = "/api/domains/adjustment";
const TRANSACTIONS: &str = "/api/domains/coordinator/transactions";

fn operator(hub: &TestHub, name: &str, can: &str) -> String {
    token(hub, &["--operator", name, "--can", can])
}

/// Operators by these names, who may do everything with adjustments.
fn operators<const N: usize>(hub: &TestHub, names: [&str; N]) -> [String; N] {
    names.map(|name| operator(hub, name, "adjustment:*,coordinator:read"))
}

fn credit() -> Value {
    json!({
        "playerId": "PLAYER_123", "amount": "10.00", "currency": "USD", "direction": "credit", "reason": "ERROR",
        "reference": "ticket 1",
    })
}

fn reverse(tx: &Value) -> Value {
    json!({ "reverse": tx, "reason": "ERROR", "reference": "ticket 1" })
}

async fn propose(hub: &TestHub, token: &str, key: &str, body: &Value) -> Value {
    let answer = change(hub.address(), token, key, ADJUSTMENT, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The path of a step of what a proposal's answer names.
fn step(proposed: &Value, step: &str) -> String {
    format!("{ADJUSTMENT}/{}/{step}", proposed["proposal"].as_str().expect("an id"))
}

/// A proposal, as it stands.
async fn shown(hub: &TestHub, token: &str, proposed: &Value) -> Value {
    let path = format!("{ADJUSTMENT}/{}", proposed["proposal"].as_str().expect("an id"));
    let answer = get(hub.address(), token, &path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn total(hub: &TestHub, token: &str) -> Value {
    let told = get(hub.address(), token, "/api/domains/balance/PLAYER_123").await.json();
    told["balances"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["currency"] == "USD"))
        .map_or_else(|| json!("0.00"), |one| one["total"].clone())
}

// clause: gli19.b.2.3.two_people
#[tokio::test]
async fn a_correction_is_carried_out_once_another_operator_has_approved_it() {
    let mut hub = Setup::default().start();
    let [anna, ben, carl] = operators(&hub, ["anna", "ben", "carl"]);
    let robot = service(&hub, "robot", "adjustment:*,balance:*");
    let at = hub.address();
    let proposed = propose(&hub, &anna, "p1", &credit()).await;
    assert_eq!((&proposed["status"], &proposed["needed"]), (&json!("open"), &json!(1)), "{proposed}");
    assert_eq!(total(&hub, &robot).await, json!("0.00"), "nothing moves yet");
    let listed = get(at, &ben, ADJUSTMENT).await.json();
    assert_eq!(listed["data"][0]["id"], proposed["proposal"], "{listed}");
    assert_eq!((&listed["data"][0]["amount"], &listed["more"]), (&json!("10.00"), &json!(false)), "{listed}");

    // Another token of the same person, with other rights, is the same person.
    let other_token = operator(&hub, "anna", "adjustment:approve");
    let approve = step(&proposed, "approve");
    let own = refused(&change(at, &other_token, "a1", &approve, &json!({})).await, 403, "own_proposal");
    assert_eq!((&own["key_consumed"], &own["final"]), (&json!(true), &json!(true)), "{own}");
    refused(&change(at, &robot, "a1", &approve, &json!({})).await, 403, "not_an_approver");
    let proposes_alone = operator(&hub, "dora", "adjustment:propose");
    refused(&change(at, &proposes_alone, "a1", &approve, &json!({})).await, 403, "forbidden");

    // Two at once: one of them is told that it has ended.
    let body = json!({});
    let (one, other) =
        tokio::join!(change(at, &ben, "a1", &approve, &body), change(at, &carl, "a1", &approve, &body));
    let (first, second, by) = if one.status == 200 { (one, other, &ben) } else { (other, one, &carl) };
    refused(&second, 409, "proposal_ended");
    let applied = first.json();
    assert_eq!((&applied["status"], &applied["approvals"]), (&json!("applied"), &json!(1)), "{applied}");
    assert_eq!(applied["balance"]["total"], json!("10.00"), "{applied}");
    let again = change(at, by, "a1", &approve, &json!({})).await.json();
    assert_eq!((&again["replayed"], &again["status"]), (&json!(true), &json!("applied")), "{again}");
    refused(&change(at, &ben, "r1", &step(&proposed, "reject"), &json!({})).await, 409, "proposal_ended");
    assert_eq!(get(at, &ben, ADJUSTMENT).await.json()["data"], json!([]));

    hub.crash();
    let shown = shown(&hub, &ben, &proposed).await;
    assert_eq!((&shown["status"], &shown["how"]), (&json!("applied"), &json!("approved")), "{shown}");
    assert_eq!(
        (&shown["transaction"], &shown["author"]["kind"]),
        (&applied["tx"], &json!("operator")),
        "{shown}"
    );
    assert_eq!(total(&hub, &robot).await, json!("10.00"));
    hub.kill();
    hub.verify();
}

/// Approval and effect are one record: whenever the hub is killed, either both are there or neither, and asking again with the
/// same key makes it so once.
#[tokio::test]
async fn a_kill_between_approval_and_effect_leaves_both_or_neither() {
    let mut hub = Setup::default().start();
    let [anna, ben] = operators(&hub, ["anna", "ben"]);
    let robot = service(&hub, "robot", "balance:*");
    for round in 0..6_u64 {
        let proposed = propose(&hub, &anna, &format!("p{round}"), &credit()).await;
        let (approve, key, at) = (step(&proposed, "approve"), format!("a{round}"), hub.address());
        let body = json!({});
        let asked = change(at, &ben, &key, &approve, &body);
        // Killed while it is under way, each time at another moment. Whether it was answered does not matter.
        let _ = tokio::time::timeout(Duration::from_micros(300 * round), async { Some(asked.await) }).await;
        hub.crash();
        let shown = shown(&hub, &ben, &proposed).await;
        let before = format!("{}0.00", if round == 0 { String::new() } else { round.to_string() });
        let after = format!("{}0.00", round + 1);
        let expected = if shown["status"] == "applied" { &after } else { &before };
        assert_eq!(total(&hub, &robot).await, json!(expected), "{shown}");
        let again = change(hub.address(), &ben, &key, &approve, &json!({})).await;
        assert_eq!((again.status, &again.json()["status"]), (200, &json!("applied")), "{again:?}");
        assert_eq!(total(&hub, &robot).await, json!(after));
    }
    hub.kill();
    hub.verify();
}

#[tokio::test]
async fn a_transaction_is_reversed_once_and_each_wrong_reversal_is_told_what_is_wrong() {
    let mut hub = Setup::default().start();
    let [anna, ben] = operators(&hub, ["anna", "ben"]);
    let robot = service(&hub, "robot", "balance:*,adjustment:read");
    let at = hub.address();
    let paid = change(at, &robot, "c1", BALANCE, &payment("credit", "50.00")).await.json();
    let held = change(
        at,
        &robot,
        "h1",
        "/api/domains/balance/holds",
        &json!({ "playerId": "PLAYER_123", "amount": "5.00", "currency": "USD" }),
    )
    .await
    .json();
    let poor = refused(
        &change(at, &robot, "d0", BALANCE, &payment("debit", "99.00")).await,
        422,
        "insufficient_funds",
    );

    // What is held keeps it from being carried out, and the refusal names who.
    let proposed = propose(&hub, &anna, "p1", &reverse(&paid["tx"])).await;
    assert_eq!(
        (&proposed["direction"], &proposed["amount"]),
        (&json!("reversal"), &json!("50.00")),
        "{proposed}"
    );
    assert_eq!(proposed["players"], json!([{ "player": paid["player"], "amount": "-50.00" }]), "{proposed}");
    let approve = step(&proposed, "approve");
    let told = refused(&change(at, &ben, "a1", &approve, &json!({})).await, 422, "insufficient_funds");
    let names = format!("player {} has 45.00 USD available", paid["player"].as_str().expect("an id"));
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(&names)), "{told}");
    let release = format!("{BALANCE}/holds/{}/release", held["hold"].as_str().unwrap_or_default());
    assert_eq!(change(at, &robot, "l1", &release, &json!({})).await.status, 200, "{held}");
    let applied = change(at, &ben, "a2", &approve, &json!({})).await.json();
    assert_eq!(
        (&applied["status"], &applied["balance"]["total"]),
        (&json!("applied"), &json!("0.00")),
        "{applied}"
    );

    // Both name each other, and it is not done twice.
    let tx = paid["tx"].as_str().expect("an id");
    let shown = get(at, &anna, &format!("{TRANSACTIONS}/{tx}")).await.json();
    assert_eq!(shown["reversedBy"], applied["tx"], "{shown}");
    let shown =
        get(at, &anna, &format!("{ADJUSTMENT}/{}", proposed["id"].as_str().expect("an id"))).await.json();
    assert_eq!((&shown["reverse"], &shown["transaction"]), (&paid["tx"], &applied["tx"]), "{shown}");
    refused(&change(at, &anna, "p2", ADJUSTMENT, &reverse(&paid["tx"])).await, 409, "reversed_before");
    for (tx, status, code, words) in [
        (&applied["tx"], 422, "not_reversible", "it is a correction itself"),
        (&held["tx"], 422, "not_reversible", "it only sets money aside"),
        (
            &json!(poor["lsn"].as_u64().map_or_else(|| "1".into(), |lsn| lsn.to_string())),
            422,
            "not_reversible",
            "no money",
        ),
        (&json!("tx_00000000000000000000000000000009"), 404, "unknown_transaction", ""),
        (&json!("nothing"), 400, "malformed", "tx_ and 32"),
    ] {
        let told = refused(&change(at, &anna, "wrong", ADJUSTMENT, &reverse(tx)).await, status, code);
        assert!(told["detail"].as_str().unwrap_or_default().contains(words), "{tx}: {told}");
        assert_eq!(
            (&told["field"], &told["key_consumed"]),
            (&json!("reverse"), &json!(false)),
            "{tx}: {told}"
        );
    }
    for (body, words) in [
        (
            json!({ "reverse": paid["tx"], "amount": "1.00", "reason": "ERROR", "reference": "1" }),
            "\"amount\" does not go with \"reverse\"",
        ),
        (
            json!({ "playerId": "P", "amount": "1.00", "reason": "BECAUSE", "reference": "1" }),
            "ERROR, GOODWILL",
        ),
        (json!({ "playerId": "P", "amount": "1.00", "reason": "ERROR" }), "\"reference\" is missing"),
        (
            json!({ "playerId": "P", "amount": "1.00", "direction": "up", "reason": "ERROR", "reference": "1" }),
            "credit or debit",
        ),
    ] {
        let told = refused(&change(at, &anna, "wrong", ADJUSTMENT, &body).await, 400, "malformed");
        assert!(told["detail"].as_str().unwrap_or_default().contains(words), "{body}: {told}");
    }
    let unknown = format!("{ADJUSTMENT}/tx_00000000000000000000000000000009/approve");
    refused(&change(at, &ben, "a3", &unknown, &json!({})).await, 404, "unknown_proposal");
    hub.kill();
    hub.verify();
}

#[tokio::test]
async fn a_settled_round_is_void_by_one_transaction_that_names_it() {
    let mut hub = Setup::default().tables([QUICK]).start();
    hub.has_its_read_model().await;
    let [anna, ben] = operators(&hub, ["anna", "ben"]);
    let at = hub.address();
    let robot = service(&hub, "robot", "balance:*");
    let credit = json!({ "playerId": "PLAYER_123", "amount": "50.00", "currency": "EUR", "type": "credit" });
    let credit = change(at, &robot, "c1", BALANCE, &credit).await.json();
    let player = credit["player"].as_str().expect("an id").parse().expect("a player id");
    let account = Account { token: player_token("PLAYER_123"), player, deposited: 0 };
    let mut session = account.connect(at).await;
    let round = session.open_round(QUICK.id).await;
    session.bet(session.key(), QUICK.id, round, "2.00").await.expect("a good bet");
    let settled = session.hear("the end of the round", |_, event| match event {
        Event::RoundResult { round: ended, .. } if *ended == round => Some(()),
        _ => None,
    });
    settled.await;
    assert_ne!(session.balance().await, (5_000, 0), "the bet has won or lost");

    let query = format!("{TRANSACTIONS}?type=settle_round&table={}&round={round}", QUICK.id);
    let line = tests::until("the settlement in the read model", async || {
        let told = get(at, &anna, &query).await.json();
        told["data"].as_array().and_then(|lines| lines.first().cloned())
    })
    .await;
    for (key, name) in [("p1", json!(line["lsn"].to_string())), ("p2", line["tx"].clone())] {
        let told =
            change(at, &anna, key, &format!("{ADJUSTMENT}?dry_run=true"), &reverse(&name)).await.json();
        assert_eq!((&told["reverse"], &told["dry_run"]), (&line["tx"], &json!(true)), "{told}");
    }
    let proposed = propose(&hub, &anna, "p", &reverse(&line["tx"])).await;
    let applied = change(at, &ben, "a", &step(&proposed, "approve"), &json!({})).await;
    assert_eq!((applied.status, &applied.json()["status"]), (200, &json!("applied")), "{applied:?}");
    assert_eq!(session.balance().await, (5_000, 0), "everybody has what they had before it");
    drop(session);
    // It is decided again on what the read model has, and the read model has what the log says.
    let explain = format!("{TRANSACTIONS}/{}/explain", applied.json()["tx"].as_str().expect("an id"));
    let told = get(at, &anna, &explain).await;
    assert_eq!((told.status, &told.json()["agrees"]), (200, &json!(true)), "{told:?}");
    hub.kill();
    hub.verify();
    hub.done(&["verify", "--read-model"]);
}

/// Proposes something, and returns the path at which its author would approve it.
async fn approve_own(hub: &TestHub, token: &str, body: Value) -> String {
    step(&propose(hub, token, "own", &body).await, "approve")
}

#[tokio::test]
async fn bands_limits_and_emergencies_are_as_configured_and_change_with_a_restart() {
    let rules = "[[adjustment.bands]]\ncurrency = \"USD\"\nfrom = \"0\"\napprovals = 0\n\
                 [[adjustment.bands]]\ncurrency = \"USD\"\nfrom = \"20.00\"\napprovals = 2\n\
                 [[adjustment.limits]]\noperator = \"ben\"\ncurrency = \"USD\"\nmax = \"15.00\"\n\
                 [[adjustment.limits]]\ncurrency = \"USD\"\nmax = \"1000000.00\"\n\
                 [[adjustment.limits]]\ncurrency = \"EUR\"\nmax = \"1000000.00\"\n";
    let mut hub = Setup::default()
        .option("adjustment.break_glass", true)
        .option("monitoring.check_every_seconds", 1)
        .extra(rules)
        .start();
    hub.expect_errors(); // the alert
    let [anna, ben, carl, dora] = operators(&hub, ["anna", "ben", "carl", "dora"]);
    let at = hub.address();
    let of = |amount: &str| {
        let mut body = credit();
        body["amount"] = json!(amount);
        body
    };
    let alone = propose(&hub, &anna, "p1", &of("19.99")).await;
    assert_eq!((&alone["status"], &alone["approvals"]), (&json!("applied"), &json!(0)), "{alone}");
    let shown =
        get(at, &anna, &format!("{ADJUSTMENT}/{}", alone["id"].as_str().expect("an id"))).await.json();
    assert_eq!(shown["how"], json!("alone"), "the record says so: {shown}");
    refused(&change(at, &ben, "p1", ADJUSTMENT, &of("15.01")).await, 403, "above_approver_limit");

    let large = propose(&hub, &ben, "p2", &of("20.00")).await;
    let approve = step(&large, "approve");
    let first = change(at, &anna, "a1", &approve, &json!({})).await.json();
    assert_eq!((&first["status"], &first["approvals"]), (&json!("open"), &json!(1)), "{first}");
    refused(&change(at, &anna, "a2", &approve, &json!({})).await, 409, "approved_before");
    hub.crash();
    let second = change(hub.address(), &carl, "a1", &approve, &json!({})).await.json();
    assert_eq!((&second["status"], &second["approvals"]), (&json!("applied"), &json!(2)), "{second}");
    let large = propose(&hub, &anna, "p3", &of("30.00")).await;
    let above = change(hub.address(), &ben, "a1", &step(&large, "approve"), &json!({})).await;
    refused(&above, 403, "above_approver_limit");
    let withdrawn = change(hub.address(), &anna, "w1", &step(&large, "reject"), &json!({})).await.json();
    assert_eq!(withdrawn["status"], json!("withdrawn"), "{withdrawn}");

    let mut emergency = of("500.00");
    emergency["breakGlass"] = json!("nobody else on duty");
    let done = propose(&hub, &dora, "e1", &emergency).await;
    assert_eq!(done["status"], json!("applied"), "{done}");
    let shown =
        get(hub.address(), &anna, &format!("{ADJUSTMENT}/{}", done["id"].as_str().expect("an id"))).await;
    let shown = shown.json();
    assert_eq!(
        (&shown["how"], &shown["breakGlass"]),
        (&json!("break_glass"), &json!("nobody else on duty")),
        "{shown}"
    );
    let metrics = tests::http::get(hub.admin(), "/metrics").await.body;
    assert!(metrics.contains("hub_break_glass_total 1"), "it is counted");
    let monitor = service(&hub, "monitor", "monitoring:read");
    tests::until("the alert", async || {
        let told = get(hub.address(), &monitor, "/monitoring/alerts").await.json();
        let alerts = told["alerts"].as_array().expect("alerts");
        alerts.iter().any(|one| one["name"] == "break_glass" && one["status"] == "critical").then_some(())
    })
    .await;
    // Whoever approves their own is in the security log.
    refused(
        &change(hub.address(), &ben, "o1", &approve_own(&hub, &ben, of("21.00")).await, &json!({})).await,
        403,
        "own_proposal",
    );
    tests::until("the line of the security log", async || {
        let told = get(hub.address(), &monitor, "/monitoring/security").await.json();
        let events = told["events"].as_array().expect("events");
        events.iter().any(|one| one["kind"] == "approval_refused").then_some(())
    })
    .await;
    let just_proposes = operator(&hub, "emil", "adjustment:propose");
    refused(&change(hub.address(), &just_proposes, "e1", ADJUSTMENT, &emergency).await, 403, "forbidden");

    hub.kill();
    hub.configure(|setup| setup.option("adjustment.break_glass", false));
    hub.start();
    refused(&change(hub.address(), &dora, "e2", ADJUSTMENT, &emergency).await, 403, "no_break_glass");
    let again = change(hub.address(), &dora, "e1", ADJUSTMENT, &emergency).await.json();
    assert_eq!((&again["replayed"], &again["status"]), (&json!(true), &json!("applied")), "{again}");
    hub.kill();
    hub.verify();
}

#[tokio::test]
async fn an_approval_that_comes_too_late_is_refused() {
    let mut hub = Setup::default().prepare();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    let storage = Directory::create(&hub.data()).expect("a directory");
    let player = crate::clock::enrolled(&hub);
    let mut log = SyncLog::open(storage, Options { segment_bytes: 1 << 20, nice: 0 }).expect("a log");
    let of = CorrectionOf::Amount {
        player,
        currency: "USD".parse().expect("a currency"),
        amount: 100,
        takes: false,
    };
    let reference = "ticket 1".parse().expect("a reference");
    let correction = Correction { of, reason: AdjustmentReason::Goodwill, reference };
    let intent = Intent::new(ProposeAdjustment { correction, break_glass: None });
    let author = Principal::named(PrincipalKind::Operator, "", "anna");
    let id = TxId(0xabc);
    let propose = Tx::new(id, author, Some(Content::of_intent(&intent)), intent);
    // Three days are its time.
    let turn = World::default().books.turn(Envelope::Run(propose), now - 73 * 60 * 60 * 1_000);
    let Turn::New(decided) = turn else { panic!("a new key") };
    log.append(&decided.into_record().encode());
    log.sync().expect("a disk");
    log.close().expect("a disk");
    hub.start();
    let [ben] = operators(&hub, ["ben"]);
    let listed = get(hub.address(), &ben, ADJUSTMENT).await.json();
    assert_eq!(listed["data"][0]["status"], json!("expired"), "{listed}");
    let ProposalId(number) = ProposalId(id.0);
    let at = |step: &str| format!("{ADJUSTMENT}/tx_{number:032x}/{step}");
    refused(&change(hub.address(), &ben, "a1", &at("approve"), &json!({})).await, 409, "proposal_expired");
    let rejected = change(hub.address(), &ben, "r1", &at("reject"), &json!({})).await.json();
    assert_eq!(rejected["status"], json!("rejected"), "{rejected}");
    hub.kill();
    hub.verify();
}

/// A log with one deposit and a proposal to reverse it, which this has changed.
fn proposing(change: impl FnOnce(&mut Reversal)) -> TestHub {
    let hub = Setup::default().prepare();
    let storage = Directory::create(&hub.data()).expect("a directory");
    let player = crate::clock::enrolled(&hub);
    let mut log = SyncLog::open(storage, Options { segment_bytes: 1 << 20, nice: 0 }).expect("a log");
    let mut world = World::default();
    let mut append = |tx: Tx| {
        let Turn::New(decided) = world.books.turn(Envelope::Run(tx), 1) else { panic!("a new key") };
        let record = decided.into_record();
        world.apply(&record).expect("it fits");
        log.append(&record.encode());
        log.sync().expect("a disk");
        record
    };
    let deposit = Deposit { player, currency: "USD".parse().expect("a currency"), amount: 100 };
    let robot = Principal::named(PrincipalKind::Service, "", "robot");
    let deposited = append(Tx::new(TxId(1), robot, Some(Content(1)), deposit));
    let Body::Committed(committed) = deposited.body else { panic!("it is deposited") };
    let hash = Reader::open(&hub.data(), Lsn(0))
        .expect("a log")
        .next(Lsn(1))
        .expect("a log")
        .expect("a record")
        .hash;
    let mut reversal = reversal_of(1, hash, &committed).expect("it moves money");
    change(&mut reversal);
    let reference = "ticket 1".parse().expect("a reference");
    let of = CorrectionOf::Transaction(reversal.into());
    let correction = Correction { of, reason: AdjustmentReason::Error, reference };
    let intent = Intent::new(ProposeAdjustment { correction, break_glass: None });
    let author = Principal::named(PrincipalKind::Operator, "", "anna");
    append(Tx::new(TxId(2), author, Some(Content::of_intent(&intent)), intent));
    log.close().expect("a disk");
    hub
}

/// The turn takes a reversal as it is given, as long as it balances. Who reads the whole log finds what it reverses.
#[test]
fn verify_compares_a_reversal_with_the_record_that_it_names() {
    proposing(|_| {}).verify();
    let half = |reversal: &mut Reversal| {
        reversal.posts.iter_mut().flat_map(|(_, posts)| posts).for_each(|post| post.amount = 50);
    };
    let other_hash = |reversal: &mut Reversal| reversal.hash[0] ^= 1;
    type Change = fn(&mut Reversal);
    let changes: [(Change, &str); 3] = [
        (half, "it reverses record 1, and is not the opposite of that"),
        (other_hash, "it reverses record 1, and is not the opposite of that"),
        (|reversal| reversal.lsn = 9, "it reverses record 9, which is not there"),
    ];
    for (change, words) in changes {
        let told = proposing(change).refuses(&["verify"]);
        assert!(told.contains("failed to prove record 2") && told.contains(words), "{told}");
    }
}
