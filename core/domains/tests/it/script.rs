//! Runs recipes from a script, one a line, with the accounts they change and what the players are told.
//!
//! ```text
//! deposit P1 100                => balance.P1 +100  balance.collections -100  ...
//! settle 17 P1 H1 H2 30 36      => ...              # outcome; then player, holds, staked, returned; `+` between players
//! ```
//!
//! The clock of a line is its number; after `at 50` the next line is at 50. A play session that has changed is told as
//! `play.P1 2..7 checked 4 -10+36`: its first and its last stake, the last acknowledgement, what was staked and what came back.
//!
//! A change is that of an account's posted balance; `held` is the change of its pending debits. After every line each
//! domain balances, clearing adds up to zero, and every notice has exactly the player's funds before and after.

use std::collections::BTreeMap;

use domains::{
    Context, Domains, Effects, Intent, PaymentCause, PlayerSettlement, Principal, Row, RowImage,
    balance_rule::BalanceRule,
    exclusion::ExclusionKind,
    freeze::{Freeze, FreezeReason},
    play_session::PlaySession,
    protection::Protection,
    recipes::{
        AcknowledgeCheck, CaptureHold, Collect, Credit, Debit, Deposit, ExcludePlayer, FreezePlayer,
        HoldExpire, HoldFunds, HoldStake, PaymentMethod, PlayerWinnings, Reinstate, ReleaseHold,
        ReleaseStakes, RoundVoid, SetBalanceRule, SetProtection, SetSessionRules, SettleRound, TableOnly,
        Unfreeze,
    },
    session_rules::SessionRules,
};
use ledger::{AccountKind, Domain, HoldId, invariant};
use protocol::{Currency, PlayerId, RoundId};

/// Runs the script; panics at the first line whose result is not the expected one.
pub fn check(script: &str) {
    let mut world = Domains::default();
    let mut ahead = 0;
    for (number, line) in script.lines().enumerate() {
        let line = line.split('#').next().unwrap().trim();
        if line.is_empty() {
            continue;
        }
        if let Some(time) = line.strip_prefix("at ") {
            ahead = time.parse::<u64>().unwrap() - (number as u64 + 1);
            continue;
        }
        let (action, expected) = line.split_once("=>").unwrap();
        let before = world.clone();
        let (id, intent, shares) = read(action);
        let now = number as u64 + ahead;
        let context = Context { now, id, principal: Principal::HUB, view: &world, shares: &shares };
        let told = match intent.decide(&context) {
            Ok(effects) => {
                let moved = effects.legs.iter().map(|(domain, _)| domain);
                assert!(
                    moved.clone().all(|domain| intent.known().domains.contains(domain)),
                    "{line}: {moved:?}"
                );
                let rows = intent.known().rows;
                let declared =
                    effects.rows.iter().all(|row| rows.iter().any(|kind| kind.number == row.key.kind()));
                assert!(declared, "{line}: {:?}", effects.rows);
                effects.rows.iter().for_each(|row| world.rows.put(row.clone()));
                for (domain, leg) in &effects.legs {
                    world.ledger_mut(*domain).apply(&leg.leg).unwrap();
                }
                check_notices(&before, &world, &effects, line);
                changes(&before, &world)
            }
            Err((_, rejection)) => vec![format!("{rejection:?}")],
        };
        for domain in Domain::ALL {
            invariant::all(world.ledger(domain))
                .unwrap_or_else(|broken| panic!("line {number}: {line}: {broken}"));
        }
        invariant::clearing_nets_to_zero(|domain| world.ledger(domain)).unwrap();
        let expected: Vec<_> = expected.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect();
        assert_eq!(told, expected, "line {number}: {line}");
    }
}

pub fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub fn round(number: u64) -> RoundId {
    RoundId { table: "t".parse().unwrap(), number }
}

/// The id of the transaction, its intent, and the shares that the table's state gives it.
fn read(action: &str) -> (HoldId, Intent, Vec<PlayerSettlement>) {
    let (currency, round) = (eur(), round(1));
    let words: Vec<&str> = action.split_whitespace().collect();
    let alone = |intent: Intent| (HoldId(0), intent, Vec::new());
    match words[..] {
        ["deposit", name, amount] => {
            alone(Deposit { player: player(name), currency, amount: amount.parse().unwrap() }.into())
        }
        ["credit", name, amount] => alone(
            Credit {
                player: player(name),
                currency,
                amount: amount.parse().unwrap(),
                cause: PaymentCause::default(),
            }
            .into(),
        ),
        ["debit", name, amount] => alone(
            Debit {
                player: player(name),
                currency,
                amount: amount.parse().unwrap(),
                cause: PaymentCause::default(),
            }
            .into(),
        ),
        ["freeze", name, ref until @ ..] => {
            let until = until.first().map(|until| until.parse().unwrap());
            let freeze = Freeze { reason: FreezeReason::FraudCheck, until };
            alone(FreezePlayer { player: player(name), freeze }.into())
        }
        ["hold", hold, name, amount, ref expires @ ..] => {
            let hold_funds = HoldFunds {
                player: player(name),
                currency,
                amount: amount.parse().unwrap(),
                expires: expires.first().map(|expires| expires.parse().unwrap()),
                cause: PaymentCause::default(),
            };
            (self::hold(hold), hold_funds.into(), Vec::new())
        }
        ["capture", hold, ref part @ ..] => {
            let currency = part.get(1).map_or(currency, |currency| currency.parse().unwrap());
            let part = part.first().map(|amount| (amount.parse().unwrap(), currency));
            alone(CaptureHold { hold: self::hold(hold), part, cause: PaymentCause::default() }.into())
        }
        ["free", hold] => {
            alone(ReleaseHold { hold: self::hold(hold), cause: PaymentCause::default() }.into())
        }
        ["collect", merchant, name, amount] => alone(
            Collect {
                player: player(name),
                currency,
                amount: amount.parse().unwrap(),
                merchant: merchant.parse().unwrap(),
                method: PaymentMethod::Manual,
                cause: PaymentCause::default(),
            }
            .into(),
        ),
        ["winnings", game, name, amount] => alone(
            PlayerWinnings {
                player: player(name),
                currency,
                amount: amount.parse().unwrap(),
                game: game.parse().unwrap(),
                cause: PaymentCause::default(),
            }
            .into(),
        ),
        ["time-out", name, lasts] => {
            let (player, kind) = (player(name), ExclusionKind::TimeOut);
            alone(ExcludePlayer { player, kind, lasts: lasts.parse().ok() }.into())
        }
        ["exclude", name, ref lasts @ ..] => {
            let (player, kind) = (player(name), ExclusionKind::SelfExclusion);
            alone(
                ExcludePlayer { player, kind, lasts: lasts.first().map(|lasts| lasts.parse().unwrap()) }
                    .into(),
            )
        }
        ["reinstate", name] => alone(Reinstate { player: player(name) }.into()),
        ["protection", longest, shortest, cooling_off] => alone(
            SetProtection(Protection {
                time_out_max: longest.parse().unwrap(),
                self_exclusion_min: shortest.parse().unwrap(),
                cooling_off: cooling_off.parse().unwrap(),
            })
            .into(),
        ),
        ["session-rules", pause, every, start] => alone(
            SetSessionRules(SessionRules {
                pause_min: pause.parse().unwrap(),
                check_every: every.parse().unwrap(),
                start_min: start.parse().unwrap(),
            })
            .into(),
        ),
        ["balance-rule", least, most, credit_max, debit_max] => {
            let [least, most, credit_max, debit_max] =
                [least, most, credit_max, debit_max].map(|bound| bound.parse().ok());
            let unbounded = BalanceRule::unbounded(currency);
            alone(SetBalanceRule(BalanceRule { least, most, credit_max, debit_max, ..unbounded }).into())
        }
        ["acknowledge", name] => alone(AcknowledgeCheck { player: player(name) }.into()),
        ["unfreeze", name] => alone(Unfreeze { player: player(name) }.into()),
        ["expire", hold] => alone(HoldExpire { hold: self::hold(hold) }.into()),
        ["stake", hold, name, amount, ref number @ ..] => {
            let round = number.first().map_or(round, |number| self::round(number.parse().unwrap()));
            let stake = HoldStake { player: player(name), round, currency, amount: amount.parse().unwrap() };
            (self::hold(hold), stake.into(), Vec::new())
        }
        ["release", name, ref holds @ ..] => {
            let holds = holds.iter().map(|name| hold(name)).collect();
            alone(ReleaseStakes { player: player(name), round, currency, holds }.into())
        }
        ["settle", outcome, ref shares @ ..] => {
            let shares = shares.split(|word| *word == "+").map(share).collect();
            (HoldId(0), SettleRound { round, currency, outcome: outcome.parse().unwrap() }.into(), shares)
        }
        ["void", ref shares @ ..] => {
            let shares = shares.split(|word| *word == "+").map(share).collect();
            (HoldId(0), RoundVoid { round, currency }.into(), shares)
        }
        ["nobody-settles", outcome] => {
            alone(SettleRound { round, currency, outcome: outcome.parse().unwrap() }.into())
        }
        ["table"] => alone(TableOnly.into()),
        _ => panic!("no such recipe: {action}"),
    }
}

fn share(words: &[&str]) -> PlayerSettlement {
    let [name, holds @ .., staked, returned] = words else { panic!("no share: {words:?}") };
    PlayerSettlement {
        player: player(name),
        holds: holds.iter().map(|name| hold(name)).collect(),
        staked: staked.parse().unwrap(),
        returned: returned.parse().unwrap(),
    }
}

fn player(name: &str) -> PlayerId {
    PlayerId(name.strip_prefix('P').unwrap().parse().unwrap())
}

fn hold(name: &str) -> HoldId {
    HoldId(name.strip_prefix('H').unwrap().parse().unwrap())
}

/// Every account whose posted balance or held sum has changed, by domain and name.
fn changes(before: &Domains, after: &Domains) -> Vec<String> {
    let mut told = Vec::new();
    for domain in Domain::ALL {
        let accounts: BTreeMap<_, _> = after.ledger(domain).accounts().collect();
        for (id, account) in accounts {
            let was = before.ledger(domain).account(id).unwrap_or_default();
            let name = match id.kind {
                AccountKind::Cash => format!("P{}", id.owner.id()),
                AccountKind::Clearing(with) => with.name().into(),
                kind => format!("{kind:?}").to_lowercase(),
            };
            let (posted, held) =
                (account.posted() - was.posted(), account.debits_pending - was.debits_pending);
            let mut parts = Vec::new();
            parts.extend((posted != 0).then(|| format!("{posted:+}")));
            parts.extend((held != 0).then(|| format!("held {held:+}")));
            if !parts.is_empty() {
                told.push(format!("{}.{name} {}", domain.name(), parts.join(" ")));
            }
        }
    }
    told.extend(
        plays(after)
            .into_iter()
            .filter(|(player, _)| {
                let before = before.rows.bytes(&player.key);
                before != after.rows.bytes(&player.key)
            })
            .map(|(_, told)| told),
    );
    told
}

/// Every play session, with what is told of it.
fn plays(world: &Domains) -> Vec<(RowImage, String)> {
    let rows = world.rows.iter().filter(|(key, _)| key.kind() == PlaySession::KIND);
    let mut plays: Vec<_> = rows
        .map(|(key, _)| {
            let player = PlayerId(u128::from_be_bytes(key.as_bytes().try_into().unwrap()));
            let PlaySession { since, last, checked, sums, .. } =
                PlaySession::of(&world.rows, player).unwrap();
            let mut told = format!("play.P{player} {since}..{last} checked {checked}", player = player.0);
            for sum in sums {
                told += &format!(" -{}+{}", sum.staked, sum.returned);
            }
            (RowImage { key, value: None }, told)
        })
        .collect();
    plays.sort_by_key(|(image, _)| image.key);
    plays
}

fn check_notices(before: &Domains, after: &Domains, effects: &Effects, line: &str) {
    let funds = |world: &Domains, player| world.balance.funds(player, eur()).unwrap_or_default();
    for notice in &effects.notices {
        assert_eq!(notice.before, funds(before, notice.player), "{line}: before");
        assert_eq!(notice.after, funds(after, notice.player), "{line}: after");
    }
    // And no player's funds change without a notice.
    let known = |id: &&ledger::AccountId| id.kind == AccountKind::Cash;
    let ids: Vec<_> = after.ledger(Domain::Balance).accounts().map(|(id, _)| id).filter(known).collect();
    for id in ids {
        let player = id.owner.player().unwrap();
        let changed = funds(before, player) != funds(after, player);
        let told = effects.notices.iter().filter(|notice| notice.player == player).count();
        assert!(told == 1 || !changed && told == 0, "{line}: player {player} is told {told} times");
    }
}
