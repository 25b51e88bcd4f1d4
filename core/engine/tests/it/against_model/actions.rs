//! The random actions. They name players, tables and keys by small numbers, so that they meet each other.

use proptest::{prelude::*, sample::Index};

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What one unit of an amount is worth, minor units. With a large one, sums come close to their bound.
    pub unit: i128,
    /// Whether everybody has money at the start.
    pub funded: bool,
    pub actions: Vec<Action>,
}

/// One step of a run.
#[derive(Debug, Clone)]
pub enum Action {
    /// A request of this number of a key, for this player.
    Ask { key: u8, player: u8, what: What },
    /// A request of before again, under the same key; with another content, or with the same.
    Again { which: Index, other: bool },
    /// A round ends: with a payout to each of its players, or without.
    End { table: u8, payouts: Option<Vec<i128>>, fault: Option<Fault> },
    /// A hold is to expire, whether it is due or not.
    Expire { which: Index },
    /// The clock is put forward or back, in tenths of a second.
    Clock(i64),
    /// All that is due is carried out.
    Due,
    /// The hub starts again, from its log.
    Restart,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub enum What {
    Deposit {
        currency: u8,
        amount: i128,
    },
    Credit {
        currency: u8,
        amount: i128,
    },
    Debit {
        currency: u8,
        amount: i128,
    },
    Stake {
        table: u8,
        amount: i128,
    },
    /// Some of the player's stakes in the round, by the bits of a mask; perhaps another hold besides, open or not.
    Release {
        table: u8,
        mask: u8,
        stray: Option<Index>,
    },
    Freeze {
        reason: u8,
        tenths: Option<u8>,
    },
    Unfreeze,
    /// For good without tenths.
    Exclude {
        strict: bool,
        tenths: Option<u8>,
    },
    Reinstate,
    /// A pause that ends a play session, how often a player acknowledges it, and how long between two rounds.
    Sessions {
        tenths: [u8; 3],
    },
    Acknowledge,
    /// The longest time-out, the shortest self-exclusion, and how long one cools off.
    Protect {
        tenths: [u8; 3],
    },
    SetAside {
        currency: u8,
        amount: i128,
        tenths: u8,
    },
    Hold {
        currency: u8,
        amount: i128,
        tenths: Option<u8>,
    },
    /// Of a hold, mostly an open one; of all of it, or of a part in a currency.
    Capture {
        which: Index,
        open: bool,
        part: Option<(i128, u8)>,
    },
    Free {
        which: Index,
        open: bool,
    },
    Collect {
        currency: u8,
        amount: i128,
        merchant: u8,
    },
    Winnings {
        currency: u8,
        amount: i128,
        game: u8,
    },
    /// The table itself refuses the request.
    Refuse {
        code: u8,
    },
}

/// What is wrong with the end of a round.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// A player is said to have staked one more.
    Staked,
    /// A stake is named twice.
    Twice,
    /// Two players have each other's stakes.
    Swapped,
    /// The round is another one.
    Round,
    /// A player is paid an amount at a bound, in a settlement.
    Payout(i128),
    /// Somebody without a stake is paid.
    Stranger(u8),
}

/// Runs of up to 80 actions.
pub fn runs() -> impl Strategy<Value = Run> {
    let unit = prop_oneof![4 => Just(1_i128), 1 => Just(1 << 94)];
    (unit, prop::bool::weighted(0.8), prop::collection::vec(action(), 1..80))
        .prop_map(|(unit, funded, actions)| Run { unit, funded, actions })
}

fn action() -> impl Strategy<Value = Action> {
    let payouts = prop::collection::vec(prop_oneof![3 => Just(0_i128), 6 => amount()], 4);
    let fault = prop_oneof![
        Just(Fault::Staked),
        Just(Fault::Twice),
        Just(Fault::Swapped),
        Just(Fault::Round),
        prop_oneof![Just(-1_i128), Just(1 << 100)].prop_map(Fault::Payout),
        (0..4_u8).prop_map(Fault::Stranger),
    ];
    prop_oneof![
        24 => (0..60_u8, 0..4_u8, what()).prop_map(|(key, player, what)| Action::Ask { key, player, what }),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(which, other)| Action::Again { which, other }),
        5 => (0..2_u8, prop::option::of(payouts), prop::option::weighted(0.4, fault))
            .prop_map(|(table, payouts, fault)| Action::End { table, payouts, fault }),
        1 => any::<Index>().prop_map(|which| Action::Expire { which }),
        4 => (-3..6_i64).prop_map(Action::Clock),
        2 => Just(Action::Due),
        1 => Just(Action::Restart),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let stray = prop::option::weighted(0.2, any::<Index>());
    prop_oneof![
        4 => (0..2_u8, amount()).prop_map(|(currency, amount)| What::Deposit { currency, amount }),
        2 => (0..2_u8, amount()).prop_map(|(currency, amount)| What::Credit { currency, amount }),
        3 => (0..2_u8, amount()).prop_map(|(currency, amount)| What::Debit { currency, amount }),
        10 => (0..2_u8, amount()).prop_map(|(table, amount)| What::Stake { table, amount }),
        3 => (0..2_u8, any::<u8>(), stray)
            .prop_map(|(table, mask, stray)| What::Release { table, mask, stray }),
        1 => (1..=4_u8, prop::option::weighted(0.8, 0..8_u8))
            .prop_map(|(reason, tenths)| What::Freeze { reason, tenths }),
        1 => Just(What::Unfreeze),
        1 => (prop::bool::weighted(0.25), prop::option::weighted(0.95, 0..8_u8))
            .prop_map(|(strict, tenths)| What::Exclude { strict, tenths }),
        1 => Just(What::Reinstate),
        1 => (0..6_u8, 0..4_u8, 0..4_u8)
            .prop_map(|(pause, every, between)| What::Sessions { tenths: [pause, every, between] }),
        2 => Just(What::Acknowledge),
        1 => (4..8_u8, 0..4_u8, 0..4_u8)
            .prop_map(|(longest, shortest, cooling)| What::Protect { tenths: [longest, shortest, cooling] }),
        2 => (0..2_u8, amount(), 0..8_u8)
            .prop_map(|(currency, amount, tenths)| What::SetAside { currency, amount, tenths }),
        4 => (0..2_u8, amount(), prop::option::of(0..8_u8))
            .prop_map(|(currency, amount, tenths)| What::Hold { currency, amount, tenths }),
        3 => (any::<Index>(), prop::bool::weighted(0.8), prop::option::of((amount(), 0..2_u8)))
            .prop_map(|(which, open, part)| What::Capture { which, open, part }),
        1 => (any::<Index>(), prop::bool::weighted(0.8)).prop_map(|(which, open)| What::Free { which, open }),
        1 => (0..2_u8, amount(), 0..2_u8)
            .prop_map(|(currency, amount, merchant)| What::Collect { currency, amount, merchant }),
        1 => (0..2_u8, amount(), 0..2_u8)
            .prop_map(|(currency, amount, game)| What::Winnings { currency, amount, game }),
        1 => any::<u8>().prop_map(|code| What::Refuse { code }),
    ]
}

/// Mostly small, and at times at a bound.
fn amount() -> impl Strategy<Value = i128> {
    const SUM_MAX: i128 = 1 << 100;
    prop_oneof![
        30 => 1..16_i128,
        10 => 16..60_i128,
        1 => -5..=0_i128,
        1 => (-100..=1_i128).prop_map(|less| SUM_MAX + less),
        1 => prop_oneof![Just(i128::MAX), Just(i128::MIN)],
    ]
}
