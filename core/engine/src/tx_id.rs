//! The ids of transactions, made of who asks and of the key.

use domains::{PrincipalKind, approval_rules::ProposalSubject};
use ledger::HoldId;
use protocol::{Currency, Key, PlayerId, RoundId, TableId};
use sha2::{Digest as _, Sha256};

/// The id of a transaction: a hash of who asks and the key, so that a retry has the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u128);

impl TxId {
    /// The id of a principal's key: a hash of the kind of principal, of who vouches for it, of its name there, and of the
    /// key. All transports share this space.
    #[must_use]
    pub fn of(kind: PrincipalKind, issuer: &str, subject: &[u8], key: &[u8]) -> Self {
        Self(hash(&[b"hub-tx-v2", &[kind as u8], issuer.as_bytes(), subject, key]))
    }

    /// The id of the transaction of a player's key. A player's id stands for the issuer and the subject.
    #[must_use]
    pub fn of_key(player: PlayerId, key: &Key) -> Self {
        Self::of(PrincipalKind::Player, "", &player.0.to_be_bytes(), key.as_bytes())
    }

    /// The id of a transaction that the hub itself makes: one for each round and step.
    #[must_use]
    pub fn of_round(round: RoundId, step: &str) -> Self {
        Self::of(PrincipalKind::Hub, "round", round.to_string().as_bytes(), step.as_bytes())
    }

    /// The id of the transaction that the hub itself makes: one for each change of a table's rules.
    #[must_use]
    pub fn of_rules(table: TableId, change: u64) -> Self {
        Self::of(PrincipalKind::Hub, "rules", table.as_str().as_bytes(), &change.to_be_bytes())
    }

    /// The id of the transaction that the hub itself makes when the rules of limits change: the first after this record.
    #[must_use]
    pub fn of_limit_rules(lsn: u64) -> Self {
        Self::of(PrincipalKind::Hub, "limit_rules", b"", &lsn.to_be_bytes())
    }

    /// The id of the transaction that the hub itself makes when what protects players changes: the first after this record.
    #[must_use]
    pub fn of_protection(lsn: u64) -> Self {
        Self::of(PrincipalKind::Hub, "protection", b"", &lsn.to_be_bytes())
    }

    /// The id of the transaction that the hub itself makes when the rules of approval change: the first after this record.
    #[must_use]
    pub fn of_approval_rules(subject: ProposalSubject, lsn: u64) -> Self {
        Self::of(PrincipalKind::Hub, "approval", subject.name().as_bytes(), &lsn.to_be_bytes())
    }

    /// The id of the transaction that the hub itself makes when the rules of play sessions change: the first after this record.
    #[must_use]
    pub fn of_session_rules(lsn: u64) -> Self {
        Self::of(PrincipalKind::Hub, "session_rules", b"", &lsn.to_be_bytes())
    }

    /// The id of the transaction that the hub itself makes when the rule for balances in a currency changes: the first after this
    /// record.
    #[must_use]
    pub fn of_balance_rule(currency: Currency, lsn: u64) -> Self {
        Self::of(PrincipalKind::Hub, "balance_rule", currency.as_bytes(), &lsn.to_be_bytes())
    }

    /// The id of the transaction that the hub makes when a hold is due.
    #[must_use]
    pub fn of_expiry(hold: HoldId) -> Self {
        Self::of(PrincipalKind::Hub, "hold", &hold.0.to_be_bytes(), b"expire")
    }

    /// The id of the transaction of a service's key, such as a deposit.
    #[must_use]
    pub fn of_service(service: &str, key: &str) -> Self {
        Self::of(PrincipalKind::Service, "", service.as_bytes(), key.as_bytes())
    }
}

/// First 128 bits of SHA-256 over length-prefixed parts.
pub(crate) fn hash(parts: &[&[u8]]) -> u128 {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    let digest: [u8; 32] = sha.finalize().into();
    u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
}
