/**
 * The European layout: every bet there is, and where it lies on the cloth.
 *
 * Pure geometry, computed from the cells, in the order of the hub's bet codes (a test compares both lists). The unit
 * is one number cell; `x` runs along the long side from zero, `y` across it. A bet on several numbers lies on the
 * line or corner where their cells meet.
 */

/** Numbers in their order on the wheel, clockwise from zero. */
export const WHEEL = [
  0, 32, 15, 19, 4, 21, 2, 25, 17, 34, 6, 27, 13, 36, 11, 30, 8, 23, 10, 5, 24, 16, 33, 1, 20, 14, 31, 9, 22,
  18, 29, 7, 28, 12, 35, 3, 26,
];

const RED = new Set([1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36]);
const NUMBERS = Array.from({ length: 37 }, (_, number) => number);

/** `red`, `black` or `green`. */
export function colour(number) {
  return number === 0 ? "green" : RED.has(number) ? "red" : "black";
}

/** Length and width of the cloth, in cells. */
export const LENGTH = 14;
export const WIDTH = 4.7;

const DOZENS_AT = 3;
const CHANCES_AT = 3.85;
/** Size of the spot of a bet that lies on a line. */
const SPOT_X = 0.46;
const SPOT_Y = 0.36;

/**
 * @typedef {object} Spot
 * @property {number} code place among the bets, the hub's bet code
 * @property {string} kind as on the wire
 * @property {number[]} n numbers as on the wire
 * @property {number[]} covers numbers it wins on
 * @property {string} label in words
 * @property {boolean} cell whether it fills a cell of the cloth
 * @property {number} x @property {number} y @property {number} w @property {number} h its box, in cells
 */

const row = (number) => Math.ceil(number / 3); // 1..12; zero is row 0
const place = (number) => 2 - ((number - 1) % 3); // 0 is the far side, where 3, 6, 9 … lie
const centreX = (number) => row(number) + 0.5;
const centreY = (number) => place(number) + 0.5;

function box(x, y, w = SPOT_X, h = SPOT_Y) {
  return { x: x - w / 2, y: y - h / 2, w, h, cell: false };
}

function cell(x, y, w, h) {
  return { x, y, w, h, cell: true };
}

function touch(low, high) {
  if (low === 0) return high <= 3;
  return high - low === 3 || (high - low === 1 && low % 3 !== 0);
}

function* straights() {
  for (const number of NUMBERS) {
    const where = number === 0 ? cell(0, 0, 1, 3) : cell(row(number), place(number), 1, 1);
    yield { n: [number], covers: [number], label: `${number} ${colour(number)}`, ...where };
  }
}

function* splits() {
  for (const low of NUMBERS) {
    for (const high of NUMBERS.filter((number) => number > low && touch(low, number))) {
      const along = low === 0 || high - low === 3;
      const where = along ? box(row(high), centreY(high)) : box(centreX(low), place(low));
      yield { n: [low, high], covers: [low, high], label: `split ${low}/${high}`, ...where };
    }
  }
}

function* streets() {
  yield { n: [0, 1, 2], covers: [0, 1, 2], label: "trio 0/1/2", ...box(1, 2) };
  yield { n: [0, 2, 3], covers: [0, 2, 3], label: "trio 0/2/3", ...box(1, 1) };
  for (let first = 1; first <= 34; first += 3) {
    const n = [first, first + 1, first + 2];
    yield { n, covers: n, label: `street ${first}–${first + 2}`, ...box(centreX(first), DOZENS_AT) };
  }
}

function* corners() {
  yield { n: [0, 1, 2, 3], covers: [0, 1, 2, 3], label: "first four 0/1/2/3", ...box(1, DOZENS_AT) };
  for (const low of NUMBERS.filter((number) => number > 0 && number <= 33 && number % 3 !== 0)) {
    const n = [low, low + 1, low + 3, low + 4];
    yield { n, covers: n, label: `corner ${n.join("/")}`, ...box(row(low) + 1, place(low)) };
  }
}

function* sixLines() {
  for (let first = 1; first <= 31; first += 3) {
    const n = Array.from({ length: 6 }, (_, index) => first + index);
    yield { n, covers: n, label: `six line ${first}–${first + 5}`, ...box(row(first) + 1, DOZENS_AT) };
  }
}

function* columns() {
  for (const which of [1, 2, 3]) {
    const covers = NUMBERS.filter((number) => number > 0 && (number - which) % 3 === 0);
    yield { n: [which], covers, label: `column ${which}`, face: "2:1", ...cell(13, place(which), 1, 1) };
  }
}

function* dozens() {
  for (const [index, name] of ["1st 12", "2nd 12", "3rd 12"].entries()) {
    const covers = NUMBERS.filter((number) => number > 0 && Math.ceil(number / 12) === index + 1);
    const where = cell(1 + index * 4, DOZENS_AT, 4, CHANCES_AT - DOZENS_AT);
    yield { n: [index + 1], covers, label: `${name.slice(0, 3)} dozen`, face: name, ...where };
  }
}

/** The even chances: kind, place from the left, face, numbers. */
const CHANCES = [
  ["red", 2, "", (number) => colour(number) === "red"],
  ["black", 3, "", (number) => colour(number) === "black"],
  ["odd", 4, "Odd", (number) => number % 2 === 1],
  ["even", 1, "Even", (number) => number > 0 && number % 2 === 0],
  ["low", 0, "1–18", (number) => number >= 1 && number <= 18],
  ["high", 5, "19–36", (number) => number >= 19],
];

function* chance([kind, at, face, wins]) {
  const label = face.includes("–") ? `${kind} ${face}` : kind;
  yield {
    n: [],
    covers: NUMBERS.filter(wins),
    label,
    face,
    ...cell(1 + at * 2, CHANCES_AT, 2, WIDTH - CHANCES_AT),
  };
}

function* kinds() {
  yield ["straight", straights()];
  yield ["split", splits()];
  yield ["street", streets()];
  yield ["corner", corners()];
  yield ["six_line", sixLines()];
  yield ["column", columns()];
  yield ["dozen", dozens()];
  for (const even of CHANCES) yield [even[0], chance(even)];
}

/** @type {Spot[]} All bets by code. */
export const SPOTS = [...kinds()]
  .flatMap(([kind, spots]) => [...spots].map((spot) => ({ kind, ...spot })))
  .map((spot, code) => ({ code, ...spot }));

const BY_NAME = new Map(SPOTS.map((spot) => [name(spot.kind, spot.n), spot.code]));

function name(kind, n) {
  return `${kind} ${[...n].sort((a, b) => a - b).join(",")}`;
}

/** The code of a bet as it stands on the wire; `undefined` when the layout has no such bet. */
export function codeOf({ kind, n }) {
  return BY_NAME.get(name(kind, n));
}
