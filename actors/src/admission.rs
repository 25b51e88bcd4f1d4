//! Admission control: a permit for each request under way, and a rate limit for each player.
//!
//! A permit is taken before a request goes down and dropped when its reply is handed to the socket. When none is left,
//! the request is refused as `busy` and counted. So the mailboxes of the actors below need no bounds of their own.
//! Requests that wait for Redis are counted apart ([`Permit::wait_for_redis`]), so that a Redis that hangs takes no place
//! of a bet.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use journal::Condition;
use parking_lot::Mutex;
use protocol::PlayerId;
use rustc_hash::FxHashMap;
use socket::Slot;

use crate::{
    bucket::{Bucket, Refill},
    spread,
};

/// The bounds that admission keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests under way in the whole hub; as many again may wait for Redis.
    pub in_flight_max: u32,
    /// Requests under way for one session.
    pub in_flight_per_session_max: u32,
    /// Requests a second that one player may make, over all its sessions.
    pub rate_per_second: u32,
    /// Requests a player may make at once after a pause.
    pub rate_burst: u32,
    /// Sessions of one player.
    pub sessions_per_player_max: u32,
    /// Channels that one player may subscribe to, over all its sessions, their personal channels aside.
    pub channels_per_player_max: u32,
}

impl Bounds {
    fn refill(&self) -> Refill {
        Refill { per_second: self.rate_per_second, burst: self.rate_burst }
    }
}

/// Admission control of one hub. It counts the requests under way, and the requests, sessions and channels of each
/// player.
#[derive(Debug)]
pub struct Admission {
    bounds: Bounds,
    in_flight: AtomicU32,
    waiting_for_redis: AtomicU32,
    draining: AtomicBool,
    log: Condition,
    /// Requests refused because the hub was full, since the start.
    pub busy: AtomicU64,
    /// Requests refused because their player was above the rate, since the start.
    pub too_fast: AtomicU64,
    rates: [Mutex<FxHashMap<PlayerId, Usage>>; SHARDS],
}

/// How many locks the players' rates are spread over.
const SHARDS: usize = 32;

/// From this many players on, a shard forgets those whose bucket is full again.
const FORGET_ABOVE: usize = 4_096;

/// Longest wait in the answer to a request above the rate, milliseconds. A wait that would be longer is answered with
/// half of this to all of it.
const RATE_RETRY_MAX_MS: u64 = 30_000;

/// What one player uses, over all sessions.
#[derive(Debug)]
struct Usage {
    requests: Bucket,
    /// The latest time that a request above the rate was told to wait for, milliseconds.
    promised_ms: u64,
    /// The worker of each session, and its place there.
    sessions: Vec<(u16, Slot)>,
    /// Channels to which all sessions together subscribe.
    channels: u32,
    /// No session of the player begins.
    shut_out: bool,
}

impl Usage {
    fn new(requests: Bucket) -> Self {
        Self { requests, promised_ms: 0, sessions: Vec::new(), channels: 0, shut_out: false }
    }
}

/// Why no session of a player begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotArrived {
    /// The player has as many as allowed.
    TooMany,
    /// The player is being erased, or was a moment ago.
    ShutOut,
}

/// The right to have one request under way. Dropped with the reply.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    session: Arc<AtomicU32>,
    waits_for_redis: bool,
}

impl Permit {
    /// Counts the request among those that wait for Redis from now on, and no more among those that bets are. `false`:
    /// as many wait as may; it counts where it did.
    #[must_use]
    pub fn wait_for_redis(&mut self) -> bool {
        if self.waits_for_redis {
            return true;
        }
        let admission = &self.admission;
        if admission.waiting_for_redis.fetch_add(1, Relaxed) >= admission.bounds.in_flight_max {
            admission.waiting_for_redis.fetch_sub(1, Relaxed);
            return false;
        }
        admission.in_flight.fetch_sub(1, Relaxed);
        self.waits_for_redis = true;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let admission = &self.admission;
        let count = if self.waits_for_redis { &admission.waiting_for_redis } else { &admission.in_flight };
        count.fetch_sub(1, Relaxed);
        self.session.fetch_sub(1, Relaxed);
    }
}

/// Why a player may subscribe to no more channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelsTaken {
    /// The player has one session, and it has all of them.
    ByOneSession,
    /// Several sessions of the player have them. Some of those may be dead, which is noticed after a while.
    BySeveral,
}

impl Admission {
    /// Admission with these bounds and nothing under way. Without permits while the `log` takes no records.
    #[must_use]
    pub fn new(bounds: Bounds, log: Condition) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            in_flight: AtomicU32::new(0),
            waiting_for_redis: AtomicU32::new(0),
            draining: AtomicBool::new(false),
            log,
            busy: AtomicU64::new(0),
            too_fast: AtomicU64::new(0),
            rates: std::array::from_fn(|_| Mutex::default()),
        })
    }

    /// Takes a permit for a session; `None` when the session or the hub has too much under way, or the log takes no
    /// records now.
    pub fn admit(self: &Arc<Self>, session: &Arc<AtomicU32>) -> Option<Permit> {
        if !self.log.is_ready() {
            self.busy.fetch_add(1, Relaxed);
            return None;
        }
        let hub = self.in_flight.fetch_add(1, Relaxed);
        let own = session.fetch_add(1, Relaxed);
        let permit = Permit { admission: self.clone(), session: session.clone(), waits_for_redis: false };
        if hub >= self.bounds.in_flight_max || own >= self.bounds.in_flight_per_session_max {
            self.busy.fetch_add(1, Relaxed);
            return None;
        }
        Some(permit)
    }

    /// The condition of the log: whether it takes records, and if not, why.
    #[must_use]
    pub fn log(&self) -> &Condition {
        &self.log
    }

    /// Requests under way, those that wait for Redis included.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed) + self.waiting_for_redis.load(Relaxed)
    }

    /// Whether the hub takes no new work.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Stops taking new work.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Counts one more session of a player: that of a worker, at this place.
    ///
    /// # Errors
    /// When none may begin.
    pub fn arrive(&self, player: PlayerId, session: (u16, Slot), now_ms: u64) -> Result<(), NotArrived> {
        let refill = self.bounds.refill();
        let mut rates = self.shard(player).lock();
        if rates.len() >= FORGET_ABOVE && rates.len().is_power_of_two() {
            rates.retain(|_, usage| {
                !usage.sessions.is_empty() || usage.shut_out || !usage.requests.is_full(refill, now_ms)
            });
        }
        let usage = rates.entry(player).or_insert_with(|| Usage::new(Bucket::full(refill, now_ms)));
        if usage.shut_out {
            return Err(NotArrived::ShutOut);
        }
        if usage.sessions.len() >= self.bounds.sessions_per_player_max as usize {
            return Err(NotArrived::TooMany);
        }
        usage.sessions.push(session);
        Ok(())
    }

    /// From now on no session of a player begins, until [`Admission::let_in`]. Returns the sessions that are there: whoever
    /// arrives at the same time is one of them, or is refused.
    pub fn shut_out(&self, player: PlayerId) -> Vec<(u16, Slot)> {
        let mut rates = self.shard(player).lock();
        let usage = rates.entry(player).or_insert_with(|| Usage::new(Bucket::full(self.bounds.refill(), 0)));
        usage.shut_out = true;
        usage.sessions.clone()
    }

    /// Sessions of a player may begin again.
    pub fn let_in(&self, player: PlayerId) {
        if let Some(usage) = self.shard(player).lock().get_mut(&player) {
            usage.shut_out = false;
        }
    }

    /// Sessions of a player that are there.
    #[must_use]
    pub fn sessions(&self, player: PlayerId) -> usize {
        self.shard(player).lock().get(&player).map_or(0, |usage| usage.sessions.len())
    }

    /// Counts one more channel to which a session of the player subscribes.
    ///
    /// # Errors
    /// When the player has as many as allowed.
    pub fn subscribe(&self, player: PlayerId) -> Result<(), ChannelsTaken> {
        let mut rates = self.shard(player).lock();
        let Some(usage) = rates.get_mut(&player) else { return Err(ChannelsTaken::BySeveral) };
        if usage.channels < self.bounds.channels_per_player_max {
            usage.channels += 1;
            return Ok(());
        }
        Err(if usage.sessions.len() > 1 { ChannelsTaken::BySeveral } else { ChannelsTaken::ByOneSession })
    }

    /// Takes channels off the player's count.
    pub fn unsubscribe(&self, player: PlayerId, channels: u32) {
        if let Some(usage) = self.shard(player).lock().get_mut(&player) {
            usage.channels -= channels;
        }
    }

    /// Takes a session off the player's count. Its channels are counted separately: [`Admission::unsubscribe`].
    pub fn leave(&self, player: PlayerId, session: (u16, Slot)) {
        let mut rates = self.shard(player).lock();
        // The bucket stays: a player who reconnects goes on with what is left in it.
        if let Some(usage) = rates.get_mut(&player) {
            usage.sessions.retain(|known| *known != session);
        }
    }

    /// Takes one request off a player's rate.
    ///
    /// # Errors
    /// The milliseconds to wait when the player is above the rate. Each such request gets a time of its own at which
    /// there is room, so a client that waits as told is not above the rate again.
    pub fn within_rate(&self, player: PlayerId, now_ms: u64) -> Result<(), u64> {
        let refill = self.bounds.refill();
        let mut rates = self.shard(player).lock();
        let Some(usage) = rates.get_mut(&player) else { return Ok(()) };
        let Err(wait_ms) = usage.requests.take(1, refill, now_ms) else { return Ok(()) };
        self.too_fast.fetch_add(1, Relaxed);
        let apart_ms = 1_000_u64.div_ceil(u64::from(refill.per_second).max(1));
        let own_ms = (now_ms + wait_ms).max(usage.promised_ms + apart_ms);
        if own_ms > now_ms + RATE_RETRY_MAX_MS {
            return Err(spread::wait_ms(RATE_RETRY_MAX_MS / 2..=RATE_RETRY_MAX_MS));
        }
        usage.promised_ms = own_ms;
        Err(own_ms - now_ms)
    }

    fn shard(&self, player: PlayerId) -> &Mutex<FxHashMap<PlayerId, Usage>> {
        &self.rates[(player.0 % SHARDS as u128) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(in_flight: u32, per_session: u32) -> Arc<Admission> {
        over(Condition::always_ready(), in_flight, per_session)
    }

    fn over(log: Condition, in_flight: u32, per_session: u32) -> Arc<Admission> {
        let bounds = Bounds {
            in_flight_max: in_flight,
            in_flight_per_session_max: per_session,
            rate_per_second: 10,
            rate_burst: 3,
            sessions_per_player_max: 2,
            channels_per_player_max: 3,
        };
        Admission::new(bounds, log)
    }

    /// A session at a place of the only worker.
    fn at(index: u32) -> (u16, Slot) {
        (0, Slot { index, generation: 0 })
    }

    #[test]
    fn nobody_is_admitted_while_the_log_takes_no_records() {
        let log = Condition::default();
        let admission = over(log.clone(), 2, 2);
        assert!(admission.admit(&Arc::default()).is_none(), "no spare segment has been made yet");
        let log = Condition::always_ready();
        let admission = over(log.clone(), 2, 2);
        let first = admission.admit(&Arc::default());
        assert!(first.is_some());
        log.unsound("its directory is gone".into());
        assert!(admission.admit(&Arc::default()).is_none());
        assert_eq!((admission.in_flight(), admission.busy.load(Relaxed)), (1, 1));
    }

    #[test]
    fn a_permit_counts_until_it_is_dropped() {
        let admission = admission(2, 1);
        let (one, two, three) = (Arc::default(), Arc::default(), Arc::default());
        let first = admission.admit(&one);
        assert!(first.is_some());
        assert!(admission.admit(&one).is_none(), "the session has one under way");
        let second = admission.admit(&two);
        assert!(second.is_some());
        assert!(admission.admit(&three).is_none(), "the hub has two under way");
        drop(first);
        assert!(admission.admit(&three).is_some());
        assert_eq!(admission.busy.load(Relaxed), 2);
    }

    #[test]
    fn a_player_may_burst_and_then_keeps_to_the_rate_over_all_sessions() {
        let admission = admission(9, 9);
        let player = PlayerId(7);
        assert_eq!(admission.arrive(player, at(1), 1_000), Ok(()));
        assert_eq!(admission.arrive(player, at(2), 1_000), Ok(()));
        for _ in 0..3 {
            assert_eq!(admission.within_rate(player, 1_000), Ok(()));
        }
        assert_eq!(admission.within_rate(player, 1_000), Err(100));
        assert_eq!(admission.within_rate(player, 1_099), Err(101), "1,100 is promised to the one before");
        assert_eq!(admission.within_rate(player, 1_100), Ok(()));
        admission.leave(player, at(1));
        assert!(admission.within_rate(player, 1_100).is_err(), "the other session keeps the bucket");
        admission.leave(player, at(2));
        assert_eq!(admission.arrive(player, at(3), 1_100), Ok(()));
        assert!(admission.within_rate(player, 1_100).is_err(), "coming back does not fill the bucket");
    }

    #[test]
    fn a_client_that_waits_as_told_is_within_the_rate() {
        let admission = admission(9, 9);
        let player = PlayerId(7);
        assert_eq!(admission.arrive(player, at(1), 0), Ok(()));
        let refused = (0..200).filter_map(|_| admission.within_rate(player, 0).err()).collect::<Vec<_>>();
        assert_eq!(refused.len(), 197, "three are within the burst");
        assert!(refused.is_sorted(), "in the order of their arrival: {refused:?}");
        for wait in refused {
            assert_eq!(admission.within_rate(player, wait), Ok(()), "{wait}");
        }
    }

    #[test]
    fn a_wait_has_a_bound_however_many_are_above_the_rate() {
        let admission = admission(9, 9);
        let player = PlayerId(7);
        assert_eq!(admission.arrive(player, at(1), 0), Ok(()));
        for _ in 0..5_000 {
            let wait = admission.within_rate(player, 0).err().unwrap_or_default();
            assert!(wait <= RATE_RETRY_MAX_MS, "{wait}");
        }
        assert!(
            admission.within_rate(player, 1_000).is_ok(),
            "what was promised does not hold up who comes at the rate"
        );
    }

    #[test]
    fn a_player_has_so_many_sessions_and_all_of_them_so_many_channels() {
        let admission = admission(9, 9);
        let (player, other) = (PlayerId(7), PlayerId(7 + SHARDS as u128));
        let arrive = |player, index| admission.arrive(player, at(index), 0);
        assert_eq!((arrive(player, 1), arrive(player, 2)), (Ok(()), Ok(())));
        assert_eq!(arrive(player, 3), Err(NotArrived::TooMany), "a third session");
        assert_eq!(arrive(other, 4), Ok(()), "another player");
        assert!((0..3).all(|_| admission.subscribe(player).is_ok()));
        assert_eq!(admission.subscribe(player), Err(ChannelsTaken::BySeveral), "a fourth channel");
        assert_eq!(admission.subscribe(other), Ok(()));
        admission.unsubscribe(player, 2);
        admission.leave(player, at(1));
        assert_eq!(arrive(player, 5), Ok(()), "one has left");
        assert!(admission.subscribe(player).is_ok() && admission.subscribe(player).is_ok());
        assert!(admission.subscribe(player).is_err());
        admission.leave(player, at(2));
        assert_eq!(admission.subscribe(player), Err(ChannelsTaken::ByOneSession), "nobody else has any");
    }

    #[test]
    fn who_is_shut_out_has_no_session_that_begins_and_all_that_were_there_are_told() {
        let admission = admission(9, 9);
        let (player, other) = (PlayerId(7), PlayerId(8));
        assert_eq!(admission.shut_out(other), [], "nobody has ever come");
        assert_eq!(admission.arrive(player, at(1), 0), Ok(()));
        assert_eq!(admission.shut_out(player), [at(1)]);
        assert_eq!(admission.arrive(player, at(2), 0), Err(NotArrived::ShutOut));
        assert_eq!(admission.sessions(player), 1);
        admission.leave(player, at(1));
        assert_eq!((admission.sessions(player), admission.shut_out(player)), (0, vec![]));
        // However many come meanwhile, who is shut out is not forgotten.
        for number in 0..2 * FORGET_ABOVE as u128 {
            let stranger = PlayerId(7 + (number + 1) * SHARDS as u128);
            assert_eq!(admission.arrive(stranger, at(3), number as u64), Ok(()));
            admission.leave(stranger, at(3));
        }
        assert_eq!(admission.arrive(player, at(2), u64::MAX / 2), Err(NotArrived::ShutOut));
        admission.let_in(player);
        assert_eq!(admission.arrive(player, at(2), u64::MAX / 2), Ok(()));
        assert_eq!(admission.arrive(other, at(4), 0), Err(NotArrived::ShutOut));
    }

    #[test]
    fn what_waits_for_redis_takes_no_place_of_other_requests_and_has_a_bound_of_its_own() {
        let admission = admission(2, 9);
        let session = Arc::default();
        let admit = || admission.admit(&session);
        let mut waiting: Vec<_> = (0..2).filter_map(|_| admit()).collect();
        assert!(admit().is_none(), "two are under way");
        assert!(waiting.iter_mut().all(Permit::wait_for_redis));
        let mut others: Vec<_> = (0..2).filter_map(|_| admit()).collect();
        assert_eq!((others.len(), admission.in_flight(), session.load(Relaxed)), (2, 4, 4));
        assert!(!others[0].wait_for_redis(), "two wait already");
        assert!(waiting[0].wait_for_redis(), "one of them counts once");
        assert!(admit().is_none());
        waiting.pop();
        assert!(others[0].wait_for_redis());
        drop((waiting, others));
        assert_eq!((admission.in_flight(), session.load(Relaxed)), (0, 0));
        assert!(admit().is_some());
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let admission = admission(9, 9);
        let player = PlayerId(7);
        assert_eq!(admission.arrive(player, at(1), 5_000), Ok(()));
        for _ in 0..3 {
            assert_eq!(admission.within_rate(player, 4_000), Ok(()));
        }
        assert!(admission.within_rate(player, 4_900).is_err());
        assert!(admission.within_rate(player, 5_000).is_err());
    }
}
