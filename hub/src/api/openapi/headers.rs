//! The headers of answers. One more is one line in [`described`]; one that every answer may have also stands in [`EVERY`].

use serde_json::{Map, Value, json};

use super::schema::{count, named, text};

/// Headers that any answer may have: whether each has them. Of its rate is told who has a token that was accepted.
pub(super) const EVERY: [(&str, bool); 7] = [
    ("X-Request-Id", true),
    ("RateLimit-Limit", false),
    ("RateLimit-Remaining", false),
    ("RateLimit-Reset", false),
    ("X-RateLimit-Limit", false),
    ("X-RateLimit-Remaining", false),
    ("X-RateLimit-Reset", false),
];

/// What a header says, and its schema; the names are spelled as people write them.
fn described() -> [(&'static str, &'static str, Value); 13] {
    [
        ("Hub-Lsn", "The place of the record in the log.", named("Lsn")),
        ("Hub-As-Of", "The last record that the answer has seen.", count()),
        ("Hub-Next", "The cursor of the next page; none on the last one.", text()),
        ("Idempotent-Replayed", "The answer is that of an earlier request with the same key.", only("true")),
        ("X-Request-Id", "The id of the request: its own, or one of the hub's.", text()),
        ("RateLimit-Limit", "The most that the caller may have saved up.", count()),
        ("RateLimit-Remaining", "What is left.", count()),
        ("RateLimit-Reset", "Seconds until all of it is there again.", count()),
        ("X-RateLimit-Limit", "As `RateLimit-Limit`.", count()),
        ("X-RateLimit-Remaining", "As `RateLimit-Remaining`.", count()),
        ("X-RateLimit-Reset", "As `RateLimit-Reset`.", count()),
        ("Retry-After", "When to ask again, seconds from now.", count()),
        ("WWW-Authenticate", "How to say who asks.", only("Bearer")),
    ]
}

fn only(text: &str) -> Value {
    json!({ "type": "string", "const": text })
}

/// The headers of an answer, by names in any case: whether it always has them.
pub(super) fn of_answer<'a>(headers: impl IntoIterator<Item = (&'a str, bool)>) -> Value {
    let all = described();
    let header = |(name, always): (&str, bool)| {
        let known = all.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let (name, description, schema) = known.expect("a header of an answer is described in this file");
        let header = json!({ "description": description, "schema": schema, "required": always });
        ((*name).to_owned(), header)
    };
    Value::Object(headers.into_iter().chain(EVERY).map(header).collect::<Map<_, _>>())
}
