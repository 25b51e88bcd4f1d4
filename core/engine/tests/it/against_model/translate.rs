//! From the words of the model to the types of the hub, and back.

use std::collections::BTreeMap;

use domains::{
    Intent, OwnerName, PaymentCause, PlayerSettlement,
    exclusion::ExclusionKind,
    freeze::{Freeze, FreezeReason},
    protection::Protection,
    recipes::{
        AcknowledgeCheck, CaptureHold, Collect, Credit, Debit, Deposit, ExcludePlayer, FreezePlayer,
        HoldExpire, HoldFunds, HoldStake, PaymentMethod, PlayerWinnings, Reinstate, ReleaseHold,
        ReleaseStakes, RoundVoid, SetProtection, SetSessionRules, SettleRound, Unfreeze,
    },
    session_rules::SessionRules,
};
use engine::{
    Outcome, TxId, Verdict,
    table::{TableLeg, VoidReason},
};
use games::BetCode;
use ledger::{AccountId, AccountKind, Domain, HoldId, Owner, OwnerKind};
use protocol::{Currency, PlayerId, RoundId, TableId};

use super::both::NAMES;
use crate::{
    extension::SetAside,
    model::{self, Account, Asked, Share},
};

/// What the hub calls what the model knows by name.
pub type Ids = BTreeMap<String, TxId>;

/// The player of a name, which is `p` and a number.
pub fn player(name: &str) -> PlayerId {
    PlayerId(0xabc0 + name[1..].parse::<u128>().unwrap())
}

fn name_of(player: PlayerId) -> String {
    format!("p{}", player.0 - 0xabc0)
}

pub fn currency(name: &str) -> Currency {
    name.parse().unwrap()
}

fn round(name: &str) -> RoundId {
    name.parse().unwrap()
}

fn holds(names: &[String], ids: &Ids) -> Vec<HoldId> {
    names.iter().map(|name| HoldId(ids[name].0)).collect()
}

/// The intent of a request that a domain decides.
pub fn intent(asked: &Asked, ids: &Ids) -> Intent {
    match asked {
        Asked::Deposit { player: p, currency: c, amount } => {
            Deposit { player: player(p), currency: currency(c), amount: *amount }.into()
        }
        Asked::Credit { player: p, currency: c, amount } => Credit {
            player: player(p),
            currency: currency(c),
            amount: *amount,
            cause: PaymentCause::default(),
        }
        .into(),
        Asked::Debit { player: p, currency: c, amount } => Debit {
            player: player(p),
            currency: currency(c),
            amount: *amount,
            cause: PaymentCause::default(),
        }
        .into(),
        Asked::Stake { player: p, round: r, currency: c, amount } => {
            HoldStake { player: player(p), round: round(r), currency: currency(c), amount: *amount }.into()
        }
        Asked::Release { player: p, round: r, currency: c, holds: names } => {
            let holds = holds(names, ids);
            ReleaseStakes { player: player(p), round: round(r), currency: currency(c), holds }.into()
        }
        Asked::Settle { round: r, currency: c, .. } => {
            SettleRound { round: round(r), currency: currency(c), outcome: 7 }.into()
        }
        Asked::Void { round: r, currency: c, .. } => {
            RoundVoid { round: round(r), currency: currency(c) }.into()
        }
        Asked::Freeze { player: p, reason, until } => {
            let freeze = Freeze { reason: FreezeReason::from_number(*reason).unwrap(), until: *until };
            FreezePlayer { player: player(p), freeze }.into()
        }
        Asked::Unfreeze { player: p } => Unfreeze { player: player(p) }.into(),
        Asked::Exclude { player: p, strict, lasts } => {
            let kind = if *strict { ExclusionKind::SelfExclusion } else { ExclusionKind::TimeOut };
            ExcludePlayer { player: player(p), kind, lasts: *lasts }.into()
        }
        Asked::Reinstate { player: p } => Reinstate { player: player(p) }.into(),
        Asked::Sessions { rules: model::Sessions { pause, every, between } } => {
            let (pause_min, check_every, start_min) = (*pause, *every, *between);
            SetSessionRules(SessionRules { pause_min, check_every, start_min }).into()
        }
        Asked::Acknowledge { player: p } => AcknowledgeCheck { player: player(p) }.into(),
        Asked::Protect { protection } => {
            let model::Protection { longest, shortest, cooling } = *protection;
            SetProtection(Protection {
                time_out_max: longest,
                self_exclusion_min: shortest,
                cooling_off: cooling,
            })
            .into()
        }
        Asked::SetAside { player: p, currency: c, amount, expires } => {
            SetAside { player: player(p), currency: currency(c), amount: *amount, expires: *expires }.into()
        }
        Asked::Hold { player: p, currency: c, amount, expires } => HoldFunds {
            player: player(p),
            currency: currency(c),
            amount: *amount,
            expires: *expires,
            cause: PaymentCause::default(),
        }
        .into(),
        Asked::Capture { hold, part } => {
            let part = part.as_ref().map(|(amount, c)| (*amount, currency(c)));
            CaptureHold { hold: HoldId(ids[hold].0), part, cause: PaymentCause::default() }.into()
        }
        Asked::Free { hold } => {
            ReleaseHold { hold: HoldId(ids[hold].0), cause: PaymentCause::default() }.into()
        }
        Asked::Collect { player: p, currency: c, amount, merchant } => Collect {
            player: player(p),
            currency: currency(c),
            amount: *amount,
            merchant: merchant.parse().unwrap(),
            method: PaymentMethod::Manual,
            cause: PaymentCause::default(),
        }
        .into(),
        Asked::Winnings { player: p, currency: c, amount, game } => PlayerWinnings {
            player: player(p),
            currency: currency(c),
            amount: *amount,
            game: game.parse().unwrap(),
            cause: PaymentCause::default(),
        }
        .into(),
        Asked::Expire { hold } => HoldExpire { hold: HoldId(ids[hold].0) }.into(),
        Asked::Refuse { code } => panic!("{code} is decided by a table"),
    }
}

/// The leg of the table that takes part.
pub fn leg(id: TxId, asked: &Asked, ids: &Ids) -> Option<(TableId, TableLeg)> {
    let at = |name: &str| (round(name).table, round(name).number);
    match asked {
        Asked::Stake { player: p, round: r, amount, .. } => {
            let (table, round) = at(r);
            let (hold, bets) = (HoldId(id.0), vec![(BetCode(0), *amount)]);
            Some((table, TableLeg::BetPlaced { round, player: player(p), hold, bets, share: None }))
        }
        Asked::Release { player: p, round: r, holds: names, .. } => {
            let (table, round) = at(r);
            Some((table, TableLeg::BetsCleared { round, player: player(p), holds: holds(names, ids) }))
        }
        Asked::Settle { round: r, shares, .. } => {
            let (table, round) = at(r);
            let returned = shares.iter().fold(0_i128, |sum, share| sum.saturating_add(share.returned));
            Some((table, TableLeg::Settled { round, deadline: 0, outcome: 7, seed: [0; 32], returned }))
        }
        Asked::Void { round: r, .. } => {
            let (table, round) = at(r);
            Some((table, TableLeg::Voided { round, deadline: 0, reason: VoidReason::SeedLost }))
        }
        Asked::Deposit { .. }
        | Asked::Credit { .. }
        | Asked::Debit { .. }
        | Asked::Freeze { .. }
        | Asked::Unfreeze { .. }
        | Asked::Exclude { .. }
        | Asked::Reinstate { .. }
        | Asked::Sessions { .. }
        | Asked::Acknowledge { .. }
        | Asked::Protect { .. }
        | Asked::SetAside { .. }
        | Asked::Hold { .. }
        | Asked::Capture { .. }
        | Asked::Free { .. }
        | Asked::Collect { .. }
        | Asked::Winnings { .. }
        | Asked::Expire { .. }
        | Asked::Refuse { .. } => None,
    }
}

/// The shares of the players in a round that ends.
pub fn settlements(asked: &Asked, ids: &Ids) -> Vec<PlayerSettlement> {
    let (Asked::Settle { shares, .. } | Asked::Void { shares, .. }) = asked else { return Vec::new() };
    let settlement = |share: &Share| {
        let Share { player: p, holds: names, staked, returned } = share;
        let (player, holds) = (player(p), holds(names, ids));
        PlayerSettlement { player, holds, staked: *staked, returned: *returned }
    };
    shares.iter().map(settlement).collect()
}

/// A verdict of the hub in the words of the model.
pub fn verdict(verdict: Verdict) -> model::Verdict {
    match verdict {
        Verdict::Recorded(recorded) => model::Verdict::Recorded(outcome(recorded)),
        Verdict::Done => model::Verdict::Done,
        Verdict::KeyReused => model::Verdict::KeyReused,
        Verdict::Answered(code) => model::Verdict::Answered(code.name()),
        Verdict::Impossible(code) => model::Verdict::Impossible(code.name()),
        Verdict::TooManyRefused(_) | Verdict::TooManyCleared(_) | Verdict::NotNow(..) => {
            panic!("the books have no such bound")
        }
    }
}

pub fn outcome(outcome: Outcome) -> model::Outcome {
    match outcome {
        Outcome::Refused { code, lsn: place } => model::Outcome::Refused { code: code.name(), place },
        Outcome::Changed { lsn: place } => model::Outcome::Changed { place },
        Outcome::Done(done) => model::Outcome::Done {
            place: done.lsn,
            round: done.round.map(|round| round.to_string()),
            currency: done.currency.to_string(),
            amount: done.amount,
            available: done.available,
            held: done.held,
        },
    }
}

/// The name of a merchant or a game.
fn named(owner: Owner) -> &'static str {
    let of = |name: &&str| name.parse::<OwnerName>().unwrap().owner(owner.kind()) == owner;
    NAMES.into_iter().find(of).unwrap()
}

/// The name of an account.
pub fn account(domain: Domain, id: &AccountId) -> Account {
    let owner = match (id.owner.player(), id.kind) {
        (Some(player), AccountKind::Cash) => name_of(player),
        (None, AccountKind::Clearing(with)) => format!("clearing {}", with.name()),
        (None, AccountKind::Source) if id.owner.kind() == OwnerKind::House => "source".into(),
        (None, AccountKind::Source) => format!("source of {}", named(id.owner)),
        (None, AccountKind::Results) => format!("results of {}", named(id.owner)),
        (None, AccountKind::Stakes) => "stakes".into(),
        (None, AccountKind::Winnings) => "winnings".into(),
        (None, AccountKind::Corrections) => "corrections".into(),
        (owner, kind) => panic!("no recipe here uses an account of {owner:?} for {kind:?}"),
    };
    (domain.name(), owner, id.currency.to_string())
}
