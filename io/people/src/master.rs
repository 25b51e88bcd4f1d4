//! The master key, and the keys that one store derives from it.
//!
//! Each use has a key of its own: to wrap data keys, to look a person up, to authenticate rows, to authenticate the key
//! file. The id of the store is a part of each, so that two stores under one master key have nothing in common.

use std::fmt;

use aws_lc_rs::{
    hmac,
    key_wrap::{AES_256, AesKek, KeyWrap},
};
use zeroize::Zeroizing;

use crate::{Person, StoreId};

/// A keyed hash that stands for a person: the first 128 bits of an HMAC-SHA-256.
pub(crate) type Hash = u128;

/// A data key as the key file has it: wrapped under the key-encryption key (RFC 3394).
pub(crate) type Wrapped = [u8; 40];

/// 32 bytes that are overwritten when they are dropped.
pub(crate) type Bytes32 = Zeroizing<[u8; 32]>;

/// The master key of people stores: whoever has it and the files of a store can read who the players are. `Debug` does
/// not show it.
#[derive(Clone)]
pub struct Master(Zeroizing<Box<[u8]>>);

impl Master {
    /// A master key of these bytes. Their number and quality are the caller's to judge.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// The keys of one store.
    pub(crate) fn keys(&self, store: StoreId) -> StoreKeys {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let derive = |label: &str| -> Bytes32 {
            let tag = hmac::sign(&master, &[label.as_bytes(), &store.to_be_bytes()].concat());
            Zeroizing::new(tag.as_ref().try_into().expect("an HMAC-SHA-256 has 32 bytes"))
        };
        let mac = |label| hmac::Key::new(hmac::HMAC_SHA256, &derive(label)[..]);
        StoreKeys {
            check: first_half(&derive("hub people check value v1")[..]),
            wrapping: derive("hub people key-encryption key v1"),
            lookup: mac("hub people look-up v1"),
            rows: mac("hub people rows v1"),
            file: mac("hub people key file v1"),
        }
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Master(redacted)")
    }
}

/// The keys of one store under one master key.
#[derive(Clone)]
pub(crate) struct StoreKeys {
    /// Identifies the master key without showing it.
    pub check: u128,
    wrapping: Bytes32,
    lookup: hmac::Key,
    rows: hmac::Key,
    file: hmac::Key,
}

impl fmt::Debug for StoreKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoreKeys(redacted)")
    }
}

impl StoreKeys {
    /// Wraps a key for the key file.
    pub fn wrap(&self, key: &Bytes32) -> Wrapped {
        let mut wrapped = [0; 40];
        self.encryption().wrap(&key[..], &mut wrapped).expect("32 bytes are wrapped in 40");
        wrapped
    }

    /// Unwraps a key of the key file; `None` when it was wrapped under another key, or changed.
    pub fn unwrap(&self, wrapped: &Wrapped) -> Option<Bytes32> {
        let mut key = Zeroizing::new([0; 32]);
        let length = self.encryption().unwrap(wrapped, &mut key[..]).ok()?.len();
        (length == key.len()).then_some(key)
    }

    fn encryption(&self) -> AesKek {
        AesKek::new(&AES_256, &self.wrapping[..]).expect("a key of AES-256 has 32 bytes")
    }

    /// What a person is looked up by.
    pub fn lookup(&self, person: &Person) -> Hash {
        hash(&self.lookup, person)
    }

    /// Authenticates a row of the database. `kind` keeps rows of two tables apart.
    pub fn tag(&self, kind: u8, parts: &[&[u8]]) -> u128 {
        let mut context = hmac::Context::with_key(&self.rows);
        context.update(&[kind]);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        first_half(context.sign().as_ref())
    }

    /// Authenticates the key file.
    pub fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.file, bytes);
        tag.as_ref().try_into().expect("an HMAC-SHA-256 has 32 bytes")
    }

    /// Whether this is the code of these bytes. Takes the same time for every wrong one.
    pub fn authentic(&self, bytes: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.file, bytes, mac).is_ok()
    }
}

/// The key of the blind index of exclusions. It is random and stays the same for the life of a store: once a person is
/// erased, nobody can compute the hash again under another one.
#[derive(Clone)]
pub(crate) struct Blind(hmac::Key);

impl fmt::Debug for Blind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Blind(redacted)")
    }
}

impl Blind {
    pub fn new(key: &Bytes32) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key[..]))
    }

    /// What an excluded person is recognised by.
    pub fn hash(&self, person: &Person) -> Hash {
        hash(&self.0, person)
    }
}

/// 32 random bytes of the system.
pub(crate) fn random_key() -> Result<Bytes32, getrandom::Error> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut key[..])?;
    Ok(key)
}

fn hash(key: &hmac::Key, person: &Person) -> Hash {
    let (issuer, subject) = (person.issuer().as_bytes(), person.subject().as_bytes());
    let mut context = hmac::Context::with_key(key);
    context.update(&(issuer.len() as u64).to_be_bytes());
    context.update(issuer);
    context.update(subject);
    first_half(context.sign().as_ref())
}

fn first_half(code: &[u8]) -> u128 {
    let (half, _) = code.split_first_chunk().expect("an HMAC-SHA-256 has 32 bytes");
    u128::from_be_bytes(*half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(issuer: &str, subject: &str) -> Person {
        Person::new(issuer.into(), subject).expect("within the bounds")
    }

    #[test]
    fn two_stores_and_two_master_keys_have_no_key_in_common() {
        let (one, other) = (Master::new(&[1; 32]), Master::new(&[2; 32]));
        let anna = person("i", "anna");
        let all = [one.keys(1), one.keys(2), other.keys(1)];
        let found: std::collections::BTreeSet<u128> =
            all.iter().flat_map(|keys| [keys.check, keys.lookup(&anna), keys.tag(1, &[b"x"])]).collect();
        assert_eq!(found.len(), 9);
        let key = random_key().expect("random bytes");
        let wrapped = all[0].wrap(&key);
        assert_eq!(all[0].unwrap(&wrapped), Some(key));
        assert!(all[1].unwrap(&wrapped).is_none() && all[2].unwrap(&wrapped).is_none());
    }

    #[test]
    fn the_border_between_issuer_and_subject_is_a_part_of_the_hash() {
        let keys = Master::new(&[1; 32]).keys(1);
        assert_ne!(keys.lookup(&person("ab", "c")), keys.lookup(&person("a", "bc")));
        assert_ne!(keys.tag(1, &[b"ab", b"c"]), keys.tag(1, &[b"a", b"bc"]));
        assert_ne!(keys.tag(1, &[b"ab"]), keys.tag(2, &[b"ab"]));
    }

    #[test]
    fn no_key_is_shown_by_debug_output() {
        let master = Master::new(b"the-master-key");
        let shown = format!("{master:?} {:?} {:?}", master.keys(1), Blind::new(&Zeroizing::new([7; 32])));
        assert_eq!(shown, "Master(redacted) StoreKeys(redacted) Blind(redacted)");
    }
}
