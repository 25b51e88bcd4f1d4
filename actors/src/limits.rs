//! Limits of players, as the wire writes them.

use domains::{
    limit_rules::LimitRules,
    limits::{LimitId, LimitReached, Loosening, PlayerLimit, PlayerLimits, held},
};
use engine::Books;
use ledger::Domain;
use protocol::{
    Amount, PlayerId,
    limits::{LimitHit, LimitLoosening, LimitState, LimitValue},
};

use crate::currencies::Currencies;

/// Longest time that a limit allows, minutes: a month.
pub const MINUTES_MAX: u64 = 31 * 24 * 60;

/// A limit of time allows a number of minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit of time allows 1 to 44640 minutes")]
pub struct NotMinutes;

/// So many minutes, in milliseconds.
///
/// # Errors
/// When it is none, or they are more than [`MINUTES_MAX`].
pub fn minutes_ms(minutes: u64) -> Result<i128, NotMinutes> {
    if (1..=MINUTES_MAX).contains(&minutes) { Ok(i128::from(minutes) * 60_000) } else { Err(NotMinutes) }
}

/// The limits of a player at a time, milliseconds since 1970: each with what is used of it, with what is at stake, and when its
/// next period begins.
#[must_use]
pub fn of_player(books: &Books, player: PlayerId, now: u64) -> Vec<(LimitId, PlayerLimit, u64)> {
    let rows = &books.domains().rows;
    let held = |currency| held(books.domains().ledger(Domain::Balance), player, currency);
    let limits = PlayerLimits::of(rows, player).map(|limits| limits.at((&LimitRules::of(rows), now), held));
    limits.unwrap_or_default()
}

/// A limit as the wire writes it. `None` when its currency cannot be written.
#[must_use]
pub fn state(
    (id, limit, frees_at): &(LimitId, PlayerLimit, u64),
    currencies: &Currencies,
) -> Option<LimitState> {
    let value = |value: i128| value_of(*id, value, currencies);
    let optional = |given: Option<i128>| given.map(value).transpose();
    let loosening = match limit.loosening {
        Some(Loosening { to, from, until }) => Some(LimitLoosening { to: optional(to).ok()?, from, until }),
        None => None,
    };
    Some(LimitState {
        kind: id.kind.name().into(),
        period: id.period.name().into(),
        currency: id.currency,
        own: optional(limit.own).ok()?,
        operators: optional(limit.operators).ok()?,
        used: value(limit.used).ok()?,
        left: value(limit.in_force()?.saturating_sub(limit.used)).ok()?,
        frees_at: *frees_at,
        loosening,
    })
}

/// A limit that refuses something, as the wire writes it. `None` when its currency cannot be written.
#[must_use]
pub fn hit(reached: &LimitReached, currencies: &Currencies) -> Option<LimitHit> {
    let LimitReached { id, limit, used, frees_at } = *reached;
    Some(LimitHit {
        kind: id.kind.name().into(),
        period: id.period.name().into(),
        currency: id.currency,
        limit: value_of(id, limit, currencies).ok()?,
        used: value_of(id, used, currencies).ok()?,
        frees_at,
        clause: id.kind.clause().into(),
    })
}

/// The currency cannot be written.
struct NotSpelled;

/// What is below zero counts as 0.
fn value_of(id: LimitId, value: i128, currencies: &Currencies) -> Result<LimitValue, NotSpelled> {
    let Some(currency) = id.currency else {
        return Ok(LimitValue::Time(u64::try_from(value.max(0)).unwrap_or(u64::MAX)));
    };
    let scale = currencies.spelling(currency).ok_or(NotSpelled)?;
    Amount::from_minor(value.max(0), scale).map(LimitValue::Money).map_err(|_| NotSpelled)
}
