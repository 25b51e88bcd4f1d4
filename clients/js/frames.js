/**
 * Checks the members of the hub's frames that the client itself needs: a frame in which one of them has a wrong type
 * cannot be read. All other members are left to the receiver of the frame, so that a later hub can add some.
 */

const text = (value) => typeof value === "string";
const number = (value) => typeof value === "number";
const map = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const list = (item) => (value) => Array.isArray(value) && value.every(item);
const optional = (is) => (value) => value === undefined || value === null || is(value);
const shaped = (shape) => (value) => map(value) && flawIn(value, shape) === undefined;

const POSITION = { e: text, o: number };
const FOLLOWED = { ch: text, ...POSITION, pubs: list(shaped({ o: number })) };

/** By `t`; a frame of another kind has nothing that the client needs. */
const SHAPES = {
  welcome: {
    player: text,
    time: number,
    ping_every_ms: number,
    personal: shaped(FOLLOWED),
    // One that cannot be read is as good as one that is absent: it is subscribed to.
    resumed: Array.isArray,
  },
  pong: { time: number, tops: map },
  subscribed: FOLLOWED,
  joined: { view: shaped(POSITION) },
  outcome: { outcome: map },
  error: { code: optional(number), retry_after_ms: optional(number) },
  pub: { ch: text, e: optional(text), o: optional(number) },
  reset: { ch: text, ...POSITION },
  drain: { reconnect_after_ms: number },
};

/**
 * What is wrong with a frame, for people; `undefined` when it can be read.
 * @param {Record<string, any> & {t: string}} frame
 * @returns {string | undefined}
 */
export function flawOf(frame) {
  const shape = Object.hasOwn(SHAPES, frame.t) ? SHAPES[frame.t] : {};
  const member = flawIn(frame, shape);
  return member === undefined ? undefined : `the member ${member} of a frame ${frame.t} cannot be read`;
}

/** Those of a welcome's resumed channels that can be read. */
export function readableOf(resumed) {
  return resumed.filter(shaped(FOLLOWED));
}

function flawIn(value, shape) {
  return Object.keys(shape).find((member) => !shape[member](value[member]));
}
