//! Damage: a changed byte is never skipped, and nobody silently loses their id.

use std::{fs, path::Path};

use people::{Contents, DATABASE, Error, KEYS, Master};
use protocol::PlayerId;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::rig::{Image, master, person, read, with};

const NAMES: [&str; 3] = ["anna", "bert", "carl"];

/// Reads what is in a directory; a refusal names a file of the store.
fn judged(directory: &Path) -> Result<Contents, Error> {
    let found = read(directory);
    if let Err(error) = &found {
        let said = error.to_string();
        assert!(said.contains(DATABASE) || said.contains(KEYS), "{said}");
    }
    found
}

/// Changes one bit of a file; it is refused, or everybody has their id and a name that opens as before.
fn flip(directory: &Path, (name, bytes): (&str, &[u8]), place: usize, ids: &[PlayerId]) -> bool {
    let mut changed = bytes.to_vec();
    changed[place] ^= 1 << (place % 8);
    fs::write(directory.join(name), changed).expect("a disk");
    match judged(directory) {
        Err(_) => true,
        Ok(found) => {
            let same = NAMES.iter().zip(ids).all(|(name, id)| found.find(&person(name)) == Some(*id));
            assert!(same && found.count() == 3, "a bit at {place} of {name} is not noticed");
            false
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_by_name_or_changes_nobody() {
    let (directory, ids) = with(&NAMES);
    let image = Image::of(directory.path());
    // Free space of pages is zeros and not read.
    let places = (0..image.database.len()).filter(|place| image.database[*place] != 0 || place % 61 == 0);
    let (mut refused, mut tried) = (0, 0);
    for place in places {
        tried += 1;
        refused += usize::from(flip(directory.path(), (DATABASE, &image.database), place, &ids));
    }
    println!("{refused} of {tried} flipped bits are refused");
    assert!(refused > 700, "{refused} of {tried}");
    image.put(directory.path());
    judged(directory.path()).expect("the store is whole again");
}

#[test]
fn a_changed_or_cut_key_file_is_refused() {
    let (directory, ids) = with(&NAMES);
    let image = Image::of(directory.path());
    let head_and_end = (0..400).chain(image.keys.len() - 100..image.keys.len());
    for place in head_and_end.chain((0..image.keys.len()).step_by(499)) {
        assert!(flip(directory.path(), (KEYS, &image.keys), place, &ids), "a byte at {place}");
        fs::write(directory.path().join(KEYS), &image.keys[..place]).expect("a disk");
        assert!(judged(directory.path()).is_err(), "cut at {place}");
    }
    // Somebody who changes it can make the checksum right, and not the code.
    let mut forged = image.keys.clone();
    forged[100] ^= 1;
    let end = forged.len() - 4;
    let check = crc32c::crc32c(&forged[..end]).to_be_bytes();
    forged[end..].copy_from_slice(&check);
    fs::write(directory.path().join(KEYS), forged).expect("a disk");
    let said = judged(directory.path()).expect_err("it is forged").to_string();
    assert!(said.contains("its content is not what the hub wrote"), "{said}");
}

#[test]
fn a_database_that_was_cut_is_refused() {
    let (directory, _) = with(&NAMES);
    let image = Image::of(directory.path());
    for end in (1..image.database.len()).step_by(509) {
        fs::write(directory.path().join(DATABASE), &image.database[..end]).expect("a disk");
        assert!(judged(directory.path()).is_err(), "cut at {end}");
    }
    fs::write(directory.path().join(DATABASE), "").expect("a disk");
    assert!(judged(directory.path()).is_err());
}

/// A store of three people after these statements.
fn changed(statements: &str) -> TempDir {
    let (directory, _) = with(&NAMES);
    let connection = Connection::open(directory.path().join(DATABASE)).expect("a database");
    connection.execute_batch(statements).expect("statements");
    directory
}

#[test]
fn what_sql_can_change_is_refused_too() {
    let first = "(SELECT player FROM person LIMIT 1)";
    for statements in [
        "DELETE FROM person",
        &format!("DELETE FROM person WHERE player = {first}"),
        &format!("UPDATE person SET lookup = zeroblob(16) WHERE player = {first}"),
        &format!("UPDATE person SET player = zeroblob(16) WHERE player = {first}"),
        &format!("UPDATE person SET slot = 77 WHERE player = {first}"),
        &format!("UPDATE person SET subject = issuer WHERE player = {first}"),
        &format!(
            "INSERT INTO person SELECT 9, zeroblob(16), lookup, issuer, subject, tag FROM person WHERE player = {first}"
        ),
        "UPDATE store SET people = 2",
        "UPDATE store SET next_slot = 0",
        "UPDATE store SET id = zeroblob(16)",
        "DELETE FROM store",
        "INSERT INTO exclusion VALUES (zeroblob(16), zeroblob(16), zeroblob(16))",
        "DROP TABLE exclusion",
    ] {
        let directory = changed(statements);
        let refused = judged(directory.path());
        assert!(refused.is_err(), "{statements}");
    }
}

#[test]
fn a_newer_version_and_what_is_no_people_database_are_told_apart() {
    let newer = judged(changed("PRAGMA user_version = 2").path());
    assert!(matches!(newer, Err(Error::Version { version: 2, reads: 1, .. })), "{newer:?}");
    let other = judged(changed("PRAGMA application_id = 1").path());
    assert!(
        matches!(&other, Err(Error::Damaged { what, .. }) if what.contains("not a people database")),
        "{other:?}"
    );
    let (directory, _) = with(&NAMES);
    fs::write(directory.path().join(DATABASE), vec![b'x'; 10_000]).expect("a disk");
    assert!(matches!(judged(directory.path()), Err(Error::Damaged { .. })));
}

#[test]
fn another_master_key_is_refused_before_anything_changes() {
    let (directory, _) = with(&NAMES);
    let before = Image::of(directory.path());
    let refused = Contents::read(directory.path(), &Master::new(b"another key"));
    assert!(matches!(&refused, Err(Error::WrongKey { file }) if file.ends_with(DATABASE)), "{refused:?}");
    assert!(Image::of(directory.path()) == before);
}

#[test]
fn a_key_file_that_is_lost_of_another_store_or_newer_is_refused_by_name() {
    let ((directory, _), (other, _)) = (with(&NAMES), with(&NAMES));
    let image = Image::of(directory.path());
    let keys = directory.path().join(KEYS);
    fs::write(&keys, Image::of(other.path()).keys).expect("a disk");
    assert!(matches!(judged(directory.path()), Err(Error::OtherStore { .. })));
    let mut newer = image.keys.clone();
    newer[11] = 2;
    let end = newer.len() - 4;
    let check = crc32c::crc32c(&newer[..end]).to_be_bytes();
    newer[end..].copy_from_slice(&check);
    fs::write(&keys, newer).expect("a disk");
    assert!(matches!(judged(directory.path()), Err(Error::Version { version: 2, .. })));
    fs::remove_file(&keys).expect("it is there");
    assert!(matches!(judged(directory.path()), Err(Error::NoKeys { .. })));
}

#[test]
fn a_people_file_of_an_earlier_build_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::write(directory.path().join("people"), "HUB-PPL\0").expect("a disk");
    let said = Contents::read(directory.path(), &master()).expect_err("an old file").to_string();
    assert!(said.contains("people is a people file of an earlier build"), "{said}");
}
