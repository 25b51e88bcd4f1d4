//! A table with its coordinator, its log and its gate, and a game that fails when it is told to.

mod fragile;
mod no_records;

use std::{sync::atomic::AtomicBool, time::Duration};

use engine::{
    Content, TxId, TxResult, Verdict,
    table::{
        OpenRound, TableState, VoidReason,
        live::{BetLimits, BetRequest, ClearRequest, TableConfig, TableRules},
    },
};
use fragile::Fragile;
use games::Game;
use protocol::TableId;

use super::*;
use crate::{
    messages::{
        money::{GetOutcome, Origin},
        reply::BetContext,
        table::{AskOutcome, Bet, Clear, Finished, GetRounds, Join, NoPlace, Wake},
    },
    ports::{deposit::DepositReport, money::Execution, table::Table},
    rig::{Money, eur, money, records},
};

const SEED_KEY: [u8; 32] = [7; 32];

const PLAYER: PlayerId = PlayerId(7);

struct Rig {
    table: Addr<TableActor>,
    status: Arc<Status>,
    money: Money,
    port: MoneyPort,
    broken: Arc<AtomicBool>,
    refused: Addr<Refused>,
    _log: tempfile::TempDir,
}

/// A session that keeps which of its joins are refused.
#[derive(Default)]
struct Refused(Vec<NoPlace>);

impl Actor for Refused {
    type Context = Context<Self>;
}

impl Handler<NoPlace> for Refused {
    type Result = ();

    fn handle(&mut self, refused: NoPlace, _: &mut Context<Self>) {
        self.0.push(refused);
    }
}

/// Asks what a session has heard.
#[derive(Message)]
#[rtype(result = "Vec<NoPlace>")]
struct Heard;

impl Handler<Heard> for Refused {
    type Result = MessageResult<Heard>;

    fn handle(&mut self, _: Heard, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.0.clone())
    }
}

async fn rig() -> Rig {
    rig_over(TableState::default()).await
}

fn id() -> TableId {
    "test".parse().expect("a table id")
}

/// A table that goes on from a state, and a player with money.
async fn rig_over(state: TableState) -> Rig {
    rig_with(state, journal::Condition::always_ready()).await
}

/// The same over a log that takes records or not.
async fn rig_with(state: TableState, condition: journal::Condition) -> Rig {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let amount = "100.00".parse().expect("an amount");
    let deposit = DepositReport { service: "test", key: "1".into(), player: PLAYER, currency: eur(), amount };
    let deposit = deposit.envelope(&money.currencies).expect("a good deposit");
    assert!(matches!(port.execute("test", deposit).await, Execution::Committed(_)));

    let broken = Arc::new(AtomicBool::new(false));
    let game: &'static dyn Game =
        Box::leak(Box::new(Fragile { rules: games::GAMES[0], broken: broken.clone() }));
    let config = Arc::new(TableConfig {
        name: "Test".into(),
        rules: TableRules {
            game: game.name().into(),
            rules_version: game.rules_version(),
            currency: eur(),
            scale: 2,
            betting_ms: 60_000,
            locked_ms: 1,
            pause_ms: 60_000,
            limits: vec![BetLimits { stake_min: 1, spot_max: 10_000 }; game.kinds().len()],
            round_max: 10_000,
            seats_max: 2,
        },
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
        log: condition,
        metrics: money.metrics.clone(),
    });
    let live = LiveTable::new(id(), config.clone(), game, state);
    let table = TableActor::new(live, context, Alarms::start(), status.clone()).start();
    money.tables.fill(vec![Table::new(id(), &table, config, status.clone())]);
    Rig { table, status, money, port, broken, refused: Refused::default().start(), _log: log }
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
            share: None,
        };
        let context = BetContext { to: self.money.to(session), player: PLAYER, key, clears: false };
        self.table.do_send(Bet { request, context });
    }

    fn clear(&self, session: u32, key: &str) {
        let key = key.parse().expect("a key");
        let (id, content) = (TxId::of_key(PLAYER, &key), Content::of(&[b"clear"]));
        let request = ClearRequest { id, content, player: PLAYER, round: 1 };
        let context = BetContext { to: self.money.to(session), player: PLAYER, key, clears: true };
        self.table.do_send(Clear { request, context });
    }

    async fn reply(&mut self) -> Reply {
        self.money.reply().await
    }

    /// A session of a player of its own comes; the player with the money has session 1 and 2.
    fn join(&self, session: u32) {
        let player = if session <= 2 { PLAYER } else { PlayerId(session.into()) };
        let refused = self.refused.clone().recipient();
        // By the port, as a session does: the port is where a bounded send would change the order.
        self.way().join(Join { player, to: self.money.to(session), join: session.into(), refused });
    }

    /// A session leaves.
    fn leave(&self, session: u32) {
        self.way().leave(self.money.to(session).session);
    }

    /// The way of sessions to the table.
    fn way(&self) -> &Table {
        self.money.tables.get(id()).expect("the table is in the port")
    }

    /// Waits until all that was recorded is on disk, and on its way back to the table.
    async fn settled(&self) {
        self.port.durable().await.expect("on disk");
    }

    /// What the player holds in stakes, once it is `expected`.
    async fn held_becomes(&self, expected: i128) {
        let held =
            || self.money.books.borrow().domains().balance.funds(PLAYER, eur()).map(|funds| funds.held);
        until("the stakes", || held() == Some(expected)).await;
    }
}

/// Lets the actors work until `condition` holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect(what);
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

/// The table legs of the log, once the log is closed.
fn legs(rig: &Rig) -> Vec<TableLeg> {
    rig.money.journal.stop();
    let leg = |record: engine::Record| match record.body {
        engine::Body::Committed(committed) => committed.table.map(|(_, leg)| leg),
        engine::Body::Refused { .. } | engine::Body::Digest(_) | engine::Body::Fact(_) => None,
    };
    records(rig._log.path()).into_iter().filter_map(leg).collect()
}

#[actix::test]
async fn a_table_that_a_record_does_not_fit_records_its_quarantine_and_returns_its_stakes() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "good", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    let unfit = TableLeg::Locked { round: 1, deadline: 0, staked: 1, mix: [0; 32] };
    let result = TxResult { id: TxId(1), time: 1, leg: Some(unfit), verdict: Verdict::Done };
    rig.table.do_send(Finished { result, request: None });
    rig.held_becomes(0).await;
    rig.settled().await;
    rig.bet(1, "late", "red");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableClosed));
    rig.money.books.borrow().check().expect("every invariant holds");
    match &legs(&rig)[..] {
        [.., TableLeg::Quarantined { state }, TableLeg::Voided { reason: VoidReason::Fault, .. }] => {
            let staked = state.open.as_ref().map(|open| open.bets.staked());
            assert_eq!(staked, Some(500), "the bets whose stakes are held are recorded");
        }
        other => panic!("no quarantine: {other:?}"),
    }
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
async fn a_full_table_takes_nobody_more_and_its_session_hears_it_first() {
    let mut rig = rig().await;
    for session in 3..=4 {
        rig.join(session);
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.join(5);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableFull));
    let heard = rig.refused.send(Heard).await.expect("alive");
    assert_eq!(heard, [NoPlace { table: id(), join: 5 }]);
    rig.leave(3);
    rig.join(5);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
}

#[actix::test]
async fn a_player_with_bets_comes_back_to_a_full_table_and_takes_them_back() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "bet", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    rig.join(3);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.join(4);
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::TableFull));
    // The player's first session still counts as connected; then it has left.
    for session in 2..=3 {
        if session == 3 {
            rig.leave(1);
            rig.leave(2);
        }
        rig.join(2);
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    let key: protocol::Key = "clear".parse().expect("a key");
    let (id, content) = (TxId::of_key(PLAYER, &key), Content::of(&[b"clear"]));
    let request = engine::table::live::ClearRequest { id, content, player: PLAYER, round: 1 };
    let context = BetContext { to: rig.money.to(2), player: PLAYER, key, clears: true };
    rig.table.do_send(crate::messages::table::Clear { request, context });
    assert!(matches!(rig.reply().await, Reply::BetsCleared(_)));
}

#[actix::test]
async fn joins_and_leaves_arrive_in_the_order_they_were_sent_however_many_wait() {
    let mut rig = rig().await;
    // More messages than a mailbox of actix holds, sent before the table handles any.
    for _ in 0..40 {
        rig.join(1);
        rig.leave(1);
    }
    for _ in 0..40 {
        assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    }
    rig.settled().await;
    assert_eq!(rig.status.players.load(Relaxed), 0, "nobody sits there for ever");
}

#[actix::test]
async fn what_is_parked_is_answered_in_order_and_a_question_waits_for_it() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    // 5.00 each of a maximum of 100.00 on the spot and in the round: the 21st can only be refused.
    for number in 0..20 {
        rig.bet(1, &format!("k{number}"), "red");
    }
    rig.bet(1, "above", "red");
    let ask = GetOutcome { player: PLAYER, key: "above".parse().expect("a key"), to: rig.money.to(1) };
    rig.table.do_send(AskOutcome { tables: Vec::new(), ask });
    for _ in 0..20 {
        assert!(matches!(rig.reply().await, Reply::BetAccepted(_)));
    }
    // The refusal comes back through the table, the outcome does not: either may be first.
    for _ in 0..2 {
        match rig.reply().await {
            Reply::Outcome { outcome, .. } => {
                assert!(matches!(outcome, protocol::reply::KeyOutcome::Refused { .. }), "{outcome:?}");
            }
            reply => assert_eq!(code(&reply), Some(ErrorCode::AboveLimit)),
        }
    }
}

#[actix::test]
async fn what_depends_on_the_request_alone_is_answered_and_its_key_stays_free() {
    let mut rig = rig().await;
    let before = rig.money.books.borrow().keys();
    for kind in ["red", "no such bet"] {
        rig.bet(1, "key", kind);
        let Reply::Error(failure) = rig.reply().await else { panic!("nobody has joined") };
        assert_eq!((failure.code, failure.is_final), (ErrorCode::NotAtTable.into(), Some(false)));
    }
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    rig.bet(1, "key", "no such bet");
    assert_eq!(code(&rig.reply().await), Some(ErrorCode::UnknownBet));
    assert_eq!(rig.money.books.borrow().keys(), before, "nothing is recorded");
    rig.bet(1, "key", "red");
    let first = rig.reply().await;
    assert!(matches!(first, Reply::BetAccepted(_)));
    rig.bet(2, "key", "red");
    assert_eq!(rig.reply().await, first, "a known outcome wins, though session 2 never joined");
}

#[actix::test]
async fn refusals_above_the_budget_are_answered_and_not_recorded() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    let envelope = |number: u64| engine::Envelope::Refuse {
        principal: engine::Principal::HUB,
        id: TxId(number.into()),
        content: Content(1),
        code: ErrorCode::BetsClosed,
        request: crate::rig::refused(),
    };
    let before = rig.money.books.borrow().keys();
    let mut limited = 0;
    for number in 0..10 {
        let key = "key".parse().expect("a key");
        let context = BetContext { to: rig.money.to(1), player: PLAYER, key, clears: false };
        rig.port.submit(envelope(number), Origin::Session(context));
        let Reply::Error(failure) = rig.reply().await else { panic!("it is refused") };
        match failure.code.known() {
            Some(ErrorCode::BetsClosed) => assert_eq!(limited, 0),
            Some(ErrorCode::RateLimited) => {
                assert!(failure.retry_after_ms.is_some_and(|wait_ms| wait_ms <= 512_000));
                limited += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((rig.money.books.borrow().keys(), limited), (before + 4, 6));
    rig.bet(1, "bet", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)), "whoever is not refused is not touched");
    let known = engine::Envelope::Refuse {
        id: TxId(0),
        principal: engine::Principal::HUB,
        content: Content(1),
        code: ErrorCode::BetsClosed,
        request: crate::rig::refused(),
    };
    assert_eq!(
        rig.port.execute("test", known).await,
        Execution::Rejected(ErrorCode::BetsClosed),
        "it is known"
    );
}

/// The keys of bets that are taken back stay, and cost their player nothing: there is room for four.
#[actix::test]
async fn bets_are_taken_back_always_and_who_has_done_so_too_often_waits_before_the_next_one() {
    let mut rig = rig().await;
    rig.join(1);
    assert!(matches!(rig.reply().await, Reply::Joined { .. }));
    for number in 0..3 {
        rig.bet(1, &format!("bet-{number}"), "red");
        assert!(matches!(rig.reply().await, Reply::BetAccepted(_)), "{number}");
        rig.clear(1, &format!("clear-{number}"));
        assert!(matches!(rig.reply().await, Reply::BetsCleared(_)), "{number}");
    }
    let before = rig.money.books.borrow().keys();
    for _ in 0..3 {
        rig.bet(1, "bet-3", "red");
        let Reply::Error(failure) = rig.reply().await else { panic!("the budget is used up") };
        assert_eq!(failure.code.known(), Some(ErrorCode::RateLimited));
        assert!(failure.retry_after_ms.is_some_and(|wait_ms| (2_000_000..=2_048_000).contains(&wait_ms)));
    }
    assert_eq!(rig.money.books.borrow().keys(), before, "nothing is recorded");
    rig.bet(1, "bet-0", "red");
    assert!(matches!(rig.reply().await, Reply::BetAccepted(_)), "an outcome that is known is told");
    rig.held_becomes(0).await;
}

#[actix::test]
async fn every_request_to_a_broken_table_is_answered() {
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
