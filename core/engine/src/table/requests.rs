//! Decides the requests to a table: at once when undecided requests cannot change the decision; otherwise the request
//! is parked.
//!
//! A decision becomes an envelope: run a stake or a release with the table's leg, or refuse. `admission` decides
//! whether a request is taken; `parking` keeps the requests that wait.

use domains::recipes::{HoldStake, ReleaseStakes};
use ledger::HoldId;
use protocol::{ErrorCode, PlayerId, RoundId};

use super::{
    Grounds, PlayerBets, SpotAsked, TableAsked, TableLeg, TableRequest,
    assessment::{Assessment, Wait},
    live::LiveTable,
    request::{Asked, Bet, BetRequest, ClearRequest, Decision, Question, Spot, Ticket, Unparked},
    under_way::What,
};
use crate::{
    content::Content,
    turn::{Envelope, Tx},
    tx_id::TxId,
};

impl LiveTable {
    /// Decides or parks a request to bet that arrives now, milliseconds since 1970.
    pub fn place_bet(&mut self, request: BetRequest, now: u64) -> Decision {
        let spots = self.read(&request);
        let BetRequest { id, content, player, round, share, .. } = request;
        let asked = match spots {
            Ok(spots) => Asked::Bet(Bet { id, content, round, spots, share }),
            Err(code) => Asked::Refused { id, content, code, round: Some(round) },
        };
        self.decide(player, asked, now)
    }

    /// Decides or parks a request to take back a player's bets that arrives now, milliseconds since 1970.
    pub fn clear_bets(&mut self, request: ClearRequest, now: u64) -> Decision {
        self.decide(request.player, Asked::Clear(request), now)
    }

    /// Refuses a request whatever the table's state. It waits behind the player's parked requests: it may be a retry of
    /// one of them.
    pub fn refuse(&mut self, id: TxId, content: Content, player: PlayerId, code: ErrorCode) -> Decision {
        self.decide(player, Asked::Refused { id, content, code, round: None }, 0)
    }

    /// Lets a question about a key through, or parks it behind what its player has parked.
    pub fn ask(&mut self, player: PlayerId) -> Question {
        if !self.parking.has(player) {
            return Question::GoOn;
        }
        let parked = self.parking.park(player, 0, Asked::Question, Wait::Own);
        parked.map_or(Question::Busy, Question::Parked)
    }

    /// The next parked request that can be decided now. Call it after every change, until it returns `None`.
    pub fn next_decided(&mut self) -> Option<(Ticket, Unparked)> {
        while let Some(player) = self.parking.next_player() {
            let Some(first) = self.parking.first(player) else { continue };
            let ahead = self.ahead(Some(first.ticket));
            match self.assess(player, &first.asked, first.arrived_ms, ahead) {
                Assessment::Wait(wait) => self.parking.keep(player, wait),
                decision @ (Assessment::Take | Assessment::Refuse(..)) => {
                    let Some(parked) = self.parking.take(player) else { continue };
                    let unparked = match self.carry_out(player, parked.asked, parked.arrived_ms, decision) {
                        Some(envelope) => Unparked::Submit(envelope),
                        None => Unparked::GoOn,
                    };
                    return Some((parked.ticket, unparked));
                }
            }
        }
        None
    }

    fn decide(&mut self, player: PlayerId, asked: Asked, now: u64) -> Decision {
        let assessment = match self.parking.has(player) {
            true => Assessment::Wait(Wait::Own),
            false => self.assess(player, &asked, now, self.ahead(None)),
        };
        if let Assessment::Wait(wait) = assessment {
            return self.parking.park(player, now, asked, wait).map_or(Decision::Busy, Decision::Parked);
        }
        self.carry_out(player, asked, now, assessment).map_or(Decision::Busy, Decision::Now)
    }

    /// The envelope of a decision; a question has none.
    fn carry_out(
        &mut self,
        player: PlayerId,
        asked: Asked,
        arrived: u64,
        decision: Assessment,
    ) -> Option<Envelope> {
        match (asked, decision) {
            (asked, Assessment::Refuse(code, grounds)) => {
                let (id, content) = asked.key()?;
                self.under_way.begin_refusal(id);
                let request = self.refused(&asked, arrived, code, grounds);
                Some(Envelope::Refuse { id, principal: player.into(), content, code, request })
            }
            (Asked::Bet(bet), _) => Some(self.hold_stake(player, bet)),
            (Asked::Clear(clear), _) => Some(self.release_stakes(clear)),
            (Asked::Refused { .. } | Asked::Question, _) => None,
        }
    }

    /// What is recorded of a refused request; `None` when its code is not recorded.
    fn refused(
        &self,
        asked: &Asked,
        arrived: u64,
        code: ErrorCode,
        grounds: Grounds,
    ) -> Option<Box<TableRequest>> {
        if !code.consumes_key() {
            return None;
        }
        let (round, asked) = match asked {
            Asked::Bet(bet) => {
                let spot =
                    |spot: &Spot| SpotAsked { code: spot.code, stake: spot.stake, smallest: spot.smallest };
                (bet.round, TableAsked::Bets(bet.spots.iter().map(spot).collect()))
            }
            Asked::Clear(clear) => (clear.round, TableAsked::Clearing),
            Asked::Refused { round, .. } => ((*round)?, TableAsked::Bets(Vec::new())),
            Asked::Question => return None,
        };
        Some(Box::new(TableRequest { table: self.id(), round, arrived, asked, grounds }))
    }

    fn hold_stake(&mut self, player: PlayerId, bet: Bet) -> Envelope {
        let Bet { id, content, round, spots, share } = bet;
        let bets: Vec<_> = spots.iter().map(|spot| (spot.code, spot.stake)).collect();
        let (hold, amount) = (HoldId(id.0), bets.iter().map(|(_, stake)| stake).sum());
        let again = self.bets_stand_under(hold);
        let what = if again { What::Again } else { What::Bets(spots) };
        self.under_way.begin(id, player, self.seated(player), what);
        let leg = TableLeg::BetPlaced { round, player, hold, bets, share };
        let round = RoundId { table: self.id(), number: round };
        let intent = HoldStake { player, round, currency: self.table_rules().currency, amount }.into();
        let (key, table) = (Some(content), Some((self.id(), leg)));
        Envelope::Run(Tx { id, principal: player.into(), key, intent, shares: Vec::new(), table })
    }

    fn release_stakes(&mut self, clear: ClearRequest) -> Envelope {
        let ClearRequest { id, content, player, round } = clear;
        let bets = self.state.open.as_ref().and_then(|open| open.bets.players().get(&player));
        let holds = bets.map(PlayerBets::holds).unwrap_or_default();
        self.under_way.begin(id, player, true, What::Clearing);
        let leg = TableLeg::BetsCleared { round, player, holds: holds.clone() };
        let round = RoundId { table: self.id(), number: round };
        let intent = ReleaseStakes { player, round, currency: self.table_rules().currency, holds }.into();
        let (key, table) = (Some(content), Some((self.id(), leg)));
        Envelope::Run(Tx { id, principal: player.into(), key, intent, shares: Vec::new(), table })
    }
}
