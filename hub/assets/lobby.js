/**
 * The lobby: the tables there are, what they play for, and what they are doing now.
 */

import { h } from "./dom.js";
import { pretty } from "./money.js";

/** How often the tables are asked for while the lobby is open, milliseconds. */
const REFRESH_MS = 3_000;

const PHASES = { idle: "Ready", betting: "Betting", locked: "Spinning", settled: "Result", closed: "Closed" };

export class Lobby {
  #hub;
  #grid = h("div", { class: "cards", "data-testid": "lobby" });
  #cards = new Map();
  #timer = null;
  #title = h("h1", { tabindex: "-1" }, "Tables");
  #open = true;

  /** @param {{hub: import("/client/hub.js").HubClient}} options */
  constructor({ hub }) {
    this.#hub = hub;
    this.element = h(
      "section",
      { class: "lobby" },
      this.#title,
      h("p", { class: "lead" }, "Choose a table. You can watch before you bet."),
      this.#grid,
    );
    this.#refresh();
  }

  /** Moves the focus, of keyboard and screen reader, to the top of the page. */
  focus() {
    this.#title.focus({ preventScroll: true });
  }

  destroy() {
    this.#open = false;
    clearTimeout(this.#timer);
  }

  async #refresh() {
    try {
      const { tables } = await this.#hub.request("list_tables");
      if (this.#open) this.#draw(tables);
    } catch {
      // The header shows that the hub cannot be reached; the next turn asks again.
    }
    if (this.#open) this.#timer = setTimeout(() => this.#refresh(), REFRESH_MS);
  }

  #draw(tables) {
    const ids = new Set(tables.map(({ table }) => table));
    for (const [id, card] of this.#cards) {
      if (!ids.has(id)) {
        card.element.remove();
        this.#cards.delete(id);
      }
    }
    for (const summary of tables) {
      let card = this.#cards.get(summary.table);
      if (card === undefined) {
        card = makeCard(summary);
        this.#cards.set(summary.table, card);
        this.#grid.append(card.element);
      }
      card.phase.textContent = PHASES[summary.phase] ?? summary.phase;
      card.phase.className = `phase ${summary.phase}`;
      card.players.textContent = summary.players === 1 ? "1 player" : `${summary.players} players`;
    }
  }
}

function makeCard({ table, name, game, currency, min, max }) {
  const phase = h("span", { class: "phase" });
  const players = h("span", { class: "players" });
  const element = h(
    "a",
    { class: "card", href: `#/table/${encodeURIComponent(table)}`, "data-testid": `table-${table}` },
    h("span", { class: "card-top" }, h("span", { class: `game ${game}`, "aria-hidden": "true" }), phase),
    h("span", { class: "card-name" }, name),
    h("span", { class: "card-limits" }, `${pretty(min)} – ${pretty(max)} ${currency}`),
    h("span", { class: "card-foot" }, players, h("span", { class: "go" }, "Join →")),
  );
  return { element, phase, players };
}
