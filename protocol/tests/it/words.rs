//! The text of an error: the place, what is expected and what was found there; the same in both encodings.

use proptest::prelude::*;
use protocol::{Encoding, ErrorCode, codec::decode_client};
use serde_json::{Value, json};

use crate::hostile::{packed, refused, with_bet};

/// Refused in both encodings with exactly these words.
fn says(json: &str, code: ErrorCode, words: &str) {
    for (encoding, bytes) in [(Encoding::Json, json.as_bytes()), (Encoding::Msgpack, &*packed(json))] {
        let error = refused(encoding, bytes);
        assert_eq!((&*error.detail, error.code), (words, code), "{encoding:?} {json}");
    }
}

#[test]
fn an_error_says_where_it_is_what_is_expected_and_what_stands_there() {
    use ErrorCode::{BadAmount, Malformed, MissingField, TooLarge};
    let integer = "an integer from 0 to 2^53 is expected, not";
    let table = [
        (r#"{"t":"ping","id":"7"}"#.to_owned(), Malformed, format!("id: {integer} a text")),
        (r#"{"t":"ping","id":-1}"#.into(), Malformed, format!("id: {integer} -1")),
        (r#"{"t":"ping","id":1.5}"#.into(), Malformed, format!("id: {integer} a number with a fraction")),
        (r#"{"t":"ping","id":1e300}"#.into(), Malformed, format!("id: {integer} a number beyond that")),
        (r#"{"t":"ping","id":9007199254740993}"#.into(), Malformed, format!("id: {integer} 9007199254740993")),
        (r#"{"t":"ping","id":[7]}"#.into(), Malformed, format!("id: {integer} a list")),
        (
            r#"{"t":"join_table","id":7,"table":null,"ch":true}"#.into(),
            Malformed,
            "ch: a channel such as \"table:roulette-1\" is expected, not a boolean".into(),
        ),
        (
            with_bet(r#"{"kind":"red","n":[1,256],"a":"1"}"#),
            Malformed,
            "bets[0].n[1]: an integer from 0 to 255 is expected, not 256".into(),
        ),
        (
            with_bet(r#"{"kind":"red","n":[1.5],"a":"1"}"#),
            Malformed,
            "bets[0].n[0]: an integer from 0 to 255 is expected, not a number with a fraction".into(),
        ),
        (
            with_bet(r#"{"kind":"red","n":{},"a":"1"}"#),
            Malformed,
            "bets[0].n: a list of at most 18 items is expected, not a map".into(),
        ),
        (
            with_bet(r#"{"kind":"a kind of many words","a":"1"}"#),
            TooLarge,
            "bets[0].kind: a text of at most 16 bytes is expected, not one of 20".into(),
        ),
        (
            with_bet(r#"{"kind":"red","a":1.5}"#),
            BadAmount,
            "bets[0].a: an amount is a decimal text such as \"12.50\": a text of at most 30 bytes is expected, \
             not a number"
                .into(),
        ),
        (with_bet(r#"{"kind":"red"}"#), MissingField, "bets[0].a: the field is missing".into()),
        (with_bet(r#"{"kind":"red","a":"1","a":"2"}"#), Malformed, "bets[0].a: the field is given twice".into()),
        (
            r#"["ping"]"#.into(),
            Malformed,
            "a request: a map with the keys \"t\" and \"id\" is expected, not a list".into(),
        ),
    ];
    for (json, code, words) in table {
        says(&json, code, &words);
    }
}

/// A number as JSON text: small and huge integers, floats with and without a fraction, exponents.
fn number() -> impl Strategy<Value = String> {
    let near = |middle: u64| (middle.saturating_sub(3)..=middle + 3).prop_map(|integer| integer.to_string());
    prop_oneof![
        any::<u64>().prop_map(|integer| integer.to_string()),
        any::<i64>().prop_map(|integer| integer.to_string()),
        any::<u128>().prop_map(|integer| integer.to_string()),
        near(1 << 53),
        near(1 << 32),
        near(256),
        (near(1 << 53), "[0-9]").prop_map(|(integer, digit)| format!("{integer}.{digit}")),
        (0..2_000_u32, "[05]").prop_map(|(integer, digit)| format!("{integer}.{digit}")),
        (-9..99_i32, 0..20_u32).prop_map(|(integer, exponent)| format!("{integer}e{exponent}")),
    ]
}

proptest! {
    #[test]
    fn an_integer_is_taken_or_refused_alike_in_both_encodings(number in number()) {
        let requests = [
            format!(r#"{{"t":"ping","id":{number}}}"#),
            format!(r#"{{"t":"subscribe","id":7,"ch":"a","e":"x","o":{number}}}"#),
            format!(r#"{{"t":"clear_bets","id":7,"key":"k","table":"r","round":{number}}}"#),
            with_bet(&format!(r#"{{"kind":"red","n":[{number}],"a":"1"}}"#)),
        ];
        for json in requests {
            let value: Value = serde_json::from_str(&json).unwrap();
            let packed = rmp_serde::to_vec(&value).unwrap();
            let of_json = decode_client(Encoding::Json, json.as_bytes()).map_err(|error| error.code);
            let of_msgpack = decode_client(Encoding::Msgpack, &packed).map_err(|error| error.code);
            prop_assert_eq!(of_json, of_msgpack, "{}", json);
        }
    }

    #[test]
    fn an_integer_is_taken_as_it_is_or_not_at_all(integer in prop_oneof![any::<u64>(), (1_u64 << 53) - 4..(1 << 53) + 5]) {
        for text in [json!(integer).to_string(), format!("{integer}.0")] {
            let frame = decode_client(Encoding::Json, format!(r#"{{"t":"ping","id":{text}}}"#).as_bytes());
            prop_assert!(frame.is_err() || frame.is_ok_and(|frame| frame.id.get() == integer), "{}", text);
        }
    }
}
