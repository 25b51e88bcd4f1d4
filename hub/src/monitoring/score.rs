//! The health score: how well the hub works, as one number.

use ledger::Domain;

use super::health_status::{CheckedPart, PartState};
use crate::config::Weights;

/// How well the hub works, from 0 to 100: the mean of its checks by their weights. One that works counts 100, one that
/// needs attention 50; admission counts less, the fuller the hub is (`load`, in percent). Rounded down: 100 means that
/// nothing is wrong. Checks that are not there count for nothing.
#[must_use]
pub fn health_score(parts: &[CheckedPart], load: u8, weights: &Weights) -> u8 {
    let (mut sum, mut all) = (0, 0);
    for part in parts {
        let weight = weight(part.rule.name, weights);
        let value = match part.state {
            PartState::Works if part.rule.name == "admission" => 100 - u64::from(load.min(100)),
            PartState::Works => 100,
            PartState::Impaired => 50,
            PartState::Fails | PartState::Silent => 0,
        };
        sum += weight * value;
        all += weight;
    }
    u8::try_from(sum.checked_div(all).unwrap_or(0)).unwrap_or(100)
}

/// What a check counts, in fifths: each domain is one of five.
fn weight(name: &str, weights: &Weights) -> u64 {
    let whole = |weight: u32| u64::from(weight) * Domain::ALL.len() as u64;
    match name {
        "journal" => whole(weights.journal),
        "tables" => whole(weights.tables),
        "admission" => whole(weights.admission),
        "people" => whole(weights.people),
        "channels" => whole(weights.channels),
        "state_store" => whole(weights.state_store),
        "read_model" => whole(weights.read_model),
        "archive" => whole(weights.archive),
        name if Domain::ALL.iter().any(|domain| domain.name() == name) => weights.domains.into(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::monitoring::health_status::CheckRule;

    const NAMES: [&str; 13] = [
        "journal",
        "tables",
        "balance",
        "collections",
        "distributions",
        "free_play",
        "adjustment",
        "admission",
        "people",
        "channels",
        "state_store",
        "read_model",
        "archive",
    ];

    /// Every check works, but for these.
    fn parts(but: &[(&'static str, PartState)]) -> Vec<CheckedPart> {
        let state = |name| but.iter().find(|(known, _)| *known == name).map_or(PartState::Works, |one| one.1);
        let part = |name| CheckedPart {
            rule: CheckRule::useful(name, 1),
            state: state(name),
            message: String::new(),
            took: Duration::ZERO,
        };
        NAMES.map(part).into()
    }

    /// Ten, fifty and forty: what the others have is seen.
    fn only(name: &str, weight: u32) -> Weights {
        let mut weights = Weights {
            journal: 0,
            tables: 0,
            domains: 0,
            admission: 0,
            people: 0,
            channels: 0,
            state_store: 0,
            read_model: 0,
            archive: 0,
        };
        let place = match name {
            "journal" => &mut weights.journal,
            "tables" => &mut weights.tables,
            "admission" => &mut weights.admission,
            "people" => &mut weights.people,
            "channels" => &mut weights.channels,
            "state_store" => &mut weights.state_store,
            "read_model" => &mut weights.read_model,
            "archive" => &mut weights.archive,
            _ => &mut weights.domains,
        };
        *place = weight;
        weights
    }

    #[test]
    fn each_weight_decides_what_its_check_counts_and_no_other() {
        for name in NAMES {
            let domain = Domain::ALL.iter().any(|domain| domain.name() == name);
            let alone = only(name, 7);
            let lost = if domain { 80 } else { 0 };
            for state in [PartState::Fails, PartState::Silent] {
                assert_eq!(health_score(&parts(&[(name, state)]), 0, &alone), lost, "{name} alone");
            }
            let half = if domain { 90 } else { 50 };
            assert_eq!(health_score(&parts(&[(name, PartState::Impaired)]), 0, &alone), half, "{name}");
            for other in NAMES.into_iter().filter(|other| *other != name) {
                let both = domain && Domain::ALL.iter().any(|domain| domain.name() == other);
                let expected = if both { 80 } else { 100 };
                let fails = parts(&[(other, PartState::Fails)]);
                assert_eq!(health_score(&fails, 0, &alone), expected, "{other} counts as {name}");
            }
        }
    }

    #[test]
    fn the_score_is_the_mean_by_weight_rounded_down() {
        let weights = Weights { tables: 60, ..only("journal", 40) };
        for (but, expected) in [
            (&[][..], 100),
            (&[("journal", PartState::Fails)], 60),
            (&[("tables", PartState::Silent)], 40),
            (&[("tables", PartState::Impaired)], 70),
            (&[("journal", PartState::Fails), ("tables", PartState::Impaired)], 30),
            (&[("archive", PartState::Fails)], 100),
        ] {
            assert_eq!(health_score(&parts(but), 0, &weights), expected, "{but:?}");
        }
        let third = Weights { tables: 2, ..only("journal", 1) };
        assert_eq!(health_score(&parts(&[("journal", PartState::Fails)]), 0, &third), 66);
        let slight = Weights { people: 1, ..only("journal", 1_000) };
        assert_eq!(health_score(&parts(&[("people", PartState::Impaired)]), 0, &slight), 99);
        assert_eq!(health_score(&parts(&[]), 0, &only("journal", 0)), 0, "there is no mean of nothing");
    }

    #[test]
    fn a_fuller_hub_scores_less_and_a_check_that_is_not_there_counts_for_nothing() {
        let admission = only("admission", 10);
        for (load, expected) in [(0, 100), (1, 99), (70, 30), (100, 0), (200, 0)] {
            assert_eq!(health_score(&parts(&[]), load, &admission), expected, "{load} percent");
        }
        let mut without = parts(&[("archive", PartState::Fails)]);
        let weights = Weights::default();
        assert_eq!(health_score(&without, 0, &weights), 95);
        without.retain(|part| part.rule.name != "archive");
        assert_eq!(health_score(&without, 0, &weights), 100);
    }
}
