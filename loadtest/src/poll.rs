//! Readiness of many sockets on one thread: a thin, safe wrapper of Linux's epoll.
//!
//! The generator needs thousands of sockets, timers finer than a millisecond and nothing between itself and the
//! kernel that would show up in what it measures.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

/// Events taken from the kernel at once; the rest come with the next look.
pub const EVENTS_MAX: usize = 1_024;

/// A set of sockets, each with a number of the caller's.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// A socket that can be used. Errors and hang-ups count as readable: reading tells which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// The number given with the socket.
    pub number: usize,
    /// A read will not block.
    pub readable: bool,
    /// A write will not block.
    pub writable: bool,
}

impl Poll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer; the result is checked.
        let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if epoll < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open, and nobody else has it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS_MAX) })
    }

    /// Watches a socket for input, and for room for output if `writable`. Closing the socket ends it.
    pub fn add(&self, socket: &impl AsFd, number: usize, writable: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, number, writable)
    }

    /// Changes whether room for output is watched.
    pub fn change(&self, socket: &impl AsFd, number: usize, writable: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket, number, writable)
    }

    fn control(&self, what: i32, socket: &impl AsFd, number: usize, writable: bool) -> io::Result<()> {
        let output = if writable { libc::EPOLLOUT } else { 0 };
        let events = (libc::EPOLLIN | output).cast_unsigned();
        let mut event = libc::epoll_event { events, u64: number as u64 };
        let socket = socket.as_fd().as_raw_fd();
        // SAFETY: both descriptors are open, the event lives through the call.
        let result = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), what, socket, &mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits until a socket is ready or the time is over. Precise to some tens of microseconds.
    pub fn wait(&mut self, at_most: Duration) -> io::Result<impl Iterator<Item = Ready> + use<'_>> {
        let time = libc::timespec {
            tv_sec: at_most.as_secs().min(3_600).cast_signed(),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        self.events.clear();
        // SAFETY: the buffer has room for as many events as announced, the time lives through the call, no
        // signal mask is given.
        let count = unsafe {
            libc::epoll_pwait2(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS_MAX as i32,
                &time,
                ptr::null(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        // SAFETY: the kernel wrote that many events, at most the capacity.
        unsafe { self.events.set_len(usize::try_from(count).unwrap_or(0)) };
        Ok(self.events.iter().map(|event| {
            let events = event.events.cast_signed();
            Ready {
                number: event.u64 as usize,
                readable: events & (libc::EPOLLIN | libc::EPOLLERR | libc::EPOLLHUP) != 0,
                writable: events & libc::EPOLLOUT != 0,
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use std::{io::Write, os::unix::net::UnixStream};

    use super::*;

    #[test]
    fn a_socket_with_input_is_reported_by_its_number_and_a_silent_one_is_not() {
        let mut poll = Poll::new().unwrap();
        let (silent, _peer) = UnixStream::pair().unwrap();
        let (heard, mut speaker) = UnixStream::pair().unwrap();
        poll.add(&silent, 1, false).unwrap();
        poll.add(&heard, 2, false).unwrap();
        assert_eq!(poll.wait(Duration::ZERO).unwrap().count(), 0);
        speaker.write_all(b"x").unwrap();
        let ready: Vec<_> = poll.wait(Duration::from_secs(10)).unwrap().collect();
        assert_eq!(ready, [Ready { number: 2, readable: true, writable: false }]);
        poll.change(&silent, 1, true).unwrap();
        let ready: Vec<_> = poll.wait(Duration::from_secs(10)).unwrap().map(|ready| ready.number).collect();
        assert!(ready.contains(&1));
    }
}
