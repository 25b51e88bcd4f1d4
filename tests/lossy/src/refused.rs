//! The calls that are not modelled: with a file of the disk they end the program, and are named in the side directory.
//! Elsewhere they are passed on.

use std::path::Path;

use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, off_t, size_t, ssize_t};

use crate::disk::disk;
use crate::kernel::{self, Result, answer, call, path_of};

/// Ends the program when a descriptor is one of a file of the disk.
fn refuse(name: &str, descriptor: c_int) {
    if let Some(disk) = disk()
        && disk.open_file(descriptor).is_some()
    {
        disk.not_modelled(name, &kernel::path_of_descriptor(descriptor).unwrap_or_default());
    }
}

fn passed(number: c_long, arguments: [c_long; 5]) -> Result {
    // SAFETY: the arguments of the C library's function of that name, as its caller has given them.
    unsafe { call(number, arguments) }
}

/// The five arguments of a system call.
macro_rules! numbers {
    ($($argument:expr),*) => {{
        let mut all = [0 as c_long; 5];
        let given = [$($argument as c_long),*];
        all[..given.len()].copy_from_slice(&given);
        all
    }};
}

/// Functions of the C library that are passed on unless the descriptor is one of the disk's.
macro_rules! refused {
    ($($name:ident, $number:ident, $descriptor:ident: ($($argument:ident: $kind:ty),*) -> $returns:ty;)*) => {$(
        #[doc = concat!("`", stringify!($name), "`, with the contract of the C library, for files elsewhere.")]
        ///
        /// # Safety
        /// As there.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> $returns {
            refuse(stringify!($name), $descriptor);
            answer(passed(libc::$number, numbers!($($argument),*)))
        }
    )*};
}

refused! {
    fallocate, SYS_fallocate, file: (file: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int;
    fallocate64, SYS_fallocate, file: (file: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int;
    sendfile, SYS_sendfile, to: (to: c_int, from: c_int, offset: *mut off_t, length: size_t) -> ssize_t;
    sendfile64, SYS_sendfile, to: (to: c_int, from: c_int, offset: *mut off_t, length: size_t) -> ssize_t;
    syncfs, SYS_syncfs, file: (file: c_int) -> c_int;
    pwritev, SYS_pwritev, file: (file: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t;
    pwritev64, SYS_pwritev, file: (file: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t;
}

/// `posix_fallocate`, with the contract of the C library: it returns the error.
#[unsafe(no_mangle)]
pub extern "C" fn posix_fallocate(file: c_int, offset: off_t, length: off_t) -> c_int {
    refuse("posix_fallocate", file);
    passed(libc::SYS_fallocate, numbers!(file, 0, offset, length)).err().unwrap_or(0)
}

/// `copy_file_range`, with the contract of the C library, but as one that the file system does not have: who calls it
/// then copies by reading and writing.
#[unsafe(no_mangle)]
pub extern "C" fn copy_file_range(
    _from: c_int,
    _from_offset: *mut off_t,
    _to: c_int,
    _to_offset: *mut off_t,
    _length: size_t,
    _flags: c_uint,
) -> ssize_t {
    answer(Err(libc::EXDEV))
}

/// `splice`, in the same way.
#[unsafe(no_mangle)]
pub extern "C" fn splice(
    _from: c_int,
    _from_offset: *mut off_t,
    _to: c_int,
    _to_offset: *mut off_t,
    _length: size_t,
    _flags: c_uint,
) -> ssize_t {
    answer(Err(libc::EINVAL))
}

/// `truncate` by path, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn truncate(path: *const c_char, length: off_t) -> c_int {
    // SAFETY: the caller gives a C string.
    refuse_path("truncate", libc::AT_FDCWD, unsafe { path_of(path) }.as_path());
    answer(passed(libc::SYS_truncate, numbers!(path, length)))
}

/// `truncate64`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn truncate64(path: *const c_char, length: off_t) -> c_int {
    // SAFETY: the caller gives a C string.
    unsafe { truncate(path, length) }
}

/// `symlink`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn symlink(to: *const c_char, path: *const c_char) -> c_int {
    // SAFETY: the caller's arguments.
    unsafe { symlinkat(to, libc::AT_FDCWD, path) }
}

/// `symlinkat`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn symlinkat(to: *const c_char, directory: c_int, path: *const c_char) -> c_int {
    // SAFETY: the caller gives a C string.
    refuse_path("symlink", directory, unsafe { path_of(path) }.as_path());
    answer(passed(libc::SYS_symlinkat, numbers!(to, directory, path)))
}

fn refuse_path(name: &str, directory: c_int, path: &Path) {
    if let Some(disk) = disk()
        && let Some(path) = disk.path(directory, path)
    {
        disk.not_modelled(name, &path);
    }
}

/// `mmap`, with the contract of the C library. A shared map that can be written changes a file without a call.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    at: *mut c_void,
    length: size_t,
    access: c_int,
    flags: c_int,
    file: c_int,
    offset: off_t,
) -> *mut c_void {
    let is_written = access & libc::PROT_WRITE != 0 && flags & libc::MAP_SHARED != 0;
    // What is not named after a file has none; nor may anything be asked for here: memory is made by this call.
    if is_written && flags & libc::MAP_ANONYMOUS == 0 && !is_shared_index(file) {
        refuse("mmap", file);
    }
    let [access, flags, file] = [access, flags, file].map(c_long::from);
    // SAFETY: the caller's arguments.
    let mapped = unsafe { libc::syscall(libc::SYS_mmap, at, length, access, flags, file, offset) };
    mapped as *mut c_void
}

/// Whether it is SQLite's `-shm`, which is built again after a crash.
fn is_shared_index(file: c_int) -> bool {
    kernel::path_of_descriptor(file).is_some_and(|path| path.to_string_lossy().ends_with("-shm"))
}

/// `mmap64`, with the contract of the C library.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    at: *mut c_void,
    length: size_t,
    access: c_int,
    flags: c_int,
    file: c_int,
    offset: off_t,
) -> *mut c_void {
    // SAFETY: the caller's arguments.
    unsafe { mmap(at, length, access, flags, file, offset) }
}
