//! The collections domain: payments in, and stakes taken from players.
//!
//! A deposit comes from a source account, whose balance is what the operator has to receive from that source.

use ledger::{AccountId, AccountKind, Domain, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

use crate::StateMachine;

/// Payments in, and stakes taken.
#[derive(Debug, Clone, Default)]
pub struct Collections {
    ledger: Ledger,
}

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A deposit has arrived from the source: hand it to the player's balance.
    Capture {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Takes stakes that the balance domain hands over.
    CollectStakes {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl StateMachine for Collections {
    type Command = Command;
    const DOMAIN: Domain = Domain::Collections;

    fn decide(&self, commands: &[Command]) -> Result<Leg, Rejection> {
        let mut draft = self.ledger.draft();
        for command in commands {
            let (debit, credit, currency, amount) = match command {
                Command::Capture { currency, amount } => {
                    (AccountKind::Source, AccountKind::Clearing(Domain::Balance), *currency, *amount)
                }
                Command::CollectStakes { currency, amount } => {
                    (AccountKind::Clearing(Domain::Balance), AccountKind::Stakes, *currency, *amount)
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
