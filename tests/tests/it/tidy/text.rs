//! What a file may hold: size, left-overs, names of machines, lock files, scripts.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{File, assert_none, directory_of, file, files, members, metadata, root, text_of};

/// From this many lines on, a test prints a source file: it may be two things.
const LINES_ASK: usize = 400;
/// Most lines of a source file.
const LINES_MAX: usize = 500;

/// Left for later. Spelled in two parts, so that this file does not find itself.
const LEFT_OVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
];

/// Places of somebody's machine.
const PLACES: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

fn lines_with<'a>(file: &'a File, patterns: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    file.text.lines().enumerate().filter_map(move |(number, line)| {
        let pattern = patterns.iter().find(|pattern| line.contains(**pattern))?;
        Some(format!("{}:{} has {pattern}", file.path, number + 1))
    })
}

fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/") || path.starts_with("tests/")
}

#[test]
fn no_source_file_is_too_long() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".rs") && !is_test(&file.path)) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            found.push(format!("{} has {lines} lines, {LINES_MAX} are the most", file.path));
        } else if lines > LINES_ASK {
            println!("{} has {lines} lines: which two things is it?", file.path);
        }
    }
    assert_none("source files that are too long", found);
}

#[test]
fn the_edge_and_the_sockets_speak_through_their_telemetry_alone() {
    let rooms = ["hub/src/", "io/socket/src/"];
    let levels = ["error!", "warn!", "info!", "debug!", "trace!"].map(|level| format!("tracing::{level}"));
    let levels: Vec<&str> = levels.iter().map(String::as_str).collect();
    let silent = files().iter().filter(|file| {
        rooms.iter().any(|room| file.path.starts_with(room)) && !file.path.contains("/telemetry")
    });
    let found = silent.flat_map(|file| lines_with(file, &levels)).collect();
    assert_none("log lines that no typed event makes", found);
}

#[test]
fn every_path_of_the_api_is_registered_with_its_description() {
    let ways = [concat!("Service", "Config"), "web::resource", "web::scope", "web::route"];
    let parts = files().iter().filter(|file| {
        let wiring = ["hub/src/api/openapi/route.rs", "hub/src/api/described.rs"];
        file.path.starts_with("hub/src/api/") && !wiring.contains(&&*file.path)
    });
    let found = parts.flat_map(|file| lines_with(file, &ways)).collect();
    assert_none("paths that are no ApiRoute", found);
}

#[test]
fn nothing_is_left_for_later() {
    let found = files().iter().flat_map(|file| lines_with(file, LEFT_OVERS)).collect();
    assert_none("left-overs", found);
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let found = files().iter().flat_map(|file| lines_with(file, PLACES)).collect();
    assert_none("places of one machine", found);
}

#[test]
fn every_dependency_is_locked_and_no_lock_names_a_mirror() {
    assert!(file("Cargo.lock").text.contains("name = \"hub\""));
    let locks: Vec<_> = files().iter().filter(|file| file.path.ends_with("package-lock.json")).collect();
    assert!(!locks.is_empty(), "the browser tests have a lock file");
    let found = locks.iter().flat_map(|file| lines_with(file, &["\"resolved\""])).collect();
    assert_none("lock files that name where a package was downloaded", found);
    let unlocked = files().iter().filter(|file| file.path.ends_with("package.json")).filter(|file| {
        let lock = file.path.replace("package.json", "package-lock.json");
        file.text.contains("ependencies\"") && !locks.iter().any(|other| other.path == lock)
    });
    assert_none("packages without a lock file", unlocked.map(|file| file.path.clone()).collect());
}

#[test]
fn every_room_has_one_version_one_licence_and_a_sentence() {
    let mut found = Vec::new();
    for package in members() {
        let name = text_of(package, "name");
        if text_of(package, "license") != "Apache-2.0" {
            found.push(format!("{name} is not under Apache-2.0"));
        }
        if text_of(package, "version") != version() {
            found.push(format!("{name} has a version of its own"));
        }
        if !text_of(package, "description").ends_with('.') {
            found.push(format!("{name} does not say in a sentence what it is"));
        }
        let manifest = file(&format!("{}/Cargo.toml", directory_of(package)));
        if !manifest.text.contains("[lints]\nworkspace = true") {
            found.push(format!("{name} does not keep the lints of the workspace"));
        }
    }
    assert_none("packages that differ from the house", found);
    assert!(file("LICENSE").text.contains("Apache License"));
}

/// The version of the workspace.
fn version() -> &'static str {
    let hub = members().find(|package| text_of(package, "name") == "hub").expect("the hub is a member");
    text_of(hub, "version")
}

#[test]
fn the_changelog_speaks_of_this_version() {
    let changelog = &file("CHANGELOG.md").text;
    let heading = format!("## [{}]", version());
    let speaks =
        changelog.lines().any(|line| line.starts_with(&heading) || line.starts_with("## [Unreleased]"));
    assert!(speaks, "CHANGELOG.md has neither {heading} nor [Unreleased]");
}

#[test]
fn scripts_can_be_run_and_stop_at_the_first_failure() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| file.text.starts_with("#!/")) {
        let mode = fs::metadata(root().join(&file.path)).expect("the file is there").permissions().mode();
        if mode & 0o111 == 0 {
            found.push(format!("{} is not executable", file.path));
        }
        if file.text.contains("bash\n") && !file.text.contains("set -euo pipefail") {
            found.push(format!("{} goes on after a failure", file.path));
        }
    }
    assert_none("scripts that cannot be trusted", found);
    assert!(files().iter().any(|file| file.path == "test"), "./test is the project's test command");
    assert!(files().iter().any(|file| file.path == ".ci/run"), ".ci/run is what CI runs");
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let page = files().iter().filter(|file| {
        let pages = ["hub/assets/", "hub/api-docs/"].iter().any(|folder| file.path.starts_with(folder));
        let ours = pages || file.path.starts_with("clients/js/");
        let read = ![".md", ".txt"].iter().any(|ending| file.path.ends_with(ending));
        ours && !file.path.contains("/test/") && read
    });
    let mut found = Vec::new();
    for file in page {
        for (number, line) in file.text.lines().enumerate() {
            // The name of SVG's elements is no address that is loaded.
            let line = line.replace("http://www.w3.org/2000/svg", "");
            if ["\"http://", "\"https://", "'http://", "'https://", "url(http", "from \"//"]
                .iter()
                .any(|start| line.contains(start))
            {
                found.push(format!("{}:{} names an address", file.path, number + 1));
            }
        }
    }
    assert_none("parts of the page that come from elsewhere", found);
}

#[test]
fn every_package_comes_from_the_registry_or_from_here() {
    let packages = metadata()["packages"].as_array().expect("a list of packages").iter();
    let elsewhere = packages.filter(|package| {
        let source = text_of(package, "source");
        !source.is_empty() && source != "registry+https://github.com/rust-lang/crates.io-index"
    });
    assert_none(
        "packages from elsewhere",
        elsewhere.map(|package| format!("{} from {}", text_of(package, "name"), package["source"])).collect(),
    );
}
