//! What became of each bet that fell due in the measured time, and whether enough of them were served.
//!
//! A histogram of accepted bets alone hides the bets that the hub refuses or ignores. So every arrival ends up under
//! exactly one heading here, and a run whose accepted share is too small fails, however fast the rest was.

use serde::{Deserialize, Serialize};

/// What a run must reach to pass, besides the money checks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Required {
    /// Least share of the wanted bets that are accepted; 0 to 1. Wanted are those due in the measured time, without
    /// those that fell between rounds and those that came late.
    pub accepted_share_min: f64,
    /// Largest share of the bets due while a table took bets that may be refused as late; 0 to 1. More than a few
    /// crossing with the news of a lock means that the hub kept them waiting until it was too late.
    pub late_share_max: f64,
}

impl Default for Required {
    fn default() -> Self {
        Self { accepted_share_min: 0.99, late_share_max: 0.05 }
    }
}

/// The bets that were due in the measured time, by what became of them. Each is counted once.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fates {
    /// All of them: the sum of the others.
    pub due: u64,
    /// Answered with a receipt that fits.
    pub accepted: u64,
    /// Refused because betting had just ended.
    pub late: u64,
    /// Refused for any other reason, `busy` among them, or answered with something that does not fit.
    pub refused: u64,
    /// Sent, and not answered by the end of the run.
    pub unanswered: u64,
    /// Never sent, because too many bets were under way.
    pub unsent: u64,
    /// Never sent, because no table took bets: nothing was wanted of the hub.
    pub no_table: u64,
    /// Never sent, because nobody had the money.
    pub no_money: u64,
}

impl Fates {
    /// Share of the wanted bets that were accepted; 0 when none was wanted.
    #[must_use]
    pub fn accepted_share(&self) -> f64 {
        share(self.accepted, self.due.saturating_sub(self.no_table + self.late))
    }

    /// Share of the bets due while a table took bets that were refused as late.
    #[must_use]
    pub fn late_share(&self) -> f64 {
        share(self.late, self.due.saturating_sub(self.no_table))
    }

    /// Why the run does not pass, if it does not.
    #[must_use]
    pub fn faults(&self, required: &Required) -> Vec<String> {
        let mut faults = Vec::new();
        if self.accepted == 0 {
            faults.push("no bet of the measured time was accepted".to_owned());
        } else if self.accepted_share() < required.accepted_share_min {
            faults.push(format!(
                "{:.2} % of the wanted bets were accepted, at least {:.2} % must be: of {} due {} were refused, {} \
                 never answered, {} not sent with too many under way, {} without money",
                100.0 * self.accepted_share(),
                100.0 * required.accepted_share_min,
                self.due,
                self.refused,
                self.unanswered,
                self.unsent,
                self.no_money
            ));
        }
        if self.late_share() > required.late_share_max {
            faults.push(format!(
                "{:.2} % of the bets were refused as late, at most {:.2} % may be",
                100.0 * self.late_share(),
                100.0 * required.late_share_max
            ));
        }
        faults
    }

    /// The sum of all fates, which is [`Fates::due`] when the run is over.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let Self { due: _, accepted, late, refused, unanswered, unsent, no_table, no_money } = self;
        accepted + late + refused + unanswered + unsent + no_table + no_money
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVED: Fates = Fates {
        due: 1_000,
        accepted: 991,
        late: 0,
        refused: 3,
        unanswered: 3,
        unsent: 3,
        no_table: 0,
        no_money: 0,
    };

    fn faults(fates: Fates) -> Vec<String> {
        fates.faults(&Required::default())
    }

    #[test]
    fn every_way_not_to_be_served_counts_against_the_hub() {
        assert_eq!(faults(SERVED), [""; 0]);
        for (accepted, refused, unanswered, unsent, no_money) in
            [(980, 20, 0, 0, 0), (980, 0, 20, 0, 0), (980, 0, 0, 20, 0), (980, 0, 0, 0, 20)]
        {
            let fates = Fates { accepted, refused, unanswered, unsent, no_money, ..SERVED };
            let faults = faults(fates);
            assert_eq!(faults.len(), 1);
            assert!(faults[0].starts_with("98.00 % of the wanted bets were accepted"), "{faults:?}");
        }
    }

    #[test]
    fn bets_between_rounds_do_not_count_and_late_bets_have_a_bound_of_their_own() {
        assert_eq!(faults(Fates { due: 5_000, no_table: 4_000, ..SERVED }), [""; 0]);
        assert_eq!(faults(Fates { due: 1_050, late: 50, ..SERVED }), [""; 0]);
        let late = faults(Fates { due: 1_100, late: 100, ..SERVED });
        assert!(late.len() == 1 && late[0].contains("refused as late"), "{late:?}");
    }

    #[test]
    fn a_run_in_which_nothing_was_accepted_does_not_pass() {
        assert_eq!(faults(Fates::default()), ["no bet of the measured time was accepted"]);
        let nothing_open = Fates { due: 10, no_table: 10, ..Fates::default() };
        assert_eq!(faults(nothing_open), ["no bet of the measured time was accepted"]);
    }
}
