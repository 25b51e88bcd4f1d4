/**
 * One roulette table as a person sees it: follows the round, sends the bets, shows what the hub says.
 *
 * The hub decides everything; this page only ever shows a bet as placed when its receipt is here, and loads the view
 * again after every interruption. Parts: `board`, `wheel`, `tray`, `fairness`; own bets are kept in `stakes`.
 */

import { newKey } from "/client/hub.js";
import { Board } from "./board.js";
import { h } from "./dom.js";
import { FairnessPanel, Seen } from "./fairness.js";
import { codeOf, colour, SPOTS } from "./layout.js";
import { explain } from "./messages.js";
import { pretty, toMinor, toText } from "./money.js";
import { Stakes, sums } from "./stakes.js";
import { toast } from "./toast.js";
import { Tray } from "./tray.js";
import { Wheel } from "./wheel.js";

/** Longest time the ball takes from the result to its rest, milliseconds. */
const LAND_MS_MAX = 2_400;
/** An undo takes back and places again; too close to the end it could only take back, milliseconds. */
const UNDO_BEFORE_MS = 1_500;
/** How often the countdown is drawn, milliseconds. */
const TICK_MS = 200;
/** Seconds from which the countdown turns urgent. */
const URGENT_S = 5;
/** Past rounds on the strip. */
const STRIP_MAX = 20;
/** Longest share in the randomness, bytes. */
const SHARE_BYTES_MAX = 64;

export class TablePage {
  #hub;
  #wallet;
  #table;
  #offs;
  #view = null;
  #phase = "idle";
  #round = 0;
  #deadline = null;
  #span = 1;
  #all = new Map();
  #history = [];
  #players = 0;
  #stakes = new Stakes();
  #seen;
  /** The player's own text for the draws; empty for a fresh random one each round. */
  #share = sessionStorage.getItem("hub.share") ?? "";
  #inFlight = 0;
  #stale = false;
  #undoing = false;
  #settled = null;
  #revealed = true;
  #timer;
  #board;
  #wheel = new Wheel();
  #tray;
  #fairness;
  #title = h("h1", {}, "");
  #meta = h("p", { class: "table-meta" });
  #status = h("p", { class: "status", role: "status", "data-testid": "status" });
  #payout = h("p", { class: "payout", role: "status", "data-testid": "payout" });
  #strip = h("ol", { class: "strip", "aria-label": "last numbers", "data-testid": "history" });
  #info = h("p", { class: "info", "aria-hidden": "true" });

  /** @param {{hub: import("/client/hub.js").HubClient, wallet: import("./wallet.js").Wallet, table: string, onGone: () => void}} options */
  constructor({ hub, wallet, table, onGone }) {
    this.#hub = hub;
    this.#wallet = wallet;
    this.#table = table;
    this.#seen = new Seen(table);
    this.#board = new Board({ onBet: (code) => this.#bet(code), onLook: (code) => this.#tell(code) });
    this.#tray = new Tray({
      onUndo: () => this.#undo(),
      onClear: () => this.#clear(),
      onRepeat: () => this.#place(items(this.#stakes.last)),
      onDouble: () => this.#place(items(this.#stakes.accepted())),
    });
    this.#fairness = new FairnessPanel({
      hub,
      table,
      seen: this.#seen,
      share: this.#share,
      onShare: (text) => this.#setShare(text),
    });
    this.element = h(
      "section",
      { class: "table-page", "data-testid": "table-page" },
      h(
        "div",
        { class: "stage" },
        h(
          "div",
          { class: "heading" },
          h("a", { class: "back", href: "#/" }, "← Tables"),
          this.#title,
          this.#meta,
        ),
        this.#wheel.element,
        h("div", { class: "outcome" }, this.#status, this.#payout),
      ),
      h("div", { class: "play" }, this.#strip, this.#board.element, this.#info, this.#tray.element),
      this.#fairness.element,
    );
    this.#offs = [
      hub.on("table", (joined) => joined.table === table && this.#load(joined)),
      hub.on("table_lost", (lost) => lost.table === table && this.#gone(lost.error, onGone)),
      hub.on("publication", ({ channel, data }) => channel === `table:${table}` && this.#event(data)),
      hub.on("publication", ({ channel, data }) => channel === hub.personal && this.#personal(data)),
      hub.on("state", () => this.#draw()),
    ];
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#draw();
    this.#join(onGone);
  }

  /** Leaves the table and lets go of everything. */
  destroy() {
    clearInterval(this.#timer);
    for (const off of this.#offs) off();
    this.#board.destroy();
    this.#wheel.lift();
    this.#wallet.release();
    this.#hub.leaveTable(this.#table).catch(() => {}); // away already, which is what was wanted
  }

  async #join(onGone) {
    try {
      await this.#hub.joinTable(this.#table);
    } catch (error) {
      // Trouble that time heals is healed by the client, which joins again with the connection.
      if (error.retry === "never") this.#gone(error, onGone);
    }
  }

  #gone(error, onGone) {
    toast(explain(error, { view: this.#view }), "error");
    onGone();
  }

  // What the hub says.

  #load({ view, bets }) {
    const sameRound = view.round === this.#round;
    if (!sameRound) this.#stakes.nextRound();
    if (this.#inFlight > 0) this.#stale = true;
    this.#view = view;
    this.#title.textContent = view.name;
    this.#tray.table = view;
    this.#board.scale = view.scale;
    this.#round = view.round;
    this.#history = view.history;
    this.#all = this.#byCode(view.spots);
    this.#stakes.load(items(this.#byCode(bets)));
    this.#enter(view.phase, view.deadline);
    this.#players = view.players;
    if (view.phase === "betting") this.#opened(view.commit);
    if (view.phase === "locked") this.#locked();
    else this.#showLast(view.phase);
    this.#tell(null);
    this.#draw();
  }

  /** After a (re)load outside a spin: what lies on the wheel and in the panel. */
  #showLast(phase) {
    const [last] = this.#history;
    this.#reveal();
    if (last === undefined) return;
    this.#fairness.show(last);
    if (phase === "settled" && last.round === this.#round && last.outcome !== undefined) {
      this.#wheel.rest(last.outcome);
      this.#board.result(last.outcome);
    }
  }

  #event(event) {
    switch (event.ev) {
      case "round_opened":
        this.#wheel.lift();
        this.#reveal();
        this.#stakes.nextRound();
        this.#all = new Map();
        this.#round = event.round;
        this.#settled = null;
        this.#enter("betting", event.deadline);
        this.#opened(event.commit);
        break;
      case "bets_locked":
        this.#seen.note(event.round, { mix: event.mix });
        this.#enter("locked", event.deadline);
        this.#locked();
        break;
      case "round_result":
        this.#result(event);
        break;
      case "round_voided":
        this.#wheel.lift();
        this.#stakes.clear();
        this.#all = new Map();
        this.#enter("settled", null);
        this.#reveal();
        toast("The round is void. All stakes are returned.", "info");
        break;
      case "chips":
        if (event.round !== this.#round) return;
        this.#all = this.#byCode(event.spots);
        this.#players = event.players;
        break;
      default:
        return; // events of a later version
    }
    this.#draw();
  }

  #opened(commit) {
    if (commit !== undefined) this.#seen.note(this.#round, { commit });
    this.#fairness.open(commit);
    this.#wheel.lift();
    this.#board.result(null);
    this.#payout.textContent = "";
  }

  #locked() {
    this.#revealed = false;
    this.#wallet.keepBack();
    this.#board.result(null);
    this.#wheel.spin();
  }

  async #result(event) {
    const past = { ...event, time: this.#hub.hubNow() };
    this.#history = [past, ...this.#history.filter(({ round }) => round !== event.round)];
    this.#enter("settled", event.deadline);
    this.#fairness.open(undefined);
    this.#revealed = false;
    const left = Math.max(0, event.deadline - this.#hub.hubNow());
    await this.#wheel.land(event.outcome, Math.min(LAND_MS_MAX, left * 0.6));
    if (this.#round !== event.round || this.#phase !== "settled") return;
    this.#board.result(event.outcome);
    this.#reveal();
    this.#fairness.show(past);
    this.#draw();
  }

  /** From here on the number and what it brought may be seen. */
  #reveal() {
    this.#revealed = true;
    this.#wallet.release();
    this.#tellPayout();
  }

  #personal(event) {
    if (event.ev !== "bet_settled" || this.#view === null || !event.round.startsWith(`${this.#table}:`))
      return;
    if (event.round === `${this.#table}:${this.#round}`) {
      this.#settled = event;
      if (this.#revealed) this.#tellPayout();
    } else {
      // The round ended while this page was away.
      const { text, win } = payout(event, this.#view.scale);
      toast(`Round ${event.round.split(":")[1]}: ${text}`, win ? "win" : "info");
    }
  }

  #tellPayout() {
    if (this.#settled === null || this.#view === null) return;
    const { text, win } = payout(this.#settled, this.#view.scale);
    this.#payout.textContent = text;
    this.#payout.className = `payout ${win ? "win" : ""}`;
  }

  // What the player does.

  #bet(code) {
    if (!this.#takesBets()) return;
    this.#place([{ code, minor: this.#tray.value }]);
  }

  #takesBets() {
    if (this.#hub.state !== "online") toast("Reconnecting. Your bets stand.", "info");
    else if (this.#phase !== "betting") toast("Bets are closed. The next round opens in a moment.", "info");
    else return !this.#undoing;
    return false;
  }

  /** Sends one `place_bet`; its chips are ghosts until the receipt is here. */
  async #place(bets, parts) {
    if (bets.length === 0 || this.#view === null) return;
    const { currency, scale } = this.#view;
    const step = this.#stakes.begin(bets, parts);
    const wire = bets.map(({ code, minor }) => ({
      kind: SPOTS[code].kind,
      n: SPOTS[code].n,
      a: toText(minor, scale),
    }));
    const send = (round) =>
      this.#hub.placeBet({ table: this.#table, round, bets: wire, currency, seed: this.#text(round) });
    const kind = bets.length === 1 ? SPOTS[bets[0].code].kind : undefined;
    const accepted = await this.#command(send, kind);
    if (!accepted) this.#stakes.drop(step);
    else if (!this.#stakes.accept(step)) this.#stale = true;
    this.#settle();
  }

  async #clear() {
    const cleared = await this.#command((round) => this.#hub.clearBets({ table: this.#table, round }));
    if (cleared) this.#stakes.clear();
    this.#settle();
    return cleared;
  }

  async #undo() {
    const kept = this.#stakes.beforeLast();
    this.#undoing = true;
    if (await this.#clear()) await this.#place(items(sums(kept)), kept);
    this.#undoing = false;
    this.#draw();
  }

  /** Sends a command for the round now open; a refusal is told. Returns whether it was carried out in this round. */
  async #command(send, kind) {
    const round = this.#round;
    this.#inFlight += 1;
    this.#draw();
    try {
      this.#wallet.take(await send(round));
      return round === this.#round;
    } catch (error) {
      toast(explain(error, { view: this.#view, kind }), "error");
      return false;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** After a command: if the view was loaded while it was on its way, only the hub knows what stands. */
  #settle() {
    if (this.#stale && this.#inFlight === 0) {
      this.#stale = false;
      this.#join(() => {});
    }
    this.#draw();
  }

  /** The player's text for a round's draw: the first one given in a round stays. */
  #text(round) {
    this.#seen.note(round, { text: this.#share === "" ? newKey() : this.#share });
    return this.#seen.of(round).text;
  }

  #setShare(text) {
    let share = text;
    while (new TextEncoder().encode(share).length > SHARE_BYTES_MAX) share = share.slice(0, -1);
    this.#share = share;
    sessionStorage.setItem("hub.share", share);
  }

  // What is seen.

  #enter(phase, deadline) {
    this.#phase = phase;
    this.#deadline = deadline ?? null;
    this.#span = Math.max(1, this.#left());
  }

  #left() {
    return this.#deadline === null ? 0 : Math.max(0, this.#deadline - this.#hub.hubNow());
  }

  #byCode(placed) {
    const scale = this.#view.scale;
    const known = placed.map((bet) => ({ items: [{ code: codeOf(bet), minor: toMinor(bet.a, scale) }] }));
    return sums(known.filter(({ items: [{ code }] }) => code !== undefined));
  }

  #draw() {
    const online = this.#hub.state === "online" && this.#view !== null;
    const betting = online && this.#phase === "betting";
    const own = this.#stakes.accepted();
    this.#board.open = betting;
    this.#board.chips({ own, ghosts: this.#stakes.pending(), all: this.#all });
    const free = betting && !this.#undoing && !this.#stakes.waiting;
    this.#tray.update({
      total: this.#stakes.total(),
      can: {
        undo: free && own.size > 0 && this.#left() > UNDO_BEFORE_MS,
        clear: free && own.size > 0,
        repeat: free && own.size === 0 && this.#stakes.last.size > 0,
        double: free && own.size > 0,
      },
    });
    if (this.#view !== null)
      this.#meta.textContent = `Round ${this.#round} · ${this.#players === 1 ? "1 player" : `${this.#players} players`}`;
    this.element.dataset.phase = online ? this.#phase : "away";
    this.element.dataset.round = String(this.#round);
    this.#drawStrip();
    this.#tick();
  }

  #drawStrip() {
    const shown = this.#history
      .filter(({ round }) => this.#revealed || round !== this.#round)
      .slice(0, STRIP_MAX);
    const names = shown.map(({ round }) => round).join();
    if (this.#strip.dataset.rounds === names) return;
    this.#strip.dataset.rounds = names;
    this.#strip.replaceChildren(...shown.map((past) => this.#pill(past)));
  }

  #pill(past) {
    const face = past.outcome === undefined ? "–" : String(past.outcome);
    const tone = past.outcome === undefined ? "void" : colour(past.outcome);
    const onclick = () => {
      this.#fairness.show(past);
      this.#fairness.element.open = true;
      this.#fairness.element.scrollIntoView({ behavior: "smooth", block: "nearest" });
    };
    const label = `round ${past.round}: ${past.outcome === undefined ? "void" : `${face} ${tone}`}, check it`;
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: `pill ${tone}`, "aria-label": label, "data-round": past.round, onclick },
        face,
      ),
    );
  }

  #tick() {
    const left = this.#left();
    const seconds = Math.ceil(left / 1000);
    const [last] = this.#history;
    const away = this.#hub.state !== "online" || this.#view === null;
    this.#span = Math.max(this.#span, left);
    const betting = this.#phase === "betting" && !away;
    this.#wheel.countdown(betting ? left / this.#span : 0, seconds <= URGENT_S);
    this.#tray.time(betting ? `${seconds} s` : "", seconds <= URGENT_S);
    if (away)
      this.#show("", "", this.#view === null ? "Joining the table" : "Reconnecting. Your bets stand.", "");
    else if (betting)
      this.#show(String(seconds), "seconds", "Place your bets", seconds <= URGENT_S ? "urgent" : "");
    else if (this.#phase === "locked" || (this.#phase === "settled" && !this.#revealed))
      this.#show("", "", "No more bets", "");
    else if (this.#phase === "settled" && last?.round === this.#round && last.outcome !== undefined) {
      const tone = colour(last.outcome);
      this.#show(String(last.outcome), tone, `${last.outcome} ${tone}`, tone);
    } else if (this.#phase === "closed") this.#show("", "", "The table is closed", "");
    else this.#show("", "", "The next round opens in a moment", "");
  }

  #show(centre, under, status, tone) {
    this.#wheel.say(centre, under, tone);
    if (this.#status.textContent !== status) this.#status.textContent = status;
  }

  /** The line below the cloth: about the spot pointed at, or about the table. */
  #tell(code) {
    if (this.#view === null) return;
    const { limits, currency, round_max: roundMax } = this.#view;
    if (code === null) {
      this.#info.textContent = `At most ${pretty(roundMax)} ${currency} in a round`;
      return;
    }
    const spot = SPOTS[code];
    const [min, max] = limits[spot.kind] ?? ["–", "–"];
    const label = spot.label.charAt(0).toUpperCase() + spot.label.slice(1);
    this.#info.textContent = `${label} pays ${36 / spot.covers.length - 1} to 1 · ${pretty(min)} to ${pretty(max)} ${currency}`;
  }
}

/** What a settled round brought, in words. Less than the stake is no win, and is not celebrated as one. */
function payout({ staked, returned, outcome, currency }, scale) {
  const gain = toMinor(returned, scale) - toMinor(staked, scale);
  if (outcome === undefined)
    return { text: `The round was void: ${pretty(returned)} ${currency} returned`, win: false };
  if (gain > 0n) return { text: `You won ${pretty(toText(gain, scale))} ${currency}`, win: true };
  return { text: `${pretty(returned)} of ${pretty(staked)} ${currency} returned`, win: false };
}

function items(byCode) {
  return [...byCode].map(([code, minor]) => ({ code, minor }));
}
