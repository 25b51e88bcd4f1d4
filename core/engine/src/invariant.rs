//! The invariants that a ledger cannot check alone: those of the turn, and of money and tables together.
//!
//! * `E1` an id has one effect, for good: a key has one outcome, a step of a round has one record;
//! * `E2` a stake is held exactly as long as its bet stands in an open round;
//! * `E3` replay equals live: the same records make the same state, wherever they are applied;
//! * `E4` a player whose funds change is told, and the funds that a notice shows, before and after the transaction, are
//!   those of the balance domain;
//! * `E5` a fact in the log about its hub does not change while anything depends on it: the scale of a currency that
//!   has accounts, the issuer of a log that has players, the people store, the seed secret while a round is open;
//! * `E6` the row of a table's rules is what the table's leg says, changes with such a leg alone, and never while a round of
//!   the table is open; money and tables have the same open rounds, and the same last rounds;
//! * `E7` a recipe in a revision, or a kind of row, that version 3 of records does not have is used only after its first use
//!   was recorded.
//! * `E8` a player is recorded as erased only while they have no balance, no hold, no freeze and no exclusion
//!   from play; that the person stays excluded may take the place of an exclusion and of a freeze that has no end. From then on no
//!   record has money, a freeze, an exclusion, a notice or a key of the player.
//!
//! The start, `hub verify`, the state store's follower and the simulation share these predicates.

use std::collections::BTreeSet;

use domains::{Funds, StateMachine};
use ledger::{Domain, HoldId, Prover, codec::NamedFeature, invariant};
use protocol::{Currency, PlayerId, RoundId, TableId};
use rustc_hash::FxHashMap;

pub use crate::world::{fact_stands_in, same};
use crate::{
    books::Books,
    components::Component,
    facts::{Fact, SecretName},
    keys::KeyState,
    record::RECORD_BYTES_MAX,
    stored_state::Unreadable,
    table::{TableLeg, TableState},
    tx_id::TxId,
};

/// An invariant that does not hold: a bug of the hub or a damaged log, never a user's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// An invariant of a ledger: `L1` to `L4`.
    #[error(transparent)]
    Ledger(#[from] invariant::Violation),
    /// `E1`: a second effect under one id.
    #[error("E1: transaction {0:?} has an outcome already")]
    SecondEffect(TxId),
    /// `E1` cannot be checked: the state store cannot be read.
    #[error("E1 cannot be checked: {0}")]
    Unreadable(#[from] Unreadable),
    /// `E1`: a step of a round has the id of something else.
    #[error("E1: a step of round {0} is recorded under another name than its own")]
    StepRenamed(RoundId),
    /// `E1`: two legs in one domain, or legs that are not in canonical order.
    #[error("E1: transaction {0:?} has more than one leg in a domain, or its legs are out of order")]
    SecondLeg(TxId),
    /// `E1`: a domain takes part that the recipe does not have.
    #[error("E1: {recipe} moves money of {}, which has no part in it", domain.name())]
    Participant {
        /// The recipe.
        recipe: &'static str,
        /// The domain.
        domain: Domain,
    },
    /// `E1`: the hub itself has no keys, and everyone else asks with one; what an operator was refused has none, and changes nothing.
    #[error("E1: transaction {0:?} comes with a key and from nobody, or without one and from somebody")]
    KeyOfNobody(TxId),
    /// `E1`: a row has two images in one record.
    #[error("E1: transaction {0:?} changes a row twice")]
    RowTwice(TxId),
    /// `E1`: a row changes that the recipe does not change.
    #[error("E1: {recipe} changes a row of {kind}, which it has no part in")]
    RowOfAnother {
        /// The recipe.
        recipe: &'static str,
        /// The kind of row.
        kind: &'static str,
    },
    /// `E6`: the row of a table's rules is not what the table is ruled by.
    #[error("E6: transaction {0:?} changes the rules of a table and the row of them in different ways")]
    RulesDiffer(TxId),
    /// `E6`: the rules of a table change while one of its rounds is open.
    #[error("E6: the rules of table {table} change while round {0} is open", table = .0.table)]
    RulesInMidRound(RoundId),
    /// `E6`: money and table have different open rounds.
    #[error("E6: another round of table {0} is open than the money side knows of")]
    OtherRound(TableId),
    /// `E6`: a round has ended in another way for its table than for the money.
    #[error("E6: the last round of table {0} is another one than the money side knows of")]
    OtherPastRound(TableId),
    /// `E1`: a transaction with a key has no notice to make a receipt of.
    #[error("E1: transaction {0:?} came with a key, but has nothing to put on its receipt")]
    NoReceipt(TxId),
    /// `E2`: a hold belongs to no bet.
    #[error("E2: hold {:032x} stands under no bet of an open round: its stake would be held for ever", .0.0)]
    HoldWithoutBet(HoldId),
    /// `E2`: a bet has no hold.
    #[error("E2: a bet of table {table} stands in an open round without its hold {:032x}", hold.0)]
    BetWithoutHold {
        /// The table.
        table: TableId,
        /// The missing hold.
        hold: HoldId,
    },
    /// `E2`: a hold belongs to two bets.
    #[error("E2: hold {:032x} stands under bets of two tables", .0.0)]
    HoldOfTwoBets(HoldId),
    /// `E2`: a record says something else of stakes than its money does.
    #[error("E2: what table {table} records of transaction {id:?} is not what the money does: {what}")]
    LegDiffers {
        /// The table.
        table: TableId,
        /// The transaction.
        id: TxId,
        /// The difference.
        what: &'static str,
    },
    /// A record is longer than the log takes.
    #[error("transaction {id:?} makes a record of {bytes} bytes, and {RECORD_BYTES_MAX} are the most")]
    TooLong {
        /// The transaction.
        id: TxId,
        /// Length of its record.
        bytes: usize,
    },
    /// `E3`: two copies of the state have different last records or times.
    #[error("E3: the copies stand at records {one} and {other}, or at other times")]
    Place {
        /// The last record of one.
        one: u64,
        /// The last record of the other.
        other: u64,
    },
    /// `E3`: two copies of the state differ in their money.
    #[error("E3: the copies differ in {0:?}")]
    Money(Component),
    /// `E3`: two copies of the state differ in a table.
    #[error("E3: the copies differ at table {0}")]
    Table(TableId),
    /// `E5`: the log has recorded another value, and something depends on it.
    #[error("E5: {fact:?} is recorded, and the log says otherwise already")]
    FactChanged {
        /// What is recorded.
        fact: Fact,
    },
    /// `E7`: a feature is used, and its first use is not recorded.
    #[error("E7: {0} is used, and the log does not say so before")]
    NotInUse(NamedFeature),
    /// `E8`: something of a player who is erased is open.
    #[error("E8: player {0} is erased, and has a balance, a hold, a freeze or an exclusion")]
    ErasedTooEarly(PlayerId),
    /// `E8`: something is recorded of a player who was erased before.
    #[error("E8: player {0} was erased before, and gets money, a freeze, an exclusion, a notice or a key")]
    OfErased(PlayerId),
    /// `E4`: a notice shows other funds than the balance domain has.
    #[error("E4: player {player} is told of {recorded:?} {when} the transaction, and has {found:?}")]
    Told {
        /// The player.
        player: PlayerId,
        /// Before the transaction, or after it.
        when: &'static str,
        /// The funds in the notice.
        recorded: Funds,
        /// The funds in the balance domain.
        found: Funds,
    },
    /// `E4`: a player's funds change without a notice.
    #[error("E4: the funds of player {player} in {currency} change, and the player is not told")]
    Untold {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
    },
}

/// `E1`: no outcome is recorded under this id yet.
///
/// # Errors
/// When the id has an outcome, or that cannot be read.
pub fn no_effect_yet(books: &Books, id: TxId) -> Result<(), Violation> {
    match books.outcome(id)? {
        Some(_) => Err(Violation::SecondEffect(id)),
        None => Ok(()),
    }
}

/// The same without a look into the state store: for what has no key, or whose key its turn has looked up. The hub's own
/// steps have ids that no key has, and each occurs once, because phases, changes and holds only go forward.
///
/// # Errors
/// When memory has an outcome of the id.
pub(crate) fn no_effect_in_memory(books: &Books, id: TxId) -> Result<(), Violation> {
    match books.key_state(id, None) {
        KeyState::Known(_) => Err(Violation::SecondEffect(id)),
        KeyState::New | KeyState::Older(_) => Ok(()),
    }
}

/// `E5`, for what the money side depends on: the scale of a currency that has accounts, the issuer of a log that has
/// players, and the people store, once it is recorded: it may have people whom no account shows. Without such accounts or
/// players a scale and the issuer may still change.
///
/// # Errors
/// When the log has recorded another value.
pub fn fact_stands(books: &Books, fact: &Fact) -> Result<(), Violation> {
    let depends = |fact: &Fact| match fact {
        Fact::Scale { currency, .. } => books.uses(*currency),
        Fact::People { .. } | Fact::Kept { .. } | Fact::Upgrade(_) => true,
        Fact::Issuer { .. } => books.domains().balance.ledger().used().players,
        Fact::Check { secret: SecretName::Seed, .. } | Fact::Clock { .. } | Fact::Erased { .. } => false,
    };
    if books.facts().denies(fact) && depends(fact) {
        return Err(Violation::FactChanged { fact: fact.clone() });
    }
    Ok(())
}

/// `E1`: the id of a step of a round (open, lock, settle, void, quarantine) is made of the round and the step; that of a
/// change of rules is made of the table and the change. Phases and changes only go forward, so each id occurs once.
///
/// # Errors
/// When a step has another id. Bets and clearings are not steps: their ids come from the client's key.
pub fn step_has_its_name(table: TableId, leg: &TableLeg, id: TxId) -> Result<(), Violation> {
    let round = RoundId { table, number: leg.round() };
    match leg.step_id(table) {
        Some(step) if id != step => Err(Violation::StepRenamed(round)),
        Some(_) | None => Ok(()),
    }
}

/// `E2`: the open holds of the balance domain are exactly the holds of the bets in open rounds. Only a table that a
/// record did not fit may, until its quarantine is recorded, have bets whose holds have ended.
///
/// # Errors
/// The first hold without a bet, bet without a hold, or hold of two bets.
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
    // Other holds are proven by their domains.
    let of_round = |hold: &ledger::Hold| matches!(hold.prover, Prover::Round(_));
    match ledger.holds().find(|(id, hold)| of_round(hold) && !standing.contains_key(id)) {
        Some((hold, _)) => Err(Violation::HoldWithoutBet(hold)),
        None => Ok(()),
    }
}

/// `E6`: the open rounds of the tables are those that the money side knows of, and so is the last round that has ended at each,
/// while the money side has it in memory. Only a table that a record did not fit may, until its quarantine is recorded, have a
/// round open that has ended, and not know of the last one.
///
/// # Errors
/// The first table that differs.
pub fn rounds_are_open<'a>(
    books: &Books,
    tables: impl IntoIterator<Item = (TableId, &'a TableState)>,
) -> Result<(), Violation> {
    let mut open: BTreeSet<RoundId> = books.rounds.all().collect();
    for (table, state) in tables {
        let known = books.open_round(table);
        known.map(|round| open.remove(&round));
        if !books.rounds.are_of(table, state) && !state.unfit {
            return Err(Violation::OtherRound(table));
        }
        let last = books.recent_rounds(table).next();
        if last.is_some() && last != state.last.as_ref() && !state.failed() {
            return Err(Violation::OtherPastRound(table));
        }
    }
    open.first().map_or(Ok(()), |round| Err(Violation::OtherRound(round.table)))
}
