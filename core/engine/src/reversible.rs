//! The opposite of a recorded transaction: what a reversal of it posts (ADR-0048).
//!
//! Pure: whoever asks for a reversal makes it of the record that they have read, and an auditor makes it again and compares.

use std::collections::BTreeMap;

use domains::{
    Recipe, RoundEnd,
    recipes::{ApproveAdjustment, CaptureHold, ProposeAdjustment, SettleRound},
    reversal::{REVERSIBLE, Reversal},
};
use ledger::{AccountId, AccountKind, Domain, Move, Transfer};

use crate::record::Committed;

/// Why a transaction is not reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Irreversible {
    /// It has set money aside.
    #[error(
        "it only sets money aside: a bet is taken back at its table or ends with its round, and a hold is captured or released"
    )]
    Holds,
    /// It moves no money.
    #[error("it moves no money")]
    MovesNothing,
    /// It is a correction itself.
    #[error("it is a correction itself: correct it by an amount")]
    Correction,
    /// It is of another recipe than those that are reversed, or its moves cannot be told from its record.
    #[error("it is none of the transactions that are reversed")]
    Other,
}

/// What takes back a transaction whose record is at this place, with this hash.
///
/// # Errors
/// Why it is not reversed.
pub fn reversal_of(lsn: u64, hash: [u8; 32], committed: &Committed) -> Result<Reversal, Irreversible> {
    let kind = committed.intent.known().kind;
    let moves = || committed.legs.iter().flat_map(|(_, leg)| &leg.moves);
    if moves().all(|change| matches!(change, Move::VoidHold(_) | Move::Open(_))) {
        return Err(Irreversible::MovesNothing);
    }
    if [ProposeAdjustment::KIND, ApproveAdjustment::KIND].contains(&kind) {
        return Err(Irreversible::Correction);
    }
    if moves().any(|change| matches!(change, Move::Hold(..))) {
        return Err(Irreversible::Holds);
    }
    if !REVERSIBLE.contains(&kind) || !committed.intent.is_read() {
        return Err(Irreversible::Other);
    }
    let posts = committed.legs.iter().map(|(domain, leg)| {
        let mut posts: Vec<_> = leg.moves.iter().filter_map(opposite).collect();
        if *domain == Domain::Balance {
            posts.extend(posted_holds(committed, &posts)?);
            // What a player gets comes first: it may be what is taken then.
            posts.sort_by_key(|transfer| transfer.debit.owner.player().is_some());
        }
        Ok((*domain, posts))
    });
    Ok(Reversal { of: committed.id.0, lsn, hash, recipe: kind, posts: posts.collect::<Result<_, _>>()? })
}

/// The opposite of a move that is posted.
fn opposite(change: &Move) -> Option<Transfer> {
    match change {
        Move::Post(Transfer { debit, credit, amount }) => {
            Some(Transfer { debit: *credit, credit: *debit, amount: *amount })
        }
        Move::Open(_) | Move::Hold(..) | Move::PostHold(_) | Move::VoidHold(_) => None,
    }
}

/// What gives back to each player the holds that were posted. A record does not say how much they held; it follows from what
/// the player is told: how the funds have changed, less what was posted beside the holds.
fn posted_holds(committed: &Committed, opposites: &[Transfer]) -> Result<Vec<Transfer>, Irreversible> {
    let with = match committed.intent.known().kind {
        SettleRound::KIND => Domain::Collections,
        CaptureHold::KIND => Domain::Adjustment,
        _ => return Ok(Vec::new()),
    };
    let mut posted: BTreeMap<AccountId, i128> = BTreeMap::new();
    for Transfer { debit, credit, amount } in opposites {
        *posted.entry(*debit).or_default() += amount;
        *posted.entry(*credit).or_default() -= amount;
    }
    let mut back = Vec::new();
    for notice in &committed.notices {
        let account = AccountId::cash(notice.player, notice.currency);
        let changed = notice.after.total() - notice.before.total();
        let held = posted.get(&account).copied().unwrap_or_default() - changed;
        // A round tells each player the stakes too.
        let staked = notice.what.round_end().map(|RoundEnd { staked, .. }| staked);
        if held < 0 || staked.is_some_and(|staked| staked != held) {
            return Err(Irreversible::Other);
        }
        if held > 0 {
            let clearing = AccountId::house(AccountKind::Clearing(with), notice.currency);
            back.push(Transfer { debit: clearing, credit: account, amount: held });
        }
    }
    Ok(back)
}
