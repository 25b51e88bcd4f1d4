//! A place in a log that can be noted elsewhere: `LSN:HASH`.

/// A record of a log, and the chain hash there: it stands for every record up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The record, from 1.
    pub lsn: u64,
    /// Its chain hash.
    pub hash: [u8; 32],
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.lsn)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected a record and its hash, such as 1500:9f86d0…, as `hub verify` prints its head";
        let (lsn, digits) = text.split_once(':').ok_or(EXPECTED)?;
        let lsn = lsn.parse().ok().filter(|lsn| *lsn > 0).ok_or(EXPECTED)?;
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(EXPECTED);
        }
        let mut hash = [0; 32];
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[place * 2..place * 2 + 2], 16).map_err(|_| EXPECTED)?;
        }
        Ok(Self { lsn, hash })
    }
}
