//! The calls that make, change and remove names; `open` among them, which may make or empty a file.

use std::path::{Path, PathBuf};

use libc::{AT_FDCWD, c_char, c_int, c_long, c_uint, mode_t};
use lossy_notes::{Fault, NAMES, Note};

use crate::bytes::note_resize;
use crate::disk::{Disk, Turn, disk};
use crate::kernel::{Result, answer, call, named, path_of, wide};

/// A name in a directory, as the calls that end in `at` take it.
#[derive(Clone, Copy)]
struct At {
    directory: c_int,
    path: *const c_char,
}

impl At {
    fn here(path: *const c_char) -> At {
        At { directory: AT_FDCWD, path }
    }

    /// The disk and the whole path, when the name is on the disk.
    fn on_disk(self) -> Option<(&'static Disk, PathBuf)> {
        let disk = disk()?;
        // SAFETY: the caller of the C library's function gives a C string.
        let path = unsafe { path_of(self.path) };
        Some((disk, disk.path(self.directory, &path)?))
    }

    fn numbers(self) -> [c_long; 2] {
        [c_long::from(self.directory), self.path as c_long]
    }
}

/// Makes a system call with one or two names and one or two numbers behind them.
fn make(number: c_long, names: &[At], more: [c_long; 2]) -> Result {
    let mut arguments = [0; 5];
    let numbers = names.iter().flat_map(|name| name.numbers()).chain(more);
    arguments.iter_mut().zip(numbers).for_each(|(argument, number)| *argument = number);
    // SAFETY: the arguments of the C library's function of that name, as its caller has given them.
    unsafe { call(number, arguments) }
}

/// The directory of a name, by its inode.
fn directory(path: &Path) -> u64 {
    path.parent().and_then(named).map_or(0, |found| found.inode)
}

/// The error that a call gets, if any. `makes`: it needs room.
fn fault(turn: &Turn<'_>, makes: bool) -> Result<()> {
    let possible: &[Fault] = if makes { &[Fault::Eio, Fault::Enospc] } else { &[Fault::Eio] };
    match turn.draw(possible).0 {
        Some(Fault::Enospc) => Err(libc::ENOSPC),
        Some(_) => Err(libc::EIO),
        None => Ok(()),
    }
}

/// Notes a change of names.
fn note(turn: &Turn<'_>, note: &Note) {
    turn.count(NAMES);
    turn.note(note);
}

/// The directory of the disk itself stays what it is.
fn is_root(disk: &Disk, path: &Path) -> bool {
    path == disk.directory
}

fn opened(at: At, flags: c_int, mode: mode_t) -> Result {
    let pass = || make(libc::SYS_openat, &[at], [c_long::from(flags), wide(mode)]);
    let Some((disk, path)) = at.on_disk() else { return pass() };
    if flags & libc::O_TMPFILE == libc::O_TMPFILE || flags & (libc::O_DSYNC | libc::O_DIRECT) != 0 {
        disk.not_modelled("open: a file without a name, or with writes past the cache:", &path);
    }
    let turn = disk.turn();
    let found = named(&path);
    let makes = flags & libc::O_CREAT != 0 && found.is_none();
    let possible: &[Fault] =
        if makes { &[Fault::Eio, Fault::Enospc, Fault::Eintr] } else { &[Fault::Eio, Fault::Eintr] };
    // A file that is not there is an error as it is.
    if makes || found.is_some() {
        match turn.draw(possible).0 {
            Some(Fault::Enospc) => return Err(libc::ENOSPC),
            Some(Fault::Eintr) => return Err(libc::EINTR),
            Some(_) => return Err(libc::EIO),
            None => {}
        }
    }
    match found {
        None if makes => {
            note(&turn, &Note::Made { directory: directory(&path), path: path.clone() });
            let opened = pass()?;
            let inode = named(&path).ok_or(libc::EIO)?.inode;
            turn.note(&Note::Born { inode });
            Ok(opened)
        }
        Some(found) if found.is_file && flags & libc::O_TRUNC != 0 => {
            if flags & libc::O_EXCL == 0 {
                note_resize(&turn, &path, found, 0);
            }
            pass()
        }
        Some(_) | None => pass(),
    }
}

fn renamed(from: At, to: At, flags: c_uint) -> Result {
    let pass = || make(libc::SYS_renameat2, &[from, to], [wide(flags), 0]);
    let ((disk, old), new) = match (from.on_disk(), to.on_disk()) {
        (None, None) => return pass(),
        (Some((disk, old)), Some((_, new)))
            if flags & !libc::RENAME_NOREPLACE == 0 && !is_root(disk, &old) =>
        {
            ((disk, old), new)
        }
        (Some((disk, path)), _) | (None, Some((disk, path))) => {
            disk.not_modelled("rename with flags, or to or from elsewhere:", &path);
        }
    };
    let turn = disk.turn();
    let Some(found) = named(&old) else { return pass() };
    fault(&turn, false)?;
    let there = named(&new);
    let refuses = flags == libc::RENAME_NOREPLACE && there.is_some();
    if refuses || there.is_some_and(|there| there.inode == found.inode) {
        return pass();
    }
    if there.is_some_and(|there| there.is_directory || found.is_directory) {
        disk.not_modelled("rename over a directory:", &new);
    }
    if there.is_some() {
        turn.keep(&new);
    }
    let directories = [directory(&old), directory(&new)];
    let replaces = there.is_some();
    note(&turn, &Note::Renamed { directories, inode: found.inode, from: old, to: new, replaces });
    pass()
}

fn removed(at: At, flags: c_int) -> Result {
    let pass = || make(libc::SYS_unlinkat, &[at], [c_long::from(flags), 0]);
    let Some((disk, path)) = at.on_disk() else { return pass() };
    let turn = disk.turn();
    let Some(found) = named(&path) else { return pass() };
    if flags & libc::AT_REMOVEDIR != 0 {
        // Noted afterwards, because it may fail. Killed in between, the disk has kept it.
        let removed = pass()?;
        note(&turn, &Note::RemovedDirectory { directory: directory(&path), path });
        return Ok(removed);
    }
    if found.is_directory {
        return pass();
    }
    fault(&turn, false)?;
    turn.keep(&path);
    note(&turn, &Note::Removed { directory: directory(&path), path });
    pass()
}

fn made_directory(at: At, mode: mode_t) -> Result {
    made(at, || make(libc::SYS_mkdirat, &[at], [wide(mode), 0]))
}

fn linked(from: At, to: At, flags: c_int) -> Result {
    made(to, || make(libc::SYS_linkat, &[from, to], [c_long::from(flags), 0]))
}

fn made(at: At, pass: impl FnOnce() -> Result) -> Result {
    let Some((disk, path)) = at.on_disk() else { return pass() };
    let turn = disk.turn();
    let is_possible = named(&path).is_none() && path.parent().and_then(named).is_some();
    if is_possible {
        fault(&turn, true)?;
        note(&turn, &Note::Made { directory: directory(&path), path });
    }
    pass()
}

/// `open`, with the contract of the C library; `mode` counts when a file may be made.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    answer(opened(At::here(path), flags, mode))
}

/// `open64`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    answer(opened(At::here(path), flags, mode))
}

/// `openat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    answer(opened(At { directory, path }, flags, mode))
}

/// `openat64`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    answer(opened(At { directory, path }, flags, mode))
}

/// `creat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn creat(path: *const c_char, mode: mode_t) -> c_int {
    answer(opened(At::here(path), libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode))
}

/// `rename`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    answer(renamed(At::here(from), At::here(to), 0))
}

/// `renameat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat(one: c_int, from: *const c_char, other: c_int, to: *const c_char) -> c_int {
    answer(renamed(At { directory: one, path: from }, At { directory: other, path: to }, 0))
}

/// `renameat2`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat2(
    one: c_int,
    from: *const c_char,
    other: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    answer(renamed(At { directory: one, path: from }, At { directory: other, path: to }, flags))
}

/// `unlink`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    answer(removed(At::here(path), 0))
}

/// `unlinkat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
    answer(removed(At { directory, path }, flags))
}

/// `rmdir`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    answer(removed(At::here(path), libc::AT_REMOVEDIR))
}

/// `mkdir`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    answer(made_directory(At::here(path), mode))
}

/// `mkdirat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdirat(directory: c_int, path: *const c_char, mode: mode_t) -> c_int {
    answer(made_directory(At { directory, path }, mode))
}

/// `link`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    answer(linked(At::here(from), At::here(to), 0))
}

/// `linkat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    one: c_int,
    from: *const c_char,
    other: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    answer(linked(At { directory: one, path: from }, At { directory: other, path: to }, flags))
}
