//! Decides whether a table takes a request, refuses it, or lets it wait.
//!
//! Decisions follow the order of the log: a request is refused only because of bets that stand, never because of bets
//! that may still be refused themselves. So each request is judged twice: as if all undecided requests were carried
//! out, and as if none were. If both give the same answer, that is the decision. If not, the request waits
//! ([`Parking`](super::parking), ADR-0014).

use games::BetRefused;
use ledger::HoldId;
use protocol::{ErrorCode, PlayerId};

use super::{
    Grounds, PlayerBets, Stage, Stakes,
    assessment::{Assessment, Wait},
    bounds::{REQUESTS_MAX, SPOTS_MAX, SPOTS_PER_REQUEST_MAX},
    live::LiveTable,
    request::{Asked, Bet, BetRequest, ClearRequest, Spot, Ticket},
};

/// Whether a condition holds, whatever the outcome of the undecided requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    Yes,
    No,
    Maybe,
}

impl Sure {
    /// From whether the condition holds in the worst case and in the best case.
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

/// What is parked ahead of a request. Any of it may be carried out before the request is decided, or may be refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// Requests to bet.
    bets: usize,
    /// Whether a clearing is among it.
    clearing: bool,
}

impl Ahead {
    /// Spots of those requests, at most.
    fn spots(self) -> usize {
        self.bets * SPOTS_PER_REQUEST_MAX
    }
}

impl LiveTable {
    /// What is parked ahead of the request with this ticket, or of one that arrives now (`None`).
    pub(super) fn ahead(&self, ticket: Option<Ticket>) -> Ahead {
        Ahead { bets: self.parking.bets_before(ticket), clearing: self.parking.clears_before(ticket) }
    }

    /// Parses the bets of a request by the rules of the game.
    pub(super) fn read(&self, request: &BetRequest) -> Result<Vec<Spot>, ErrorCode> {
        let rules = self.rules();
        let mut spots: Vec<Spot> = Vec::with_capacity(request.bets.len());
        for (kind, numbers, stake) in &request.bets {
            let code = rules.bet(kind, numbers).map_err(|refused| match refused {
                BetRefused::KindUnknown => ErrorCode::UnknownBet,
                BetRefused::WrongCount { .. }
                | BetRefused::NumberUnknown(_)
                | BetRefused::NumberTwice(_)
                | BetRefused::NotOnLayout { .. } => ErrorCode::BadSelection,
            })?;
            let described = rules.describe(code).ok_or(ErrorCode::UnknownBet)?;
            let limits =
                self.table_rules().limits.get(described.kind_index).copied().ok_or(ErrorCode::UnknownBet)?;
            spots.push(Spot { code, stake: *stake, smallest: *stake, limits });
        }
        spots.sort_unstable_by_key(|spot| spot.code);
        spots.dedup_by(|again, spot| {
            let same = again.code == spot.code;
            if same {
                spot.smallest = spot.smallest.min(again.smallest);
                spot.stake = spot.stake.saturating_add(again.stake);
            }
            same
        });
        if spots.is_empty() { Err(ErrorCode::NoBets) } else { Ok(spots) }
    }

    /// Assesses a request that arrived at this time, milliseconds since 1970.
    pub(super) fn assess(
        &self,
        player: PlayerId,
        asked: &Asked,
        arrived_ms: u64,
        ahead: Ahead,
    ) -> Assessment {
        if asked.key().is_some_and(|(id, _)| self.under_way.contains(id)) {
            return Assessment::Wait(Wait::Own); // it may be a retry of the request under way
        }
        match asked {
            Asked::Bet(bet) => self.assess_bet(player, bet, arrived_ms, ahead),
            Asked::Clear(clear) => self.assess_clearing(clear, arrived_ms, ahead),
            Asked::Refused { code, .. } => refuse(*code),
            Asked::Question => Assessment::Take,
        }
    }

    fn assess_bet(&self, player: PlayerId, bet: &Bet, arrived_ms: u64, ahead: Ahead) -> Assessment {
        if let Some(no) = self.assess_round(bet.round, arrived_ms) {
            return no;
        }
        if bet.spots.iter().any(|spot| spot.smallest < spot.limits.stake_min || spot.smallest <= 0) {
            return refuse(ErrorCode::BelowLimit);
        }
        if self.bets_stand_under(HoldId(bet.id.0)) {
            return Assessment::Take; // a retry: answered with its receipt, it stakes nothing more
        }
        match (self.room(player, bet.spots.len(), ahead), self.within_limits(player, &bet.spots)) {
            (Sure::No, _) => refuse(ErrorCode::TableFull),
            (Sure::Maybe, _) => Assessment::Wait(Wait::Table),
            (Sure::Yes, Sure::No) => refuse(ErrorCode::AboveLimit),
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
            return refuse(ErrorCode::NoBets);
        }
        // The room that a clearing frees must not go to requests that came before it. So it waits for them, unless
        // there is room for all of them anyway.
        let open = self.state.open.as_ref();
        let sit = open.map_or(0, |open| open.bets.players().len()) + self.under_way.newcomers();
        let requests = open.map_or(0, |open| open.bets.requests()) + self.under_way.len();
        let spots = open.map_or(0, |open| open.bets.spots()) + self.under_way.spots() + ahead.spots();
        let enough = sit + ahead.bets <= self.table_rules().seats_max as usize
            && requests + ahead.bets <= REQUESTS_MAX
            && spots <= SPOTS_MAX;
        if ahead.bets == 0 || enough { Assessment::Take } else { Assessment::Wait(Wait::Table) }
    }

    /// Why the state of the round alone refuses a request or makes it wait; `None` when it does not.
    fn assess_round(&self, round: u64, arrived_ms: u64) -> Option<Assessment> {
        let refused = |code, grounds| Some(Assessment::Refuse(code, grounds));
        let open = match self.state.open.as_deref() {
            _ if self.state.failed() => return refused(ErrorCode::TableClosed, Grounds::Log),
            _ if self.closed() => return refused(ErrorCode::TableClosed, Grounds::Fault),
            // The step that is under way decides whether a round is open, and which one.
            _ if round > self.state.round && self.stepping => return Some(Assessment::Wait(Wait::Table)),
            None => return refused(ErrorCode::BetsClosed, Grounds::Log),
            Some(open) => open,
        };
        if round > self.state.round {
            return refused(ErrorCode::WrongRound, Grounds::Log);
        }
        if round < self.state.round || open.stage != Stage::Betting || arrived_ms >= open.deadline {
            return refused(ErrorCode::BetsClosed, Grounds::Log);
        }
        if self.rules_of(open).is_err() || self.stepping {
            return refused(ErrorCode::BetsClosed, Grounds::Configuration);
        }
        None
    }

    /// Whether the round takes one more request of this player, on so many spots.
    fn room(&self, player: PlayerId, spots: usize, ahead: Ahead) -> Sure {
        let Some(open) = &self.state.open else { return Sure::No };
        let theirs = self.under_way.of(player);
        let clears = theirs.is_some_and(|theirs| theirs.clears());
        let newcomer = theirs.is_some_and(|theirs| theirs.is_newcomer());

        let frees = ahead.clearing || self.under_way.leavers() > 0;
        let requests = Sure::of(
            open.bets.requests() + self.under_way.len() + ahead.bets < REQUESTS_MAX,
            frees || open.bets.requests() < REQUESTS_MAX,
        );
        let spots = Sure::of(
            open.bets.spots() + self.under_way.spots() + ahead.spots() + spots <= SPOTS_MAX,
            frees || open.bets.spots() + spots <= SPOTS_MAX,
        );

        let (seats, seated) = (self.table_rules().seats_max as usize, self.seated(player));
        let sit = open.bets.players().len();
        let others_at_most = sit + self.under_way.newcomers() - usize::from(seated || newcomer) + ahead.bets;
        let others_at_least = sit - self.under_way.leavers() - usize::from(seated && !clears);
        let seat = Sure::of(
            (seated && !clears) || others_at_most < seats,
            ahead.clearing || seated || newcomer || others_at_least < seats,
        );
        requests.and(spots).and(seat)
    }

    /// Whether the stakes are within what one player may have on a spot and in a round.
    fn within_limits(&self, player: PlayerId, spots: &[Spot]) -> Sure {
        let open = self.state.open.as_ref();
        let stand = open.and_then(|open| open.bets.players().get(&player)).map(PlayerBets::stakes);
        let theirs = self.under_way.of(player);
        let comes = theirs.map(|theirs| theirs.stakes());
        // Most: bets that stand and bets under way. Least: bets that stand, unless a clearing is under way.
        let stays = stand.filter(|_| !theirs.is_some_and(|theirs| theirs.clears()));
        let within = |already: [Option<&Stakes>; 2]| {
            let already = || already.into_iter().flatten();
            let on = |code| already().filter_map(|stakes| stakes.get(&code)).fold(0, sum);
            let staked = spots.iter().map(|spot| &spot.stake).chain(already().flat_map(Stakes::values));
            spots.iter().all(|spot| sum(spot.stake, &on(spot.code)) <= spot.limits.spot_max)
                && staked.fold(0, sum) <= self.table_rules().round_max
        };
        if within([stand, comes]) { Sure::Yes } else { Sure::of(false, within([stays, None])) }
    }

    /// Whether the bets of this request stand.
    pub(super) fn bets_stand_under(&self, hold: HoldId) -> bool {
        self.state.open.as_ref().is_some_and(|open| open.bets.stands(hold))
    }
}

fn sum(sum: i128, stake: &i128) -> i128 {
    sum.saturating_add(*stake)
}

/// A refusal that follows from the records of the table.
fn refuse(code: ErrorCode) -> Assessment {
    Assessment::Refuse(code, Grounds::Log)
}
