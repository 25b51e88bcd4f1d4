/**
 * The cloth, which is the layout of the bets: cells to read, spots to bet on, chips on the spots.
 *
 * Every one of the 157 bets is a button with its name, so that keyboard and screen reader reach what a finger can.
 * Arrow keys move from cell to cell and onto the lines between them. The cloth lies lengthwise in a wide box, and
 * upright in a narrow one.
 */

import { h } from "./dom.js";
import { colour, LENGTH, SPOTS, WIDTH } from "./layout.js";
import { short } from "./money.js";

/** Below this width of its box the cloth stands upright, CSS pixels. */
const UPRIGHT_BELOW = 640;

export class Board {
  #spots = [];
  #upright = null;
  #scale = 2;
  #watch;

  #onLook;

  /**
   * @param {object} options
   * @param {(code: number) => void} options.onBet
   * @param {(code: number | null) => void} options.onLook a spot is pointed at or focused, or none any more
   */
  constructor({ onBet, onLook }) {
    this.#onLook = onLook;
    this.element = h("div", {
      class: "board",
      role: "group",
      "aria-label": "betting layout",
      "data-testid": "board",
    });
    this.#spots = SPOTS.map((spot) => this.#button(spot, onBet));
    this.element.append(...this.#spots.map(({ button }) => button));
    this.element.addEventListener("keydown", (event) => this.#walk(event));
    this.#lay(false);
    this.#watch = new ResizeObserver(([entry]) => this.#lay(entry.contentRect.width < UPRIGHT_BELOW));
    this.#watch.observe(this.element);
  }

  /** Stops watching its size. */
  destroy() {
    this.#watch.disconnect();
  }

  /** Decimals of the currency, for the faces of the chips. */
  set scale(scale) {
    this.#scale = scale;
  }

  /** Whether bets are taken; the spots can be read either way. */
  set open(open) {
    this.element.classList.toggle("open", open);
    for (const { button } of this.#spots) button.setAttribute("aria-disabled", String(!open));
  }

  /**
   * Draws the chips.
   * @param {{own: Map<number, bigint>, ghosts: Map<number, bigint>, all: Map<number, bigint>}} stakes accepted own stakes, what
   *   is on its way on top of them (0 where the stake is uncertain as it stands), and the stakes of all players together
   */
  chips({ own, ghosts, all }) {
    for (const spot of this.#spots) {
      const mine = own.get(spot.code) ?? 0n;
      const ghost = ghosts.get(spot.code) ?? 0n;
      const others = (all.get(spot.code) ?? 0n) - mine - ghost;
      this.#draw(spot, mine + ghost, ghosts.has(spot.code), others > 0n ? others : 0n);
    }
  }

  /** Marks the drawn number, and the spots that won; `null` clears. */
  result(outcome) {
    for (const spot of this.#spots) {
      const wins = outcome !== null && SPOTS[spot.code].covers.includes(outcome);
      spot.button.classList.toggle("won", wins);
      spot.button.classList.toggle("lost", outcome !== null && !wins);
      spot.button.classList.toggle("hit", spot.code === outcome);
    }
  }

  #button(spot, onBet) {
    const face = spot.face ?? (spot.kind === "straight" ? String(spot.n[0]) : "");
    const classes = ["spot", spot.cell ? "cell" : "line", spot.kind];
    if (spot.kind === "straight") classes.push(colour(spot.n[0]));
    const button = h(
      "button",
      {
        class: classes.join(" "),
        type: "button",
        tabindex: spot.code === 0 ? "0" : "-1",
        "aria-label": spot.label,
        "data-testid": `spot-${spot.kind}${spot.n.length > 0 ? `-${spot.n.join("-")}` : ""}`,
        onclick: () => onBet(spot.code),
        onpointerenter: (event) => event.pointerType === "mouse" && this.#look(spot),
        onpointerleave: () => this.#look(null),
        onfocus: () => this.#look(button.matches(":focus-visible") ? spot : null),
        onblur: () => this.#look(null),
      },
      h("span", { class: "face" }, face),
    );
    return { code: spot.code, button, chip: null, others: null, drawn: "" };
  }

  #draw(spot, mine, ghost, others) {
    const drawn = `${mine} ${ghost} ${others} ${this.#scale}`;
    if (drawn === spot.drawn) return;
    spot.drawn = drawn;
    spot.chip?.remove();
    spot.others?.remove();
    const label = SPOTS[spot.code].label;
    const said = [label];
    if (others > 0n) {
      const face = short(others, this.#scale);
      spot.others = h("span", { class: "others", "data-testid": "others" }, face);
      spot.button.append(spot.others);
      said.push(`others ${face}`);
    }
    if (mine > 0n) {
      const face = short(mine, this.#scale);
      const classes = `chip ${tier(mine, this.#scale)}${ghost ? " ghost" : ""}${face.length > 3 ? " long" : ""}`;
      spot.chip = h("span", { class: classes, "data-testid": "own" }, face);
      spot.button.append(spot.chip);
      said.push(`your stake ${face}`);
    }
    spot.button.setAttribute("aria-label", said.join(", "));
  }

  #look(spot) {
    const covers = spot?.covers ?? [];
    this.#onLook(spot?.code ?? null);
    for (let number = 0; number <= 36; number += 1) {
      this.#spots[number].button.classList.toggle("lit", covers.includes(number));
    }
  }

  /** Puts every spot in its place; upright is the same cloth turned by a quarter. */
  #lay(upright) {
    if (upright === this.#upright) return;
    this.#upright = upright;
    this.element.classList.toggle("upright", upright);
    for (const { code, button } of this.#spots) {
      const { x, y, w, h: height } = SPOTS[code];
      const at = upright
        ? { left: (WIDTH - y - height) / WIDTH, top: x / LENGTH, width: height / WIDTH, height: w / LENGTH }
        : { left: x / LENGTH, top: y / WIDTH, width: w / LENGTH, height: height / WIDTH };
      for (const [side, part] of Object.entries(at)) button.style[side] = `${part * 100}%`;
    }
  }

  /** Arrow keys: to the nearest spot in that direction. */
  #walk(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = this.#spots.find(({ button }) => button === document.activeElement);
    if (step === undefined || from === undefined) return;
    event.preventDefault();
    const here = centre(from.button);
    let best = null;
    for (const { button } of this.#spots) {
      const there = centre(button);
      const along = (there.x - here.x) * step[0] + (there.y - here.y) * step[1];
      const aside = Math.abs((there.x - here.x) * step[1]) + Math.abs((there.y - here.y) * step[0]);
      const distance = along + 3 * aside;
      if (along > 1 && (best === null || distance < best.distance)) best = { button, distance };
    }
    if (best === null) return;
    from.button.tabIndex = -1;
    best.button.tabIndex = 0;
    best.button.focus({ focusVisible: true });
  }
}

function centre(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}

/** The colour of a chip follows its value. */
export function tier(minor, scale) {
  const unit = 10n ** BigInt(scale);
  const steps = [5n, 25n, 100n, 500n].map((value) => value * unit);
  return ["white", "red-chip", "green-chip", "black-chip", "purple"][
    steps.filter((step) => minor >= step).length
  ];
}
