//! The invariants that no ledger can see by itself: those of the turn, and of money and tables together.
//!
//! * `E1` an id has one effect, for good: a key one outcome, a step of a round one record;
//! * `E2` a stake is held exactly as long as its bet stands in an open round;
//! * `E3` replay equals live: the same records make the same state, wherever they are applied;
//! * `E4` what a player is told of a transaction is what it does: the funds before it and after it;
//! * `E5` what the log says of its hub stays as long as anything depends on it: the scale of a currency that has
//!   accounts, the pseudonym secret of a log that has players, the seed secret while a round is open.
//!
//! The start, `hub verify`, the checkpoint writer and the simulation share the predicates.

use domains::{Funds, StateMachine};
use ledger::{HoldId, invariant};
use protocol::{PlayerId, RoundId, TableId};
use rustc_hash::FxHashMap;

pub use crate::world::{fact_stands_in, same};
use crate::{
    books::Books,
    facts::{Fact, SecretName},
    keys::TxId,
    table::{TableLeg, TableState},
};

/// An invariant that does not hold: ours to mend, never a user's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// One of a ledger's own: `L1` to `L4`.
    #[error(transparent)]
    Ledger(#[from] invariant::Violation),
    /// `E1`.
    #[error("E1: transaction {0:?} has an outcome already")]
    SecondEffect(TxId),
    /// `E1`.
    #[error("E1: a step of round {0} is recorded under another name than its own")]
    StepRenamed(RoundId),
    /// `E1`.
    #[error("E1: transaction {0:?} has more than one leg in a domain, or its legs are out of order")]
    SecondLeg(TxId),
    /// `E1`.
    #[error("E1: transaction {0:?} came with a key, but has nothing to put on its receipt")]
    NoReceipt(TxId),
    /// `E2`.
    #[error("E2: hold {:032x} stands under no bet of an open round: its stake would be held for ever", .0.0)]
    HoldWithoutBet(HoldId),
    /// `E2`.
    #[error("E2: a bet of table {table} stands in an open round without its hold {:032x}", hold.0)]
    BetWithoutHold {
        /// The table.
        table: TableId,
        /// The hold that is not there.
        hold: HoldId,
    },
    /// `E2`.
    #[error("E2: hold {:032x} stands under bets of two tables", .0.0)]
    HoldOfTwoBets(HoldId),
    /// `E3`.
    #[error("E3: the copies stand at records {one} and {other}, or at other times")]
    Place {
        /// The last record of one.
        one: u64,
        /// The last record of the other.
        other: u64,
    },
    /// `E3`.
    #[error("E3: the copies have different money: digests {one:032x} and {other:032x}")]
    Money {
        /// The digest of one.
        one: u128,
        /// The digest of the other.
        other: u128,
    },
    /// `E3`.
    #[error("E3: the copies differ at table {0}")]
    Table(TableId),
    /// `E5`.
    #[error("E5: {fact:?} is recorded, and the log says otherwise already")]
    FactChanged {
        /// What is recorded.
        fact: Fact,
    },
    /// `E4`.
    #[error("E4: player {player} is told of {recorded:?} {when} the transaction, and has {found:?}")]
    Told {
        /// The player.
        player: PlayerId,
        /// Before the transaction, or after it.
        when: &'static str,
        /// What the notice says.
        recorded: Funds,
        /// What the balance domain has.
        found: Funds,
    },
}

/// `E1`: nothing has happened under this id before.
///
/// # Errors
/// When it has an outcome.
pub fn no_effect_yet(books: &Books, id: TxId) -> Result<(), Violation> {
    match books.outcome(id) {
        Some(_) => Err(Violation::SecondEffect(id)),
        None => Ok(()),
    }
}

/// `E5`, as far as the money depends on it: the scale of a currency that has accounts, the pseudonym secret of a log that
/// has players. Before that the log may still be told otherwise.
///
/// # Errors
/// When the log says otherwise already.
pub fn fact_stands(books: &Books, fact: Fact) -> Result<(), Violation> {
    let depends = |fact| match fact {
        Fact::Scale { currency, .. } => books.uses(currency),
        Fact::Check { secret: SecretName::Pseudonym, .. } => {
            books.domains().balance.ledger().accounts().any(|(id, _)| id.kind.is_players())
        }
        Fact::Check { secret: SecretName::Seed, .. } => false,
    };
    if books.facts().denies(fact) && depends(fact) { Err(Violation::FactChanged { fact }) } else { Ok(()) }
}

/// `E1`: a step of a round (open, lock, settle, void) goes by the name of round and step. Phases only go forward, so
/// that each name comes once.
///
/// # Errors
/// When it goes by another. A bet or a clearing has its client's key and is none of this.
pub fn step_has_its_name(table: TableId, leg: &TableLeg, id: TxId) -> Result<(), Violation> {
    let round = RoundId { table, number: leg.round() };
    match leg.step() {
        Some(step) if id != TxId::of_round(round, step) => Err(Violation::StepRenamed(round)),
        Some(_) | None => Ok(()),
    }
}

/// `E2`: the open holds of the balance domain are the holds of the bets in open rounds. A table that a record does not
/// fit may name holds that are gone, until its quarantine is recorded; a hold without a bet is never in order.
///
/// # Errors
/// The first hold or bet without the other.
pub fn stakes_are_held<'a>(
    books: &Books,
    tables: impl IntoIterator<Item = (TableId, &'a TableState)>,
) -> Result<(), Violation> {
    let ledger = books.domains().balance.ledger();
    let mut standing: FxHashMap<HoldId, TableId> = FxHashMap::default();
    for (table, state) in tables {
        let bets = state.open.iter().flat_map(|open| open.bets.players().values());
        for hold in bets.flat_map(|bets| bets.placed()).map(|placed| placed.hold) {
            if standing.insert(hold, table).is_some() {
                return Err(Violation::HoldOfTwoBets(hold));
            }
            if ledger.hold(hold).is_none() && !state.unfit {
                return Err(Violation::BetWithoutHold { table, hold });
            }
        }
    }
    match ledger.holds().find(|(hold, _)| !standing.contains_key(hold)) {
        Some((hold, _)) => Err(Violation::HoldWithoutBet(hold)),
        None => Ok(()),
    }
}
