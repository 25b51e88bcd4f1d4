//! House rules that a machine can check: who imports whom, that no files need each other, what a file may hold, whether
//! the docs and the Dockerfile name things that exist, and which licences come in.
//!
//! Each test collects everything it finds before it fails, so that one run shows every fault. The rules
//! themselves are explained in `docs/architecture.md` and `CONTRIBUTING.md`.

mod circles;
mod clauses;
mod docker;
mod docs;
mod imports;
mod journey;
mod licences;
mod text;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

/// Directories that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", "target", "node_modules"];
/// The same, at these places only: what a run of the hub or of the browser tests leaves behind.
const SKIPPED_PATHS: &[&str] = &["data", "tests/browser/out"];

/// A text file of the project.
struct File {
    /// Its path from the root, with `/`.
    path: String,
    text: String,
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// Every text file of the project, in the order of their paths.
fn files() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut files = Vec::new();
        walk(root(), &mut files);
        files.sort_by(|one, other| one.path.cmp(&other.path));
        assert!(files.len() > 100, "the walk has lost its way: {} files", files.len());
        files
    })
}

fn walk(directory: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(directory).expect("a directory of the project can be read") {
        let entry = entry.expect("an entry can be read");
        let path = entry.path();
        let relative = relative(&path);
        let kind = entry.file_type().expect("an entry has a type");
        let skipped = SKIPPED.iter().any(|name| entry.file_name() == *name);
        if skipped || SKIPPED_PATHS.contains(&relative.as_str()) {
            continue;
        }
        if kind.is_dir() {
            walk(&path, files);
        } else if kind.is_file()
            // A file that is no text is an image; one that is gone was somebody's temporary file.
            && let Ok(text) = fs::read_to_string(&path)
        {
            files.push(File { path: relative, text });
        }
    }
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("the path lies in the workspace");
    path.to_string_lossy().replace('\\', "/")
}

/// One file by its path from the root.
fn file(path: &str) -> &'static File {
    files().iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is missing"))
}

/// What cargo knows of the workspace and of everything it depends on, on every platform.
fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let run = |more: &[&str]| {
            Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
                .args(["metadata", "--locked", "--format-version", "1"])
                .args(more)
                .current_dir(root())
                .output()
                .expect("cargo can be run")
        };
        // A build fetches what it builds; packages of other platforms may still have to come.
        let mut output = run(&["--offline"]);
        if !output.status.success() {
            output = run(&[]);
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "cargo metadata failed; without a network run `cargo fetch` before: {error}"
        );
        serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
    })
}

/// The packages of the workspace.
fn members() -> impl Iterator<Item = &'static Value> {
    let members = metadata()["workspace_members"].as_array().expect("a list of members");
    packages().filter(|package| members.contains(&package["id"]))
}

/// Every package, ours and others'.
fn packages() -> impl Iterator<Item = &'static Value> {
    metadata()["packages"].as_array().expect("a list of packages").iter()
}

/// A text of cargo's metadata; empty where there is none.
fn text_of(value: &'static Value, key: &str) -> &'static str {
    value[key].as_str().unwrap_or_default()
}

/// The directory of a package of the workspace, from the root.
fn directory_of(package: &'static Value) -> String {
    let manifest = PathBuf::from(text_of(package, "manifest_path"));
    relative(manifest.parent().expect("a manifest lies in a directory"))
}

/// Fails with everything that was found.
#[track_caller]
fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}\n", found.join("\n  "));
}
