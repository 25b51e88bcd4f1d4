//! What changes are asked with and answered by: the same fields in one place.

use serde_json::{Value, json};

use super::schema::{flag, map, named, or_null, text, told, words};

/// A receipt: what a change has done. `always` and `sometimes` are the fields of this change; with `funds` also what it moved.
pub fn receipt(kind: &str, funds: bool, always: &[(&str, Value)], sometimes: &[(&str, Value)]) -> Value {
    let mut fields = vec![
        ("id", or_null(&named("TransactionId"))),
        ("tx", or_null(&named("TransactionId"))),
        ("lsn", or_null(&named("Lsn"))),
        ("replayed", flag()),
        ("type", words([kind])),
    ];
    if funds {
        fields.extend([
            ("amount", named("Decimal")),
            ("currency", named("CurrencyCode")),
            ("balance", named("Balance")),
        ]);
    }
    fields.extend_from_slice(always);
    let dry_run = told(
        json!({ "type": "boolean", "const": true }),
        "Nothing was done: the request asked what would happen.",
    );
    map(&fields, &[&[("dry_run", dry_run)], sometimes].concat())
}

/// The player of a receipt.
pub fn of_player() -> [(&'static str, Value); 2] {
    let new = "The hub's own id; `null` in a dry run about somebody new.";
    [("playerId", named("PlayerName")), ("player", told(or_null(&named("PlayerId")), new))]
}

/// Why a change was asked for, in a receipt.
pub fn of_cause() -> [(&'static str, Value); 2] {
    [("reason", or_null(&text())), ("reference", or_null(&text()))]
}

/// Why a change is asked for, in a body.
pub fn cause() -> [(&'static str, Value); 2] {
    [("reason", named("Reason")), ("reference", named("Reference"))]
}
