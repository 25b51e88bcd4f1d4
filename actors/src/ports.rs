//! The ways to money and to tables. Sockets, timers and HTTP use these, and no actor directly.
//!
//! A port takes plain data, and beside it where the answer goes. The permit of a request stays with the answer's
//! address and ends with the answer. So a port that is in-process here can be a link to another node elsewhere. An
//! envelope costs one indirect call more than a message to an actor's address; nothing is allocated or awaited for it.

pub mod deposit;
pub mod games;
pub mod money;
pub mod service;
pub mod table;

#[cfg(test)]
mod tests;
