//! The invariants that are proven of a transaction before its record is queued, and again whenever it is applied.
//!
//! The turn proves what its recipe has decided. So a wrong recipe costs one refused envelope, and no record is
//! acknowledged that the next start would refuse. `apply` proves the same of a recorded transaction, so that a log
//! with a wrong record is refused at that record. Both look only at the accounts that the transaction touches.

use std::sync::Arc;

use domains::{
    Balance, Funds, KINDS, Principal, PrincipalKind, Row, RowImage, StateMachine, recipes::OperatorRefused,
    rules::RulesRow,
};
use ledger::{AccountId, AccountKind, Change, Changes, Domain, Hold, HoldId, Move, Prover, Purpose};
use protocol::{PlayerId, RoundId};

use crate::{
    books::Books,
    invariant::{Violation, step_has_its_name},
    record::Committed,
    table::{TableLeg, rules_row},
    tx_id::TxId,
};

/// Proves a transaction on the state before it; `legs` is what its legs change there. That its id has no effect yet is
/// checked before ([`no_effect_yet`](crate::invariant::no_effect_yet)).
///
/// # Errors
/// The first invariant that would not hold: `E8`, `E1`, `E6`, `L1`, `L2`, `E2`, `E4`.
pub(crate) fn prove(
    books: &Books,
    committed: &Committed,
    legs: &[(Domain, Changes)],
) -> Result<(), Violation> {
    books.asked_by_nobody_erased(committed.principal)?;
    let changes = legs.iter().map(|(_, changes)| changes);
    books.touches_nobody_erased(changes, &committed.rows, &committed.notices)?;
    if committed.key.is_some() && committed.outcome(0).is_none() {
        return Err(Violation::NoReceipt(committed.id));
    }
    if !key_is_of_who_asks(committed) {
        return Err(Violation::KeyOfNobody(committed.id));
    }
    if !legs.is_sorted_by(|(one, _), (other, _)| one < other) {
        return Err(Violation::SecondLeg(committed.id));
    }
    let known = committed.intent.known();
    if let Some((domain, _)) = legs.iter().find(|(domain, _)| !known.domains.contains(domain)) {
        return Err(Violation::Participant { recipe: known.name, domain: *domain });
    }
    let rows = &committed.rows;
    if rows.iter().enumerate().any(|(place, row)| rows[..place].iter().any(|other| other.key == row.key)) {
        return Err(Violation::RowTwice(committed.id));
    }
    // What a recipe may change, only a release that has it knows.
    let declared = |row: &&RowImage| {
        !committed.intent.is_read() || known.rows.iter().any(|kind| kind.number == row.key.kind())
    };
    if let Some(row) = rows.iter().find(|row| !declared(row)) {
        let kind = KINDS
            .iter()
            .find(|kind| kind.number == row.key.kind())
            .map_or("an unknown kind", |kind| kind.name);
        return Err(Violation::RowOfAnother { recipe: known.name, kind });
    }
    rules_are_the_row(committed)?;
    rules_stand_while_a_round_is_open(books, committed)?;
    for (_, changes) in legs {
        ledger::invariant::of_leg(changes)?;
    }
    ledger::invariant::legs_clear(legs)?;
    let balance = legs.iter().find(|(domain, _)| *domain == Domain::Balance).map(|(_, changes)| changes);
    stakes_are_the_bets(&books.domains().balance, committed, balance)?;
    done_is_told(committed, balance)?;
    told_is_done(&books.domains().balance, committed, balance)
}

/// `E1`: whether a transaction has a key, unless it is the hub's own. What an operator was refused has none: that of the request stays
/// free, and the record does nothing.
fn key_is_of_who_asks(committed: &Committed) -> bool {
    let Committed { principal, key, intent, legs, rows, notices, table, .. } = committed;
    if intent.get::<OperatorRefused>().is_none() {
        return key.is_some() == (*principal != Principal::HUB);
    }
    let nothing = legs.is_empty() && rows.is_empty() && notices.is_empty() && table.is_none();
    principal.kind() == PrincipalKind::Operator && key.is_none() && nothing
}

/// `E6`: the rules of a table change in its leg and in its row alike, and the row changes with such a leg alone.
fn rules_are_the_row(committed: &Committed) -> Result<(), Violation> {
    let mut rows = committed.rows.iter().filter(|row| row.key.kind() == RulesRow::KIND);
    let same = match &committed.table {
        Some((table, TableLeg::Ruled { rules, .. })) => {
            let row = rules_row(*table, rules);
            row.is_some() && rows.next() == row.as_ref() && rows.next().is_none()
        }
        Some(_) | None => rows.next().is_none(),
    };
    same.then_some(()).ok_or(Violation::RulesDiffer(committed.id))
}

/// `E6`: a round is played to its end by the rules that were recorded before it was opened.
fn rules_stand_while_a_round_is_open(books: &Books, committed: &Committed) -> Result<(), Violation> {
    match &committed.table {
        Some((table, TableLeg::Ruled { .. })) => {
            books.open_round(*table).map_or(Ok(()), |round| Err(Violation::RulesInMidRound(round)))
        }
        Some(_) | None => Ok(()),
    }
}

/// `E1`, `E2`: a step of a round has its name, and the table's leg says of stakes what the money does with them. What a
/// round ends, only its table knows: which of its holds are posted or voided is not asked here.
fn stakes_are_the_bets(
    balance: &Balance,
    committed: &Committed,
    changes: Option<&Changes>,
) -> Result<(), Violation> {
    let mut holds = changes.into_iter().flat_map(Changes::holds);
    let Some((table, leg)) = &committed.table else {
        let open = |hold: &HoldId| balance.ledger().hold(*hold).cloned();
        let stake = |(id, made): &&(HoldId, Option<Arc<Hold>>)| {
            made.clone().or_else(|| open(id)).is_some_and(|hold| hold.purpose == Purpose::Stake)
        };
        return holds.find(stake).map_or(Ok(()), |(hold, _)| Err(Violation::HoldWithoutBet(*hold)));
    };
    step_has_its_name(*table, leg, committed.id)?;
    let of_the_player = |player: PlayerId| {
        committed.key.is_some() && committed.notices.iter().all(|notice| notice.player == player)
    };
    let differs = match leg {
        TableLeg::BetPlaced { player, hold, bets, .. } => {
            let round = RoundId { table: *table, number: leg.round() };
            let stake = |hold: &Hold| {
                let positive = bets.iter().all(|(_, stake)| *stake > 0);
                let sum = bets.iter().try_fold(0_i128, |sum, (_, stake)| sum.checked_add(*stake));
                let of_the_round = (hold.purpose, hold.prover) == (Purpose::Stake, Prover::Round(round));
                of_the_round && positive && sum == Some(hold.amount()) && is_cash(hold, *player)
            };
            match (holds.next(), holds.next()) {
                _ if TxId(hold.0) != committed.id => Some("the hold has another name"),
                _ if !of_the_player(*player) => Some("it is another player's, or nobody's"),
                (Some((made, Some(open))), None) if made == hold && stake(open) => None,
                _ => Some("the bets are not the stake that is held"),
            }
        }
        TableLeg::BetsCleared { player, holds: cleared, .. } => {
            let theirs = |hold: &HoldId| {
                let hold = balance.ledger().hold(*hold);
                hold.is_some_and(|hold| is_cash(hold, *player))
            };
            let ended = holds.map(|(hold, made)| made.is_none().then_some(hold));
            let only_voids = no_move_but(committed, |change| matches!(change, Move::VoidHold(_)));
            if !of_the_player(*player) {
                Some("it is another player's, or nobody's")
            } else if !only_voids || !ended.eq(cleared.iter().map(Some)) || !cleared.iter().all(theirs) {
                Some("the bets that are taken back are not the stakes that are returned")
            } else {
                None
            }
        }
        TableLeg::Opened { .. }
        | TableLeg::Locked { .. }
        | TableLeg::Ruled { .. }
        | TableLeg::Quarantined { .. } => (!committed.legs.is_empty()).then_some("no money moves with it"),
        TableLeg::Voided { .. } => {
            let only_voids = no_move_but(committed, |change| matches!(change, Move::VoidHold(_)));
            (!only_voids).then_some("a void returns stakes and does nothing else")
        }
        TableLeg::Settled { .. } => {
            holds.any(|(_, made)| made.is_some()).then_some("a settlement holds no stakes")
        }
    };
    differs.map_or(Ok(()), |what| Err(Violation::LegDiffers { table: *table, id: committed.id, what }))
}

/// Whether a hold draws on a player's cash alone.
fn is_cash(hold: &Hold, player: PlayerId) -> bool {
    hold.sources().all(|source| source.account == AccountId::cash(player, source.account.currency))
}

fn no_move_but(committed: &Committed, allowed: impl Fn(&Move) -> bool) -> bool {
    committed.legs.iter().flat_map(|(_, leg)| &leg.moves).all(allowed)
}

/// `E4`: a player whose funds change is told of it.
fn done_is_told(committed: &Committed, changes: Option<&Changes>) -> Result<(), Violation> {
    // Accounts and notices are in the same order in every recipe, so each search begins behind the last notice found.
    let (notices, mut next) = (&committed.notices, 0);
    for (id, Change { before, after }) in changes.into_iter().flat_map(Changes::accounts) {
        let (AccountKind::Cash, Some(player)) = (id.kind, id.owner.player()) else { continue };
        if before.as_ref().map(Funds::from).unwrap_or_default() == Funds::from(after) {
            continue;
        }
        let told =
            |place: &usize| (notices[*place].player, notices[*place].currency) == (player, id.currency);
        let untold = || Violation::Untold { player, currency: id.currency };
        next = 1 + (next..notices.len()).chain(0..next).find(told).ok_or_else(untold)?;
    }
    Ok(())
}

/// `E4`: the funds in each notice, before and after, are those that the balance domain has and will have.
fn told_is_done(
    balance: &Balance,
    committed: &Committed,
    changes: Option<&Changes>,
) -> Result<(), Violation> {
    for notice in &committed.notices {
        let cash = AccountId::cash(notice.player, notice.currency);
        let (before, after) = match changes.and_then(|changes| changes.account(&cash)) {
            Some(Change { before, after }) => {
                (before.as_ref().map(Funds::from).unwrap_or_default(), Funds::from(after))
            }
            None => {
                let untouched = balance.funds(notice.player, notice.currency).unwrap_or_default();
                (untouched, untouched)
            }
        };
        for (when, recorded, found) in [("before", notice.before, before), ("after", notice.after, after)] {
            if recorded != found {
                return Err(Violation::Told { player: notice.player, when, recorded, found });
            }
        }
    }
    Ok(())
}
