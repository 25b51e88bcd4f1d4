//! The limits of a player: a row of the balance domain, with what is used of each.
//!
//! A limit is of one kind and one period of the calendar, and of one currency where it is one of money. The player sets one, the
//! operator may set another one for the player, and the stricter of both holds. A limit counts from when it is first set. A period
//! that has ended is found by comparison: nothing is recorded when it does.
//!
//! What is staked counts while it is at stake in whatever period it is, and then in the period in which its round ends. So a
//! round over midnight is counted once, and a bet that is taken back leaves nothing.

mod asked;
mod counted;
mod limit;
mod row;

pub(crate) use self::counted::count;
pub use self::{
    asked::{Command, LimitSetter},
    counted::{Counted, LimitReached, held},
    limit::{LimitId, LimitKind, Loosening, PlayerLimit},
    row::{LIMITS_MAX, OWN_LIMITS_MAX, PlayerLimits},
};
