//! The bounds of a table that no setting can raise.

use domains::decide::COUNTED_BYTES_MAX;
use protocol::BETS_MAX;

use super::rules::SEATS_MAX;
use crate::record::RECORD_BYTES_MAX;

/// Most requests to bet in one round. Its settlement is one record, which must stay below the largest size.
pub const REQUESTS_MAX: usize = SEATS_MAX as usize;

/// Most spots of all requests of one round; a spot is counted for each request that bets on it. The quarantine of the
/// table is one record with all of them.
pub const SPOTS_MAX: usize = 500_000;

/// Most spots of one request; a request names each once.
pub(super) const SPOTS_PER_REQUEST_MAX: usize = BETS_MAX;

/// Longest encoding of a spot: its code, and a stake of up to 2^100.
const SPOT_BYTES: usize = 3 + 15;
/// The same of a request: its hold, and the count of its spots.
const REQUEST_BYTES: usize = 17 + 2;
/// The same of a player: the id, a share in the randomness, and the count of requests.
const PLAYER_BYTES: usize = 17 + 1 + 32 + 3;
/// The same of a player who is settled: a payment, and a notice.
const SETTLED_BYTES: usize = (1 + 3 + 1 + 17 + 3 + 15) + (3 + 3 + 4 * 15 + 1 + 3 + 10 + 2 * 15 + 5);
/// The same of a hold that is posted.
const POSTED_BYTES: usize = 1 + 17;
/// Room for all else: the rules of a table, the round's own fields.
const REST_BYTES: usize = 64 << 10;

const _: () = assert!(
    SPOTS_MAX * SPOT_BYTES + REQUESTS_MAX * (REQUEST_BYTES + PLAYER_BYTES) + REST_BYTES < RECORD_BYTES_MAX,
    "a quarantine of the fullest round is a record, though each request is another player's"
);
/// Longest record of the settlement of a round, or of its void, without the rows in which it is counted. Bytes.
pub const SETTLEMENT_BYTES_MAX: usize = REQUESTS_MAX * (POSTED_BYTES + SETTLED_BYTES) + REST_BYTES;

const _: () = assert!(
    SETTLEMENT_BYTES_MAX + COUNTED_BYTES_MAX < RECORD_BYTES_MAX,
    "a settlement of the fullest round is a record, though each request is another player's, and counts in their rows"
);

/// Most requests parked at one table. Each also holds a permit; this bound keeps one table from using all permits.
pub const PARKED_MAX: usize = 4_096;

/// Most requests parked for one player at one table.
pub const PARKED_PER_PLAYER_MAX: usize = 128;
