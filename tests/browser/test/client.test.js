/** The JavaScript client in Node against the real hub, in both sub-protocols. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { WebSocket } from "ws";

import { checkRound } from "../../../clients/js/fair.js";
import { HubClient } from "../../../clients/js/hub.js";
import { Hub } from "../support/hub.js";

let hub;

before(async () => {
  hub = await Hub.start();
});

after(() => hub?.remove());

/** A demo player's client, connected. */
async function connect(name, encoding) {
  const response = await fetch(`${hub.url}/api/demo`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name }) });
  const { token } = await response.json();
  const client = new HubClient({ WebSocket, encoding });
  await client.connect(`${hub.url.replace("http", "ws")}/ws`, { token, client: "test" });
  return client;
}

/** The next event that fits. */
function next(client, type, fits) {
  return new Promise((resolve) => {
    const off = client.on(type, (detail) => {
      if (!fits(detail)) return;
      off();
      resolve(detail);
    });
  });
}

/** Joins a table nobody sits at: the view shows it idle, and its first round opens. */
async function firstRound(client, table) {
  const opened = next(client, "publication", ({ data }) => data.ev === "round_opened");
  const { view } = await client.joinTable(table);
  return view.phase === "betting" ? view : { ...view, ...(await opened).data };
}

const red = (view, amount = "1.00") => ({
  table: view.table,
  round: view.round,
  currency: view.currency,
  bets: [{ kind: "red", n: [], a: amount }],
});

for (const [encoding, table] of [
  ["msgpack", "table-1"],
  ["json", "table-2"],
]) {
  test(`a whole round goes over ${encoding}`, async () => {
    const client = await connect("Nils", encoding);
    try {
      assert.ok((await client.request("list_tables")).tables.some((each) => each.table === table));
      const view = await firstRound(client, table);
      const balance = next(client, "publication", ({ data }) => data.ev === "balance");
      const settled = next(client, "publication", ({ data }) => data.ev === "bet_settled");
      const result = next(client, "publication", ({ data }) => data.ev === "round_result");
      const receipt = await client.placeBet({ ...red(view), seed: "mine" });
      assert.deepEqual([receipt.amount, receipt.held, receipt.available], ["1.00", "1.00", "999.00"]);
      assert.equal((await balance).data.held, "1.00");
      await assert.rejects(client.placeBet(red(view, "1.005")), { reason: "too_precise" });
      await assert.rejects(client.placeBet(red(view, "1e2")), { reason: "bad_amount" });
      const { data: drawn } = await result;
      const { data: paid } = await settled;
      assert.equal(paid.outcome, drawn.outcome);
      const check = checkRound(
        { table, ...drawn },
        { commit: view.commit, player: client.player, text: "mine" },
      );
      assert.equal(check.verdict, "verified", JSON.stringify(check));
      const { results } = await client.request("get_history");
      assert.equal(results[0].round, `${table}:${view.round}`);
      assert.ok(Math.abs(client.hubNow() - Date.now()) < 1_000);
    } finally {
      client.close();
    }
  });
}

test("bets under way when the hub is killed each get one receipt, and no more money is held than that", async () => {
  const client = await connect("Olga", "msgpack");
  try {
    const view = await firstRound(client, "table-3");
    const bets = Array.from({ length: 20 }, () => client.placeBet(red(view)));
    await Promise.race(bets);
    await hub.end("SIGKILL");
    await hub.serve();
    const receipts = await Promise.all(bets);
    assert.equal(new Set(receipts.map(({ key }) => key)).size, 20);
    assert.equal(new Set(receipts.map(({ lsn }) => lsn)).size, 20);
    const {
      balances: [balance],
    } = await client.request("get_balance");
    assert.deepEqual([balance.available, balance.held], ["980.00", "20.00"]);
    const repeated = await client.placeBet(red(view), { key: receipts[0].key });
    assert.equal(repeated.lsn, receipts[0].lsn);
    await assert.rejects(client.placeBet(red(view, "2.00"), { key: receipts[0].key }), {
      reason: "key_reused",
    });
    const proof = await hub.run("verify");
    assert.equal(proof.code, 0, proof.output);
  } finally {
    client.close();
  }
});

test("what is not there or not allowed is refused for good", async () => {
  const client = await connect("Pavel", "json");
  try {
    await assert.rejects(client.request("subscribe", { ch: "player:00000000000000000000000000000000" }), {
      retry: "never",
    });
    await assert.rejects(client.joinTable("no-such-table"), { reason: "unknown_table" });
  } finally {
    client.close();
  }
});
