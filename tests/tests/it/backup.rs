//! Backups: made beside a hub that serves, restored elsewhere, and played on; killed in the middle, with a full disk, and with
//! files that were altered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use crate::archived;
use protocol::{Key, reply::Receipt};
use tests::{
    files::paths_below,
    hub::{OPEN, QUICK, Setup, TestHub, words},
    moment::KillMoment,
    play::plays_on,
    player::{Account, Session},
    until,
};
use tokio::{sync::watch, task::JoinHandle};

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A hub whose secrets another machine has too.
pub fn setup() -> Setup {
    Setup::default().tables([OPEN]).variable("HUB_SEED_SECRET", "q8Zt5Yw2Rk7Jd4Vn1Xc6Mb9Lp3Hs0FgT")
}

/// What a player was answered, and when.
type Answered = Vec<(Key, Receipt, Instant)>;

/// A player who bets until told to stop. Returns what was answered, and when.
fn betting(session: Session, round: u64) -> (watch::Sender<bool>, JoinHandle<Answered>) {
    let (stop, mut stopped) = watch::channel(false);
    let task = tokio::spawn(async move {
        let mut answered = Vec::new();
        while !*stopped.borrow() {
            let key = session.key();
            match session.bet(key, OPEN.id, round, "0.50").await {
                Ok(receipt) => answered.push((key, receipt, Instant::now())),
                // The limit of the spot is reached: the round takes no more of this player.
                Err(error) if format!("{error:?}").contains("above_limit") => {
                    let _ = stopped.changed().await;
                }
                Err(error) => panic!("a good bet: {error:?}"),
            }
        }
        answered
    });
    (stop, task)
}

/// Everything below a directory, by path.
fn below(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = paths_below(directory).into_iter();
    paths.map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}

/// A hub with some bets and a backup of it, made while it serves.
async fn backed_up(at: &Path) -> (TestHub, Account, u64, Vec<Receipt>, PathBuf, PathBuf) {
    let hub = setup().start();
    let account = Account::sign_in(hub.address(), "anna").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let mut receipts = Vec::new();
    for _ in 0..30 {
        receipts.push(session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet"));
    }
    let last = receipts[29].lsn;
    let committed = async || hub.figure("hub_store_lsn").await.filter(|lsn| *lsn >= last);
    until("the state store has the bets", committed).await;
    let (backup, keys) = (at.join("backup"), at.join("keys"));
    hub.done(&["backup", "--to", text(&backup), "--keys-to", text(&keys)]);
    (hub, account, round, receipts, backup, keys)
}

#[tokio::test]
async fn a_backup_beside_play_is_restored_elsewhere_with_every_bet_answered_before_it_and_is_played_on() {
    let at = tempfile::tempdir().expect("a directory");
    let (backup, keys) = (at.path().join("backup"), at.path().join("keys"));
    let mut hub = setup().tables([OPEN, QUICK]).deposit("100000.00").start();
    let account = Account::sign_in(hub.address(), "anna").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let mut bettors = Vec::new();
    for name in ["berta", "clara", "doris"] {
        let other = Account::sign_in(hub.address(), name).await;
        let mut session = other.connect(hub.address()).await;
        assert_eq!(session.open_round(OPEN.id).await, round);
        bettors.push((session, other));
    }
    let (sessions, accounts): (Vec<_>, Vec<_>) = bettors.into_iter().unzip();
    let load: Vec<_> = sessions.into_iter().map(|session| betting(session, round)).collect();
    for _ in 0..200 {
        session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    }

    let quick = QUICK.id.parse().expect("a table id");
    session.client.join_table(quick).await.expect("a table");
    let ended = async || {
        Some(session.client.table_history(quick).await.expect("a history")).filter(|past| past.len() > 1)
    };
    let past = until("two rounds are over", ended).await;

    // Slow enough for many commits and merges meanwhile, and for people who sign in during the backup.
    let began = Instant::now();
    let arguments =
        ["backup", "--to", text(&backup), "--keys-to", text(&keys), "--bytes-per-second", "1500000"];
    let mut command = hub.begin(&arguments);
    let late = Account::sign_in(hub.address(), "elena").await;
    let mut late_session = late.connect(hub.address()).await;
    late_session.open_round(OPEN.id).await;
    late_session.bet(late_session.key(), OPEN.id, round, "1.00").await.expect("play goes on");
    until("the end of the backup", async || command.has_ended().then_some(())).await;
    let ended = command.ended();
    assert!(ended.status.success() && ended.said.contains("head  "), "{}", ended.said);
    let took = began.elapsed();
    let mut answered = Vec::new();
    for ((stop, task), account) in load.into_iter().zip(&accounts) {
        stop.send_replace(true);
        answered.push((account, task.await.expect("a bettor")));
    }
    let during = answered.iter().flat_map(|(_, bets)| bets).filter(|(.., when)| *when > began).count();
    assert!(during > 100, "play went on: {during} bets during the backup");
    hub.terminate();
    assert!(hub.ended().await.success());

    // On another machine.
    let began_to_restore = Instant::now();
    let mut other = setup().tables([OPEN, QUICK]).deposit("100000.00").prepare();
    let said = other.done(&["restore", "--from", text(&backup), "--keys-from", text(&keys)]);
    assert!(said.contains("lineage  ") && said.contains("is lost"), "{said}");
    other.start();
    let mut first = account.connect(other.address()).await;
    let restored = first.client.table_history(quick).await.expect("a history");
    let numbers = restored.iter().map(|past| past.round);
    assert!(numbers.eq((1..=restored[0].round).rev().take(50)), "{restored:?}");
    assert!(past.iter().all(|past| restored.contains(past)), "{past:?} before, {restored:?} after");
    let goes_on = first.open_round(OPEN.id).await;
    first.bet(first.key(), OPEN.id, goes_on, "1.00").await.expect("it plays on");
    let time = began_to_restore.elapsed();

    let (mut there, mut lost) = (0, 0);
    for (account, bets) in &answered {
        let mut session = account.connect(other.address()).await;
        assert_eq!(session.open_round(OPEN.id).await, round, "the round goes on");
        for (key, receipt, when) in bets {
            let again = session.bet(*key, OPEN.id, round, "0.50").await.expect("an answer");
            if again == *receipt {
                there += 1;
            } else {
                lost += 1;
                assert!(
                    *when > began,
                    "a bet that was answered before the backup began is lost: {receipt:?}"
                );
            }
        }
    }
    assert!(there > 0);
    let report = other.done(&["verify"]);
    assert!(report.contains("Everything agrees"), "{report}");
    println!(
        "backup in {took:?}, {during} bets meanwhile; restored: {there} bets there, {lost} of after it; RPO: 0 bets answered \
         before the backup lost; RTO: {time:?} from an empty machine to the first bet"
    );
}

#[tokio::test]
async fn a_backup_of_a_killed_hub_is_restored_without_keys_and_starts_once_they_are_there() {
    let at = tempfile::tempdir().expect("a directory");
    let (mut hub, account, round, receipts, _, _) = backed_up(at.path()).await;
    hub.kill();
    let (backup, keys) = (at.path().join("second"), at.path().join("second-keys"));
    let inside = backup.join("keys");
    let said = hub.refuses(&["backup", "--to", text(&backup), "--keys-to", text(&inside)]);
    assert!(said.contains("kept apart"), "{said}");
    let around = at.path().join("around");
    let said = hub.refuses(&["backup", "--to", text(&around.join("backup")), "--keys-to", text(&around)]);
    assert!(said.contains("kept apart"), "{said}");
    let (key_file, aside) = (hub.data().join("people.keys"), at.path().join("aside"));
    fs::rename(&key_file, &aside).expect("a disk");
    let said = hub.refuses(&["backup", "--to", text(&backup), "--keys-to", text(&around)]);
    assert!(said.contains("nothing for --keys-to"), "{said}");
    fs::rename(&aside, &key_file).expect("a disk");
    assert!(!backup.exists() && !around.exists(), "what is refused makes nothing");
    let said = hub.done(&["backup", "--to", text(&backup), "--keys-to", text(&keys)]);
    assert!(said.contains("people.keys is in"), "{said}");
    let said = hub.done(&["backup", "--to", text(&at.path().join("third"))]);
    assert!(said.contains("people.keys is not in the backup"), "{said}");
    let named: Vec<_> = below(&backup).into_keys().filter(|path| path.ends_with("people.keys")).collect();
    assert_eq!(named, Vec::<PathBuf>::new(), "keys are apart");

    let mut other = setup().prepare();
    let said = other.done(&["restore", "--from", text(&backup)]);
    assert!(said.contains("put people.keys into data"), "{said}");
    let start = words(&other.run(&["serve", "--listen", "127.0.0.1:0"]));
    assert!(start.contains("people.keys"), "{start}");
    fs::copy(keys.join("people.keys"), other.data().join("people.keys")).expect("a disk");
    other.start();
    let mut session = account.connect(other.address()).await;
    assert_eq!(session.open_round(OPEN.id).await, round, "the round goes on");
    for receipt in &receipts {
        let again = session.bet(receipt.key, OPEN.id, round, "1.00").await.expect("the first answer");
        assert_eq!(again, *receipt);
    }
    assert_eq!(other.done(&["verify"]).lines().filter(|line| line.starts_with("lineage")).count(), 2);
}

#[tokio::test]
async fn a_backup_that_is_killed_anywhere_is_none_or_whole_and_the_next_one_is_whole() {
    let at = tempfile::tempdir().expect("a directory");
    let (hub, _, _, _, whole, keys) = backed_up(at.path()).await;
    let files = paths_below(&whole).len();
    let (mut killed, mut in_the_middle, none) = (0, 0, BTreeSet::new());
    for number in 0..25 {
        let to = at.path().join(format!("{number}"));
        let moment = match number % (files + 1) {
            0 => KillMoment::Started,
            count => KillMoment::NewFiles { below: &to, known: &none, count },
        };
        let mut command = hub.begin(&["backup", "--to", text(&to), "--bytes-per-second", "3000000"]);
        moment.comes(&mut command);
        let was_killed = command.kill().was_killed();
        killed += u32::from(was_killed);
        let (there, is_whole) = (paths_below(&to).len(), to.join("backup.json").exists());
        in_the_middle += u32::from(was_killed && there > 0 && !is_whole);
        let other = setup().prepare();
        if is_whole {
            other.done(&["restore", "--from", text(&to), "--keys-from", text(&keys)]);
        } else {
            let said = other.refuses(&["restore", "--from", text(&to)]);
            assert!(said.contains("no whole backup"), "{said}");
        }
        if there > 0 {
            let said = hub.refuses(&["backup", "--to", text(&to)]);
            assert!(said.contains("is not empty"), "{said}");
        }
    }
    println!(
        "backup killed {killed} times, {in_the_middle} with a part of the files there; passed for whole: 0"
    );
    assert!(in_the_middle > 3, "killed {killed} times, {in_the_middle} in the middle");
    let again = at.path().join("again");
    hub.done(&["backup", "--to", text(&again)]);
    setup().prepare().done(&["restore", "--from", text(&again), "--keys-from", text(&keys)]);
}

#[tokio::test]
async fn a_full_disk_ends_backup_and_restore_by_name_and_leaves_nothing_that_passes_for_whole() {
    let at = tempfile::tempdir().expect("a directory");
    let (hub, _, _, _, whole, keys) = backed_up(at.path()).await;
    for bytes in [64, 4_096, 300_000] {
        let to = at.path().join(format!("below-{bytes}"));
        let output = hub.run_with_files_below(bytes, &["backup", "--to", text(&to)]);
        let said = words(&output);
        assert!(output.status.code() == Some(1) && said.contains(text(&to)), "{bytes}: {said}");
        assert!(!to.join("backup.json").exists(), "{bytes}: {said}");
        let partial =
            below(&to).into_keys().filter(|path| path.extension().is_some_and(|end| end == "partial"));
        assert_eq!(partial.count(), 0, "{bytes}: nothing half is left");
        let other = setup().prepare();
        let restore = ["restore", "--from", text(&whole), "--keys-from", text(&keys)];
        let output = other.run_with_files_below(bytes, &restore);
        assert_eq!(output.status.code(), Some(1), "{bytes}: {}", words(&output));
        assert_eq!(below(&other.data()).len(), 0, "{bytes}: nothing is left");
        // With room it works, in the same directory.
        other.done(&restore);
    }
}

#[tokio::test]
async fn an_altered_cut_missing_or_swapped_file_of_a_backup_is_refused_by_its_name_and_nothing_is_restored() {
    let at = tempfile::tempdir().expect("a directory");
    let (_hub, _, _, _, backup, keys) = backed_up(at.path()).await;
    let files = below(&backup);
    assert!(files.len() > 4, "{:?}", files.keys());
    let other = setup().prepare();
    let restore = ["restore", "--from", text(&backup), "--keys-from", text(&keys)];
    let check = |what: &str, path: &Path| {
        let said = other.refuses(&restore);
        assert!(
            said.contains(path.file_name().and_then(|name| name.to_str()).expect("a name")),
            "{what} {path:?}: {said}"
        );
        assert_eq!(below(&other.data()).len(), 0, "{what} {path:?}: nothing was restored");
        let whole = &files[path];
        fs::write(path, whole).expect("a disk");
    };
    for (path, bytes) in &files {
        let mut altered = bytes.clone();
        altered[bytes.len() / 2] ^= 1;
        fs::write(path, &altered).expect("a disk");
        check("altered", path);
        fs::write(path, &bytes[..bytes.len() - 1]).expect("a disk");
        check("cut", path);
        fs::write(path, [&bytes[..], b"x"].concat()).expect("a disk");
        check("longer", path);
        fs::remove_file(path).expect("a file");
        check("missing", path);
        let another = files.iter().find(|(other, _)| *other != path).expect("another file").1;
        fs::write(path, another).expect("a disk");
        check("swapped", path);
    }
    let inventory = backup.join("backup.json");
    fs::write(&inventory, r#"{"format": 99}"#).expect("a disk");
    let said = other.refuses(&restore);
    assert!(said.contains("format 99"), "{said}");
    fs::write(&inventory, &files[&inventory]).expect("a disk");

    // Keys of somebody else are no keys of this backup.
    let mut wrong = fs::read(keys.join("people.keys")).expect("keys");
    let middle = wrong.len() / 2;
    wrong[middle] ^= 1;
    let altered = at.path().join("altered");
    fs::create_dir(&altered).expect("a disk");
    fs::write(altered.join("people.keys"), wrong).expect("a disk");
    let said = other.refuses(&["restore", "--from", text(&backup), "--keys-from", text(&altered)]);
    assert!(said.contains("people.keys"), "{said}");
    assert_eq!(below(&other.data()).len(), 0);

    other.done(&restore);
    let said = other.refuses(&restore);
    assert!(said.contains("is not empty"), "{said}");
}

#[tokio::test]
async fn a_backup_of_a_log_that_begins_later_is_restored_with_its_beginning_and_played_on() {
    let at = tempfile::tempdir().expect("a directory");
    let (archive, backup, keys) =
        (at.path().join("archive"), at.path().join("backup"), at.path().join("keys"));
    let hub = archived::filled(setup().option("archive.keep_bytes", 0));
    hub.done(&["archive", "--to", text(&archive), "--remove"]);
    let said = hub.done(&["backup", "--to", text(&backup), "--keys-to", text(&keys)]);
    assert!(said.contains("log  ") && !said.contains("from record 1,"), "{said}");
    let mut other = setup().prepare();
    other.done(&["restore", "--from", text(&backup), "--keys-from", text(&keys)]);
    let report = other.done(&["verify"]);
    assert!(report.contains("trusted ") && report.contains("Everything agrees"), "{report}");
    plays_on(&mut other).await;

    // Its store cannot be built again, so there is no backup without it.
    fs::write(hub.data().join("store/manifest"), b"no manifest").expect("a disk");
    let without = at.path().join("without");
    let said = hub.refuses(&["backup", "--to", text(&without)]);
    assert!(said.contains("failed to read the state store") && said.contains("manifest"), "{said}");
    assert!(!without.join("backup.json").exists());
}

#[tokio::test]
async fn a_restore_that_is_killed_anywhere_leaves_no_log_to_start_on_or_a_whole_one() {
    let at = tempfile::tempdir().expect("a directory");
    let (hub, _, _, receipts, backup, keys) = backed_up(at.path()).await;
    drop(hub);
    let restore = ["restore", "--from", text(&backup), "--keys-from", text(&keys)];
    let files = paths_below(&backup).len();
    let (mut killed, mut in_the_middle, mut whole, none) = (0, 0, 0, BTreeSet::new());
    for number in 0..30 {
        let other = setup().prepare();
        let data = other.data();
        let (stage, moved) = (data.join("restoring"), data.join("people.db"));
        let moment = match number % (files + 3) {
            0 => KillMoment::Started,
            1 => KillMoment::There(&stage),
            // From the newest segment to the oldest they are moved last.
            2 => KillMoment::There(&moved),
            count => KillMoment::NewFiles { below: &stage, known: &none, count: count - 2 },
        };
        let mut command = other.begin(&restore);
        moment.comes(&mut command);
        let was_killed = command.kill().was_killed();
        killed += u32::from(was_killed);
        in_the_middle += u32::from(was_killed && stage.exists());
        let verified = other.run(&["verify"]);
        let said = words(&verified);
        if verified.status.success() {
            // It is the new lineage, and has everything.
            assert_eq!(said.lines().filter(|line| line.starts_with("lineage")).count(), 2, "{said}");
            whole += 1;
            continue;
        }
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
        let segments = fs::read_dir(&data).into_iter().flatten().flatten().map(|entry| entry.path());
        let segments = segments.filter(is_segment).count();
        if segments > 0 {
            assert!(["DAMAGED", "SHORT", "no log"].iter().any(|why| said.contains(why)), "{said}");
            other.refuses(&["verify", "--tail"]);
        }
        let again = other.run(&restore);
        let said = words(&again);
        if !again.status.success() {
            assert!(said.contains("an earlier restore into data was interrupted"), "{said}");
            fs::remove_dir_all(&data).expect("a directory");
            other.done(&restore);
        }
        let records = other.verify().records;
        assert!(records >= receipts[29].lsn, "{records}");
    }
    println!(
        "restore killed {killed} times, {in_the_middle} in the middle, {whole} whole; half a log to start on: 0"
    );
    assert!(in_the_middle > 3, "killed {killed} times, {in_the_middle} in the middle");
}
