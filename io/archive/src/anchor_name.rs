//! The name of an anchor, which states all that its content must be and of which log it is.

use base16ct::HexDisplay;
use journal::{Cursor, LineageId, Lsn};

use crate::name::{Stated, id};

/// What the name of an object ends with.
const SUFFIX: &str = ".anchor.zst";

/// An anchor in the archive: `<log>/<lineage>/<record>-<hash>-<bytes>-<SHA-256>.anchor.zst`. Ids and hashes are
/// hexadecimal, the record is padded, so that a list is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnchorName {
    /// The id of the log.
    pub log: [u8; 16],
    /// The last record of the state, the hash of its batch, and its lineage.
    pub at: Cursor,
    /// Length of the plain bytes.
    pub bytes: u64,
    /// The SHA-256 of the plain bytes.
    pub sha256: [u8; 32],
}

impl AnchorName {
    /// The path in the archive.
    pub fn path(&self) -> String {
        format!(
            "{}/{}/{:020}-{}-{}-{}{SUFFIX}",
            LineageId(self.log),
            self.at.lineage,
            self.at.lsn.0,
            HexDisplay(&self.at.hash),
            self.bytes,
            HexDisplay(&self.sha256),
        )
    }

    /// Reads a path; `None` when it is not exactly one that [`AnchorName::path`] makes.
    pub fn parse(path: &str) -> Option<AnchorName> {
        let [log, lineage, file] = path.split('/').collect::<Vec<_>>().try_into().ok()?;
        let stated: Vec<&str> = file.strip_suffix(SUFFIX)?.split('-').collect();
        let [record, hash, bytes, sha256] = stated.try_into().ok()?;
        let at = Cursor { lineage: LineageId(id(lineage)?), lsn: Lsn(record.parse().ok()?), hash: id(hash)? };
        let name = AnchorName { log: id(log)?, at, bytes: bytes.parse().ok()?, sha256: id(sha256)? };
        (name.path() == path && at.lsn > Lsn(0)).then_some(name)
    }

    pub(crate) fn stated(&self) -> Stated {
        Stated { object: self.path(), bytes: self.bytes, sha256: self.sha256 }
    }
}

impl std::fmt::Display for AnchorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path())
    }
}

/// An anchor that is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchivedAnchor {
    /// Its object.
    pub name: AnchorName,
    /// Length of the object. Bytes; 0 when it was there before and was only compared.
    pub packed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_no_other_text_is_one() {
        let at = Cursor { lineage: LineageId([0xab; 16]), lsn: Lsn(7), hash: [9; 32] };
        let name = AnchorName { log: [1; 16], at, bytes: 4096, sha256: [3; 32] };
        let path = name.path();
        assert!(path.len() < 255, "{path}");
        assert_eq!(AnchorName::parse(&path), Some(name));
        let others = [
            path.replace("00007-", "+0007-"),
            path.replace("00007-", "00000-"),
            path.replace("ab", "AB"),
            path.replace("-4096-", "-04096-"),
            path.replace(".anchor.zst", ".log.zst"),
            path.replace("09", "9"),
            format!("{path}#1"),
            format!("x/{path}"),
            path[33..].to_owned(),
            String::new(),
        ];
        for other in others {
            assert_ne!(other, path);
            assert_eq!(AnchorName::parse(&other), None, "{other}");
        }
    }
}
