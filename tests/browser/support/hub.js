/**
 * The real hub as a process: a directory of its own, a free port, rounds short enough to watch.
 */

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BINARY = process.env.HUB_BIN ?? fileURLToPath(new URL("../../../target/debug/hub", import.meta.url));
/** How long a hub may take until it answers, milliseconds. */
const READY_WITHIN_MS = 20_000;

/** Times of a round, milliseconds: betting is long enough for a slow machine to do in one round what a test asks. */
export const ROUND = { betting: 12_000, locked: 1_500, pause: 2_500 };
/** Tables of a hub: `table-1`, `table-2` … A test takes one of its own, whose first round begins when somebody sits down. */
export const TABLES = 24;

const CONFIG = `
[[tables]]
id = "table"
name = "Salon"
game = "roulette"
currency = "EUR"
copies = ${TABLES}
betting_ms = ${ROUND.betting}
locked_ms = ${ROUND.locked}
pause_ms = ${ROUND.pause}
player_round_max = "200.00"
limits = { any = { min = "1.00", max = "100.00" }, straight = { min = "0.50", max = "20.00" } }
`;

export class Hub {
  #home;
  #process = null;
  log = "";

  /** Prepares a directory and a port, and starts the hub, with more lines of its configuration. */
  static async start(more = "") {
    const hub = new Hub();
    hub.#home = await mkdtemp(join(tmpdir(), "hub-browser-"));
    hub.port = await freePort();
    await writeFile(join(hub.#home, "hub.toml"), CONFIG + more);
    await hub.serve();
    return hub;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts the process on the same data and port, and waits until it is ready. */
  async serve() {
    this.#process = spawn(BINARY, this.#arguments("serve", "--listen", `127.0.0.1:${this.port}`), {
      cwd: this.#home,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, HUB__ADMIN__LISTEN: "127.0.0.1:0" },
    });
    const keep = (data) => (this.log += data);
    this.#process.stdout.on("data", keep);
    this.#process.stderr.on("data", keep);
    const failed = new Promise((_, reject) => {
      this.#process.once("error", (error) => reject(new Error(`cannot run ${BINARY}: ${error.message}`)));
      this.#process.once("exit", (code, signal) =>
        reject(new Error(`the hub ended with ${code ?? signal}:\n${this.log}`)),
      );
    });
    failed.catch(() => {}); // it also ends later, when it is told to
    await Promise.race([failed, this.#ready()]);
  }

  async #ready() {
    const until = Date.now() + READY_WITHIN_MS;
    while (Date.now() < until) {
      const response = await fetch(`${this.url}/health/ready`).catch(() => null);
      if (response?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the hub was not ready within ${READY_WITHIN_MS} ms:\n${this.log}`);
  }

  /** Ends the process by a signal and waits for the end. Returns its exit code, `null` after SIGKILL. */
  async end(signal) {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill(signal);
    return ended;
  }

  /** Runs a command of the hub on the same data. */
  async run(...command) {
    const child = spawn(BINARY, this.#arguments(...command), { cwd: this.#home });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
    return { code, output };
  }

  /** Ends the process, when it still runs, and removes the directory. */
  async remove() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.end("SIGKILL");
    await rm(this.#home, { recursive: true, force: true });
  }

  #arguments(...command) {
    return [...command, "--config", join(this.#home, "hub.toml"), "--data", join(this.#home, "data")];
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
