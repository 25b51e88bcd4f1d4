import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { checkRound, fromHex, hmacSha256, mix, sha256, share, Stream } from "../fair.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");

/** The vectors of docs/fairness.md. */
const VECTORS = [
  {
    seed: "00".repeat(32),
    commit: "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
    shares: [],
    mix: "9b202a4f5f9896e0b5715a0dc51c223de0a3837002f071ca7fb6cd88e8ddf887",
    table: "roulette-1",
    round: 1,
    words: [
      0x33bd6d8c, 0x7f5a1ef1, 0x5686f991, 0x25532a9b, 0x36a3ec15, 0xd7a10931, 0x2378996c, 0x2b14560c,
      0x32aef379, 0x0f2394e4,
    ],
    below37: [26, 11, 21, 36, 25, 32, 6, 31, 15, 27],
    belowHalf: [868052364, 2136612593, 1451686289, 626207387, 916712469, 595106156],
  },
  {
    seed: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    commit: "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
    shares: [["00000000000000000000000000000001", "lucky"]],
    mix: "cfa39e35c99de31fbe6a221767d52d88a281db75eb9cbcda41b9b69b5b6a5b71",
    table: "roulette-1",
    round: 42,
    words: [
      0xb073404d, 0x9e5df8bf, 0xc6aa0a0b, 0xa2d2b4bd, 0xdd751236, 0xb93a1bf7, 0x1935190a, 0x3db8a6e0,
      0x56b643e6, 0x90a7aed2,
    ],
    below37: [16, 14, 13, 14, 7, 22, 33, 31, 11, 4],
    belowHalf: [422910218, 1035511520, 1454785510, 90025161, 1476078713, 1105237336],
  },
  {
    seed: "801d8b5450e12d2a81b26bd0bdab479dbac079fa9717d4ba0e2df9bc8d07bb1d",
    commit: "a90d09118cc842f60ffa58c009096e583fcfae9e755e5bd009c8f53e598bb1a3",
    shares: [
      ["f".repeat(32), "héllo|1"],
      ["0123456789abcdef0123456789abcdef", ""],
      ["00000000000000000000000000000007", "a|b"],
    ],
    mix: "a32feec606de72f1d3addaa5d0367bc0a436c7d7cd4b14f69d2dc0a313c2d3fe",
    table: "table_x.7",
    round: 9007199254740992,
    words: [
      0x14c99036, 0xe2a7cc2c, 0x994fd040, 0x446ff25b, 0x3f60453c, 0x0e6bb1bf, 0x4ee1ee95, 0x25d32bfd,
      0xf7adb4c4, 0x06ad6534,
    ],
    below37: [3, 13, 16, 8, 15, 23, 20, 25, 20, 34],
    belowHalf: [348753974, 1148187227, 1063273788, 241938879, 1323429525, 634596349],
  },
];

const past = (vector, change = {}) => ({ ...vector, outcome: vector.below37[0], ...change });
const stream = (vector) => new Stream(fromHex(vector.seed), vector.mix, `${vector.table}:${vector.round}`);

test("SHA-256 and HMAC agree with OpenSSL at every length around the block", () => {
  for (let length = 0; length < 200; length += 1) {
    const message = randomBytes(length);
    const key = randomBytes(length);
    assert.equal(hex(sha256(message)), createHash("sha256").update(message).digest("hex"));
    assert.equal(hex(hmacSha256(key, message)), createHmac("sha256", key).update(message).digest("hex"));
  }
});

test("commitment, mix, words and numbers agree with the published vectors", () => {
  for (const vector of VECTORS) {
    assert.equal(hex(sha256(fromHex(vector.seed))), vector.commit);
    assert.equal(mix(vector.shares.map(([player, text]) => share(player, text))), vector.mix);
    const [words, pockets, halves] = [stream(vector), stream(vector), stream(vector)];
    assert.deepEqual(
      vector.words.map(() => words.next()),
      vector.words,
    );
    assert.deepEqual(
      vector.below37.map(() => pockets.below(37)),
      vector.below37,
    );
    assert.deepEqual(
      vector.belowHalf.map(() => halves.below(2 ** 31 + 1)),
      vector.belowHalf,
    );
  }
});

test("the vectors are those of the document", () => {
  const document = readFileSync(new URL("../../../docs/fairness.md", import.meta.url), "utf8");
  for (const { seed, commit, mix: mixed, below37 } of VECTORS) {
    for (const text of [seed, commit, mixed, below37.join(", ")]) assert.ok(document.includes(text), text);
  }
});

test("a round whose commitment was seen before is verified", () => {
  for (const vector of VECTORS) {
    assert.equal(checkRound(past(vector), { commit: vector.commit, mix: vector.mix }).verdict, "verified");
  }
});

test("a round whose commitment was not seen is recomputed, not verified", () => {
  const result = checkRound(past(VECTORS[1]));
  assert.equal(result.verdict, "unseen");
  assert.equal(result.number, 16);
});

test("every changed part is found and named", () => {
  const vector = VECTORS[1];
  const seen = { commit: vector.commit, mix: vector.mix };
  const other = "ab".repeat(32);
  const rows = [
    [{ outcome: 17 }, seen, ["outcome_matches"]],
    [{ seed: other }, seen, ["commit_matches", "outcome_matches"]],
    [{ commit: other }, seen, ["commit_seen", "commit_matches"]],
    [{ mix: other }, seen, ["mix_seen", "outcome_matches"]],
    [{ round: 43 }, seen, ["outcome_matches"]],
    [{ table: "roulette-2" }, seen, ["outcome_matches"]],
    [{ seed: "not hexadecimal" }, seen, ["commit_matches", "outcome_matches"]],
    [{ seed: vector.seed.slice(2) }, seen, ["commit_matches", "outcome_matches"]],
    [{ mix: undefined }, seen, ["commit_matches", "mix_seen", "outcome_matches"]],
  ];
  for (const [change, known, names] of rows) {
    const result = checkRound(past(vector, change), known);
    assert.equal(result.verdict, "failed");
    assert.deepEqual(
      result.checks.filter(({ ok }) => ok === false).map(({ name }) => name),
      names,
      JSON.stringify(change),
    );
  }
});

test("a player who was alone sees the own share in the mix, with others nothing is said", () => {
  const [, single, several] = VECTORS;
  const [[player, text]] = single.shares;
  const check = (vector, seen) =>
    checkRound(past(vector), seen).checks.find(({ name }) => name === "share_mixed").ok;
  assert.equal(check(single, { player, text }), true);
  assert.equal(check(single, { player, text: "another" }), null);
  assert.equal(check(several, { player: several.shares[2][0], text: "a|b" }), null);
});

test("with the list of all shares every player sees whether the own one is in the mix", () => {
  const vector = VECTORS[2];
  const shares = vector.shares.map(([player, text]) => hex(share(player, text)));
  const check = (seen) =>
    checkRound(past(vector), seen).checks.find(({ name }) => name === "share_mixed").ok;
  for (const [player, text] of vector.shares) {
    assert.equal(check({ player, text, shares }), true);
    assert.equal(check({ player, text, shares: [...shares].reverse() }), true, "in any order");
    assert.equal(check({ player, text: "another", shares }), false, "not in the list");
    assert.equal(check({ player, text, shares: [...shares, shares[0]] }), false, "not the list of the round");
    assert.equal(check({ player, text, shares: ["ab", ...shares] }), false, "no share");
  }
});

test("a void round has nothing to check", () => {
  assert.deepEqual(checkRound({ table: "a", round: 1, commit: "00" }), {
    verdict: "void",
    number: null,
    checks: [],
  });
});
