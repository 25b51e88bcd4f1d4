//! The people store beside the log: ids outlive crashes, and a lost, older, damaged or foreign store is refused by name.

use std::{
    collections::BTreeMap, fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, time::Instant,
};

use hub_client::{Client, Options};
use people::{DATABASE, KEYS};
use protocol::{CloseCode, ErrorCode, PlayerId};
use serde_json::json;
use tests::{
    http,
    hub::{OPEN, PEOPLE_KEY, Setup, TestHub, words},
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
    hub.data().join(DATABASE)
}

fn keys(hub: &TestHub) -> PathBuf {
    hub.data().join(KEYS)
}

/// Both files of the store.
type Store = (Vec<u8>, Vec<u8>);

fn store(hub: &TestHub) -> Store {
    (fs::read(file(hub)).expect("the database"), fs::read(keys(hub)).expect("the key file"))
}

fn put(hub: &TestHub, (database, wrapped): &Store) {
    fs::write(file(hub), database).expect("a disk");
    fs::write(keys(hub), wrapped).expect("a disk");
}

/// The start and `check-config` refuse with these words, and change no file.
fn refused(hub: &TestHub, expected: &[&str]) {
    let before = (fs::read(file(hub)).ok(), fs::read(keys(hub)).ok());
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["check-config"]] {
        let output = hub.run(arguments);
        let said = words(&output);
        assert!(!output.status.success(), "{arguments:?}: {said}");
        expected.iter().for_each(|word| assert!(said.contains(word), "{arguments:?}: no {word:?} in {said}"));
    }
    let after = (fs::read(file(hub)).ok(), fs::read(keys(hub)).ok());
    assert!(after == before, "refusing has changed the store");
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
    let kept = store(&hub);
    fs::remove_file(file(&hub)).expect("it is there");
    refused(&hub, &["there is no people store data/people.db", "Restore it from a backup"]);
    assert!(!file(&hub).exists(), "no other one is made");
    for arguments in [&["verify"][..], &["verify", "--tail"]] {
        let output = hub.run(arguments);
        let said = words(&output);
        assert!(
            output.status.success() && said.contains("note: there is no people store data/people.db"),
            "{said}"
        );
        assert!(!said.contains("agrees: a hub would start"), "{said}");
    }
    put(&hub, &kept);
    hub.start();
    assert_eq!(account.connect(hub.address()).await.balance().await, (100_000, 0));
}

#[tokio::test]
async fn another_hubs_file_and_an_older_one_are_refused_and_named() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let first = Account::sign_in(hub.address(), "first").await;
    hub.kill();
    let own = store(&hub);
    hub.start();
    let later = Account::sign_in(hub.address(), "later").await;
    hub.kill();
    let newest = store(&hub);

    put(&hub, &own);
    let stranger = later.player.to_string();
    let older = ["data/people.db does not have 1 player(s) of the log", &stranger, "older than the log"];
    refused(&hub, &older);
    let verified = hub.run(&["verify"]);
    assert!(
        !verified.status.success() && words(&verified).contains("WRONG: data/people.db does not have"),
        "{}",
        words(&verified)
    );

    let other = Setup::default().tables([OPEN]).start();
    put(&hub, &store(&other));
    let foreign =
        ["data/people.db is people store", "the log was written with", "Restore the log's own store"];
    refused(&hub, &foreign);
    put(&hub, &(newest.0.clone(), store(&other).1));
    refused(&hub, &["data/people.keys is of people store", "restore the two together"]);

    put(&hub, &newest);
    hub.start();
    for account in [first, later] {
        assert_eq!(account.connect(hub.address()).await.client.welcome().player, account.player);
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_by_name() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let mut ids = Vec::new();
    for name in ["anna", "bert"] {
        ids.push((name, id_of(hub.address(), name).await));
    }
    hub.kill();
    let whole = store(&hub);
    // The subject of a person, whatever page it is on: the last bytes of a row before the free space.
    let row = whole.0.windows(2).rposition(|pair| pair[0] != 0 && pair[1] != 0).expect("a row");
    for place in [0, 20, row] {
        let mut bytes = whole.clone();
        bytes.0[place] ^= 4;
        put(&hub, &bytes);
        let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
        let said = words(&start);
        assert!(!start.status.success() && said.contains("data/people.db is damaged"), "{place}: {said}");
        let verified = hub.run(&["verify"]);
        assert!(words(&verified).contains("DAMAGED: failed to use the people store"), "{}", words(&verified));
    }
    let mut bytes = whole.clone();
    bytes.1[200] ^= 4;
    put(&hub, &bytes);
    refused_start(&hub, "data/people.keys is damaged: its checksum is wrong");
    put(&hub, &whole);
    hub.start();
    for (name, id) in ids {
        assert_eq!(id_of(hub.address(), name).await, id, "{name}");
    }
}

fn refused_start(hub: &TestHub, expected: &str) {
    let output = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&output);
    assert!(!output.status.success() && said.contains(expected), "no {expected:?} in {said}");
}

#[tokio::test]
async fn a_wrong_master_key_and_a_lost_key_file_are_refused_before_anything_changes() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let anna = id_of(hub.address(), "anna").await.expect("a session");
    hub.kill();
    let segments: Vec<_> = hub.segments().iter().map(|path| fs::read(path).expect("a segment")).collect();
    hub.configure(|setup| setup.variable("HUB_PEOPLE_KEY", "another key of thirty-two bytes ."));
    refused(&hub, &["data/people.db is under another master key", "give the hub the people key it had"]);
    hub.configure(|setup| setup.variable("HUB_PEOPLE_KEY", PEOPLE_KEY));
    let kept = fs::read(keys(&hub)).expect("the key file");
    fs::remove_file(keys(&hub)).expect("it is there");
    refused(&hub, &["there is no key file data/people.keys", "Restore it"]);
    let after: Vec<_> = hub.segments().iter().map(|path| fs::read(path).expect("a segment")).collect();
    assert!(after == segments, "refusing has changed the log");
    fs::write(keys(&hub), kept).expect("a disk");
    hub.start();
    assert_eq!(id_of(hub.address(), "anna").await, Some(anna));
}

#[tokio::test]
async fn a_people_file_of_an_earlier_build_is_refused_by_name_with_what_to_do() {
    let hub = Setup::default().tables([OPEN]).prepare();
    fs::create_dir(hub.data()).expect("a disk");
    fs::write(hub.data().join("people"), "HUB-PPL\0").expect("a disk");
    refused_start(&hub, "data/people is a people file of an earlier build");
    refused_start(&hub, "Give the hub another journal.directory");
    assert!(hub.segments().is_empty(), "no log is begun beside it");
}

#[tokio::test]
async fn in_development_the_master_key_is_made_beside_the_data_and_kept() {
    let mut hub = Setup::default().variable("HUB_PEOPLE_KEY", "").tables([OPEN]).start();
    hub.logged("made random development secrets").await;
    let anna = id_of(hub.address(), "anna").await.expect("a session");
    let secrets = hub.data().join("development.secrets");
    assert_eq!(fs::metadata(&secrets).expect("it was made").permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&secrets).expect("text").contains("\npeople = development-"));
    hub.crash();
    assert_eq!(id_of(hub.address(), "anna").await, Some(anna));
}

#[tokio::test]
async fn a_second_hub_on_the_directory_leaves_the_file_alone_and_the_first_goes_on_enrolling() {
    let hub = Setup::default().tables([OPEN]).start();
    let anna = id_of(hub.address(), "anna").await.expect("a session");
    let before = store(&hub);
    let second = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success() && words(&second).contains("is locked by"), "{}", words(&second));
    assert!(store(&hub) == before);
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
