//! One word has one meaning: the glossary of `docs/architecture.md` is the list, and this holds the project to it.
//!
//! Its first table says what each word means and which other words are not used for that. Its second table lists the
//! type names that more than one file may have, and where. Every other public type of the hub stands once. Its third
//! table lists the names of code in which a word stands that is easily used for a second thing.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, assert_none, file, files};

/// The page with the glossary.
const PAGE: &str = "docs/architecture.md";

/// The hub itself. Clients, load harness and tests speak of what they see by names of their own.
const ROOMS: &[&str] = &["protocol/src/", "core/", "io/", "actors/src/", "hub/src/"];

/// The rows of a table of the glossary, each as its cells; `heading` is the table's first cell.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let lines = file(PAGE).text.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |")));
    let rows: Vec<Vec<&str>> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 3, "the table \"{heading}\" of {PAGE} is somewhere else now");
    rows
}

/// What stands between backticks in a cell.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The synonyms that are not used, each with the word that is.
fn banned() -> Vec<(String, &'static str)> {
    let rows = rows("word");
    rows.iter()
        .flat_map(|row| names(row[2]).map(|banned| (words(banned).trim().to_owned(), row[0])))
        .collect()
}

/// Places where a synonym may stand: the glossary, what is history, and what others have written.
fn is_read(file: &File) -> bool {
    let history = file.path == "CHANGELOG.md" || file.path.starts_with("docs/adr/");
    let ours = [".rs", ".md", ".js", ".toml", ".html"].iter().any(|ending| file.path.ends_with(ending));
    ours && !history && file.path != "tests/tests/it/tidy/words.rs"
}

/// The words of a line, in lower case: `PlaceBet`, `place_bet` and "place bet" are the same two.
fn words(line: &str) -> String {
    let mut words = String::from(" ");
    let mut last = ' ';
    for letter in line.chars() {
        if letter.is_alphanumeric() {
            if letter.is_uppercase() && last.is_lowercase() {
                words.push(' ');
            }
            words.extend(letter.to_lowercase());
        } else if !words.ends_with(' ') {
            words.push(' ');
        }
        last = letter;
    }
    words.push(' ');
    words
}

#[test]
fn no_synonym_stands_for_a_word_of_the_glossary() {
    let banned = banned();
    assert!(banned.len() >= 10, "the glossary bans {} synonyms", banned.len());
    let mut found = Vec::new();
    for file in files().iter().filter(|file| is_read(file)) {
        for (number, line) in file.text.lines().enumerate() {
            if file.path == PAGE && line.starts_with('|') {
                continue;
            }
            let words = words(line);
            for (synonym, word) in &banned {
                if words.contains(&format!(" {synonym} ")) || words.contains(&format!(" {synonym}s ")) {
                    found.push(format!(
                        "{}:{} says \"{synonym}\", the word is \"{word}\"",
                        file.path,
                        number + 1
                    ));
                }
            }
        }
    }
    assert_none("synonyms of words that the glossary has", found);
}

/// The code of the hub itself, without its configuration: types of that are named as its sections are.
fn code_of_the_hub() -> impl Iterator<Item = (&'static str, &'static str)> {
    let ours = files().iter().filter(|file| {
        let hub = ROOMS.iter().any(|room| file.path.starts_with(room)) && file.path.ends_with(".rs");
        hub && file.path.contains("/src/")
            && !file.path.contains("/tests")
            && !file.path.starts_with("hub/src/config/")
    });
    // Tests in the same file stand last.
    ours.map(|file| (&*file.path, file.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default()))
}

/// The name behind `kind`, where a line defines one.
fn defined<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(kind)?.strip_prefix(' ')?;
    rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

/// The public types a file of the hub defines.
fn types(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
        ["struct", "enum", "trait", "type"].iter().find_map(|kind| defined(rest, kind))
    })
}

/// The functions a file defines, of any visibility.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).filter_map(|line| {
        let (before, _) = line.split_once("fn ")?;
        let keywords = before
            .split_whitespace()
            .all(|word| ["const", "async", "unsafe", "default"].contains(&word) || word.starts_with("pub"));
        if keywords { defined(&line[before.len()..], "fn") } else { None }
    })
}

/// The files that define each public type.
fn places() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, code) in code_of_the_hub() {
        for name in types(code) {
            places.entry(name).or_default().insert(path);
        }
    }
    assert!(places.len() > 100, "the types are defined some other way now");
    places
}

#[test]
fn a_type_of_the_hub_has_a_name_of_its_own() {
    let places = places();
    let rows = rows("type");
    let shared: BTreeMap<&str, Vec<&str>> =
        rows.iter().flat_map(|row| names(row[0]).map(|name| (name, names(row[2]).collect()))).collect();
    let mut found = Vec::new();
    for (name, places) in places.iter().filter(|(_, places)| places.len() > 1) {
        match shared.get(name) {
            None => found.push(format!("{name} is defined in {places:?}")),
            Some(listed) => {
                let strange =
                    places.iter().filter(|path| !listed.iter().any(|place| path.starts_with(place)));
                found.extend(
                    strange.map(|path| format!("{name} is defined in {path}: its places are {listed:?}")),
                );
            }
        }
    }
    let idle = shared.keys().filter(|name| places.get(**name).is_none_or(|places| places.len() < 2));
    found.extend(idle.map(|name| format!("{name} stands once: {PAGE} need not list it")));
    assert_none("names of types with more than one meaning", found);
}

/// Whether a word stands in a name: `HoldId` and `Holds` have "hold", `Household` has not.
fn has_word(name: &str, word: &str) -> bool {
    words(name).split_whitespace().any(|part| part.starts_with(word))
}

#[test]
fn a_name_with_a_word_that_is_easily_used_for_a_second_thing_is_listed() {
    let (places, rows) = (places(), rows("word in a name"));
    let mut found = Vec::new();
    for row in &rows {
        let word = row[0];
        let types: BTreeSet<_> = places.keys().copied().filter(|name| has_word(name, word)).collect();
        let plural = format!("{word}s");
        let named = |code: &str| functions(code).any(|name| name == word || name == plural);
        let with_functions: BTreeSet<_> =
            code_of_the_hub().filter(|(_, code)| named(code)).map(|(path, _)| path).collect();
        for (kind, cell, there) in [("type", row[1], types), ("function", row[2], with_functions)] {
            let listed: BTreeSet<_> = names(cell).collect();
            found.extend(
                there.difference(&listed).map(|name| format!("{word}: the {kind} of {name} is not listed")),
            );
            found.extend(
                listed.difference(&there).map(|name| format!("{word}: there is no {kind} of {name}")),
            );
        }
    }
    assert_none("names with a word that is easily used for a second thing", found);
}

#[test]
fn a_word_is_seen_however_it_is_spelled() {
    for line in ["a PlaceBet now", "fn place_bet(", "Place-bet!", "`place bet`"] {
        assert!(words(line).contains(" place bet "), "{line}: {}", words(line));
    }
    assert!(!words("misplace better").contains(" place "));
}

#[test]
fn a_name_is_seen_where_it_is_defined_and_not_where_it_is_used() {
    let code = "pub struct Hold;\n  pub(crate) enum HoldId {\nstruct Own;\nlet x: Hold;";
    assert_eq!(types(code).collect::<Vec<_>>(), ["Hold", "HoldId"]);
    let code = "fn hold(&self)\n pub(super) async fn holds<T>(\n// fn plan()\nf: Box<dyn Fn(u8)>\nlet f: fn (u8);\nx.hold();";
    assert_eq!(functions(code).collect::<Vec<_>>(), ["hold", "holds"]);
    assert!(
        has_word("HoldId", "hold")
            && has_word("KeyOutcomes", "outcome")
            && has_word("PlayerSettlement", "settle")
    );
    assert!(!has_word("Household", "hold") && !has_word("Backplane", "plan"));
}
