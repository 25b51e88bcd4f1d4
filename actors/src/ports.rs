//! The ways to money and to tables. Sockets, timers and HTTP use these, and no actor directly.
//!
//! A port takes plain data, and beside it where the answer goes; the permit of a request stays with whoever took it
//! and ends with the answer. So a port that is in-process here can be a link to another node elsewhere. An envelope
//! costs one call through a table of functions more than an actor's address would; nothing is allocated or awaited for
//! it.

pub mod deposit;
pub mod money;
pub mod table;

#[cfg(test)]
mod tests;
