//! The adjustment domain: corrections.
//!
//! It stands with its accounts and its clearing towards the balance domain, in both directions.

use ledger::{AccountId, AccountKind, Domain, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

use crate::StateMachine;

/// Corrections.
#[derive(Debug, Clone, Default)]
pub struct Adjustment {
    ledger: Ledger,
}

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Gives to a player's balance.
    Give {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Takes from a player's balance.
    Take {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl StateMachine for Adjustment {
    type Command = Command;
    const DOMAIN: Domain = Domain::Adjustment;

    fn decide(&self, commands: &[Command]) -> Result<Leg, Rejection> {
        let mut draft = self.ledger.draft();
        for command in commands {
            let (debit, credit, currency, amount) = match command {
                Command::Give { currency, amount } => {
                    (AccountKind::Corrections, AccountKind::Clearing(Domain::Balance), *currency, *amount)
                }
                Command::Take { currency, amount } => {
                    (AccountKind::Clearing(Domain::Balance), AccountKind::Corrections, *currency, *amount)
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
