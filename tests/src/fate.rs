//! What became of changes: the hub's answers, and whether they still stand.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use fastrand::Rng;
use hub_client::{Client, Error};
use protocol::{
    ErrorCode, Key, Reply, Request,
    reply::{KeyOutcome, Receipt},
};
use tokio::sync::watch;

use crate::{player::Account, soon};

/// The outcome of a change, as the hub has told it.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It was carried out.
    Accepted(Receipt),
    /// It was refused for good.
    Refused(ErrorCode),
}

/// Every answer that the hub has given, to all players of a test. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    all: Arc<Mutex<Vec<Answer>>>,
    accepted: watch::Sender<u64>,
}

#[derive(Debug, Clone)]
struct Answer {
    account: Account,
    request: Request,
    fate: Fate,
}

/// What became of answers that were given before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Answers that were looked at.
    pub asked: u64,
    /// Those of which the hub knows nothing any more.
    pub lost: u64,
    /// Those that have another outcome now, or get another answer to a retry.
    pub doubled: u64,
}

impl Answers {
    /// How many changes were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> watch::Receiver<u64> {
        self.accepted.subscribe()
    }

    /// Notes an answer.
    pub fn note(&self, account: &Account, request: &Request, fate: &Fate) {
        let answer = Answer { account: account.clone(), request: request.clone(), fate: fate.clone() };
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        if matches!(fate, Fate::Accepted(_)) {
            self.accepted.send_modify(|count| *count += 1);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The last record that somebody was told of.
    #[must_use]
    pub fn last(&self) -> u64 {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let lsn = |answer: &Answer| match &answer.fate {
            Fate::Accepted(receipt) => receipt.lsn,
            Fate::Refused(_) => 0,
        };
        all.iter().map(lsn).max().unwrap_or_default()
    }

    /// Asks the hub for the outcomes of all answers from one on, and of a few before it, and repeats each request. Each has
    /// an answer soon, or the hub has died, which is the error.
    pub async fn still_stand(
        &self,
        hub: SocketAddr,
        from: usize,
        random: &mut Rng,
    ) -> Result<Standing, Error> {
        const OLDER: usize = 20;
        let chosen = {
            let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            let older = (0..OLDER.min(from)).map(|_| random.usize(..from));
            older.chain(from..all.len()).map(|at| all[at].clone()).collect::<Vec<_>>()
        };
        let mut players: Vec<&Account> = chosen.iter().map(|answer| &answer.account).collect();
        players.sort_by_key(|account| account.player);
        players.dedup_by_key(|account| account.player);
        let mut standing = Standing::default();
        for account in players {
            let mut session = soon("a session", account.try_connect(hub, Vec::new())).await?;
            let client = session.client.clone();
            for answer in chosen.iter().filter(|answer| answer.account.player == account.player) {
                let key = key(&answer.request);
                standing.asked += 1;
                let outcome = soon("the outcome of a key", session.alive(client.outcome(key)));
                match recorded(outcome.await?) {
                    None => standing.lost += 1,
                    Some(fate) if fate != answer.fate => standing.doubled += 1,
                    Some(_) => {
                        let again = session.alive(retry(&client, answer.request.clone()));
                        let again = soon("the answer to a repeated request", again).await?;
                        standing.doubled += u64::from(again != answer.fate);
                    }
                }
            }
        }
        Ok(standing)
    }
}

fn key(request: &Request) -> Key {
    match request {
        Request::PlaceBet(bet) => bet.key,
        Request::ClearBets { key, .. } => *key,
        request => unreachable!("no bettor sends {request:?}"),
    }
}

/// Asks what became of a key, then retries it: both must say the same.
pub async fn clear_up(client: &Client, key: Key, request: Request) -> Result<Fate, Error> {
    let recorded = recorded(soon("the outcome of a key", client.outcome(key)).await?);
    let retried = soon("a definite answer to a retry", retry(client, request)).await?;
    if let Some(recorded) = recorded {
        assert_eq!(retried, recorded, "{key}: the retry got another answer than the first attempt");
    }
    Ok(retried)
}

/// Asks again, with the same key, until the answer is definite.
pub async fn retry(client: &Client, request: Request) -> Result<Fate, Error> {
    loop {
        if let Some(fate) = fate(client.request(request.clone()).await)? {
            return Ok(fate);
        }
        tokio::time::sleep(crate::LOOK_EVERY).await;
    }
}

/// Reads an answer to a change; `None` when the request may be repeated later.
pub fn fate(result: Result<Reply, Error>) -> Result<Option<Fate>, Error> {
    match result {
        Ok(Reply::BetAccepted(receipt) | Reply::BetsCleared(receipt)) => Ok(Some(Fate::Accepted(receipt))),
        Err(Error::Refused(failure)) if failure.retry == protocol::Retry::SameKey => Ok(None),
        Err(Error::Refused(failure)) if failure.retry == protocol::Retry::Never => {
            Ok(Some(Fate::Refused(failure.code.known().expect("a code of this hub"))))
        }
        Err(error) => Err(error),
        Ok(other) => panic!("a change was answered with {other:?}"),
    }
}

/// Reads what is recorded for a key; `None` when that is nothing.
#[must_use]
pub fn recorded(outcome: KeyOutcome) -> Option<Fate> {
    match outcome {
        KeyOutcome::Accepted { receipt } => Some(Fate::Accepted(receipt)),
        KeyOutcome::Refused { code, .. } => Some(Fate::Refused(code.known().expect("a code of this hub"))),
        KeyOutcome::Changed { .. } => panic!("no bet has such an outcome"),
        KeyOutcome::Unknown => None,
        KeyOutcome::Other => panic!("no status of this hub"),
    }
}
