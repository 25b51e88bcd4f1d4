//! The search by a part of a name, beside a store that enrols and erases.

use std::thread;

use people::{NamePage, NotSearched, People};
use protocol::PlayerId;

use crate::rig::{ISSUER, empty, enrol, erase_open, open, with};

/// Searches until the names are read.
fn search(people: &People, part: &str, after: Option<PlayerId>, limit: usize) -> NamePage {
    loop {
        match people.search(ISSUER, part, after, limit) {
            Ok(page) => return page,
            Err(NotSearched::Reads { .. }) => thread::yield_now(),
            Err(why) => panic!("{why}"),
        }
    }
}

fn found(people: &People, part: &str) -> Vec<String> {
    search(people, part, None, 1_000).found.into_iter().map(|(subject, _)| subject).collect()
}

#[test]
fn people_are_found_by_a_part_of_their_name_also_those_who_come_and_go_meanwhile() {
    let (directory, ids) = with(&["PLAYER_1", "PLAYER_12", "VIP_1"]);
    let people = open(directory.path());
    let first = people.search(ISSUER, "1", None, 10);
    assert!(matches!(first, Err(NotSearched::Reads { people: 3, .. })), "{first:?}");
    // Whoever is enrolled or erased while the names are read, or after.
    for number in 0..50 {
        enrol(&people, &format!("NEW_{number}")).expect("a disk");
    }
    erase_open(&people, ids[1], false).expect("a disk");
    assert_eq!(
        found(&people, "_1"),
        ["PLAYER_1", "VIP_1", "NEW_1"]
            .map(str::to_owned)
            .into_iter()
            .chain((10..20).map(|number| format!("NEW_{number}")))
            .collect::<Vec<_>>()
    );
    let again = enrol(&people, "PLAYER_12").expect("a disk");
    erase_open(&people, ids[2], true).expect("a disk");
    assert_eq!(found(&people, "PLAYER_1"), ["PLAYER_1", "PLAYER_12"]);
    assert_eq!(found(&people, "VIP"), [""; 0]);
    let page = search(&people, "PLAYER", Some(ids[0]), 1);
    assert_eq!((page.found.as_slice(), page.more), (&[("PLAYER_12".to_owned(), again)][..], false));
    assert!(search(&people, "NEW", None, 1).more);
    assert_eq!(people.search("another issuer", "P", None, 1), Ok(NamePage::default()));
    assert_eq!(people.search(ISSUER, "", None, 1), Err(NotSearched::OutOfBounds));
    assert_eq!(people.search(ISSUER, &"x".repeat(257), None, 1), Err(NotSearched::OutOfBounds));
    assert_eq!(people.search(ISSUER, "P", Some(PlayerId(1)), 1), Err(NotSearched::Nobody));
    drop(people);
    assert_eq!(found(&open(directory.path()), "PLAYER_1"), ["PLAYER_1", "PLAYER_12"], "after a restart");
}

#[test]
fn nobody_is_found_in_an_empty_store() {
    let directory = empty();
    assert_eq!(search(&open(directory.path()), "a", None, 1), NamePage::default());
}
