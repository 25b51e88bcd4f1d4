/**
 * The player's own stakes of one round, step by step: what is on its way, what the hub has accepted, what the
 * last round was, so that a step can be undone and a round repeated.
 *
 * Pure: it sends nothing and draws nothing. A step is one `place_bet`.
 */

/**
 * @typedef {object} Step
 * @property {Array<{code: number, minor: bigint}>} items
 * @property {boolean} accepted whether the hub has said so
 * @property {Step[]} [parts] earlier steps that this one places again in one
 */

export class Stakes {
  /** @type {Step[]} */
  steps = [];
  /** What stood accepted when the last round with bets of the player ended, by code. */
  last = new Map();

  /** Starts the next round; what stood is remembered for a repeat. */
  nextRound() {
    const stood = this.accepted();
    if (stood.size > 0) this.last = stood;
    this.steps = [];
  }

  /** Replaces everything by what the hub says stands. */
  load(items) {
    this.steps = items.length > 0 ? [{ items, accepted: true }] : [];
  }

  /** Adds a step that is on its way. */
  begin(items, parts) {
    const step = { items, accepted: false, parts };
    this.steps.push(step);
    return step;
  }

  /** The hub accepted the step. Returns whether it was still waited for here. */
  accept(step) {
    const at = this.steps.indexOf(step);
    if (at < 0) return false;
    this.steps.splice(at, 1, ...(step.parts ?? [{ ...step, accepted: true }]));
    return true;
  }

  /** The step came to nothing. */
  drop(step) {
    this.steps = this.steps.filter((other) => other !== step);
  }

  clear() {
    this.steps = [];
  }

  /** The accepted steps without the last one: what an undo leaves. */
  beforeLast() {
    return this.steps.filter((step) => step.accepted).slice(0, -1);
  }

  /** Accepted stakes by code. */
  accepted() {
    return sums(this.steps.filter((step) => step.accepted));
  }

  /** Stakes on their way by code. */
  pending() {
    return sums(this.steps.filter((step) => !step.accepted));
  }

  /** Whether a step is on its way. */
  get waiting() {
    return this.steps.some((step) => !step.accepted);
  }

  /** Sum of all stakes, accepted and on their way, minor units. */
  total() {
    return this.steps.flatMap((step) => step.items).reduce((sum, item) => sum + item.minor, 0n);
  }
}

/** Stakes of several steps together, by code. */
export function sums(steps) {
  const byCode = new Map();
  for (const { code, minor } of steps.flatMap((step) => step.items))
    byCode.set(code, (byCode.get(code) ?? 0n) + minor);
  return byCode;
}
