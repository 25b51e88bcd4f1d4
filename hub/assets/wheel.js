/**
 * The wheel: a ring that counts down, a rotor with 37 pockets, a ball that comes to rest where the hub says.
 *
 * Shows what was drawn and decides nothing. While bets are taken only the ring moves, once a second, and no other frame
 * is drawn. A person who prefers less motion sees the result at once.
 */

import { reducedMotion, svg } from "./dom.js";
import { colour, WHEEL } from "./layout.js";

const POCKET = 360 / WHEEL.length;
const RING = 114;
const OUTER = 103;
const INNER = 70;
const TRACK = 99;
const REST = 77;
/** Degrees a second while the outcome is awaited. */
const ROTOR_SPEED = 45;
const BALL_SPEED = -400;

export class Wheel {
  #rotor;
  #ball;
  #ring;
  #centre;
  #under;
  #angles = { rotor: 0, ball: 0, radius: REST };
  #motion = null;
  #frame = 0;
  #frameTimer = null;
  #settle = null;

  constructor() {
    this.#ring = svg("circle", { class: "ring-left", r: RING, pathLength: 100, transform: "rotate(-90)" });
    this.#ball = svg("circle", { class: "ball hidden", r: 4.6, filter: "url(#ball-shadow)" });
    this.#rotor = svg("g", { class: "rotor" }, ...WHEEL.map(pocket), ...WHEEL.map(fret), ...spokes());
    this.#centre = svg("text", { class: "centre", y: 11, "data-testid": "wheel-centre" });
    this.#under = svg("text", { class: "under", y: 27 });
    this.element = svg(
      "svg",
      {
        class: "wheel",
        viewBox: "-120 -120 240 240",
        role: "img",
        "aria-label": "roulette wheel",
        "data-testid": "wheel",
      },
      definitions(),
      svg("circle", { class: "ring-track", r: RING }),
      this.#ring,
      svg("circle", { r: 109, fill: "url(#wood)" }),
      svg("circle", { class: "rim", r: OUTER + 1 }),
      this.#rotor,
      this.#ball,
      svg("circle", { class: "hub-plate", r: 41 }),
      this.#centre,
      this.#under,
    );
    this.#place();
  }

  /** Shows the part of the time that is left, 0 to 1. */
  countdown(part, urgent) {
    this.#ring.style.strokeDashoffset = String(100 * (1 - Math.max(0, Math.min(1, part))));
    this.#ring.classList.toggle("urgent", urgent);
    this.#ring.classList.toggle("empty", part <= 0);
  }

  /** Writes into the middle: a line, and a small one below. */
  say(text, under = "", tone = "") {
    this.#centre.textContent = text;
    this.#centre.setAttribute("class", `centre ${tone}`);
    this.#under.textContent = under;
  }

  /** The ball runs until `land`. */
  spin() {
    if (reducedMotion()) return this.#ball.classList.add("hidden");
    this.#ball.classList.remove("hidden");
    if (this.#motion?.kind === "spin") return;
    this.#finish();
    this.#start({ kind: "spin" });
  }

  /**
   * Brings the ball to rest in the number's pocket.
   * @param {number} ms how long it may take; 0 shows it at once
   * @returns {Promise<void>} when it lies there
   */
  land(number, ms) {
    this.#finish();
    this.#ball.classList.remove("hidden");
    const spinning = this.#motion?.kind === "spin";
    const rotorTo = this.#angles.rotor + (spinning ? (ROTOR_SPEED * ms) / 3000 : 0);
    const rest = rotorTo + WHEEL.indexOf(number) * POCKET;
    if (ms <= 0 || !spinning || reducedMotion()) {
      this.#halt();
      this.#angles = { rotor: rotorTo, ball: rest, radius: REST };
      this.#place();
      return Promise.resolve();
    }
    // A cubic that ends at rest begins at three times its mean speed: the distance is chosen so that the speed does not
    // jump.
    const way = (BALL_SPEED * ms) / 3000;
    const ballTo = rest + 360 * Math.round((this.#angles.ball + way - rest) / 360);
    const from = { ...this.#angles };
    const began = performance.now();
    return new Promise((resolve) => {
      this.#settle = () => {
        this.#settle = null;
        this.#halt();
        this.#angles = { rotor: rotorTo, ball: rest, radius: REST };
        this.#place();
        resolve();
      };
      // Pages in the background draw no frames, but time goes on there too.
      const timer = setTimeout(() => this.#settle?.(), ms + 50);
      this.#start({ kind: "land", from, rotorTo, ballTo, began, ms, timer });
    });
  }

  /** Shows where the ball lies without any motion. */
  rest(number) {
    if (this.#motion === null) this.land(number, 0);
  }

  /** No ball on the wheel. */
  lift() {
    this.#finish();
    this.#halt();
    this.#ball.classList.add("hidden");
  }

  #start(motion) {
    this.#halt();
    this.#motion = motion;
    this.#frameTimer = motion.timer ?? null;
    let before = performance.now();
    const draw = (now) => {
      this.#step(motion, Math.min(100, now - before), now);
      before = now;
      if (this.#motion === motion) this.#frame = requestAnimationFrame(draw);
    };
    this.#frame = requestAnimationFrame(draw);
  }

  #step(motion, elapsed, now) {
    const angles = this.#angles;
    if (motion.kind === "spin") {
      angles.rotor += (ROTOR_SPEED * elapsed) / 1000;
      angles.ball += (BALL_SPEED * elapsed) / 1000;
      angles.radius += (TRACK - angles.radius) * Math.min(1, elapsed / 150);
    } else {
      const t = Math.max(0, Math.min(1, (now - motion.began) / motion.ms));
      const eased = 1 - (1 - t) ** 3;
      angles.rotor = motion.from.rotor + (motion.rotorTo - motion.from.rotor) * eased;
      angles.ball = motion.from.ball + (motion.ballTo - motion.from.ball) * eased;
      angles.radius = motion.from.radius + (REST - motion.from.radius) * fall(t);
    }
    this.#place();
  }

  #halt() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#frameTimer);
    this.#motion = null;
  }

  #finish() {
    this.#settle?.();
  }

  #place() {
    const { rotor, ball, radius } = this.#angles;
    this.#rotor.setAttribute("transform", `rotate(${rotor.toFixed(2)})`);
    this.#ball.setAttribute("transform", `rotate(${ball.toFixed(2)}) translate(0 ${-radius.toFixed(2)})`);
  }
}

/** The way of the ball from the track into the pocket: late, with two small hops. */
function fall(t) {
  if (t < 0.55) return 0;
  const s = (t - 0.55) / 0.45;
  const hop = Math.abs(Math.cos(s * Math.PI * 2.5)) * (1 - s) ** 2;
  return 1 - hop;
}

function at(angle, radius) {
  const radians = (angle * Math.PI) / 180;
  return `${(Math.sin(radians) * radius).toFixed(2)} ${(-Math.cos(radians) * radius).toFixed(2)}`;
}

function pocket(number, index) {
  const from = (index - 0.5) * POCKET;
  const to = (index + 0.5) * POCKET;
  const shape = `M${at(from, OUTER)}A${OUTER} ${OUTER} 0 0 1 ${at(to, OUTER)}L${at(to, INNER)}A${INNER} ${INNER} 0 0 0 ${at(from, INNER)}Z`;
  return svg(
    "g",
    {},
    svg("path", { class: `pocket ${colour(number)}`, d: shape }),
    svg(
      "text",
      { class: "number", transform: `rotate(${(index * POCKET).toFixed(3)}) translate(0 -90.5)` },
      String(number),
    ),
  );
}

function fret(_, index) {
  const angle = (index - 0.5) * POCKET;
  return svg("path", { class: "fret", d: `M${at(angle, OUTER)}L${at(angle, INNER)}` });
}

function spokes() {
  const lines = [0, 90, 180, 270].map((angle) =>
    svg("path", { class: "spoke", d: `M${at(angle, 40)}L${at(angle, 62)}` }),
  );
  const knobs = [0, 90, 180, 270].map((angle) =>
    svg("circle", { class: "knob", r: 3.4, transform: `translate(${at(angle, 62)})` }),
  );
  return [
    svg("circle", { r: INNER, fill: "url(#bowl)" }),
    svg("circle", { class: "inner-rim", r: INNER }),
    ...lines,
    ...knobs,
  ];
}

function definitions() {
  const stop = (offset, colourName) => svg("stop", { offset, "stop-color": colourName });
  return svg(
    "defs",
    {},
    svg(
      "radialGradient",
      { id: "wood" },
      stop("86%", "#2a1a10"),
      stop("93%", "#5b3a22"),
      stop("100%", "#2c1b11"),
    ),
    svg(
      "radialGradient",
      { id: "bowl" },
      stop("0%", "#3b2616"),
      stop("70%", "#6b4528"),
      stop("100%", "#3a2515"),
    ),
    svg("radialGradient", { id: "plate" }, stop("0%", "#12251d"), stop("100%", "#0a1712")),
    svg(
      "filter",
      { id: "ball-shadow", x: "-60%", y: "-60%", width: "220%", height: "220%" },
      svg("feDropShadow", { dx: 0, dy: 1, stdDeviation: 1.2, "flood-opacity": 0.6 }),
    ),
  );
}
