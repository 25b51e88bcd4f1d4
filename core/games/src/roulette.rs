//! European roulette: one zero, 157 bets, every one of them with the same return of 36/37.
//!
//! The layout is computed once, from the geometry of its cells. The codes number the bets kind by kind in the order
//! of the table, within a kind by ascending numbers. A winning bet on `n` numbers returns `36 / n` stakes, the stake
//! included. There is no la partage and no en prison.
//!
//! | kind | numbers on the wire | bets | returns |
//! |---|---|---|---|
//! | `straight` | the number | 37 | 36 |
//! | `split` | two that touch, zero with 1, 2 or 3 too | 60 | 18 |
//! | `street` | a row of three, or a trio: 0-1-2, 0-2-3 | 14 | 12 |
//! | `corner` | a square of four, or the first four: 0-1-2-3 | 23 | 9 |
//! | `six_line` | two rows | 11 | 6 |
//! | `column` | 1, 2 or 3: the column of that number | 3 | 3 |
//! | `dozen` | 1, 2 or 3 | 3 | 3 |
//! | `red` `black` `odd` `even` `low` `high` | none | 6 | 2 |
//!
//! A trio pays like a street and the first four like a corner, so they share the kind and its limits.

use std::{num::NonZeroU32, sync::LazyLock};

use crate::{
    fair::Stream,
    game::{BetCode, BetRefused, Described, DrawResult, Face, Game},
};

/// The numbers in the order in which they stand on the wheel, clockwise from zero.
pub const WHEEL: [u8; 37] = [
    0, 32, 15, 19, 4, 21, 2, 25, 17, 34, 6, 27, 13, 36, 11, 30, 8, 23, 10, 5, 24, 16, 33, 1, 20, 14, 31, 9,
    22, 18, 29, 7, 28, 12, 35, 3, 26,
];

/// The red numbers, ascending. Zero is green, all others are black.
pub const RED: [u8; 18] = [1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36];

const POCKETS: NonZeroU32 = NonZeroU32::new(37).expect("37 is not zero");
const HIGHEST: u8 = 36;
const ROWS: u8 = 12;

/// A kind of bet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Straight,
    Split,
    Street,
    Corner,
    SixLine,
    Column,
    Dozen,
    Red,
    Black,
    Odd,
    Even,
    Low,
    High,
}

impl Kind {
    /// Names in the order of the variants: `NAMES[kind as usize]` is a kind's name on the wire.
    const NAMES: [&str; 13] = [
        "straight", "split", "street", "corner", "six_line", "column", "dozen", "red", "black", "odd",
        "even", "low", "high",
    ];
    const ALL: [Self; 13] = [
        Self::Straight,
        Self::Split,
        Self::Street,
        Self::Corner,
        Self::SixLine,
        Self::Column,
        Self::Dozen,
        Self::Red,
        Self::Black,
        Self::Odd,
        Self::Even,
        Self::Low,
        Self::High,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// How many numbers a bet of this kind has on the wire.
    fn numbers(self) -> usize {
        match self {
            Self::Straight | Self::Column | Self::Dozen => 1,
            Self::Split => 2,
            Self::Street => 3,
            Self::Corner => 4,
            Self::SixLine => 6,
            Self::Red | Self::Black | Self::Odd | Self::Even | Self::Low | Self::High => 0,
        }
    }

    /// The numbers of each bet of this kind, as on the wire, ascending.
    fn selections(self) -> Vec<Vec<u8>> {
        match self {
            Self::Straight => (0..=HIGHEST).map(|number| vec![number]).collect(),
            Self::Split => (0..=HIGHEST)
                .flat_map(|low| (low + 1..=HIGHEST).map(move |high| [low, high]))
                .filter(|[low, high]| touch(*low, *high))
                .map(Vec::from)
                .collect(),
            Self::Street => {
                let trios = [1, 2].map(|number| vec![0, number, number + 1]);
                trios.into_iter().chain((0..ROWS).map(|row| rows(row, 1))).collect()
            }
            Self::Corner => {
                let first_four = vec![0, 1, 2, 3];
                // A square is named by its lowest number, which has a neighbour to its right and one below it.
                let squares = (1..=HIGHEST - 3).filter(|number| number % 3 != 0);
                std::iter::once(first_four)
                    .chain(squares.map(|number| vec![number, number + 1, number + 3, number + 4]))
                    .collect()
            }
            Self::SixLine => (0..ROWS - 1).map(|row| rows(row, 2)).collect(),
            Self::Column | Self::Dozen => (1..=3).map(|which| vec![which]).collect(),
            Self::Red | Self::Black | Self::Odd | Self::Even | Self::Low | Self::High => vec![vec![]],
        }
    }

    /// Whether a bet of this kind with these numbers wins on `outcome`. Only inside bets ever win on zero.
    fn wins(self, numbers: &[u8], outcome: u8) -> bool {
        let outside = outcome != 0;
        match self {
            Self::Straight | Self::Split | Self::Street | Self::Corner | Self::SixLine => {
                numbers.contains(&outcome)
            }
            Self::Column => outside && numbers.contains(&((outcome - 1) % 3 + 1)),
            Self::Dozen => outside && numbers.contains(&((outcome - 1) / 12 + 1)),
            Self::Red => RED.contains(&outcome),
            Self::Black => outside && !RED.contains(&outcome),
            Self::Odd => outcome % 2 == 1,
            Self::Even => outside && outcome.is_multiple_of(2),
            Self::Low => (1..=18).contains(&outcome),
            Self::High => outcome > 18,
        }
    }
}

/// The numbers of `count` rows from `first` on; rows count from 0.
fn rows(first: u8, count: u8) -> Vec<u8> {
    (3 * first + 1..=3 * (first + count)).collect()
}

/// Whether two cells share an edge, `low` below `high`. Zero lies along the whole first row.
fn touch(low: u8, high: u8) -> bool {
    if low == 0 {
        return high <= 3;
    }
    let side_by_side = high - low == 1 && !low.is_multiple_of(3);
    let one_above_the_other = high - low == 3;
    side_by_side || one_above_the_other
}

/// One bet of the layout.
struct Spot {
    kind: Kind,
    numbers: Vec<u8>,
    covers: Vec<u8>,
    /// `numbers` as a set, to find a bet by its numbers in any order.
    key: Set,
}

/// A set of numbers below 64, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Set(u64);

impl Set {
    fn with(self, number: u8) -> Self {
        Self(self.0 | 1 << number)
    }
    fn contains(self, number: u8) -> bool {
        self.0 & 1 << number != 0
    }
}

/// All bets; a bet's place here is its code.
static LAYOUT: LazyLock<Vec<Spot>> = LazyLock::new(|| {
    let selections = |kind: Kind| kind.selections().into_iter().map(move |numbers| (kind, numbers));
    let spot = |(kind, numbers): (Kind, Vec<u8>)| {
        let covers = (0..=HIGHEST).filter(|outcome| kind.wins(&numbers, *outcome)).collect();
        let key = numbers.iter().fold(Set::default(), |set, number| set.with(*number));
        Spot { kind, numbers, covers, key }
    };
    Kind::ALL.into_iter().flat_map(selections).map(spot).collect()
});

/// Roulette with one zero. The rules are in the module's table.
#[derive(Debug, Clone, Copy)]
pub struct European;

impl Game for European {
    fn name(&self) -> &'static str {
        "roulette"
    }

    fn rules_version(&self) -> u16 {
        1
    }

    fn kinds(&self) -> &'static [&'static str] {
        &Kind::NAMES
    }

    fn bets(&self) -> u16 {
        u16::try_from(LAYOUT.len()).expect("the layout has 157 bets")
    }

    fn results(&self) -> u32 {
        POCKETS.get()
    }

    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused> {
        let kind = Kind::named(kind).ok_or(BetRefused::KindUnknown)?;
        if numbers.len() != kind.numbers() {
            return Err(BetRefused::WrongCount { kind: kind.name(), expected: kind.numbers() });
        }
        if let Some(number) = numbers.iter().find(|number| **number > HIGHEST) {
            return Err(BetRefused::NumberUnknown(*number));
        }
        let mut key = Set::default();
        for &number in numbers {
            if key.contains(number) {
                return Err(BetRefused::NumberTwice(number));
            }
            key = key.with(number);
        }
        let place = LAYOUT.iter().position(|spot| spot.kind == kind && spot.key == key);
        let place = place.ok_or(BetRefused::NotOnLayout { kind: kind.name() })?;
        Ok(BetCode(u16::try_from(place).expect("the layout has 157 bets")))
    }

    fn describe(&self, code: BetCode) -> Option<Described> {
        let spot = LAYOUT.get(usize::from(code.0))?;
        Some(Described {
            kind: spot.kind.name(),
            kind_index: spot.kind as usize,
            numbers: &spot.numbers,
            covers: &spot.covers,
        })
    }

    fn draw(&self, stream: &mut Stream) -> DrawResult {
        DrawResult(stream.below(POCKETS))
    }

    fn payout(&self, code: BetCode, stake: i128, outcome: DrawResult) -> Option<i128> {
        let spot = LAYOUT.get(usize::from(code.0))?;
        let outcome = pocket(outcome)?;
        if stake < 0 {
            return None;
        }
        if !spot.covers.contains(&outcome) {
            return Some(0);
        }
        // Every bet covers 1, 2, 3, 4, 6, 12 or 18 numbers, so the division is exact.
        stake.checked_mul(36 / i128::try_from(spot.covers.len()).ok()?)
    }

    fn face(&self, outcome: DrawResult) -> Option<Face> {
        let number = pocket(outcome)?;
        let colour = match number {
            0 => "green",
            red if RED.contains(&red) => "red",
            _ => "black",
        };
        Some(Face { name: number.to_string(), colour })
    }
}

/// The number of an outcome; `None` when it is not on the wheel.
fn pocket(outcome: DrawResult) -> Option<u8> {
    u8::try_from(outcome.0).ok().filter(|number| *number <= HIGHEST)
}

#[cfg(test)]
mod tests;
