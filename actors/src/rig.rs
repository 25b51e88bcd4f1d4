//! For the tests of this room: the money side with its log, its gate and one worker's inbox, on the test's own thread.

use std::{
    cell::RefCell,
    path::Path,
    rc::Rc,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use actix::prelude::*;
use channels::{Memory, Options};
use domains::balance::Balance;
use engine::{
    Books, LogVerifier, Record,
    table::{Grounds, TableAsked, TableRequest},
};
use journal::{Journal, Lsn, Reader};
use protocol::{Currency, Reply, U53};
use socket::Slot;

use crate::{
    admission::{Admission, Bounds},
    asides::Asides,
    books::SharedBooks,
    budgets::{Budget, Budgets},
    coordinator::Coordinator,
    currencies::Currencies,
    domain::DomainActor,
    gate::OutputGate,
    messages::{
        output::Output,
        pubsub::NotFollowed,
        reply::{ReplyTo, SessionRef},
        worker::ToWorker,
    },
    ports::{money::MoneyPort, table::TablePort},
    pubsub::{MakeBackplane, PubSub},
    telemetry::Metrics,
    workers::{Mailbox, Workers},
};

/// Everything below the tables, over a log of its own.
pub struct Money {
    pub books: SharedBooks,
    pub journal: Journal<Output>,
    pub currencies: Currencies,
    pub metrics: Metrics,
    pub tables: TablePort,
    pub workers: Workers,
    pub pubsub: Addr<PubSub>,
    pub log_epoch: channels::Epoch,
    mailbox: Mailbox,
    admission: Arc<Admission>,
    pub asides: Asides,
}

/// Room for four recorded refusals of a player, and for four keys of bets that are taken back.
pub const BUDGETS: Budgets = Budgets {
    refused: Budget { bytes_per_second: 1, burst_bytes: 2_048 },
    cleared: Budget { bytes_per_second: 1, burst_bytes: 4_096 },
};

pub fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// Permits for any test.
pub fn admission() -> Arc<Admission> {
    let bounds = Bounds {
        in_flight_max: 100,
        in_flight_per_session_max: 100,
        rate_per_second: 1,
        rate_burst: 1,
        sessions_per_player_max: 1,
        channels_per_player_max: 1,
    };
    Admission::new(bounds, journal::Condition::always_ready())
}

/// The money side over a new log in `directory`.
pub fn money(directory: &Path) -> Money {
    let currencies = Currencies::new([(eur(), 2)]);
    let (workers, mut mailboxes) = Workers::new(1, 1 << 20);
    let tables = TablePort::default();
    let make: MakeBackplane = Box::new(|deliver| Rc::new(Memory::new(Options::default(), deliver)));
    let log_epoch = "Ltest".parse().expect("an epoch");
    let pubsub =
        PubSub::new(make, workers.clone(), tables.clone(), currencies.clone(), log_epoch, Arc::default())
            .start();
    let gate = OutputGate {
        tables: tables.clone(),
        workers: workers.clone(),
        pubsub: pubsub.clone(),
        currencies: currencies.clone(),
    };
    Money {
        books: Rc::new(RefCell::new(Books::default())),
        journal: journal::open(directory, journal::Options::default()).expect("a log").start(gate),
        currencies,
        metrics: Metrics::default(),
        tables,
        workers,
        pubsub,
        log_epoch,
        mailbox: mailboxes.remove(0),
        admission: admission(),
        asides: Asides::start().expect("a thread"),
    }
}

impl Money {
    /// A coordinator that carries nothing out by itself: some tests hold the books, and a look at them would panic.
    pub fn coordinator(&self) -> Coordinator {
        let (currencies, metrics) = (self.currencies.clone(), self.metrics.clone());
        let (books, journal, asides) = (self.books.clone(), self.journal.clone(), self.asides.clone());
        Coordinator::new(books, journal, currencies, metrics, BUDGETS, asides).with_doubtful_clock()
    }

    /// The way to this money, its actors on the test's own thread.
    pub fn port(&self) -> MoneyPort {
        let balance = self.domain::<Balance>().start();
        let reports = std::array::from_fn(|_| balance.clone().recipient());
        MoneyPort::new(&self.coordinator().start(), &balance, reports)
    }

    /// The actor of a domain.
    pub fn domain<M: domains::StateMachine + Unpin + 'static>(&self) -> DomainActor<M> {
        let (books, journal, currencies) =
            (self.books.clone(), self.journal.clone(), self.currencies.clone());
        DomainActor::new(books, journal, currencies, self.asides.clone())
    }

    /// A session of the worker, with a permit.
    pub fn to(&self, index: u32) -> ReplyTo {
        let session = SessionRef { worker: 0, slot: Slot { index, generation: 0 } };
        let permit = self.admission.admit(&Arc::new(AtomicU32::new(0))).expect("there is room");
        ReplyTo { session, id: U53::from(1), permit }
    }

    /// The next reply to a session, whatever else the worker is told in between.
    pub async fn reply(&mut self) -> Reply {
        let waiting = async {
            loop {
                if let ToWorker::Reply { reply, .. } = self.mailbox.next().await {
                    return *reply;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("an answer")
    }
}

/// A request that a table refuses with [`ErrorCode::BetsClosed`](protocol::ErrorCode::BetsClosed): it has no round.
pub fn refused() -> Option<Box<TableRequest>> {
    let table = "no-round".parse().expect("a table id");
    let (asked, grounds) = (TableAsked::Clearing, Grounds::Log);
    Some(Box::new(TableRequest { table, round: 1, arrived: 0, asked, grounds }))
}

/// The records of a log, each proven.
pub fn records(directory: &Path) -> Vec<Record> {
    let mut reader = Reader::open(directory, Lsn(0)).expect("a log");
    let mut verifier = LogVerifier::default();
    let mut records = Vec::new();
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        records.push(verifier.next(entry.bytes).expect("an honest record"));
    }
    verifier.check().expect("every invariant holds");
    records
}

/// A session that hears which of its channels it does not follow.
#[derive(Default)]
pub struct Listener(Vec<NotFollowed>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<NotFollowed> for Listener {
    type Result = ();

    fn handle(&mut self, refused: NotFollowed, _: &mut Context<Self>) {
        self.0.push(refused);
    }
}

/// Asks what a session has heard.
#[derive(Message)]
#[rtype(result = "Vec<NotFollowed>")]
pub struct GetNotFollowed;

impl Handler<GetNotFollowed> for Listener {
    type Result = MessageResult<GetNotFollowed>;

    fn handle(&mut self, _: GetNotFollowed, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.0.clone())
    }
}
