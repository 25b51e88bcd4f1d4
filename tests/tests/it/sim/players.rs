//! Players: they bet, take back, pay in, and ask again with the same key whenever they are not sure.

use domains::recipes::Deposit;
use engine::{
    Content, Envelope, Tx, TxId,
    table::live::{BetRequest, ClearRequest},
};
use fastrand::Rng;
use games::fair::Share;
use protocol::{ErrorCode, Key, PlayerId};

use super::hub::{Hub, TABLES, currency};

pub const PLAYERS: u64 = 4;

/// The bets of the simulation: kind, numbers, and what a win returns for one staked. The auditor's own rules.
pub const BETS: [(&str, &[u8], i128); 5] =
    [("straight", &[17], 36), ("straight", &[0], 36), ("red", &[], 2), ("even", &[], 2), ("dozen", &[2], 3)];

/// A request and the key it is made under. The same for every retry.
#[derive(Debug, Clone)]
pub struct Request {
    pub id: TxId,
    pub content: Content,
    pub player: PlayerId,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    Deposit {
        amount: i128,
    },
    /// Places in [`BETS`], with stakes.
    Bet {
        table: usize,
        round: u64,
        bets: Vec<(usize, i128)>,
        share: Option<Share>,
    },
    Clear {
        table: usize,
        round: u64,
    },
}

impl Request {
    fn new(player: PlayerId, number: usize, what: What) -> Self {
        let content = Content::of(&[format!("{what:?}").as_bytes()]);
        let id = match &what {
            What::Deposit { .. } => TxId::of_service("demo", &number.to_string()),
            What::Bet { .. } | What::Clear { .. } => {
                let key: Key = format!("k{number}").parse().expect("a key");
                TxId::of_key(player, &key)
            }
        };
        Self { id, content, player, what }
    }

    /// Something a player may want, given what the tables show.
    pub fn random(number: usize, hub: &Hub, random: &mut Rng) -> Self {
        let player = PlayerId(u128::from(random.u64(..PLAYERS)) + 1);
        let table = random.usize(..TABLES);
        // Mostly the round that is shown, sometimes one that is over or not there yet.
        let shown = hub.tables[table].state().round;
        let round = match random.u64(..20) {
            0 => shown.saturating_sub(1),
            1 => shown + 1,
            _ => shown,
        };
        let what = match random.u64(..20) {
            0..2 => What::Deposit { amount: i128::from(random.u64(..300)) },
            2..4 => What::Clear { table, round },
            _ => {
                let count = 1 + random.u64(..2);
                let bets = (0..count).map(|_| (random.usize(..BETS.len()), 1 + i128::from(random.u64(..60))));
                let bets = bets.collect();
                let share =
                    (random.u64(..3) == 0).then(|| Share::of(player, &format!("s{}", random.u64(..9))));
                What::Bet { table, round, bets, share }
            }
        };
        Self::new(player, number, what)
    }

    /// Sends it, for the first time or again.
    pub fn send(&self, number: usize, forged: bool, hub: &mut Hub, now: u64) {
        let asked = (number, forged);
        let Request { id, content, player, .. } = *self;
        if let What::Bet { table, .. } | What::Clear { table, .. } = self.what
            && !hub.has(table)
        {
            let refusal =
                Envelope::Refuse { id, principal: player.into(), content, code: ErrorCode::UnknownTable };
            return hub.submit(refusal, None, Some(asked), now);
        }
        match &self.what {
            What::Deposit { amount } => {
                let deposit = Deposit { player, currency: currency(), amount: *amount };
                let envelope = Envelope::Run(Tx::new(id, player.into(), Some(content), deposit));
                hub.submit(envelope, None, Some(asked), now);
            }
            What::Bet { table, round, bets, share } => {
                let spelled = bets.iter().map(|(place, stake)| {
                    let (kind, numbers, _) = BETS[*place];
                    (kind.into(), numbers.to_vec(), *stake)
                });
                let bets = spelled.collect();
                let request = BetRequest { id, content, player, round: *round, bets, share: *share };
                let decided = hub.tables[*table].place_bet(request, now);
                hub.decided(decided, *table, asked, now);
            }
            What::Clear { table, round } => {
                let clear = ClearRequest { id, content, player, round: *round };
                let decided = hub.tables[*table].clear_bets(clear, now);
                hub.decided(decided, *table, asked, now);
            }
        }
    }

    /// The same key for something else.
    pub fn forged(&self) -> Self {
        Self { content: Content(!self.content.0), ..self.clone() }
    }
}
