//! The rules of play sessions in the naive model: all that a player has done is kept, and told again for each question.

use super::*;

/// A play session, and what it has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Play {
    pub since: u64,
    pub last: u64,
    pub checked: u64,
    /// When the player last began with a round, when that was asked for.
    pub start: Option<u64>,
    /// The rounds that were begun and have not ended.
    pub begun: Vec<String>,
    /// By currency what was staked and what came back, in the order in which the currencies came.
    pub sums: Vec<(String, i128, i128)>,
}

impl Model {
    /// The play session of a player as it was last, whether it is over or not.
    pub fn play_of(&self, player: &str) -> Option<Play> {
        let mut play: Option<Play> = None;
        for done in self.played.get(player)? {
            match done {
                Played::Staked(time, round, currency, rules) => {
                    let before = play.take().unwrap_or_default();
                    let goes_on = before.last > 0 && time - before.last < rules.pause;
                    let mut now = Play { last: *time, ..before };
                    if !goes_on {
                        (now.since, now.checked, now.sums) = (*time, *time, Vec::new());
                    }
                    if rules.between == 0 {
                        (now.start, now.begun) = (None, Vec::new());
                    } else if !now.begun.contains(round) {
                        now.start = Some(*time);
                        // Only eight are noted.
                        now.begun = now.begun.split_off(now.begun.len().saturating_sub(7));
                        now.begun.push(round.clone());
                    }
                    if now.sums.iter().all(|(known, ..)| known != currency) {
                        now.sums.push((currency.clone(), 0, 0));
                    }
                    play = Some(now);
                }
                Played::Acknowledged(time) => play.as_mut().unwrap().checked = *time,
                Played::Ended(round, currency, staked, returned) => {
                    let Some(play) = &mut play else { continue };
                    play.begun.retain(|begun| begun != round);
                    match play.sums.iter_mut().find(|(known, ..)| known == currency) {
                        Some((_, before, back)) => {
                            (*before, *back) = (*before + staked, *back + returned);
                        }
                        None => play.sums.push((currency.clone(), *staked, *returned)),
                    }
                    for (_, staked, returned) in &mut play.sums {
                        (*staked, *returned) = ((*staked).min(SUM_MAX), (*returned).min(SUM_MAX));
                    }
                }
            }
        }
        play
    }

    fn kept(&self) -> Option<Sessions> {
        self.sessions.filter(|rules| rules.pause > 0)
    }

    /// Whether a player has to say that they know how they play.
    fn has_to_acknowledge(&self, player: &str, now: u64) -> bool {
        let Some((rules, play)) = self.kept().zip(self.play_of(player)) else { return false };
        rules.every > 0 && now - play.last < rules.pause && now - play.checked >= rules.every
    }

    /// A stake in a round.
    pub(super) fn play(
        &self,
        player: &str,
        (round, currency): (&str, &str),
        now: u64,
    ) -> Result<Vec<(String, Played)>, &'static str> {
        let Some(rules) = self.kept() else { return Ok(Vec::new()) };
        if self.has_to_acknowledge(player, now) {
            return Err("reality_check_due");
        }
        if let Some(Play { start: Some(start), begun, .. }) = self.play_of(player)
            && !begun.iter().any(|begun| begun == round)
            && now - start < rules.between
        {
            return Err("start_too_soon");
        }
        Ok(vec![(player.into(), Played::Staked(now, round.into(), currency.into(), rules))])
    }

    pub(super) fn acknowledge(&self, player: &str, now: u64) -> Result<Effects, &'static str> {
        if !self.has_to_acknowledge(player, now) {
            return Err("no_check_due");
        }
        Ok(Effects { played: vec![(player.into(), Played::Acknowledged(now))], ..Effects::default() })
    }

    /// What a settlement means for the play sessions of those who have staked.
    pub(super) fn ended(&self, round: &str, currency: &str, shares: &[Share]) -> Vec<(String, Played)> {
        let known =
            shares.iter().filter(|share| self.kept().is_some() && self.played.contains_key(&share.player));
        let ended = |share: &Share| {
            (share.player.clone(), Played::Ended(round.into(), currency.into(), share.staked, share.returned))
        };
        known.map(ended).collect()
    }
}
