//! Seeds of rounds that are not drawn yet: made here, and written to the log only encrypted.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use games::fair::{Seed, commit};
use protocol::RoundId;

/// Bytes of the nonce in front of a sealed seed.
const NONCE_BYTES: usize = 24;

/// Encrypts and opens seeds with the operator's key. Clones share the key.
#[derive(Clone)]
pub struct Sealer(XChaCha20Poly1305);

/// The system has no random bytes to give.
#[derive(Debug, thiserror::Error)]
#[error("failed to draw a random seed from the system")]
pub struct NoRandomness(#[source] getrandom::Error);

impl Sealer {
    /// A sealer with this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&(*key).into()))
    }

    /// Makes the seed of a round: its commitment, and the seed encrypted for this round only.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn make(&self, round: RoundId) -> Result<([u8; 32], Box<[u8]>), NoRandomness> {
        let mut seed = [0; 32];
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut seed).map_err(NoRandomness)?;
        getrandom::fill(&mut nonce).map_err(NoRandomness)?;
        let name = round.to_string();
        let message = Payload { msg: &seed, aad: name.as_bytes() };
        let sealed =
            self.0.encrypt(&XNonce::from(nonce), message).expect("a message of 32 bytes can be sealed");
        let committed = commit(&Seed(seed));
        Ok((committed, [&nonce[..], &sealed].concat().into()))
    }

    /// Opens the seed of a round; `None` when it was sealed with another key or for another round.
    #[must_use]
    pub fn open(&self, round: RoundId, sealed: &[u8]) -> Option<[u8; 32]> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let name = round.to_string();
        let message = Payload { msg: sealed, aad: name.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), message).ok()?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(number: u64) -> RoundId {
        RoundId { table: "t".parse().expect("a table id"), number }
    }

    #[test]
    fn a_seed_opens_with_its_key_and_for_its_round_only() {
        let sealer = Sealer::new(&[7; 32]);
        let (committed, sealed) = sealer.make(round(1)).expect("random bytes");
        let seed = sealer.open(round(1), &sealed).expect("its own key and round");
        assert_eq!(commit(&Seed(seed)), committed);
        assert_eq!(sealer.open(round(2), &sealed), None);
        assert_eq!(Sealer::new(&[8; 32]).open(round(1), &sealed), None);
        assert_eq!(sealer.open(round(1), &sealed[..20]), None);
    }

    #[test]
    fn no_two_rounds_have_the_same_seed() {
        let sealer = Sealer::new(&[7; 32]);
        let (one, _) = sealer.make(round(1)).expect("random bytes");
        let (other, _) = sealer.make(round(1)).expect("random bytes");
        assert_ne!(one, other);
    }
}
