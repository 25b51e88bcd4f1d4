//! Requests are strict: a field that is unknown, of another request, or given twice is refused by name.

use protocol::{Encoding, ErrorCode, codec::decode_client};

use crate::hostile::{check_both, packed, refused, with_bet};

#[test]
fn a_field_given_twice_is_refused_by_name() {
    let table = [
        (r#"{"t":"ping","t":"ping","id":7}"#.to_owned(), "t: the field is given twice"),
        (r#"{"t":"ping","id":7,"id":8}"#.to_owned(), "id: the field is given twice"),
        (
            r#"{"t":"get_history","table":null,"table":"r","id":7}"#.to_owned(),
            "table: the field is given twice",
        ),
        (with_bet(r#"{"kind":"red","a":"1","a":"100"}"#), "bets[0].a: "),
    ];
    for (json, cause) in table {
        for (encoding, bytes) in
            [(Encoding::Json, json.clone().into_bytes()), (Encoding::Msgpack, packed(&json))]
        {
            let error = refused(encoding, &bytes);
            assert!(error.detail.contains(cause) && error.detail.contains("given twice"), "{error:?}");
            assert_eq!(error.code, ErrorCode::Malformed);
        }
    }
}

#[test]
fn an_unknown_field_is_refused_by_name_wherever_it_stands() {
    let unknown = [
        (r#""x":1"#, "there is no field \"x\""),
        (r#""curency":"EUR""#, "there is no field \"curency\""),
        (r#""x":null"#, "there is no field \"x\""),
        (r#""x":1,"x":2"#, "there is no field \"x\""),
        (r#""":"""#, "there is no field \"\""),
        (r#""ID":9,"T":"x""#, "there is no field \"ID\""),
        (r#""__proto__":{"admin":true}"#, "there is no field \"__proto__\""),
        (
            r#""x":"]]]]]]]]]]]]]]]]]]]]{{{{{{{{{{{{{{{{{{{{\"[[[[[[[[[[[[[[[[[[[[""#,
            "there is no field \"x\"",
        ),
    ];
    for (fields, cause) in unknown {
        check_both(&format!(r#"{{{fields},"t":"ping","id":7}}"#), ErrorCode::Malformed, cause, Some(7));
        check_both(&format!(r#"{{"t":"ping","id":7,{fields}}}"#), ErrorCode::Malformed, cause, Some(7));
        let bet = with_bet(&format!(r#"{{"kind":"red","a":"1"}},{{"kind":"red",{fields},"a":"1"}}"#));
        check_both(&bet, ErrorCode::Malformed, &format!("bets[1]: {cause}"), Some(7));
        let hello =
            format!(r#"{{"t":"hello","id":7,"token":"x","resume":[{{"ch":"a","e":"x","o":1,{fields}}}]}}"#);
        check_both(&hello, ErrorCode::Malformed, &format!("resume[0]: {cause}"), Some(7));
    }
}

#[test]
fn a_field_of_another_request_is_refused_by_name() {
    let table = [
        (r#"{"t":"get_history","id":7,"ch":"x"}"#, "get_history has no field \"ch\""),
        (r#"{"t":"ping","id":7,"key":"k"}"#, "ping has no field \"key\""),
        (r#"{"t":"list_tables","id":7,"token":"x"}"#, "list_tables has no field \"token\""),
        (r#"{"t":"get_balance","id":7,"currency":"EUR"}"#, "get_balance has no field \"currency\""),
        (r#"{"t":"join_table","id":7,"table":"r","client":"x"}"#, "join_table has no field \"client\""),
        (r#"{"t":"leave_table","id":7,"table":"r","round":1}"#, "leave_table has no field \"round\""),
        (r#"{"t":"unsubscribe","id":7,"ch":"a","e":"x"}"#, "unsubscribe has no field \"e\""),
        (r#"{"t":"subscribe","id":7,"ch":"a","resume":[]}"#, "subscribe has no field \"resume\""),
        (r#"{"t":"get_outcome","id":7,"key":"k","o":1}"#, "get_outcome has no field \"o\""),
        (
            r#"{"t":"clear_bets","id":7,"key":"k","table":"r","round":1,"bets":[]}"#,
            "clear_bets has no field \"bets\"",
        ),
        (r#"{"t":"hello","id":7,"token":"x","seed":"s"}"#, "hello has no field \"seed\""),
        (r#"{"t":"ping","id":7,"table":"r"}"#, "ping has no field \"table\""),
    ];
    for (json, cause) in table {
        check_both(json, ErrorCode::Malformed, cause, Some(7));
    }
}

#[test]
fn the_name_of_an_unknown_field_is_cut_and_cannot_change_the_error_code() {
    let names = [
        "invalid length 9",
        "the field is missing",
        "EOF while parsing",
        ".bets[0].a: invalid type",
        "].a",
        "[0]: the field is missing",
        "x: invalid length",
    ];
    for name in names {
        for json in [
            format!(r#"{{"t":"ping","id":7,"{name}":1}}"#),
            with_bet(&format!(r#"{{"kind":"red","a":"1","{name}":1}}"#)),
        ] {
            check_both(&json, ErrorCode::Malformed, "there is no field", Some(7));
        }
    }
    let long = format!(r#"{{"t":"ping","id":7,"{}":1}}"#, "é".repeat(5_000));
    check_both(&long, ErrorCode::Malformed, &format!("there is no field \"{}…\"", "é".repeat(32)), Some(7));
    let foul = r#"{"t":"ping","id":7,"a\u0000\u001b[31m\n\u202e\"\\ b":1}"#;
    check_both(foul, ErrorCode::Malformed, "there is no field \"a??[31m?????b\"", Some(7));
}

#[test]
fn a_request_of_a_later_release_is_unknown_whatever_it_holds() {
    for fields in [r#""x":1"#, r#""bets":[{"odds":"1/2"}]"#, r#""table":5"#, r#""ch":"x","key":"k""#] {
        let json = format!(r#"{{"t":"cash_out",{fields},"id":7}}"#);
        check_both(&json, ErrorCode::UnknownRequest, "there is no request \"cash_out\"", Some(7));
    }
}

#[test]
fn null_is_the_same_as_the_absence_of_an_optional_field() {
    let json = r#"{"t":"get_history","id":7,"table":null,"seed":null,"resume":null}"#;
    let absent = decode_client(Encoding::Json, br#"{"t":"get_history","id":7}"#);
    assert!(absent.is_ok());
    assert_eq!(decode_client(Encoding::Json, json.as_bytes()), absent);
    assert_eq!(decode_client(Encoding::Msgpack, &packed(json)), absent);
}
