//! The calls that change what is in a file, and the syncs.

use libc::{c_int, c_long, c_void, iovec, off_t, size_t, ssize_t};
use lossy_notes::{Fault, Note, WRITES};

use crate::disk::{Disk, Turn, by_descriptor, disk};
use crate::kernel::{self, Found, Result, answer, call};

/// Where a write goes: the descriptor's own position, or an offset.
type Place = Option<off_t>;

fn passed(descriptor: c_int, bytes: *const c_void, length: size_t, place: Place) -> Result {
    match place {
        None => kernel::write(descriptor, bytes, length),
        Some(offset) => kernel::write_at(descriptor, bytes, length, offset),
    }
}

/// Notes that so many bytes of a file are about to be written; returns how many more than before it will have.
fn note_write(turn: &Turn<'_>, descriptor: c_int, found: Found, offset: u64, length: u64) {
    turn.count(WRITES);
    let there = found.length.saturating_sub(offset).min(length);
    let before = if there == 0 { Vec::new() } else { turn.before(&by_descriptor(descriptor), offset, there) };
    let (inode, length_before) = (found.inode, found.length);
    turn.note(&Note::Written { inode, offset, length, length_before, before });
}

fn offset(descriptor: c_int, found: Found, place: Place) -> u64 {
    let appends = kernel::flags(descriptor) & libc::O_APPEND != 0;
    match place {
        _ if appends => found.length,
        Some(offset) => offset as u64,
        None => kernel::position(descriptor),
    }
}

fn written(descriptor: c_int, bytes: *const c_void, length: size_t, place: Place) -> Result {
    let known = disk().and_then(|disk| Some((disk, disk.open_file(descriptor)?)));
    let Some((disk, _)) = known.filter(|(_, found)| found.is_file && length > 0) else {
        return passed(descriptor, bytes, length, place);
    };
    let turn = disk.turn();
    // Its length may have changed while another call was under way.
    let found = kernel::of_descriptor(descriptor).ok_or(libc::EBADF)?;
    let offset = offset(descriptor, found, place);
    let (fault, random) = turn.draw(possible(offset + length as u64 > found.length, length > 1));
    let part = random as usize % length;
    let length = match fault {
        None => length,
        Some(Fault::Short) => part.max(1),
        Some(Fault::Enospc) => return Err(libc::ENOSPC),
        Some(Fault::Eintr) => return Err(libc::EINTR),
        // It has written a part of it, as far as anybody knows.
        Some(Fault::Eio) if part == 0 => return Err(libc::EIO),
        Some(Fault::Eio) => part,
    };
    note_write(&turn, descriptor, found, offset, length as u64);
    let written = passed(descriptor, bytes, length, place);
    if fault == Some(Fault::Eio) { Err(libc::EIO) } else { written }
}

/// The faults that a write can have.
fn possible(grows: bool, is_long: bool) -> &'static [Fault] {
    match (grows, is_long) {
        (true, true) => &[Fault::Eio, Fault::Enospc, Fault::Short, Fault::Eintr],
        (true, false) => &[Fault::Eio, Fault::Enospc, Fault::Eintr],
        (false, true) => &[Fault::Eio, Fault::Short, Fault::Eintr],
        (false, false) => &[Fault::Eio, Fault::Eintr],
    }
}

fn written_from_several(descriptor: c_int, parts: *const iovec, count: c_int) -> Result {
    // SAFETY: the caller of `writev` gives so many parts; nothing is kept of them.
    let pass = || unsafe {
        call(libc::SYS_writev, [c_long::from(descriptor), parts as c_long, c_long::from(count), 0, 0])
    };
    let known = disk().and_then(|disk| Some((disk, disk.open_file(descriptor)?)));
    let Some((disk, found)) = known.filter(|(_, found)| found.is_file) else { return pass() };
    // SAFETY: as above.
    let length = unsafe { std::slice::from_raw_parts(parts, usize::try_from(count).unwrap_or(0)) };
    let length: u64 = length.iter().map(|part| part.iov_len as u64).sum();
    let turn = disk.turn();
    note_write(&turn, descriptor, found, offset(descriptor, found, None), length);
    pass()
}

fn resized(descriptor: c_int, length: off_t) -> Result {
    // SAFETY: numbers alone.
    let pass = || unsafe { call(libc::SYS_ftruncate, [c_long::from(descriptor), length, 0, 0, 0]) };
    let Some((disk, found)) = disk().and_then(|disk| Some((disk, disk.open_file(descriptor)?))) else {
        return pass();
    };
    let turn = disk.turn();
    let grows = length as u64 > found.length;
    match turn.draw(if grows { &[Fault::Eio, Fault::Enospc] } else { &[Fault::Eio] }).0 {
        Some(Fault::Enospc) => return Err(libc::ENOSPC),
        Some(_) => return Err(libc::EIO),
        None => note_resize(&turn, &by_descriptor(descriptor), found, length as u64),
    }
    pass()
}

/// Notes that a file is about to have another length.
pub fn note_resize(turn: &Turn<'_>, path: &std::path::Path, found: Found, length: u64) {
    if length == found.length {
        return;
    }
    turn.count(WRITES);
    let cut = found.length.saturating_sub(length);
    let before = if cut == 0 { Vec::new() } else { turn.before(path, length, cut) };
    turn.note(&Note::Resized { inode: found.inode, length, length_before: found.length, before });
}

fn synced(descriptor: c_int, number: c_long) -> Result {
    let Some((disk, found)) = disk().and_then(|disk| Some((disk, disk.open_file(descriptor)?))) else {
        // SAFETY: numbers alone.
        return unsafe { call(number, [c_long::from(descriptor), 0, 0, 0, 0]) };
    };
    let fails = fails(disk);
    disk.sync(found, fails);
    if fails { Err(libc::EIO) } else { Ok(0) }
}

fn fails(disk: &Disk) -> bool {
    disk.turn().draw(&[Fault::Eio]).0.is_some()
}

/// `write`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(descriptor: c_int, bytes: *const c_void, length: size_t) -> ssize_t {
    answer(written(descriptor, bytes, length, None))
}

/// `pwrite`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, length: size_t, offset: off_t) -> ssize_t {
    answer(written(fd, bytes, length, Some(offset)))
}

/// `pwrite64`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, length: size_t, offset: off_t) -> ssize_t {
    answer(written(fd, bytes, length, Some(offset)))
}

/// `writev`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(descriptor: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    answer(written_from_several(descriptor, parts, count))
}

/// `ftruncate`, with the contract of the C library.
#[unsafe(no_mangle)]
pub extern "C" fn ftruncate(descriptor: c_int, length: off_t) -> c_int {
    answer(resized(descriptor, length))
}

/// `ftruncate64`, with the contract of the C library.
#[unsafe(no_mangle)]
pub extern "C" fn ftruncate64(descriptor: c_int, length: off_t) -> c_int {
    answer(resized(descriptor, length))
}

/// `fsync`, with the contract of the C library.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    answer(synced(descriptor, libc::SYS_fsync))
}

/// `fdatasync`, with the contract of the C library. It flushes a changed length too, so it is the same here.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    answer(synced(descriptor, libc::SYS_fdatasync))
}
