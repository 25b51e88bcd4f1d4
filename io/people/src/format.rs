//! The bytes of the people file. Numbers are little endian.
//!
//! ```text
//! header, 64 bytes
//!    0  magic, 8     8  version, 4    12  file id, 16    28  CRC-32C of the bytes before, 4
//!   32  note, 12    44  note, 12      56  zeros, 8
//! batch, one for each sync, from byte 64 on
//!    0  length of the entries, 4       4  CRC-32C of file id, offset, length and entries, 4      8  entries
//! entry
//!    0  player id, 16 (big endian, as it is written in text)   16  length of the issuer, 2   18  of the subject, 2
//!   20  issuer, subject
//! note
//!    0  a length up to which the file is synced, 8             8  CRC-32C of file id and length, 4
//! ```
//!
//! A batch has the checksum of its place in this very file: bytes inside an entry, which come from outside, can be no
//! batch, and a batch of another file or place is none here. The notes are written in turn, after each sync. They tell a
//! torn tail from damage: what is bad before the greater one was synced once.

use std::sync::Arc;

use protocol::PlayerId;

use crate::Person;

/// Name of the file in the directory of the log.
pub const FILE: &str = "people";
/// The version that is written and read.
pub const VERSION: u32 = 1;
/// Length of the header. Bytes.
pub const HEADER_BYTES: usize = 64;
/// Longest entries of one batch. Bytes.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

const MAGIC: [u8; 8] = *b"HUB-PPL\0";
/// Where the checksum of the fixed part of the header stands.
const CHECK_AT: usize = 28;
const NOTES_AT: usize = 32;
const NOTE_BYTES: usize = 12;
/// Length and checksum before the entries of a batch.
const BATCH_HEAD: usize = 8;
/// Id and two lengths before the texts of an entry.
const ENTRY_HEAD: usize = 20;

/// The random id of a people file. The log records it.
pub type FileId = u128;

/// One line of the mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The random id.
    pub player: PlayerId,
    /// Whose it is.
    pub person: Person,
}

impl Enrolled {
    /// Bytes of the entry in a batch.
    pub fn bytes(&self) -> usize {
        ENTRY_HEAD + self.person.issuer().len() + self.person.subject().len()
    }
}

/// A new header: nothing behind it is synced.
pub fn header(id: FileId) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..CHECK_AT].copy_from_slice(&id.to_be_bytes());
    let check = crc32c::crc32c(&bytes[..CHECK_AT]);
    bytes[CHECK_AT..NOTES_AT].copy_from_slice(&check.to_le_bytes());
    for which in [0, 1] {
        let (at, note) = note(id, which, HEADER_BYTES as u64);
        bytes[at as usize..at as usize + NOTE_BYTES].copy_from_slice(&note);
    }
    bytes
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The id of the file.
    pub id: FileId,
    /// The length up to which the file is known to be synced. Bytes.
    pub synced: u64,
    /// Which note is the next to be written over.
    pub next_note: u8,
}

/// Why a header is refused.
pub enum BadHeader {
    /// The offset, and what is wrong there.
    Damaged(u64, &'static str),
    /// Another release wrote it.
    Version(u32),
}

/// Reads the header at the beginning of a file.
pub fn read_header(bytes: &[u8]) -> Result<Header, BadHeader> {
    let Some(bytes) = bytes.get(..HEADER_BYTES) else {
        return Err(BadHeader::Damaged(0, "it is shorter than its header"));
    };
    if bytes[..8] != MAGIC {
        return Err(BadHeader::Damaged(0, "it is not a people file"));
    }
    if u32_at(bytes, CHECK_AT) != crc32c::crc32c(&bytes[..CHECK_AT]) {
        return Err(BadHeader::Damaged(0, "the checksum of its header is wrong"));
    }
    match u32_at(bytes, 8) {
        VERSION => {}
        version => return Err(BadHeader::Version(version)),
    }
    if bytes[NOTES_AT + 2 * NOTE_BYTES..] != [0; 8] {
        return Err(BadHeader::Damaged(56, "the unused end of its header is not zero"));
    }
    let id = u128::from_be_bytes(array(bytes, 12));
    let [first, second] = [0, 1].map(|which| read_note(bytes, id, which));
    // One may be torn by a crash while it was written; both never.
    let synced = first.max(second).ok_or(BadHeader::Damaged(32, "both notes of its length are wrong"))?;
    Ok(Header { id, synced, next_note: u8::from(first > second) })
}

/// The place and the bytes of a note that the file is synced up to a length.
pub fn note(id: FileId, which: u8, synced: u64) -> (u64, [u8; NOTE_BYTES]) {
    let mut bytes = [0; NOTE_BYTES];
    bytes[..8].copy_from_slice(&synced.to_le_bytes());
    bytes[8..].copy_from_slice(&note_check(id, synced).to_le_bytes());
    ((NOTES_AT + NOTE_BYTES * usize::from(which)) as u64, bytes)
}

fn note_check(id: FileId, synced: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&id.to_be_bytes()), &synced.to_le_bytes())
}

fn read_note(bytes: &[u8], id: FileId, which: usize) -> Option<u64> {
    let at = NOTES_AT + NOTE_BYTES * which;
    let synced = u64::from_le_bytes(array(bytes, at));
    (u32_at(bytes, at + 8) == note_check(id, synced)).then_some(synced)
}

/// The bytes of a batch for its place in a file.
pub fn batch(id: FileId, offset: u64, entries: &[Enrolled]) -> Vec<u8> {
    let length = entries.iter().map(Enrolled::bytes).sum::<usize>();
    let mut bytes = Vec::with_capacity(BATCH_HEAD + length);
    bytes.extend((length as u32).to_le_bytes());
    bytes.extend([0; 4]);
    for Enrolled { player, person } in entries {
        let (issuer, subject) = (person.issuer(), person.subject());
        bytes.extend(player.0.to_be_bytes());
        bytes.extend((issuer.len() as u16).to_le_bytes());
        bytes.extend((subject.len() as u16).to_le_bytes());
        bytes.extend(issuer.as_bytes());
        bytes.extend(subject.as_bytes());
    }
    let check = batch_check(id, offset, length as u32, &bytes[BATCH_HEAD..]);
    bytes[4..BATCH_HEAD].copy_from_slice(&check.to_le_bytes());
    bytes
}

fn batch_check(id: FileId, offset: u64, length: u32, entries: &[u8]) -> u32 {
    let place = crc32c::crc32c_append(crc32c::crc32c(&id.to_be_bytes()), &offset.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(place, &length.to_le_bytes()), entries)
}

/// The bytes of the entries of the batch at an offset; `None` when there is no whole batch.
pub fn batch_at(file: &[u8], id: FileId, offset: usize) -> Option<&[u8]> {
    let head = file.get(offset..offset + BATCH_HEAD)?;
    let length = u32_at(head, 0);
    if length == 0 || length as usize > BATCH_BYTES_MAX {
        return None;
    }
    let from = offset + BATCH_HEAD;
    let entries = file.get(from..from + length as usize)?;
    (u32_at(head, 4) == batch_check(id, offset as u64, length, entries)).then_some(entries)
}

/// Where the batch ends that has these entries and begins at an offset.
pub fn batch_end(offset: usize, entries: &[u8]) -> usize {
    offset + BATCH_HEAD + entries.len()
}

/// Reads one entry off the front; `None` when it is none. Issuers that repeat share their text through `issuer`.
pub fn next_entry(bytes: &mut &[u8], issuer: &mut Option<Arc<str>>) -> Option<Enrolled> {
    let head = bytes.get(..ENTRY_HEAD)?;
    let player = PlayerId(u128::from_be_bytes(array(head, 0)));
    let lengths = [16, 18].map(|at| usize::from(u16::from_le_bytes(array(head, at))));
    let rest = &bytes[ENTRY_HEAD..];
    let (texts, rest) = rest.split_at_checked(lengths[0] + lengths[1])?;
    let (name, subject) = texts.split_at(lengths[0]);
    let name = std::str::from_utf8(name).ok()?;
    let shared = match issuer.take() {
        Some(known) if *known == *name => known,
        Some(_) | None => name.into(),
    };
    *issuer = Some(shared.clone());
    let person = Person::new(shared, std::str::from_utf8(subject).ok()?).ok()?;
    *bytes = rest;
    Some(Enrolled { player, person })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range has N bytes")
}
