//! Writes a small log with a record of every kind, to be kept as a fixture of the version in which it is written.
//!
//! ```text
//! cargo run -p tests --example make_log_fixture -- tests/fixtures/log-version-3
//! ```
//! A fixture is written once and never again: later releases must replay it to the digest it had.

use std::{path::PathBuf, sync::Arc};

use domains::recipes::Deposit;
use engine::{
    Books, Content, DIGEST_EVERY, Envelope, Fact, Principal, PrincipalKind, Record, SecretName, Tx, TxId,
    TxResult,
    table::{
        VoidReason,
        live::{BetLimits, BetRequest, ClearRequest, LiveTable, TableConfig, TableRules},
    },
};
use games::fair::{Seed, Share, commit};
use journal::{Options, SyncLog, file::Directory};
use protocol::{Currency, PlayerId};

struct Writer {
    log: SyncLog<Directory>,
    books: Books,
    table: LiveTable,
    now: u64,
}

const ANNA: PlayerId = PlayerId(0x00aa_0000_0000_0000_0000_0000_0000_0001);
const BERT: PlayerId = PlayerId(0xff00_0000_0000_0000_0000_0000_0000_00ff);

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

impl Writer {
    /// Runs an envelope as the hub does: decide, apply, append, sync, and the table's leg after that.
    fn run(&mut self, envelope: Envelope) {
        self.now += 1_000;
        let concluded = self.books.run(envelope, self.now, DIGEST_EVERY).expect("it fits");
        let verdict = concluded.result.verdict;
        let (_, record) = concluded.record.unwrap_or_else(|| panic!("not recorded: {verdict:?}"));
        self.log.append(&record);
        self.log.sync().expect("a disk");
        let TxResult { id, time, leg, .. } = concluded.result;
        self.table.apply(id, leg.as_ref(), time);
    }

    fn deposit(&mut self, player: PlayerId, key: &str, amount: i128) {
        let deposit = Deposit { player, currency: eur(), amount };
        let key_content = Some(Content::of(&[b"deposit", key.as_bytes()]));
        let id = TxId::of_service("cashier", key);
        let cashier = Principal::named(PrincipalKind::Service, "", "cashier");
        self.run(Envelope::Run(Tx::new(id, cashier, key_content, deposit)));
    }

    fn bet(&mut self, player: PlayerId, key: &str, bets: &[(&str, &[u8], i128)], text: Option<&str>) {
        let key = key.parse().expect("a key");
        let request = BetRequest {
            id: TxId::of_key(player, &key),
            content: Content::of(&[b"bet", key.as_str().as_bytes()]),
            player,
            round: self.table.state().round,
            bets: bets
                .iter()
                .map(|(kind, numbers, stake)| ((*kind).into(), numbers.to_vec(), *stake))
                .collect(),
            share: Share::given(player, text),
        };
        let decided = self.table.place_bet(request, self.now);
        self.run(decided.now().expect("nothing is under way"));
    }

    fn open(&mut self, byte: u8) -> [u8; 32] {
        let seed = [byte; 32];
        let sealed = vec![byte ^ 0xff; 72].into();
        let envelope = self.table.open_round(commit(&Seed(seed)), sealed, self.now);
        self.run(envelope);
        seed
    }

    fn rules(&mut self) {
        let envelope = self.table.record_rules();
        self.run(envelope);
    }

    fn digest(&mut self) {
        let record = self.books.digest_record(self.now);
        self.append(&record);
    }

    fn fact(&mut self, fact: Fact) {
        let record = self.books.fact_record(fact, self.now);
        self.append(&record);
    }

    fn append(&mut self, record: &Record) {
        self.books.apply(record).expect("it fits");
        self.log.append(&record.encode());
        self.log.sync().expect("a disk");
    }
}

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("usage: make_log_fixture DIR"));
    let storage = Directory::create(&directory).expect("a directory that can be written");
    let log =
        SyncLog::open(storage, Options { segment_bytes: 4096, ..Options::default() }).expect("no log yet");
    assert_eq!(
        log.appended().0,
        0,
        "{} has a log already; fixtures are never written again",
        directory.display()
    );
    let game = games::game("roulette").expect("the registry has roulette");
    let config = TableConfig {
        name: "Fixture".into(),
        rules: TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: eur(),
            scale: 2,
            betting_ms: 60_000,
            locked_ms: 5_000,
            pause_ms: 5_000,
            limits: vec![BetLimits { stake_min: 1, spot_max: 1_000_000 }; game.kinds().len()],
            round_max: 1_000_000,
            seats_max: 10,
        },
        places_max: 10,
    };
    let id = "roulette-1".parse().expect("a table id");
    let table = LiveTable::new(id, Arc::new(config), game, engine::table::TableState::default());
    let mut writer = Writer { log, books: Books::default(), table, now: 1_790_000_000_000 };

    writer.fact(Fact::Scale { currency: eur(), scale: 2 });
    writer.fact(Fact::People { file: 0x0123_4567_89ab_cdef });
    writer.fact(Fact::Check { secret: SecretName::Seed, value: 0xfedc_ba98_7654_3210 });
    writer.deposit(ANNA, "d-1", 100_000);
    writer.deposit(BERT, "d-2", 2_500);
    writer.rules();
    let seed = writer.open(0x11);
    writer.bet(
        ANNA,
        "a-1",
        &[("straight", &[17], 500), ("split", &[17, 20], 250), ("red", &[], 1_000)],
        Some("lucky"),
    );
    writer.bet(BERT, "b-2", &[("dozen", &[2], 9_999)], None); // more than BERT has: refused by the ledger
    writer.bet(BERT, "b-3", &[("corner", &[0, 1, 2, 3], 300)], Some("äöü"));
    writer.bet(BERT, "b-4", &[("even", &[], 200)], None);
    let key = "c-1".parse().expect("a key");
    let (id, content) = (TxId::of_key(BERT, &key), Content::of(&[b"clear"]));
    let clear = ClearRequest { id, content, player: BERT, round: 1 };
    let clear = writer.table.clear_bets(clear, writer.now);
    writer.run(clear.now().expect("nothing of BERT is under way"));
    writer.bet(BERT, "b-5", &[("column", &[3], 700), ("low", &[], 300)], None);
    writer.now += 60_000;
    let lock = writer.table.lock(writer.now);
    writer.run(lock);
    writer.now += 5_000;
    let settle = writer.table.settle(Some(seed), writer.now);
    writer.run(settle);
    writer.digest();
    writer.now += 5_000;
    writer.open(0x22);
    writer.bet(ANNA, "a-2", &[("six_line", &[1, 2, 3, 4, 5, 6], 1_200)], None);
    let void = writer.table.void(VoidReason::SeedLost, writer.now);
    writer.run(void);
    writer.now += 5_000;
    writer.open(0x33);
    writer.bet(ANNA, "a-3", &[("street", &[0, 2, 3], 150), ("high", &[], 50)], Some("again"));
    let (id, content) = (TxId::of_key(BERT, &"b-6".parse().expect("a key")), Content::of(&[b"late"]));
    let late = ClearRequest { id, content, player: BERT, round: 2 }; // a round that is over
    let late = writer.table.clear_bets(late, writer.now);
    writer.run(late.now().expect("it is refused at once"));
    let quarantine = writer.table.quarantine();
    writer.run(quarantine);
    println!("records  {}", writer.books.lsn());
    println!("digest   {}", writer.books.digest().total());
    writer.log.close().expect("a disk");
}
