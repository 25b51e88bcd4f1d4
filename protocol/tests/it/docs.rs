//! Compares `docs/protocol.md` with the code: its tables and examples are generated from the code.
//!
//! [`section`] generates the text between `<!-- generated: … -->` and `<!-- end -->`; `UPDATE_GOLDEN=1` rewrites it.

use std::fmt::Write;

use protocol::{
    BETS_MAX, CloseCode, DEPTH_MAX, ErrorCode, FRAME_BYTES_MAX, Retry, U53,
    amount::{AMOUNT_TEXT_MAX, MINOR_MAX, SCALE_MAX},
    channel::CHANNEL_BYTES_MAX,
    payload::{PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX},
    request::{CLIENT_SEED_BYTES_MAX, RESUME_MAX, TOKEN_BYTES_MAX},
};

use crate::golden::{self, Golden};

const DOC: &str = "../docs/protocol.md";

fn read() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(DOC);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn errors() -> String {
    let mut table =
        "| code | name | meaning | `retry` | recorded under the key | since |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for code in ErrorCode::ALL {
        let retry = match code.retry() {
            Retry::Never => "never",
            Retry::Authenticate => "authenticate",
            Retry::SameKey => "same_key",
            Retry::AskOutcome => "ask_outcome",
        };
        let kept = if code.consumes_key() { "yes" } else { "" };
        let (number, name, text, since) = (code.number(), code.name(), code.text(), code.since());
        writeln!(table, "| {number} | `{name}` | {text} | `{retry}` | {kept} | {since} |").unwrap();
    }
    table
}

fn close_codes() -> String {
    let mut table = "| code | reconnect automatically | meaning | since |\n|---|---|---|---|\n".to_owned();
    let rfc = [
        (1000, "normal end"),
        (1001, "the other side shuts down"),
        (1002, "not the WebSocket protocol"),
        (1003, "a binary frame in `hub.v1.json`, or a text frame in `hub.v1.msgpack`"),
        (1006, "the connection was lost without a close frame"),
        (1007, "text that is not UTF-8"),
        (1008, "a message that is not allowed"),
        (1009, "a frame over the size limit"),
        (1011, "the hub failed"),
    ];
    let rfc = rfc.map(|(number, text)| (number, text, "0.1"));
    let ours = CloseCode::ALL.iter().map(|code| (code.number(), code.text(), code.since()));
    for (number, text, since) in rfc.into_iter().chain(ours) {
        let reconnect = if CloseCode::reconnect(number) { "yes" } else { "no" };
        writeln!(table, "| {number} | {reconnect} | {text} | {since} |").unwrap();
    }
    table
}

fn limits() -> String {
    let rows = [
        ("a client frame", format!("{FRAME_BYTES_MAX} bytes")),
        ("nested arrays and maps in a client frame, the frame itself included", DEPTH_MAX.to_string()),
        ("an integer", format!("{} (2^53)", U53::MAX)),
        ("an amount", format!("{AMOUNT_TEXT_MAX} characters, {MINOR_MAX} minor units, {SCALE_MAX} decimals")),
        ("`bets` of one `place_bet`", format!("1 to {BETS_MAX}")),
        ("`resume` of `hello`", format!("{RESUME_MAX} channels")),
        ("`token`", format!("{TOKEN_BYTES_MAX} bytes")),
        ("`seed`", format!("{CLIENT_SEED_BYTES_MAX} bytes")),
        ("a channel's name", format!("{CHANNEL_BYTES_MAX} bytes")),
        (
            "the data of a publication",
            format!(
                "{PAYLOAD_BYTES_MAX} bytes of MessagePack, {PAYLOAD_DEPTH_MAX} levels of nesting; integers from -2^53 to 2^53"
            ),
        ),
    ];
    let mut table = "| what | at most |\n|---|---|\n".to_owned();
    for (what, most) in rows {
        writeln!(table, "| {what} | {most} |").unwrap();
    }
    table
}

fn named<'a>(frames: &'a [Golden], name: &str) -> &'a Golden {
    frames.iter().find(|frame| frame.name == name).unwrap_or_else(|| panic!("there is no example \"{name}\""))
}

fn json(frames: &[Golden], name: &str) -> String {
    format!("```json\n{}\n```\n", String::from_utf8_lossy(&named(frames, name).json))
}

fn hex(frames: &[Golden], name: &str) -> String {
    let mut dump = "```text\n".to_owned();
    for (row, bytes) in named(frames, name).msgpack.chunks(16).enumerate() {
        let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = bytes
            .iter()
            .map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' })
            .collect();
        writeln!(dump, "{:04x}  {:<47}  {text}", row * 16, hex.join(" ")).unwrap();
    }
    dump + "```\n"
}

fn section(name: &str) -> String {
    match name.split_once(' ') {
        None if name == "errors" => errors(),
        None if name == "closes" => close_codes(),
        None if name == "limits" => limits(),
        Some(("request", name)) => json(&golden::requests(), name),
        Some(("reply", name)) => json(&golden::replies(), name),
        Some(("push", name)) => json(&golden::pushes(), name),
        Some(("event", name)) => json(&golden::events(), name),
        Some(("hex", name)) => hex(&golden::requests(), name),
        None | Some(_) => panic!("nothing is generated as \"{name}\""),
    }
}

#[test]
fn the_tables_and_examples_are_those_of_the_code() {
    let mut text = String::new();
    let mut inside = false;
    for line in read().lines() {
        if line == "<!-- end -->" {
            inside = false;
        }
        if !inside {
            text.push_str(line);
            text.push('\n');
        }
        if let Some(name) = line.strip_prefix("<!-- generated: ").and_then(|rest| rest.strip_suffix(" -->")) {
            text.push_str(&section(name));
            inside = true;
        }
    }
    assert!(!inside, "a generated section has no end");
    golden::same_as_file(DOC, &text);
}

#[test]
fn every_kind_of_frame_is_described() {
    let doc = read();
    let example = |kind: &str, name: &str| doc.contains(&format!("<!-- generated: {kind} {name}"));
    for (_, frame) in crate::frames::requests() {
        let kind = crate::frames::request_kind(&frame.request);
        assert!(example("request", kind) && doc.contains(&format!("`{kind}`")), "{kind}");
    }
    for (_, frame) in crate::frames::replies() {
        let kind = crate::frames::reply_kind(&frame.reply);
        assert!(example("reply", kind) && doc.contains(&format!("`{kind}`")), "{kind}");
    }
    for (_, push) in crate::frames::pushes() {
        let kind = crate::frames::push_kind(&push);
        assert!(example("push", kind) && doc.contains(&format!("`{kind}`")), "{kind}");
    }
    for (_, event) in crate::frames::events() {
        let kind = crate::frames::event_kind(&event);
        assert!(example("event", kind) && doc.contains(&format!("`{kind}`")), "{kind}");
    }
}

/// Every field of an example is described in the text.
#[test]
fn every_field_is_described() {
    fn keys(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(entries) => entries.iter().for_each(|(name, value)| {
                // The keys of these maps are data.
                if name != "limits" && name != "tops" && name != "d" {
                    keys(value, found);
                }
                found.push(name.clone());
            }),
            serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }
    let doc = read();
    for frames in [golden::requests(), golden::replies(), golden::pushes(), golden::events()] {
        for frame in frames {
            let mut found = Vec::new();
            keys(&serde_json::from_slice(&frame.json).unwrap(), &mut found);
            for field in found {
                assert!(doc.contains(&format!("`{field}`")), "{}: {field}", frame.name);
            }
        }
    }
}
