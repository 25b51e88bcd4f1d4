//! Each record is explained from what its decision reads alone, in the form in which the past is known: of an account the
//! balance and what is held, of a table the records since its round was opened.

use domains::recipes::HoldStake;
use engine::{
    Body, Committed, Explaining, Explanation, ItemId, ReDecided, Record, RefusedRequest, RefusedWhy,
    StateItem, TableBefore, World,
    table::{TableLeg, TableState},
};
use ledger::{Account, AccountId, Domain, Rejection};
use protocol::{ErrorCode, PlayerId, RoundId, TableId};

use crate::{
    auditor::played,
    refusals::refusing,
    rig::{Rig, config, done, eur, refused, table_id},
};

/// Explains a record on the state before it, which `records` have made.
fn explain(before: &World, records: &[Record], record: &Record) -> Explanation {
    explain_with(record, |id| known(before, records, record, id))
}

fn explain_with(record: &Record, known: impl Fn(ItemId) -> Option<StateItem>) -> Explanation {
    let mut explaining = Explaining::of(record.clone());
    loop {
        let needs = explaining.needs();
        if needs.is_empty() {
            return explaining.explained();
        }
        for id in needs {
            explaining.give(id, known(id));
        }
    }
}

/// Explains a record of money alone, with the accounts as they are: the sums may be as large as there are.
pub fn explain_money(before: &World, record: &Record) -> Explanation {
    explain_with(record, |id| before.item(id))
}

fn known(before: &World, records: &[Record], record: &Record, id: ItemId) -> Option<StateItem> {
    match id {
        ItemId::Table(table) => {
            Some(StateItem::Table(table, table_before(before, records, record, table).into()))
        }
        ItemId::Account(..) | ItemId::Hold(..) | ItemId::Row(_) => match before.item(id)? {
            StateItem::Account(domain, id, account) => {
                let known = Account::with_balance(account.posted(), account.debits_pending);
                Some(StateItem::Account(domain, id, known))
            }
            item => Some(item),
        },
        other => panic!("{other:?} is read by no decision"),
    }
}

fn leg_of(record: &Record) -> Option<(TableId, &TableLeg)> {
    match &record.body {
        Body::Committed(Committed { table: Some((table, leg)), .. }) => Some((*table, leg)),
        _ => None,
    }
}

fn table_before(before: &World, records: &[Record], record: &Record, table: TableId) -> TableState {
    let opening = |record: &Record| {
        leg_of(record).is_some_and(|(at, leg)| at == table && matches!(leg, TableLeg::Opened { .. }))
    };
    let opened = records.iter().rposition(opening);
    let number = opened.and_then(|opened| leg_of(&records[opened])).map_or(1, |(_, leg)| leg.round());
    let rules_at = |place: usize| {
        records[..place].iter().rev().find_map(|record| match &record.body {
            Body::Committed(Committed { table: Some((at, TableLeg::Ruled { .. })), rows, .. })
                if *at == table =>
            {
                rows[0].value.clone()
            }
            _ => None,
        })
    };
    let first = opened.unwrap_or(records.len());
    let mut replay = TableBefore::round(table, number, rules_at(first).as_deref()).unwrap();
    records[first..].iter().for_each(|record| replay.take(record));
    let (state, stakes) = replay.finish(record, rules_at(records.len()).as_deref()).unwrap();
    let held: Vec<_> = before.books.domains().ledger(Domain::Balance).holds().map(|(id, _)| id).collect();
    assert!(stakes.keys().all(|stake| held.contains(stake)), "what is held is held");
    state
}

/// Explains every record of a log, each to the outcome that is recorded.
fn all(rig: &Rig) -> Vec<Explanation> {
    let records: Vec<_> = rig.log.iter().map(|bytes| Record::decode(bytes).unwrap()).collect();
    let mut world = World::default();
    let mut explanations = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let explanation = explain(&world, &records[..place], record);
        assert!(matches!(explanation.redecided, ReDecided::Same(_)), "{place}: {record:?}: {explanation:?}");
        explanations.push(explanation);
        world.apply(record).unwrap();
    }
    explanations
}

#[test]
fn every_step_of_a_table_and_every_bet_follows_from_what_it_reads() {
    let mut rig = played();
    let digest = rig.books.digest_record(rig.now);
    rig.append(&digest);
    all(&rig);
    // Other rules of the table, and a round by them.
    let mut rules = config().rules;
    rules.round_max = 60;
    rig.restart_with(rules);
    rig.proceed();
    rig.open();
    assert_eq!(rig.bet("above", 1, &[("red", &[], 70)]), refused(ErrorCode::AboveLimit));
    done(rig.bet("within", 1, &[("red", &[], 60)]));
    let explanations = all(&rig);
    let above = &explanations[explanations.len() - 2];
    let why = RefusedWhy::Table(Some("the most of a player in a round"));
    assert_eq!(above.redecided, ReDecided::Same(Some(why)));
}

#[test]
fn each_refusal_of_a_table_follows_from_the_records_since_its_round_was_opened() {
    let rules = |explanation: &Explanation| match explanation.redecided {
        ReDecided::Same(Some(RefusedWhy::Table(rule))) => rule,
        _ => None,
    };
    let found: Vec<_> = all(&refusing()).iter().filter_map(rules).collect();
    let (smallest, spot) = ("the smallest stake", "the most of a player on a spot");
    let round = "the most of a player in a round";
    assert_eq!(found, [smallest, smallest, spot, spot, round, "seats"]);
}

#[test]
fn what_was_consulted_is_told_once_and_nothing_else() {
    let rig = played();
    let records: Vec<_> = rig.log.iter().map(|bytes| Record::decode(bytes).unwrap()).collect();
    let place = |wanted: &dyn Fn(&Record) -> bool| records.iter().position(wanted).unwrap();
    let explanations = all(&rig);

    // A stake reads the player's cash, the account that it goes to, whether there is such a hold, whether the player is frozen or
    // excluded, whether play sessions are kept, the limits of the player, and the rule for balances.
    let bet = place(&|record| matches!(leg_of(record), Some((_, TableLeg::BetPlaced { .. }))));
    let consulted = &explanations[bet].consulted;
    let there = |id: &ItemId| match id {
        ItemId::Account(..) => "account",
        ItemId::Hold(..) => "hold",
        ItemId::Row(_) => "row",
        _ => "table",
    };
    let mut kinds: Vec<_> = consulted.iter().map(|(id, item)| (there(id), item.is_some())).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            ("account", true),
            ("account", true),
            ("hold", false),
            ("row", false),
            ("row", false),
            ("row", false),
            ("row", false),
            ("row", false),
            ("table", true),
        ],
        "{consulted:?}"
    );
    let cash = AccountId::cash(PlayerId(1), eur());
    let (_, found) = consulted.iter().find(|(id, _)| *id == ItemId::Account(Domain::Balance, cash)).unwrap();
    let had = Account::with_balance(1_000, 0);
    assert_eq!(*found, Some(StateItem::Account(Domain::Balance, cash, had)));

    // Without an account there is nothing to be told but that, and why.
    let poor =
        place(&|record| matches!(&record.body, Body::Refused { refused: RefusedRequest::ByDomain(_), .. }));
    let why = RefusedWhy::Domain(Domain::Balance, Rejection::AccountNotFound);
    assert_eq!(explanations[poor].redecided, ReDecided::Same(Some(why)));
    let nobody = AccountId::cash(PlayerId(3), eur());
    assert!(explanations[poor].consulted.contains(&(ItemId::Account(Domain::Balance, nobody), None)));
}

/// A record that does not follow from what was before it is not explained away.
#[test]
fn a_record_that_was_not_decided_so_is_found() {
    let rig = played();
    let records: Vec<_> = rig.log.iter().map(|bytes| Record::decode(bytes).unwrap()).collect();
    let mut world = World::default();
    for (place, record) in records.iter().enumerate() {
        let mut forged = record.clone();
        match &mut forged.body {
            Body::Refused { code, .. } => *code = ErrorCode::AboveLimit,
            Body::Committed(Committed { legs, .. }) if !legs.is_empty() => drop(legs.pop()),
            Body::Committed(committed) => {
                committed.intent = HoldStake {
                    player: PlayerId(1),
                    round: RoundId { table: table_id(), number: 1 },
                    currency: eur(),
                    amount: 10,
                }
                .into()
            }
            Body::Digest(_) | Body::Fact(_) => continue,
        }
        let explanation = explain(&world, &records[..place], &forged);
        assert!(matches!(explanation.redecided, ReDecided::Differs(_)), "{place}: {forged:?}");
        world.apply(record).unwrap();
    }
}
