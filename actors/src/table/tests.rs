//! A table with its coordinator, its log and its gate, and a game that fails when it is told to.

use std::{cell::RefCell, rc::Rc, sync::atomic::AtomicU32, time::Duration};

use channels::{Memory, Options};
use engine::{Books, Content, TxId, table::TableState, table::live::BetRequest, table::live::TableConfig};
use games::{BetCode, BetRefused, Described, Face, Game, Outcome, fair};
use protocol::U53;
use socket::Slot;

use super::*;
use crate::{
    admission::{Admission, Bounds},
    coordinator::{Deposit, SharedBooks},
    directory::Entry,
    gate::OutputGate,
    pubsub::MakeBackplane,
    worker::{Mailbox, ToWorker},
};

const PLAYER: PlayerId = PlayerId(7);

/// Roulette that panics over one kind of bet.
struct Fragile(&'static dyn Game);

impl Game for Fragile {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn rules_version(&self) -> u16 {
        self.0.rules_version()
    }
    fn kinds(&self) -> &'static [&'static str] {
        self.0.kinds()
    }
    fn bets(&self) -> u16 {
        self.0.bets()
    }
    fn outcomes(&self) -> u32 {
        self.0.outcomes()
    }
    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused> {
        assert_ne!(kind, "fragile", "this game fails here, on purpose");
        self.0.bet(kind, numbers)
    }
    fn describe(&self, code: BetCode) -> Option<Described> {
        self.0.describe(code)
    }
    fn draw(&self, stream: &mut fair::Stream) -> Outcome {
        self.0.draw(stream)
    }
    fn payout(&self, code: BetCode, stake: i128, outcome: Outcome) -> Option<i128> {
        self.0.payout(code, stake, outcome)
    }
    fn face(&self, outcome: Outcome) -> Option<Face> {
        self.0.face(outcome)
    }
}

struct Rig {
    table: Addr<TableActor>,
    status: Arc<Status>,
    books: SharedBooks,
    mailbox: Mailbox,
    admission: Arc<Admission>,
    directory: Directory,
    _log: tempfile::TempDir,
}

async fn rig() -> Rig {
    let eur = "EUR".parse().expect("a currency");
    let currencies = Currencies::new([(eur, 2)]);
    let (workers, mut mailboxes) = Workers::new(1);
    let directory = Directory::default();
    let make: MakeBackplane = Box::new(|deliver| Rc::new(Memory::new(Options::default(), deliver)));
    let log_epoch = "Ltest".parse().expect("an epoch");
    let pubsub =
        PubSub::new(make, workers.clone(), directory.clone(), currencies.clone(), log_epoch, Arc::default())
            .start();
    let log = tempfile::tempdir().expect("a directory");
    let gate = OutputGate {
        directory: directory.clone(),
        workers: workers.clone(),
        pubsub: pubsub.clone(),
        currencies: currencies.clone(),
    };
    let journal = journal::open(log.path(), journal::Options::default()).expect("a log").start(gate);
    let books: SharedBooks = Rc::new(RefCell::new(Books::default()));
    let metrics = Metrics::default();
    let coordinator = Coordinator::new(books.clone(), journal, currencies.clone(), metrics.clone()).start();
    let amount = "100.00".parse().expect("an amount");
    let deposit = Deposit { service: "test", key: "1".into(), player: PLAYER, currency: eur, amount };
    let paid_in = coordinator.send(deposit).await.expect("alive").expect("a good deposit");
    paid_in.await.expect("on disk");

    let game: &'static dyn Game = Box::leak(Box::new(Fragile(games::GAMES[0])));
    let config = Arc::new(TableConfig {
        name: "Test".into(),
        game: game.name().into(),
        currency: eur,
        scale: 2,
        betting_ms: 60_000,
        locked_ms: 1,
        pause_ms: 60_000,
        limits: vec![(1, 10_000); game.kinds().len()],
        round_max: 10_000,
        seats_max: 2,
        places_max: 2,
    });
    let id = "test".parse().expect("a table id");
    let status = Arc::new(Status::default());
    let context = Arc::new(TableContext {
        coordinator,
        pubsub,
        workers,
        directory: directory.clone(),
        sealer: Sealer::new(&[7; 32]),
        currencies,
        log_epoch,
        metrics,
    });
    let live = LiveTable::new(id, config.clone(), game, TableState::default());
    let table = TableActor::new(live, context, Alarms::start(), status.clone()).start();
    directory.fill(vec![Entry { id, addr: table.clone(), config, status: status.clone() }]);
    let bounds = Bounds {
        in_flight_max: 100,
        in_flight_per_session_max: 100,
        rate_per_second: 1,
        rate_burst: 1,
        sessions_per_player_max: 1,
        channels_per_player_max: 1,
    };
    let admission = Admission::new(bounds);
    Rig { table, status, books, mailbox: mailboxes.remove(0), admission, directory, _log: log }
}

impl Rig {
    fn to(&self, index: u32) -> ReplyTo {
        let session = SessionRef { worker: 0, slot: Slot { index, generation: 0 } };
        let permit = self.admission.admit(&Arc::new(AtomicU32::new(0))).expect("there is room");
        ReplyTo { session, id: U53::from(1), permit }
    }

    fn bet(&self, session: u32, key: &str, kind: &str) {
        let key = key.parse().expect("a key");
        let request = BetRequest {
            id: TxId::of_key(PLAYER, &key),
            content: Content::of(&[kind.as_bytes()]),
            player: PLAYER,
            round: 1,
            bets: vec![(kind.into(), Vec::new(), 500)],
            seed: None,
        };
        let context = BetContext { to: self.to(session), key, clears: false };
        self.table.do_send(Bet { request, context });
    }

    /// The next reply to a session, whatever else the worker is told in between.
    async fn reply(&mut self) -> Reply {
        let waiting = async {
            loop {
                if let ToWorker::Reply { reply, .. } = self.mailbox.next().await {
                    return *reply;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("an answer")
    }

    /// What the player holds in stakes, once it is `expected`.
    async fn held_becomes(&self, expected: i128) {
        let eur = "EUR".parse().expect("a currency");
        let held = || self.books.borrow().domains().balance.funds(PLAYER, eur).map(|funds| funds.held);
        let waiting = async {
            while held() != Some(expected) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the stakes are returned");
    }
}

fn code(reply: &Reply) -> Option<ErrorCode> {
    match reply {
        Reply::Error(failure) => Some(failure.code),
        _ => None,
    }
}

#[actix::test]
async fn a_table_that_panics_is_closed_and_returns_its_stakes() {
    let mut rig = rig().await;
    rig.table.do_send(Join { player: PLAYER, to: rig.to(1) });
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.held_becomes(500).await;
    rig.bet(1, "bad", "fragile");
    rig.held_becomes(0).await;
    rig.bet(1, "late", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableClosed));
    assert_eq!(rig.directory.summaries(1)[0].phase, Phase::Closed);
    rig.books.borrow().check().expect("every invariant holds");
}

#[actix::test]
async fn a_retry_over_another_connection_finds_its_receipt_and_a_stranger_is_refused() {
    let mut rig = rig().await;
    rig.table.do_send(Join { player: PLAYER, to: rig.to(1) });
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("expected the table") };
    assert_eq!((view.phase, view.round), (Phase::Betting, 1), "the answer waits for the round");
    rig.bet(1, "key", "red");
    let first = rig.reply().await;
    assert!(matches!(first, Reply::BetAccepted(_)));
    rig.bet(2, "key", "red");
    assert_eq!(rig.reply().await, first, "the same receipt, though this session never joined");
    rig.bet(2, "other", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::NotAtTable));
    assert_eq!(rig.status.players.load(Relaxed), 1);
}

#[actix::test]
async fn a_full_table_takes_nobody_more() {
    let mut rig = rig().await;
    for session in 1..=2 {
        rig.table.do_send(Join { player: PLAYER, to: rig.to(session) });
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.table.do_send(Join { player: PLAYER, to: rig.to(3) });
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableFull));
    rig.table.do_send(Leave { session: rig.to(1).session });
    rig.table.do_send(Join { player: PLAYER, to: rig.to(3) });
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
}
