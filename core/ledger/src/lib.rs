//! Double entry: accounts, transfers and holds. The only code that moves money.
//!
//! Each of the five domains owns a [`Ledger`]. Commands become transfers in a [`Draft`], which checks every
//! rule on a copy of the accounts it touches; a finished draft is a [`Leg`], which [`Ledger::apply`] posts and
//! which replay posts again, with the [`Changes`] it makes, by which it is proven before it is recorded. Nothing here reads a clock, a file or a random source.
//!
//! Amounts are integers of the currency's minor unit. The invariants have names, and the predicates that test
//! them stand in [`invariant`]:
//!
//! * `L1` every transfer debits what it credits, in one currency: the sum over all accounts is zero;
//! * `L2` what an account has available never falls below its floor;
//! * `L3` a hold ends once: posted or voided;
//! * `L4` an account's pending amounts are the sum of its open holds.

mod account;
mod changes;
mod digest;
mod draft;
pub mod invariant;
mod ledger;
mod rejection;
mod touched;
mod transfer;

pub use account::{Account, AccountId, AccountKind, Domain, SUM_MAX};
pub use changes::{Change, Changes, Drafted};
pub use digest::{Digest, fingerprint, text_word};
pub use draft::Draft;
pub use ledger::{Hold, Ledger};
pub use rejection::Rejection;
pub use transfer::{HoldId, Leg, Move, Transfer};
