/**
 * A clock that stands still until told, a socket that plays the hub by hand, and clients of that hub.
 */

import { HubClient } from "../hub.js";
import { fromWire, toWire } from "../wire.js";

/** Time that only `advance` moves. */
export class FakeClock {
  #now = 1_000_000;
  #timers = new Map();
  #next = 1;

  now = () => this.#now;

  setTimeout = (callback, ms) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, callback });
    return id;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  /** When the next timer is due, milliseconds from now; `null` without timers. */
  get nextIn() {
    const at = Math.min(...[...this.#timers.values()].map((timer) => timer.at));
    return Number.isFinite(at) ? at - this.#now : null;
  }

  /** Moves time on, running what becomes due in order and letting promises settle in between. */
  async advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers]
        .filter(([, timer]) => timer.at <= end)
        .sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = due[1].at;
      due[1].callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything that is already decided happen. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** The hub's side of the sockets a client opens. */
export class FakeHub {
  /** Sockets in the order in which they were opened. */
  sockets = [];
  /** Whether pings are answered by themselves, as a hub does that is alive and slow with all else. */
  answersPings = false;
  encoding;

  constructor(encoding = "msgpack") {
    this.encoding = encoding;
    const hub = this;
    this.WebSocket = class extends EventTarget {
      readyState = 0;
      sent = [];

      constructor(url, subprotocols) {
        super();
        this.url = url;
        this.subprotocols = subprotocols;
        hub.sockets.push(this);
      }

      send(data) {
        const frame = fromWire(data);
        if (frame.t === "ping" && hub.answersPings)
          queueMicrotask(() => hub.say({ t: "pong", id: frame.id, time: 1_000_000, tops: {} }));
        else this.sent.push(frame);
      }

      close() {
        this.readyState = 3;
      }
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** Frames of the newest socket that no one has taken yet. */
  async take(name) {
    await settle();
    const at = this.socket.sent.findIndex((frame) => frame.t === name);
    if (at < 0) throw new Error(`no ${name} among [${this.socket.sent.map((frame) => frame.t)}]`);
    return this.socket.sent.splice(at, 1)[0];
  }

  /** How many frames of a name are there. */
  async count(name) {
    await settle();
    return this.socket.sent.filter((frame) => frame.t === name).length;
  }

  async open() {
    await settle();
    this.socket.readyState = 1;
    this.socket.dispatchEvent(new Event("open"));
    await settle();
  }

  async say(frame) {
    await this.sayRaw(toWire(this.encoding, frame));
  }

  /** Sends bytes or text as they are. */
  async sayRaw(data) {
    this.socket.dispatchEvent(Object.assign(new Event("message"), { data }));
    await settle();
  }

  async reply(request, t, fields = {}) {
    await this.say({ t, id: request.id, ...fields });
  }

  async refuse(request, code, name, retry, more = {}) {
    await this.reply(request, "error", { code, name, message: name, retry, ...more });
  }

  async drop(code = 1006, reason = "") {
    const socket = this.socket;
    socket.readyState = 3;
    socket.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
    await settle();
  }

  /** Opens the newest socket, answers hello, and answers the first ping. */
  async welcome({ resumed = [], personal = {}, time = 1_000_000 } = {}) {
    await this.open();
    const hello = await this.take("hello");
    await this.reply(hello, "welcome", {
      player: PLAYER,
      time,
      version: "0.1.0",
      ping_every_ms: 20_000,
      personal: { ch: `player:${PLAYER}`, e: "p1", o: 0, recovered: true, pubs: [], ...personal },
      resumed,
    });
    if (!this.answersPings) await this.reply(await this.take("ping"), "pong", { time, tops: {} });
    return hello;
  }
}

export const PLAYER = "0123456789abcdef0123456789abcdef";
export const BET = { table: "r", round: 7, currency: "EUR", bets: [{ kind: "red", n: [], a: "1.00" }] };
export const RECEIPT = {
  lsn: 9,
  round: "r:7",
  amount: "1.00",
  currency: "EUR",
  available: "99.00",
  held: "1.00",
};
export const view = (more = {}) => ({ table: "r", e: "t1", o: 10, round: 7, phase: "betting", ...more });
export const followed = (ch, o, more = {}) => ({ ch, e: "t1", o, recovered: true, pubs: [], ...more });

/** A client, its hub, its clock, and everything it says. */
export function start({ encoding = "msgpack", token = "t0", ...options } = {}) {
  const hub = new FakeHub(encoding);
  const clock = new FakeClock();
  const client = new HubClient({ WebSocket: hub.WebSocket, clock, encoding, random: () => 0.5 });
  const said = [];
  for (const type of [
    "state",
    "welcome",
    "publication",
    "table",
    "table_lost",
    "resync",
    "unfollowed",
    "unreadable",
    "drain",
  ]) {
    client.on(type, (detail) => said.push([type, detail]));
  }
  const connected = client.connect("ws://hub/ws", { token, client: "test", ...options });
  connected.catch(() => {});
  const of = (type) => said.filter(([name]) => name === type).map(([, detail]) => detail);
  return { hub, clock, client, connected, of };
}

export async function online(options) {
  const all = start(options);
  await all.hub.welcome();
  return all;
}

/** Online, at table `r`, following its channel from offset 10. */
export async function seated() {
  const all = await online();
  const joined = all.client.joinTable("r");
  await all.hub.reply(await all.hub.take("join_table"), "joined", { view: view(), bets: [] });
  await all.hub.reply(await all.hub.take("subscribe"), "subscribed", followed("table:r", 10));
  await joined;
  return all;
}
