//! Setting, loosening and confirming limits.

use ledger::{Domain, Rejection, SUM_MAX};
use protocol::{Currency, PlayerId};

use super::{
    counted::{Counted, count, held},
    limit::{LimitId, Loosening},
    row::{OWN_LIMITS_MAX, PlayerLimits},
};
use crate::{
    decide::{Context, Part},
    limit_rules::LimitRules,
};

/// Whose limit it is that is set. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LimitSetter {
    /// The player's own.
    Player = 1,
    /// The operator's, for the player.
    Operator = 2,
}

impl LimitSetter {
    /// The setter of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [LimitSetter::Player, LimitSetter::Operator].into_iter().find(|setter| *setter as u8 == number)
    }

    /// The name in requests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LimitSetter::Player => "player",
            LimitSetter::Operator => "operator",
        }
    }
}

/// The commands for limits; the balance domain's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Sets or removes a limit. A stricter one is in force at once, also below what is used; a player's looser one waits.
    Set {
        /// The player.
        player: PlayerId,
        /// Which limit.
        id: LimitId,
        /// Whose.
        by: LimitSetter,
        /// Minor units, or milliseconds; `None` for none.
        to: Option<i128>,
    },
    /// Confirms a looser limit that has waited.
    Confirm(PlayerId, LimitId),
    /// Counts that a correction takes back what a round has returned, minor units.
    TakeBack(PlayerId, Currency, i128),
}

impl crate::decide::Command for Command {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, context: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        match *self {
            Command::Set { player, id, by, to } => change(context, part, player, |limits, rules| {
                let held = id
                    .currency
                    .map_or(0, |currency| held(context.view.ledger(Domain::Balance), player, currency));
                limits.set((rules, context.now), (id, held), by, to)
            }),
            Command::Confirm(player, id) => {
                change(context, part, player, |limits, _| limits.confirm(context.now, id))
            }
            Command::TakeBack(player, currency, amount) => {
                count(context, part, (player, currency), Counted::TakenBack(amount))
            }
        }
    }
}

/// Changes the limits of a player, with nothing used in periods that have just begun.
fn change(
    context: &Context<'_>,
    part: &mut Part<'_, '_>,
    player: PlayerId,
    change: impl FnOnce(&mut PlayerLimits, &LimitRules) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    let mut limits = part.row::<PlayerLimits>(context, &player.0.to_be_bytes()).unwrap_or_default();
    let rules = LimitRules::of(context.view.rows());
    limits.begin((&rules, context.now));
    change(&mut limits, &rules)?;
    limits.tidy();
    part.put(limits.image(player));
    Ok(())
}

impl PlayerLimits {
    // clause: gli19.a.3.7.tightening
    fn set(
        &mut self,
        (rules, now): (&LimitRules, u64),
        (id, held): (LimitId, i128),
        by: LimitSetter,
        to: Option<i128>,
    ) -> Result<(), Rejection> {
        match to {
            Some(to) if to < 0 => return Err(Rejection::AmountNotPositive),
            Some(to) if to > SUM_MAX => return Err(Rejection::TooLarge),
            Some(_) | None => {}
        }
        let limit = match to {
            Some(_) => {
                let own = self.iter().filter(|(other, limit)| *other != id && limit.own.is_some()).count();
                if by == LimitSetter::Player && own >= OWN_LIMITS_MAX {
                    return Err(Rejection::LimitsFull);
                }
                self.limit_or_new(id, held)?
            }
            None => self.limit(id).ok_or(Rejection::NoLimit)?,
        };
        match (by, limit.own) {
            (LimitSetter::Operator, _) if (to, limit.operators) == (None, None) => {
                return Err(Rejection::NoLimit);
            }
            (LimitSetter::Operator, _) => limit.operators = to,
            (LimitSetter::Player, None) if to.is_none() => return Err(Rejection::NoLimit),
            (LimitSetter::Player, own) => {
                let is_looser = own.is_some_and(|own| to.is_none_or(|to| to > own));
                if !is_looser {
                    // Also the same one again: whoever asks for it does not want a looser one any more.
                    (limit.own, limit.loosening) = (to, None);
                } else if limit.loosening.is_some_and(|waiting| now < waiting.until) {
                    return Err(Rejection::LooseningWaits);
                } else {
                    // clause: gli19.a.3.7.loosening
                    let from = now.saturating_add(rules.loosening_after);
                    let until = from.saturating_add(rules.confirm_within);
                    limit.loosening = Some(Loosening { to, from, until });
                }
            }
        }
        Ok(())
    }

    fn confirm(&mut self, now: u64, id: LimitId) -> Result<(), Rejection> {
        let limit = self.limit(id).ok_or(Rejection::NoLimit)?;
        let Loosening { to, from, until } = limit.loosening.ok_or(Rejection::NoLimit)?;
        if now < from {
            return Err(Rejection::LooseningEarly);
        }
        if now >= until {
            return Err(Rejection::LooseningLate);
        }
        (limit.own, limit.loosening) = (to, None);
        Ok(())
    }
}
