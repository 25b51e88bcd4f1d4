//! Benchmark of the engine and the journal: durable transfers a second between two of many accounts, without sockets and
//! actors. The measure that ledgers publish.
//!
//! ```text
//! cargo run --release -p actors --example transfer_bench -- DIR [IN_FLIGHT] [TRANSFERS] [ACCOUNTS] [ZIPF]
//! ```
//! Each transfer has a key and moves 1 from one account to another, both drawn by a Zipf distribution with the exponent
//! `ZIPF` (0: all alike). It is decided, proven, applied, recorded, synced; it counts when the gate has released it. `DIR` must
//! be empty; the log stays there. The recipe is of this benchmark alone: one type, as any recipe is.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use domains::{
    Command, Context, Field, Fields, Recipe, What,
    decide::{Deciding, Part, RefusedBy},
    recipes::Deposit,
};
use engine::{Books, Content, DIGEST_EVERY, DecodeError, Envelope, Tx, TxId};
use journal::{Gate, Journal, Lsn, Options};
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

/// The gate: sends the bench the start times of the transfers that are on disk now.
struct Released(Sender<Vec<Option<Instant>>>);

impl Gate<Option<Instant>> for Released {
    fn open(&mut self, _: Lsn, done: &mut Vec<Option<Instant>>) {
        // The bench may have ended already.
        let _ = self.0.send(std::mem::take(done));
    }

    fn failed(&mut self, error: &journal::Error) {
        eprintln!("the journal failed: {error}");
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

    let (sender, receiver) = channel();
    let log = journal::open(&directory, Options::default()).expect("an empty directory");
    assert_eq!(log.last(), Lsn(0), "{} has a log already", directory.display());
    let journal = log.start(Released(sender));
    let mut books = Books::default();
    for account in 0..accounts {
        let deposit = Deposit { player: player(account), currency: eur(), amount: 1_000_000_000 };
        let id = TxId::of_service("bench", &account.to_string());
        run(&mut books, &journal, Tx::new(id, player(account).into(), Some(Content(1)), deposit), None);
    }
    let mut draws = Draws::new(accounts, exponent);
    let (mut waits, mut sent) = (Vec::with_capacity(transfers), 0);
    let began = Instant::now();
    while waits.len() < transfers {
        while sent < transfers && sent - waits.len() < in_flight {
            let at = Instant::now();
            let (from, to) = draws.pair();
            let key = format!("transfer-{sent}");
            let transfer = TransferBetween { from, to, currency: eur(), amount: 1 };
            let content = Content::of(&[b"transfer", key.as_bytes()]);
            let id = TxId::of_service("bench", &key);
            run(&mut books, &journal, Tx::new(id, from.into(), Some(content), transfer), Some(at));
            sent += 1;
        }
        collect(&receiver, &mut waits);
    }
    let took = began.elapsed();
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!(
        "{in_flight} in flight, Zipf {exponent}: {:.0} durable transfers/s, median {:?}, p99 {:?}",
        waits.len() as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
    );
    books.check().expect("the invariants hold");
    journal.stop();
}

/// One turn: decide, apply, append.
fn run(books: &mut Books, journal: &Journal<Option<Instant>>, tx: Tx, began: Option<Instant>) {
    let now = books.lsn();
    let concluded = books.run(Envelope::Run(tx), now, DIGEST_EVERY).expect("it was decided on this state");
    let (_, record) = concluded.record.expect("each key is new");
    journal.append(record, began);
    if let Some((_, digest)) = concluded.digest {
        journal.append(digest, None);
    }
}

/// Waits for the gate, then takes all it has released.
fn collect(receiver: &Receiver<Vec<Option<Instant>>>, waits: &mut Vec<Duration>) {
    let first = receiver.recv().expect("the writer runs");
    for batch in std::iter::once(first).chain(receiver.try_iter()) {
        waits.extend(batch.into_iter().flatten().map(|began| began.elapsed()));
    }
}
