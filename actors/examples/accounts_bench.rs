//! Benchmark of the memory of accounts: bytes for each, and the longest turn while their number grows from none.
//!
//! ```text
//! cargo run --release -p actors --example accounts_bench -- [ACCOUNTS] [STEPS]
//! ```
//! Three passes over all players, each with one transaction a player: a deposit without a key opens the account; a freeze
//! adds a row; a deposit with a key adds the key's outcome. After each of `STEPS` parts of a pass it prints how many bytes
//! the process has more than before the first account, as requested of the allocator and resident. No disk, one thread; no
//! huge pages, as in a hub that serves.

mod turns;

use std::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use domains::{
    freeze::{Freeze, FreezeReason},
    recipes::{Deposit, FreezePlayer},
};
use engine::{Books, Content, DIGEST_EVERY, Envelope, Principal, Tx, TxId};
use mimalloc::MiMalloc;
use protocol::PlayerId;
use rustix::thread::disable_transparent_huge_pages;
use turns::Turns;

/// The allocator of the hub, which also counts the bytes that are requested and not given back.
struct Counted;

static REQUESTED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: every call goes to the allocator unchanged; counting does not allocate.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTED.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        REQUESTED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        REQUESTED.fetch_add(size, Relaxed);
        REQUESTED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}

/// The transaction of a pass for a player.
type Transaction = fn(usize) -> Tx;

/// Bytes of the process.
#[derive(Clone, Copy)]
struct Bytes {
    /// Requested of the allocator, and not given back.
    requested: usize,
    /// Resident memory.
    resident: usize,
}

impl Bytes {
    fn now() -> Self {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
        let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
        let resident =
            resident.expect("the second number is the resident pages") * rustix::param::page_size();
        Self { requested: REQUESTED.load(Relaxed), resident }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| {
        arguments.next().map_or(default, |text| text.parse().expect("the arguments are numbers"))
    };
    let (accounts, steps) = (number(1_000_000), number(10));

    let passes: [(&str, Transaction); 3] = [
        ("an account", |number| Tx::new(id("open", number), Principal::HUB, None, deposit(number))),
        ("and a row", |number| {
            let freeze = Freeze { reason: FreezeReason::FraudCheck, until: None };
            Tx::new(
                id("freeze", number),
                Principal::HUB,
                None,
                FreezePlayer { player: player(number), freeze },
            )
        }),
        ("and a key", |number| {
            Tx::new(id("pay", number), player(number).into(), Some(Content(1)), deposit(number))
        }),
    ];
    disable_transparent_huge_pages(true).expect("Linux");
    let mut turns = [accounts; 3].map(Turns::with_capacity);
    let (mut books, before) = (Books::default(), Bytes::now());
    for ((name, transaction), turns) in passes.iter().zip(&mut turns) {
        for step in 1..=steps {
            let upto = accounts * step / steps;
            for number in accounts * (step - 1) / steps..upto {
                let tx = transaction(number);
                let ran = turns.time(|| books.run(Envelope::Run(tx), 1, DIGEST_EVERY));
                assert!(ran.expect("it was decided on this state").record.is_some(), "each is new");
            }
            let now = Bytes::now();
            let done = if *name == "an account" { upto } else { accounts };
            let each = |bytes: usize, before: usize| bytes.saturating_sub(before) as f64 / done.max(1) as f64;
            println!(
                "{name:<10} for {upto:>8} of {done:>8}: {:.1} bytes an account requested, {:.1} resident",
                each(now.requested, before.requested),
                each(now.resident, before.resident),
            );
        }
    }
    println!("turns:");
    passes.iter().zip(turns).for_each(|((name, _), turns)| turns.report(name));
    books.check().expect("the invariants hold");
}

fn deposit(number: usize) -> Deposit {
    Deposit { player: player(number), currency: "EUR".parse().expect("a currency"), amount: 1_000_000 }
}

fn id(what: &str, number: usize) -> TxId {
    TxId::of_service("bench", &format!("{what}-{number}"))
}

/// Spread over the whole range, as real ids are.
fn player(number: usize) -> PlayerId {
    PlayerId((number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}
