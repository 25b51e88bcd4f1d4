//! No log message at any level, no metric, no error text and no command but `hub person find` and `export` has a name.

use hub_client::{Client, Options};
use jsonwebtoken::{EncodingKey, Header};
use protocol::SUBPROTOCOL_JSON;
use serde_json::{Value, json};
use tests::{
    http,
    hub::{AUTH_SECRET, OPEN, Setup, TestHub},
    needle::Needle,
    player::{Account, token},
    raw::RawSocket,
    until,
};

/// A name that occurs nowhere by chance.
const NAME: &str = "Zyxwvut-Quokka-7731";

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes()).expect("a secret");
    jsonwebtoken::encode(&Header::default(), claims, &key).expect("claims can be signed")
}

/// What a socket answers to a token.
async fn answers(hub: &TestHub, token: &str) -> String {
    let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    socket.ask(json!({"t": "hello", "token": token})).await.to_string()
}

#[tokio::test]
async fn a_name_is_in_no_log_message_metric_error_text_or_output() {
    let mut hub = Setup::default().option("telemetry.log", "trace").tables([OPEN]).start();
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut say = |what: &str, text: String| texts.push((what.to_owned(), text));

    // Somebody new, somebody known, and play.
    let url = format!("ws://{}/ws", hub.address());
    for _ in 0..2 {
        Client::connect(&url, &token(NAME), Options::default()).await.expect("a session");
    }
    let account = Account::sign_in(hub.address(), NAME).await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    say("a refused bet", format!("{:?}", session.bet(session.key(), OPEN.id, round, "900000.00").await));
    drop(session);

    // Every token that is refused, and requests with the name where none belongs.
    let now = 4_000_000_000_u64;
    let right = json!({"iss": "hub", "aud": "hub", "sub": NAME, "exp": 1});
    let with = |key: &str, value: Value| {
        let mut claims = right.clone();
        claims[key] = value;
        claims
    };
    let claims = [
        right.clone(),
        with("iss", json!(NAME)),
        with("aud", json!(NAME)),
        with("exp", json!(now)),
        with("exp", json!(NAME)),
    ];
    for claims in &claims {
        say("a refused token", answers(&hub, &signed(claims, AUTH_SECRET)).await);
    }
    say("a forged token", answers(&hub, &signed(&right, "no secret of this hub, 32 bytes long")).await);
    say("no token", answers(&hub, NAME).await);
    let long = format!("{NAME}{}", "x".repeat(300));
    say("a long subject", answers(&hub, &signed(&with("sub", json!(long)), AUTH_SECRET)).await);
    let mut socket = RawSocket::open(hub.address(), SUBPROTOCOL_JSON).await.expect("a handshake");
    say("a request before hello", socket.ask(json!({"t": "join_table", "table": "open"})).await.to_string());
    say(
        "a refused name",
        format!(
            "{:?}",
            http::post(hub.address(), "/api/demo", None, &json!({"name": format!("{NAME}\u{0}")})).await
        ),
    );

    // No room for anybody new, and a people store that is in use.
    hub.limit_files(Some(0));
    say("no room", answers(&hub, &token(&format!("{NAME}-2"))).await);
    hub.logged("no room to enrol new people").await;
    say("health", format!("{:?}", http::get(hub.admin(), "/health/ready").await));
    hub.limit_files(None);
    until("somebody's session", async || {
        let connected = Client::connect(&url, &token(&format!("{NAME}-3")), Options::default()).await;
        connected.ok().map(drop)
    })
    .await;
    say("metrics", hub.figures().await);
    say("metrics for players", format!("{:?}", http::get(hub.address(), "/metrics").await));

    // Every command, right and wrong; while it serves and after it.
    let id = account.player.to_string();
    let commands: [&[&str]; 9] = [
        &["check-config"],
        &["verify"],
        &["verify", "--tail"],
        &["verify-round", "open:1"],
        &["inspect", "1"],
        &["person", "erase", "--subject", NAME],
        &["person", "erase", "--id", &id],
        &["person", "find", "--subject", "nobody"],
        &["person", "rotate-key"],
    ];
    for serves in [true, false] {
        for arguments in commands {
            let output = hub.run(arguments);
            say(&arguments.join(" "), format!("{output:?}"));
        }
        for lsn in 1..=8_u64 {
            say("inspect", format!("{:?}", hub.run(&["inspect", "--json", &lsn.to_string()])));
        }
        if serves {
            hub.kill();
        }
    }

    // A damaged store.
    let file = hub.data().join("people.db");
    let mut bytes = std::fs::read(&file).expect("the database");
    let row = bytes.windows(2).rposition(|pair| pair[0] != 0 && pair[1] != 0).expect("a row");
    bytes[row] ^= 1;
    std::fs::write(&file, bytes).expect("a disk");
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["verify"], &["person", "find", "--subject", NAME]]
    {
        let output = hub.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        say(&arguments.join(" "), format!("{output:?}"));
    }

    let needle = Needle::of(NAME);
    let log = hub.whole_log();
    let levels =
        ["TRACE", "DEBUG", "INFO", "ERROR"].map(|level| log.matches(&format!("\"{level}\"")).count());
    println!("{levels:?} messages at trace, debug, info and error");
    assert!(levels.iter().all(|count| *count > 0), "all levels are logged: {levels:?}");
    for line in log.lines() {
        assert!(!needle.is_in(line.as_bytes()), "the log has the name: {line}");
    }
    let command_line = format!("person find --subject {NAME}");
    for (what, text) in &texts {
        assert!(!text.is_empty());
        assert!(!needle.is_in(text.as_bytes()), "{}: {text}", what.replace(&command_line, "find"));
    }
    assert!(texts.len() > 45, "{} texts", texts.len());
}
