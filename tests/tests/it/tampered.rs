//! Logs whose bytes are sound and whose records are wrong: neither served nor verified. And what `hub verify` proves of the
//! state store and of the log's end.

use std::fs;

use actors::stored;
use domains::{
    StateMachine,
    recipes::{Deposit, HoldStake},
};
use engine::{
    Body, Component, Content, Digest, Envelope, ItemId, Record, StateDigest, StateItem, Turn, Tx, TxId,
    World,
    table::{PastRound, TableLeg, close_orphan},
};
use journal::{Cursor, Lsn, Options, Reader, SyncLog, file::Directory};
use people::{Contents, Master, People, Person};
use protocol::{PlayerId, RoundId, TableId};
use store::{Change, Key, Options as StoreOptions, Store, Tree};
use tests::{
    hub::{OPEN, PEOPLE_KEY, Setup, TestHub, words},
    player::Account,
};

/// A hub that has taken some bets and was stopped, and the state of its log.
async fn stopped() -> (TestHub, World) {
    let mut hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "keeper").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    for _ in 0..3 {
        session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    }
    hub.kill();
    let mut world = World::default();
    let mut reader = Reader::open(&hub.data(), Lsn(0)).expect("a log");
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        world.apply(&Record::decode(entry.bytes).expect("a record")).expect("it fits");
    }
    (hub, world)
}

/// Appends a record as a hub would, whatever it says.
fn append(hub: &TestHub, record: &Record) {
    let storage = Directory::open(&hub.data()).expect("the directory of the log");
    let mut log =
        SyncLog::open(storage, Options { segment_bytes: 1 << 20, ..Options::default() }).expect("a log");
    log.append(&record.encode());
    log.sync().expect("a disk");
    log.close().expect("a disk");
}

fn deposit(world: &World) -> Record {
    let mut accounts = world.books.domains().balance.ledger().accounts();
    let player = accounts.find_map(|(id, _)| id.owner.player()).expect("somebody has played");
    let deposit = Deposit { player, currency: "EUR".parse().expect("a currency"), amount: 100 };
    let tx = Tx::new(TxId(7), player.into(), Some(Content(7)), deposit);
    match world.books.turn(Envelope::Run(tx), u64::MAX) {
        Turn::New(decided) => decided.into_record(),
        other => panic!("a new key: {other:?}"),
    }
}

/// Neither served nor verified, and the record is named.
fn is_refused(hub: &TestHub, lsn: u64) {
    let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&start);
    assert_eq!(start.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("failed to apply record {lsn}")), "{said}");
    let there = said.split_once(&format!("record {lsn} in ")).expect("the record's place").1;
    assert!(there.contains(".log at offset"), "{said}");
    verify_says(hub, &[], &format!("record {lsn} in "));
    verify_says(hub, &["--tail"], &format!("WRONG: failed to apply record {lsn} in "));
}

fn verify_says(hub: &TestHub, arguments: &[&str], what: &str) {
    let output = hub.run(&[&["verify"], arguments].concat());
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(what) && !said.contains("Everything agrees"), "{what}: {said}");
}

/// The last message of a start that is refused: the reason, without the directory.
fn said_at_last(start: &std::process::Output) -> String {
    let said = words(start);
    said.trim().rsplit_once("recover from data: ").expect("a refusal").1.to_owned()
}

/// The log's head, as `hub verify` prints it.
fn head(hub: &TestHub) -> String {
    let output = hub.run(&["verify"]);
    let said = words(&output);
    assert!(output.status.success(), "{said}");
    said.lines().find_map(|line| line.strip_prefix("head ")).expect("a head").trim().to_owned()
}

#[tokio::test]
async fn a_deposit_that_tells_another_balance_is_neither_served_nor_verified() {
    let (hub, world) = stopped().await;
    let mut record = deposit(&world);
    let Body::Committed(committed) = &mut record.body else { panic!("a deposit commits") };
    committed.notices[0].after.available += 1;
    append(&hub, &record);
    is_refused(&hub, world.books.lsn() + 1);
}

#[tokio::test]
async fn a_digest_that_is_not_the_states_is_neither_served_nor_verified() {
    let (hub, world) = stopped().await;
    let digest = StateDigest::new([(Component::Keys, Digest::from_bytes([1; 32]))]);
    append(&hub, &Record { time: u64::MAX, body: Body::Digest(digest) });
    is_refused(&hub, world.books.lsn() + 1);
}

#[tokio::test]
async fn verify_holds_the_log_against_a_head_that_was_noted_elsewhere() {
    let (hub, world) = stopped().await;
    let noted = head(&hub);
    let (lsn, hash) = noted.split_once(':').expect("a record and its hash");
    assert_eq!((lsn.parse(), hash.len()), (Ok(world.books.lsn()), 64), "{noted}");
    append(&hub, &deposit(&world));
    assert_ne!(head(&hub), noted);
    assert!(hub.run(&["verify", "--expect", &noted]).status.success(), "the log has grown, and is the same");
    let other = format!("{lsn}:{}", "ab".repeat(32));
    verify_says(&hub, &["--expect", &other], &format!("WRONG: record {lsn} is of another log"));
    let later = format!("{}:{hash}", world.books.lsn() + 2);
    verify_says(&hub, &["--expect", &later], "SHORT: the log ends at record");
    for expected in [other, later] {
        let start = hub.run(&["serve", "--listen", "127.0.0.1:0", "--expect", &expected]);
        assert_eq!(start.status.code(), Some(1), "{}", words(&start));
        verify_says(&hub, &["--tail", "--expect", &expected], &said_at_last(&start));
    }
    for wrong in ["5", "0:00", "5:xyz", &format!("0:{hash}")] {
        let output = hub.run(&["verify", "--expect", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", words(&output));
    }
}

#[tokio::test]
async fn verify_holds_the_state_store_against_the_replay() {
    let (hub, world) = stopped().await;
    let (lsn, data) = (world.books.lsn(), hub.data());
    let Cursor { lineage, hash, .. } = {
        let mut reader = Reader::open(&data, Lsn(0)).expect("a log");
        while reader.next(Lsn::MAX).expect("a sound log").is_some() {}
        reader.cursor()
    };
    let storage = || stored::storage(&data).expect("a directory");
    let write = |lsn, hash, world: &World| {
        stored::replace(storage(), world, Cursor { lineage, lsn: Lsn(lsn), hash }).expect("a disk");
    };
    write(lsn, hash, &world);
    let said = words(&hub.run(&["verify"]));
    assert!(said.contains("it has what the replay has"), "{said}");

    let at = format!("the state store at record {lsn}: ");
    write(lsn, [7; 32], &world);
    verify_says(&hub, &[], &format!("{at}it is not of this log"));
    let mut other = world.clone();
    other.apply(&deposit(&world)).expect("it fits");
    write(lsn, hash, &other);
    verify_says(&hub, &[], &format!("{at}E3"));
    let mut other = world.clone();
    other.tables.values_mut().for_each(|table| table.next_at += 1);
    write(lsn, hash, &other);
    verify_says(&hub, &[], &format!("{at}E3"));
    // A key is missing, which would be paid twice.
    write(lsn, hash, &world);
    let mut store = Store::over(storage(), StoreOptions::default()).expect("a sound store");
    let view = store.view();
    let (key, _) = view.scan(Tree::Keys).next().expect("a key").expect("it reads");
    let gone = Change { tree: Tree::Keys, key, value: None };
    store.commit([gone], view.cursor(), view.meta()).expect("a disk");
    drop(store);
    let keys = world.books.keys();
    verify_says(&hub, &[], &format!("at record {lsn}: it has {} keys, and the log has {keys}", keys - 1));
    write(lsn, hash, &world);
    let manifest = data.join("store/manifest");
    let bytes = fs::read(&manifest).expect("the manifest");
    fs::write(&manifest, &bytes[..bytes.len() - 1]).expect("a disk");
    verify_says(&hub, &[], "state store is damaged in");

    write(lsn + 1, hash, &world);
    verify_says(&hub, &[], &format!("log ends at record {lsn}"));
}

/// Of what is kept of a player's results and a table's past rounds the digests of the state say nothing: they are compared.
#[tokio::test]
async fn verify_finds_that_the_state_store_lacks_a_result_or_past_round_or_has_another() {
    let (hub, mut world) = stopped().await;
    let (table, state) = world.tables.iter().next().expect("a table");
    let void = close_orphan(*table, state.clone(), &world.books, u64::MAX).remove(0);
    let table = *table;
    let Turn::New(decided) = world.books.turn(void, u64::MAX) else { panic!("the round can be voided") };
    let record = decided.into_record();
    world.apply(&record).expect("it fits");
    append(&hub, &record);
    let (lsn, data) = (world.books.lsn(), hub.data());
    let mut reader = Reader::open(&data, Lsn(0)).expect("a log");
    while reader.next(Lsn::MAX).expect("a sound log").is_some() {}
    let storage = || stored::storage(&data).expect("a directory");
    // What the store has at a place, instead of what it should have.
    let put = |id: ItemId, value: Option<&[u8]>| {
        stored::replace(storage(), &world, reader.cursor()).expect("a disk");
        let mut store = Store::over(storage(), StoreOptions::default()).expect("a sound store");
        let (view, key) = (store.view(), Key(id.place()));
        assert!(view.get(Tree::Rows, &key).expect("it reads").is_some(), "{id:?}");
        let change = Change { tree: Tree::Rows, key, value };
        store.commit([change], view.cursor(), view.meta()).expect("a disk");
    };
    let (player, _) = world.books.domains().balance.players().next().expect("a player");
    let past = *world.books.recent_rounds(table).next().expect("a round has ended");
    let [rounds, results] = ["past rounds of tables", "results of players"];
    for (kept, what) in
        [(ItemId::Round(table, PastRound::place(1)), rounds), (ItemId::Result(player, 1), results)]
    {
        put(kept, None);
        verify_says(&hub, &[], &format!("at record {lsn}: it has 0 {what}, and the log has 1"));
    }
    let earlier = StateItem::Round(table, PastRound { time: past.time - 1, ..past });
    put(earlier.id(), Some(&earlier.encode()));
    verify_says(&hub, &[], &format!("at record {lsn}: its 1 {rounds} are not those of the log"));
    put(earlier.id(), Some(&StateItem::Round(table, past).encode()));
    let said = words(&hub.run(&["verify"]));
    assert!(said.contains("it has what the replay has"), "{said}");
}

#[tokio::test]
async fn verify_finds_a_stake_that_no_bet_stands_for() {
    let (hub, mut world) = stopped().await;
    let (player, _) = world.books.domains().balance.players().next().expect("a player");
    let (hold, _) = world.books.domains().balance.ledger().holds().next().expect("a stake");
    let hold = {
        let mut other = hold;
        other.0 = 7;
        other
    };
    let currency = "EUR".parse().expect("a currency");
    let nowhere: TableId = "nowhere".parse().expect("a table id");
    let stake = HoldStake { player, round: RoundId { table: nowhere, number: 1 }, currency, amount: 10 };
    // At a table that has no round: what one record can prove is in order.
    let leg =
        TableLeg::BetPlaced { round: 1, player, hold, bets: vec![(games::BetCode(0), 10)], share: None };
    let tx = Tx::new(TxId(hold.0), player.into(), Some(Content(7)), stake).at(nowhere, leg);
    let Turn::New(decided) = world.books.turn(Envelope::Run(tx), u64::MAX) else { panic!("a new key") };
    let record = decided.into_record();
    world.apply(&record).expect("it fits the money");
    append(&hub, &record);
    let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&start);
    assert_eq!(start.status.code(), Some(1), "{said}");
    assert!(said.contains("failed to prove the state") && said.contains("E2: hold"), "{said}");
    verify_says(&hub, &[], &format!("record {}", world.books.lsn()));
}

#[tokio::test]
async fn a_round_of_a_table_that_is_configured_no_more_is_voided_and_its_stakes_return() {
    let mut hub = Setup::default().tables([OPEN, tests::hub::QUICK]).start();
    let account = Account::sign_in(hub.address(), "orphan").await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    session.bet(session.key(), OPEN.id, round, "5.00").await.expect("a good bet");
    hub.kill();
    hub.configure(|setup| setup.tables([tests::hub::QUICK]));
    hub.start();
    hub.logged("a table with an open round is not configured").await;
    let session = account.connect(hub.address()).await;
    tests::until("the stakes to return", async || (session.balance().await == (100_000, 0)).then_some(()))
        .await;
    hub.kill();
    assert_eq!(hub.verify().of("balance", "cash").held, 0);
}

/// A new people store with one player.
fn enrolled(hub: &TestHub) -> PlayerId {
    let made = Contents::create(&hub.data(), &Master::new(PEOPLE_KEY.as_bytes())).expect("a disk");
    let people = People::open(made).expect("a disk");
    let (sender, player) = std::sync::mpsc::channel();
    let person = Person::new("hub".into(), "somebody").expect("a short name");
    people.enrol(person, move |player| sender.send(player).expect("the test waits"));
    player.recv().expect("an answer").expect("a disk")
}

#[tokio::test]
async fn damage_before_the_stores_cursor_is_found_by_the_full_scope_and_by_the_serving_hub_and_not_by_the_tail()
 {
    let mut hub = Setup::default().tables([OPEN]).prepare();
    let storage = Directory::create(&hub.data()).expect("a directory");
    let player = enrolled(&hub);
    let mut log = SyncLog::open(storage, Options { segment_bytes: 4 << 10, nice: 0 }).expect("a log");
    let mut world = World::default();
    for number in 0..40 {
        let currency = "EUR".parse().expect("a currency");
        let deposit = Deposit { player, currency, amount: 100 };
        let tx = Tx::new(TxId(number), player.into(), Some(Content(7)), deposit);
        let Turn::New(decided) = world.books.turn(Envelope::Run(tx), 1) else { panic!("a new key") };
        let record = decided.into_record();
        world.apply(&record).expect("it fits");
        log.append(&record.encode());
        log.sync().expect("a disk");
    }
    let store = stored::storage(&hub.data()).expect("a directory");
    stored::replace(store, &world, log.log().end()).expect("a disk");
    log.close().expect("a disk");
    assert!(hub.segments().len() > 3);
    let damaged = hub.segments()[1].clone();
    let name = damaged.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let mut bytes = fs::read(&damaged).expect("a segment");
    bytes[700] ^= 1;
    fs::write(&damaged, bytes).expect("a disk");

    let tail = hub.run(&["verify", "--tail"]);
    let report = words(&tail);
    assert!(tail.status.success() && report.contains("a hub would start"), "{report}");
    assert!(report.contains("before the state store's cursor was not read"), "{report}");
    verify_says(&hub, &[], &format!("{name} at offset 512"));
    hub.expect_errors();
    hub.start();
    let line = hub.logged("the log is not sound any more").await;
    assert!(line.contains(&name) && line.contains("at offset 512"), "{line}");
    let ready = tests::http::get(hub.admin(), "/health/ready").await;
    assert!(ready.status == 503 && ready.json().to_string().contains(&name), "{ready:?}");
}

#[tokio::test]
async fn without_a_usable_store_the_tail_is_the_whole_log_and_the_report_says_so() {
    let mut hub = Setup::default().tables([OPEN]).start();
    Account::sign_in(hub.address(), "anna").await;
    hub.kill();
    let store = hub.data().join("store");
    fs::create_dir_all(&store).expect("a directory");
    fs::write(store.join("manifest"), "no manifest").expect("a disk");
    let tail = hub.run(&["verify", "--tail"]);
    let report = words(&tail);
    assert!(tail.status.success() && report.contains("a start builds it again"), "{report}");
    assert!(
        report.contains("replayed from its first record") && !report.contains("was not read"),
        "{report}"
    );
}
