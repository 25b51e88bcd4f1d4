import assert from "node:assert/strict";
import { test } from "node:test";

import { HEAL_AFTER_MS } from "../channels.js";
import { HubError, newKey } from "../hub.js";
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, backoffMs, mayReconnect } from "../reconnect.js";
import { BET, followed, online, PLAYER, RECEIPT, seated, settle, start, view } from "./fakes.js";

test("hello is the first frame, in the sub-protocol asked for", async () => {
  for (const [encoding, name] of [
    ["msgpack", "hub.v1.msgpack"],
    ["json", "hub.v1.json"],
  ]) {
    const { hub, client, connected } = start({ encoding });
    const hello = await hub.welcome();
    assert.deepEqual([hello.t, hello.token, hello.client, hello.resume], ["hello", "t0", "test", undefined]);
    assert.deepEqual(hub.socket.subprotocols, [name]);
    assert.equal((await connected).player, PLAYER);
    assert.equal(client.state, "online");
  }
});

test("replies find their requests in any order, and refusals reject", async () => {
  const { hub, client } = await online();
  const tables = client.request("list_tables");
  const balance = client.request("get_balance");
  const first = await hub.take("list_tables");
  await hub.refuse(await hub.take("get_balance"), 3013, "no_account", "never");
  await hub.reply(first, "tables", { tables: [] });
  assert.deepEqual((await tables).tables, []);
  await assert.rejects(
    balance,
    (error) => error instanceof HubError && error.code === 3013 && error.reason === "no_account",
  );
});

test("a request without an answer times out, and its late answer is ignored", async () => {
  const { hub, client, clock } = await online();
  const tables = client.request("list_tables", {}, { withinMs: 500 });
  const request = await hub.take("list_tables");
  const refused = assert.rejects(tables, { reason: "timeout", retry: "ask_outcome" });
  await clock.advance(500);
  await refused;
  await hub.reply(request, "tables", { tables: [] });
});

test("a bet carries a fresh key and answers with the receipt", async () => {
  const { hub, client } = await online();
  const keys = new Set();
  for (let count = 0; count < 3; count += 1) {
    const bet = client.placeBet(BET);
    const request = await hub.take("place_bet");
    assert.match(request.key, /^[0-9a-f]{32}$/);
    assert.deepEqual(request.bets, BET.bets);
    keys.add(request.key);
    await hub.reply(request, "bet_accepted", { key: request.key, ...RECEIPT });
    assert.equal((await bet).lsn, 9);
  }
  assert.equal(keys.size, 3);
  assert.notEqual(newKey(), newKey());
});

test("a bet that gets no answer is sent again with the same key", async () => {
  const { hub, client, clock } = await online();
  const bet = client.placeBet(BET);
  const first = await hub.take("place_bet");
  hub.answersPings = true;
  await clock.advance(10_000 + BACKOFF_FIRST_MS);
  const second = await hub.take("place_bet");
  assert.equal(second.key, first.key);
  assert.notEqual(second.id, first.id);
  await hub.reply(second, "bet_accepted", { key: second.key, ...RECEIPT });
  assert.equal((await bet).lsn, 9);
});

test("a hello that a busy hub refuses is repeated with the same token, not before the time it named, ever later", async () => {
  const { hub, client, clock, of } = start();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await hub.open();
    const hello = await hub.take("hello");
    assert.equal(hello.token, "t0");
    await hub.refuse(hello, 4000, "busy", "same_key", { retry_after_ms: 1_700 });
    await hub.drop(4006, "busy");
    assert.equal(of("state").at(-1).retryInMs, 1_700 + BACKOFF_FIRST_MS * 2 ** (attempt - 1));
    await clock.advance(of("state").at(-1).retryInMs);
  }
  await hub.welcome();
  assert.equal(client.state, "online");
});

test("a busy hub is asked again with the same key, not before the time it named", async () => {
  const { hub, client, clock } = await online();
  const bet = client.placeBet(BET);
  const first = await hub.take("place_bet");
  await hub.refuse(first, 4000, "busy", "same_key", { retry_after_ms: 700 });
  // The jitter of these tests is half of the first ceiling.
  await clock.advance(699 + BACKOFF_FIRST_MS / 2);
  assert.equal(await hub.count("place_bet"), 0);
  await clock.advance(1);
  const second = await hub.take("place_bet");
  assert.equal(second.key, first.key);
  await hub.reply(second, "bet_accepted", { key: second.key, ...RECEIPT });
  await bet;
});

test("a bet survives the loss of the connection with its key, after the table is joined again", async () => {
  const { hub, client, clock } = await seated();
  const bet = client.placeBet(BET);
  const first = await hub.take("place_bet");
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [followed("table:r", 10)] });
  assert.equal(await hub.count("place_bet"), 0, "not before the table is joined");
  await hub.reply(await hub.take("join_table"), "joined", { view: view(), bets: [] });
  const second = await hub.take("place_bet");
  assert.equal(second.key, first.key);
  await hub.reply(second, "bet_accepted", { key: second.key, ...RECEIPT });
  assert.equal((await bet).lsn, 9);
});

test("a refusal of the first sending is final at once", async () => {
  const { hub, client } = await online();
  const bet = client.placeBet(BET);
  const refused = assert.rejects(bet, { code: 3007, reason: "above_limit" });
  await hub.refuse(await hub.take("place_bet"), 3007, "above_limit", "never");
  await refused;
  assert.equal(await hub.count("get_outcome"), 0);
});

test("a refused repeat asks what became of the key: accepted before stays accepted", async () => {
  const { hub, client, clock } = await online();
  const bet = client.placeBet(BET);
  const { key } = await hub.take("place_bet");
  hub.answersPings = true;
  await clock.advance(10_000 + BACKOFF_FIRST_MS);
  await hub.refuse(await hub.take("place_bet"), 3002, "bets_closed", "never");
  const question = await hub.take("get_outcome");
  assert.equal(question.key, key);
  await hub.reply(question, "outcome", {
    key,
    outcome: { status: "accepted", receipt: { key, ...RECEIPT } },
  });
  assert.equal((await bet).lsn, 9);
});

test("an exclusion whose repeat is refused was carried out when the hub says that it changed something", async () => {
  const { hub, client, clock } = await online();
  const excluded = client.exclude({ kind: "time_out", days: 7 });
  const { key, kind, days } = await hub.take("exclude");
  assert.deepEqual([kind, days], ["time_out", 7]);
  hub.answersPings = true;
  await clock.advance(10_000 + BACKOFF_FIRST_MS);
  await hub.refuse(await hub.take("exclude"), 3021, "exclusion_stands", "never");
  await hub.reply(await hub.take("get_outcome"), "outcome", { key, outcome: { status: "changed", lsn: 12 } });
  assert.deepEqual(await excluded, { key, lsn: 12 });
});

test("a refused repeat of which nothing is recorded is refused", async () => {
  const { hub, client, clock } = await online();
  const bet = client.placeBet(BET);
  const refused = assert.rejects(bet, { reason: "bets_closed" });
  const { key } = await hub.take("place_bet");
  hub.answersPings = true;
  await clock.advance(10_000 + BACKOFF_FIRST_MS);
  await hub.refuse(await hub.take("place_bet"), 3002, "bets_closed", "never");
  await hub.reply(await hub.take("get_outcome"), "outcome", { key, outcome: { status: "unknown" } });
  await refused;
});

test("closing rejects what waits and opens no socket again", async () => {
  const { hub, client, clock } = await online();
  const bet = client.placeBet(BET);
  const refused = assert.rejects(bet, { reason: "closed" });
  await hub.take("place_bet");
  client.close();
  await refused;
  await clock.advance(100_000);
  assert.equal(hub.sockets.length, 1);
  await assert.rejects(client.request("list_tables"), { reason: "closed" });
});

test("joining a table tells the view, then only what is newer than it", async () => {
  const { hub, of } = await seated();
  assert.equal(of("table").length, 1);
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 10, d: { ev: "old" } });
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 11, d: { ev: "new" } });
  await hub.say({ t: "pub", ch: "table:r", d: { ev: "chips" } });
  assert.deepEqual(
    of("publication").map(({ data, offset }) => [data.ev, offset]),
    [
      ["new", 11],
      ["chips", undefined],
    ],
  );
});

test("a gap is healed from the last position", async () => {
  const { hub, of } = await seated();
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 13, d: 13 });
  const question = await hub.take("subscribe");
  assert.deepEqual([question.ch, question.e, question.o], ["table:r", "t1", 10]);
  await hub.reply(
    question,
    "subscribed",
    followed("table:r", 13, { pubs: [11, 12, 13].map((o) => ({ o, d: o })) }),
  );
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    [11, 12, 13],
  );
});

test("a loss at a table loads the table again", async () => {
  const { hub, of } = await seated();
  await hub.say({ t: "reset", ch: "table:r", e: "t2", o: 3 });
  await hub.reply(await hub.take("join_table"), "joined", { view: view({ e: "t2", o: 3 }), bets: [] });
  assert.equal(of("table").length, 2);
  await hub.say({ t: "pub", ch: "table:r", e: "t2", o: 4, d: "next" });
  assert.equal(of("publication").at(-1).data, "next");
});

test("a loss on another channel is told", async () => {
  const { hub, client, of } = await online();
  const subscribed = client.subscribe("news:sport");
  await hub.reply(await hub.take("subscribe"), "subscribed", followed("news:sport", 5, { recovered: false }));
  await subscribed;
  assert.deepEqual(of("resync"), []);
  await hub.say({ t: "pub", ch: "news:sport", e: "t1", o: 90, d: 1 });
  await hub.reply(
    await hub.take("subscribe"),
    "subscribed",
    followed("news:sport", 90, { recovered: false }),
  );
  assert.deepEqual(of("resync"), [{ channel: "news:sport" }]);
});

test("a lost last message is found by the heartbeat and healed", async () => {
  const { hub, clock, of } = await seated();
  await clock.advance(20_000);
  await hub.reply(await hub.take("ping"), "pong", { time: clock.now(), tops: { "table:r": ["t1", 11] } });
  assert.equal(await hub.count("subscribe"), 0, "it may still be on its way");
  await clock.advance(HEAL_AFTER_MS);
  const question = await hub.take("subscribe");
  await hub.reply(question, "subscribed", followed("table:r", 11, { pubs: [{ o: 11, d: "last" }] }));
  assert.equal(of("publication").at(-1).data, "last");
});

test("a top that arrives within a moment asks nothing", async () => {
  const { hub, clock } = await seated();
  await clock.advance(20_000);
  await hub.reply(await hub.take("ping"), "pong", { time: clock.now(), tops: { "table:r": ["t1", 11] } });
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 11, d: "last" });
  await clock.advance(HEAL_AFTER_MS);
  assert.equal(await hub.count("subscribe"), 0);
});

test("a reconnection resumes what was followed and delivers what was missed, once", async () => {
  const { hub, clock, of } = await seated();
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 11, d: 11 });
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  const hello = await hub.welcome({ resumed: [followed("table:r", 12, { pubs: [{ o: 12, d: 12 }] })] });
  assert.deepEqual(
    hello.resume.find(({ ch }) => ch === "table:r"),
    { ch: "table:r", e: "t1", o: 11 },
  );
  assert.deepEqual(
    hello.resume.find(({ ch }) => ch === `player:${PLAYER}`),
    { ch: `player:${PLAYER}`, e: "p1", o: 0 },
  );
  await hub.reply(await hub.take("join_table"), "joined", { view: view({ o: 12 }), bets: [] });
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    [11, 12],
  );
  assert.equal(await hub.count("subscribe"), 0, "resumed channels are followed already");
});

test("a channel that hello did not resume is subscribed again, and given up when it is gone", async () => {
  const { hub, client, clock, of } = await online();
  const subscribed = client.subscribe("news:sport");
  await hub.reply(await hub.take("subscribe"), "subscribed", followed("news:sport", 5));
  await subscribed;
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome();
  await hub.refuse(await hub.take("subscribe"), 1006, "unknown_channel", "never");
  assert.equal(of("unfollowed")[0].channel, "news:sport");
});

test("a table that refuses for good after a reconnection is told of", async () => {
  const { hub, clock, of } = await seated();
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [followed("table:r", 10)] });
  await hub.refuse(await hub.take("join_table"), 3015, "table_closed", "never");
  assert.equal(of("table_lost")[0].error.reason, "table_closed");
});

test("waits grow with jitter up to a ceiling, and a connection that lasts starts them afresh", async () => {
  assert.deepEqual(
    [0, 1, 2, 50].map((failures) => backoffMs(failures, () => 0.5)),
    [0.5, 1, 2].map((x) => x * BACKOFF_FIRST_MS).concat(BACKOFF_MAX_MS / 2),
  );
  assert.equal(
    backoffMs(9, () => 0),
    0,
  );
  const { hub, clock, of } = start();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await settle();
    await hub.drop();
    await clock.advance(of("state").at(-1).retryInMs);
  }
  const waits = of("state")
    .filter(({ state }) => state === "waiting")
    .map(({ retryInMs }) => retryInMs);
  assert.deepEqual(waits, [200, 400, 800]);
  await hub.welcome();
  await clock.advance(BACKOFF_MAX_MS);
  await hub.drop();
  assert.equal(of("state").at(-1).retryInMs, 200);
});

test("close codes say whether to come back", async () => {
  const rows = [
    [1000, true],
    [1001, true],
    [1006, true],
    [1011, true],
    [1002, false],
    [1008, false],
    [1009, false],
    [4000, true],
    [4001, true],
    [4006, true],
    [4042, true],
    [4100, false],
    [4103, false],
    [4150, false],
  ];
  for (const [code, back] of rows) {
    assert.equal(mayReconnect(code), back, String(code));
    const { hub, client } = await online();
    await hub.drop(code, "why");
    assert.equal(client.state, back ? "waiting" : "closed", String(code));
  }
});

test("a drain notice is heeded: the client comes back when it was told to, and a random while later", async () => {
  const { hub, clock, of } = await online();
  await hub.say({ t: "drain", reconnect_after_ms: 3_000 });
  await clock.advance(1_000);
  await hub.drop(4000, "draining");
  assert.equal(of("state").at(-1).retryInMs, 2_000 + BACKOFF_FIRST_MS / 2);
  assert.deepEqual(
    of("drain").map(({ reconnect_after_ms }) => reconnect_after_ms),
    [3_000],
  );
});

test("an expired token is asked for afresh, a refused fresh one ends the client", async () => {
  const asked = [];
  const getToken = ({ refresh }) => {
    asked.push(refresh);
    return `t${asked.length}`;
  };
  const { hub, client, clock, connected } = start({ getToken });
  await hub.open();
  await hub.refuse(await hub.take("hello"), 2001, "token_expired", "authenticate");
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.open();
  const hello = await hub.take("hello");
  assert.equal(hello.token, "t2");
  await hub.refuse(hello, 2002, "token_invalid", "authenticate");
  await assert.rejects(connected, { reason: "token_invalid" });
  assert.equal(client.state, "closed");
  assert.deepEqual(asked, [false, true]);
});

test("a fixed token that is refused ends the client at once", async () => {
  const { hub, connected, client } = start();
  await hub.open();
  await hub.refuse(await hub.take("hello"), 2001, "token_expired", "authenticate");
  await assert.rejects(connected, { reason: "token_expired" });
  assert.equal(client.state, "closed");
});

test("a hub that stops answering pings is left for a new socket", async () => {
  const { hub, clock, client } = await online();
  await clock.advance(20_000);
  await hub.take("ping");
  await clock.advance(8_000);
  assert.equal(client.state, "waiting");
  await clock.advance(BACKOFF_FIRST_MS);
  assert.equal(hub.sockets.length, 2);
});

test("a socket without a welcome is given up in time, whether it opened or not", async () => {
  for (const opens of [true, false]) {
    const { hub, clock } = start();
    await settle();
    if (opens) await hub.open();
    await clock.advance(10_000 + BACKOFF_FIRST_MS);
    assert.equal(hub.sockets.length, 2);
  }
});

test("messages of a socket that was given up are ignored", async () => {
  const { hub, client, clock, of } = await seated();
  const old = hub.socket;
  await clock.advance(28_000);
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [followed("table:r", 10)] });
  old.dispatchEvent(
    Object.assign(new Event("message"), { data: JSON.stringify({ t: "pub", ch: "table:r", d: "ghost" }) }),
  );
  old.dispatchEvent(Object.assign(new Event("close"), { code: 4100, reason: "" }));
  await settle();
  assert.equal(client.state, "online");
  assert.deepEqual(of("publication"), []);
});

test("a publication that overtakes the welcome waits for its channel's answer", async () => {
  const { hub, clock, of } = await seated();
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.open();
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 12, d: 12 });
  await hub.reply(await hub.take("hello"), "welcome", {
    player: PLAYER,
    time: clock.now(),
    version: "",
    ping_every_ms: 20_000,
    personal: { ch: `player:${PLAYER}`, e: "p1", o: 0, recovered: true, pubs: [] },
    resumed: [followed("table:r", 11, { pubs: [{ o: 11, d: 11 }] })],
  });
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    [11, 12],
  );
  assert.equal(await hub.count("subscribe"), 0);
});

test("a join that waits for a busy hub is left to the welcome after another interruption", async () => {
  const { hub, clock } = await seated();
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [followed("table:r", 10)] });
  await hub.refuse(await hub.take("join_table"), 4000, "busy", "same_key", { retry_after_ms: 5_000 });
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [followed("table:r", 10)] });
  await hub.take("join_table");
  await clock.advance(5_000);
  assert.equal(await hub.count("join_table"), 0);
});

test("a bet refused for an old token is sent again under a new one, with the same key", async () => {
  const tokens = ["t1", "t2"];
  const { hub, client, clock } = await online({ getToken: () => tokens.shift() });
  const bet = client.placeBet(BET);
  const first = await hub.take("place_bet");
  const { key } = first;
  await hub.refuse(first, 2001, "token_expired", "authenticate");
  await clock.advance(BACKOFF_FIRST_MS);
  assert.equal((await hub.welcome()).token, "t2");
  const second = await hub.take("place_bet");
  assert.equal(second.key, key);
  await hub.reply(second, "bet_accepted", { key, ...RECEIPT });
  await bet;
});

test("retryNow cuts the wait short", async () => {
  const { hub, client } = await online();
  await hub.drop();
  client.retryNow();
  await settle();
  assert.equal(hub.sockets.length, 2);
});

test("the hub's clock is taken from the shortest round trip", async () => {
  const { hub, clock, client } = await online();
  const ahead = 5_000;
  await clock.advance(20_000);
  const slow = await hub.take("ping");
  await clock.advance(400);
  await hub.reply(slow, "pong", { time: clock.now() + ahead, tops: {} });
  assert.equal(client.hubNow(), clock.now(), "the welcome took no time at all and said so");
  const other = start();
  await other.hub.open();
  const hello = await other.hub.take("hello");
  await other.clock.advance(1_000);
  const personal = { ch: `player:${PLAYER}`, e: "p1", o: 0, recovered: true, pubs: [] };
  await other.hub.reply(hello, "welcome", {
    player: PLAYER,
    time: other.clock.now() + ahead,
    version: "",
    ping_every_ms: 20_000,
    personal,
    resumed: [],
  });
  assert.equal(other.client.hubNow() - other.clock.now(), ahead + 500);
  await other.hub.reply(await other.hub.take("ping"), "pong", { time: other.clock.now() + ahead, tops: {} });
  assert.equal(other.client.hubNow() - other.clock.now(), ahead);
});

test("old round trips are forgotten, so that a clock that was set is followed", async () => {
  const { hub, clock, client } = await online();
  const ahead = 5_000;
  for (let ping = 0; ping < 9; ping += 1) {
    await clock.advance(20_000);
    const request = await hub.take("ping");
    await clock.advance(400);
    await hub.reply(request, "pong", { time: clock.now() + ahead, tops: {} });
  }
  assert.equal(client.hubNow() - clock.now(), ahead + 200);
});

test("leaving a table stops its events and it is not joined again", async () => {
  const { hub, client, clock, of } = await seated();
  const left = client.leaveTable("r");
  await hub.reply(await hub.take("unsubscribe"), "unsubscribed", { ch: "table:r" });
  await hub.reply(await hub.take("leave_table"), "left", { table: "r" });
  await left;
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 11, d: 1 });
  assert.deepEqual(of("publication"), []);
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome();
  assert.equal(await hub.count("join_table"), 0);
});
