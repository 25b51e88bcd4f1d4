//! What is counted against limits, and what they refuse.

use ledger::{AccountId, Domain, Ledger, Rejection, SUM_MAX};
use protocol::{Currency, PlayerId};

use super::{
    limit::{LimitId, LimitKind, PlayerLimit},
    row::{LimitGroup, PlayerLimits},
};
use crate::{
    calendar::Zone,
    decide::{Context, Part},
    limit_rules::LimitRules,
};

/// A limit that refuses something. Values are minor units, or milliseconds of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// Which limit.
    pub id: LimitId,
    /// The limit that is in force.
    pub limit: i128,
    /// What is used of it, with what is at stake.
    pub used: i128,
    /// When its next period begins, milliseconds since 1970.
    pub frees_at: u64,
}

/// What is to be counted.
#[derive(Debug, Clone, Copy)]
pub enum Counted {
    /// A deposit arrives, minor units.
    Deposit(i128),
    /// A stake is held.
    Stake(i128),
    /// Held stakes go back to the player.
    GivenBack(i128),
    /// A round has ended: what of it the player had staked, and what it returns.
    Ended {
        /// Minor units.
        staked: i128,
        /// Minor units, stakes included.
        returned: i128,
    },
    /// What a round has returned is taken back by a correction, minor units.
    TakenBack(i128),
}

/// A sum as a row can have it. Sums of money that the ledger takes are never beyond.
fn sum(one: i128, other: i128) -> i128 {
    one.saturating_add(other).clamp(-SUM_MAX, SUM_MAX)
}

/// Counts something of a player who has limits.
///
/// # Errors
/// When it is more than a limit allows.
pub(crate) fn count(
    context: &Context<'_>,
    part: &mut Part<'_, '_>,
    (player, currency): (PlayerId, Currency),
    counted: Counted,
) -> Result<(), Rejection> {
    let Some(mut limits) = part.row::<PlayerLimits>(context, &player.0.to_be_bytes()) else { return Ok(()) };
    let rules = LimitRules::of(context.view.rows());
    let held = held(context.view.ledger(Domain::Balance), player, currency);
    limits.count((&rules, context.now), (currency, held), counted).map_err(|_| Rejection::LimitReached)?;
    let image = limits.image(player);
    if part.bytes(context, &image.key) == image.value.as_deref() {
        return Ok(());
    }
    match counted {
        Counted::Deposit(_) | Counted::Stake(_) => part.put(image),
        Counted::GivenBack(_) | Counted::Ended { .. } | Counted::TakenBack(_) => part.put_counted(image),
    }
    Ok(())
}

/// What is held of a player in a currency, minor units: more than that is not at stake.
#[must_use]
pub fn held(ledger: &Ledger, player: PlayerId, currency: Currency) -> i128 {
    ledger.account(&AccountId::cash(player, currency)).map_or(0, |account| account.debits_pending)
}

impl PlayerLimits {
    /// Counts something, unless a limit does not allow it; then that limit which frees last. `now` in milliseconds since 1970.
    ///
    /// # Errors
    /// The limit.
    pub fn count(
        &mut self,
        (rules, now): (&LimitRules, u64),
        (currency, held): (Currency, i128),
        counted: Counted,
    ) -> Result<(), LimitReached> {
        self.begin((rules, now));
        let of_time = match counted {
            Counted::Deposit(_) | Counted::GivenBack(_) | Counted::TakenBack(_) => false,
            Counted::Stake(_) => self.count_time((rules, now), false),
            Counted::Ended { .. } => self.count_time((rules, now), true),
        };
        self.allows((&rules.zone, of_time), (currency, held), counted)?;
        let Some(group) = self.group(Some(currency)) else { return Ok(()) };
        // What a service held and has given back is at stake no more.
        group.open = group.at_stake(held);
        let closes = |group: &mut LimitGroup, amount: i128| {
            group.open = sum(group.open, amount.saturating_neg()).max(0)
        };
        let add = |group: &mut LimitGroup, kind, amount| {
            for limit in group.limits.iter_mut().filter(|limit| limit.kind == kind) {
                limit.used = sum(limit.used, amount);
            }
        };
        match counted {
            Counted::Deposit(amount) => add(group, LimitKind::Deposit, amount),
            Counted::Stake(amount) => {
                if group.limits.iter().any(PlayerLimit::is_of_stakes) {
                    group.open = sum(group.open, amount);
                }
            }
            Counted::GivenBack(amount) => closes(group, amount),
            Counted::Ended { staked, returned } => {
                closes(group, staked);
                add(group, LimitKind::Stake, staked);
                add(group, LimitKind::Loss, sum(staked, returned.saturating_neg()));
            }
            Counted::TakenBack(amount) => add(group, LimitKind::Loss, amount),
        }
        Ok(())
    }

    /// What a limit in force refuses of a deposit or a stake; the one that frees last.
    fn allows(
        &self,
        (zone, of_time): (&Zone, bool),
        (currency, held): (Currency, i128),
        counted: Counted,
    ) -> Result<(), LimitReached> {
        let refused = self.groups.iter().flat_map(|group| {
            group.limits.iter().filter_map(move |limit| {
                let limited = limit.in_force()?;
                let (used, adds) = match (counted, limit.kind) {
                    (Counted::Deposit(amount), LimitKind::Deposit) => (limit.used, amount),
                    (Counted::Stake(amount), LimitKind::Stake | LimitKind::Loss) => {
                        (limit.used.saturating_add(group.at_stake(held)), amount)
                    }
                    // Time runs on: a stake needs some that is left.
                    (Counted::Stake(_), LimitKind::PlayTime) if of_time => (limit.used, 1),
                    _ => return None,
                };
                let is_meant = group.currency.is_none_or(|of_group| of_group == currency);
                (is_meant && used.saturating_add(adds) > limited).then(|| LimitReached {
                    id: LimitId { kind: limit.kind, period: limit.period, currency: group.currency },
                    limit: limited,
                    used,
                    frees_at: zone.begins(limit.period.next_day(self.day)),
                })
            })
        });
        refused.max_by_key(|reached| reached.frees_at).map_or(Ok(()), Err)
    }

    /// Begins the periods that have begun since something was counted last. A clock that is set back, by hand or at the end of
    /// summer time, goes on in the period that has begun.
    pub(super) fn begin(&mut self, (rules, now): (&LimitRules, u64)) {
        let (before, day) = (self.day, rules.zone.day(now));
        if day <= before {
            return;
        }
        self.day = day;
        for limit in self.groups.iter_mut().flat_map(|group| &mut group.limits) {
            if limit.period.first_day(day) != limit.period.first_day(before) {
                limit.used = 0;
            }
        }
    }

    /// Counts the time since the player was last seen to play, unless that is so long that it was a break; until a round of
    /// theirs has ended they have played. Returns whether a limit counts time.
    fn count_time(&mut self, (rules, now): (&LimitRules, u64), round_ended: bool) -> bool {
        let (last, day) = (self.last, self.day);
        let Some(group) = self.group(None) else { return false };
        for limit in &mut group.limits {
            // The part that is in this period.
            let since = last.max(rules.zone.begins(limit.period.first_day(day)));
            if last > 0 && (round_ended || now.saturating_sub(last) <= rules.play_break) {
                limit.used = sum(limit.used, now.saturating_sub(since).into());
            }
        }
        self.last = now.max(last);
        true
    }

    /// The limits as they are at a time, milliseconds since 1970: with nothing used in periods that have just begun. Each with
    /// what is used of it, what is at stake included, and when its next period begins. `held` is what is held in a currency.
    #[must_use]
    pub fn at(
        mut self,
        (rules, now): (&LimitRules, u64),
        held: impl Fn(Currency) -> i128,
    ) -> Vec<(LimitId, PlayerLimit, u64)> {
        self.begin((rules, now));
        let open = |id: LimitId| match id.kind {
            LimitKind::Stake | LimitKind::Loss => {
                let group = self.groups.iter().find(|group| group.currency == id.currency);
                group.zip(id.currency).map_or(0, |(group, currency)| group.at_stake(held(currency)))
            }
            LimitKind::Deposit | LimitKind::PlayTime => 0,
        };
        let at = |(id, limit): (LimitId, &PlayerLimit)| {
            let used = limit.used.saturating_add(open(id));
            // What was not confirmed in time is gone; the row keeps it so that a late confirmation is told so.
            let loosening = limit.loosening.filter(|waiting| now < waiting.until);
            let limit_now = PlayerLimit { used, loosening, ..*limit };
            (id, limit_now, rules.zone.begins(limit.period.next_day(self.day)))
        };
        self.iter().map(at).collect()
    }
}
