//! What an operator types and reads: configuration that refuses with a reason, health, figures.

use serde_json::json;
use tests::{
    http,
    hub::{AUTH_SECRET, OPEN, Setup, TestHub},
    player::Account,
    raw::RawSocket,
    soon, until,
};

/// Everything production asks for.
fn production() -> Setup {
    Setup::default()
        .variable("HUB__MODE", "production")
        .variable("HUB_SEED_SECRET", "S8n1Bv6cXz4aSd9fGh2jKl7pOi3uYt5r")
        .option("demo.enabled", false)
        .extra("[server]\nallowed_origins = [\"https://play.example.com\"]\n")
}

#[tokio::test]
async fn production_lists_everything_that_is_missing_at_once_and_does_not_start() {
    let hub = Setup::default()
        .variable("HUB_AUTH_SECRET", "")
        .variable("HUB_PEOPLE_KEY", "")
        .variable("HUB__MODE", "production")
        .prepare();
    for arguments in
        [&["check-config"][..], &["serve", "--listen", "127.0.0.1:0"], &["token", "--player", "x"]]
    {
        let output = hub.run(arguments);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {words}");
        for name in
            ["HUB_AUTH_SECRET", "HUB_SEED_SECRET", "HUB_PEOPLE_KEY", "allowed_origins", "demo.enabled"]
        {
            assert!(words.contains(name), "{arguments:?} does not name {name}: {words}");
        }
    }
    assert!(!hub.data().exists(), "refusing leaves nothing behind");
}

#[tokio::test]
async fn production_gives_no_play_money_and_takes_tokens_of_the_operator() {
    let mut hub = production().prepare();
    assert!(hub.run(&["init"]).status.success());
    hub.start();
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
    let ready = http::get(hub.admin(), "/health/ready").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let body = ready.json();
    for name in [
        "journal",
        "tables",
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

    let metrics = http::get(hub.admin(), "/metrics").await;
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
async fn an_unknown_path_is_not_found_and_each_path_takes_its_own_methods() {
    let hub = Setup::default().start();
    let address = hub.address();
    for path in ["/nothing", "/../Cargo.toml", "/api/nothing", "/client/package.json"] {
        assert_eq!(http::get(address, path).await.status, 404, "{path}");
    }
    assert_eq!(http::get(address, "/ws").await.status, 426, "the socket's path asks for an upgrade");
    for line in ["GET /api/demo", "GET /api/publish", "DELETE /api/demo", "PUT /health/ready", "POST /"] {
        let answer = http::request(address, &http::spelled(line, "localhost", &[], Some(""))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (405, &json!("method_not_allowed")), "{line}");
    }
}

#[tokio::test]
async fn the_page_may_load_and_reach_its_own_hub_and_nothing_else() {
    let hub = Setup::default().start();
    let page = http::get(hub.address(), "/").await;
    assert_eq!(page.status, 200);
    let head = page.head.to_lowercase();
    let policy =
        head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).expect("a policy");
    let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(rules.contains(&rule), "{rule} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    // What the policy forbids the page does not use.
    assert!(!page.body.contains("<style") && !page.body.contains(" style="), "{}", page.body);
    for tag in page.body.split("<script").skip(1) {
        assert!(tag.split('>').next().is_some_and(|tag| tag.contains(" src=\"/")), "{tag}");
    }
}

/// Asks for play money as a page of `origin` would, with this content type.
async fn sign_in_from(hub: &TestHub, origin: &str, kind: &str) -> http::Answer {
    let body = r#"{"name":"Anna"}"#;
    let headers = [("origin", origin), ("content-type", kind)];
    http::request(hub.address(), &http::spelled("POST /api/demo", "localhost", &headers, Some(body))).await
}

#[tokio::test]
async fn a_page_from_elsewhere_may_neither_connect_nor_ask_for_play_money() {
    let hub = Setup::default()
        .option("server.allowed_origins", "https://play.example.com")
        .option("server.public_url", "https://hub.example.com")
        .start();
    for origin in ["https://evil.example", "http://hub.evil.example", "null", "http://localhost:81"] {
        assert_eq!(RawSocket::open_from(hub.address(), origin).await.err(), Some(Some(403)), "{origin}");
        let refused = sign_in_from(&hub, origin, "application/json").await;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("forbidden")), "{origin}");
    }
    for origin in ["http://localhost", "https://play.example.com", "https://hub.example.com"] {
        assert!(RawSocket::open_from(hub.address(), origin).await.is_ok(), "{origin}");
        assert_eq!(sign_in_from(&hub, origin, "application/json").await.status, 200, "{origin}");
    }
    // What a form of any page can send without asking is no sign-in, wherever it comes from.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(sign_in_from(&hub, "http://localhost", kind).await.status, 415, "{kind}");
    }
}

#[tokio::test]
async fn play_money_ends_with_the_last_player_the_operator_allows() {
    let hub = Setup::default().option("demo.players_max", 2).start();
    for name in ["anna", "bert"] {
        Account::sign_in(hub.address(), name).await;
    }
    let third = http::post(hub.address(), "/api/demo", None, &json!({"name": "carl"})).await;
    assert_eq!((third.status, &third.json()["code"]), (429, &json!("full")), "{third:?}");
}

#[tokio::test]
async fn players_are_not_made_faster_than_connections_however_they_are_asked_for() {
    let hub = Setup::default()
        .option("rate.connects_per_second_per_address", 1)
        .option("rate.connects_burst_per_address", 20)
        .start();
    let body = r#"{"name":"Anna"}"#;
    let ask = |connection: &str| {
        let length = body.len();
        format!(
            "POST /api/demo HTTP/1.1\r\nhost: localhost\r\nconnection: {connection}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let all = format!("{}{}", ask("keep-alive").repeat(59), ask("close"));
    let answers = http::request(hub.address(), &all).await;
    let text = format!("{}{}", answers.head, answers.body);
    let (made, refused) = (text.matches("HTTP/1.1 200").count(), text.matches("HTTP/1.1 429").count());
    assert_eq!(made + refused, 60, "{text}");
    assert!((1..=40).contains(&made), "{made} of one address within a moment");
    assert!(text.contains("retry-after: 2"), "{text}");
}

#[tokio::test]
async fn a_request_that_is_too_long_or_never_whole_is_answered_and_ended() {
    let hub = Setup::default().start();
    let head = |length: usize| {
        format!(
            "POST /api/demo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        )
    };
    let long = format!("{}{}", head(300_000), " ".repeat(262_145));
    let (half_a_body, half_a_head) = (format!("{}{{", head(100)), "GET / HTTP/1.1\r\nhost:".to_owned());
    let (long, body, start) = tokio::join!(
        http::request(hub.address(), &long),
        http::request(hub.address(), &half_a_body),
        http::request(hub.address(), &half_a_head),
    );
    assert_eq!((long.status, &long.json()["code"]), (413, &json!("too_large")));
    assert_eq!((body.status, &body.json()["code"]), (408, &json!("too_slow")));
    assert_eq!(start.status, 408);
}

#[tokio::test]
async fn a_client_that_asks_for_pages_and_reads_none_is_given_up() {
    let hub = Setup::default()
        .option("server.connections_per_address_max", 1)
        .option("socket.stall_ms_max", 6_000) // so long its place is taken, however busy the machine is
        .start();
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer is allowed");
    let mut hog = socket.connect(hub.address()).await.expect("the hub listens");
    let requests = "GET /client/hub.js HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    tokio::io::AsyncWriteExt::write_all(&mut hog, requests.as_bytes()).await.expect("the hub takes requests");
    // A client that is answered has its place. Before that, a later connection could take it at another worker.
    let mut status = [0; 12];
    let answered = tokio::io::AsyncReadExt::read_exact(&mut hog, &mut status);
    soon("the first answer", answered).await.expect("it is answered");
    assert_eq!(&status, b"HTTP/1.1 200");
    let live = async || http::get(hub.address(), "/health/live").await.status;
    // Its answers are many megabytes, and wait for it.
    assert_eq!(live().await, 429, "its place is taken");
    until("the place of the client that does not read", async || (live().await == 200).then_some(())).await;
    drop(hog);
}

#[tokio::test]
async fn tokens_of_an_issuer_with_a_key_pair_are_taken_and_no_others() {
    let keys = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../hub/tests/keys");
    for (algorithm, key) in [("EdDSA", "ed25519"), ("RS256", "rsa2048")] {
        let file = |half: &str| keys.join(format!("{key}.{half}.pem")).display().to_string();
        let hub = Setup::default()
            .option("auth.algorithm", algorithm)
            .option("auth.public_key_file", file("public"))
            .option("auth.private_key_file", file("private"))
            .start();
        let token = hub.run(&["token", "--player", "anna", "--ttl", "1h"]);
        let token = String::from_utf8(token.stdout).expect("a token");
        let mut socket = RawSocket::hello(hub.address(), token.trim()).await;
        assert_eq!(socket.ask(json!({"t": "ping"})).await["t"], "pong", "{algorithm}");
        // Signed with the bytes of the public key as if they were a shared secret: a well-known attack.
        let public = std::fs::read(file("public")).expect("a key");
        let claims = json!({"iss": "hub", "aud": "hub", "sub": "anna", "exp": 4_102_444_800_u64});
        for secret in [&public[..], AUTH_SECRET.as_bytes()] {
            let key = jsonwebtoken::EncodingKey::from_secret(secret).expect("a secret");
            let forged =
                jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a token");
            let mut socket =
                RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
            let reply = socket.ask(json!({"t": "hello", "token": forged})).await;
            assert_eq!(reply["code"], protocol::ErrorCode::TokenInvalid.number(), "{algorithm}: {reply}");
        }
    }
}

#[tokio::test]
async fn inspect_shows_a_bet_while_the_hub_serves_and_refuses_what_the_log_does_not_have() {
    let hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "asker").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let key = session.key();
    let receipt = session.bet(key, OPEN.id, round, "2.50").await.expect("a good bet");

    let by_key = format!("player:{}/{key}", account.player);
    let shown = hub.run(&["inspect", &by_key]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{text}{}", String::from_utf8_lossy(&shown.stderr));
    for part in ["STAKE", "2.50 EUR", "stake proven by round", "kind red", &account.player.to_string()] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let shown = hub.run(&["inspect", &receipt.lsn.to_string(), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("one JSON object");
    assert_eq!(
        (&json["lsn"], &json["intent"]["parameters"]["amount"]),
        (&json!(receipt.lsn), &json!("2.50"))
    );
    assert_eq!(json["outcome"]["available"], json!(receipt.available.to_string()), "{json}");
    assert!(text.contains(json["hash"].as_str().expect("a hash")), "{text}");

    for (arguments, status, said) in [
        (&["inspect", "1000000"][..], 1, "there is no record 1000000 in this log, whose last record is "),
        (&["inspect", "service:cashier/none", "--json"], 1, "there is no transaction "),
        (
            &["inspect", "player:anna"],
            2,
            "expected an lsn such as 17, a transaction as tx: and 32 hexadecimal",
        ),
        (&["inspect", "1", "--data", "nowhere"], 1, "nowhere"),
    ] {
        let refused = hub.run(arguments);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(status), "{arguments:?}: {words}");
        assert!(words.contains(said) && refused.stdout.is_empty(), "{arguments:?}: {words}");
    }
}
