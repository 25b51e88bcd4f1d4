//! The check after a run: every balance, and a sample of keys, asked for on fresh connections.
//!
//! The sessions that played are closed by now. The hub answers here from its state, not from that of a session, and by
//! way of the ordinary client.

use std::{collections::HashSet, sync::Arc, time::Duration};

use hub_client::{Error, Options, Resilient, Settings};
use protocol::{
    Encoding, Key, Reply,
    codec::{ServerFrame, decode_server},
    reply::{KeyOutcome, PlayerResult, Receipt},
    request::PlaceBet,
};
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    book::{Minor, Sums},
    load::{Load, Player},
    target::Target,
};

/// Players asked at the same time.
const ASKING_MAX: usize = 32;

/// Longest time until a player's connection stands.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result of the check.
#[derive(Debug, Default, Serialize)]
pub struct Audit {
    /// Sums over all players, minor units.
    pub money: Money,
    /// Players whose balance was compared.
    pub balances_compared: u64,
    /// Rounds of players compared with their histories.
    pub results_compared: u64,
    /// Accepted bets sent again, each answered with its first receipt.
    pub retries_compared: u64,
    /// Refused bets looked up, none of which had been carried out.
    pub refusals_checked: u64,
    /// Everything that is wrong.
    pub faults: Vec<String>,
}

/// Money of all players together, minor units of their currency.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Money {
    /// Balances before the first bet.
    pub opening: Minor,
    /// Stakes accepted.
    pub accepted: Minor,
    /// Stakes of settled rounds.
    pub staked: Minor,
    /// Returned by settled rounds.
    pub returned: Minor,
    /// Available at the end, by the hub.
    pub available: Minor,
    /// Held at the end, by the hub.
    pub held: Minor,
}

/// What is asked about one player.
struct Question {
    player: usize,
    token: String,
    bets: Vec<(PlaceBet, Receipt)>,
    refused: Vec<Key>,
}

/// The hub's answers about one player.
struct Answer {
    available: Minor,
    held: Minor,
    history: Vec<PlayerResult>,
    retries: u64,
    refusals: u64,
    faults: Vec<String>,
}

/// Asks for everything and compares.
///
/// Fails only when the questions cannot be asked; what is wrong with the answers stands in [`Audit::faults`].
pub fn audit(load: &Load<'_>, target: &Target) -> Result<Audit, Box<dyn std::error::Error>> {
    let mut audit = Audit::default();
    let questions = questions(load, &mut audit)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (player, answer) in runtime.block_on(ask_all(load, target, questions)) {
        match answer {
            Ok(answer) => compare(load, player, &answer, &mut audit),
            Err(error) => audit.faults.push(format!("player {player} cannot be asked: {}", chain(&error))),
        }
    }
    receipts_are_unique(load, &mut audit);
    let money = audit.money;
    if money.opening - money.staked + money.returned != money.available + money.held {
        let text = format!("money in is not money out and held: {money:?}");
        audit.faults.push(text);
    }
    Ok(audit)
}

fn questions(load: &Load<'_>, audit: &mut Audit) -> Result<Vec<Question>, Box<dyn std::error::Error>> {
    let question = |(player, entry): (usize, &Player)| Question {
        player,
        token: entry.token.clone(),
        bets: Vec::new(),
        refused: Vec::new(),
    };
    let mut questions: Vec<Question> = load.players.iter().enumerate().map(question).collect();
    for sample in &load.samples {
        let bet = load.templates[sample.template].request(&load.stem, sample.number, sample.round);
        let bet = bet.ok_or("a round number above 2^53")?;
        match decode_server(Encoding::Msgpack, &sample.frame) {
            Ok(ServerFrame::Reply(frame)) if matches!(frame.reply, Reply::BetAccepted(_)) => {
                if let Reply::BetAccepted(receipt) = frame.reply {
                    questions[sample.player].bets.push((bet, receipt));
                }
            }
            other => audit.faults.push(format!("the receipt of {} cannot be read: {other:?}", bet.key)),
        }
    }
    for (player, number) in &load.refused {
        questions[*player].refused.push(load.stem.key(*number));
    }
    Ok(questions)
}

async fn ask_all(
    load: &Load<'_>,
    target: &Target,
    questions: Vec<Question>,
) -> Vec<(usize, Result<Answer, Error>)> {
    let room = Arc::new(Semaphore::new(ASKING_MAX));
    let mut tasks = JoinSet::new();
    let mut answers = Vec::with_capacity(questions.len());
    let (currency, scale) = (load.currency, load.scale);
    for question in questions {
        let Ok(permit) = room.clone().acquire_owned().await else { break };
        let url = target.url.clone();
        tasks.spawn(async move {
            let _permit = permit;
            let player = question.player;
            (player, ask(&url, question, currency, scale).await)
        });
        while let Some(Ok(answer)) = tasks.try_join_next() {
            answers.push(answer);
        }
    }
    while let Some(answer) = tasks.join_next().await {
        answers.extend(answer);
    }
    answers
}

async fn ask(
    url: &str,
    question: Question,
    currency: protocol::Currency,
    scale: u32,
) -> Result<Answer, Error> {
    let options = Options { client_name: "loadtest audit".to_owned(), ..Options::default() };
    // It waits its turn at a hub that admits only so many connections a second.
    let settings = Settings { options, give_up_after: PATIENCE, ..Settings::default() };
    let (mut resilient, _pushes) = Resilient::new(url, &question.token, settings)?;
    let client = resilient.client().await?;
    let mut faults = Vec::new();
    let (retries, refusals) = (question.bets.len() as u64, question.refused.len() as u64);
    for (bet, receipt) in question.bets {
        let key = bet.key;
        client.join_table(bet.table).await?;
        match client.place_bet(bet).await {
            Ok(again) if again == receipt => {}
            other => faults
                .push(format!("bet {key} was accepted; sent again it brings {other:?}, not {receipt:?}")),
        }
        match client.outcome(key).await? {
            KeyOutcome::Accepted { receipt: told } if told == receipt => {}
            other => faults.push(format!("bet {key} was accepted; asked for it the hub says {other:?}")),
        }
    }
    for key in question.refused {
        if let KeyOutcome::Accepted { receipt } = client.outcome(key).await? {
            faults.push(format!("bet {key} was refused, and yet carried out: {receipt:?}"));
        }
    }
    let history = client.own_history().await?;
    // Last, so that a retry that moved money would show.
    let balances = client.balances().await?;
    let balance = balances.into_iter().find(|balance| balance.currency == currency);
    let minor =
        |amount: protocol::Amount| amount.to_minor(scale).ok().and_then(|minor| Minor::try_from(minor).ok());
    let both = balance.and_then(|balance| minor(balance.available).zip(minor(balance.held)));
    let (available, held) = both.ok_or(Error::Unexpected("get_balance"))?;
    Ok(Answer { available, held, history, retries, refusals, faults })
}

fn compare(load: &Load<'_>, player: usize, answer: &Answer, audit: &mut Audit) {
    let book = &load.players[player].book;
    let Sums { opening, accepted, staked, returned, .. } = book.sums();
    audit.balances_compared += 1;
    audit.retries_compared += answer.retries;
    audit.refusals_checked += answer.refusals;
    let money = &mut audit.money;
    money.opening += opening;
    money.accepted += accepted;
    money.staked += staked;
    money.returned += returned;
    money.available += answer.available;
    money.held += answer.held;
    let faults = book.check(answer.available, answer.held).into_iter().chain(answer.faults.iter().cloned());
    audit.faults.extend(faults.map(|fault| format!("player {player}: {fault}")));
    let minor = |amount: protocol::Amount| amount.to_minor(load.scale).unwrap_or(-1);
    for result in &answer.history {
        audit.results_compared += 1;
        let told = (minor(result.staked), minor(result.returned));
        let known =
            book.result(result.round.number).map(|(staked, returned)| (staked.into(), returned.into()));
        if known != Some(told) {
            let round = result.round;
            audit
                .faults
                .push(format!("player {player}: history has {told:?} for {round}, heard was {known:?}"));
        }
    }
}

/// Checks that no two receipts have the same lsn.
fn receipts_are_unique(load: &Load<'_>, audit: &mut Audit) {
    let mut seen = HashSet::with_capacity(load.lsns.len());
    let twice: Vec<u64> = load.lsns.iter().copied().filter(|lsn| !seen.insert(*lsn)).collect();
    if let Some(first) = twice.first() {
        let count = twice.len();
        audit
            .faults
            .push(format!("{count} receipts share a place in the log with another, the first at {first}"));
    }
}

/// An error with its causes.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
