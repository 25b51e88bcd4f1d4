//! The limits of one network address: connections open, new ones a second, and requests a second. A demo player counts
//! as a connection.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use actors::bucket::{Bucket, Refill};
use parking_lot::Mutex;
use std::collections::HashMap;

use crate::config::Rate;

/// Above this many addresses, those without a connection whose allowances are whole again are forgotten.
const KEPT_MAX: usize = 10_000;

/// How often they are looked for, at most. Milliseconds.
const SWEEP_EVERY_MS: u64 = 1_000;

/// The open connections and the allowances of every address.
pub struct Addresses {
    connects: Refill,
    requests: Refill,
    open_max: u32,
    known: Mutex<Table>,
    /// When the hub started: allowances count the milliseconds since.
    began: Instant,
    /// Refusals since the start: too many connections open.
    pub too_many: AtomicU64,
    /// Refusals since the start: too many in a short time.
    pub too_fast: AtomicU64,
}

struct Table {
    addresses: HashMap<IpAddr, Known>,
    swept_ms: u64,
}

struct Known {
    open: u32,
    connects: Bucket,
    requests: Bucket,
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
    /// Limits without any connection yet. `began`: no later than any time that is given afterwards.
    #[must_use]
    pub fn new(rate: &Rate, open_max: u32, began: Instant) -> Arc<Self> {
        Arc::new(Self {
            connects: Refill {
                per_second: rate.connects_per_second_per_address,
                burst: rate.connects_burst_per_address,
            },
            requests: Refill {
                per_second: rate.requests_per_second_per_address,
                burst: rate.requests_burst_per_address,
            },
            open_max,
            known: Mutex::new(Table { addresses: HashMap::new(), swept_ms: 0 }),
            began,
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
        self.counted(self.known_of(address, now, |known, now_ms| {
            if known.open >= self.open_max {
                return Err(Excess::TooMany);
            }
            take(&mut known.connects, 1, self.connects, now_ms)?;
            known.open += 1;
            Ok(())
        }))?;
        Ok(Place { addresses: self.clone(), address })
    }

    /// Takes what a new connection costs, for something else that a stranger may ask for.
    ///
    /// # Errors
    /// When the address comes too fast.
    pub fn pay(&self, address: IpAddr, now: Instant) -> Result<(), Excess> {
        self.counted(self.known_of(network(address), now, |known, now_ms| {
            take(&mut known.connects, 1, self.connects, now_ms)
        }))
    }

    /// Takes what a request costs, 1 at least. A request that costs more than is left is let through, and the next ones
    /// wait for it.
    ///
    /// # Errors
    /// When the address has nothing left.
    pub fn ask(&self, address: IpAddr, cost: u32, now: Instant) -> Result<(), Excess> {
        self.known_of(network(address), now, |known, now_ms| {
            take(&mut known.requests, cost, self.requests, now_ms)
        })
    }

    /// Counts a refusal.
    fn counted(&self, taken: Result<(), Excess>) -> Result<(), Excess> {
        let refusals = match taken {
            Ok(()) => return Ok(()),
            Err(Excess::TooMany) => &self.too_many,
            Err(Excess::TooFast) => &self.too_fast,
        };
        refusals.fetch_add(1, Relaxed);
        taken
    }

    /// Runs a function on the state of an address, with the milliseconds since the start.
    fn known_of(
        &self,
        address: IpAddr,
        now: Instant,
        act: impl FnOnce(&mut Known, u64) -> Result<(), Excess>,
    ) -> Result<(), Excess> {
        let now_ms = u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        let (connects, requests) = (self.connects, self.requests);
        let mut table = self.known.lock();
        if table.addresses.len() > KEPT_MAX && now_ms.saturating_sub(table.swept_ms) > SWEEP_EVERY_MS {
            table.addresses.retain(|_, known| {
                let whole =
                    known.connects.is_full(connects, now_ms) && known.requests.is_full(requests, now_ms);
                known.open > 0 || !whole
            });
            table.swept_ms = now_ms;
        }
        let known = table.addresses.entry(address).or_insert_with(|| Known {
            open: 0,
            connects: Bucket::full(connects, now_ms),
            requests: Bucket::full(requests, now_ms),
        });
        act(known, now_ms)
    }
}

/// Takes a cost of 1 or more when there is 1: what is missing is owed.
fn take(bucket: &mut Bucket, cost: u32, refill: Refill, now_ms: u64) -> Result<(), Excess> {
    bucket.take(1, refill, now_ms).map_err(|_wait_ms| Excess::TooFast)?;
    bucket.owe(cost.saturating_sub(1).into(), refill, now_ms);
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
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    #[test]
    fn an_address_may_burst_and_then_keeps_to_its_rate_and_its_connections() {
        let rate =
            Rate { connects_per_second_per_address: 1, connects_burst_per_address: 2, ..Rate::default() };
        let (address, began) = (IpAddr::from([127, 0, 0, 1]), Instant::now());
        let addresses = Addresses::new(&rate, 2, began);
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
    fn a_request_above_what_is_left_is_let_through_and_the_next_ones_wait_for_it() {
        let rate =
            Rate { requests_per_second_per_address: 10, requests_burst_per_address: 20, ..Rate::default() };
        let (address, began) = (IpAddr::from([127, 0, 0, 1]), Instant::now());
        let addresses = Addresses::new(&rate, 2, began);
        let ask = |cost, ms| addresses.ask(address, cost, began + Duration::from_millis(ms));
        assert_eq!(ask(30, 0), Ok(()));
        assert_eq!(ask(1, 1_099), Err(Excess::TooFast), "10 are owed");
        assert_eq!(ask(1, 1_100), Ok(()));
    }

    #[test]
    fn an_address_is_forgotten_only_without_connections_and_once_its_allowances_are_whole_again() {
        let rate =
            Rate { connects_per_second_per_address: 1, connects_burst_per_address: 10, ..Rate::default() };
        let began = Instant::now();
        let addresses = Addresses::new(&rate, 2, began);
        let kept = || addresses.known.lock().addresses.len();
        for number in 0..=KEPT_MAX as u32 {
            let address = Ipv4Addr::from_bits(number).into();
            let costs = if number == 0 { 5 } else { 1 };
            (0..costs).for_each(|_| addresses.pay(address, began).expect("within the burst"));
        }
        let open = addresses.enter(Ipv4Addr::from_bits(1).into(), began).expect("within the burst");
        assert_eq!(kept(), KEPT_MAX + 1);
        let later = began + Duration::from_secs(2);
        addresses.pay(Ipv4Addr::from_bits(u32::MAX).into(), later).expect("a new address");
        assert_eq!(kept(), 3, "the one that has used five, the one with a connection, and the new one");
        drop(open);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let address = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
    }
}
