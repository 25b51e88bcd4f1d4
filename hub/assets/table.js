/**
 * One roulette table as a person sees it: follows the round, sends the bets, shows what the hub says.
 *
 * The hub decides everything; this page only ever shows a bet as placed when its receipt is here, and loads the view
 * again after every interruption. Parts: `board`, `wheel`, `tray`, `fairness`; what the player bets is in `bets`.
 */

import { newKey } from "/client/hub.js";
import { Bets, items } from "./bets.js";
import { Board } from "./board.js";
import { h, reducedMotion } from "./dom.js";
import { FairnessPanel, Seen } from "./fairness.js";
import { codeOf, colour, SPOTS } from "./layout.js";
import { explain } from "./messages.js";
import { pretty, toMinor, toText } from "./money.js";
import { sums } from "./stakes.js";
import { toast } from "./toast.js";
import { Tray } from "./tray.js";
import { Wheel } from "./wheel.js";

/** Longest time the ball takes from the result to its rest, milliseconds. */
const LAND_MS_MAX = 2_400;
/** How often the countdown is drawn, milliseconds. */
const TICK_MS = 200;
/** Seconds from which the countdown turns urgent. */
const URGENT_S = 5;
/** Seconds left at which a screen reader says so. */
const SPOKEN_S = [10, URGENT_S];
/** Past rounds on the strip. */
const STRIP_MAX = 20;
/** Longest share in the randomness, bytes. */
const SHARE_BYTES_MAX = 64;

export class TablePage {
  #hub;
  #wallet;
  #table;
  #onGone;
  #offs;
  #view = null;
  #phase = "idle";
  #round = 0;
  #deadline = null;
  #span = 1;
  #all = new Map();
  #history = [];
  #players = 0;
  #bets;
  #seen;
  /** The player's own text for the draws; empty for a fresh random one each round. */
  #share = sessionStorage.getItem("hub.share") ?? "";
  /** The player's result of a round, `{round, event, told}`. */
  #settled = null;
  /** Whether the connection was lost since the view was loaded, and the results that came before the next one. */
  #away = true;
  #missed = [];
  #gone = false;
  #spoken = null;
  #revealed = true;
  #timer;
  #board;
  #wheel = new Wheel();
  #tray;
  #fairness;
  #title = h("h1", { tabindex: "-1" }, "");
  #meta = h("p", { class: "table-meta" });
  #status = h("p", { class: "status", role: "status", "data-testid": "status" });
  #payout = h("p", { class: "payout", role: "status", "data-testid": "payout" });
  #strip = h("ol", { class: "strip", "aria-label": "last numbers", "data-testid": "history" });
  #info = h("p", { class: "info", "aria-hidden": "true" });
  #time = h("p", { class: "unseen", role: "status", "data-testid": "spoken-time" });

  /** @param {{hub: import("/client/hub.js").HubClient, wallet: import("./wallet.js").Wallet, table: string, onGone: () => void}} options */
  constructor({ hub, wallet, table, onGone }) {
    this.#hub = hub;
    this.#wallet = wallet;
    this.#table = table;
    this.#seen = new Seen(table);
    this.#title.textContent = table;
    this.#bets = new Bets({
      hub,
      wallet,
      table,
      share: (round) => this.#text(round),
      tell: toast,
      onChange: () => this.#gone || this.#draw(),
      reload: () => this.#join(),
    });
    this.#board = new Board({ onBet: (code) => this.#bets.bet(code, this.#tray.value), onLook: (code) => this.#tell(code) });
    this.#tray = new Tray({
      onUndo: () => this.#bets.undo(),
      onClear: () => this.#bets.clear(),
      onRepeat: () => this.#bets.repeat(),
      onDouble: () => this.#bets.double(),
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
        h("div", { class: "outcome" }, this.#status, this.#payout, this.#time),
      ),
      h("div", { class: "play" }, this.#strip, this.#board.element, this.#info, this.#tray.element),
      this.#fairness.element,
    );
    this.#offs = [
      hub.on("table", (joined) => joined.table === table && this.#load(joined)),
      hub.on("table_lost", (lost) => lost.table === table && this.#refused(lost.error)),
      hub.on("unfollowed", (lost) => lost.channel === `table:${table}` && this.#refused(lost.error)),
      hub.on("publication", ({ channel, data }) => channel === `table:${table}` && this.#event(data)),
      hub.on("publication", ({ channel, data }) => channel === hub.personal && this.#personal(data)),
      hub.on("state", ({ state }) => this.#connection(state)),
    ];
    this.#onGone = onGone;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#draw();
    this.#join();
  }

  /** Moves the focus, of keyboard and screen reader, to the top of the page. */
  focus() {
    this.#title.focus({ preventScroll: true });
  }

  /** Leaves the table and lets go of everything. */
  destroy() {
    this.#gone = true;
    this.#bets.destroy();
    clearInterval(this.#timer);
    for (const off of this.#offs) off();
    this.#board.destroy();
    this.#wheel.lift();
    this.#wallet.release();
    this.#hub.leaveTable(this.#table).catch(() => {}); // an error means that the player has left already
  }

  async #join() {
    try {
      await this.#hub.joinTable(this.#table);
    } catch (error) {
      // The client itself goes on trying when a later attempt can succeed.
      if (error.retry === "never") this.#refused(error);
    }
  }

  /** The table cannot be joined. A refusal after the page was left is ignored. */
  #refused(error) {
    if (this.#gone || error.reason === "closed") return;
    toast(explain(error, { view: this.#view, joining: true }), "error");
    this.#onGone();
  }

  #connection(state) {
    if (state !== "online" && !this.#away) {
      this.#away = true;
      this.#bets.interrupted();
    }
    this.#draw();
  }

  // What the hub says.

  #load({ view, bets }) {
    this.#view = view;
    this.#title.textContent = view.name;
    document.title = `${view.name} · Hub`;
    this.#seen.open(view.e, this.#hub.player);
    this.#tray.table = view;
    this.#board.scale = view.scale;
    if (view.round !== this.#round) this.#nextRound(view.round);
    this.#away = false;
    for (const missed of this.#missed.splice(0)) this.#result(missed);
    this.#history = view.history;
    this.#all = this.#byCode(view.spots);
    this.#bets.load(view, items(this.#byCode(bets)));
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
        this.#reveal();
        this.#nextRound(event.round);
        this.#all = new Map();
        this.#enter("betting", event.deadline);
        this.#opened(event.commit);
        break;
      case "bets_locked":
        this.#seen.note(event.round, { mix: event.mix });
        this.#enter("locked", event.deadline);
        this.#locked();
        break;
      case "round_result":
        this.#drawn(event);
        break;
      case "round_voided":
        this.#wheel.lift();
        this.#bets.voided();
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

  /** The next round: a result that was not shown during its own round is shown in a message. */
  #nextRound(round) {
    if (this.#settled !== null && !this.#settled.told) this.#tellLate(this.#settled);
    this.#settled = null;
    this.#payout.textContent = "";
    this.#round = round;
  }

  async #drawn(event) {
    const past = { ...event, time: this.#hub.hubNow() };
    this.#history = [past, ...this.#history.filter(({ round }) => round !== event.round)];
    this.#enter("settled", event.deadline);
    this.#fairness.open(undefined);
    this.#revealed = false;
    const left = Math.max(0, event.deadline - this.#hub.hubNow());
    await this.#wheel.land(event.outcome, Math.min(LAND_MS_MAX, left * 0.6));
    if (this.#gone || this.#round !== event.round || this.#phase !== "settled") return;
    this.#board.result(event.outcome);
    this.#reveal();
    this.#fairness.show(past);
    this.#draw();
  }

  /** From here on the drawn number and the payout are shown. */
  #reveal() {
    this.#revealed = true;
    this.#wallet.release();
    this.#tellPayout();
  }

  #personal(event) {
    if (event.ev === "balance") return this.#bets.balance(event);
    if (event.ev !== "bet_settled" || !event.round.startsWith(`${this.#table}:`)) return;
    const settled = { round: Number(event.round.slice(this.#table.length + 1)), event, told: false };
    // The present round is known once the view is loaded again.
    if (this.#away) this.#missed.push(settled);
    else this.#result(settled);
  }

  #result(settled) {
    if (settled.round !== this.#round) return this.#tellLate(settled);
    this.#settled = settled;
    if (this.#revealed) this.#tellPayout();
  }

  #tellPayout() {
    if (this.#settled === null || this.#settled.round !== this.#round) return;
    const { text, win } = payout(this.#settled.event, this.#view.scale);
    this.#settled.told = true;
    this.#payout.textContent = text;
    this.#payout.className = `payout ${win ? "win" : ""}`;
  }

  /** The round ended while this page was away. */
  #tellLate({ round, event }) {
    const { text, win } = payout(event, this.#view.scale);
    toast(`Round ${round}: ${text}`, win ? "win" : "info");
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

  #enter(phase, deadline = null) {
    this.#bets.enter({ round: this.#round, phase, deadline });
    // A view that is loaded again within a phase starts no new countdown.
    if (phase === this.#phase && deadline === this.#deadline) return;
    this.#phase = phase;
    this.#deadline = deadline;
    this.#span = Math.max(1, this.#left());
    this.#spoken = null;
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
    this.#board.open = online && this.#phase === "betting";
    const { stakes } = this.#bets;
    this.#board.chips({ own: stakes.accepted(), ghosts: this.#bets.ghosts(), all: this.#all });
    this.#tray.total = stakes.total();
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
      const behavior = reducedMotion() ? "auto" : "smooth";
      this.#fairness.element.scrollIntoView({ behavior, block: "nearest" });
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
    this.#tray.can = this.#bets.can;
    this.#speak(betting ? seconds : null);
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

  /** Tells a screen reader the time: when betting opens, and at a few moments after that. */
  #speak(seconds) {
    const moment = seconds === null ? null : (SPOKEN_S.filter((at) => seconds <= at).at(-1) ?? Infinity);
    if (moment === this.#spoken) return;
    this.#spoken = moment;
    this.#time.textContent = moment === null ? "" : `${seconds} seconds to bet`;
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

/** The result of a settled round in words. A payout below the stake is not shown as a win. */
function payout({ staked, returned, outcome, currency }, scale) {
  const gain = toMinor(returned, scale) - toMinor(staked, scale);
  if (outcome === undefined)
    return { text: `The round was void: ${pretty(returned)} ${currency} returned`, win: false };
  if (gain > 0n) return { text: `You won ${pretty(toText(gain, scale))} ${currency}`, win: true };
  return { text: `${pretty(returned)} of ${pretty(staked)} ${currency} returned`, win: false };
}
