//! The money side of the world: what it holds, and what can be asked of it.
//!
//! Decided on by [`Books::turn`], changed by [`Books::apply`] and [`Books::take`] alone.

use domains::Domains;
use ledger::{Digest, Domain};
use protocol::Currency;

use crate::{
    checkpoint::{decode_domains, encode_domains},
    codec::{DecodeError, Decoder, Encoder},
    facts::{Fact, Facts},
    keys::{Content, Keys, Outcome, TxId},
    record::{Body, Record},
};

/// Five domains, the keys, and where the log stands.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub(crate) domains: Domains,
    pub(crate) facts: Facts,
    pub(crate) keys: Keys,
    pub(crate) lsn: u64,
    pub(crate) time: u64,
}

impl Books {
    /// The domains.
    #[must_use]
    pub fn domains(&self) -> &Domains {
        &self.domains
    }

    /// What the log says of the hub that writes it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether an account is kept in a currency. Costs a pass over all accounts.
    #[must_use]
    pub fn uses(&self, currency: Currency) -> bool {
        let mut ledgers = Domain::ALL.into_iter().map(|domain| self.domains.ledger(domain));
        ledgers.any(|ledger| ledger.accounts().any(|(id, _)| id.currency == currency))
    }

    /// The last record applied.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Time of the last record, milliseconds.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// How many keys have an outcome.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// What became of a transaction.
    #[must_use]
    pub fn outcome(&self, id: TxId) -> Option<Outcome> {
        self.keys.get(id).map(|(_, outcome)| outcome)
    }

    /// What became of a transaction, and the content it came with.
    pub(crate) fn known(&self, id: TxId) -> Option<(Content, Outcome)> {
        self.keys.get(id)
    }

    /// Fingerprint of the whole money state.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let ledgers = Domain::ALL.into_iter().fold(Digest::default(), |sum, domain| {
            sum.with(domain as u64 + 1, self.domains.ledger(domain).digest())
        });
        let balance = ledgers.with(100, self.domains.balance.digest());
        balance.with(101, self.keys.digest()).with(102, self.facts.digest())
    }

    /// The record of the present digest.
    #[must_use]
    pub fn digest_record(&self, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Digest(self.digest()) }
    }

    /// The record of a fact.
    #[must_use]
    pub fn fact_record(&self, fact: Fact, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Fact(fact) }
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.lsn.into());
        encoder.uint(self.time.into());
        encode_domains(encoder, &self.domains);
        self.facts.encode(encoder);
        self.keys.encode(encoder);
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (lsn, time) = (decoder.u64()?, decoder.u64()?);
        let domains = decode_domains(decoder)?;
        Ok(Self { lsn, time, domains, facts: Facts::decode(decoder)?, keys: Keys::decode(decoder)? })
    }
}
