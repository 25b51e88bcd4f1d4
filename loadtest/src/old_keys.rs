//! The measurement of old keys: bets are placed, time passes until the hub has their keys in its state store alone, and then
//! the same bets are sent again at a rate. Each must bring its first receipt, and no money may move.

use std::{cell::RefCell, error::Error, fmt, rc::Rc, time::Duration};

use hub_client::{Client, Error as ClientError, Options as ClientOptions, Pushes};
use protocol::{
    Currency, TableId,
    reply::{Balance, Phase, Receipt},
    request::PlaceBet,
};
use serde::Serialize;
use tokio::{
    task::LocalSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    arrivals::{Arrivals, Spacing},
    bet::KeyStem,
    latency::{Latency, Percentiles},
    progress::Progress,
    target::Target,
    tokens,
};

/// How long a player waits before it asks its table again whether it takes bets.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Faults that are kept as text.
const FAULTS_MAX: usize = 20;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// WebSocket of the hub.
    pub url: String,
    /// Players, each with its own connection.
    pub players: usize,
    /// Bets placed by all of them, each with a key.
    pub keys: usize,
    /// Time between the last bet and the first that is sent again: the hub's memory then has none of the keys, and every round
    /// with a bet has ended.
    pub rest: Duration,
    /// Bets sent again a second, independent of the hub's answers.
    pub rate: f64,
    /// Measured time.
    pub length: Duration,
    /// Stake of each bet.
    pub stake: String,
    /// Seed of all random choices, and of the keys; `None` for another one each time.
    pub seed: Option<u64>,
}

/// The result of a measurement.
#[derive(Debug, Serialize)]
pub struct OldKeys {
    /// Keys that the bets left behind.
    pub keys: usize,
    /// Bets sent again.
    pub asked: u64,
    /// From when one was due to its answer. The clock of the generator ticks each millisecond, so up to one of them is its
    /// own.
    pub answered: Percentiles,
    /// Answers that were not the first receipt, and balances that moved: the first ones as text.
    pub faults: Vec<String>,
    /// All of them.
    pub faults_total: u64,
}

impl fmt::Display for OldKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = self.answered;
        writeln!(out, "{} old keys, {} of their bets sent again", self.keys, self.asked)?;
        writeln!(out, "  milliseconds       p50       p90       p99     p99.9       max")?;
        writeln!(
            out,
            "  answered     {p50_ms:>9.3} {p90_ms:>9.3} {p99_ms:>9.3} {p999_ms:>9.3} {max_ms:>9.3}"
        )?;
        match self.faults_total {
            0 => write!(out, "every answer was the first receipt, and no balance moved"),
            count => {
                write!(out, "{count} FAULTS")?;
                self.faults.iter().try_for_each(|fault| write!(out, "\n  {fault}"))
            }
        }
    }
}

/// Places the bets, waits, sends them again, and compares.
///
/// # Errors
/// When the hub cannot be asked.
pub fn old_keys(options: &Options) -> Result<OldKeys, Box<dyn Error>> {
    let target = Target::parse(&options.url)?;
    let progress = Progress::new();
    progress.line(&format!("asking for {} players", options.players));
    let tokens = tokens::tokens(&target, options.players)?;
    let seed = options.seed.map_or_else(getrandom::u64, Ok)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, measure(options, seed, tokens, &progress));
    progress.finish();
    result
}

/// A player with its connection and its accepted bets.
struct Bettor {
    client: Client,
    /// Kept open, so that the connection is.
    _pushes: Pushes,
    bets: Vec<(PlaceBet, Receipt)>,
}

async fn measure(
    options: &Options,
    seed: u64,
    tokens: Vec<String>,
    progress: &Progress,
) -> Result<OldKeys, Box<dyn Error>> {
    let stem = KeyStem::new(seed);
    let mut bettors = Vec::new();
    for token in tokens {
        let client_options =
            ClientOptions { client_name: "loadtest keys".to_owned(), ..ClientOptions::default() };
        let (client, pushes) = Client::connect(&options.url, &token, client_options).await?;
        bettors.push(Bettor { client, _pushes: pushes, bets: Vec::new() });
    }
    let tables = match bettors.first() {
        Some(first) => first.client.list_tables().await?,
        None => return Err("there is no player".into()),
    };
    if tables.is_empty() {
        return Err("the hub has no table".into());
    }
    let share = options.keys.div_ceil(bettors.len());
    let placed = Rc::new(RefCell::new(0_u64));
    let mut placing = Vec::new();
    for (number, mut bettor) in bettors.into_iter().enumerate() {
        let table = &tables[number % tables.len()];
        let (table, currency) = (table.table, table.currency);
        let keys = (number * share..((number + 1) * share).min(options.keys)).map(|key| stem.key(key as u64));
        let (keys, stake, placed) = (keys.collect::<Vec<_>>(), options.stake.clone(), placed.clone());
        placing.push(tokio::task::spawn_local(async move {
            place(&mut bettor, table, currency, &stake, keys, &placed).await.map(|()| bettor)
        }));
    }
    let mut bettors = Vec::new();
    for placing in placing {
        while !placing.is_finished() {
            progress.show("placing", *placed.borrow(), options.keys as u64);
            sleep(LOOK_EVERY).await;
        }
        bettors.push(placing.await??);
    }
    progress.line(&format!("waiting for {} s, until the keys are old", options.rest.as_secs()));
    sleep(options.rest).await;
    let before = balances(&bettors).await?;
    let mut result = again(options, seed, &bettors, progress).await;
    for (player, (before, after)) in before.into_iter().zip(balances(&bettors).await?).enumerate() {
        if before != after {
            result.fault(format!("player {player} had {before:?}, and has {after:?}"));
        }
    }
    let Again { answers, asked, faults, faults_total } = result;
    let keys = bettors.iter().map(|bettor| bettor.bets.len()).sum();
    Ok(OldKeys { keys, asked, answered: answers.percentiles(), faults, faults_total })
}

/// Places a bet with each key.
async fn place(
    bettor: &mut Bettor,
    table: TableId,
    currency: Currency,
    stake: &str,
    keys: Vec<protocol::Key>,
    placed: &RefCell<u64>,
) -> Result<(), ClientError> {
    let mut keys = keys.into_iter().peekable();
    while keys.peek().is_some() {
        let (view, _) = bettor.client.join_table(table).await?;
        if view.phase != Phase::Betting {
            sleep(LOOK_EVERY).await;
            continue;
        }
        // As many as the round takes. The key of a refused bet is left out.
        while let Some(key) = keys.peek() {
            let bet = hub_client::one_bet(*key, table, view.round, "red", &[], stake, currency);
            let bet = bet.ok_or(ClientError::Unexpected("an own bet"))?;
            match bettor.client.place_bet(bet.clone()).await {
                Ok(receipt) => {
                    bettor.bets.push((bet, receipt));
                    *placed.borrow_mut() += 1;
                    keys.next();
                }
                Err(ClientError::Refused(_)) => {
                    keys.next();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

async fn balances(bettors: &[Bettor]) -> Result<Vec<Vec<Balance>>, ClientError> {
    let mut all = Vec::new();
    for bettor in bettors {
        all.push(bettor.client.balances().await?);
    }
    Ok(all)
}

/// What came back.
#[derive(Default)]
struct Again {
    answers: Latency,
    asked: u64,
    faults: Vec<String>,
    faults_total: u64,
}

impl Again {
    fn fault(&mut self, text: String) {
        self.faults_total += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(text);
        }
    }
}

/// Sends random ones of the bets again, each when it is due.
async fn again(options: &Options, seed: u64, bettors: &[Bettor], progress: &Progress) -> Again {
    let result = Rc::new(RefCell::new(Again::default()));
    let mut random = fastrand::Rng::with_seed(seed);
    let bets: Vec<(&Client, &PlaceBet, &Receipt)> = bettors
        .iter()
        .flat_map(|bettor| bettor.bets.iter().map(|(bet, receipt)| (&bettor.client, bet, receipt)))
        .collect();
    if bets.is_empty() {
        result.borrow_mut().fault("no bet was accepted".to_owned());
        return Rc::into_inner(result).map(RefCell::into_inner).unwrap_or_default();
    }
    let begin = Instant::now();
    let (rate, length) = (options.rate, options.length);
    let mut arrivals = Arrivals::new(begin.into_std(), length, rate, Spacing::Poisson, random.fork());
    let mut asking = Vec::new();
    let all = (rate * length.as_secs_f64()) as u64;
    while let Some(due) = arrivals.next_due() {
        sleep_until(due.into()).await;
        while let Some(due) = arrivals.take_due(std::time::Instant::now()) {
            let (client, bet, receipt) = bets[random.usize(..bets.len())];
            let (client, bet, receipt) = (client.clone(), bet.clone(), receipt.clone());
            let result = result.clone();
            asking.push(tokio::task::spawn_local(async move {
                let key = bet.key;
                let answer = client.place_bet(bet).await;
                let mut result = result.borrow_mut();
                result.asked += 1;
                result.answers.record(due.elapsed());
                match answer {
                    Ok(again) if again == receipt => {}
                    other => result.fault(format!("bet {key} brings {other:?}, not {receipt:?}")),
                }
            }));
        }
        progress.show("sending again", result.borrow().asked, all);
    }
    for asking in asking {
        if let Err(error) = asking.await {
            result.borrow_mut().fault(error.to_string());
        }
    }
    Rc::into_inner(result).map(RefCell::into_inner).unwrap_or_default()
}
