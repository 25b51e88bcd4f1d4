//! The first use of what a later release adds: recorded before it, kept in the state store, and refused by name by a release that
//! does not have it. Until then the log is one of the older release as well. And records in an old shape.

use domains::{Recipe, recipes::Deposit};
use engine::{
    ApplyError, Body, Component, DecodeError, Fact, Feature, Formats, InUse, LogVerifier, NamedFeature,
    Outcome, Record, Shape, Unknown, Unloadable, Verdict, World, invariant::Violation,
};
use ledger::codec::Decoder;
use protocol::PlayerId;

use crate::{
    extension::{CHEERFUL, CheerfulDeposit, LATER, MOOD, Mood, SetAside, tx},
    rig::{Rig, done, eur, stored_with},
};

/// The shapes of a later release, which has read records for longer than this one: also those of version 2.
pub const SHAPES: &[Shape] = &[Formats::STANDARD.shapes[0], Shape { version: 2, read: read_version_2 }];

/// Records of version 2, which no release has written: facts alone, and their time in seconds.
fn read_version_2(decoder: &mut Decoder<'_>, _: &Formats, _: Unknown) -> Result<Record, DecodeError> {
    let time = u64::from(decoder.u32()?) * 1_000;
    let fact = Fact::Scale { currency: decoder.currency()?, scale: decoder.u32()? };
    Ok(Record { time, body: Body::Fact(fact) })
}

const SET_ASIDE: Feature = Feature::Recipe { kind: SetAside::KIND, revision: 1 };

fn named(feature: Feature) -> NamedFeature {
    let name = match feature {
        CHEERFUL => "DEPOSIT",
        MOOD => "mood",
        SET_ASIDE => "SET_ASIDE",
        feature => panic!("{feature:?}"),
    };
    NamedFeature::new(feature, name)
}

fn cheerful(amount: i128) -> CheerfulDeposit {
    CheerfulDeposit { deposit: Deposit { player: PlayerId(1), currency: eur(), amount }, mood: Mood(3) }
}

fn set_aside(amount: i128) -> SetAside {
    SetAside { player: PlayerId(1), currency: eur(), amount, expires: u64::MAX }
}

/// A hub of the later release: it uses what this release has, then all that it adds, twice.
fn later() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    for number in [7, 8] {
        done(rig.submit(&tx(number, PlayerId(1), cheerful(5))));
    }
    // A refusal was decided by the recipe, too.
    for number in [9, 10] {
        let verdict = rig.submit(&tx(number, PlayerId(1), set_aside(5_000)));
        assert!(matches!(verdict, Verdict::Recorded(Outcome::Refused { .. })), "{verdict:?}");
    }
    rig
}

fn records(rig: &Rig) -> impl Iterator<Item = (u64, Record)> {
    let read = |bytes: &Vec<u8>| Record::decode_with(bytes, &LATER).unwrap();
    (1..).zip(rig.log.iter().map(read))
}

#[test]
fn the_first_use_is_recorded_once_directly_before_the_record_that_uses_it() {
    let rig = later();
    let upgrades: Vec<_> = records(&rig)
        .filter_map(|(lsn, record)| match record.body {
            Body::Fact(Fact::Upgrade(feature)) => Some(InUse { feature, first: lsn }),
            _ => None,
        })
        .collect();
    let features: Vec<_> = upgrades.iter().map(|upgrade| upgrade.feature).collect();
    assert_eq!(features, [CHEERFUL, MOOD, SET_ASIDE].map(named));
    let kept: Vec<_> = rig.books.facts().upgrades().collect();
    assert_eq!(kept.len(), 3);
    assert!(upgrades.iter().all(|upgrade| kept.contains(upgrade)), "{kept:?}");
    let of = |first: u64| records(&rig).nth(first as usize).map(|(_, record)| record.body);
    assert_eq!(of(upgrades[0].first), Some(Body::Fact(Fact::Upgrade(named(MOOD)))));
    assert!(matches!(of(upgrades[1].first), Some(Body::Committed(_))));
    assert!(matches!(of(upgrades[2].first), Some(Body::Refused { .. })));
}

#[test]
fn a_release_that_uses_nothing_new_records_no_upgrade() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.finish();
    assert_eq!(rig.books.facts().upgrades().next(), None);
    assert!(rig.log.iter().all(|bytes| !matches!(Record::decode(bytes).unwrap().body, Body::Fact(_))));
}

/// Why this release does not start on a log of the later one after its record `end`, from a state store that stands for
/// the records up to `cursor`, or from none.
fn refusal(rig: &Rig, cursor: u64, end: u64) -> Option<(u64, DecodeError)> {
    let mut world = World::default();
    for (_, record) in records(rig).take(cursor as usize) {
        world.apply(&record).unwrap();
    }
    let behind = stored_with(&world, LATER).unwrap();
    assert_eq!(behind.books.facts(), world.books.facts(), "the later release goes on from it");
    let mut world = match stored_with(&world, Formats::STANDARD) {
        Ok(world) => world,
        Err(Unloadable::Unread(error)) => return Some((cursor, error)),
        Err(error) => panic!("{error}"),
    };
    for lsn in cursor + 1..=end {
        match Record::decode(&rig.log[lsn as usize - 1]) {
            Ok(record) => drop(world.apply(&record).unwrap()),
            Err(error) => return Some((lsn, error)),
        }
    }
    None
}

#[test]
fn the_older_release_starts_until_the_first_use_and_refuses_by_name_from_then_on_with_and_without_a_store() {
    let rig = later();
    let first = rig.books.facts().upgrades().map(|upgrade| upgrade.first).min().unwrap();
    let last = rig.log.len() as u64;
    for end in 0..=last {
        for cursor in 0..=end {
            let expected = if end < first {
                None
            } else if cursor < first {
                Some((first, DecodeError::Upgrade(named(CHEERFUL))))
            } else {
                Some((cursor, DecodeError::InUse { feature: named(CHEERFUL), first }))
            };
            assert_eq!(refusal(&rig, cursor, end), expected, "from {cursor} to {end}");
        }
    }
    let (_, error) = refusal(&rig, last, last).unwrap();
    assert!(error.is_later());
    assert_eq!(
        error.to_string(),
        format!(
            "recipe DEPOSIT (1) in revision 2 is used since record {first} and is not known to this release: a later release \
             wrote it. Go on with that release or a later one, on the same directory (docs/operating.md, \"Upgrade and \
             rollback\")"
        )
    );
}

#[test]
fn a_store_names_the_feature_although_no_row_of_it_is_left() {
    // The row was removed again: nothing else in the state shows that there was one.
    let mut world = World::default();
    let record = world.books.fact_record(Fact::Upgrade(named(MOOD)), 0);
    world.apply(&record).unwrap();
    let refused = stored_with(&world, Formats::STANDARD).err();
    let lacking = DecodeError::InUse { feature: named(MOOD), first: 1 };
    assert_eq!(refused, Some(Unloadable::Unread(lacking)));
}

/// `E7`.
#[test]
fn a_record_that_uses_a_feature_before_its_first_use_is_recorded_is_refused() {
    for missing in [CHEERFUL, MOOD, SET_ASIDE] {
        let (mut world, mut verifier) = (World::default(), LogVerifier::default().reading(LATER));
        let fact = Body::Fact(Fact::Upgrade(named(missing)));
        let mut rest =
            records(&later()).filter(|(_, record)| record.body != fact).collect::<Vec<_>>().into_iter();
        let refused = rest.find_map(|(_, record)| {
            let found = verifier.next(&record.encode()).err();
            let before = world.books.digest();
            let refused = world.apply(&record).err();
            assert_eq!(found.map(|found| found.what), refused.as_ref().map(ApplyError::to_string));
            assert!(refused.is_none() || world.books.digest() == before, "nothing is changed");
            refused
        });
        assert_eq!(refused, Some(ApplyError::Invariant(Violation::NotInUse(named(missing)))));
    }
}

#[test]
fn where_a_feature_came_into_use_is_part_of_the_state() {
    let facts = |first: u64| {
        let mut rig = Rig::new();
        for _ in 1..first {
            rig.deposit(1, 1);
        }
        let record = rig.books.fact_record(Fact::Upgrade(named(MOOD)), rig.now);
        rig.append(&record);
        rig.append(&record);
        rig.books.digest().of(Component::Facts)
    };
    assert_ne!(facts(1), facts(2));
    assert_ne!(facts(1), Default::default());
    // It has one name.
    let mut world = World::default();
    for (name, applies) in [("mood", true), ("mood", true), ("humour", false)] {
        let record = world.books.fact_record(Fact::Upgrade(NamedFeature::new(MOOD, name)), 0);
        assert_eq!(world.apply(&record).is_ok(), applies, "{name}");
    }
}

#[test]
fn a_digest_that_is_due_at_the_place_of_an_upgrade_is_recorded_after_the_turn() {
    for (every, digest) in [(2, Some(4)), (3, Some(4)), (5, None)] {
        let mut rig = Rig::new();
        rig.deposit(1, 1_000);
        let concluded = rig.books.run(tx(7, PlayerId(1), set_aside(5)), rig.now, every).unwrap();
        let places: Vec<_> = concluded.records().map(|(place, _)| *place).collect();
        assert_eq!(concluded.record.as_ref().map(|(place, _)| *place), Some(3));
        assert_eq!(concluded.digest.as_ref().map(|(place, _)| *place), digest);
        assert_eq!(places, (2..=digest.unwrap_or(3)).collect::<Vec<_>>());
    }
}

#[test]
fn a_record_in_an_old_shape_is_read_as_one_of_today_and_a_release_without_the_shape_names_its_version() {
    // Golden bytes: version 2, 1,000 seconds, EUR with two decimals.
    const OF_VERSION_2: &[u8] = &[2, 0xe8, 7, 0, 3, b'E', b'U', b'R', 2];
    let scale = Fact::Scale { currency: eur(), scale: 2 };
    let read = Record::decode_with(OF_VERSION_2, &LATER).unwrap();
    assert_eq!(read, Record { time: 1_000_000, body: Body::Fact(scale.clone()) });
    assert_eq!(Record::decode(OF_VERSION_2), Err(DecodeError::Version { found: 2, read: 3 }));
    let longer = [OF_VERSION_2, &[0]].concat();
    assert_eq!(Record::decode_with(&longer, &LATER), Err(DecodeError::TrailingBytes));

    // The log goes on in the shape of today.
    let mut rig = Rig::new();
    rig.append(&read);
    rig.log[0] = OF_VERSION_2.to_vec();
    rig.deposit(1, 1_000);
    let mut verifier = LogVerifier::default().reading(LATER);
    for bytes in &rig.log {
        verifier.next(bytes).unwrap();
    }
    assert_eq!(verifier.world().books.digest(), rig.books.digest());
    assert!(verifier.world().books.facts().says(&scale));
}
