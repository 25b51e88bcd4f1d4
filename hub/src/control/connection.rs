//! One connection to a serving hub: one request, progress, one answer.

use std::{
    io::{self, Read},
    os::unix::net::UnixStream,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use super::{
    frame::{self, NoFrame},
    request::{ControlAnswer, ControlTask},
};

/// Longest time until the whole request is there.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// Longest time for which an answer waits for its reader.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Carries out what is asked. Called on the thread of a connection, by several at once.
pub trait Carries: Send + Sync + 'static {
    /// Does it, and tells how far it is. Returns what was done, in words.
    ///
    /// # Errors
    /// Why not, in words.
    fn carry_out(&self, task: ControlTask, tell: &mut dyn FnMut(&str)) -> Result<String, String>;
}

/// Who is at the other end.
pub fn user_of(stream: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// Refuses without reading a request.
pub fn turn_away(stream: &UnixStream, why: &str) {
    let _ = stream.set_write_timeout(Some(ANSWER_WITHIN));
    answer(stream, &ControlAnswer::Failed(why.to_owned()));
}

/// Reads the request of somebody, and answers it.
pub fn serve(stream: &UnixStream, own: u32, carries: &dyn Carries) {
    let _ = stream.set_write_timeout(Some(ANSWER_WITHIN));
    let said = match asked(stream, own) {
        Ok(Some(task)) => {
            // Whoever has gone misses the rest; what was begun is ended.
            let mut listens = true;
            let mut tell = |text: &str| {
                listens = listens && answer(stream, &ControlAnswer::Progress(text.to_owned()));
            };
            match catch_unwind(AssertUnwindSafe(|| carries.carry_out(task, &mut tell))) {
                Ok(Ok(done)) => ControlAnswer::Done(done),
                Ok(Err(why)) => ControlAnswer::Failed(why),
                Err(_) => {
                    ControlAnswer::Failed("a bug: it has panicked; the hub's log messages say where".into())
                }
            }
        }
        Ok(None) => return,
        Err(why) => ControlAnswer::Failed(why),
    };
    answer(stream, &said);
}

/// What is asked; `None` when nobody asks anything.
fn asked(stream: &UnixStream, own: u32) -> Result<Option<ControlTask>, String> {
    match user_of(stream) {
        Ok(user) if user == own => {}
        Ok(user) => return Err(format!("this hub runs as user {own} and takes no command of user {user}")),
        Err(error) => return Err(format!("it is not known who asks: {error}")),
    }
    let mut bounded = Bounded { stream, until: Instant::now() + REQUEST_WITHIN };
    match frame::read(&mut bounded) {
        Ok(request) => ControlTask::decode(&request).map(Some),
        Err(NoFrame::Closed) => Ok(None),
        Err(NoFrame::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Err(format!("no whole request came within {} s", REQUEST_WITHIN.as_secs()))
        }
        Err(error) => Err(format!("the request cannot be read: {error}")),
    }
}

/// Returns whether it could be written.
fn answer(mut stream: &UnixStream, said: &ControlAnswer) -> bool {
    frame::write(&mut stream, &said.encode()).is_ok()
}

/// Reads until a moment, however slowly the bytes come.
struct Bounded<'a> {
    stream: &'a UnixStream,
    until: Instant,
}

impl Read for Bounded<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        match (&mut &*self.stream).read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            read => read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Carries for Panics {
        fn carry_out(&self, _: ControlTask, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
            tell("so far");
            panic!("as a bug does")
        }
    }

    fn answers(own: u32, request: &[u8]) -> Vec<ControlAnswer> {
        let (mut client, server) = UnixStream::pair().expect("a pair of sockets");
        frame::write(&mut client, request).expect("room");
        serve(&server, own, &Panics);
        drop(server);
        let answer = || frame::read(&mut client).ok().and_then(|bytes| ControlAnswer::decode(&bytes));
        std::iter::from_fn(answer).collect()
    }

    #[test]
    fn another_user_is_told_so_and_a_panic_is_an_answer() {
        let own = rustix::process::geteuid().as_raw();
        let request = ControlTask::Anchor {}.encode();
        let [ControlAnswer::Failed(why)] = &answers(own + 1, &request)[..] else { panic!("one answer") };
        assert!(why.contains(&format!("takes no command of user {own}")), "{why}");
        let [ControlAnswer::Progress(_), ControlAnswer::Failed(why)] = &answers(own, &request)[..] else {
            panic!("two answers")
        };
        assert!(why.contains("panicked"), "{why}");
    }
}
