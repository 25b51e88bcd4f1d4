//! The ways to money and to tables. Sockets, timers and HTTP know these and no actor behind them.
//!
//! What goes in is plain data, and beside it whom to answer; the permit of a request stays with whoever took it and
//! ends with the answer. So a port that is in-process here can be a link to another node elsewhere. An envelope costs
//! one call through a table of functions more than an actor's address would; nothing is allocated or awaited for it.

pub mod deposit;
pub mod money;
pub mod table;

#[cfg(test)]
mod tests;
