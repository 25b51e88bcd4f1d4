//! The hub's binary.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Where it is: `HUB_BIN`, or built now beside the tests, so that it is never an old one.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("HUB_BIN") {
            return path.into();
        }
        let tests = std::env::current_exe().expect("a test runs from a file");
        let profile = tests.parent().and_then(Path::parent).expect("…/target/<profile>/deps/<test>");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args([
            "build",
            "--locked",
            "--quiet",
            "--package",
            "hub",
        ]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().expect("cargo can be started");
        assert!(built.success(), "the hub does not build");
        profile.join("hub")
    })
}
