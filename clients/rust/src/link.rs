//! A session's connection, made again whenever it ends.
//!
//! One attempt runs at a time, under one lock. The watcher notices the end of a connection by itself, so that a
//! listener receives pushes also when no request is made. Waits grow from attempt to attempt until a connection has
//! lasted; none is longer than [`Settings::give_up_after`](crate::Settings), whatever a hub asks for, plus the
//! backoff's.

use std::sync::{Arc, Mutex};

use protocol::{Retry, TableId, request::Since};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::{
    Backoff, Client, Closed, Connect, Connection, Error, Settings, backoff::moment_after, pushes::PushSink,
    serve::lock,
};

pub(crate) struct Link {
    url: String,
    connect: Option<Box<Connect>>,
    settings: Settings,
    sink: PushSink,
    token: Mutex<String>,
    /// Joined on every connection.
    tables: Mutex<Vec<TableId>>,
    /// Why the last attempt failed.
    failure: Mutex<Option<Error>>,
    /// The newest connection, for the watcher.
    newest: watch::Sender<Option<Client>>,
    state: tokio::sync::Mutex<State>,
}

struct State {
    client: Option<Client>,
    since: Instant,
    /// Positions to go on from, of a connection that has ended.
    resume: Vec<Since>,
    /// Tables that the connection has not come back to yet.
    unjoined: Vec<TableId>,
    /// How the hub closed for good, and the token to which that applies.
    unwanted: Option<(Closed, String)>,
    /// The last answer to hello could not be read: the next hello resumes nothing, in case a resumed channel is the
    /// cause.
    unheard: bool,
    backoff: Backoff,
    /// No attempt before this.
    not_before: Instant,
}

impl Link {
    pub fn new(
        url: &str,
        token: &str,
        settings: Settings,
        sink: PushSink,
        connect: Option<Box<Connect>>,
    ) -> Result<Self, Error> {
        let state = State {
            client: None,
            since: Instant::now(),
            resume: settings.options.resume.clone(),
            unjoined: Vec::new(),
            unwanted: None,
            unheard: false,
            backoff: Backoff::new(settings.wait_base, settings.wait_max)?,
            not_before: Instant::now(),
        };
        Ok(Self {
            url: url.to_owned(),
            connect,
            settings,
            sink,
            token: Mutex::new(token.to_owned()),
            tables: Mutex::default(),
            failure: Mutex::default(),
            newest: watch::Sender::new(None),
            state: tokio::sync::Mutex::new(state),
        })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut lock(&self.token));
    }

    /// The table is joined on every later connection.
    pub fn come_back_to(&self, table: TableId) {
        let mut tables = lock(&self.tables);
        if !tables.contains(&table) {
            tables.push(table);
        }
    }

    /// Why the last attempt failed, if it did; told once.
    pub fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }

    /// A connected client that has come back to its tables. Tries until it has one, or an error that another attempt
    /// cannot solve. May be dropped at any point.
    pub async fn up(&self) -> Result<Client, Error> {
        let mut state = self.state.lock().await;
        loop {
            match self.attempt(&mut state).await {
                Ok(client) => {
                    lock(&self.failure).take();
                    return Ok(client);
                }
                Err(error) => {
                    self.failed(&mut state, &error);
                    if !error.reconnect() {
                        return Err(error);
                    }
                    tracing::debug!(%error, "connecting again");
                    *lock(&self.failure) = Some(error);
                }
            }
        }
    }

    async fn attempt(&self, state: &mut State) -> Result<Client, Error> {
        if let Some(client) = &state.client {
            match client.closed() {
                Some(closed) => return Err(Error::Closed(closed.clone())),
                None if state.unjoined.is_empty() => return Ok(client.clone()),
                None => {}
            }
        }
        sleep_until(state.not_before).await;
        let client = match &state.client {
            Some(client) => client.clone(),
            None => self.connect(state).await?,
        };
        self.rejoin(&client, &mut state.unjoined).await?;
        self.newest.send_replace(Some(client.clone()));
        Ok(client)
    }

    /// From the welcome on, the new connection's positions are the ones to go on from: what was missed has been
    /// handed on, whatever fails after it.
    async fn connect(&self, state: &mut State) -> Result<Client, Error> {
        let token = lock(&self.token).clone();
        if let Some((closed, refused)) = &state.unwanted
            && *refused == token
        {
            return Err(Error::Closed(closed.clone()));
        }
        let mut options = self.settings.options.clone();
        options.resume.clone_from(&state.resume);
        let connection = match &self.connect {
            None => Connection::open(&self.url, options.encoding).await?,
            Some(connect) => Connection::by(connect, &self.url, options.encoding).await?,
        };
        let resuming = !state.unheard;
        let client = Client::start(connection, &token, options, self.sink.clone(), resuming).await;
        state.unheard = matches!(client, Err(Error::Frame(_) | Error::Timeout(_)));
        let client = client?;
        state.unjoined.clone_from(&lock(&self.tables));
        (state.since, state.unwanted) = (Instant::now(), None);
        state.client = Some(client.clone());
        Ok(client)
    }

    async fn rejoin(&self, client: &Client, unjoined: &mut Vec<TableId>) -> Result<(), Error> {
        while let Some(table) = unjoined.first().copied() {
            match client.join_table(table).await {
                Ok(_) => {}
                // Without its place the player can still ask what became of a bet.
                Err(Error::Refused(failure)) if failure.retry == Retry::Never => {
                    tracing::warn!(%table, name = failure.name, "cannot come back to the table");
                }
                Err(Error::Frame(error)) => tracing::warn!(%table, %error, "the table's view cannot be read"),
                Err(error) => return Err(error),
            }
            unjoined.remove(0);
        }
        Ok(())
    }

    /// Records a failed attempt, and when the next one may be made.
    fn failed(&self, state: &mut State, error: &Error) {
        let mut least = error.not_before();
        let ended = state.client.take_if(|client| client.closed().is_some());
        if let Some(client) = ended {
            state.resume = client.positions();
            if let Some(moment) = client.come_back_at() {
                least = least.max(moment.saturating_duration_since(Instant::now()));
            }
            // Only a connection that has lasted starts the waits afresh: a hub may send a welcome and then close.
            if state.since.elapsed() >= self.settings.wait_max {
                state.backoff.succeeded();
            }
            if let Some(closed) = client.closed().filter(|closed| !closed.reconnect()) {
                state.unwanted = Some((closed.clone(), lock(&self.token).clone()));
            }
        }
        let least = least.min(self.settings.give_up_after);
        state.not_before = moment_after(least.saturating_add(state.backoff.next_wait()));
    }
}

/// Comes back whenever a connection ends. Ends when dropped.
pub(crate) struct Watcher(JoinHandle<()>);

impl Watcher {
    /// Watches from now on; needs a runtime.
    pub fn start(link: Arc<Link>) -> Self {
        Self(tokio::spawn(watch(link)))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(link: Arc<Link>) {
    let mut newest = link.newest.subscribe();
    loop {
        let client = newest.borrow_and_update().clone();
        if let Some(client) = client {
            client.ended().await;
            match link.up().await {
                Ok(_) => continue,
                Err(error) => link.sink.stopped(error.closing()).await,
            }
        }
        // The sender lives as long as the link, which is ours.
        if newest.changed().await.is_err() {
            return;
        }
    }
}
