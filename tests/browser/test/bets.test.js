/** What a player does at a table, without a browser: the hub is played by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Bets, items, UNDO_BEFORE_MS } from "../../../hub/assets/bets.js";
import { SPOTS } from "../../../hub/assets/layout.js";

const RED = SPOTS.find(({ kind }) => kind === "red").code;
const VIEW = { currency: "EUR", scale: 2, round: 7, phase: "betting", deadline: 60_000, limits: {} };

function table() {
  let lsn = 100;
  const asked = [];
  const ask = (name) => (fields) =>
    new Promise((resolve, reject) => {
      const accept = (more = {}) => {
        lsn += 1;
        resolve({ lsn, currency: "EUR", amount: "0.00", available: "1.00", held: "1.00", ...more });
        return settle();
      };
      const refuse = (reason) => {
        reject(Object.assign(new Error("the hub says why"), { reason, retry: "never" }));
        return settle();
      };
      asked.push({ name, ...fields, accept, refuse });
    });
  const hub = { state: "online", now: 0, hubNow: () => hub.now, placeBet: ask("place"), clearBets: ask("clear") };
  const wallet = { taken: [], loads: 0, take: (receipt) => wallet.taken.push(receipt), load: async () => (wallet.loads += 1) };
  const told = [];
  const loads = { count: 0 };
  const timers = [];
  const bets = new Bets({
    hub,
    wallet,
    table: "r",
    share: () => "mine",
    tell: (text) => told.push(text),
    onChange: () => {},
    reload: () => (loads.count += 1),
    later: (callback) => timers.push(callback),
  });
  bets.load(VIEW, []);
  const next = async (name) => {
    await settle();
    const request = asked.shift();
    assert.equal(request?.name, name);
    return request;
  };
  const placed = async (code, minor) => {
    bets.bet(code, minor);
    await (await next("place")).accept();
  };
  return { bets, hub, wallet, told, loads, timers, asked, next, placed };
}

async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

const shown = (bets) => [[...bets.stakes.accepted()], [...bets.ghosts()]];

test("a bet on its way stays a ghost while the view is loaded again, and nothing else can be done", async () => {
  const { bets, wallet, loads, next, placed } = table();
  await placed(1, 100n);
  bets.bet(2, 50n);
  const late = await next("place");
  bets.interrupted();
  bets.load(VIEW, [{ code: 1, minor: 100n }]);
  assert.deepEqual(shown(bets), [[[1, 100n]], [[2, 50n]]]);
  assert.deepEqual(bets.can, { undo: false, clear: false, repeat: false, double: false });
  await late.accept();
  assert.deepEqual(shown(bets), [[[1, 100n], [2, 50n]], []]);
  assert.equal(bets.can.undo, true, "both steps are known");
  assert.deepEqual([wallet.taken.length, wallet.loads, loads.count], [1, 1, 0], "its receipt may be an old one");
});

test("a bet that the view contains already is counted once, and the view is loaded again for certainty", async () => {
  const { bets, loads, next } = table();
  bets.bet(2, 50n);
  const late = await next("place");
  bets.load(VIEW, [{ code: 2, minor: 50n }]);
  assert.deepEqual(shown(bets), [[[2, 50n]], [[2, 0n]]]);
  assert.equal(bets.stakes.total(), 50n);
  await late.accept();
  assert.equal(loads.count, 1);
  assert.equal(bets.can.clear, false, "not before the view is here");
  bets.load(VIEW, [{ code: 2, minor: 50n }]);
  assert.deepEqual(shown(bets), [[[2, 50n]], []]);
  assert.deepEqual([bets.can.clear, bets.can.undo, loads.count], [true, false, 1]);
});

test("a double click on Clear clears once, and a bet clicked meanwhile keeps its ghost", async () => {
  const { bets, loads, asked, next, placed } = table();
  await placed(1, 100n);
  bets.clear();
  bets.clear();
  assert.deepEqual([...bets.ghosts()], [[1, 0n]], "what is taken back is not certain");
  bets.bet(2, 50n);
  const cleared = await next("clear");
  const bet = await next("place");
  assert.equal(asked.length, 0);
  await cleared.accept({ amount: "1.00" });
  assert.deepEqual(shown(bets), [[], [[2, 50n]]]);
  await bet.accept();
  assert.deepEqual(shown(bets), [[[2, 50n]], []]);
  assert.equal(loads.count, 0);
});

test("a clear that took back more than was known loads the view", async () => {
  const { bets, loads, next, placed } = table();
  await placed(1, 100n);
  bets.clear();
  await (await next("clear")).accept({ amount: "3.00" });
  assert.equal(loads.count, 1);
});

test("an undo takes back the last step and places the others in one", async () => {
  const { bets, told, next, placed } = table();
  await placed(1, 100n);
  await placed(RED, 200n);
  await placed(2, 50n);
  bets.undo();
  await (await next("clear")).accept({ amount: "3.50" });
  const again = await next("place");
  assert.deepEqual(again.bets.map(({ kind, a }) => [kind, a]), [["straight", "1.00"], ["red", "2.00"]]);
  await again.accept();
  assert.deepEqual(shown(bets), [[[1, 100n], [RED, 200n]], []]);
  assert.equal(bets.stakes.beforeLast().length, 1, "the steps before it can be undone too");
  assert.deepEqual(told, []);
});

test("an undo whose second half is refused says so, and Repeat brings the bets back", async () => {
  const { bets, told, next, placed } = table();
  await placed(1, 100n);
  await placed(2, 50n);
  bets.undo();
  await (await next("clear")).accept({ amount: "1.50" });
  await (await next("place")).refuse("bets_closed");
  assert.match(told[0], /took back all your bets.*Too late.*Repeat/);
  assert.deepEqual(shown(bets), [[], []]);
  bets.enter({ round: 8, phase: "betting", deadline: 60_000 });
  assert.equal(bets.can.repeat, true);
  bets.repeat();
  assert.equal((await next("place")).bets[0].a, "1.00");
});

test("an undo of a page that was left places nothing", async () => {
  const { bets, told, asked, next, placed } = table();
  await placed(1, 100n);
  await placed(2, 50n);
  bets.undo();
  const clear = await next("clear");
  bets.destroy();
  await clear.accept({ amount: "1.50" });
  assert.equal(asked.length, 0);
  assert.match(told[0], /left during an undo/);
});

test("an undo that would have to place again is not offered near the end of betting", async () => {
  const { bets, hub, asked, placed } = table();
  await placed(1, 100n);
  hub.now = VIEW.deadline - UNDO_BEFORE_MS;
  assert.equal(bets.can.undo, true, "a single step is only taken back");
  await placed(2, 50n);
  assert.equal(bets.can.undo, false);
  bets.undo();
  assert.equal(asked.length, 0);
  hub.now -= 1;
  assert.equal(bets.can.undo, true);
});

test("an undo is not offered when only the sum of the bets is known", async () => {
  const { bets, placed } = table();
  bets.load(VIEW, [{ code: 1, minor: 300n }]);
  assert.equal(bets.can.undo, false);
  await placed(2, 50n);
  assert.equal(bets.can.undo, true);
});

test("a change of the balance that is not of this page loads the bets again, once", async () => {
  const { bets, loads, timers, next } = table();
  const stake = (lsn) => ({ lsn, currency: "EUR", reason: "stake" });
  bets.bet(1, 100n);
  const bet = await next("place");
  bets.balance(stake(101));
  await bet.accept();
  assert.equal(timers.length, 0, "it was the own bet's, told before its receipt");
  bets.balance({ ...stake(102), reason: "deposit" });
  bets.balance({ ...stake(103), currency: "USD" });
  assert.equal(timers.length, 0);
  bets.balance(stake(104));
  bets.balance(stake(105));
  assert.equal(timers.length, 1);
  timers[0]();
  assert.equal(loads.count, 1);
});

test("nothing is loaded for a page that was left", async () => {
  const { bets, loads, next } = table();
  bets.bet(2, 50n);
  const late = await next("place");
  bets.load(VIEW, [{ code: 2, minor: 50n }]);
  bets.destroy();
  await late.accept();
  assert.equal(loads.count, 0);
});

test("stakes by code and as a list say the same", () => {
  assert.deepEqual(items(new Map([[3, 5n]])), [{ code: 3, minor: 5n }]);
});
