//! Benchmark of the engine and the journal: durable transfers a second between two of many accounts, without sockets and
//! actors. The measure that ledgers publish.
//!
//! ```text
//! cargo run --release -p actors --example transfer_bench -- DIR [IN_FLIGHT] [TRANSFERS] [ACCOUNTS] [ZIPF]
//! ```
//! Each transfer has a key and moves 1 from one account to another, both drawn by a Zipf distribution with the exponent
//! `ZIPF` (0: all alike). It is decided, proven, applied, recorded, synced; it counts when the gate has released it. `DIR` must
//! be empty; the log stays there. The recipe is of this benchmark alone: one type, as any recipe is.

mod durable;

use std::{path::PathBuf, time::Instant};

use domains::{
    Command, Context, Field, Fields, Recipe, What,
    decide::{Deciding, Part, RefusedBy},
    recipes::Deposit,
};
use durable::Bench;
use engine::{Content, DecodeError, Tx, TxId};
use ledger::{
    AccountId, Domain, Move, Rejection, Transfer,
    codec::{Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

/// Moves money between two players' cash.
#[derive(Debug, Clone, Copy)]
struct TransferBetween {
    from: PlayerId,
    to: PlayerId,
    currency: Currency,
    amount: i128,
}

impl Recipe for TransferBetween {
    const KIND: u16 = 60_000;
    const NAME: &'static str = "TRANSFER";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.from);
        encoder.player(self.to);
        encoder.currency(self.currency);
        encoder.money(self.amount);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (from, to) = (decoder.player()?, decoder.player()?);
        Ok(Self { from, to, currency: decoder.currency()?, amount: decoder.money()? })
    }

    fn fields(&self) -> Fields {
        vec![
            ("from", Field::Player(self.from)),
            ("to", Field::Player(self.to)),
            ("amount", Field::Amount(self.amount, self.currency)),
        ]
    }

    fn decide(&self, _: &Context<'_>, deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        deciding.ask(self)?;
        deciding.tell(self.from, self.currency, What::Debit);
        deciding.tell(self.to, self.currency, What::Credit);
        Ok(())
    }
}

impl Command for TransferBetween {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, _: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let cash = |player| AccountId::cash(player, self.currency);
        let (debit, credit) = (cash(self.from), cash(self.to));
        part.draft.add(Move::Post(Transfer { debit, credit, amount: self.amount }))
    }
}

/// Draws accounts by a Zipf distribution, from a sequence that is the same in each run.
struct Draws {
    /// The share of the accounts up to each, from 0 to 1.
    shares: Vec<f64>,
    state: u64,
}

impl Draws {
    fn new(accounts: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut shares: Vec<f64> = (1..=accounts)
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        Self { shares, state: 1 }
    }

    fn next(&mut self) -> usize {
        // A linear congruential generator (Knuth, MMIX); its upper bits are good enough to draw accounts.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (self.state >> 11) as f64 / (1_u64 << 53) as f64;
        self.shares.partition_point(|upper| *upper < share).min(self.shares.len() - 1)
    }

    fn pair(&mut self) -> (PlayerId, PlayerId) {
        let from = self.next();
        let to = match self.next() {
            to if to == from => (to + 1) % self.shares.len(),
            to => to,
        };
        (player(from), player(to))
    }
}

/// Spread over the whole range, as real ids are.
fn player(number: usize) -> PlayerId {
    PlayerId((number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next();
    let directory = directory.expect("usage: transfer_bench DIR [IN_FLIGHT] [TRANSFERS] [ACCOUNTS] [ZIPF]");
    let directory = PathBuf::from(directory);
    let mut number = |default: f64| {
        arguments.next().map_or(default, |text| text.parse().expect("the other arguments are numbers"))
    };
    let (in_flight, transfers) = (number(256.0) as usize, number(1_000_000.0) as usize);
    let (accounts, exponent) = (number(100_000.0) as usize, number(0.0));

    let mut bench = Bench::open(&directory);
    for account in 0..accounts {
        let deposit = Deposit { player: player(account), currency: eur(), amount: 1_000_000_000 };
        let id = TxId::of_service("bench", &account.to_string());
        bench.turn(Tx::new(id, player(account).into(), Some(Content(1)), deposit), account as u64, None);
    }
    // Drawn before the clock runs: to draw takes about a tenth as long as the transfer itself.
    let mut draws = Draws::new(accounts, exponent);
    let pairs: Vec<(PlayerId, PlayerId)> = (0..transfers).map(|_| draws.pair()).collect();
    let mut sent = 0;
    let began = Instant::now();
    while bench.waits.len() < transfers {
        while sent < transfers && sent - bench.waits.len() < in_flight {
            let at = Instant::now();
            let (from, to) = pairs[sent];
            let key = format!("transfer-{sent}");
            let transfer = TransferBetween { from, to, currency: eur(), amount: 1 };
            let content = Content::of(&[b"transfer", key.as_bytes()]);
            let id = TxId::of_service("bench", &key);
            let tx = Tx::new(id, from.into(), Some(content), transfer);
            bench.turn(tx, (accounts + sent) as u64, Some(at));
            sent += 1;
        }
        bench.collect();
    }
    bench.report(&format!("{in_flight} in flight, Zipf {exponent}, transfers"), began.elapsed());
    bench.stop();
}
