//! The encoding of the ledger's values: each is read back as it was written, and nothing else is read.

use std::sync::Arc;

use ledger::{
    AccountId, AccountKind, Domain, Hold, HoldId, Leg, Move, Owner, OwnerKind, Prover, Purpose, Source,
    Transfer,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId, RoundId};

const KINDS: [AccountKind; 13] = [
    AccountKind::Results,
    AccountKind::Cash,
    AccountKind::Source,
    AccountKind::Stakes,
    AccountKind::Winnings,
    AccountKind::Grants,
    AccountKind::Bonus,
    AccountKind::Corrections,
    AccountKind::Clearing(Domain::Balance),
    AccountKind::Clearing(Domain::Collections),
    AccountKind::Clearing(Domain::Distributions),
    AccountKind::Clearing(Domain::FreePlay),
    AccountKind::Clearing(Domain::Adjustment),
];

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

/// What `write` has written, given to `read`; nothing may be left.
fn read_back<T>(
    write: impl FnOnce(&mut Encoder),
    read: impl FnOnce(&mut Decoder<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut encoder = Encoder::default();
    write(&mut encoder);
    let mut decoder = Decoder::new(encoder.as_bytes());
    let value = read(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}

#[test]
fn each_kind_of_account_and_of_owner_is_read_back_and_has_an_encoding_of_its_own() {
    let mut encodings = Vec::new();
    for kind in KINDS {
        assert_eq!(AccountKind::from_number(kind.number()), Some(kind));
        for owner in OwnerKind::ALL {
            let id = AccountId { kind, owner: Owner::new(owner, 7), currency: eur() };
            assert_eq!(read_back(|encoder| encoder.account(&id), |decoder| decoder.account()), Ok(id));
            let mut encoder = Encoder::plain(64);
            encoder.account(&id);
            encodings.push(encoder.into_bytes());
        }
    }
    encodings.sort_unstable();
    encodings.dedup();
    assert_eq!(encodings.len(), KINDS.len() * OwnerKind::ALL.len());
    for unknown in [0, 9, 15, 21, 31] {
        assert_eq!(
            Decoder::new(&[unknown]).account(),
            Err(DecodeError::Unknown("account kind")),
            "{unknown}"
        );
    }
    assert_eq!(Decoder::new(&[7 << 5 | 1]).account(), Err(DecodeError::Unknown("owner kind")));
}

#[test]
fn an_owner_is_of_its_kind_and_has_its_id_and_only_a_player_is_a_player() {
    for kind in OwnerKind::ALL {
        let owner = Owner::new(kind, 7);
        assert_eq!((owner.kind(), owner.id()), (kind, if kind == OwnerKind::House { 0 } else { 7 }));
        assert_eq!(owner.player(), (kind == OwnerKind::Player).then_some(PlayerId(7)));
    }
}

#[test]
fn each_domain_purpose_and_kind_of_owner_has_a_name_of_its_own() {
    let domains = Domain::ALL.map(Domain::name);
    let (purposes, owners) = (Purpose::ALL.map(Purpose::name), OwnerKind::ALL.map(OwnerKind::name));
    for names in [&domains[..], &purposes, &owners] {
        let different: std::collections::BTreeSet<_> = names.iter().filter(|name| !name.is_empty()).collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
    }
}

#[test]
fn a_leg_with_each_kind_of_move_is_read_back() {
    let cash = AccountId::cash(PlayerId(1), eur());
    let clearing = AccountId::house(AccountKind::Clearing(Domain::Collections), eur());
    let transfer = Transfer { debit: cash, credit: clearing, amount: 5 };
    let mut moves = vec![Move::Open(cash), Move::Post(transfer)];
    let round = RoundId { table: "t1".parse().unwrap(), number: 3 };
    for (number, purpose) in (0..).zip(Purpose::ALL) {
        for prover in [Prover::Round(round), Prover::Domain(Domain::Distributions)] {
            let source = Source { account: AccountId::bonus(PlayerId(1), eur()), amount: 2 };
            let made =
                Hold { expires: Some(9), more: [source].into(), ..Hold::on(purpose, prover, transfer) };
            assert_eq!(made.amount(), 7);
            moves.push(Move::Hold(HoldId(number), Arc::new(made)));
        }
    }
    moves.extend([Move::PostHold(HoldId(0)), Move::VoidHold(HoldId(1))]);
    let leg = Leg { moves };
    assert_eq!(read_back(|encoder| encoder.leg(&leg), |decoder| decoder.leg()), Ok(leg));
    assert_eq!(Decoder::new(&[1, 6]).leg(), Err(DecodeError::Unknown("move")));
}

#[test]
fn an_integer_has_one_encoding_and_at_most_128_bits() {
    for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u128::from(u64::MAX), u128::MAX] {
        assert_eq!(read_back(|encoder| encoder.uint(value), |decoder| decoder.uint()), Ok(value));
    }
    let refused = Err(DecodeError::OutOfRange("an integer"));
    assert_eq!(Decoder::new(&[0x80, 0]).uint(), refused, "a last byte of zero");
    // 18 bytes with seven bits each are 126: two bits are left for the last byte.
    let long = |last: u8| [&[0xff; 18][..], &[last]].concat();
    assert_eq!(Decoder::new(&long(3)).uint(), Ok(u128::MAX));
    assert_eq!(Decoder::new(&long(4)).uint(), refused, "a bit beyond the last");
    assert_eq!(Decoder::new(&long(7)).uint(), refused, "one beyond the last, and others");
    assert_eq!(Decoder::new(&long(0x83)).uint(), refused, "a byte too many");
}

#[test]
fn amounts_of_both_signs_and_raw_bytes_are_read_back() {
    for amount in [0, 1, -1, 63, -64, ledger::SUM_MAX, -ledger::SUM_MAX] {
        assert_eq!(read_back(|encoder| encoder.money(amount), |decoder| decoder.money()), Ok(amount));
    }
    let beyond = read_back(|encoder| encoder.money(ledger::SUM_MAX + 1), |decoder| decoder.money());
    assert_eq!(beyond, Err(DecodeError::OutOfRange("an amount")));
    assert_eq!(read_back(|encoder| encoder.raw(&[1, 2]), |decoder| decoder.array()), Ok([1, 2]));
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut decoder = Decoder::new(&[5, 6]);
    assert_eq!((decoder.byte(), decoder.finish()), (Ok(5), Err(DecodeError::TrailingBytes)));
    assert_eq!((decoder.byte(), decoder.finish()), (Ok(6), Ok(())));
}

#[test]
fn an_encoder_that_is_cleared_spells_every_name_again() {
    let mut encoder = Encoder::default();
    let mut spelled = || {
        encoder.clear();
        encoder.player(PlayerId(7));
        encoder.currency(eur());
        encoder.as_bytes().to_vec()
    };
    assert_eq!(spelled(), spelled());
}
