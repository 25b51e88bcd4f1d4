//! Wrong recipes, envelopes and effects, except those at a table.

use domains::{
    Recipe, RowImage, balance, distributions,
    freeze::{Freeze, FreezeReason},
    recipes::SetRules,
    rules::RulesRow,
};
use engine::{Principal, RECORD_BYTES_MAX, Tx, table::TableLeg};
use games::fair::{Seed, commit};
use ledger::{Domain, HoldId};
use protocol::PlayerId;

use super::recipe::{
    Case, DEPOSIT, ID, NOTHING, OTHER, PLAYER, at, capture, credit, hold, round, stake, tell,
};
use crate::rig::{config, eur, seed, tx_id};

const CLEARING: (&str, &str) = ("Clearing", "L1: clearing between Balance and Collections");
const RULES: (&str, &str) = ("RulesDiffer", "E6: ");
const NOBODY: (&str, &str) = ("KeyOfNobody", "E1: ");
const TOLD: (&str, &str) = ("Told", "E4: ");
const UNTOLD: (&str, &str) = ("Untold", "E4: ");
const WITHOUT_BET: (&str, &str) = ("HoldWithoutBet", "E2: ");

pub const CASES: &[Case] = &[
    Case::recipe("a payment that only the player's side makes", CLEARING, |_, deciding| {
        credit(deciding, 10)?;
        tell(deciding)
    }),
    Case::recipe("a payment that only the other side makes", CLEARING, |_, deciding| {
        capture(deciding, 10)?;
        tell(deciding)
    }),
    Case::recipe("a side that pays less than the other gets", CLEARING, |_, deciding| {
        credit(deciding, 10)?;
        capture(deciding, 9)?;
        tell(deciding)
    }),
    Case::recipe(
        "a payment out of another domain",
        ("Clearing", "Balance and Distributions"),
        |_, deciding| {
            let (player, currency, from) = (PLAYER, eur(), Domain::Distributions);
            deciding.ask(&balance::Command::Credit { player, currency, amount: 10, from })?;
            tell(deciding)
        },
    ),
    Case::recipe(
        "a payment of a domain that has no part",
        ("Participant", "E1: FAULTY moves money of distributions"),
        |_, deciding| {
            deciding.ask(&distributions::Command::PayWinnings { currency: eur(), amount: 10 })?;
            tell(deciding)
        },
    ),
    Case::recipe(
        "a row of a kind that it has no part in",
        ("RowOfAnother", "E1: FAULTY changes a row of freeze"),
        |_, deciding| {
            let freeze = Freeze { reason: FreezeReason::FraudCheck, until: None };
            deciding.ask(&balance::Command::Freeze(PLAYER, freeze))
        },
    ),
    Case::recipe("a row of rules without a table", RULES, |context, deciding| {
        let rules = RulesRow(config().rules.to_bytes().into());
        SetRules { of: b"t1".as_slice().into(), rules }.decide(context, deciding)
    }),
    Case::at_table("rules without a row", RULES, NOTHING, |tx| {
        at(tx, TableLeg::Ruled { change: 2, rules: Box::new(config().rules) })
    }),
    Case::at_table(
        "the rules of another table",
        RULES,
        |context, deciding| {
            let rules = RulesRow(config().rules.to_bytes().into());
            SetRules { of: b"t2".as_slice().into(), rules }.decide(context, deciding)
        },
        |tx| at(tx, TableLeg::Ruled { change: 2, rules: Box::new(config().rules) }),
    ),
    Case::at_table(
        "rules that change in mid-round",
        ("RulesInMidRound", "E6: the rules of table t1 change while round t1:1 is open"),
        |context, deciding| {
            let rules = RulesRow(config().rules.to_bytes().into());
            SetRules { of: b"t1".as_slice().into(), rules }.decide(context, deciding)
        },
        |tx| at(tx, TableLeg::Ruled { change: 2, rules: Box::new(config().rules) }),
    ),
    Case::recipe("nothing that a receipt could show", ("NoReceipt", "E1: "), |_, deciding| {
        credit(deciding, 10)?;
        capture(deciding, 10)
    }),
    Case::recipe("a stake that is held without a bet", WITHOUT_BET, |_, deciding| {
        hold(deciding, ID.0, stake(PLAYER, 10))?;
        tell(deciding)
    }),
    Case::recipe("a stake that is returned, and its bet stands", WITHOUT_BET, |_, deciding| {
        let (hold, player, round) = (HoldId(tx_id(1, "a").0), PLAYER, round());
        deciding.ask(&balance::Command::Release { hold, player, round })?;
        tell(deciding)
    }),
    Case::recipe("a player who is paid and not told", UNTOLD, |_, deciding| {
        DEPOSIT_OF_BOTH(deciding)?;
        tell(deciding)
    }),
    Case::recipe("a player who is told of another currency", UNTOLD, |_, deciding| {
        credit(deciding, 10)?;
        capture(deciding, 10)?;
        deciding.tell(PLAYER, "USD".parse().expect("a currency"), domains::What::Deposit);
        Ok(())
    }),
    Case::envelope("a key that has an outcome", ("SecondEffect", "E1: "), DEPOSIT, |tx| Tx {
        id: tx_id(1, "a"),
        principal: Principal::HUB,
        key: None,
        ..tx
    }),
    Case::envelope("a key of the hub", NOBODY, DEPOSIT, |tx| Tx { principal: Principal::HUB, ..tx }),
    Case::envelope("a player without a key", NOBODY, DEPOSIT, |tx| Tx { key: None, ..tx }),
    Case::envelope("a step under another name", ("StepRenamed", "E1: a step of round t1:1"), NOTHING, |tx| {
        Tx { id: ID, ..at(tx, TableLeg::Locked { round: 1, deadline: 0, staked: 100, mix: [0; 32] }) }
    }),
    Case::envelope("more than a record takes", ("TooLong", "16777216 are the most"), NOTHING, |tx| {
        let (game, sealed) = ("roulette".into(), vec![0; RECORD_BYTES_MAX].into());
        let (rules, currency, commit) = (1, eur(), commit(&Seed(seed(2))));
        at(tx, TableLeg::Opened { round: 2, deadline: 0, game, rules, currency, commit, sealed })
    }),
    Case::effects("a second leg of a domain", ("SecondLeg", "E1: "), DEPOSIT, |effects| {
        effects.legs[1].0 = Domain::Balance;
    }),
    Case::effects("legs out of order", ("SecondLeg", "E1: "), DEPOSIT, |effects| effects.legs.swap(0, 1)),
    Case::effects("two images of a row", ("RowTwice", "E1: "), DEPOSIT, |effects| {
        let rules = RulesRow(config().rules.to_bytes().into());
        let image = |rules: Option<&RulesRow>| RowImage::of(b"t1", rules).expect("a short key");
        effects.rows = vec![image(Some(&rules)), image(None)];
    }),
    Case::effects("more available before it", TOLD, DEPOSIT, |effects| {
        effects.notices[0].before.available += 1
    }),
    Case::effects("more held before it", TOLD, DEPOSIT, |effects| effects.notices[0].before.held += 1),
    Case::effects("less available after it", TOLD, DEPOSIT, |effects| {
        effects.notices[0].after.available -= 1
    }),
    Case::effects("less held after it", TOLD, DEPOSIT, |effects| effects.notices[0].after.held -= 1),
    Case::effects("the funds of another player", UNTOLD, DEPOSIT, |effects| {
        effects.notices[0].player = PlayerId(3)
    }),
    Case::effects("a notice of money that does not move", TOLD, DEPOSIT, |effects| effects.legs.clear()),
];

/// Two players are paid.
const DEPOSIT_OF_BOTH: fn(&mut domains::decide::Deciding<'_>) -> Result<(), domains::RefusedBy> = |deciding| {
    credit(deciding, 10)?;
    let (currency, from) = (eur(), Domain::Collections);
    deciding.ask(&balance::Command::Credit { player: OTHER, currency, amount: 10, from })?;
    capture(deciding, 20)
};
