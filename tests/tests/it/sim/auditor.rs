//! The auditor: knows only what players were told, and does its own sums.
//!
//! From receipts and shown results alone it works out what every player must have in the end. It shares no code
//! with the ledger, the recipes or the game: a win is looked up in a table of its own.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Done, LogVerifier, Outcome, Record, Verdict, World, invariant};
use protocol::ErrorCode;
use protocol::PlayerId;

use super::{
    aside::FORMATS,
    hub::{Hub, PastPlace, TABLES, currency, table_id},
    players::{BETS, PLAYERS, Request, What},
    story::{Seen, Story},
    unsure::is_looked_up,
};

const RED: [u32; 18] = [1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36];

#[derive(Debug, Default)]
pub struct Auditor {
    /// What each request was told, the first time.
    outcomes: BTreeMap<usize, Outcome>,
    /// What was drawn in each round, by table and number, as shown; none: the round is void.
    results: BTreeMap<(usize, u64), Option<u32>>,
    /// Commitment of each round, as shown before its bets closed.
    commits: BTreeMap<(usize, u64), [u8; 32]>,
    /// Where the past rounds of each table were when they were read: they are read again when that has changed.
    read: BTreeMap<usize, PastPlace>,
    /// The highest record anyone has heard of.
    heard: u64,
    /// What was refused and not recorded, so that it may be asked again: freezes that could not be lifted, because none
    /// stood, and requests to a table that others overtook while their keys were looked up.
    unrecorded: BTreeSet<usize>,
    /// The times of starts at which the operator accepted the clock.
    pub accepted_clocks: Vec<u64>,
}

impl Auditor {
    pub fn accepted(&self) -> u64 {
        self.outcomes.values().filter(|outcome| matches!(outcome, Outcome::Done(_))).count() as u64
    }

    pub fn rounds_drawn(&self) -> u64 {
        self.results.values().flatten().count() as u64
    }

    pub fn rounds_voided(&self) -> u64 {
        self.results.values().filter(|drawn| drawn.is_none()).count() as u64
    }

    pub fn outcome(&self, request: usize) -> Option<Outcome> {
        self.outcomes.get(&request).copied()
    }

    /// Whether a request has had an answer that it need not ask for again.
    pub fn answered(&self, request: usize) -> bool {
        self.outcomes.contains_key(&request) || self.unrecorded.contains(&request)
    }

    /// A player is told a verdict: every later one on the same request must be the same.
    pub fn told(&mut self, (request, what): (usize, &What), verdict: Verdict, forged: bool) {
        let first = self.outcomes.get(&request).copied();
        match (verdict, first) {
            (Verdict::KeyReused, Some(_)) if forged => {}
            (Verdict::Recorded(outcome), Some(first)) if !forged => {
                assert_eq!(outcome, first, "request {request} is told something else than before");
            }
            (Verdict::Recorded(outcome), None) if !forged => {
                self.heard = self.heard.max(outcome.lsn());
                self.outcomes.insert(request, outcome);
            }
            // A table that is not configured now may be again: the same key is decided then.
            (Verdict::Answered(ErrorCode::UnknownTable), None) => {}
            (Verdict::Answered(code), None)
                if code.consumes_key() && matches!(what, What::Bet { .. } | What::Clear { .. }) =>
            {
                self.unrecorded.insert(request);
            }
            (verdict, first) => {
                panic!("request {request} (forged: {forged}) is told {verdict:?} after {first:?}")
            }
        }
    }

    /// Reads the tables as any player can: what was shown must stay as it was shown.
    pub fn look(&mut self, hub: &Hub) {
        assert!(hub.durable() >= self.heard, "a record that was told of is not in the log");
        for (table, live) in hub.tables.iter().enumerate() {
            let state = live.state();
            if let Some(open) = &state.open {
                let commit = *self.commits.entry((table, state.round)).or_insert(open.commit);
                assert_eq!(commit, open.commit, "the commitment of a shown round changed");
            }
            let at = hub.past_place(table);
            let past = if self.read.get(&table) == Some(&at) { None } else { hub.past_rounds(table) };
            if past.is_some() {
                self.read.insert(table, at);
            }
            for past in past.into_iter().flatten() {
                let place = (table, past.number);
                let drawn = past.drawn.map(|drawn| drawn.outcome);
                assert!(hub.disorder() || drawn.is_some(), "a round is void in an orderly world");
                let shown = *self.results.entry(place).or_insert(drawn);
                assert_eq!(shown, drawn, "a shown result changed");
                let commit = *self.commits.entry(place).or_insert(past.commit);
                assert_eq!(commit, past.commit, "a round ended with another commitment than was shown");
            }
            let (shown, last) = (self.commits.keys().filter(|(of, _)| *of == table), state.round);
            assert!(shown.max().is_none_or(|(_, round)| *round <= last), "a shown round is gone");
        }
    }

    /// After a start: the state is that of the whole log, every invariant holds on it, what everybody was told stands, and
    /// the log tells the same of freezes and of what is due.
    pub fn restarted(&mut self, requests: &[Request], hub: &Hub, now: u64) {
        self.read.clear();
        let (recovered, mut world) = (hub.recovered(), World::default());
        let read = |bytes: Vec<u8>| Record::decode_with(&bytes, &FORMATS).expect("a record of the log");
        let records: Vec<Record> = hub.records().into_iter().map(read).collect();
        for record in &records {
            world.apply(record).expect("replay applies");
        }
        // A table without a record has no state in the replay.
        for id in recovered.tables.keys() {
            world.tables.entry(*id).or_default();
        }
        invariant::same(&world, &recovered).expect("E3 holds after a start");
        recovered.check().expect("every invariant holds after a start");
        for (request, outcome) in &self.outcomes {
            let found = hub.books.outcome(requests[*request].id).expect("a sound store reads");
            assert_eq!(found, Some(*outcome), "request {request} was told otherwise");
        }
        let story = Story::of(&records);
        story.is_told_by(&hub.books, now);
        self.check_clocks(&story);
    }

    /// At the end, with every request answered and every round over: is every cent where it belongs?
    pub fn close(&self, requests: &[Request], hub: &Hub, now: u64) -> Seen {
        assert!((0..requests.len()).all(|request| self.answered(request)), "a request without an answer");
        self.check_places();
        let mut expected: BTreeMap<PlayerId, i128> = BTreeMap::new();
        let mut standing = self.standing(requests, &mut expected);
        for (_, (number, done)) in std::mem::take(&mut standing) {
            let What::Bet { table, round, bets, .. } = &requests[number].what else { continue };
            let staked: i128 = bets.iter().map(|(_, stake)| stake).sum();
            assert_eq!(done.amount, staked, "a receipt for another stake");
            assert_eq!(done.round.map(|id| (id.table, id.number)), Some((table_id(*table), *round)));
            let result = self.results.get(&(*table, *round));
            let result = *result.unwrap_or_else(|| panic!("round {round} of table {table} never ended"));
            let Some(result) = result else { continue }; // void: every stake has gone back
            let returned: i128 = bets
                .iter()
                .filter(|(bet, _)| wins(*bet, result))
                .map(|(bet, stake)| stake * BETS[*bet].2)
                .sum();
            *expected.entry(requests[number].player).or_default() += returned - staked;
        }
        for player in (1..=PLAYERS).map(|player| PlayerId(player.into())) {
            let funds = hub.books.domains().balance.funds(player, currency()).unwrap_or_default();
            assert_eq!(
                funds.held, 0,
                "player {player} has money held, with no round open and nothing set aside"
            );
            let expected = expected.get(&player).copied().unwrap_or(0);
            assert_eq!(funds.available, expected, "player {player}");
        }
        let story = Story::of(&check_log(hub));
        story.is_told_by(&hub.books, now);
        assert!(!story.waits(), "something that is set aside is never returned");
        story.seen
    }

    /// Wherever the log's time goes ahead by more than a day, an operator has accepted the clock.
    fn check_clocks(&self, story: &Story) {
        for (before, after) in &story.leaps {
            // In a life the clock may go back a little between a start and its first record.
            let accepted = self.accepted_clocks.iter().any(|time| before < time && *time <= after + 100);
            assert!(accepted, "the time goes on from {before} at {after}, and nobody has accepted that");
        }
    }

    /// No two receipts name the same record.
    fn check_places(&self) {
        let mut places = BTreeSet::new();
        for outcome in self.outcomes.values() {
            if let Outcome::Done(done) = outcome {
                assert!(places.insert(done.lsn), "two receipts for record {}", done.lsn);
            }
        }
    }

    /// Adds deposits up, takes cleared bets out; returns the bets that went into the draw, in the log's order.
    fn standing(
        &self,
        requests: &[Request],
        expected: &mut BTreeMap<PlayerId, i128>,
    ) -> BTreeMap<u64, (usize, Done)> {
        let mut accepted: BTreeMap<u64, (usize, Done)> = BTreeMap::new();
        for (number, outcome) in &self.outcomes {
            if let Outcome::Done(done) = outcome {
                accepted.insert(done.lsn, (*number, *done));
            }
        }
        let mut standing: BTreeMap<u64, (usize, Done)> = BTreeMap::new();
        for (lsn, (number, done)) in accepted {
            let request = &requests[number];
            match request.what {
                What::Deposit { amount } => {
                    assert_eq!(done.amount, amount);
                    *expected.entry(request.player).or_default() += amount;
                }
                What::Debit { amount } => {
                    assert_eq!(done.amount, amount);
                    *expected.entry(request.player).or_default() -= amount;
                }
                // It comes back.
                What::SetAside { amount, .. } => assert_eq!(done.amount, amount),
                What::Freeze { .. } | What::Unfreeze | What::Exclude { .. } | What::Reinstate => {
                    panic!("a freeze or an exclusion moves money")
                }
                What::Bet { .. } => drop(standing.insert(lsn, (number, done))),
                What::Clear { table, round } => {
                    let mine = |other: &Request| {
                        matches!(other.what, What::Bet { table: at, round: of, .. } if at == table && of == round)
                            && other.player == request.player
                    };
                    let theirs: Vec<u64> = standing
                        .iter()
                        .filter(|(_, (bet, _))| mine(&requests[*bet]))
                        .map(|(lsn, _)| *lsn)
                        .collect();
                    let mut returned = 0;
                    for lsn in theirs {
                        // Bets that were sent after the clearing may have their turn while its key is looked up: they stand.
                        if is_looked_up(request.id) && returned == done.amount {
                            break;
                        }
                        returned += standing.remove(&lsn).map_or(0, |(_, done)| done.amount);
                    }
                    assert_eq!(done.amount, returned, "a clearing returned another sum than stood");
                }
            }
        }
        standing
    }
}

/// Replays and verifies the whole log: it must make the very state that is live. Returns its records.
fn check_log(hub: &Hub) -> Vec<Record> {
    let mut verifier = LogVerifier::default().reading(FORMATS);
    let (mut world, mut records) = (World::default(), Vec::new());
    for bytes in hub.records() {
        let read = verifier.next(&bytes);
        let record = read.unwrap_or_else(|finding| panic!("record {}: {}", finding.lsn, finding.what));
        world.apply(&record).expect("replay applies");
        records.push(record);
    }
    verifier.check().unwrap_or_else(|finding| panic!("{}", finding.what));
    assert!(hub.disorder() || verifier.closed().is_empty(), "a table fails in an orderly world");
    invariant::same(&world, verifier.world()).expect("E3 holds");
    let tables = hub.tables.iter().map(|live| (live.id(), live.state()));
    invariant::stakes_are_held(&hub.books, tables).expect("E2 holds on the live state");
    hub.books.check().expect("the ledgers' invariants hold");
    for replayed in [&world, verifier.world()] {
        assert_eq!(replayed.books.digest(), hub.books.digest(), "replay is not live");
        for place in 0..TABLES {
            let state = replayed.tables.get(&table_id(place)).cloned().unwrap_or_default();
            assert_eq!(&state, hub.tables[place].state(), "replay is not live");
        }
    }
    records
}

/// Whether a bet of [`BETS`] wins on a number of the wheel.
fn wins(bet: usize, number: u32) -> bool {
    match BETS[bet].0 {
        "straight" => u32::from(BETS[bet].1[0]) == number,
        "red" => RED.contains(&number),
        "even" => number != 0 && number.is_multiple_of(2),
        "dozen" => (13..=24).contains(&number),
        kind => panic!("the auditor does not know {kind}"),
    }
}
