/**
 * The player's balances, the limits, the exclusion from play that stands, and the play session, as the hub tells them by events, receipts
 * and reads; those with the highest lsn are shown.
 *
 * While a wheel turns, what a round returned is kept back until the ball lies, so that the balance does not tell
 * the number before the wheel does.
 */

/** Whether a balance is worth a message: one that is on its way back to normal is not. */
function isWorse(level, before) {
  return level !== "normal" && level !== before && before !== `critical_${level}`;
}

export class Wallet {
  /** @type {Map<string, {available: string, held: string, lsn: number}>} by currency */
  balances = new Map();
  /** @type {{kind: string, until?: number}|null} as of the last read */
  exclusion = null;
  /** @type {{since: number, ends: number, check?: number, start?: number, positions: object[]}|null} the one that goes on */
  play = null;
  #playLsn = 0;
  /** @type {Map<string, {level: string, lsn: number}>} what balances are by the operator's thresholds, by currency */
  #levels = new Map();
  /** @type {object[]} the limits as of the last read, as `get_balance` tells them */
  limits = [];
  #keptBack = null;
  #newest = 0;
  #onChange;
  #onLevel;

  /**
   * @param {() => void} onChange
   * @param {(level: string, currency: string) => void} onLevel a balance has crossed a threshold of the operator
   */
  constructor(onChange, onLevel = () => {}) {
    this.#onChange = onChange;
    this.#onLevel = onLevel;
  }

  /** Takes a receipt or an event with a balance after it. */
  take({ lsn, currency, available, held, play, level }) {
    this.#newest = Math.max(this.#newest, lsn);
    if (play !== undefined) this.#takePlay(play, lsn);
    // An event says it when it has changed: also one that comes behind a receipt with a newer balance.
    if (level !== undefined) this.#takeLevel(level, currency, lsn);
    if (lsn >= (this.balances.get(currency)?.lsn ?? 0)) this.balances.set(currency, { available, held, lsn });
    this.#onChange();
  }

  /** What a balance is by the operator's thresholds. */
  level(currency) {
    return this.#levels.get(currency)?.level ?? "normal";
  }

  #takeLevel(level, currency, lsn) {
    const known = this.#levels.get(currency);
    if (lsn < (known?.lsn ?? 0)) return;
    this.#levels.set(currency, { level, lsn });
    if (isWorse(level, known?.level ?? "normal")) this.#onLevel(level, currency);
  }

  /** A play session as an event tells it. An event that was kept back knows of no acknowledgement after it. */
  #takePlay(play, lsn) {
    if (lsn < this.#playLsn) return;
    const known = this.play?.since === play.since ? this.play.check : undefined;
    const check = play.check === undefined ? undefined : Math.max(play.check, known ?? 0);
    [this.play, this.#playLsn] = [{ ...play, check }, lsn];
  }

  /** A play session as a read tells it. While a wheel turns, not what came of the round. */
  #readPlay(play, lsn) {
    if (lsn < this.#playLsn) return;
    if (this.#keptBack === null || play === null) {
      [this.play, this.#playLsn] = [play, lsn];
    } else {
      const positions = this.play?.since === play.since ? this.play.positions : [];
      this.play = { ...play, positions };
    }
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
    this.#levels.clear();
    this.exclusion = null;
    [this.play, this.#playLsn] = [null, 0];
    this.limits = [];
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
    const { lsn = 0, balances, exclusion, play, limits } = await hub.request("get_balance");
    for (const { currency, available, held, level = "normal" } of balances) {
      if ((this.balances.get(currency)?.lsn ?? 0) <= before)
        this.balances.set(currency, { available, held, lsn: before });
      if (lsn >= (this.#levels.get(currency)?.lsn ?? 0)) this.#levels.set(currency, { level, lsn });
    }
    this.exclusion = exclusion ?? null;
    this.#readPlay(play ?? null, lsn);
    this.limits = limits ?? [];
    this.#onChange();
  }
}
