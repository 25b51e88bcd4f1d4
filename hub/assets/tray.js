/**
 * The tray below the cloth: the chip of the next bet, and the four actions on all bets: undo, clear, repeat, double.
 */

import { h } from "./dom.js";
import { tier } from "./board.js";
import { short, toMinor, toText } from "./money.js";

/** Chips a house may have, decimal text. */
const CHIPS = ["0.10", "0.50", "1", "5", "25", "100", "500", "1000", "5000", "25000"];
/** Chips on the tray. */
const SHOWN_MAX = 6;

export class Tray {
  /** Value of the chosen chip, minor units. */
  value = 0n;
  #chips;
  #total;
  #time = h("span", { class: "tray-time", "aria-hidden": "true" });
  #buttons;
  #scale = 2;
  #currency = "";
  #can = {};

  /** @param {{onUndo: () => void, onClear: () => void, onRepeat: () => void, onDouble: () => void}} actions */
  constructor({ onUndo, onClear, onRepeat, onDouble }) {
    this.#chips = h("div", {
      class: "chips",
      role: "radiogroup",
      "aria-label": "chip",
      "data-testid": "chips",
    });
    this.#chips.addEventListener("keydown", (event) => this.#walk(event));
    const button = (name, label, onclick) =>
      h("button", { type: "button", class: "action", "data-testid": name, onclick: () => this.#can[name] && onclick() }, label);
    this.#buttons = {
      undo: button("undo", "Undo", onUndo),
      clear: button("clear", "Clear", onClear),
      repeat: button("repeat", "Repeat", onRepeat),
      double: button("double", "Double", onDouble),
    };
    this.#total = h("output", { class: "stake-total", "data-testid": "stake-total" });
    this.element = h(
      "div",
      { class: "tray" },
      this.#chips,
      h("div", { class: "actions" }, ...Object.values(this.#buttons)),
      h("div", { class: "stake" }, h("span", { class: "label" }, "Your stake"), this.#time, this.#total),
    );
  }

  /** Offers the chips that fit the table. */
  set table({ scale, currency, limits }) {
    const ends = Object.values(limits)
      .flat()
      .map((text) => toMinor(text, scale));
    const smallest = ends.reduce((a, b) => (b < a ? b : a));
    const largest = ends.reduce((a, b) => (b > a ? b : a));
    const fits = CHIPS.filter((text) => (text.split(".")[1]?.replace(/0+$/, "") ?? "").length <= scale)
      .map((text) => toMinor(text, scale))
      .filter((minor) => minor >= smallest && minor <= largest)
      .slice(0, SHOWN_MAX);
    const values = fits.length > 0 ? fits : [smallest];
    this.#scale = scale;
    this.#currency = currency;
    if (!values.includes(this.value)) this.value = values[Math.min(1, values.length - 1)];
    this.#chips.replaceChildren(
      ...values.map((minor) => {
        const text = toText(minor, scale);
        const classes = `chip pick ${tier(minor, scale)}${short(minor, scale).length > 3 ? " long" : ""}`;
        const onclick = () => this.#choose(minor);
        return h(
          "button",
          {
            type: "button",
            role: "radio",
            class: classes,
            "data-value": String(minor),
            "data-testid": `chip-${text}`,
            "aria-label": `chip of ${text} ${currency}`,
            onclick,
          },
          short(minor, scale),
        );
      }),
    );
    this.#choose(this.value);
  }

  /** Shows the stake of the round, minor units. */
  set total(total) {
    this.#total.textContent = `${toText(total, this.#scale)} ${this.#currency}`;
  }

  /** Shows what can be done. A button that cannot be used keeps the focus, so that a keyboard is not thrown out. */
  set can(can) {
    for (const [name, button] of Object.entries(this.#buttons)) {
      if (can[name] !== this.#can[name]) button.setAttribute("aria-disabled", String(!can[name]));
    }
    this.#can = can;
  }

  /** Shows the seconds that are left, for screens on which the wheel has scrolled away. */
  time(text, urgent) {
    this.#time.textContent = text;
    this.#time.classList.toggle("urgent", urgent);
  }

  #choose(minor) {
    this.value = minor;
    for (const chip of this.#chips.children) {
      const chosen = chip.dataset.value === String(minor);
      chip.setAttribute("aria-checked", String(chosen));
      chip.tabIndex = chosen ? 0 : -1;
    }
  }

  #walk(event) {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const chips = [...this.#chips.children];
    const at = chips.findIndex((chip) => chip.getAttribute("aria-checked") === "true");
    const next = chips[(at + step + chips.length) % chips.length];
    next.focus();
    next.click();
  }
}
