/**
 * The play session of a player: how long it has lasted and what came of it, shown all the time, and the reality check, which
 * stands before everything else until it is acknowledged.
 *
 * The hub says when a check is due and refuses bets until then; this page only shows it. So a reload brings it back.
 */

import { h } from "./dom.js";
import { explain } from "./messages.js";
import { pretty } from "./money.js";

const EVERY_MS = 500;

/** Hours, minutes and seconds of a time, milliseconds. */
export function spell(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** A net position with its sign. */
export function signed(net) {
  if (net.startsWith("-")) return `−${pretty(net.slice(1))}`;
  return /[1-9]/.test(net) ? `+${pretty(net)}` : pretty(net);
}

/**
 * What a play session is at a time: not there, going on, or waiting for the acknowledgement.
 * @param {{since: number, ends: number, check?: number}|null} play
 * @param {number} now the hub's clock
 * @returns {"none"|"on"|"check"}
 */
export function stage(play, now) {
  if (play === null || now >= play.ends) return "none";
  return play.check !== undefined && now >= play.check ? "check" : "on";
}

export class PlayPanel {
  #wallet;
  #hub;
  #reload;
  #leave;
  #elapsed = h("span", { class: "tabular", "data-testid": "elapsed" });
  #nets = h("span", { class: "nets" });
  #told = h("p", { class: "lead", "data-testid": "check-told" });
  #problem = h("p", { class: "problem", role: "alert" });
  #goOn = h("button", { type: "button", class: "primary", "data-testid": "acknowledge" }, "Play on");
  #dialog;

  /**
   * @param {object} options
   * @param {HTMLElement} options.element where the time and the position are shown
   * @param {import("./wallet.js").Wallet} options.wallet has the play session
   * @param {() => import("/client/hub.js").HubClient|null} options.hub
   * @param {() => Promise<void>} options.reload reads the play session again
   * @param {() => void} options.leave signs out
   */
  constructor({ element, wallet, hub, reload, leave }) {
    this.element = element;
    this.#wallet = wallet;
    this.#hub = hub;
    this.#reload = reload;
    this.#leave = leave;
    element.append(h("span", {}, h("span", { class: "label" }, "Playing for "), this.#elapsed), this.#nets);
    this.#dialog = h(
      "dialog",
      { class: "check", "aria-labelledby": "check-title", "data-testid": "reality-check" },
      h("h2", { id: "check-title" }, "A look at your play"),
      this.#told,
      this.#problem,
      h(
        "div",
        { class: "break-row" },
        this.#goOn,
        h(
          "button",
          { type: "button", class: "quiet", "data-testid": "check-break", onclick: () => (location.hash = "#/break") },
          "Breaks and limits",
        ),
        h("button", { type: "button", class: "quiet", "data-testid": "check-leave", onclick: () => this.#leave() }, "Leave"),
      ),
    );
    // It is closed by an answer, not by a key.
    this.#dialog.addEventListener("cancel", (event) => event.preventDefault());
    this.#goOn.addEventListener("click", () => this.#acknowledge());
    document.body.append(this.#dialog);
    setInterval(() => this.draw(), EVERY_MS);
  }

  /** Shows the play session as it is now. */
  draw() {
    const { play } = this.#wallet;
    const now = this.#hub()?.hubNow() ?? Date.now();
    const at = stage(play, now);
    this.element.hidden = at === "none";
    if (at !== "none") {
      this.#elapsed.textContent = spell(now - play.since);
      this.#nets.replaceChildren(...play.positions.map(net));
    }
    // Whoever looks for a break or a limit needs no answer first: no bet is taken meanwhile.
    if (at === "check" && location.hash !== "#/break") this.#ask(play, now);
    else if (this.#dialog.open) this.#dialog.close();
  }

  #ask(play, now) {
    const came = play.positions.map(({ currency, net: sum }) => {
      if (!/[1-9]/.test(sum)) return `you are even in ${currency}`;
      const lost = sum.startsWith("-");
      return `you have ${lost ? "lost" : "won"} ${pretty(lost ? sum.slice(1) : sum)} ${currency}`;
    });
    this.#told.textContent = `${[`You have played for ${spell(now - play.since)}`, ...came].join(", ")}.`;
    if (this.#dialog.open) return;
    this.#problem.textContent = "";
    this.#dialog.showModal();
    this.#goOn.focus();
  }

  async #acknowledge() {
    this.#goOn.disabled = true;
    this.#problem.textContent = "";
    try {
      await this.#hub()?.acknowledge();
    } catch (error) {
      // Another page of the player may have done it.
      if (error.reason !== "no_check_due") this.#problem.textContent = explain(error);
    }
    await this.#reload();
    this.#goOn.disabled = false;
    this.draw();
  }
}

function net({ currency, net: sum }) {
  return h(
    "span",
    {},
    h("span", { class: "label" }, "Net "),
    h("output", { "data-testid": `net-${currency}` }, signed(sum)),
    ` ${currency}`,
  );
}
