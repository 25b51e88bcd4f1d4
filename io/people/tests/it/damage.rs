//! Damage: a changed byte is never skipped, and nobody silently loses their id.

use people::{Contents, Error};

use crate::rig::{empty, read, with};

/// The file, of which everything but the last note is on the disk; the file is named by each refusal.
fn judged(bytes: &[u8]) -> Result<Contents, Error> {
    let found = read(bytes);
    if let Err(error) = &found {
        assert!(error.to_string().contains("data/people"), "{error}");
    }
    found
}

#[test]
fn a_flipped_bit_is_refused_by_name_or_changes_nobody() {
    let (_people, memory, ids) = with(&["anna", "bert", "carl"]);
    let whole = memory.bytes();
    let (mut refused, mut harmless) = (0, 0);
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << bit;
            match judged(&bytes) {
                Err(_) => refused += 1,
                // One of the two notes: the other one has the same or nearly the same.
                Ok(found) => {
                    harmless += 1;
                    assert!((32..56).contains(&place), "a bit at {place} is not noticed");
                    assert!(ids.iter().all(|id| found.has(*id)) && found.torn().is_none());
                }
            }
        }
    }
    assert_eq!((refused, harmless), ((whole.len() - 24) * 8, 24 * 8));
}

#[test]
fn after_a_power_failure_damage_before_the_last_batch_is_refused() {
    let (_people, memory, ids) = with(&["anna", "bert", "carl"]);
    // The note of carl's batch was not synced: the one of bert's is the newest on the disk.
    let disk = memory.after_power_failure(0);
    let found = read(&disk).expect("a sound file");
    assert!(ids.iter().all(|id| found.has(*id)));
    let last = disk.len() - (8 + 20 + "https://id.example".len() + "carl".len());
    for place in 64..last {
        let mut bytes = disk.clone();
        bytes[place] ^= 0x10;
        assert!(judged(&bytes).is_err(), "a byte at {place}");
    }
}

#[test]
fn a_file_that_was_cut_is_refused_and_so_is_a_batch_taken_out() {
    let (_people, memory, _) = with(&["anna", "bert", "carl"]);
    let whole = memory.bytes();
    for end in 0..whole.len() {
        assert!(judged(&whole[..end]).is_err(), "cut at {end}");
    }
    let batch = (whole.len() - 64) / 3;
    for which in 0..3 {
        let mut bytes = whole.clone();
        bytes.drain(64 + which * batch..64 + (which + 1) * batch);
        assert!(judged(&bytes).is_err(), "batch {which} taken out");
    }
}

#[test]
fn batches_of_another_file_and_another_place_are_none() {
    let (_people, memory, _) = with(&["anna", "bert"]);
    let (_others, other, _) = with(&["anna", "bert"]);
    let (mut one, other) = (memory.bytes(), other.bytes());
    let twice = [&one[..], &one[64..]].concat();
    let found = judged(&twice).expect("what is behind the end was never synced");
    assert_eq!((found.count(), found.torn().map(|torn| torn.offset)), (2, Some(one.len() as u64)));
    one[64..].copy_from_slice(&other[64..]);
    assert!(judged(&one).is_err());
}

#[test]
fn what_is_no_people_file_and_what_another_version_wrote_is_told_apart() {
    for bytes in [&b""[..], b"something else", &[0; 64]] {
        assert!(matches!(judged(bytes), Err(Error::Damaged { offset: 0, .. })));
    }
    let mut later = empty();
    later[8] = 2;
    let check = crc32c::crc32c(&later[..28]);
    later[28..32].copy_from_slice(&check.to_le_bytes());
    assert!(matches!(judged(&later), Err(Error::Version { version: 2, .. })));
}

/// A file of one batch with these ids and subjects, and checksums that are right.
fn written(entries: &[(u128, &str)]) -> Vec<u8> {
    let mut bytes = empty();
    let id: [u8; 16] = bytes[12..28].try_into().expect("16 bytes");
    let mut batch = Vec::new();
    for (player, subject) in entries {
        batch.extend(player.to_be_bytes());
        batch.extend([1, 0]);
        batch.extend((subject.len() as u16).to_le_bytes());
        batch.extend(format!("i{subject}").as_bytes());
    }
    let length = (batch.len() as u32).to_le_bytes();
    let check = crc32c::crc32c(&[&id[..], &64_u64.to_le_bytes(), &length, &batch].concat());
    bytes.extend([&length[..], &check.to_le_bytes(), &batch].concat());
    bytes
}

#[test]
fn a_person_or_an_id_found_twice_is_damage_and_is_told_apart() {
    let said = |entries: &[(u128, &str)]| judged(&written(entries)).map(|found| found.count());
    assert_eq!(said(&[(1, "anna"), (2, "bert")]).expect("two people"), 2);
    let words = |entries: &[(u128, &str)]| said(entries).expect_err("damage").to_string();
    assert!(words(&[(1, "anna"), (1, "bert")]).contains("two people have the same id"));
    assert!(words(&[(1, "anna"), (2, "anna")]).contains("one person has two ids"));
    assert!(words(&[(1, "")]).contains("its checksum is right, and its entries are not"));
}
