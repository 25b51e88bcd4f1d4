//! One word has one meaning: the glossary of `docs/architecture.md` is the list, and this holds the project to it.
//!
//! Its first table says what each word means and which other words are not used for that. Its second table lists the
//! type names that more than one room may have, and what they say there. Every other public type of the hub stands once.

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
    rows.iter().flat_map(|row| names(row[2]).map(|banned| (banned.to_lowercase(), row[0]))).collect()
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

/// The public types a file of the hub defines.
fn types(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "))?;
        let (kind, rest) = rest.split_once(' ')?;
        let name = rest.split(|letter: char| !letter.is_alphanumeric()).next()?;
        matches!(kind, "struct" | "enum" | "trait" | "type").then_some(name)
    })
}

#[test]
fn a_type_of_the_hub_has_a_name_of_its_own() {
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files().iter().filter(|file| {
        let hub = ROOMS.iter().any(|room| file.path.starts_with(room)) && file.path.ends_with(".rs");
        let named_by_section = file.path.starts_with("hub/src/config/");
        hub && file.path.contains("/src/") && !file.path.contains("/tests") && !named_by_section
    }) {
        for name in types(&file.text) {
            places.entry(name).or_default().insert(&file.path);
        }
    }
    assert!(places.len() > 100, "the types are defined some other way now");
    let shared: BTreeSet<&str> = rows("type").iter().flat_map(|row| names(row[0])).collect();
    let mut found: Vec<String> = places
        .iter()
        .filter(|(name, places)| places.len() > 1 && !shared.contains(*name))
        .map(|(name, places)| format!("{name} is defined in {places:?}"))
        .collect();
    let idle = shared.iter().filter(|name| places.get(**name).is_none_or(|places| places.len() < 2));
    found.extend(idle.map(|name| format!("{name} stands once: {PAGE} need not list it")));
    assert_none("names of types with more than one meaning", found);
}

#[test]
fn a_word_is_seen_however_it_is_spelled() {
    for line in ["a PlaceBet now", "fn place_bet(", "Place-bet!", "`place bet`"] {
        assert!(words(line).contains(" place bet "), "{line}: {}", words(line));
    }
    assert!(!words("misplace better").contains(" place "));
}
