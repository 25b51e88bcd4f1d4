//! Hostile frames: each gets a code and a text that names the field or the cause, and costs little.

use std::fmt::Write;

use protocol::{
    DEPTH_MAX, Encoding, ErrorCode, FRAME_BYTES_MAX, FrameError, Payload, U53,
    codec::{decode_client, decode_server},
    payload::{PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX, PayloadError},
};
use serde_json::Value;

use crate::{allocation, golden};

/// Most bytes the decoder may allocate for a refused frame, freed ones included: a constant part, and a part for each
/// byte of the frame.
const ALLOCATED_MAX: usize = 4 * 1024;
const ALLOCATED_PER_BYTE_MAX: usize = 16;

pub fn refused(encoding: Encoding, bytes: &[u8]) -> FrameError {
    let (result, allocated) = allocation::of(|| decode_client(encoding, bytes));
    assert!(
        allocated <= ALLOCATED_MAX + ALLOCATED_PER_BYTE_MAX * bytes.len(),
        "{allocated} bytes were allocated for {} bytes",
        bytes.len()
    );
    result.expect_err(&format!("{encoding:?} {}", String::from_utf8_lossy(bytes)))
}

/// Refused, with a text that holds `cause`.
fn check(encoding: Encoding, bytes: &[u8], code: ErrorCode, cause: &str) -> FrameError {
    let error = refused(encoding, bytes);
    assert_eq!(error.code, code, "{:?}: {error:?}", String::from_utf8_lossy(bytes));
    assert!(error.detail.contains(cause), "{:?}: {error:?}", String::from_utf8_lossy(bytes));
    error
}

/// The MessagePack of a JSON text, keys in the same order and as often.
pub fn packed(json: &str) -> Vec<u8> {
    serde_json::from_str::<Payload>(json).expect(json).bytes().to_vec()
}

/// Refused with the same code and cause in both encodings.
pub fn check_both(json: &str, code: ErrorCode, cause: &str, id: Option<u64>) {
    let id = id.and_then(U53::new);
    assert_eq!(check(Encoding::Json, json.as_bytes(), code, cause).id, id, "{json}");
    assert_eq!(check(Encoding::Msgpack, &packed(json), code, cause).id, id, "{json}");
}

/// A `place_bet` whose only bet is `bet`.
pub fn with_bet(bet: &str) -> String {
    format!(r#"{{"t":"place_bet","id":7,"key":"k","table":"r","round":1,"currency":"EUR","bets":[{bet}]}}"#)
}

#[test]
fn a_value_of_the_wrong_kind_names_its_field() {
    use ErrorCode::{BadAmount, Malformed, MissingField, UnknownRequest};
    let bet = |bet: &str| with_bet(bet);
    let table: &[(&str, ErrorCode, &str, Option<u64>)] = &[
        (r#"{"id":7}"#, MissingField, "\"t\"", Some(7)),
        (r#"{}"#, MissingField, "\"t\"", None),
        (r#"{"t":"ping"}"#, MissingField, "\"id\"", None),
        (r#"{"t":null,"id":7}"#, MissingField, "\"t\"", Some(7)),
        (r#"{"t":"pings","id":7}"#, UnknownRequest, "\"pings\"", Some(7)),
        (r#"{"t":"","id":7}"#, UnknownRequest, "\"\"", Some(7)),
        (r#"{"t":"PING","id":7}"#, UnknownRequest, "\"PING\"", Some(7)),
        (r#"{"t":"hello","id":7}"#, MissingField, "hello needs the field \"token\"", Some(7)),
        (r#"{"t":"subscribe","id":7,"ch":"a","e":"x"}"#, MissingField, "\"o\"", Some(7)),
        (r#"{"t":"subscribe","id":7,"ch":"a","o":1}"#, MissingField, "\"e\"", Some(7)),
        (r#"{"t":5,"id":7}"#, Malformed, "t: ", Some(7)),
        (r#"{"t":"ping","id":"7"}"#, Malformed, "id: ", None),
        (r#"{"t":"ping","id":-1}"#, Malformed, "id: ", None),
        (r#"{"t":"ping","id":1.5}"#, Malformed, "id: ", None),
        (r#"{"t":"ping","id":-1.0}"#, Malformed, "id: ", None),
        (r#"{"t":"ping","id":9007199254740993}"#, Malformed, "2^53", None),
        (r#"{"t":"ping","id":18446744073709551615}"#, Malformed, "2^53", None),
        (r#"{"t":"ping","id":1e300}"#, Malformed, "2^53", None),
        (r#"{"t":"ping","id":[7]}"#, Malformed, "id: ", None),
        (r#"{"t":"ping","id":true}"#, Malformed, "id: ", None),
        (r#"{"t":"join_table","id":7,"table":17}"#, Malformed, "table: ", Some(7)),
        (r#"{"t":"join_table","id":7,"table":"a b"}"#, Malformed, "table: ", Some(7)),
        (r#"{"t":"join_table","id":7,"table":""}"#, Malformed, "table: ", Some(7)),
        (r#"{"t":"join_table","id":7,"table":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#, Malformed, "23", Some(7)),
        (r#"{"t":"get_outcome","id":7,"key":"\u0000"}"#, Malformed, "key: ", Some(7)),
        (r#"{"t":"unsubscribe","id":7,"ch":":x"}"#, Malformed, "ch: ", Some(7)),
        (r#"{"t":"unsubscribe","id":7,"ch":{"x":1}}"#, Malformed, "ch: ", Some(7)),
        (
            r#"{"t":"hello","id":7,"token":"x","resume":[{"ch":"a","e":"x"}]}"#,
            MissingField,
            "resume[0].o: ",
            Some(7),
        ),
        (r#"{"t":"hello","id":7,"token":"x","resume":[["a","x",1]]}"#, Malformed, "resume[0]: ", Some(7)),
        (r#"{"t":"hello","id":7,"token":"x","resume":{"a":1}}"#, Malformed, "resume: ", Some(7)),
        (&bet(r#"{"kind":"red","a":1.5}"#), BadAmount, "bets[0].a: an amount is a decimal text", Some(7)),
        (&bet(r#"{"kind":"red","a":2}"#), BadAmount, "bets[0].a: ", Some(7)),
        (&bet(r#"{"kind":"red","a":null}"#), BadAmount, "bets[0].a: ", Some(7)),
        (&bet(r#"{"kind":"red","a":["1"]}"#), BadAmount, "bets[0].a: ", Some(7)),
        (&bet(r#"{"kind":"red","a":"0000000000000000000000000000001"}"#), BadAmount, "at most 30", Some(7)),
        (&bet(r#"{"kind":"red"}"#), MissingField, "bets[0].a: ", Some(7)),
        (&bet(r#"{"a":"1"}"#), MissingField, "bets[0].kind: ", Some(7)),
        (&bet(r#"{"kind":"red","n":[256],"a":"1"}"#), Malformed, "bets[0].n[0]: ", Some(7)),
        (&bet(r#"{"kind":"red","n":[1,-1],"a":"1"}"#), Malformed, "bets[0].n[1]: ", Some(7)),
        (&bet(r#"{"kind":"red","n":["1"],"a":"1"}"#), Malformed, "bets[0].n[0]: ", Some(7)),
        (&bet(r#"{"kind":"red","n":17,"a":"1"}"#), Malformed, "bets[0].n: ", Some(7)),
        (&bet(r#"{"kind":"red","a":"1"},{"kind":7,"a":"1"}"#), Malformed, "bets[1].kind: ", Some(7)),
        (&bet(r#"["red",[],"1"]"#), Malformed, "bets[0]: ", Some(7)),
        (&bet(""), MissingField, "\"bets\"", Some(7)),
        (r#"["ping",7]"#, Malformed, "a map", None),
        (r#"[]"#, Malformed, "a map", None),
        (r#"7"#, Malformed, "a map", None),
        (r#""ping""#, Malformed, "a map", None),
        (r#"null"#, Malformed, "a map", None),
    ];
    for (json, code, cause, id) in table {
        check_both(json, *code, cause, *id);
    }
}

#[test]
fn a_bound_that_is_exceeded_names_its_field() {
    use ErrorCode::TooLarge;
    let long = |count: usize| "x".repeat(count);
    let hello = |token: &str| format!(r#"{{"t":"hello","id":7,"token":"{token}"}}"#);
    check_both(&hello(&long(4097)), TooLarge, "token: ", Some(7));
    let numbers = |count: usize| vec!["1"; count].join(",");
    check_both(
        &with_bet(&format!(r#"{{"kind":"red","n":[{}],"a":"1"}}"#, numbers(19))),
        TooLarge,
        "bets[0].n: ",
        Some(7),
    );
    check_both(
        &with_bet(&format!(r#"{{"kind":"{}","a":"1"}}"#, long(17))),
        TooLarge,
        "bets[0].kind: ",
        Some(7),
    );
    check_both(
        &with_bet(&vec![r#"{"kind":"red","a":"1"}"#; 161].join(",")),
        TooLarge,
        "at most 160",
        Some(7),
    );
    let resume = vec![r#"{"ch":"a","e":"x","o":1}"#; 33].join(",");
    check_both(
        &format!(r#"{{"t":"hello","id":7,"token":"x","resume":[{resume}]}}"#),
        TooLarge,
        "resume: ",
        Some(7),
    );
    check_both(&format!(r#"{{"t":"{}","id":7}}"#, long(25)), TooLarge, "t: ", Some(7));
}

#[test]
fn an_announced_length_is_refused_before_an_item_is_read() {
    let bets = vec![r#"{"kind":7}"#; 161].join(",");
    check(
        Encoding::Msgpack,
        &packed(&with_bet(&bets)),
        ErrorCode::TooLarge,
        "bets: a list of at most 160 items is expected, not one of 161",
    );
}

#[test]
fn the_largest_request_of_each_kind_fits() {
    let bets = vec![r#"{"kind":"straight","n":[36],"a":"1000000.00"}"#; 160].join(",");
    assert!(decode_client(Encoding::Json, with_bet(&bets).as_bytes()).is_ok());
    assert!(decode_client(Encoding::Msgpack, &packed(&with_bet(&bets))).is_ok());
    let since = format!(r#"{{"ch":"{}","e":"{}","o":9007199254740992}}"#, "c".repeat(96), "e".repeat(24));
    let hello = format!(
        r#"{{"t":"hello","id":7,"token":"{}","client":"{}","resume":[{}]}}"#,
        "x".repeat(4096),
        "c".repeat(64),
        vec![since.as_str(); 32].join(",")
    );
    assert!(hello.len() <= FRAME_BYTES_MAX);
    assert!(decode_client(Encoding::Json, hello.as_bytes()).is_ok());
    assert!(decode_client(Encoding::Msgpack, &packed(&hello)).is_ok());
}

#[test]
fn an_integer_spelled_as_a_float_is_an_integer() {
    let bytes = |id: f64| {
        let mut bytes = b"\x82\xa1t\xa4ping\xa2id\xcb".to_vec();
        bytes.extend(id.to_be_bytes());
        bytes
    };
    for id in [0.0, -0.0, 7.0, 4_294_967_296.0, 9_007_199_254_740_991.0] {
        assert_eq!(
            decode_client(Encoding::Msgpack, &bytes(id)).map(|frame| frame.id.get() as f64),
            Ok(id.abs())
        );
    }
    // 2^53 as a float may be 2^53 + 1 rounded.
    for id in [0.5, -1.0, 9_007_199_254_740_992.0, 1e300] {
        check(Encoding::Msgpack, &bytes(id), ErrorCode::Malformed, "id: ");
    }
    for id in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check(Encoding::Msgpack, &bytes(id), ErrorCode::Malformed, "not finite");
    }
    assert_eq!(
        decode_client(Encoding::Json, br#"{"t":"ping","id":4294967296.0}"#).map(|f| f.id.get()),
        Ok(1 << 32)
    );
}

/// `ping` with an unknown field of `depth` arrays or maps inside each other; the frame's map counts as one.
fn nested(depth: usize, open: &str, close: &str) -> String {
    format!(r#"{{"t":"ping","id":7,"x":{}1{}}}"#, open.repeat(depth), close.repeat(depth))
}

#[test]
fn nesting_has_the_same_bound_in_both_encodings() {
    for (open, close, msgpack) in [("[", "]", &b"\x91"[..]), (r#"{"a":"#, "}", &b"\x81\xa1a"[..])] {
        for (depth, fits) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, false), (2_000, false)] {
            let json = nested(depth, open, close);
            let mut packed = b"\x83\xa1t\xa4ping\xa2id\x07\xa1x".to_vec();
            packed.extend(msgpack.repeat(depth));
            packed.push(1);
            for (encoding, bytes) in [(Encoding::Json, json.as_bytes()), (Encoding::Msgpack, &packed)] {
                if fits {
                    check(encoding, bytes, ErrorCode::Malformed, "there is no field");
                } else {
                    check(encoding, bytes, ErrorCode::TooLarge, "nested too deep");
                }
            }
        }
    }
    check(Encoding::Json, "[".repeat(FRAME_BYTES_MAX).as_bytes(), ErrorCode::TooLarge, "nested too deep");
    check(Encoding::Msgpack, &[0x91; FRAME_BYTES_MAX], ErrorCode::TooLarge, "nested too deep");
}

#[test]
fn a_frame_over_the_size_limit_is_refused_before_it_is_decoded() {
    for encoding in [Encoding::Json, Encoding::Msgpack] {
        check(encoding, &[b' '; FRAME_BYTES_MAX + 1], ErrorCode::TooLarge, "16385 bytes, at most 16384");
    }
    let mut json = br#"{"t":"ping","id":7}"#.to_vec();
    json.resize(FRAME_BYTES_MAX, b' ');
    assert!(decode_client(Encoding::Json, &json).is_ok(), "the limit itself is allowed");
}

#[test]
fn every_prefix_of_every_frame_is_refused() {
    for frame in golden::requests() {
        for length in 0..frame.msgpack.len() {
            check(Encoding::Msgpack, &frame.msgpack[..length], ErrorCode::Malformed, "ends in the middle");
        }
        for length in 0..frame.json.len() {
            check(Encoding::Json, &frame.json[..length], ErrorCode::Malformed, "");
        }
    }
    for frame in golden::replies().iter().chain(&golden::pushes()) {
        for length in 0..frame.msgpack.len() {
            assert!(decode_server(Encoding::Msgpack, &frame.msgpack[..length]).is_err(), "{}", frame.name);
        }
        for length in (0..frame.json.len()).step_by(3) {
            assert!(decode_server(Encoding::Json, &frame.json[..length]).is_err(), "{}", frame.name);
        }
    }
}

#[test]
fn bytes_after_the_frame_are_refused() {
    for frame in golden::requests() {
        for tail in [&b"\x00"[..], b"\xc0", b"\xc1", &frame.msgpack] {
            let bytes = [&frame.msgpack, tail].concat();
            check(Encoding::Msgpack, &bytes, ErrorCode::Malformed, "bytes after the frame's value");
        }
        for tail in [&b"0"[..], b"}", b"\0", b",", &frame.json] {
            let bytes = [&frame.json, tail].concat();
            check(Encoding::Json, &bytes, ErrorCode::Malformed, "trailing characters");
        }
        assert!(
            decode_client(Encoding::Json, &[&frame.json[..], b" \r\n"].concat()).is_ok(),
            "white space is JSON"
        );
    }
}

#[test]
fn a_length_field_alone_never_causes_an_allocation() {
    let bombs: &[&[u8]] = &[
        b"\xdf\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff\xa1t\xa4ping",
        b"\x82\xa1t\xdb\xff\xff\xff\xffping",
        b"\x83\xa1t\xa4ping\xa2id\x07\xa1x\xdd\xff\xff\xff\xff",
        b"\x83\xa1t\xa4ping\xa2id\x07\xa1x\xdf\xff\xff\xff\xff",
        b"\x83\xa1t\xa4ping\xa2id\x07\xa4bets\xdd\xff\xff\xff\xff",
        b"\x83\xa1t\xa4ping\xa2id\x07\xa4bets\xdc\xff\xff\x81",
        b"\x83\xa1t\xa4ping\xa2id\x07\xa5token\xdb\xff\xff\xff\xff",
        b"\x83\xa1t\xa4ping\xa2id\x07\xa6resume\xdd\x7f\xff\xff\xff\x83",
        b"\x82\xa1t\xa4ping\xdb\xff\xff\xff\xff",
    ];
    for bomb in bombs {
        check(Encoding::Msgpack, bomb, ErrorCode::Malformed, "ends in the middle");
        let (result, allocated) = allocation::of(|| decode_server(Encoding::Msgpack, bomb));
        assert!(result.is_err() && allocated <= ALLOCATED_MAX, "{allocated}");
        let (result, allocated) = allocation::of(|| Payload::from_msgpack(bytes::Bytes::from_static(bomb)));
        assert!(matches!(result, Err(PayloadError::Truncated)) && allocated <= ALLOCATED_MAX, "{allocated}");
    }
}

#[test]
fn what_json_cannot_spell_is_refused_in_messagepack_too() {
    let value: &[(&[u8], &str)] = &[
        (b"\xc1", "0xc1"),
        (b"\xc4\x01\x00", "binary"),
        (b"\xc5\x00\x01\x00", "binary"),
        (b"\xc6\x00\x00\x00\x01\x00", "binary"),
        (b"\xc6\xff\xff\xff\xff", "binary"),
        (b"\xd4\x00\x00", "extension"),
        (b"\xd6\xff\x00\x00\x00\x00", "extension"),
        (b"\xc7\x00\x01", "extension"),
        (b"\xc9\xff\xff\xff\xff\x01", "extension"),
        (b"\xca\x7f\xc0\x00\x00", "not finite"),
        (b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "not finite"),
        (b"\xa2\xc3\x28", "UTF-8"),
        (b"\xa3\xed\xa0\x80", "UTF-8"),
        (b"\x81\x01\x02", "key that is not text"),
        (b"\x81\xc0\x02", "key that is not text"),
        (b"\x81\xc4\x01a\x02", "key that is not text"),
    ];
    for (bytes, cause) in value {
        // Alone, in a known field and in an unknown one.
        for head in [&b""[..], b"\x83\xa1t\xa4ping\xa2id\x07\xa3key", b"\x83\xa1t\xa4ping\xa2id\x07\xa1x"] {
            check(Encoding::Msgpack, &[head, bytes].concat(), ErrorCode::Malformed, cause);
        }
        let payload = Payload::from_msgpack(bytes::Bytes::copy_from_slice(bytes));
        assert!(payload.is_err_and(|error| error.to_string().contains(cause)), "{cause}");
    }
    check(Encoding::Msgpack, b"\x82\x00\xa4ping\x01\x07", ErrorCode::Malformed, "key that is not text");
}

#[test]
fn text_that_is_not_json_is_refused() {
    let table: &[(&[u8], &str)] = &[
        (b"\xef\xbb\xbf{\"t\":\"ping\",\"id\":7}", "byte order mark"),
        (b"\0", "expected value"),
        (b"{\"t\":\"ping\0\",\"id\":7}", "control character"),
        (b"{\"t\":\"ping\",\"id\":NaN}", "id: "),
        (b"{\"t\":\"ping\",\"id\":Infinity}", "id: "),
        (b"{\"t\":\"ping\",\"id\":1e999}", "id: number out of range"),
        (b"{\"t\":\"ping\",\"id\":0x7}", "expected `,`"),
        (b"{\"t\":\"ping\",\"id\":007}", "id: invalid number"),
        (b"{\"t\":\"ping\",\"id\":+7}", "id: "),
        (b"{'t':'ping'}", "key must be a string"),
        (b"{t:\"ping\"}", "key must be a string"),
        (b"{\"t\":\"ping\",\"id\":7,}", "trailing comma"),
        (b"{\"t\":\"ping\" \"id\":7}", "expected `,`"),
        (b"// hi\n{}", "expected value"),
        (b"{\"t\":\"\xff\",\"id\":7}", "t: invalid unicode"),
        (b"{\"t\":\"\\ud800\",\"id\":7}", "t: "),
        (b"{\"t\":\"\\x41\",\"id\":7}", "t: invalid escape"),
        (b"{\"t\":\"ping\",\"id\":7,\"x\":[1,}", "expected value"),
        (b"", "ends in the middle"),
        (b"   ", "ends in the middle"),
        (b"\x82\xa1t\xa4ping\xa2id\x07", "expected value"),
    ];
    for (bytes, cause) in table {
        check(Encoding::Json, bytes, ErrorCode::Malformed, cause);
    }
}

#[test]
fn the_text_of_an_error_is_short_whatever_was_sent() {
    let json = format!(r#"{{"t":"ping","id":"{}"}}"#, "é".repeat(5_000));
    assert!(refused(Encoding::Json, json.as_bytes()).detail.chars().count() <= 240);
}

#[test]
fn a_payload_has_bounds() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Payload::from_json(nested(PAYLOAD_DEPTH_MAX).as_bytes()).is_ok());
    for depth in [PAYLOAD_DEPTH_MAX + 1, 30_000] {
        assert_eq!(Payload::from_json(nested(depth).as_bytes()), Err(PayloadError::TooDeep));
        assert_eq!(Payload::from_msgpack(vec![0x91; depth].into()), Err(PayloadError::TooDeep));
    }
    let long = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert!(Payload::from_json(long(PAYLOAD_BYTES_MAX - 3).as_bytes()).is_ok());
    assert_eq!(Payload::from_json(long(PAYLOAD_BYTES_MAX).as_bytes()), Err(PayloadError::TooLarge));
    assert_eq!(Payload::from_msgpack(vec![0xc0; PAYLOAD_BYTES_MAX + 1].into()), Err(PayloadError::TooLarge));
    assert_eq!(Payload::from_msgpack(vec![0xc0, 0xc0].into()), Err(PayloadError::TrailingBytes));
    assert_eq!(Payload::from_msgpack(bytes::Bytes::new()), Err(PayloadError::Truncated));
    assert!(matches!(Payload::from_json(b"{} {}"), Err(PayloadError::Json(_))));
    assert!(matches!(Payload::from_json(b"{\"a\":1"), Err(PayloadError::Json(_))));
    assert!(matches!(Payload::from_json(b"1e999"), Err(PayloadError::Json(_))));
}

#[test]
fn the_deepest_payload_fits_into_every_frame_that_carries_one() {
    let nested = format!("{}1{}", "[".repeat(PAYLOAD_DEPTH_MAX), "]".repeat(PAYLOAD_DEPTH_MAX));
    let mut frame =
        String::from(r#"{"t":"welcome","id":1,"player":"0123456789abcdef0123456789abcdef","time":1,"#);
    write!(
        frame,
        r#""version":"0","ping_every_ms":1,"personal":{{"ch":"p","e":"x","o":0,"recovered":true,"pubs":[]}},"resumed":[{{"ch":"a","e":"x","o":1,"recovered":true,"pubs":[{{"o":1,"d":{nested}}}]}}]}}"#
    )
    .unwrap();
    let read = decode_server(Encoding::Json, frame.as_bytes());
    assert!(read.is_ok(), "{read:?}");
    let value: Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(decode_server(Encoding::Msgpack, &rmp_serde::to_vec(&value).unwrap()), read);
}

#[test]
fn a_client_can_tell_an_unknown_frame_of_a_later_hub_from_a_broken_frame() {
    let later = decode_server(Encoding::Json, br#"{"t":"jackpot","id":3}"#).unwrap_err();
    assert_eq!((later.code, later.id), (ErrorCode::UnknownRequest, U53::new(3)));
    let broken = decode_server(Encoding::Json, br#"{"t":"drain"}"#).unwrap_err();
    assert_eq!(broken.code, ErrorCode::Malformed);
    let with_more = br#"{"t":"drain","reconnect_after_ms":1,"why":"upgrade"}"#;
    assert!(decode_server(Encoding::Json, with_more).is_ok());
}
