//! Checkpoints: the state as bytes, so that a start need not replay the whole log.
//!
//! A checkpoint only shortens a start; the log stays complete. It contains the digest of the money state, and decoding
//! compares that with the digest of what was decoded.

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{
    books::Books,
    record::{Formats, Unknown},
    table::TableState,
    upgrade,
    world::World,
};

/// Encodes the state.
#[must_use]
pub fn encode(world: &World) -> Vec<u8> {
    let mut encoder = Encoder::plain(1 << 20);
    upgrade::begin_checkpoint(&mut encoder);
    world.books.encode(&mut encoder);
    encoder.raw(&world.books.digest().total().to_bytes());
    encoder.uint(world.tables.len() as u128);
    for (id, table) in &world.tables {
        encoder.table(*id);
        table.encode(&mut encoder);
    }
    encoder.into_bytes()
}

/// Decodes a state.
///
/// # Errors
/// When the bytes are not a whole checkpoint of this version, when its digest is not that of the decoded state, or when the
/// state was made with what this release does not have ([`DecodeError::is_later`]).
pub fn decode(bytes: &[u8]) -> Result<World, DecodeError> {
    decode_with(bytes, &Formats::STANDARD)
}

/// As [`decode`], with these recipes and kinds of rows and facts.
///
/// # Errors
/// As [`decode`].
pub fn decode_with(bytes: &[u8], formats: &Formats) -> Result<World, DecodeError> {
    read(bytes, formats, Unknown::Refused)
}

/// As [`decode_with`], for a state that is only compared: the recipes and the kinds of rows that made it need not be known. A
/// hub never goes on from it.
///
/// # Errors
/// As [`decode`], but for what is not known.
pub fn decode_effects(bytes: &[u8], formats: &Formats) -> Result<World, DecodeError> {
    read(bytes, formats, Unknown::Kept)
}

fn read(bytes: &[u8], formats: &Formats, unknown: Unknown) -> Result<World, DecodeError> {
    let mut decoder = Decoder::plain(bytes);
    upgrade::checkpoint(&mut decoder, formats)?;
    let books = Books::decode(&mut decoder, formats, unknown)?;
    let mut world = World { books, ..World::default() };
    if world.books.digest().total().to_bytes() != decoder.array()? {
        return Err(DecodeError::OutOfRange("the checkpoint's digest"));
    }
    for _ in 0..decoder.count()? {
        let id = decoder.table()?;
        world.tables.insert(id, TableState::decode(&mut decoder)?);
    }
    decoder.finish()?;
    Ok(world)
}
