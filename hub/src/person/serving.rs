//! The erasure of a person by the hub that serves.
//!
//! In this order: the sessions of the player are closed and none begins; a turn of the money thread decides and records; when
//! the record is on disk, the people store forgets the person. A crash between two steps is carried on by the next start
//! (`E8`). Whatever of the player is queued behind the record is refused by its turn. Play goes on meanwhile.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use ::people::{Erased, NotErased, People, Person, Readiness, storage::PlayerStanding};
use actors::{
    admission::Admission, eviction::Eviction, house::House, messages::money::Erasure,
    ports::money::MoneyPort, workers::Workers,
};
use parking_lot::Mutex;
use protocol::PlayerId;

use super::{erase::told, error::Error};
use crate::{control::ErasePerson, telemetry::events as telemetry};

/// Longest time until the sessions of a player have ended. A client has `socket.close_within_ms` for its answer to a close
/// frame, 30 s at most.
const SESSIONS_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Longest time for which the people store is tried while another process uses it, such as a backup, or there is no room.
const STORE_WITHIN: Duration = Duration::from_secs(30);
/// How long it waits in between. The store has waited two seconds itself, and whoever is new is enrolled meanwhile.
const STORE_AGAIN: Duration = Duration::from_millis(200);

/// What a serving hub needs to erase somebody.
pub struct Erasing {
    people: People,
    money: MoneyPort,
    admission: Arc<Admission>,
    workers: Workers,
    /// One at a time.
    turn: Mutex<()>,
}

impl Erasing {
    /// For this hub.
    #[must_use]
    pub fn new(people: &People, house: &House, admission: &Arc<Admission>) -> Self {
        Self {
            people: people.clone(),
            money: house.money.clone(),
            admission: admission.clone(),
            workers: house.workers.clone(),
            turn: Mutex::new(()),
        }
    }

    /// Erases a person. Returns what was done, in words. Blocks the thread, which must not be one of a runtime.
    ///
    /// # Errors
    /// Why not, or not wholly, in words. None of them has a name.
    pub fn erase(&self, order: &ErasePerson, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
        self.erased(order, tell).map_err(|error| journal::with_causes(&error))
    }

    fn erased(&self, order: &ErasePerson, tell: &mut dyn FnMut(&str)) -> Result<String, Error> {
        let _turn = self.turn.try_lock().ok_or(Error::Busy)?;
        let (player, excluded) = (self.player(order)?, order.excluded);
        let PlayerStanding { has, named, erased, excludes } = self.may_be_asked(player, tell)?;
        if !has && !erased {
            return Err(Error::Nobody);
        }
        // Nobody is closed out for an erasure that is refused, as far as that is known before.
        let asked = self.money.erase(player, excluded, false).blocking_recv().map_err(|_| Error::Ends)?;
        // An exclusion that recognises nobody is not recorded: every start would tell that it is lost.
        if excluded && asked != Erasure::Before && !excludes && !named {
            return Err(Error::ErasedBefore(player));
        }
        if let Erasure::Open { open, scale } = asked {
            return Err(Error::Open { player, open, scale });
        }
        tell("closing the sessions of the player");
        let eviction = self.closed_out(player)?;
        let recorded = match self.money.erase(player, excluded, true).blocking_recv() {
            Ok(Erasure::Open { open, scale }) => return Err(Error::Open { player, open, scale }),
            // Whether it will be recorded is not known: nobody comes in under this id any more.
            Err(_) => {
                eviction.for_good();
                return Err(Error::Ends);
            }
            Ok(Erasure::Recorded(lsn)) => Some(lsn),
            Ok(Erasure::Before | Erasure::Possible) => None,
        };
        eviction.for_good();
        let forget = |to: mpsc::Sender<_>| {
            self.people.erase(player, excluded, move |erased| {
                let _ = to.send(erased);
            });
        };
        let erased: Erased = answered(forget, tell).map_err(|source| {
            telemetry::not_forgotten(player, source);
            Error::Unforgotten { player, source }
        })?;
        if recorded.is_some() || !erased.removed.is_empty() {
            telemetry::person_erased(player);
        }
        Ok(told(player, excluded, &erased, recorded))
    }

    /// The id of whoever is to be erased; for an id that nobody has, the id as it was given.
    fn player(&self, order: &ErasePerson) -> Result<PlayerId, Error> {
        if let Some(player) = order.id {
            return Ok(player);
        }
        let (issuer, subject) = (order.issuer.as_deref(), order.subject.as_deref());
        let person = Person::new(issuer.unwrap_or_default().into(), subject.unwrap_or_default());
        let person = person.map_err(|_| Error::NoName)?;
        match self.people.get(&person) {
            Some(player) => Ok(player),
            None if self.people.is_excluded(&person) => Err(Error::Excluded),
            None => Err(Error::Nobody),
        }
    }

    /// What the people store has of a player, when log and store can be written.
    fn may_be_asked(&self, player: PlayerId, tell: &mut dyn FnMut(&str)) -> Result<PlayerStanding, Error> {
        if !self.admission.log().is_ready() {
            return Err(Error::NoRecords);
        }
        if let Readiness::Closed(_) = self.people.readiness() {
            return Err(Error::Store(NotErased::Closed));
        }
        let ask = |to: mpsc::Sender<_>| {
            self.people.standing(player, move |standing| {
                let _ = to.send(standing);
            });
        };
        answered(ask, tell).map_err(Error::Store)
    }

    /// Closes the sessions of a player and waits until all have ended.
    fn closed_out(&self, player: PlayerId) -> Result<Eviction, Error> {
        let eviction = Eviction::begin(player, &self.admission, &self.workers);
        let until = Instant::now() + SESSIONS_WITHIN;
        while !eviction.is_over() {
            if Instant::now() >= until {
                return Err(Error::SessionStays { player, seconds: SESSIONS_WITHIN.as_secs() });
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(eviction)
    }
}

/// Asks the people store, again for a while where it cannot answer now.
fn answered<T>(
    ask: impl Fn(mpsc::Sender<Result<T, NotErased>>),
    tell: &mut dyn FnMut(&str),
) -> Result<T, NotErased> {
    let until = Instant::now() + STORE_WITHIN;
    let mut is_told = false;
    loop {
        let (sender, answer) = mpsc::channel();
        ask(sender);
        // Without a writer nobody answers.
        match answer.recv().unwrap_or(Err(NotErased::Closed)) {
            Err(why) if why.passes() && Instant::now() < until => {
                if !is_told {
                    tell(&format!("{why}: it is tried for {} s", STORE_WITHIN.as_secs()));
                    is_told = true;
                }
                thread::sleep(STORE_AGAIN);
            }
            answer => return answer,
        }
    }
}
