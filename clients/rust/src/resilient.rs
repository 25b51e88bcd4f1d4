//! A client that comes back by itself and carries each change to a definite outcome with one key.
//!
//! A change is sent with its key until the hub says yes or a final no. Whenever an attempt ended without an
//! answer, the hub is asked first what became of the key: a refusal such as `not_at_table`, met only because the
//! connection is new, must not hide that the first attempt was accepted.

use std::time::Duration;

use protocol::{
    ErrorCode, Key, Reply, Request, Retry, TableId, U53,
    reply::{Failure, KeyOutcome, Receipt},
    request::PlaceBet,
};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    Backoff, Client, Connection, Error, Options, Pushes,
    pushes::{self, PushSink},
};

/// How a [`Resilient`] behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How each connection is made. `resume` is filled in by the client itself.
    pub options: Options,
    /// Limit of the first wait after a failure.
    pub wait_base: Duration,
    /// Limit of any wait.
    pub wait_max: Duration,
    /// Longest time one change may take over all attempts; then its outcome is reported as unknown.
    pub give_up_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            options: Options::default(),
            wait_base: Duration::from_millis(100),
            wait_max: Duration::from_secs(10),
            give_up_after: Duration::from_secs(120),
        }
    }
}

/// The definite outcome of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Carried out, once.
    Accepted(Receipt),
    /// Refused for good; nothing changed.
    Refused {
        /// Why.
        code: ErrorCode,
        /// Why, in words.
        text: String,
    },
}

/// A session that survives its connections.
pub struct Resilient {
    url: String,
    token: String,
    settings: Settings,
    backoff: Backoff,
    sink: PushSink,
    client: Option<Client>,
    tables: Vec<TableId>,
}

/// What one attempt brought.
enum Attempt {
    Definite(Outcome),
    /// Nothing changed; the same request may be sent again after this time.
    Again(Duration),
    /// It may or may not have been carried out.
    Unclear,
}

impl Resilient {
    /// A client that connects when it first needs to. Pushes of all its connections come out of one queue.
    pub fn new(url: &str, token: &str, settings: Settings) -> Result<(Self, Pushes), Error> {
        let (sink, pushes) = pushes::channel(settings.options.pushes_max);
        let backoff = Backoff::new(settings.wait_base, settings.wait_max)?;
        let resilient = Self {
            url: url.to_owned(),
            token: token.to_owned(),
            settings,
            backoff,
            sink,
            client: None,
            tables: Vec::new(),
        };
        Ok((resilient, pushes))
    }

    /// Uses another token from the next connection on.
    pub fn set_token(&mut self, token: &str) {
        self.token = token.to_owned();
    }

    /// The table is joined now and on every later connection.
    pub async fn join_table(&mut self, table: TableId) -> Result<(), Error> {
        let client = self.client().await?;
        client.join_table(table).await?;
        if !self.tables.contains(&table) {
            self.tables.push(table);
        }
        Ok(())
    }

    /// Places bets and does not rest before the outcome is definite.
    ///
    /// Fails when the time is over or the hub does not want this client back; the outcome is then unknown, and
    /// the same call with the same key may be made again at any later time.
    pub async fn place_bet(&mut self, bet: PlaceBet) -> Result<Outcome, Error> {
        self.carry_out(bet.key, Request::PlaceBet(bet)).await
    }

    /// Takes back the bets of a round, like [`Resilient::place_bet`].
    pub async fn clear_bets(&mut self, key: Key, table: TableId, round: u64) -> Result<Outcome, Error> {
        let round = U53::new(round).ok_or(Error::Unexpected("an own round number"))?;
        self.carry_out(key, Request::ClearBets { key, table, round }).await
    }

    /// A connected client, made anew when the last one ended.
    pub async fn client(&mut self) -> Result<Client, Error> {
        let give_up = Instant::now() + self.settings.give_up_after;
        loop {
            match self.connected().await {
                Ok(client) => {
                    self.backoff.succeeded();
                    return Ok(client);
                }
                Err(error) if error.reconnect() && Instant::now() < give_up => {
                    tracing::debug!(%error, "connecting again");
                    self.pause(Duration::ZERO, give_up).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn carry_out(&mut self, key: Key, request: Request) -> Result<Outcome, Error> {
        let give_up = Instant::now() + self.settings.give_up_after;
        let mut unclear = false;
        loop {
            let client = self.client().await?;
            let least = match attempt(&client, key, &request, unclear).await {
                Ok(Attempt::Definite(outcome)) => {
                    self.backoff.succeeded();
                    return Ok(outcome);
                }
                Ok(Attempt::Again(after)) => after,
                Ok(Attempt::Unclear) => {
                    unclear = true;
                    Duration::ZERO
                }
                Err(error) => return Err(error),
            };
            self.pause(least, give_up).await;
            if Instant::now() >= give_up {
                return Err(Error::Timeout(self.settings.give_up_after));
            }
        }
    }

    /// Waits as the backoff says, at least `least`, and never past `give_up`.
    async fn pause(&mut self, least: Duration, give_up: Instant) {
        let wait = least + self.backoff.next_wait();
        sleep(wait.min(give_up.saturating_duration_since(Instant::now()))).await;
    }

    async fn connected(&mut self) -> Result<Client, Error> {
        let mut options = self.settings.options.clone();
        if let Some(last) = &self.client {
            match last.closed() {
                None => return Ok(last.clone()),
                Some(closed) if !closed.reconnect() => return Err(Error::Closed(closed.clone())),
                Some(_) => {}
            }
            options.resume = last.positions();
            if let Some(moment) = last.come_back_at() {
                sleep_until(moment).await;
            }
        }
        let connection = Connection::open(&self.url, options.encoding).await?;
        let client = Client::start(connection, &self.token, options, self.sink.clone()).await?;
        for table in &self.tables {
            match client.join_table(*table).await {
                // Without its place the player can still ask what became of a bet.
                Err(Error::Refused(failure)) if failure.retry == Retry::Never => {
                    tracing::warn!(%table, name = failure.name, "cannot come back to the table");
                }
                joined => drop(joined?),
            }
        }
        self.client = Some(client.clone());
        Ok(client)
    }
}

/// Asks what became of the key if an earlier attempt is `unclear`, then tries, then asks once more if refused.
async fn attempt(client: &Client, key: Key, request: &Request, unclear: bool) -> Result<Attempt, Error> {
    if unclear && let Some(known) = look_up(client, key).await? {
        return Ok(known);
    }
    match try_once(client, request.clone()).await? {
        // The refusal may belong to this attempt alone: the first one may have arrived in between.
        refused @ Attempt::Definite(Outcome::Refused { .. }) if unclear => {
            Ok(look_up(client, key).await?.unwrap_or(refused))
        }
        attempt => Ok(attempt),
    }
}

/// What the hub has recorded under a key; `None` when it knows nothing of it.
async fn look_up(client: &Client, key: Key) -> Result<Option<Attempt>, Error> {
    let definite = |outcome| Ok(Some(Attempt::Definite(outcome)));
    match client.outcome(key).await {
        Ok(KeyOutcome::Accepted { receipt }) => definite(Outcome::Accepted(receipt)),
        Ok(KeyOutcome::Refused { code, name }) => definite(Outcome::Refused { code, text: name }),
        Ok(KeyOutcome::Unknown) => Ok(None),
        Err(error) if error.reconnect() => Ok(Some(Attempt::Unclear)),
        Err(error) => Err(error),
    }
}

async fn try_once(client: &Client, request: Request) -> Result<Attempt, Error> {
    match client.request(request).await {
        Ok(Reply::BetAccepted(receipt) | Reply::BetsCleared(receipt)) => {
            Ok(Attempt::Definite(Outcome::Accepted(receipt)))
        }
        Ok(_) => Err(Error::Unexpected("a change")),
        Err(Error::Refused(failure)) => refused(failure),
        Err(Error::Timeout(_) | Error::Closed(_)) => Ok(Attempt::Unclear),
        Err(error) => Err(error),
    }
}

fn refused(failure: Failure) -> Result<Attempt, Error> {
    match failure.retry {
        Retry::Never => Ok(Attempt::Definite(Outcome::Refused { code: failure.code, text: failure.message })),
        Retry::SameKey => {
            Ok(Attempt::Again(Duration::from_millis(failure.retry_after_ms.unwrap_or_default())))
        }
        Retry::AskOutcome => Ok(Attempt::Unclear),
        Retry::Authenticate => Err(Error::Refused(failure)),
    }
}
