//! Issuers that publish their keys: what is checked of `auth.jwks`, and the keys as they are at the start.

use super::{
    Config,
    access::JwksOptions,
    validate::{Check, ISSUER_WANTED, is_issuer},
};
use crate::{
    auth::{KeyIssuer, KeySet, KeySource},
    telemetry::with_causes,
};

/// Most issuers.
const ISSUERS_MAX: usize = 32;

/// Reads the keys of every issuer; `None` and problems when an entry or a file cannot be used.
pub(super) fn read(config: &Config, check: &mut Check<'_>) -> Option<Vec<(KeyIssuer, Option<KeySet>)>> {
    let listed = &config.auth.jwks;
    if listed.len() > ISSUERS_MAX {
        check.refuse_unseen("auth.jwks", format!("{ISSUERS_MAX} issuers at most"));
        return None;
    }
    let read: Vec<_> = (0..listed.len()).map(|index| of_one(listed, index, check)).collect();
    read.into_iter().collect()
}

fn of_one(
    listed: &[JwksOptions],
    index: usize,
    check: &mut Check<'_>,
) -> Option<(KeyIssuer, Option<KeySet>)> {
    let JwksOptions { issuer, file } = &listed[index];
    let key = |option: &str| format!("auth.jwks[{index}].{option}");
    if !is_issuer(issuer) {
        check.refuse(&key("issuer"), ISSUER_WANTED);
        return None;
    }
    if listed[..index].iter().any(|earlier| earlier.issuer == *issuer) {
        check.refuse(&key("issuer"), "this issuer is listed twice");
        return None;
    }
    if file.is_empty() {
        check.refuse_unseen(&key("file"), "must name the file with the issuer's JSON Web Key Set");
        return None;
    }
    let source = KeySource::File(file.into());
    match source.read() {
        Ok(keys) => Some((KeyIssuer { issuer: issuer.as_str().into(), source }, Some(keys))),
        Err(error) => {
            check.refuse_unseen(&key("file"), with_causes(&error));
            None
        }
    }
}
