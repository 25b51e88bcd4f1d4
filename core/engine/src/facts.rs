//! Facts that a log keeps about its hub: the decimals of each currency, the check value of its seed secret, the issuer of
//! its players' tokens, the people store that says whose its player ids are, whether its clock is in doubt, and what it uses of
//! later releases, and which players were erased. A kind of fact is one line of [`FACTS`].
//!
//! An account does not contain its minor unit, and a player id does not contain its person. With another scale every
//! balance would have another value; with another issuer or people store no player would find their account. So all are
//! recorded before their first use, and the start compares them with the configuration and the data directory.

use std::collections::BTreeMap;

use ledger::{Digest, Print};
use protocol::{Currency, PlayerId, amount::SCALE_MAX};

use ledger::codec::{DecodeError, Decoder, Encoder, Feature, NamedFeature};

/// Longest name of an issuer, bytes.
pub const ISSUER_BYTES_MAX: usize = 256;

/// Longest value of a fact that is only kept, bytes.
pub const KEPT_BYTES_MAX: usize = 256;

/// A fact about the hub that writes the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The number of decimals of a currency.
    Scale {
        /// The currency.
        currency: Currency,
        /// Decimals of its minor unit, 0..=[`SCALE_MAX`].
        scale: u32,
    },
    /// The check value of a secret: computed from the secret, and does not reveal it.
    Check {
        /// The secret.
        secret: SecretName,
        /// A keyed hash of a fixed text, cut to 128 bits.
        value: u128,
    },
    /// The people store: it maps issuer and subject to the player ids of this log.
    People {
        /// Its random id.
        file: u128,
    },
    /// Who issues the tokens of the players: the people store has each of them under the issuer and the subject.
    Issuer {
        /// As its tokens name it, at most [`ISSUER_BYTES_MAX`].
        name: Box<str>,
    },
    /// A fact of a kind that this crate only keeps and compares: the log has one value of it, for good.
    Kept {
        /// The number of its kind.
        kind: u8,
        /// Its value, at most [`KEPT_BYTES_MAX`].
        value: Box<[u8]>,
    },
    /// Whether the clock is in doubt: a start has found it far ahead of the log, and no operator has accepted it since. The
    /// records after it have the time of that clock, so that nothing else in the log shows the doubt at a later start.
    Clock {
        /// It is in doubt.
        doubted: bool,
    },
    /// The people store forgets who a player is: see [`erasure`](crate::erasure). It holds for good.
    Erased {
        /// The random id.
        player: PlayerId,
        /// Whether the person stays excluded, and is recognised under the same name.
        excluded: bool,
    },
    /// The log uses a feature from here on: see [`upgrade`](crate::upgrade).
    Upgrade(NamedFeature),
}

/// A feature that a log uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse {
    /// The feature.
    pub feature: NamedFeature,
    /// Place in the log of the record of its first use. It has a place of its own, before that of the record that uses it.
    pub first: u64,
}

/// What the log knows of a kind of fact.
#[derive(Debug, Clone, Copy)]
pub struct FactKind {
    /// Its number in the log.
    pub number: u8,
    /// Its name in reports.
    pub name: &'static str,
    /// Reads a fact of the kind with this number.
    decode: fn(u8, &mut Decoder<'_>) -> Result<Fact, DecodeError>,
}

impl FactKind {
    /// A kind that is only kept: see [`Fact::Kept`].
    #[must_use]
    pub const fn kept(number: u8, name: &'static str) -> Self {
        Self { number, name, decode: decode_kept }
    }
}

/// Every kind of fact that this release has.
pub const FACTS: &[FactKind] = &[
    FactKind { number: 1, name: "scale", decode: decode_scale },
    FactKind { number: 2, name: "check", decode: decode_check },
    FactKind { number: 3, name: "issuer", decode: decode_issuer },
    FactKind { number: 4, name: "people", decode: |_, decoder| Ok(Fact::People { file: decoder.fixed()? }) },
    FactKind { number: 5, name: "clock", decode: |_, decoder| Ok(Fact::Clock { doubted: decoder.flag()? }) },
    FactKind { number: 6, name: "upgrade", decode: |_, decoder| Ok(Fact::Upgrade(decoder.feature()?)) },
    FactKind { number: 7, name: "erased", decode: decode_erased },
];

/// A secret that the log depends on. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// Seals the seeds of rounds that are not drawn.
    Seed,
}

impl SecretName {
    /// Every secret.
    pub const ALL: [SecretName; 1] = [SecretName::Seed];

    fn number(self) -> u8 {
        match self {
            SecretName::Seed => 2,
        }
    }
}

/// The facts that a log has recorded so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    scales: BTreeMap<Currency, u32>,
    checks: BTreeMap<SecretName, u128>,
    issuer: Option<Box<str>>,
    people: Option<u128>,
    kept: BTreeMap<u8, Box<[u8]>>,
    clock_doubted: bool,
    erased: BTreeMap<PlayerId, bool>,
    in_use: BTreeMap<Feature, InUse>,
}

impl Facts {
    /// The decimals of a currency, if the log has used it.
    #[must_use]
    pub fn scale(&self, currency: Currency) -> Option<u32> {
        self.scales.get(&currency).copied()
    }

    /// Every currency with its decimals.
    pub fn scales(&self) -> impl Iterator<Item = (Currency, u32)> {
        self.scales.iter().map(|(currency, scale)| (*currency, *scale))
    }

    /// The check value of a secret, if the log has recorded it.
    #[must_use]
    pub fn check(&self, secret: SecretName) -> Option<u128> {
        self.checks.get(&secret).copied()
    }

    /// Who issues the tokens of the players, once it is known.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The id of the people store, once it is known.
    #[must_use]
    pub fn people(&self) -> Option<u128> {
        self.people
    }

    /// The value of a fact of a kind that is only kept, once it is known.
    #[must_use]
    pub fn kept(&self, kind: u8) -> Option<&[u8]> {
        self.kept.get(&kind).map(|value| &**value)
    }

    /// Whether the clock is in doubt since an earlier start.
    #[must_use]
    pub fn clock_doubted(&self) -> bool {
        self.clock_doubted
    }

    /// Every player who was erased, and whether the person stays excluded.
    pub fn erased(&self) -> impl Iterator<Item = (PlayerId, bool)> {
        self.erased.iter().map(|(player, excluded)| (*player, *excluded))
    }

    /// Whether a player was erased.
    #[must_use]
    pub fn is_erased(&self, player: PlayerId) -> bool {
        self.erased.contains_key(&player)
    }

    /// Every feature that the log uses and that version 3 of records does not have.
    pub fn upgrades(&self) -> impl Iterator<Item = InUse> {
        self.in_use.values().copied()
    }

    /// Whether the first use of a feature is recorded.
    #[must_use]
    pub fn in_use(&self, feature: Feature) -> bool {
        self.in_use.contains_key(&feature)
    }

    /// Whether the log has recorded this fact.
    #[must_use]
    pub fn says(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Scale { currency, scale } => self.scale(*currency) == Some(*scale),
            Fact::Check { secret, value } => self.check(*secret) == Some(*value),
            Fact::Issuer { name } => self.issuer() == Some(name),
            Fact::People { file } => self.people == Some(*file),
            Fact::Kept { kind, value } => self.kept(*kind) == Some(value),
            Fact::Clock { doubted } => self.clock_doubted == *doubted,
            Fact::Erased { player, excluded } => {
                self.erased.get(player).is_some_and(|known| *known || !excluded)
            }
            Fact::Upgrade(named) => {
                self.in_use.get(&named.feature).is_some_and(|known| known.feature == *named)
            }
        }
    }

    /// Whether the log has recorded another value for the same currency, secret or kind.
    #[must_use]
    pub fn denies(&self, fact: &Fact) -> bool {
        let known = match fact {
            Fact::Scale { currency, .. } => self.scale(*currency).is_some(),
            Fact::Check { secret, .. } => self.check(*secret).is_some(),
            Fact::Issuer { .. } => self.issuer.is_some(),
            Fact::People { .. } => self.people.is_some(),
            Fact::Kept { kind, .. } => self.kept.contains_key(kind),
            Fact::Clock { .. } => true,
            Fact::Erased { player, .. } => self.is_erased(*player),
            Fact::Upgrade(named) => self.in_use(named.feature),
        };
        known && !self.says(fact)
    }

    /// Takes over the fact that is recorded at `lsn`.
    pub(crate) fn put(&mut self, fact: Fact, lsn: u64) {
        match fact {
            Fact::Scale { currency, scale } => drop(self.scales.insert(currency, scale)),
            Fact::Check { secret, value } => drop(self.checks.insert(secret, value)),
            Fact::Issuer { name } => self.issuer = Some(name),
            Fact::People { file } => self.people = Some(file),
            Fact::Kept { kind, value } => drop(self.kept.insert(kind, value)),
            Fact::Clock { doubted } => self.clock_doubted = doubted,
            Fact::Erased { player, excluded } => *self.erased.entry(player).or_default() |= excluded,
            Fact::Upgrade(feature) => {
                self.in_use.entry(feature.feature).or_insert(InUse { feature, first: lsn });
            }
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for fact in self.all() {
            let mut encoder = Encoder::plain(64);
            fact.encode(&mut encoder);
            digest.add(Print::of(encoder.as_bytes()));
        }
        for InUse { feature, first } in self.upgrades() {
            let mut encoder = Encoder::plain(64);
            Fact::Upgrade(feature).encode(&mut encoder);
            encoder.uint(first.into());
            digest.add(Print::of(encoder.as_bytes()));
        }
        digest
    }

    /// Every fact but the features in use.
    fn all(&self) -> impl Iterator<Item = Fact> {
        let scales = self.scales().map(|(currency, scale)| Fact::Scale { currency, scale });
        let checks = self.checks.iter().map(|(secret, value)| Fact::Check { secret: *secret, value: *value });
        let issuer = self.issuer.iter().map(|name| Fact::Issuer { name: name.clone() });
        let people = self.people.map(|file| Fact::People { file });
        let kept = self.kept.iter().map(|(kind, value)| Fact::Kept { kind: *kind, value: value.clone() });
        let clock = self.clock_doubted.then_some(Fact::Clock { doubted: true });
        let erased = self.erased().map(|(player, excluded)| Fact::Erased { player, excluded });
        scales.chain(checks).chain(issuer).chain(people).chain(clock).chain(erased).chain(kept)
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.all().count() as u128);
        self.all().for_each(|fact| fact.encode(encoder));
        encoder.uint(self.in_use.len() as u128);
        for InUse { feature, first } in self.upgrades() {
            encoder.feature(&feature);
            encoder.uint(first.into());
        }
    }

    pub(crate) fn decode(
        decoder: &mut Decoder<'_>,
        kinds: &[FactKind],
        lacks: impl Fn(Feature) -> bool,
    ) -> Result<Self, DecodeError> {
        let mut facts = Self::default();
        for _ in 0..decoder.count()? {
            let fact = Fact::decode(decoder, kinds, &lacks)?;
            facts.put(fact, 0);
        }
        for _ in 0..decoder.count()? {
            let (feature, first) = (decoder.feature()?, decoder.u64()?);
            if lacks(feature.feature) {
                return Err(DecodeError::InUse { feature, first });
            }
            facts.put(Fact::Upgrade(feature), first);
        }
        Ok(facts)
    }
}

impl Fact {
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        match self {
            Fact::Scale { currency, scale } => {
                encoder.byte(1);
                encoder.currency(*currency);
                encoder.uint((*scale).into());
            }
            Fact::Check { secret, value } => {
                encoder.byte(2);
                encoder.byte(secret.number());
                encoder.fixed(*value);
            }
            Fact::Issuer { name } => {
                encoder.byte(3);
                encoder.bytes(name.as_bytes());
            }
            Fact::People { file } => {
                encoder.byte(4);
                encoder.fixed(*file);
            }
            Fact::Kept { kind, value } => {
                encoder.byte(*kind);
                encoder.bytes(value);
            }
            Fact::Clock { doubted } => {
                encoder.byte(5);
                encoder.flag(*doubted);
            }
            Fact::Erased { player, excluded } => {
                encoder.byte(7);
                encoder.fixed(player.0);
                encoder.flag(*excluded);
            }
            Fact::Upgrade(feature) => {
                encoder.byte(6);
                encoder.feature(feature);
            }
        }
    }

    /// Reads a fact of one of these kinds, and not that of the first use of a feature that is lacking.
    pub(crate) fn decode(
        decoder: &mut Decoder<'_>,
        kinds: &[FactKind],
        lacks: impl Fn(Feature) -> bool,
    ) -> Result<Self, DecodeError> {
        let number = decoder.byte()?;
        let kind = kinds.iter().find(|kind| kind.number == number);
        let fact = (kind.ok_or(DecodeError::FactKind(number))?.decode)(number, decoder)?;
        match fact {
            Fact::Upgrade(named) if lacks(named.feature) => Err(DecodeError::Upgrade(named)),
            fact => Ok(fact),
        }
    }
}

fn decode_scale(_: u8, decoder: &mut Decoder<'_>) -> Result<Fact, DecodeError> {
    let (currency, scale) = (decoder.currency()?, decoder.u32()?);
    if scale > SCALE_MAX {
        return Err(DecodeError::OutOfRange("a scale"));
    }
    Ok(Fact::Scale { currency, scale })
}

fn decode_check(_: u8, decoder: &mut Decoder<'_>) -> Result<Fact, DecodeError> {
    let number = decoder.byte()?;
    let secret = SecretName::ALL.into_iter().find(|secret| secret.number() == number);
    Ok(Fact::Check { secret: secret.ok_or(DecodeError::Unknown("secret"))?, value: decoder.fixed()? })
}

fn decode_erased(_: u8, decoder: &mut Decoder<'_>) -> Result<Fact, DecodeError> {
    Ok(Fact::Erased { player: PlayerId(decoder.fixed()?), excluded: decoder.flag()? })
}

fn decode_issuer(_: u8, decoder: &mut Decoder<'_>) -> Result<Fact, DecodeError> {
    let name = decoder.text()?;
    if name.len() > ISSUER_BYTES_MAX {
        return Err(DecodeError::OutOfRange("an issuer"));
    }
    Ok(Fact::Issuer { name: name.into() })
}

fn decode_kept(kind: u8, decoder: &mut Decoder<'_>) -> Result<Fact, DecodeError> {
    let value = decoder.bytes()?;
    if value.len() > KEPT_BYTES_MAX {
        return Err(DecodeError::OutOfRange("the value of a fact"));
    }
    Ok(Fact::Kept { kind, value: value.into() })
}
