//! Tests of the kinds.

use std::collections::HashSet;

use super::*;

#[test]
fn every_kind_is_listed_once_by_status_and_has_a_code_of_its_own() {
    let all = Kind::all();
    let codes: HashSet<_> = all.iter().map(|kind| kind.code()).collect();
    // A part that is not available, and a fault, are the same wherever they are met.
    assert_eq!(codes.len(), all.len() - 2);
    assert!(all.is_sorted_by_key(|kind| kind.status()));
    for kind in all {
        assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
        assert!(kind.status().is_client_error() || !kind.is_final(), "a failure of ours may end: {kind:?}");
    }
}
