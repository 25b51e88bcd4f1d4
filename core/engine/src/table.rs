//! The state machine of one table: the recorded state of its rounds, and which step may follow when.
//!
//! `Idle → Betting → Locked → Settled → Betting …`, with deadlines in the records. Replay rebuilds [`TableState`];
//! [`live::LiveTable`] adds what is under way, and decides. Rules of play are in `games`; money moves only through the
//! recipe that is decided together with a leg, in the same record.

mod admission;
mod apply;
mod assessment;
mod bets;
mod bounds;
mod config;
mod history;
mod leg;
pub mod live;
mod orphan;
mod parking;
mod past;
mod places;
mod refused;
mod request;
mod requests;
mod rules;
mod ruling;
mod settle;
mod state;
mod step;
mod under_way;

pub use apply::Unfit;
pub use bets::{Bets, Placed, PlayerBets, Stakes};
pub use history::History;
pub use leg::{TableLeg, VoidReason};
pub use orphan::close_orphan;
pub use past::{Drawn, PAST_ROUNDS_MAX, PastRound};
pub use places::{Places, Stake};
pub use refused::{Grounds, SpotAsked, TableAsked, TableRequest};
pub(crate) use ruling::{decide, keeps, rules_intent, rules_row};
pub use settle::{Draw, draw, settlement, void_settlement};
pub use state::{OpenRound, Stage, TableState};
