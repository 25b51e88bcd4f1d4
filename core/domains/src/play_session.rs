//! The play session of a player: since when they play without a break, and what they have staked and got back since. A row of
//! the balance domain; its key is the player.
//!
//! It is of the player, not of a connection. It begins with the first stake after a pause of at least
//! [`SessionRules::pause_min`] without a stake, and it is over when such a pause has passed: by comparison with the time of a
//! record, so nothing is due at its end. A stake is counted when its round ends, together with what came back. So the net
//! position never has one without the other, and what is still in play is no loss yet.
//!
//! While no play sessions are kept ([`SessionRules::STANDARD`]), no row is read for a stake but that of the rules, and none is
//! written.

use ledger::{
    Rejection, SUM_MAX,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId, RoundId};

use crate::{
    PlayerSettlement,
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
    session_rules::SessionRules,
};

/// Rounds that are noted as begun by the player and not ended: the newest. In one that is not noted any more, a further stake
/// counts as its beginning.
pub const ROUNDS_MAX: usize = 8;

/// Currencies that are counted in one play session. A bet in a further one is not counted.
pub const CURRENCIES_MAX: usize = 32;

/// The play session of a player: the one that goes on, or the last one. Times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaySession {
    /// Its first stake.
    pub since: u64,
    /// Its last stake.
    pub last: u64,
    /// When the player last acknowledged how they play, or `since`.
    pub checked: u64,
    /// When the player last began with a round, by their first stake in it; `None` when no rule asks for it.
    pub start: Option<u64>,
    /// The rounds that the player has begun with and that are not settled, the newest last. At most [`ROUNDS_MAX`].
    pub rounds: Vec<RoundId>,
    /// What was staked and came back in rounds that have ended, by currency. At most [`CURRENCIES_MAX`].
    pub sums: Vec<PlaySum>,
}

/// What a player has staked and got back in one currency, in rounds that were settled during a play session. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaySum {
    /// The currency.
    pub currency: Currency,
    /// The stakes.
    pub staked: i128,
    /// What came back, stakes included.
    pub returned: i128,
}

/// What a player is told of the play session that goes on. Times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayFacts {
    /// Its first stake.
    pub since: u64,
    /// When it is over, unless there is a stake before.
    pub ends: u64,
    /// From when on no stake is taken before the player has acknowledged how they play; `None` when that is never asked.
    pub check: Option<u64>,
    /// From when on the player may begin with another round; `None` when there is no such rule.
    pub start: Option<u64>,
    /// What was staked and came back.
    pub sums: Vec<PlaySum>,
}

impl PlaySession {
    /// The play session of a player, whether it goes on or is over.
    #[must_use]
    pub fn of(rows: &Rows, player: PlayerId) -> Option<Self> {
        rows.get(&player.0.to_be_bytes())
    }

    /// What a player is told of the play session that goes on at a time, milliseconds since 1970; `None` when none does.
    #[must_use]
    pub fn told(rows: &Rows, player: PlayerId, now: u64) -> Option<PlayFacts> {
        let rules = SessionRules::kept(rows)?;
        Self::of(rows, player)?.facts(&rules, now)
    }

    /// What is told of it, if it goes on at a time, milliseconds since 1970.
    // clause: ukgc.rts.2e
    // clause: ukgc.rts.13c
    #[must_use]
    pub fn facts(self, rules: &SessionRules, now: u64) -> Option<PlayFacts> {
        if rules.pause_min == 0 || self.is_over(rules, now) {
            return None;
        }
        let check = (rules.check_every > 0).then(|| self.check_at(rules));
        let start = self.start.filter(|_| rules.start_min > 0);
        Some(PlayFacts {
            since: self.since,
            ends: self.last.saturating_add(rules.pause_min),
            check,
            start: start.map(|start| start.saturating_add(rules.start_min)),
            sums: self.sums,
        })
    }

    /// Whether a pause has ended it by a time, milliseconds since 1970.
    fn is_over(&self, rules: &SessionRules, now: u64) -> bool {
        now.saturating_sub(self.last) >= rules.pause_min
    }

    /// From when on no stake is taken before the player has acknowledged how they play.
    fn check_at(&self, rules: &SessionRules) -> u64 {
        self.checked.saturating_add(rules.check_every)
    }

    /// Whether it goes on, and the player has to acknowledge how they play.
    // clause: ukgc.rts.13b
    fn is_check_due(&self, rules: &SessionRules, now: u64) -> bool {
        rules.check_every > 0 && !self.is_over(rules, now) && self.check_at(rules) <= now
    }

    /// The image of the row.
    ///
    /// # Panics
    /// Never: a player's id is shorter than the longest key.
    #[must_use]
    pub fn image(&self, player: PlayerId) -> RowImage {
        RowImage::of(&player.0.to_be_bytes(), Some(self)).expect("a player's id is a short key")
    }

    /// The player's first stake in this round, or another one.
    // clause: ukgc.rts.14g
    fn begin_with(&mut self, round: RoundId, rules: &SessionRules, now: u64) -> Result<(), Rejection> {
        if rules.start_min == 0 {
            (self.start, self.rounds) = (None, Vec::new());
            return Ok(());
        }
        if self.rounds.contains(&round) {
            return Ok(());
        }
        if self.start.is_some_and(|start| now < start.saturating_add(rules.start_min)) {
            return Err(Rejection::StartTooSoon);
        }
        if self.rounds.len() >= ROUNDS_MAX {
            self.rounds.remove(0);
        }
        self.rounds.push(round);
        self.start = Some(now);
        Ok(())
    }

    /// A round has ended, in which so much was staked and came back.
    fn count(&mut self, currency: Currency, staked: i128, returned: i128) {
        let sum = |one: i128, other: i128| one.saturating_add(other).clamp(0, SUM_MAX);
        let known = self.sums.iter().position(|sum| sum.currency == currency);
        let place = match known {
            Some(place) => place,
            None if self.sums.len() < CURRENCIES_MAX => {
                self.sums.push(PlaySum { currency, staked: 0, returned: 0 });
                self.sums.len() - 1
            }
            None => return,
        };
        let known = &mut self.sums[place];
        known.staked = sum(known.staked, staked);
        known.returned = sum(known.returned, returned);
    }
}

/// A player stakes in a round: the play session goes on or begins. `None` when none are kept.
///
/// # Errors
/// When the player has to acknowledge how they play first, or begins with a round too soon after the one before.
pub(crate) fn stake(
    rows: &Rows,
    player: PlayerId,
    (round, currency): (RoundId, Currency),
    now: u64,
) -> Result<Option<RowImage>, Rejection> {
    let Some(rules) = SessionRules::kept(rows) else { return Ok(None) };
    let mut session = match PlaySession::of(rows, player) {
        Some(known) if known.is_check_due(&rules, now) => return Err(Rejection::RealityCheckDue),
        Some(known) if !known.is_over(&rules, now) => known,
        // The time between two beginnings is kept over a pause.
        before => PlaySession { since: now, checked: now, sums: Vec::new(), ..before.unwrap_or_default() },
    };
    session.begin_with(round, &rules, now)?;
    session.last = now;
    // So that a net position is told from the first stake on.
    session.count(currency, 0, 0);
    Ok(Some(session.image(player)))
}

/// A round has ended for a player who has played in it. `None` when no play sessions are kept, or the player had none.
pub(crate) fn round_ended(
    rows: &Rows,
    share: &PlayerSettlement,
    round: RoundId,
    currency: Currency,
) -> Option<RowImage> {
    SessionRules::kept(rows)?;
    let mut session = PlaySession::of(rows, share.player)?;
    session.count(currency, share.staked, share.returned);
    session.rounds.retain(|begun| *begun != round);
    Some(session.image(share.player))
}

/// A player acknowledges how long they have played, and what they have won or lost.
///
/// # Errors
/// When that is not asked for: nobody acknowledges what they were not shown.
pub(crate) fn acknowledge(rows: &Rows, player: PlayerId, now: u64) -> Result<RowImage, Rejection> {
    let rules = SessionRules::kept(rows).ok_or(Rejection::NoCheckDue)?;
    let session = PlaySession::of(rows, player).filter(|session| session.is_check_due(&rules, now));
    let session = PlaySession { checked: now, ..session.ok_or(Rejection::NoCheckDue)? };
    Ok(session.image(player))
}

impl Row for PlaySession {
    const KIND: u16 = 8;
    const NAME: &'static str = "play_session";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { since, last, checked, start, rounds, sums } = self;
        encoder.uint((*since).into());
        // Differences are short.
        encoder.uint(last.saturating_sub(*since).into());
        encoder.uint(checked.saturating_sub(*since).into());
        encoder.option(start.map(|start| last.saturating_sub(start)));
        encoder.uint(rounds.len() as u128);
        rounds.iter().for_each(|round| encoder.round(*round));
        encoder.uint(sums.len() as u128);
        for PlaySum { currency, staked, returned } in sums {
            encoder.currency(*currency);
            encoder.money(*staked);
            encoder.money(*returned);
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let since = decoder.u64()?;
        let wrong = DecodeError::OutOfRange("a time of a play session");
        let last = since.checked_add(decoder.u64()?).ok_or(wrong)?;
        let checked = since.checked_add(decoder.u64()?).ok_or(wrong)?;
        let start = match decoder.option()? {
            Some(before) => Some(last.checked_sub(before).ok_or(wrong)?),
            None => None,
        };
        let rounds = (0..decoder.count()?).map(|_| decoder.round()).collect::<Result<_, _>>()?;
        let count = decoder.count()?;
        let sum = |_| {
            let currency = decoder.currency()?;
            Ok(PlaySum { currency, staked: decoder.money()?, returned: decoder.money()? })
        };
        let sums = (0..count).map(sum).collect::<Result<_, _>>()?;
        Ok(Self { since, last, checked, start, rounds, sums })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_player_key(bytes)
    }

    fn fields(&self) -> Fields {
        let Self { since, last, checked, start, rounds, sums } = self;
        let mut fields = vec![
            ("since", Field::Time(*since)),
            ("last_stake", Field::Time(*last)),
            ("checked", Field::Time(*checked)),
        ];
        fields.extend(start.map(|start| ("last_start", Field::Time(start))));
        let round = |round: &RoundId| vec![("round", Field::Round(*round))];
        if !rounds.is_empty() {
            fields.push(("begun", Field::List(rounds.iter().map(round).collect())));
        }
        let sum = |sum: &PlaySum| {
            vec![
                ("staked", Field::Amount(sum.staked, sum.currency)),
                ("returned", Field::Amount(sum.returned, sum.currency)),
            ]
        };
        if !sums.is_empty() {
            fields.push(("positions", Field::List(sums.iter().map(sum).collect())));
        }
        fields
    }
}
