//! The control socket of a serving hub, from outside: its modes, what is no request, and that nothing done to it stops play.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{
    hub::{OPEN, Setup, TestHub},
    player::Account,
    until,
};

fn socket(hub: &TestHub) -> PathBuf {
    hub.data().join("hub.sock")
}

fn connect(hub: &TestHub) -> UnixStream {
    let stream = UnixStream::connect(socket(hub)).expect("the hub listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    stream
}

/// Sends bytes as they are, and reads all that comes back.
fn sent(hub: &TestHub, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(hub);
    // A hub that has refused meanwhile reads no more.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn framed(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32).to_be_bytes()[..], content].concat()
}

/// The last frame of what came back.
fn last(answer: &[u8]) -> Value {
    let (mut rest, mut last) = (answer, Value::Null);
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (content, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        last = serde_json::from_slice(content).expect("JSON");
        rest = behind;
    }
    last
}

fn refused(hub: &TestHub, bytes: &[u8]) -> String {
    let answer = last(&sent(hub, bytes));
    assert_eq!((&answer["version"], &answer["answer"]), (&json!(1), &json!("failed")), "{answer}");
    answer["text"].as_str().expect("a text").to_owned()
}

async fn plays(hub: &TestHub) {
    let account = Account::sign_in(hub.address(), "anna").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_replaces_a_stale_one_and_every_command_works_beside_it() {
    // With a seed secret of its own no other file is there than the log's.
    let setup = Setup::default().variable("HUB_SEED_SECRET", "Zt8Yx2Wv5Uq1Sr7Pn4Mk9Jh3Gf6Dc0Ba");
    let mut hub = setup.tables([OPEN]).start();
    let mode = |hub: &TestHub| {
        let found = fs::symlink_metadata(socket(hub)).expect("it is there");
        assert!(found.file_type().is_socket());
        found.permissions().mode() & 0o7777
    };
    assert_eq!(mode(&hub), 0o600);
    plays(&hub).await;
    let copies = tempfile::tempdir().expect("a directory");
    let to = |name: &str| copies.path().join(name).to_str().expect("a plain path").to_owned();
    hub.done(&["verify"]);
    hub.done(&["backup", "--to", &to("beside")]);
    hub.kill();
    // As a killed hub leaves it.
    assert_eq!(mode(&hub), 0o600);
    hub.done(&["verify"]);
    hub.done(&["check-config"]);
    hub.done(&["backup", "--to", &to("stale")]);
    for backup in ["beside", "stale"] {
        let restored = Setup::default().tables([OPEN]).prepare();
        restored.done(&["restore", "--from", &to(backup)]);
        assert!(!socket(&restored).exists());
    }
    assert!(hub.refuses(&["init"]).contains("there is a log already"));
    fs::set_permissions(hub.data(), fs::Permissions::from_mode(0o755)).expect("a disk");
    hub.start();
    assert_eq!(mode(&hub), 0o600);
    let data = fs::metadata(hub.data()).expect("a directory").permissions().mode() & 0o777;
    assert_eq!(data, 0o700, "a stale socket is a file of the log's");
    plays(&hub).await;
    hub.terminate();
    assert!(hub.ended().await.success());
    assert!(!socket(&hub).exists(), "an orderly stop removes it");
    assert_eq!(hub.times_logged("no control socket"), 0);
}

#[tokio::test]
async fn what_is_no_request_is_answered_or_closed_and_play_goes_on() {
    let hub = Setup::default().tables([OPEN]).start();
    assert_eq!(sent(&hub, b""), b"", "nothing asked, nothing answered");
    for (bytes, expected) in [
        (framed(b"{\"version\":1,\"task\":\"format\"}"), "unknown variant `format`"),
        (
            framed(b"{\"version\":7,\"task\":\"anchor\"}"),
            "the request has version 7, and this hub, of release",
        ),
        (framed(b"{\"version\":1,\"task\":\"anchor\",\"x\":1}"), "unknown field `x`"),
        (framed(b"\xff\xfe\x00"), "the request is not one"),
        (framed(&vec![b'['; 60_000]), "the request is not one"),
        (framed(b""), "the request is not one"),
        (vec![0; 2], "in the middle of a frame"),
        (framed(b"{\"version\":1")[..9].to_vec(), "in the middle of a frame"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "bytes, and 65536 are allowed"),
        (framed(&vec![b' '; 70_000]), "it has 70000 bytes, and 65536 are allowed"),
        (vec![255; 1_000_000], "it has 4294967295 bytes"),
    ] {
        let why = refused(&hub, &bytes);
        assert!(why.contains(expected), "{expected:?} is not in {why}");
    }
    // Random bytes, more often than connections may be open.
    let mut random = 1_u64;
    for _ in 0..50 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sent(&hub, &random.to_le_bytes().repeat(random as usize % 40));
    }
    plays(&hub).await;
    assert_eq!(hub.times_logged("panicked"), 0);
}

#[tokio::test]
async fn who_sends_half_a_request_is_cut_off_and_who_comes_when_all_places_are_taken_is_told_so() {
    let hub = Setup::default().tables([OPEN]).start();
    let began = Instant::now();
    let mut slow: Vec<_> = (0..4).map(|_| connect(&hub)).collect();
    for stream in &mut slow {
        stream.write_all(&[0, 0]).expect("room");
    }
    let one_more = async || {
        let why = refused(&hub, &framed(b"{}"));
        why.contains("too many commands are under way").then_some(())
    };
    until("all places are taken", one_more).await;
    assert!(hub.refuses(&["anchor"]).contains("too many commands are under way"));
    plays(&hub).await;
    // A byte now and then makes it no longer.
    for stream in &mut slow {
        let _ = stream.write_all(&[0]);
    }
    for stream in &mut slow {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it is closed in order");
        assert!(last(&answer)["text"].as_str().expect("a text").contains("no whole request came within 5 s"));
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(refused(&hub, &framed(b"{}")).contains("missing field"), "the places are free again");
}

#[tokio::test]
async fn under_any_umask_the_socket_is_its_owners_alone_and_too_long_a_path_leaves_only_it_away() {
    let mut hub = Setup::default().tables([OPEN]).prepare();
    let long = hub.data().with_file_name("d".repeat(110));
    let mut command =
        hub.command(["serve", "--listen", "127.0.0.1:0", "--data", long.to_str().expect("plain")]);
    // SAFETY: between fork and exec only `umask` is called, which is safe there.
    unsafe {
        command.pre_exec(|| {
            libc::umask(0);
            Ok(())
        });
    }
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("the hub can be started");
    let mut log = std::io::BufReader::new(child.stderr.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("\"the hub serves\"") {
        let read = std::io::BufRead::read_line(&mut log, &mut said).expect("text");
        assert!(read > 0, "{said}");
    }
    child.kill().expect("a child of ours");
    child.wait().expect("a child of ours");
    assert!(said.contains("the hub has no control socket") && said.contains("at most 107"), "{said}");
    assert!(!long.join("hub.sock").exists());

    // Another file of the name is left, and a command says that the hub cannot be asked.
    fs::create_dir(hub.data()).expect("a disk");
    fs::write(socket(&hub), "mine").expect("a disk");
    hub.start();
    hub.logged("the hub has no control socket").await;
    plays(&hub).await;
    let refused = hub.refuses(&["anchor"]);
    assert!(refused.contains("is not there to ask it"), "{refused}");
    assert_eq!(fs::read(socket(&hub)).expect("it is there"), b"mine");
}
