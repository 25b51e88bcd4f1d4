/** The parts of the page that need no browser. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { mayReturn, standing } from "../../../hub/assets/break.js";
import { codeOf, colour, LENGTH, SPOTS, WHEEL, WIDTH } from "../../../hub/assets/layout.js";
import { inForce } from "../../../hub/assets/limits.js";
import { amountOf } from "../../../hub/assets/limit_words.js";
import { explain } from "../../../hub/assets/messages.js";
import { pretty, short, toMinor, toText } from "../../../hub/assets/money.js";
import { signed, spell, stage } from "../../../hub/assets/play.js";
import { Stakes, sums } from "../../../hub/assets/stakes.js";
import { Wallet } from "../../../hub/assets/wallet.js";

test("the page's bets are the hub's, in the same order and with the same numbers", () => {
  const list = SPOTS.map(
    (spot) => `${spot.code} ${spot.kind} ${spot.n.join(",")} ${spot.covers.join(",")}\n`,
  ).join("");
  const hash = createHash("sha256").update(list).digest("hex");
  const rules = readFileSync(new URL("../../../core/games/src/roulette/tests.rs", import.meta.url), "utf8");
  assert.ok(rules.includes(`"${hash}"`), "core/games/src/roulette/tests.rs has another list of bets");
});

test("a limit is told in the words of its kind, and the stricter of two is the one in force", () => {
  assert.equal(amountOf("1000.00", "EUR"), "1\u202f000.00 EUR");
  for (const [ms, words] of [
    [0, "0 min"],
    [59_999, "0 min"],
    [90 * 60_000, "1 h 30 min"],
    [120 * 60_000, "2 h"],
  ])
    assert.equal(amountOf(ms), words);
  for (const [own, operators, stricter] of [
    ["9.00", undefined, "9.00"],
    [undefined, "10.00", "10.00"],
    ["9.00", "10.00", "9.00"],
    ["100.00", "10.00", "10.00"],
    [60_000, 30_000, 30_000],
  ])
    assert.equal(inForce({ own, operators }), stricter);
  const reached = { kind: "loss", period: "week", currency: "EUR", used: "9.50", limit: "10.00", frees_at: 0 };
  assert.match(explain({ reason: "limit_reached", reached }), /losses a week is reached: 9.50 EUR of 10.00 EUR/);
  assert.equal(explain({ reason: "limit_reached" }), "A limit of yours is reached.");
});

test("the page's wheel and colours are the hub's", () => {
  const rules = readFileSync(new URL("../../../core/games/src/roulette.rs", import.meta.url), "utf8");
  const numbers = (name) =>
    new RegExp(`const ${name}: \\[u8; \\d+\\] = \\[([^\\]]*)\\]`).exec(rules)[1].match(/\d+/g).map(Number);
  assert.deepEqual(WHEEL, numbers("WHEEL"));
  assert.deepEqual(
    WHEEL.filter((number) => colour(number) === "red").sort((a, b) => a - b),
    numbers("RED"),
  );
});

test("every bet lies on the cloth, on the cells it covers, and no two in one place", () => {
  const places = new Set();
  for (const spot of SPOTS) {
    const { x, y, w, h } = spot;
    const centre = `${(x + w / 2).toFixed(3)} ${(y + h / 2).toFixed(3)}`;
    assert.ok(!places.has(centre), `${spot.label} lies on another bet`);
    places.add(centre);
    assert.ok(x >= 0 && y >= 0 && x + w <= LENGTH + 1e-9 && y + h <= WIDTH + 1e-9, spot.label);
    if (spot.cell) continue;
    const touches = (number) => {
      const cell = SPOTS[number];
      return x < cell.x + cell.w && cell.x < x + w && y < cell.y + cell.h && cell.y < y + h;
    };
    // What lies on the outer line is named by the cells on its inner side and goes on across the cloth.
    const outer = y + h > 3;
    assert.ok(outer ? spot.covers.some(touches) : spot.covers.every(touches), spot.label);
  }
});

test("a bet of the wire finds its spot, in any order of its numbers", () => {
  for (const spot of SPOTS) assert.equal(codeOf({ kind: spot.kind, n: [...spot.n].reverse() }), spot.code);
  assert.equal(codeOf({ kind: "split", n: [3, 4] }), undefined);
});

test("money goes from text to minor units and back without loss", () => {
  for (const [text, scale, minor] of [
    ["0", 2, 0n],
    ["0.05", 2, 5n],
    ["12.50", 2, 1250n],
    ["-3.1", 2, -310n],
    ["7", 0, 7n],
    ["90071992547409.93", 2, 9007199254740993n],
  ]) {
    assert.equal(toMinor(text, scale), minor);
    assert.equal(toMinor(toText(minor, scale), scale), minor);
  }
  assert.equal(toText(-5n, 2), "-0.05");
  assert.equal(toText(1250n, 2), "12.50");
  assert.equal(toText(7n, 0), "7");
  for (const text of ["", "1e3", "1.", ".5", "+1", "1,5", "0.001"])
    assert.throws(() => toMinor(text, 2), RangeError, text);
  assert.equal(pretty("1234567.50"), "1\u202f234\u202f567.50");
  assert.deepEqual(
    [50n, 100n, 150n, 125n, 100_000n, 250_000n, 1_234_500n].map((minor) => short(minor, 2)),
    ["0.5", "1", "1.5", "1.25", "1k", "2.5k", "12k"],
  );
});

test("each refusal says what helps with the next click", () => {
  const view = {
    currency: "EUR",
    round_max: "2000.00",
    limits: { straight: ["0.50", "100.00"], six_line: ["1.00", "500.00"] },
  };
  const rows = [
    [
      "above_limit",
      "straight",
      "Above the limit: at most 100.00 EUR on a straight, 2\u202f000.00 EUR in a round.",
    ],
    ["below_limit", "six_line", "Below the limit: at least 1.00 EUR on a six line."],
    ["above_limit", undefined, "Above the limit of this table."],
    ["bets_closed", "straight", "Too late: no more bets in this round."],
    ["wrong_round", "straight", "Too late: no more bets in this round."],
    ["insufficient_funds", "straight", "Your balance is too low for this bet."],
    ["table_full", "straight", "The table is full for this round. You can watch."],
    ["table_closed", undefined, "The table is closed. Open stakes are returned."],
    ["timeout", undefined, "The hub cannot be reached just now."],
    ["of_a_later_version", "straight", "What the hub says."],
  ];
  for (const [reason, kind, text] of rows)
    assert.equal(explain({ reason, message: "what the hub says" }, { view, kind }), text);
});

test("an undo leaves the steps before it, a repeat brings back the last round that had bets", () => {
  const stakes = new Stakes();
  const place = (...items) => stakes.accept(stakes.begin(items.map(([code, minor]) => ({ code, minor }))));
  place([1, 100n]);
  place([1, 100n], [2, 50n]);
  place([3, 5n]);
  assert.deepEqual(
    [...sums(stakes.beforeLast())],
    [
      [1, 200n],
      [2, 50n],
    ],
  );
  const kept = stakes.beforeLast();
  stakes.drop([...stakes.steps]);
  const again = stakes.begin(
    [...sums(kept)].map(([code, minor]) => ({ code, minor })),
    kept,
  );
  assert.equal(stakes.waiting, true);
  stakes.accept(again);
  assert.deepEqual([...sums(stakes.beforeLast())], [[1, 100n]]);
  stakes.nextRound();
  stakes.nextRound();
  assert.deepEqual(
    [...stakes.last],
    [
      [1, 200n],
      [2, 50n],
    ],
  );
});

test("a step of which the answer comes after the round, or that was refused, stands nowhere", () => {
  const stakes = new Stakes();
  const late = stakes.begin([{ code: 1, minor: 1n }]);
  const refused = stakes.begin([{ code: 2, minor: 2n }]);
  assert.equal(stakes.total(), 3n);
  stakes.drop([refused]);
  assert.equal(stakes.total(), 1n);
  stakes.nextRound();
  assert.equal(stakes.accept(late), false);
  assert.deepEqual([stakes.total(), stakes.last.size], [0n, 0]);
});

test("a table that is refused is not one to watch", () => {
  assert.equal(explain({ reason: "table_full", message: "" }, { joining: true }), "The table is full. Please choose another.");
});

test("a view that is loaded again keeps steps that make up what stands, and what is on its way", () => {
  const stakes = new Stakes();
  const place = (code, minor) => stakes.accept(stakes.begin([{ code, minor }]));
  place(1, 100n);
  place(2, 50n);
  const late = stakes.begin([{ code: 1, minor: 100n }]);
  const view = (one, two) => [{ code: 1, minor: one }, { code: 2, minor: two }];
  assert.equal(stakes.load(view(100n, 50n)), true);
  assert.deepEqual([stakes.undoable, stakes.beforeLast().length, stakes.waiting], [true, 1, true]);
  assert.deepEqual([...stakes.pending()], [[1, 100n]]);
  assert.equal(stakes.load(view(200n, 50n)), false, "the view may contain what is on its way");
  assert.deepEqual([...stakes.pending()], [[1, 0n]]);
  assert.equal(stakes.total(), 250n);
  assert.equal(stakes.accept(late), false, "only the next view can tell");
  assert.equal(stakes.waiting, true);
  assert.equal(stakes.load(view(200n, 50n)), true);
  assert.deepEqual([stakes.waiting, stakes.undoable, stakes.total()], [false, false, 250n]);
  place(3, 7n);
  assert.equal(stakes.undoable, true, "what came after it can be undone");
  assert.deepEqual([...sums(stakes.beforeLast())], [[1, 200n], [2, 50n]]);
});

test("the newest place in the log decides the balance, and a turning wheel keeps back what it brings", () => {
  const wallet = new Wallet(() => {});
  const at = (lsn, available) => ({ lsn, currency: "EUR", available, held: "0.00" });
  const shown = () => wallet.balances.get("EUR").available;
  wallet.take(at(5, "5.00"));
  wallet.take(at(4, "4.00"));
  assert.equal(shown(), "5.00");
  wallet.keepBack();
  wallet.settled(at(9, "9.00"));
  assert.equal(shown(), "5.00");
  wallet.take(at(8, "8.00"));
  assert.equal(shown(), "8.00");
  wallet.release();
  assert.equal(shown(), "9.00");
  wallet.settled(at(10, "10.00"));
  assert.equal(shown(), "10.00");
});

test("a balance that was read does not replace what arrived meanwhile", async () => {
  const wallet = new Wallet(() => {});
  const hub = {
    request: async () => {
      wallet.take({ lsn: 7, currency: "EUR", available: "7.00", held: "0.00" });
      return { balances: [{ currency: "EUR", available: "1.00", held: "0.00" }] };
    },
  };
  await wallet.load(hub);
  assert.equal(wallet.balances.get("EUR").available, "7.00");
});

test("a balance that was read is taken for each currency of which nothing arrived meanwhile", async () => {
  const wallet = new Wallet(() => {});
  const hub = {
    request: async () => {
      wallet.take({ lsn: 7, currency: "EUR", available: "7.00", held: "0.00" });
      return { balances: ["EUR", "USD"].map((currency) => ({ currency, available: "1.00", held: "0.00" })) };
    },
  };
  await wallet.load(hub);
  assert.deepEqual([...wallet.balances].map(([currency, { available }]) => [currency, available]), [["EUR", "7.00"], ["USD", "1.00"]]);
});

test("a play session is shown as the newest event or read tells it, and what a wheel still turns for is not", async () => {
  const wallet = new Wallet(() => {});
  const play = (net, check) => ({ since: 10, ends: 90, check, positions: [{ currency: "EUR", net }] });
  const at = (lsn, play) => ({ lsn, currency: "EUR", available: "0.00", held: "0.00", play });
  const net = () => wallet.play.positions[0].net;
  const read = (lsn, play) => wallet.load({ request: async () => ({ lsn, balances: [], play }) });
  wallet.take(at(5, play("-5.00", 20)));
  wallet.take(at(4, play("-4.00", 20)));
  wallet.take(at(6, undefined));
  assert.equal(net(), "-5.00");
  await read(4, undefined);
  assert.equal(net(), "-5.00", "an older read");
  wallet.keepBack();
  wallet.settled(at(8, play("30.00", 20)));
  await read(9, play("30.00", 70));
  assert.deepEqual([net(), wallet.play.check], ["-5.00", 70], "acknowledged while the wheel turns");
  wallet.release();
  assert.deepEqual([net(), wallet.play.check], ["30.00", 70]);
  await read(9, undefined);
  assert.equal(wallet.play, null, "it is over");
  wallet.take(at(10, { ...play("0.00", 120), since: 100 }));
  assert.deepEqual([wallet.play.since, wallet.play.check], [100, 120]);
});

test("what has elapsed is hours, minutes and seconds, and a net position has a sign", () => {
  assert.deepEqual([0, 61_999, 3_600_000, 360_000_000, -5].map(spell), ["0:00:00", "0:01:01", "1:00:00", "100:00:00", "0:00:00"]);
  assert.deepEqual(["0.00", "12.50", "-1234.50"].map(signed), ["0.00", "+12.50", "−1\u202f234.50"]);
});

test("a check is asked for while a play session goes on, from the hub's time on", () => {
  const play = { since: 10, ends: 90, check: 50 };
  assert.deepEqual([49, 50, 89, 90].map((now) => stage(play, now)), ["on", "check", "check", "none"]);
  assert.equal(stage({ since: 10, ends: 90 }, 89), "on");
  assert.equal(stage(null, 50), "none");
});

test("another log begins to count afresh", () => {
  const wallet = new Wallet(() => {});
  wallet.take({ lsn: 900, currency: "EUR", available: "9.00", held: "0.00" });
  wallet.restart();
  wallet.take({ lsn: 1, currency: "EUR", available: "1.00", held: "0.00" });
  assert.equal(wallet.balances.get("EUR").available, "1.00");
});

test("a break is told in words, and only a self-exclusion with an end has a way back", () => {
  const until = Date.UTC(2026, 5, 1, 12);
  for (const [exclusion, words, may] of [
    [{ kind: "time_out", until }, /^You are on a time-out until /, false],
    [{ kind: "cooling_off", until }, /^You are coming back: play begins /, false],
    [{ kind: "self_exclusion", until }, /and until you ask to come back after that\.$/, true],
    [{ kind: "self_exclusion" }, /for good\.$/, false],
  ]) {
    assert.match(standing(exclusion), words);
    assert.equal(mayReturn(exclusion), may, JSON.stringify(exclusion));
  }
});

test("the level of a balance is told by events alone, whatever receipts come between, and a message says when it got worse", () => {
  const told = [];
  const wallet = new Wallet(
    () => {},
    (level, currency) => told.push(`${level} ${currency}`),
  );
  const event = (lsn, level) => wallet.take({ lsn, currency: "EUR", available: "1.00", held: "0.00", level });
  assert.equal(wallet.level("EUR"), "normal");
  event(10);
  // The receipt of the next bet is here before the event of the first.
  event(12);
  event(11, "low");
  assert.equal(wallet.level("EUR"), "low");
  assert.equal(wallet.balances.get("EUR").lsn, 12);
  event(13, "critical_low");
  event(14, "low");
  assert.deepEqual(told, ["low EUR", "critical_low EUR"]);
  // What a round returned is kept back while the wheel turns.
  wallet.keepBack();
  wallet.settled({ lsn: 20, currency: "EUR", available: "9.00", held: "0.00", level: "normal" });
  event(21);
  assert.equal(wallet.level("EUR"), "low");
  wallet.release();
  assert.equal(wallet.level("EUR"), "normal");
  event(19, "high");
  assert.equal(wallet.level("EUR"), "normal", "an older event changes nothing");
  assert.equal(told.length, 2);
  event(22, "critical_low");
  event(23, "high");
  assert.deepEqual(told.slice(2), ["critical_low EUR", "high EUR"], "over both thresholds at once");
});
