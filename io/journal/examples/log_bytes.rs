//! Counts where the bytes of a log go: what was appended, headers, and the zeros that fill the sectors.
//!
//! `cargo run -p journal --example log_bytes -- DIRECTORY`: reads a whole log, also beside its writer. Segments' headers,
//! marks and the unused end of the last segment are left out.

use std::path::PathBuf;

use journal::{Error, Lsn, Reader};

fn main() -> Result<(), Error> {
    let dir = std::env::args_os().nth(1).map_or_else(|| "data".into(), PathBuf::from);
    let mut reader = Reader::open(&dir, Lsn(0))?;
    let (mut lengths, mut batches, mut bytes, mut padding) = (Vec::new(), 0_u64, 0_u64, 0_u64);
    while let Some(entry) = reader.next(Lsn::MAX)? {
        lengths.push(entry.bytes.len() as u64);
        if entry.lsn == entry.batch.first {
            batches += 1;
            bytes += u64::from(entry.batch.bytes);
            padding += u64::from(entry.batch.padding);
        }
    }
    let appended: u64 = lengths.iter().sum();
    lengths.sort_unstable();
    let each = |bytes: u64| bytes as f64 / lengths.len().max(1) as f64;
    println!("records         {:>12}", lengths.len());
    println!("records a batch {:>12.1}", lengths.len() as f64 / batches.max(1) as f64);
    println!("bytes a record, mean");
    println!(
        "  appended      {:>12.1}   median {}",
        each(appended),
        lengths.get(lengths.len() / 2).unwrap_or(&0)
    );
    println!("  headers       {:>12.1}", each(bytes - appended));
    println!("  padding       {:>12.1}", each(padding));
    println!("  together      {:>12.1}", each(bytes + padding));
    Ok(())
}
