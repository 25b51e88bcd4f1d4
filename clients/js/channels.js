/**
 * The channels a client follows, over all its connections.
 *
 * Sits between `HubClient`, which owns the connection, and one `Position` a channel, which says what is new. Guarantees
 * that numbered publications are handed on in order and once each; that a gap is asked for until the hub fills it; and
 * that what cannot be filled is told, so that the state behind the channel is loaded afresh.
 */

import { Position } from "./positions.js";

/** Most channels one hello may resume. */
const RESUME_MAX = 32;
/** How long a publication that the heartbeat knows of may be on its way before it counts as lost, milliseconds. */
export const HEAL_AFTER_MS = 1_000;

/**
 * What channels and tables may do with the connection of their client.
 * @typedef {object} Line
 * @property {(name: string, fields?: object) => Promise<Record<string, any>>} ask sends a request on the present socket
 * @property {() => boolean} online whether there is a socket that was welcomed
 * @property {() => number} turn how many welcomes there were: another number is another socket
 * @property {(error: {retryAfterMs?: number}, failures: number) => Promise<void>} pause waits before another attempt
 * @property {(callback: () => void, ms: number) => unknown} setTimeout
 * @property {(type: string, detail: object) => void} emit tells the listeners of the client
 */

export class Channels {
  #line;
  #lost;
  /** @type {Map<string, Position>} */
  #positions = new Map();

  /**
   * @param {Line} line
   * @param {(channel: string) => void} lost the state behind a channel must be loaded afresh
   */
  constructor(line, lost) {
    this.#line = line;
    this.#lost = lost;
  }

  /** The position in a channel, which is followed from now on. */
  follow(channel) {
    let position = this.#positions.get(channel);
    if (position === undefined) this.#positions.set(channel, (position = new Position(channel)));
    return position;
  }

  /** Stops following. Returns whether the channel was followed. */
  forget(channel) {
    return this.#positions.delete(channel);
  }

  /** The positions to go on from, for a hello. */
  resume() {
    return [...this.#positions.values()]
      .filter((position) => position.since !== null)
      .slice(0, RESUME_MAX)
      .map((position) => ({ ch: position.channel, ...position.since }));
  }

  /** The connection is gone. */
  interrupted() {
    for (const position of this.#positions.values()) position.interrupted();
  }

  /**
   * A new connection follows what the welcome says.
   * @returns {Position[]} those that the welcome does not speak of: they are to be subscribed to
   */
  welcomed(personal, resumed) {
    this.follow(personal.ch);
    const answers = new Map([personal, ...resumed].map((answer) => [answer.ch, answer]));
    const silent = [...this.#positions.values()].filter((position) => !answers.has(position.channel));
    for (const answer of answers.values()) {
      const position = this.#positions.get(answer.ch);
      if (position !== undefined) this.#take(position, answer);
    }
    return silent;
  }

  /** Takes a `pub` or a `reset`. */
  pushed(frame) {
    const position = this.#positions.get(frame.ch);
    if (position === undefined) return;
    if (frame.t === "reset") {
      position.reset(frame);
      this.#lost(frame.ch);
      return;
    }
    this.#goOn(position, position.publication(frame));
  }

  /** Compares a heartbeat's newest positions: a publication that does not arrive within `HEAL_AFTER_MS` was lost. */
  heal(tops) {
    const behind = ([channel, [e, o]]) => this.#positions.get(channel)?.behind(e, o) ?? false;
    const late = Object.entries(tops).filter(behind);
    if (late.length === 0) return;
    this.#line.setTimeout(() => {
      if (!this.#line.online()) return;
      for (const [channel] of late.filter(behind)) this.subscribe(this.#positions.get(channel));
    }, HEAL_AFTER_MS);
  }

  /** Subscribes from the last position, and again after an error that may pass. */
  async subscribe(position) {
    const { ask, online, turn, pause, emit } = this.#line;
    const channel = position.channel;
    const began = turn();
    const wanted = () => online() && turn() === began && this.#positions.get(channel) === position;
    position.healing = true;
    for (let failures = 1; wanted(); failures += 1) {
      try {
        const answer = await ask("subscribe", { ch: channel, ...position.since });
        if (wanted()) this.#take(position, answer);
        return;
      } catch (error) {
        if (error.reason === "unreadable") {
          // To ask again would bring the same: what was missed is lost to this client, the channel is not.
          if (wanted()) this.#take(position, null);
          return;
        }
        if (error.retry === "never") {
          if (!wanted()) return;
          this.#positions.delete(channel);
          emit("unfollowed", { channel, error });
          return;
        }
        await pause(error, failures);
      }
    }
  }

  /** Takes the answer to a subscription; `null` is one that cannot be read. */
  #take(position, answer) {
    const { lost, ...next } = answer === null ? position.unreadable() : position.subscribed(answer);
    if (lost) this.#lost(position.channel);
    this.#goOn(position, next);
  }

  #goOn(position, { deliver, heal }) {
    for (const pub of deliver) {
      this.#line.emit("publication", {
        channel: position.channel,
        data: pub.d,
        ...(pub.o === undefined ? {} : { epoch: position.epoch, offset: pub.o }),
      });
    }
    if (heal) this.subscribe(position);
  }
}
