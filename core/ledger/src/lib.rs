//! The double-entry ledger: accounts, transfers and holds. The only code that moves money.
//!
//! Each of the five domains owns a [`Ledger`]. Commands become moves in a [`Draft`], which checks every rule on
//! copies of the accounts it touches. A finished draft is a [`Leg`], which is recorded, and its [`Changes`], which are
//! proven before that. [`Ledger::apply`] posts the leg, live and in replay. Nothing here reads a clock, a file or a
//! random source.
//!
//! Amounts are integers of the currency's minor unit. The invariants have names; [`invariant`] has the predicates
//! that check them:
//!
//! * `L1` every transfer debits what it credits, in one currency: the sum over all accounts is zero;
//! * `L2` what an account has available never falls below its floor;
//! * `L3` a hold ends once: posted or voided;
//! * `L4` an account's pending amounts are the sum of its open holds.

mod account;
mod changes;
pub mod codec;
mod digest;
mod draft;
mod hold;
pub mod invariant;
mod ledger;
mod moves;
mod named;
mod owner;
mod packed;
mod rejection;
mod shards;
mod touched;
mod transfer;
mod unfound;

pub use account::{Account, AccountId, AccountKind, Domain, SUM_MAX};
pub use changes::{Change, Changes, Drafted};
pub use digest::{Digest, Print};
pub use draft::Draft;
pub use hold::{Hold, HoldId, Prover, Purpose, SOURCES_MAX, Source};
pub use ledger::{Digests, Ledger, Used};
pub use moves::{Leg, Move};
pub use owner::{Owner, OwnerKind};
pub use rejection::Rejection;
pub use shards::Shards;
pub use transfer::Transfer;
pub use unfound::{LedgerKey, Unfound};
