//! Encoding of records: each is read back as it was written, and any other bytes are refused.

use crate::rig::{BETTING_MS, Rig};
use domains::{Funds, Notice, What};
use engine::{
    Body, Committed, Content, DecodeError, Fact, Record, SecretName, TxId,
    table::{TableLeg, VoidReason},
};
use games::{BetCode, fair::Share};
use ledger::{AccountId, AccountKind, Digest, Domain, HoldId, Leg, Move, SUM_MAX, Transfer};
use proptest::prelude::*;
use protocol::{Currency, ErrorCode, PlayerId, RoundId, TableId, amount::SCALE_MAX};

/// The version of records.
const VERSION: u8 = 3;

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
    (1..21_u8, any::<u128>(), currency()).prop_filter_map("a kind's number", |(number, owner, currency)| {
        let kind = AccountKind::from_number(number)?;
        Some(AccountId { kind, owner: if kind.is_players() { owner } else { 0 }, currency })
    })
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (account(), account(), money()).prop_map(|(debit, credit, amount)| Transfer { debit, credit, amount })
}

fn change() -> impl Strategy<Value = Move> {
    prop_oneof![
        account().prop_map(Move::Open),
        transfer().prop_map(Move::Post),
        (any::<u128>(), transfer()).prop_map(|(id, transfer)| Move::Hold(HoldId(id), transfer)),
        any::<u128>().prop_map(|id| Move::PostHold(HoldId(id))),
        any::<u128>().prop_map(|id| Move::VoidHold(HoldId(id))),
    ]
}

fn notice() -> impl Strategy<Value = Notice> {
    let funds = || (money(), money()).prop_map(|(available, held)| Funds { available, held });
    let round = || (table(), any::<u64>()).prop_map(|(table, number)| RoundId { table, number });
    let what = prop_oneof![
        Just(What::Deposit),
        Just(What::Stake),
        Just(What::Release),
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
        "[a-zé:/.]{0,128}".prop_map(|name| Fact::Issuer { name: name.into() }),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let domain = (0..5_u8).prop_map(|number| Domain::from_number(number).unwrap());
    let leg =
        (domain, prop::collection::vec(change(), 0..5)).prop_map(|(domain, moves)| (domain, Leg { moves }));
    let committed = (
        any::<u128>(),
        prop::option::of(any::<u128>().prop_map(Content)),
        prop::collection::vec(leg, 0..4),
        prop::collection::vec(notice(), 0..4),
        prop::option::of((table(), table_leg())),
    );
    let code = prop::sample::select(ErrorCode::ALL);
    let body = prop_oneof![
        6 => committed.prop_map(|(id, key, legs, notices, table)| {
            Body::Committed(Committed { id: TxId(id), key, legs, notices, table })
        }),
        1 => (any::<u128>(), any::<u128>(), code).prop_map(|(id, content, code)| {
            Body::Refused { id: TxId(id), content: Content(content), code }
        }),
        1 => any::<u128>().prop_map(|digest| Body::Digest(Digest(digest))),
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
            let _ = engine::checkpoint::decode(&bytes); // an error is fine, a panic is not
        }
    }
}

/// A count of billions of items must be refused before memory is allocated for them: that would end the process.
#[test]
fn a_count_that_is_too_large_is_refused_before_memory_is_allocated() {
    let committed = |rest: &[u8]| [&[VERSION, 0, 1][..], &[7; 16], &[0], rest].concat();
    let billions = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let legs = committed(&billions);
    let moves = committed(&[&[1, 0][..], &billions].concat());
    let notices = committed(&[&[0][..], &billions].concat());
    for bytes in [legs, moves, notices] {
        assert_eq!(Record::decode(&bytes), Err(DecodeError::Truncated));
    }
    let beyond_128_bits = committed(&[0xff; 19]);
    assert_eq!(Record::decode(&beyond_128_bits), Err(DecodeError::OutOfRange("an integer")));
    let zero_in_two_bytes = [VERSION, 0x80, 0x00, 3, 0];
    assert_eq!(Record::decode(&zero_in_two_bytes), Err(DecodeError::OutOfRange("an integer")));
}

#[test]
fn another_version_is_refused_by_name() {
    let mut bytes = Record { time: 0, body: Body::Digest(Digest(1)) }.encode();
    for other in [0, VERSION - 1, VERSION + 1, 255] {
        bytes[0] = other;
        let error = Record::decode(&bytes).unwrap_err();
        assert_eq!(error, DecodeError::Version { found: other, read: VERSION });
        let said = error.to_string();
        assert!(said.contains(&format!("version {other}")) && said.contains("docs/operating.md"), "{said}");
    }
}
