//! What the log tells of freezes, of exclusions, of money set aside, and of keys: read from the intents alone, by rules of its own.
//!
//! It shares no code with the domains: it looks at no row, no hold and no account. After each start the state must be what
//! the durable records tell.

use std::collections::{BTreeMap, BTreeSet};

use domains::{
    Intent, StateMachine, View,
    exclusion::{Exclusion, ExclusionKind},
    freeze::Freeze,
    recipes::{Debit, Deposit, ExcludePlayer, FreezePlayer, HoldExpire, HoldStake, Reinstate, Unfreeze},
};
use engine::{Body, Books, Committed, Fact, Record, RefusedRequest, TxId, table::TableLeg};
use ledger::HoldId;
use protocol::{ErrorCode, PlayerId};

use super::{aside::SetAside, hub::COOLING_OFF, life::DAY, players::PLAYERS};

/// What has happened, counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Money that was set aside and returned at its time.
    pub returned: u64,
    pub frozen: u64,
    pub lifted: u64,
    /// A player's money was used again after a freeze whose end had passed.
    pub passed: u64,
    /// Requests that a freeze refused.
    pub refused: u64,
    pub excluded: u64,
    pub came_back: u64,
    /// Bets and deposits that an exclusion refused.
    pub kept_out: u64,
    pub rules: u64,
    pub quarantined: u64,
    pub voided: u64,
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.returned += other.returned;
        self.frozen += other.frozen;
        self.lifted += other.lifted;
        self.passed += other.passed;
        self.refused += other.refused;
        self.excluded += other.excluded;
        self.came_back += other.came_back;
        self.kept_out += other.kept_out;
        self.rules += other.rules;
        self.quarantined += other.quarantined;
        self.voided += other.voided;
    }

    /// The fewest of what happens in every world.
    pub fn least(&self) -> u64 {
        let Self { returned, frozen, lifted, passed, refused, excluded, kept_out, rules, .. } = *self;
        let all = [returned, frozen, lifted, passed, refused, excluded, kept_out, rules];
        all.into_iter().min().unwrap_or(0)
    }
}

#[derive(Debug, Default)]
pub struct Story {
    /// The freeze of a player, and when it ends.
    freezes: BTreeMap<PlayerId, Option<u64>>,
    /// Who was excluded, whether it stands beyond its end, and when it ends.
    away: BTreeMap<PlayerId, (bool, u64)>,
    /// What is set aside, and until when.
    aside: BTreeMap<HoldId, u64>,
    /// What was set aside and has been returned.
    returned: BTreeSet<HoldId>,
    keys: BTreeSet<TxId>,
    time: u64,
    /// Where the time goes ahead by more than a day although the clock is not in doubt: before, and after.
    pub leaps: Vec<(u64, u64)>,
    /// Whether the clock is in doubt.
    doubted: bool,
    pub seen: Seen,
}

impl Story {
    /// Reads a log from its first record.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut story = Self::default();
        records.into_iter().for_each(|record| story.next(record));
        story
    }

    /// Whether a freeze of the player stands at a time.
    fn stands(&self, player: PlayerId, time: u64) -> bool {
        self.freezes.get(&player).is_some_and(|until| until.is_none_or(|until| time < until))
    }

    /// Whether the player is excluded at a time.
    fn is_away(&self, player: PlayerId, time: u64) -> bool {
        self.away.get(&player).is_some_and(|(strict, until)| *strict || time < *until)
    }

    fn next(&mut self, record: &Record) {
        let time = record.time;
        assert!(self.time <= time, "time went back from {} to {time}", self.time);
        let doubt = matches!(record.body, Body::Fact(Fact::Clock { doubted: true }));
        if !doubt && !self.doubted && self.time > 0 && time - self.time > DAY {
            self.leaps.push((self.time, time));
        }
        self.time = time;
        match &record.body {
            Body::Committed(committed) => self.committed(committed, time),
            Body::Refused { id, code, refused, .. } => {
                assert!(self.keys.insert(*id), "{id:?} has two outcomes");
                if *code == ErrorCode::AccountFrozen {
                    let RefusedRequest::ByDomain(intent) = refused else { panic!("a table knows no freeze") };
                    let player = uses(intent).expect("somebody's money is asked for");
                    assert!(self.stands(player, time), "player {player} is refused without a freeze");
                    self.seen.refused += 1;
                }
                if *code == ErrorCode::Excluded {
                    let RefusedRequest::ByDomain(intent) = refused else {
                        panic!("a table knows no exclusion")
                    };
                    let player = plays(intent).expect("somebody bets or deposits");
                    assert!(self.is_away(player, time), "player {player} is kept out and may play");
                    self.seen.kept_out += 1;
                }
            }
            Body::Fact(Fact::Clock { doubted }) => self.doubted = *doubted,
            Body::Digest(_) | Body::Fact(_) => {}
        }
    }

    fn committed(&mut self, committed: &Committed, time: u64) {
        let Committed { id, key, intent, table, .. } = committed;
        assert!(key.is_none() || self.keys.insert(*id), "{id:?} has two outcomes");
        if let Some(player) = uses(intent) {
            assert!(!self.stands(player, time), "the money of player {player} is used in spite of a freeze");
            self.seen.passed += u64::from(self.freezes.contains_key(&player));
        }
        if let Some(player) = plays(intent) {
            assert!(
                !self.is_away(player, time),
                "player {player} plays or deposits in spite of an exclusion"
            );
        }
        if let Some(ExcludePlayer { player, kind, lasts }) = intent.get() {
            let strict = *kind == ExclusionKind::SelfExclusion;
            let until = time + lasts.expect("every exclusion here has an end");
            if self.is_away(*player, time) {
                let (before, end) = self.away[player];
                assert!(
                    end <= until && (strict || !before),
                    "the exclusion of {player} is made shorter or weaker"
                );
            }
            self.away.insert(*player, (strict, until));
            self.seen.excluded += 1;
        }
        if let Some(Reinstate { player }) = intent.get() {
            let (strict, until) = self.away[player];
            assert!(strict && until <= time, "player {player} comes back too early");
            self.away.insert(*player, (false, time + COOLING_OFF));
            self.seen.came_back += 1;
        }
        if let Some(FreezePlayer { player, freeze }) = intent.get() {
            self.freezes.insert(*player, freeze.until);
            self.seen.frozen += 1;
        }
        if let Some(Unfreeze { player }) = intent.get() {
            assert!(self.stands(*player, time), "the freeze of player {player} is lifted, and none stands");
            self.freezes.remove(player);
            self.seen.lifted += 1;
        }
        if let Some(SetAside { until, .. }) = intent.get() {
            self.aside.insert(HoldId(id.0), *until);
        }
        if let Some(HoldExpire { hold }) = intent.get() {
            assert!(!self.doubted, "something is carried out while the clock is in doubt");
            let until =
                self.aside.remove(hold).expect("what is returned was set aside, and is returned once");
            assert!(until <= time, "returned at {time}, {} too early", until - time);
            self.returned.insert(*hold);
            self.seen.returned += 1;
        }
        match table {
            Some((_, TableLeg::Ruled { .. })) => self.seen.rules += 1,
            Some((_, TableLeg::Quarantined { .. })) => self.seen.quarantined += 1,
            Some((_, TableLeg::Voided { .. })) => self.seen.voided += 1,
            Some(_) | None => {}
        }
    }

    /// Whether money is set aside still.
    pub fn waits(&self) -> bool {
        !self.aside.is_empty()
    }

    /// The state is what the log tells: each freeze stands until its end, and exactly what was set aside and not returned is
    /// held and will be due.
    pub fn is_told_by(&self, books: &Books, now: u64) {
        for player in (1..=PLAYERS).map(|player| PlayerId(player.into())) {
            for time in [now, books.time()] {
                let freeze = Freeze::of(books.domains().rows(), player, time);
                let told = self.freezes.get(&player).filter(|_| self.stands(player, time));
                assert_eq!(
                    freeze.map(|freeze| freeze.until).as_ref(),
                    told,
                    "the freeze of {player} at {time}"
                );
            }
        }
        for player in (1..=PLAYERS).map(|player| PlayerId(player.into())) {
            let exclusion = Exclusion::of(books.domains().rows(), player, now);
            let told = self.away.get(&player).filter(|_| self.is_away(player, now));
            assert_eq!(
                exclusion.map(|one| (one.kind == ExclusionKind::SelfExclusion, one.until)),
                told.map(|(strict, until)| (*strict, Some(*until))),
                "the exclusion of {player} at {now}"
            );
        }
        let ledger = books.domains().balance.ledger();
        assert!(self.aside.keys().all(|hold| ledger.hold(*hold).is_some()), "what is set aside is not held");
        assert!(self.returned.iter().all(|hold| ledger.hold(*hold).is_none()), "what was returned is held");
        assert_eq!(books.next_due(), self.aside.values().min().copied(), "what is due next");
    }
}

/// Whose money a transaction takes or holds, if it does.
fn uses(intent: &Intent) -> Option<PlayerId> {
    let stake = intent.get::<HoldStake>().map(|stake| stake.player);
    let debit = intent.get::<Debit>().map(|debit| debit.player);
    let aside = intent.get::<SetAside>().map(|aside| aside.player);
    stake.or(debit).or(aside)
}

/// Who bets or deposits, if somebody does.
fn plays(intent: &Intent) -> Option<PlayerId> {
    let stake = intent.get::<HoldStake>().map(|stake| stake.player);
    stake.or(intent.get::<Deposit>().map(|deposit| deposit.player))
}
