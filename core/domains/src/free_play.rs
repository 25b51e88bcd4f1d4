//! The free-play domain: bonus money, kept apart from cash.
//!
//! It stands with its accounts and its clearing towards the balance domain: a converted bonus becomes cash over it.

use ledger::{AccountId, AccountKind, Domain, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

use crate::StateMachine;

/// Bonus money.
#[derive(Debug, Clone, Default)]
pub struct FreePlay {
    ledger: Ledger,
}

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Turns bonus money whose terms are met into cash of the player's balance.
    Convert {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl StateMachine for FreePlay {
    type Command = Command;
    const DOMAIN: Domain = Domain::FreePlay;

    fn decide(&self, commands: &[Command]) -> Result<Leg, Rejection> {
        let mut draft = self.ledger.draft();
        for command in commands {
            let (debit, credit, currency, amount) = match command {
                Command::Convert { currency, amount } => {
                    (AccountKind::Grants, AccountKind::Clearing(Domain::Balance), *currency, *amount)
                }
            };
            let [debit, credit] = [debit, credit].map(|kind| AccountId::house(kind, currency));
            draft.add(Move::Post(Transfer { debit, credit, amount }))?;
        }
        Ok(draft.finish())
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}
