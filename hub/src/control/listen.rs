//! The socket itself: made for its owner alone, and removed when the hub stops in order.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{AcqRel, Acquire, Release},
        },
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::{fs::Mode, process::geteuid};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::{
    SOCKET,
    connection::{self, Carries},
};
use crate::telemetry::events as telemetry;

/// Longest path of a Unix socket. Bytes.
const PATH_MAX: usize = 107;
/// Most connections at once. One more is told so and closed.
const CONNECTIONS_MAX: usize = 4;
/// Connections that the kernel keeps until they are taken.
const BACKLOG: i32 = 16;
/// How long it waits after a connection could not be taken, for instance because too many files are open.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Name of its threads, at most 15 bytes.
const THREAD: &str = "hub-control";
/// How much lower the priority of a connection's thread is than that of play.
const NICE: i32 = 10;

/// Why a hub has no control socket. It serves without.
#[derive(Debug, thiserror::Error)]
pub enum NotBound {
    /// The path is longer than one of a socket may be.
    #[error(
        "the path {} has {} bytes, and that of a Unix socket at most {PATH_MAX}: start the hub in its data directory's parent with a \
         relative journal.directory, or use a shorter path",
        .0.display(), .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// Another file has the name. It is left.
    #[error("{} is there and is no socket: move it away", .0.display())]
    Taken(PathBuf),
    /// The system refused it.
    #[error("failed to listen on {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// The listening socket. Dropped: no connection is taken any more, and the file is removed; what was begun is not waited for.
pub struct ControlSocket {
    path: PathBuf,
    listener: Arc<UnixListener>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ControlSocket {
    /// Listens in a data directory. The caller holds the lock of the log there: so a socket that is there is one that a
    /// killed hub has left, and is replaced.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(directory: &Path, carries: Arc<dyn Carries>) -> Result<Self, NotBound> {
        let path = directory.join(SOCKET);
        let listener = Arc::new(bind(&path)?);
        let stopping = Arc::new(AtomicBool::new(false));
        let accepting = Accepting {
            listener: listener.clone(),
            stopping: stopping.clone(),
            carries,
            open: Arc::default(),
        };
        let thread = thread::Builder::new().name(THREAD.into()).spawn(move || accepting.until_stopped());
        let thread = thread.map_err(|source| NotBound::Io { path: path.clone(), source })?;
        Ok(Self { path, listener, stopping, thread: Some(thread) })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Removed first: whoever finds it can still connect.
        let _ = fs::remove_file(&self.path);
        self.stopping.store(true, Release);
        // Wakes the thread that accepts.
        let _ = SockRef::from(&*self.listener).shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged when it happened.
            let _ = thread.join();
        }
    }
}

/// A socket with this path, for its owner alone from the first moment.
fn bind(path: &Path) -> Result<UnixListener, NotBound> {
    if path.as_os_str().len() > PATH_MAX {
        return Err(NotBound::TooLong(path.to_owned()));
    }
    let made = || -> io::Result<UnixListener> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // The mode that the file gets, whatever the umask.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
        socket.bind(&SockAddr::unix(path)?)?;
        // Where the system does not give the socket's mode to the file.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    let failed = |source| NotBound::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(failed)?,
        Ok(_) => return Err(NotBound::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    made().map_err(failed)
}

struct Accepting {
    listener: Arc<UnixListener>,
    stopping: Arc<AtomicBool>,
    carries: Arc<dyn Carries>,
    /// How many connections are open.
    open: Arc<AtomicUsize>,
}

/// The place of a connection, free again when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, AcqRel);
    }
}

impl Accepting {
    fn until_stopped(self) {
        let own = geteuid().as_raw();
        while !self.stopping.load(Acquire) {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) if self.stopping.load(Acquire) => return,
                Err(error) => {
                    telemetry::control_connection_failed(&error);
                    thread::sleep(AGAIN_AFTER);
                    continue;
                }
            };
            // Only this thread adds.
            let place = Place(self.open.clone());
            if place.0.fetch_add(1, AcqRel) >= CONNECTIONS_MAX {
                connection::turn_away(
                    &stream,
                    "too many commands are under way: try again when one has ended",
                );
                continue;
            }
            let carries = self.carries.clone();
            let serve = move || {
                let _place = place;
                // Only of this thread, on Linux. Without it the command is as good.
                let _ = rustix::process::setpriority_process(None, NICE);
                connection::serve(&stream, own, &*carries);
            };
            if let Err(error) = thread::Builder::new().name(THREAD.into()).spawn(serve) {
                telemetry::control_connection_failed(&error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{ControlAnswer, ControlTask, ask};

    /// Says what it was asked.
    struct Echo;

    impl Carries for Echo {
        fn carry_out(&self, task: ControlTask, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
            tell("half");
            Ok(format!("{task:?}"))
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn it_is_its_owners_alone_answers_replaces_a_stale_one_and_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(SOCKET);
        // As a killed hub leaves it.
        drop(UnixListener::bind(&path).expect("a short path"));
        for _ in 0..2 {
            let socket = ControlSocket::open(directory.path(), Arc::new(Echo)).expect("a short path");
            assert_eq!(mode(&path), 0o600);
            let mut told = Vec::new();
            let asked =
                ask(directory.path(), &ControlTask::Anchor {}, &mut |text| told.push(text.to_owned()));
            assert_eq!(asked.expect("a hub"), Some(ControlAnswer::Done("Anchor".into())));
            assert_eq!(told, ["half"]);
            drop(socket);
            assert!(!path.exists());
        }
        let asked = ask(directory.path(), &ControlTask::Anchor {}, &mut |_| {});
        assert_eq!(asked.expect("no error"), None, "nobody listens");
    }

    #[test]
    fn another_file_of_the_name_is_left_and_too_long_a_path_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(SOCKET);
        fs::write(&path, "mine").expect("a disk");
        let taken = ControlSocket::open(directory.path(), Arc::new(Echo)).err().expect("it is no socket");
        assert!(matches!(taken, NotBound::Taken(_)), "{taken}");
        assert_eq!(fs::read(&path).expect("it is there"), b"mine");
        let long = directory.path().join("d".repeat(100));
        fs::create_dir(&long).expect("a disk");
        let refused = ControlSocket::open(&long, Arc::new(Echo)).err().expect("it is too long");
        assert!(refused.to_string().contains("at most 107"), "{refused}");
        let asked = ask(&long, &ControlTask::Anchor {}, &mut |_| {});
        assert_eq!(asked.expect("no error"), None, "nobody can listen there");
    }
}
