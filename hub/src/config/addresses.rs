//! Addresses that may hold a secret: each from a variable, from a file of its own, or as an option when it holds none.

use super::{given::Given, validate::Check};

/// An address, and where it was found.
pub(super) struct FoundAddress {
    /// The option to name when something is wrong.
    pub key: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The address in force: what the variable or the file gave, or else the option `plain`. `None` after a problem, `Some(None)`
/// without one.
pub(super) fn chosen(
    given: Option<Vec<u8>>,
    secret: &Given,
    (key, plain): (&'static str, &str),
    check: &mut Check<'_>,
) -> Option<Option<FoundAddress>> {
    match given {
        Some(_) if !plain.is_empty() => {
            check.refuse_unseen(key, "given twice: its variable or file is set as well; keep one");
            None
        }
        Some(bytes) => Some(Some(FoundAddress { key: secret.option, bytes })),
        None if plain.is_empty() => Some(None),
        None if plain.contains('@') => {
            let what = format!(
                "a password does not stand in the configuration: set {} or {}",
                secret.variable, secret.option
            );
            check.refuse_unseen(key, what);
            None
        }
        None => Some(Some(FoundAddress { key, bytes: plain.as_bytes().to_vec() })),
    }
}
