//! Files as an operator copies them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Puts a copy of everything in one directory into another, which is emptied before.
///
/// # Panics
/// When a file cannot be read or written.
pub fn put_copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("a directory of ours");
    }
    fs::create_dir_all(to).expect("a disk");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            put_copy(&path, &to);
        } else if path.is_file() {
            // No copy has a socket.
            fs::copy(path, to).expect("a disk");
        }
    }
}

/// The paths of all files below a directory; none when it is missing. What is removed meanwhile may be there or not.
#[must_use]
pub fn paths_below(directory: &Path) -> BTreeSet<PathBuf> {
    let (mut found, mut ahead) = (BTreeSet::new(), vec![directory.to_owned()]);
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => ahead.push(entry.path()),
                Ok(_) => drop(found.insert(entry.path())),
                Err(_) => {}
            }
        }
    }
    found
}
