//! The life of a bet, as `docs/flows.md` tells it, held against the code: the files it names are those that the bet goes
//! through, in this order. Which file needs which (`circles`) does not show that: a bet is passed on by methods and
//! messages.

use std::collections::BTreeSet;

use super::{assert_none, docs::quoted, file};

/// The code of a file: without comments, and without its tests, which stand last.
fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether `name` stands in the code, and not as a part of another name.
fn stands(code: &str, name: &str) -> bool {
    let ends = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_');
    code.match_indices(name)
        .any(|(at, _)| ends(code[..at].chars().next_back()) && ends(code[at + name.len()..].chars().next()))
}

/// Whether a file takes what is handed to it by `name`: it defines that function, or handles that message.
fn takes(code: &str, name: &str) -> bool {
    let handled = |line: &str| {
        let handler = line.split_once("Handler<").is_some_and(|(_, message)| stands(message, name));
        handler || stands(line, &format!("ToWorker::{name}"))
    };
    stands(code, &format!("fn {name}")) || code.lines().any(handled)
}

/// Whether a file hands something on by `name`: it calls that function, or makes that message. The port of a message is a
/// method that is called as the message is.
fn hands_on(code: &str, name: &str) -> bool {
    let called = name.chars().enumerate().fold(String::new(), |mut called, (place, letter)| {
        if place > 0 && letter.is_uppercase() {
            called.push('_');
        }
        called.extend(letter.to_lowercase());
        called
    });
    [format!(".{called}("), format!("{name}("), format!("{name} {{")].iter().any(|spelled| {
        code.lines().any(|line| line.contains(spelled) && !line.contains("fn ") && !line.contains("impl "))
    })
}

#[test]
fn the_life_of_a_bet_takes_twelve_files_and_each_is_reached_from_an_earlier_one() {
    let flows = &file("docs/flows.md").text;
    let (_, journey) = flows.split_once("## The life of a bet").expect("the bet's journey is told");
    let (journey, _) = journey.split_once("\n## ").expect("another journey follows");
    let is_step =
        |line: &&str| line.split_once(". **").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
    let steps: Vec<_> =
        journey.lines().filter(is_step).map(|step| quoted(step).collect::<Vec<_>>()).collect();
    assert!((10..=12).contains(&steps.len()), "the bet goes through {} files", steps.len());
    let paths: Vec<&str> = steps.iter().map(|step| step[0]).collect();
    let named: BTreeSet<_> = paths.iter().collect();
    assert_eq!(named.len(), paths.len(), "none comes twice: {paths:?}");
    let codes: Vec<_> = paths.iter().map(|path| code(&file(path).text)).collect();
    let mut found = Vec::new();
    for (place, step) in steps.iter().enumerate().skip(1) {
        let path = step[0];
        let Some(name) = step.get(1).filter(|_| journey.contains(&format!("`{path}`, by `"))) else {
            found.push(format!("{path}: the page does not say by what it is reached"));
            continue;
        };
        if !takes(&codes[place], name) {
            found.push(format!("{path} neither defines nor handles {name}"));
        }
        if !codes[..place].iter().any(|code| hands_on(code, name)) {
            found.push(format!("no earlier file of the journey hands the bet to {path} by {name}"));
        }
    }
    assert_none("steps of a bet that are not as the page tells them", found);
}

#[test]
fn a_step_is_taken_where_it_is_defined_or_handled_and_handed_on_where_it_is_called() {
    for (text, name) in [
        ("pub(super) fn place_bet(&mut self)", "place_bet"),
        ("fn turn<T>(", "turn"),
        ("impl Handler<Bet> for Table {", "Bet"),
        ("impl StreamHandler<Result<ws::Message, E>> for S {", "Message"),
        ("ToWorker::Reply { to, reply } => 1", "Reply"),
    ] {
        assert!(takes(text, name), "{text}");
    }
    for (text, name) in [
        ("fn place_bets(", "place_bet"),
        ("fn replace_bet(", "place_bet"),
        ("live.place_bet(1)", "place_bet"),
        ("use x::Bet;", "Bet"),
    ] {
        assert!(!takes(text, name), "{text}");
    }
    for (text, name) in [
        ("live.place_bet(1)", "place_bet"),
        ("tables.ask_outcome(1)", "AskOutcome"),
        ("send(Bet { a })", "Bet"),
    ] {
        assert!(hands_on(text, name), "{text}");
    }
    for (text, name) in
        [("fn place_bet(", "place_bet"), ("a.place_bets(", "place_bet"), ("impl Handler<Bet> for T {", "Bet")]
    {
        assert!(!hands_on(text, name), "{text}");
    }
    assert_eq!(code("a\n// fn b()\nc\n#[cfg(test)]\nmod tests { fn d() {} }"), "a\nc");
}
