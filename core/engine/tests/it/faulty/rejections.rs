//! Recipes that break a rule of the ledger or of a domain: refused while they are decided, before any proof.

use std::sync::Arc;

use domains::{
    Context, Intent, PaymentCause, Recipe, RefusedBy, balance,
    balance_rule::{BalanceRule, RuledChange},
    calendar::{DAY, Period},
    decide::Deciding,
    exclusion::ExclusionKind,
    freeze::{Freeze, FreezeReason},
    limit_rules::LimitRules,
    limits::{self, LIMITS_MAX, LimitId, LimitKind, LimitSetter},
    recipes::{
        ExcludePlayer, FreezePlayer, HoldFunds, ProposeAdjustment, SetBalanceRule, SetLimitRules,
        SetPlayerLimit, SetRules, SetSessionRules,
    },
    rules::RulesRow,
    session_rules::SessionRules,
};
use engine::{Content, Envelope, Principal, Tx, TxId, Verdict};
use ledger::{AccountId, AccountKind, Domain, Hold, HoldId, Move, Rejection, SUM_MAX, Source, Transfer};
use protocol::{PlayerId, RoundId};

use super::{
    hub,
    proposals::{ENDED, LARGE, UNKNOWN, amount, approve, by, propose, reject, reverse, set_up},
    recipe::{Does, Faulty, ID, OTHER, PLAYER, Raw, context, hold, round, stake, tell},
};
use crate::rig::{done, eur, tx_id};

const FROZEN: PlayerId = PlayerId(3);
/// Excluded for good.
const EXCLUDED: PlayerId = PlayerId(4);
/// Has played for so long that they have to acknowledge it.
const PLAYED: PlayerId = PlayerId(5);
/// Has just begun with a round.
const STARTED: PlayerId = PlayerId(6);
/// Has limits of deposits.
const LIMITED: PlayerId = PlayerId(8);
/// The hold of a service.
const OF_SERVICE: TxId = TxId(8);

/// The key of a deposit that was reversed, and the id of its transaction.
const REVERSED: &str = "reversed";

fn reversed() -> u128 {
    TxId::of_service("demo", REVERSED).0
}

fn limit(period: Period) -> LimitId {
    LimitId { kind: LimitKind::Deposit, period, currency: Some(eur()) }
}

fn set(player: PlayerId, id: LimitId, to: Option<i128>) -> limits::Command {
    limits::Command::Set { player, id, by: LimitSetter::Player, to }
}

fn transfer(amount: i128) -> Transfer {
    let credit = AccountId::house(AccountKind::Clearing(Domain::Collections), eur());
    Transfer { debit: AccountId::cash(PLAYER, eur()), credit, amount }
}

fn dollars(account: AccountId) -> AccountId {
    AccountId { currency: "USD".parse().unwrap(), ..account }
}

fn more(sources: &[Source]) -> Hold {
    Hold { more: sources.into(), ..stake(PLAYER, 10) }
}

/// Of an account that is not there.
fn keep(change: RuledChange) -> balance::Command {
    balance::Command::KeepRule { player: PLAYER, currency: "USD".parse().unwrap(), change }
}

fn begin(deciding: &mut Deciding<'_>, player: PlayerId, round: RoundId) -> Result<(), RefusedBy> {
    deciding.ask(&balance::Command::Hold { player, round, currency: eur(), amount: 10 })
}

/// A recipe that is refused for this reason. Exhaustive: a new reason needs a recipe.
fn wrong(rejection: Rejection) -> Does {
    match rejection {
        Rejection::AmountNotPositive => |_, deciding| deciding.ask(&Raw(Move::Post(transfer(0)))),
        Rejection::SameAccount => |_, deciding| {
            let debit = transfer(10).debit;
            deciding.ask(&Raw(Move::Post(Transfer { debit, credit: debit, amount: 10 })))
        },
        Rejection::CurrencyDiffers => |_, deciding| {
            let Transfer { debit, credit, amount } = transfer(10);
            deciding.ask(&Raw(Move::Post(Transfer { debit, credit: dollars(credit), amount })))
        },
        Rejection::HoldExists => |_, deciding| {
            hold(deciding, ID.0, stake(PLAYER, 10))?;
            hold(deciding, ID.0, stake(PLAYER, 10))
        },
        Rejection::HoldNotOpen => |_, deciding| {
            let (hold, player, round) = (HoldId(tx_id(1, "a").0), PLAYER, round());
            let release = balance::Command::Release { hold, player, round };
            deciding.ask(&release)?;
            deciding.ask(&release)
        },
        Rejection::AccountExists => {
            |_, deciding| deciding.ask(&Raw(Move::Open(AccountId::cash(PLAYER, eur()))))
        }
        Rejection::AccountNotFound => |_, deciding| {
            let debit = AccountId::cash(PlayerId(9), eur());
            deciding.ask(&Raw(Move::Post(Transfer { debit, ..transfer(10) })))
        },
        Rejection::OwnerUnfit => |_, deciding| {
            let owner = PLAYER.into();
            let stakes = AccountId { kind: AccountKind::Stakes, owner, currency: eur() };
            deciding.ask(&Raw(Move::Open(stakes)))
        },
        Rejection::SourcesUnfit => |_, deciding| {
            let again = Source { account: AccountId::cash(PLAYER, eur()), amount: 10 };
            hold(deciding, ID.0, more(&[again]))
        },
        Rejection::AccountFrozen => |_, deciding| {
            let (player, currency, to) = (FROZEN, eur(), Domain::Adjustment);
            deciding.ask(&balance::Command::Debit { player, currency, amount: 10, to })
        },
        Rejection::NotFrozen => |_, deciding| deciding.ask(&balance::Command::Unfreeze(PLAYER)),
        Rejection::Excluded => |_, deciding| {
            deciding.ask(&balance::Command::Deposit { player: EXCLUDED, currency: eur(), amount: 10 })
        },
        Rejection::ExclusionStands => |_, deciding| deciding.ask(&balance::Command::Reinstate(EXCLUDED)),
        Rejection::NotExcluded => |_, deciding| deciding.ask(&balance::Command::Reinstate(PLAYER)),
        Rejection::DurationUnfit => |_, deciding| {
            let (player, kind) = (PLAYER, ExclusionKind::SelfExclusion);
            deciding.ask(&balance::Command::Exclude { player, kind, lasts: Some(DAY) })
        },
        Rejection::ProposalUnknown => |context, deciding| reject(UNKNOWN).decide(context, deciding),
        Rejection::ProposalEnded => |context, deciding| reject(ENDED).decide(context, deciding),
        Rejection::ProposalDiffers => {
            |context, deciding| approve(LARGE, amount(901)).decide(&by("ben", context), deciding)
        }
        Rejection::NotAnApprover => |context, deciding| reject(LARGE).decide(context, deciding),
        Rejection::OwnProposal => {
            |context, deciding| approve(LARGE, amount(900)).decide(&by("anna", context), deciding)
        }
        Rejection::ApprovedBefore => {
            |context, deciding| approve(LARGE, amount(900)).decide(&by("carl", context), deciding)
        }
        Rejection::ProposalExpired => |context, deciding| {
            let context = Context { now: u64::MAX, ..by("ben", context) };
            approve(LARGE, amount(900)).decide(&context, deciding)
        },
        Rejection::AboveApproverLimit => {
            |context, deciding| approve(LARGE, amount(900)).decide(&by("ben", context), deciding)
        }
        Rejection::NoBreakGlass => |context, deciding| {
            let break_glass = Some("alone".parse().unwrap());
            ProposeAdjustment { correction: amount(5), break_glass }.decide(context, deciding)
        },
        Rejection::ReversedBefore => {
            |context, deciding| propose(reverse(reversed(), 1)).decide(context, deciding)
        }
        Rejection::NotReversible => |context, deciding| propose(reverse(5, 2)).decide(context, deciding),
        Rejection::RealityCheckDue => |_, deciding| begin(deciding, PLAYED, round()),
        Rejection::StartTooSoon => |_, deciding| begin(deciding, STARTED, RoundId { number: 2, ..round() }),
        Rejection::NoCheckDue => |_, deciding| deciding.ask(&balance::Command::AcknowledgeCheck(STARTED)),
        Rejection::LimitReached => |_, deciding| {
            deciding.ask(&balance::Command::Deposit { player: LIMITED, currency: eur(), amount: 10 })
        },
        Rejection::NoLimit => |_, deciding| deciding.ask(&set(PLAYER, limit(Period::Day), None)),
        Rejection::LooseningWaits => |_, deciding| {
            deciding.ask(&set(LIMITED, limit(Period::Day), Some(2)))?;
            deciding.ask(&set(LIMITED, limit(Period::Day), Some(3)))
        },
        Rejection::LooseningEarly => {
            |_, deciding| deciding.ask(&limits::Command::Confirm(LIMITED, limit(Period::Week)))
        }
        Rejection::LooseningLate => {
            |_, deciding| deciding.ask(&limits::Command::Confirm(LIMITED, limit(Period::Month)))
        }
        Rejection::LimitsFull => |_, deciding| {
            (0..=LIMITS_MAX as u8).try_for_each(|number| {
                let currency =
                    format!("A{}{}", char::from(b'A' + number / 26), char::from(b'A' + number % 26));
                let id = LimitId { currency: currency.parse().ok(), ..limit(Period::Day) };
                deciding.ask(&set(PLAYER, id, Some(1)))
            })
        },
        Rejection::BalanceTooLow => |_, deciding| deciding.ask(&keep(RuledChange::Debit(1))),
        Rejection::BalanceTooHigh => |_, deciding| deciding.ask(&keep(RuledChange::Credit(1))),
        Rejection::ChangeTooLarge => |_, deciding| deciding.ask(&keep(RuledChange::Credit(101))),
        Rejection::HoldEnded => |_, deciding| deciding.ask(&balance::Command::Free(HoldId(tx_id(1, "a").0))),
        Rejection::AboveHold => {
            |_, deciding| deciding.ask(&balance::Command::Capture { hold: HoldId(OF_SERVICE.0), amount: 11 })
        }
        Rejection::NotDue => |_, deciding| deciding.ask(&balance::Command::Expire(HoldId(tx_id(1, "a").0))),
        Rejection::KeyTooLong => |context, deciding| {
            SetRules { of: [b'x'; 38].into(), rules: RulesRow([].into()) }.decide(context, deciding)
        },
        Rejection::InsufficientFunds => |_, deciding| deciding.ask(&Raw(Move::Post(transfer(951)))),
        Rejection::TooLarge => |_, deciding| {
            let Transfer { debit, credit, .. } = transfer(0);
            deciding.ask(&Raw(Move::Post(Transfer { debit: credit, credit: debit, amount: SUM_MAX })))
        },
    }
}

const REJECTIONS: [Rejection; 44] = [
    Rejection::AmountNotPositive,
    Rejection::SameAccount,
    Rejection::CurrencyDiffers,
    Rejection::HoldExists,
    Rejection::HoldNotOpen,
    Rejection::AccountExists,
    Rejection::AccountNotFound,
    Rejection::OwnerUnfit,
    Rejection::SourcesUnfit,
    Rejection::AccountFrozen,
    Rejection::NotFrozen,
    Rejection::Excluded,
    Rejection::ExclusionStands,
    Rejection::NotExcluded,
    Rejection::DurationUnfit,
    Rejection::ProposalUnknown,
    Rejection::ProposalEnded,
    Rejection::ProposalDiffers,
    Rejection::NotAnApprover,
    Rejection::OwnProposal,
    Rejection::ApprovedBefore,
    Rejection::ProposalExpired,
    Rejection::AboveApproverLimit,
    Rejection::NoBreakGlass,
    Rejection::ReversedBefore,
    Rejection::NotReversible,
    Rejection::RealityCheckDue,
    Rejection::StartTooSoon,
    Rejection::NoCheckDue,
    Rejection::LimitReached,
    Rejection::NoLimit,
    Rejection::LooseningWaits,
    Rejection::LooseningEarly,
    Rejection::LooseningLate,
    Rejection::LimitsFull,
    Rejection::BalanceTooLow,
    Rejection::BalanceTooHigh,
    Rejection::ChangeTooLarge,
    Rejection::HoldEnded,
    Rejection::AboveHold,
    Rejection::NotDue,
    Rejection::KeyTooLong,
    Rejection::InsufficientFunds,
    Rejection::TooLarge,
];

#[test]
fn each_rule_of_the_ledger_refuses_a_recipe_that_breaks_it_and_nothing_changes() {
    let mut rig = hub();
    let freeze = Freeze { reason: FreezeReason::Operator, until: None };
    let freezing = FreezePlayer { player: FROZEN, freeze };
    rig.submit(&Envelope::Run(Tx::new(TxId(7), OTHER.into(), Some(Content(7)), freezing)));
    let excluding = ExcludePlayer { player: EXCLUDED, kind: ExclusionKind::SelfExclusion, lasts: None };
    rig.submit(&Envelope::Run(Tx::new(TxId(6), OTHER.into(), Some(Content(6)), excluding)));
    let holding = HoldFunds {
        player: OTHER,
        currency: eur(),
        amount: 10,
        expires: None,
        cause: PaymentCause::default(),
    };
    rig.submit(&Envelope::Run(Tx::new(OF_SERVICE, OTHER.into(), Some(Content(8)), holding)));
    // The looser limit of the month can be confirmed for no time at all, that of the week not yet.
    let limit = |period, to| {
        SetPlayerLimit { player: LIMITED, id: limit(period), by: LimitSetter::Player, to: Some(to) }.into()
    };
    let at_once = LimitRules { loosening_after: 0, confirm_within: 0, ..LimitRules::standard() };
    let changes: [Intent; 7] = [
        limit(Period::Day, 1),
        limit(Period::Week, 1),
        limit(Period::Month, 1),
        SetLimitRules(at_once).into(),
        limit(Period::Month, 2),
        SetLimitRules(LimitRules::standard()).into(),
        limit(Period::Week, 2),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (id, content) = (TxId(100 + number as u128), Some(Content(number as u128)));
        let verdict = rig.submit(&Envelope::Run(Tx::new(id, OTHER.into(), content, change)));
        assert!(matches!(verdict, Verdict::Recorded(_)), "{verdict:?}");
    }
    set_up(&mut rig, REVERSED);
    let rule = BalanceRule {
        least: Some(1),
        most: Some(-1),
        credit_max: Some(100),
        ..BalanceRule::unbounded("USD".parse().unwrap())
    };
    let verdict = rig.submit(&Envelope::Run(Tx::new(TxId(60), Principal::HUB, None, SetBalanceRule(rule))));
    assert_eq!(verdict, Verdict::Done);
    let rules = SessionRules { pause_min: DAY, check_every: 10, start_min: 10 };
    rig.submit(&Envelope::Run(Tx::new(TxId(5), Principal::HUB, None, SetSessionRules(rules))));
    for (key, player) in [("p", PLAYED), ("q", STARTED)] {
        rig.deposit(player.0, 100);
        done(rig.bet(key, player.0, &[("red", &[], 50)]));
        rig.now += u64::from(player == PLAYED) * 10;
    }
    let before = (rig.books.digest(), rig.books.lsn());
    for rejection in REJECTIONS {
        let mut deciding = domains::decide::Deciding::new(&context(&rig.books));
        let (_, refused) = wrong(rejection)(&context(&rig.books), &mut deciding).unwrap_err();
        assert_eq!(refused, rejection);
        let own = Tx::new(ID, Principal::HUB, None, Faulty(wrong(rejection)));
        let verdict = rig.submit(&Envelope::Run(own));
        assert!(matches!(verdict, Verdict::Impossible(_)), "{rejection:?}: {verdict:?}");
        assert_eq!((rig.books.digest(), rig.books.lsn()), before, "{rejection:?}");
    }
}

/// A refused move leaves no half of itself: the second source of a hold has too little, and the first is as it was.
#[test]
fn a_recipe_that_goes_on_after_a_refused_move_has_not_made_it() {
    let mut rig = hub();
    let goes_on = Faulty(|_, deciding| {
        let source = Source { account: AccountId::cash(OTHER, eur()), amount: 951 };
        let refused = deciding.ask(&Raw(Move::Hold(HoldId(ID.0), Arc::new(more(&[source])))));
        assert_eq!(refused, Err((Domain::Balance, Rejection::InsufficientFunds)));
        tell(deciding)
    });
    let before = (rig.funds(1), rig.funds(2));
    rig.submit(&Envelope::Run(Tx::new(ID, PLAYER.into(), Some(Content(1)), goes_on)));
    assert_eq!((rig.funds(1), rig.funds(2)), before);
}
