//! Whether a secret is good enough for real money.

use super::development;

/// Shortest secret in production, bytes.
const SECRET_BYTES_MIN: usize = 32;
/// Fewer different bytes than this are no random secret, whatever their number.
const DIFFERENT_BYTES_MIN: usize = 8;

/// Why a secret is not good enough for real money.
pub(super) fn weakness(secret: &[u8]) -> Option<String> {
    let different = secret.iter().collect::<std::collections::HashSet<_>>().len();
    if secret.starts_with(development::PREFIX.as_bytes()) {
        return Some("it was made for development".into());
    }
    if secret.len() < SECRET_BYTES_MIN {
        return Some(format!("it has {} bytes, and {SECRET_BYTES_MIN} are the least", secret.len()));
    }
    (different < DIFFERENT_BYTES_MIN).then(|| "it is the same few characters again and again".into())
}
