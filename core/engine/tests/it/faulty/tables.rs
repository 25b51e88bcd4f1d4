//! Wrong recipes at a table: what the table's leg says of stakes is not what the money does.

use domains::{balance, decide::Deciding};
use engine::{
    Tx, TxId,
    table::{TableLeg, VoidReason},
};
use games::BetCode;
use ledger::{AccountId, Hold, HoldId, Prover, Purpose, SUM_MAX, Source};
use protocol::{PlayerId, RoundId};

use super::recipe::{
    Case, DEPOSIT, Does, ID, NOTHING, OTHER, PLAYER, at, capture, credit, hold, round, stake, tell,
};
use crate::rig::{config, eur, table_id, tx_id};

/// Every difference that the proof names.
pub const DIFFERENCES: &[&str] = &[
    "the hold has another name",
    "it is another player's, or nobody's",
    "the bets are not the stake that is held",
    "the bets that are taken back are not the stakes that are returned",
    "no money moves with it",
    "a void returns stakes and does nothing else",
    "a settlement holds no stakes",
];

const NAME: (&str, &str) = ("LegDiffers", DIFFERENCES[0]);
const ANOTHERS: (&str, &str) = ("LegDiffers", DIFFERENCES[1]);
const STAKE: (&str, &str) = ("LegDiffers", DIFFERENCES[2]);
const CLEARED: (&str, &str) = ("LegDiffers", DIFFERENCES[3]);
const NO_MONEY: (&str, &str) = ("LegDiffers", DIFFERENCES[4]);
const VOID: (&str, &str) = ("LegDiffers", DIFFERENCES[5]);
const SETTLEMENT: (&str, &str) = ("LegDiffers", DIFFERENCES[6]);

/// The stake of a bet of 50.
const HOLDS: Does = |_, deciding| held(deciding, stake(PLAYER, 50));

fn held(deciding: &mut Deciding<'_>, made: Hold) -> Result<(), domains::RefusedBy> {
    hold(deciding, ID.0, made)?;
    tell(deciding)
}

/// A bet of the player with these stakes.
fn bet(tx: Tx, stakes: &[i128]) -> Tx {
    let bets = stakes.iter().enumerate().map(|(code, stake)| (BetCode(code as u16), *stake)).collect();
    at(tx, TableLeg::BetPlaced { round: 1, player: PLAYER, hold: HoldId(ID.0), bets, share: None })
}

const BET: fn(Tx) -> Tx = |tx| bet(tx, &[50]);

/// The hold of the bet that stands: the player's, and the other one's.
fn standing(player: PlayerId) -> HoldId {
    let key = if player == PLAYER { "a" } else { "b" };
    HoldId(tx_id(player.0, key).0)
}

fn release(deciding: &mut Deciding<'_>, player: PlayerId) -> Result<(), domains::RefusedBy> {
    let (hold, round) = (standing(player), round());
    deciding.ask(&balance::Command::Release { hold, player, round })
}

/// A clearing of the player: the stake of the standing bet is returned.
const RELEASES: Does = |_, deciding| {
    release(deciding, PLAYER)?;
    tell(deciding)
};

fn cleared(tx: Tx, player: PlayerId, holds: &[HoldId]) -> Tx {
    at(tx, TableLeg::BetsCleared { round: 1, player, holds: holds.to_vec() })
}

pub const TABLES: &[Case] = &[
    Case::at_table("a bet under another hold", NAME, HOLDS, |tx| {
        let (hold, bets) = (HoldId(10), vec![(BetCode(0), 50)]);
        at(tx, TableLeg::BetPlaced { round: 1, player: PLAYER, hold, bets, share: None })
    }),
    Case::at_table("a bet of somebody who does not pay", ANOTHERS, HOLDS, |tx| {
        let (hold, bets) = (HoldId(ID.0), vec![(BetCode(0), 50)]);
        at(tx, TableLeg::BetPlaced { round: 1, player: OTHER, hold, bets, share: None })
    }),
    Case::at_table("a bet for more than is held", STAKE, HOLDS, |tx| bet(tx, &[51])),
    Case::at_table("a bet for less than is held", STAKE, HOLDS, |tx| bet(tx, &[49])),
    Case::at_table("a spot for nothing", STAKE, HOLDS, |tx| bet(tx, &[50, 0])),
    Case::at_table("a spot for less than nothing", STAKE, HOLDS, |tx| bet(tx, &[51, -1])),
    Case::at_table("a sum that no integer holds", STAKE, HOLDS, |tx| bet(tx, &[i128::MAX, SUM_MAX])),
    Case::at_table("a bet for which nothing is held", STAKE, |_, deciding| tell(deciding), BET),
    Case::at_table(
        "a bet that moves money, and holds none",
        STAKE,
        |_, deciding| {
            credit(deciding, 10)?;
            capture(deciding, 10)?;
            tell(deciding)
        },
        BET,
    ),
    Case::at_table(
        "a hold that is no stake",
        STAKE,
        |_, deciding| held(deciding, Hold { purpose: Purpose::Service, ..stake(PLAYER, 50) }),
        BET,
    ),
    Case::at_table(
        "a stake in another round",
        STAKE,
        |_, deciding| {
            let prover = Prover::Round(RoundId { table: table_id(), number: 2 });
            held(deciding, Hold { prover, ..stake(PLAYER, 50) })
        },
        BET,
    ),
    Case::at_table(
        "a stake that another player pays in part",
        STAKE,
        |_, deciding| {
            let account = AccountId::cash(OTHER, eur());
            let more = [Source { account, amount: 10 }].into();
            held(deciding, Hold { more, ..stake(PLAYER, 40) })
        },
        BET,
    ),
    Case::at_table(
        "a second hold beside the stake",
        STAKE,
        |_, deciding| {
            hold(deciding, 10, stake(PLAYER, 10))?;
            held(deciding, stake(PLAYER, 50))
        },
        BET,
    ),
    Case::at_table(
        "a bet that ends another",
        STAKE,
        |_, deciding| {
            release(deciding, PLAYER)?;
            held(deciding, stake(PLAYER, 50))
        },
        BET,
    ),
    Case::at_table("a clearing in the name of another", ANOTHERS, RELEASES, |tx| {
        cleared(tx, OTHER, &[standing(PLAYER)])
    }),
    Case::at_table("a clearing that names no bet", CLEARED, RELEASES, |tx| cleared(tx, PLAYER, &[])),
    Case::at_table("a clearing of another bet", CLEARED, RELEASES, |tx| {
        cleared(tx, PLAYER, &[standing(OTHER)])
    }),
    Case::at_table("a clearing that names a bet twice", CLEARED, RELEASES, |tx| {
        cleared(tx, PLAYER, &[standing(PLAYER), standing(PLAYER)])
    }),
    Case::at_table(
        "a clearing that returns nothing",
        CLEARED,
        |_, deciding| tell(deciding),
        |tx| cleared(tx, PLAYER, &[standing(PLAYER)]),
    ),
    Case::at_table(
        "a clearing that keeps the stake",
        CLEARED,
        |_, deciding| {
            let (hold, player, round) = (standing(PLAYER), PLAYER, round());
            deciding.ask(&balance::Command::Post { hold, player, round })?;
            deciding.ask(&domains::collections::Command::CollectStakes { currency: eur(), amount: 50 })?;
            tell(deciding)
        },
        |tx| cleared(tx, PLAYER, &[standing(PLAYER)]),
    ),
    Case::at_table(
        "a clearing that pays besides",
        CLEARED,
        |_, deciding| {
            release(deciding, PLAYER)?;
            credit(deciding, 10)?;
            capture(deciding, 10)?;
            tell(deciding)
        },
        |tx| cleared(tx, PLAYER, &[standing(PLAYER)]),
    ),
    Case::at_table("an opening that pays", NO_MONEY, DEPOSIT, |tx| {
        let (game, rules, currency) = ("roulette".into(), 1, eur());
        let (commit, sealed) = ([0; 32], [0; 32].into());
        at(tx, TableLeg::Opened { round: 2, deadline: 0, game, rules, currency, commit, sealed })
    }),
    Case::at_table("a lock that pays", NO_MONEY, DEPOSIT, |tx| {
        at(tx, TableLeg::Locked { round: 1, deadline: 0, staked: 100, mix: [0; 32] })
    }),
    Case::at_table("a lock that returns a stake", NO_MONEY, RELEASES, |tx| {
        at(tx, TableLeg::Locked { round: 1, deadline: 0, staked: 100, mix: [0; 32] })
    }),
    Case::at_table(
        "rules that pay",
        NO_MONEY,
        |context, deciding| {
            let rules = domains::rules::RulesRow(config().rules.to_bytes().into());
            let of = b"t2".as_slice().into();
            domains::Recipe::decide(&domains::recipes::SetRules { of, rules }, context, deciding)?;
            credit(deciding, 10)?;
            capture(deciding, 10)?;
            tell(deciding)
        },
        // No round is open at this table.
        |tx| {
            let (table, leg) =
                ("t2".parse().unwrap(), TableLeg::Ruled { change: 1, rules: Box::new(config().rules) });
            let id = leg.step_id(table).unwrap();
            Tx { id, principal: engine::Principal::HUB, key: None, ..tx }.at(table, leg)
        },
    ),
    Case::at_table("a quarantine that pays", NO_MONEY, DEPOSIT, |tx| {
        at(tx, TableLeg::Quarantined { state: Box::default() })
    }),
    Case::at_table("a void that pays", VOID, DEPOSIT, |tx| {
        at(tx, TableLeg::Voided { round: 1, deadline: 0, reason: VoidReason::Fault })
    }),
    Case::at_table(
        "a void that keeps a stake",
        VOID,
        |_, deciding| {
            let (hold, player, round) = (standing(PLAYER), PLAYER, round());
            deciding.ask(&balance::Command::Post { hold, player, round })?;
            deciding.ask(&domains::collections::Command::CollectStakes { currency: eur(), amount: 50 })?;
            tell(deciding)
        },
        |tx| at(tx, TableLeg::Voided { round: 1, deadline: 0, reason: VoidReason::Fault }),
    ),
    Case::at_table("a settlement that holds a stake", SETTLEMENT, HOLDS, |tx| {
        let (outcome, seed, returned) = (7, [7; 32], 0);
        at(tx, TableLeg::Settled { round: 1, deadline: 0, outcome, seed, returned })
    }),
    Case::at_table("a bet without anybody", ("KeyOfNobody", "E1: "), HOLDS, |tx| Tx {
        principal: engine::Principal::HUB,
        ..bet(tx, &[50])
    }),
    Case::at_table("a bet of the hub itself", ANOTHERS, HOLDS, |tx| Tx {
        principal: engine::Principal::HUB,
        key: None,
        ..bet(tx, &[50])
    }),
    Case::at_table("a bet of another transaction", NAME, HOLDS, |tx| Tx { id: TxId(11), ..bet(tx, &[50]) }),
    Case::at_table("a clearing of the hub itself", ANOTHERS, RELEASES, |tx| Tx {
        principal: engine::Principal::HUB,
        key: None,
        ..cleared(tx, PLAYER, &[standing(PLAYER)])
    }),
    Case::at_table("a lock under a key", ("StepRenamed", "E1: "), NOTHING, |tx| {
        let leg = TableLeg::Locked { round: 1, deadline: 0, staked: 100, mix: [0; 32] };
        Tx { id: ID, ..at(tx, leg) }
    }),
];
