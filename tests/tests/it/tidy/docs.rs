//! The docs speak of things that exist: links, files, names, commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::OnceLock,
};

use super::{File, SKIPPED_PATHS, assert_none, file, files, members, root, text_of};

fn documents() -> impl Iterator<Item = &'static File> {
    files().iter().filter(|file| file.path.ends_with(".md"))
}

/// The lines outside fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}

/// The lines of the fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    let mut inside = false;
    text.lines().filter(move |line| match line.trim_start().strip_prefix("```") {
        Some(named) => {
            inside = !inside && named == language;
            false
        }
        None => inside,
    })
}

/// What stands between single backticks in a line.
pub(super) fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of a line's links and images.
fn links(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("](") {
        rest = &rest[at + 2..];
        let Some(end) = rest.find(')') else { break };
        targets.push(rest[..end].split(' ').next().unwrap_or_default());
    }
    targets
}

/// The anchors of a document, as GitHub makes them of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(text).filter_map(|(_, line)| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let plain = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = plain.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
            let times = seen.entry(anchor.clone()).and_modify(|times| *times += 1).or_insert(0);
            if *times == 0 { anchor } else { format!("{anchor}-{times}") }
        })
        .collect()
}

#[test]
fn every_link_of_the_docs_leads_somewhere() {
    let mut found = Vec::new();
    for document in documents() {
        let directory = Path::new(&document.path).parent().unwrap_or(Path::new(""));
        for (number, line) in prose(&document.text) {
            for target in links(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let absolute = if path.is_empty() {
                    root().join(&document.path)
                } else {
                    root().join(directory).join(path)
                };
                let exists = absolute.exists();
                let leads = exists
                    && (anchor.is_empty()
                        || fs::read_to_string(&absolute).is_ok_and(|text| anchors(&text).contains(anchor)));
                if !leads {
                    found.push(format!("{}:{} links to {target}", document.path, number + 1));
                }
            }
        }
    }
    assert_none("links that lead nowhere", found);
}

#[test]
fn every_file_the_docs_name_exists() {
    const ENDINGS: &[&str] = &[".rs", ".toml", ".md", ".js", ".txt", ".css", ".html", ".sh"];
    // From the root, or from where the document lies; a directory of results may be there or not.
    let exists = |document: &File, name: &str| {
        let beside = Path::new(&document.path).parent().unwrap_or(Path::new("")).join(name);
        let result = |path: &Path| SKIPPED_PATHS.contains(&path.to_string_lossy().trim_end_matches('/'));
        [Path::new(name), &beside].into_iter().any(|path| root().join(path).exists() || result(path))
    };
    let is_file = |name: &str| {
        let plain = name.contains('/') && !name.contains(['*', '{', '<', '$', ' ']) && !name.contains("://");
        plain
            && !name.starts_with('/')
            && (name.ends_with('/') || ENDINGS.iter().any(|ending| name.ends_with(ending)))
    };
    let mut found = Vec::new();
    for document in documents() {
        for (number, line) in prose(&document.text) {
            let missing = quoted(line).filter(|name| is_file(name) && !exists(document, name));
            found.extend(missing.map(|name| format!("{}:{} names `{name}`", document.path, number + 1)));
        }
    }
    assert_none("files that are not there", found);
}

/// Every identifier of the code and the configuration.
fn identifiers() -> &'static BTreeSet<&'static str> {
    static IDENTIFIERS: OnceLock<BTreeSet<&str>> = OnceLock::new();
    IDENTIFIERS.get_or_init(|| {
        let sources = files().iter().filter(|file| {
            !file.path.ends_with(".md")
                && !file.path.ends_with(".lock")
                && !file.path.starts_with("tests/tests/it/tidy/")
        });
        let words = sources
            .flat_map(|file| file.text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
        words.filter(|word| word.contains('_')).collect()
    })
}

/// Whether a name is one of the metrics, with or without the ending of a counter.
fn is_metric(name: &str) -> bool {
    metrics().iter().any(|metric| *metric == name || metric.strip_suffix("_total") == Some(name))
}

/// Tests, options, metrics and messages the docs point at: a name with three words or more is somewhere in the code.
#[test]
fn every_name_the_docs_point_at_is_in_the_code() {
    let is_name = |word: &str| {
        let plain = word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        plain && word.matches('_').count() >= 2 && !word.starts_with('_')
    };
    let mut found = Vec::new();
    for document in documents() {
        for (number, line) in prose(&document.text) {
            // `hub_rounds_voided_total` and `mod::name` are one name each; a counter gets its ending on the way out.
            let names = quoted(line).flat_map(|code| code.split("::")).filter(|name| is_name(name));
            for name in names {
                let bare = name.strip_suffix("_total").unwrap_or(name);
                // The variable of an option is named after it.
                let option = name.strip_prefix("HUB__").and_then(|name| name.rsplit("__").next());
                let option = option.unwrap_or_default().to_lowercase();
                if [name, bare, &*option].iter().all(|name| !identifiers().contains(name)) && !is_metric(name)
                {
                    found.push(format!("{}:{} points at `{name}`", document.path, number + 1));
                }
            }
        }
    }
    assert_none("names that are not in the code", found);
}

/// The metrics of the table that the hub itself prints into the manual, counters with their ending.
fn metrics() -> BTreeSet<&'static str> {
    let manual = &file("docs/reference.md").text;
    let (_, table) = manual.split_once("<!-- generated by hub: metrics -->").expect("the table is there");
    let (table, _) = table.split_once("<!-- end -->").expect("the table has an end");
    let metrics: BTreeSet<_> = table.lines().filter_map(|row| quoted(row).next()).collect();
    assert!(metrics.len() > 30, "the metrics are named elsewhere now");
    metrics
}

/// An operator who sees a metric finds out when to look at it.
#[test]
fn every_metric_of_the_hub_is_explained() {
    let explained = &file("docs/operating.md").text;
    let missing = metrics().into_iter().filter(|metric| {
        // A label may follow the name.
        ["`", "{"].iter().all(|end| !explained.contains(&format!("`{metric}{end}")))
    });
    assert_none("metrics that docs/operating.md does not explain", missing.map(str::to_owned).collect());
}

/// An alert over a metric that does not exist never fires.
#[test]
fn every_alert_asks_for_a_metric_that_is_there() {
    let asked: BTreeSet<_> = blocks(&file("docs/operating.md").text, "yaml")
        .flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .filter(|word| word.starts_with("hub_"))
        .collect();
    assert!(asked.len() > 5, "the alerts are written elsewhere now");
    let unknown = asked.difference(&metrics()).map(ToString::to_string).collect();
    assert_none("alerts over metrics that are not there", unknown);
}

/// The part of the operating guide that says what to do about each message.
fn advice() -> &'static str {
    let (_, rest) =
        file("docs/operating.md").text.split_once("### Messages, and what to do\n").expect("it is there");
    rest.split_once("\n## ").map_or(rest, |(advice, _)| advice)
}

/// The source files that write log messages.
fn sources() -> impl Iterator<Item = &'static File> {
    let rooms = ["hub/src/", "actors/src/", "io/", "core/"];
    let is_source = |path: &str| path.ends_with(".rs") && path.contains("/src/");
    files()
        .iter()
        .filter(move |file| rooms.iter().any(|room| file.path.starts_with(room)) && is_source(&file.path))
}

/// The arguments of a macro's call, up to the parenthesis that ends it.
fn arguments(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|letter: char| {
        open += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// What somebody must act on, or should know of, has a row. A row may leave out what follows the first clause.
#[test]
fn every_warning_and_error_has_a_row_with_advice() {
    let advice = advice();
    let is_explained = |text: &str| {
        let clause = text.split([';', ':', ',', '{']).next().unwrap_or_default().trim_end();
        clause.len() >= "panic".len() && advice.contains(clause)
    };
    let (mut found, mut messages) = (Vec::new(), 0);
    for file in sources() {
        for call in
            ["tracing::warn!(", "tracing::error!("].into_iter().flat_map(|call| file.text.split(call).skip(1))
        {
            let call = arguments(call);
            messages += 1;
            if !call.split('"').skip(1).step_by(2).any(is_explained) {
                found.push(format!("{} logs {}", file.path, call.trim()));
            }
        }
    }
    assert!(messages > 30, "messages are written some other way now");
    assert_none("messages of which docs/operating.md says nothing", found);
}

/// A row whose message has changed is never found. What stands in code spans in its first cell is in the code.
#[test]
fn every_message_that_the_docs_explain_is_in_the_code() {
    let rows = advice().lines().filter(|line| line.starts_with("| ") && !line.starts_with("| message "));
    let cells = rows.filter_map(|row| row.trim_start_matches('|').split('|').next());
    let mut spans = 0;
    let mut found = Vec::new();
    let texts: Vec<String> = sources().map(|file| joined(&file.text)).collect();
    for span in cells.flat_map(quoted) {
        spans += 1;
        if !texts.iter().any(|text| text.contains(span)) {
            found.push(span.to_owned());
        }
    }
    assert!(spans > 50, "the messages are explained some other way now");
    assert_none("messages that docs/operating.md explains and no code writes", found);
}

/// A source with the texts that go on in the next line put together.
fn joined(text: &str) -> String {
    let mut parts = text.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start())
}

#[test]
fn every_command_of_the_readme_can_be_typed() {
    let packages: BTreeSet<_> = members().map(|package| text_of(package, "name")).collect();
    let mut found = Vec::new();
    let mut commands = 0;
    for document in [file("README.md"), file("CONTRIBUTING.md")] {
        for line in
            blocks(&document.text, "sh").filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        {
            commands += 1;
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            let mut complain = |what: String| found.push(format!("{}: {line}: {what}", document.path));
            if let Some(script) = words[0].strip_prefix("./").filter(|script| !script.starts_with("target/"))
            {
                match fs::metadata(root().join(script)) {
                    Ok(data) if data.permissions().mode() & 0o111 != 0 => {}
                    Ok(_) => complain("it is not executable".into()),
                    Err(_) => complain("there is no such file".into()),
                }
            }
            for pair in words.windows(2) {
                if pair[0] == "-p" && words[0] == "cargo" && !packages.contains(pair[1]) {
                    complain(format!("there is no package {}", pair[1]));
                }
            }
            for word in words.iter().filter(|word| word.ends_with(".toml") && word.contains('/')) {
                if !root().join(word).exists() {
                    complain(format!("there is no {word}"));
                }
            }
        }
    }
    assert_none("commands that do not work", found);
    assert!(commands >= 4, "README.md shows how to run and how to test, in blocks marked sh");
}

/// An ADR that is not on the list is never read.
#[test]
fn every_decision_is_numbered_in_order_and_listed() {
    let list = file("docs/adr/README.md");
    let decisions = files().iter().filter(|file| file.path.starts_with("docs/adr/0"));
    let mut found = Vec::new();
    for (place, decision) in decisions.enumerate() {
        let name = decision.path.strip_prefix("docs/adr/").unwrap_or_default();
        if !name.starts_with(&format!("{:04}-", place + 1)) {
            found.push(format!("{name} does not carry the number {:04}", place + 1));
        }
        if !list.text.contains(&format!("]({name})")) {
            found.push(format!("{name} is not in docs/adr/README.md"));
        }
        for part in ["## Context", "## Decision", "## Alternatives", "## Consequences"] {
            if !decision.text.lines().any(|line| line.starts_with(part)) {
                found.push(format!("{name} has no {part}"));
            }
        }
    }
    assert_none("decisions that are not as the others", found);
}

#[test]
fn a_heading_becomes_the_anchor_it_has_on_a_page() {
    let text = "# One log, many followers\n## `hub verify`\n## Twice\n## Twice\n```\n# not one\n```\n";
    let expected = ["hub-verify", "one-log-many-followers", "twice", "twice-1"];
    assert_eq!(anchors(text).iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    assert_eq!(links("see [one](a.md#b) and ![two](c.png \"title\")"), ["a.md#b", "c.png"]);
    assert_eq!(quoted("a `b` c `d/e.rs`").collect::<Vec<_>>(), ["b", "d/e.rs"]);
}
