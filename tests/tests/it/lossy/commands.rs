//! The operator's commands on a disk that loses what was not synced: what a command has said is done is on the disk, and
//! one that is killed loses nothing.

use std::{path::Path, time::Duration};

use fastrand::Rng;
use protocol::reply::Receipt;
use tests::{
    files::put_copy,
    hub::{OPEN, Setup, TestHub, words},
    play::takes_bets,
    player::Account,
    power::{Faults, Loss, LossyDisk},
};

use crate::{archived::filled, backup::setup, erasure::id_of};

/// Kills of each command.
const KILLS: u64 = 8;

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A hub, and the disk under everything that it has.
fn on_a_disk(hub: &mut TestHub) -> LossyDisk {
    let disk = LossyDisk::under(hub.data().parent().expect("the test's own directory"));
    hub.configure(|setup| disk.beneath(setup, Faults::default(), 7));
    disk
}

fn prepared() -> (TestHub, LossyDisk) {
    let mut hub = setup().deposit("1000.00").prepare();
    let disk = on_a_disk(&mut hub);
    (hub, disk)
}

/// The power fails, and everything that was not synced is lost.
fn fail(disk: &LossyDisk) {
    disk.fail(Loss::All, &mut Rng::with_seed(7));
}

/// Asks again for every receipt.
async fn all_there(hub: &TestHub, account: &Account, round: u64, receipts: &[Receipt]) {
    let mut session = account.connect(hub.address()).await;
    assert_eq!(session.open_round(OPEN.id).await, round, "the round goes on");
    for receipt in receipts {
        let again = session.bet(receipt.key, OPEN.id, round, "1.00").await.expect("the first answer");
        assert_eq!(again, *receipt);
    }
}

#[tokio::test]
async fn what_was_answered_or_said_to_be_done_is_there_when_the_power_fails_at_once() {
    let (mut hub, disk) = prepared();
    // A log that was begun, with its directory.
    hub.done(&["init"]);
    fail(&disk);
    hub.start();
    let account = Account::sign_in(hub.address(), "anna").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let mut receipts = Vec::new();
    for _ in 0..20 {
        receipts.push(session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet"));
    }
    let person = id_of(&hub, "somebody").await;
    hub.kill();
    fail(&disk);
    hub.start();
    all_there(&hub, &account, round, &receipts).await;
    assert_eq!(id_of(&hub, "somebody").await, person, "one person has one id");

    // A backup beside the serving hub, and what was restored from it.
    let root = hub.data().parent().expect("the test's own directory").to_owned();
    let (backup, keys) = (root.join("backup"), root.join("keys"));
    hub.done(&["backup", "--to", text(&backup), "--keys-to", text(&keys)]);
    hub.kill();
    fail(&disk);
    let (mut other, others) = prepared();
    other.done(&["restore", "--from", text(&backup), "--keys-from", text(&keys)]);
    fail(&others);
    other.start();
    all_there(&other, &account, round, &receipts).await;

    // An erasure.
    hub.done(&["person", "erase", "--id", &person.to_string()]);
    fail(&disk);
    let found = words(&hub.run(&["person", "find", "--id", &person.to_string()]));
    assert!(found.contains("was erased"), "{found}");
    hub.start();
    all_there(&hub, &account, round, &receipts).await;
}

#[test]
fn a_first_start_in_development_is_on_the_disk_with_the_directory_that_it_has_made() {
    let mut hub = Setup::default().tables([OPEN]).prepare();
    let disk = on_a_disk(&mut hub);
    hub.start();
    hub.kill();
    fail(&disk);
    assert!(hub.data().join("development.secrets").exists());
    hub.verify();
    hub.start();
}

/// Kills a command of a hub once it has made so many calls to the disk, and lets the power fail. Whether it was killed while
/// it ran: behind its first call, and before its end.
fn killed(hub: &TestHub, disk: &LossyDisk, arguments: &[&str], calls: u64, random: &mut Rng) -> bool {
    let before = disk.counts().calls();
    let mut command = hub.begin(arguments);
    while !command.has_ended() && disk.counts().calls() < before + calls {
        std::thread::sleep(Duration::from_micros(200));
    }
    let ran = command.kill().was_killed() && disk.counts().calls() > before;
    let loss = if random.bool() { Loss::All } else { Loss::Part };
    disk.fail(loss, random);
    ran
}

#[test]
fn an_archive_run_that_is_killed_with_the_power_removes_nothing_that_is_not_archived() {
    let filled = filled(Setup::default().option("archive.keep_bytes", 0));
    let segments = filled.segments().len();
    let mut random = Rng::with_seed(7);
    let (mut running, mut shortened) = (0, 0);
    let mut all_calls = 0;
    for run in 0..KILLS {
        let mut hub = Setup::default().option("archive.keep_bytes", 0).tables([OPEN]).prepare();
        put_copy(&filled.data(), &hub.data());
        let disk = on_a_disk(&mut hub);
        let to = hub.data().with_file_name("archive");
        let archive = ["archive", "--to", text(&to), "--remove"];
        // Closer together towards the end, where the segments are removed.
        let calls = all_calls - all_calls * (KILLS - run).pow(2) / KILLS.pow(2);
        running += u32::from(killed(&hub, &disk, &archive, calls, &mut random));
        shortened += u32::from(hub.segments().len() < segments);
        hub.verify();
        // Nothing is missing between the archive and the log.
        let whole = Setup::default().tables([OPEN]).prepare();
        if to.exists() {
            hub.done(&["archive", "--to", text(&to), "--fetch", text(&whole.data())]);
            whole.verify();
        }
        let before = disk.counts().calls();
        hub.done(&archive);
        // The first one was killed at once: these are the calls of all the work.
        all_calls = all_calls.max(disk.counts().calls() - before);
        fail(&disk);
        let again = Setup::default().tables([OPEN]).prepare();
        hub.done(&["archive", "--to", text(&to), "--fetch", text(&again.data())]);
        assert!(hub.segments().len() < segments);
        again.verify();
    }
    println!(
        "{KILLS} kills of an archive run, {running} while it ran; {shortened} logs were shorter: lost 0"
    );
    assert!(running >= 2, "killed while it ran {running} times");
}

#[tokio::test]
async fn a_backup_that_is_killed_with_the_power_is_refused_or_whole() {
    let (mut hub, disk) = prepared();
    hub.start();
    takes_bets(&hub, "anna", 1).await;
    hub.kill();
    fail(&disk);
    let records = hub.verify().records;
    let before = disk.counts().calls();
    hub.done(&["backup", "--to", text(&hub.data().with_file_name("first"))]);
    let all_calls = disk.counts().calls() - before;
    let mut random = Rng::with_seed(7);
    let (mut running, mut refused) = (0, 0);
    for run in 0..KILLS {
        let at = |name: &str| hub.data().with_file_name(format!("{name}{run}"));
        let (backup, keys) = (at("backup"), at("keys"));
        let arguments = ["backup", "--to", text(&backup), "--keys-to", text(&keys)];
        // The last ones come when it has ended.
        let calls = all_calls * run / (KILLS - 3);
        running += u32::from(killed(&hub, &disk, &arguments, calls, &mut random));
        let other = setup().prepare();
        let restored = other.run(&["restore", "--from", text(&backup), "--keys-from", text(&keys)]);
        if restored.status.success() {
            assert_eq!(other.verify().records, records, "run {run}");
        } else {
            assert_eq!(restored.status.code(), Some(1), "run {run}: {}", words(&restored));
            refused += 1;
        }
        assert_eq!(hub.verify().records, records, "run {run}: what was copied is as it was");
    }
    println!("{KILLS} kills of a backup, {running} while it ran: {refused} refused, the others whole");
    assert!(running >= 2, "killed while it ran {running} times");
}
