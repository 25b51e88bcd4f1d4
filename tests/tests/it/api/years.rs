//! Requests that clients of a release send, with the answers that it gave: every later release answers them with at least the same.
//!
//! A release may add fields, and lines to its texts. It may not change what an old client reads. What differs from run to run is
//! `*` in the recording. `UPDATE_GOLDEN=1` records the answers of the newest file again: for the release that is in preparation only.

use std::{fs, path::PathBuf};

use super::*;

/// The recordings, oldest first.
const RECORDINGS: [&str; 1] = ["api-0.2.json"];

/// Fields whose values differ from run to run.
const VARIES: [&str; 16] = [
    "lsn",
    "player",
    "time",
    "hash",
    "first",
    "as_of",
    "age_ms",
    "request_id",
    "next",
    "day",
    "from",
    "to",
    "in_flight",
    // Texts for people may be said better.
    "detail",
    "hint",
    "title",
];
/// Accounts of moves in words, with the random id of the player.
const ACCOUNTS: [&str; 2] = ["credit", "debit"];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The answer without what varies.
fn recorded(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let names_an_account = ACCOUNTS.contains(&name.as_str()) && value.is_string();
                let varies = VARIES.contains(&name.as_str()) && !value.is_null() && !value.is_object();
                let varies = varies || names_an_account;
                (name.clone(), if varies { json!("*") } else { recorded(value) })
            })
            .collect(),
        Value::Array(values) => values.iter().map(recorded).collect(),
        other => other.clone(),
    }
}

/// Where an answer has less than the recording, or something else.
fn missing(recording: &Value, answer: &Value, at: &str) -> Vec<String> {
    match (recording, answer) {
        (Value::String(text), answer) if text == "*" && !answer.is_null() => Vec::new(),
        (Value::Object(fields), Value::Object(answer)) => fields
            .iter()
            .flat_map(|(name, value)| {
                let at = format!("{at}.{name}");
                match answer.get(name) {
                    Some(found) => missing(value, found, &at),
                    None => vec![format!("{at} is not there")],
                }
            })
            .collect(),
        (Value::Array(values), Value::Array(answer)) if values.len() == answer.len() => {
            let pairs = values.iter().zip(answer).enumerate();
            pairs
                .flat_map(|(place, (value, found))| missing(value, found, &format!("{at}[{place}]")))
                .collect()
        }
        (recording, answer) if recording == answer => Vec::new(),
        (recording, answer) => vec![format!("{at} is {answer} instead of {recording}")],
    }
}

/// What later requests name of earlier answers: the digits of the last transaction, and the first and the last record.
#[derive(Default)]
struct Known {
    digits: String,
    first: Option<u64>,
    last: u64,
}

impl Known {
    fn fill(&self, line: &str) -> String {
        line.replace("{{digits}}", &self.digits)
            .replace("{{first}}", &self.first.unwrap_or_default().to_string())
            .replace("{{last}}", &self.last.to_string())
    }

    fn learn(&mut self, answer: &Value) {
        if let (Some(tx), Some(lsn)) = (answer["tx"].as_str(), answer["lsn"].as_u64()) {
            self.digits = tx.trim_start_matches("tx_").to_owned();
            self.first = self.first.or(Some(lsn));
            self.last = lsn;
        }
    }
}

/// Sends the requests of a recording to a new hub, and puts the answers that it gives beside them, or finds where they have less.
async fn sent_again(name: &str, steps: &mut [Value], records: bool) -> Vec<String> {
    let hub = Setup::default().start();
    hub.has_its_read_model().await;
    let (at, token) = (hub.address(), service(&hub, "year", "*"));
    let bearer = format!("Bearer {token}");
    let (mut known, mut faults) = (Known::default(), Vec::new());
    for step in steps {
        let asked = &step["request"];
        let line = known.fill(asked["line"].as_str().expect("a line"));
        let mut headers = vec![("authorization", bearer.as_str())];
        if let Some(key) = asked["key"].as_str() {
            headers.extend([("idempotency-key", key), ("content-type", "application/json")]);
        }
        headers.extend(asked["accept"].as_str().map(|accept| ("accept", accept)));
        let body = asked.get("body").map(Value::to_string);
        let answer = ask(at, &line, &headers, body.as_deref()).await;
        let told = match answer.header("content-type") {
            // New columns come behind the old ones.
            Some(kind) if kind.starts_with("text/csv") => json!(answer.body.lines().next()),
            _ => answer.json(),
        };
        known.learn(&told);
        if records {
            step["answer"] = json!({ "status": answer.status, "body": recorded(&told) });
            continue;
        }
        let expected = &step["answer"];
        assert!(expected["status"].is_u64(), "{name}: {line} has no recorded answer");
        let mut wrong = missing(&expected["status"], &json!(answer.status), "status");
        match (expected["body"].as_str(), told.as_str()) {
            (Some(columns), Some(told)) if told.starts_with(columns) => {}
            _ => wrong.extend(missing(&expected["body"], &told, "body")),
        }
        faults.extend(wrong.into_iter().map(|fault| format!("{line}: {fault}")));
    }
    faults
}

#[tokio::test]
async fn requests_of_every_release_are_answered_as_they_were() {
    let records = std::env::var_os("UPDATE_GOLDEN").is_some();
    for (place, name) in RECORDINGS.into_iter().enumerate() {
        let text = fs::read_to_string(path(name)).expect("the recording is there");
        let mut steps: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        assert!(steps.len() > 40, "{name} has lost its requests");
        let records = records && place + 1 == RECORDINGS.len();
        let faults = loop {
            let day = tests::day();
            let faults = sent_again(name, &mut steps, records).await;
            // What is told of a day is told of two when midnight came in between: then all of it is sent again.
            if tests::day() == day {
                break faults;
            }
        };
        if records {
            let text = serde_json::to_string_pretty(&steps).expect("JSON");
            fs::write(path(name), text + "\n").expect("a disk");
        }
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }
}

#[test]
fn a_field_that_is_gone_or_another_is_found_and_a_new_one_is_not() {
    let recording = json!({"a": 1, "lsn": "*", "list": [{"b": "x"}], "none": null});
    let faults = |answer: Value| missing(&recording, &answer, "body");
    assert_eq!(
        faults(json!({"a": 1, "lsn": 7, "list": [{"b": "x", "new": 1}], "none": null, "new": 2})),
        [""; 0]
    );
    for (answer, fault) in [
        (json!({"a": 2, "lsn": 7, "list": [{"b": "x"}], "none": null}), "body.a is 2 instead of 1"),
        (json!({"a": 1, "list": [{"b": "x"}], "none": null}), "body.lsn is not there"),
        (
            json!({"a": 1, "lsn": 7, "list": [{"b": "y"}], "none": null}),
            "body.list[0].b is \"y\" instead of \"x\"",
        ),
        (json!({"a": 1, "lsn": 7, "list": [], "none": null}), "body.list is [] instead of [{\"b\":\"x\"}]"),
        (
            json!({"a": 1, "lsn": null, "list": [{"b": "x"}], "none": null}),
            "body.lsn is null instead of \"*\"",
        ),
    ] {
        assert_eq!(faults(answer), [fault]);
    }
}
