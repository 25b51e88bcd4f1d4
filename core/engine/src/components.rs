//! The digest of the money state, component by component.
//!
//! A digest record names the components that it covers. So a later release can add a component, and the digests of earlier
//! releases stay valid.

use ledger::{
    Digest, Domain, Print,
    codec::{DecodeError, Decoder, Encoder},
};

/// A component of the money state. Its number is written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The accounts of a domain.
    Accounts(Domain),
    /// The open holds of a domain.
    Holds(Domain),
    /// What is kept of each player: the numbers of events and results.
    Players,
    /// Every result of a player that there ever was.
    Results,
    /// The keys with their outcomes.
    Keys,
    /// The facts about the hub.
    Facts,
    /// The open round of each table.
    Rounds,
    /// Every past round of a table that there ever was.
    PastRounds,
    /// The rows of a kind.
    Rows(u16),
}

impl Component {
    /// Its number in the log.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Component::Accounts(domain) => 1 + domain as u32,
            Component::Holds(domain) => 11 + domain as u32,
            Component::Players => 21,
            Component::Keys => 22,
            Component::Facts => 23,
            Component::Rounds => 24,
            Component::Results => 25,
            Component::PastRounds => 26,
            Component::Rows(kind) => 1_000 + u32::from(kind),
        }
    }

    /// The component of a number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            21 => Component::Players,
            22 => Component::Keys,
            23 => Component::Facts,
            24 => Component::Rounds,
            25 => Component::Results,
            26 => Component::PastRounds,
            1..11 => Component::Accounts(Domain::from_number((number - 1) as u8)?),
            11..21 => Component::Holds(Domain::from_number((number - 11) as u8)?),
            _ => Component::Rows(u16::try_from(number.checked_sub(1_000)?).ok()?),
        })
    }
}

/// The digest of each component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateDigest(Vec<(Component, Digest)>);

impl StateDigest {
    /// The digests of these components. Those of nothing are left out, so that a component that is not used yet is not
    /// recorded.
    #[must_use]
    pub fn new(components: impl IntoIterator<Item = (Component, Digest)>) -> Self {
        let mut all: Vec<_> =
            components.into_iter().filter(|(_, digest)| *digest != Digest::default()).collect();
        all.sort_by_key(|(component, _)| component.number());
        Self(all)
    }

    /// The digest of a component.
    #[must_use]
    pub fn of(&self, component: Component) -> Digest {
        let found = self.0.iter().find(|(known, _)| *known == component);
        found.map(|(_, digest)| *digest).unwrap_or_default()
    }

    /// Every component with its digest.
    pub fn components(&self) -> impl Iterator<Item = (Component, Digest)> {
        self.0.iter().copied()
    }

    /// The first component that has another digest here than in `state`, which may have more components.
    #[must_use]
    pub fn differs_from(&self, state: &Self) -> Option<Component> {
        self.0
            .iter()
            .find(|(component, digest)| state.of(*component) != *digest)
            .map(|(component, _)| *component)
    }

    /// The first component that has another digest in the other state.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Option<Component> {
        self.differs_from(other).or_else(|| other.differs_from(self))
    }

    /// One digest of all.
    #[must_use]
    pub fn total(&self) -> Digest {
        let mut encoder = Encoder::default();
        self.encode(&mut encoder);
        let mut total = Digest::default();
        total.add(Print::of(encoder.as_bytes()));
        total
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.0.len() as u128);
        for (component, digest) in &self.0 {
            encoder.uint(component.number().into());
            encoder.raw(&digest.to_bytes());
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut all: Vec<(Component, Digest)> = Vec::new();
        for _ in 0..decoder.count_of(33)? {
            let component =
                Component::from_number(decoder.u32()?).ok_or(DecodeError::Unknown("component"))?;
            let digest = Digest::from_bytes(decoder.array()?);
            let in_order = all.last().is_none_or(|(last, _)| last.number() < component.number());
            if !in_order || digest == Digest::default() {
                return Err(DecodeError::OutOfRange("the list of components"));
            }
            all.push((component, digest));
        }
        Ok(Self(all))
    }
}
