/** A client at a later hub, or at a broken one: what it does not know ends as little as possible, and is reported. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { HubError } from "../errors.js";
import { PONG_WITHIN_MS, WELCOME_WITHIN_MS } from "../link.js";
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS } from "../reconnect.js";
import { BET, followed, online, PLAYER, RECEIPT, seated, start, view } from "./fakes.js";

/** Bytes that are no value of either sub-protocol. */
const GARBAGE = { msgpack: new Uint8Array([0xc1]), json: '{"t":"pub"' };

test("an advice that is not known is read as what the code's range says", () => {
  const rows = [
    [1999, "never"],
    [2999, "authenticate"],
    [2003, "never"],
    [3999, "never"],
    [4999, "same_key"],
    [5999, "ask_outcome"],
    [6000, "ask_outcome"],
    [999, "ask_outcome"],
    [undefined, "ask_outcome"],
  ];
  for (const [code, retry] of rows)
    for (const word of ["after_lunch", undefined, 7])
      assert.equal(
        HubError.of({ code, name: "n", message: "m", retry: word }).retry,
        retry,
        `${code} ${word}`,
      );
  assert.equal(HubError.of({ code: 3999, name: "n", message: "m", retry: "same_key" }).retry, "same_key");
});

test("a bet refused with an advice and a code of a later hub is sent again with its key", async () => {
  for (const code of [4999, 5999, 6999]) {
    const { hub, client, clock } = await online();
    const bet = client.placeBet(BET);
    const first = await hub.take("place_bet");
    await hub.refuse(first, code, "out_to_lunch", "after_lunch", { retry_after_ms: 500 });
    await clock.advance(500 + BACKOFF_FIRST_MS);
    const second = await hub.take("place_bet");
    assert.equal(second.key, first.key);
    await hub.reply(second, "bet_accepted", { key: first.key, ...RECEIPT });
    assert.equal((await bet).lsn, 9);
  }
});

test("a status of a later hub is not definite: the key is asked for again until it is", async () => {
  const { hub, client, clock } = await online();
  const bet = client.placeBet(BET);
  const { key } = await hub.take("place_bet");
  hub.answersPings = true;
  await clock.advance(10_000 + BACKOFF_FIRST_MS);
  await hub.refuse(await hub.take("place_bet"), 3002, "bets_closed", "never");
  for (const [turn, outcome] of [{ status: "parked" }, { status: 3 }, {}].entries()) {
    await hub.reply(await hub.take("get_outcome"), "outcome", { key, outcome });
    assert.equal(await hub.count("get_outcome"), 0, "not at once");
    await clock.advance(BACKOFF_FIRST_MS * 2 ** turn);
  }
  const accepted = { status: "accepted", receipt: { key, ...RECEIPT } };
  await hub.reply(await hub.take("get_outcome"), "outcome", { key, outcome: accepted });
  assert.equal((await bet).lsn, 9);
});

test("a status of a later hub is handed on as it is", async () => {
  const { hub, client } = await online();
  const asked = client.request("get_outcome", { key: "k" });
  await hub.reply(await hub.take("get_outcome"), "outcome", { key: "k", outcome: { status: "parked" } });
  assert.equal((await asked).outcome.status, "parked");
});

test("a frame that cannot be read is told and skipped, and the next one is heard", async () => {
  for (const encoding of ["msgpack", "json"]) {
    const { hub, client, of } = await online({ encoding });
    await hub.sayRaw(GARBAGE[encoding]);
    await hub.say({ no: "name" });
    await hub.say({ t: "drain", reconnect_after_ms: "soon" });
    await hub.say({ t: "pub", ch: `player:${PLAYER}`, e: "p1", o: 1, d: "next" });
    assert.equal(client.state, "online");
    assert.equal(of("unreadable").length, 3);
    assert.ok(of("unreadable").every(({ error }) => error instanceof Error));
    assert.deepEqual(
      of("publication").map(({ data }) => data),
      ["next"],
    );
    assert.deepEqual(of("drain"), []);
  }
});

test("a publication that cannot be read is a gap, which the hub fills", async () => {
  const { hub, of } = await seated();
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: "eleven", d: 11 });
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 12, d: 12 });
  const question = await hub.take("subscribe");
  assert.deepEqual([question.e, question.o], ["t1", 10]);
  const pubs = [11, 12].map((o) => ({ o, d: o }));
  await hub.reply(question, "subscribed", followed("table:r", 12, { pubs }));
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    [11, 12],
  );
});

test("a reply that cannot be read fails its request at once and nothing else", async () => {
  const { hub, client } = await online();
  const asked = client.request("get_outcome", { key: "k" });
  const refused = assert.rejects(asked, { reason: "unreadable", retry: "ask_outcome", code: 0 });
  await hub.reply(await hub.take("get_outcome"), "outcome", { key: "k", outcome: "fine" });
  await refused;
  assert.equal(client.state, "online");
});

test("a gap that only a later client can fill is told once, and the channel goes on", async () => {
  const { hub, client, of } = await online();
  const subscribed = client.subscribe("news:sport");
  await hub.reply(await hub.take("subscribe"), "subscribed", followed("news:sport", 5));
  await subscribed;
  await hub.say({ t: "pub", ch: "news:sport", e: "t1", o: 7, d: 7 });
  await hub.reply(await hub.take("subscribe"), "subscribed", {
    ...followed("news:sport", 7),
    pubs: "elsewhere",
  });
  await hub.say({ t: "pub", ch: "news:sport", e: "t1", o: 8, d: 8 });
  await hub.say({ t: "pub", ch: "news:sport", e: "t1", o: 9, d: 9 });
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    [8, 9],
  );
  assert.deepEqual(of("resync"), [{ channel: "news:sport" }]);
  assert.equal(await hub.count("subscribe"), 0);
});

test("a table whose channel cannot be healed is loaded again", async () => {
  const { hub, of } = await seated();
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 13, d: 13 });
  await hub.reply(await hub.take("subscribe"), "subscribed", { ch: "table:r" });
  await hub.reply(await hub.take("join_table"), "joined", { view: view({ o: 13 }), bets: [] });
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 14, d: 14 });
  assert.equal(of("table").length, 2);
  assert.equal(of("publication").at(-1).data, 14);
});

test("a resumed channel that cannot be read does not keep the client from coming back", async () => {
  const { hub, client, clock } = await seated();
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.welcome({ resumed: [{ ch: "table:r", pubs: 3 }] });
  assert.equal(client.state, "online");
  assert.equal((await hub.take("subscribe")).ch, "table:r");
});

test("a welcome that cannot be read is tried again without resuming, ever more seldom", async () => {
  const { hub, client, clock, of } = await seated();
  await hub.drop();
  await clock.advance(BACKOFF_FIRST_MS);
  await hub.open();
  assert.ok((await hub.take("hello")).resume.length > 0);
  await hub.sayRaw(GARBAGE.msgpack);
  await clock.advance(WELCOME_WITHIN_MS);
  assert.equal(client.state, "waiting");
  const waits = [];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    waits.push(of("state").at(-1).retryInMs);
    await clock.advance(waits.at(-1));
    await hub.open();
    const hello = await hub.take("hello");
    assert.equal(hello.resume, undefined);
    await hub.reply(hello, "welcome", { player: PLAYER, personal: null });
  }
  assert.ok(waits.at(-1) >= BACKOFF_MAX_MS / 2, `${waits}`);
  await clock.advance(of("state").at(-1).retryInMs);
  await hub.welcome({ personal: { o: 4 } });
  assert.equal(client.state, "online");
  assert.equal((await hub.take("subscribe")).ch, "table:r", "what was followed is followed again");
  assert.deepEqual(of("resync"), [{ channel: `player:${PLAYER}` }], "no gap is passed over in silence");
});

test("a hub of which nothing can be read is left, and tried again ever more seldom", async () => {
  const { hub, clock, of } = start();
  const waits = [];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await hub.welcome();
    await clock.advance(20_000 - 1);
    await hub.drop(1011);
    waits.push(of("state").at(-1).retryInMs);
    await clock.advance(waits.at(-1));
  }
  assert.equal(waits[0], waits[7], "a connection that lasted starts the waits afresh");
  waits.length = 0;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    await hub.welcome();
    await hub.drop(1011);
    waits.push(of("state").at(-1).retryInMs);
    await clock.advance(waits.at(-1));
  }
  assert.equal(waits.at(-1), BACKOFF_MAX_MS / 2, "one that is closed right after its welcome does not");
});

test("a heartbeat whose answer cannot be read keeps the socket, one without an answer does not", async () => {
  const { hub, clock, client } = await online();
  await clock.advance(20_000);
  await hub.reply(await hub.take("ping"), "pong", { time: "noon" });
  await clock.advance(20_000);
  assert.equal(client.state, "online");
  await hub.take("ping");
  await hub.sayRaw(GARBAGE.msgpack);
  await clock.advance(PONG_WITHIN_MS);
  assert.equal(client.state, "waiting");
});

test("a frame of a later protocol changes nothing", async () => {
  const { hub, client, of } = await seated();
  await hub.say({ t: "confetti", colour: "gold" });
  await hub.say({ t: "pub", ch: "table:other", e: "x", o: 1, d: 1 });
  await hub.say({ t: "pub", ch: "table:r", e: "t1", o: 11, d: { ev: "encore" }, colour: "gold" });
  assert.deepEqual(of("unreadable"), []);
  assert.deepEqual(
    of("publication").map(({ data }) => data),
    [{ ev: "encore" }],
  );
  assert.equal(client.state, "online");
});
