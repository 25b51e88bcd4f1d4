//! People: who has which player id. A durable mapping from issuer and subject to a random [`PlayerId`](protocol::PlayerId).
//!
//! The edge asks it with every `hello` ([`People::get`], in memory) and enrols whom it does not know
//! ([`People::enrol`], on disk before the answer). Behind it there are ids only: they tell nothing about the person, and
//! this file is the only place that links the two (ADR-0021).
//!
//! What it guarantees:
//! * P1 an id is answered only once its entry is synced, so no record of the log names an id that a crash could lose;
//! * P2 one person has one id, and one id one person, for good; a file in which that does not hold is refused;
//! * P3 damage before the end of the file is never skipped: reading refuses it, and names file and offset;
//! * P4 after a failed sync, or a write that failed for another reason than room, nobody is enrolled until the file is
//!   opened again.
//!
//! It takes no lock: whoever opens the file for writing holds the lock of the log in the same directory. It removes
//! nobody, and it neither logs nor shows a subject.

mod contents;
mod error;
mod format;
mod people;
mod person;
mod register;
pub mod storage;
mod telemetry;
mod writer;

pub use contents::{Contents, TornTail};
pub use error::{Error, NotEnrolled};
pub use format::{FILE, FileId};
pub use people::People;
pub use person::{ISSUER_BYTES_MAX, OutOfBounds, Person, SUBJECT_BYTES_MAX};
pub use register::{Readiness, Stats};
