//! The books of one player, kept from its receipts and results alone.
//!
//! The server's own totals are never asked for while playing; at the end they have to come out the same. The
//! invariants, each checked for every player:
//!
//! * **B1** every round with an accepted bet is settled exactly once, and no other is;
//! * **B2** what a round is settled with is what was accepted for it;
//! * **B3** opening balance − settled stakes + returns = available + held at the end;
//! * **B4** accepted stakes − settled stakes = held at the end;
//! * **B5** a publication on the personal channel comes once and none is missing.

use std::collections::BTreeMap;

/// Amounts of one currency in its minor units.
pub type Minor = i64;

/// The book of one player.
#[derive(Debug, Default)]
pub struct Book {
    opening: Minor,
    rounds: BTreeMap<u64, Round>,
    unsettled: usize,
    offset: Option<u64>,
    faults: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Round {
    accepted: Minor,
    settled: Option<(Minor, Minor)>,
}

/// Sums over a book.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Balance before the first bet.
    pub opening: Minor,
    /// Stakes the hub accepted.
    pub accepted: Minor,
    /// Stakes of settled rounds.
    pub staked: Minor,
    /// What settled rounds returned.
    pub returned: Minor,
    /// Settled rounds.
    pub rounds: u64,
}

impl Book {
    /// Opens the book with the balance before the first bet; money held already would belong to another run.
    pub fn open(&mut self, available: Minor, held: Minor) {
        self.opening = available;
        if held != 0 {
            self.faults.push(format!("{held} is held before the first bet"));
        }
    }

    /// A bet is accepted.
    pub fn accept(&mut self, round: u64, stake: Minor) {
        let entry = self.rounds.entry(round).or_default();
        if entry.accepted == 0 && entry.settled.is_none() {
            self.unsettled += 1;
        }
        entry.accepted += stake;
    }

    /// A round is settled. It may overtake the reply to a bet of its own, so sums are compared at the end.
    pub fn settle(&mut self, round: u64, staked: Minor, returned: Minor) {
        let entry = self.rounds.entry(round).or_default();
        if entry.settled.is_some() {
            self.faults.push(format!("B1: round {round} is settled twice"));
            return;
        }
        if entry.accepted != 0 {
            self.unsettled -= 1;
        }
        entry.settled = Some((staked, returned));
    }

    /// The personal channel stands at an offset from here on.
    pub fn follow(&mut self, offset: u64) {
        self.offset = Some(offset);
    }

    /// A publication on the personal channel.
    pub fn heard(&mut self, offset: u64) {
        if let Some(last) = self.offset
            && offset != last + 1
        {
            self.faults.push(format!("B5: offset {offset} follows {last} on the personal channel"));
        }
        self.offset = Some(offset);
    }

    /// Writes down something that must not happen.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// Whether every round with an accepted bet is settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    /// The sums.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let mut sums = Sums { opening: self.opening, ..Sums::default() };
        for round in self.rounds.values() {
            sums.accepted += round.accepted;
            if let Some((staked, returned)) = round.settled {
                sums.staked += staked;
                sums.returned += returned;
                sums.rounds += 1;
            }
        }
        sums
    }

    /// Result of a round, if it is settled: staked and returned.
    #[must_use]
    pub fn result(&self, round: u64) -> Option<(Minor, Minor)> {
        self.rounds.get(&round)?.settled
    }

    /// Everything that is wrong, given the balance a fresh session was told at the end.
    #[must_use]
    pub fn check(&self, available: Minor, held: Minor) -> Vec<String> {
        let mut faults = self.faults.clone();
        for (number, round) in &self.rounds {
            match round.settled {
                None => {
                    faults.push(format!("B1: round {number} with {} at stake is not settled", round.accepted))
                }
                Some((staked, _)) if staked != round.accepted => faults.push(format!(
                    "B2: round {number} is settled with {staked}, accepted were {}",
                    round.accepted
                )),
                Some(_) => {}
            }
        }
        let sums = self.sums();
        let expected = sums.opening - sums.staked + sums.returned;
        if expected != available + held {
            faults.push(format!(
                "B3: {} − {} + {} = {expected}, but {available} + {held} = {}",
                sums.opening,
                sums.staked,
                sums.returned,
                available + held
            ));
        }
        if sums.accepted - sums.staked != held {
            faults.push(format!(
                "B4: accepted {} − settled {} is not the {held} held",
                sums.accepted, sums.staked
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played() -> Book {
        let mut book = Book::default();
        book.open(1_000, 0);
        book.follow(3);
        book.accept(1, 50);
        book.accept(1, 50);
        book.heard(4);
        book.settle(1, 100, 200);
        book.accept(2, 30);
        book.settle(2, 30, 0);
        book
    }

    /// The invariants that a book breaks after one change, with a final balance.
    fn broken(change: impl FnOnce(&mut Book), available: Minor, held: Minor) -> Vec<String> {
        let mut book = played();
        change(&mut book);
        book.check(available, held).iter().map(|fault| fault[..2].to_owned()).collect()
    }

    #[test]
    fn an_honest_hub_is_not_accused() {
        assert_eq!(broken(|_| {}, 1_070, 0), Vec::<String>::new());
        assert_eq!(
            played().sums(),
            Sums { opening: 1_000, accepted: 130, staked: 130, returned: 200, rounds: 2 }
        );
    }

    #[test]
    fn every_kind_of_loss_is_named() {
        assert_eq!(broken(|_| {}, 1_069, 0), ["B3"], "a cent is gone");
        assert_eq!(broken(|_| {}, 1_060, 10), ["B4"], "a hold nobody placed");
        assert_eq!(broken(|book| book.settle(2, 30, 60), 1_070, 0), ["B1"], "settled twice");
        assert_eq!(broken(|book| book.accept(3, 20), 1_050, 20), ["B1"], "accepted and never settled");
        assert_eq!(
            broken(|book| book.settle(3, 20, 0), 1_050, 0),
            ["B2", "B4"],
            "settled and never accepted"
        );
        assert_eq!(broken(|book| book.heard(4), 1_070, 0), ["B5"], "the same publication twice");
        assert_eq!(broken(|book| book.heard(6), 1_070, 0), ["B5"], "a publication is missing");
    }

    #[test]
    fn a_result_that_overtakes_its_receipt_is_in_order() {
        let mut book = Book::default();
        book.open(1_000, 0);
        book.settle(1, 100, 0);
        book.accept(1, 60);
        book.accept(1, 40);
        assert!(book.is_settled());
        assert_eq!(book.check(900, 0), Vec::<String>::new());
    }

    #[test]
    fn a_book_is_settled_when_no_accepted_round_is_open() {
        let mut book = played();
        assert!(book.is_settled());
        book.accept(3, 10);
        book.accept(3, 10);
        assert!(!book.is_settled());
        book.settle(3, 20, 0);
        assert!(book.is_settled());
    }
}
