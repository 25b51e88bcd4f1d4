/** A client at tables: what waits for what, leaving and coming back, links that only look alive. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { HubClient } from "../hub.js";
import { PROBE_WITHIN_MS, SLOW_MS } from "../link.js";
import { BACKOFF_FIRST_MS } from "../reconnect.js";
import { FakeClock, FakeHub } from "./fakes.js";

const RECEIPT = { lsn: 9, round: "r:7", amount: "1.00", currency: "EUR", available: "99.00", held: "1.00" };
const bet = (table) => ({ table, round: 7, currency: "EUR", bets: [{ kind: "red", n: [], a: "1.00" }] });
const view = (table, more = {}) => ({ table, e: "t1", o: 10, round: 7, phase: "betting", ...more });
const followed = (ch, o, more = {}) => ({ ch, e: "t1", o, recovered: true, pubs: [], ...more });

/** Online, at the given tables, following their channels from offset 10. */
async function seated(...tables) {
  const hub = new FakeHub();
  const clock = new FakeClock();
  const client = new HubClient({ WebSocket: hub.WebSocket, clock, random: () => 0.5 });
  const said = [];
  for (const type of ["publication", "table", "table_lost", "resync", "unfollowed"])
    client.on(type, (detail) => said.push([type, detail]));
  client.connect("ws://hub/ws", { token: "t0" }).catch(() => {});
  await hub.welcome();
  const of = (type) => said.filter(([name]) => name === type).map(([, detail]) => detail);
  for (const table of tables) {
    const joined = client.joinTable(table);
    await hub.reply(await hub.take("join_table"), "joined", { view: view(table), bets: [] });
    await hub.reply(await hub.take("subscribe"), "subscribed", followed(`table:${table}`, 10));
    await joined;
  }
  return { hub, clock, client, of };
}

async function reconnected(all, resumed) {
  await all.hub.drop();
  await all.clock.advance(BACKOFF_FIRST_MS);
  return all.hub.welcome({ resumed });
}

/** Takes the request to join one of several tables. */
async function joining(hub, table) {
  const kept = [];
  for (;;) {
    const request = await hub.take("join_table");
    if (request.table === table) {
      hub.socket.sent.push(...kept);
      return request;
    }
    kept.push(request);
  }
}

test("a table that cannot be joined just now keeps only its own bets waiting", async () => {
  const all = await seated("a", "b");
  const { hub, clock, client } = all;
  await reconnected(all, [followed("table:a", 10), followed("table:b", 10)]);
  await hub.refuse(await joining(hub, "a"), 4001, "unavailable", "same_key", { retry_after_ms: 1_000 });
  const onA = client.placeBet(bet("a"));
  const onB = client.placeBet(bet("b"));
  const balance = client.request("get_balance");
  await hub.reply(await hub.take("get_balance"), "balances", { balances: [] });
  await balance;
  assert.equal(await hub.count("place_bet"), 0, "neither table is joined yet");
  await hub.reply(await joining(hub, "b"), "joined", { view: view("b"), bets: [] });
  const first = await hub.take("place_bet");
  assert.equal(first.table, "b");
  await hub.reply(first, "bet_accepted", { key: first.key, ...RECEIPT });
  await onB;
  await clock.advance(1_000 + BACKOFF_FIRST_MS);
  await hub.reply(await joining(hub, "a"), "joined", { view: view("a"), bets: [] });
  const second = await hub.take("place_bet");
  assert.equal(second.table, "a");
  await hub.reply(second, "bet_accepted", { key: second.key, ...RECEIPT });
  await onA;
});

test("a channel that cannot be followed just now keeps nothing waiting", async () => {
  const all = await seated("a");
  const { hub, clock, client } = all;
  const subscribed = client.subscribe("news:sport");
  await hub.reply(await hub.take("subscribe"), "subscribed", followed("news:sport", 5));
  await subscribed;
  await reconnected(all, [followed("table:a", 10)]);
  for (let turn = 0; turn < 3; turn += 1) {
    await hub.refuse(await hub.take("subscribe"), 4001, "unavailable", "same_key", {});
    await clock.advance(BACKOFF_FIRST_MS * 2 ** (turn + 1));
  }
  await hub.reply(await hub.take("join_table"), "joined", { view: view("a"), bets: [] });
  const placed = client.placeBet(bet("a"));
  const request = await hub.take("place_bet");
  await hub.reply(request, "bet_accepted", { key: request.key, ...RECEIPT });
  await placed;
});

test("a table that refuses for good lets its bets go on to their refusal", async () => {
  const all = await seated("a");
  const { hub, client, of } = all;
  await reconnected(all, [followed("table:a", 10)]);
  const placed = client.placeBet(bet("a"));
  const refused = assert.rejects(placed, { reason: "unknown_table" });
  await hub.refuse(await hub.take("join_table"), 3001, "unknown_table", "never");
  assert.equal(of("table_lost").length, 1);
  await hub.refuse(await hub.take("place_bet"), 3001, "unknown_table", "never");
  await refused;
});

test("a loss while a table is being joined loads it once more", async () => {
  const all = await seated("a");
  const { hub, of } = all;
  await reconnected(all, [followed("table:a", 10)]);
  const first = await hub.take("join_table");
  await hub.say({ t: "reset", ch: "table:a", e: "t2", o: 3 });
  await hub.reply(first, "joined", { view: view("a"), bets: [] });
  await hub.reply(await hub.take("join_table"), "joined", { view: view("a", { e: "t2", o: 3 }), bets: [] });
  assert.equal(of("table").at(-1).view.e, "t2");
  assert.equal(await hub.count("join_table"), 0);
});

test("a join that meets a busy hub is tried again by the client", async () => {
  const { hub, clock, client, of } = await seated();
  const refused = assert.rejects(client.joinTable("a"), { reason: "busy" });
  await hub.refuse(await hub.take("join_table"), 4000, "busy", "same_key", { retry_after_ms: 100 });
  await refused;
  await clock.advance(100 + BACKOFF_FIRST_MS);
  await hub.reply(await hub.take("join_table"), "joined", { view: view("a"), bets: [] });
  assert.equal(of("table").length, 1);
});

test("leaving goes out before a join that follows at once, and the table stays joined", async () => {
  const { hub, client, of } = await seated("a");
  const left = client.leaveTable("a");
  const back = client.joinTable("a");
  await hub.count("join_table");
  assert.deepEqual(
    hub.socket.sent.map(({ t }) => t),
    ["unsubscribe", "leave_table", "join_table"],
  );
  await hub.reply(await hub.take("unsubscribe"), "unsubscribed", { ch: "table:a" });
  await hub.reply(await hub.take("leave_table"), "left", { table: "a" });
  await left;
  await hub.reply(await hub.take("join_table"), "joined", { view: view("a", { o: 12 }), bets: [] });
  await hub.reply(await hub.take("subscribe"), "subscribed", followed("table:a", 12));
  await back;
  await hub.say({ t: "pub", ch: "table:a", e: "t1", o: 13, d: "next" });
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    ["next"],
  );
});

test("a refused unsubscribe does not keep a client at a table", async () => {
  const { hub, client } = await seated("a");
  const left = client.leaveTable("a");
  const refused = assert.rejects(left, { reason: "busy" });
  await hub.refuse(await hub.take("unsubscribe"), 4000, "busy", "same_key");
  await hub.reply(await hub.take("leave_table"), "left", { table: "a" });
  await refused;
});

test("a table left while the connection was away is not joined when it is back", async () => {
  const all = await seated();
  const { hub, client } = all;
  await hub.drop();
  const joined = assert.rejects(client.joinTable("a"), { reason: "left" });
  await client.leaveTable("a");
  await all.clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome();
  await joined;
  assert.equal(await hub.count("join_table"), 0);
});

test("a link that only looks alive is left soon after a request goes unanswered", async () => {
  const { hub, clock, client } = await seated("a");
  const placed = client.placeBet(bet("a"));
  const { key } = await hub.take("place_bet");
  await clock.advance(SLOW_MS);
  await hub.take("ping");
  await clock.advance(PROBE_WITHIN_MS);
  assert.equal(client.state, "waiting");
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [followed("table:a", 10)] });
  await hub.reply(await hub.take("join_table"), "joined", { view: view("a"), bets: [] });
  const again = await hub.take("place_bet");
  assert.equal(again.key, key);
  await hub.reply(again, "bet_accepted", { key, ...RECEIPT });
  await placed;
});

test("a probe asks a socket that looks alive, once, and cuts a wait short", async () => {
  const { hub, clock, client } = await seated();
  client.probe();
  client.probe();
  assert.equal(await hub.count("ping"), 1);
  await hub.reply(await hub.take("ping"), "pong", { time: clock.now(), tops: {} });
  await clock.advance(PROBE_WITHIN_MS);
  assert.equal(client.state, "online");
  client.probe();
  await clock.advance(PROBE_WITHIN_MS);
  assert.equal(client.state, "waiting");
  client.probe();
  assert.equal(client.state, "connecting");
});
