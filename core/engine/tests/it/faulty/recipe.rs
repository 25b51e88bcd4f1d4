//! A recipe that does what a test says, and the cases that are made of it.

use std::sync::Arc;

use domains::{
    Command, Context, Effects, Fields, Recipe, What, balance, collections,
    decide::{Deciding, Part, RefusedBy},
    rows::RowKind,
    rules::RulesRow,
};
use engine::{Books, Content, DecodeError, Envelope, Principal, Tx, TxId, table::TableLeg};
use ledger::{
    AccountId, AccountKind, Domain, Hold, HoldId, Move, Prover, Purpose, Rejection, Transfer,
    codec::{Decoder, Encoder},
};
use protocol::{PlayerId, RoundId};

use crate::rig::{eur, table_id};

pub const PLAYER: PlayerId = PlayerId(1);
pub const OTHER: PlayerId = PlayerId(2);
/// The id of every case's transaction, and of the hold that it makes.
pub const ID: TxId = TxId(9);

/// What a recipe does.
pub type Does = fn(&Context<'_>, &mut Deciding<'_>) -> Result<(), RefusedBy>;

/// A recipe of this kind takes part in two domains, and may change rules.
#[derive(Debug, Clone)]
pub struct Faulty(pub Does);

impl Recipe for Faulty {
    const KIND: u16 = 60_001;
    const NAME: &'static str = "FAULTY";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Collections];
    const ROWS: &'static [RowKind] = &[RowKind::of::<RulesRow>()];

    fn encode(&self, _: &mut Encoder) {}

    fn decode(_: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self(|_, _| Ok(())))
    }

    fn fields(&self) -> Fields {
        Fields::new()
    }

    fn decide(&self, context: &Context<'_>, deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        (self.0)(context, deciding)
    }
}

/// One move of the balance domain, without its rules.
#[derive(Debug)]
pub struct Raw(pub Move);

impl Command for Raw {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, _: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        part.draft.add(self.0.clone())
    }
}

/// What is wrong: what the recipe does, who asks for it, or what has become of its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Recipe,
    Envelope,
    Effects,
}

/// A wrong transaction.
pub struct Case {
    pub fault: &'static str,
    /// The violation by which it is refused.
    pub breaks: &'static str,
    /// Part of the message.
    pub says: &'static str,
    pub level: Level,
    pub does: Does,
    /// Makes the transaction of one that comes from the player, with a key and without a table.
    pub asks: fn(Tx) -> Tx,
    /// Changes the effects after they were decided.
    pub spoils: Option<fn(&mut Effects)>,
}

impl Case {
    /// The player asks, with a key, and the recipe does this.
    pub const fn recipe(
        fault: &'static str,
        (breaks, says): (&'static str, &'static str),
        does: Does,
    ) -> Self {
        Self { fault, breaks, says, level: Level::Recipe, does, asks: |tx| tx, spoils: None }
    }

    /// The same at a table.
    pub const fn at_table(
        fault: &'static str,
        (breaks, says): (&'static str, &'static str),
        does: Does,
        asks: fn(Tx) -> Tx,
    ) -> Self {
        Self { asks, ..Self::recipe(fault, (breaks, says), does) }
    }

    /// The recipe is right, and the transaction is not.
    pub const fn envelope(
        fault: &'static str,
        (breaks, says): (&'static str, &'static str),
        does: Does,
        asks: fn(Tx) -> Tx,
    ) -> Self {
        Self { level: Level::Envelope, ..Self::at_table(fault, (breaks, says), does, asks) }
    }

    /// The recipe and the transaction are right, and the effects are changed.
    pub const fn effects(
        fault: &'static str,
        (breaks, says): (&'static str, &'static str),
        does: Does,
        spoil: fn(&mut Effects),
    ) -> Self {
        Self { level: Level::Effects, spoils: Some(spoil), ..Self::recipe(fault, (breaks, says), does) }
    }

    pub fn submitted(&self) -> Envelope {
        Envelope::Run((self.asks)(Tx::new(ID, PLAYER.into(), Some(Content(1)), Faulty(self.does))))
    }
}

/// What every case is decided on.
pub fn context(books: &Books) -> Context<'_> {
    Context {
        now: books.time(),
        id: HoldId(ID.0),
        principal: Principal::HUB,
        view: books.domains(),
        shares: &[],
    }
}

pub fn round() -> RoundId {
    RoundId { table: table_id(), number: 1 }
}

/// The player's side of a deposit.
pub fn credit(deciding: &mut Deciding<'_>, amount: i128) -> Result<(), RefusedBy> {
    let (player, currency, from) = (PLAYER, eur(), Domain::Collections);
    deciding.ask(&balance::Command::Credit { player, currency, amount, from })
}

/// The other side of it.
pub fn capture(deciding: &mut Deciding<'_>, amount: i128) -> Result<(), RefusedBy> {
    deciding.ask(&collections::Command::Capture { currency: eur(), amount })
}

pub fn tell(deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
    deciding.tell(PLAYER, eur(), What::Deposit);
    Ok(())
}

/// Does what a deposit of 10 does.
pub const DEPOSIT: Does = |_, deciding| {
    credit(deciding, 10)?;
    capture(deciding, 10)?;
    tell(deciding)
};

/// Does nothing.
pub const NOTHING: Does = |_, _| Ok(());

/// The stake of a bet of a player in the open round.
pub fn stake(player: PlayerId, amount: i128) -> Hold {
    let credit = AccountId::house(AccountKind::Clearing(Domain::Collections), eur());
    let transfer = Transfer { debit: AccountId::cash(player, eur()), credit, amount };
    Hold::on(Purpose::Stake, Prover::Round(round()), transfer)
}

/// Makes a hold under this id.
pub fn hold(deciding: &mut Deciding<'_>, id: u128, hold: Hold) -> Result<(), RefusedBy> {
    deciding.ask(&Raw(Move::Hold(HoldId(id), Arc::new(hold))))
}

/// The transaction at the table, under its own name when the leg is a step of the round: then the hub sends it.
pub fn at(tx: Tx, leg: TableLeg) -> Tx {
    match leg.step_id(table_id()) {
        None => tx.at(table_id(), leg),
        Some(id) => Tx { id, principal: Principal::HUB, key: None, ..tx }.at(table_id(), leg),
    }
}
