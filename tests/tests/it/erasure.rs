//! Erasing a person, on the real binary: afterwards no file has the name, the log is proven, and no restored copy brings it
//! back.

mod serving;

use std::{
    fs::{self, File},
    os::fd::AsRawFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use domains::{
    PaymentCause,
    freeze::{Freeze, FreezeReason},
    recipes::{Debit, FreezePlayer, Unfreeze},
};
use engine::{Body, Content, Envelope, Fact, Intent, Principal, PrincipalKind, Record, Tx, TxId, World};
use hub_client::{Client, Options as ClientOptions};
use journal::{Lsn, Options, Reader, SyncLog, file::Directory};
use people::{Contents, Master};
use protocol::{ErrorCode, PlayerId};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tests::{
    files::put_copy,
    hub::{OPEN, PEOPLE_KEY, Setup, TestHub, words},
    needle::Needle,
    player::{Account, token},
    raw::RawSocket,
    until,
};

/// A name that occurs nowhere by chance.
const NAME: &str = "Zyxwvut-Quokka-7731";

/// The command refuses with these words, and without the name.
fn refused(hub: &TestHub, arguments: &[&str], expected: &str) {
    let said = hub.refuses(arguments);
    assert!(said.contains(expected), "{arguments:?}: no {expected:?} in {said}");
    assert!(!Needle::of(NAME).is_in(said.as_bytes()), "{said}");
}

pub async fn id_of(hub: &TestHub, subject: &str) -> PlayerId {
    let url = format!("ws://{}/ws", hub.address());
    let connected = Client::connect(&url, &token(subject), ClientOptions::default()).await;
    connected.expect("a session").0.welcome().player
}

/// The state of the log of a stopped hub.
fn replayed(hub: &TestHub) -> World {
    let mut world = World::default();
    let mut reader = Reader::open(&hub.data(), Lsn(0)).expect("a log");
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        world.apply(&Record::decode(entry.bytes).expect("a record")).expect("it fits");
    }
    world
}

/// Carries something out for a service of the operator, while the hub is stopped.
fn carried_out(hub: &TestHub, name: &str, intent: impl Into<Intent>) {
    let mut world = replayed(hub);
    let storage = Directory::create(&hub.data()).expect("a directory");
    let mut log = SyncLog::open(storage, Options { segment_bytes: 1 << 20, nice: 0 }).expect("a log");
    let service = Principal::named(PrincipalKind::Service, "", "cashier");
    let tx = Tx::new(TxId::of_service("cashier", name), service, Some(Content(1)), intent);
    let now: Duration = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let concluded = world.books.run(Envelope::Run(tx), now.as_millis() as u64, u64::MAX).expect("it applies");
    log.append(&concluded.record.expect("a new key").1);
    log.sync().expect("a disk");
    log.close().expect("a disk");
}

/// Takes everything from a player's account.
fn paid_out(hub: &TestHub, player: PlayerId) {
    let currency = "EUR".parse().expect("a currency");
    let amount = replayed(hub).books.domains().balance.funds(player, currency).expect("an account").available;
    carried_out(
        hub,
        &format!("pay out {player}"),
        Debit { player, currency, amount, cause: PaymentCause::default() },
    );
}

/// The erasures in the log.
fn recorded(hub: &TestHub) -> Vec<(PlayerId, bool)> {
    let mut reader = Reader::open(&hub.data(), Lsn(0)).expect("a log");
    let mut erased = Vec::new();
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        if let Body::Fact(Fact::Erased { player, excluded }) =
            Record::decode(entry.bytes).expect("a record").body
        {
            erased.push((player, excluded));
        }
    }
    erased
}

/// A copy of both files of the people store, and putting them back.
struct Copies(Vec<(&'static str, Vec<u8>)>);

impl Copies {
    fn of(hub: &TestHub, names: &[&'static str]) -> Self {
        let bytes = |name: &&'static str| (*name, fs::read(hub.data().join(name)).expect("a file"));
        Self(names.iter().map(bytes).collect())
    }

    fn put(&self, hub: &TestHub) {
        for (name, bytes) in &self.0 {
            fs::write(hub.data().join(name), bytes).expect("a disk");
        }
    }
}

const STORE: [&str; 2] = ["people.db", "people.keys"];

/// Nobody has the id, no file below the data directory has the name, and the log is proven in full.
fn is_forgotten(hub: &TestHub, player: PlayerId, what: &str) {
    let store = Contents::read(&hub.data(), &Master::new(PEOPLE_KEY.as_bytes())).expect("a sound store");
    let store = store.expect("a store");
    assert!(!store.has(player) && store.is_erased(player), "{what}");
    let found = Needle::of(NAME).files_with_it(&hub.data());
    assert!(found.is_empty(), "{what}: {found:?}");
    hub.verify();
    hub.done(&["verify", "--tail"]);
}

#[tokio::test]
async fn after_an_erasure_no_file_has_the_name_the_log_is_proven_and_a_restored_store_does_not_bring_it_back()
{
    let mut hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), NAME).await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    let bert = id_of(&hub, "bert").await;
    let by_id = account.player.to_string();
    let erase = ["person", "erase", "--id", &by_id];
    hub.kill();
    refused(&hub, &erase, "cannot be erased: there is a balance of ");
    hub.start();
    let mut session = account.connect(hub.address()).await;
    session.open_round(OPEN.id).await;
    session
        .client
        .clear_bets(session.key(), OPEN.id.parse().expect("a table id"), round)
        .await
        .expect("the bet is taken back");
    drop(session);
    hub.kill();
    paid_out(&hub, account.player);
    let backup = Copies::of(&hub, &STORE);
    let told = hub.done(&erase);
    assert!(told.contains(&format!("erased      {by_id}   recorded as record ")), "{told}");
    is_forgotten(&hub, account.player, "after the erasure");
    assert_eq!(recorded(&hub), [(account.player, false)]);
    refused(&hub, &["person", "find", "--id", &by_id], "was erased");
    assert!(hub.done(&erase).contains("before; nothing was left"));
    let later = [&erase[..], &["--excluded"]].concat();
    refused(
        &hub,
        &later,
        "was erased before, and without --excluded: nothing says any more who the person was",
    );
    assert_eq!(recorded(&hub), [(account.player, false)], "nothing was changed");

    backup.put(&hub);
    hub.start();
    hub.logged("an erased player was still in the people store, and is erased again").await;
    assert_eq!(id_of(&hub, "bert").await, bert);
    hub.kill();
    is_forgotten(&hub, account.player, "after a restored people store and a start");
    assert_eq!(recorded(&hub), [(account.player, false)], "it is recorded once");
}

#[tokio::test]
async fn a_freeze_is_an_open_case_and_only_an_exclusion_takes_its_place() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let player = id_of(&hub, NAME).await;
    hub.kill();
    let by_name = ["person", "erase", "--subject", NAME];
    let frozen = |until| Freeze { reason: FreezeReason::PlayerRequest, until };
    carried_out(&hub, "freeze", FreezePlayer { player, freeze: frozen(Some(u64::MAX >> 12)) });
    let excluded = ["person", "erase", "--subject", NAME, "--excluded"];
    refused(&hub, &excluded, "the player is frozen until");
    carried_out(&hub, "lift", Unfreeze { player });
    carried_out(&hub, "freeze for good", FreezePlayer { player, freeze: frozen(None) });
    refused(&hub, &by_name, "the player is frozen; lift the freeze, or give --excluded");
    let backup = Copies::of(&hub, &STORE);
    let told = hub.done(&excluded);
    assert!(told.contains("who comes back under the same name is refused"), "{told}");
    is_forgotten(&hub, player, "after the exclusion");
    assert_eq!(recorded(&hub), [(player, true)]);
    refused(&hub, &by_name, "the person with this name was excluded and erased");

    // The same on the store of yesterday: the exclusion is made again with the erasure.
    for restored in [false, true] {
        if restored {
            backup.put(&hub);
        }
        hub.start();
        let mut socket =
            RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
        let refusal = socket.ask(json!({"t": "hello", "token": token(NAME)})).await;
        assert_eq!(refusal["code"], json!(ErrorCode::Forbidden.number()), "restored {restored}: {refusal}");
        assert!(!Needle::of(NAME).is_in(refusal.to_string().as_bytes()), "{refusal}");
        id_of(&hub, "carl").await;
        hub.kill();
        is_forgotten(&hub, player, "after a start");
    }
    hub.logged("an erased player was still in the people store, and is erased again").await;
    assert_eq!(hub.times_logged("cannot be recognised any more"), 0);
}

#[tokio::test]
async fn an_exclusion_that_a_restored_database_lost_with_its_key_is_told_at_the_start() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let player = id_of(&hub, NAME).await;
    hub.kill();
    let older = Copies::of(&hub, &["people.db"]);
    hub.done(&["person", "erase", "--subject", NAME, "--excluded"]);
    older.put(&hub);
    hub.expect_errors();
    hub.start();
    hub.logged("an excluded player who was erased cannot be recognised any more").await;
    hub.kill();
    is_forgotten(&hub, player, "after the start");
}

#[tokio::test]
async fn a_log_from_before_the_erasure_starts_with_the_newer_store_and_records_it_again() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), NAME).await;
    hub.kill();
    paid_out(&hub, account.player);
    let kept = tempfile::tempdir().expect("a temporary directory");
    put_copy(&hub.data(), kept.path());
    hub.done(&["person", "erase", "--id", &account.player.to_string()]);
    let newest = Copies::of(&hub, &STORE);
    put_copy(kept.path(), &hub.data());
    newest.put(&hub);
    assert_eq!(recorded(&hub), []);
    hub.done(&["restored"]);
    hub.start();
    hub.kill();
    assert_eq!(recorded(&hub), [(account.player, false)], "the store knows, and the log does again");
    is_forgotten(&hub, account.player, "after the restored log");
}

/// What keeps an erasure from going on behind a step, so that it is killed exactly there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// The database is locked against readers: nothing is read, so nothing is recorded.
    Unread,
    /// A named pipe is in the place of the new key file: it cannot be opened for writing while nobody reads it.
    KeyFile,
    /// Somebody reads the database: no change of it is committed.
    Commit,
}

/// The bytes of a database that SQLite locks, as its file format states: the first one keeps out new readers, and all readers
/// share the others.
const PENDING: (i64, i64) = (0x4000_0000, 1);
const SHARED: (i64, i64) = (0x4000_0002, 510);

/// Holds a lock of another process on the database until the file is dropped.
fn locked(hub: &TestHub, kind: i32, (start, length): (i64, i64)) -> File {
    let path = hub.data().join("people.db");
    let file = File::options().read(true).write(true).open(path).expect("a database");
    // SAFETY: all zeros is a value of this type.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    (lock.l_whence, lock.l_start, lock.l_len) = (libc::SEEK_SET as libc::c_short, start, length);
    // Of the open file, not of the process: it stays when this process closes the database elsewhere.
    // SAFETY: the descriptor is open, and `lock` lives through the call.
    let taken = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    assert_eq!(taken, 0, "{}", std::io::Error::last_os_error());
    file
}

impl Held {
    /// Puts the obstacle there. A lock is gone when the file is dropped; the pipe stays.
    fn put(self, hub: &TestHub) -> Option<File> {
        match self {
            Self::Unread => Some(locked(hub, libc::F_WRLCK, PENDING)),
            Self::Commit => Some(locked(hub, libc::F_RDLCK, SHARED)),
            Self::KeyFile => {
                let pipe = hub.data().join("people.keys.partial");
                mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a disk");
                None
            }
        }
    }

    /// Leaves there what a crash would: a part of a key file, and no pipe.
    fn crashed(self, hub: &TestHub) {
        if self == Self::KeyFile {
            let partial = hub.data().join("people.keys.partial");
            fs::remove_file(&partial).expect("the pipe");
            fs::write(&partial, "a part of a key file").expect("a disk");
        }
    }
}

/// The next start finishes an erasure that was begun, and does nothing about one that was not. Leaves the hub stopped.
fn is_finished(
    hub: &mut TestHub,
    player: PlayerId,
    name: &str,
    (is_begun, is_excluded): (bool, bool),
    what: &str,
) {
    hub.start();
    hub.kill();
    let by_id = ["person", "find", "--id", &player.to_string()];
    if is_begun {
        is_forgotten(hub, player, what);
        refused(hub, &by_id, "was erased");
    } else {
        assert!(hub.done(&by_id).contains(name), "{what}");
    }
    if is_excluded {
        let words = "the person with this name was excluded and erased";
        refused(hub, &["person", "find", "--subject", name], words);
    }
}

/// What an erasure has done, as the files show: the record, a new key file, no row.
fn done_so_far(hub: &TestHub, player: PlayerId, keys: &[u8]) -> (bool, bool, bool) {
    let store = Contents::read(&hub.data(), &Master::new(PEOPLE_KEY.as_bytes())).expect("a sound store");
    let is_recorded = recorded(hub).iter().any(|(erased, _)| *erased == player);
    let has_new_keys = fs::read(hub.data().join("people.keys")).expect("a file") != keys;
    (is_recorded, has_new_keys, !store.expect("a store").has(player))
}

#[tokio::test]
async fn an_erasure_that_is_killed_at_each_of_its_steps_was_not_begun_or_is_finished_by_the_next_start() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let kills = [
        ("before the record", Held::Unread, false, (false, false, false)),
        ("behind the record", Held::KeyFile, false, (true, false, false)),
        ("behind the new key file", Held::Commit, false, (true, true, false)),
        ("behind the record, before the exclusion", Held::Commit, true, (true, false, false)),
        ("behind the exclusion", Held::KeyFile, true, (true, false, false)),
    ];
    for (what, held, excluded, expected) in kills {
        let name = format!("{NAME} {what}");
        let player = id_of(&hub, &name).await;
        hub.kill();
        let id = player.to_string();
        let keys = fs::read(hub.data().join("people.keys")).expect("a file");
        let obstacle = held.put(&hub);
        let flags: &[&str] = if excluded { &["--excluded"] } else { &[] };
        let command = hub.begin(&[&["person", "erase", "--id", &id][..], flags].concat());
        let pid = command.id().to_string();
        let is_there = async || {
            let has_the_log = fs::read_to_string(hub.data().join("lock")).ok()?.trim() == pid;
            let is_recorded = || recorded(&hub).iter().any(|(erased, _)| *erased == player);
            let has_new_keys = || fs::read(hub.data().join("people.keys")).expect("a file") != keys;
            let reached = match expected {
                (false, ..) => has_the_log,
                (true, false, _) => is_recorded(),
                (true, true, _) => has_new_keys(),
            };
            reached.then_some(())
        };
        until(what, is_there).await;
        let ended = command.kill();
        assert!(ended.was_killed(), "{what}: it waits behind this step: {}", ended.said);
        drop(obstacle);
        held.crashed(&hub);
        assert_eq!(done_so_far(&hub, player, &keys), expected, "{what}");

        is_finished(&mut hub, player, &name, (expected.0, excluded), what);
        hub.start();
    }
}

#[tokio::test]
async fn each_state_between_two_steps_of_an_erasure_is_finished_by_the_next_start() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let player = id_of(&hub, NAME).await;
    let bert = id_of(&hub, "bert").await;
    hub.kill();
    let before = (Copies::of(&hub, &["people.db"]), Copies::of(&hub, &["people.keys"]));
    hub.done(&["person", "erase", "--id", &player.to_string()]);
    let after = (Copies::of(&hub, &["people.db"]), Copies::of(&hub, &["people.keys"]));
    let states = [
        ("recorded", &before.0, &before.1),
        ("the key destroyed", &before.0, &after.1),
        ("whole", &after.0, &after.1),
        ("an old key file", &after.0, &before.1),
    ];
    for (what, database, keys) in states {
        database.put(&hub);
        keys.put(&hub);
        hub.start();
        assert_eq!(id_of(&hub, "bert").await, bert, "{what}");
        hub.kill();
        is_forgotten(&hub, player, what);
        refused(&hub, &["person", "find", "--id", &player.to_string()], "was erased");
        refused(&hub, &["person", "find", "--subject", NAME], "nobody has this name or id here");
    }
}

#[tokio::test]
async fn a_person_is_found_by_name_and_by_id_and_exported_with_the_records_that_name_the_id() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "somebody").await;
    let player = id_of(&hub, NAME).await;
    let found = |hub: &TestHub| {
        let by_name = hub.done(&["person", "find", "--subject", NAME]);
        assert_eq!(by_name, hub.done(&["person", "find", "--issuer", "hub", "--subject", NAME]));
        assert_eq!(by_name, hub.done(&["person", "find", "--id", &player.to_string()]));
        by_name
    };
    let expected = format!("player      {player}\nissuer      hub\nsubject     {NAME}\n");
    assert_eq!(found(&hub), expected, "beside a hub that serves");
    refused(
        &hub,
        &["person", "find", "--issuer", "other", "--subject", NAME],
        "nobody has this name or id here",
    );
    hub.kill();
    assert_eq!(found(&hub), expected);
    let export = |id: PlayerId| -> Value {
        let text = hub.done(&["person", "export", "--id", &id.to_string()]);
        serde_json::from_str(&text).expect("JSON")
    };
    let nothing = export(player);
    assert_eq!((&nothing["subject"], &nothing["log"]["records"]), (&json!(NAME), &json!(0)));
    assert_eq!((&nothing["log"]["first"], &nothing["issuer"]), (&Value::Null, &json!("hub")));
    let deposited = export(account.player);
    assert_eq!(deposited["log"]["records"], 1, "{deposited}");
    assert_eq!(deposited["log"]["first"], deposited["log"]["last"]);
    let lsn = deposited["log"]["first"].to_string();
    assert!(hub.done(&["inspect", &lsn]).contains(&account.player.to_string()));
    refused(&hub, &["person", "erase", "--id", &"0".repeat(32)], "nobody has this name or id here");
}

#[tokio::test]
async fn the_master_key_is_changed_by_a_command_with_both_and_the_old_one_is_refused_afterwards() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let player = id_of(&hub, NAME).await;
    let rotate = ["person", "rotate-key"];
    refused(&hub, &rotate, "the master key that is replaced is not given");
    let old = PEOPLE_KEY;
    let new = "n3w-k3y-0f-th1s-hub-thirty-two-bytes";
    hub.configure(|setup| setup.variable("HUB_PEOPLE_KEY", new).variable("HUB_PEOPLE_KEY_OLD", old));
    refused(&hub, &rotate, "The master key cannot be changed while a hub serves");
    hub.kill();
    let before = Copies::of(&hub, &["people.db"]);
    refused(&hub, &["verify"], "data/people.db is under another master key");
    assert!(hub.done(&rotate).contains("1 people, and is under the new master key"));
    assert!(hub.done(&rotate).contains("nothing was changed"));
    // Killed between the two files: the start refuses, the same command finishes.
    before.put(&hub);
    refused(&hub, &["verify"], "run `hub person rotate-key` with both");
    assert!(hub.done(&rotate).contains("1 people, and is under the new master key"));
    hub.configure(|setup| setup.variable("HUB_PEOPLE_KEY_OLD", ""));
    hub.start();
    assert_eq!(id_of(&hub, NAME).await, player);
    hub.kill();
    hub.configure(|setup| setup.variable("HUB_PEOPLE_KEY", old));
    let output = hub.run(&["check-config"]);
    assert_eq!(output.status.code(), Some(78), "the configuration is wrong");
    assert!(words(&output).contains("data/people.db is under another master key"), "{}", words(&output));
}
