//! Names in memory, one behind the other, so that all of them are searched as one text.

use std::{collections::HashSet, sync::Arc};

use memchr::memmem::Finder;
use protocol::PlayerId;
use zeroize::Zeroize as _;

use crate::{Person, SUBJECT_BYTES_MAX};

/// Stands behind each name, and in the place of a name that was removed. No text has this byte.
const NOTHING: u8 = 0xff;

/// People whose names have a part in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamePage {
    /// The subject and the player id of each, in the order in which they were enrolled.
    pub found: Vec<(String, PlayerId)>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// Why a search has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSearched {
    /// The names are being read.
    #[error("the names are being read, {read} of {people} so far")]
    Reads {
        /// How many were read.
        read: u64,
        /// How many there are, about.
        people: u64,
    },
    /// What is looked for is empty, or longer than any subject.
    #[error("what is looked for has 1 to {SUBJECT_BYTES_MAX} bytes")]
    OutOfBounds,
    /// The page is to begin behind somebody who is not there any more.
    #[error("nobody has the id behind which the page is to begin")]
    Nobody,
}

/// What has changed about a name.
#[derive(Debug)]
pub enum NameChange {
    /// Somebody is enrolled.
    Added(Person, PlayerId),
    /// Somebody is erased.
    Removed(PlayerId),
}

/// Everybody's names, in the order in which they were enrolled.
#[derive(Debug, Default)]
pub struct NameTable {
    /// The subjects, each with [`NOTHING`] behind it.
    text: Vec<u8>,
    /// Where each subject begins.
    starts: Vec<usize>,
    /// Whose each is. The id of somebody who was removed stays: it says nothing by itself.
    players: Vec<PlayerId>,
    /// The place of each one's issuer.
    issued_by: Vec<u32>,
    issuers: Vec<Arc<str>>,
}

impl NameTable {
    /// How many names were added.
    pub fn count(&self) -> u64 {
        self.starts.len() as u64
    }

    /// Adds a name.
    pub fn push(&mut self, issuer: &Arc<str>, subject: &str, player: PlayerId) {
        let known = self.issuers.iter().position(|known| known == issuer);
        let place = known.unwrap_or_else(|| {
            self.issuers.push(issuer.clone());
            self.issuers.len() - 1
        });
        self.starts.push(self.text.len());
        self.text.extend_from_slice(subject.as_bytes());
        self.text.push(NOTHING);
        self.players.push(player);
        self.issued_by.push(place as u32);
    }

    /// Removes a name, if it is there: its bytes are overwritten.
    pub fn remove(&mut self, player: PlayerId) {
        if let Some(place) = self.place(player) {
            let (start, end) = self.bounds(place);
            self.text[start..end].fill(NOTHING);
        }
    }

    /// Takes over what has changed while the names were read. Somebody who was enrolled meanwhile may have been read too.
    pub fn catch_up(&mut self, since: Vec<NameChange>) {
        let added: HashSet<_> = since
            .iter()
            .filter_map(|change| match change {
                NameChange::Added(_, player) => Some(*player),
                NameChange::Removed(_) => None,
            })
            .collect();
        let read: HashSet<_> = self.players.iter().copied().filter(|player| added.contains(player)).collect();
        for change in since {
            match change {
                NameChange::Added(person, player) if !read.contains(&player) => {
                    self.push(person.issuer(), person.subject(), player);
                }
                NameChange::Added(..) => {}
                NameChange::Removed(player) => self.remove(player),
            }
        }
    }

    /// People of an issuer whose subject has this part, behind `after`; at most `limit`.
    pub fn search(
        &self,
        issuer: &str,
        part: &str,
        after: Option<PlayerId>,
        limit: usize,
    ) -> Result<NamePage, NotSearched> {
        let first = match after {
            Some(player) => self.place(player).ok_or(NotSearched::Nobody)? + 1,
            None => 0,
        };
        let mut page = NamePage::default();
        let Some(issuer) = self.issuers.iter().position(|known| **known == *issuer) else { return Ok(page) };
        let finder = Finder::new(part);
        let mut from = self.starts.get(first).copied().unwrap_or(self.text.len());
        while let Some(found) = finder.find(&self.text[from..]) {
            let place = self.starts.partition_point(|start| *start <= from + found) - 1;
            let (start, end) = self.bounds(place);
            from = end + 1;
            if self.issued_by[place] as usize != issuer {
                continue;
            }
            if page.found.len() == limit {
                page.more = true;
                break;
            }
            let subject = String::from_utf8_lossy(&self.text[start..end]).into_owned();
            page.found.push((subject, self.players[place]));
        }
        Ok(page)
    }

    /// Where a subject begins and ends.
    fn bounds(&self, place: usize) -> (usize, usize) {
        let next = self.starts.get(place + 1).copied().unwrap_or(self.text.len());
        (self.starts[place], next - 1)
    }

    fn place(&self, player: PlayerId) -> Option<usize> {
        self.players.iter().position(|known| *known == player)
    }
}

impl Drop for NameTable {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[(&str, &str)]) -> NameTable {
        let mut table = NameTable::default();
        for (number, (issuer, subject)) in names.iter().enumerate() {
            table.push(&Arc::from(*issuer), subject, PlayerId(number as u128));
        }
        table
    }

    fn found(table: &NameTable, issuer: &str, part: &str) -> Vec<u128> {
        let page = table.search(issuer, part, None, 100).expect("it begins at the first");
        page.found.iter().map(|(_, player)| player.0).collect()
    }

    #[test]
    fn a_part_is_found_within_a_name_of_the_same_issuer_alone() {
        let names = [("a", "anna"), ("b", "anna"), ("a", "ann"), ("a", "nana"), ("a", "ähnlich"), ("a", "a")];
        let table = table(&names);
        for part in ["a", "n", "an", "nn", "na", "anna", "nnn", "aa", "ä", "h", "annaann", "x"] {
            for issuer in ["a", "b", "c"] {
                let expected =
                    names.iter().enumerate().filter(|(_, (by, name))| *by == issuer && name.contains(part));
                let expected: Vec<_> = expected.map(|(number, _)| number as u128).collect();
                assert_eq!(found(&table, issuer, part), expected, "{issuer} {part}");
            }
        }
        let page = table.search("a", "ann", None, 1).expect("it begins at the first");
        assert_eq!((page.found.as_slice(), page.more), (&[("anna".into(), PlayerId(0))][..], true));
        let page = table.search("a", "ann", Some(PlayerId(0)), 1).expect("somebody");
        assert_eq!((page.found.as_slice(), page.more), (&[("ann".into(), PlayerId(2))][..], false));
        assert_eq!(table.search("a", "ann", Some(PlayerId(5)), 1), Ok(NamePage::default()));
        assert_eq!(table.search("a", "ann", Some(PlayerId(6)), 1), Err(NotSearched::Nobody));
    }

    #[test]
    fn a_removed_name_is_not_in_the_table_and_what_changed_meanwhile_is_taken_over_once() {
        let mut table = table(&[("a", "anna"), ("a", "berta"), ("a", "carla")]);
        table.remove(PlayerId(1));
        assert!(!table.text.windows(5).any(|bytes| bytes == b"berta"));
        assert_eq!(found(&table, "a", "a"), [0, 2]);
        let added = |name, number| {
            NameChange::Added(Person::new("a".into(), name).expect("a name"), PlayerId(number))
        };
        let since =
            vec![added("carla", 2), added("dora", 3), NameChange::Removed(PlayerId(0)), added("emma", 4)];
        table.catch_up([since, vec![NameChange::Removed(PlayerId(4))]].into_iter().flatten().collect());
        assert_eq!(found(&table, "a", "a"), [2, 3]);
        let page = table.search("a", "a", Some(PlayerId(0)), 9).expect("the id stays");
        assert_eq!(page.found.len(), 2);
    }
}
