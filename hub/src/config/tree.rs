//! A layer of configuration as a tree in which every value knows who set it.
//!
//! Layers are merged as trees and only then read into types (`read`), so that an error can name the file and
//! line, the variable or the flag. A table merges key by key; a list or a single value replaces what was there.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use toml::de::{DeArray, DeTable, DeValue};

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into the hub.
    Default,
    /// A file, and the line in it, counted from 1.
    File {
        /// The file as it was opened.
        path: Arc<Path>,
        /// The line of the key.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag, with its dashes.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("built-in default"),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) => formatter.write_str(name),
            Self::Flag(name) => formatter.write_str(name),
        }
    }
}

/// A value and who set it.
#[derive(Debug, Clone)]
pub struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Integer(i128),
    Text(String),
    /// Text from a variable or a flag; its type is decided when it is read.
    Raw(String),
    /// A float or a date, which no option takes; kept for the error message.
    Other(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// Equality is of the values; who set them is left out.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    pub(super) fn table(origin: Origin) -> Self {
        Self { value: Value::Table(BTreeMap::new()), origin }
    }

    /// Reads a TOML document. The error is the parser's sentence and the line it points at.
    pub(super) fn parse(text: &str, path: &Arc<Path>) -> Result<Self, (String, usize)> {
        let lines = Lines { text, path };
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| lines.number(span.start));
            (error.message().to_owned(), line)
        })?;
        Ok(Self { value: lines.table(document.get_ref()), origin: lines.origin(0) })
    }

    /// Reads one TOML value, as written in a variable.
    pub(super) fn parse_value(text: &str, origin: &Origin) -> Result<Self, String> {
        let document = format!("value = {text}");
        let table = DeTable::parse(&document).map_err(|error| error.message().to_owned())?;
        let lines = Lines { text: "", path: &Arc::from(Path::new("")) };
        let Value::Table(mut table) = lines.table(table.get_ref()) else { return Err("not a value".into()) };
        let mut node = table.remove("value").ok_or("not a value")?;
        node.attribute(origin);
        Ok(node)
    }

    fn attribute(&mut self, origin: &Origin) {
        self.origin = origin.clone();
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.attribute(origin)),
            Value::Table(entries) => entries.values_mut().for_each(|entry| entry.attribute(origin)),
            Value::Bool(_) | Value::Integer(_) | Value::Text(_) | Value::Raw(_) | Value::Other(_) => {}
        }
    }

    /// The tree of a value that serialises to TOML, all of it set by `origin`.
    pub(super) fn of(value: &toml::Value, origin: &Origin) -> Self {
        let inner = match value {
            toml::Value::Boolean(flag) => Value::Bool(*flag),
            toml::Value::Integer(number) => Value::Integer(i128::from(*number)),
            toml::Value::String(text) => Value::Text(text.clone()),
            toml::Value::Float(_) | toml::Value::Datetime(_) => Value::Other(value.to_string()),
            toml::Value::Array(items) => {
                Value::List(items.iter().map(|item| Self::of(item, origin)).collect())
            }
            toml::Value::Table(entries) => Value::Table(
                entries.iter().map(|(key, entry)| (key.clone(), Self::of(entry, origin))).collect(),
            ),
        };
        Self { value: inner, origin: origin.clone() }
    }

    /// A tree with one raw value at the end of `keys`.
    pub(super) fn single(keys: &[&str], text: &str, origin: &Origin) -> Self {
        let mut node = Self { value: Value::Raw(text.to_owned()), origin: origin.clone() };
        for key in keys.iter().rev() {
            let entries = BTreeMap::from([((*key).to_owned(), node)]);
            node = Self { value: Value::Table(entries), origin: origin.clone() };
        }
        node
    }

    /// Lays `over` on this tree: what `over` sets wins.
    pub(super) fn merge(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(below), Value::Table(above)) => {
                for (key, node) in above {
                    match below.get_mut(&key) {
                        Some(existing) => existing.merge(node),
                        None => drop(below.insert(key, node)),
                    }
                }
            }
            (_, value) => *self = Self { value, origin: over.origin },
        }
    }

    /// The node at a path such as `tables[0].limits.any`, if it is there.
    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        let mut node = self;
        for part in path.split('.') {
            let (key, indices) = part.split_once('[').unwrap_or((part, ""));
            let Value::Table(entries) = &node.value else { return None };
            node = entries.get(key)?;
            for index in indices.split('[').filter(|index| !index.is_empty()) {
                let Value::List(items) = &node.value else { return None };
                node = items.get(index.trim_end_matches(']').parse::<usize>().ok()?)?;
            }
        }
        Some(node)
    }

    /// Removes the entry at a path of keys; a path into a list removes the whole list.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        let path = path.split('[').next().unwrap_or(path);
        let (parent, key) = match path.rsplit_once('.') {
            Some((parent, key)) => (self.find_mut(parent), key),
            None => (Some(self), path),
        };
        let Some(Self { value: Value::Table(entries), .. }) = parent else { return false };
        entries.remove(key).is_some()
    }

    fn find_mut(&mut self, path: &str) -> Option<&mut Self> {
        let mut node = self;
        for key in path.split('.') {
            let Value::Table(entries) = &mut node.value else { return None };
            node = entries.get_mut(key)?;
        }
        Some(node)
    }

    /// The text of a text value, empty for any other value.
    pub(super) fn text(&self) -> String {
        match &self.value {
            Value::Text(text) | Value::Raw(text) => text.clone(),
            Value::Bool(_) | Value::Integer(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => {
                String::new()
            }
        }
    }

    /// The value as TOML would spell it on one line, with the password of an address left out.
    pub(super) fn spelled(&self) -> String {
        match &self.value {
            Value::Bool(flag) => flag.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) | Value::Raw(text) => toml::Value::String(without_password(text)).to_string(),
            Value::Other(text) => text.clone(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(Self::spelled).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, node)| format!("{key} = {}", node.spelled())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// The text with `user:password@` of an address replaced by `***@`.
pub(super) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    // The last '@': a password may hold one itself.
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}"),
        None => text.to_owned(),
    }
}

/// Turns the parser's byte offsets into lines while its values become nodes.
struct Lines<'a> {
    text: &'a str,
    path: &'a Arc<Path>,
}

impl Lines<'_> {
    fn number(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::File { path: Arc::clone(self.path), line: self.number(offset) }
    }

    fn table(&self, table: &DeTable<'_>) -> Value {
        let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            let origin = self.origin(key.span().start);
            (name.clone().into_owned(), Node { value: self.value(value.get_ref()), origin })
        };
        Value::Table(table.iter().map(entry).collect())
    }

    fn list(&self, items: &DeArray<'_>) -> Value {
        let item = |item: &toml::Spanned<DeValue<'_>>| Node {
            value: self.value(item.get_ref()),
            origin: self.origin(item.span().start),
        };
        Value::List(items.iter().map(item).collect())
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other(number.to_string()),
            },
            DeValue::Float(number) => Value::Other(number.to_string()),
            DeValue::Datetime(time) => Value::Other(time.to_string()),
            DeValue::Array(items) => self.list(items),
            DeValue::Table(entries) => self.table(entries),
        }
    }
}
