//! A client that reconnects by itself and brings each change to a definite outcome with one key.
//!
//! A change is sent with its key until the hub accepts it or refuses it for good. Whenever an attempt ended without an
//! answer, the hub is asked first what became of the key: a refusal such as `not_at_table`, met only because the
//! connection is new, must not hide that the first attempt was accepted.

use std::{sync::Arc, time::Duration};

use protocol::{
    Code, Key, Reply, Request, Retry, TableId, U53,
    limits::{NamedLimit, SetLimit},
    reply::{Failure, KeyOutcome, Receipt},
    request::{Exclude, PlaceBet},
};
use tokio::time::{sleep, timeout_at};

use crate::{
    Backoff, Client, Connect, Error, Pushes, Settings,
    backoff::moment_after,
    link::{Link, Watcher},
    pushes,
};

/// The definite outcome of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Carried out, once.
    Accepted(Receipt),
    /// Carried out, once, and no money was moved: an exclusion, or a limit.
    Changed {
        /// Place in the log.
        lsn: u64,
    },
    /// Refused for good; nothing changed.
    Refused {
        /// Why.
        code: Code,
        /// Why, in words.
        text: String,
    },
}

/// A session that survives its connections: once made, a connection that ends is made again, at once and without
/// being asked, until this is dropped.
pub struct Resilient {
    link: Arc<Link>,
    /// Started with the first connection.
    watcher: Option<Watcher>,
    /// Waits between the attempts of one change.
    backoff: Backoff,
}

/// What one attempt brought.
enum Attempt {
    Definite(Outcome),
    /// Nothing changed; the same request may be sent again after this time.
    Again(Duration),
    /// It may or may not have been carried out; to be asked not before this time.
    Unclear(Duration),
}

impl Resilient {
    /// A client that connects when it first needs to. Pushes of all its connections come out of one queue.
    pub fn new(url: &str, token: &str, settings: Settings) -> Result<(Self, Pushes), Error> {
        Self::start(url, token, settings, None)
    }

    /// The same over streams of your own, such as TLS; `url` gives host and path of each handshake.
    pub fn with(
        connect: Box<Connect>,
        url: &str,
        token: &str,
        settings: Settings,
    ) -> Result<(Self, Pushes), Error> {
        Self::start(url, token, settings, Some(connect))
    }

    fn start(
        url: &str,
        token: &str,
        settings: Settings,
        connect: Option<Box<Connect>>,
    ) -> Result<(Self, Pushes), Error> {
        let (sink, pushes) = pushes::channel(settings.options.pushes_max);
        let backoff = Backoff::new(settings.wait_base, settings.wait_max)?;
        let link = Arc::new(Link::new(url, token, settings, sink, connect)?);
        Ok((Self { link, watcher: None, backoff }, pushes))
    }

    /// Uses another token from the next connection on.
    pub fn set_token(&mut self, token: &str) {
        self.link.set_token(token);
    }

    /// The table is joined now and on every later connection.
    pub async fn join_table(&mut self, table: TableId) -> Result<(), Error> {
        self.client().await?.join_table(table).await?;
        self.link.come_back_to(table);
        Ok(())
    }

    /// Places bets, and goes on until the outcome is definite.
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

    /// Excludes the player from play, like [`Resilient::place_bet`].
    pub async fn exclude(&mut self, exclude: Exclude) -> Result<Outcome, Error> {
        self.carry_out(exclude.key, Request::Exclude(exclude)).await
    }

    /// Sets a limit, like [`Resilient::place_bet`].
    pub async fn set_limit(&mut self, limit: SetLimit) -> Result<Outcome, Error> {
        self.carry_out(limit.key, Request::SetLimit(limit)).await
    }

    /// Confirms a looser limit, like [`Resilient::place_bet`].
    pub async fn confirm_limit(&mut self, key: Key, limit: NamedLimit) -> Result<Outcome, Error> {
        self.carry_out(key, Request::ConfirmLimit { key, limit }).await
    }

    /// Comes back after a self-exclusion, like [`Resilient::place_bet`].
    pub async fn reinstate(&mut self, key: Key) -> Result<Outcome, Error> {
        self.carry_out(key, Request::Reinstate { key }).await
    }

    /// The player has seen how they play, like [`Resilient::place_bet`].
    pub async fn acknowledge(&mut self, key: Key) -> Result<Outcome, Error> {
        self.carry_out(key, Request::Acknowledge { key }).await
    }

    /// A connected client, made anew when the last one ended. When the time is over: why the last attempt failed.
    pub async fn client(&mut self) -> Result<Client, Error> {
        self.watch();
        let patience = self.link.settings().give_up_after;
        match timeout_at(moment_after(patience), self.link.up()).await {
            Ok(client) => client,
            Err(_) => Err(self.link.take_failure().unwrap_or(Error::Timeout(patience))),
        }
    }

    async fn carry_out(&mut self, key: Key, request: Request) -> Result<Outcome, Error> {
        self.watch();
        let patience = self.link.settings().give_up_after;
        let (link, backoff) = (&self.link, &mut self.backoff);
        backoff.succeeded();
        let work = async {
            let mut unclear = false;
            loop {
                let client = link.up().await?;
                let least = match attempt(&client, key, &request, unclear).await? {
                    Attempt::Definite(outcome) => return Ok(outcome),
                    Attempt::Again(least) => least,
                    Attempt::Unclear(least) => {
                        unclear = true;
                        least
                    }
                };
                sleep(least.saturating_add(backoff.next_wait())).await;
            }
        };
        timeout_at(moment_after(patience), work).await.unwrap_or(Err(Error::Timeout(patience)))
    }

    fn watch(&mut self) {
        self.watcher.get_or_insert_with(|| Watcher::start(self.link.clone()));
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
        Ok(KeyOutcome::Changed { lsn }) => definite(Outcome::Changed { lsn }),
        Ok(KeyOutcome::Refused { code, name }) => definite(Outcome::Refused { code, text: name }),
        Ok(KeyOutcome::Unknown) => Ok(None),
        // An outcome of a later hub: not known to be done or refused.
        Ok(KeyOutcome::Other) => Ok(Some(Attempt::Unclear(Duration::ZERO))),
        Err(error) if error.reconnect() => Ok(Some(Attempt::Unclear(error.not_before()))),
        Err(error) => Err(error),
    }
}

async fn try_once(client: &Client, request: Request) -> Result<Attempt, Error> {
    match client.request(request).await {
        Ok(Reply::BetAccepted(receipt) | Reply::BetsCleared(receipt)) => {
            Ok(Attempt::Definite(Outcome::Accepted(receipt)))
        }
        Ok(Reply::Changed { lsn, .. }) => Ok(Attempt::Definite(Outcome::Changed { lsn })),
        Ok(_) => Err(Error::Unexpected("a change")),
        Err(Error::Refused(failure)) => refused(failure),
        Err(Error::Timeout(_) | Error::Closed(_) | Error::Frame(_)) => Ok(Attempt::Unclear(Duration::ZERO)),
        Err(error) => Err(error),
    }
}

fn refused(failure: Failure) -> Result<Attempt, Error> {
    let least = Duration::from_millis(failure.retry_after_ms.unwrap_or_default());
    match failure.retry {
        Retry::Never => Ok(Attempt::Definite(Outcome::Refused { code: failure.code, text: failure.message })),
        Retry::SameKey => Ok(Attempt::Again(least)),
        Retry::AskOutcome => Ok(Attempt::Unclear(least)),
        Retry::Authenticate => Err(Error::Refused(failure)),
    }
}
