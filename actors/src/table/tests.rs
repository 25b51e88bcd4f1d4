//! A table with its coordinator, its log and its gate, and a game that fails when it is told to.

use std::{sync::atomic::AtomicBool, time::Duration};

use engine::{
    Content, TxId,
    table::{OpenRound, TableState, live::BetRequest, live::TableConfig},
};
use games::{BetCode, BetRefused, Described, DrawResult, Face, Game, fair};
use protocol::TableId;

use super::*;
use crate::{
    messages::table::{Bet, GetRounds, Join, Leave, Wake},
    ports::{deposit::Deposit, money::Execution, table::Table},
    rig::{Money, eur, money},
};

const SEED_KEY: [u8; 32] = [7; 32];

const PLAYER: PlayerId = PlayerId(7);

/// Roulette that panics over one kind of bet, and over everything people are shown once it is broken.
struct Fragile {
    rules: &'static dyn Game,
    broken: Arc<AtomicBool>,
}

impl Game for Fragile {
    fn name(&self) -> &'static str {
        self.rules.name()
    }
    fn rules_version(&self) -> u16 {
        self.rules.rules_version()
    }
    fn kinds(&self) -> &'static [&'static str] {
        assert!(!self.broken.load(Relaxed), "this game is broken, on purpose");
        self.rules.kinds()
    }
    fn bets(&self) -> u16 {
        self.rules.bets()
    }
    fn outcomes(&self) -> u32 {
        self.rules.outcomes()
    }
    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused> {
        assert_ne!(kind, "fragile", "this game fails here, on purpose");
        self.rules.bet(kind, numbers)
    }
    fn describe(&self, code: BetCode) -> Option<Described> {
        self.rules.describe(code)
    }
    fn draw(&self, stream: &mut fair::Stream) -> DrawResult {
        self.rules.draw(stream)
    }
    fn payout(&self, code: BetCode, stake: i128, outcome: DrawResult) -> Option<i128> {
        self.rules.payout(code, stake, outcome)
    }
    fn face(&self, outcome: DrawResult) -> Option<Face> {
        self.rules.face(outcome)
    }
}

struct Rig {
    table: Addr<TableActor>,
    status: Arc<Status>,
    money: Money,
    port: MoneyPort,
    broken: Arc<AtomicBool>,
    _log: tempfile::TempDir,
}

async fn rig() -> Rig {
    rig_over(TableState::default()).await
}

fn id() -> TableId {
    "test".parse().expect("a table id")
}

/// A table that goes on from a state, and a player with money.
async fn rig_over(state: TableState) -> Rig {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let amount = "100.00".parse().expect("an amount");
    let deposit = Deposit { service: "test", key: "1".into(), player: PLAYER, currency: eur(), amount };
    let deposit = deposit.envelope(&money.currencies).expect("a good deposit");
    assert!(matches!(port.execute(deposit).await, Execution::Committed(_)));

    let broken = Arc::new(AtomicBool::new(false));
    let game: &'static dyn Game =
        Box::leak(Box::new(Fragile { rules: games::GAMES[0], broken: broken.clone() }));
    let config = Arc::new(TableConfig {
        name: "Test".into(),
        game: game.name().into(),
        currency: eur(),
        scale: 2,
        betting_ms: 60_000,
        locked_ms: 1,
        pause_ms: 60_000,
        limits: vec![(1, 10_000); game.kinds().len()],
        round_max: 10_000,
        seats_max: 2,
        places_max: 2,
    });
    let status = Arc::new(Status::default());
    let context = Arc::new(TableContext {
        money: port.clone(),
        pubsub: money.pubsub.clone(),
        workers: money.workers.clone(),
        tables: money.tables.clone(),
        sealer: Sealer::new(&SEED_KEY),
        currencies: money.currencies.clone(),
        log_epoch: money.log_epoch,
        metrics: money.metrics.clone(),
    });
    let live = LiveTable::new(id(), config.clone(), game, state);
    let table = TableActor::new(live, context, Alarms::start(), status.clone()).start();
    money.tables.fill(vec![Table::new(id(), &table, config, status.clone())]);
    Rig { table, status, money, port, broken, _log: log }
}

impl Rig {
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
        let context = BetContext { to: self.money.to(session), key, clears: false };
        self.table.do_send(Bet { request, context });
    }

    async fn reply(&mut self) -> Reply {
        self.money.reply().await
    }

    fn join(&self, session: u32) {
        self.table.do_send(Join { player: PLAYER, to: self.money.to(session) });
    }

    /// Waits until all that was recorded is on disk, and on its way back to the table.
    async fn settled(&self) {
        self.port.durable().await.expect("on disk");
    }

    /// What the player holds in stakes, once it is `expected`.
    async fn held_becomes(&self, expected: i128) {
        let held =
            || self.money.books.borrow().domains().balance.funds(PLAYER, eur()).map(|funds| funds.held);
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
        Reply::Error(failure) => Some(failure.code.known()?),
        _ => None,
    }
}

#[actix::test]
async fn a_table_that_panics_is_closed_and_returns_its_stakes() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.held_becomes(500).await;
    rig.bet(1, "bad", "fragile");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::Internal), "the bet that did it is answered");
    rig.held_becomes(0).await;
    rig.bet(1, "late", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableClosed));
    assert_eq!(rig.money.tables.summaries(1)[0].phase, Phase::Closed);
    rig.money.books.borrow().check().expect("every invariant holds");
}

#[actix::test]
async fn a_retry_over_another_connection_finds_its_receipt_and_a_stranger_is_refused() {
    let mut rig = rig().await;
    rig.join(1);
    let Reply::Joined { view, .. } = rig.reply().await else { panic!("expected the table") };
    assert_eq!((view.phase, view.round), (Phase::Betting.into(), 1), "the answer waits for the round");
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
        rig.join(session);
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.join(3);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableFull));
    rig.table.do_send(Leave { session: rig.money.to(1).session });
    rig.join(3);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
}

#[actix::test]
async fn whoever_asks_a_broken_table_is_answered() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.broken.store(true, Relaxed);
    for session in [2, 1] {
        rig.join(session);
        assert_eq!(code(&rig.reply().await), Some(ErrorCode::Internal));
    }
    rig.held_becomes(0).await;
    rig.settled().await;
    rig.table.do_send(GetRounds { to: rig.money.to(1) });
    let Reply::TableHistory { rounds, .. } = rig.reply().await else { panic!("the table lives on") };
    assert_eq!(rounds.len(), 1, "its round is void");
    rig.money.books.borrow().check().expect("every invariant holds");
}

/// A round nobody has bet in, locked and due.
fn round_to_settle() -> TableState {
    let round = RoundId { table: id(), number: 1 };
    let (commit, sealed) = Sealer::new(&SEED_KEY).make(round).expect("random bytes");
    let open = OpenRound {
        stage: Stage::Locked { mix: [0; 32] },
        deadline: 1,
        game: games::GAMES[0].name().into(),
        rules: games::GAMES[0].rules_version(),
        currency: eur(),
        commit,
        sealed,
        bets: Default::default(),
    };
    TableState { round: 1, open: Some(Box::new(open)), events: 2, ..TableState::default() }
}

#[actix::test]
async fn a_panic_while_a_step_is_under_way_sends_no_second_one_behind_it() {
    let mut rig = rig_over(round_to_settle()).await;
    let before = rig.money.books.borrow().lsn();
    rig.broken.store(true, Relaxed);
    // Both are in the mailbox before the settlement can have come back.
    rig.table.do_send(Wake);
    rig.join(1);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::Internal));
    rig.settled().await;
    rig.table.do_send(GetRounds { to: rig.money.to(1) });
    let Reply::TableHistory { rounds, .. } = rig.reply().await else { panic!("the table lives on") };
    assert!(matches!(&rounds[..], [past] if past.outcome.is_some()), "the settlement stands: {rounds:?}");
    assert_eq!(rig.money.books.borrow().lsn(), before + 1, "and nothing came behind it");
}
