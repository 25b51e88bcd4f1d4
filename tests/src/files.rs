//! Files as an operator copies them.

use std::{fs, path::Path};

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
