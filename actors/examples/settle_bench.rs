//! Benchmark of the longest turn: the settlement of a round in which each bet is another player's, engine and journal,
//! without sockets and actors. It also counts the bytes of a stake and of a settled player's share.
//!
//! ```text
//! cargo run --release -p actors --example settle_bench -- DIR [PLAYERS] [ROUNDS] [ACCOUNTS] [IN_FLIGHT]
//! ```
//! `ACCOUNTS` players have money. In each round `PLAYERS` of them have one bet of 1.00 each, on red, on black, on a dozen or on
//! a number; then the round is locked and settled. A turn is what the money thread does for one envelope: decide, prove,
//! apply, encode, append. `DIR` must be empty; the log stays there.

mod durable;
mod turns;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use domains::recipes::Deposit;
use durable::Bench;
use engine::{
    Body, Content, Envelope, Record, Tx, TxId,
    table::{
        TableLeg,
        live::{BetLimits, BetRequest, LiveTable, SEATS_MAX, TableConfig, TableRules},
    },
};
use games::fair::{Seed, commit};
use journal::{Lsn, Reader};
use protocol::{Currency, Key, PlayerId, TableId};
use turns::Turns;

/// Milliseconds from the opening of a round to its lock, and from there to its result.
const STEP_MS: u64 = 10_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next();
    let directory =
        PathBuf::from(directory.expect("usage: settle_bench DIR [PLAYERS] [ROUNDS] [ACCOUNTS] [IN_FLIGHT]"));
    let mut number = |default: usize| {
        arguments.next().map_or(default, |text| text.parse().expect("the other arguments are numbers"))
    };
    let (players, rounds, accounts, in_flight) = (number(4_000), number(50), number(100_000), number(256));
    assert!(players <= accounts, "each bet is another player's");

    let mut hub = Hub { bench: Bench::open(&directory), table: table(), now: 1_000_000 };
    for account in 0..accounts {
        let deposit = Deposit { player: player(account), currency: eur(), amount: 1_000_000 };
        let id = TxId::of_service("bench", &account.to_string());
        hub.bench.turn(Tx::new(id, player(account).into(), Some(Content(1)), deposit), hub.now, None);
    }
    let mut stakes = Turns::with_capacity(rounds * players);
    let [mut steps, mut locks, mut settlements] = [rounds + 1; 3].map(Turns::with_capacity);
    let mut betting = Duration::ZERO;
    let envelope = hub.table.record_rules();
    hub.run(envelope, None, &mut steps);
    for round in 0..rounds {
        // Another draw, so that each round has other winners.
        let secret = [round as u8; 32];
        let envelope = hub.table.open_round(commit(&Seed(secret)), secret.into(), hub.now);
        hub.run(envelope, None, &mut steps);
        let (released, began) = (hub.bench.waits.len(), Instant::now());
        for bet in 0..players {
            while bet - (hub.bench.waits.len() - released) >= in_flight {
                hub.bench.collect();
            }
            hub.bet(player((round * players + bet) % accounts), bet, round, &mut stakes);
        }
        while hub.bench.waits.len() - released < players {
            hub.bench.collect();
        }
        betting += began.elapsed();
        hub.now += STEP_MS;
        let envelope = hub.table.lock(hub.now);
        hub.run(envelope, None, &mut locks);
        hub.now += STEP_MS;
        let envelope = hub.table.settle(Some(secret), hub.now);
        hub.run(envelope, None, &mut settlements);
        assert!(hub.table.state().open.is_none(), "the round is settled");
    }
    println!("{rounds} rounds of {players} players, {accounts} accounts; turns:");
    stakes.report("a bet");
    steps.report("opening a round");
    locks.report("locking it");
    settlements.report("settling it");
    hub.bench.report(&format!("{in_flight} in flight, bets"), betting);
    hub.bench.stop();
    bytes(&directory);
}

/// What records of one kind have in the log. Bytes.
#[derive(Default)]
struct Bytes {
    records: u64,
    shares: u64,
    bytes: u64,
    longest: u64,
    /// The batches that begin with one, with their headers and their padding.
    batches: u64,
    of_batches: u64,
    padding: u64,
}

/// Reads the log back, and prints the bytes of stakes and settlements.
fn bytes(directory: &std::path::Path) {
    let mut reader = Reader::open(directory, Lsn(0)).expect("the log is there");
    let (mut stakes, mut settlements) = (Bytes::default(), Bytes::default());
    while let Some(entry) = reader.next(Lsn::MAX).expect("the log is whole") {
        let record = Record::decode(entry.bytes).expect("a record of this release");
        let Body::Committed(committed) = record.body else { continue };
        let of = match committed.table {
            Some((_, TableLeg::BetPlaced { .. })) => &mut stakes,
            Some((_, TableLeg::Settled { .. })) => &mut settlements,
            _ => continue,
        };
        of.records += 1;
        of.shares += committed.notices.len() as u64;
        of.bytes += entry.bytes.len() as u64;
        of.longest = of.longest.max(entry.bytes.len() as u64);
        if entry.lsn == entry.batch.first {
            of.batches += 1;
            of.of_batches += u64::from(entry.batch.count);
            of.padding += u64::from(entry.batch.padding);
        }
    }
    let per = |bytes: u64, of: u64| bytes as f64 / of.max(1) as f64;
    for (name, of) in [("a stake", stakes), ("a settlement", settlements)] {
        println!(
            "bytes of {name:<14} {:.1} a record, {:.1} a player, longest {}; its batches have {:.1} records and {:.1} of padding each",
            per(of.bytes, of.records),
            per(of.bytes, of.shares),
            of.longest,
            per(of.of_batches, of.batches),
            per(of.padding, of.batches),
        );
    }
}

struct Hub {
    bench: Bench,
    table: LiveTable,
    now: u64,
}

impl Hub {
    /// Runs an envelope in a timed turn, and hands its result to the table. A bet counts from `began`.
    fn run(&mut self, envelope: Envelope, began: Option<Instant>, turns: &mut Turns) {
        let result = turns.time(|| self.bench.run(envelope, self.now, began));
        self.table.apply(result.id, result.leg.as_ref(), self.now);
    }

    fn bet(&mut self, player: PlayerId, number: usize, round: usize, turns: &mut Turns) {
        let key: Key = format!("bet-{round}-{number}").parse().expect("a key");
        let (kind, numbers) = match number % 4 {
            0 => ("red", vec![]),
            1 => ("black", vec![]),
            2 => ("dozen", vec![(number / 4 % 3 + 1) as u8]),
            _ => ("straight", vec![(number / 4 % 37) as u8]),
        };
        let request = BetRequest {
            id: TxId::of_key(player, &key),
            content: Content::of(&[b"bet", key.as_bytes()]),
            player,
            round: self.table.state().round,
            bets: vec![(kind.into(), numbers, 100)],
            share: None,
        };
        let envelope = self.table.place_bet(request, self.now).now().expect("nothing is under way");
        self.run(envelope, Some(Instant::now()), turns);
    }
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// A player id whose bits are spread as in real ids, which are random.
fn player(number: usize) -> PlayerId {
    PlayerId((number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}

fn table() -> LiveTable {
    let game = games::game("roulette").expect("the game is in the registry");
    let limits = BetLimits { stake_min: 1, spot_max: 1_000_000 };
    let config = TableConfig {
        name: "Bench".into(),
        rules: TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: eur(),
            scale: 2,
            betting_ms: STEP_MS,
            locked_ms: STEP_MS,
            pause_ms: 0,
            limits: vec![limits; game.kinds().len()],
            round_max: 1_000_000,
            seats_max: SEATS_MAX,
        },
        places_max: 100_000,
    };
    let id: TableId = "roulette-main".parse().expect("a table id");
    LiveTable::new(id, Arc::new(config), game, Default::default())
}
