//! A problem of the configuration, described so that an operator can correct it without a manual.

use std::fmt;

use super::tree::Origin;

/// One thing that is wrong: where it stands, what stands there, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file and line, variable or flag; `None` when something is missing altogether.
    pub origin: Option<Origin>,
    /// The option's full name, such as `server.listen`; empty when a whole file is at fault.
    pub key: String,
    /// What was given, when it helps and is no secret.
    pub value: Option<String>,
    /// What is wrong, and what is allowed or what to do.
    pub what: String,
}

impl Problem {
    /// A problem with something that is not there, or that no single value causes.
    pub(super) fn general(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self { origin: None, key: key.into(), value: None, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(Origin::Default) | None => {}
            Some(origin) => write!(formatter, "{origin}: ")?,
        }
        if !self.key.is_empty() {
            formatter.write_str(&self.key)?;
            if let Some(value) = &self.value {
                write!(formatter, " = {value}")?;
            }
            formatter.write_str(": ")?;
        }
        formatter.write_str(&self.what)
    }
}

/// All problems of a configuration, reported at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(formatter, "the configuration has a problem:\n  {only}"),
            all => {
                write!(formatter, "the configuration has {} problems:", all.len())?;
                all.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
            }
        }
    }
}

/// "allowed: …", with the name that was probably meant in front.
pub(super) fn choice(given: &str, known: &[&str]) -> String {
    let hint = nearest(given, known).map(|name| format!("did you mean \"{name}\"? ")).unwrap_or_default();
    format!("{hint}allowed: {}", known.join(", "))
}

/// The known name nearest to `given`, when it is near enough to be what was meant.
fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let reach = (given.chars().count() / 3).clamp(1, 3);
    let (distance, name) = known.iter().map(|name| (distance(given, name), *name)).min()?;
    (distance <= reach).then_some(name)
}

/// Edits (insert, remove, replace, swap two neighbours) that turn `left` into `right`.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<_>, Vec<_>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let replace = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            rows[i][j] = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_gets_a_hint_and_a_different_word_does_not() {
        let known = ["listen", "workers", "allowed_origins"];
        assert_eq!(nearest("lsiten", &known), Some("listen"));
        assert_eq!(nearest("listn", &known), Some("listen"));
        assert_eq!(nearest("allowed_origin", &known), Some("allowed_origins"));
        assert_eq!(nearest("port", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
