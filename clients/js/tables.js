/**
 * The tables a client is at, over all its connections.
 *
 * Sits between `HubClient`, which owns the connection, and `Channels`, which follow the channel of each table. After
 * every interruption, and whenever publications of its channel are lost, a table is joined again and its view reported.
 */

import { HubError } from "./errors.js";

export class Tables {
  #line;
  #channels;
  #wake;
  /** @type {Map<string, Seat>} */
  #seats = new Map();

  /**
   * @param {import("./channels.js").Line} line
   * @param {import("./channels.js").Channels} channels
   * @param {() => void} wake a table was joined or given up: what waited for it may go on
   */
  constructor(line, channels, wake) {
    this.#line = line;
    this.#channels = channels;
    this.#wake = wake;
  }

  /** Whether a request that names the table need not wait for it. */
  ready(table) {
    return this.#seats.get(table)?.joined ?? true;
  }

  /** The connection is gone. */
  interrupted() {
    for (const seat of this.#seats.values()) seat.joined = false;
  }

  /**
   * A new connection is there: every table is joined again, and one that cannot be joined now does not delay the
   * others.
   */
  welcomed() {
    for (const [table, seat] of this.#seats) if (seat.asked === 0) this.#rejoin(table, seat);
  }

  /** Whether the client is at a table, or wants to be. */
  has(table) {
    return this.#seats.has(table);
  }

  /** Loads a table the client is at again. */
  reload(table) {
    this.#rejoin(table, this.#seats.get(table));
  }

  /**
   * Comes to a table.
   * @param {string} table
   * @param {Promise<void>} ready resolves when the connection is up
   */
  async join(table, ready) {
    const seat = this.#seats.get(table) ?? new Seat();
    this.#seats.set(table, seat);
    seat.asked += 1;
    try {
      await ready;
      if (this.#seats.get(table) !== seat) throw HubError.left(table);
      return await this.#join(table, seat);
    } catch (error) {
      if (error.retry === "never") this.#giveUp(table, seat);
      else if (error.reason !== "disconnected")
        this.#line.pause(error, 0).then(() => this.#rejoin(table, seat));
      throw error;
    } finally {
      seat.asked -= 1;
    }
  }

  /** The client goes from a table; the hub is told by the caller. */
  leave(table) {
    this.#giveUp(table, this.#seats.get(table));
    this.#channels.forget(`table:${table}`);
  }

  /**
   * Joins again, until it is done or the table refuses for good, which is reported. There is one such loop for each
   * table; a call meanwhile makes it run once more.
   */
  async #rejoin(table, seat) {
    const { online, turn, pause, emit } = this.#line;
    const began = turn();
    if (seat.joining === began) return void (seat.again = true);
    seat.joining = began;
    // After another interruption the welcome that follows it joins again.
    const wanted = () => online() && turn() === began && this.#seats.get(table) === seat;
    for (let failures = 0; wanted();) {
      seat.again = false;
      try {
        await this.#join(table, seat);
        if (!seat.again) break;
      } catch (error) {
        if (error.reason === "disconnected" || error.reason === "closed") break;
        if (error.retry === "never") {
          if (this.#seats.get(table) !== seat) break;
          this.leave(table);
          emit("table_lost", { table, error });
          break;
        }
        await pause(error, failures++);
      }
    }
    if (seat.joining === began) seat.joining = null;
  }

  async #join(table, seat) {
    const { view, bets } = await this.#line.ask("join_table", { table });
    const joined = { table, view, bets };
    if (this.#seats.get(table) !== seat) return joined;
    const position = this.#channels.follow(`table:${table}`);
    const ask = position.adopt({ e: view.e, o: view.o });
    this.#line.emit("table", joined);
    seat.joined = true;
    this.#wake();
    if (ask) this.#channels.subscribe(position);
    return joined;
  }

  /** The client is not at a table any more: what waited for it goes on, and hears from the hub. */
  #giveUp(table, seat) {
    if (seat === undefined || this.#seats.get(table) !== seat) return;
    this.#seats.delete(table);
    this.#wake();
  }
}

/** One table a client is at. */
class Seat {
  /** Whether it has been joined on this connection. */
  joined = false;
  /** Calls of `join` under way, which join the table themselves. */
  asked = 0;
  /** The welcome under which a loop is joining it, or `null`. */
  joining = null;
  /** Whether that loop must go round once more. */
  again = false;
}
