//! The API is what `docs/openapi.json` says: each path, parameter, field and capability, and none besides. What answers look
//! like is compared with it in every test (`contract.rs`).

use std::{collections::BTreeSet, net::SocketAddr};

use serde_json::{Value, json};
use tests::{
    contract,
    http::{self, Answer},
    hub::Setup,
};

use super::{BALANCE, ask, change, get, payment, refused, service};

/// One operation of the document.
struct Described {
    /// Such as `POST`.
    method: String,
    /// Its path with the examples of its parts.
    path: String,
    operation: Value,
}

/// Every operation of the document.
fn operations() -> Vec<Described> {
    let document = contract::openapi();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let mut path = path.clone();
            for parameter in parameters(operation, "path") {
                let example = parameter["example"].as_str().expect("a part of a path has an example");
                path = path.replace(&format!("{{{}}}", parameter["name"].as_str().expect("a name")), example);
            }
            operations.push(Described { method: method.to_uppercase(), path, operation: operation.clone() });
        }
    }
    assert!(operations.len() > 10, "the document has lost its operations");
    operations
}

/// The parameters of an operation in one place.
fn parameters(operation: &Value, place: &str) -> Vec<Value> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(|parameter| parameter["in"] == place).cloned().collect()
}

/// The names of those in the query.
fn queries(operation: &Value) -> BTreeSet<String> {
    parameters(operation, "query")
        .iter()
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect()
}

impl Described {
    /// What a query must have.
    fn needed(&self) -> String {
        let needed = parameters(&self.operation, "query").into_iter().filter(|one| one["required"] == true);
        let pair = |one: Value| {
            format!(
                "{}={}",
                one["name"].as_str().expect("a name"),
                one["example"].as_str().expect("an example")
            )
        };
        needed.map(pair).collect::<Vec<_>>().join("&")
    }

    /// The schema of its body.
    fn body(&self) -> Option<&Value> {
        self.operation.pointer("/requestBody/content/application~1json/schema")
    }

    /// The first example of its body.
    fn example(&self) -> Value {
        let examples = &self.operation["requestBody"]["content"]["application/json"]["examples"];
        let first = examples.as_object().and_then(|examples| examples.values().next());
        first.map_or_else(|| json!({}), |example| example["value"].clone())
    }

    /// Asks with a query, and with this body if it is a change.
    async fn ask(&self, at: SocketAddr, token: &str, key: &str, query: &str, body: &Value) -> Answer {
        let query = [self.needed().as_str(), query]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("&");
        let path = format!("{}?{query}", self.path);
        match self.method.as_str() {
            "GET" => get(at, token, &path).await,
            _ => change(at, token, key, &path, body).await,
        }
    }
}

/// The names in a list such as "type, playerId and amount".
fn listed(words: &str) -> BTreeSet<String> {
    let words = words.replace(" and ", ", ");
    words.split(", ").filter(|word| !["none", "there are none"].contains(word)).map(str::to_owned).collect()
}

/// The names of a body's fields in the document.
fn properties(schema: &Value) -> BTreeSet<String> {
    assert_eq!(schema["additionalProperties"], false, "a body has no other fields: {schema}");
    schema["properties"].as_object().expect("fields").keys().cloned().collect()
}

/// A good value of a field that the example does not have.
fn sample(name: &str) -> Value {
    json!(match name {
        "amount" => "1.00",
        "currency" => "USD",
        "reason" => "GOODWILL",
        "reference" => "R-1",
        "until" | "expires" => "2999-12-31T00:00:00Z",
        "breakGlass" => "nobody else on duty",
        "by" => "player",
        "permanent" | "reverse" | "minutes" | "remove" => return Value::Null,
        _ => panic!("what is a good \"{name}\"?"),
    })
}

#[test]
fn the_examples_of_proxies_keep_all_of_it_inside() {
    let guide = include_str!("../../../../docs/operating.md");
    assert!(guide.contains("location /api/          { return 404; }"));
    assert!(guide.contains("location /coordinator/  { return 404; }"));
    assert!(guide.contains("location /monitoring/   { return 404; }"));
    assert!(guide.contains("location /health        { return 404; }"));
    assert!(guide.contains("path /metrics /health /health/* /api/* /coordinator/* /monitoring/*"));
    let inside = ["/api/", "/coordinator/", "/monitoring/"];
    for Described { path, .. } in operations() {
        assert!(inside.iter().any(|start| path.starts_with(start)), "{path} is seen from outside");
        assert!(path != "/api/info");
    }
}

#[tokio::test]
async fn each_path_is_there_needs_the_capability_it_names_and_takes_the_parameters_it_names() {
    let hub = Setup::default().start();
    let at = hub.address();
    let (all, none) = (service(&hub, "all", "*"), service(&hub, "none", "publish:x"));
    change(at, &all, "c", BALANCE, &payment("credit", "50.00")).await;
    for described in operations() {
        let Described { method, path, operation } = &described;
        let at_path = format!("{method} {path}");
        let line = format!("{method} {path}?{}", described.needed());
        let stranger = ask(at, &line, &[], (method == "POST").then_some("{}")).await;
        refused(&stranger, 401, "unauthorized");

        let lacks = refused(&described.ask(at, &none, "k", "", &json!({})).await, 403, "forbidden");
        let needs: Vec<_> = operation["security"]
            .as_array()
            .expect("capabilities")
            .iter()
            .map(|one| {
                let text = one["bearer"][0].as_str().expect("a capability").replace("{domain}", "balance");
                assert!(
                    operation["description"].as_str().is_some_and(|words| words.contains("Needs `")),
                    "{at_path}"
                );
                text
            })
            .collect();
        let detail = lacks["detail"].as_str().unwrap_or_default();
        assert!(
            needs.iter().any(|needs| detail.contains(&format!("\"{needs}\""))),
            "{at_path}: {detail}, {needs:?}"
        );
        for needs in &needs {
            let just = service(&hub, "just", needs);
            let answer = described.ask(at, &just, "k", "zzz=1", &json!({})).await;
            refused(&answer, 400, "malformed");
        }

        // A parameter that stands alone is known where it is given.
        let alone = parameters(operation, "query")
            .into_iter()
            .filter(|one| one["required"] != true && one["example"].is_string());
        let alone = alone.map(|one| {
            format!(
                "{}={}&zzz=1",
                one["name"].as_str().expect("a name"),
                one["example"].as_str().expect("a text")
            )
        });
        let mut known = BTreeSet::new();
        for query in ["zzz=1".to_owned()].into_iter().chain(alone) {
            let told = refused(&described.ask(at, &all, "k", &query, &json!({})).await, 400, "malformed");
            let detail = told["detail"].as_str().unwrap_or_default();
            known.extend(listed(
                detail.split_once("known: ").unwrap_or_else(|| panic!("{at_path}: {detail}")).1,
            ));
        }
        assert_eq!(known, queries(operation), "the parameters of {at_path}");
    }
}

#[tokio::test]
async fn each_body_takes_the_fields_of_the_document_and_no_other() {
    let hub = Setup::default().start();
    let at = hub.address();
    let token = service(&hub, "all", "*");
    change(at, &token, "c", BALANCE, &payment("credit", "5000.00")).await;
    for described in operations() {
        let Some(schema) = described.body() else { continue };
        let at_path = format!("{} {}", described.method, described.path);
        let example = described.example();
        // Maps within the body have fields too.
        let mut maps = vec![(String::new(), schema)];
        for (name, field) in schema["properties"].as_object().expect("fields") {
            if field["properties"].is_object() {
                maps.push((format!("/{name}"), field));
            }
        }
        for (place, schema) in maps {
            let with = |name: &str, value: Value| {
                let mut body = example.clone();
                body.pointer_mut(&place).expect("the example has it")[name] = value;
                body
            };
            let strange = described.ask(at, &token, "k", "dry_run=true", &with("zzz", json!(1))).await;
            let told = refused(&strange, 400, "malformed");
            let detail = told["detail"].as_str().unwrap_or_default();
            let known =
                detail.split_once("the fields are ").unwrap_or_else(|| panic!("{at_path}: {detail}")).1;
            assert_eq!(listed(known), properties(schema), "the fields of {at_path}{place}");
            for name in properties(schema) {
                let here = example.pointer(&place).expect("the example has it");
                let value = here.get(&name).cloned().unwrap_or_else(|| sample(&name));
                let mut body = with(&name, value);
                if name == "currency"
                    && body["amount"].is_null()
                    && place.is_empty()
                    && here.get("payload").is_none()
                    && here.get("limit").is_none()
                {
                    body["amount"] = sample("amount");
                }
                let answer = described.ask(at, &token, "k", "dry_run=true", &body).await;
                assert_ne!(answer.status, 400, "{at_path}{place} with {name}: {answer:?}");
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().expect("a name");
                let mut body = example.clone();
                body.pointer_mut(&place).and_then(Value::as_object_mut).expect("a map").remove(name);
                let told =
                    refused(&described.ask(at, &token, "k", "dry_run=true", &body).await, 400, "malformed");
                assert_eq!(told["field"], name, "{at_path}{place} without {name}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_public_where_the_api_is_and_the_command_prints_the_same() {
    let hub = Setup::default().option("api.default_currency", "EUR").start();
    let served = http::get(hub.address(), "/api/openapi.json").await;
    assert_eq!((served.status, served.header("content-type")), (200, Some("application/json")), "{served:?}");
    assert_eq!(served.body, hub.done(&["openapi"]));
    let told = served.json()["components"]["schemas"]["Currency"]["description"].clone();
    assert!(told.as_str().is_some_and(|words| words.contains("Without it, EUR")), "{told}");
    let tag = served.header("etag").expect("a tag").to_owned();
    let line = "GET /api/openapi.json";
    assert_eq!(ask(hub.address(), line, &[("if-none-match", &tag)], None).await.status, 304);
    assert_eq!(ask(hub.address(), "POST /api/openapi.json", &[], None).await.status, 405);
    let page = http::get(hub.address(), "/api/docs").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8")),
        "{page:?}"
    );
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("script-src 'self'; style-src 'self'; img-src 'self' data:"), "{policy}");
    assert_eq!(http::get(hub.address(), "/api/docs/NOTICE.txt").await.status, 200);
    for path in ["/api/docs/README.md", "/api/docs/nothing.js", "/api/docs/swagger-ui.css.gz"] {
        refused(&http::get(hub.address(), path).await, 404, "not_found");
    }
    let hub = Setup::default().option("api.on", "admin").start();
    for path in ["/api/openapi.json", "/api/docs"] {
        assert_eq!(http::get(hub.address(), path).await.status, 404);
    }
    assert_eq!(http::get(hub.admin(), "/api/openapi.json").await.status, 200);
}
