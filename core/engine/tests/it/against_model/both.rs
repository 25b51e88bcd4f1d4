//! The books and the model side by side: gives each request to both, and compares all that can be seen of them.

use std::collections::{BTreeMap, BTreeSet};

use domains::recipes::HoldExpire;
use engine::{
    Body, Books, Content, Envelope, Principal, PrincipalKind, ReDecided, Record, RefusedRequest, Tx, TxId,
    Verdict, World,
};
use ledger::HoldId;
use proptest::sample::Index;
use protocol::ErrorCode;

use super::{
    actions::{Action, Fault, Run, What},
    translate::{self, Ids, intent, leg, settlements},
};
use crate::{
    explained::explain_money,
    extension::LATER,
    model::{self, Asked, Model, Share},
    rig::stored_with,
};

const DIGEST_EVERY: u64 = 7;
pub const CURRENCIES: [&str; 2] = ["EUR", "USD"];
pub const PLAYERS: [&str; 4] = ["p0", "p1", "p2", "p3"];
/// Those of merchants and of games.
pub const NAMES: [&str; 2] = ["M", "N"];
const TABLES: [&str; 2] = ["t1", "t2"];

/// A request as it was given to both.
#[derive(Debug, Clone)]
struct Request {
    by: Principal,
    id: TxId,
    /// The name of the key.
    name: String,
    asked: Asked,
}

/// The books, and the model of them.
#[derive(Debug)]
pub struct Both {
    pub books: Books,
    log: Vec<Vec<u8>>,
    pub model: Model,
    pub clock: u64,
    unit: i128,
    /// The number of the open round of each table.
    rounds: [u64; 2],
    requests: Vec<Request>,
    /// What the books call what the model knows by name.
    pub ids: Ids,
    /// Every pair of a request and a verdict so far.
    pub reached: BTreeSet<String>,
}

impl Both {
    /// A hub at the start of a run.
    pub fn new(run: &Run) -> Self {
        let mut both = Self {
            books: Books::default(),
            log: Vec::new(),
            model: Model::new(DIGEST_EVERY),
            clock: 100_000,
            unit: run.unit,
            rounds: [1; 2],
            requests: Vec::new(),
            ids: Ids::new(),
            reached: BTreeSet::new(),
        };
        // Exclusions as short as the clock's steps, so that runs see their ends.
        if run.funded {
            both.ask(106, 0, &What::Protect { tenths: [7, 1, 1] });
        }
        // From two sources, so that together they have more than may pass through one account.
        for (player, currency) in (0..4).flat_map(|player| [(player, 0), (player, 1)]).filter(|_| run.funded)
        {
            both.ask(100 + currency, player, &What::Deposit { currency, amount: 15 });
            both.ask(102 + currency, player, &What::Credit { currency, amount: 15 });
        }
        both
    }

    /// Carries an action out on both sides, and compares the verdicts.
    pub fn act(&mut self, action: &Action) {
        match action {
            Action::Ask { key, player, what } => self.ask(*key, *player, what),
            Action::Again { which, other } => {
                if !self.requests.is_empty() {
                    let request = self.requests[which.index(self.requests.len())].clone();
                    self.submit(&request, *other);
                }
            }
            Action::End { table, payouts, fault } => {
                self.end(usize::from(*table), payouts.as_deref(), *fault)
            }
            Action::Expire { which } => {
                let holds: Vec<_> = self.ids.keys().cloned().collect();
                if !holds.is_empty() {
                    self.expire(&holds[which.index(holds.len())]);
                }
            }
            Action::Clock(tenths) => self.clock = self.clock.saturating_add_signed(tenths * 100),
            Action::Due => self.carry_out_what_is_due(),
            Action::Restart => self.replay(),
        }
    }

    fn ask(&mut self, key: u8, number: u8, what: &What) {
        let player = PLAYERS[usize::from(number)].to_owned();
        let unit = self.unit;
        let worth = |amount: &i128| amount.saturating_mul(unit);
        let named = |currency: &u8| CURRENCIES[usize::from(*currency)].to_owned();
        let round =
            |table: &u8| format!("{}:{}", TABLES[usize::from(*table)], self.rounds[usize::from(*table)]);
        let asked = match what {
            What::Deposit { currency, amount } => {
                Asked::Deposit { player: player.clone(), currency: named(currency), amount: worth(amount) }
            }
            What::Credit { currency, amount } => {
                Asked::Credit { player: player.clone(), currency: named(currency), amount: worth(amount) }
            }
            What::Debit { currency, amount } => {
                Asked::Debit { player: player.clone(), currency: named(currency), amount: worth(amount) }
            }
            What::SetAside { currency, amount, tenths } => Asked::SetAside {
                player: player.clone(),
                currency: named(currency),
                amount: worth(amount),
                expires: self.clock + u64::from(*tenths) * 100,
            },
            What::Hold { currency, amount, tenths } => Asked::Hold {
                player: player.clone(),
                currency: named(currency),
                amount: worth(amount),
                expires: tenths.map(|tenths| self.clock + u64::from(tenths) * 100),
            },
            What::Capture { which, open, part } => {
                let part = part.as_ref().map(|(amount, currency)| (worth(amount), named(currency)));
                Asked::Capture { hold: self.some_hold(which, *open), part }
            }
            What::Free { which, open } => Asked::Free { hold: self.some_hold(which, *open) },
            What::Collect { currency, amount, merchant } => Asked::Collect {
                player: player.clone(),
                currency: named(currency),
                amount: worth(amount),
                merchant: NAMES[usize::from(*merchant)].into(),
            },
            What::Winnings { currency, amount, game } => Asked::Winnings {
                player: player.clone(),
                currency: named(currency),
                amount: worth(amount),
                game: NAMES[usize::from(*game)].into(),
            },
            // A table plays in one currency.
            What::Stake { table, amount } => Asked::Stake {
                player: player.clone(),
                round: round(table),
                currency: named(table),
                amount: worth(amount),
            },
            What::Release { table, mask, stray } => {
                let of_player = |share: Share| (share.player == player).then_some(share.holds);
                let stakes = self.shares(&round(table)).into_iter().find_map(of_player).unwrap_or_default();
                let mut holds: Vec<_> = stakes.into_iter().enumerate().collect();
                holds.retain(|(place, _)| mask >> (place % 8) & 1 == 1);
                let mut holds: Vec<_> = holds.into_iter().map(|(_, hold)| hold).collect();
                let open = self.model.holds.keys().filter(|_| mask & 1 == 0);
                let all: Vec<_> = open.chain(self.ids.keys().filter(|_| mask & 1 == 1)).collect();
                if let Some(stray) = stray
                    && !all.is_empty()
                {
                    holds.push(all[stray.index(all.len())].clone());
                }
                Asked::Release { player: player.clone(), round: round(table), currency: named(table), holds }
            }
            What::Freeze { reason, tenths } => {
                let until = tenths.map(|tenths| self.clock + u64::from(tenths) * 100);
                Asked::Freeze { player: player.clone(), reason: *reason, until }
            }
            What::Unfreeze => Asked::Unfreeze { player: player.clone() },
            What::Exclude { strict, tenths } => {
                let lasts = tenths.map(|tenths| u64::from(tenths) * 100);
                Asked::Exclude { player: player.clone(), strict: *strict, lasts }
            }
            What::Reinstate => Asked::Reinstate { player: player.clone() },
            What::Sessions { tenths } => {
                let [pause, every, between] = tenths.map(|tenths| u64::from(tenths) * 100);
                Asked::Sessions { rules: model::Sessions { pause, every, between } }
            }
            What::Acknowledge => Asked::Acknowledge { player: player.clone() },
            What::Protect { tenths } => {
                let [longest, shortest, cooling] = tenths.map(|tenths| u64::from(tenths) * 100);
                Asked::Protect { protection: model::Protection { longest, shortest, cooling } }
            }
            What::Refuse { code } => {
                let codes = ErrorCode::ALL;
                Asked::Refuse { code: codes[usize::from(*code) % codes.len()].name() }
            }
        };
        // Bets come from players. A key of a service is another key than that of a player.
        let of_service =
            key.is_multiple_of(3) && !matches!(asked, Asked::Stake { .. } | Asked::Release { .. });
        let key = format!("k{key}");
        let (by, id, name) = if of_service {
            let service = Principal::named(PrincipalKind::Service, "", "cashier");
            (service, TxId::of_service("cashier", &key), format!("cashier {key}"))
        } else {
            let id = TxId::of_key(translate::player(&player), &key.parse().unwrap());
            (translate::player(&player).into(), id, format!("{player} {key}"))
        };
        let request = Request { by, id, name, asked };
        self.submit(&request, false);
        self.requests.push(request);
    }

    /// The name of a hold: of one that is open, when there is one, or of any request.
    fn some_hold(&mut self, which: &Index, open: bool) -> String {
        let open = self.model.holds.keys().filter(|_| open);
        let mut names: Vec<_> = open.cloned().collect();
        if names.is_empty() {
            names = self.ids.keys().cloned().collect();
        }
        if names.is_empty() {
            self.ids.insert("nothing".into(), TxId(1));
            return "nothing".into();
        }
        names.swap_remove(which.index(names.len()))
    }

    /// Gives a request with a key to both sides.
    fn submit(&mut self, request: &Request, other_content: bool) {
        let Request { by, id, name, asked } = request;
        self.ids.insert(name.clone(), *id);
        let content = format!("{asked:?}{}", if other_content { " but differently" } else { "" });
        let key = Content::of(&[content.as_bytes()]);
        let envelope = match asked {
            Asked::Refuse { code } => {
                let code = ErrorCode::ALL.iter().find(|known| known.name() == *code).copied().unwrap();
                let request = Some(crate::rig::asked(1));
                Envelope::Refuse { id: *id, principal: *by, content: key, code, request }
            }
            asked => {
                let tx = Tx::new(*id, *by, Some(key), intent(asked, &self.ids));
                Envelope::Run(Tx { table: leg(*id, asked, &self.ids), ..tx })
            }
        };
        let verdict = self.run(envelope);
        let expected = self.model.run(name, Some(&content), asked, self.clock);
        self.compare(asked, verdict, expected);
    }

    /// A table ends its round.
    fn end(&mut self, table: usize, payouts: Option<&[i128]>, fault: Option<Fault>) {
        let mut name = format!("{}:{}", TABLES[table], self.rounds[table]);
        let mut shares = self.shares(&name);
        let paid = shares.iter_mut().zip(payouts.unwrap_or_default());
        paid.for_each(|(share, payout)| share.returned = payout.saturating_mul(self.unit));
        match (fault, shares.len()) {
            (Some(Fault::Round), _) => name = format!("{}:{}", TABLES[1 - table], self.rounds[1 - table]),
            (Some(Fault::Staked), 1..) => shares[0].staked += 1,
            (Some(Fault::Twice), 1..) => {
                let again = shares[0].holds[0].clone();
                shares[0].staked += self.model.holds[&again].amount;
                shares[0].holds.push(again);
            }
            (Some(Fault::Swapped), 2..) => {
                let (one, other) = (shares[0].player.clone(), shares[1].player.clone());
                (shares[0].player, shares[1].player) = (other, one);
            }
            (Some(Fault::Payout(amount)), 1..) => shares[0].returned = amount,
            (Some(Fault::Stranger(player)), _) => {
                let player = PLAYERS[usize::from(player)].to_owned();
                if shares.iter().all(|share| share.player != player) {
                    shares.push(Share { player, holds: Vec::new(), staked: 0, returned: 5 });
                }
            }
            (Some(Fault::Staked | Fault::Twice | Fault::Swapped | Fault::Payout(_)) | None, _) => {}
        }
        let currency = CURRENCIES[table].to_owned();
        let asked = match payouts {
            Some(_) => Asked::Settle { round: name, currency, shares },
            None => Asked::Void { round: name, currency, shares },
        };
        let leg = leg(TxId(0), &asked, &self.ids).unwrap();
        let id = leg.1.step_id(leg.0).unwrap();
        let tx = Tx { table: Some(leg), ..Tx::new(id, Principal::HUB, None, intent(&asked, &self.ids)) };
        let verdict = self.run(Envelope::Run(Tx { shares: settlements(&asked, &self.ids), ..tx }));
        let expected = self.model.run("the end of a round", None, &asked, self.clock);
        if fault.is_none() && expected == model::Verdict::Done {
            self.rounds[table] += 1;
        }
        self.compare(&asked, verdict, expected);
    }

    fn expire(&mut self, hold: &str) {
        let asked = Asked::Expire { hold: hold.into() };
        let id = TxId::of_expiry(HoldId(self.ids[hold].0));
        let verdict = self.run(Envelope::Run(Tx::new(id, Principal::HUB, None, intent(&asked, &self.ids))));
        let expected = self.model.run("the end of a hold", None, &asked, self.clock);
        self.compare(&asked, verdict, expected);
    }

    fn carry_out_what_is_due(&mut self) {
        while let Some(envelope) = self.books.due(self.clock) {
            let Envelope::Run(Tx { intent, .. }) = &envelope else {
                panic!("not a transaction: {envelope:?}")
            };
            let due = intent.get::<HoldExpire>().unwrap().hold;
            let (hold, _) = self.ids.iter().find(|(_, id)| id.0 == due.0).unwrap();
            let asked = Asked::Expire { hold: hold.clone() };
            let first = self.model.due().expect("the model has nothing that waits for its time");
            assert!(first <= self.clock, "it is not due before {first}");
            assert_eq!(self.model.holds[hold].expires, Some(first), "what is due first comes first");
            let verdict = self.run(envelope);
            let expected = self.model.run("the end of a hold", None, &asked, self.clock);
            assert_eq!(expected, model::Verdict::Done);
            self.compare(&asked, verdict, expected);
        }
        assert!(self.model.due().is_none_or(|due| due > self.clock), "the model has more that is due");
    }

    fn run(&mut self, envelope: Envelope) -> Verdict {
        let concluded = self.books.run(envelope, self.clock, DIGEST_EVERY).expect("what was decided applies");
        self.log.extend(concluded.records().map(|(_, bytes)| bytes.clone()));
        concluded.result.verdict
    }

    /// What the books are told is compared as the model says it.
    fn compare(&mut self, asked: &Asked, verdict: Verdict, expected: model::Verdict) {
        let verdict = translate::verdict(verdict);
        assert_eq!(verdict, expected, "{asked:?}");
        let asked = format!("{asked:?}").split(' ').next().unwrap().to_owned();
        let verdict = match verdict {
            model::Verdict::Recorded(model::Outcome::Refused { code, .. }) => format!("refused {code}"),
            model::Verdict::Answered(code) => format!("answered {code}"),
            model::Verdict::Impossible(code) => format!("impossible {code}"),
            model::Verdict::KeyReused => "key reused".into(),
            model::Verdict::Recorded(_) | model::Verdict::Done => "done".into(),
        };
        self.reached.insert(format!("{asked}: {verdict}"));
    }

    /// Who has open stakes in a round, and which.
    fn shares(&self, round: &str) -> Vec<Share> {
        let mut shares: BTreeMap<String, Share> = BTreeMap::new();
        for (name, held) in self.model.holds.iter().filter(|(_, held)| held.round.as_deref() == Some(round)) {
            let player = held.player.clone();
            let nothing = Share { player: player.clone(), holds: Vec::new(), staked: 0, returned: 0 };
            let share = shares.entry(player).or_insert(nothing);
            share.holds.push(name.clone());
            share.staked += held.amount;
        }
        shares.into_values().collect()
    }

    /// Every record read and applied to empty books, which then take the place of the others.
    pub fn replay(&mut self) {
        let mut world = World::default();
        for bytes in &self.log {
            let record = Record::decode_with(bytes, &LATER).unwrap();
            assert_eq!(record.encode(), *bytes);
            follows(&world, &record);
            world.books.apply(&record).unwrap();
        }
        assert_eq!(world.books.digest(), self.books.digest());
        assert_eq!(world.books.check(), Ok(()));
        let restored = stored_with(&world, LATER).unwrap();
        assert_eq!(restored.books.digest(), self.books.digest());
        self.books = world.books;
    }
}

/// A record of money alone follows from what its decision reads.
fn follows(before: &World, record: &Record) {
    let at_table = match &record.body {
        Body::Committed(committed) => committed.table.is_some(),
        Body::Refused { refused, .. } => matches!(refused, RefusedRequest::ByTable(_)),
        Body::Digest(_) | Body::Fact(_) => false,
    };
    if at_table {
        return;
    }
    let redecided = explain_money(before, record).redecided;
    assert!(matches!(redecided, ReDecided::Same(_)), "{record:?}: {redecided:?}");
}
