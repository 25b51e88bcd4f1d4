//! The layer's library.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Where it is: built now beside the tests, so that it is never an old one.
pub fn layer() -> &'static Path {
    static LAYER: OnceLock<PathBuf> = OnceLock::new();
    LAYER.get_or_init(|| {
        let tests = std::env::current_exe().expect("a test runs from a file");
        let profile = tests.parent().and_then(Path::parent).expect("…/target/<profile>/deps/<test>");
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args([
            "build",
            "--locked",
            "--quiet",
            "--package",
            "lossy",
        ]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.status().expect("cargo can be started");
        assert!(built.success(), "the layer does not build");
        profile.join("liblossy.so")
    })
}
