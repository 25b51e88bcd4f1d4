/**
 * The fairness panel: recomputes rounds in the browser, and says what that proves.
 *
 * What this page was shown itself (the commitment while bets were taken, the mix at the lock) and the text it gave are
 * kept in the session's storage, so that a reload does not forget it.
 */

import { checkRound } from "/client/fair.js";
import { h } from "./dom.js";
import { colour } from "./layout.js";

/** Rounds remembered for each table. */
const REMEMBERED_MAX = 60;

const VERDICTS = {
  verified: [
    "Verified",
    "This browser recomputed the round: the number follows from what was committed to before bets closed.",
  ],
  unseen: [
    "Recomputed",
    "The number follows from the seed and the seed from the commitment. This page was not here while bets were taken, so it cannot say that the commitment was already shown then.",
  ],
  failed: [
    "Does not add up",
    "The published values do not lead to the published number. Keep this page and tell the operator.",
  ],
  void: ["Void", "The round was void, nothing was drawn."],
};

const CHECKS = {
  commit_seen: "Commitment shown before bets closed is the one revealed",
  commit_matches: "SHA-256 of the seed is the commitment",
  mix_seen: "Players’ mix announced at the lock is the one used",
  share_mixed: "Your text alone makes up the mix (known when nobody else bets)",
  outcome_matches: "HMAC stream of seed, mix and round gives the number",
};

/** What this page was shown of the rounds of a table. */
export class Seen {
  #table;
  #key = null;
  #rounds = new Map();

  constructor(table) {
    this.#table = table;
  }

  /** Selects the log and the player: in another log, or of another player, the same round numbers are other rounds. */
  open(epoch, player) {
    const key = `hub.seen.${this.#table}.${epoch}.${player}`;
    if (key === this.#key) return;
    this.#key = key;
    try {
      this.#rounds = new Map(JSON.parse(sessionStorage.getItem(this.#key) ?? "[]"));
    } catch {
      this.#rounds = new Map();
    }
  }

  /** Remembers a value the first time it is shown; what comes later cannot replace it. */
  note(round, values) {
    this.#rounds.set(round, { ...values, ...this.#rounds.get(round) });
    for (const old of [...this.#rounds.keys()].slice(0, -REMEMBERED_MAX)) this.#rounds.delete(old);
    sessionStorage.setItem(this.#key, JSON.stringify([...this.#rounds]));
  }

  of(round) {
    return this.#rounds.get(round) ?? {};
  }
}

/** What a verdict does not cover: the mix is only as good as what this page saw of it. */
function unseen({ verdict, checks }) {
  const open = (check) => checks.find(({ name }) => name === check)?.ok === null;
  if (verdict !== "verified" && verdict !== "unseen") return null;
  const parts = [
    open("mix_seen") && "This page did not see the mix announced at the lock: it cannot say that it was not exchanged later.",
    open("share_mixed") && "Whether your text is in the mix cannot be said: others gave texts too, or you gave none here.",
  ].filter(Boolean);
  return parts.length === 0 ? null : h("p", { class: "hint", "data-testid": "fair-unseen" }, parts.join(" "));
}

export class FairnessPanel {
  #hub;
  #table;
  #seen;
  #summary;
  #body;
  #now;

  /** @param {{hub: import("/client/hub.js").HubClient, table: string, seen: Seen, share: string, onShare: (text: string) => void}} options */
  constructor({ hub, table, seen, share, onShare }) {
    this.#hub = hub;
    this.#table = table;
    this.#seen = seen;
    this.#summary = h("span", { class: "verdict", "data-testid": "fairness-verdict" }, "no round yet");
    this.#body = h("div", { class: "fair-round" });
    this.#now = h("code", { class: "hash", "data-testid": "fairness-now" }, "—");
    const input = h("input", {
      type: "text",
      id: "share",
      maxlength: "64",
      value: share,
      placeholder: "a fresh random text each round",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => onShare(input.value),
    });
    this.element = h(
      "details",
      { class: "fairness", "data-testid": "fairness" },
      h(
        "summary",
        {},
        h("span", { class: "shield", "aria-hidden": "true" }),
        h("span", {}, "Fairness"),
        this.#summary,
      ),
      this.#body,
      h(
        "dl",
        { class: "fair-now" },
        h("dt", {}, "Commitment of the round now open"),
        h("dd", {}, this.#now),
        h("dt", {}, h("label", { for: "share" }, "Your text for the next draws")),
        h("dd", {}, input),
      ),
    );
  }

  /** The commitment of the round that takes bets. */
  open(commit) {
    this.#now.textContent = commit ?? "—";
  }

  /** Checks a round that is over and shows it. */
  show(past) {
    const result = checkRound(
      { table: this.#table, ...past },
      { ...this.#seen.of(past.round), player: this.#hub.player },
    );
    const [title, meaning] = VERDICTS[result.verdict];
    this.#summary.textContent = `round ${past.round}: ${title.toLowerCase()}`;
    this.#summary.className = `verdict ${result.verdict}`;
    const mark = (ok) => (ok === null ? "–" : ok ? "✓" : "✗");
    const tone = (ok) => (ok === null ? "open" : ok ? "good" : "bad");
    const value = (term, text, id) => [
      h("dt", {}, term),
      h("dd", {}, h("code", { class: "hash", "data-testid": id }, text ?? "—")),
    ];
    this.#body.replaceChildren(
      h(
        "p",
        { class: `meaning ${result.verdict}` },
        h("strong", {}, `Round ${past.round}: ${title}. `),
        meaning,
      ),
      ...[unseen(result)].filter(Boolean),
      h(
        "ul",
        { class: "checks" },
        ...result.checks.map(({ name, ok }) =>
          h(
            "li",
            { class: tone(ok), "data-testid": `check-${name}` },
            h("span", { class: "mark" }, mark(ok)),
            CHECKS[name],
          ),
        ),
      ),
      h(
        "dl",
        {},
        h("dt", {}, "Number"),
        h(
          "dd",
          {},
          past.outcome === undefined
            ? "—"
            : h("span", { class: `pill ${colour(past.outcome)}` }, String(past.outcome)),
          result.number === null ? "" : ` recomputed here: ${result.number}`,
        ),
        ...value("Commitment", past.commit, "fair-commit"),
        ...value("Seed", past.seed, "fair-seed"),
        ...value("Players’ mix", past.mix, "fair-mix"),
      ),
      h(
        "p",
        { class: "hint" },
        "Check it elsewhere: ",
        h("code", {}, `hub verify-round ${this.#table}:${past.round}`),
      ),
    );
    return result.verdict;
  }
}
