/**
 * The player's balances, and the exclusion from play that stands, as the hub tells them by events, receipts and reads; the one with the highest lsn is shown.
 *
 * While a wheel turns, what a round returned is kept back until the ball lies, so that the balance does not tell
 * the number before the wheel does.
 */

export class Wallet {
  /** @type {Map<string, {available: string, held: string, lsn: number}>} by currency */
  balances = new Map();
  /** @type {{kind: string, until?: number}|null} as of the last read */
  exclusion = null;
  #keptBack = null;
  #newest = 0;
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Takes a receipt or an event with a balance after it. */
  take({ lsn, currency, available, held }) {
    this.#newest = Math.max(this.#newest, lsn);
    if (lsn < (this.balances.get(currency)?.lsn ?? 0)) return;
    this.balances.set(currency, { available, held, lsn });
    this.#onChange();
  }

  /** Takes a settled round; kept back while a wheel turns. */
  settled(event) {
    if (this.#keptBack === null) this.take(event);
    else this.#keptBack.push(event);
  }

  /** A wheel begins to turn. */
  keepBack() {
    this.#keptBack ??= [];
  }

  /** The number is shown. */
  release() {
    const kept = this.#keptBack ?? [];
    this.#keptBack = null;
    for (const event of kept) this.take(event);
  }

  /** The hub has another log, for example after its data were removed: its lsns begin again. */
  restart() {
    this.balances.clear();
    this.exclusion = null;
    this.#newest = 0;
    if (this.#keptBack !== null) this.#keptBack = [];
    this.#onChange();
  }

  /**
   * Reads the balances afresh. What arrived while the answer was on its way is newer than it or the same.
   * @param {import("/client/hub.js").HubClient} hub
   */
  async load(hub) {
    const before = this.#newest;
    const { balances, exclusion } = await hub.request("get_balance");
    for (const { currency, available, held } of balances) {
      if ((this.balances.get(currency)?.lsn ?? 0) <= before)
        this.balances.set(currency, { available, held, lsn: before });
    }
    this.exclusion = exclusion ?? null;
    this.#onChange();
  }
}
