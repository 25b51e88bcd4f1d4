//! One table's rounds: what is recorded of them, and what may be done when.
//!
//! `Idle → Betting → Locked → Settled → Betting …`, with deadlines in the records. [`TableState`] is what replay
//! rebuilds; [`live::LiveTable`] adds what is under way and decides. Rules of play live in `games`; money moves
//! only through the recipe that travels with a leg, in the same record.

mod admission;
mod apply;
mod assessment;
mod bets;
mod config;
mod leg;
pub mod live;
mod orphan;
mod parking;
mod places;
mod request;
mod requests;
mod settle;
mod state;
mod under_way;

pub use apply::Unfit;
pub use bets::{Bets, Placed, PlayerBets, Stakes};
pub use leg::{TableLeg, VoidReason};
pub use orphan::void_orphan;
pub use places::{Places, Stake};
pub use settle::{Draw, draw, settlement, void_settlement};
pub use state::{Drawn, HISTORY_MAX, OpenRound, PastRound, Stage, TableState};
