//! What is used of limits, against the whole history of what a player did, counted anew.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Act {
    Wait(u64),
    Deposit(i128),
    Stake(i128),
    Release,
    End(i128),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..2 * DAY).prop_map(Act::Wait),
        (0..HOUR).prop_map(Act::Wait),
        (1..60_i128).prop_map(Act::Deposit),
        (1..60_i128).prop_map(Act::Stake),
        Just(Act::Release),
        (0..150_i128).prop_map(Act::End),
    ]
}

proptest! {
    /// What is used is what the whole history says, counted anew.
    #[test]
    fn limits_count_what_the_history_says(
        acts in prop::collection::vec(act(), 1..80),
        (deposit, loss, stake) in (0..200_i128, 0..200_i128, 0..300_i128),
        period in prop::sample::select(&Period::ALL[..]),
        early in prop::option::of(1..60_i128),
    ) {
        let zone = Zone::utc();
        let mut house = House::at(MONDAY);
        // Enough to stake, from before there were limits.
        house.deposit(1_000_000).unwrap();
        let early = early.map(|amount| (house.stake(amount).unwrap(), amount));
        for (kind, to) in [(LimitKind::Deposit, deposit), (LimitKind::Loss, loss), (LimitKind::Stake, stake)] {
            house.set(kind, period, to).unwrap();
        }
        let mut history: Vec<(u64, LimitKind, i128)> = Vec::new();
        let mut open: Vec<(HoldId, i128)> = early.into_iter().collect();
        for act in acts {
            let now = house.now;
            let of_period = |at: u64| period.first_day(zone.day(at)) == period.first_day(zone.day(now));
            let used = |history: &[(u64, LimitKind, i128)], kind| -> i128 {
                history.iter().filter(|(at, of, _)| *of == kind && of_period(*at)).map(|(.., amount)| amount).sum()
            };
            let at_stake: i128 = open.iter().map(|(_, amount)| amount).sum();
            match act {
                Act::Wait(time) => house.now += time,
                Act::Deposit(amount) => {
                    let fits = used(&history, LimitKind::Deposit) + amount <= deposit;
                    prop_assert_eq!(house.deposit(amount).is_ok(), fits);
                    if fits {
                        history.push((now, LimitKind::Deposit, amount));
                    }
                }
                Act::Stake(amount) => {
                    let lost = used(&history, LimitKind::Loss) + at_stake + amount;
                    let fits = lost <= loss && used(&history, LimitKind::Stake) + at_stake + amount <= stake;
                    let staked = house.stake(amount);
                    prop_assert_eq!(staked.is_ok(), fits);
                    open.extend(staked.ok().map(|hold| (hold, amount)));
                }
                Act::Release => {
                    let holds: Vec<_> = open.drain(..).map(|(hold, _)| hold).collect();
                    house.release(&holds);
                }
                Act::End(returned) => {
                    let holds: Vec<_> = open.drain(..).map(|(hold, _)| hold).collect();
                    if !holds.is_empty() {
                        house.settle(&holds, at_stake, returned);
                        history.push((now, LimitKind::Stake, at_stake));
                        history.push((now, LimitKind::Loss, at_stake - returned));
                    }
                }
            }
        }
    }
}
