//! The load harness: measures a hub from outside and asserts the money invariants while it does.
//!
//! It uses `protocol` and `hub-client`, like any player, and shares no code with the server. `load` plays, `book` and
//! `audit` decide whether every cent is where it should be, `fanout` and `idle` measure the edge, `credits` the API, `old_keys`
//! the way to the state store. Linux only: it counts processor time in `/proc` and waits with epoll.

pub mod arrivals;
pub mod audit;
pub mod bet;
pub mod book;
pub mod cli;
pub mod clock;
pub mod credits;
pub mod crowd;
pub mod fanout;
pub mod fates;
pub mod http;
pub mod idle;
pub mod latency;
pub mod load;
pub mod old_keys;
pub mod plan;
pub mod poll;
pub mod process;
pub mod progress;
pub mod report;
pub mod run;
pub mod scan;
pub mod target;
pub mod tokens;
pub mod wire;
