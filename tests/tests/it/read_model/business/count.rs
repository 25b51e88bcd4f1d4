//! The figures of the business as the records of a log tell them by what they were asked for and what players are told: by another
//! way than the read model's, which goes by accounts.

use std::collections::{BTreeMap, BTreeSet};

use domains::{
    What,
    correction::{AdjustmentReason, CorrectionOf},
    recipes::{ApproveAdjustment, CaptureHold, Collect, Credit, Debit, Deposit, PlayerWinnings, SettleRound},
};
use engine::{Body, Committed, Record, table::TableLeg};
use journal::{Lsn, Reader};
use ledger::OwnerKind;
use serde_json::{Value, json};

use super::story::MIDNIGHTS;

/// What something adds: the name of the figure, how many, how much.
type Adds = (&'static str, i64, i128);

/// A day (0 is the first of the story), a game or nothing, and a currency.
pub type Place = (Option<usize>, Option<String>, String);

/// The figures of a place.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    sums: BTreeMap<&'static str, (i64, i128)>,
    players: BTreeSet<u128>,
    depositors: BTreeSet<u128>,
}

/// All figures of a log, by day, game and currency.
#[derive(Debug, Default)]
pub struct Count {
    pub places: BTreeMap<Place, Figures>,
    /// What each record has added, for whatever takes it back.
    added: BTreeMap<u64, (Option<String>, String, Vec<Adds>)>,
    /// Bets of the open round that were not taken back.
    bets: BTreeMap<u128, i64>,
    /// Who has an account.
    known: BTreeSet<u128>,
}

impl Count {
    /// Counts the records of a log, of the days of the story.
    pub fn of(directory: &std::path::Path) -> Self {
        let mut count = Self::default();
        let mut reader = Reader::open(directory, Lsn(0)).expect("a log");
        while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
            let record = Record::decode(entry.bytes).expect("our record");
            let day = MIDNIGHTS.partition_point(|midnight| *midnight <= record.time);
            if let (Body::Committed(committed), 1..=3) = (&record.body, day) {
                count.record(day - 1, entry.lsn.0, committed);
            }
        }
        count
    }

    fn record(&mut self, day: usize, lsn: u64, committed: &Committed) {
        let place = |game: &Option<String>, currency: &str| (Some(day), game.clone(), currency.to_owned());
        for (_, leg) in &committed.legs {
            for made in &leg.moves {
                let ledger::Move::Open(account) = made else { continue };
                if account.owner.kind() == OwnerKind::Player && self.known.insert(account.owner.id()) {
                    let of = self.places.entry(place(&None, account.currency.as_str())).or_default();
                    of.sums.entry("new_players").or_default().0 += 1;
                }
            }
        }
        match &committed.table {
            Some((_, TableLeg::BetPlaced { player, .. })) => *self.bets.entry(player.0).or_default() += 1,
            Some((_, TableLeg::BetsCleared { player, .. })) => drop(self.bets.remove(&player.0)),
            Some((_, TableLeg::Opened { .. })) => self.bets.clear(),
            _ => {}
        }
        let (game, currency, adds) = match self.reversed(committed) {
            Some(taken_back) => taken_back,
            None => self.adds(committed),
        };
        if adds.is_empty() {
            return;
        }
        let of = self.places.entry(place(&game, &currency)).or_default();
        for (name, number, amount) in &adds {
            let sum = of.sums.entry(name).or_default();
            *sum = (sum.0 + number, sum.1 + amount);
        }
        for notice in &committed.notices {
            match notice.what {
                What::Settled { .. } => drop(of.players.insert(notice.player.0)),
                What::Deposit => drop(of.depositors.insert(notice.player.0)),
                _ => {}
            }
        }
        self.added.insert(lsn, (game, currency, adds));
    }

    /// The opposite of what was added, of a reversal that is carried out.
    fn reversed(&self, committed: &Committed) -> Option<(Option<String>, String, Vec<Adds>)> {
        let ApproveAdjustment { correction, .. } = committed.intent.get()?;
        let CorrectionOf::Transaction(reversal) = &correction.of else { return None };
        let (game, currency, adds) = self.added.get(&reversal.lsn)?.clone();
        let adds = adds.into_iter().map(|(name, number, amount)| (name, -number, -amount)).collect();
        Some((game, currency, adds))
    }

    fn adds(&self, committed: &Committed) -> (Option<String>, String, Vec<Adds>) {
        let intent = &committed.intent;
        let of = |currency: protocol::Currency, name, amount| {
            (None, currency.to_string(), vec![(name, 1, amount)])
        };
        if let Some(SettleRound { currency, .. }) = intent.get() {
            let mut sums = (0, 0);
            for notice in &committed.notices {
                let What::Settled { staked, returned, .. } = notice.what else { continue };
                sums = (sums.0 + staked, sums.1 + returned);
            }
            let bets = self.bets.values().sum();
            let adds = vec![("rounds", 1, 0), ("bets", bets, sums.0), ("payouts", 0, sums.1)];
            return (Some("roulette".into()), currency.to_string(), adds);
        }
        if let Some(Deposit { currency, amount, .. }) = intent.get() {
            return of(*currency, "deposits", *amount);
        }
        if let Some(Collect { currency, amount, .. }) = intent.get() {
            return of(*currency, "deposits", *amount);
        }
        if let Some(Credit { currency, amount, .. }) = intent.get() {
            return of(*currency, "credits", *amount);
        }
        if let Some(Debit { currency, amount, .. }) = intent.get() {
            return of(*currency, "debits", *amount);
        }
        if let Some(CaptureHold { part: Some((amount, currency)), .. }) = intent.get() {
            return of(*currency, "captures", *amount);
        }
        if let Some(PlayerWinnings { currency, amount, game, .. }) = intent.get() {
            return (Some(game.to_string()), currency.to_string(), vec![("winnings", 1, *amount)]);
        }
        if let Some(ApproveAdjustment { correction, .. }) = intent.get()
            && let CorrectionOf::Amount { currency, amount, takes, .. } = &correction.of
        {
            let name = match (correction.reason, takes) {
                (AdjustmentReason::Chargeback, true) => "chargebacks",
                (_, true) => "corrections_taken",
                (_, false) => "corrections_given",
            };
            return of(*currency, name, *amount);
        }
        (None, String::new(), Vec::new())
    }

    /// The figures, with lines for each day or game, or not.
    pub fn by(&self, day: bool, game: bool) -> BTreeMap<Place, Figures> {
        let mut lines: BTreeMap<Place, Figures> = BTreeMap::new();
        for ((on, of, currency), figures) in &self.places {
            let of = if game { Some(of.clone().unwrap_or_default()) } else { None };
            let line = lines.entry((on.filter(|_| day), of, currency.clone())).or_default();
            for (name, (number, amount)) in &figures.sums {
                let sum = line.sums.entry(name).or_default();
                *sum = (sum.0 + number, sum.1 + amount);
            }
            line.players.extend(&figures.players);
            line.depositors.extend(&figures.depositors);
        }
        lines
    }
}

/// A line as the API tells it.
pub fn told((day, game, currency): &Place, figures: &Figures) -> Value {
    let of = |name: &str| figures.sums.get(name).copied().unwrap_or_default();
    let spelled = |minor: i128| {
        let sign = if minor < 0 { "-" } else { "" };
        json!(format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100))
    };
    let ggr = of("bets").1 - of("payouts").1;
    let ngr = ggr - of("credits").1 - of("corrections_given").1 + of("corrections_taken").1;
    let days = ["2025-10-25", "2025-10-26", "2025-10-27"];
    let mut line = json!({
        "day": day.map(|day| days[day]), "game": game.as_ref().filter(|game| !game.is_empty()), "currency": currency,
        "rounds": of("rounds").0, "bets": of("bets").0, "active_players": figures.players.len(),
        "stakes": spelled(of("bets").1), "payouts": spelled(of("payouts").1), "ggr": spelled(ggr), "ngr": spelled(ngr),
        "new_players": of("new_players").0, "depositors": figures.depositors.len(),
    });
    for name in [
        "deposits",
        "debits",
        "captures",
        "chargebacks",
        "credits",
        "corrections_given",
        "corrections_taken",
        "bonuses",
        "winnings",
    ] {
        let (number, amount) = of(name);
        line[name] = json!({ "number": number, "amount": spelled(amount) });
    }
    line
}
