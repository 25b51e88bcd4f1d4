/**
 * The player's own stakes of one round, step by step: what is on its way, what the hub has accepted, what the
 * last round was, so that a step can be undone and a round repeated.
 *
 * Pure: it sends nothing and draws nothing. A step is one `place_bet`. A step on its way stays until its answer is
 * here, whatever views are loaded meanwhile; a view may contain it already, and then it is not counted twice.
 */

/**
 * @typedef {object} Step
 * @property {Array<{code: number, minor: bigint}>} items
 * @property {boolean} accepted whether the hub has accepted it
 * @property {boolean} [unknown] several steps, of which only the sum is known: it cannot be undone by steps
 * @property {boolean} [doubtful] on its way while a view was loaded that may contain it
 * @property {boolean} [answered] accepted, and doubtful: the next view decides
 * @property {Step[]} [parts] earlier steps that this one places again in one
 */

export class Stakes {
  /** @type {Step[]} */
  steps = [];
  /** The accepted stakes at the end of the last round with bets of the player, by code. */
  last = new Map();
  /** How much of what is on its way the views may contain already, by code. */
  #contained = new Map();

  /** Starts the next round; what stood is remembered for a repeat. */
  nextRound() {
    const stood = this.accepted();
    if (stood.size > 0) this.last = stood;
    this.#keep([]);
  }

  /**
   * Takes the stakes that the hub shows. Steps known before are kept where they add up to the same.
   * @returns {boolean} whether it is certain which steps on their way the view contains; otherwise load again once all
   *   answers are here
   */
  load(items) {
    const loaded = sums([{ items }]);
    const told = this.steps.filter((step) => step.accepted || step.answered).flatMap(settled);
    const waiting = this.steps.filter((step) => !step.accepted && !step.answered);
    if (same(sums(told), loaded)) {
      this.#keep([...told, ...waiting]);
    } else {
      const before = sums(told);
      const pending = sums(waiting);
      for (const step of waiting) step.doubtful = true;
      for (const [code, minor] of pending) {
        const more = (this.#contained.get(code) ?? 0n) + (loaded.get(code) ?? 0n) - (before.get(code) ?? 0n);
        this.#contained.set(code, more < 0n ? 0n : more < minor ? more : minor);
      }
      const base = items.length > 0 ? [{ items, accepted: true, unknown: true }] : [];
      this.#keep([...base, ...waiting]);
    }
    return !waiting.some((step) => step.doubtful);
  }

  /** Adds a step that is on its way. */
  begin(items, parts) {
    const step = { items, accepted: false, parts };
    this.steps.push(step);
    return step;
  }

  /** The hub accepted the step. Returns whether it is known to stand; if not, the view must be loaded. */
  accept(step) {
    const at = this.steps.indexOf(step);
    if (at < 0) return false;
    if (step.doubtful) {
      step.answered = true;
      return false;
    }
    this.steps.splice(at, 1, ...settled(step));
    return true;
  }

  /** Removes steps that were refused or taken back. */
  drop(steps) {
    this.#keep(this.steps.filter((step) => !steps.includes(step)));
  }

  /** Whether the last accepted step is known, so that it can be undone. */
  get undoable() {
    const last = this.steps.filter((step) => step.accepted).at(-1);
    return last !== undefined && last.unknown !== true;
  }

  /** The accepted steps without the last one: what an undo leaves. */
  beforeLast() {
    return this.steps.filter((step) => step.accepted).slice(0, -1);
  }

  /** Accepted stakes by code. */
  accepted() {
    return sums(this.steps.filter((step) => step.accepted));
  }

  /** Stakes on their way by code, without what a view contains already: such a code stands with 0. */
  pending() {
    const pending = sums(this.steps.filter((step) => !step.accepted));
    for (const [code, minor] of pending) {
      const contained = this.#contained.get(code) ?? 0n;
      pending.set(code, minor > contained ? minor - contained : 0n);
    }
    return pending;
  }

  /** Whether a step is on its way, or its answer must still be put together with the view. */
  get waiting() {
    return this.steps.some((step) => !step.accepted);
  }

  /** Sum of all stakes, accepted and on their way, minor units. */
  total() {
    return sum(this.accepted()) + sum(this.pending());
  }

  #keep(steps) {
    this.steps = steps;
    if (!steps.some((step) => step.doubtful)) this.#contained.clear();
  }
}

/** Stakes of several steps together, by code. */
export function sums(steps) {
  const byCode = new Map();
  for (const { code, minor } of steps.flatMap((step) => step.items))
    byCode.set(code, (byCode.get(code) ?? 0n) + minor);
  return byCode;
}

/** The sum of stakes by code, minor units. */
export function sum(byCode) {
  return [...byCode.values()].reduce((all, minor) => all + minor, 0n);
}

/** A step, or those that it placed again, as accepted. */
function settled(step) {
  return step.parts ?? [{ items: step.items, accepted: true, unknown: step.unknown }];
}

function same(a, b) {
  return a.size === b.size && [...a].every(([code, minor]) => b.get(code) === minor);
}
