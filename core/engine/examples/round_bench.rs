//! Measures what a round of many bets costs, step by step: each single bet, and the steps in which the threads of the
//! table and of the money work on all bets at once.
//!
//! ```text
//! cargo run --release -p engine --example round_bench -- [BETS] [PLAYERS] [TABLES] [PROTECTION]
//! ```
//! Every table has a round of `BETS` bets of `PLAYERS` players; then the rounds are locked and settled one by one,
//! while the holds of the others are open. No disk, no actors, one thread. Figures are medians over the tables.
//! `PROTECTION`: 1, play sessions are kept; 2, each player has every limit; 3, both. 0 by default.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domains::{
    Intent, Principal,
    calendar::{DAY, OffsetChange, Period, Zone},
    limit_rules::LimitRules,
    limits::{LimitId, LimitKind, LimitSetter},
    recipes::{Deposit, SetLimitRules, SetPlayerLimit, SetSessionRules},
    session_rules::SessionRules,
};
use engine::{
    Books, Content, DIGEST_EVERY, Envelope, Tx, TxId,
    table::live::{BetLimits, BetRequest, LiveTable, SEATS_MAX, TableConfig, TableRules},
};
use games::fair::{Seed, commit};
use protocol::{Currency, Key, PlayerId, TableId};

/// Names of the steps, in the order of [`Clocks`].
const STEPS: [&str; 7] = [
    "table: decide a bet",
    "money: turn, apply and encode a bet",
    "table: apply a bet",
    "table: spots of everybody",
    "table: lock, decided and applied",
    "money: settle, turn, apply and encode",
    "table: settle, decided and applied",
];

/// Time spent in each step, by table.
struct Clocks([Vec<Duration>; STEPS.len()]);

impl Clocks {
    fn time<T>(&mut self, step: usize, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        *self.0[step].last_mut().expect("a table has begun") += began.elapsed();
        result
    }

    fn next_table(&mut self) {
        self.0.iter_mut().for_each(|step| step.push(Duration::ZERO));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| {
        arguments.next().map_or(default, |text| text.parse().expect("the arguments are numbers"))
    };
    let (bets, players, tables, protection) = (number(4_000), number(20), number(20), number(0));
    let mut hub = Hub { books: Books::default(), now: 1_000_000, clocks: Clocks(Default::default()) };
    let mut live: Vec<LiveTable> = (0..tables).map(table).collect();
    if protection & 1 == 1 {
        let rules = SessionRules { pause_min: 1_800_000, check_every: 3_600_000, start_min: 0 };
        hub.set(0, SetSessionRules(rules));
    }
    if protection & 2 == 2 {
        hub.limit((0..tables).flat_map(|place| (0..players).map(move |number| player_id(place, number))));
    }

    for (place, table) in live.iter_mut().enumerate() {
        hub.clocks.next_table();
        hub.open(table, place, players);
        (0..bets).for_each(|bet| hub.bet(table, place, players, bet));
        hub.clocks.time(3, || {
            std::hint::black_box(table.state().open.as_ref().map(|open| open.bets.stakes().clone()))
        });
    }
    // The clocks start again at the first table, for the steps of the end.
    let betting = std::mem::replace(&mut hub.clocks, Clocks(Default::default()));
    hub.now += 60_000;
    for table in &mut live {
        hub.clocks.next_table();
        hub.finish(table);
    }
    hub.books.check().expect("the invariants hold");

    println!("{tables} tables, {bets} bets a round, {players} players a table");
    for (step, name) in STEPS.into_iter().enumerate() {
        let each = if step < 3 { bets as f64 } else { 1.0 };
        let source = if step < 4 { &betting } else { &hub.clocks };
        println!("  {name:<40} {:>10.3} µs", median(&source.0[step]) / each);
    }
}

/// The median, microseconds.
fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

struct Hub {
    books: Books,
    now: u64,
    clocks: Clocks,
}

impl Hub {
    fn set(&mut self, number: u128, intent: impl Into<Intent>) {
        let envelope = Envelope::Run(Tx::new(TxId(number), Principal::HUB, None, intent));
        self.books.run(envelope, self.now, DIGEST_EVERY).expect("it applies");
    }

    /// Sets every limit that there is of these players, in a zone with summer times, so high that it refuses nothing.
    fn limit(&mut self, players: impl Iterator<Item = PlayerId>) {
        let change = |half: u64| OffsetChange { from: half * 180 * DAY, offset: (half % 2) as i32 * 3_600 };
        let zone = Zone::new((0..26).map(change).collect()).expect("a zone");
        self.set(1, SetLimitRules(LimitRules { zone, ..LimitRules::standard() }));
        let mut number = 1;
        for player in players {
            for (kind, period) in
                LimitKind::ALL.into_iter().flat_map(|kind| Period::ALL.map(|period| (kind, period)))
            {
                let id = LimitId { kind, period, currency: kind.is_of_money().then(eur) };
                number += 1;
                let to = Some(1_000_000_000);
                self.set(number, SetPlayerLimit { player, id, by: LimitSetter::Player, to });
            }
        }
    }

    /// Gives the players of a table money, and opens its round.
    fn open(&mut self, table: &mut LiveTable, place: usize, players: usize) {
        for player in 0..players {
            let player = player_id(place, player);
            let deposit = Deposit { player, currency: eur(), amount: 1_000_000_000 };
            let id = TxId::of_service("bench", &player.0.to_string());
            let envelope = Envelope::Run(Tx::new(id, player.into(), Some(Content(1)), deposit));
            let deposit = self.books.run(envelope, self.now, DIGEST_EVERY).expect("it applies");
            assert!(deposit.record.is_some(), "a new deposit");
        }
        let envelope = table.record_rules();
        self.run(table, envelope, [0, 1, 2]);
        let envelope = table.open_round(commit(&Seed([7; 32])), Box::new([7; 32]), self.now);
        self.run(table, envelope, [0, 1, 2]);
        self.clocks.0.iter_mut().for_each(|step| *step.last_mut().expect("a table") = Duration::ZERO);
    }

    fn bet(&mut self, table: &mut LiveTable, place: usize, players: usize, number: usize) {
        let player = player_id(place, number % players);
        let key: Key = format!("bet-{place}-{number}").parse().expect("a key");
        let (kind, numbers) = match number / players % 3 {
            0 => ("red", vec![]),
            1 => ("straight", vec![(number % 37) as u8]),
            _ => ("dozen", vec![(number % 3 + 1) as u8]),
        };
        let request = BetRequest {
            id: TxId::of_key(player, &key),
            content: Content(number as u128),
            player,
            round: 1,
            bets: vec![(kind.into(), numbers, 100)],
            share: None,
        };
        let now = self.now;
        let decided = self.clocks.time(0, || table.place_bet(request, now));
        let envelope = decided.now().expect("nothing is under way");
        self.run(table, envelope, [0, 1, 2]);
    }

    /// Locks and settles the round.
    fn finish(&mut self, table: &mut LiveTable) {
        let now = self.now;
        let envelope = self.clocks.time(4, || table.lock(now));
        self.run(table, envelope, [4, 4, 4]);
        let envelope = self.clocks.time(6, || table.settle(Some([7; 32]), now));
        self.run(table, envelope, [6, 5, 6]);
        assert!(table.state().open.is_none(), "the round is over");
    }

    /// Runs one envelope and applies its result. The money side is timed as `steps[1]`, the table's part as `steps[2]`.
    fn run(&mut self, table: &mut LiveTable, envelope: Envelope, steps: [usize; 3]) {
        let Self { books, now, clocks } = self;
        let (id, leg) = clocks.time(steps[1], || {
            let concluded = books.run(envelope, *now, DIGEST_EVERY).expect("it was decided on this state");
            assert!(std::hint::black_box(&concluded.record).is_some(), "every envelope is new");
            (concluded.result.id, concluded.result.leg)
        });
        clocks.time(steps[2], || table.apply(id, leg.as_ref(), *now));
    }
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// A player id whose bits are spread as in real ids, which are hashes.
fn player_id(place: usize, number: usize) -> PlayerId {
    PlayerId(((place * 10_000 + number + 1) as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}

fn table(place: usize) -> LiveTable {
    let game = games::game("roulette").expect("the game is in the registry");
    let id: TableId = format!("bench-{place}").parse().expect("a table id");
    let config = TableConfig {
        name: "Bench".into(),
        rules: TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: eur(),
            scale: 2,
            betting_ms: 10_000,
            locked_ms: 200,
            pause_ms: 200,
            limits: game
                .kinds()
                .iter()
                .map(|_| BetLimits { stake_min: 1, spot_max: 1_000_000_000 })
                .collect(),
            round_max: 1_000_000_000,
            seats_max: SEATS_MAX,
        },
        places_max: 100_000,
    };
    LiveTable::new(id, Arc::new(config), game, Default::default())
}
