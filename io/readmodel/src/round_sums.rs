//! Sums over rounds, as they are gathered, kept by day and asked for.

use std::ops::AddAssign;

use rusqlite::Row;

use crate::money::{StoredMoney, Unsigned};

/// Sums over rounds. Money in minor units.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoundSums {
    /// Rounds that were drawn.
    pub settled: u64,
    /// Rounds that were void.
    pub voided: u64,
    /// Requests whose bets were settled.
    pub requests: u64,
    /// Sum of the stakes of the drawn rounds.
    pub staked: i128,
    /// Sum of their payouts, stakes included.
    pub returned: i128,
    /// Sum of the squares of the drawn rounds' stakes: what chance may do to the return follows from it.
    pub staked_squares: f64,
}

impl AddAssign<&Self> for RoundSums {
    fn add_assign(&mut self, other: &Self) {
        let Self { settled, voided, requests, staked, returned, staked_squares } = other;
        self.settled += settled;
        self.voided += voided;
        self.requests += requests;
        self.staked += staked;
        self.returned += returned;
        self.staked_squares += staked_squares;
    }
}

impl RoundSums {
    /// Reads six columns, from this one on.
    pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            settled: row.get::<_, Unsigned>(first)?.0,
            voided: row.get::<_, Unsigned>(first + 1)?.0,
            requests: row.get::<_, Unsigned>(first + 2)?.0,
            staked: row.get::<_, StoredMoney>(first + 3)?.0,
            returned: row.get::<_, StoredMoney>(first + 4)?.0,
            staked_squares: row.get(first + 5)?,
        })
    }
}
