//! What a check says of a part, and what all of them say of the hub.

use std::time::Duration;

/// How well something works. The later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// All of it works.
    Healthy,
    /// It works, and somebody should look at it.
    Degraded,
    /// It does not work.
    Unhealthy,
}

impl HealthStatus {
    /// Every status, the best first.
    pub const ALL: [Self; 3] = [Self::Healthy, Self::Degraded, Self::Unhealthy];

    /// Its name on pages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What a check is called, whether the hub can take work without its part, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckRule {
    /// The name of the part.
    pub name: &'static str,
    /// Whether the hub takes no work without it.
    pub critical: bool,
    /// Longest wait for an answer; without one the part does not work.
    pub deadline: Duration,
}

impl CheckRule {
    /// A part that every request needs.
    #[must_use]
    pub const fn critical(name: &'static str, deadline_ms: u64) -> Self {
        Self { name, critical: true, deadline: Duration::from_millis(deadline_ms) }
    }

    /// A part without which the hub goes on.
    #[must_use]
    pub const fn useful(name: &'static str, deadline_ms: u64) -> Self {
        Self { critical: false, ..Self::critical(name, deadline_ms) }
    }
}

/// What a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// The part works.
    Works,
    /// It works, and somebody should look at it.
    Impaired,
    /// It does not work.
    Fails,
    /// It has not answered within the deadline.
    Silent,
}

/// A part as its check has found it.
#[derive(Debug, Clone)]
pub struct CheckedPart {
    /// The check.
    pub rule: CheckRule,
    /// What it has found.
    pub state: PartState,
    /// For the operator: it may name files and amounts of business.
    pub message: String,
    /// How long the answer took.
    pub took: Duration,
}

impl CheckedPart {
    /// How well the part works.
    #[must_use]
    pub fn status(&self) -> HealthStatus {
        match self.state {
            PartState::Works => HealthStatus::Healthy,
            PartState::Impaired => HealthStatus::Degraded,
            PartState::Fails | PartState::Silent => HealthStatus::Unhealthy,
        }
    }

    /// Whether it works at all.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.status() != HealthStatus::Unhealthy
    }

    /// For everybody: it names nothing.
    #[must_use]
    pub fn public_message(&self) -> &'static str {
        match self.state {
            PartState::Works => "works",
            PartState::Impaired => "works, and needs attention",
            PartState::Fails => "does not work",
            PartState::Silent => "has not answered in time",
        }
    }
}

/// How well the hub works: as its worst part, and a part that it can do without degrades it only.
#[must_use]
pub fn overall<'a>(parts: impl IntoIterator<Item = &'a CheckedPart>) -> HealthStatus {
    let counts = |part: &CheckedPart| match part.rule.critical {
        true => part.status(),
        false => part.status().min(HealthStatus::Degraded),
    };
    parts.into_iter().map(counts).max().unwrap_or(HealthStatus::Healthy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(critical: bool, state: PartState) -> CheckedPart {
        let rule = CheckRule { critical, ..CheckRule::critical("x", 1) };
        CheckedPart { rule, state, message: String::new(), took: Duration::ZERO }
    }

    #[test]
    fn the_hub_works_as_well_as_its_worst_part_and_goes_on_without_those_that_are_useful_only() {
        use HealthStatus::{Degraded, Healthy, Unhealthy};
        use PartState::{Fails, Impaired, Silent, Works};
        for (parts, expected) in [
            (vec![], Healthy),
            (vec![(true, Works), (false, Works)], Healthy),
            (vec![(true, Impaired), (false, Works)], Degraded),
            (vec![(true, Works), (false, Impaired)], Degraded),
            (vec![(true, Works), (false, Fails)], Degraded),
            (vec![(false, Silent), (false, Fails)], Degraded),
            (vec![(true, Fails), (false, Works)], Unhealthy),
            (vec![(true, Silent), (true, Works)], Unhealthy),
            (vec![(true, Fails), (true, Impaired)], Unhealthy),
        ] {
            let found: Vec<_> = parts.iter().map(|(critical, state)| part(*critical, *state)).collect();
            assert_eq!(overall(&found), expected, "{parts:?}");
        }
    }
}
