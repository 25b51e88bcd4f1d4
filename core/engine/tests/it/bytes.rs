//! Encoding of records: each is read back as it was written, and any other bytes are refused.

mod rows;

use std::sync::Arc;

use crate::rig::{BETTING_MS, Rig};
use domains::{
    Funds, Intent, Notice, OwnerName, PaymentCause, Reference, RowImage, What,
    acknowledged::Acknowledged,
    approval::{EndedProposal, Proposal, ProposalEnd, ProposalId, Proposed},
    approval_rules::{ApprovalBand, ApprovalRules, ApproverLimit, ProposalSubject},
    balance_rule::BalanceRule,
    calendar::{OFFSET_MAX, OffsetChange, Period, Zone},
    correction::{AdjustmentReason, Correction, CorrectionOf},
    exclusion::{Exclusion, ExclusionKind},
    freeze::{Freeze, FreezeReason},
    limit_rules::LimitRules,
    limits::{LimitId, LimitKind, LimitSetter, PlayerLimits},
    operator_act::{LackedCapability, OperatorAct},
    play_session::{PlaySession, PlaySum},
    protection::Protection,
    recipes::{
        AcknowledgeAlert, AcknowledgeCheck, ApproveAdjustment, CaptureHold, Collect, ConfirmLimit, Debit,
        Deposit, ExcludePlayer, FreezePlayer, HoldExpire, HoldFunds, OperatorRefused, PaymentMethod,
        PlayerWinnings, ProposeAdjustment, Reinstate, RejectAdjustment, ReleaseHold, ReleaseStakes,
        SetApprovalRules, SetBalanceRule, SetLimitRules, SetPlayerLimit, SetProtection, SetRules,
        SetSessionRules, SettleRound, TableOnly,
    },
    reversal::{Reversal, Reversed},
    rules::RulesRow,
    session_rules::SessionRules,
};
use engine::{
    Body, Committed, Component, Content, DecodeError, Fact, Feature, Formats, NamedFeature, Principal,
    PrincipalKind, Record, RefusedRequest, SecretName, StateDigest, TxId, Unknown,
    item::StateItem,
    stored_state::memory::MemoryStore,
    table::{Grounds, SpotAsked, TableAsked, TableLeg, TableRequest, VoidReason},
};
use games::{BetCode, fair::Share};
use ledger::{
    AccountId, AccountKind, Digest, Domain, Hold, HoldId, Leg, Move, Owner, OwnerKind, Prover, Purpose,
    SUM_MAX, Source, Transfer,
};
use proptest::prelude::*;
use protocol::{Currency, ErrorCode, PlayerId, RoundId, TableId, amount::SCALE_MAX};

/// The version of records.
const VERSION: u8 = 3;

use self::rows::*;

fn currency() -> impl Strategy<Value = Currency> {
    "[A-Z][A-Z0-9]{2,7}".prop_map(|text| text.parse().unwrap())
}

fn table() -> impl Strategy<Value = TableId> {
    "[a-zA-Z0-9_.-]{1,23}".prop_map(|text| text.parse().unwrap())
}

fn money() -> impl Strategy<Value = i128> {
    prop_oneof![-1_000..1_000_000_i128, -SUM_MAX..=SUM_MAX]
}

fn account() -> impl Strategy<Value = AccountId> {
    let owner = prop::sample::select(&OwnerKind::ALL[..]);
    (1..21_u8, owner, any::<u128>(), currency()).prop_filter_map(
        "a kind's number",
        |(number, owner, id, currency)| {
            let kind = AccountKind::from_number(number)?;
            Some(AccountId { kind, owner: Owner::new(owner, id), currency })
        },
    )
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (account(), account(), money()).prop_map(|(debit, credit, amount)| Transfer { debit, credit, amount })
}

fn hold() -> impl Strategy<Value = Hold> {
    let prover = prop_oneof![
        (table(), any::<u64>()).prop_map(|(table, number)| Prover::Round(RoundId { table, number })),
        prop::sample::select(&Domain::ALL[..]).prop_map(Prover::Domain),
    ];
    let source = || (account(), money()).prop_map(|(account, amount)| Source { account, amount });
    let more = prop::collection::vec(source(), 0..3);
    let purpose = prop::sample::select(&Purpose::ALL[..]);
    (purpose, prover, any::<Option<u64>>(), account(), source(), more).prop_map(
        |(purpose, prover, expires, credit, first, more)| Hold {
            purpose,
            prover,
            expires,
            credit,
            first,
            more: more.into(),
        },
    )
}

fn intent() -> impl Strategy<Value = Intent> {
    let player = || any::<u128>().prop_map(PlayerId);
    let round = || (table(), any::<u64>()).prop_map(|(table, number)| RoundId { table, number });
    let holds = prop::collection::vec(any::<u128>().prop_map(HoldId), 0..5);
    prop_oneof![
        (player(), currency(), money()).prop_map(|(player, currency, amount)| Deposit {
            player,
            currency,
            amount
        }
        .into()),
        (player(), currency(), money(), cause()).prop_map(|(player, currency, amount, cause)| Debit {
            player,
            currency,
            amount,
            cause
        }
        .into()),
        (player(), round(), currency(), holds).prop_map(|(player, round, currency, holds)| ReleaseStakes {
            player,
            round,
            currency,
            holds
        }
        .into()),
        (round(), currency(), any::<u32>()).prop_map(|(round, currency, outcome)| SettleRound {
            round,
            currency,
            outcome
        }
        .into()),
        (player(), currency(), money(), any::<Option<u64>>(), cause()).prop_map(
            |(player, currency, amount, expires, cause)| {
                HoldFunds { player, currency, amount, expires, cause }.into()
            }
        ),
        (any::<u128>(), prop::option::of((money(), currency())), cause())
            .prop_map(|(hold, part, cause)| CaptureHold { hold: HoldId(hold), part, cause }.into()),
        (any::<u128>(), cause()).prop_map(|(hold, cause)| ReleaseHold { hold: HoldId(hold), cause }.into()),
        (player(), currency(), money(), owner_name(), cause()).prop_map(
            |(player, currency, amount, merchant, cause)| {
                let method = PaymentMethod::Manual;
                Collect { player, currency, amount, merchant, method, cause }.into()
            }
        ),
        (player(), currency(), money(), owner_name(), cause()).prop_map(
            |(player, currency, amount, game, cause)| {
                PlayerWinnings { player, currency, amount, game, cause }.into()
            }
        ),
        (player(), freeze()).prop_map(|(player, freeze)| FreezePlayer { player, freeze }.into()),
        (player(), exclusion()).prop_map(|(player, Exclusion { kind, until: lasts })| ExcludePlayer {
            player,
            kind,
            lasts
        }
        .into()),
        player().prop_map(|player| Reinstate { player }.into()),
        protection().prop_map(|protection| SetProtection(protection).into()),
        (correction(), prop::option::of(reference()))
            .prop_map(|(correction, break_glass)| ProposeAdjustment { correction, break_glass }.into()),
        (any::<u128>(), correction()).prop_map(|(proposal, correction)| {
            ApproveAdjustment { proposal: ProposalId(proposal), correction }.into()
        }),
        any::<u128>().prop_map(|proposal| RejectAdjustment { proposal: ProposalId(proposal) }.into()),
        approval_rules()
            .prop_map(|rules| { SetApprovalRules { subject: ProposalSubject::Adjustment, rules }.into() }),
        player().prop_map(|player| AcknowledgeCheck { player }.into()),
        session_rules().prop_map(|rules| SetSessionRules(rules).into()),
        any::<u128>().prop_map(|hold| HoldExpire { hold: HoldId(hold) }.into()),
        (prop::collection::vec(any::<u8>(), 0..30), rules()).prop_map(|(of, rules)| SetRules {
            of: of.into(),
            rules
        }
        .into()),
        ("[a-z0-9_-]{1,32}", acknowledged()).prop_map(|(alert, known)| AcknowledgeAlert {
            alert: alert.parse().unwrap(),
            known
        }
        .into()),
        set_limit().prop_map(Into::into),
        (player(), limit_id()).prop_map(|(player, id)| ConfirmLimit { player, id }.into()),
        limit_rules().prop_map(|rules| SetLimitRules(rules).into()),
        operator_refused().prop_map(Into::into),
        balance_rule().prop_map(|rule| SetBalanceRule(rule).into()),
        Just(TableOnly.into()),
    ]
}

fn operator_refused() -> impl Strategy<Value = OperatorRefused> {
    let act = prop::sample::select(&OperatorAct::ALL[..]);
    let lacks = (1..=21_u8).prop_map(|number| LackedCapability::from_number(number).unwrap());
    let code = prop::sample::select(ErrorCode::ALL);
    (act, lacks, prop::option::of(any::<u128>().prop_map(PlayerId)), code)
        .prop_map(|(act, lacks, player, code)| OperatorRefused { act, lacks, player, code })
}

fn principal() -> impl Strategy<Value = Principal> {
    prop_oneof![
        Just(Principal::HUB),
        any::<u128>().prop_map(|player| PlayerId(player).into()),
        "[a-z]{1,9}".prop_map(|name| Principal::named(PrincipalKind::Service, "", &name)),
    ]
}

fn digest() -> impl Strategy<Value = StateDigest> {
    let component = prop_oneof![
        prop::sample::select(&Domain::ALL[..]).prop_map(Component::Accounts),
        prop::sample::select(&Domain::ALL[..]).prop_map(Component::Holds),
        Just(Component::Players),
        Just(Component::Keys),
        Just(Component::Facts),
        Just(Component::Rounds),
        Just(Component::PastRounds),
        any::<u16>().prop_map(Component::Rows),
    ];
    let one = (component, any::<[u8; 32]>().prop_map(Digest::from_bytes));
    prop::collection::hash_map(any::<u8>(), one, 0..5).prop_map(|all| {
        let all: std::collections::BTreeMap<_, _> = all.into_values().collect();
        StateDigest::new(all)
    })
}

fn change() -> impl Strategy<Value = Move> {
    prop_oneof![
        account().prop_map(Move::Open),
        transfer().prop_map(Move::Post),
        (any::<u128>(), hold()).prop_map(|(id, hold)| Move::Hold(HoldId(id), Arc::new(hold))),
        any::<u128>().prop_map(|id| Move::PostHold(HoldId(id))),
        any::<u128>().prop_map(|id| Move::VoidHold(HoldId(id))),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    // The funds of players are never below zero.
    let part = || money().prop_map(|amount| amount.max(0));
    let funds = move || (part(), part()).prop_map(|(available, held)| Funds { available, held });
    let round = || (table(), any::<u64>()).prop_map(|(table, number)| RoundId { table, number });
    let what = prop_oneof![
        Just(What::Deposit),
        Just(What::Stake),
        Just(What::Release),
        Just(What::Credit),
        Just(What::Debit),
        Just(What::Expired),
        Just(What::Held),
        Just(What::Captured),
        Just(What::Freed),
        Just(What::Winnings),
        (round(), money(), money(), any::<u32>()).prop_map(|(round, staked, returned, outcome)| {
            What::Settled { round, staked, returned, outcome }
        }),
        (round(), money()).prop_map(|(round, staked)| What::Voided { round, staked }),
    ];
    (any::<u128>(), currency(), funds(), funds(), what).prop_map(|(player, currency, before, after, what)| {
        Notice { player: PlayerId(player), currency, before, after, what }
    })
}

fn table_leg() -> impl Strategy<Value = TableLeg> {
    let holds = prop::collection::vec(any::<u128>().prop_map(HoldId), 0..5);
    let bets = prop::collection::vec((any::<u16>().prop_map(BetCode), money()), 0..5);
    let reason = prop_oneof![
        Just(VoidReason::SeedLost),
        Just(VoidReason::TableGone),
        Just(VoidReason::Fault),
        Just(VoidReason::RulesUnknown)
    ];
    let opened = (
        any::<(u64, u64, u16)>(),
        "[a-z]{1,9}",
        currency(),
        any::<[u8; 32]>(),
        prop::collection::vec(any::<u8>(), 0..80),
    );
    prop_oneof![
        opened.prop_map(|((round, deadline, rules), game, currency, commit, sealed)| TableLeg::Opened {
            round,
            deadline,
            game: game.into(),
            rules,
            currency,
            commit,
            sealed: sealed.into(),
        }),
        (any::<(u64, u128, u128)>(), bets, prop::option::of(any::<[u8; 32]>())).prop_map(
            |((round, player, hold), bets, share)| TableLeg::BetPlaced {
                round,
                player: PlayerId(player),
                hold: HoldId(hold),
                bets,
                share: share.map(Share),
            }
        ),
        (any::<(u64, u128)>(), holds).prop_map(|((round, player), holds)| TableLeg::BetsCleared {
            round,
            player: PlayerId(player),
            holds,
        }),
        (any::<(u64, u64)>(), money(), any::<[u8; 32]>())
            .prop_map(|((round, deadline), staked, mix)| TableLeg::Locked { round, deadline, staked, mix }),
        (any::<(u64, u64, u32)>(), any::<[u8; 32]>(), money()).prop_map(
            |((round, deadline, outcome), seed, returned)| TableLeg::Settled {
                round,
                deadline,
                outcome,
                seed,
                returned,
            }
        ),
        (any::<(u64, u64)>(), reason).prop_map(|((round, deadline), reason)| TableLeg::Voided {
            round,
            deadline,
            reason
        }),
        (any::<u64>(), any::<u16>()).prop_map(|(change, version)| {
            let mut rules = crate::rig::config().rules;
            rules.rules_version = version;
            TableLeg::Ruled { change, rules: Box::new(rules) }
        }),
        (0..8_usize, any::<bool>()).prop_map(|(bets, locked)| quarantined(bets, locked)),
    ]
}

/// A quarantined table with so many bets.
fn quarantined(bets: usize, locked: bool) -> TableLeg {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    rig.finish();
    rig.open();
    for bet in 0..bets {
        let bets: &[(&str, &[u8], i128)] = &[("red", &[], 10), ("straight", &[3], 10)];
        let mut request = rig.request(&format!("b{bet}"), 1 + (bet % 2) as u128, bets);
        request.share = (bet % 3 == 1).then(|| Share::of(request.player, "clover"));
        rig.place(request);
    }
    if locked {
        rig.wait(BETTING_MS);
    }
    TableLeg::Quarantined { state: Box::new(rig.live.state().to_quarantine()) }
}

fn fact() -> impl Strategy<Value = Fact> {
    prop_oneof![
        (currency(), 0..=SCALE_MAX).prop_map(|(currency, scale)| Fact::Scale { currency, scale }),
        (prop::sample::select(&SecretName::ALL[..]), any::<u128>())
            .prop_map(|(secret, value)| Fact::Check { secret, value }),
        any::<u128>().prop_map(|file| Fact::People { file }),
        any::<bool>().prop_map(|doubted| Fact::Clock { doubted }),
        (any::<u128>(), any::<bool>())
            .prop_map(|(player, excluded)| Fact::Erased { player: PlayerId(player), excluded }),
        (
            prop_oneof![
                (1_u16..=12).prop_map(|kind| Feature::Recipe { kind, revision: 1 }),
                (1_u16..=2).prop_map(|kind| Feature::Row { kind })
            ],
            "[!-~]{0,23}"
        )
            .prop_map(|(feature, name)| Fact::Upgrade(NamedFeature::new(feature, &name))),
        "[a-zé:/.]{0,128}".prop_map(|name| Fact::Issuer { name: name.into() }),
    ]
}

fn refusal() -> impl Strategy<Value = RefusedRequest> {
    let spot =
        (any::<u16>(), any::<i128>(), prop::option::of(any::<i128>())).prop_map(|(code, stake, smallest)| {
            SpotAsked { code: BetCode(code), stake, smallest: smallest.unwrap_or(stake) }
        });
    let asked = prop_oneof![
        prop::collection::vec(spot, 0..4).prop_map(TableAsked::Bets),
        Just(TableAsked::Clearing),
    ];
    let grounds = prop::sample::select(vec![Grounds::Log, Grounds::Fault, Grounds::Configuration]);
    let request = (table(), any::<(u64, u64)>(), asked, grounds).prop_map(
        |(table, (round, arrived), asked, grounds)| {
            RefusedRequest::ByTable(Box::new(TableRequest { table, round, arrived, asked, grounds }))
        },
    );
    prop_oneof![intent().prop_map(RefusedRequest::ByDomain), request]
}

fn record() -> impl Strategy<Value = Record> {
    let domain = (0..5_u8).prop_map(|number| Domain::from_number(number).unwrap());
    let leg =
        (domain, prop::collection::vec(change(), 0..5)).prop_map(|(domain, moves)| (domain, Leg { moves }));
    let committed = (
        (any::<u128>(), principal(), intent()),
        prop::option::of(any::<u128>().prop_map(Content)),
        prop::collection::vec(leg, 0..4),
        prop::collection::vec(row(), 0..3),
        prop::collection::vec(notice(), 0..4),
        prop::option::of((table(), table_leg())),
    );
    let code = prop::sample::select(ErrorCode::ALL);
    let body = prop_oneof![
        6 => committed.prop_map(|((id, principal, intent), key, legs, rows, notices, table)| {
            Body::Committed(Committed { id: TxId(id), principal, key, intent, legs, rows, notices, table })
        }),
        1 => (any::<(u128, u128)>(), principal(), refusal(), code).prop_map(|((id, content), principal, refused, code)| {
            Body::Refused { id: TxId(id), principal, content: Content(content), code, refused }
        }),
        1 => digest().prop_map(Body::Digest),
        1 => fact().prop_map(Body::Fact),
    ];
    (any::<u64>(), body).prop_map(|(time, body)| Record { time, body })
}

proptest! {
    #[test]
    fn a_record_reads_back(record in record()) {
        prop_assert_eq!(Record::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn a_record_cut_short_or_gone_on_is_refused(record in record(), cut in any::<prop::sample::Index>()) {
        let bytes = record.encode();
        prop_assert!(Record::decode(&bytes[..cut.index(bytes.len())]).is_err());
        prop_assert_eq!(Record::decode(&[&bytes[..], &[0]].concat()), Err(DecodeError::TrailingBytes));
    }

    /// Every record has only one valid encoding, so that the hash of the bytes is the hash of the meaning.
    #[test]
    fn changed_bytes_are_refused_or_are_the_only_encoding_of_another_record(
        record in record(),
        at in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
    ) {
        let mut bytes = record.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        if let Ok(other) = Record::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
            prop_assert_ne!(other, record);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..400), body in 0..5_u8) {
        for bytes in [tail.clone(), [&[VERSION, 0, body][..], &tail].concat()] {
            if let Ok(record) = Record::decode(&bytes) {
                prop_assert_eq!(&record.encode(), &bytes);
            }
            // An error is fine, a panic is not.
            let _ = StateItem::decode(&bytes, &Formats::STANDARD, Unknown::Refused);
            let _ = MemoryStore { head: bytes, ..MemoryStore::default() }.load(Formats::STANDARD, Unknown::Refused);
        }
    }
}

/// A count of billions of items must be refused before memory is allocated for them: that would end the process.
#[test]
fn a_count_that_is_too_large_is_refused_before_memory_is_allocated() {
    let committed = |rest: &[u8]| [&[VERSION, 0, 1, 0][..], &[7; 16], &[0, 0], rest].concat();
    let billions = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let legs = committed(&billions);
    let moves = committed(&[&[1, 0][..], &billions].concat());
    let rows = committed(&[&[0][..], &billions].concat());
    let notices = committed(&[&[0, 0][..], &billions].concat());
    for bytes in [legs, moves, rows, notices] {
        assert_eq!(Record::decode(&bytes), Err(DecodeError::Truncated));
    }
    let beyond_128_bits = committed(&[0xff; 19]);
    assert_eq!(Record::decode(&beyond_128_bits), Err(DecodeError::OutOfRange("an integer")));
    let zero_in_two_bytes = [VERSION, 0x80, 0x00, 3, 0];
    assert_eq!(Record::decode(&zero_in_two_bytes), Err(DecodeError::OutOfRange("an integer")));
}

#[test]
fn another_version_is_refused_by_name() {
    let mut bytes = Record { time: 0, body: Body::Digest(StateDigest::default()) }.encode();
    for other in [0, VERSION - 1, VERSION + 1, 255] {
        bytes[0] = other;
        let error = Record::decode(&bytes).unwrap_err();
        assert_eq!(error, DecodeError::Version { found: other, read: VERSION });
        let said = error.to_string();
        assert!(said.contains(&format!("version {other}")) && said.contains("docs/operating.md"), "{said}");
    }
}
