//! Frames of a later hub: this release reads them, acts by the documented ranges, and keeps unknown words.

use protocol::{
    Code, Encoding, ErrorCode, Open, Reply, Retry,
    codec::{ServerFrame, decode_server, encode_reply},
    push::Event,
    reply::{Failure, KeyOutcome, Phase, ReplyFrame},
};
use serde_json::Value;

use crate::golden;

/// Reads a frame of a later hub from both encodings; the results must be the same.
fn read(json: &str) -> Reply {
    let frame = decode_server(Encoding::Json, json.as_bytes()).expect(json);
    let value: Value = serde_json::from_str(json).unwrap();
    let packed = rmp_serde::to_vec(&value).unwrap();
    assert_eq!(decode_server(Encoding::Msgpack, &packed).as_ref(), Ok(&frame), "{json}");
    let ServerFrame::Reply(frame) = frame else { panic!("{frame:?}") };
    frame.reply
}

fn failure(code: u16, retry: &str) -> Failure {
    let json = format!(
        r#"{{"t":"error","id":7,"code":{code},"name":"of_later","message":"words","retry":"{retry}","why":[1]}}"#
    );
    match read(&json) {
        Reply::Error(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_code_of_a_later_hub_is_handled_by_its_range() {
    let table = [
        (1999, Retry::Never),
        (2999, Retry::Authenticate),
        (3999, Retry::Never),
        (4999, Retry::SameKey),
        (5999, Retry::AskOutcome),
        (999, Retry::AskOutcome),
        (6000, Retry::AskOutcome),
    ];
    for (number, retry) in table {
        let code = Code::new(number);
        assert_eq!((code.known(), code.retry(), code.number()), (None, retry, number));
        let failure = failure(number, "later");
        assert_eq!((failure.code, failure.retry), (code, retry), "an unknown word is read by the range");
        assert_eq!((failure.name.as_str(), failure.message.as_str()), ("of_later", "words"));
    }
}

#[test]
fn a_known_retry_advice_is_kept_with_an_unknown_code() {
    assert_eq!(failure(3999, "same_key").retry, Retry::SameKey);
    assert_eq!(failure(3010, "later").retry, Retry::Never);
    assert!(failure(3010, "later").code == ErrorCode::InsufficientFunds);
    let silent = read(r#"{"t":"error","id":7,"code":4999}"#);
    assert!(matches!(silent, Reply::Error(failure) if failure.retry == Retry::SameKey));
}

#[test]
fn every_code_of_this_release_says_the_same_as_its_number() {
    for code in ErrorCode::ALL {
        assert_eq!(Code::from(*code).known(), Some(*code));
        assert_eq!(Code::from(*code).retry(), code.retry());
    }
}

#[test]
fn a_phase_of_a_later_hub_is_shown_as_it_is_and_written_back_unchanged() {
    for kind in ["joined", "tables"] {
        let frame = golden::replies().into_iter().find(|frame| frame.name == kind).unwrap();
        let json = String::from_utf8(frame.json).unwrap();
        let later = json.replace("\"betting\"", "\"paused\"");
        assert_ne!(json, later, "{kind}");
        let reply = read(&later);
        let phases: Vec<Open<Phase>> = match &reply {
            Reply::Joined { view, .. } => vec![view.phase.clone()],
            Reply::Tables { tables } => tables.iter().map(|table| table.phase.clone()).collect(),
            other => panic!("{other:?}"),
        };
        let paused = Open::Other("paused".into());
        assert!(phases.contains(&paused) && paused != Phase::Betting && paused.known().is_none());
        let value: Value = serde_json::from_str(&later).unwrap();
        let id = protocol::U53::new(value["id"].as_u64().unwrap());
        let again = encode_reply(Encoding::Json, &ReplyFrame { id, reply });
        assert_eq!(String::from_utf8(again).unwrap(), later);
    }
}

#[test]
fn the_status_of_a_later_hub_is_not_definite() {
    let reply =
        read(r#"{"t":"outcome","id":7,"key":"k","outcome":{"status":"pending","since":5,"by":{"x":[1]}}}"#);
    assert!(matches!(reply, Reply::Outcome { outcome: KeyOutcome::Other, .. }), "{reply:?}");
    let refused =
        read(r#"{"t":"outcome","id":7,"key":"k","outcome":{"status":"refused","code":3999,"name":"x"}}"#);
    let Reply::Outcome { outcome: KeyOutcome::Refused { code, .. }, .. } = refused else { panic!() };
    assert_eq!((code.number(), code.known()), (3999, None));
}

#[test]
fn the_reason_of_a_later_balance_is_kept() {
    let json =
        r#"{"ev":"balance","lsn":1,"currency":"EUR","available":"1.00","held":"0.00","reason":"bonus"}"#;
    let Event::Balance { reason, .. } = serde_json::from_str(json).unwrap() else { panic!() };
    assert_eq!(reason, Open::Other("bonus".into()));
}

#[test]
fn unknown_fields_of_every_reply_and_push_pass() {
    for frame in golden::replies().into_iter().chain(golden::pushes()) {
        let plain: Value = serde_json::from_slice(&frame.json).unwrap();
        let mut more = plain.clone();
        more.as_object_mut().unwrap().insert("of_later".into(), serde_json::json!({"x": [1, null]}));
        let read = |value: &Value| decode_server(Encoding::Json, value.to_string().as_bytes());
        assert_eq!(read(&more), read(&plain), "{}", frame.name);
        assert_eq!(
            decode_server(Encoding::Msgpack, &rmp_serde::to_vec(&more).unwrap()),
            read(&plain),
            "{}",
            frame.name
        );
    }
}

#[test]
fn a_balance_of_an_earlier_hub_says_no_place_in_the_log() {
    assert!(matches!(read(r#"{"t":"balances","id":7,"balances":[]}"#), Reply::Balances { lsn: 0, .. }));
}

#[test]
fn a_reply_that_cannot_be_read_still_gives_its_id() {
    let broken = decode_server(Encoding::Json, br#"{"t":"bet_accepted","id":3,"lsn":"x"}"#).unwrap_err();
    assert_eq!(broken.id.map(protocol::U53::get), Some(3));
    let push = decode_server(Encoding::Json, br#"{"t":"pub","ch":5}"#).unwrap_err();
    assert_eq!(push.id, None);
}
