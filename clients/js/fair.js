/**
 * Checks a round's randomness without trusting the hub: SHA-256, HMAC, the stream of draws, and the comparison.
 *
 * Written out in plain JavaScript because browsers keep `crypto.subtle` from pages that came over plain HTTP.
 * The algorithm is the one of docs/fairness.md; its golden vectors are the tests of this file.
 */

import { hex } from "./wire.js";

const STREAM_TAG = "hub-fair-v1";
const SHARE_TAG = "hub-share-v1";
const MIX_TAG = "hub-mix-v1";
const BLOCK_BYTES = 64;
const TWO_32 = 0x1_0000_0000;

/** The first 32 bits of the fractional parts of a root of each of the first primes (FIPS 180-4 §4.2.2, §5.3.3). */
const { ROUND_CONSTANTS, INITIAL } = constants();

function constants() {
  const primes = [];
  for (let candidate = 2; primes.length < 64; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  // Integer roots: a double holds too few bits of a cube root to be sure of the last one.
  const fraction = (prime, degree) => {
    const power = BigInt(degree);
    const target = BigInt(prime) << (32n * power);
    let low = 0n;
    let high = 1n << 40n;
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      if (middle ** power <= target) low = middle;
      else high = middle;
    }
    return Number(low & 0xffffffffn);
  };
  return {
    ROUND_CONSTANTS: Uint32Array.from(primes, (prime) => fraction(prime, 3)),
    INITIAL: Uint32Array.from(primes.slice(0, 8), (prime) => fraction(prime, 2)),
  };
}

/**
 * SHA-256.
 * @param {Uint8Array} message
 * @returns {Uint8Array} 32 bytes
 */
export function sha256(message) {
  const blocks = Math.ceil((message.length + 9) / BLOCK_BYTES);
  const padded = new Uint8Array(blocks * BLOCK_BYTES);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const state = Uint32Array.from(INITIAL);
  const schedule = new Uint32Array(64);
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) compress(state, schedule, view, at);
  const digest = new Uint8Array(32);
  const out = new DataView(digest.buffer);
  state.forEach((word, index) => out.setUint32(index * 4, word));
  return digest;
}

function compress(state, w, view, at) {
  for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i += 1) {
    const s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3);
    const s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i += 1) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & f) ^ (~e & g);
    const first = (h + sum1 + choice + ROUND_CONSTANTS[i] + w[i]) | 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + sum0 + majority) | 0;
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] += word;
}

function rotate(word, by) {
  return (word >>> by) | (word << (32 - by));
}

/**
 * HMAC-SHA256 (RFC 2104).
 * @param {Uint8Array} key
 * @param {Uint8Array} message
 */
export function hmacSha256(key, message) {
  const short = key.length > BLOCK_BYTES ? sha256(key) : key;
  const pad = (byte) => {
    const padded = new Uint8Array(BLOCK_BYTES).fill(byte);
    short.forEach((value, index) => (padded[index] ^= value));
    return padded;
  };
  return sha256(join(pad(0x5c), sha256(join(pad(0x36), message))));
}

function join(a, b) {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** Bytes of hexadecimal digits, or `null` when they are not an even number of those. */
export function fromHex(text) {
  if (typeof text !== "string" || text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}

/**
 * A player's share in the randomness of a round, 32 bytes.
 * @param {string} player 32 hexadecimal digits
 * @param {string} text the `seed` of `place_bet`
 */
export function share(player, text) {
  return sha256(utf8(`${SHARE_TAG}|${player}|${text}`));
}

/**
 * The mix of all shares of a round, hexadecimal; their order does not matter.
 * @param {Uint8Array[]} shares
 */
export function mix(shares) {
  const ascending = shares.map(hex).sort().map(fromHex);
  return hex(sha256(ascending.reduce(join, utf8(MIX_TAG))));
}

function utf8(text) {
  return new TextEncoder().encode(text);
}

/** The stream of random words of one round. */
export class Stream {
  #block = 0;
  #words = [];

  /**
   * @param {Uint8Array} seed the round's seed, revealed
   * @param {string} mix the players' mix, 64 hexadecimal digits
   * @param {string} round `table:number`
   */
  constructor(seed, mix, round) {
    this.seed = seed;
    this.prefix = `${STREAM_TAG}|${mix}|${round}|`;
  }

  /** The next 32 bits. */
  next() {
    if (this.#words.length === 0) {
      const block = hmacSha256(this.seed, utf8(this.prefix + this.#block));
      this.#block += 1;
      const view = new DataView(block.buffer);
      for (let at = 0; at < block.length; at += 4) this.#words.push(view.getUint32(at));
    }
    return this.#words.shift();
  }

  /** A uniform number below `n`, without bias: words of the incomplete last part of the range are drawn again. */
  below(n) {
    const fair = Math.floor(TWO_32 / n) * n;
    let word = this.next();
    while (word >= fair) word = this.next();
    return word % n;
  }
}

/** Numbers a European wheel has. */
const ROULETTE_NUMBERS = 37;

/**
 * Recomputes a round.
 * @param {{table: string, round: number, outcome?: number, commit: string, seed?: string, mix?: string}} past as the hub
 *   publishes a round that is over
 * @param {{commit?: string, mix?: string, player?: string, text?: string, shares?: string[]}} [seen] what this client
 *   knows by itself: the commitment it was shown while bets were taken, the mix it was shown at the lock, who the player
 *   is and the text the player gave; and the list of all shares, hexadecimal, as `hub verify-round` prints it
 * @returns {{verdict: "verified"|"failed"|"unseen"|"void", number: number|null,
 *   checks: Array<{name: "commit_seen"|"commit_matches"|"mix_seen"|"share_mixed"|"outcome_matches", ok: boolean|null}>}}
 *   `ok` is `null` for what cannot be said. `unseen`: all that can be recomputed is right, but the commitment was not
 *   seen before bets closed, so nothing proves that it was not exchanged. `number` is the number recomputed
 */
export function checkRound(past, seen = {}) {
  if (past.outcome === undefined || past.seed === undefined)
    return { verdict: "void", number: null, checks: [] };
  const seed = fromHex(past.seed);
  const readable = seed?.length === 32 && fromHex(past.mix)?.length === 32;
  const number = readable
    ? new Stream(seed, past.mix, `${past.table}:${past.round}`).below(ROULETTE_NUMBERS)
    : null;
  const checks = [
    { name: "commit_seen", ok: same(seen.commit, past.commit) },
    { name: "commit_matches", ok: readable && hex(sha256(seed)) === past.commit },
    { name: "mix_seen", ok: same(seen.mix, past.mix) },
    { name: "share_mixed", ok: shareMixed(seen, past.mix) },
    { name: "outcome_matches", ok: number !== null && number === past.outcome },
  ];
  const failed = checks.some((check) => check.ok === false);
  return { verdict: failed ? "failed" : checks[0].ok === null ? "unseen" : "verified", number, checks };
}

function same(mine, theirs) {
  return mine === undefined ? null : mine === theirs;
}

/**
 * Whether the player's share is in the mix. Without the list of all shares that can only be said of a player whose share
 * alone makes up the mix.
 */
function shareMixed({ player, text, shares }, mixed) {
  if (player === undefined || text === undefined) return null;
  const own = share(player, text);
  if (shares === undefined) return mix([own]) === mixed ? true : null;
  const listed = shares.map(fromHex);
  if (listed.some((one) => one?.length !== 32)) return false;
  return listed.map(hex).includes(hex(own)) && mix(listed) === mixed;
}
