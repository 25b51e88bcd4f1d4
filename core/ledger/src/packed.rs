//! An account as a ledger keeps it: there can be millions, and nearly all are at rest.

use crate::Account;

/// Bytes of a sum: two's complement, little-endian. Sums go up to [`SUM_MAX`](crate::SUM_MAX), 2^100.
const SUM_BYTES: usize = 13;

/// The four sums of an account in 52 bytes, without padding: debits, credits, pending debits, pending credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packed([[u8; SUM_BYTES]; 4]);

impl Packed {
    /// Packs an account.
    ///
    /// # Panics
    /// When a sum is not from -2^103 to 2^103 - 1. Decided moves and decoded amounts are at most
    /// [`SUM_MAX`](crate::SUM_MAX); without its upper bits a sum would be another one.
    pub fn new(account: &Account) -> Self {
        let Account { debits, credits, debits_pending, credits_pending } = *account;
        Self([debits, credits, debits_pending, credits_pending].map(pack))
    }

    /// The account.
    pub fn account(&self) -> Account {
        let [debits, credits, debits_pending, credits_pending] = &self.0;
        Account {
            debits: unpack(debits),
            credits: unpack(credits),
            debits_pending: unpack(debits_pending),
            credits_pending: unpack(credits_pending),
        }
    }
}

/// Bits that the first and the last eight bytes of a packed sum have in common.
const SHARED_BITS: u32 = 8 * (16 - SUM_BYTES as u32);

/// Written and read as two words that overlap: a processor does that with four instructions and no byte in between.
fn pack(sum: i128) -> [u8; SUM_BYTES] {
    let (low, high) = (sum as u64, (sum >> 64) as i64);
    assert!(high << SHARED_BITS >> SHARED_BITS == high, "a sum of an account is at most SUM_MAX");
    let last = (high as u64) << SHARED_BITS | low >> (64 - SHARED_BITS);
    let mut packed = [0; SUM_BYTES];
    packed[..8].copy_from_slice(&low.to_le_bytes());
    packed[SUM_BYTES - 8..].copy_from_slice(&last.to_le_bytes());
    packed
}

fn unpack(packed: &[u8; SUM_BYTES]) -> i128 {
    let low = u64::from_le_bytes(*packed.first_chunk().expect("eight of 13 bytes"));
    let last = i64::from_le_bytes(*packed.last_chunk().expect("eight of 13 bytes"));
    i128::from(last >> SHARED_BITS) << 64 | i128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, SUM_MAX};

    /// The state store can have negative sums: that an account is below its floor is found afterwards.
    #[test]
    fn every_sum_that_a_ledger_can_have_or_read_comes_back() {
        for sum in [0, 1, -1, 255, 1 << 64, SUM_MAX - 1, SUM_MAX, -SUM_MAX, (1 << 103) - 1, -(1 << 103)] {
            for place in 0..4 {
                let mut sums = [7; 4];
                sums[place] = sum;
                let [debits, credits, debits_pending, credits_pending] = sums;
                let account = Account { debits, credits, debits_pending, credits_pending };
                assert_eq!(Packed::new(&account).account(), account);
            }
        }
    }

    #[test]
    fn a_sum_that_has_no_room_is_never_kept_as_another() {
        for sum in [1 << 103, -(1 << 103) - 1, i128::MAX, i128::MIN] {
            let account = Account { credits: sum, ..Account::default() };
            std::panic::catch_unwind(|| Packed::new(&account)).expect_err("it has no room");
        }
    }

    /// The table of a million accounts has this size for each.
    #[test]
    fn an_account_is_kept_in_78_bytes_with_its_id() {
        assert_eq!(size_of::<(AccountId, Packed)>(), 78);
    }
}
