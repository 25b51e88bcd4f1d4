//! The money side of the state: five domains, the keys, the facts, the open rounds, and its reads.
//!
//! [`Books::turn`] decides on it; only [`Books::apply`] and [`Books::take`] change it.

mod encoding;

use domains::Domains;
use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, RoundId, TableId};

use self::encoding::{decode_domains, encode_domains};
use crate::{
    components::{Component, StateDigest},
    facts::{Fact, Facts},
    keys::{Content, Keys, Outcome, TxId},
    record::{Body, Formats, Record, Unknown},
    rounds::Rounds,
};

/// The money side of the state, with the place and time of the last record applied.
#[derive(Debug, Clone, Default)]
pub struct Books {
    pub(crate) domains: Domains,
    pub(crate) facts: Facts,
    pub(crate) keys: Keys,
    pub(crate) rounds: Rounds,
    pub(crate) lsn: u64,
    pub(crate) time: u64,
}

impl Books {
    /// The domains.
    #[must_use]
    pub fn domains(&self) -> &Domains {
        &self.domains
    }

    /// The facts that the log has recorded about its hub.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The open round of a table, as the records say that were applied. A table applies a record later, when it is durable.
    #[must_use]
    pub fn open_round(&self, table: TableId) -> Option<RoundId> {
        self.rounds.open(table)
    }

    /// Whether an account is kept in a currency. Costs a pass over all accounts.
    #[must_use]
    pub fn uses(&self, currency: Currency) -> bool {
        let mut ledgers = Domain::ALL.into_iter().map(|domain| self.domains.ledger(domain));
        ledgers.any(|ledger| ledger.accounts().any(|(id, _)| id.currency == currency))
    }

    /// Place in the log of the last record applied; 0 before the first.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Time of the last record, milliseconds since 1970.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Number of keys that have an outcome.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The outcome of a transaction, when it has one.
    #[must_use]
    pub fn outcome(&self, id: TxId) -> Option<Outcome> {
        self.keys.get(id).map(|(_, outcome)| outcome)
    }

    /// The outcome of a transaction, and the content of its request.
    pub(crate) fn known(&self, id: TxId) -> Option<(Content, Outcome)> {
        self.keys.get(id)
    }

    /// The digest of the whole money state, component by component.
    #[must_use]
    pub fn digest(&self) -> StateDigest {
        let ledgers = Domain::ALL.into_iter().flat_map(|domain| {
            let digests = self.domains.ledger(domain).digests();
            [(Component::Accounts(domain), digests.accounts), (Component::Holds(domain), digests.holds)]
        });
        let rows = self.domains.rows.digests().map(|(kind, digest)| (Component::Rows(kind), digest));
        let others = [
            (Component::Players, self.domains.balance.digest()),
            (Component::Keys, self.keys.digest()),
            (Component::Facts, self.facts.digest()),
            (Component::Rounds, self.rounds.digest()),
        ];
        StateDigest::new(ledgers.chain(rows).chain(others))
    }

    /// A record of the current digest.
    #[must_use]
    pub fn digest_record(&self, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Digest(self.digest()) }
    }

    /// A record of a fact.
    #[must_use]
    pub fn fact_record(&self, fact: Fact, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Fact(fact) }
    }

    /// The facts come before what is read by them: a release that lacks a feature of this state finds its name first.
    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.lsn.into());
        encoder.uint(self.time.into());
        self.facts.encode(encoder);
        encode_domains(encoder, &self.domains);
        self.keys.encode(encoder);
        self.rounds.encode(encoder);
    }

    pub(crate) fn decode(
        decoder: &mut Decoder<'_>,
        formats: &Formats,
        unknown: Unknown,
    ) -> Result<Self, DecodeError> {
        let (lsn, time) = (decoder.u64()?, decoder.u64()?);
        let facts = Facts::decode(decoder, formats.facts, |feature| unknown.refuses(feature, formats))?;
        let domains = decode_domains(decoder, formats, unknown)?;
        Ok(Self { lsn, time, domains, facts, keys: Keys::decode(decoder)?, rounds: Rounds::decode(decoder)? })
    }
}
