//! The description of the API: it is the one in the repository, it holds together, and no name in it goes away.

use std::{collections::BTreeSet, fs, path::Path};

use hub::{
    api::{self, Vocabulary},
    config::Config,
};
use serde_json::Value;

/// The document of a hub with the built-in options, as readers find it.
const DOCUMENT: &str = "../docs/openapi.json";
/// Every name that programs may have read in it, one a line.
const NAMES: &str = "tests/it/openapi_names.txt";

const METHODS: [&str; 2] = ["get", "post"];

fn text() -> String {
    api::document_text(&Vocabulary::of(&Config::default()))
}

fn document() -> Value {
    serde_json::from_str(&text()).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default()
}

fn write(path: &str, text: &str) {
    fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), text).unwrap();
}

fn updates() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Every operation: its method, path and description.
fn operations(document: &Value) -> Vec<(&'static str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| Some((method, path.as_str(), item.get(method)?)))
        })
        .collect()
}

/// What a `$ref` of the document points at; anything else is itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(place) => document.pointer(&place[1..]).unwrap_or_else(|| panic!("{place} is nowhere")),
        None => value,
    }
}

/// The names of the fields of a schema, each with the fields it is in.
fn fields(document: &Value, schema: &Value, of: &str, names: &mut BTreeSet<String>) {
    let schema = resolved(document, schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{of}.{name}");
        fields(document, field, &name, names);
        names.insert(name);
    }
    fields_within(document, schema, of, names);
}

fn fields_within(document: &Value, schema: &Value, of: &str, names: &mut BTreeSet<String>) {
    for way in ["anyOf", "oneOf"] {
        for schema in schema[way].as_array().into_iter().flatten() {
            fields(document, schema, of, names);
        }
    }
    if let Some(items) = schema.get("items") {
        fields(document, items, &format!("{of}[]"), names);
    }
}

/// Every name that a program may rely on.
fn names(document: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(document) {
        let at = format!("{} {path}", method.to_uppercase());
        names.insert(format!("{at} is {}", operation["operationId"].as_str().unwrap()));
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (place, name) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
            names.insert(format!("{at} {place} {name}"));
        }
        if let Some(body) = operation["requestBody"]["content"].as_object() {
            for content in body.values() {
                fields(document, &content["schema"], &format!("{at} body"), &mut names);
            }
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(document, response);
            for header in response["headers"].as_object().into_iter().flatten() {
                names.insert(format!("{at} {status} header {}", header.0));
            }
            for (media, content) in response["content"].as_object().into_iter().flatten() {
                match media.as_str() {
                    "application/problem+json" => {
                        let codes = content["schema"]["properties"]["code"]["enum"].as_array().unwrap();
                        names.extend(
                            codes.iter().map(|code| format!("{at} {status} code {}", code.as_str().unwrap())),
                        );
                    }
                    _ => fields(document, &content["schema"], &format!("{at} {status} {media}"), &mut names),
                }
            }
        }
    }
    let problem = &document["components"]["schemas"]["Problem"];
    fields(document, problem, "problem", &mut names);
    let codes = problem["properties"]["code"]["enum"].as_array().unwrap();
    names.extend(codes.iter().map(|code| format!("code {}", code.as_str().unwrap())));
    names
}

#[test]
fn the_document_in_the_repository_is_that_of_the_code() {
    let text = text();
    if updates() {
        return write(DOCUMENT, &text);
    }
    let kept = read(DOCUMENT);
    let differs = kept.lines().zip(text.lines()).position(|(kept, now)| kept != now);
    let line = differs.unwrap_or_else(|| kept.lines().count().min(text.lines().count())) + 1;
    assert!(kept == text, "docs/openapi.json:{line} is not what the code gives; UPDATE_GOLDEN=1 rewrites it");
}

#[test]
fn no_name_of_the_api_is_removed_or_changed() {
    let names = names(&document());
    let kept: BTreeSet<String> = read(NAMES).lines().map(str::to_owned).collect();
    let gone: Vec<_> = kept.difference(&names).collect();
    assert!(
        gone.is_empty(),
        "programs of operators may use these names, which are gone; if no release had them, remove their lines from hub/{NAMES}:\n  {}",
        gone.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("\n  ")
    );
    if updates() {
        return write(NAMES, &(names.into_iter().collect::<Vec<_>>().join("\n") + "\n"));
    }
    let new: Vec<_> = names.difference(&kept).collect();
    assert!(
        new.is_empty(),
        "new names, which stay for good: {new:?}; UPDATE_GOLDEN=1 adds them to hub/{NAMES}"
    );
}

#[test]
fn the_document_holds_together() {
    let document = document();
    let operations = operations(&document);
    let ids: Vec<_> =
        operations.iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(
        ids.len(),
        ids.iter().collect::<BTreeSet<_>>().len(),
        "an operation has an id of its own: {ids:?}"
    );
    for (method, path, operation) in &operations {
        let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        let in_path: BTreeSet<_> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let braced = path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(in_path, braced, "{method} {path}");
        assert!(operation["security"][0]["bearer"][0].is_string(), "{method} {path} names no capability");
        for (to, link) in operation["responses"]["200"]["links"].as_object().into_iter().flatten() {
            let target = link["operationId"].as_str().unwrap();
            assert!(ids.contains(&target), "{path} leads to {to}");
            let known =
                operations.iter().find(|(_, _, operation)| operation["operationId"] == target).unwrap();
            for name in link["parameters"].as_object().unwrap().keys() {
                let mut known = known.2["parameters"].as_array().unwrap().iter();
                assert!(known.any(|parameter| parameter["name"] == name.as_str()), "{path} to {to}: {name}");
            }
        }
    }
    let text = document.to_string();
    for place in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(place).is_some(), "{place} is nowhere");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(text.contains(&format!("#/components/{kind}/{name}\"")), "nothing uses {name}");
        }
    }
}
