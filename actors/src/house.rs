//! The house: starts every actor, bottom up, over a replayed world, and closes the log at the end.
//!
//! Each part is started after the parts that it sends to: inboxes, pubsub, journal, money, tables. Interrupted rounds
//! are woken last.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use actix::{Addr, Arbiter, prelude::*};
use domains::{
    adjustment::Adjustment, balance::Balance, collections::Collections, distributions::Distributions,
    free_play::FreePlay,
};
use engine::{
    Books, Envelope, Fact, World,
    table::{
        TableState, close_orphan,
        live::{LiveTable, TableConfig},
    },
};
use journal::{Condition, Journal, LogRecords, LogWriter};
use protocol::{Channel, TableId};
use tokio::sync::oneshot;

use crate::{
    asides::Asides,
    books::SharedBooks,
    budgets::Budgets,
    clock::{Alarms, now_ms},
    configured::ConfiguredRules,
    coordinator::Coordinator,
    currencies::Currencies,
    domain::DomainActor,
    followers::{read_model::KeptReadModel, scrub::Scrub, state::StateStore},
    gate::OutputGate,
    messages::{money::Origin, output::Output, pubsub::Declare},
    ports::{
        money::MoneyPort,
        table::{Status, Table, TablePort},
    },
    pubsub::{MakeBackplane, PubSub},
    seal::Sealer,
    stored::{Keeper, LatestStored, Stored},
    table::{TableActor, TableContext},
    telemetry::Metrics,
    workers::{Mailbox, Workers},
};

/// How often a house that stops looks whether its log still takes records.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the house is started with.
pub struct Setup {
    /// The log, open and replayed.
    pub log: Box<dyn LogWriter>,
    /// What has the records that were removed from the log as well, if something has: for followers that are far behind.
    pub whole: Option<Arc<dyn LogRecords>>,
    /// The state that replay has made of the log.
    pub world: World,
    /// Facts about this hub that the log does not have yet: recorded before anything else.
    pub facts: Vec<Fact>,
    /// The clock is right although it is far ahead of the log's last record: what is due may be carried out.
    pub accept_clock: bool,
    /// Workers that will run sessions.
    pub workers: u16,
    /// Most bytes of publications that wait at all workers together.
    pub waiting_bytes_max: u64,
    /// Threads for tables, at least one.
    pub table_arbiters: u16,
    /// The budgets for what is recorded under the keys of a player.
    pub budgets: Budgets,
    /// The operator's rules.
    pub rules: ConfiguredRules,
    /// The tables to open.
    pub tables: Vec<(TableId, Arc<TableConfig>)>,
    /// The operator's currencies.
    pub currencies: Currencies,
    /// Makes and opens seeds.
    pub sealer: Sealer,
    /// Makes the backplane.
    pub backplane: MakeBackplane,
    /// The state store, open.
    pub keeper: Keeper,
    /// The state store is committed about every so many records.
    pub commit_every: u64,
    /// The last record that the start has not read.
    pub unread: u64,
    /// Directory of the log, when a read model is to be kept beside it.
    pub read_model: Option<PathBuf>,
}

/// The running actors.
pub struct House {
    /// The way to tables.
    pub tables: TablePort,
    /// The way to money.
    pub money: MoneyPort,
    /// Carries channels.
    pub pubsub: Addr<PubSub>,
    /// The workers' inboxes.
    pub workers: Workers,
    /// The log's writer.
    pub journal: Journal<Output>,
    /// The actors' metrics.
    pub metrics: Metrics,
    /// One table of each table arbiter, to ask whether its thread lives.
    pub table_threads: Vec<TableId>,
    /// Publications dropped because a worker was too slow.
    pub dropped: Arc<AtomicU64>,
    /// Keeps the state store.
    pub state_store: StateStore,
    /// Reads again what the start has not read.
    pub scrub: Scrub,
    /// Keeps the read model; `None` when it is off, or cannot be used.
    pub read_model: Option<KeptReadModel>,
}

/// The house could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An arbiter ended before its actors were there.
    #[error("failed to start the actors of a thread")]
    Arbiter,
    /// A table's game is not in the registry, or not in this version of its rules.
    #[error("failed to open table {table}: there is no game \"{game}\" with version {version} of its rules")]
    NoSuchGame {
        /// The table.
        table: TableId,
        /// Its game.
        game: String,
        /// The version of the game's rules.
        version: u16,
    },
    /// The log already has another value of a fact about this hub.
    #[error("failed to record what the log is to say of this hub")]
    Fact(#[source] Box<engine::ApplyError>),
    /// The thread that reads the state store beside the money thread could not be started.
    #[error(
        "failed to start the thread `hub-aside`, which reads old keys from the state store: the process may have no more \
         threads or memory. Raise its limit of threads (`ulimit -u`, or that of its container), and start again"
    )]
    Asides(#[source] std::io::Error),
    /// A follower's thread could not be started.
    #[error("failed to start a follower of the log")]
    Follower(#[source] std::io::Error),
}

/// The registered games, the newest version of their rules and their bet kinds, against which the configuration is
/// checked.
#[must_use]
pub fn catalogue() -> Vec<(&'static str, u16, &'static [&'static str])> {
    games::GAMES.iter().map(|game| (game.name(), game.rules_version(), game.kinds())).collect()
}

/// The channel epoch of a log: it changes when the log is another one.
#[must_use]
pub fn log_epoch(id: [u8; 16]) -> channels::Epoch {
    let text = format!("L{}", base16ct::lower::encode_string(&id[..10]));
    text.parse().expect("21 letters and digits are an epoch")
}

impl House {
    /// Starts every actor. The mailboxes are for the workers to run.
    ///
    /// # Errors
    /// When a thread or a table cannot be started, or a fact cannot be recorded.
    pub async fn start(setup: Setup) -> Result<(Self, Vec<Mailbox>), Error> {
        let (doubts_clock, clock_fact) = clock(&setup.world.books, setup.accept_clock);
        crate::clock::start_at_least(setup.world.books.time());
        let metrics = Metrics::default();
        let dropped = Arc::new(AtomicU64::new(0));
        let (workers, mailboxes) = Workers::new(setup.workers, setup.waiting_bytes_max);
        let epoch = log_epoch(setup.log.end().lineage.0);
        let tables = TablePort::default();
        let pubsub = {
            let (make, workers, currencies) = (setup.backplane, workers.clone(), setup.currencies.clone());
            let (tables, dropped) = (tables.clone(), dropped.clone());
            PubSub::start_in_arbiter(&Arbiter::new().handle(), move |_| {
                PubSub::new(make, workers, tables, currencies, epoch, dropped)
            })
        };
        let gate = OutputGate {
            tables: tables.clone(),
            workers: workers.clone(),
            pubsub: pubsub.clone(),
            currencies: setup.currencies.clone(),
        };
        let journal = Journal::start(setup.log, journal::Options::default().nice, gate);
        if let Some(whole) = setup.whole {
            journal.read_removed_in(whole);
        }
        let World { mut books, tables: states } = setup.world;
        for fact in clock_fact.into_iter().chain(setup.facts) {
            let record = books.fact_record(fact, now_ms());
            books.apply(&record).map_err(|source| Error::Fact(Box::new(source)))?;
            journal.append(record.encode(), Output::Nothing);
        }
        let latest = LatestStored::default();
        latest.set(setup.keeper.stored());
        let scrub = Scrub::start(journal.clone(), setup.unread, latest.clone()).map_err(Error::Follower)?;
        metrics.tables_unfit(states.values().filter(|state| state.unfit).count());
        let configured: BTreeSet<_> = setup.tables.iter().map(|(table, _)| *table).collect();
        let (mut states, orphans): (BTreeMap<_, _>, BTreeMap<_, _>) =
            states.into_iter().partition(|(table, _)| configured.contains(table));
        let orphans = close_orphans(orphans, &books);
        let asides = Asides::start().map_err(Error::Asides)?;
        let money = MoneySide { journal: &journal, currencies: &setup.currencies, metrics: &metrics, asides };
        let rules = setup.rules.changes(&books);
        let money = money.start(books, setup.budgets, doubts_clock).await?;
        // Before any request: what is decided from now on follows the configuration.
        rules.into_iter().for_each(|envelope| money.submit(envelope, Origin::Nobody));
        let tell = money.clone();
        let committed = move |stored: Stored| {
            latest.set(stored.clone());
            tell.committed(Arc::new(stored));
        };
        let (keeper, every) = (setup.keeper, setup.commit_every);
        let state_store =
            StateStore::start(keeper, journal.clone(), every, committed).map_err(Error::Follower)?;
        let read_model = setup.read_model.and_then(|directory| read_model(&directory, &journal));
        let context = Arc::new(TableContext {
            money: money.clone(),
            pubsub: pubsub.clone(),
            workers: workers.clone(),
            tables: tables.clone(),
            sealer: setup.sealer,
            currencies: setup.currencies,
            log_epoch: epoch,
            log: journal.condition().clone(),
            metrics: metrics.clone(),
        });
        let (started, table_threads) =
            start_tables(setup.tables, &mut states, setup.table_arbiters, &context).await?;
        orphans.into_iter().for_each(|envelope| context.money.submit(envelope, Origin::Nobody));
        let interrupted: Vec<_> =
            started.iter().filter(|(_, open)| *open).map(|(table, _)| table.id()).collect();
        tables.fill(started.into_iter().map(|(table, _)| table).collect());
        interrupted.into_iter().filter_map(|table| tables.get(table)).for_each(Table::wake);
        let house = Self {
            tables,
            money,
            pubsub,
            workers,
            journal,
            metrics,
            table_threads,
            dropped,
            state_store,
            scrub,
            read_model,
        };
        Ok((house, mailboxes))
    }

    /// Puts everything accepted on disk and releases it, then closes the log. Where the log takes no records, what is
    /// left is dropped: it was never answered, and its keys find out. Waits for the disk, however long a write takes, on a
    /// thread of its own: whoever does not want to wait drops the future.
    pub async fn stop(self) {
        tokio::select! {
            durable = self.money.durable() => {
                if let Err(gone) = durable {
                    tracing::error!(gone, "the log is closed without knowing that all of it is on disk");
                }
            }
            // What there is still room for is written when the journal stops.
            () = takes_no_records(self.journal.condition()) => {}
        }
        let Self { scrub, state_store, read_model, journal, .. } = self;
        let (sender, stopped) = oneshot::channel();
        let close = move || {
            drop(scrub);
            drop(state_store);
            drop(read_model);
            journal.stop();
            // Whoever waited may have given up.
            let _ = sender.send(());
        };
        match std::thread::Builder::new().name("hub-stop".into()).spawn(close) {
            Ok(_) => drop(stopped.await),
            Err(error) => {
                tracing::error!(%error, "the log is closed without knowing that all of it is on disk")
            }
        }
    }
}

/// Starts to keep the read model. A hub whose read model cannot be used plays all the same.
fn read_model(directory: &Path, journal: &Journal<Output>) -> Option<KeptReadModel> {
    KeptReadModel::start(directory, journal.clone())
        .inspect_err(
            |error| tracing::error!(%error, "the read model cannot be used; nothing is read from it"),
        )
        .ok()
}

/// Whether the clock is doubted, and the fact to record of it before anything else.
fn clock(books: &Books, accepted: bool) -> (bool, Option<Fact>) {
    let now = crate::clock::time_of_day_ms();
    let doubted = books.doubts_clock(now, accepted);
    if doubted && books.clock_far_ahead(now) {
        tracing::warn!(
            last_record_ms = books.time(),
            now_ms = now,
            "the clock is more than a day ahead of the log's last record: what is due is not carried out. If the clock is \
             right, start again with `hub serve --accept-clock`"
        );
    } else if doubted {
        tracing::warn!(
            last_record_ms = books.time(),
            now_ms = now,
            "an earlier start doubted the clock: what is due is not carried out. If the clock and the times in the log are \
             right, start again with `hub serve --accept-clock`"
        );
    }
    (doubted, books.clock_fact(doubted))
}

/// Waits until the log takes no records.
async fn takes_no_records(log: &Condition) {
    while log.is_ready() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the actors of the money thread have in common besides the books.
struct MoneySide<'a> {
    journal: &'a Journal<Output>,
    currencies: &'a Currencies,
    metrics: &'a Metrics,
    asides: Asides,
}

impl MoneySide<'_> {
    /// Starts the coordinator and the five domains on one thread, around the same books.
    async fn start(self, books: Books, budgets: Budgets, doubts_clock: bool) -> Result<MoneyPort, Error> {
        let (sender, receiver) = oneshot::channel();
        let Self { journal, currencies, metrics, asides } = self;
        let (journal, currencies, metrics) = (journal.clone(), currencies.clone(), metrics.clone());
        Arbiter::new().spawn_fn(move || {
            let books = Rc::new(RefCell::new(books));
            fn domain<M: domains::StateMachine + Unpin + 'static>(
                books: &SharedBooks,
                journal: &Journal<Output>,
                currencies: &Currencies,
                asides: &Asides,
            ) -> Addr<DomainActor<M>> {
                DomainActor::new(books.clone(), journal.clone(), currencies.clone(), asides.clone()).start()
            }
            let balance = domain::<Balance>(&books, &journal, &currencies, &asides);
            let reports = [
                balance.clone().recipient(),
                domain::<Collections>(&books, &journal, &currencies, &asides).recipient(),
                domain::<Distributions>(&books, &journal, &currencies, &asides).recipient(),
                domain::<FreePlay>(&books, &journal, &currencies, &asides).recipient(),
                domain::<Adjustment>(&books, &journal, &currencies, &asides).recipient(),
            ];
            let coordinator = Coordinator::new(books, journal, currencies, metrics, budgets, asides);
            let coordinator =
                if doubts_clock { coordinator.with_doubtful_clock() } else { coordinator }.start();
            // The start waits for this; if it has given up, nothing waits for the port.
            let _ = sender.send(MoneyPort::new(&coordinator, &balance, reports));
        });
        receiver.await.map_err(|_| Error::Arbiter)
    }
}

/// Starts the tables, spread over their arbiters by a hash of their id. Returns each table, and whether its round was
/// interrupted; and one table of each arbiter that has any.
async fn start_tables(
    configured: Vec<(TableId, Arc<TableConfig>)>,
    states: &mut BTreeMap<TableId, TableState>,
    arbiters: u16,
    context: &Arc<TableContext>,
) -> Result<(Vec<(Table, bool)>, Vec<TableId>), Error> {
    let arbiters = usize::from(arbiters.max(1));
    let mut shares: Vec<Vec<LiveTable>> = (0..arbiters).map(|_| Vec::new()).collect();
    for (id, config) in configured {
        let (name, version) = (&*config.rules.game, config.rules.rules_version);
        let game = games::game(name)
            .filter(|game| games::version(*game, version).is_some())
            .ok_or_else(|| Error::NoSuchGame { table: id, game: name.into(), version })?;
        let state = states.remove(&id).unwrap_or_default();
        if state.events > 0 {
            context.pubsub.do_send(Declare { channel: Channel::table(id), offset: state.events });
        }
        let place = id.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        shares[place % arbiters].push(LiveTable::new(id, config, game, state));
    }
    let firsts = shares.iter().filter_map(|share| share.first()).map(LiveTable::id).collect();
    let mut started = Vec::new();
    for share in shares {
        let (sender, receiver) = oneshot::channel();
        let context = context.clone();
        Arbiter::new().spawn_fn(move || {
            let alarms = Alarms::start();
            let start = |live: LiveTable| {
                let status = Arc::new(Status::default());
                let (id, config, open) = (live.id(), live.config().clone(), live.interrupted());
                status.events.store(live.state().events, Relaxed);
                let actor = TableActor::new(live, context.clone(), alarms.clone(), status.clone());
                (Table::new(id, &actor.start(), config, status), open)
            };
            let _ = sender.send(share.into_iter().map(start).collect::<Vec<_>>());
        });
        started.extend(receiver.await.map_err(|_| Error::Arbiter)?);
    }
    started.sort_by_key(|(table, _)| table.id());
    Ok((started, firsts))
}

/// What is to be done with tables that are configured no more: one that a record did not fit is quarantined, and the stakes
/// of an open round go back.
fn close_orphans(states: BTreeMap<TableId, TableState>, books: &Books) -> Vec<Envelope> {
    let close = |(id, state): (TableId, TableState)| {
        if state.unfit {
            tracing::warn!(table = %id, "a table that a record did not fit is not configured; its quarantine is recorded");
        }
        if state.open.is_some() {
            tracing::warn!(table = %id, round = state.round, "a table with an open round is not configured; stakes are returned");
        }
        close_orphan(id, state, books, now_ms())
    };
    states.into_iter().flat_map(close).collect()
}
