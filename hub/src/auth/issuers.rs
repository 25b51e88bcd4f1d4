//! Issuers whose keys change while the hub serves: which keys each has now, and when they are read again.
//!
//! Whoever checks a token looks a key up by issuer and name ([`Issuers::key`]), and never waits for a file or a network. A key that is
//! not there has the set read again, at most once in [`ASK_EVERY`]; the thread of `key_watch` does the reading. Every change of
//! a set raises [`Issuers::generation`], so that what was verified with older keys can be forgotten.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::{Duration, SystemTime},
};

use parking_lot::{Condvar, Mutex};

use super::KeySet;

/// How often a key that is not known has a set read again, at most.
pub const ASK_EVERY: Duration = Duration::from_secs(10);

/// Issuers with a set of keys.
#[derive(Debug, Default)]
pub struct Issuers {
    all: Vec<KeyIssuer>,
    generation: AtomicU64,
    failures: AtomicU64,
    /// Wakes the thread that reads.
    asked: Condvar,
    states: Mutex<Vec<KeyState>>,
}

/// An issuer, and where its keys are published.
#[derive(Debug)]
pub struct KeyIssuer {
    /// As it stands in `iss`.
    pub issuer: Arc<str>,
    /// Where the keys are.
    pub source: super::KeySource,
}

/// The keys of an issuer, and what was tried.
#[derive(Debug)]
struct KeyState {
    keys: Option<Arc<KeySet>>,
    /// When they were last read, or found unchanged; until then, when the hub started.
    fresh: SystemTime,
    /// When it was last tried to read them.
    tried: Option<SystemTime>,
    /// Somebody has asked for a key that is not there, and it was not tried since.
    wanted: bool,
}

/// Why a token cannot be checked with the keys of its issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMissing {
    /// The set is being read, because of this token or another one, or was never read.
    Awaited,
    /// The set was read a moment ago, and does not have the key.
    Unknown,
}

/// What came of reading a set again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The keys are others than before.
    Changed(Arc<KeySet>),
    /// The same.
    Unchanged,
}

impl Issuers {
    /// Issuers with the keys that were read at the start, where they were.
    #[must_use]
    pub fn new(read: Vec<(KeyIssuer, Option<KeySet>)>, now: SystemTime) -> Self {
        let (all, states) = read
            .into_iter()
            .map(|(issuer, keys)| {
                let tried = keys.is_some().then_some(now);
                (issuer, KeyState { keys: keys.map(Arc::new), fresh: now, tried, wanted: false })
            })
            .unzip();
        Self { all, states: Mutex::new(states), ..Self::default() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Each issuer, by place.
    #[must_use]
    pub fn all(&self) -> &[KeyIssuer] {
        &self.all
    }

    /// The place of an issuer.
    #[must_use]
    pub fn place(&self, issuer: &str) -> Option<usize> {
        self.all.iter().position(|known| *known.issuer == *issuer)
    }

    /// Rises with each change of a key.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Acquire)
    }

    /// The keys of the issuer at a place, which have the key of this name.
    ///
    /// # Errors
    /// Why it has not. The set is read again for it, unless that was done a moment ago.
    pub fn key(&self, place: usize, kid: &str, now: SystemTime) -> Result<Arc<KeySet>, KeyMissing> {
        let mut states = self.states.lock();
        let state = states.get_mut(place).ok_or(KeyMissing::Unknown)?;
        if let Some(keys) = &state.keys
            && keys.get(kid).is_some()
        {
            return Ok(keys.clone());
        }
        if !state.wanted && state.tried.is_some_and(|tried| is_within(tried, ASK_EVERY, now)) {
            return Err(if state.keys.is_some() { KeyMissing::Unknown } else { KeyMissing::Awaited });
        }
        state.wanted = true;
        self.asked.notify_all();
        Err(KeyMissing::Awaited)
    }

    /// Notes what reading the set of the issuer at a place gave. Older keys stay when it failed.
    pub fn note<E>(&self, place: usize, read: Result<KeySet, E>, now: SystemTime) -> Result<Refreshed, E> {
        let mut states = self.states.lock();
        let state = &mut states[place];
        (state.wanted, state.tried) = (false, Some(now));
        let keys = read.inspect_err(|_| {
            self.failures.fetch_add(1, Relaxed);
        })?;
        state.fresh = now;
        if state.keys.as_deref() == Some(&keys) {
            return Ok(Refreshed::Unchanged);
        }
        let keys = Arc::new(keys);
        state.keys = Some(keys.clone());
        // Behind the change: whoever has seen the number sees these keys.
        self.generation.fetch_add(1, Release);
        Ok(Refreshed::Changed(keys))
    }

    /// Notes that the set of the issuer at a place is as it was read.
    pub fn note_unchanged(&self, place: usize, now: SystemTime) {
        self.states.lock()[place].fresh = now;
    }

    /// Whether the set at a place is to be read again: somebody waits for a key, or it is as old as `every`; a failure is repeated
    /// sooner.
    #[must_use]
    pub fn is_due(&self, place: usize, every: Duration, now: SystemTime) -> bool {
        /// How often it is tried again after a failure, at least.
        const AFTER_FAILURE: Duration = Duration::from_secs(30);
        let state = &self.states.lock()[place];
        let failed = state.keys.is_none() || state.tried.is_some_and(|tried| state.fresh < tried);
        let every = if failed { every.min(AFTER_FAILURE) } else { every };
        state.wanted || state.tried.is_none_or(|tried| !is_within(tried, every, now))
    }

    /// Waits until somebody asks for a key that is not there, or the time is over.
    pub fn wait(&self, at_most: Duration) {
        let mut states = self.states.lock();
        if !states.iter().any(|state| state.wanted) {
            self.asked.wait_for(&mut states, at_most);
        }
    }

    /// Wakes whoever waits.
    pub fn wake(&self) {
        let _states = self.states.lock();
        self.asked.notify_all();
    }

    /// How often a set could not be read since the start.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// The time since the keys of each issuer were last found as they are used: the longest. Nothing when there are no issuers.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        self.states.lock().iter().map(|state| now.duration_since(state.fresh).unwrap_or_default()).max()
    }
}

/// Whether less than `time` has passed. Behind a clock that went back, nobody knows, and it has.
fn is_within(since: SystemTime, time: Duration, now: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|passed| passed < time)
}
