import assert from "node:assert/strict";
import { test } from "node:test";

import { Follow, WAITING_MAX } from "../follow.js";

const pub = (o, e = "a") => ({ e, o, d: o });
const answer = (o, more = {}) => ({ e: "a", o, recovered: true, pubs: [], ...more });
const offsets = ({ deliver }) => deliver.map(({ o }) => o);

function following(o) {
  const follow = new Follow("news:sport");
  follow.subscribed(answer(o, { recovered: false }));
  return follow;
}

test("publications in order are delivered, each once", () => {
  const follow = following(4);
  assert.deepEqual(offsets(follow.publication(pub(5))), [5]);
  assert.deepEqual(offsets(follow.publication(pub(5))), []);
  assert.deepEqual(offsets(follow.publication(pub(3))), []);
  assert.deepEqual(offsets(follow.publication(pub(6))), [6]);
  assert.deepEqual(follow.since, { e: "a", o: 6 });
});

test("publications without a number are delivered at any time", () => {
  const follow = new Follow("news:sport");
  assert.deepEqual(follow.publication({ d: "now" }), { deliver: [{ d: "now" }], heal: false });
});

test("the first answer is not a loss, whatever it says", () => {
  const follow = new Follow("news:sport");
  assert.equal(follow.subscribed(answer(9, { recovered: false })).lost, false);
});

test("a gap asks the hub and what arrives meanwhile waits", () => {
  const follow = following(4);
  assert.deepEqual(follow.publication(pub(6)), { deliver: [], heal: true });
  assert.deepEqual(follow.publication(pub(7)), { deliver: [], heal: false });
  assert.deepEqual(follow.since, { e: "a", o: 4 });
  const healed = follow.subscribed(answer(6, { pubs: [pub(5), pub(6)] }));
  assert.deepEqual(offsets(healed), [5, 6, 7]);
  assert.deepEqual([healed.heal, healed.lost], [false, false]);
});

test("an answer that what waited does not join asks again", () => {
  const follow = following(4);
  follow.publication(pub(6));
  follow.publication(pub(9));
  const healed = follow.subscribed(answer(6, { pubs: [pub(5), pub(6)] }));
  assert.deepEqual(offsets(healed), [5, 6]);
  assert.equal(healed.heal, true);
  assert.deepEqual(follow.since, { e: "a", o: 6 });
});

test("an answer without recovery is a loss and starts from its position", () => {
  const follow = following(4);
  follow.publication(pub(60));
  const lost = follow.subscribed(answer(60, { recovered: false }));
  assert.deepEqual([offsets(lost), lost.lost], [[], true]);
  assert.deepEqual(offsets(follow.publication(pub(61))), [61]);
});

test("another epoch asks the hub, and what waited of the old one is dropped", () => {
  const follow = following(4);
  assert.equal(follow.publication(pub(1, "b")).heal, true);
  follow.publication(pub(5));
  follow.publication(pub(3, "b"));
  const lost = follow.subscribed(answer(2, { e: "b", recovered: false }));
  assert.deepEqual([offsets(lost), lost.lost], [[3], true]);
});

test("a claim of recovery in another epoch is not believed", () => {
  assert.equal(following(4).subscribed(answer(2, { e: "b" })).lost, true);
});

test("a reset starts afresh", () => {
  const follow = following(40);
  follow.reset({ e: "b", o: 2 });
  assert.deepEqual(offsets(follow.publication(pub(3, "b"))), [3]);
});

test("a view moves the position on, never back", () => {
  const follow = following(4);
  assert.equal(follow.adopt({ e: "a", o: 6 }), false);
  assert.deepEqual(offsets(follow.publication(pub(5))), []);
  assert.deepEqual(offsets(follow.publication(pub(6))), []);
  assert.equal(follow.adopt({ e: "a", o: 2 }), false);
  assert.deepEqual(offsets(follow.publication(pub(7))), [7]);
  assert.equal(follow.adopt({ e: "b", o: 1 }), true);
  assert.deepEqual(follow.since, { e: "b", o: 1 });
});

test("an answer older than the view brings nothing back", () => {
  const follow = following(4);
  follow.interrupted();
  follow.adopt({ e: "a", o: 6 });
  assert.deepEqual(offsets(follow.subscribed(answer(5, { pubs: [pub(5)] }))), []);
  assert.deepEqual(offsets(follow.publication(pub(6))), []);
  assert.deepEqual(offsets(follow.publication(pub(7))), [7]);
});

test("an interruption keeps the position and waits for an answer", () => {
  const follow = following(4);
  follow.interrupted();
  assert.deepEqual(offsets(follow.publication(pub(5))), []);
  assert.deepEqual(offsets(follow.subscribed(answer(5, { pubs: [pub(5)] }))), [5]);
});

test("a top is behind only when no answer is awaited", () => {
  const follow = following(4);
  assert.equal(follow.behind("a", 4), false);
  assert.equal(follow.behind("a", 5), true);
  assert.equal(follow.behind("b", 1), true);
  follow.interrupted();
  assert.equal(follow.behind("a", 5), false);
});

test("what waits is bounded, and what did not fit is asked for again", () => {
  const follow = following(0);
  follow.interrupted();
  for (let o = 1; o <= WAITING_MAX + 5; o += 1) follow.publication(pub(o));
  const healed = follow.subscribed(answer(0));
  assert.equal(healed.deliver.length, WAITING_MAX);
  assert.deepEqual(follow.publication(pub(WAITING_MAX + 6)), { deliver: [], heal: true });
});
