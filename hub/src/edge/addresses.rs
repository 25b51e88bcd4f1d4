//! The limits of one network address: connections open, new ones a second, and requests a second. A demo player counts
//! as a connection.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use std::collections::HashMap;

use crate::config::Rate;

/// Above this many addresses, those without a connection that have asked for nothing in the last minute are forgotten.
const KEPT_MAX: usize = 10_000;

/// The open connections and the allowances of every address.
pub struct Addresses {
    connects: Allowance,
    requests: Allowance,
    open_max: u32,
    known: Mutex<Table>,
    /// Refusals since the start: too many connections open.
    pub too_many: AtomicU64,
    /// Refusals since the start: too many in a short time.
    pub too_fast: AtomicU64,
}

struct Table {
    addresses: HashMap<IpAddr, Known>,
    swept: Instant,
}

struct Known {
    open: u32,
    connects: f64,
    requests: f64,
    filled: Instant,
}

/// A token bucket: its size, and how fast it is refilled.
struct Allowance {
    per_second: f64,
    burst: f64,
}

impl Allowance {
    fn refill(&self, tokens: &mut f64, passed: Duration) {
        *tokens = (*tokens + passed.as_secs_f64() * self.per_second).min(self.burst);
    }
}

/// One connection of an address; dropped with it.
pub struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

/// What an address has had too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Too many connections are open.
    TooMany,
    /// Too many connections in a short time.
    TooFast,
}

impl Addresses {
    /// Limits without any connection yet.
    #[must_use]
    pub fn new(rate: &Rate, open_max: u32) -> Arc<Self> {
        Arc::new(Self {
            connects: Allowance {
                per_second: rate.connects_per_second_per_address.into(),
                burst: rate.connects_burst_per_address.into(),
            },
            requests: Allowance {
                per_second: rate.requests_per_second_per_address.into(),
                burst: rate.requests_burst_per_address.into(),
            },
            open_max,
            known: Mutex::new(Table { addresses: HashMap::new(), swept: Instant::now() }),
            too_many: AtomicU64::new(0),
            too_fast: AtomicU64::new(0),
        })
    }

    /// Takes a place for a connection.
    ///
    /// # Errors
    /// When the address has too many, or comes too fast.
    pub fn enter(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Place, Excess> {
        let address = network(address);
        self.take(address, now, |known| {
            if known.open >= self.open_max {
                return Err(Excess::TooMany);
            }
            known.pay()?;
            known.open += 1;
            Ok(())
        })?;
        Ok(Place { addresses: self.clone(), address })
    }

    /// Takes what a new connection costs, for something else that a stranger may ask for.
    ///
    /// # Errors
    /// When the address comes too fast.
    pub fn pay(&self, address: IpAddr, now: Instant) -> Result<(), Excess> {
        self.take(network(address), now, Known::pay)
    }

    /// Takes what a request costs. A request that costs more than is left is let through, and the next ones wait for
    /// it.
    ///
    /// # Errors
    /// When the address has nothing left.
    pub fn ask(&self, address: IpAddr, cost: u32, now: Instant) -> Result<(), Excess> {
        self.known_of(network(address), now, |known| take(&mut known.requests, cost))
    }

    /// Runs a function on the state of an address, and counts a refusal.
    fn take(
        &self,
        address: IpAddr,
        now: Instant,
        take: impl FnOnce(&mut Known) -> Result<(), Excess>,
    ) -> Result<(), Excess> {
        let taken = self.known_of(address, now, take);
        let refusals = match taken {
            Ok(()) => return Ok(()),
            Err(Excess::TooMany) => &self.too_many,
            Err(Excess::TooFast) => &self.too_fast,
        };
        refusals.fetch_add(1, Relaxed);
        taken
    }

    /// Runs a function on the state of an address.
    fn known_of(
        &self,
        address: IpAddr,
        now: Instant,
        act: impl FnOnce(&mut Known) -> Result<(), Excess>,
    ) -> Result<(), Excess> {
        let mut table = self.known.lock();
        if table.addresses.len() > KEPT_MAX && now.duration_since(table.swept) > Duration::from_secs(1) {
            let forgettable = Duration::from_secs(60);
            table
                .addresses
                .retain(|_, known| known.open > 0 || now.duration_since(known.filled) < forgettable);
            table.swept = now;
        }
        let fresh =
            Known { open: 0, connects: self.connects.burst, requests: self.requests.burst, filled: now };
        let known = table.addresses.entry(address).or_insert(fresh);
        let passed = now.duration_since(known.filled);
        self.connects.refill(&mut known.connects, passed);
        self.requests.refill(&mut known.requests, passed);
        known.filled = now;
        act(known)
    }
}

impl Known {
    fn pay(&mut self) -> Result<(), Excess> {
        take(&mut self.connects, 1)
    }
}

fn take(tokens: &mut f64, cost: u32) -> Result<(), Excess> {
    if *tokens < 1.0 {
        return Err(Excess::TooFast);
    }
    *tokens -= f64::from(cost);
    Ok(())
}

/// What an address counts as: itself, or the /64 network that one IPv6 customer has to itself.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(known) = self.addresses.known.lock().addresses.get_mut(&self.address) {
            known.open = known.open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_burst_and_then_keeps_to_its_rate_and_its_connections() {
        let rate =
            Rate { connects_per_second_per_address: 1, connects_burst_per_address: 2, ..Rate::default() };
        let addresses = Addresses::new(&rate, 2);
        let (address, began) = (IpAddr::from([127, 0, 0, 1]), Instant::now());
        let one = addresses.enter(address, began);
        let two = addresses.enter(address, began);
        assert!(one.is_ok() && two.is_ok());
        assert_eq!(addresses.enter(address, began).err(), Some(Excess::TooMany));
        drop(one);
        assert_eq!(addresses.enter(address, began).err(), Some(Excess::TooFast));
        assert!(addresses.enter(address, began + Duration::from_secs(1)).is_ok());
        assert_eq!(
            addresses.pay(address, began + Duration::from_secs(1)),
            Err(Excess::TooFast),
            "it has paid"
        );
        assert_eq!((addresses.too_many.load(Relaxed), addresses.too_fast.load(Relaxed)), (1, 2));
        assert!(addresses.enter(IpAddr::from([127, 0, 0, 2]), began).is_ok(), "another address has its own");
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let address = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    }
}
