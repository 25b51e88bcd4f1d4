//! The name of an archived segment, which states all that its content must be.

use base16ct::{HexDisplay, mixed};
use journal::{LineageId, Lsn, Sealed};

/// What the name of an object ends with.
const SUFFIX: &str = ".log.zst";

/// An archived segment: `<log>/<lineage>/<first>-<last>-<bytes>-<SHA-256>.log.zst`. Ids and hash are hexadecimal, the records
/// are padded, so that a list is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The id of the log.
    pub log: [u8; 16],
    /// The lineage of its records.
    pub lineage: LineageId,
    /// Its first record.
    pub first: Lsn,
    /// Its last record.
    pub last: Lsn,
    /// Length of the segment's file. Bytes.
    pub bytes: u64,
    /// The SHA-256 of the segment's file.
    pub sha256: [u8; 32],
}

impl ObjectName {
    pub(crate) fn of(log: [u8; 16], segment: &Sealed, sha256: [u8; 32]) -> ObjectName {
        let Sealed { first, end, bytes } = *segment;
        ObjectName { log, lineage: end.lineage, first, last: end.lsn, bytes, sha256 }
    }

    /// Whether it states a segment's lineage, records and length; its content is another question.
    pub(crate) fn states(&self, segment: &Sealed) -> bool {
        let Sealed { first, end, bytes } = *segment;
        (self.lineage, self.first, self.last, self.bytes) == (end.lineage, first, end.lsn, bytes)
    }

    /// The path in the archive.
    pub fn path(&self) -> String {
        format!(
            "{}/{}/{:020}-{:020}-{}-{}{SUFFIX}",
            LineageId(self.log),
            self.lineage,
            self.first.0,
            self.last.0,
            self.bytes,
            HexDisplay(&self.sha256),
        )
    }

    pub(crate) fn stated(&self) -> Stated {
        Stated { object: self.path(), bytes: self.bytes, sha256: self.sha256 }
    }

    /// Reads a path; `None` when it is not exactly one that [`ObjectName::path`] makes.
    pub fn parse(path: &str) -> Option<ObjectName> {
        let [log, lineage, file] = path.split('/').collect::<Vec<_>>().try_into().ok()?;
        let stated: Vec<&str> = file.strip_suffix(SUFFIX)?.split('-').collect();
        let [first, last, bytes, sha256] = stated.try_into().ok()?;
        let name = ObjectName {
            log: id(log)?,
            lineage: LineageId(id(lineage)?),
            first: Lsn(first.parse().ok()?),
            last: Lsn(last.parse().ok()?),
            bytes: bytes.parse().ok()?,
            sha256: id(sha256)?,
        };
        // A plus sign, capital letters or other zeros would be a second name for the same.
        (name.path() == path && name.first > Lsn(0)).then_some(name)
    }
}

/// What the name of any object states of its content.
#[derive(Debug, Clone)]
pub(crate) struct Stated {
    /// The path in the archive.
    pub object: String,
    /// Length of the plain bytes.
    pub bytes: u64,
    /// The SHA-256 of the plain bytes.
    pub sha256: [u8; 32],
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path())
    }
}

/// Reads an id or a hash.
pub(crate) fn id<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let read = mixed::decode(digits, &mut bytes).ok()?.len();
    (read == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_no_other_text_is_one() {
        let name = ObjectName {
            log: [1; 16],
            lineage: LineageId([0xab; 16]),
            first: Lsn(7),
            last: Lsn(9),
            bytes: 4096,
            sha256: [3; 32],
        };
        let path = name.path();
        assert_eq!(ObjectName::parse(&path), Some(name));
        let others = [
            path.replace("00007-", "+0007-"),
            path.replace("ab", "AB"),
            path.replace("-4096-", "-04096-"),
            path.replace(".log.zst", ".log"),
            path.replace("03", "0"),
            format!("{path}#1"),
            format!("x/{path}"),
            format!("{path}/"),
            path[33..].to_owned(),
            String::new(),
        ];
        for other in others {
            assert_ne!(other, path);
            assert_eq!(ObjectName::parse(&other), None, "{other}");
        }
    }
}
