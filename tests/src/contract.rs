//! Every answer of the API that a test gets is one that `docs/openapi.json` describes: its status, its headers, and each field
//! of its body. What the hub carries out was asked for as the document says.

use std::sync::OnceLock;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::answer::Answer;

/// The document of a hub with the built-in options.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");
/// Its name among the schemas.
const NAME: &str = "https://hub.example/openapi.json";
/// What begins the path of everything that it describes, but for the paths of the document itself.
const PATHS: [&str; 4] = ["/api/domains/", "/api/operators/", "/api/reports/", "/coordinator/"];
/// Headers that belong to the connection, or to HTTP itself.
const OF_HTTP: [&str; 7] =
    ["connection", "content-length", "content-type", "date", "allow", "vary", "cache-control"];

/// The document as it is in the repository.
///
/// # Panics
/// Never: it is JSON.
#[must_use]
pub fn openapi() -> Value {
    serde_json::from_str(DOCUMENT).expect("the document is JSON")
}

/// The document, for answers: a field that it does not have is none of an answer's.
fn document() -> &'static Value {
    static CLOSED: OnceLock<Value> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let mut document = openapi();
        close(&mut document);
        document
    })
}

/// Clients take what they do not know; a test does not.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            let open = members.get("properties").is_some_and(Value::is_object);
            if open && !members.contains_key("additionalProperties") {
                members.insert("unevaluatedProperties".into(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A place in the document.
fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

/// What is wrong with a value by the schema at a place.
fn wrong(place: &str, value: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource(NAME, document().clone()).expect("the name is an address");
    let escaped = place.replace('{', "%7B").replace('}', "%7D");
    let schema: SchemaIndex = compiler
        .compile(&format!("{NAME}#{escaped}"), &mut schemas)
        .unwrap_or_else(|error| panic!("{place}: {error}"));
    schemas.validate(value, schema).err().map(|error| format!("{error:#}"))
}

/// A request as a test sent it.
struct Sent<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    body: &'a str,
}

impl<'a> Sent<'a> {
    fn read(request: &'a str) -> Option<Self> {
        let (head, body) = request.split_once("\r\n\r\n")?;
        let mut line = head.lines().next()?.split(' ');
        let (method, target) = (line.next()?, line.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Self { method, path, query, body })
    }
}

/// The described path of a request: where several fit, the one that ends in words, as the hub finds it.
fn described(path: &str) -> Option<&'static str> {
    let fits = |known: &str| {
        let (known, asked): (Vec<_>, Vec<_>) = (known.split('/').collect(), path.split('/').collect());
        let same = |(known, asked): (&&str, &&str)| known == asked || known.starts_with('{');
        known.len() == asked.len() && known.iter().zip(&asked).all(same)
    };
    let paths = document()["paths"].as_object().expect("paths").keys();
    let braces = |known: &&String| known.rsplit('/').map(|part| part.starts_with('{')).collect::<Vec<_>>();
    paths.filter(|known| fits(known)).min_by_key(braces).map(String::as_str)
}

/// Compares an answer of the API with the document; of anything else nothing is said.
///
/// # Panics
/// When the document does not have such an answer.
pub fn check(request: &str, answer: &Answer) {
    let Some(sent) = Sent::read(request) else { return };
    if !PATHS.iter().any(|start| sent.path.starts_with(start)) {
        return;
    }
    if let Some(wrong) = fault(&sent, answer) {
        panic!(
            "docs/openapi.json does not have this answer to {} {}: {wrong}\n{answer:?}",
            sent.method, sent.path
        );
    }
}

/// What of an exchange is not in the document.
fn fault(sent: &Sent<'_>, answer: &Answer) -> Option<String> {
    let Some(path) = described(sent.path) else {
        let known = answer.status == 404 && answer.json()["code"] == "not_found";
        return if known { problem(answer) } else { Some("it has no such path".into()) };
    };
    let method = if sent.method == "HEAD" { "get".into() } else { sent.method.to_lowercase() };
    let Some(operation) = document()["paths"][path].get(&method) else {
        return other_method(path, answer);
    };
    let status = answer.status.to_string();
    let response = &operation["responses"][&status];
    let (place, response) = match response["$ref"].as_str() {
        Some(place) => (place[1..].to_owned(), document().pointer(&place[1..])?),
        None => (pointer(&["paths", path, &method, "responses", &status]), response),
    };
    if response.is_null() {
        return Some(format!("it has no status {status} there"));
    }
    let header = headers(response, answer);
    let media = answer.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default();
    let body = if response["content"][media].is_null() {
        Some(format!("it has no content of type {media:?}"))
    } else if sent.method == "HEAD" || media == "text/csv" {
        None
    } else {
        wrong(&format!("{place}{}", pointer(&["content", media, "schema"])), &answer.json())
    };
    let asked = if answer.status == 200 { request(sent, path, &method, operation) } else { None };
    header.or(body).or(asked)
}

/// The method is not described: it is refused, and the described ones are named.
fn other_method(path: &str, answer: &Answer) -> Option<String> {
    let item = &document()["paths"][path];
    let methods: Vec<_> = [("get", "GET, HEAD"), ("post", "POST")]
        .into_iter()
        .filter(|(method, _)| item.get(method).is_some())
        .map(|(_, allowed)| allowed)
        .collect();
    let expected = methods.join(", ");
    if answer.status == 404 && answer.json()["code"] == "not_found" {
        return problem(answer);
    }
    if answer.status != 405 || answer.header("allow") != Some(&expected) {
        return Some(format!("it has no such method there: 405 is expected, with allow: {expected}"));
    }
    problem(answer)
}

fn problem(answer: &Answer) -> Option<String> {
    wrong(&pointer(&["components", "schemas", "Problem"]), &answer.json())
}

/// What is wrong with the headers.
fn headers(response: &Value, answer: &Answer) -> Option<String> {
    let described = response["headers"].as_object().into_iter().flatten();
    let described: Vec<_> = described.map(|(name, header)| (name.to_lowercase(), header)).collect();
    for (name, header) in &described {
        match answer.header(name) {
            None if header["required"] == true => return Some(format!("the header {name} is missing")),
            None => {}
            Some(text) => {
                let (kind, only) = (&header["schema"]["type"], &header["schema"]["const"]);
                if kind == "integer" && text.parse::<u64>().is_err() || !only.is_null() && only != text {
                    return Some(format!("the header {name} is {text:?}"));
                }
            }
        }
    }
    let names = answer
        .head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.to_lowercase());
    let strange =
        |name: &String| !OF_HTTP.contains(&&**name) && described.iter().all(|(known, _)| known != name);
    names.into_iter().find(strange).map(|name| format!("it has no header {name}"))
}

/// What is wrong with a request that was carried out.
fn request(sent: &Sent<'_>, path: &str, method: &str, operation: &Value) -> Option<String> {
    let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
    for pair in sent.query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default();
        let known = |parameter: &&Value| parameter["in"] == "query" && parameter["name"] == name;
        if !parameters.iter().any(known) {
            return Some(format!("it has no parameter {name}, which was taken"));
        }
    }
    if operation["requestBody"].is_null() {
        return None;
    }
    let body = serde_json::from_str(if sent.body.is_empty() { "{}" } else { sent.body });
    let body = body.unwrap_or_else(|error| panic!("{error}: {}", sent.body));
    let place = pointer(&["paths", path, method, "requestBody", "content", "application/json", "schema"]);
    wrong(&place, &body).map(|wrong| format!("the body was taken: {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &str, body: &Value) -> Answer {
        Answer {
            status,
            head: format!("HTTP/1.1 {status} X\r\nx-request-id: 1\r\n{headers}\r\n\r\n"),
            body: body.to_string(),
        }
    }

    fn told(request: &str, answer: &Answer) -> String {
        fault(&Sent::read(request).expect("a request"), answer).unwrap_or_default()
    }

    #[test]
    fn an_answer_that_the_document_does_not_have_is_found() {
        let json = "content-type: application/json";
        let up = json!({ "domain": "balance", "status": "up", "accounts": 1, "holds": 0 });
        let health = "GET /api/domains/balance/health HTTP/1.1\r\n\r\n";
        let with = |field: &str, value: Value| {
            let mut body = up.clone();
            body[field] = value;
            body
        };
        assert_eq!(told(health, &answer(200, json, &up)), "");
        let problem = json!({
            "type": "urn:hub:error:not_found", "title": "t", "status": 404, "code": "not_found", "hint": "h", "final": true,
        });
        let refused = "content-type: application/problem+json";
        assert_eq!(told(health, &answer(404, refused, &problem)), "");
        let other = "PUT /api/domains/balance/health HTTP/1.1\r\n\r\n";
        let nowhere = "GET /api/domains/balance/health/x HTTP/1.1\r\n\r\n";
        for (request, answer, words) in [
            (health, answer(200, json, &with("status", json!("asleep"))), "status"),
            (health, answer(200, json, &with("extra", json!(1))), "extra"),
            (health, answer(200, json, &json!({})), "domain"),
            (health, answer(201, json, &up), "no status 201"),
            (health, answer(200, "content-type: text/html", &up), "no content of type"),
            (health, answer(200, &format!("{json}\r\nhub-lsn: 7"), &up), "no header hub-lsn"),
            (health, answer(401, refused, &problem), "www-authenticate is missing"),
            (other, answer(405, refused, &problem), "allow: GET, HEAD"),
            (nowhere, answer(200, json, &up), "no such path"),
        ] {
            let told = told(request, &answer);
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn a_body_that_was_taken_is_one_of_the_document() {
        let receipt = json!({
            "id": null, "tx": null, "lsn": null, "replayed": false, "type": "unfreeze", "playerId": "a",
            "player": "00000000000000000000000000000001",
        });
        let answer = answer(200, "content-type: application/json", &receipt);
        let line = "POST /api/domains/balance/a/unfreeze HTTP/1.1\r\n\r\n";
        assert_eq!(told(&format!("{line}{{}}"), &answer), "");
        assert!(told(&format!("{line}{{\"x\":1}}"), &answer).contains("was taken"));
    }
}
