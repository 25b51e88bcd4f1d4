//! Faults of the data directory: another hub, a flipped bit, a torn tail, a full disk. The hub serves from all of the
//! log, or refuses and says where to look.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{FileExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
};

use crate::archived;

use protocol::{Key, reply::Receipt};
use tests::{
    http,
    hub::{OPEN, Setup, TestHub, aborted, words},
    player::{Account, Session, red},
    soon, until,
};

/// A hub with so many accepted bets of one player, each in a batch of its own.
async fn played(bets: usize) -> (TestHub, Account, u64, Vec<Receipt>) {
    let hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "keeper").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let mut receipts = Vec::new();
    for _ in 0..bets {
        receipts.push(session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet"));
    }
    (hub, account, round, receipts)
}

/// Every receipt is there and the round goes on.
async fn all_there(hub: &TestHub, account: &Account, round: u64, receipts: &[Receipt]) -> Session {
    let mut session = account.connect(hub.address()).await;
    assert_eq!(session.open_round(OPEN.id).await, round, "the round goes on");
    for receipt in receipts {
        let again = session.bet(receipt.key, OPEN.id, round, "1.00").await.expect("the first answer");
        assert_eq!(again, *receipt);
    }
    session
}

/// The first segment and how much of it is in use: up to the last byte that is not zero.
fn first_segment(hub: &TestHub) -> (PathBuf, u64) {
    let path = hub.segments().remove(0);
    let bytes = fs::read(&path).expect("a segment");
    let used = bytes.iter().rposition(|byte| *byte != 0).expect("records") as u64 + 1;
    (path, used)
}

/// The files and directories below one that group or others may use.
fn open_to_others(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let (path, mode) = (entry.path(), entry.metadata().expect("an entry").permissions().mode());
        if mode & 0o077 != 0 {
            found.push(format!("{} {mode:o}", path.display()));
        }
        if path.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

#[test]
fn whatever_the_umask_is_every_file_of_data_backup_and_archive_is_its_owners_alone() {
    let at = tempfile::tempdir().expect("a directory");
    let hub = archived::filled(Setup::default().option("archive.keep_bytes", 0));
    let place = |name: &str| at.path().join(name).to_str().expect("a plain path").to_owned();
    let (archive, whole, restored) = (place("archive"), place("whole"), place("restored"));
    let (backup, keys) = (place("backup"), place("keys"));
    let commands = [
        &["archive", "--to", &archive, "--remove"][..],
        &["archive", "--to", &archive, "--fetch", &whole],
        &["backup", "--to", &backup, "--keys-to", &keys],
        &["restore", "--from", &backup, "--keys-from", &keys, "--data", &restored],
    ];
    for arguments in commands {
        // The last --data counts.
        let mut command = hub.bounded(arguments);
        // SAFETY: between fork and exec only `umask` is called, which is safe there.
        unsafe {
            command.pre_exec(|| {
                libc::umask(0);
                Ok(())
            });
        }
        let output = command.output().expect("a process");
        assert!(output.status.success(), "{arguments:?}: {}", words(&output));
    }
    for directory in [at.path(), &hub.data()] {
        assert_eq!(open_to_others(directory), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_second_hub_on_the_same_directory_refuses_and_names_it_and_the_first() {
    let (hub, account, round, receipts) = played(1).await;
    let second = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert!(words.contains("data") && words.contains(&format!("process {}", hub.pid())), "{words}");
    all_there(&hub, &account, round, &receipts).await;
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_is_never_served_and_its_place_is_named() {
    let (mut hub, account, round, receipts) = played(40).await;
    hub.kill();
    let before = hub.verify();
    let (path, used) = first_segment(&hub);
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let file = File::options().read(true).write(true).open(&path).expect("a segment");
    for place in [used / 4, used / 2, used * 3 / 4] {
        let mut byte = [0];
        file.read_exact_at(&mut byte, place).expect("a byte");
        file.write_all_at(&[byte[0] ^ 0x10], place).expect("a byte");

        let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
        let words = String::from_utf8_lossy(&start.stderr).into_owned();
        assert_eq!(start.status.code(), Some(1), "{words}");
        assert!(words.contains(&name) && words.contains("at offset"), "{words}");
        let verified = hub.run(&["verify"]);
        let report = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert_eq!(verified.status.code(), Some(1), "{report}");
        assert!(report.contains("DAMAGED") && report.contains(&name), "{report}");

        file.write_all_at(&byte, place).expect("a byte");
    }
    assert_eq!(hub.verify(), before, "refusing has changed nothing");
    hub.start();
    all_there(&hub, &account, round, &receipts).await;
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_nothing_acknowledged_goes_with_it() {
    let (mut hub, account, round, mut receipts) = played(5).await;
    // What a crash in the middle of a write may leave behind the last whole batch.
    type Tear = fn(&File, u64);
    let tears: [(&str, Tear); 2] = [
        ("noise", |file, end| file.write_all_at(&[0xA5; 3_000], end).expect("the segment has room")),
        ("the beginning of a batch without its end", |file, end| {
            let mut batch = vec![0; 60];
            file.read_exact_at(&mut batch, end - 4_096).expect("the last batch");
            file.write_all_at(&batch, end).expect("the segment has room");
        }),
    ];
    for (what, tear) in tears {
        hub.kill();
        let path = hub.segments().pop().expect("a segment");
        let bytes = fs::read(&path).expect("a segment");
        let used = bytes.iter().rposition(|byte| *byte != 0).expect("records") as u64 + 1;
        let file = File::options().read(true).write(true).open(&path).expect("a segment");
        tear(&file, used.next_multiple_of(4_096));
        hub.start();
        let session = all_there(&hub, &account, round, &receipts).await;
        let next = session.bet(session.key(), OPEN.id, round, "1.00").await;
        receipts.push(next.unwrap_or_else(|error| panic!("a bet after {what}: {error}")));
    }
    assert_eq!(hub.verify().of("balance", "cash").held, 100 * receipts.len() as i128);
}

/// What is wrong with the log of a stopped hub, in the words of a start; `hub verify --tail` has the same.
fn refused(hub: &TestHub) -> String {
    let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&start.stderr).into_owned();
    assert_eq!(start.status.code(), Some(1), "{words}");
    let why = words.trim().rsplit_once("recover from data: ").expect("a refusal").1.to_owned();
    let verified = hub.run(&["verify", "--tail"]);
    let report = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(verified.status.code(), Some(1), "{report}");
    assert!(report.contains(&why), "the start: {why}\nverify --tail: {report}");
    why
}

#[tokio::test]
async fn a_segment_that_was_cut_is_refused_by_start_and_verify_alike_and_its_file_is_named() {
    let (mut hub, account, round, receipts) = played(5).await;
    hub.kill();
    let path = hub.segments().pop().expect("a segment");
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let whole = fs::read(&path).expect("a segment");
    let used = whole.iter().rposition(|byte| *byte != 0).expect("records") as u64 + 1;
    for len in [0, 512, used / 2 / 512 * 512, used.next_multiple_of(512), whole.len() as u64 - 1] {
        File::options().write(true).open(&path).expect("a segment").set_len(len).expect("it can be cut");
        let why = refused(&hub);
        assert!(why.contains(&name) && why.contains("at offset"), "cut at {len}: {why}");
        fs::write(&path, &whole).expect("a disk");
    }
    hub.start();
    all_there(&hub, &account, round, &receipts).await;
}

/// Waits until `/health/ready` answers with a status, and returns its report.
async fn readiness(hub: &TestHub, status: u16) -> String {
    let looked = until("another readiness", async || {
        let ready = http::get(hub.admin(), "/health/ready").await;
        (ready.status == status).then(|| ready.json().to_string())
    });
    looked.await
}

#[tokio::test]
async fn a_hub_that_loses_its_files_while_it_runs_says_so_and_acknowledges_nothing_more() {
    type Harm = fn(&TestHub);
    let harms: [(&str, Harm, &str); 2] = [
        ("the directory is moved away", |hub| fs::rename(hub.data(), away(hub)).expect("a disk"), "data"),
        (
            "the open segment is cut",
            |hub| {
                fs::copy(&hub.segments()[0], away(hub)).expect("a disk");
                let segment = File::options().write(true).open(&hub.segments()[0]).expect("a segment");
                segment.set_len(1024).expect("it can be cut");
            },
            "00000000000000000001.log",
        ),
    ];
    let (mut hub, account, round, mut receipts) = played(3).await;
    for (what, harm, named) in harms {
        let session = account.connect(hub.address()).await;
        hub.expect_errors();
        harm(&hub);
        let why = readiness(&hub, 503).await;
        assert!(why.contains(named) && why.contains("start again"), "{what}: {why}");
        let key = session.key();
        let answer = soon("an answer", session.client.place_bet(red(key, OPEN.id, round, "1.00"))).await;
        let Err(hub_client::Error::Refused(refusal)) = &answer else { panic!("{what}: {answer:?}") };
        assert_eq!(refusal.code.known(), Some(protocol::ErrorCode::Busy), "{what}: {refusal:?}");
        let demo = http::post(hub.address(), "/api/demo", None, &serde_json::json!({"name": "late"})).await;
        assert_eq!(demo.status, 503, "{what}: {demo:?}");
        let live = http::get(hub.address(), "/health/live").await;
        assert_eq!(live.status, 200, "{what}: it lives, to say so");
        hub.kill();
        if hub.data().exists() {
            fs::rename(away(&hub), &hub.segments()[0]).expect("a disk");
        } else {
            fs::rename(away(&hub), hub.data()).expect("a disk");
        }
        hub.start();
        let session = all_there(&hub, &account, round, &receipts).await;
        receipts.push(session.bet(key, OPEN.id, round, "1.00").await.expect("a retry is carried out once"));
    }
    assert_eq!(hub.verify().of("balance", "cash").held, 100 * receipts.len() as i128);
}

/// Where a test puts what it takes from a hub.
fn away(hub: &TestHub) -> PathBuf {
    hub.data().with_file_name("away")
}

#[tokio::test]
async fn a_hub_without_room_for_a_spare_segment_is_not_ready_and_serves_once_there_is_room() {
    let (mut hub, account, round, receipts) = played(3).await;
    hub.kill();
    fs::remove_file(hub.data().join("spare.ready")).expect("a spare");
    hub.start_with_files_below(600 * 1024);
    hub.start();
    let why = readiness(&hub, 503).await;
    assert!(why.contains("free space") && why.contains("spare"), "{why}");
    let refused = account.try_connect(hub.address(), Vec::new()).await;
    assert!(refused.is_err(), "a player comes back later");
    hub.limit_files(None);
    readiness(&hub, 200).await;
    all_there(&hub, &account, round, &receipts).await;
}

#[tokio::test]
async fn a_hub_that_was_stopped_in_order_is_refused_once_its_end_is_zeroed() {
    let (mut hub, ..) = played(5).await;
    hub.terminate();
    assert_eq!(hub.ended().await.code(), Some(0));
    let path = hub.segments().pop().expect("a segment");
    let whole = fs::read(&path).expect("a segment");
    let used = whole.iter().rposition(|byte| *byte != 0).expect("records") / 512 * 512;
    let mut zeroed = whole.clone();
    zeroed[used - 1024..].fill(0);
    fs::write(&path, &zeroed).expect("a disk");
    let why = refused(&hub);
    assert!(why.contains(" tells of record") && why.contains(".log"), "{why}");
    assert!(why.contains("missing") && why.contains("only if it is a restored backup"), "{why}");
    fs::write(&path, &whole).expect("a disk");
    hub.start();
}

#[tokio::test]
async fn a_second_hub_is_refused_although_somebody_has_removed_the_lock() {
    let (hub, account, round, receipts) = played(1).await;
    fs::remove_file(hub.data().join("lock")).expect("the lock");
    let second = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{words}");
    assert!(words.contains("is locked by another process"), "{words}");
    all_there(&hub, &account, round, &receipts).await;
}

#[tokio::test]
async fn a_full_disk_stops_the_hub_before_it_says_anything_that_is_not_on_disk() {
    let (mut hub, account, round, receipts) = played(10).await;
    let mut session = account.connect(hub.address()).await;
    session.sit(OPEN.id).await;
    hub.fill_disk();
    let keys: Vec<Key> = (0..5).map(|_| session.key()).collect();
    let client = session.client.clone();
    for key in &keys {
        let bet = tests::player::red(*key, OPEN.id, round, "1.00");
        let answer = soon("the end of a request", session.alive(client.place_bet(bet))).await;
        assert!(matches!(answer, Err(hub_client::Error::Closed(_))), "nothing is said: {answer:?}");
    }
    let status = hub.ended().await;
    assert!(aborted(status), "the process stops: {status}");
    assert_eq!(hub.verify().of("balance", "cash").held, 1_000, "what was acknowledged, and nothing else");

    hub.start();
    let session = all_there(&hub, &account, round, &receipts).await;
    for key in keys {
        let receipt = session.bet(key, OPEN.id, round, "1.00").await.expect("a retry is carried out once");
        assert_eq!(session.bet(key, OPEN.id, round, "1.00").await.expect("a receipt"), receipt);
    }
    assert_eq!(session.balance().await, (98_500, 1_500));
}

#[tokio::test]
async fn a_disk_below_its_watermarks_is_told_first_and_then_refused_as_busy_and_never_ends_the_hub() {
    let everything = 1_u64 << 50;
    let mut hub = Setup::default().tables([OPEN]).option("journal.disk_warn_bytes", everything).start();
    hub.logged("below journal.disk_warn_bytes").await;
    let account = Account::sign_in(hub.address(), "keeper").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let first = session.key();
    let receipt = session.bet(first, OPEN.id, round, "1.00").await.expect("a good bet");
    let health = http::get(hub.admin(), "/health/ready").await;
    assert!(health.status == 200 && health.body.contains("journal.disk_warn_bytes"), "{}", health.body);
    assert!(hub.figure("hub_journal_disk_free_bytes").await > Some(0));

    hub.expect_errors();
    hub.configure(|setup| setup.option("journal.disk_refuse_bytes", everything));
    hub.kill();
    hub.start();
    hub.logged("requests are refused until there is room").await;
    let health = http::get(hub.admin(), "/health/ready").await;
    assert!(health.status == 503 && health.body.contains("journal.disk_refuse_bytes"), "{}", health.body);
    assert_eq!(http::get(hub.address(), "/health/live").await.status, 200);

    // With room again, it plays on: the bet is known.
    hub.configure(|setup| setup.option("journal.disk_refuse_bytes", 0));
    hub.kill();
    hub.start();
    let session = account.connect(hub.address()).await;
    let again = session.bet(first, OPEN.id, round, "1.00").await.expect("the first answer");
    assert_eq!(again, receipt);
}
