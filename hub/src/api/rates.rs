//! How much one caller of the API may ask for: changes, reads, dashboards and publications, each with a limit of its own (GCRA).
//!
//! Only callers whose token was accepted are counted, so nobody fills the memory of the limits without a token. They hold for
//! this process.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use actix_web::{HttpRequest, http::Method};
use engine::Principal;
use governor::{
    InsufficientCapacity, Quota, RateLimiter,
    clock::{Clock, MonotonicClock, Reference},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};
use parking_lot::Mutex;
use protocol::ErrorCode;

use crate::{
    auth::Caller,
    config::{LIST_READS, Rate},
    edge::{
        allowance::Allowance,
        error::{Error, Kind},
    },
};

/// Most callers who are counted apart. Those beyond share one allowance, until the allowance of another caller is whole again.
const KEPT_MAX: usize = 10_000;

/// How often those whose allowance is whole again are looked for, at most.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How many refused acts of one operator are recorded at once, and then a minute: enough to see who tries what, and at most a megabyte a day of each
/// operator in the log.
const REFUSALS_A_MINUTE: u32 = 10;

/// What a request takes from, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRate {
    class: RateClass,
    cost: NonZeroU32,
}

/// What is limited together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RateClass {
    Changes,
    Reads,
    Dashboards,
    Publications,
}

impl RouteRate {
    /// A change, whether it is carried out or not.
    const CHANGE: Self = Self::of_class(RateClass::Changes, 1);
    /// One thing that is read.
    const READ: Self = Self::of_class(RateClass::Reads, 1);
    /// A page of a list, or a report. Its route has it as its data (`Resource::app_data`).
    pub const LIST: Self = Self::of_class(RateClass::Reads, LIST_READS);
    /// The figures of a dashboard, likewise.
    pub const DASHBOARD: Self = Self::of_class(RateClass::Dashboards, 1);
    /// A publication over HTTP, whether it is taken or not, likewise.
    pub const PUBLICATION: Self = Self::of_class(RateClass::Publications, 1);

    const fn of_class(class: RateClass, cost: u32) -> Self {
        Self { class, cost: NonZeroU32::new(cost).expect("a request costs something") }
    }

    /// That of a request: the one its route has, or by its method.
    fn of(request: &HttpRequest) -> Self {
        let by_method = match *request.method() {
            Method::GET | Method::HEAD => Self::READ,
            _ => Self::CHANGE,
        };
        request.app_data().copied().unwrap_or(by_method)
    }
}

impl RateClass {
    const ALL: [Self; 4] = [Self::Changes, Self::Reads, Self::Dashboards, Self::Publications];

    fn name(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Reads => "reads",
            Self::Dashboards => "dashboards",
            Self::Publications => "publications",
        }
    }

    /// How many in which time, and how many at once.
    fn of(self, rate: &Rate) -> (u32, Duration, u32) {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        match self {
            Self::Changes => (rate.changes_per_second_per_caller, SECOND, rate.changes_burst_per_caller),
            Self::Reads => (rate.reads_per_second_per_caller, SECOND, rate.reads_burst_per_caller),
            Self::Dashboards => {
                (rate.dashboards_per_minute_per_caller, MINUTE, rate.dashboards_burst_per_caller)
            }
            Self::Publications => {
                (rate.publications_per_second_per_caller, SECOND, rate.publications_burst_per_caller)
            }
        }
    }

    /// What a caller above the limit is told, and the operator finds in the configuration.
    fn words(self, caller: &Caller, rate: &Rate) -> String {
        let (name, (times, period, burst)) = (self.name(), self.of(rate));
        let unit = if period == Duration::from_secs(1) { "second" } else { "minute" };
        format!(
            "the limit of {caller} for {name} is {burst} at once and {times} a {unit} (rate.{name}_burst_per_caller, \
             rate.{name}_per_{unit}_per_caller)"
        )
    }
}

/// The limits of all callers.
#[derive(Debug)]
pub struct CallerRates<C: Clock = MonotonicClock> {
    /// One for each class, in the order of [`RateClass::ALL`].
    limits: [Limit<C>; 4],
    /// That of the records of refused acts.
    refusals: Limit<C>,
    rate: Rate,
}

impl CallerRates {
    /// As configured, with nothing taken.
    #[must_use]
    pub fn new(rate: &Rate) -> Self {
        Self::by_clock(rate, MonotonicClock)
    }
}

impl<C: Clock + Clone> CallerRates<C> {
    fn by_clock(rate: &Rate, clock: C) -> Self {
        Self {
            limits: RateClass::ALL.map(|class| Limit::new(class.of(rate), clock.clone())),
            refusals: Limit::new(
                (REFUSALS_A_MINUTE, Duration::from_secs(60), REFUSALS_A_MINUTE),
                clock.clone(),
            ),
            rate: rate.clone(),
        }
    }

    /// Charges a caller for a request, and leaves with the request what is left to the caller.
    ///
    /// # Errors
    /// `rate_limited`, with the time to wait.
    pub fn charge(&self, caller: &Caller, request: &HttpRequest) -> Result<(), Error> {
        let RouteRate { class, cost } = RouteRate::of(request);
        let (allowance, wait) = self.limits[class as usize].take(caller.principal(), cost);
        allowance.leave(request);
        let Some(wait) = wait else { return Ok(()) };
        let error = Error::new(Kind::Money(ErrorCode::RateLimited), class.words(caller, &self.rate));
        Err(error.retry_after_ms(whole_ms(wait)))
    }

    /// Whether one more refused act of a caller is recorded.
    pub fn may_record_refusal(&self, caller: &Caller) -> bool {
        self.refusals.take(caller.principal(), NonZeroU32::MIN).1.is_none()
    }

    /// Requests that were refused since the start, by what they are charged as.
    #[must_use]
    pub fn refused(&self) -> [(&'static str, u64); 4] {
        RateClass::ALL.map(|class| (class.name(), self.limits[class as usize].refused.load(Relaxed)))
    }
}

/// Milliseconds, rounded up.
fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// One limit, for each caller.
#[derive(Debug)]
struct Limit<C: Clock> {
    limiter: RateLimiter<Principal, KeptCallers, C, StateInformationMiddleware>,
    quota: Quota,
    swept: Mutex<C::Instant>,
    refused: AtomicU64,
}

impl<C: Clock> Limit<C> {
    fn new((times, period, burst): (u32, Duration, u32), clock: C) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period / times.max(1)).expect("no period is that short");
        let (quota, swept) = (quota.allow_burst(burst), Mutex::new(clock.now()));
        let limiter = RateLimiter::new(quota, KeptCallers::default(), clock);
        Self { limiter, quota, swept, refused: AtomicU64::new(0) }
    }

    /// Takes what a request costs. What is left, and the time to wait when it was too much and nothing was taken.
    fn take(&self, caller: Principal, cost: NonZeroU32) -> (Allowance, Option<Duration>) {
        self.sweep();
        let (step, limit) = (self.quota.replenish_interval(), self.quota.burst_size().get());
        let asked_at = self.limiter.clock().now();
        match self.limiter.check_key_n(&caller, cost) {
            Ok(Ok(left)) => {
                let remaining = left.remaining_burst_capacity();
                let whole_in_ms = whole_ms(step * (limit - remaining));
                (Allowance { limit, remaining, whole_in_ms }, None)
            }
            Ok(Err(not_until)) => {
                self.refused.fetch_add(1, Relaxed);
                let wait = not_until.wait_time_from(asked_at);
                // So much comes back while the caller waits.
                let missing = wait.as_nanos().div_ceil(step.as_nanos());
                let remaining = cost.get().saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX));
                let whole_in_ms = whole_ms(wait + step * limit.saturating_sub(cost.get()));
                (Allowance { limit, remaining, whole_in_ms }, Some(wait))
            }
            // The configuration does not allow it.
            Err(InsufficientCapacity(_)) => {
                self.refused.fetch_add(1, Relaxed);
                (Allowance { limit, remaining: 0, whole_in_ms: 0 }, Some(step * limit))
            }
        }
    }

    /// Forgets those whose allowance is whole again, when there are many.
    fn sweep(&self) {
        if self.limiter.len() < KEPT_MAX {
            return;
        }
        let now = self.limiter.clock().now();
        let mut swept = self.swept.lock();
        if Duration::from(now.duration_since(*swept)) >= SWEEP_EVERY {
            *swept = now;
            self.limiter.retain_recent();
        }
    }
}

/// Until when each caller has used up what came back, as `governor` counts it.
#[derive(Debug, Default)]
struct KeptCallers(Mutex<UsedUp>);

#[derive(Debug, Default)]
struct UsedUp {
    until: HashMap<Principal, Nanos>,
    /// The same of all those for whom there is no room.
    rest: Option<Nanos>,
}

impl StateStore for KeptCallers {
    type Key = Principal;

    fn measure_and_replace<T, F, E>(&self, caller: &Principal, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let UsedUp { until, rest } = &mut *self.0.lock();
        if let Some(until) = until.get_mut(caller) {
            let (left, next) = decide(Some(*until))?;
            *until = next;
            return Ok(left);
        }
        if until.len() < KEPT_MAX {
            let (left, next) = decide(None)?;
            until.insert(*caller, next);
            return Ok(left);
        }
        let (left, next) = decide(*rest)?;
        *rest = Some(next);
        Ok(left)
    }
}

impl ShrinkableKeyedStateStore<Principal> for KeptCallers {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.lock().until.retain(|_, until| *until > drop_below);
    }

    fn len(&self) -> usize {
        self.0.lock().until.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
