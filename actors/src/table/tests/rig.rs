//! A table of a game that can be made to fail, its money, and a player who has some.

use std::{sync::atomic::AtomicBool, time::Duration};

use domains::recipes::TableOnly;
use engine::{
    Content, TxId,
    table::{
        OpenRound, TableState,
        live::{BetLimits, BetRequest, ClearRequest, TableConfig, TableRules},
    },
};
use games::Game;
use protocol::{PlayerId, TableId};

use super::fragile::Fragile;
use crate::{
    messages::{
        money::Origin,
        reply::BetContext,
        table::{Bet, Clear, Join, NoPlace},
    },
    ports::{deposit::DepositReport, money::Execution, table::Table},
    rig::{Money, eur, money, records},
    table::*,
};

const SEED_KEY: [u8; 32] = [7; 32];

pub const PLAYER: PlayerId = PlayerId(7);

pub struct Rig {
    pub table: Addr<TableActor>,
    pub status: Arc<Status>,
    pub money: Money,
    pub port: MoneyPort,
    pub broken: Arc<AtomicBool>,
    pub refused: Addr<Refused>,
    log: tempfile::TempDir,
}

/// A session that keeps which of its joins are refused.
#[derive(Default)]
pub struct Refused(Vec<NoPlace>);

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
pub struct Heard;

impl Handler<Heard> for Refused {
    type Result = MessageResult<Heard>;

    fn handle(&mut self, _: Heard, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.0.clone())
    }
}

pub async fn rig() -> Rig {
    rig_over(TableState::default()).await
}

pub fn id() -> TableId {
    "test".parse().expect("a table id")
}

/// A table that goes on from a state, and a player with money.
pub async fn rig_over(state: TableState) -> Rig {
    rig_with(state, journal::Condition::always_ready()).await
}

/// The same over a log that takes records or not.
pub async fn rig_with(state: TableState, condition: journal::Condition) -> Rig {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let amount = "100.00".parse().expect("an amount");
    let deposit = DepositReport { service: "test", key: "1".into(), player: PLAYER, currency: eur(), amount };
    let deposit = deposit.envelope(&money.currencies).expect("a good deposit");
    assert!(matches!(port.execute(engine::Principal::HUB, deposit).await, Execution::Committed(_)));

    if let Some(open) = &state.open {
        opened(&port, state.round, open).await;
    }
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
    Rig { table, status, money, port, broken, refused: Refused::default().start(), log }
}

/// The money side records that a round was opened and locked.
async fn opened(port: &MoneyPort, number: u64, open: &OpenRound) {
    let OpenRound { stage, deadline, game, rules, currency, commit, sealed, bets } = open.clone();
    let Stage::Locked { mix } = stage else { panic!("the round is locked") };
    let opened = TableLeg::Opened { round: number, deadline, game, rules, currency, commit, sealed };
    let locked = TableLeg::Locked { round: number, deadline, staked: bets.staked(), mix };
    for leg in [opened, locked] {
        let step = leg.step().expect("a step of the round");
        let id = TxId::of_round(RoundId { table: id(), number }, step);
        let (principal, intent) = (engine::Principal::HUB, TableOnly.into());
        let tx = Tx { id, principal, key: None, intent, shares: Vec::new(), table: Some((self::id(), leg)) };
        port.submit(Envelope::Run(tx), Origin::Nobody);
    }
    port.durable().await.expect("on disk");
}

impl Rig {
    pub fn bet(&self, session: u32, key: &str, kind: &str) {
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

    pub fn clear(&self, session: u32, key: &str) {
        let key = key.parse().expect("a key");
        let (id, content) = (TxId::of_key(PLAYER, &key), Content::of(&[b"clear"]));
        let request = ClearRequest { id, content, player: PLAYER, round: 1 };
        let context = BetContext { to: self.money.to(session), player: PLAYER, key, clears: true };
        self.table.do_send(Clear { request, context });
    }

    pub async fn reply(&mut self) -> Reply {
        self.money.reply().await
    }

    /// A session of a player of its own comes; the player with the money has session 1 and 2.
    pub fn join(&self, session: u32) {
        let player = if session <= 2 { PLAYER } else { PlayerId(session.into()) };
        let refused = self.refused.clone().recipient();
        // By the port, as a session does: the port is where a bounded send would change the order.
        self.way().join(Join { player, to: self.money.to(session), join: session.into(), refused });
    }

    /// A session leaves.
    pub fn leave(&self, session: u32) {
        self.way().leave(self.money.to(session).session);
    }

    /// The way of sessions to the table.
    fn way(&self) -> &Table {
        self.money.tables.get(id()).expect("the table is in the port")
    }

    /// Waits until all that was recorded is on disk, and on its way back to the table.
    pub async fn settled(&self) {
        self.port.durable().await.expect("on disk");
    }

    /// What the player holds in stakes, once it is `expected`.
    pub async fn held_becomes(&self, expected: i128) {
        let held =
            || self.money.books.borrow().domains().balance.funds(PLAYER, eur()).map(|funds| funds.held);
        until("the stakes", || held() == Some(expected)).await;
    }

    /// The table legs of the log, once the log is closed.
    pub fn legs(&self) -> Vec<TableLeg> {
        self.money.journal.stop();
        let leg = |record: engine::Record| match record.body {
            engine::Body::Committed(committed) => committed.table.map(|(_, leg)| leg),
            engine::Body::Refused { .. } | engine::Body::Digest(_) | engine::Body::Fact(_) => None,
        };
        records(self.log.path()).into_iter().filter_map(leg).collect()
    }
}

/// Lets the actors work until `condition` holds.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect(what);
}

pub fn code(reply: &Reply) -> Option<ErrorCode> {
    match reply {
        Reply::Error(failure) => Some(failure.code.known()?),
        _ => None,
    }
}

/// A round nobody has bet in, locked and due, of a table's first.
pub fn round_to_settle() -> TableState {
    rounds_to_settle(1)
}

/// The same of its later ones.
pub fn rounds_to_settle(number: u64) -> TableState {
    let round = RoundId { table: id(), number };
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
    TableState { round: number, open: Some(Box::new(open)), events: 3 * number - 1, ..TableState::default() }
}
