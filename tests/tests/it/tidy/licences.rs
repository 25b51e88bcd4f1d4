//! Licences: every dependency can be used under a licence of `deny.toml`'s list. No GPL, of any kind.
//!
//! The list stands in `deny.toml` alone; `cargo deny` reads it where the advisory database can be reached, this
//! test everywhere.

use super::{assert_none, file, packages, text_of};

/// The licences we accept.
fn allowed() -> Vec<String> {
    let deny: toml::Table = file("deny.toml").text.parse().expect("deny.toml is TOML");
    let list = deny["licenses"]["allow"].as_array().expect("licenses.allow is a list");
    list.iter().map(|name| name.as_str().expect("a licence is a text").to_owned()).collect()
}

#[test]
fn every_dependency_may_be_used_under_a_licence_we_accept() {
    let allowed = allowed();
    let mut found = Vec::new();
    for package in packages() {
        let licence = text_of(package, "license");
        if !acceptable(licence, &allowed) {
            found.push(format!("{} {}: {licence:?}", text_of(package, "name"), text_of(package, "version")));
        }
    }
    assert_none("dependencies under licences we do not accept", found);
}

#[test]
fn no_accepted_licence_is_a_gpl() {
    let gpl = allowed().into_iter().filter(|licence| licence.contains("GPL"));
    assert_none("licences that ask for more than we can give", gpl.collect());
}

/// Whether an SPDX expression can be met with these licences alone. Nothing stated: no.
fn acceptable(expression: &str, allowed: &[String]) -> bool {
    // Before SPDX a slash was an `OR`.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let met = parser.any();
    met == Some(true) && parser.words.is_empty()
}

/// A reader of SPDX expressions; `AND` binds closer than `OR`. `None`: not an expression.
struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl<'a> Parser<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn take_if(&mut self, word: &str) -> bool {
        let is = self.words.first() == Some(&word);
        if is {
            self.words = &self.words[1..];
        }
        is
    }

    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.take_if("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take_if("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take_if("(") {
            let met = self.any()?;
            return self.take_if(")").then_some(met);
        }
        let mut licence =
            self.take().filter(|word| !matches!(*word, ")" | "AND" | "OR" | "WITH"))?.to_owned();
        if self.take_if("WITH") {
            licence = format!("{licence} WITH {}", self.take()?);
        }
        Some(self.allowed.contains(&licence))
    }
}

#[test]
fn an_expression_is_met_when_its_choices_can_be() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "ISC".to_owned()];
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("GPL-2.0 / MIT", true),
        ("GPL-2.0/AGPL-3.0", false),
        ("ISC AND (GPL-2.0 OR Apache-2.0)", true),
        ("ISC AND (GPL-2.0 OR LGPL-2.1)", false),
        ("GPL-2.0 OR MIT AND ISC", true),
        ("GPL-2.0 AND MIT OR GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("", false),
        ("MIT OR", false),
        ("(MIT", false),
        ("MIT MIT", false),
    ] {
        assert_eq!(acceptable(expression, &allowed), met, "{expression:?}");
    }
}
