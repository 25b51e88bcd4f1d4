/**
 * A player's bets at one table: place, clear, undo, repeat and double, and which of them the hub has accepted.
 *
 * Sends the commands and keeps `Stakes` in step with the hub's answers. Draws nothing. The client repeats a command
 * after a lost connection, so its chips stay ghosts until the answer is here. An undo is a clear and then a new bet,
 * because the hub has no command for both: it is offered only while there is time for both, and the player is told when
 * the new bet was refused.
 */

import { SPOTS } from "./layout.js";
import { explain } from "./messages.js";
import { toMinor, toText } from "./money.js";
import { Stakes, sum, sums } from "./stakes.js";

/** An undo that must place bets again is offered until this long before the end of betting, milliseconds. */
export const UNDO_BEFORE_MS = 3_000;
/** Shortest time between two loads that are caused by bets from elsewhere, milliseconds. */
const RELOAD_EVERY_MS = 400;
/** How many lsns of this page's own commands are remembered. */
const OWN_MAX = 256;

export class Bets {
  stakes = new Stakes();
  #hub;
  #wallet;
  #table;
  #share;
  #tell;
  #onChange;
  #reload;
  #later;
  #view = null;
  #round = 0;
  #phase = "idle";
  #deadline = null;
  #inFlight = 0;
  #stale = false;
  /** `clear` or `undo` while one is under way. */
  #doing = null;
  #gone = false;
  #interruptions = 0;
  #own = new Set();
  #heard = [];
  #reloading = null;

  /**
   * @param {object} options
   * @param {import("/client/hub.js").HubClient} options.hub
   * @param {import("./wallet.js").Wallet} options.wallet
   * @param {string} options.table
   * @param {(round: number) => string} options.share the player's text for a round's draw
   * @param {(text: string, tone: "error"|"info") => void} options.tell
   * @param {() => void} options.onChange something must be drawn
   * @param {() => void} options.reload asks the hub for the view, which then comes to `load`
   * @param {(callback: () => void, ms: number) => void} [options.later]
   */
  constructor({ hub, wallet, table, share, tell, onChange, reload, later = setTimeout }) {
    this.#hub = hub;
    this.#wallet = wallet;
    this.#table = table;
    this.#share = share;
    this.#tell = tell;
    this.#onChange = onChange;
    this.#reload = reload;
    this.#later = (callback, ms) => later(callback, ms);
  }

  /** The page is left: nothing more is placed or loaded. */
  destroy() {
    this.#gone = true;
  }

  // What the hub says.

  /** The table as it stands, with the player's own bets by code. */
  load(view, items) {
    this.#view = view;
    this.enter(view);
    if (!this.stakes.load(items)) this.#stale = true;
    this.#ask();
  }

  /** A phase begins; with another number also a round. */
  enter({ round, phase, deadline }) {
    if (round !== this.#round) this.stakes.nextRound();
    this.#round = round;
    this.#phase = phase;
    this.#deadline = deadline ?? null;
  }

  /** The round is void: nothing stands. */
  voided() {
    this.stakes.drop([...this.stakes.steps]);
  }

  /** The connection was lost: receipts that come from now on may be older than the balance. */
  interrupted() {
    this.#interruptions += 1;
  }

  /** The balance changed. When no command of this page did it, the player bets elsewhere too. */
  balance({ lsn, currency, reason }) {
    if (this.#view === null || currency !== this.#view.currency) return;
    if (reason !== "stake" && reason !== "release") return;
    this.#heard.push(lsn);
    this.#listen();
  }

  // What the player does.

  /** What can be done now. */
  get can() {
    const own = this.stakes.accepted().size > 0;
    const free = this.open && this.#doing === null && !this.stakes.waiting;
    const inTime = this.#left() > UNDO_BEFORE_MS || this.stakes.beforeLast().length === 0;
    return {
      undo: free && this.stakes.undoable && inTime,
      clear: free && own,
      repeat: free && !own && this.stakes.last.size > 0,
      double: free && own,
    };
  }

  /** Whether bets are taken. */
  get open() {
    return this.#hub.state === "online" && this.#view !== null && this.#phase === "betting";
  }

  /** Stakes that the hub has not answered yet, or that are being taken back, by code. */
  ghosts() {
    const ghosts = this.stakes.pending();
    if (this.#doing !== null)
      for (const code of this.stakes.accepted().keys()) ghosts.set(code, ghosts.get(code) ?? 0n);
    return ghosts;
  }

  /** Bets one chip. */
  async bet(code, minor) {
    if (this.#hub.state !== "online") this.#tell("Reconnecting. Your bets stand.", "info");
    else if (this.#phase !== "betting")
      this.#tell("Bets are closed. The next round opens in a moment.", "info");
    else if (this.#doing === "undo") this.#tell("One moment: the undo is on its way.", "info");
    else await this.#placeOrTell([{ code, minor }]);
  }

  async repeat() {
    if (this.can.repeat) await this.#placeOrTell(items(this.stakes.last));
  }

  async double() {
    if (this.can.double) await this.#placeOrTell(items(this.stakes.accepted()));
  }

  async clear() {
    if (!this.can.clear) return;
    this.#doing = "clear";
    const error = await this.#takeBack();
    this.#doing = null;
    if (error !== null) this.#explain(error);
    this.#settle();
  }

  async undo() {
    if (!this.can.undo) return;
    const kept = this.stakes.beforeLast();
    this.#doing = "undo";
    const error = await this.#takeBack();
    if (error !== null) this.#explain(error);
    else if (kept.length > 0) await this.#placeAgain(kept);
    this.#doing = null;
    this.#settle();
  }

  /** The second half of an undo. */
  async #placeAgain(kept) {
    const again = sums(kept);
    if (this.#gone) return this.#tell("You left during an undo: all your bets of the round were taken back.", "error");
    let why = "The round went on.";
    if (this.open) {
      const error = await this.#place(items(again), kept);
      if (error === null) return;
      why = explain(error, { view: this.#view });
    }
    this.stakes.last = again;
    this.#tell(`The undo took back all your bets, and the others were not placed again. ${why} Repeat places them.`, "error");
  }

  async #placeOrTell(bets) {
    const error = await this.#place(bets);
    if (error !== null) this.#explain(error, bets.length === 1 ? SPOTS[bets[0].code].kind : undefined);
    this.#settle();
  }

  /** Sends one `place_bet`; its chips are ghosts until the receipt is here. Returns the error, or `null`. */
  async #place(bets, parts) {
    const { currency, scale } = this.#view;
    const round = this.#round;
    const step = this.stakes.begin(bets, parts);
    const wire = bets.map(({ code, minor }) => ({
      kind: SPOTS[code].kind,
      n: SPOTS[code].n,
      a: toText(minor, scale),
    }));
    const seed = this.#share(round);
    const bet = { table: this.#table, round, bets: wire, currency, seed };
    const { error } = await this.#command(() => this.#hub.placeBet(bet));
    if (error !== undefined) {
      if (step.doubtful) this.#stale = true;
      this.stakes.drop([step]);
      return error;
    }
    // A step that ended with its round needs no new view; a step that a view may contain does.
    if (!this.stakes.accept(step) && step.doubtful) this.#stale = true;
    return null;
  }

  /** Takes back all accepted bets. Returns the error, or `null`. */
  async #takeBack() {
    const steps = this.stakes.steps.filter((step) => step.accepted);
    const round = this.#round;
    const { error, receipt } = await this.#command(() =>
      this.#hub.clearBets({ table: this.#table, round }),
    );
    if (error !== undefined) {
      if (error.reason === "no_bets") this.#stale = true;
      return error;
    }
    // A clear that is repeated after a lost connection may also take back bets that were placed after it.
    if (toMinor(receipt.amount, this.#view.scale) !== sum(sums(steps))) this.#stale = true;
    this.stakes.drop(steps);
    return null;
  }

  async #command(send) {
    const before = this.#interruptions;
    this.#inFlight += 1;
    this.#onChange();
    try {
      const receipt = await send();
      this.#own.add(receipt.lsn);
      for (const old of [...this.#own].slice(0, -OWN_MAX)) this.#own.delete(old);
      // A repeated command is answered with its first receipt, and the balance in that may be old.
      if (before === this.#interruptions) this.#wallet.take(receipt);
      else this.#wallet.load(this.#hub).catch(() => {}); // the next welcome reads again
      return { receipt };
    } catch (error) {
      return { error };
    } finally {
      this.#inFlight -= 1;
    }
  }

  #settle() {
    this.#listen();
    this.#ask();
    this.#onChange();
  }

  /** Loads the view when it is not certain which bets are accepted, once every answer is here. */
  #ask() {
    if (!this.#stale || this.#inFlight > 0 || this.#gone) return;
    this.#stale = false;
    this.#reload();
  }

  /**
   * Compares the changes of the balance with the own receipts, once these are here: other changes are bets from
   * elsewhere.
   */
  #listen() {
    if (this.#inFlight > 0) return;
    const foreign = this.#heard.some((lsn) => !this.#own.has(lsn));
    this.#heard = [];
    if (!foreign || this.#reloading !== null) return;
    this.#reloading = this.#later(() => {
      this.#reloading = null;
      this.#stale = true;
      this.#ask();
    }, RELOAD_EVERY_MS);
  }

  #explain(error, kind) {
    // The page was left and its client closed: there is no place to show it.
    if (!(this.#gone && error.reason === "closed")) this.#tell(explain(error, { view: this.#view, kind }), "error");
  }

  #left() {
    return this.#deadline === null ? 0 : Math.max(0, this.#deadline - this.#hub.hubNow());
  }
}

/** Stakes by code as a list. */
export function items(byCode) {
  return [...byCode].map(([code, minor]) => ({ code, minor }));
}
