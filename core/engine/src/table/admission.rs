//! Whether a table takes a request.
//!
//! Decisions follow the order of the log: a request is refused only for bets that stand, never for bets that may still
//! be refused themselves. So it is judged twice, as if all that is undecided were carried out and as if none of it
//! were. Where both agree that is the decision, and the request overtakes nothing it depends on; where they do not, it
//! waits ([`Parking`](super::parking), ADR-0014).

use std::collections::BTreeMap;

use games::{BetCode, BetRefused, Described, Game};
use ledger::HoldId;
use protocol::{ErrorCode, PlayerId};

use super::{
    PlayerBets, Stage, Stakes,
    assessment::{Assessment, Wait},
    config::REQUESTS_MAX,
    live::LiveTable,
    request::{Asked, Bet, BetRequest, ClearRequest, Spot, Ticket},
};

/// Whether something holds, whatever becomes of all that is undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    Yes,
    No,
    Maybe,
}

impl Sure {
    /// From whether it holds in the worst case, and in the best.
    fn of(worst: bool, best: bool) -> Self {
        match (worst, best) {
            (true, _) => Sure::Yes,
            (false, true) => Sure::Maybe,
            (false, false) => Sure::No,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Sure::No, _) | (_, Sure::No) => Sure::No,
            (Sure::Yes, Sure::Yes) => Sure::Yes,
            (Sure::Maybe, _) | (_, Sure::Maybe) => Sure::Maybe,
        }
    }
}

/// What is parked ahead of a request: it may come to stand before the request is decided, or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// Requests to bet.
    bets: usize,
    /// Somebody's bets may be taken back.
    clearing: bool,
}

impl LiveTable {
    /// What is parked ahead of the first parked request of a player, or of one that arrives now.
    pub(super) fn ahead(&self, ticket: Option<Ticket>) -> Ahead {
        Ahead { bets: self.parking.bets_before(ticket), clearing: self.parking.clears_before(ticket) }
    }

    /// Reads the bets of a request by the rules of the game.
    pub(super) fn read(&self, request: &BetRequest) -> Result<Vec<Spot>, ErrorCode> {
        let rules = self.rules();
        let mut spots: BTreeMap<BetCode, Spot> = BTreeMap::new();
        for (kind, numbers, stake) in &request.bets {
            let code = rules.bet(kind, numbers).map_err(|refused| match refused {
                BetRefused::KindUnknown => ErrorCode::UnknownBet,
                BetRefused::WrongCount { .. }
                | BetRefused::NumberUnknown(_)
                | BetRefused::NumberTwice(_)
                | BetRefused::NotOnLayout { .. } => ErrorCode::BadSelection,
            })?;
            let described = rules.describe(code).ok_or(ErrorCode::UnknownBet)?;
            let limits = self.limits(rules, &described).ok_or(ErrorCode::UnknownBet)?;
            let new = Spot { code, stake: 0, smallest: *stake, limits };
            let spot = spots.entry(code).or_insert(new);
            spot.smallest = spot.smallest.min(*stake);
            spot.stake = spot.stake.saturating_add(*stake);
        }
        if spots.is_empty() { Err(ErrorCode::NoBets) } else { Ok(spots.into_values().collect()) }
    }

    /// The limits of a kind of bet. They are kept by the newest rules' kinds; a round that was opened under others may
    /// count its kinds otherwise.
    fn limits(&self, rules: &'static dyn Game, described: &Described) -> Option<(i128, i128)> {
        let newest = rules.rules_version() == self.game().rules_version();
        let place = match newest {
            true => described.kind_index,
            false => self.game().kinds().iter().position(|kind| *kind == described.kind)?,
        };
        self.config().limits.get(place).copied()
    }

    /// What is to be done with a request that arrived at this time.
    pub(super) fn assess(
        &self,
        player: PlayerId,
        asked: &Asked,
        arrived_ms: u64,
        ahead: Ahead,
    ) -> Assessment {
        if asked.key().is_some_and(|(id, _)| self.under_way.contains(id)) {
            return Assessment::Wait(Wait::Own); // it may be a retry of that one
        }
        match asked {
            Asked::Bet(bet) => self.assess_bet(player, bet, arrived_ms, ahead),
            Asked::Clear(clear) => self.assess_clearing(clear, arrived_ms, ahead),
            Asked::Refused { code, .. } => Assessment::Refuse(*code),
            Asked::Question => Assessment::Take,
        }
    }

    fn assess_bet(&self, player: PlayerId, bet: &Bet, arrived_ms: u64, ahead: Ahead) -> Assessment {
        if let Some(no) = self.assess_round(bet.round, arrived_ms) {
            return no;
        }
        if bet.spots.iter().any(|spot| spot.smallest < spot.limits.0 || spot.smallest <= 0) {
            return Assessment::Refuse(ErrorCode::BelowLimit);
        }
        if self.bets_stand_under(HoldId(bet.id.0)) {
            return Assessment::Take; // a retry: answered with its receipt, it stakes nothing more
        }
        match (self.room(player, ahead), self.within_limits(player, &bet.spots)) {
            (Sure::No, _) => Assessment::Refuse(ErrorCode::TableFull),
            (Sure::Maybe, _) => Assessment::Wait(Wait::Table),
            (Sure::Yes, Sure::No) => Assessment::Refuse(ErrorCode::AboveLimit),
            (Sure::Yes, Sure::Maybe) => Assessment::Wait(Wait::Own),
            (Sure::Yes, Sure::Yes) => Assessment::Take,
        }
    }

    fn assess_clearing(&self, clear: &ClearRequest, arrived_ms: u64, ahead: Ahead) -> Assessment {
        if let Some(no) = self.assess_round(clear.round, arrived_ms) {
            return no;
        }
        if self.under_way.of(clear.player).is_some() {
            return Assessment::Wait(Wait::Own);
        }
        if !self.seated(clear.player) {
            return Assessment::Refuse(ErrorCode::NoBets);
        }
        // What it frees must not help whoever has come before it: it waits for them unless there is enough for all.
        let open = self.state.open.as_ref();
        let sit = open.map_or(0, |open| open.bets.players().len()) + self.under_way.newcomers();
        let requests = open.map_or(0, |open| open.bets.requests()) + self.under_way.len();
        let enough =
            sit + ahead.bets <= self.config().seats_max as usize && requests + ahead.bets <= REQUESTS_MAX;
        if ahead.bets == 0 || enough { Assessment::Take } else { Assessment::Wait(Wait::Table) }
    }

    /// What the round alone says against a request; `None`: nothing.
    fn assess_round(&self, round: u64, arrived_ms: u64) -> Option<Assessment> {
        let code = match &self.state.open {
            _ if self.closed() => ErrorCode::TableClosed,
            None if self.opening() && round == self.state.round + 1 => {
                return Some(Assessment::Wait(Wait::Table));
            }
            Some(_) if round > self.state.round => ErrorCode::WrongRound,
            Some(_) if round == self.state.round && self.takes_bets(arrived_ms) => return None,
            Some(_) | None => ErrorCode::BetsClosed,
        };
        Some(Assessment::Refuse(code))
    }

    /// Whether bets can be placed at this time.
    fn takes_bets(&self, now: u64) -> bool {
        let open = self.state.open.as_deref().filter(|open| self.rules_of(open).is_ok());
        !self.stepping && open.is_some_and(|open| open.stage == Stage::Betting && now < open.deadline)
    }

    /// Whether the round takes one more request of this player.
    fn room(&self, player: PlayerId, ahead: Ahead) -> Sure {
        let Some(open) = &self.state.open else { return Sure::No };
        let theirs = self.under_way.of(player);
        let clears = theirs.is_some_and(|theirs| theirs.clears());
        let newcomer = theirs.is_some_and(|theirs| theirs.is_newcomer());

        let requests = Sure::of(
            open.bets.requests() + self.under_way.len() + ahead.bets < REQUESTS_MAX,
            ahead.clearing || self.under_way.leavers() > 0 || open.bets.requests() < REQUESTS_MAX,
        );

        let (seats, seated) = (self.config().seats_max as usize, self.seated(player));
        let sit = open.bets.players().len();
        let others_at_most = sit + self.under_way.newcomers() - usize::from(seated || newcomer) + ahead.bets;
        let others_at_least = sit - self.under_way.leavers() - usize::from(seated && !clears);
        let seat = Sure::of(
            (seated && !clears) || others_at_most < seats,
            ahead.clearing || seated || newcomer || others_at_least < seats,
        );
        requests.and(seat)
    }

    /// Whether the stakes are within what one player may have on a spot and in a round.
    fn within_limits(&self, player: PlayerId, spots: &[Spot]) -> Sure {
        let open = self.state.open.as_ref();
        let stand = open.and_then(|open| open.bets.players().get(&player)).map(PlayerBets::stakes);
        let theirs = self.under_way.of(player);
        let comes = theirs.map(|theirs| theirs.stakes());
        // At most: what stands and what is under way. At least: what stands, unless it is being taken back.
        let stays = stand.filter(|_| !theirs.is_some_and(|theirs| theirs.clears()));
        let within = |already: [Option<&Stakes>; 2]| {
            let already = || already.into_iter().flatten();
            let on = |code| already().filter_map(|stakes| stakes.get(&code)).fold(0, sum);
            let staked = spots.iter().map(|spot| &spot.stake).chain(already().flat_map(Stakes::values));
            spots.iter().all(|spot| sum(spot.stake, &on(spot.code)) <= spot.limits.1)
                && staked.fold(0, sum) <= self.config().round_max
        };
        if within([stand, comes]) { Sure::Yes } else { Sure::of(false, within([stays, None])) }
    }

    /// Whether bets of the player stand in the open round.
    pub(super) fn seated(&self, player: PlayerId) -> bool {
        self.state.open.as_ref().is_some_and(|open| open.bets.players().contains_key(&player))
    }

    /// Whether the bets of this request stand.
    pub(super) fn bets_stand_under(&self, hold: HoldId) -> bool {
        self.state.open.as_ref().is_some_and(|open| open.bets.stands(hold))
    }
}

fn sum(sum: i128, stake: &i128) -> i128 {
    sum.saturating_add(*stake)
}
