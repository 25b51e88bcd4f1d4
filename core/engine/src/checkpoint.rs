//! Checkpoints: the state as bytes, so that a start need not replay the whole log.
//!
//! A checkpoint only shortens a start; the log stays complete. It contains the digest of the money state, and decoding
//! compares that with the digest of what was decoded.

use ledger::codec::{DecodeError, Decoder, Encoder};

use crate::{books::Books, table::TableState, world::World};

/// Version this release writes.
const VERSION: u8 = 4;

/// Encodes the state.
#[must_use]
pub fn encode(world: &World) -> Vec<u8> {
    let mut encoder = Encoder::plain(1 << 20);
    encoder.byte(VERSION);
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
/// When the bytes are not a whole checkpoint of this version, or its digest is not that of the decoded state.
pub fn decode(bytes: &[u8]) -> Result<World, DecodeError> {
    let mut decoder = Decoder::plain(bytes);
    if decoder.byte()? != VERSION {
        return Err(DecodeError::Unknown("checkpoint version"));
    }
    let mut world = World { books: Books::decode(&mut decoder)?, ..World::default() };
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
