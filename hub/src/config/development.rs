//! Secrets of a data directory in development: random, made once, readable by their owner alone.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Whether missing development secrets may be written to the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretPolicy {
    /// Make what is missing and keep it.
    Create,
    /// Look only; what is missing is made up for this process.
    Peek,
}

/// The file of a data directory's development secrets.
pub const FILE: &str = "development.secrets";
/// Begins every secret made for development, so that production knows one when it meets it.
pub(super) const PREFIX: &str = "development-";

/// The development secrets by name, and whether they were just written.
pub(super) fn secrets(path: &Path, policy: SecretPolicy) -> io::Result<(BTreeMap<String, String>, bool)> {
    let new = match policy {
        SecretPolicy::Create => write_new(path)?,
        SecretPolicy::Peek => false,
    };
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && policy == SecretPolicy::Peek => random()?,
        text => text?,
    };
    let entries =
        text.lines().filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.starts_with('#'));
    Ok((entries.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect(), new))
}

/// Writes the file unless it is there. Whole or not at all, and never over another process's.
fn write_new(path: &Path) -> io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory: PathBuf = directory.unwrap_or(Path::new(".")).into();
    // The directory of the log is its owner's alone, and its name is on the disk before anything in it is, whoever makes it.
    journal::file::Directory::create(&directory).map_err(io::Error::other)?;
    let draft = directory.join(format!("{FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(random()?.as_bytes())?;
    file.sync_all()?;
    // A hard link, unlike a rename, does not replace what another process put there meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        linked => linked?,
    }
    fs::File::open(directory)?.sync_all()?;
    Ok(true)
}

fn random() -> io::Result<String> {
    let mut text = String::from(
        "# Random secrets of this data directory, for development. Production refuses them.\n\
         # Without this file every token is void, and no round that is open can be drawn,\n\
         # and nobody can say who the players are.\n",
    );
    for name in ["auth", "seed", "people"] {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let hex = base16ct::lower::encode_string(&bytes);
        text.push_str(&format!("{name} = {PREFIX}{hex}\n"));
    }
    Ok(text)
}
