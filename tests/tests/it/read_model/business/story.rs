//! A log of three days in London, over the end of summer time: rounds, payments, corrections and reversals, made by the engine.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use domains::{
    OwnerName, PaymentCause,
    calendar::{OffsetChange, Zone},
    correction::{AdjustmentReason, Correction, CorrectionOf},
    limit_rules::LimitRules,
    recipes::{
        ApproveAdjustment, CaptureHold, Collect, Credit, Debit, Deposit, HoldFunds, PaymentMethod,
        PlayerWinnings, ProposeAdjustment, SetLimitRules,
    },
};
use engine::{
    Body, Books, Content, DIGEST_EVERY, Envelope, Fact, Intent, Principal, PrincipalKind, Record, Tx, TxId,
    TxResult, reversal_of,
    table::{
        TableState, VoidReason,
        live::{BetLimits, BetRequest, ClearRequest, LiveTable, TableConfig, TableRules},
    },
};
use games::fair::{Seed, commit};
use journal::{Lsn, Options, Reader, SyncLog, file::Directory};
use ledger::HoldId;
use protocol::{Currency, PlayerId};

/// 2025-10-24T23:00Z, which is midnight in London, and midnight of the next two days: the clock goes back on the second one.
pub const MIDNIGHTS: [u64; 4] = [1_761_346_800_000, 1_761_433_200_000, 1_761_523_200_000, 1_761_609_600_000];
const MINUTE: u64 = 60_000;

pub fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

struct Story {
    log: SyncLog<Directory>,
    directory: PathBuf,
    books: Books,
    table: LiveTable,
    now: u64,
    number: u64,
    /// The committed transactions, by the places of their records.
    settled: BTreeMap<u64, Record>,
}

impl Story {
    fn begin(directory: PathBuf) -> Self {
        let storage = Directory::create(&directory).expect("a directory");
        let log = SyncLog::open(storage, Options { segment_bytes: 1 << 20, nice: 0 }).expect("a log");
        let game = games::game("roulette").expect("the registry has it");
        let rules = TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: currency("EUR"),
            scale: 2,
            betting_ms: MINUTE,
            locked_ms: 5_000,
            pause_ms: 5_000,
            limits: vec![BetLimits { stake_min: 1, spot_max: 1_000_000 }; game.kinds().len()],
            round_max: 1_000_000,
            seats_max: 10,
        };
        let config = TableConfig { name: "Story".into(), rules, places_max: 10 };
        let table = LiveTable::new(
            "story".parse().expect("a table id"),
            Arc::new(config),
            game,
            TableState::default(),
        );
        let (books, settled) = (Books::default(), BTreeMap::new());
        let mut story = Self { log, directory, books, table, now: MIDNIGHTS[0] - MINUTE, number: 0, settled };
        for (code, scale) in [("EUR", 2), ("USD", 2)] {
            let record = story.books.fact_record(Fact::Scale { currency: currency(code), scale }, story.now);
            story.books.apply(&record).expect("it fits");
            story.log.append(&record.encode());
        }
        story
    }

    /// Runs an envelope as the hub does. Returns the place of its record.
    fn run(&mut self, envelope: Envelope) -> u64 {
        let concluded = self.books.run(envelope, self.now, DIGEST_EVERY).expect("it fits");
        let verdict = concluded.result.verdict;
        let (lsn, record) = concluded.record.unwrap_or_else(|| panic!("not recorded: {verdict:?}"));
        self.log.append(&record);
        self.log.sync().expect("a disk");
        self.settled.insert(lsn, Record::decode(&record).expect("our record"));
        let TxResult { id, time, leg, .. } = concluded.result;
        self.table.apply(id, leg.as_ref(), time);
        lsn
    }

    /// Somebody asks for something.
    fn ask(&mut self, by: &str, kind: PrincipalKind, intent: impl Into<Intent>) -> u64 {
        self.number += 1;
        let (id, intent) = (TxId(self.number.into()), intent.into());
        let by = Principal::named(kind, "", by);
        let lsn = self.run(Envelope::Run(Tx::new(id, by, Some(Content::of_intent(&intent)), intent)));
        let Body::Committed(_) = self.settled[&lsn].body else { panic!("{:?}", self.settled[&lsn]) };
        lsn
    }

    fn service(&mut self, intent: impl Into<Intent>) -> u64 {
        self.ask("cashier", PrincipalKind::Service, intent)
    }

    fn bet(&mut self, player: PlayerId, kind: &str, numbers: &[u8], stake: i128) {
        self.number += 1;
        let request = BetRequest {
            id: TxId(self.number.into()),
            content: Content::of(&[&self.number.to_be_bytes()]),
            player,
            round: self.table.state().round,
            bets: vec![(kind.into(), numbers.to_vec(), stake)],
            share: None,
        };
        let decided = self.table.place_bet(request, self.now);
        self.run(decided.now().expect("nothing is under way"));
    }

    fn clear(&mut self, player: PlayerId) {
        self.number += 1;
        let (id, content) = (TxId(self.number.into()), Content::of(&[b"clear"]));
        let clear = ClearRequest { id, content, player, round: self.table.state().round };
        let clear = self.table.clear_bets(clear, self.now);
        self.run(clear.now().expect("nothing is under way"));
    }

    /// A round is opened at a time.
    fn open(&mut self, at: u64) {
        self.now = at;
        let seed = Seed(self.seed(self.table.state().round + 1));
        let envelope = self.table.open_round(commit(&seed), vec![1; 72].into(), self.now);
        self.run(envelope);
    }

    fn seed(&self, round: u64) -> [u8; 32] {
        [u8::try_from(round).expect("few rounds"); 32]
    }

    /// The round is drawn at a time.
    fn settle(&mut self, at: u64) -> u64 {
        self.now = at - 10_000;
        let lock = self.table.lock(self.now);
        self.run(lock);
        self.now = at;
        let seed = self.seed(self.table.state().round);
        let settle = self.table.settle(Some(seed), self.now);
        self.run(settle)
    }

    /// A correction that one operator proposes and another one approves.
    fn correct(&mut self, of: CorrectionOf, reason: AdjustmentReason) {
        let correction = Correction { of, reason, reference: "ticket".parse().expect("a reference") };
        let proposed = ProposeAdjustment { correction: correction.clone(), break_glass: None };
        self.ask("olga", PrincipalKind::Operator, proposed);
        let proposal = domains::approval::ProposalId(self.number.into());
        self.ask("otto", PrincipalKind::Operator, ApproveAdjustment { proposal, correction });
    }

    fn reverse(&mut self, lsn: u64) {
        let mut reader = Reader::open(&self.directory, Lsn(lsn - 1)).expect("a log");
        let hash = reader.next(Lsn(lsn)).expect("a log").expect("a record").hash;
        let Body::Committed(committed) = &self.settled[&lsn].body else { panic!("it was carried out") };
        let reversal = reversal_of(lsn, hash, committed).expect("it moves money");
        self.correct(CorrectionOf::Transaction(reversal.into()), AdjustmentReason::Error);
    }
}

fn amount(player: PlayerId, amount: i128, takes: bool) -> CorrectionOf {
    CorrectionOf::Amount { player, currency: currency("EUR"), amount, takes }
}

/// Writes the log.
pub fn write(directory: PathBuf, anna: PlayerId, ben: PlayerId) {
    let (eur, cause) = (currency("EUR"), PaymentCause::default);
    let mut story = Story::begin(directory);
    let [saturday, sunday, monday, _] = MIDNIGHTS;
    // Summer time from 30 March, 01:00 UTC, to 26 October, 01:00 UTC.
    let changes = [(0, 0), (1_743_296_400_000, 3_600), (1_761_440_400_000, 0)];
    let zone = Zone::new(changes.map(|(from, offset)| OffsetChange { from, offset }).into()).expect("a zone");
    // The record itself is of a day in UTC: the zone holds behind it.
    story.ask("hub", PrincipalKind::Service, SetLimitRules(LimitRules { zone, ..LimitRules::standard() }));

    story.now = saturday;
    story.service(Deposit { player: anna, currency: eur, amount: 10_000 });
    let merchant = "MERCHANT".parse::<OwnerName>().expect("a name");
    let method = PaymentMethod::Manual;
    let collect = Collect { player: ben, currency: eur, amount: 5_000, merchant, method, cause: cause() };
    story.service(collect.clone());
    let given = story.service(Credit { player: anna, currency: eur, amount: 500, cause: cause() });
    story.service(Deposit { player: anna, currency: currency("USD"), amount: 2_000 });
    let rules = story.table.record_rules();
    story.run(rules);
    story.open(saturday + 22 * 60 * MINUTE);
    story.bet(anna, "red", &[], 1_000);
    story.bet(ben, "straight", &[17], 400);
    story.bet(ben, "even", &[], 100);
    let first = story.settle(sunday - 1);
    // Bets of one day, drawn on the next one: also the millisecond after the first one was drawn.
    story.now = sunday;
    story.service(Deposit { player: ben, currency: eur, amount: 1 });
    story.open(sunday + 10_000);
    story.bet(anna, "black", &[], 700);
    story.bet(ben, "low", &[], 300);
    story.clear(ben);
    story.settle(sunday + 5 * MINUTE);
    story.open(sunday + 10 * MINUTE);
    story.bet(ben, "red", &[], 900);
    let void = story.table.void(VoidReason::SeedLost, story.now);
    story.run(void);
    story.open(monday - 30_000);
    story.bet(anna, "low", &[], 200);
    story.bet(ben, "high", &[], 200);
    // With summer time it would be Monday already.
    let game = "SLOTS_777".parse::<OwnerName>().expect("a name");
    story.now = monday - 1;
    let winnings = PlayerWinnings { player: ben, currency: eur, amount: 700, game, cause: cause() };
    let won = story.service(winnings.clone());
    story.service(winnings);
    story.settle(monday + 2 * MINUTE);
    story.open(monday + 10 * MINUTE);
    story.settle(monday + 12 * MINUTE);

    // What Saturday was is taken back on Monday, and the winnings of Sunday, too.
    story.reverse(first);
    story.reverse(won);
    story.reverse(given);
    story.service(Debit { player: ben, currency: eur, amount: 300, cause: cause() });
    let debit = story.service(Debit { player: ben, currency: eur, amount: 301, cause: cause() });
    story.reverse(debit);
    let paid = story.service(collect);
    story.reverse(paid);
    for takes_back in [true, false] {
        story.service(HoldFunds { player: ben, currency: eur, amount: 250, expires: None, cause: cause() });
        let hold = HoldId(story.number.into());
        let capture = story.service(CaptureHold { hold, part: Some((200, eur)), cause: cause() });
        if takes_back {
            story.reverse(capture);
        }
    }
    story.correct(amount(anna, 150, false), AdjustmentReason::Goodwill);
    story.correct(amount(ben, 40, true), AdjustmentReason::Fraud);
    story.correct(amount(anna, 400, true), AdjustmentReason::Chargeback);
    // One that waits counts as nothing.
    let reference = "ticket".parse().expect("a reference");
    let correction =
        Correction { of: amount(anna, 9_999, false), reason: AdjustmentReason::Error, reference };
    story.ask("olga", PrincipalKind::Operator, ProposeAdjustment { correction, break_glass: None });
    story.log.close().expect("a disk");
}
