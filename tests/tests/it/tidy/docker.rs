//! The Dockerfile fits the workspace: what it copies exists, whom it runs as, which images it makes.
//!
//! It reads the file; it does not build the image.

use super::{assert_none, directory_of, file, members, metadata, root, text_of};

/// One instruction, its continued lines joined.
struct Instruction {
    word: String,
    rest: String,
}

/// A stage: its name, what it is made from, what it does.
struct Stage {
    name: String,
    from: String,
    instructions: Vec<Instruction>,
}

impl Stage {
    fn all<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.instructions.iter().filter(move |one| one.word == word).map(|one| one.rest.as_str())
    }
}

fn stages() -> Vec<Stage> {
    let lines = file("Dockerfile").text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in joined.lines().filter(|line| !line.trim().is_empty()) {
        let (word, rest) =
            line.trim().split_once(char::is_whitespace).expect("an instruction has an argument");
        let rest = rest.trim().to_owned();
        if word == "FROM" {
            let words: Vec<&str> = rest.split_whitespace().collect();
            assert_eq!(words.get(1), Some(&"AS"), "every stage has a name: {line}");
            stages.push(Stage { name: words[2].into(), from: words[0].into(), instructions: Vec::new() });
        } else {
            let stage = stages.last_mut().expect("the first instruction is FROM");
            stage.instructions.push(Instruction { word: word.into(), rest });
        }
    }
    stages
}

fn stage<'a>(stages: &'a [Stage], name: &str) -> &'a Stage {
    stages
        .iter()
        .find(|stage| stage.name == name)
        .unwrap_or_else(|| panic!("the Dockerfile has no target {name}"))
}

/// A `COPY`: the stage it copies from, what, and where to.
fn copies(stage: &Stage) -> Vec<(Option<String>, Vec<String>, String)> {
    let parse = |rest: &str| {
        let (flags, words): (Vec<&str>, Vec<&str>) =
            rest.split_whitespace().partition(|word| word.starts_with("--"));
        let from = flags.iter().find_map(|flag| flag.strip_prefix("--from=")).map(str::to_owned);
        let (to, what) = words.split_last().expect("COPY has a destination");
        (from, what.iter().map(ToString::to_string).collect(), (*to).to_owned())
    };
    stage.all("COPY").map(parse).collect()
}

/// What the build context holds of a path, as `.dockerignore` says.
fn is_ignored(path: &str) -> bool {
    let patterns =
        file(".dockerignore").text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut ignored = false;
    for pattern in patterns {
        let (pattern, takes) = match pattern.strip_prefix('!') {
            Some(kept) => (kept, false),
            None => (pattern, true),
        };
        let pattern = pattern.trim_matches('/');
        let hit = match pattern.strip_prefix("**/") {
            Some(name) => path.split('/').any(|part| part == name),
            None => path == pattern || path.starts_with(&format!("{pattern}/")),
        };
        if hit {
            ignored = takes;
        }
    }
    ignored
}

#[test]
fn what_the_image_copies_exists_and_is_in_the_context() {
    let stages = stages();
    let mut found = Vec::new();
    for stage in &stages {
        for (from, what, _) in copies(stage) {
            match from {
                Some(from) if stages.iter().any(|stage| stage.name == from) => {}
                Some(from) => found.push(format!("{} copies from {from}, which is no stage", stage.name)),
                None => {
                    for path in what {
                        if !root().join(&path).exists() {
                            found.push(format!("{} copies {path}, which is not there", stage.name));
                        } else if is_ignored(path.trim_end_matches('/')) {
                            found.push(format!(
                                "{} copies {path}, which .dockerignore leaves out",
                                stage.name
                            ));
                        }
                    }
                }
            }
        }
    }
    assert_none("copies that fail", found);
    for left_out in ["target", "data", ".git", "tests/browser/node_modules", "hub/target"] {
        let expected = left_out != "hub/target";
        assert_eq!(is_ignored(left_out), expected, "{left_out} in .dockerignore");
    }
}

#[test]
fn the_builder_has_the_whole_workspace() {
    let stages = stages();
    let copied: Vec<_> = copies(stage(&stages, "build"))
        .into_iter()
        .flat_map(|(_, what, to)| what.into_iter().map(move |what| (what, to.clone())))
        .collect();
    let has = |path: &str| {
        copied.iter().any(|(what, to)| {
            let what = what.trim_end_matches('/');
            // A directory keeps its name only when the destination repeats it.
            let lands =
                if root().join(what).is_dir() { to.trim_end_matches('/') == what } else { to == "./" };
            lands && (path == what || path.starts_with(&format!("{what}/")))
        })
    };
    let members = members().map(directory_of);
    let needed =
        members.chain(["Cargo.toml".into(), "Cargo.lock".into(), "hub/assets".into(), "clients/js".into()]);
    assert_none("parts of the workspace the builder lacks", needed.filter(|path| !has(path)).collect());
    let builds =
        stage(&stages, "build").all("RUN").find(|run| run.contains("cargo build")).expect("it builds");
    assert!(builds.contains("--release") && builds.contains("--locked"), "{builds}");
}

#[test]
fn both_images_run_without_root_and_the_hub_is_the_default() {
    let stages = stages();
    for name in ["hub", "loadtest"] {
        let target = stage(&stages, name);
        let user = target.all("USER").last().unwrap_or_else(|| panic!("{name} runs as root"));
        let number: u32 = user.split(':').next().and_then(|id| id.parse().ok()).unwrap_or_else(|| {
            panic!("{name} runs as {user}: an orchestrator can check only a number to be other than root")
        });
        assert_ne!(number, 0, "{name} runs as root");
        let position = |word: &str| target.instructions.iter().rposition(|one| one.word == word);
        assert!(position("USER") > position("RUN"), "nothing of {name} is made after its user is set");
        assert_eq!(target.all("ENTRYPOINT").last(), Some(format!("[\"{name}\"]").as_str()));
        let copies_binary = copies(target)
            .into_iter()
            .any(|(from, what, _)| from.as_deref() == Some("build") && what == [format!("/out/{name}")]);
        assert!(copies_binary, "{name} takes its binary from the builder");
        let built = stage(&stages, "build").all("RUN").any(|run| run.contains(&format!("-p {name}")));
        assert!(built && members().any(|package| text_of(package, "name") == name), "{name} is built");
    }
    assert_eq!(
        stages.last().map(|stage| stage.name.as_str()),
        Some("hub"),
        "the last stage is the default target"
    );
}

#[test]
fn the_hub_image_tells_its_port_its_data_and_its_health() {
    let stages = stages();
    let hub = stage(&stages, "hub");
    assert_eq!(hub.all("EXPOSE").collect::<Vec<_>>(), ["7700"]);
    let volume = hub.all("VOLUME").next().expect("the log is kept in a volume");
    let settings: Vec<&str> = hub.all("ENV").flat_map(str::split_whitespace).collect();
    assert!(
        settings.contains(&format!("HUB__JOURNAL__DIRECTORY={volume}").as_str()),
        "the log lies in the volume"
    );
    assert!(settings.contains(&"HUB__SERVER__LISTEN=0.0.0.0:7700"), "the port can be reached from outside");
    assert!(settings.contains(&"HUB__MODE=production"), "an image never opens a demo by itself");
    let health = hub.all("HEALTHCHECK").next().expect("it can be asked whether it lives");
    assert!(health.contains("/health/live") && health.contains("/127.0.0.1/7701"), "{health}");
    assert!(hub.all("STOPSIGNAL").eq(["SIGTERM"]), "it is stopped by a drain");
}

/// A time of Docker such as `90s` or `30m`, in seconds.
fn seconds(time: &str) -> u64 {
    let (number, unit) = time.split_at(time.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => panic!("{time} has no unit"),
    };
    number.parse::<u64>().expect("a whole number") * unit
}

/// Until the log is replayed nothing answers; an orchestrator that kills the hub for it keeps it from ever starting.
#[test]
fn a_hub_with_a_long_log_is_not_killed_while_it_replays() {
    let stages = stages();
    let health = stage(&stages, "hub").all("HEALTHCHECK").next().expect("it can be asked whether it lives");
    let start = health.split_whitespace().find_map(|word| word.strip_prefix("--start-period="));
    assert!(seconds(start.expect("the health check has a start period")) >= 1_800, "{health}");
    let told = &file("docs/operating.md").text;
    assert!(told.contains("--health-start-period"), "the docs say how to give a longer log more time");
}

/// Without a directory named, a report is written where the process stands.
#[test]
fn the_load_harness_stands_where_it_may_write_its_report() {
    let stages = stages();
    let harness = stage(&stages, "loadtest");
    let directory = harness.all("WORKDIR").last().expect("the root directory belongs to root");
    let user = harness.all("USER").last().expect("it does not run as root");
    let (owner, group) = user.split_once(':').expect("a user and a group");
    let made = format!("install -d -o {owner} -g {group} {directory}");
    assert!(harness.all("RUN").any(|run| run == made), "{directory} belongs to {user}: {made}");
}

#[test]
fn the_builder_is_the_compiler_of_the_workspace_on_the_same_debian() {
    let stages = stages();
    let version = metadata()["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| text_of(package, "name") == "hub");
    let version = text_of(version.expect("the hub is a package"), "rust_version");
    assert_eq!(stage(&stages, "build").from, format!("rust:{version}-slim-bookworm"));
    // Another Debian has another C library than the one the binary was linked with.
    for stage in stages.iter().filter(|stage| stage.from.contains(':') && stage.name != "build") {
        assert_eq!(stage.from, "debian:bookworm-slim", "stage {}", stage.name);
    }
}
