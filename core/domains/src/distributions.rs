//! The distributions domain: winnings paid to players.
//!
//! What was won, stakes included, is an expense of the house; set against the stakes in collections it gives the margin.

use ledger::{AccountId, AccountKind, Domain, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

use crate::StateMachine;

/// Winnings and payouts.
#[derive(Debug, Clone, Default)]
pub struct Distributions {
    ledger: Ledger,
}

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Pays winnings, stakes included, to the player's balance.
    PayWinnings {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl StateMachine for Distributions {
    type Command = Command;
    const DOMAIN: Domain = Domain::Distributions;

    fn decide(&self, commands: &[Command]) -> Result<Leg, Rejection> {
        let mut draft = self.ledger.draft();
        for command in commands {
            let (debit, credit, currency, amount) = match command {
                Command::PayWinnings { currency, amount } => {
                    (AccountKind::Winnings, AccountKind::Clearing(Domain::Balance), *currency, *amount)
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
