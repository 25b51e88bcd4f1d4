//! The configuration in force, as TOML, with who set what.

use super::{
    Config, Origin, Secrets,
    options::defaults,
    tree::{Node, Value},
};

/// Column at which the comments begin, where the value leaves room.
const COMMENT_COLUMN: usize = 48;

/// TOML of `config`, comments from `layers`.
pub(super) fn effective(config: &Config, layers: &Node, secrets: &Secrets) -> String {
    let value = toml::Value::try_from(config).expect("what was read can be written");
    let mut printer = Printer { layers, defaults: defaults(), text: String::new() };
    printer.table("", &Node::of(&value, &Origin::Default));
    printer.secrets(secrets);
    printer.text
}

struct Printer<'a> {
    layers: &'a Node,
    defaults: Node,
    text: String,
}

impl Printer<'_> {
    /// Single values first: in TOML what follows a header belongs to it.
    fn table(&mut self, path: &str, node: &Node) {
        let Value::Table(entries) = &node.value else { return };
        let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let (nested, plain): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, node)| is_nested(node));
        for (key, node) in plain {
            self.line(&format!("{key} = {}", node.spelled()), &join(key), node);
        }
        for (key, node) in nested {
            let path = join(key);
            if let Value::List(items) = &node.value {
                for (index, item) in items.iter().enumerate() {
                    let header = without_indices(&path);
                    self.text.push('\n');
                    self.line(&format!("[[{header}]]"), &format!("{path}[{index}]"), item);
                    self.table(&format!("{path}[{index}]"), item);
                }
            } else {
                if is_limit(node) {
                    self.line(&format!("{} = {}", without_parent(&path), node.spelled()), &path, node);
                    continue;
                }
                if !only_tables(node) {
                    self.text.push_str(&format!("\n[{}]\n", without_indices(&path)));
                }
                self.table(&path, node);
            }
        }
    }

    fn line(&mut self, text: &str, path: &str, node: &Node) {
        let default = self.defaults.find(path);
        self.text.push_str(text);
        if default != Some(node) {
            let width = COMMENT_COLUMN.saturating_sub(text.chars().count()).max(1);
            self.text.push_str(&format!("{:width$}# {}", "", self.setter(path)));
            if let Some(default) = default.filter(|default| !is_nested(default)) {
                self.text.push_str(&format!(" (default {})", default.spelled()));
            }
        }
        self.text.push('\n');
    }

    /// Who set the value, or the list or table it came in.
    fn setter(&self, path: &str) -> String {
        let mut path = path;
        loop {
            if let Some(node) = self.layers.find(path) {
                return node.origin.to_string();
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return Origin::Default.to_string(),
            }
        }
    }

    fn secrets(&mut self, secrets: &Secrets) {
        self.text.push_str("\n# Secrets, by where they come from:\n");
        for (name, place) in &secrets.places {
            self.text.push_str(&format!("# {name}: {place}\n"));
        }
        if secrets.services.is_empty() {
            self.text.push_str("# publish tokens: none, nobody may publish over HTTP\n");
        }
    }
}

fn is_nested(node: &Node) -> bool {
    match &node.value {
        Value::Table(_) => true,
        Value::List(items) => items.iter().any(is_nested),
        Value::Bool(_) | Value::Integer(_) | Value::Text(_) | Value::Raw(_) | Value::Other(_) => false,
    }
}

/// A table of nothing but tables needs no header of its own.
fn only_tables(node: &Node) -> bool {
    let Value::Table(entries) = &node.value else { return false };
    !entries.is_empty() && entries.values().all(|node| is_nested(node) && !is_limit(node))
}

/// `{ min, max }` reads best on one line.
fn is_limit(node: &Node) -> bool {
    let Value::Table(entries) = &node.value else { return false };
    entries.len() == 2 && entries.contains_key("min") && entries.contains_key("max")
}

/// `tables[0].limits` is written `tables.limits` under its `[[tables]]`.
fn without_indices(path: &str) -> String {
    path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect::<Vec<_>>().join(".")
}

fn without_parent(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}
