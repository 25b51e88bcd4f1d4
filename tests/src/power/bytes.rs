//! Takes back what was written to files and not synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use fastrand::Rng;
use lossy_notes::Note;

use super::loss::{Dropped, Loss};

/// The unit that a disk writes whole or not at all. Bytes.
const SECTOR: usize = 512;

/// A change of a file that the disk may not have.
struct Change<'a> {
    note: &'a Note,
    is_durable: bool,
}

/// What was done to a file once, to be done again as far as the disk has it.
struct Again {
    /// Where, and what.
    written: Option<(usize, Vec<u8>)>,
    /// The length that it was set to.
    resized: Option<usize>,
    is_durable: bool,
    /// A longer length after it, of a system call that no note is about. It is kept.
    grown: Option<usize>,
}

/// Changes the files of these inodes to what the disk has of them.
pub fn take_back(
    inodes: &BTreeMap<u64, PathBuf>,
    notes: &[(u64, Note)],
    loss: Loss,
    random: &mut Rng,
    dropped: &mut Dropped,
) {
    for (inode, changes) in by_file(notes) {
        // A file without any name has ended with the program.
        let Some(path) = inodes.get(&inode) else { continue };
        let Some(first) = changes.iter().position(|change| !change.is_durable) else { continue };
        let seen = fs::read(path).expect("a file of the disk");
        let mut file = seen.clone();
        let again = undo(&mut file, &changes[first..]);
        for again in again {
            redo(&mut file, &again, loss, random, dropped);
        }
        if file != seen {
            // In place: the inode has to stay.
            fs::write(path, file).expect("a file of the disk");
        }
    }
}

/// The changes of each file, in their order.
fn by_file(notes: &[(u64, Note)]) -> BTreeMap<u64, Vec<Change<'_>>> {
    let mut files: BTreeMap<u64, Vec<(u64, Change<'_>)>> = BTreeMap::new();
    let mut lost_for_good: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for (at, note) in notes {
        match note {
            Note::Written { inode, .. } | Note::Resized { inode, .. } => {
                files.entry(*inode).or_default().push((*at, Change { note, is_durable: false }));
            }
            Note::Born { inode } => {
                files.remove(inode);
                lost_for_good.remove(inode);
            }
            Note::Synced { inode, upto } => {
                let lost = lost_for_good.get(inode);
                for (at, change) in files.get_mut(inode).into_iter().flatten() {
                    change.is_durable |= *at < *upto && lost.is_none_or(|lost| !lost.contains(at));
                }
            }
            Note::NotSynced { inode, upto } => {
                let pending = files.get(inode).into_iter().flatten();
                let pending =
                    pending.filter(|(at, change)| at < upto && !change.is_durable).map(|(at, _)| *at);
                lost_for_good.entry(*inode).or_default().extend(pending);
            }
            Note::Made { .. }
            | Note::Removed { .. }
            | Note::RemovedDirectory { .. }
            | Note::Renamed { .. } => {}
        }
    }
    let changes = files.into_iter();
    changes.map(|(inode, file)| (inode, file.into_iter().map(|(_, change)| change).collect())).collect()
}

/// Undoes all changes, the last one first, and returns what is to be done again.
fn undo(file: &mut Vec<u8>, changes: &[Change<'_>]) -> Vec<Again> {
    let mut again = Vec::new();
    for Change { note, is_durable } in changes.iter().rev() {
        let (written, resized, expected) = match note {
            Note::Written { offset, length, length_before, before, .. } => {
                let (start, end) = (*offset as usize, (offset + length) as usize);
                let end_now = end.min(file.len()).max(start.min(file.len()));
                let now = file.get(start..end_now).unwrap_or_default().to_vec();
                let expected = end.max(*length_before as usize);
                let grown = (file.len() > expected).then_some(file.len());
                file.resize(*length_before as usize, 0);
                put(file, start, before);
                (Some((start, now)), None, grown)
            }
            Note::Resized { length, length_before, before, .. } => {
                let grown = (file.len() > *length as usize).then_some(file.len());
                file.resize(*length as usize, 0);
                file.resize(*length_before as usize, 0);
                put(file, *length as usize, before);
                (None, Some(*length as usize), grown)
            }
            note => unreachable!("only changes of files are collected: {note:?}"),
        };
        again.push(Again { written, resized, is_durable: *is_durable, grown: expected });
    }
    again.reverse();
    again
}

/// Does a change again, as far as the disk has it.
fn redo(file: &mut Vec<u8>, again: &Again, loss: Loss, random: &mut Rng, dropped: &mut Dropped) {
    let mut is_kept = || again.is_durable || loss == Loss::Part && random.bool();
    if let Some((start, bytes)) = &again.written {
        let mut at = *start;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            if is_kept() {
                put(file, at, sector);
            } else {
                dropped.bytes += sector.len() as u64;
            }
            (at, rest) = (at + sector.len(), after);
        }
    }
    if let Some(length) = again.resized {
        if is_kept() {
            file.resize(length, 0);
        } else {
            dropped.lengths += 1;
        }
    }
    if let Some(length) = again.grown {
        file.resize(length.max(file.len()), 0);
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if file.len() < offset + bytes.len() {
        file.resize(offset + bytes.len(), 0);
    }
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
}
