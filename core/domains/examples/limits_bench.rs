//! Measures what limits of players cost in memory, and what a deposit costs before and after a midnight at which the limits of
//! all of them begin anew and the time-outs of all others end.
//!
//! ```text
//! cargo run --release -p domains --example limits_bench -- [PLAYERS]
//! ```
//! One thread, no disk. Memory is what the process has resident, from `/proc/self/statm`.

use std::time::{Duration, Instant};

use domains::{
    Context, Domains, Intent, Principal,
    calendar::{DAY, OffsetChange, Period, Zone},
    exclusion::ExclusionKind,
    limit_rules::LimitRules,
    limits::{LimitId, LimitKind, LimitSetter},
    recipes::{Deposit, ExcludePlayer, SetLimitRules, SetPlayerLimit},
};
use ledger::HoldId;
use protocol::{Currency, PlayerId};

/// How many deposits are timed on each side of midnight.
const TIMED: u64 = 200_000;
/// 2026-01-05, and an hour before the midnight after it.
const MORNING: u64 = 20_458 * DAY + DAY / 3;
const EVENING: u64 = 20_459 * DAY - DAY / 24;

fn main() {
    let players =
        std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number of players"));
    let mut domains = Domains::default();
    let zone = (0..26).map(|year| OffsetChange { from: year * 180 * DAY, offset: (year % 2) as i32 * 3_600 });
    let zone = Zone::new(zone.collect()).expect("a zone");
    run(&mut domains, MORNING, SetLimitRules(LimitRules { zone, ..LimitRules::standard() }));
    let (before, began) = (resident(), Instant::now());
    for number in 0..players {
        for (kind, period) in [
            (LimitKind::Deposit, Period::Day),
            (LimitKind::Loss, Period::Week),
            (LimitKind::Stake, Period::Month),
        ] {
            let id = LimitId { kind, period, currency: Some(eur()) };
            let set =
                SetPlayerLimit { player: player(number), id, by: LimitSetter::Player, to: Some(100_000) };
            run(&mut domains, MORNING, set);
        }
    }
    let bytes = resident().saturating_sub(before) as f64 / players as f64;
    println!(
        "{players} players with three limits each: {bytes:.0} bytes each, set in {:.1?}",
        began.elapsed()
    );
    for number in players..2 * players {
        let lasts = Some(20_459 * DAY - MORNING);
        run(
            &mut domains,
            MORNING,
            ExcludePlayer { player: player(number), kind: ExclusionKind::TimeOut, lasts },
        );
    }
    for (name, now) in [("before midnight", EVENING), ("behind midnight", 20_459 * DAY + 1)] {
        let mut times: Vec<Duration> = (0..TIMED)
            .map(|number| {
                // Players with limits, and behind midnight also those whose time-out has ended.
                let among = if now > EVENING { 2 * players } else { players };
                let player = player(number.wrapping_mul(7_919) % among);
                let began = Instant::now();
                run(&mut domains, now, Deposit { player, currency: eur(), amount: 1 });
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("  a deposit {name}: median {:.2?}, p99 {:.2?}, longest {:.2?}", at(0.5), at(0.99), at(1.0));
    }
}

fn run(domains: &mut Domains, now: u64, intent: impl Into<Intent>) {
    let context = Context { now, id: HoldId(1), principal: Principal::HUB, view: domains, shares: &[] };
    let effects = intent.into().decide(&context).expect("nothing stands against it");
    effects.rows.into_iter().for_each(|row| domains.rows.put(row));
    for (domain, leg) in effects.legs {
        domains.ledger_mut(domain).take_over(leg.changes);
    }
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// A player id whose bits are spread as in real ids, which are hashes.
fn player(number: u64) -> PlayerId {
    PlayerId(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * 4_096
}
