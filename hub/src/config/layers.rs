//! The layers of the configuration: found and merged.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    given::ALERT_WEBHOOK,
    options::{Mode, defaults},
    problem::Problem,
    tree::{Node, Origin},
};

/// Begins the name of each variable that sets an option. Two underscores, because orchestrators put variables such
/// as `HUB_SERVICE_HOST` beside a service named "hub".
const PREFIX: &str = "HUB__";

/// The variables of this process that concern the hub.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    unreadable: Vec<String>,
}

impl Environment {
    /// The variables whose names begin with `HUB_`, and the one of the alerts.
    #[must_use]
    pub fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let ours = |name: &&str| name.starts_with("HUB_") || *name == ALERT_WEBHOOK.variable;
            let Some(name) = name.to_str().filter(ours) else { continue };
            match value.into_string() {
                Ok(value) => drop(environment.variables.insert(name.to_owned(), value)),
                Err(_) => environment.unreadable.push(name.to_owned()),
            }
        }
        environment
    }

    /// Sets a variable, here only: the process's own stay as they are.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// A variable that is set and not empty: compositions pass empty ones for "not given".
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Variables that are not the process's own, for tests and embedding.
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        let mut environment = Self::default();
        variables.iter().for_each(|(name, value)| environment.set(name, value));
        environment
    }
}

/// Where the layers come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Directory of `hub.toml` and the overlays; `None`: `config` where it exists, else the built-in values.
    pub config_dir: Option<PathBuf>,
    /// A file of the operator's own, over the ones in the directory.
    pub config_file: Option<PathBuf>,
    /// `--mode`.
    pub mode: Option<Mode>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<SocketAddr>,
    /// The variables.
    pub environment: Environment,
}

/// All layers in one tree.
pub(super) fn merged(sources: &Sources, problems: &mut Vec<Problem>) -> Node {
    let directory = sources.config_dir.clone().or_else(|| {
        let usual = PathBuf::from("config");
        usual.is_dir().then_some(usual)
    });
    let base = directory.as_ref().map(|directory| {
        let must_exist = sources.config_dir.is_some();
        file(&directory.join("hub.toml"), must_exist, problems)
    });
    let own = sources.config_file.as_ref().map(|path| file(path, true, problems));
    let base = base.unwrap_or_else(|| Node::table(Origin::Default));
    let own = own.unwrap_or_else(|| Node::table(Origin::Default));
    let mode = mode(sources, &[&own, &base]);
    let overlay = directory.as_ref().map(|directory| overlay(directory, mode, problems));

    let mut tree = defaults();
    tree.merge(base);
    if let Some(overlay) = overlay {
        tree.merge(overlay);
    }
    tree.merge(own);
    variables(&mut tree, &sources.environment, problems);
    flags(&mut tree, sources, problems);
    tree
}

/// The mode decides which overlay is read, so it is looked for first, strongest layer first. A misspelled one falls
/// through here and is refused when the tree is read.
fn mode(sources: &Sources, files: &[&Node]) -> Mode {
    let variable = sources.environment.variables.get("HUB__MODE").map(String::as_str);
    let written = files.iter().filter_map(|node| node.find("mode")).map(Node::text);
    let named = variable.map(str::to_owned).into_iter().chain(written).next();
    let named = named.and_then(|text| text.parse().ok());
    sources.mode.or(named).unwrap_or_default()
}

fn overlay(directory: &Path, mode: Mode, problems: &mut Vec<Problem>) -> Node {
    let name = match mode {
        Mode::Development => "dev.toml",
        Mode::Production => "production.toml",
    };
    let mut node = file(&directory.join(name), false, problems);
    if let Some(found) = node.find("mode") {
        problems.push(Problem {
            origin: Some(found.origin.clone()),
            key: "mode".into(),
            value: Some(found.spelled()),
            what: "an overlay is chosen by the mode and cannot set it; use hub.toml, HUB__MODE or --mode"
                .into(),
        });
        node.remove("mode");
    }
    node
}

/// Reads one file; empty when it does not exist and need not.
fn file(path: &Path, must_exist: bool, problems: &mut Vec<Problem>) -> Node {
    let path: Arc<Path> = Arc::from(path);
    let at = |line| Some(Origin::File { path: Arc::clone(&path), line });
    let empty = || Node::table(Origin::File { path: Arc::clone(&path), line: 1 });
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return empty(),
        Err(error) => {
            problems.push(Problem::general("", format!("failed to read {}: {error}", path.display())));
            return empty();
        }
    };
    match Node::parse(&text, &path) {
        Ok(node) => node,
        Err((what, line)) => {
            let what = format!("not TOML: {what}");
            problems.push(Problem { origin: at(line), key: String::new(), value: None, what });
            empty()
        }
    }
}

fn variables(tree: &mut Node, environment: &Environment, problems: &mut Vec<Problem>) {
    for name in &environment.unreadable {
        problems.push(Problem::general("", format!("the variable {name} is not UTF-8")));
    }
    for (name, text) in &environment.variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let path = path.to_ascii_lowercase();
        let keys: Vec<_> = path.split("__").collect();
        let origin = Origin::Variable(name.clone());
        if keys.iter().any(|key| key.is_empty()) {
            let what = "not the name of an option; they look like HUB__SERVER__LISTEN".into();
            problems.push(Problem { origin: Some(origin), key: String::new(), value: None, what });
            continue;
        }
        tree.merge(Node::single(&keys, text, &origin));
    }
}

fn flags(tree: &mut Node, sources: &Sources, problems: &mut Vec<Problem>) {
    let mut set = |keys: &[&str], text: &str, flag| tree.merge(Node::single(keys, text, &Origin::Flag(flag)));
    if let Some(mode) = sources.mode {
        set(&["mode"], &mode.to_string(), "--mode");
    }
    if let Some(listen) = sources.listen {
        set(&["server", "listen"], &listen.to_string(), "--listen");
    }
    match sources.data.as_ref().map(|data| data.to_str().ok_or(data)) {
        Some(Ok(data)) => set(&["journal", "directory"], data, "--data"),
        Some(Err(data)) => {
            let what = format!("--data {}: the path is not UTF-8", data.display());
            problems.push(Problem::general("", what));
        }
        None => {}
    }
}
