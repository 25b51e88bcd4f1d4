//! A player that bets all the time, through any number of crashes, and keeps its own books.
//!
//! Its book has every change it has ever asked for, by key, and what the hub has said became of it. Nothing else counts
//! as done. [`Bettor::audit`] compares the book with what the hub says at the end.

use std::{collections::BTreeMap, net::SocketAddr};

use fastrand::Rng;
use hub_client::Error;
use protocol::{
    Amount, Channel, Key, Push, Request, Retry, RoundId, TableId, U53,
    push::Event,
    reply::{PastRound, Phase, TableView},
};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    fate::{Answers, Fate, clear_up, fate, recorded, retry},
    player::{Account, Continuity, Session, event, red},
    soon,
    verify::Cents,
};

/// Requests sent at the same time, at most.
const TOGETHER_MAX: u64 = 4;
/// One change of so many takes bets back.
const CLEAR_EVERY: u64 = 12;

/// The player.
pub struct Bettor {
    account: Account,
    tables: Vec<TableId>,
    random: Rng,
    next_key: u64,
    stem: String,
    book: BTreeMap<Key, Entry>,
    results: BTreeMap<RoundId, Settled>,
    /// Every past round of a table that was ever shown.
    shown: BTreeMap<RoundId, PastRound>,
    continuity: Continuity,
    /// Rounds that take bets, as far as the player knows.
    open: BTreeMap<TableId, u64>,
}

/// A change asked for, and what is known of it.
#[derive(Debug, Clone)]
struct Entry {
    request: Request,
    fate: Option<Fate>,
}

/// A round of the player's that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settled {
    staked: Cents,
    returned: Cents,
}

/// What the audit counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audit {
    /// Changes the hub accepted.
    pub accepted: u64,
    /// Changes the hub refused for good, under their key.
    pub refused: u64,
    /// Rounds played to the end.
    pub rounds: u64,
    /// What the player has at the end.
    pub available: Cents,
    /// Times continuity of a channel was lost, with notice.
    pub resets: u64,
}

/// What the bettors share with the test that kills the hub.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Where the hub is; `None` while it is dead.
    pub hub: watch::Receiver<Option<SocketAddr>>,
    /// Set when the bettors are to stop.
    pub over: watch::Receiver<bool>,
    /// What the hub has answered so far, to all together.
    pub answers: Answers,
}

impl Bettor {
    /// Signs in. The keys begin with `name`, which is unique in a test.
    pub async fn sign_in(hub: SocketAddr, name: &str, tables: &[&str], random: Rng) -> Self {
        Self {
            account: Account::sign_in(hub, name).await,
            tables: tables.iter().map(|table| table.parse().expect("a table id")).collect(),
            random,
            next_key: 0,
            stem: name.to_owned(),
            book: BTreeMap::new(),
            results: BTreeMap::new(),
            shown: BTreeMap::new(),
            continuity: Continuity::default(),
            open: BTreeMap::new(),
        }
    }

    /// Plays until it is over, coming back after each crash.
    pub async fn play(mut self, mut stage: Stage) -> Self {
        loop {
            if *stage.over.borrow() {
                return self;
            }
            let hub = *stage.hub.borrow_and_update();
            if let Some(hub) = hub {
                match self.evening(hub, &mut stage).await {
                    Ok(()) => return self,
                    // The hub has died, seen or not yet seen by the test.
                    Err(Error::Closed(_) | Error::Connect { .. } | Error::Handshake(_)) => {}
                    // Its disk fails, and it cannot tell what became of something: the player asks again.
                    Err(Error::Refused(failure)) if failure.retry == Retry::SameKey => {
                        tokio::time::sleep(crate::LOOK_EVERY).await;
                        continue;
                    }
                    Err(error) => panic!("{}: {error:?}", self.stem),
                }
            }
            tokio::select! {
                changed = stage.hub.changed() => changed.expect("the stage outlives its players"),
                over = stage.over.changed() => over.expect("the stage outlives its players"),
            }
        }
    }

    /// Plays on one connection, until it ends.
    async fn evening(&mut self, hub: SocketAddr, stage: &mut Stage) -> Result<(), Error> {
        let mut session = self.come_back(hub, &stage.answers).await?;
        while !*stage.over.borrow() {
            while session.try_push().is_some() {}
            self.note_all(&mut session);
            if self.open.is_empty() {
                // No round takes bets: waits for the next push.
                let over = async { stage.over.changed().await.map_err(|_| Error::Unexpected("the end")) };
                tokio::select! {
                    push = session.next_push() => if push.is_none() {
                        return Err(Error::Closed(session.client.closed().cloned().expect("it ended")));
                    },
                    over = over => over?,
                }
            } else {
                self.place_some(&mut session, &stage.answers).await?;
            }
        }
        Ok(())
    }

    /// Connects, catches up with what was missed, and learns what became of every open question.
    async fn come_back(&mut self, hub: SocketAddr, answers: &Answers) -> Result<Session, Error> {
        self.open.clear();
        let resume = self.continuity.resume();
        let mut session = self.account.try_connect(hub, resume.clone()).await?;
        session.continuity = self.continuity.clone();
        let welcome = session.client.welcome();
        for followed in std::iter::once(&welcome.personal).chain(&welcome.resumed) {
            let since = resume.iter().find(|since| since.ch == followed.ch);
            if let Some(since) = since.filter(|since| *since.e == followed.e) {
                let (seen, now) = (since.o.get(), followed.o);
                assert!(seen <= now, "{} stepped back from {seen} to {now}: {followed:?}", followed.ch);
                assert!(
                    followed.recovered || seen < now,
                    "nothing was missed, and that can be told: {followed:?}"
                );
            }
        }
        let client = session.client.clone();
        for table in self.tables.clone() {
            let (view, own) = session.alive(client.join_table(table)).await?;
            if !session.continuity.knows(&Channel::table(table)) {
                let followed = session.alive(client.follow(&view)).await?;
                session.continuity.set(&followed.ch, &view.e, view.o);
                session.caught_up(followed);
            }
            self.note_all(&mut session);
            self.sees(&view, own.iter().map(|bet| in_cents(bet.a)).sum());
        }
        for result in session.alive(client.own_history()).await? {
            let settled = Settled { staked: in_cents(result.staked), returned: in_cents(result.returned) };
            self.settled(result.round, settled);
        }
        for key in self.unclear() {
            let fate = session.alive(clear_up(&client, key, self.book[&key].request.clone())).await?;
            self.learn(key, fate, answers);
        }
        self.note_all(&mut session);
        Ok(session)
    }

    /// The last rounds of a table: without a gap up to its newest, at most fifty, and each as it was ever shown.
    fn sees_past(&mut self, view: &TableView) {
        let open = matches!(view.phase.known(), Some(Phase::Betting | Phase::Locked));
        let newest = view.round - u64::from(open);
        let numbers = view.history.iter().map(|past| past.round);
        assert!(numbers.eq((1..=newest).rev().take(50)), "{}: {:?} up to {newest}", self.stem, view.history);
        for past in &view.history {
            let round = RoundId { table: view.table, number: past.round };
            let known = self.shown.entry(round).or_insert_with(|| past.clone());
            assert_eq!(*known, *past, "{}: {round} is shown in two ways", self.stem);
        }
    }

    /// Compares a view with the book: what was acknowledged in an open round stands there.
    fn sees(&mut self, view: &TableView, own: Cents) {
        self.sees_past(view);
        let round = RoundId { table: view.table, number: view.round };
        let open = matches!(view.phase.known(), Some(Phase::Betting | Phase::Locked));
        let certain =
            !self.unclear().iter().any(|key| matches!(self.book[key].request, Request::ClearBets { .. }));
        if open && certain {
            let net = self.net().get(&round).copied().unwrap_or_default();
            assert!(own >= net, "{}: {net} was accepted in {round}, {own} stands there", self.stem);
        }
        if view.phase == Phase::Betting {
            self.open.insert(view.table, view.round);
        }
    }

    /// Takes in what the session has heard.
    fn note_all(&mut self, session: &mut Session) {
        self.continuity.clone_from(&session.continuity);
        for push in std::mem::take(&mut session.heard) {
            self.note(&push);
        }
    }

    fn note(&mut self, push: &Push) {
        let Push::Pub(publication) = push else { return };
        let Some(event) = event(publication) else { panic!("the hub's own channels carry events: {push:?}") };
        let table = || publication.ch.name().parse().expect("a table id");
        match event {
            Event::RoundOpened { round, .. } => drop(self.open.insert(table(), round)),
            Event::BetsLocked { .. } | Event::RoundResult { .. } | Event::RoundVoided { .. } => {
                self.open.remove(&table());
            }
            Event::BetSettled { round, staked, returned, .. } => {
                let settled = Settled { staked: in_cents(staked), returned: in_cents(returned) };
                self.settled(round, settled);
            }
            Event::Balance { .. } | Event::Chips { .. } => {}
        }
    }

    fn settled(&mut self, round: RoundId, settled: Settled) {
        let known = *self.results.entry(round).or_insert(settled);
        assert_eq!(known, settled, "{}: {round} was settled in two ways", self.stem);
    }

    /// Sends a few changes at once, while a round is open. An error leaves the unanswered ones unclear.
    async fn place_some(&mut self, session: &mut Session, answers: &Answers) -> Result<(), Error> {
        let rounds: Vec<(TableId, u64)> = self.open.iter().map(|(table, round)| (*table, *round)).collect();
        let mut asking = JoinSet::new();
        for _ in 0..=self.random.u64(..TOGETHER_MAX) {
            let (table, round) = rounds[self.random.usize(..rounds.len())];
            let key = self.key();
            let request = if self.random.u64(..CLEAR_EVERY) == 0 {
                Request::ClearBets { key, table, round: U53::new(round).expect("a round number") }
            } else {
                let stake = format!("{}.50", self.random.u64(..5));
                Request::PlaceBet(red(key, table.as_str(), round, &stake))
            };
            self.book.insert(key, Entry { request: request.clone(), fate: None });
            let client = session.client.clone();
            asking.spawn(async move { (key, client.request(request).await) });
        }
        let mut broken = None;
        let answers = async {
            while let Some(asked) = asking.join_next().await {
                let (key, result) = asked.expect("a request does not panic");
                match fate(result) {
                    Ok(Some(fate)) => self.learn(key, fate, answers),
                    // Not now: nothing happened, and it is tried again when the player comes back.
                    Ok(None) => {}
                    Err(error) => broken = Some(error),
                }
            }
            Ok(())
        };
        session.alive(answers).await?;
        self.note_all(session);
        broken.map_or(Ok(()), Err)
    }

    fn key(&mut self) -> Key {
        self.next_key += 1;
        format!("{}-{}", self.stem, self.next_key).parse().expect("a short key")
    }

    fn unclear(&self) -> Vec<Key> {
        self.book.iter().filter(|(_, entry)| entry.fate.is_none()).map(|(key, _)| *key).collect()
    }

    fn learn(&mut self, key: Key, fate: Fate, answers: &Answers) {
        let entry = self.book.get_mut(&key).expect("only what was asked is answered");
        answers.note(&self.account, &entry.request, &fate);
        let known = entry.fate.get_or_insert_with(|| fate.clone());
        assert_eq!(*known, fate, "{key} has two outcomes");
    }

    /// What the player has staked in each round by its book: bets less what was taken back.
    fn net(&self) -> BTreeMap<RoundId, Cents> {
        let mut net = BTreeMap::new();
        for entry in self.book.values() {
            let Some(Fate::Accepted(receipt)) = &entry.fate else { continue };
            let amount = in_cents(receipt.amount);
            *net.entry(receipt.round).or_default() +=
                if matches!(entry.request, Request::ClearBets { .. }) { -amount } else { amount };
        }
        net
    }

    /// The end: every round is waited for, every key asked again, every cent counted.
    ///
    /// # Panics
    /// When the hub's books are not the player's.
    pub async fn audit(&mut self, hub: SocketAddr) -> Audit {
        let mut session = self.come_back(hub, &Answers::default()).await.expect("the hub serves");
        assert_eq!(self.unclear(), [], "every question has an answer");
        let net = self.net();
        let staked: Vec<RoundId> =
            net.iter().filter(|(_, amount)| **amount > 0).map(|(round, _)| *round).collect();
        soon("the result of every round with a stake in it", async {
            while !staked.iter().all(|round| self.results.contains_key(round)) {
                session.next_push().await.expect("the hub serves");
                self.note_all(&mut session);
            }
        })
        .await;
        for (round, settled) in &self.results {
            let net = net.get(round).copied().unwrap_or_default();
            assert_eq!(
                settled.staked, net,
                "{}: stakes in {round} by the hub and by the receipts",
                self.stem
            );
        }
        let returned: Cents = self.results.values().map(|settled| settled.returned).sum();
        let staked: Cents = net.values().sum();
        let (available, held) = session.balance().await;
        assert_eq!(held, 0, "{}: every round is over", self.stem);
        assert_eq!(available, self.account.deposited - staked + returned, "{}: the balance", self.stem);

        let mut audit = Audit { available, rounds: self.results.len() as u64, ..Audit::default() };
        for (key, entry) in &self.book {
            let known = entry.fate.as_ref().expect("nothing is unclear");
            let outcome = recorded(session.client.outcome(*key).await.expect("an outcome"));
            let again = retry(&session.client, entry.request.clone()).await.expect("an answer");
            assert_eq!(again, *known, "{key}: a retry gets the first answer");
            match known {
                Fate::Accepted(_) => audit.accepted += 1,
                Fate::Refused(_) => audit.refused += 1,
            }
            assert_eq!(outcome.as_ref(), Some(known), "{key}: what is recorded is what was said");
        }
        assert_eq!(session.balance().await, (available, 0), "{}: retries change nothing", self.stem);
        audit.resets = u64::from(self.continuity.resets);
        audit
    }

    /// The lsns of everything accepted.
    pub fn lsns(&self) -> impl Iterator<Item = u64> {
        self.book.values().filter_map(|entry| match &entry.fate {
            Some(Fate::Accepted(receipt)) => Some(receipt.lsn),
            Some(Fate::Refused(_)) | None => None,
        })
    }
}

fn in_cents(amount: Amount) -> Cents {
    amount.to_minor(2).expect("an amount in cents")
}
