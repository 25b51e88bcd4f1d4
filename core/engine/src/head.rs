//! The head of the state store: what is small and changes with nearly every record. The items ([`item`](crate::item)) and the
//! keys are beside it, and all are as of the same record.

use domains::balance::PlayerDigests;
use ledger::{
    Digests, Domain, Used,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    books::Books,
    components::{Component, StateDigest},
    facts::Facts,
    record::{Formats, Unknown},
    rounds::Rounds,
    upgrade,
};

/// The head of the state store.
#[derive(Debug, Clone)]
pub(crate) struct StoreHead {
    pub lsn: u64,
    pub time: u64,
    pub facts: Facts,
    pub rounds: Rounds,
    pub used: Vec<Used>,
    pub keys: u64,
    /// The digest of the whole state.
    pub digest: StateDigest,
}

/// What a head says of the whole state, for those who compare it with the items and keys beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSummary {
    /// The last record that the store stands for.
    pub lsn: u64,
    /// Number of keys.
    pub keys: u64,
    /// The digest of the whole state.
    pub digest: StateDigest,
}

impl StoreSummary {
    /// Reads it from the head of a store.
    ///
    /// # Errors
    /// When the bytes are no head of this version.
    pub fn of(head: &[u8]) -> Result<Self, DecodeError> {
        let StoreHead { lsn, keys, digest, .. } = StoreHead::decode(head, &Formats::STANDARD, Unknown::Kept)?;
        Ok(Self { lsn, keys, digest })
    }
}

impl StoreHead {
    /// The head of a state.
    pub fn of(books: &Books) -> Self {
        Self {
            lsn: books.lsn,
            time: books.time,
            facts: books.facts.clone(),
            rounds: books.rounds.clone(),
            used: Domain::ALL.iter().map(|domain| books.domains.ledger(*domain).used().clone()).collect(),
            keys: books.keys.count(),
            digest: books.digest(),
        }
    }

    /// Its bytes. The facts come before what is read by them: a release that lacks a feature of this state finds its name
    /// first.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::plain(1_024);
        upgrade::begin_head(&mut encoder);
        encoder.uint(self.lsn.into());
        encoder.uint(self.time.into());
        self.facts.encode(&mut encoder);
        self.rounds.encode(&mut encoder);
        for used in &self.used {
            encoder.flag(used.players);
            encoder.uint(used.currencies.len() as u128);
            used.currencies.iter().for_each(|currency| encoder.currency(*currency));
        }
        encoder.uint(self.keys.into());
        self.digest.encode(&mut encoder);
        encoder.into_bytes()
    }

    /// Reads a head.
    ///
    /// # Errors
    /// When the bytes are not a whole head of this version, or when the state was made with what these formats do not have
    /// ([`DecodeError::is_later`]).
    pub fn decode(bytes: &[u8], formats: &Formats, unknown: Unknown) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::plain(bytes);
        upgrade::head(&mut decoder, formats)?;
        let (lsn, time) = (decoder.u64()?, decoder.u64()?);
        let facts = Facts::decode(&mut decoder, formats.facts, |feature| unknown.refuses(feature, formats))?;
        let rounds = Rounds::decode(&mut decoder)?;
        let mut all_used = Vec::with_capacity(Domain::ALL.len());
        for _ in Domain::ALL {
            let mut used = Used { players: decoder.flag()?, ..Used::default() };
            for _ in 0..decoder.count()? {
                used.currencies.insert(decoder.currency()?);
            }
            all_used.push(used);
        }
        let (keys, digest) = (decoder.u64()?, StateDigest::decode(&mut decoder)?);
        decoder.finish()?;
        Ok(Self { lsn, time, facts, rounds, used: all_used, keys, digest })
    }

    /// The digests of a domain's ledger.
    pub fn digests_of(&self, domain: Domain) -> Digests {
        Digests {
            accounts: self.digest.of(Component::Accounts(domain)),
            holds: self.digest.of(Component::Holds(domain)),
        }
    }

    /// The digests of what the balance domain keeps of players.
    pub fn players(&self) -> PlayerDigests {
        PlayerDigests {
            players: self.digest.of(Component::Players),
            results: self.digest.of(Component::Results),
        }
    }
}
