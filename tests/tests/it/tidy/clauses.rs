//! Clauses of regulators and laboratories: each is cited by the code that keeps it and by a test, and `docs/compliance.md`
//! lists where. A line of code cites a clause by a comment with `clause:` and its id.

use std::{collections::BTreeMap, fmt::Write, fs};

use super::{files, root};

/// A clause, in our words.
struct Clause {
    id: &'static str,
    source: &'static str,
    says: &'static str,
}

/// Every clause that the hub claims to keep.
const CLAUSES: [Clause; 18] = [
    Clause {
        id: "gli19.a.3.8.enforced",
        source: "GLI-19 3.0, A.3.8",
        says: "once a player is excluded, the next bet at a table of the hub, and the next deposit, is refused",
    },
    Clause {
        id: "gli19.a.3.8.payout",
        source: "GLI-19 3.0, A.3.8",
        says: "an excluded player is paid out, and open bets are settled",
    },
    Clause {
        id: "gli19.2.5.5.stricter",
        source: "GLI-19 3.0, 2.5.5",
        says: "the stricter of two restrictions is the one that holds",
    },
    Clause {
        id: "gli19.b.2.3.two_people",
        source: "GLI-19 3.0, B.2.3",
        says: "who proposes a correction does not approve it",
    },
    Clause {
        id: "gli19.a.3.7.tightening",
        source: "GLI-19 3.0, A.3.7",
        says: "a stricter limit holds at once",
    },
    Clause {
        id: "gli19.a.3.7.loosening",
        source: "GLI-19 3.0, A.3.7",
        says: "a looser limit holds after a day at the earliest, and when the player has confirmed it",
    },
    Clause {
        id: "gli19.a.3.7.stricter",
        source: "GLI-19 3.0, A.3.7",
        says: "of the player's and the operator's limit the stricter one holds",
    },
    Clause {
        id: "ukgc.rts.12b.deposit",
        source: "UKGC RTS 12B",
        says: "a limit called deposit limit bounds what is deposited, whatever is withdrawn meanwhile",
    },
    Clause {
        id: "ukgc.rts.12.loss",
        source: "UKGC RTS 12",
        says: "a loss limit bounds stakes less winnings in a day, a week or a month",
    },
    Clause {
        id: "ukgc.rts.12.stake",
        source: "UKGC RTS 12",
        says: "a limit may bound what is staked in a day, a week or a month",
    },
    Clause { id: "ukgc.rts.13.time", source: "UKGC RTS 13", says: "a player may bound the time of play" },
    Clause {
        id: "ukgc.sr.3.3.4.time_out",
        source: "UKGC LCCP, social responsibility code 3.3.4",
        says: "a time-out may last a day, a week, a month, and at most six weeks",
    },
    Clause {
        id: "ukgc.sr.3.5.3.minimum",
        source: "UKGC LCCP, social responsibility code 3.5.3",
        says: "a self-exclusion lasts at least six months, and is not lifted before",
    },
    Clause {
        id: "ukgc.sr.3.5.3.return",
        source: "UKGC LCCP, social responsibility code 3.5.3",
        says: "a self-exclusion stands until the player asks to gamble again, and a day to cool off has passed",
    },
    Clause {
        id: "ukgc.rts.2e",
        source: "UKGC RTS 2E",
        says: "the net position since the play session began, in the currency of the account, is shown all the time",
    },
    Clause {
        id: "ukgc.rts.13b",
        source: "UKGC RTS 13B",
        says: "after a time of play a player is shown how long it was, and acknowledges it before play goes on",
    },
    Clause {
        id: "ukgc.rts.13c",
        source: "UKGC RTS 13C",
        says: "the time since the play session began is shown all the time, in hours, minutes and seconds",
    },
    Clause {
        id: "ukgc.rts.14g",
        source: "UKGC RTS 14G",
        says: "from the beginning of a game until the next one can begin there is a least time, by the clock of the server",
    },
];

/// What begins a citation.
const MARK: &str = "clause: ";
const PAGE: &str = "docs/compliance.md";

/// Where each clause is cited: in code, and in tests.
fn cited() -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let mut cited: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for file in
        files().iter().filter(|file| file.path.ends_with(".rs") && !file.path.ends_with("/clauses.rs"))
    {
        let mut in_tests = file.path.contains("/tests/") || file.path.starts_with("tests/");
        for line in file.text.lines() {
            in_tests |= line.trim() == "#[cfg(test)]";
            let Some((_, id)) =
                line.split_once(MARK).filter(|(before, _)| before.trim_start().starts_with("//"))
            else {
                continue;
            };
            let (code, tests) = cited.entry(id.trim().trim_end_matches('.').to_owned()).or_default();
            let places = if in_tests { tests } else { code };
            if !places.contains(&file.path) {
                places.push(file.path.clone());
            }
        }
    }
    cited
}

fn page() -> String {
    let mut page = "# Clauses\n\nWhat regulators and test laboratories ask for, in our words, with the code that keeps it and the test that \
                    shows it. A test makes this page\nfrom citations in the code (`clause:` and an id). It is engineering material: what \
                    applies to an operator, the operator's own\nadvisers say.\n\n| clause | source | what it asks for | code | test |\n|---|---|---|---|---|\n"
        .to_owned();
    let cited = cited();
    let list = |paths: &[String]| paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    for Clause { id, source, says } in CLAUSES {
        let (code, tests) = cited.get(id).cloned().unwrap_or_default();
        writeln!(page, "| `{id}` | {source} | {says} | {} | {} |", list(&code), list(&tests)).expect("text");
    }
    page
}

#[test]
fn each_clause_is_cited_by_code_and_by_a_test_and_the_page_says_where() {
    let cited = cited();
    let mut wrong = Vec::new();
    for Clause { id, .. } in CLAUSES {
        match cited.get(id) {
            Some((code, tests)) if !code.is_empty() && !tests.is_empty() => {}
            Some(_) | None => wrong.push(format!("{id}: no code or no test cites it")),
        }
    }
    let unknown = cited.keys().filter(|id| CLAUSES.iter().all(|clause| clause.id != **id));
    wrong.extend(unknown.map(|id| format!("{id}: cited, and no clause of the list")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (path, page) = (root().join(PAGE), page());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "{PAGE} is not what the citations say; UPDATE_GOLDEN=1 writes it");
}
