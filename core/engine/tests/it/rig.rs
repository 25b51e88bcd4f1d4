//! The test rig: a hub without threads or disk, with one table, the books, a clock set by hand, and the log in memory.
//!
//! Envelopes go through the same turn and apply as live; results can be held back, as they are until a sync.

use std::{collections::VecDeque, sync::Arc};

use domains::{
    Funds,
    recipes::{Deposit, HoldStake, ReleaseStakes},
};
use engine::{
    Books, Content, DIGEST_EVERY, Envelope, Formats, Outcome, Record, Tx, TxId, TxResult, Unknown,
    Unloadable, Verdict, World,
    stored_state::memory::MemoryStore,
    table::{
        Grounds, TableAsked, TableLeg, TableRequest, TableState,
        live::{
            BetLimits, BetRequest, ClearRequest, Decision, Due, LiveTable, TableConfig, TableRules, Ticket,
            Unparked,
        },
    },
};
use games::fair::{Seed, commit};
use ledger::HoldId;
use protocol::{Currency, ErrorCode, Key, PlayerId, RoundId, TableId};

pub const BETTING_MS: u64 = 1_000;
pub const LOCKED_MS: u64 = 500;
pub const PAUSE_MS: u64 = 200;

pub fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub fn table_id() -> TableId {
    "t1".parse().unwrap()
}

pub fn tx_id(player: u128, key: &str) -> TxId {
    let key: Key = key.parse().unwrap();
    TxId::of_key(PlayerId(player), &key)
}

pub fn config() -> TableConfig {
    let game = games::game("roulette").unwrap();
    TableConfig {
        name: "One".into(),
        rules: TableRules {
            game: "roulette".into(),
            rules_version: game.rules_version(),
            currency: eur(),
            scale: 2,
            seats_max: 10,
            betting_ms: BETTING_MS,
            locked_ms: LOCKED_MS,
            pause_ms: PAUSE_MS,
            round_max: 150,
            limits: game.kinds().iter().map(|_| BetLimits { stake_min: 10, spot_max: 100 }).collect(),
        },
        places_max: 10,
    }
}

/// The seed of a round, made from its number, so that it is the same after a restart.
pub fn seed(round: u64) -> [u8; 32] {
    [round as u8; 32]
}

pub struct Rig {
    pub now: u64,
    pub books: Books,
    pub live: LiveTable,
    pub log: Vec<Vec<u8>>,
    /// Results on their way back to the table, in order.
    pub waiting: VecDeque<TxResult>,
    /// Parked requests in the order in which they were decided.
    pub unparked: Vec<(Ticket, Option<Verdict>)>,
    /// Offsets of the table's events so far.
    pub events: Vec<u64>,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(config: TableConfig) -> Self {
        let (game, config) = (games::game("roulette").unwrap(), Arc::new(config));
        Self {
            now: 1_000_000,
            books: Books::default(),
            live: LiveTable::new(table_id(), config, game, Default::default()),
            log: Vec::new(),
            waiting: VecDeque::new(),
            unparked: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Runs an envelope's turn; its result waits.
    pub fn submit(&mut self, envelope: &Envelope) -> Verdict {
        let concluded =
            self.books.run(envelope.clone(), self.now, DIGEST_EVERY).expect("what was decided applies");
        self.log.extend(concluded.records().map(|(_, bytes)| bytes.clone()));
        self.books.check().unwrap();
        let verdict = without_place(concluded.result.verdict);
        self.waiting.push_back(concluded.result);
        verdict
    }

    /// Appends a record that no turn has decided.
    pub fn append(&mut self, record: &Record) {
        self.books.apply(record).unwrap();
        self.log.push(record.encode());
        self.books.check().unwrap();
    }

    /// Hands every waiting result to the table, including those of parked requests.
    pub fn release(&mut self) {
        while self.release_one() {}
    }

    /// Hands the oldest waiting result to the table, and submits the parked requests that can be decided then.
    pub fn release_one(&mut self) -> bool {
        let Some(answer) = self.waiting.pop_front() else { return false };
        self.events.extend(self.live.apply(answer.id, answer.leg.as_ref(), answer.time));
        self.unpark();
        true
    }

    /// Submits the parked requests that can be decided now.
    pub fn unpark(&mut self) {
        while let Some((ticket, unparked)) = self.live.next_decided() {
            let verdict = match unparked {
                Unparked::Submit(envelope) => Some(self.submit(&envelope)),
                Unparked::GoOn => None,
            };
            self.unparked.push((ticket, verdict));
        }
    }

    pub fn run(&mut self, envelope: &Envelope) -> Verdict {
        let verdict = self.submit(envelope);
        self.release();
        verdict
    }

    pub fn deposit(&mut self, player: u128, amount: i128) -> Verdict {
        self.deposit_as(&format!("d{}", self.log.len()), player, amount)
    }

    pub fn deposit_as(&mut self, key: &str, player: u128, amount: i128) -> Verdict {
        let (id, player) = (TxId::of_service("demo", key), PlayerId(player));
        let content = Content::of(&[&player.0.to_be_bytes(), &amount.to_be_bytes()]);
        let deposit = Deposit { player, currency: eur(), amount };
        self.run(&Envelope::Run(Tx::new(id, player.into(), Some(content), deposit)))
    }

    pub fn request(&self, key: &str, player: u128, bets: &[(&str, &[u8], i128)]) -> BetRequest {
        let mut content = format!("{}", self.live.state().round).into_bytes();
        let bets: Vec<_> =
            bets.iter().map(|(kind, numbers, stake)| ((*kind).into(), numbers.to_vec(), *stake)).collect();
        content.extend(format!("{bets:?}").into_bytes());
        BetRequest {
            id: tx_id(player, key),
            content: Content::of(&[&content]),
            player: PlayerId(player),
            round: self.live.state().round,
            bets,
            share: None,
        }
    }

    /// Decides a bet and runs its turn; the result waits. The bet is not parked.
    pub fn submit_bet(&mut self, key: &str, player: u128, bets: &[(&str, &[u8], i128)]) -> Verdict {
        let request = self.request(key, player, bets);
        let envelope = self.live.place_bet(request, self.now).now().expect("decided at once");
        self.submit(&envelope)
    }

    /// Sends a bet that must be parked.
    pub fn park_bet(&mut self, key: &str, player: u128, bets: &[(&str, &[u8], i128)]) -> Ticket {
        let request = self.request(key, player, bets);
        match self.live.place_bet(request, self.now) {
            Decision::Parked(ticket) => ticket,
            decided => panic!("not parked: {decided:?}"),
        }
    }

    /// Sends a request, and hands every result to the table.
    pub fn place(&mut self, request: BetRequest) -> Verdict {
        let envelope = self.live.place_bet(request, self.now).now().expect("decided at once");
        self.run(&envelope)
    }

    pub fn bet(&mut self, key: &str, player: u128, bets: &[(&str, &[u8], i128)]) -> Verdict {
        let verdict = self.submit_bet(key, player, bets);
        self.release();
        verdict
    }

    pub fn decide_clearing(&mut self, key: &str, player: u128) -> Decision {
        let round = self.live.state().round;
        let content = Content::of(&[b"clear", &round.to_be_bytes()]);
        let (id, player) = (tx_id(player, key), PlayerId(player));
        self.live.clear_bets(ClearRequest { id, content, player, round }, self.now)
    }

    pub fn clear(&mut self, key: &str, player: u128) -> Verdict {
        let envelope = self.decide_clearing(key, player).now().expect("nothing of the player is under way");
        self.run(&envelope)
    }

    /// A stake of player 1 that no account can pay, past the table.
    pub fn stake_too_much(&mut self, key: &str) -> Verdict {
        let (id, player) = (tx_id(1, key), PlayerId(1));
        let round = RoundId { table: table_id(), number: self.live.state().round };
        let stake = HoldStake { player, round, currency: eur(), amount: 1_000_000_000 };
        self.submit(&Envelope::Run(Tx::new(id, player.into(), Some(Content(1)), stake)))
    }

    /// Gives the stake of a player's bet back, by a clearing at another table: the bet's own does not hear of it.
    pub fn steal(&mut self, player: u128, key: &str) {
        let (id, holds) = (tx_id(player, "thief"), vec![HoldId(tx_id(player, key).0)]);
        let player = PlayerId(player);
        let round = RoundId { table: table_id(), number: self.live.state().round };
        let release = ReleaseStakes { player, round, currency: eur(), holds: holds.clone() };
        let leg = TableLeg::BetsCleared { round: 1, player, holds };
        let tx = Tx::new(id, player.into(), Some(Content(1)), release).at("t2".parse().unwrap(), leg);
        done(self.submit(&Envelope::Run(tx)));
        self.waiting.pop_back();
    }

    /// The envelope that is due now, if one is.
    pub fn due(&mut self) -> Option<Envelope> {
        let now = self.now;
        match self.live.due(now, true) {
            Due::Nothing | Due::At(_) => None,
            Due::Rules => Some(self.live.record_rules()),
            Due::Open => {
                let secret = seed(self.live.state().round + 1);
                Some(self.live.open_round(commit(&Seed(secret)), secret.into(), now))
            }
            Due::Lock => Some(self.live.lock(now)),
            Due::Settle => {
                let secret = self.live.state().open.as_ref().and_then(|open| open.sealed[..].try_into().ok());
                Some(self.live.settle(secret, now))
            }
            Due::Void(reason) => Some(self.live.void(reason, now)),
            Due::Quarantine => Some(self.live.quarantine()),
        }
    }

    /// Runs the steps that are due, until none is.
    pub fn proceed(&mut self) {
        while let Some(envelope) = self.due() {
            if let Verdict::Impossible(_) = self.run(&envelope) {
                self.live.step_failed();
                self.unpark();
            }
        }
    }

    /// Records the rules of the table, before the first round.
    pub fn rule(&mut self) {
        assert_eq!(self.live.due(self.now, true), Due::Rules);
        let change = self.due().unwrap();
        self.run(&change);
    }

    pub fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.proceed();
    }

    /// Opens a round now, whatever the table's deadlines.
    pub fn open(&mut self) {
        while self.live.state().open.is_none() {
            self.wait(PAUSE_MS);
        }
    }

    /// Runs the open round to its end.
    pub fn finish(&mut self) {
        let round = self.live.state().round;
        while self.live.state().open.is_some() && self.live.state().round == round {
            self.wait(LOCKED_MS.min(BETTING_MS).min(PAUSE_MS));
        }
    }

    pub fn funds(&self, player: u128) -> (i128, i128) {
        let Funds { available, held } =
            self.books.domains().balance.funds(PlayerId(player), eur()).unwrap_or_default();
        (available, held)
    }

    /// The log replayed from its first record.
    pub fn replay(&self) -> World {
        let mut world = World::default();
        for bytes in &self.log {
            world.apply(&Record::decode(bytes).unwrap()).unwrap();
        }
        world
    }

    /// Restarts the hub: requests under way are lost, and the state comes from the log.
    pub fn restart(&mut self) {
        self.release();
        self.restart_from(self.replay());
    }

    /// Continues with this state, as a start does after replay.
    pub fn restart_from(&mut self, mut world: World) {
        assert_eq!(world.books.digest(), self.books.digest(), "replay is not live");
        let state = world.tables.remove(&table_id()).unwrap_or_default();
        assert_eq!(&state, self.live.state(), "replay is not live");
        self.waiting.clear();
        self.books = world.books;
        self.become_table(state);
    }

    /// Restarts the hub with other rules of its table in the configuration.
    pub fn restart_with(&mut self, rules: TableRules) {
        self.restart();
        let config = TableConfig { rules, ..(**self.live.config()).clone() };
        let state = self.live.state().clone();
        self.live = LiveTable::new(table_id(), config.into(), self.live.game(), state);
    }

    /// Continues with another state of the table, as another release may have made of the same records.
    pub fn become_table(&mut self, state: TableState) {
        self.live = LiveTable::new(table_id(), self.live.config().clone(), self.live.game(), state);
    }
}

/// The state as a start reads it from a store that has the whole of it.
pub fn stored(world: &World) -> World {
    stored_with(world, Formats::STANDARD).unwrap()
}

/// The same, as a release with these formats reads it.
pub fn stored_with(world: &World, formats: Formats) -> Result<World, Unloadable> {
    MemoryStore::of(world).load(formats, Unknown::Refused)
}

/// A request that the table refuses: a clearing of a round.
pub fn asked(round: u64) -> Box<TableRequest> {
    let (table, asked, grounds) = (table_id(), TableAsked::Clearing, Grounds::Log);
    Box::new(TableRequest { table, round, arrived: 0, asked, grounds })
}

/// A recorded refusal, whatever its place in the log.
pub fn refused(code: ErrorCode) -> Verdict {
    Verdict::Recorded(Outcome::Refused { code, lsn: 0 })
}

/// A verdict without the place of a refusal.
pub fn without_place(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Recorded(Outcome::Refused { code, .. }) => refused(code),
        verdict => verdict,
    }
}

/// The receipt; panics when the envelope was refused.
pub fn done(verdict: Verdict) -> engine::Done {
    match verdict {
        Verdict::Recorded(Outcome::Done(done)) => done,
        verdict => panic!("not accepted: {verdict:?}"),
    }
}
