/**
 * Breaks and limits: a player stays away for some days, or excludes themselves for longer, and comes back; and limits play.
 */

import { h } from "./dom.js";
import { Limits } from "./limits.js";
import { explain } from "./messages.js";

/** Days of the choices; `null` is for good. */
const CHOICES = {
  time_out: [
    [1, "1 day"],
    [7, "1 week"],
    [30, "30 days"],
  ],
  self_exclusion: [
    [184, "6 months"],
    [366, "1 year"],
    [1827, "5 years"],
    [null, "For good"],
  ],
};

const WORDS = {
  time_out: {
    title: "Time-out",
    about: "A short break. It ends by itself.",
    ask: "Take a time-out",
  },
  self_exclusion: {
    title: "Self-exclusion",
    about: "A long break. After its end you ask to come back, and play begins when you have cooled off.",
    ask: "Exclude myself",
  },
};

/**
 * Why a player may not play now, in a sentence. The hub tells of an exclusion as long as it stands: the clock of this device
 * is not asked.
 * @param {{kind: string, until?: number}} exclusion
 */
export function standing({ kind, until }) {
  if (until === undefined) return "You are excluded from play for good.";
  const end = new Date(until).toLocaleString([], { dateStyle: "long", timeStyle: "short" });
  switch (kind) {
    case "time_out":
      return `You are on a time-out until ${end}.`;
    case "cooling_off":
      return `You are coming back: play begins ${end}.`;
    default:
      return `You are excluded from play until ${end}, and until you ask to come back after that.`;
  }
}

/** Whether there is a way back: from a self-exclusion that has an end. */
export function mayReturn({ kind, until }) {
  return kind === "self_exclusion" && until !== undefined;
}

export class Break {
  #hub;
  #wallet;
  #title = h("h1", { tabindex: "-1" }, "Breaks and limits");
  #limits;
  #standing = h("p", { class: "lead", role: "status", "data-testid": "standing" });
  #forms = h("div", { class: "breaks" });
  #problem = h("p", { class: "problem", role: "alert", "data-testid": "break-problem" });

  /** @param {{hub: import("/client/hub.js").HubClient, wallet: import("./wallet.js").Wallet}} options */
  constructor({ hub, wallet }) {
    this.#hub = hub;
    this.#wallet = wallet;
    this.#limits = new Limits({ hub, wallet });
    this.element = h(
      "section",
      { class: "lobby", "data-testid": "break-page" },
      this.#title,
      this.#standing,
      this.#problem,
      this.#forms,
      this.#limits.element,
    );
    this.#refresh();
  }

  focus() {
    this.#title.focus({ preventScroll: true });
  }

  async #refresh() {
    try {
      await this.#wallet.load(this.#hub);
    } catch {
      // The header shows that the hub cannot be reached; what was known stays.
    }
    this.#draw();
    this.#limits.draw();
  }

  #draw() {
    const { exclusion } = this.#wallet;
    this.#standing.textContent =
      exclusion === null
        ? "While you are away no bet and no deposit of yours is taken. Open bets are settled, and your balance stays yours."
        : standing(exclusion);
    const forms = [];
    if (exclusion === null || exclusion.kind !== "self_exclusion") forms.push(this.#form("time_out"));
    if (exclusion?.until !== undefined || exclusion === null) forms.push(this.#form("self_exclusion"));
    if (exclusion !== null && mayReturn(exclusion)) forms.push(this.#return());
    this.#forms.replaceChildren(...forms);
  }

  #form(kind) {
    const { title, about, ask } = WORDS[kind];
    const select = h(
      "select",
      { "aria-label": `How long: ${title}`, "data-testid": `${kind}-days` },
      ...CHOICES[kind].map(([days, label]) => h("option", { value: days ?? "" }, label)),
    );
    const button = h("button", { type: "submit", class: "primary", "data-testid": kind }, ask);
    // Nobody is away by a slip: the first press says what will happen, the second one does it.
    let sure = false;
    const hint = h("p", { class: "dim" }, about);
    const again = () => {
      sure = false;
      button.textContent = ask;
      hint.textContent = about;
    };
    select.addEventListener("change", again);
    const submit = async (event) => {
      event.preventDefault();
      if (!sure) {
        sure = true;
        button.textContent = "Yes, I am sure";
        hint.textContent = "It begins at once and cannot be taken back or made shorter.";
        return;
      }
      button.disabled = true;
      const lasts = select.value === "" ? { permanent: true } : { days: Number(select.value) };
      await this.#ask(() => this.#hub.exclude({ kind, ...lasts }));
    };
    return h(
      "form",
      { class: "break", onsubmit: submit },
      h("h2", {}, title),
      hint,
      h("div", { class: "break-row" }, select, button),
    );
  }

  #return() {
    const submit = async (event) => {
      event.preventDefault();
      await this.#ask(() => this.#hub.reinstate());
    };
    return h(
      "form",
      { class: "break", onsubmit: submit },
      h("h2", {}, "Come back"),
      h("p", { class: "dim" }, "After the end of your self-exclusion. Play begins when a time to cool off is over."),
      h(
        "div",
        { class: "break-row" },
        h("button", { type: "submit", class: "primary", "data-testid": "reinstate" }, "Come back"),
      ),
    );
  }

  async #ask(send) {
    this.#problem.textContent = "";
    try {
      await send();
    } catch (error) {
      this.#problem.textContent = explain(error);
    }
    await this.#refresh();
  }
}
