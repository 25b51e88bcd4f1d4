/**
 * One lasting link to a hub over many sockets: opens, says hello, matches replies to requests, pings, comes back.
 *
 * Sits below `HubClient`, which owns channels, tables and commands. Guarantees that every request ends: with the
 * reply, the hub's error, a timeout, or the loss of the socket it went out on. It never resends anything: only the
 * layer above knows what may be repeated. A frame that cannot be read is reported and skipped (ADR-0011).
 */

import { HubError } from "./errors.js";
import { flawOf, readableOf } from "./frames.js";
import {
  BACKOFF_MAX_MS,
  backoffMs,
  CLOSE_TOKEN_EXPIRED,
  CLOSE_TOKEN_INVALID,
  mayReconnect,
} from "./reconnect.js";
import { fromWire, SUBPROTOCOLS, toWire } from "./wire.js";

/** How long a socket may take from opening to `welcome`, milliseconds. */
export const WELCOME_WITHIN_MS = 10_000;
/** How long a request may go unanswered, milliseconds. */
export const REPLY_WITHIN_MS = 10_000;
/** How long a `ping` may go unanswered before the socket counts as dead, milliseconds. */
export const PONG_WITHIN_MS = 8_000;
/** How long a request may go unanswered before the socket is probed, milliseconds. */
export const SLOW_MS = 3_000;
/** How long a probe may go unanswered before the socket counts as dead, milliseconds. */
export const PROBE_WITHIN_MS = 3_000;
/** Round trips the estimate of the hub's clock looks back on; the shortest is the most exact. */
const CLOCK_SAMPLES = 8;

/** The time of the machine; tests put their own in its place. */
export const systemClock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => globalThis.setTimeout(callback, ms),
  clearTimeout: (timer) => globalThis.clearTimeout(timer),
};

export class Link {
  /** `idle`, `connecting`, `online`, `waiting` (for the next attempt) or `closed`. */
  state = "idle";
  #options;
  #socket = null;
  #requests = new Map();
  #nextId = 1;
  #failures = 0;
  #onlineSince = Infinity;
  /**
   * Whether the last answer to hello could not be read: the next hello resumes nothing, in case a resumed channel is
   * the cause.
   */
  #unwelcome = false;
  #comeBackAt = 0;
  #refreshToken = false;
  #timer = null;
  #pingTimer = null;
  #samples = [];
  #probed = null;

  /**
   * @param {object} options
   * @param {string} options.url `ws://host:port/ws`
   * @param {(options: {refresh: boolean}) => string | Promise<string>} options.getToken
   * @param {boolean} options.canRefresh whether `getToken` can give another token than the last one
   * @param {string} [options.client] the program's name, for the hub's logs
   * @param {"msgpack"|"json"} options.encoding
   * @param {typeof WebSocket} options.WebSocket
   * @param {typeof systemClock} options.clock
   * @param {() => number} options.random uniform in [0, 1)
   * @param {() => Array<{ch: string, e: string, o: number}>} options.resume channels to follow again
   * @param {(welcome: object) => void} options.onWelcome
   * @param {(frame: object) => void} options.onPush
   * @param {(pong: object) => void} options.onPong
   * @param {(error: Error) => void} options.onUnreadable a frame came that cannot be read
   * @param {(change: {state: string, retryInMs?: number, error?: HubError}) => void} options.onState
   */
  constructor(options) {
    this.#options = options;
  }

  /** Opens the first socket. */
  open() {
    if (this.state === "idle") this.#attempt();
  }

  /** Tries at once instead of at the end of the wait; for when the device says that it is online again. */
  retryNow() {
    if (this.state === "waiting") this.#attempt();
  }

  /**
   * Finds out now whether the hub is there: ends a wait for the next attempt, or leaves a socket that looks alive and
   * answers nothing. For when a device wakes up or changes its network, which no socket notices by itself.
   */
  async probe() {
    const socket = this.#socket;
    if (this.state === "waiting") return this.#attempt();
    if (this.state !== "online" || this.#probed === socket) return;
    this.#probed = socket;
    try {
      await this.ask("ping", {}, PROBE_WITHIN_MS);
    } catch (error) {
      if (this.#socket === socket && error.reason === "timeout") this.#lost(1006, "the hub does not answer");
    } finally {
      if (this.#probed === socket) this.#probed = null;
    }
  }

  /** Ends the link for good. */
  close(error = HubError.closed("the client was closed")) {
    if (this.state === "closed") return;
    this.#drop(1000, error);
    this.#options.clock.clearTimeout(this.#timer);
    this.#become("closed", { error });
  }

  /** Drops the socket and comes back with a token asked for afresh. */
  reauthenticate() {
    this.#refreshToken = true;
    this.#lost(CLOSE_TOKEN_EXPIRED, "the token is not accepted any more");
  }

  /** The hub's clock, milliseconds since 1970, estimated from the round trips. */
  hubNow() {
    const best = this.#samples.reduce((a, b) => (b.roundTrip < a.roundTrip ? b : a), {
      roundTrip: Infinity,
      ahead: 0,
    });
    return this.#options.clock.now() + best.ahead;
  }

  /**
   * Sends a request over the present socket.
   * @returns {Promise<Record<string, any>>} the reply; rejects with `HubError`
   */
  ask(name, fields = {}, withinMs = REPLY_WITHIN_MS) {
    if (this.state !== "online" && name !== "hello") return Promise.reject(HubError.disconnected(name));
    const { clock, encoding } = this.#options;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const doubt = () => name !== "ping" && name !== "hello" && this.probe();
      const slow = withinMs > SLOW_MS ? clock.setTimeout(doubt, SLOW_MS) : undefined;
      const timer = clock.setTimeout(() => {
        this.#requests.delete(id);
        reject(HubError.timeout(name, withinMs));
        doubt();
      }, withinMs);
      this.#requests.set(id, { name, resolve, reject, timers: [slow, timer] });
      this.#socket.send(toWire(encoding, { t: name, id, ...fields }));
    });
  }

  async #attempt() {
    const { clock, encoding, url, WebSocket, getToken } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#become("connecting");
    let token;
    try {
      token = await getToken({ refresh: this.#refreshToken });
    } catch (error) {
      if (this.state !== "connecting") return;
      if (error instanceof HubError && error.retry === "never") return this.close(error);
      return this.#waitForNext(this.#backoff());
    }
    if (this.state !== "connecting") return;
    let socket;
    try {
      socket = new WebSocket(url, [SUBPROTOCOLS[encoding]]);
    } catch (error) {
      return this.close(HubError.closed(`cannot open ${url}: ${error.message}`));
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#timer = clock.setTimeout(() => this.#lost(1006, "no welcome in time"), WELCOME_WITHIN_MS);
    const mine = (handler) => (event) => {
      if (this.#socket === socket) handler(event);
    };
    socket.addEventListener(
      "open",
      mine(() => this.#hello(token)),
    );
    socket.addEventListener(
      "message",
      mine((event) => this.#receive(event.data)),
    );
    socket.addEventListener(
      "close",
      mine((event) => this.#lost(event.code, event.reason)),
    );
    socket.addEventListener("error", () => {}); // the close event that follows says all that can be known
  }

  async #hello(token) {
    const { client, resume, clock, onWelcome } = this.#options;
    const socket = this.#socket;
    const resuming = !this.#unwelcome;
    const resumed = resuming ? resume() : [];
    const sentAt = clock.now();
    try {
      const welcome = await this.ask("hello", {
        token,
        client,
        resume: resumed.length > 0 ? resumed : undefined,
      });
      if (this.#socket !== socket) return;
      clock.clearTimeout(this.#timer);
      this.#onlineSince = clock.now();
      this.#unwelcome = false;
      this.#comeBackAt = 0;
      this.#refreshToken = false;
      this.#sample(sentAt, welcome.time);
      this.#become("online");
      // Where nothing was resumed, nothing was recovered.
      const personal = { ...welcome.personal, recovered: resuming && welcome.personal.recovered };
      onWelcome({ ...welcome, personal, resumed: readableOf(welcome.resumed) });
      this.#ping(welcome.ping_every_ms);
    } catch (error) {
      if (this.#socket !== socket) return;
      if (error.retry === "authenticate") return this.#tokenRefused(error);
      if (error.retry === "never") return this.close(error);
      this.#comeBackAt = clock.now() + (error.retryAfterMs ?? 0);
      this.#lost(1006, error.message);
    }
  }

  /** After a refused token: one more attempt, with a new one. */
  #tokenRefused(error) {
    if (this.#refreshToken || !this.#options.canRefresh) return this.close(error);
    this.reauthenticate();
  }

  #receive(data) {
    let frame;
    try {
      frame = fromWire(data);
    } catch (error) {
      return this.#unreadable(HubError.unreadable(error.message));
    }
    const flaw = flawOf(frame);
    const error = flaw === undefined ? undefined : HubError.unreadable(flaw);
    if (error !== undefined) this.#unreadable(error);
    if (frame.t === "pub" || frame.t === "reset" || frame.t === "drain") {
      if (error !== undefined) return;
      if (frame.t === "drain") this.#comeBackAt = this.#options.clock.now() + frame.reconnect_after_ms;
      return this.#options.onPush(frame);
    }
    const request = this.#requests.get(frame.id);
    // Replies without a request are those that came after its timeout, and frames of a later protocol.
    if (request === undefined) return;
    this.#requests.delete(frame.id);
    for (const timer of request.timers) this.#options.clock.clearTimeout(timer);
    if (error !== undefined) request.reject(error);
    else if (frame.t === "error") request.reject(HubError.of(frame));
    else request.resolve(frame);
  }

  /** Skips a frame. Its loss shows later: as a gap in a channel, or as a request without an answer. */
  #unreadable(error) {
    if (this.state === "connecting") this.#unwelcome = true;
    this.#options.onUnreadable(error);
  }

  async #ping(everyMs) {
    const { clock, onPong } = this.#options;
    const socket = this.#socket;
    const sentAt = clock.now();
    try {
      const pong = await this.ask("ping", {}, PONG_WITHIN_MS);
      if (this.#socket !== socket) return;
      this.#sample(sentAt, pong.time);
      onPong(pong);
    } catch (error) {
      if (this.#socket !== socket) return;
      if (error.reason === "timeout") return this.#lost(1006, "the hub does not answer");
    }
    this.#pingTimer = clock.setTimeout(() => this.#ping(everyMs), everyMs);
  }

  #sample(sentAt, hubTime) {
    const now = this.#options.clock.now();
    const roundTrip = now - sentAt;
    this.#samples.push({ roundTrip, ahead: hubTime + roundTrip / 2 - now });
    if (this.#samples.length > CLOCK_SAMPLES) this.#samples.shift();
  }

  /** The socket is gone, or as good as gone: decide whether and when to come back. */
  #lost(code, reason) {
    if (this.state === "closed" || this.#socket === null) return;
    const { clock, canRefresh } = this.#options;
    this.#drop(code);
    // Only a connection that has lasted starts the waits afresh: a hub may send a welcome and then close.
    if (clock.now() - this.#onlineSince >= BACKOFF_MAX_MS) this.#failures = 0;
    this.#onlineSince = Infinity;
    if (code === CLOSE_TOKEN_INVALID && canRefresh && !this.#refreshToken) this.#refreshToken = true;
    else if (code === CLOSE_TOKEN_EXPIRED) this.#refreshToken = true;
    else if (!mayReconnect(code)) {
      clock.clearTimeout(this.#timer);
      return this.#become("closed", {
        error: HubError.closed(reason || `the hub closed the connection with code ${code}`),
      });
    }
    // Not before the hub said, and a random while longer, so that clients sent away together do not come back together.
    const announced = Math.max(0, this.#comeBackAt - clock.now());
    this.#waitForNext(announced + this.#backoff());
  }

  #backoff() {
    return backoffMs(this.#failures++, this.#options.random);
  }

  #waitForNext(ms) {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = this.#options.clock.setTimeout(() => this.#attempt(), ms);
    this.#become("waiting", { retryInMs: ms });
  }

  /** Lets go of the socket and of everything that waited for it. */
  #drop(code, error) {
    const { clock } = this.#options;
    const socket = this.#socket;
    this.#socket = null;
    clock.clearTimeout(this.#pingTimer);
    if (socket !== null && socket.readyState <= 1) socket.close(code === 1000 ? 1000 : undefined);
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const request of requests) {
      for (const timer of request.timers) clock.clearTimeout(timer);
      request.reject(error ?? HubError.disconnected(request.name));
    }
  }

  #become(state, detail = {}) {
    this.state = state;
    this.#options.onState({ state, ...detail });
  }
}
