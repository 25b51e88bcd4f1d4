//! What a record adds to the figures of the business.
//!
//! It is told by the operator's own accounts, and not by the recipe: stakes go to one, payouts come out of another, and so does
//! everything else that players get or lose. So a reversal, which posts the opposite of each move, takes back what it reverses,
//! and the figures of all days come to what these accounts have. Only corrections have one account for several figures: there
//! the recipe decides. A bet only holds money, so it adds nothing until its round has ended.

use domains::{
    OwnerName, Recipe, Row, What,
    correction::{AdjustmentReason, Correction, CorrectionOf},
    limit_rules::LimitRules,
    recipes::{ApproveAdjustment, CaptureHold, Credit, Debit, ProposeAdjustment, SettleRound},
};
use engine::{Committed, Intent, table::TableLeg};
use ledger::{AccountId, AccountKind, Move, OwnerKind};
use readmodel::{BusinessFigure, BusinessRows, CountedFor, FigureOf, FigureRow};

/// What a transaction adds; `None` when it is nothing, as for a bet.
pub(super) fn business_of(committed: &Committed) -> Option<Box<BusinessRows>> {
    let mut rows = BusinessRows::default();
    for image in &committed.rows {
        if let Some(rules) = image.get::<LimitRules>() {
            rows.zone =
                Some(rules.zone.changes().iter().map(|change| (change.from, change.offset)).collect());
        }
        let key = image.key.as_bytes();
        if image.key.kind() == OwnerName::KIND && key.first() == Some(&(OwnerKind::Game as u8)) {
            let name = image.get::<OwnerName>().zip(key[1..].try_into().ok());
            rows.outside_games.extend(name.map(|(name, owner)| (owner, name.to_string())));
        }
    }
    let (changes, posted_holds) = changes(committed);
    let settled = match &committed.table {
        Some((table, TableLeg::Settled { round, .. })) => Some((table.to_string(), *round)),
        _ => None,
    };
    let counting = Counting::of(&committed.intent, !committed.legs.is_empty());
    if let Some(round) =
        settled.clone().map(|(table, round)| FigureOf::Round(table, round)).or(counting.of_round())
    {
        // A round without a bet moves nothing, and has no currency but that of its table.
        let number = counting.sign();
        if let Some(currency) = currency_of(committed) {
            rows.figures.push(FigureRow {
                figure: BusinessFigure::Rounds,
                currency,
                number,
                amount: 0,
                of: round,
            });
        }
    }
    for (account, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
        let of_round = || match (&settled, counting.of_round()) {
            (Some((table, round)), _) => FigureOf::Round(table.clone(), *round),
            (None, Some(of)) => of,
            (None, None) => FigureOf::NoGame,
        };
        let sign = counting.sign();
        let (figure, number, amount, of) = match account.kind {
            AccountKind::Stakes => (BusinessFigure::Bets, posted_holds, change, of_round()),
            AccountKind::Winnings => (BusinessFigure::Payouts, 0, -change, of_round()),
            AccountKind::Source => (BusinessFigure::Deposits, sign, -change, FigureOf::NoGame),
            AccountKind::Grants => (BusinessFigure::Bonuses, sign, -change, FigureOf::NoGame),
            AccountKind::Results => {
                let game = FigureOf::Outside(account.owner.id().to_be_bytes());
                (BusinessFigure::Winnings, sign, -change, game)
            }
            AccountKind::Corrections => {
                let (figure, gives) = counting.corrected(change);
                (figure, sign, if gives { -change } else { change }, FigureOf::NoGame)
            }
            AccountKind::Cash | AccountKind::Bonus | AccountKind::Clearing(_) => continue,
        };
        rows.figures.push(FigureRow { figure, currency: account.currency, number, amount, of });
    }
    for notice in &committed.notices {
        let why = match notice.what {
            What::Settled { .. } => CountedFor::Bet,
            What::Deposit => CountedFor::Deposit,
            _ => continue,
        };
        rows.players.push((why, notice.player.0.to_be_bytes(), notice.currency));
    }
    let nothing = rows == BusinessRows::default();
    (!nothing).then(|| Box::new(rows))
}

/// How the balances of the operator's own accounts change, and how many holds are posted.
fn changes(committed: &Committed) -> (Vec<(AccountId, i128)>, i64) {
    let (mut changes, mut posted_holds): (Vec<(AccountId, i128)>, i64) = (Vec::new(), 0);
    let mut note = |account: &AccountId, change: i128| {
        if let AccountKind::Cash | AccountKind::Bonus | AccountKind::Clearing(_) = account.kind {
            return;
        }
        match changes.iter_mut().find(|(known, _)| known == account) {
            Some((_, sum)) => *sum += change,
            None => changes.push((*account, change)),
        }
    };
    for made in committed.legs.iter().flat_map(|(_, leg)| &leg.moves) {
        match made {
            Move::Post(transfer) => {
                note(&transfer.debit, -transfer.amount);
                note(&transfer.credit, transfer.amount);
            }
            Move::PostHold(_) => posted_holds += 1,
            Move::Open(_) | Move::Hold(..) | Move::VoidHold(_) => {}
        }
    }
    (changes, posted_holds)
}

/// How a transaction counts.
#[derive(Debug, Clone, Copy)]
struct Counting {
    /// The number of the recipe; of a reversal, that of the transaction that is taken back.
    recipe: u16,
    /// The record of that transaction.
    takes_back: Option<u64>,
    /// Why, of a correction of an amount.
    reason: Option<AdjustmentReason>,
}

impl Counting {
    /// `moves` says whether it moves anything: a proposal that waits for an approval does not, and counts as nothing.
    fn of(intent: &Intent, moves: bool) -> Self {
        let correction = intent
            .get()
            .map(|ProposeAdjustment { correction, .. }| correction)
            .or_else(|| intent.get().map(|ApproveAdjustment { correction, .. }| correction));
        let own = Self { recipe: intent.known().kind, takes_back: None, reason: None };
        match correction {
            Some(Correction { of: CorrectionOf::Transaction(reversal), .. }) if moves => {
                Self { recipe: reversal.recipe, takes_back: Some(reversal.lsn), reason: None }
            }
            Some(Correction { of: CorrectionOf::Amount { .. }, reason, .. }) => {
                Self { reason: Some(*reason), ..own }
            }
            _ => own,
        }
    }

    /// What it adds to numbers.
    fn sign(&self) -> i64 {
        if self.takes_back.is_some() { -1 } else { 1 }
    }

    /// The round that it takes back.
    fn of_round(&self) -> Option<FigureOf> {
        self.takes_back.filter(|_| self.recipe == SettleRound::KIND).map(FigureOf::TakenBack)
    }

    /// The figure of a change of the corrections' account, and whether it is one of what the operator gives.
    fn corrected(&self, change: i128) -> (BusinessFigure, bool) {
        match (self.recipe, self.reason) {
            (Credit::KIND, _) => (BusinessFigure::Credits, true),
            (Debit::KIND, _) => (BusinessFigure::Debits, false),
            (CaptureHold::KIND, _) => (BusinessFigure::Captures, false),
            (_, Some(AdjustmentReason::Chargeback)) => (BusinessFigure::Chargebacks, false),
            _ if change < 0 => (BusinessFigure::CorrectionsGiven, true),
            _ => (BusinessFigure::CorrectionsTaken, false),
        }
    }
}

/// The currency of a round that is settled or taken back.
fn currency_of(committed: &Committed) -> Option<protocol::Currency> {
    match committed.intent.get() {
        Some(SettleRound { currency, .. }) => Some(*currency),
        // Nobody may have won or lost, and then nobody is told.
        None => committed.legs.iter().flat_map(|(_, leg)| &leg.moves).find_map(|made| match made {
            Move::Post(transfer) => Some(transfer.debit.currency),
            Move::Open(_) | Move::Hold(..) | Move::PostHold(_) | Move::VoidHold(_) => None,
        }),
    }
}
