/**
 * The player's limits: what is used of each, and how one is set, loosened and confirmed.
 */

import { h } from "./dom.js";
import { KINDS, PERIODS, amountOf, timeOf } from "./limit_words.js";
import { explain } from "./messages.js";

/** The stricter of the player's and the operator's limit; a text of money or milliseconds. */
export function inForce({ own, operators }) {
  if (own === undefined) return operators;
  if (operators === undefined) return own;
  return Number(operators) < Number(own) ? operators : own;
}

/** A browser runs a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Limits {
  #hub;
  #wallet;
  #currency = h("select", { name: "currency", "aria-label": "Currency", "data-testid": "limit-currency" });
  #list = h("ul", { class: "limits", "data-testid": "limits" });
  #problem = h("p", { class: "problem", role: "alert", "data-testid": "limit-problem" });
  #timer = 0;
  #done = h("p", { class: "lead", role: "status", "data-testid": "limit-done" });

  /**
   * @param {{hub: import("/client/hub.js").HubClient, wallet: import("./wallet.js").Wallet}} options
   */
  constructor({ hub, wallet }) {
    this.#hub = hub;
    this.#wallet = wallet;
    this.element = h(
      "section",
      { class: "limits-part", "aria-labelledby": "limits-title" },
      h("h2", { id: "limits-title" }, "Limits"),
      h(
        "p",
        { class: "lead" },
        "A stricter limit holds at once. A looser one waits, and holds when you confirm it after that.",
      ),
      this.#done,
      this.#problem,
      this.#list,
      this.#form(),
    );
    this.draw();
    this.#readCurrencies();
  }

  /** Those in which the player has money, or could play. */
  async #readCurrencies() {
    const { tables } = await this.#hub.request("list_tables").catch(() => ({ tables: [] }));
    const codes = new Set([...this.#wallet.balances.keys(), ...tables.map(({ currency }) => currency)]);
    this.#currency.replaceChildren(...[...codes].map((code) => h("option", { value: code }, code)));
  }

  /** Shows the limits that the wallet has. */
  draw() {
    const { limits } = this.#wallet;
    this.#list.replaceChildren(
      ...(limits.length === 0
        ? [h("li", { class: "dim" }, "You have no limits.")]
        : limits.map((limit) => this.#item(limit))),
    );
    // What waits can be confirmed when its time comes.
    clearTimeout(this.#timer);
    const waits = limits.map(({ loosening }) => (loosening?.from ?? 0) - this.#hub.hubNow()).filter((ms) => ms > 0);
    if (waits.length > 0)
      this.#timer = setTimeout(() => this.element.isConnected && this.draw(), Math.min(...waits, LONGEST_TIMER_MS));
  }

  #item(limit) {
    const { kind, period, currency, own, operators, used, left, frees_at, loosening } = limit;
    const allowed = inForce(limit);
    const which = { kind, period, ...(currency === undefined ? {} : { currency }) };
    const share = Number(allowed) === 0 ? 1 : Math.min(1, Number(used) / Number(allowed));
    const title = `${KINDS[kind] ?? kind} ${PERIODS[period] ?? period}`;
    const remove = h(
      "button",
      {
        class: "quiet",
        "data-testid": `remove-${kind}-${period}`,
        onclick: () => this.#ask(() => this.#hub.setLimit({ ...which, remove: true }), "Removing it has to wait."),
      },
      "Remove",
    );
    return h(
      "li",
      { class: "limit", "data-testid": `limit-${kind}-${period}` },
      h("div", { class: "limit-head" }, h("h3", {}, title), own === undefined || loosening ? null : remove),
      h("progress", { max: "1", value: String(share), "aria-label": title }),
      h(
        "p",
        {},
        `${amountOf(used, currency)} of ${amountOf(allowed, currency)} used, ${amountOf(left, currency)} left until ${timeOf(frees_at)}.`,
      ),
      operators === undefined
        ? null
        : h("p", { class: "dim" }, `The operator's limit for you is ${amountOf(operators, currency)}.`),
      loosening === undefined ? null : this.#waiting(which, loosening, currency),
    );
  }

  #waiting(which, { to, from, until }, currency) {
    const wanted = to === undefined ? "no limit" : amountOf(to, currency);
    return h(
      "div",
      { class: "waiting" },
      h("p", {}, `You have asked for ${wanted}. You can confirm it from ${timeOf(from)} to ${timeOf(until)}.`),
      h(
        "button",
        {
          class: "primary",
          disabled: this.#hub.hubNow() < from,
          "data-testid": `confirm-${which.kind}-${which.period}`,
          onclick: () => this.#ask(() => this.#hub.confirmLimit(which), "The new limit holds."),
        },
        `Confirm ${wanted}`,
      ),
    );
  }

  #form() {
    const select = (name, label, choices) =>
      h(
        "select",
        { name, "aria-label": label, "data-testid": `limit-${name}` },
        ...choices.map(([value, words]) => h("option", { value }, words)),
      );
    const kind = select("kind", "What to limit", Object.entries(KINDS));
    const period = select("period", "In which time", Object.entries(PERIODS));
    const currency = this.#currency;
    const unit = h("span", { class: "dim", hidden: true }, "minutes");
    const value = h("input", {
      name: "value",
      inputmode: "decimal",
      autocomplete: "off",
      required: true,
      pattern: "[0-9]+([.][0-9]+)?",
      "aria-label": "How much",
      placeholder: "100.00",
      "data-testid": "limit-value",
    });
    kind.addEventListener("change", () => {
      const isTime = kind.value === "play_time";
      currency.hidden = isTime;
      unit.hidden = !isTime;
      value.pattern = isTime ? "[0-9]+" : "[0-9]+([.][0-9]+)?";
      value.placeholder = isTime ? "120" : "100.00";
    });
    const submit = async (event) => {
      event.preventDefault();
      const isTime = kind.value === "play_time";
      const limit = {
        kind: kind.value,
        period: period.value,
        ...(isTime ? { minutes: Number(value.value) } : { currency: currency.value, amount: value.value }),
      };
      await this.#ask(() => this.#hub.setLimit(limit), null);
    };
    return h(
      "form",
      { class: "break", onsubmit: submit },
      h("h3", {}, "Set a limit"),
      h("div", { class: "break-row" }, kind, period, value, currency, unit),
      h(
        "div",
        { class: "break-row" },
        h("button", { type: "submit", class: "primary", "data-testid": "set-limit" }, "Set limit"),
      ),
    );
  }

  async #ask(send, done) {
    this.#problem.textContent = "";
    this.#done.textContent = "";
    try {
      await send();
      await this.#wallet.load(this.#hub);
      this.#done.textContent = done ?? "Done. What is looser than before waits for you to confirm it.";
    } catch (error) {
      this.#problem.textContent = explain(error);
    }
    this.draw();
  }
}
