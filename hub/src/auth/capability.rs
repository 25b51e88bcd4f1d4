//! What a service or an operator may do: capabilities, written in tokens and configuration.
//!
//! | text | allows |
//! |---|---|
//! | `balance:read`, `balance:write`, … | to read, or to change, a domain; `coordinator` and `monitoring` are written like domains |
//! | `adjustment:propose`, `payouts:approve`, … | a step of an approval |
//! | `publish:news` | to publish into a namespace |
//! | `balance:*`, `publish:*` | every one before the colon |
//! | `*` | every one |

use std::{collections::BTreeSet, fmt, str::FromStr};

use ledger::Domain;
use serde::{Deserialize, Deserializer, de};

/// Most capabilities of one token or service.
pub const CAPABILITIES_MAX: usize = 64;
/// Longest namespace in a capability, bytes; as long as a channel's.
const NAMESPACE_BYTES_MAX: usize = 64;

/// A part of the hub whose reading and changing is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// A money domain.
    Domain(Domain),
    /// Transactions over several domains.
    Coordinator,
    /// Health, figures and reports.
    Monitoring,
}

/// How an area is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It is looked at.
    Read,
    /// It is changed.
    Write,
}

/// What needs two people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approvable {
    /// A correction.
    Adjustment,
    /// Money that goes out.
    Payouts,
    /// A bonus campaign.
    Promotions,
}

/// A step of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApprovalStep {
    /// The first.
    Propose,
    /// The second, by somebody else.
    Approve,
}

/// One thing that somebody may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Use an area.
    Use(Area, Access),
    /// Take part in an approval.
    Approval(Approvable, ApprovalStep),
    /// Publish into a namespace.
    Publish(Box<str>),
}

/// The text is no capability. Names it, cut to a bounded length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// Unknown.
    #[error(
        "\"{0}\" is no capability: one is {areas}:read or :write, adjustment, payouts or promotions with :propose or :approve, \
         publish:NAMESPACE, a word before the colon with :*, or * for every one",
        areas = Area::names()
    )]
    Unknown(String),
    /// Too many.
    #[error("more than {CAPABILITIES_MAX} capabilities")]
    TooMany,
}

/// The name of a domain in paths and capabilities.
#[must_use]
pub fn domain_name(domain: Domain) -> &'static str {
    match domain {
        Domain::Balance => "balance",
        Domain::Collections => "collections",
        Domain::Distributions => "distributions",
        Domain::FreePlay => "free-play",
        Domain::Adjustment => "adjustment",
    }
}

impl Area {
    fn all() -> impl Iterator<Item = Self> {
        Domain::ALL.into_iter().map(Self::Domain).chain([Self::Coordinator, Self::Monitoring])
    }

    fn name(self) -> &'static str {
        match self {
            Self::Domain(domain) => domain_name(domain),
            Self::Coordinator => "coordinator",
            Self::Monitoring => "monitoring",
        }
    }

    fn names() -> String {
        Self::all().map(Self::name).collect::<Vec<_>>().join(", ")
    }
}

impl Access {
    const ALL: [Self; 2] = [Self::Read, Self::Write];

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl Approvable {
    const ALL: [Self; 3] = [Self::Adjustment, Self::Payouts, Self::Promotions];

    fn name(self) -> &'static str {
        match self {
            Self::Adjustment => "adjustment",
            Self::Payouts => "payouts",
            Self::Promotions => "promotions",
        }
    }
}

impl ApprovalStep {
    const ALL: [Self; 2] = [Self::Propose, Self::Approve];

    fn name(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Approve => "approve",
        }
    }
}

impl Capability {
    /// What stands before the colon.
    fn family(&self) -> &'static str {
        match self {
            Self::Use(area, _) => area.name(),
            Self::Approval(what, _) => what.name(),
            Self::Publish(_) => "publish",
        }
    }

    /// What stands behind it.
    fn member(&self) -> &str {
        match self {
            Self::Use(_, access) => access.name(),
            Self::Approval(_, step) => step.name(),
            Self::Publish(namespace) => namespace,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.family(), self.member())
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        let unknown = || CapabilityError::Unknown(text.chars().take(NAMESPACE_BYTES_MAX).collect());
        let (family, member) = text.split_once(':').ok_or_else(unknown)?;
        if family == "publish" {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            let fits = (1..=NAMESPACE_BYTES_MAX).contains(&member.len()) && member.bytes().all(legal);
            return if fits { Ok(Self::Publish(member.into())) } else { Err(unknown()) };
        }
        let area = || Area::all().find(|area| area.name() == family);
        let access = Access::ALL.into_iter().find(|access| access.name() == member);
        let what = || Approvable::ALL.into_iter().find(|what| what.name() == family);
        let step = ApprovalStep::ALL.into_iter().find(|step| step.name() == member);
        match (access, step) {
            (Some(access), _) => area().map(|area| Self::Use(area, access)),
            (None, Some(step)) => what().map(|what| Self::Approval(what, step)),
            (None, None) => None,
        }
        .ok_or_else(unknown)
    }
}

/// What somebody may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    everything: bool,
    /// Families of which everything is allowed.
    families: BTreeSet<Box<str>>,
    single: BTreeSet<Capability>,
}

impl Capabilities {
    /// From texts such as `balance:read`, `balance:*` and `*`.
    ///
    /// # Errors
    /// The first text that is none, or when there are more than [`CAPABILITIES_MAX`].
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, CapabilityError> {
        let mut all = Self::default();
        for (index, text) in texts.into_iter().enumerate() {
            if index == CAPABILITIES_MAX {
                return Err(CapabilityError::TooMany);
            }
            match text.strip_suffix(":*") {
                _ if text == "*" => all.everything = true,
                Some(family) if Self::is_family(family) => drop(all.families.insert(family.into())),
                Some(_) | None => drop(all.single.insert(text.parse()?)),
            }
        }
        Ok(all)
    }

    fn is_family(text: &str) -> bool {
        text == "publish"
            || Area::all().any(|area| area.name() == text)
            || Approvable::ALL.into_iter().any(|what| what.name() == text)
    }

    /// Every capability to publish, and no other.
    #[must_use]
    pub fn to_publish() -> Self {
        Self { families: ["publish".into()].into(), ..Self::default() }
    }

    /// Adds others.
    pub fn extend(&mut self, others: &Self) {
        let Self { everything, families, single } = others;
        self.everything |= everything;
        self.families.extend(families.iter().cloned());
        self.single.extend(single.iter().cloned());
    }

    /// Whether it is among them.
    #[must_use]
    pub fn allow(&self, capability: &Capability) -> bool {
        self.everything || self.families.contains(capability.family()) || self.single.contains(capability)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.everything && self.families.is_empty() && self.single.is_empty()
    }

    /// Their texts, as they are written in a token.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let everything = self.everything.then(|| "*".to_owned());
        let families = self.families.iter().map(|family| format!("{family}:*"));
        everything.into_iter().chain(families).chain(self.single.iter().map(Capability::to_string)).collect()
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        Self::parse(texts.iter().map(String::as_str)).map_err(de::Error::custom)
    }
}

impl serde::Serialize for Capabilities {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.texts().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(texts: &[&str]) -> Capabilities {
        Capabilities::parse(texts.iter().copied()).expect("capabilities")
    }

    fn one(text: &str) -> Capability {
        text.parse().expect("a capability")
    }

    #[test]
    fn each_capability_allows_itself_alone() {
        let texts = [
            "balance:read",
            "balance:write",
            "free-play:read",
            "coordinator:write",
            "monitoring:read",
            "adjustment:read",
            "adjustment:propose",
            "payouts:approve",
            "publish:news",
        ];
        for mine in texts {
            assert_eq!(parsed(&[mine]).texts(), [mine]);
            for asked in texts {
                assert_eq!(parsed(&[mine]).allow(&one(asked)), mine == asked, "{mine} for {asked}");
            }
        }
        assert!(texts.iter().all(|asked| !Capabilities::default().allow(&one(asked))));
    }

    #[test]
    fn a_star_stands_for_a_family_or_for_everything() {
        let adjustment = parsed(&["adjustment:*"]);
        for (asked, expected) in [
            ("adjustment:read", true),
            ("adjustment:approve", true),
            ("balance:read", false),
            ("publish:adjustment", false),
        ] {
            assert_eq!(adjustment.allow(&one(asked)), expected, "{asked}");
        }
        let everything = parsed(&["*"]);
        assert!(
            ["balance:write", "payouts:approve", "publish:x"]
                .iter()
                .all(|asked| everything.allow(&one(asked)))
        );
        assert!(Capabilities::to_publish().allow(&one("publish:news")));
        assert!(!Capabilities::to_publish().allow(&one("balance:read")));
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        for text in [
            "",
            "balance",
            "balance:",
            ":read",
            "money:read",
            "payouts:read",
            "balance:propose",
            "publish:",
            "publish:a b",
            "**",
            "x:*",
            "*:*",
            "free_play:read",
        ] {
            let refused = Capabilities::parse([text]).expect_err(text).to_string();
            assert!(refused.starts_with(&format!("\"{text}\" is no capability")), "{refused}");
        }
        assert_eq!(Capabilities::parse(["*"; 65]), Err(CapabilityError::TooMany));
        assert!(Capabilities::parse(["*"; 64]).is_ok());
    }
}
