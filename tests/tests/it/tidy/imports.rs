//! Imports run one way, and the pure rooms stay pure (docs/architecture.md, "The rooms").

use std::collections::BTreeSet;

use super::{assert_none, directory_of, files, members, text_of};

/// Every crate, and the crates it may name. What is not here is not allowed.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("ledger", &["protocol"]),
    ("domains", &["ledger", "protocol"]),
    ("games", &["protocol"]),
    ("engine", &["domains", "games", "ledger", "protocol"]),
    ("journal", &[]),
    ("archive", &["journal"]),
    ("channels", &["protocol"]),
    ("people", &["protocol"]),
    ("readmodel", &["protocol"]),
    ("socket", &[]),
    // For the storage traits, and the cursor that says up to where the store has the log.
    ("store", &["journal"]),
    (
        "actors",
        &[
            "channels",
            "domains",
            "engine",
            "games",
            "journal",
            "ledger",
            "protocol",
            "readmodel",
            "socket",
            "store",
        ],
    ),
    // No rules in the binary: it knows neither games nor domains.
    (
        "hub",
        &[
            "actors",
            "archive",
            "channels",
            "engine",
            "journal",
            "ledger",
            "people",
            "protocol",
            "readmodel",
            "socket",
            "store",
        ],
    ),
    ("raw-socket", &[]),
    // Loaded into the hub by tests, which read what it has noted.
    ("lossy", &["lossy-notes"]),
    ("lossy-notes", &[]),
    // They see what a player sees.
    ("hub-client", &["protocol"]),
    ("loadtest", &["hub-client", "protocol"]),
];

/// Whether a directory holds a room without a clock, a file, a network, a thread or a random source.
fn is_pure(directory: &str) -> bool {
    directory == "protocol" || directory.starts_with("core/")
}

/// Packages that have no clock, file, network, thread or random source.
fn pure_rooms() -> impl Iterator<Item = &'static serde_json::Value> {
    members().filter(|package| is_pure(&directory_of(package)))
}

/// What a pure room may take from outside.
const PURE_CRATES: &[&str] = &[
    "base16ct",
    "bytes",
    "hmac",
    "rmp",
    "rmp-serde",
    "rust_decimal",
    "rustc-hash",
    "serde",
    "serde_bytes",
    "serde_json",
    "sha2",
    "smallvec",
    "thiserror",
];

/// Modules of the standard library that reach outside.
const OUTSIDE: &[&str] = &["env", "fs", "net", "os", "process", "thread", "time"];

/// Names that give the same away wherever they come from.
const OUTSIDE_NAMES: &[&str] =
    &["actix", "tokio", "Instant", "SystemTime", "thread_rng", "getrandom", "RandomState"];

/// Runtime and build dependencies of a package; those of its tests alone are left out.
fn dependencies(package: &'static serde_json::Value) -> impl Iterator<Item = (&'static str, bool)> {
    let all = package["dependencies"].as_array().expect("a list of dependencies").iter();
    all.filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| (text_of(dependency, "name"), dependency["path"].is_string()))
}

#[test]
fn imports_run_one_way() {
    let mut found = Vec::new();
    for package in members() {
        let name = text_of(package, "name");
        let ours: BTreeSet<_> =
            dependencies(package).filter(|(_, ours)| *ours).map(|(name, _)| name).collect();
        match MAY_IMPORT.iter().find(|(room, _)| *room == name) {
            Some((_, allowed)) => found.extend(
                ours.iter()
                    .filter(|room| !allowed.contains(room))
                    .map(|room| format!("{name} imports {room}")),
            ),
            None if name == "tests" => {}
            None => found.push(format!("{name} has no place in MAY_IMPORT")),
        }
    }
    assert_none("rooms that import what they may not", found);
}

/// Rooms of `io/` that use the journal's storage, cursors and files. The store is made from the log. The archive is a part of the
/// journal: a crate of its own so that the journal need not wait for its dependencies.
const ON_THE_JOURNAL: [(&str, &str); 2] = [("store", "journal"), ("archive", "journal")];

/// Each room of `io/` hides one kind of outside world; what joins two of them stands above, in `actors/`.
#[test]
fn rooms_of_io_do_not_import_each_other() {
    let is_io = |package: &'static serde_json::Value| directory_of(package).starts_with("io/");
    let rooms: BTreeSet<_> =
        members().filter(|package| is_io(package)).map(|package| text_of(package, "name")).collect();
    assert!(rooms.len() >= 3, "the rooms of io/ lie elsewhere now: {rooms:?}");
    let mut found = Vec::new();
    for package in members().filter(|package| is_io(package)) {
        let own = text_of(package, "name");
        for (name, _) in dependencies(package)
            .filter(|(name, _)| rooms.contains(name) && !ON_THE_JOURNAL.contains(&(own, *name)))
        {
            found.push(format!("{own} imports {name}"));
        }
    }
    assert_none("rooms of io/ that import another one", found);
}

#[test]
fn pure_rooms_take_only_pure_crates() {
    let mut found = Vec::new();
    for package in pure_rooms() {
        for (name, _) in dependencies(package).filter(|(name, ours)| !ours && !PURE_CRATES.contains(name)) {
            found.push(format!("{} depends on {name}", text_of(package, "name")));
        }
    }
    assert_none("pure rooms with a dependency that is not known to be pure", found);
}

#[test]
fn pure_rooms_reach_outside_in_no_line() {
    let pure: Vec<_> = pure_rooms().map(|package| format!("{}/src/", directory_of(package))).collect();
    assert!(pure.len() >= 5, "the pure rooms lie elsewhere now: {pure:?}");
    let mut found = Vec::new();
    for file in files().iter().filter(|file| pure.iter().any(|source| file.path.starts_with(source))) {
        if file.path.ends_with("tests.rs") {
            continue;
        }
        let code = code_of(&file.text);
        found.extend(reaches(&code).into_iter().map(|name| format!("{} names {name}", file.path)));
    }
    assert_none("pure rooms that reach outside", found);
}

/// The text without comments and without the unit tests at its end.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What a piece of code names that reaches outside.
fn reaches(code: &str) -> BTreeSet<String> {
    let words: Vec<&str> = code
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let mut found: BTreeSet<String> =
        OUTSIDE_NAMES.iter().filter(|name| words.contains(name)).map(ToString::to_string).collect();
    for (at, _) in code.match_indices("std::") {
        let after = &code[at + "std::".len()..];
        // `std::fs::read`, or the first names of each part of `std::{fs, io::{self, Read}}`.
        let modules: Vec<&str> = match after.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![after],
        };
        for module in modules {
            let name: String = module
                .trim()
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            if OUTSIDE.contains(&name.as_str()) {
                found.insert(format!("std::{name}"));
            }
        }
    }
    found
}

/// The parts of a `{…}` group that stand between its own commas.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[from..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn a_way_outside_is_seen_however_it_is_spelled() {
    for (code, expected) in [
        ("std::fs::read(path)", "std::fs"),
        ("use std::{\n    collections::BTreeMap,\n    time::{Duration, Instant},\n};", "Instant std::time"),
        ("use tokio::sync::mpsc;", "tokio"),
        ("use std::{collections::{HashMap, hash_map}, sync::Arc};", ""),
        ("let time = 7; // std::time", ""),
    ] {
        let found = reaches(&code_of(code));
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), expected, "{code}");
    }
}
