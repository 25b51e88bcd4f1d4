/**
 * A TCP relay between a page and the hub: a cable that can be pulled and put back.
 */

import { connect, createServer } from "node:net";

export class Cable {
  #pairs = new Set();
  #server;
  #pulled = false;
  #muted = false;

  /** @param {number} port the hub's */
  static async lay(port) {
    const cable = new Cable();
    cable.#server = createServer((near) => {
      if (cable.#pulled) return near.destroy();
      const far = connect(port, "127.0.0.1");
      const pair = [near, far];
      cable.#pairs.add(pair);
      const end = () => {
        near.destroy();
        far.destroy();
        cable.#pairs.delete(pair);
      };
      for (const socket of pair) socket.on("error", end).on("close", end);
      near.pipe(far);
      far.on("data", (data) => cable.#muted || near.write(data));
    });
    await new Promise((resolve) => cable.#server.listen(0, "127.0.0.1", resolve));
    return cable;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Cuts every connection, and refuses new ones. */
  pull() {
    this.#pulled = true;
    for (const socket of [...this.#pairs].flat()) socket.destroy();
  }

  /** Drops what the hub sends from here on; what the page sends still arrives. */
  mute() {
    this.#muted = true;
  }

  /** Lets new connections through again, both ways. */
  plug() {
    this.#pulled = false;
    this.#muted = false;
  }

  remove() {
    this.pull();
    this.#server.close();
  }
}
