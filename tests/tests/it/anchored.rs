//! Anchors: a copy of the whole state in the archive, made by a serving hub or a stopped one, and brought back when the state
//! store is lost.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use actors::stored::{self, Stored};
use engine::{Body, Formats, Record, StateDigest, Unknown, World};
use journal::{Files, Lsn, Options};
use tests::{
    files::paths_below,
    hub::{BegunCommand, EndedCommand, OPEN, Setup, TestHub},
    moment::KillMoment,
    play::{plays_on, takes_bets},
    player::Account,
    until,
};

use crate::archived::filled;

/// What the hub tells before it commits the state store, and before it reads it.
const COMMITS: &str = "committing the state store up to record";
const READS: &str = "it is read whole";
/// What a command says whose hub is gone.
const NO_ANSWER: &str = "the hub gave no answer";

/// The objects of anchors in an archive, by their whole paths.
fn anchors(directory: &Path) -> Vec<PathBuf> {
    paths_below(directory).into_iter().filter(|path| text(path).ends_with(".anchor.zst")).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Bets while one anchor is made.
const BETS_BESIDE: u32 = 8;

/// The record and hash that `hub anchor` has told.
fn head(said: &str) -> &str {
    said.lines().find_map(|line| line.strip_prefix("anchor ")).expect("an anchor").trim()
}

/// The digest of the whole state at the end of the log, replayed on the state store that is there; and the store's record.
fn digest(hub: &TestHub) -> (StateDigest, u64) {
    let storage = stored::storage(&hub.data()).expect("a directory");
    let stored = Stored::read(&storage).expect("a store");
    let mut world = stored.load(Formats::STANDARD, Unknown::Refused).expect("our store");
    let at = stored.0.cursor().lsn;
    let mut reader = Files::open(&hub.data()).expect("a log").reader(at).expect("readable").expect("a log");
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        world.apply(&Record::decode(entry.bytes).expect("our record")).expect("it fits");
    }
    (world.books.digest(), at.0)
}

/// Makes the log of a hub that is stopped several short segments longer.
fn longer(hub: &TestHub) {
    let options = Options { segment_bytes: 4 << 10, ..Options::default() };
    let log = journal::open(&hub.data(), options).expect("a log");
    let mut world = World::default();
    log.replay(Lsn(0), |entry| {
        world.apply(&Record::decode(entry.bytes).expect("our record")).expect("it fits");
        Ok::<_, journal::Error>(())
    })
    .expect("a sound log");
    let mut log = log.into_sync();
    for _ in 0..100 {
        let record = Record { time: world.books.time(), body: Body::Digest(world.books.digest()) };
        world.apply(&record).expect("it fits");
        log.append(&record.encode());
        log.sync().expect("a disk");
    }
    log.close().expect("a disk");
}

#[tokio::test]
async fn an_anchor_of_a_serving_hub_has_all_that_was_answered_and_a_start_goes_on_from_it_with_the_same_digest()
 {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let setup = Setup::default()
        .option("archive.to", text(&to))
        .option("archive.remove", true)
        .option("archive.keep_bytes", 0);
    let mut hub = filled(setup);
    hub.start();
    until("the first segments are removed", async || {
        hub.figure("hub_journal_first_lsn").await.filter(|first| *first > 1)
    })
    .await;
    takes_bets(&hub, "anna", 3).await;
    let said = hub.done(&["anchor"]);
    assert!(said.contains("read back whole"), "{said}");
    let (lsn, _) = head(&said).split_once(':').expect("LSN:HASH");
    assert!(hub.logged("an anchor is in the archive").await.contains(&format!("\"record\":{lsn}")));
    assert!(hub.done(&["verify", "--expect", head(&said)]).contains("Everything agrees"));
    // The same state is the same object; play goes on behind it.
    takes_bets(&hub, "anna", 2).await;
    let listed = hub.done(&["archive", "--list"]);
    assert!(listed.contains(&format!("anchor at record {lsn}")), "{listed}");
    let verified = hub.done(&["archive", "--verify"]);
    assert!(verified.contains(&format!("whole    anchor at record {lsn}")), "{verified}");
    let refused = hub.refuses(&["archive", "--fetch"]);
    assert!(refused.contains("a hub serves from data"), "{refused}");
    hub.terminate();
    assert!(hub.ended().await.success());

    let (before, stood_at) = digest(&hub);
    let told = hub.done(&["archive", "--fetch"]);
    assert!(told.contains("a start goes on from the state store that is there"), "{told}");
    // The store is lost: a start without the archive names the command, which brings it back.
    fs::remove_dir_all(hub.data().join(stored::DIRECTORY)).expect("a directory of ours");
    hub.configure(|setup| setup.option("archive.to", "").option("archive.remove", false));
    let refused = hub.refuses(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains("hub archive --fetch"), "{refused}");
    hub.configure(|setup| setup.option("archive.to", text(&to)).option("archive.remove", true));
    let told = hub.done(&["archive", "--fetch"]);
    assert!(told.contains(&format!("The state store stands for record {lsn} now")), "{told}");
    let (after, stands_at) = digest(&hub);
    assert_eq!(after, before);
    assert!(stands_at < stood_at && stands_at.to_string() == lsn, "{stands_at}, {stood_at}, {lsn}");
    let report = hub.done(&["verify"]);
    assert!(report.contains(&format!("trusted     {lsn:>16}")), "{report}");
    plays_on(&mut hub).await;
}

#[tokio::test]
async fn a_damaged_anchor_is_refused_by_name_and_the_one_before_it_is_brought_back() {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let mut hub = filled(Setup::default().option("archive.to", text(&to)).option("archive.keep_bytes", 0));
    // Nobody serves: the command makes the anchors itself.
    let first = hub.done(&["anchor"]);
    assert!(first.contains("no hub serves"), "{first}");
    let old = anchors(&to);
    let again = hub.done(&["anchor"]);
    assert_eq!(
        (head(&again), anchors(&to)),
        (head(&first), old.clone()),
        "the same state is the same object"
    );
    hub.start();
    takes_bets(&hub, "anna", 2).await;
    hub.kill();
    let second = hub.done(&["anchor"]);
    assert_ne!(head(&second), head(&first));
    let newest = anchors(&to).into_iter().find(|path| !old.contains(path)).expect("a second one");
    hub.done(&["archive", "--remove"]);
    let mut bytes = fs::read(&newest).expect("an object");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, &bytes).expect("a disk");
    let verified = hub.refuses(&["archive", "--verify"]);
    assert!(verified.contains("WRONG") && verified.contains(&file_name(&newest)), "{verified}");

    let store = hub.data().join(stored::DIRECTORY);
    fs::write(store.join("manifest"), b"no manifest").expect("a disk");
    let begins = hub.refuses(&["verify", "--tail"]);
    assert!(begins.contains("the log begins at record"), "{begins}");
    let told = hub.done(&["archive", "--fetch"]);
    assert!(told.contains("WRONG") && told.contains(&file_name(&newest)), "{told}");
    assert!(told.contains("store.replaced"), "{told}");
    assert!(hub.data().join("store.replaced").is_dir());
    assert!(!hub.data().join("store.fetched").exists());
    plays_on(&mut hub).await;
}

#[tokio::test]
async fn without_an_archive_or_with_one_that_is_away_no_anchor_is_made_and_play_goes_on() {
    let at = tempfile::tempdir().expect("a directory");
    let mut hub = Setup::default().tables([OPEN]).start();
    let refused = hub.refuses(&["anchor"]);
    assert!(refused.contains("set archive.to"), "{refused}");
    hub.kill();
    let refused = hub.refuses(&["anchor"]);
    assert!(refused.contains("set archive.to"), "{refused}");
    let to = at.path().join("archive");
    fs::write(&to, b"a file where a directory should be").expect("a disk");
    hub.configure(|setup| setup.option("archive.to", text(&to)));
    hub.start();
    let refused = hub.refuses(&["anchor"]);
    assert!(refused.contains("the hub made no anchor"), "{refused}");
    hub.logged("no anchor was made").await;
    takes_bets(&hub, "anna", 1).await;
    hub.kill();
    fs::remove_file(&to).expect("a file of ours");
    hub.done(&["anchor"]);
    assert_eq!(anchors(&to).len(), 1);
}

#[tokio::test]
async fn a_hub_that_is_killed_in_the_middle_of_an_anchor_leaves_nothing_that_is_taken_for_a_whole_one() {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let mut hub = filled(Setup::default().option("archive.to", text(&to)));
    for step in ["it commits the store", "it reads the store", "a part of the object is there"] {
        let (mut cut, mut answered) = (0, 0);
        // It may be done between the fact and the kill.
        while cut < 3 {
            assert!(
                answered < 50,
                "{step}: killed {cut} times before the answer, {answered} times behind it"
            );
            hub.start();
            // Another state, so another anchor.
            takes_bets(&hub, "anna", 1).await;
            let known = paths_below(&to);
            let moment = match step {
                "it commits the store" => KillMoment::Said(COMMITS),
                "it reads the store" => KillMoment::Said(READS),
                _ => KillMoment::NewFiles { below: &to, known: &known, count: 1 },
            };
            let mut command = hub.begin(&["anchor"]);
            moment.comes(&mut command);
            hub.kill();
            let ended = command.ended();
            let is_made = ended.status.success();
            assert!(is_made || ended.said.contains(NO_ANSWER), "{step}: {}", ended.said);
            (cut, answered) = (cut + u32::from(!is_made), answered + u32::from(is_made));
            // Whatever is there under the name of an anchor is whole.
            if to.exists() {
                hub.done(&["archive", "--verify"]);
            }
        }
        println!("{step}: hub killed {cut} times before the answer, {answered} times behind it");
    }
    hub.done(&["anchor"]);
    hub.done(&["archive", "--verify"]);
}

#[tokio::test]
async fn an_anchor_from_before_the_beginning_of_the_log_is_passed_over_and_a_fetch_that_is_killed_can_be_given_again()
 {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let mut hub = filled(Setup::default().option("archive.to", text(&to)).option("archive.keep_bytes", 0));
    hub.done(&["anchor"]);
    longer(&hub);
    hub.done(&["archive"]);
    hub.done(&["anchor"]);
    let [_, newest] = &anchors(&to)[..] else { panic!("two anchors") };
    let aside = at.path().join("aside");
    fs::rename(newest, &aside).expect("a disk");
    hub.done(&["archive", "--remove"]);
    let store = hub.data().join(stored::DIRECTORY);
    fs::remove_dir_all(&store).expect("a directory of ours");
    let refused = hub.refuses(&["archive", "--fetch"]);
    assert!(refused.contains("passed over") && refused.contains("later than it needs"), "{refused}");
    assert!(refused.contains("the archive has no anchor that this log can go on from"), "{refused}");
    assert!(!store.exists());

    fs::rename(&aside, newest).expect("a disk");
    let (fetched, none) = (hub.data().join("store.fetched"), BTreeSet::new());
    let file = KillMoment::NewFiles { below: &fetched, known: &none, count: 1 };
    // What the second one leaves is there when the others begin.
    let parts = [KillMoment::There(&fetched), file];
    let moments = parts.map(|part| (part, true)).into_iter();
    let moments = moments.chain([KillMoment::Started, KillMoment::There(&store)].map(|whole| (whole, false)));
    let (mut killed, mut in_the_middle) = (0, 0);
    for (moment, is_part) in moments.cycle().take(24) {
        if is_part && fetched.exists() {
            fs::remove_dir_all(&fetched).expect("a directory of ours");
        }
        let mut fetch = hub.begin(&["archive", "--fetch"]);
        moment.comes(&mut fetch);
        let was_killed = fetch.kill().was_killed();
        killed += u32::from(was_killed);
        in_the_middle += u32::from(was_killed && is_part && fetched.exists());
        // There is no store, or a whole one.
        if store.exists() {
            assert!(hub.done(&["verify"]).contains("Everything agrees"));
            fs::remove_dir_all(&store).expect("a directory of ours");
        }
    }
    println!(
        "a fetch killed {killed} times before its end, {in_the_middle} times with a part of the store there"
    );
    assert!(in_the_middle > 2, "killed {killed} times, {in_the_middle} in the middle");
    hub.done(&["archive", "--fetch"]);
    plays_on(&mut hub).await;
}

#[tokio::test]
async fn play_goes_on_while_anchors_are_made_and_a_stop_in_the_middle_of_one_is_in_order() {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let mut hub = filled(Setup::default().option("archive.to", text(&to)));
    hub.start();
    let account = Account::sign_in(hub.address(), "anna").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let bet = async || session.bet(session.key(), OPEN.id, round, "1.00").await.expect("play goes on");
    let (mut made, mut during) = (0, 0);
    while made < 5 || during < 10 {
        assert!(made < 50, "{during} bets during {made} anchors");
        // Another state, so another anchor.
        bet().await;
        let mut command = hub.begin(&["anchor"]);
        assert!(KillMoment::Said(COMMITS).comes(&mut command), "{}", command.ended().said);
        // Not more: all of them together are below the limit of the spot.
        for _ in 0..BETS_BESIDE {
            bet().await;
            during += u32::from(!command.has_ended());
        }
        let ended = command.ended();
        assert!(ended.status.success(), "{}", ended.said);
        made += 1;
    }
    println!("{during} bets were accepted during {made} anchors");
    assert_eq!(anchors(&to).len(), made);
    bet().await;
    let mut command = hub.begin(&["anchor"]);
    assert!(KillMoment::Said(COMMITS).comes(&mut command), "{}", command.ended().said);
    hub.terminate();
    assert!(hub.ended().await.success());
    let ended = command.ended();
    assert!(ended.status.success() || ended.said.contains(NO_ANSWER), "{}", ended.said);
    assert!(!hub.data().join("hub.sock").exists());
    hub.done(&["archive", "--verify"]);
    assert!(hub.done(&["verify"]).contains("Everything agrees"));
}

#[tokio::test]
async fn anchors_at_once_are_one_object_whoever_is_refused_is_told_why_and_gets_the_same_record_later() {
    let at = tempfile::tempdir().expect("a directory");
    let to = at.path().join("archive");
    let mut hub = filled(Setup::default().option("archive.to", text(&to)));
    hub.start();
    let (mut refused, mut made) = (0, 0);
    while refused < 2 {
        assert!(made < 50, "{refused} refused, {made} anchors");
        // Another state, so another anchor.
        takes_bets(&hub, "anna", 1).await;
        let commands = [hub.begin(&["anchor"]), hub.begin(&["anchor"])];
        // Both have ended before one is given again.
        let ended = commands.map(BegunCommand::ended);
        let said = ended.map(|EndedCommand { status, said }| {
            if status.success() {
                return said;
            }
            assert!(said.contains("another anchor is being made: wait for it"), "{said}");
            refused += 1;
            hub.done(&["anchor"])
        });
        made += 1;
        assert_eq!(head(&said[0]), head(&said[1]), "both have the record that was the last one");
        assert_eq!(anchors(&to).len(), made, "the same record is one object");
    }
    println!("{refused} commands were refused while another anchor of {made} was being made");
    hub.done(&["archive", "--verify"]);
}
