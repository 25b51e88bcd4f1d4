//! The control socket of a serving hub, from outside: its modes, what is no request, and that nothing done to it stops play.

use std::{
    fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
        process::CommandExt,
    },
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{
    PATIENCE,
    hub::{OPEN, Setup, TestHub},
    play::takes_bets,
    until,
};

fn socket(hub: &TestHub) -> PathBuf {
    hub.data().join("hub.sock")
}

fn connect(hub: &TestHub) -> UnixStream {
    let stream = UnixStream::connect(socket(hub)).expect("the hub listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// Sends bytes as they are; a hub that has refused meanwhile has closed the connection.
fn send(stream: &mut UnixStream, bytes: &[u8]) {
    match stream.write_all(bytes) {
        Err(error) if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
            panic!("{error}")
        }
        _ => {}
    }
}

/// All that comes back until the hub closes the connection. It may close one of which it has not read all, which is a reset
/// behind what it has answered.
fn answered(stream: &mut UnixStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => answer,
    }
}

/// Sends bytes and no more, and reads all that comes back.
fn sent(hub: &TestHub, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(hub);
    send(&mut stream, bytes);
    stream.shutdown(Shutdown::Write).expect("it was open");
    answered(&mut stream)
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
    takes_bets(&hub, "anna", 1).await;
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
    takes_bets(&hub, "anna", 1).await;
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
    takes_bets(&hub, "anna", 1).await;
    assert_eq!(hub.times_logged("panicked"), 0);
}

#[tokio::test]
async fn who_sends_half_a_request_is_cut_off_and_who_comes_when_all_places_are_taken_is_told_so() {
    /// How long an answer is waited for before the next byte is sent.
    const NEXT_BYTE_AFTER: Duration = Duration::from_millis(200);
    let hub = Setup::default().tables([OPEN]).start();
    let begin_slowly = || {
        let mut stream = connect(&hub);
        stream.set_read_timeout(Some(NEXT_BYTE_AFTER)).expect("a socket");
        // The length of a request of 60,000 bytes.
        send(&mut stream, &60_000_u32.to_be_bytes());
        (stream, Vec::new())
    };
    let all_taken = async || {
        let slow: Vec<_> = (0..4).map(|_| begin_slowly()).collect();
        let told = [refused(&hub, &framed(b"{}")), hub.refuses(&["anchor"])];
        // The places are free again after five seconds.
        told.iter().all(|why| why.contains("too many commands are under way")).then_some(slow)
    };
    let mut slow = until("one that comes when all places are taken is told so", all_taken).await;
    takes_bets(&hub, "anna", 1).await;
    // A byte now and then makes it no longer.
    let began = Instant::now();
    while !slow.is_empty() {
        assert!(began.elapsed() < PATIENCE, "{} connections are open", slow.len());
        slow.retain_mut(|(stream, answer)| match stream.read_to_end(answer) {
            Ok(_) => {
                let why = last(answer)["text"].as_str().expect("a text").to_owned();
                assert!(why.contains("no whole request came within 5 s"), "{why}");
                false
            }
            Err(error) => {
                match error.kind() {
                    ErrorKind::WouldBlock => send(stream, &[0]),
                    // What it had not read of the request is a reset behind its answer.
                    ErrorKind::ConnectionReset => {}
                    _ => panic!("{error}"),
                }
                true
            }
        });
    }
    assert!(refused(&hub, &framed(b"{}")).contains("missing field"), "the places are free again");
}

#[tokio::test]
async fn under_any_umask_the_socket_is_its_owners_alone_and_too_long_a_path_leaves_only_it_away() {
    let mut hub = Setup::default().tables([OPEN]).prepare();
    let long = hub.data().with_file_name("d".repeat(110));
    let mut command =
        hub.bounded(["serve", "--listen", "127.0.0.1:0", "--data", long.to_str().expect("plain")]);
    // SAFETY: between fork and exec only `umask` is called, which is safe there.
    unsafe {
        command.pre_exec(|| {
            libc::umask(0);
            Ok(())
        });
    }
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the hub can be started");
    let mut log = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("\"the hub serves\"") {
        // A hub that does not come so far is ended by its bound, and with it the text.
        let read = log.read_line(&mut said).expect("text");
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
    takes_bets(&hub, "anna", 1).await;
    let refused = hub.refuses(&["anchor"]);
    assert!(refused.contains("nobody answers at hub.sock"), "{refused}");
    assert_eq!(fs::read(socket(&hub)).expect("it is there"), b"mine");
}
