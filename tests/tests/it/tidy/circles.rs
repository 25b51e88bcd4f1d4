//! No circle of files, in any crate: to understand a file you read only the files it needs (docs/architecture.md, "The
//! rooms").
//!
//! A file needs another one when its code names something that is defined there: in a `use`, or by a path; and when an
//! `impl` block calls a method of its own type that stands in another file. A parent that only declares its children and
//! passes their names on needs none of them: a file that takes a name from it needs the file where the name is defined.
//! So a child may use what its parent defines, as long as the parent does not use what the child defines; a parent that
//! starts its children keeps what they share in a file of its own. Methods of other types are
//! not seen: they come with their type. Tests are left out.

mod methods;
mod modules;
mod paths;

use std::collections::{BTreeMap, BTreeSet};

use super::{assert_none, directory_of, files, members};

/// Circles that stand, each with all of its files and the reason. Each is one type, whose methods are in several files and
/// call each other. The list may only shrink.
const STANDING: &[(&[&str], &str)] = &[
    (
        &["actors/src/session.rs", "actors/src/session/dispatch.rs"],
        "an actor: its life in one file, what it does with each request in the other",
    ),
    (
        &["actors/src/table.rs", "actors/src/table/requests.rs"],
        "an actor: the steps of its round in one file, what players ask in the other",
    ),
    (
        &["io/channels/src/mirror.rs", "io/channels/src/mirror/bounds.rs"],
        "its channels in one file, their bounds in the other",
    ),
    (
        &["loadtest/src/load/connect.rs", "loadtest/src/load/hear.rs"],
        "how players connect in one file, what they hear in the other",
    ),
];

/// Which file needs which.
type Needs = BTreeMap<String, BTreeSet<String>>;

/// What each file of a crate needs, from its root file on. `text` gives the text of a file.
fn needs<'a>(root: &str, text: &impl Fn(&str) -> Option<&'a str>) -> Needs {
    let tree = modules::Tree::read(root, text);
    let mut needs = Needs::new();
    for (module, path) in paths::all(&tree) {
        let from = tree.file(module);
        if let Some(to) = tree.resolve(module, &path).filter(|to| *to != from) {
            needs.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
    }
    for (from, to) in methods::calls(&tree) {
        needs.entry(from).or_default().insert(to);
    }
    needs
}

/// The groups of files that need each other, directly or over others.
fn circles(needs: &Needs) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = needs
        .keys()
        .map(|from| {
            let (mut seen, mut ahead) = (BTreeSet::new(), vec![from]);
            while let Some(file) = ahead.pop() {
                ahead.extend(needs.get(file).into_iter().flatten().filter(|to| seen.insert(*to)));
            }
            (from, seen)
        })
        .collect();
    let mutual = |one: &String, other: &String| {
        let reaches = |from: &String, to: &String| reached.get(from).is_some_and(|seen| seen.contains(to));
        reaches(one, other) && reaches(other, one)
    };
    let groups: BTreeSet<Vec<String>> = reached
        .keys()
        .filter(|file| mutual(file, file))
        .map(|file| reached.keys().filter(|other| mutual(file, other)).map(ToString::to_string).collect())
        .collect();
    groups.into_iter().collect()
}

/// A circle with the reasons for each of its steps.
fn told(circle: &[String], needs: &Needs) -> String {
    let inside = |from: &String| {
        let to: Vec<_> = needs[from].iter().filter(|to| circle.contains(to)).map(String::as_str).collect();
        format!("{from} needs {}", to.join(", "))
    };
    circle.iter().map(inside).collect::<Vec<_>>().join("\n    ")
}

#[test]
fn no_files_of_a_crate_need_each_other() {
    let texts: BTreeMap<&str, &str> =
        files().iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let (mut found, mut standing) = (Vec::new(), BTreeSet::new());
    let mut roots = 0;
    for package in members() {
        for root in ["lib.rs", "main.rs"].map(|name| format!("{}/src/{name}", directory_of(package))) {
            if !texts.contains_key(root.as_str()) {
                continue;
            }
            roots += 1;
            let needs = needs(&root, &|path| texts.get(path).copied());
            for circle in circles(&needs) {
                match STANDING.iter().find(|(files, _)| circle == *files) {
                    Some((files, _)) => drop(standing.insert(*files)),
                    None => found.push(told(&circle, &needs)),
                }
            }
        }
    }
    assert!(roots >= members().count(), "the roots of the crates lie elsewhere now: {roots}");
    for (files, _) in STANDING.iter().filter(|(files, _)| !standing.contains(files)) {
        found.push(format!("{} are no circle any more: take them from the list", files.join(", ")));
    }
    assert_none("files that need each other", found);
}

/// Money and tables are reached through `MoneyPort` and `TablePort` only, so that another node can stand there.
#[test]
fn only_the_wiring_knows_the_actors_of_money_and_tables() {
    let texts: BTreeMap<&str, &str> =
        files().iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
    let needs = needs("actors/src/lib.rs", &|path| texts.get(path).copied());
    let mut found = Vec::new();
    for actor in ["coordinator", "domain", "table"] {
        let file = format!("actors/src/{actor}.rs");
        let parts = format!("actors/src/{actor}/");
        let known_by: Vec<_> = needs
            .iter()
            .filter(|(from, to)| to.contains(&file) && !from.starts_with(&parts))
            .map(|(from, _)| from.as_str())
            .collect();
        if known_by != ["actors/src/house.rs"] {
            found.push(format!("{file} is needed by {}", known_by.join(", ")));
        }
        // What is private to the crate, no other crate can name.
        if !texts["actors/src/lib.rs"].contains(&format!("\nmod {actor};")) {
            found.push(format!("{file} is public"));
        }
    }
    assert_none("actors of money and tables that are known outside the wiring", found);
}

/// The circles of a crate that is written here, its root first.
fn circles_of(crate_files: &[(&str, &str)]) -> Vec<String> {
    let text = |path: &str| crate_files.iter().find(|(name, _)| *name == path).map(|(_, text)| *text);
    let needs = needs(crate_files[0].0, &text);
    circles(&needs).iter().map(|circle| circle.join(" ")).collect()
}

#[test]
fn a_circle_is_seen_however_it_is_spelled() {
    let root = ("lib.rs", "mod a; mod b; mod c;");
    for (name, a, b, c) in [
        ("by use", "use crate::b::B; pub struct A;", "use super::a::A; pub struct B;", ""),
        ("in a group", "use crate::{c::C, b::{self, B}}; pub struct A;", "use crate::a::*;pub struct B;", ""),
        ("by path", "pub fn a() { crate::b::b() }", "pub fn b() { if true { super::a::a() } }", ""),
        ("by type", "pub struct A(Vec<crate::b::B>);", "pub struct B(Box<dyn Fn(crate::a::A)>);", ""),
        ("in a macro", "pub fn a() { println!(\"{}\", crate::b::B) }", "pub const B: u8 = crate::a::A;", ""),
        (
            "by another name",
            "use crate::b as other; fn a() { other::b() }",
            "use crate::a as x; fn f(_: x::A) {}",
            "",
        ),
        (
            "a child called like a function",
            "use crate::b::b; pub fn a() { b() }",
            "pub fn b() { crate::a::a() }",
            "",
        ),
        ("for serde", "#[serde(with = \"crate::b::b\")] pub struct A;", "pub fn b() { crate::a::A; }", ""),
        (
            "by method",
            "pub struct A; impl A { fn a(&self) { self.b() } }",
            "use crate::a::A; impl A { pub fn b(&self) {} }",
            "",
        ),
        (
            "by method, in a closure",
            "pub struct A; impl A { fn a(&self) { self.run(|this| this.b()) } fn run(&self, f: fn(&Self)) {} }",
            "use crate::a::A; impl A { pub fn b(&self) {} }",
            "",
        ),
        (
            "by method, in a trait's block",
            "pub struct A; impl Drop for A { fn drop(&mut self) { Self::b(self) } }",
            "use crate::a::A; impl A { pub fn b(&self) {} }",
            "",
        ),
        ("over a third", "use crate::b::B;", "use crate::c::C;", "use crate::a::A;"),
        (
            "passed on",
            "use crate::c::B; pub struct A;",
            "use crate::a::A; pub struct B;",
            "pub use crate::b::B;",
        ),
        (
            "passed on whole",
            "use crate::c::B; pub struct A;",
            "use crate::a::A; pub struct B;",
            "pub use crate::b::*;",
        ),
    ] {
        let found = circles_of(&[root, ("a.rs", a), ("b.rs", b), ("c.rs", c)]);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
}

#[test]
fn a_parent_and_its_child_are_a_circle_only_when_each_uses_what_the_other_defines() {
    for (name, parent, child, expected) in [
        ("each uses the other", "mod b; pub struct A; fn a(_: b::B) {}", "use super::A; pub struct B;", 1),
        ("passed on and used", "mod b; pub use b::B; pub struct A(B);", "use super::A; pub struct B;", 1),
        ("only passed on", "mod b; pub use b::B; pub struct A;", "use super::A; pub struct B;", 0),
        ("only declared", "pub mod b; pub struct A;", "use super::A; pub struct B;", 0),
        ("the child needs nothing", "mod b; use b::B; pub struct A(B);", "pub struct B;", 0),
        (
            "in a test",
            "mod b; pub struct A; fn a(_: b::B) {}",
            "pub struct B; #[cfg(test)] mod tests { use super::super::A; }",
            0,
        ),
        (
            "a method that only the child calls",
            "mod b; pub struct A; impl A { pub fn a(&self) {} }",
            "use super::A; impl A { pub fn b(&self) { self.a() } }",
            0,
        ),
        (
            "a method of another type that is called alike",
            "mod b; pub struct A { c: u8 } impl A { pub fn a(&self) { self.c.b() } }",
            "use super::A; impl A { pub fn b(&self) {} }",
            0,
        ),
        ("through a private name", "mod b; use other::A; fn a(_: b::B) {}", "use super::A; pub struct B;", 0),
    ] {
        let found = circles_of(&[("lib.rs", "mod a;"), ("a.rs", parent), ("a/b.rs", child)]);
        assert_eq!(found.len(), expected, "{name}: {found:?}");
    }
}
