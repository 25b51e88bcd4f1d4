/**
 * Continuity of one followed channel: epoch, offset, and what to do when they do not fit.
 *
 * Pure: it is told what arrived and answers what to deliver and whether to ask the hub again. Guarantees that
 * numbered publications are delivered in order, each once, and that a gap is never passed over in silence: it
 * is either filled from the hub's history or reported as lost.
 */

/** Publications kept while the answer to a subscription is on its way. */
export const WAITING_MAX = 1024;

export class Position {
  /** Epoch and offset of the last publication delivered; epoch `null` before the first answer. */
  epoch = null;
  offset = 0;
  /** Whether an answer to a subscription is awaited; numbered publications wait for it. */
  healing = true;
  /** Whether what was missed cannot be read, which was reported: whatever publication comes next is taken. */
  #adrift = false;
  #waiting = [];

  /** @param {string} channel */
  constructor(channel) {
    this.channel = channel;
  }

  /** The position to recover from, or `null` when there is none. */
  get since() {
    return this.epoch === null || this.#adrift ? null : { e: this.epoch, o: this.offset };
  }

  /**
   * Takes a publication as it arrived.
   * @param {{e?: string, o?: number, d: unknown}} pub
   * @returns {{deliver: Array<{o?: number, d: unknown}>, heal: boolean}}
   */
  publication(pub) {
    if (pub.o === undefined) return { deliver: [pub], heal: false };
    if (this.healing) {
      // The answer replaces anything that does not fit here: the hub's history has all of it.
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push(pub);
      return { deliver: [], heal: false };
    }
    return this.#drain([pub]);
  }

  /**
   * Takes the answer to a subscription (or a resumed channel of `welcome`).
   * @param {{e: string, o: number, recovered: boolean, pubs: Array<{o: number, d: unknown}>}} answer
   * @returns {{deliver: Array<{o?: number, d: unknown}>, heal: boolean, lost: boolean}} `lost`: publications are missing
   *   for good and the state must be loaded afresh, before `deliver`
   */
  subscribed(answer) {
    const began = this.epoch !== null && !this.#adrift;
    const recovered = answer.recovered && (!began || this.epoch === answer.e);
    const deliver = recovered ? answer.pubs.filter((pub) => pub.o > this.offset) : [];
    this.epoch = answer.e;
    // A view may be newer than the answer; an answer without recovery starts afresh in any case.
    this.offset = recovered ? Math.max(this.offset, answer.o) : answer.o;
    this.healing = false;
    this.#adrift = false;
    const waiting = this.#waiting.splice(0);
    const rest = this.#drain(waiting.filter((pub) => pub.e === this.epoch));
    return { deliver: [...deliver, ...rest.deliver], heal: rest.heal, lost: began && !recovered };
  }

  /**
   * The answer to a subscription cannot be read: what was missed is lost to this client, and the channel goes on from
   * whatever comes next.
   */
  unreadable() {
    this.healing = false;
    this.#adrift = true;
    return { ...this.#drain(this.#waiting.splice(0)), lost: true };
  }

  /** The connection is gone: what waited for an answer comes again with the next one. */
  interrupted() {
    this.healing = true;
    this.#waiting.length = 0;
  }

  /** The hub has reset the channel: positions start afresh here. */
  reset({ e, o }) {
    this.epoch = e;
    this.offset = o;
    this.healing = false;
    this.#adrift = false;
    this.#waiting.length = 0;
  }

  /**
   * A view of the channel's state was loaded that holds at a position: what it contains is not delivered again.
   * @returns {boolean} whether the hub must be asked to follow from there
   */
  adopt({ e, o }) {
    this.#adrift = false;
    if (this.epoch !== e) {
      this.epoch = e;
      this.offset = o;
      this.healing = true;
      return true;
    }
    this.offset = Math.max(this.offset, o);
    return false;
  }

  /** Whether the channel's newest position, as the hub's heartbeat tells it, has not arrived here. */
  behind(epoch, offset) {
    return !this.healing && !this.#adrift && (epoch !== this.epoch || offset > this.offset);
  }

  #drain(pubs) {
    const deliver = [];
    for (const pub of pubs) {
      if (this.#adrift) {
        this.epoch = pub.e;
        this.offset = pub.o - 1;
        this.#adrift = false;
      }
      if (pub.e === this.epoch && pub.o <= this.offset) continue;
      if (pub.e !== this.epoch || pub.o !== this.offset + 1) {
        this.healing = true;
        return { deliver, heal: true };
      }
      this.offset = pub.o;
      deliver.push(pub);
    }
    return { deliver, heal: false };
  }
}
