//! The people file beside the log: ids outlive crashes, and a lost, older, damaged or foreign file is refused by name.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::PathBuf, process::Output, time::Instant};

use hub_client::{Client, Options};
use protocol::{CloseCode, ErrorCode, PlayerId};
use serde_json::json;
use tests::{
    http,
    hub::{OPEN, Setup, TestHub},
    player::{Account, token},
    raw::RawSocket,
    soon, until,
};
use tokio::task::JoinSet;

/// The id that the hub has for somebody; `None` when there is no session.
async fn id_of(hub: SocketAddr, subject: &str) -> Option<PlayerId> {
    let connected = Client::connect(&format!("ws://{hub}/ws"), &token(subject), Options::default()).await;
    connected.ok().map(|(client, _)| client.welcome().player)
}

fn file(hub: &TestHub) -> PathBuf {
    hub.data().join("people")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The start and `check-config` refuse with these words, and change no file.
fn refused(hub: &TestHub, expected: &[&str]) {
    let before = fs::read(file(hub)).ok();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["check-config"]] {
        let output = hub.run(arguments);
        let said = words(&output);
        assert!(!output.status.success(), "{arguments:?}: {said}");
        expected.iter().for_each(|word| assert!(said.contains(word), "{arguments:?}: no {word:?} in {said}"));
    }
    assert_eq!(fs::read(file(hub)).ok(), before, "refusing has changed the file");
}

#[tokio::test]
async fn somebody_who_is_killed_with_the_hub_between_sign_in_and_first_bet_comes_back_as_the_same_player() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let anna = id_of(hub.address(), "anna").await.expect("a session");
    let demo = Account::sign_in(hub.address(), "demo").await;
    hub.kill();
    let verified = hub.run(&["verify"]);
    assert!(verified.status.success(), "{}", words(&verified));
    hub.start();
    assert_eq!(id_of(hub.address(), "anna").await, Some(anna), "she has no record in the log at all");
    assert_ne!(id_of(hub.address(), "bert").await, Some(anna));
    let mut session = demo.connect(hub.address()).await;
    assert_eq!((session.client.welcome().player, session.balance().await), (demo.player, (100_000, 0)));
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("the first bet");
    hub.crash();
    assert_eq!(demo.connect(hub.address()).await.balance().await, (99_900, 100));
}

#[tokio::test]
async fn whoever_was_welcomed_before_a_kill_keeps_the_id_and_nobody_gets_anothers() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let mut known: BTreeMap<String, PlayerId> = BTreeMap::new();
    for run in 0..6_u64 {
        let address = hub.address();
        let mut arriving = JoinSet::new();
        for number in 0..60 {
            let name = format!("player {run}.{number}");
            arriving.spawn(async move { (id_of(address, &name).await, name) });
        }
        // Kill it while some are welcomed and others wait.
        for _ in 0..run * 9 {
            if let Some(Ok((Some(player), name))) = arriving.join_next().await {
                assert_eq!(known.insert(name, player), None);
            }
        }
        hub.kill();
        while let Some(Ok((player, name))) = arriving.join_next().await {
            known.extend(player.map(|player| (name, player)));
        }
        hub.start();
        for (name, player) in known.iter().rev().take(20) {
            assert_eq!(id_of(hub.address(), name).await, Some(*player), "{name} after kill {run}");
        }
    }
    let different: std::collections::BTreeSet<_> = known.values().collect();
    assert!(known.len() > 100 && different.len() == known.len(), "{} people", known.len());
}

#[tokio::test]
async fn everybody_who_comes_at_once_shares_syncs_and_two_sessions_of_one_new_person_are_one_player() {
    const PEOPLE: usize = 1_000;
    let hub = Setup::default().tables([OPEN]).start();
    let (address, began) = (hub.address(), Instant::now());
    let mut arriving = JoinSet::new();
    for number in 0..PEOPLE {
        let name = format!("player {}", number / 2);
        arriving.spawn(async move { (name.clone(), id_of(address, &name).await.expect("a session")) });
    }
    let mut ids: BTreeMap<String, PlayerId> = BTreeMap::new();
    while let Some(arrived) = soon("everybody's session", arriving.join_next()).await {
        let (name, player) = arrived.expect("no panic");
        assert_eq!(*ids.entry(name).or_insert(player), player);
    }
    println!("{PEOPLE} sessions in {:?}", began.elapsed());
    assert_eq!(hub.figure("hub_people").await, Some(PEOPLE as u64 / 2));
    assert_eq!(hub.figure("hub_people_ready").await, Some(1));
}

#[tokio::test]
async fn requests_sent_behind_the_first_hello_wait_for_the_id_and_are_answered() {
    let hub = Setup::default().tables([OPEN]).start();
    let mut socket = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let frames = [
        json!({"id": 1, "t": "hello", "token": token("anna")}),
        json!({"id": 2, "t": "join_table", "table": OPEN.id}),
        json!({"id": 3, "t": "get_balance"}),
    ];
    for frame in &frames {
        socket.say(frame).await;
    }
    for (id, kind) in [(1, "welcome"), (2, "joined"), (3, "balances")] {
        let answer = soon("an answer", socket.push(|frame| frame["id"] == id)).await;
        assert_eq!(answer["t"], kind, "{answer}");
    }
}

#[tokio::test]
async fn a_lost_file_is_refused_and_the_log_is_verified_without_it() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "anna").await;
    hub.kill();
    let kept = fs::read(file(&hub)).expect("the people file");
    fs::remove_file(file(&hub)).expect("it is there");
    refused(&hub, &["there is no people file data/people", "Restore it from a backup"]);
    assert!(!file(&hub).exists(), "no other one is made");
    for arguments in [&["verify"][..], &["verify", "--tail"]] {
        let output = hub.run(arguments);
        let said = words(&output);
        assert!(
            output.status.success() && said.contains("note: there is no people file data/people"),
            "{said}"
        );
        assert!(!said.contains("agrees: a hub would start"), "{said}");
    }
    fs::write(file(&hub), kept).expect("a disk");
    hub.start();
    assert_eq!(account.connect(hub.address()).await.balance().await, (100_000, 0));
}

#[tokio::test]
async fn another_hubs_file_and_an_older_one_are_refused_and_named() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let first = Account::sign_in(hub.address(), "first").await;
    hub.kill();
    let (own, older) = (fs::read(file(&hub)).expect("the people file"), file(&hub).with_file_name("older"));
    fs::write(&older, &own).expect("a disk");
    hub.start();
    let later = Account::sign_in(hub.address(), "later").await;
    hub.kill();
    let newest = fs::read(file(&hub)).expect("the people file");

    fs::write(file(&hub), &own).expect("a disk");
    let stranger = later.player.to_string();
    let older = ["data/people does not have 1 player(s) of the log", &stranger, "older than the log"];
    refused(&hub, &older);
    let verified = hub.run(&["verify"]);
    assert!(
        !verified.status.success() && words(&verified).contains("WRONG: data/people does not have"),
        "{}",
        words(&verified)
    );

    let other = Setup::default().tables([OPEN]).start();
    fs::copy(file(&other), file(&hub)).expect("a disk");
    refused(&hub, &["data/people is people file", "the log was written with", "Restore the log's own file"]);

    fs::write(file(&hub), newest).expect("a disk");
    hub.start();
    for account in [first, later] {
        assert_eq!(account.connect(hub.address()).await.client.welcome().player, account.player);
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_its_place_and_a_torn_tail_is_cut() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let mut ids = Vec::new();
    for name in ["anna", "bert"] {
        ids.push((name, id_of(hub.address(), name).await));
    }
    hub.kill();
    let whole = fs::read(file(&hub)).expect("the people file");
    for place in [0, 20, 70, whole.len() - 5] {
        let mut bytes = whole.clone();
        bytes[place] ^= 4;
        fs::write(file(&hub), bytes).expect("a disk");
        let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
        let said = words(&start);
        assert!(
            !start.status.success() && said.contains("data/people is damaged at offset"),
            "{place}: {said}"
        );
        let verified = hub.run(&["verify"]);
        assert!(words(&verified).contains("DAMAGED: failed to use the people file"), "{}", words(&verified));
    }
    fs::write(file(&hub), [&whole[..], &whole[64..100]].concat()).expect("a disk");
    hub.start();
    hub.logged("cut a torn tail of the people file").await;
    for (name, id) in ids {
        assert_eq!(id_of(hub.address(), name).await, id, "{name}");
    }
}

#[tokio::test]
async fn a_second_hub_on_the_directory_leaves_the_file_alone_and_the_first_goes_on_enrolling() {
    let hub = Setup::default().tables([OPEN]).start();
    let anna = id_of(hub.address(), "anna").await.expect("a session");
    let before = fs::read(file(&hub)).expect("the people file");
    let second = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success() && words(&second).contains("is locked by"), "{}", words(&second));
    assert_eq!(fs::read(file(&hub)).expect("the people file"), before);
    assert_ne!(id_of(hub.address(), "bert").await, Some(anna));
    let verified = hub.run(&["verify"]);
    assert!(verified.status.success() && words(&verified).contains("have an id"), "{}", words(&verified));
}

#[tokio::test]
async fn without_room_new_people_are_refused_for_now_and_known_ones_are_welcome() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let anna = id_of(hub.address(), "anna").await.expect("a session");
    hub.limit_files(Some(0));
    let mut socket = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let refusal = socket.ask(json!({"t": "hello", "token": token("bert")})).await;
    assert_eq!(
        (&refusal["code"], &refusal["retry"]),
        (&json!(ErrorCode::Busy.number()), &json!("same_key")),
        "{refusal}"
    );
    assert!(refusal["retry_after_ms"].is_u64(), "{refusal}");
    assert_eq!(socket.close_code().await, CloseCode::Busy.number());
    assert_eq!(id_of(hub.address(), "anna").await, Some(anna));
    let ready = http::get(hub.admin(), "/health/ready").await;
    assert!(ready.status == 200 && ready.body.contains("new people are enrolled again"), "{ready:?}");
    let line = hub.logged("no room to enrol new people").await;
    assert!(!line.contains("bert"), "{line}");
    hub.limit_files(None);
    let bert = until("bert's session", async || id_of(hub.address(), "bert").await).await;
    assert_ne!(bert, anna);
    hub.logged("new people are enrolled again").await;
}
