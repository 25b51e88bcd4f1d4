//! From a subject to a pseudonym, the only name of a player inside the hub.

use hmac::{Hmac, KeyInit, Mac};
use protocol::PlayerId;
use sha2::Sha256;

/// Turns an issuer's subjects into player ids.
///
/// The id is the first 128 bits of HMAC-SHA256(secret, issuer ‖ 0 ‖ subject): the same person always gets the same
/// id, and without the secret nobody can tell whose it is, nor try out names.
#[derive(Clone)]
pub struct Pseudonyms {
    keyed: Hmac<Sha256>,
}

impl Pseudonyms {
    /// Prepares the secret. Another secret gives everyone another id.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { keyed: Hmac::new_from_slice(secret).expect("HMAC takes keys of any length") }
    }

    /// The check value of the secret: another secret has another value, and the value does not reveal the secret. It is
    /// no player's id, since its text has no zero byte.
    #[must_use]
    pub fn check(&self) -> u128 {
        first_half(self.keyed.clone().chain_update("hub check value of the pseudonym secret v1"))
    }

    /// The id of `subject` at `issuer`. The issuer holds no zero byte (the configuration is checked for that), so
    /// no two pairs share a spelling.
    #[must_use]
    pub fn player(&self, issuer: &str, subject: &str) -> PlayerId {
        PlayerId(first_half(self.keyed.clone().chain_update(issuer).chain_update([0]).chain_update(subject)))
    }
}

/// The first 128 bits of a code.
pub fn first_half(mac: Hmac<Sha256>) -> u128 {
    let bytes = mac.finalize().into_bytes();
    let (first, _) = bytes.split_at(16);
    u128::from_be_bytes(first.try_into().expect("sixteen bytes were taken"))
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pseudonyms(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_hmac_computed_elsewhere() {
        // python3: hmac.new(b"k"*32, b"https://id.example\0anna", "sha256").hexdigest()[:32]
        let id = Pseudonyms::new(&[b'k'; 32]).player("https://id.example", "anna");
        assert_eq!(id.to_string(), "b0b6cf4b8645f34fc80171a193726720");
    }

    #[test]
    fn a_pseudonym_depends_on_secret_issuer_and_subject_and_on_where_they_meet() {
        let names = Pseudonyms::new(b"one");
        let id = names.player("ab", "c");
        assert_eq!(id, names.player("ab", "c"));
        assert_ne!(id, Pseudonyms::new(b"two").player("ab", "c"));
        assert_ne!(id, names.player("a", "bc"));
        assert_ne!(id, names.player("ab", "d"));
    }
}
