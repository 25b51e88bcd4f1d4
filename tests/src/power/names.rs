//! Takes back names that were made, changed or removed and not synced.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use lossy_notes::{Note, kept};

use super::loss::{Dropped, Loss};

/// A change of names that the disk may not have, with the place of its note.
type Change<'a> = (u64, &'a Note);

/// Gives back the names that the disk has.
pub fn take_back(side: &Path, notes: &[(u64, Note)], loss: Loss, random: &mut Rng, dropped: &mut Dropped) {
    let pending = pending(notes);
    let first = match loss {
        Loss::All => 0,
        Loss::Part => random.usize(..=pending.len()),
    };
    for (at, note) in pending[first..].iter().rev() {
        undo(side, *at, note);
        dropped.names += 1;
    }
}

/// The changes that no sync of their directory has followed. A rename from one directory to another is one change of the
/// file system: the sync of either is enough.
fn pending(notes: &[(u64, Note)]) -> Vec<Change<'_>> {
    let mut pending: Vec<Change<'_>> = Vec::new();
    for (at, note) in notes {
        match note {
            Note::Made { .. }
            | Note::Removed { .. }
            | Note::RemovedDirectory { .. }
            | Note::Renamed { .. } => {
                pending.push((*at, note));
            }
            Note::Synced { inode, upto } => {
                pending.retain(|(at, note)| at >= upto || !directories(note).contains(inode));
            }
            Note::NotSynced { .. } | Note::Written { .. } | Note::Resized { .. } | Note::Born { .. } => {}
        }
    }
    pending
}

/// The directories with the names of a change.
fn directories(note: &Note) -> &[u64] {
    match note {
        Note::Made { directory, .. }
        | Note::Removed { directory, .. }
        | Note::RemovedDirectory { directory, .. } => std::slice::from_ref(directory),
        Note::Renamed { directories, .. } => directories,
        Note::Written { .. }
        | Note::Resized { .. }
        | Note::Born { .. }
        | Note::Synced { .. }
        | Note::NotSynced { .. } => &[],
    }
}

/// Undoes a change. The last one may never have been made.
fn undo(side: &Path, at: u64, note: &Note) {
    let kept = side.join(kept(at));
    match note {
        Note::Made { path, .. } => match fs::symlink_metadata(path) {
            // With everything in it.
            Ok(found) if found.is_dir() => fs::rename(path, lost(side, at)).expect("it is on the same disk"),
            Ok(_) => fs::remove_file(path).expect("it is there"),
            Err(_) => {}
        },
        Note::Removed { path, .. } if !path.exists() => fs::hard_link(kept, path).expect("it was kept"),
        Note::RemovedDirectory { path, .. } if !path.exists() => {
            fs::create_dir(path).expect("its parent is there")
        }
        Note::Renamed { from, to, inode, replaces, .. } => {
            if fs::symlink_metadata(to).is_ok_and(|found| found.ino() == *inode) {
                fs::rename(to, from).expect("it is on the same disk");
                if *replaces {
                    fs::hard_link(kept, to).expect("it was kept");
                }
            }
        }
        Note::Removed { .. }
        | Note::RemovedDirectory { .. }
        | Note::Written { .. }
        | Note::Resized { .. }
        | Note::Born { .. }
        | Note::Synced { .. }
        | Note::NotSynced { .. } => {}
    }
}

/// Where a directory goes that was made and is lost.
fn lost(side: &Path, at: u64) -> PathBuf {
    side.join(format!("lost.{at}"))
}
