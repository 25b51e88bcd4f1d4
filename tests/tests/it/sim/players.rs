//! Players: they bet, take back, pay in, set aside, and ask again with the same key whenever they are not sure. And an
//! operator who freezes them. They take time-outs too, exclude themselves, and come back.

use domains::{
    PaymentCause,
    exclusion::{ExclusionKind, LONGER_MIN},
    freeze::{Freeze, FreezeReason},
    recipes::{Debit, Deposit, ExcludePlayer, FreezePlayer, Reinstate, Unfreeze},
};
use engine::{
    Content, Envelope, Intent, Principal, PrincipalKind, Tx, TxId,
    table::live::{BetRequest, ClearRequest},
};
use fastrand::Rng;
use games::fair::Share;
use protocol::{ErrorCode, Key, PlayerId};

use super::{
    aside::SetAside,
    hub::{Hub, TABLES, currency},
};

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
    Debit {
        amount: i128,
    },
    /// Money is held until a time.
    SetAside {
        amount: i128,
        until: u64,
    },
    Freeze {
        until: Option<u64>,
    },
    Unfreeze,
    /// How long, milliseconds.
    Exclude {
        strict: bool,
        lasts: u64,
    },
    Reinstate,
}

/// Who freezes.
fn operator() -> Principal {
    Principal::named(PrincipalKind::Operator, "sim", "operator")
}

impl Request {
    fn new(player: PlayerId, number: usize, what: What) -> Self {
        let content = Content::of(&[format!("{what:?}").as_bytes()]);
        let id = match &what {
            What::Deposit { .. } | What::Debit { .. } | What::SetAside { .. } => {
                TxId::of_service("demo", &number.to_string())
            }
            What::Freeze { .. } | What::Unfreeze => {
                TxId::of(PrincipalKind::Operator, "sim", b"operator", &number.to_be_bytes())
            }
            What::Bet { .. } | What::Clear { .. } | What::Exclude { .. } | What::Reinstate => {
                let key: Key = format!("k{number}").parse().expect("a key");
                TxId::of_key(player, &key)
            }
        };
        Self { id, content, player, what }
    }

    /// Something a player may want, given what the tables show.
    pub fn random(number: usize, hub: &Hub, now: u64, random: &mut Rng) -> Self {
        let player = PlayerId(u128::from(random.u64(..PLAYERS)) + 1);
        let table = random.usize(..TABLES);
        // Mostly the round that is shown, sometimes one that is over or not there yet.
        let shown = hub.tables[table].state().round;
        let round = match random.u64(..20) {
            0 => shown.saturating_sub(1),
            1 => shown + 1,
            _ => shown,
        };
        let what = match random.u64(..30) {
            0..3 => What::Deposit { amount: i128::from(random.u64(..300)) },
            3..5 => What::Clear { table, round },
            5..7 => {
                let until = now + random.u64(..150);
                What::SetAside { amount: 1 + i128::from(random.u64(..40)), until }
            }
            7 => What::Debit { amount: 1 + i128::from(random.u64(..40)) },
            8 => What::Freeze { until: (random.u64(..3) > 0).then(|| now + random.u64(..100)) },
            9..11 => What::Unfreeze,
            // Mostly short ones, so that play goes on; seldom one that takes the place of another that is as strict.
            11 => {
                let longer = if random.u64(..16) == 0 { LONGER_MIN } else { 0 };
                What::Exclude { strict: random.bool(), lasts: 1 + longer + random.u64(..80) }
            }
            12..14 => What::Reinstate,
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
            let (principal, code, request) = (player.into(), ErrorCode::UnknownTable, None);
            let refusal = Envelope::Refuse { id, principal, content, code, request };
            return hub.submit(refusal, None, Some(asked), now);
        }
        match &self.what {
            What::Deposit { amount } => {
                let deposit = Deposit { player, currency: currency(), amount: *amount };
                hub.submit(self.run(player.into(), deposit), None, Some(asked), now);
            }
            What::Debit { amount } => {
                let debit =
                    Debit { player, currency: currency(), amount: *amount, cause: PaymentCause::default() };
                hub.submit(self.run(player.into(), debit), None, Some(asked), now);
            }
            What::SetAside { amount, until } => {
                let aside = SetAside { player, currency: currency(), amount: *amount, until: *until };
                hub.submit(self.run(player.into(), aside), None, Some(asked), now);
            }
            What::Freeze { until } => {
                let freeze = Freeze { reason: FreezeReason::Operator, until: *until };
                let freeze = FreezePlayer { player, freeze };
                hub.submit(self.run(operator(), freeze), None, Some(asked), now);
            }
            What::Exclude { strict, lasts } => {
                let kind = if *strict { ExclusionKind::SelfExclusion } else { ExclusionKind::TimeOut };
                let exclude = ExcludePlayer { player, kind, lasts: Some(*lasts) };
                hub.submit(self.run(player.into(), exclude), None, Some(asked), now);
            }
            What::Reinstate => {
                hub.submit(self.run(player.into(), Reinstate { player }), None, Some(asked), now);
            }
            What::Unfreeze => {
                hub.submit(self.run(operator(), Unfreeze { player }), None, Some(asked), now);
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

    fn run(&self, principal: Principal, intent: impl Into<Intent>) -> Envelope {
        Envelope::Run(Tx::new(self.id, principal, Some(self.content), intent))
    }

    /// The same key for something else.
    pub fn forged(&self) -> Self {
        Self { content: Content(!self.content.0), ..self.clone() }
    }
}
