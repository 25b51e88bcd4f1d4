//! Facts that stand both in the log and outside it: the decimals of a currency, the fingerprint of a secret, the issuer of
//! the players' tokens, the id of the people store.
//!
//! With another scale every balance would have another value, with another issuer or people store no player would find
//! their account, and with another seed secret no open round could be drawn. Nothing else in a log shows the difference.
//! While nothing depends on a fact it may change, and is recorded again.

use std::collections::BTreeMap;

use engine::{Books, Fact, SecretName, World, invariant::fact_stands_in};
use ledger::{AccountKind, Domain};
use people::People;
use protocol::Currency;

use super::Error;
use crate::config::Loaded;

/// A fact as it is outside the log, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The fact.
    pub fact: Fact,
    /// The variable or file of a secret; the people store.
    pub(super) place: String,
}

/// All facts of the configuration.
#[must_use]
pub fn given(loaded: &Loaded) -> Vec<Given> {
    let scales = loaded.config.currencies.iter().map(|currency| Given {
        fact: Fact::Scale { currency: currency.code, scale: currency.scale },
        place: String::new(),
    });
    let checks = loaded.secrets.checks.iter().map(|check| Given {
        fact: Fact::Check { secret: check.secret, value: check.value },
        place: check.place.clone(),
    });
    let name = loaded.config.auth.issuer.as_str().into();
    let issuer = Given { fact: Fact::Issuer { name }, place: String::new() };
    scales.chain(checks).chain([issuer]).collect()
}

/// Checks that the log contradicts none of these facts on which anything depends.
///
/// # Errors
/// The first that is contradicted, in words that say what to do.
pub(super) fn check(given: &[Given], world: &World) -> Result<(), Error> {
    for Given { fact, place } in given {
        let Err(violation) = fact_stands_in(world, fact) else { continue };
        let recorded = world.books.facts();
        return Err(match fact {
            Fact::Scale { currency, scale } => Error::Scale {
                currency: *currency,
                configured: *scale,
                recorded: recorded.scale(*currency).unwrap_or(*scale),
            },
            Fact::Check { secret, .. } => {
                let (secret, harm) = in_words(*secret);
                Error::Secret { secret, harm, place: place.clone() }
            }
            Fact::Issuer { name } => Error::Issuer {
                configured: name.clone(),
                recorded: recorded.issuer().unwrap_or_default().into(),
            },
            // What the log says of its clock, and of what it uses, stands nowhere else.
            Fact::Clock { .. } | Fact::Erased { .. } | Fact::Upgrade(_) => continue,
            Fact::People { file } => Error::OtherPeople {
                file: place.into(),
                found: *file,
                recorded: recorded.people().unwrap_or_default(),
            },
            Fact::Kept { .. } => {
                Error::Invariant { lsn: world.books.lsn(), source: violation.to_string().into() }
            }
        });
    }
    Ok(())
}

/// The facts that the log does not have yet: the given ones, the people store, and who was erased from it since the log was
/// copied. Who has money in a restored log stays unrecorded.
#[must_use]
pub fn missing(given: &[Given], people: &People, books: &Books) -> Vec<Fact> {
    let store = Fact::People { file: people.id() };
    let erased = people.erased().iter().copied();
    let erased =
        erased.filter(|(player, excluded)| books.still_open(*player, *excluded, books.time()).is_none());
    let erased = erased.map(|(player, excluded)| Fact::Erased { player, excluded });
    let facts = given.iter().map(|given| given.fact.clone()).chain([store]).chain(erased);
    facts.filter(|fact| !books.facts().says(fact)).collect()
}

fn in_words(secret: SecretName) -> (&'static str, &'static str) {
    match secret {
        SecretName::Seed => ("seed secret", "the rounds that are open could not be drawn"),
    }
}

/// What players have in a currency that is configured no more: it stays theirs, and nothing can be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranded {
    /// The currency.
    pub currency: Currency,
    /// Its decimals, as recorded.
    pub scale: u32,
    /// Cash accounts.
    pub accounts: u64,
    /// What they have available, minor units.
    pub available: i128,
    /// What is held of it in open rounds, minor units.
    pub held: i128,
}

/// Every currency that has accounts and is configured no more. Costs a pass over the players' accounts.
#[must_use]
pub fn stranded(loaded: &Loaded, books: &Books) -> Vec<Stranded> {
    let configured: Vec<Currency> = loaded.config.currencies.iter().map(|currency| currency.code).collect();
    let mut sums: BTreeMap<Currency, Stranded> = BTreeMap::new();
    for (id, account) in books.domains().ledger(Domain::Balance).accounts() {
        if id.kind != AccountKind::Cash || configured.contains(&id.currency) {
            continue;
        }
        let scale = books.facts().scale(id.currency).unwrap_or_default();
        let none = Stranded { currency: id.currency, scale, accounts: 0, available: 0, held: 0 };
        let sum = sums.entry(id.currency).or_insert(none);
        sum.accounts += 1;
        sum.available += account.available();
        sum.held += account.debits_pending;
    }
    sums.into_values().collect()
}
