//! Sealing of what a person is called, under the key of that person alone.
//!
//! A sealed field is `version, 1 byte ‖ nonce, 24 bytes ‖ XChaCha20-Poly1305 of the text`. The associated data are the id
//! of the store, the player id, the field and the slot of the key, so that a sealed field opens at its own place only.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};

use crate::{Person, StoreId, master::Bytes32};

/// The version that is written and read.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SealedField {
    /// Who issues the tokens.
    Issuer = 1,
    /// The name there.
    Subject = 2,
}

/// Where a sealed field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealedAt {
    pub store: StoreId,
    pub player: u128,
    /// The slot of the data key.
    pub slot: u64,
}

impl SealedAt {
    fn associated(&self, field: SealedField) -> Vec<u8> {
        let (store, player) = (self.store.to_be_bytes(), self.player.to_be_bytes());
        [&store[..], &player, &[field as u8, VERSION], &self.slot.to_be_bytes()].concat()
    }

    /// Seals a text.
    pub fn seal(&self, field: SealedField, key: &Bytes32, text: &str) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let aad = self.associated(field);
        let message = Payload { msg: text.as_bytes(), aad: &aad };
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), message);
        let sealed = sealed.expect("a text of 256 bytes can be sealed");
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// Opens a sealed text; `None` when it was sealed under another key, for another place, or changed.
    pub fn open(&self, field: SealedField, key: &Bytes32, sealed: &[u8]) -> Option<String> {
        let sealed = sealed.strip_prefix(&[VERSION])?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let aad = self.associated(field);
        let message = Payload { msg: sealed, aad: &aad };
        let text = cipher(key).decrypt(&XNonce::from(*nonce), message).ok()?;
        String::from_utf8(text).ok()
    }

    /// Opens both parts of a name.
    pub fn named(&self, key: &Bytes32, issuer: &[u8], subject: &[u8]) -> Option<Person> {
        let issuer = self.open(SealedField::Issuer, key, issuer)?;
        let subject = self.open(SealedField::Subject, key, subject)?;
        Person::new(issuer.into(), &subject).ok()
    }
}

/// The cipher under a key, which is read where it is: a copy of it would not be overwritten. The cipher overwrites its own.
fn cipher(key: &Bytes32) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new_from_slice(&key[..]).expect("a key has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::random_key;

    #[test]
    fn a_field_opens_with_its_key_and_at_its_place_only() {
        let (key, other) = (random_key().expect("random bytes"), random_key().expect("random bytes"));
        let place = SealedAt { store: 1, player: 2, slot: 3 };
        let sealed = place.seal(SealedField::Subject, &key, "anna").expect("random bytes");
        assert_eq!(place.open(SealedField::Subject, &key, &sealed).as_deref(), Some("anna"));
        assert_ne!(
            sealed,
            place.seal(SealedField::Subject, &key, "anna").expect("random bytes"),
            "another nonce"
        );
        let elsewhere =
            [SealedAt { store: 9, ..place }, SealedAt { player: 9, ..place }, SealedAt { slot: 9, ..place }];
        for place in elsewhere {
            assert_eq!(place.open(SealedField::Subject, &key, &sealed), None);
        }
        assert_eq!(place.open(SealedField::Issuer, &key, &sealed), None);
        assert_eq!(place.open(SealedField::Subject, &other, &sealed), None);
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            assert_eq!(place.open(SealedField::Subject, &key, &changed), None, "byte {byte}");
            assert_eq!(place.open(SealedField::Subject, &key, &sealed[..byte]), None, "cut at {byte}");
        }
    }
}
