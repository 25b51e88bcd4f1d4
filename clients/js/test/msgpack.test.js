import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { decode, encode, MsgpackError } from "../msgpack.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));

test("each form of the format is spelled as the specification has it", () => {
  const rows = [
    [null, "c0"],
    [false, "c2"],
    [true, "c3"],
    [0, "00"],
    [127, "7f"],
    [128, "cc80"],
    [255, "ccff"],
    [256, "cd0100"],
    [65_535, "cdffff"],
    [65_536, "ce00010000"],
    [4_294_967_295, "ceffffffff"],
    [4_294_967_296, "cf0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
    [2 ** 53, "cf0020000000000000"],
    [-(2 ** 53), "d3ffe0000000000000"],
    [-1, "ff"],
    [-32, "e0"],
    [-33, "d0df"],
    [-128, "d080"],
    [-129, "d1ff7f"],
    [-32_768, "d18000"],
    [-32_769, "d2ffff7fff"],
    [-2_147_483_648, "d280000000"],
    [-2_147_483_649, "d3ffffffff7fffffff"],
    [1.5, "cb3ff8000000000000"],
    ["", "a0"],
    ["é", "a2c3a9"],
    ["x".repeat(31), `bf${"78".repeat(31)}`],
    ["x".repeat(32), `d920${"78".repeat(32)}`],
    ["x".repeat(256), `da0100${"78".repeat(256)}`],
    [[], "90"],
    [[1, [2]], "92019102"],
    [Array(16).fill(0), `dc0010${"00".repeat(16)}`],
    [{}, "80"],
    [{ a: 1, b: null }, "82a16101a162c0"],
  ];
  for (const [value, expected] of rows) {
    assert.equal(hex(encode(value)), expected);
    assert.deepEqual(decode(bytes(expected)), value);
  }
});

test("long values grow the buffer in the middle of any form", () => {
  for (let length = 200; length < 300; length += 1) {
    const value = {
      text: "y".repeat(length),
      n: 1,
      list: [1, 300, 70_000, 5_000_000_000, true, null],
      deep: { a: "b" },
    };
    assert.deepEqual(decode(encode(value)), value);
  }
  const wide = { list: Array.from({ length: 70_000 }, (_, index) => index) };
  assert.deepEqual(decode(encode(wide)), wide);
});

test("members that are undefined are left out", () => {
  assert.deepEqual(decode(encode({ a: undefined, b: 1 })), { b: 1 });
});

test("integers beyond 2^53 stay exact", () => {
  assert.equal(decode(bytes("cfffffffffffffffff")), 18_446_744_073_709_551_615n);
  assert.equal(decode(bytes("cf0020000000000001")), 9_007_199_254_740_993n);
  assert.equal(decode(bytes("d38000000000000000")), -9_223_372_036_854_775_808n);
});

test("a view into a larger buffer is read within its bounds", () => {
  assert.equal(decode(bytes("ffcd0100ff").subarray(1, 4)), 256);
});

test("a hostile key adds a member and leaves the prototype alone", () => {
  const map = decode(encode(JSON.parse('{"__proto__": {"admin": true}}')));
  assert.equal(Object.getPrototypeOf(map), Object.prototype);
  assert.equal(map.admin, undefined);
  assert.deepEqual(Object.keys(map), ["__proto__"]);
});

test("bytes that are not one value of the protocol are refused", () => {
  const rows = [
    "",
    "0101",
    "a261",
    "92",
    "9201",
    "81a161",
    "8101c0",
    "c1",
    "c403010203",
    "d4012a",
    "c70100ff",
    "a1ff",
    "cd01",
    "dfffffffff",
    "ddffffffff",
    "dbffffffff",
  ];
  for (const row of rows) assert.throws(() => decode(bytes(row)), MsgpackError, row);
  assert.throws(() => decode(bytes("91".repeat(100) + "c0")), /too deep/);
});

test("every prefix of a frame is refused", () => {
  const frame = encode({
    t: "pub",
    ch: "table:a",
    o: 70_000,
    d: { ev: "x", spots: [{ a: "1.00", n: [1, 2] }] },
  });
  for (let length = 0; length < frame.length; length += 1) {
    assert.throws(() => decode(frame.subarray(0, length)), MsgpackError);
  }
});

test("values without a spelling are refused", () => {
  for (const value of [NaN, Infinity, 1n, () => 1, Symbol("x"), new Uint8Array(1)]) {
    assert.throws(() => encode(value), MsgpackError);
  }
  const loop = {};
  loop.self = loop;
  assert.throws(() => encode(loop), /too deep/);
});

test("the golden frames of the protocol read the same in both spellings", () => {
  const folder = new URL("../../../protocol/tests/golden/", import.meta.url);
  assert.ok(existsSync(folder), "protocol/tests/golden is part of the project");
  let frames = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
    for (const { json, packed, where } of golden(readFileSync(new URL(file, folder), "utf8"), file)) {
      assert.deepEqual(decode(packed), JSON.parse(json), where);
      assert.deepEqual(decode(encode(JSON.parse(json))), JSON.parse(json), where);
      frames += 1;
    }
  }
  assert.ok(frames > 20, `only ${frames} golden frames were found`);
});

/** Pairs of a JSON line and the hexadecimal lines that follow it. */
function* golden(text, file) {
  let json = null;
  let digits = "";
  const lines = [...text.split("\n"), "{"];
  for (const [index, line] of lines.entries()) {
    const trimmed = line.trim().replace(/^(json|msgpack|hex):?\s+/, "");
    if (trimmed.startsWith("{")) {
      if (json !== null && digits !== "") yield { json, packed: bytes(digits), where: `${file}:${index}` };
      json = trimmed;
      digits = "";
    } else if (json !== null && /^([0-9a-f]{2}\s*)+$/.test(trimmed)) {
      digits += trimmed.replaceAll(/\s/g, "");
    }
  }
}
