/**
 * The client of a hub, for browsers and Node: requests, commands that happen exactly once, channels without
 * silent gaps, tables that are joined again after every interruption.
 *
 * ```js
 * const hub = new HubClient();
 * hub.on("publication", ({ channel, data }) => console.log(channel, data));
 * await hub.connect("ws://127.0.0.1:7700/ws", { token });
 * const { view } = await hub.joinTable("roulette-1");
 * await hub.placeBet({ table: "roulette-1", round: view.round, currency: view.currency,
 *                      bets: [{ kind: "straight", n: [17], a: "1.00" }] });
 * ```
 *
 * Events (`on(type, listener)`, the listener gets the detail):
 * - `state` `{state, retryInMs?, error?}`: `connecting`, `online`, `waiting`, `closed`
 * - `welcome`: the hub's answer to hello, after each (re)connection
 * - `publication` `{channel, data, epoch?, offset?}`: in order and once each, when it is numbered
 * - `table` `{table, view, bets}`: a table was joined, or joined again; replaces all that was known of it
 * - `table_lost` `{table, error}`: a table cannot be joined again
 * - `resync` `{channel}`: publications are missing for good; load the state behind the channel afresh
 * - `unfollowed` `{channel, error}`: a channel cannot be followed any more
 * - `unreadable` `{error}`: the hub sent a frame that this client cannot read, and which it skipped; what a channel
 *   missed by it is fetched again where that is possible
 * - `drain` `{reconnect_after_ms}`: the hub is restarting; the client comes back by itself
 *
 * Node before 22 has no WebSocket of its own: pass one, such as the class of the package `ws`.
 */

import { Channels } from "./channels.js";
import { HubError } from "./errors.js";
import { Link, systemClock } from "./link.js";
import { backoffMs } from "./reconnect.js";
import { Tables } from "./tables.js";
import { newKey } from "./wire.js";

export { HubError } from "./errors.js";
export { newKey } from "./wire.js";

export class HubClient extends EventTarget {
  /** The player's id, after `welcome`. */
  player = null;
  /** The player's personal channel, after `welcome`. */
  personal = null;
  #WebSocket;
  #clock;
  #random;
  #encoding;
  #link = null;
  #channels;
  #tables;
  #ready = false;
  #welcomes = 0;
  #waiters = new Set();

  /**
   * @param {object} [options]
   * @param {typeof WebSocket} [options.WebSocket] for Node without one
   * @param {"msgpack"|"json"} [options.encoding] the sub-protocol; MessagePack unless told
   * @param {typeof systemClock} [options.clock]
   * @param {() => number} [options.random] uniform in [0, 1), for the jitter
   */
  constructor({
    WebSocket = globalThis.WebSocket,
    encoding = "msgpack",
    clock = systemClock,
    random = Math.random,
  } = {}) {
    super();
    if (WebSocket === undefined) throw new TypeError("there is no WebSocket here: pass one as { WebSocket }");
    this.#WebSocket = WebSocket;
    this.#encoding = encoding;
    this.#clock = clock;
    this.#random = random;
    const line = {
      ask: (name, fields) => this.#link.ask(name, fields),
      online: () => this.state === "online",
      turn: () => this.#welcomes,
      pause: (error, failures) => this.#pause(error, failures),
      setTimeout: (callback, ms) => clock.setTimeout(callback, ms),
      emit: (type, detail) => this.#emit(type, detail),
    };
    this.#channels = new Channels(line, (channel) => this.#lostTrack(channel));
    this.#tables = new Tables(line, this.#channels, () => this.#wake());
  }

  /** `idle`, `connecting`, `online`, `waiting` or `closed`. */
  get state() {
    return this.#link?.state ?? "idle";
  }

  /** The hub's clock, milliseconds since 1970: what deadlines are given in. */
  hubNow() {
    return this.#link?.hubNow() ?? this.#clock.now();
  }

  /** Listens for an event; returns a function that stops it. */
  on(type, listener) {
    const handler = (event) => listener(event.detail);
    this.addEventListener(type, handler);
    return () => this.removeEventListener(type, handler);
  }

  /**
   * Connects, and stays connected until `close` or a refusal for good.
   * @param {string} url `ws://host:port/ws`
   * @param {{token?: string, getToken?: (options: {refresh: boolean}) => string|Promise<string>, client?: string}} options
   *   `getToken` is asked before each connection; `refresh` says that the last token was refused
   * @returns {Promise<object>} the first `welcome`; rejects with `HubError` when the hub refuses for good
   */
  connect(url, { token, getToken, client = "hub-client-js/0.1" }) {
    if (this.#link !== null) throw new Error("connect was called before");
    const first = new Promise((resolve, reject) => {
      const done = [
        this.on("welcome", (welcome) => finish(resolve, welcome)),
        this.on("state", ({ state, error }) => {
          if (state === "closed") finish(reject, error);
        }),
      ];
      const finish = (settle, value) => {
        for (const off of done) off();
        settle(value);
      };
    });
    this.#link = new Link({
      url,
      client,
      getToken: getToken ?? (() => token),
      canRefresh: getToken !== undefined,
      encoding: this.#encoding,
      WebSocket: this.#WebSocket,
      clock: this.#clock,
      random: this.#random,
      resume: () => this.#channels.resume(),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onPush: (frame) => this.#pushed(frame),
      onPong: (pong) => this.#channels.heal(pong.tops),
      onUnreadable: (error) => this.#emit("unreadable", { error }),
      onState: (change) => this.#changed(change),
    });
    this.#link.open();
    return first;
  }

  /** Ends the connection for good; what waits for an answer is rejected. */
  close() {
    this.#link?.close();
  }

  /** Tries to reconnect at once instead of at the end of the wait. */
  retryNow() {
    this.#link?.retryNow();
  }

  /**
   * Finds out now whether the hub is there, and comes back if it is not: for when a device wakes up or its network
   * changes, which a socket notices late or never.
   */
  probe() {
    this.#link?.probe();
  }

  /**
   * Asks once. Waits for the connection first, at most `withinMs`, and as long again for the answer. What names a table
   * this client is at waits until it is joined (again); nothing else waits for a table.
   * @returns {Promise<Record<string, any>>} the reply; rejects with `HubError`
   */
  async request(name, fields = {}, { withinMs = 10_000 } = {}) {
    await this.#whenReady(name, withinMs, fields.table);
    return this.#link.ask(name, fields, withinMs);
  }

  /**
   * Carries out a command exactly once: repeats it with the same key, over timeouts, reconnections and restarts of
   * the hub, until the answer is definite.
   * @returns {Promise<Record<string, any>>} the receipt; rejects with `HubError` when refused for good, or when the
   *   client is closed before the answer (then `reason` is `closed` and the outcome is unknown; ask with the key)
   */
  async command(name, fields, { key = newKey() } = {}) {
    for (let sent = 0; ; sent += 1) {
      await this.#whenReady(name, Infinity, fields.table);
      try {
        return await this.#link.ask(name, { ...fields, key });
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        if (error.reason === "closed") throw error;
        if (error.retry === "never") {
          // The refusal may be of the repeat alone, such as bets closed by now: the first sending decides.
          if (sent === 0) throw error;
          return this.#outcome(key, error, fields.table);
        }
        await this.#recover(error, sent);
      }
    }
  }

  /**
   * Places bets, all or none, exactly once.
   * @param {{table: string, round: number, currency: string, seed?: string,
   *   bets: Array<{kind: string, n: number[], a: string}>}} bet amounts are decimal text
   */
  placeBet(bet, options) {
    return this.command("place_bet", bet, options);
  }

  /** Takes back all the player's bets of a round, exactly once. */
  clearBets({ table, round }, options) {
    return this.command("clear_bets", { table, round }, options);
  }

  /**
   * Excludes the player from play, from now on, exactly once. It cannot be taken back.
   * @param {{kind: "time_out"|"self_exclusion", days?: number, permanent?: true}} exclusion so many days, or for good
   */
  exclude(exclusion, options) {
    return this.command("exclude", exclusion, options);
  }

  /** The player has seen how long they have played and what they have won or lost, and plays on: told exactly once. */
  acknowledge(options) {
    return this.command("acknowledge", {}, options);
  }

  /**
   * Sets a limit of the player, exactly once: a stricter one at once, a looser one once it is confirmed.
   * @param {{kind: "deposit"|"loss"|"stake"|"play_time", period: "day"|"week"|"month", currency?: string, amount?: string,
   *   minutes?: number, remove?: true}} limit money has a currency and an amount, time has minutes
   */
  setLimit(limit, options) {
    return this.command("set_limit", limit, options);
  }

  /**
   * Confirms a looser limit that has waited, exactly once.
   * @param {{kind: string, period: string, currency?: string}} limit
   */
  confirmLimit(limit, options) {
    return this.command("confirm_limit", limit, options);
  }

  /** Comes back after a self-exclusion whose end has passed, exactly once. */
  reinstate(options) {
    return this.command("reinstate", {}, options);
  }

  /**
   * Comes to a table and follows its channel; after each interruption it is joined again by itself.
   * @returns {Promise<{view: object, bets: object[]}>} what the `table` event carries too; rejects with `HubError`. Unless
   *   its `retry` is `never`, the client goes on trying until the table is left
   */
  async joinTable(table) {
    return this.#tables.join(table, this.#whenReady("join_table", 10_000));
  }

  /** Leaves a table; bets that stand go on standing. */
  async leaveTable(table) {
    this.#tables.leave(table);
    if (this.state !== "online") return;
    // Both are sent now, before any later request: joining again at once is no race.
    const answers = await Promise.allSettled([
      this.#link.ask("unsubscribe", { ch: `table:${table}` }),
      this.#link.ask("leave_table", { table }),
    ]);
    const refused = answers.find(({ status }) => status === "rejected");
    if (refused !== undefined) throw refused.reason;
  }

  /**
   * Follows a channel, from now or from a position; stays on it over reconnections.
   * @param {string} channel
   * @param {{e: string, o: number}} [since]
   */
  async subscribe(channel, since) {
    const position = this.#channels.follow(channel);
    if (since !== undefined && !position.adopt(since) && !position.healing) return;
    await this.#whenReady("subscribe", 10_000);
    await this.#channels.subscribe(position);
  }

  /** Stops following a channel. */
  async unsubscribe(channel) {
    if (this.#channels.forget(channel) && this.state === "online")
      await this.#link.ask("unsubscribe", { ch: channel });
  }

  #welcomed(welcome) {
    this.#welcomes += 1;
    this.player = welcome.player;
    if (this.personal !== null && this.personal !== welcome.personal.ch) this.#channels.forget(this.personal);
    this.personal = welcome.personal.ch;
    this.#emit("welcome", welcome);
    const silent = this.#channels.welcomed(welcome.personal, welcome.resumed);
    this.#ready = true;
    this.#wake();
    this.#tables.welcomed();
    for (const position of silent) this.#channels.subscribe(position);
  }

  #pushed(frame) {
    if (frame.t === "drain") this.#emit("drain", frame);
    else this.#channels.pushed(frame);
  }

  /** The state behind a channel must be loaded afresh: the client does it for a table, the caller for the others. */
  #lostTrack(channel) {
    const table = channel.startsWith("table:") ? channel.slice("table:".length) : null;
    if (!this.#tables.has(table)) this.#emit("resync", { channel });
    // Before the welcome is dealt with there is nothing to do: it joins every table.
    else if (this.#ready) this.#tables.reload(table);
  }

  #changed(change) {
    if (change.state !== "online") {
      this.#ready = false;
      this.#tables.interrupted();
      this.#channels.interrupted();
    }
    if (change.state === "closed") for (const waiter of [...this.#waiters]) waiter.finish(change.error);
    this.#emit("state", change);
  }

  /** Asks for the outcome of a key whose repeat was refused. */
  async #outcome(key, refusal, table) {
    for (let failures = 0; ; failures += 1) {
      await this.#whenReady("get_outcome", Infinity, table);
      try {
        const { outcome } = await this.#link.ask("get_outcome", { key });
        if (outcome.status === "accepted") return outcome.receipt;
        if (outcome.status === "changed") return { key, lsn: outcome.lsn };
        if (outcome.status === "refused" || outcome.status === "unknown") throw refusal;
        // A status of a later hub is not definite.
        await this.#pause({}, failures);
      } catch (error) {
        if (error === refusal || !(error instanceof HubError) || error.retry === "never") throw error;
        await this.#recover(error, failures);
      }
    }
  }

  /** Resolves when the connection is up, and the table is joined again when the request names one. */
  #whenReady(request, withinMs, table) {
    if (this.#link === null) return Promise.reject(new Error("connect first"));
    if (this.#readyFor(table)) return Promise.resolve();
    if (this.state === "closed") return Promise.reject(HubError.closed("the client is closed"));
    return new Promise((resolve, reject) => {
      const waiter = { table, finish: undefined };
      waiter.finish = (error) => {
        this.#waiters.delete(waiter);
        this.#clock.clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      const timer =
        withinMs === Infinity
          ? undefined
          : this.#clock.setTimeout(() => waiter.finish(HubError.disconnected(request)), withinMs);
      this.#waiters.add(waiter);
    });
  }

  #readyFor(table) {
    return this.#ready && this.#tables.ready(table);
  }

  /** Continues the requests that need not wait any more. */
  #wake() {
    for (const waiter of [...this.#waiters]) if (this.#readyFor(waiter.table)) waiter.finish();
  }

  /** Does what an error that is not final asks for before another attempt. */
  async #recover(error, failures) {
    if (error.retry === "authenticate") this.#link.reauthenticate();
    else if (error.reason !== "disconnected") await this.#pause(error, failures);
  }

  /**
   * Waits as long as the hub said, and a random time longer, so that clients refused together do not retry together.
   */
  #pause({ retryAfterMs = 0 }, failures) {
    const ms = retryAfterMs + backoffMs(failures, this.#random);
    return new Promise((resolve) => this.#clock.setTimeout(resolve, ms));
  }

  #emit(type, detail) {
    this.dispatchEvent(new ClientEvent(type, detail));
  }
}

/** `CustomEvent`, which Node 18 has not. */
class ClientEvent extends Event {
  constructor(type, detail) {
    super(type);
    this.detail = detail;
  }
}
