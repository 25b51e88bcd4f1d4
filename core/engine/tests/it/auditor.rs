//! The auditor accepts a correct log and finds each kind of forged record.

use domains::What;
use engine::{Body, Committed, Component, Finding, LogVerifier, Record, StateDigest, World, table::TableLeg};
use games::fair::Share;
use ledger::{Digest, Domain, HoldId, Move};
use protocol::ErrorCode;

use crate::rig::{BETTING_MS, LOCKED_MS, Rig, done, refused, tx_id};

/// Two players, one round drawn, one voided; a refusal and a clearing.
pub fn played() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 100)]));
    done(rig.bet("b", 2, &[("black", &[], 100)]));
    assert_eq!(rig.bet("poor", 3, &[("red", &[], 50)]), refused(ErrorCode::NoAccount));
    done(rig.bet("c", 2, &[("odd", &[], 20)]));
    done(rig.clear("d", 2));
    done(rig.bet("e", 2, &[("black", &[], 90)]));
    rig.wait(BETTING_MS);
    rig.wait(LOCKED_MS);
    rig.open();
    done(rig.bet("f", 1, &[("red", &[], 10)]));
    let envelope = rig.live.void(engine::table::VoidReason::TableGone, rig.now);
    rig.run(&envelope);
    rig
}

/// The same, and a digest at the end.
fn honest() -> Vec<Record> {
    let mut rig = played();
    let digest = rig.books.digest_record(rig.now);
    rig.append(&digest);
    rig.log.iter().map(|bytes| Record::decode(bytes).unwrap()).collect()
}

fn audit(records: &[Record]) -> Result<LogVerifier, Finding> {
    let mut verifier = LogVerifier::default();
    for record in records {
        verifier.next(&record.encode())?;
    }
    verifier.check()?;
    match verifier.closed().first() {
        Some((table, lsn)) => Err(Finding { lsn: *lsn, what: format!("closed {table}") }),
        None => Ok(verifier),
    }
}

#[test]
fn an_honest_log_passes() {
    let verifier = audit(&honest()).unwrap();
    assert_eq!(verifier.rounds(), (2, 1));
    assert_eq!(verifier.world().books.lsn(), honest().len() as u64);
}

/// The committed transaction whose table leg `which` picks.
fn with(records: &mut [Record], which: impl Fn(&TableLeg) -> bool) -> &mut Committed {
    let mut committed = records.iter_mut().filter_map(|record| match &mut record.body {
        Body::Committed(committed) => Some(committed),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
    });
    committed.find(|committed| committed.table.as_ref().is_some_and(|(_, leg)| which(leg))).unwrap()
}

fn settled(leg: &TableLeg) -> bool {
    matches!(leg, TableLeg::Settled { .. })
}

fn bet(leg: &TableLeg) -> bool {
    matches!(leg, TableLeg::BetPlaced { .. })
}

fn deposit(records: &mut [Record]) -> &mut Committed {
    match &mut records[0].body {
        Body::Committed(committed) => committed,
        other => panic!("not a deposit: {other:?}"),
    }
}

/// Each forgery with the record at which it is found, and a part of the finding. The recorded digests are forged to
/// fit it.
const FOUND: &[(&str, u64, &str)] = &[
    ("another seed", 12, "not the committed one"),
    ("another outcome", 12, "draws 9, the record says 10"),
    ("another sum returned", 12, "returns another sum"),
    ("another commitment", 12, "not the committed one"),
    ("another mix", 12, "goes on although"),
    ("a player's share added", 12, "goes on although"),
    ("a bet moved to another spot", 12, "returns another sum"),
    ("a bet lowered on the table only", 5, "STAKE is not what table"),
    ("a bet of another player", 5, "STAKE is not what table"),
    ("a hold under another name", 5, "under another name"),
    ("less paid than won", 12, "moves other money"),
    ("a payment that is told and not made", 12, "moves other money"),
    ("stakes taken from the table and not booked", 12, "moves other money"),
    ("a notice that tells another balance after", 5, "tells its players"),
    ("a notice that tells another balance before", 5, "tells its players"),
    ("a notice that tells another return", 12, "tells its players"),
    ("a notice left out", 12, "tells its players"),
    ("a deposit raised in its legs", 1, "moves other money"),
    ("a deposit without a key", 1, "comes with a key and from nobody"),
    ("a key that tells nobody anything", 1, "tells its players"),
    ("a client's key on a step of the house", 12, "comes with a key, or without one"),
    ("an outcome recorded twice", 2, "tells its players"),
    ("another digest", 16, "E3"),
    ("time that goes back", 4, "older than"),
    ("a refusal for another reason", 7, "is refused as bets_closed, and the reason is"),
];

/// A forgery: a change of an honest log.
type Lie = fn(&mut Vec<Record>);

fn lies() -> [(&'static str, Lie); 25] {
    [
        ("another seed", |log| match &mut with(log, settled).table.as_mut().unwrap().1 {
            TableLeg::Settled { seed, .. } => seed[0] ^= 1,
            _ => unreachable!("picked above"),
        }),
        ("another outcome", |log| match &mut with(log, settled).table.as_mut().unwrap().1 {
            TableLeg::Settled { outcome, .. } => *outcome = (*outcome + 1) % 37,
            _ => unreachable!("picked above"),
        }),
        ("another sum returned", |log| match &mut with(log, settled).table.as_mut().unwrap().1 {
            TableLeg::Settled { returned, .. } => *returned += 1,
            _ => unreachable!("picked above"),
        }),
        ("another commitment", |log| {
            match &mut with(log, |leg| matches!(leg, TableLeg::Opened { .. })).table.as_mut().unwrap().1 {
                TableLeg::Opened { commit, .. } => commit[0] ^= 1,
                _ => unreachable!("picked above"),
            }
        }),
        ("another mix", |log| {
            match &mut with(log, |leg| matches!(leg, TableLeg::Locked { .. })).table.as_mut().unwrap().1 {
                TableLeg::Locked { mix, .. } => mix[0] ^= 1,
                _ => unreachable!("picked above"),
            }
        }),
        ("a player's share added", |log| match &mut with(log, bet).table.as_mut().unwrap().1 {
            TableLeg::BetPlaced { share, .. } => *share = Some(Share([1; 32])),
            _ => unreachable!("picked above"),
        }),
        ("a bet moved to another spot", |log| match &mut with(log, bet).table.as_mut().unwrap().1 {
            TableLeg::BetPlaced { bets, .. } => bets[0].0 = games::BetCode(17),
            _ => unreachable!("picked above"),
        }),
        ("a bet lowered on the table only", |log| match &mut with(log, bet).table.as_mut().unwrap().1 {
            TableLeg::BetPlaced { bets, .. } => bets[0].1 -= 1,
            _ => unreachable!("picked above"),
        }),
        ("a bet of another player", |log| match &mut with(log, bet).table.as_mut().unwrap().1 {
            TableLeg::BetPlaced { player, .. } => player.0 += 1,
            _ => unreachable!("picked above"),
        }),
        ("a hold under another name", |log| match &mut with(log, bet).table.as_mut().unwrap().1 {
            TableLeg::BetPlaced { hold, .. } => *hold = HoldId(7),
            _ => unreachable!("picked above"),
        }),
        ("less paid than won", |log| {
            let committed = with(log, settled);
            for (_, leg) in &mut committed.legs {
                for change in &mut leg.moves {
                    if let Move::Post(transfer) = change {
                        transfer.amount -= 1;
                    }
                }
            }
        }),
        ("a payment that is told and not made", |log| with(log, settled).legs.truncate(1)),
        ("stakes taken from the table and not booked", |log| {
            with(log, settled).legs.retain(|(domain, _)| *domain != Domain::Collections);
        }),
        ("a notice that tells another balance after", |log| {
            with(log, bet).notices[0].after.available += 1;
        }),
        ("a notice that tells another balance before", |log| {
            with(log, bet).notices[0].before.available += 1;
        }),
        ("a notice that tells another return", |log| match &mut with(log, settled).notices[0].what {
            What::Settled { returned, .. } => *returned += 1,
            _ => unreachable!("picked above"),
        }),
        ("a notice left out", |log| with(log, settled).notices.truncate(1)),
        ("a deposit raised in its legs", |log| {
            for (_, leg) in &mut deposit(log).legs {
                for change in &mut leg.moves {
                    if let Move::Post(transfer) = change {
                        transfer.amount += 1;
                    }
                }
            }
        }),
        ("a deposit without a key", |log| deposit(log).key = None),
        ("a key that tells nobody anything", |log| {
            let committed = deposit(log);
            committed.notices.clear();
            committed.legs.clear();
        }),
        ("a client's key on a step of the house", |log| {
            let key = deposit(log).key;
            with(log, settled).key = key;
        }),
        ("an outcome recorded twice", |log| {
            let again = log[0].clone();
            log.insert(1, again);
        }),
        ("another digest", |log| {
            let Some(Record { body: Body::Digest(digest), .. }) = log.last_mut() else { panic!("no digest") };
            let players = (Component::Players, Digest::from_bytes([1; 32]));
            let others = digest.components().filter(|(component, _)| *component != Component::Players);
            *digest = StateDigest::new(others.chain([players]).collect::<Vec<_>>());
        }),
        ("time that goes back", |log| log[3].time -= 1),
        ("a refusal for another reason", |log| {
            let refused = log.iter_mut().find_map(|record| match &mut record.body {
                Body::Refused { code, .. } => Some(code),
                Body::Committed(_) | Body::Digest(_) | Body::Fact(_) => None,
            });
            *refused.unwrap() = ErrorCode::BetsClosed;
        }),
    ]
}

/// The last step of a forgery: sets the recorded digests to those of the forged state, as far as the log applies.
fn cover_up(log: &mut [Record]) {
    let mut world = World::default();
    for record in log {
        if let Body::Digest(digest) = &mut record.body {
            *digest = world.books.digest();
        }
        if world.apply(record).is_err() {
            return;
        }
    }
}

#[test]
fn every_kind_of_forgery_is_found() {
    for (name, lie) in lies() {
        let mut log = honest();
        lie(&mut log);
        assert!(audit(&log).is_err(), "{name} went unseen");
        if name != "another digest" {
            cover_up(&mut log);
        }
        let found = audit(&log).err();
        let (_, lsn, reason) = FOUND.iter().find(|(known, _, _)| *known == name).expect("where it is found");
        let found = found.unwrap_or_else(|| panic!("{name} went unseen"));
        assert!(found.lsn == *lsn && found.what.contains(reason), "{name}: {found:?}");
    }
    assert_eq!(FOUND.len(), lies().len());
}

#[test]
fn a_record_that_is_missing_is_found_whichever_it_is() {
    let log = honest();
    for missing in 0..log.len() - 1 {
        let mut cut = log.clone();
        cut.remove(missing);
        assert!(audit(&cut).is_err(), "record {missing} can be left out: {:?}", log[missing]);
    }
}

#[test]
fn two_neighbouring_records_that_change_places_are_found() {
    let log = honest();
    for place in 0..log.len() - 1 {
        let mut swapped = log.clone();
        swapped.swap(place, place + 1);
        assert!(audit(&swapped).is_err(), "records {place} and the next can change places");
    }
}

#[test]
fn a_bet_after_the_lock_never_wins() {
    let mut log = honest();
    let late = log
        .iter()
        .position(|record| matches!(&record.body, Body::Committed(c) if c.id == tx_id(2, "e")))
        .unwrap();
    log.swap(late, late + 1);
    let finding = audit(&log).err().unwrap();
    assert!(finding.lsn > late as u64, "{finding:?}");
}
