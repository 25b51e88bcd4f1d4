//! JSON Schemas of what requests and answers are made of. Those with a name of their own are in `components`.

use serde_json::{Map, Value, json};

/// A schema that has a name.
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A text of these words and no others.
pub fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() })
}

/// A text of this form. The pattern is one of ECMA-262 without assertions but `^` and `$`.
pub fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// Any text.
pub fn text() -> Value {
    json!({ "type": "string" })
}

/// `true` or `false`.
pub fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// A number without decimals, from zero on.
pub fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// A number that a request names, such as the place of a record.
pub fn number() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
}

/// The same value, or `null`.
pub fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// The same value with words about it.
pub fn told(schema: Value, description: &str) -> Value {
    let mut schema = schema;
    if let Value::Object(members) = &mut schema {
        members.insert("description".into(), json!(description));
    }
    schema
}

/// A list.
pub fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// A map whose names differ from one to the next.
pub fn any_map() -> Value {
    json!({ "type": "object" })
}

/// A map of an answer: what it always has, and what it may have. A later release may send more.
pub fn map(always: &[(&str, Value)], sometimes: &[(&str, Value)]) -> Value {
    let fields = always.iter().chain(sometimes).map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let required: Vec<_> = always.iter().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": required, "properties": Map::from_iter(fields) })
}

/// A body: what must be given, and what may be given. One that may be given may be `null`, which is the same as not given;
/// any other field is refused.
pub fn body(must: &[(&str, Value)], may: &[(&str, Value)]) -> Value {
    let may: Vec<_> = may.iter().map(|(name, schema)| (*name, or_null(schema))).collect();
    let mut body = map(must, &may);
    body["additionalProperties"] = json!(false);
    body
}

/// A way in which the fields of a body go together.
#[derive(Debug, Default)]
pub struct Way<'a> {
    /// Those it needs, each with what it may be then.
    pub with: &'a [(&'a str, Value)],
    /// Those it goes without.
    pub without: &'a [&'a str],
}

/// A body whose fields go together in one of these ways.
pub fn in_one_way(body: Value, ways: &[Way<'_>]) -> Value {
    // Each way names every field, so that one is a whole body for who makes requests from it.
    let fields: Vec<_> = body["properties"].as_object().into_iter().flat_map(Map::keys).collect();
    let one = |way: &Way<'_>| {
        let any = fields.iter().map(|name| ((*name).clone(), json!({})));
        let mut properties = Map::from_iter(any);
        properties.extend(way.without.iter().map(|name| ((*name).to_owned(), json!({ "type": "null" }))));
        properties.extend(way.with.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let required: Vec<_> = way.with.iter().map(|(name, _)| *name).collect();
        json!({ "required": required, "properties": properties })
    };
    let ways: Vec<_> = ways.iter().map(one).collect();
    let mut body = body;
    body["oneOf"] = json!(ways);
    body
}
