//! Lists of transactions, the past, and reports, each beside what was done.

use tests::hub::QUICK;

use super::*;

const TRANSACTIONS: &str = "/api/domains/coordinator/transactions";

#[tokio::test]
async fn every_transaction_and_every_refusal_is_listed_by_pages_with_filters() {
    let (hub, token, last) = played().await;
    let at = hub.address();
    let all = service(&hub, "*");
    // Two refusals that stand, and a freeze, which moves nothing.
    assert_eq!(pay(at, &token, "d2", "debit", "900.00").await["code"], json!("insufficient_funds"));
    assert_eq!(pay(at, &token, "d3", "debit", "0.50").await["lsn"].as_u64(), Some(last + 2));
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", "f1")];
    let line = format!("POST /api/domains/balance/{PLAYER}/freeze");
    let freeze = http::spelled(&line, &at.to_string(), &headers, Some(r#"{"reason":"FRAUD_CHECK"}"#));
    let last = http::request(at, &freeze).await.json()["lsn"].as_u64().expect("a record");

    let only = async |query: &str| {
        let path = format!("{TRANSACTIONS}?at_least={last}&{query}");
        let answer = get(at, &all, &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let lines = body["data"].as_array().expect("lines").clone();
        let told = lines.iter().map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} {}", text("type"), text("outcome"), text("amount"), text("reference"))
        });
        told.collect::<Vec<_>>()
    };
    let of_player = [
        "credit committed 50.00 PAPER-c1",
        "credit committed 7.25 PAPER-c2",
        "debit committed 20.00 PAPER-d1",
        "stake committed 1.50 -",
        "debit rejected 900.00 PAPER-d2",
        "debit committed 0.50 PAPER-d3",
        "freeze committed - -",
    ];
    assert_eq!(only(&format!("playerId={PLAYER}")).await, of_player);
    assert_eq!(only(&format!("playerId={PLAYER}&outcome=rejected")).await, of_player[4..5]);
    assert_eq!(only("code=insufficient_funds").await, of_player[4..5]);
    assert_eq!(only("reference=PAPER-d3").await, of_player[5..6]);
    assert_eq!(only("type=debit&min=10&max=30").await, of_player[2..3]);
    assert_eq!(only(&format!("type=stake&table={}", OPEN.id)).await, of_player[3..4]);
    assert_eq!(only(&format!("playerId={PLAYER}&as_of={}", last - 3)).await, of_player[..4]);
    assert_eq!(only("from=2999-01-01T00:00:00Z").await, [""; 0]);
    let mut newest = of_player;
    newest.reverse();
    assert_eq!(only(&format!("playerId={PLAYER}&order=newest")).await, newest);

    // Page by page.
    let (mut pages, mut query) = (Vec::new(), format!("playerId={PLAYER}&limit=3"));
    loop {
        let page = get(at, &all, &format!("{TRANSACTIONS}?{query}")).await.json();
        pages.extend(page["data"].as_array().expect("lines").iter().map(|line| line["lsn"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=3&cursor={next}");
    }
    assert_eq!(pages.len(), of_player.len());
    let csv = get_as(at, &all, &format!("{TRANSACTIONS}?code=insufficient_funds"), "text/csv").await;
    let rows: Vec<_> = csv.body.lines().collect();
    assert_eq!(rows.len(), 2, "{csv:?}");
    assert!(rows[0].starts_with("lsn,time,tx,type,by,outcome,code,player,amount,"), "{csv:?}");
    assert!(rows[1].contains(",debit,service,rejected,insufficient_funds,"), "{csv:?}");

    // A key stands alone, and a cursor fits its list alone.
    refused(&get(at, &all, &format!("{TRANSACTIONS}?key=a&type=debit")).await, 400, "malformed");
    refused(&get(at, &all, &format!("{TRANSACTIONS}?outcome=lost")).await, 400, "malformed");
    let page = get(at, &all, &list("?limit=1")).await.json();
    let foreign = format!("{TRANSACTIONS}?cursor={}", page["next"].as_str().expect("more"));
    let told = refused(&get(at, &all, &foreign).await, 400, "malformed");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("another list")), "{told}");
    refused(&get(at, &token, TRANSACTIONS).await, 403, "forbidden");
}

#[tokio::test]
async fn a_balance_and_a_statement_are_read_as_of_a_record_of_the_past() {
    let (hub, token, last) = played().await;
    let at = hub.address();
    let lines = get(at, &token, &list(&format!("?at_least={last}"))).await.json();
    let lines = lines["data"].as_array().expect("lines").clone();
    for (place, line) in lines.iter().enumerate() {
        let lsn = line["lsn"].as_u64().expect("a record");
        let told = get(at, &token, &format!("/api/domains/balance/{PLAYER}?as_of={lsn}")).await.json();
        let mut expected = line["after"].clone();
        expected["currency"] = json!("EUR");
        expected["level"] = Value::Null;
        assert_eq!((&told["balances"], &told["lsn"]), (&json!([expected]), &json!(lsn)), "{told}");
        assert_eq!(told["status"], Value::Null);
        let until = get(at, &token, &list(&format!("?as_of={lsn}"))).await.json();
        assert_eq!(until["data"], json!(lines[..=place]));
    }
    let before = get(at, &token, &format!("/api/domains/balance/{PLAYER}?as_of=0")).await.json();
    assert_eq!(before["balances"], json!([]));
    // Now is the last of them.
    let now = get(at, &token, &format!("/api/domains/balance/{PLAYER}?at_least={last}")).await.json();
    assert_eq!((&now["balances"][0]["available"], &now["status"]), (&json!("35.75"), &json!("active")));
    for name in ["as_of", "at_least"] {
        let far = get(at, &token, &format!("/api/domains/balance?playerId={PLAYER}&{name}=99999999")).await;
        assert_eq!(refused(&far, 409, "not_recorded")["field"], json!(name));
        let wrong = get(at, &token, &format!("/api/domains/balance/{PLAYER}?{name}=now")).await;
        assert_eq!(refused(&wrong, 400, "malformed")["field"], json!(name));
    }
}

#[tokio::test]
async fn reports_tell_what_games_returned_what_is_owed_and_which_rounds_were_interrupted() {
    let mut hub = Setup::default().tables([OPEN, QUICK]).start();
    hub.has_its_read_model().await;
    let (at, token, monitor) = (hub.address(), service(&hub, "balance:*"), service(&hub, "monitoring:read"));
    let credit = pay(at, &token, "c1", "credit", "50.00").await;
    let player = credit["player"].as_str().expect("an id").parse().expect("a player id");
    let account = Account { token: self::token(PLAYER), player, deposited: 0 };
    let mut session = account.connect(at).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.50").await.expect("a good bet");
    let round = session.open_round(QUICK.id).await;
    session.bet(session.key(), QUICK.id, round, "2.00").await.expect("a good bet");

    let report = async |name: &str| get(at, &monitor, &format!("/api/reports/{name}")).await;
    until("a drawn round", async || {
        let told = report("game-performance").await;
        assert_eq!(told.status, 200, "{told:?}");
        let told = told.json();
        told["data"].as_array().expect("lines").iter().any(|line| line["staked"] != "0.00").then_some(())
    })
    .await;
    let told = report("game-performance").await.json();
    let line = &told["data"][0];
    let (won, share) = if line["returned"] == "0.00" { (false, "0.000000") } else { (true, "2.000000") };
    assert_eq!(line["result"], json!(if won { "-2.00" } else { "2.00" }), "{line}");
    assert_eq!(
        (&line["game"], &line["currency"], &line["staked"], &line["requests"], &line["return"]),
        (&json!("roulette"), &json!("EUR"), &json!("2.00"), &json!(1), &json!(share)),
        "{line}"
    );
    assert_eq!(line["theoretical"], json!({"least": "0.972973", "most": "0.972973"}));
    assert_eq!((&line["band"]["from"], &line["within_band"]), (&json!("0.000000"), &json!(true)));
    let csv = get_as(at, &monitor, "/api/reports/game-performance", "text/csv").await;
    assert_eq!(csv.body.lines().next().map(|row| row.split(',').count()), Some(15), "{csv:?}");
    let past = report("game-performance?from=2020-01-01&to=2020-03-31").await.json();
    assert_eq!((&past["data"], &past["from"]), (&json!([]), &json!("2020-01-01")));

    let owed = report("liability").await.json();
    let balance = if won { "52.00" } else { "48.00" };
    let total = owed["totals"].as_array().expect("totals").iter().find(|total| total["currency"] == "EUR");
    assert_eq!(total, Some(&json!({"currency": "EUR", "balance": balance, "held": "1.50"})), "{owed}");
    let line = &owed["data"][0];
    assert_eq!(
        (&line["owner"], &line["kind"], &line["open_holds"]),
        (&json!("player"), &json!("cash"), &json!(1))
    );

    let totals = report("domain-totals?domain=balance").await.json();
    // The last seven days: it may have been yesterday when the table was played.
    let days =
        [&totals["from"], &totals["data"][0]["day"], &totals["to"]].map(|day| day.as_str().expect("a day"));
    assert!(days.is_sorted() && days.iter().all(|day| day.len() == 10), "{totals}");
    let all = report("domain-totals").await.json();
    let all = all["data"].as_array().expect("lines").clone();
    assert!(all.iter().any(|line| line["domain"] == "distributions") || !won, "{all:?}");
    let cents =
        |line: &Value, name: &str| line[name].as_str().expect("money").replace('.', "").parse::<i64>();
    let sum = |name: &str| all.iter().map(|line| cents(line, name).expect("digits")).sum::<i64>();
    assert_eq!(sum("debits"), sum("credits"));

    // The round of a table that is played is not interrupted; without the table it is.
    assert_eq!(report("interrupted-games").await.json()["data"], json!([]));
    hub.kill();
    hub.configure(|setup| setup.tables([QUICK]));
    let at = hub.start();
    // The start declares it void, because its table is not played any more. Until then it is open, and money is held for it.
    let line = until("the interrupted round", async || {
        let told = get(at, &monitor, "/api/reports/interrupted-games").await.json();
        told["data"].get(0).filter(|line| line["ended"].is_string()).cloned()
    })
    .await;
    let told = ["table", "game", "state", "reason", "currency", "held"].map(|name| line[name].clone());
    let expected = [OPEN.id, "roulette", "voided", "the table was taken out of service", "EUR", "0.00"];
    assert_eq!(told, expected.map(|text| json!(text)), "{line}");

    for (query, words) in [
        ("domain-totals?from=2026-12-32", "2026-12-31"),
        ("domain-totals?from=2026-01-01&to=2026-12-31", "92 days"),
        ("game-performance?from=2026-02-02&to=2026-02-01", "before the first"),
        ("domain-totals?domain=bank", "the domains are"),
        ("liability?from=2026-01-01", "no parameter"),
        ("interrupted-games?limit=0", "1 to 200"),
        ("interrupted-games?as_of=1", "no parameter"),
    ] {
        let answer = get(at, &monitor, &format!("/api/reports/{query}")).await;
        let told = refused(&answer, 400, "malformed");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{query}: {told}");
    }
    refused(&get(at, &token, "/api/reports/liability").await, 403, "forbidden");
    refused(&get(at, &monitor, "/api/reports/nothing").await, 404, "not_found");
}
