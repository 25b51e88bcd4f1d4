//! Roles of operators: capabilities under a name. A token names roles; what they allow, the configuration says (`api.roles`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    sync::Arc,
};

use super::Capabilities;

/// Most roles of a configuration.
pub const ROLES_MAX: usize = 64;
/// Most roles of one token.
pub const ROLES_OF_TOKEN_MAX: usize = 16;
/// Longest name of a role, bytes.
const NAME_BYTES_MAX: usize = 32;

/// The name of a role: 1 to 32 lower-case letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleName(Box<str>);

/// The text is not the name of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a role is 1 to 32 lower-case letters, digits, \"_\" and \"-\"")]
pub struct NotARoleName;

impl RoleName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = NotARoleName;

    fn from_str(text: &str) -> Result<Self, NotARoleName> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.into())) } else { Err(NotARoleName) }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0)
    }
}

/// The names of roles in words: `the role "a"`, or `the roles "a", "b"`.
#[must_use]
pub fn in_words(roles: &[RoleName]) -> String {
    let names: Vec<_> = roles.iter().map(RoleName::to_string).collect();
    format!("the role{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}

/// The configured roles, by name. Cheap to share.
#[derive(Debug, Clone, Default)]
pub struct Roles(Arc<BTreeMap<String, Capabilities>>);

/// What roles allow together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleGrant {
    /// The capabilities of those that are configured.
    pub may: Capabilities,
    /// Those that are not: they allow nothing.
    pub unconfigured: Vec<RoleName>,
}

impl Roles {
    /// As configured.
    #[must_use]
    pub fn new<'a>(configured: impl IntoIterator<Item = (&'a String, &'a Capabilities)>) -> Self {
        let configured = configured.into_iter().map(|(name, may)| (name.clone(), may.clone()));
        Self(Arc::new(configured.collect()))
    }

    /// What these roles allow.
    #[must_use]
    pub fn grant(&self, names: &BTreeSet<RoleName>) -> RoleGrant {
        let mut grant = RoleGrant::default();
        for name in names {
            match self.0.get(name.as_str()) {
                Some(may) => grant.may.extend(may),
                None => grant.unconfigured.push(name.clone()),
            }
        }
        grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> BTreeSet<RoleName> {
        texts.iter().map(|text| text.parse().expect("a name")).collect()
    }

    #[test]
    fn the_name_of_a_role_is_an_identifier_in_lower_case() {
        for good in ["a", "support", "tier-2_day", &"x".repeat(32)] {
            assert_eq!(good.parse().as_ref().map(RoleName::as_str), Ok(good));
        }
        for bad in ["", "A", "a b", "a.b", "\"", "ä", &"x".repeat(33)] {
            assert_eq!(bad.parse::<RoleName>(), Err(NotARoleName), "{bad:?}");
        }
    }

    #[test]
    fn roles_allow_what_each_of_them_allows_and_an_unknown_one_allows_nothing() {
        let may = |texts: &[&str]| Capabilities::parse(texts.iter().copied()).expect("capabilities");
        let configured = [("reads", may(&["balance:read"])), ("pays", may(&["collections:*"]))];
        let configured = configured.map(|(name, may)| (name.to_owned(), may));
        let roles = Roles::new(configured.iter().map(|(name, may)| (name, may)));
        for (asked, texts, unconfigured) in [
            (&["reads"][..], &["balance:read"][..], &[][..]),
            (&["reads", "pays"], &["collections:*", "balance:read"], &[]),
            (&["reads", "gone"], &["balance:read"], &["gone"]),
            (&["gone", "lost"], &[], &["gone", "lost"]),
        ] {
            let RoleGrant { may, unconfigured: found } = roles.grant(&names(asked));
            assert_eq!(may.texts(), texts, "{asked:?}");
            assert_eq!(found.iter().map(RoleName::as_str).collect::<Vec<_>>(), unconfigured, "{asked:?}");
        }
        let lost: Vec<_> = names(&["gone", "lost"]).into_iter().collect();
        assert_eq!(in_words(&lost[..1]), "the role \"gone\"");
        assert_eq!(in_words(&lost), "the roles \"gone\", \"lost\"");
    }
}
