//! A log of deposits, bets, clearings, refusals, draws and voids, made by the engine.

use std::sync::Arc;

use domains::{
    PaymentCause,
    freeze::{Freeze, FreezeReason},
    recipes::{Credit, Deposit, FreezePlayer, Unfreeze},
};
use engine::{
    Content, Envelope, Fact, Record, Tx, TxId, World,
    table::{
        VoidReason,
        live::{BetLimits, BetRequest, ClearRequest, LiveTable, TableConfig, TableRules},
    },
};
use games::fair::{Seed, commit};
use journal::{Journal, Lsn};
use protocol::{Currency, PlayerId};

use crate::{followers::log, messages::output::Output};

/// Half past a day: the played rounds cross midnight in UTC.
const BEGINS: u64 = 86_400_000 * 20_000 - 25_000;
/// Players with money.
const PLAYERS: u128 = 4;

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// What was played, and its log.
pub struct Played {
    books: engine::Books,
    table: LiveTable,
    now: u64,
    number: u64,
    pub journal: Journal<Output>,
}

impl Played {
    pub fn over(journal: Journal<Output>) -> Self {
        let game = games::game("roulette").expect("the game is in the registry");
        let limits = game.kinds().iter().map(|_| BetLimits { stake_min: 1, spot_max: 10_000 }).collect();
        let rules = TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: eur(),
            scale: 2,
            betting_ms: 10_000,
            locked_ms: 200,
            pause_ms: 200,
            limits,
            round_max: 1_000_000,
            seats_max: 10,
        };
        let config = TableConfig { name: "Test".into(), rules, places_max: 100 };
        let id = "roulette-1".parse().expect("a table id");
        let table = LiveTable::new(id, Arc::new(config), game, Default::default());
        let mut played = Self { books: engine::Books::default(), table, now: BEGINS, number: 0, journal };
        let record = played.books.fact_record(Fact::Scale { currency: eur(), scale: 2 }, BEGINS);
        played.books.apply(&record).expect("the first fact");
        played.journal.append(record.encode(), Output::Nothing);
        played
    }

    /// The state at the end of the log, replayed from it.
    pub fn world(&self) -> World {
        let mut world = World::default();
        self.each_record(|record| {
            world.apply(record).expect("it fits");
        });
        world
    }

    /// Hands over every record of the log.
    pub fn each_record(&self, mut take: impl FnMut(&Record)) {
        let mut reader = self.journal.read(Lsn(0)).expect("a log");
        while let Some(entry) = reader.next(self.journal.durable()).expect("a sound log") {
            take(&Record::decode(entry.bytes).expect("our record"));
        }
    }

    fn run(&mut self, envelope: Envelope) -> engine::TxResult {
        let concluded = self.books.run(envelope, self.now, 7).expect("it was decided on this state");
        for (_, record) in concluded.upgrades.into_iter().chain(concluded.record).chain(concluded.digest) {
            self.journal.append(record, Output::Nothing);
        }
        log::durable(&self.journal, self.books.lsn());
        concluded.result
    }

    fn step(&mut self, envelope: Envelope) {
        let result = self.run(envelope);
        self.table.apply(result.id, result.leg.as_ref(), result.time);
    }

    /// The next key that nobody has used.
    fn key(&mut self) -> (TxId, Content) {
        self.number += 1;
        let number = self.number.to_string();
        (TxId::of_service("test", &number), Content::of(&[number.as_bytes()]))
    }

    pub fn deposits(&mut self) {
        for player in (1..=PLAYERS).map(PlayerId) {
            let (id, content) = self.key();
            let deposit = Deposit { player, currency: eur(), amount: 100_000 };
            self.run(Envelope::Run(Tx::new(id, player.into(), Some(content), deposit)));
        }
        // Larger than 64 bits.
        let (id, content) = self.key();
        let cause = PaymentCause {
            reason: Some("GOODWILL".parse().expect("a reason")),
            reference: Some("CASE-1".parse().expect("a reference")),
        };
        let credit = Credit { player: PlayerId(9), currency: eur(), amount: 1 << 90, cause };
        self.run(Envelope::Run(Tx::new(id, PlayerId(9).into(), Some(content), credit)));
        // One freeze stands, and one is lifted.
        let freeze = Freeze { reason: FreezeReason::Operator, until: None };
        for player in [PlayerId(8), PlayerId(9)] {
            let (id, content) = self.key();
            self.run(Envelope::Run(Tx::new(
                id,
                player.into(),
                Some(content),
                FreezePlayer { player, freeze },
            )));
        }
        let (id, content) = self.key();
        let lifted = Unfreeze { player: PlayerId(9) };
        self.run(Envelope::Run(Tx::new(id, PlayerId(9).into(), Some(content), lifted)));
    }

    fn bet(&mut self, player: u128, stake: i128) {
        let (id, content) = self.key();
        let request = BetRequest {
            id,
            content,
            player: PlayerId(player),
            round: self.table.state().round,
            bets: vec![("red".into(), vec![], stake), ("straight".into(), vec![17], 100)],
            share: None,
        };
        let envelope = self.table.place_bet(request, self.now).now().expect("nothing is under way");
        self.step(envelope);
    }

    fn seed(&self) -> [u8; 32] {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&self.table.state().round.to_be_bytes());
        seed
    }

    /// Opens a round in which every player has bets, one has taken theirs back, and one has no money for theirs.
    pub fn open_round(&mut self) {
        let next = self.table.state().round + 1;
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&next.to_be_bytes());
        let opening = self.table.open_round(commit(&Seed(seed)), Box::new(seed), self.now);
        self.step(opening);
        for player in 1..=PLAYERS {
            self.bet(player, 500 + i128::try_from(player).expect("few players"));
        }
        self.bet(2, 300);
        // A player without an account, and one above a limit.
        self.bet(77, 300);
        self.bet(3, 1_000_000);
        let (id, content) = self.key();
        let request = ClearRequest { id, content, player: PlayerId(4), round: self.table.state().round };
        let clearing = self.table.clear_bets(request, self.now).now().expect("nothing is under way");
        self.step(clearing);
    }

    fn lock(&mut self) {
        self.now = self.table.state().open.as_ref().expect("it was opened").deadline;
        let lock = self.table.lock(self.now);
        self.step(lock);
    }

    pub fn end_round(&mut self) {
        self.lock();
        self.now = self.table.state().open.as_ref().expect("it is locked").deadline;
        let seed = self.seed();
        let settlement = self.table.settle(Some(seed), self.now);
        self.step(settlement);
        self.now = self.table.state().next_at;
    }

    /// Deposits, so many rounds that are drawn, and one that is void.
    pub fn play(&mut self, rounds: u64) {
        if self.books.lsn() == 1 {
            self.deposits();
            let rules = self.table.record_rules();
            self.step(rules);
        }
        for _ in 0..rounds {
            self.open_round();
            self.end_round();
        }
        self.open_round();
        let void = self.table.void(VoidReason::SeedLost, self.now);
        self.step(void);
        self.now = self.table.state().next_at;
    }
}
