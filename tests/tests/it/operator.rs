//! What an operator types and reads: configuration that refuses with a reason, health, figures.

use serde_json::json;
use tests::{
    http,
    hub::{AUTH_SECRET, OPEN, Setup},
    player::Account,
    raw::RawSocket,
};

/// Everything production asks for.
fn production() -> Setup {
    Setup::default()
        .variable("HUB__MODE", "production")
        .variable("HUB_PSEUDONYM_SECRET", "Pw5tYi0oPl3kJh7gFd2sAz9xCv4bNm6e")
        .variable("HUB_SEED_SECRET", "S8n1Bv6cXz4aSd9fGh2jKl7pOi3uYt5r")
        .option("demo.enabled", false)
        .extra("[server]\nallowed_origins = [\"https://play.example.com\"]\n")
}

#[tokio::test]
async fn production_lists_everything_that_is_missing_at_once_and_does_not_start() {
    let hub = Setup::default().variable("HUB_AUTH_SECRET", "").variable("HUB__MODE", "production").prepare();
    for arguments in
        [&["check-config"][..], &["serve", "--listen", "127.0.0.1:0"], &["token", "--player", "x"]]
    {
        let output = hub.run(arguments);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {words}");
        for name in
            ["HUB_AUTH_SECRET", "HUB_PSEUDONYM_SECRET", "HUB_SEED_SECRET", "allowed_origins", "demo.enabled"]
        {
            assert!(words.contains(name), "{arguments:?} does not name {name}: {words}");
        }
    }
    assert!(!hub.data().exists(), "refusing leaves nothing behind");
}

#[tokio::test]
async fn production_gives_no_play_money_and_takes_tokens_of_the_operator() {
    let hub = production().start();
    let demo = http::post(hub.address(), "/api/demo", None, &json!({"name": "Anna"})).await;
    assert_eq!(demo.status, 404, "{demo:?}");
    let info = http::get(hub.address(), "/api/info").await.json();
    assert_eq!((&info["mode"], &info["demo"]), (&json!("production"), &json!(false)), "{info}");
    let token = hub.run(&["token", "--player", "anna", "--ttl", "1h"]);
    let token = String::from_utf8(token.stdout).expect("a token");
    let mut socket = RawSocket::hello(hub.address(), token.trim()).await;
    assert_eq!(socket.ask(json!({"t": "get_balance"})).await["balances"], json!([]), "no account yet");
}

#[tokio::test]
async fn a_wrong_key_or_value_is_named_with_its_file_and_line() {
    let rows = [
        ("[server]\nlistn = \"127.0.0.1:1\"\n", ["hub.toml:4", "server.listn", "\"listen\""]),
        ("[rate]\nin_flight_max = 1\n", ["hub.toml:4", "rate.in_flight_max", "64"]),
        ("[socket]\nframe_bytes_max = \"big\"\n", ["hub.toml:4", "socket.frame_bytes_max", "big"]),
    ];
    for (lines, expected) in rows {
        let hub = Setup::default().extra(lines).prepare();
        let output = hub.run(&["check-config"]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{words}");
        assert!(expected.iter().all(|part| words.contains(part)), "{expected:?}: {words}");
    }
}

#[tokio::test]
async fn check_config_prints_what_is_in_force_and_no_secret() {
    let hub = production().prepare();
    let output = hub.run(&["check-config"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for part in
        ["The configuration is right: production mode, 2 table(s)", "HUB_AUTH_SECRET", "segment_bytes = 1"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let _: toml::Table =
        text.parse().unwrap_or_else(|error| panic!("what is printed is a configuration: {error}"));
    for secret in [AUTH_SECRET, "Pw5tYi0oPl3kJh7gFd2sAz9xCv4bNm6e", "S8n1Bv6cXz4aSd9fGh2jKl7pOi3uYt5r"] {
        assert!(!text.contains(secret), "a secret is shown");
    }
}

#[tokio::test]
async fn health_tells_each_part_and_metrics_are_what_prometheus_reads() {
    let hub = Setup::default().deposit("400.00").start();
    let mut session = Account::sign_in(hub.address(), "counted").await.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let key = session.key();
    for _ in 0..2 {
        session.bet(key, OPEN.id, round, "1.00").await.expect("a good bet");
    }
    session.bet(key, OPEN.id, round, "2.00").await.expect_err("the key has another content");
    session.bet(session.key(), OPEN.id, round, "450.00").await.expect_err("more than there is");

    let live = http::get(hub.address(), "/health/live").await;
    assert_eq!((live.status, &live.json()["status"]), (200, &json!("up")));
    let ready = http::get(hub.address(), "/health/ready").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let body = ready.json();
    for name in [
        "journal",
        "balance",
        "collections",
        "distributions",
        "free_play",
        "adjustment",
        "admission",
        "channels",
    ] {
        let part = body["parts"].as_array().and_then(|parts| parts.iter().find(|part| part["name"] == name));
        let part = part.unwrap_or_else(|| panic!("no part {name} in {body}"));
        assert_eq!(part["status"], "up", "{body}");
        assert!(part["message"].is_string() && part["duration_ms"].is_number(), "{part}");
    }

    let metrics = http::get(hub.address(), "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("application/openmetrics-text"), "{}", metrics.head);
    assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
    let mut typed = std::collections::BTreeSet::new();
    for line in metrics.body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap_or_default();
            assert!(typed.insert(name.to_owned()), "{name} is described twice");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is no sample"));
            let base = name.split('{').next().unwrap_or_default();
            assert!(base.starts_with("hub_"), "{line}");
            let known = |suffix| base.strip_suffix(suffix).is_some_and(|base| typed.contains(base));
            let suffixes = ["", "_total", "_count", "_sum", "_bucket"];
            assert!(suffixes.into_iter().any(known), "{line} has no type before it");
            assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
        }
    }
    for line in [
        "hub_domain_accepted_total{domain=\"balance\"} 2",
        "hub_domain_accepted_total{domain=\"collections\"} 1",
        "hub_domain_accepted_total{domain=\"adjustment\"} 0",
        "hub_domain_refused_total{domain=\"balance\"} 1",
        "hub_domain_holds{domain=\"balance\"} 1",
        "hub_domain_accounts{domain=\"collections\"} 2",
        "hub_requests_refused_total{code=\"insufficient_funds\"} 1",
        "hub_keys_known_total 1",
        "hub_keys_reused_total 1",
        "hub_commands_impossible_total 0",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line}: {}", metrics.body);
    }
    let durable = metrics.body.lines().find_map(|line| line.strip_prefix("hub_journal_durable_lsn "));
    assert!(durable.is_some_and(|lsn| lsn.parse::<u64>().is_ok_and(|lsn| lsn >= 3)), "{durable:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_a_page_from_elsewhere_may_not_connect() {
    let hub = Setup::default().start();
    for path in ["/nothing", "/../Cargo.toml", "/api/nothing"] {
        assert_eq!(http::get(hub.address(), path).await.status, 404, "{path}");
    }
    let page = http::get(hub.address(), "/").await;
    assert_eq!(page.status, 200);
    assert!(page.head.to_lowercase().contains("content-security-policy"), "{}", page.head);
    assert_eq!(http::get(hub.address(), "/ws").await.status, 426, "the socket's path asks for an upgrade");
}
