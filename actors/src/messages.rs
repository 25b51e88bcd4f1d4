//! Every actix message, with its reply, its failure and its bound, and the plain data they carry.
//!
//! Nothing here names an actor, so no two actors need each other's file. A message is sent through a port
//! ([`crate::ports`]) or to the address of an actor further down. None of the messages has a bound of its own: a
//! request holds a permit of admission, and a publication is bounded where it enters. A message to an actor that is
//! gone is dropped, and the permit in it with it.

pub mod domain;
pub mod money;
pub mod output;
pub mod pubsub;
pub mod reply;
pub mod table;
pub mod worker;
