//! People: who has which player id. A durable mapping from issuer and subject to a random [`PlayerId`](protocol::PlayerId).
//!
//! The edge asks it with every `hello` ([`People::get`], in memory) and enrols whom it does not know
//! ([`People::enrol`], on disk before the answer). Behind it there are ids only: they tell nothing about the person, and
//! this store is the only place that links the two (ADR-0027).
//!
//! It is two files: a database (SQLite) with names that are sealed under a key for each person, and a key file with these
//! keys, wrapped under a key that comes from the master key. A person is found by a keyed hash of the name, and for a search by
//! a part of it all names are read into memory ([`People::search`]). To erase a
//! person is to destroy the key and then the row, while the store is open ([`People::erase`]) or not ([`Contents::erase`]).
//!
//! What it guarantees:
//! * P1 an id is answered only once its row is synced, and its key before it, so no record of the log names an id that a
//!   crash could lose;
//! * P2 one person has one id, and one id one person, for good; a store in which that does not hold is refused;
//! * P3 damage is never skipped: every row and the number of rows are authenticated, and reading refuses what the hub did not
//!   write, and names the file;
//! * P4 after a failed sync, or a write that failed for another reason than room, nobody is enrolled until the store is
//!   opened again.
//!
//! It takes no lock: whoever opens the store for writing holds the lock of the log in the same directory. It neither logs
//! nor shows a name.

mod contents;
mod copy;
mod database;
mod disk;
mod erase;
mod error;
mod forget;
mod keyfile;
mod master;
mod names;
mod people;
mod person;
mod register;
mod rotate;
mod seal;
pub mod storage;
mod telemetry;
mod writer;

pub use contents::Contents;
pub use copy::{PeopleCopy, copy};
pub use database::DATABASE;
pub use erase::Erased;
pub use error::{Error, NotEnrolled, NotErased};
pub use keyfile::KEYS;
pub use master::Master;
pub use names::{NamePage, NotSearched};
pub use people::People;
pub use person::{ISSUER_BYTES_MAX, OutOfBounds, Person, SUBJECT_BYTES_MAX};
pub use register::{Readiness, Stats};
pub use rotate::{Rotated, rotate};

/// The random id of a people store. The log records it.
pub type StoreId = u128;
