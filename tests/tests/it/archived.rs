//! The archive of a log: sent, verified, removed, put together again; by the command and by a serving hub, killed in the
//! middle, and with a disk that is full.

use std::{
    fs,
    path::{Path, PathBuf},
};

use actors::stored::{self, Stored};
use engine::{Body, Formats, Record, Unknown, World};
use journal::{Files, Lsn, Options, SyncLog, file::Directory};
use tests::{
    files::paths_below,
    hub::{OPEN, Setup, TestHub, words},
    moment::KillMoment,
    play::{plays_on, takes_bets},
    until,
};

/// Records behind the first segment of a new log, each in a batch of its own: more than twenty segments of 4 KiB.
const RECORDS: u64 = 200;

/// A hub whose log has many short segments and a state store. The records are digests of the state, which need no player.
pub fn filled(setup: Setup) -> TestHub {
    let hub = setup.tables([OPEN]).prepare();
    hub.done(&["init"]);
    let options = Options { segment_bytes: 4 << 10, ..Options::default() };
    let log = journal::open(&hub.data(), options).expect("a log");
    let mut world = World::default();
    log.replay(Lsn(0), |entry| {
        let record = Record::decode(entry.bytes).expect("our record");
        world.apply(&record).expect("it fits");
        Ok::<_, journal::Error>(())
    })
    .expect("a sound log");
    let mut log = log.into_sync();
    let digest = |log: &mut SyncLog<Directory>, world: &mut World| {
        let record = Record { time: world.books.time(), body: Body::Digest(world.books.digest()) };
        world.apply(&record).expect("it fits");
        log.append(&record.encode());
    };
    // The first segment was begun with the configured length.
    while hub.segments().len() == 1 {
        (0..500).for_each(|_| digest(&mut log, &mut world));
        log.sync().expect("a disk");
    }
    for number in 1..=RECORDS {
        digest(&mut log, &mut world);
        log.sync().expect("a disk");
        if number == RECORDS - 60 {
            let store = stored::storage(&hub.data()).expect("a directory");
            stored::replace(store, &world, log.log().end()).expect("a disk");
        }
    }
    log.close().expect("a disk");
    hub
}

fn objects(directory: &Path) -> Vec<PathBuf> {
    paths_below(directory).into_iter().collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[tokio::test]
async fn a_log_is_archived_shortened_served_put_together_again_and_proven_from_its_first_record() {
    let mut hub = filled(Setup::default());
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let before = hub.done(&["verify"]);
    let segments = hub.segments().len();

    let said = hub.done(&["archive", "--to", text(&to)]);
    assert!(said.contains(&format!("{} segment(s) sent", segments - 1)), "{said}");
    let said = hub.done(&["archive", "--to", text(&to)]);
    assert!(said.contains(&format!("0 segment(s) sent as 0 bytes, {} compared", segments - 1)), "{said}");
    assert_eq!(objects(&to).len(), segments - 1);
    for only in ["--list", "--verify"] {
        let said = hub.done(&["archive", "--to", text(&to), only]);
        assert!(said.contains(&format!("{} object(s)", segments - 1)) && !said.contains("GAP"), "{said}");
    }

    // By default the newest GiB stays, which is all of it.
    let said = hub.done(&["archive", "--to", text(&to), "--remove"]);
    assert!(
        said.contains("0 segment(s) of 0 bytes removed") && said.contains("archive.keep_bytes"),
        "{said}"
    );
    hub.configure(|setup| setup.option("archive.keep_bytes", 0));
    let said = hub.done(&["archive", "--to", text(&to), "--remove"]);
    assert!(said.contains("no verified state is behind the next segment"), "{said}");
    let left = hub.segments().len();
    assert!((2..segments / 2).contains(&left), "{left} of {segments} segments are left: {said}");

    // A gap is told once, and the records behind it are not called missing.
    let (gone, aside) = (objects(&to)[1].clone(), at.path().join("aside"));
    fs::rename(&gone, &aside).expect("a disk");
    let output = hub.run(&["archive", "--to", text(&to), "--list"]);
    let said = words(&output);
    assert_eq!((output.status.code(), said.matches("GAP ").count()), (Some(1), 1), "{said}");
    fs::rename(&aside, &gone).expect("a disk");

    // The shorter log is proven from its state store, and played on.
    let report = hub.done(&["verify"]);
    assert!(
        report.contains("removed ") && report.contains("trusted ") && report.contains("Everything agrees"),
        "{report}"
    );
    let gone = words(&hub.run(&["inspect", "3"]));
    assert!(gone.contains("record 3 was removed from") && gone.contains("archive"), "{gone}");
    hub.start();
    takes_bets(&hub, "anna", 1).await;

    // Put together beside the serving hub, and proven from record 1.
    let auditor = Setup::default().tables([OPEN]).prepare();
    let whole = auditor.data();
    let said = hub.done(&["archive", "--to", text(&to), "--fetch", text(&whole)]);
    assert!(said.contains("from the archive") && said.contains("from the log"), "{said}");
    let report = auditor.done(&["verify"]);
    assert!(!report.contains("trusted ") && report.contains("Everything agrees"), "{report}");
    let first = |report: &str| report.lines().find(|line| line.starts_with("lineage")).map(str::to_owned);
    assert_eq!(first(&report), first(&before));
    let again = hub.run(&["archive", "--to", text(&to), "--fetch", text(&whole)]);
    assert!(!again.status.success() && words(&again).contains("is not empty"), "{}", words(&again));

    // Only the hub itself may remove from the log that it writes.
    let refused = hub.run(&["archive", "--to", text(&to), "--remove"]);
    assert!(
        !refused.status.success() && words(&refused).contains("archive.remove = true"),
        "{}",
        words(&refused)
    );

    // One altered object is named, and nothing that needs it succeeds.
    let object = objects(&to)[1].clone();
    let mut bytes = fs::read(&object).expect("an object");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&object, bytes).expect("a disk");
    let name = object.file_name().expect("a name").to_string_lossy().into_owned();
    for arguments in [&["--verify"][..], &["--fetch", text(&at.path().join("other"))]] {
        let output = hub.run(&[&["archive", "--to", text(&to)][..], arguments].concat());
        let said = words(&output);
        assert!(!output.status.success() && said.contains(&name), "{said}");
    }
}

#[tokio::test]
async fn a_serving_hub_archives_and_removes_by_itself_and_without_its_store_the_fetched_log_plays_on() {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let setup = Setup::default()
        .option("archive.to", text(&to))
        .option("archive.remove", true)
        .option("archive.keep_bytes", 3 * (4 << 10));
    let mut hub = filled(setup);
    let segments = hub.segments().len();
    hub.start();
    let removed = async || hub.figure("hub_journal_first_lsn").await.filter(|first| *first > 1);
    let first = until("the first segments are removed", removed).await;
    until("every full segment is archived", async || {
        (hub.figure("hub_archive_waiting_segments").await? == 0).then_some(())
    })
    .await;
    assert_eq!(hub.figure("hub_archive_failures_total").await, Some(0));
    takes_bets(&hub, "anna", 1).await;
    assert!(hub.segments().len() < segments / 2);
    assert_eq!(hub.times_logged("the log is not sound"), 0);
    // Killed and started again, it goes on where it was, and sends nothing twice.
    hub.crash();
    until("the archive is found as it was left", async || {
        hub.figure("hub_archive_lsn").await.filter(|lsn| *lsn >= first)
    })
    .await;
    hub.terminate();
    assert!(hub.ended().await.success());
    let report = hub.done(&["verify"]);
    assert!(report.contains("trusted ") && report.contains("Everything agrees"), "{report}");
    let auditor = Setup::default().tables([OPEN]).prepare();
    hub.done(&["archive", "--fetch", text(&auditor.data())]);
    let report = auditor.done(&["verify"]);
    assert!(report.contains("Everything agrees"), "{report}");

    // Without its state store and without the archive, the shorter log has no state to start from.
    let store = hub.data().join(stored::DIRECTORY);
    fs::remove_dir_all(&store).expect("a directory of ours");
    hub.configure(|setup| setup.option("archive.to", "").option("archive.remove", false));
    let refused = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&refused);
    assert!(!refused.status.success() && said.contains("set archive.to"), "{said}");
    // The whole one has, with the people store and the secrets.
    let mut restored = auditor;
    for entry in fs::read_dir(hub.data()).expect("a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("people.") || name == "development.secrets" {
            fs::copy(entry.path(), restored.data().join(entry.file_name())).expect("a disk");
        }
    }
    restored.start();
    takes_bets(&restored, "anna", 1).await;
}

#[tokio::test]
async fn a_hub_that_lost_its_state_store_builds_it_from_archive_and_log_and_plays_on() {
    let at = tempfile::tempdir().expect("a directory");
    let (to, aside) = (at.path().join("archive"), at.path().join("aside"));
    let mut hub = filled(Setup::default().option("archive.to", text(&to)).option("archive.keep_bytes", 0));
    plays_on(&mut hub).await;
    hub.done(&["archive", "--remove"]);
    let first = Files::open(&hub.data()).expect("a log").begins().lsn.next();
    assert!(first > Lsn(RECORDS / 2), "the log begins at {first:?}");
    let store = hub.data().join(stored::DIRECTORY);
    let digest = |directory: &Path| {
        let storage = stored::storage_to_read(directory).expect("a directory").expect("a store");
        let stored = Stored::read(&storage).expect("a sound store");
        let world = stored.load(Formats::STANDARD, Unknown::Refused).expect("a sound store");
        (stored.0.cursor(), world.books.digest())
    };
    let before = digest(&hub.data());

    // The archive is away: no start, nothing is changed, and a later start may succeed.
    fs::rename(&store, at.path().join("lost")).expect("a disk");
    fs::rename(&to, &aside).expect("a disk");
    let refused = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&refused);
    let why = "record 1 was removed from the log, and cannot be read from the archive";
    assert!(
        !refused.status.success() && said.contains(why) && said.contains("has no object of this log"),
        "{said}"
    );
    fs::remove_dir_all(&to).expect("an empty directory");
    fs::rename(&aside, &to).expect("a disk");

    // An object that was altered is named, with the record that is needed.
    let object = objects(&to)[1].clone();
    let whole_object = fs::read(&object).expect("an object");
    let mut altered = whole_object.clone();
    altered[whole_object.len() / 2] ^= 1;
    fs::write(&object, altered).expect("a disk");
    let refused = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&refused);
    let name = object.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(
        !refused.status.success() && said.contains(&name) && said.contains("is not what its name states"),
        "{said}"
    );
    fs::write(&object, &whole_object).expect("a disk");

    // A start that only builds: it is refused later, for another reason, and the store stands for the log as before.
    let head = format!("{}:{}", before.0.lsn.0 + 1_000_000, "0".repeat(64));
    let refused = hub.run(&["serve", "--listen", "127.0.0.1:0", "--expect", &head]);
    let said = words(&refused);
    assert!(!refused.status.success() && said.contains("was expected"), "{said}");
    assert!(said.contains("they are read in the archive"), "{said}");
    let built = digest(&hub.data());
    assert!(built.0.lsn >= Lsn(first.0 - 1) && built.0.lsn <= before.0.lsn, "{built:?}");

    let report = plays_on(&mut hub).await;
    assert!(report.contains("trusted "), "{report}");

    // From record 1 on nothing is trusted, and the built store has every item and key of the replay.
    let report = hub.done(&["verify", "--archive"]);
    assert!(!report.contains("trusted ") && report.contains("read in the archive and proven"), "{report}");
    assert!(
        report.contains("it has what the replay has") && report.contains("Everything agrees"),
        "{report}"
    );
    fs::remove_dir_all(&store).expect("a directory of ours");
    let output = hub.run(&["verify", "--tail"]);
    assert!(!output.status.success() && words(&output).contains("SHORT"), "{}", words(&output));
    let report = hub.done(&["verify", "--tail", "--archive"]);
    assert!(report.contains("a hub would start on this log") && !store.exists(), "{report}");
    let tampered = {
        let mut bytes = whole_object.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    fs::write(&object, tampered).expect("a disk");
    let output = hub.run(&["verify", "--archive"]);
    let said = words(&output);
    assert!(!output.status.success() && said.contains("DAMAGED") && said.contains(&name), "{said}");
    // Away, it proves nothing either way.
    fs::rename(&to, &aside).expect("a disk");
    let output = hub.run(&["verify", "--archive"]);
    let said = words(&output);
    assert!(!output.status.success() && !said.contains("DAMAGED"), "{said}");
    assert!(said.contains("has no object of this log"), "{said}");
    hub.configure(|setup| setup.option("archive.to", ""));
    let said = words(&hub.run(&["verify", "--archive"]));
    assert!(said.contains("set archive.to"), "{said}");
}

#[tokio::test]
async fn a_serving_hub_plays_on_while_its_archive_cannot_be_written_and_archives_later() {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    fs::write(&to, b"a file where a directory should be").expect("a disk");
    let mut hub = filled(Setup::default().option("archive.to", text(&to)));
    hub.start();
    hub.logged("a segment could not be archived; it is tried again").await;
    takes_bets(&hub, "anna", 1).await;
    until("a failure that is counted", async || {
        hub.figure("hub_archive_failures_total").await.filter(|failures| *failures >= 1)
    })
    .await;
    // It waits half a minute after a failure; a restart does not.
    fs::remove_file(&to).expect("a file of ours");
    hub.crash();
    let all = async || {
        let waiting = hub.figure("hub_archive_waiting_segments").await == Some(0);
        hub.figure("hub_archive_lsn").await.filter(|lsn| waiting && *lsn > RECORDS)
    };
    until("every full segment is archived", all).await;
}

#[tokio::test]
async fn an_archive_run_that_is_killed_anywhere_loses_nothing_and_sends_nothing_twice_uncompared() {
    let hub = filled(Setup::default());
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let segments = hub.segments().len() - 1;
    let (mut killed, mut in_the_middle) = (0, 0);
    for number in 0..40 {
        let known = paths_below(&to);
        let next = KillMoment::NewFiles { below: &to, known: &known, count: 1 + number % 3 };
        let moment = if number % 8 == 0 { KillMoment::Started } else { next };
        let mut run = hub.begin(&["archive", "--to", text(&to)]);
        moment.comes(&mut run);
        let was_killed = run.kill().was_killed();
        killed += u32::from(was_killed);
        let there = paths_below(&to);
        in_the_middle += u32::from(was_killed && there.difference(&known).count() > 0);
        if there.len() >= segments {
            fs::remove_dir_all(&to).expect("a directory of ours");
        }
    }
    let before = paths_below(&to);
    let whole = before.iter().filter(|path| !text(path).contains('#')).count();
    let said = hub.done(&["archive", "--to", text(&to)]);
    assert!(said.contains(&format!("{} segment(s) sent", segments - whole)), "{whole} were there: {said}");
    assert!(said.contains(&format!("{whole} compared")), "{said}");
    assert_eq!(objects(&to).len(), segments, "what was unfinished is removed");
    let said = hub.done(&["archive", "--to", text(&to), "--verify"]);
    assert!(said.contains(&format!("{segments} object(s)")), "{said}");
    println!("archive run killed {killed} times, {in_the_middle} with new objects there; lost 0");
    assert!(in_the_middle > 3, "killed {killed} times, {in_the_middle} in the middle");
}

#[tokio::test]
async fn a_full_disk_of_the_archive_is_told_and_leaves_nothing_half() {
    let hub = filled(Setup::default());
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    // Shorter than every object.
    let output = hub.run_with_files_below(64, &["archive", "--to", text(&to)]);
    let said = words(&output);
    assert!(!output.status.success() && said.contains("cannot put"), "{said}");
    assert_eq!(objects(&to), Vec::<PathBuf>::new(), "nothing is left of it");
    assert!(Files::open(&hub.data()).expect("a log").begins().lsn == Lsn(0));
    hub.done(&["archive", "--to", text(&to)]);
}
