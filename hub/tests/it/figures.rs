//! The figures are OpenMetrics text that any scraper reads: every family with its description once, then its samples.

use std::collections::BTreeSet;

/// A family as read from the text.
#[derive(Debug, Default)]
pub struct Family {
    /// Its name, without `_total`.
    pub name: String,
    /// `counter` or `gauge`.
    pub kind: String,
    /// Its unit; empty when its name has none.
    pub unit: String,
    /// Its description.
    pub help: String,
    /// Its samples: name with labels, and value.
    samples: Vec<(String, f64)>,
}

/// Reads an exposition strictly.
///
/// # Panics
/// With the line that is wrong.
pub fn families(text: &str) -> Vec<Family> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with its mark");
    let mut families: Vec<Family> = Vec::new();
    for line in body.lines() {
        let Some(described) = line.strip_prefix("# ") else {
            let family = families.last_mut().unwrap_or_else(|| panic!("{line} has no family"));
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line} is no sample"));
            let suffix = if family.kind == "counter" { "_total" } else { "" };
            let base = name.split('{').next().unwrap();
            assert_eq!(base, format!("{}{suffix}", family.name), "{line} stands in another family");
            let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            family.samples.push((name.to_owned(), value));
            continue;
        };
        let [what, name, words] = described.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        if what == "HELP" {
            families.push(Family { name: name.to_owned(), help: words.to_owned(), ..Family::default() });
            continue;
        }
        let family = families.last_mut().filter(|family| family.name == name && family.samples.is_empty());
        let family = family.unwrap_or_else(|| panic!("{line} stands apart from its HELP"));
        let place = match what {
            "TYPE" => &mut family.kind,
            "UNIT" => &mut family.unit,
            _ => panic!("{line} is no description"),
        };
        assert!(std::mem::replace(place, words.to_owned()).is_empty(), "{line} is said twice");
    }
    families
}

#[test]
fn every_family_is_described_once_and_every_sample_stands_in_its_family() {
    let families = families(&hub::edge::metrics::blank().unwrap());
    assert!(families.len() > 30, "{}", families.len());
    let (mut names, mut samples) = (BTreeSet::new(), BTreeSet::new());
    for Family { name, kind, unit, help, samples: own } in families {
        assert!(name.starts_with("hub_") && names.insert(name.clone()), "{name} is there twice, or not ours");
        assert!(kind == "counter" || kind == "gauge", "{name} is a {kind:?}");
        assert!(help.len() > 10 && help.ends_with('.') && !help.ends_with(".."), "{name}: {help:?}");
        assert!(unit.is_empty() || name.ends_with(&format!("_{unit}")), "{name} in {unit}");
        assert!(!name.ends_with("_total"), "{name} gets its ending on the way out");
        for (sample, value) in own {
            assert!(value >= 0.0 && samples.insert(sample.clone()), "{sample} {value}");
        }
    }
}

#[test]
#[should_panic(expected = "stands in another family")]
fn a_sample_out_of_its_family_is_seen() {
    families("# HELP hub_a A.\n# TYPE hub_a gauge\n# HELP hub_b B.\n# TYPE hub_b gauge\nhub_a 1\n# EOF\n");
}
