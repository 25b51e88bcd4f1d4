//! What everybody is called, for the search by a part of a name. Nobody's name is in memory before somebody searches: the
//! first search has the names read from the database, on a thread of their own, and is told to come again.

mod read;
mod table;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    thread,
};

use parking_lot::RwLock;
use protocol::PlayerId;

use self::table::{NameChange, NameTable};
pub use self::table::{NamePage, NotSearched};
use crate::{Person, SUBJECT_BYTES_MAX, StoreId, master::StoreKeys, telemetry};

/// Everybody's names, once they are wanted. The table takes the bytes of each subject and 29 more.
#[derive(Debug)]
pub(crate) struct Names {
    directory: PathBuf,
    store: StoreId,
    keys: StoreKeys,
    state: RwLock<NamesState>,
}

#[derive(Debug, Default)]
enum NamesState {
    /// Nobody has searched yet, or the names could not be read.
    #[default]
    Unread,
    /// They are being read.
    Reads {
        read: u64,
        /// What has changed since the reading began.
        since: Vec<NameChange>,
    },
    /// They are there.
    There(NameTable),
}

impl Names {
    /// The names of a store, none of which is read.
    pub fn of(directory: PathBuf, store: StoreId, keys: StoreKeys) -> Self {
        Self { directory, store, keys, state: RwLock::default() }
    }

    /// People of an issuer whose subject has this part, in the order in which they were enrolled, behind `after`; at most
    /// `limit`. `people`: how many there are. Reads all names that are in memory: some milliseconds for a million.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn search(
        names: &Arc<Self>,
        (issuer, part): (&str, &str),
        after: Option<PlayerId>,
        limit: usize,
        people: u64,
    ) -> Result<NamePage, NotSearched> {
        if part.is_empty() || part.len() > SUBJECT_BYTES_MAX {
            return Err(NotSearched::OutOfBounds);
        }
        match &*names.state.read() {
            NamesState::There(table) => return table.search(issuer, part, after, limit),
            NamesState::Reads { read, .. } => return Err(NotSearched::Reads { read: *read, people }),
            NamesState::Unread => {}
        }
        let mut state = names.state.write();
        if let NamesState::Unread = *state {
            *state = NamesState::Reads { read: 0, since: Vec::new() };
            let reads = names.clone();
            if let Err(error) = thread::Builder::new().name("hub-names".into()).spawn(move || reads.fill()) {
                *state = NamesState::Unread;
                telemetry::names_not_read(&error);
            }
        }
        Err(NotSearched::Reads { read: 0, people })
    }

    /// Somebody is enrolled; the row is in the database.
    pub fn added(&self, person: &Person, player: PlayerId) {
        match &mut *self.state.write() {
            NamesState::Unread => {}
            NamesState::Reads { since, .. } => since.push(NameChange::Added(person.clone(), player)),
            NamesState::There(table) => table.push(person.issuer(), person.subject(), player),
        }
    }

    /// Somebody is erased; the row is not in the database any more.
    pub fn removed(&self, player: PlayerId) {
        match &mut *self.state.write() {
            NamesState::Unread => {}
            NamesState::Reads { since, .. } => since.push(NameChange::Removed(player)),
            NamesState::There(table) => table.remove(player),
        }
    }

    fn fill(&self) {
        let all = || read::all(&self.directory, self.store, &self.keys, |names| self.tell(names));
        // After a panic, which its hook has told, the next search must not wait for ever.
        let read = catch_unwind(AssertUnwindSafe(all));
        let mut state = self.state.write();
        let NamesState::Reads { since, .. } = std::mem::take(&mut *state) else { return };
        match read {
            Ok(Ok(mut table)) => {
                table.catch_up(since);
                *state = NamesState::There(table);
            }
            Ok(Err(error)) => telemetry::names_not_read(&error),
            Err(_) => {}
        }
    }

    /// So many names were read so far.
    fn tell(&self, names: u64) {
        if let NamesState::Reads { read, .. } = &mut *self.state.write() {
            *read = names;
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::{Contents, DATABASE, Master, People};

    /// What the hub did not write is not shown, and the search may be asked for again.
    #[test]
    fn a_damaged_row_ends_the_reading_and_the_next_search_reads_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let master = Master::new(b"the master key of this test, 32 bytes");
        let contents = Contents::create(directory.path(), &master).expect("a disk");
        let names = Names::of(directory.path().to_owned(), contents.id(), contents.keys.clone());
        let people = People::open(contents).expect("a disk");
        let (sender, answer) = std::sync::mpsc::channel();
        let anna = Person::new("issuer".into(), "anna").expect("a name");
        people.enrol(anna, move |enrolled| sender.send(enrolled).expect("the test waits"));
        let anna = answer.recv().expect("an answer").expect("a disk");

        let database = Connection::open(directory.path().join(DATABASE)).expect("a database");
        let tag: Vec<u8> = database.query_row("SELECT tag FROM person", [], |row| row.get(0)).expect("a row");
        let put = |tag: &[u8]| {
            assert_eq!(database.execute("UPDATE person SET tag = ?1", [tag]).expect("a database"), 1);
        };
        let fill = || {
            *names.state.write() = NamesState::Reads { read: 0, since: Vec::new() };
            names.fill();
        };
        put(&[0; 16]);
        fill();
        assert!(matches!(*names.state.read(), NamesState::Unread));
        put(&tag);
        fill();
        let found = Names::search(&Arc::new(names), ("issuer", "nn"), None, 1, 1).expect("it is read");
        assert_eq!(found.found, [("anna".to_owned(), anna)]);
    }
}
