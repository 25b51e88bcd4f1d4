//! Integers in the data of a publication: exact for every reader, or refused.

use protocol::{Encoding, Payload, codec::decode_server, payload::PayloadError};

/// 2^53.
const MAX: i128 = 9_007_199_254_740_992;

/// The shortest MessagePack of an integer that has one.
fn msgpack(number: i128) -> Option<Vec<u8>> {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => rmp_serde::to_vec(&number).ok(),
        (_, Ok(number)) => rmp_serde::to_vec(&number).ok(),
        _ => None,
    }
}

#[test]
fn an_integer_is_published_exactly_in_both_encodings_or_refused_in_both() {
    let edges = [0, 47, 48, 57, 127, 128, 1 << 31, 1 << 32, MAX, 1 << 63, 1 << 64, i128::pow(10, 29)];
    for edge in edges {
        for number in [edge - 1, edge, edge + 1, -edge - 1, -edge, 1 - edge] {
            let exact = number.abs() <= MAX;
            for (head, tail) in
                [("", ""), ("{\"a\":[1.5,\"\\\\\\\"9\",", "]}"), (" [ ", " ] "), ("{\"id\":", ",\"b\":0}")]
            {
                let text = format!("{head}{number}{tail}");
                match Payload::from_json(text.as_bytes()) {
                    Ok(payload) => {
                        assert!(exact, "{text} was taken");
                        assert!(payload.to_json().contains(&number.to_string()), "{text}: {payload:?}");
                    }
                    Err(error) => {
                        assert!(!exact && error == PayloadError::IntegerTooLarge, "{text}: {error}")
                    }
                }
            }
            let Some(packed) = msgpack(number) else { continue };
            for bytes in [packed.clone(), [b"\x81\xa1a\x91", &packed[..]].concat()] {
                match Payload::from_msgpack(bytes.into()) {
                    Ok(payload) => assert!(exact && payload.to_json().contains(&number.to_string())),
                    Err(error) => {
                        assert!(!exact && error == PayloadError::IntegerTooLarge, "{number}: {error}")
                    }
                }
            }
        }
    }
}

#[test]
fn floats_and_digits_in_text_are_no_integers() {
    for text in [
        "1e300",
        "-1E+17",
        "123456789012345678.5",
        "9007199254740993.0",
        "\"123456789012345678901\"",
        "{\"123456789012345678901\":\"\\\"123456789012345678901\"}",
    ] {
        assert!(Payload::from_json(text.as_bytes()).is_ok(), "{text}");
    }
    assert!(Payload::from_msgpack(rmp_serde::to_vec(&1e300).unwrap().into()).is_ok());
}

#[test]
fn the_refusal_names_the_limit_and_what_to_do() {
    let error = Payload::from_json(b"[18446744073709551616]").unwrap_err().to_string();
    assert!(error.contains("9007199254740992") && error.contains("as text"), "{error}");
}

#[test]
fn a_client_reads_wider_integers_of_an_older_hub() {
    let frame = br#"{"t":"pub","ch":"news:a","e":"m1","o":1,"d":{"id":18446744073709551615}}"#;
    assert!(decode_server(Encoding::Json, frame).is_ok());
}
