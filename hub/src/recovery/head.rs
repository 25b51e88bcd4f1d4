//! A place in a log that can be noted elsewhere: `LSN:HASH`.

use base16ct::{HexDisplay, mixed};

/// The last record of a batch, and the batch's hash: it stands for every record up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The record, from 1.
    pub lsn: u64,
    /// The hash of its batch.
    pub hash: [u8; 32],
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{:x}", self.lsn, HexDisplay(&self.hash))
    }
}

impl std::str::FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected a record and its hash, such as 1500:9f86d0…, as `hub verify` prints its head";
        let (lsn, digits) = text.split_once(':').ok_or(EXPECTED)?;
        let lsn = lsn.parse().ok().filter(|lsn| *lsn > 0).ok_or(EXPECTED)?;
        let mut hash = [0; 32];
        match mixed::decode(digits, &mut hash) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self { lsn, hash }),
            _ => Err(EXPECTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Head;

    proptest! {
        #[test]
        fn a_head_reads_back_and_no_other_text_is_read(lsn in 1..u64::MAX, hash: [u8; 32], digits in "[0-9a-fA-Fx+ é]{60,66}") {
            let head = Head { lsn, hash };
            prop_assert_eq!(head.to_string().parse(), Ok(head));
            prop_assert_eq!(head.to_string().to_uppercase().parse(), Ok(head));
            let legal = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            prop_assert_eq!(format!("{lsn}:{digits}").parse::<Head>().is_ok(), legal);
        }
    }
}
