//! The figures of the business over some days, from the sums of each day.
//!
//! A question reads a few rows for each day, game and currency, and one for each player of a day and game: never a bet. Sums are
//! of one currency always.

use std::collections::BTreeMap;

use rusqlite::{Row, params};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    BusinessFigure, CountedFor, DayRange, Error, ModelView, error::sql, money::StoredMoney, zone::DayZone,
};

/// How often something was, and how much it came to in minor units. Below zero where more was taken back than done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountedSum {
    /// How often.
    pub number: i64,
    /// How much.
    pub amount: i128,
}

/// The figures of some days, games and players, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusinessSums([CountedSum; BusinessFigure::ALL.len()]);

impl BusinessSums {
    /// One figure.
    #[must_use]
    pub fn of(&self, figure: BusinessFigure) -> CountedSum {
        self.0[figure as usize]
    }

    /// The gross gaming revenue: stakes less payouts of the rounds that were drawn. Minor units.
    #[must_use]
    pub fn ggr(&self) -> i128 {
        self.of(BusinessFigure::Bets).amount.saturating_sub(self.of(BusinessFigure::Payouts).amount)
    }

    /// The net gaming revenue: that less what the operator gave to players, with what was corrected in its favour. Minor units.
    #[must_use]
    pub fn ngr(&self) -> i128 {
        use BusinessFigure as F;
        let given = [F::Credits, F::CorrectionsGiven, F::Bonuses].map(|figure| self.of(figure).amount);
        let left = given.into_iter().fold(self.ggr(), i128::saturating_sub);
        left.saturating_add(self.of(F::CorrectionsTaken).amount)
    }

    fn add(&mut self, figure: BusinessFigure, more: CountedSum) {
        let sum = &mut self.0[figure as usize];
        sum.number = sum.number.saturating_add(more.number);
        sum.amount = sum.amount.saturating_add(more.amount);
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessFilter {
    /// The days, in the operator's time zone.
    pub days: DayRange,
    /// Whether each day has lines of its own.
    pub by_day: bool,
    /// Whether each game has lines of its own.
    pub by_game: bool,
    /// One currency.
    pub currency: Option<String>,
    /// One game. What belongs to no game is left out then.
    pub game: Option<String>,
}

/// A line of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessLine {
    /// The day, where each has a line: days since 1970-01-01.
    pub day: Option<i64>,
    /// The game, where each has a line. Empty for what belongs to no game.
    pub game: Option<String>,
    /// The currency.
    pub currency: String,
    /// The figures.
    pub sums: BusinessSums,
    /// Players of whom a bet was drawn, each once.
    pub active_players: u64,
    /// Players of whom a payment came in, each once.
    pub depositors: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusinessReport {
    /// By day, game and currency, as was asked for.
    pub lines: Vec<BusinessLine>,
    /// All of it, by currency.
    pub totals: Vec<BusinessLine>,
}

/// A day, a game, a currency: what a line is of. `None` where lines are not by it.
type LineKey = (Option<i64>, Option<String>, String);

/// Lines as they are gathered.
#[derive(Debug)]
struct Gathered {
    by_day: bool,
    by_game: bool,
    sums: BTreeMap<LineKey, BusinessSums>,
    players: BTreeMap<(LineKey, CountedFor), u64>,
    /// Who is counted already, for lines that may meet a player again; for the day under way alone where each has its lines.
    known: FxHashMap<(LineKey, CountedFor), FxHashSet<i64>>,
    day: i64,
}

impl Gathered {
    fn by(by_day: bool, by_game: bool) -> Self {
        let (sums, players, known) = (BTreeMap::new(), BTreeMap::new(), FxHashMap::default());
        Self { by_day, by_game, sums, players, known, day: 0 }
    }

    fn key(&self, day: i64, game: &str, currency: &str) -> LineKey {
        (self.by_day.then_some(day), self.by_game.then(|| game.to_owned()), currency.to_owned())
    }

    fn add(&mut self, (day, game, currency): (i64, &str, &str), figure: BusinessFigure, more: CountedSum) {
        self.sums.entry(self.key(day, game, currency)).or_default().add(figure, more);
    }

    /// Players who are counted on a day for a game. Days come in their order.
    fn count(&mut self, (day, game, currency): (i64, &str, &str), why: CountedFor, accounts: &[i64]) {
        if self.by_day && day != self.day {
            self.known.clear();
        }
        self.day = day;
        let key = (self.key(day, game, currency), why);
        let known = self.known.entry(key.clone()).or_default();
        let more = accounts.iter().filter(|account| known.insert(**account)).count();
        *self.players.entry(key).or_default() += more as u64;
    }

    fn lines(mut self) -> Vec<BusinessLine> {
        // Who is counted has done something that a figure has; both are there or neither.
        let mut lines = Vec::with_capacity(self.sums.len());
        for (key, sums) in std::mem::take(&mut self.sums) {
            let mut counted = |why| self.players.remove(&(key.clone(), why)).unwrap_or_default();
            let (active_players, depositors) = (counted(CountedFor::Bet), counted(CountedFor::Deposit));
            let (day, game, currency) = key;
            lines.push(BusinessLine { day, game, currency, sums, active_players, depositors });
        }
        lines
    }
}

/// One row of the table of players' first two columns and what they are counted for, as rows of one kind follow each other.
type Group = (i64, String, String, CountedFor);

impl ModelView<'_> {
    /// The figures of the business over days. `None` when there would be more lines than these.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn business(
        &self,
        asked: &BusinessFilter,
        lines_max: usize,
    ) -> Result<Option<BusinessReport>, Error> {
        let mut gathered = [Gathered::by(asked.by_day, asked.by_game), Gathered::by(false, false)];
        let rows = params![asked.days.first, asked.days.last, asked.currency, asked.game];
        let query = "SELECT day, game, currency, figure, number, amount FROM daily_business \
                     WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR currency = ?3) AND (?4 IS NULL OR game = ?4) \
                     ORDER BY day, game, currency";
        let mut found =
            self.connection.prepare_cached(query).map_err(sql("read the figures of the business of"))?;
        let mut found = found.query(rows).map_err(sql("read the figures of the business of"))?;
        while let Some(row) = found.next().map_err(sql("read the figures of the business of"))? {
            let ((day, game, currency), figure, more) =
                figure(row).map_err(sql("read the figures of the business of"))?;
            // One that this release does not have is of no file of its version.
            let Some(figure) = figure else { continue };
            gathered.iter_mut().for_each(|lines| lines.add((day, &game, &currency), figure, more));
            if gathered[0].sums.len() > lines_max {
                return Ok(None);
            }
        }
        self.count_players(asked, &mut gathered).map_err(sql("read the players of a day of"))?;
        let [lines, totals] = gathered.map(Gathered::lines);
        Ok(Some(BusinessReport { lines, totals }))
    }

    fn count_players(&self, asked: &BusinessFilter, gathered: &mut [Gathered]) -> rusqlite::Result<()> {
        let query = "SELECT day, game, currency, counted_for, account FROM daily_players \
                     WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR currency = ?3) AND (?4 IS NULL OR game = ?4) \
                     ORDER BY day, game, currency, counted_for";
        let mut found = self.connection.prepare_cached(query)?;
        let mut rows = found.query(params![asked.days.first, asked.days.last, asked.currency, asked.game])?;
        let (mut group, mut accounts): (Option<Group>, Vec<i64>) = (None, Vec::new());
        let mut ends = |group: &Option<Group>, accounts: &mut Vec<i64>| {
            if let Some((day, game, currency, why)) = group {
                gathered.iter_mut().for_each(|lines| lines.count((*day, game, currency), *why, accounts));
            }
            accounts.clear();
        };
        while let Some(row) = rows.next()? {
            if !group.as_ref().is_some_and(|group| is_of(row, group).unwrap_or(false)) {
                ends(&group, &mut accounts);
                let bet = row.get_ref(3)?.as_str()? == CountedFor::Bet.name();
                let why = if bet { CountedFor::Bet } else { CountedFor::Deposit };
                group = Some((row.get(0)?, row.get(1)?, row.get(2)?, why));
            }
            accounts.push(row.get(4)?);
        }
        ends(&group, &mut accounts);
        Ok(())
    }

    /// Whether there are figures of a game.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn has_figures_of(&self, game: &str) -> Result<bool, Error> {
        let query = "SELECT 1 FROM daily_business WHERE game = ?1";
        self.connection
            .prepare_cached(query)
            .and_then(|mut find| find.exists([game]))
            .map_err(sql("read the figures of the business of"))
    }

    /// The day of a time (milliseconds since 1970) in the operator's time zone: days since 1970-01-01.
    ///
    /// # Errors
    /// When the zone cannot be read.
    pub fn business_day(&self, time_ms: u64) -> Result<i64, Error> {
        DayZone::load(self.connection).map(|zone| zone.day(time_ms))
    }
}

type FigureCell = ((i64, String, String), Option<BusinessFigure>, CountedSum);

fn figure(row: &Row<'_>) -> rusqlite::Result<FigureCell> {
    let figure = BusinessFigure::named(row.get_ref(3)?.as_str()?);
    let counted = CountedSum { number: row.get(4)?, amount: row.get::<_, StoredMoney>(5)?.0 };
    Ok(((row.get(0)?, row.get(1)?, row.get(2)?), figure, counted))
}

/// Whether a row is one of the group before it. Nothing is copied for the many that are.
fn is_of(row: &Row<'_>, (day, game, currency, why): &Group) -> rusqlite::Result<bool> {
    Ok(row.get::<_, i64>(0)? == *day
        && row.get_ref(1)?.as_str()? == game
        && row.get_ref(2)?.as_str()? == currency
        && row.get_ref(3)?.as_str()? == why.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time.
    fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    #[test]
    fn revenue_is_stakes_less_payouts_and_net_of_what_was_given() {
        use BusinessFigure as F;
        let sums = |given: &[(F, i128)]| {
            let mut sums = BusinessSums::default();
            given
                .iter()
                .for_each(|(figure, amount)| sums.add(*figure, CountedSum { number: 1, amount: *amount }));
            (sums.ggr(), sums.ngr())
        };
        for (given, expected) in [
            (&[][..], (0, 0)),
            (&[(F::Bets, 100), (F::Payouts, 70)][..], (30, 30)),
            (&[(F::Bets, 100), (F::Payouts, 170)][..], (-70, -70)),
            (&[(F::Credits, 5)][..], (0, -5)),
            (&[(F::Bonuses, 5), (F::CorrectionsGiven, 2)][..], (0, -7)),
            (&[(F::CorrectionsTaken, 5)][..], (0, 5)),
            (&[(F::Deposits, 9), (F::Debits, 9), (F::Captures, 9), (F::Chargebacks, 9)][..], (0, 0)),
            (&[(F::Winnings, 9), (F::NewPlayers, 0), (F::Rounds, 0)][..], (0, 0)),
            // A round that is taken back.
            (&[(F::Bets, 100), (F::Payouts, 70), (F::Bets, -100), (F::Payouts, -70)][..], (0, 0)),
        ] {
            assert_eq!(sums(given), expected, "{given:?}");
        }
    }

    #[test]
    fn whatever_the_lines_are_by_their_money_comes_to_the_totals_and_each_player_counts_once() {
        for seed in 0..50 {
            let mut random = numbers(seed);
            let ways = [(true, true), (true, false), (false, true), (false, false)];
            let mut gathered = ways.map(|(by_day, by_game)| Gathered::by(by_day, by_game));
            let mut seen: BTreeMap<(bool, bool), FxHashSet<(LineKey, i64)>> = BTreeMap::new();
            for day in 0..4 {
                for game in ["", "roulette", "slots"] {
                    for currency in ["EUR", "USD"] {
                        let place = (day, game, currency);
                        for _ in 0..random(4) {
                            let figure = BusinessFigure::ALL[random(13) as usize];
                            let more = CountedSum {
                                number: random(9) as i64 - 2,
                                amount: i128::from(random(1_000)) - 300,
                            };
                            gathered.iter_mut().for_each(|lines| lines.add(place, figure, more));
                        }
                        // No row of the table is there twice.
                        let players: Vec<i64> = (0..20).filter(|_| random(2) == 0).collect();
                        if players.is_empty() {
                            continue;
                        }
                        for (lines, way) in gathered.iter_mut().zip(ways) {
                            lines.add(place, BusinessFigure::Bets, CountedSum::default());
                            lines.count(place, CountedFor::Bet, &players);
                            let key = lines.key(day, game, currency);
                            seen.entry(way)
                                .or_default()
                                .extend(players.iter().map(|one| (key.clone(), *one)));
                        }
                    }
                }
            }
            let told = gathered.map(Gathered::lines);
            let sum = |lines: &[BusinessLine], currency: &str, figure| {
                let of =
                    lines.iter().filter(|line| line.currency == currency).map(|line| line.sums.of(figure));
                of.fold((0, 0), |sum, one| (sum.0 + one.number, sum.1 + one.amount))
            };
            for (lines, way) in told.iter().zip(ways) {
                for currency in ["EUR", "USD"] {
                    for figure in BusinessFigure::ALL {
                        let (of_lines, total) =
                            (sum(lines, currency, figure), sum(&told[3], currency, figure));
                        assert_eq!(of_lines, total, "seed {seed} {way:?} {currency} {figure:?}");
                    }
                }
                for line in lines {
                    let key = (line.day, line.game.clone(), line.currency.clone());
                    let players =
                        seen.get(&way).map_or(0, |seen| seen.iter().filter(|(of, _)| *of == key).count());
                    assert_eq!(line.active_players, players as u64, "seed {seed} {key:?}");
                }
            }
        }
    }
}
