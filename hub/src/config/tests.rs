//! Layers: where values come from, and what is shipped.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::*;

mod secrets;
mod values;

const KINDS: &[&str] = &["straight", "split", "red"];
const GAMES: Catalogue<'_> = &[("roulette", 1, KINDS)];

const SECRET_A: &str = "J2xPq7vTbN4kWm9sRf3hZc8yLd6gUe1a";
const SECRET_B: &str = "M8n1Bv6cXz4aSd9fGh2jKl7pOi3uYt5r";
const SECRET_C: &str = "w3Vb7Nq1Xs9Lk5Pz0Rf8Ty2Hd6Gj4McE";

/// A directory of its own for one test: configuration and data.
struct House {
    root: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("config")).unwrap();
        let house = Self { root };
        house.write("config/hub.toml", "");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn sources(&self) -> Sources {
        Sources { config_dir: Some(self.path("config")), data: Some(self.path("data")), ..Sources::default() }
    }

    fn load(&self) -> Result<Loaded, Problems> {
        load(&self.sources(), GAMES, SecretPolicy::Peek)
    }

    fn with<const N: usize>(&self, variables: [(&str, &str); N]) -> Result<Loaded, Problems> {
        load(&Sources { environment: variables.into(), ..self.sources() }, GAMES, SecretPolicy::Peek)
    }

    /// The problems with this text in `hub.toml`, without the directory's name.
    fn refused(&self, text: &str) -> Vec<String> {
        self.write("config/hub.toml", text);
        self.told(self.load())
    }

    fn told(&self, loaded: Result<Loaded, Problems>) -> Vec<String> {
        let here = format!("{}/", self.root.path().display());
        loaded.unwrap_err().0.iter().map(|problem| problem.to_string().replace(&here, "")).collect()
    }
}

/// One mistake in `hub.toml`, and the one sentence that answers it.
#[track_caller]
fn check(text: &str, sentence: &str) {
    assert_eq!(House::new().refused(text), [sentence]);
}

fn shipped(name: &str) -> &'static str {
    match name {
        "hub.toml" => include_str!("../../../config/hub.toml"),
        "dev.toml" => include_str!("../../../config/dev.toml"),
        "production.toml" => include_str!("../../../config/production.toml"),
        other => panic!("{other} is not shipped"),
    }
}

#[test]
fn the_documented_configuration_is_the_built_in_one_key_by_key() {
    let documented = tree::Node::parse(shipped("hub.toml"), &Path::new("hub.toml").into()).unwrap();
    let built_in = options::defaults();
    let (documented, built_in) = (leaves("", &documented), leaves("", &built_in));
    let missing: Vec<_> = built_in.iter().filter(|leaf| !documented.contains(leaf)).collect();
    let extra: Vec<_> = documented.iter().filter(|leaf| !built_in.contains(leaf)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "not in hub.toml: {missing:#?}\nonly there: {extra:#?}");
    assert!(built_in.len() > 80, "the comparison saw only {} options", built_in.len());
}

/// Each single value with its path.
fn leaves(path: &str, node: &tree::Node) -> Vec<String> {
    match &node.value {
        tree::Value::Table(entries) => {
            entries.iter().flat_map(|(key, node)| leaves(&format!("{path}.{key}"), node)).collect()
        }
        tree::Value::List(items) if !items.is_empty() => items
            .iter()
            .enumerate()
            .flat_map(|(index, node)| leaves(&format!("{path}[{index}]"), node))
            .collect(),
        _ => vec![format!("{path} = {}", node.spelled())],
    }
}

#[test]
fn every_option_of_the_documented_configuration_is_explained() {
    // The namespaces and the alerts are explained together, and the second table repeats the first.
    let exempt = |section: &str| {
        section.starts_with("[channels.namespaces.")
            || section.starts_with("[monitoring.alerts.")
            || section == "[[tables]] again"
    };
    let (mut section, mut before, mut options) = (String::new(), "", 0);
    for line in shipped("hub.toml").lines() {
        if line.starts_with('[') {
            let again = section == "[tables.limits]" && line == "[[tables]]";
            section = if again || exempt(&section) && line == "[tables.limits]" {
                "[[tables]] again"
            } else {
                line
            }
            .into();
        }
        if !line.is_empty() && !line.starts_with('#') && !exempt(&section) && section != "[tables.limits]" {
            assert!(
                before.starts_with('#') || before.starts_with('['),
                "{section} {line}: no comment before it"
            );
            options += 1;
        }
        before = line;
    }
    assert!(options > 50, "saw only {options}");
}

#[test]
fn what_is_shipped_starts_in_development_and_asks_only_for_secrets_and_origins_in_production() {
    let house = House::new();
    for name in ["hub.toml", "dev.toml", "production.toml"] {
        house.write(&format!("config/{name}"), shipped(name));
    }
    let loaded = house.load().unwrap();
    assert_eq!(loaded.config.mode, Mode::Development);
    assert_eq!(loaded.config.server.connections_per_address_max, 50_000);
    assert_eq!(loaded.tables.len(), 2);

    let production = Sources { mode: Some(Mode::Production), ..house.sources() };
    let problems = load(&production, GAMES, SecretPolicy::Peek).unwrap_err().0;
    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
    let asked = ["server.allowed_origins", "auth.secret_file", "journal.seed_secret_file", "people.key_file"];
    assert_eq!(keys, asked);
}

#[test]
fn without_any_file_the_built_in_values_hold() {
    let root = tempfile::tempdir().unwrap();
    let sources = Sources { data: Some(root.path().join("data")), ..Sources::default() };
    // The package's own directory has no `config` in it.
    assert!(!Path::new("config").exists());
    let loaded = load(&sources, GAMES, SecretPolicy::Peek).unwrap();
    let journal = Journal { directory: loaded.config.journal.directory.clone(), ..Journal::default() };
    assert_eq!(loaded.config, Config { journal, ..Config::default() });
    assert!(!root.path().join("data").exists(), "looking must not write");
}

#[test]
fn later_layers_win_and_each_value_knows_who_set_it() {
    let house = House::new();
    house.write("config/hub.toml", "[server]\nworkers = 1\ndrain_seconds = 1\nconnections_max = 1\n");
    house.write("config/dev.toml", "[server]\nworkers = 2\ndrain_seconds = 2\n");
    let own = house.write("own.toml", "[server]\nworkers = 3\ndrain_seconds = 3\n");
    let sources = Sources {
        config_file: Some(own),
        listen: Some("127.0.0.1:9001".parse().unwrap()),
        environment: [("HUB__SERVER__WORKERS", "4"), ("HUB__SERVER__LISTEN", "127.0.0.1:9000")].into(),
        ..house.sources()
    };
    let loaded = load(&sources, GAMES, SecretPolicy::Peek).unwrap();
    let server = &loaded.config.server;
    assert_eq!((server.connections_max, server.drain_seconds, server.workers), (1, 3, 4));
    assert_eq!(server.listen.port(), 9001);

    let text = loaded.effective();
    let from_server = &text[text.find("[server]").unwrap()..];
    let line = |key: &str| {
        let line = from_server.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_once('#')
            .map(|(_, comment)| comment.trim().replace(&*house.path("").to_string_lossy(), ""))
    };
    assert_eq!(line("connections_max").unwrap(), "config/hub.toml:4 (default 50000)");
    assert_eq!(line("drain_seconds").unwrap(), "own.toml:3 (default 10)");
    assert_eq!(line("workers").unwrap(), "HUB__SERVER__WORKERS (default 0)");
    assert_eq!(line("listen").unwrap(), "--listen (default \"127.0.0.1:7700\")");
    assert_eq!(line("queue_bytes_max"), None, "a value nobody changed needs no comment");
}

#[test]
fn what_check_config_prints_is_a_configuration_that_means_the_same() {
    let house = House::new();
    house.write("config/hub.toml", shipped("hub.toml"));
    let loaded =
        house.with([("HUB__SERVER__ALLOWED_ORIGINS", "https://a.example, https://b.example")]).unwrap();
    let other = House::new();
    other.write("config/hub.toml", &loaded.effective());
    let again = load(&Sources { data: None, ..other.sources() }, GAMES, SecretPolicy::Peek).unwrap();
    assert_eq!(again.config, loaded.config);
}

#[test]
fn variables_are_read_as_the_type_of_their_option() {
    let house = House::new();
    let config = house
        .with([
            ("HUB__DEMO__ENABLED", "false"),
            ("HUB__AUTH__ALGORITHM", "HS256"),
            ("HUB__SERVER__CONNECTIONS_MAX", "1_000"),
            ("HUB__SERVER__ALLOWED_ORIGINS", "https://a.example,https://b.example"),
            ("HUB__CHANNELS__NAMESPACES__SCORES__HISTORY_SIZE", "7"),
            ("HUB__CURRENCIES", "[{ code = \"EUR\", scale = 2 }, { code = \"JPY\", scale = 0 }]"),
            ("HUB_SERVICE_HOST", "10.0.0.1"),
        ])
        .unwrap()
        .config;
    assert!(!config.demo.enabled);
    assert_eq!(config.server.connections_max, 1_000);
    assert_eq!(config.server.allowed_origins, ["https://a.example", "https://b.example"]);
    let scores = &config.channels.namespaces["scores"];
    assert_eq!((scores.history_size, scores.publish), (7, Publisher::Service));
    assert_eq!(config.currencies.len(), 2);
}

#[test]
fn an_overlay_cannot_change_the_mode_that_chose_it() {
    let house = House::new();
    house.write("config/dev.toml", "mode = \"production\"\n");
    assert_eq!(
        house.told(house.load()),
        [
            "config/dev.toml:1: mode = \"production\": an overlay is chosen by the mode and cannot set it; use \
          hub.toml, HUB__MODE or --mode"
        ]
    );
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let house = House::new();
    let missing = Sources { config_file: Some(house.path("no.toml")), ..house.sources() };
    let told = house.told(load(&missing, GAMES, SecretPolicy::Peek));
    assert_eq!(told, ["failed to read no.toml: No such file or directory (os error 2)"]);
    fs::remove_file(house.path("config/hub.toml")).unwrap();
    assert_eq!(
        house.told(house.load()),
        ["failed to read config/hub.toml: No such file or directory (os error 2)"]
    );
}
