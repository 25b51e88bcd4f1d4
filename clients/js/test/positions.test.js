import assert from "node:assert/strict";
import { test } from "node:test";

import { Position, WAITING_MAX } from "../positions.js";

const pub = (o, e = "a") => ({ e, o, d: o });
const answer = (o, more = {}) => ({ e: "a", o, recovered: true, pubs: [], ...more });
const offsets = ({ deliver }) => deliver.map(({ o }) => o);

function following(o) {
  const position = new Position("news:sport");
  position.subscribed(answer(o, { recovered: false }));
  return position;
}

test("publications in order are delivered, each once", () => {
  const position = following(4);
  assert.deepEqual(offsets(position.publication(pub(5))), [5]);
  assert.deepEqual(offsets(position.publication(pub(5))), []);
  assert.deepEqual(offsets(position.publication(pub(3))), []);
  assert.deepEqual(offsets(position.publication(pub(6))), [6]);
  assert.deepEqual(position.since, { e: "a", o: 6 });
});

test("publications without a number are delivered at any time", () => {
  const position = new Position("news:sport");
  assert.deepEqual(position.publication({ d: "now" }), { deliver: [{ d: "now" }], heal: false });
});

test("the first answer is not a loss, whatever it says", () => {
  const position = new Position("news:sport");
  assert.equal(position.subscribed(answer(9, { recovered: false })).lost, false);
});

test("a gap asks the hub and what arrives meanwhile waits", () => {
  const position = following(4);
  assert.deepEqual(position.publication(pub(6)), { deliver: [], heal: true });
  assert.deepEqual(position.publication(pub(7)), { deliver: [], heal: false });
  assert.deepEqual(position.since, { e: "a", o: 4 });
  const healed = position.subscribed(answer(6, { pubs: [pub(5), pub(6)] }));
  assert.deepEqual(offsets(healed), [5, 6, 7]);
  assert.deepEqual([healed.heal, healed.lost], [false, false]);
});

test("an answer that leaves a gap before what waited asks again", () => {
  const position = following(4);
  position.publication(pub(6));
  position.publication(pub(9));
  const healed = position.subscribed(answer(6, { pubs: [pub(5), pub(6)] }));
  assert.deepEqual(offsets(healed), [5, 6]);
  assert.equal(healed.heal, true);
  assert.deepEqual(position.since, { e: "a", o: 6 });
});

test("an answer without recovery is a loss and starts from its position", () => {
  const position = following(4);
  position.publication(pub(60));
  const lost = position.subscribed(answer(60, { recovered: false }));
  assert.deepEqual([offsets(lost), lost.lost], [[], true]);
  assert.deepEqual(offsets(position.publication(pub(61))), [61]);
});

test("another epoch asks the hub, and what waited of the old one is dropped", () => {
  const position = following(4);
  assert.equal(position.publication(pub(1, "b")).heal, true);
  position.publication(pub(5));
  position.publication(pub(3, "b"));
  const lost = position.subscribed(answer(2, { e: "b", recovered: false }));
  assert.deepEqual([offsets(lost), lost.lost], [[3], true]);
});

test("a claim of recovery in another epoch is not believed", () => {
  assert.equal(following(4).subscribed(answer(2, { e: "b" })).lost, true);
});

test("a reset starts afresh", () => {
  const position = following(40);
  position.reset({ e: "b", o: 2 });
  assert.deepEqual(offsets(position.publication(pub(3, "b"))), [3]);
});

test("a view moves the position on, never back", () => {
  const position = following(4);
  assert.equal(position.adopt({ e: "a", o: 6 }), false);
  assert.deepEqual(offsets(position.publication(pub(5))), []);
  assert.deepEqual(offsets(position.publication(pub(6))), []);
  assert.equal(position.adopt({ e: "a", o: 2 }), false);
  assert.deepEqual(offsets(position.publication(pub(7))), [7]);
  assert.equal(position.adopt({ e: "b", o: 1 }), true);
  assert.deepEqual(position.since, { e: "b", o: 1 });
});

test("an answer older than the view brings nothing back", () => {
  const position = following(4);
  position.interrupted();
  position.adopt({ e: "a", o: 6 });
  assert.deepEqual(offsets(position.subscribed(answer(5, { pubs: [pub(5)] }))), []);
  assert.deepEqual(offsets(position.publication(pub(6))), []);
  assert.deepEqual(offsets(position.publication(pub(7))), [7]);
});

test("an interruption keeps the position and waits for an answer", () => {
  const position = following(4);
  position.interrupted();
  assert.deepEqual(offsets(position.publication(pub(5))), []);
  assert.deepEqual(offsets(position.subscribed(answer(5, { pubs: [pub(5)] }))), [5]);
});

test("a top is behind only when no answer is awaited", () => {
  const position = following(4);
  assert.equal(position.behind("a", 4), false);
  assert.equal(position.behind("a", 5), true);
  assert.equal(position.behind("b", 1), true);
  position.interrupted();
  assert.equal(position.behind("a", 5), false);
});

test("what waits is bounded, and what did not fit is asked for again", () => {
  const position = following(0);
  position.interrupted();
  for (let o = 1; o <= WAITING_MAX + 5; o += 1) position.publication(pub(o));
  const healed = position.subscribed(answer(0));
  assert.equal(healed.deliver.length, WAITING_MAX);
  assert.deepEqual(position.publication(pub(WAITING_MAX + 6)), { deliver: [], heal: true });
});

test("after an answer that cannot be read the channel goes on from what comes next", () => {
  const position = following(4);
  position.publication(pub(6));
  position.publication(pub(8));
  const told = position.unreadable();
  assert.deepEqual([offsets(told), told.heal, told.lost], [[8], false, true]);
  assert.deepEqual(offsets(position.publication(pub(9))), [9]);
  assert.deepEqual(position.since, { e: "a", o: 9 });
});

test("a channel that waits for whatever comes next is not behind and has no position", () => {
  const position = following(4);
  position.publication(pub(6));
  position.unreadable();
  assert.deepEqual([position.since, position.behind("a", 9)], [null, false]);
  position.interrupted();
  assert.equal(position.subscribed(answer(9, { recovered: false })).lost, false, "it was told already");
  assert.deepEqual(offsets(position.publication(pub(10))), [10]);
});
