/**
 * When to come back after a connection ends: the close code decides whether, full jitter decides when.
 *
 * Pure: randomness is passed in. The hub's ranges: 4000–4099 reconnect, 4100–4199 do not (docs/protocol.md).
 */

/** First ceiling of the wait, milliseconds; it doubles with each failure. */
export const BACKOFF_FIRST_MS = 400;
/** Highest ceiling of the wait, milliseconds. */
export const BACKOFF_MAX_MS = 15_000;
/** The token's time is over: reconnect with a new one. */
export const CLOSE_TOKEN_EXPIRED = 4004;
/** The token was refused. */
export const CLOSE_TOKEN_INVALID = 4101;

/** Whether to connect again after a close code: not after errors in the use of WebSocket, nor after 4100–4199. */
export function mayReconnect(code) {
  if (code >= 4100 && code <= 4199) return false;
  return ![1002, 1003, 1007, 1008, 1009, 1010].includes(code);
}

/**
 * Milliseconds to wait before the next attempt: uniform below a ceiling that doubles, so that clients that lost
 * their hub together do not come back together.
 * @param {number} failures attempts that failed in a row, from 0
 * @param {() => number} random uniform in [0, 1)
 */
export function backoffMs(failures, random) {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 16));
  return Math.floor(random() * ceiling);
}
