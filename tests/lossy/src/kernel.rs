//! System calls, past the C library's functions of the same names: those are the ones that stand here.

use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use libc::{c_int, c_long, c_uint, c_void};

/// What a call returned, or its `errno`.
pub type Result<T = c_long> = std::result::Result<T, c_int>;

/// The `errno` of the last call of this thread.
pub fn errno() -> c_int {
    // SAFETY: the C library gives the address of this thread's own number.
    unsafe { *libc::__errno_location() }
}

/// What a function of the C library returns: the number, or -1 with `errno` set.
pub fn answer<T: TryFrom<c_long> + Default>(result: Result) -> T {
    let number = result.unwrap_or_else(|code| {
        // SAFETY: as in `errno`.
        unsafe { *libc::__errno_location() = code };
        -1
    });
    T::try_from(number).unwrap_or_default()
}

fn checked(result: c_long) -> Result {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// Makes a system call.
///
/// # Safety
/// The arguments are ones that the call allows; pointers are valid as it needs them.
pub unsafe fn call(number: c_long, arguments: [c_long; 5]) -> Result {
    let [one, two, three, four, five] = arguments;
    // SAFETY: the caller answers for number and arguments.
    checked(unsafe { libc::syscall(number, one, two, three, four, five) })
}

/// A path as the kernel takes it. A path with a zero byte cannot come from the kernel or a C string.
fn terminated(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path has no zero byte")
}

/// The path of a C string.
///
/// # Safety
/// It is one.
pub unsafe fn path_of(text: *const libc::c_char) -> PathBuf {
    // SAFETY: the caller gives a C string.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    OsString::from_vec(bytes.to_vec()).into()
}

/// What is known of a file.
#[derive(Clone, Copy)]
pub struct Found {
    pub inode: u64,
    pub length: u64,
    pub is_file: bool,
    pub is_directory: bool,
}

fn found(result: c_int, status: &libc::stat) -> Option<Found> {
    let kind = status.st_mode & libc::S_IFMT;
    (result == 0).then_some(Found {
        inode: status.st_ino,
        length: status.st_size as u64,
        is_file: kind == libc::S_IFREG,
        is_directory: kind == libc::S_IFDIR,
    })
}

/// The file of a descriptor.
pub fn of_descriptor(descriptor: c_int) -> Option<Found> {
    // SAFETY: a `stat` of zeros is one, and it is ours to be filled.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: as above; a descriptor that is none is an error.
    let result = unsafe { libc::fstat(descriptor, &raw mut status) };
    found(result, &status)
}

/// The file with a name; links are not followed.
pub fn named(path: &Path) -> Option<Found> {
    // SAFETY: as in `of_descriptor`.
    let mut status: libc::stat = unsafe { std::mem::zeroed() };
    let path = terminated(path);
    // SAFETY: a C string, and a `stat` of ours.
    let result = unsafe { libc::lstat(path.as_ptr(), &raw mut status) };
    found(result, &status)
}

/// The path under which a descriptor was opened, which is followed through renames.
pub fn path_of_descriptor(descriptor: c_int) -> Option<PathBuf> {
    let link = terminated(Path::new(&format!("/proc/self/fd/{descriptor}")));
    let mut bytes = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: a C string, and a buffer with its length.
    let length = unsafe { libc::readlink(link.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len()) };
    bytes.truncate(usize::try_from(length).ok()?);
    Some(OsString::from_vec(bytes).into())
}

/// Opens a file of the layer's own; the program does not hand it on.
pub fn open(path: &Path, flags: c_int) -> Result<c_int> {
    let path = terminated(path);
    let flags = c_long::from(flags | libc::O_CLOEXEC);
    // SAFETY: a C string and numbers.
    let opened = unsafe {
        call(libc::SYS_openat, [c_long::from(libc::AT_FDCWD), path.as_ptr() as c_long, flags, 0o600, 0])
    };
    opened.map(|descriptor| descriptor as c_int)
}

/// Reads at an offset, as far as the file goes.
pub fn read(descriptor: c_int, offset: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0_u8; length as usize];
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut bytes[done..];
        // SAFETY: a buffer of ours with its length.
        let read = unsafe {
            libc::pread(descriptor, rest.as_mut_ptr().cast(), rest.len(), (offset + done as u64) as i64)
        };
        match checked(read as c_long) {
            Ok(0) => break,
            Ok(read) => done += read as usize,
            Err(libc::EINTR) => {}
            Err(code) => return Err(code),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// Writes to the end of a file that was opened to be appended to: all, or an error.
pub fn append(descriptor: c_int, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match write(descriptor, bytes.as_ptr().cast(), bytes.len()) {
            Ok(written) => bytes = &bytes[written as usize..],
            Err(libc::EINTR) => {}
            Err(code) => return Err(code),
        }
    }
    Ok(())
}

/// The system call `write`. A pointer that is none is an error of the kernel's, as for every caller of it.
pub fn write(descriptor: c_int, bytes: *const c_void, length: usize) -> Result {
    // SAFETY: the kernel checks the pointer, and reads only.
    unsafe { call(libc::SYS_write, [c_long::from(descriptor), bytes as c_long, length as c_long, 0, 0]) }
}

/// The system call `pwrite64`; the same holds for the pointer.
pub fn write_at(descriptor: c_int, bytes: *const c_void, length: usize, offset: i64) -> Result {
    // SAFETY: the kernel checks the pointer, and reads only.
    unsafe {
        call(libc::SYS_pwrite64, [c_long::from(descriptor), bytes as c_long, length as c_long, offset, 0])
    }
}

/// Gives a file another name.
pub fn link(from: &Path, to: &Path) -> Result {
    let (from, to) = (terminated(from), terminated(to));
    let here = c_long::from(libc::AT_FDCWD);
    // SAFETY: two C strings and numbers.
    unsafe { call(libc::SYS_linkat, [here, from.as_ptr() as c_long, here, to.as_ptr() as c_long, 0]) }
}

/// Locks a file against other processes until it is unlocked.
pub fn lock(descriptor: c_int, how: c_int) {
    // SAFETY: numbers alone.
    while unsafe { libc::flock(descriptor, how) } != 0 && errno() == libc::EINTR {}
}

/// Waits.
pub fn wait(us: u64) {
    let time = libc::timespec { tv_sec: (us / 1_000_000) as i64, tv_nsec: (us % 1_000_000 * 1_000) as i64 };
    // SAFETY: a time of ours; what is left of it is not asked for.
    unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) };
}

/// The flags of an open file.
pub fn flags(descriptor: c_int) -> c_int {
    // SAFETY: numbers alone.
    unsafe { libc::fcntl(descriptor, libc::F_GETFL) }
}

/// Where the next read or write of a descriptor goes.
pub fn position(descriptor: c_int) -> u64 {
    // SAFETY: numbers alone.
    unsafe { libc::lseek(descriptor, 0, libc::SEEK_CUR) }.max(0) as u64
}

/// A path without `.` and `..`, from the directory of a descriptor or the working directory on.
pub fn absolute(directory: c_int, path: &Path) -> Option<PathBuf> {
    let from = if path.is_absolute() {
        PathBuf::new()
    } else if directory == libc::AT_FDCWD {
        std::env::current_dir().ok()?
    } else {
        path_of_descriptor(directory)?
    };
    let mut plain = PathBuf::new();
    for part in from.join(path).components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// The number that a flag of `renameat2` has as an argument.
pub fn wide(flags: c_uint) -> c_long {
    c_long::from(flags)
}
