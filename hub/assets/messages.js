/**
 * The text that a refusal shows to a player at the table: it says what to do next.
 */

import { KINDS, PERIODS, amountOf, timeOf } from "./limit_words.js";
import { pretty } from "./money.js";

/**
 * @param {import("/client/hub.js").HubError} error
 * @param {{view?: object, kind?: string, joining?: boolean}} context the table and the kind of bet, where they are known;
 *   whether it was the table itself that was refused
 */
export function explain(error, { view, kind, joining = false } = {}) {
  const currency = view?.currency ?? "";
  const [min, max] = view?.limits[kind] ?? [];
  switch (error.reason) {
    case "above_limit":
      return max === undefined
        ? "Above the limit of this table."
        : `Above the limit: at most ${pretty(max)} ${currency} on ${article(kind)}, ${pretty(view.round_max)} ${currency} in a round.`;
    case "below_limit":
      return min === undefined
        ? "Below the limit of this table."
        : `Below the limit: at least ${pretty(min)} ${currency} on ${article(kind)}.`;
    case "bets_closed":
    case "wrong_round":
      return "Too late: no more bets in this round.";
    case "insufficient_funds":
      return "Your balance is too low for this bet.";
    case "balance_too_low":
      return "Your balance would fall below the least that has to stay.";
    case "balance_too_high":
      return "Your balance would rise above the most that is allowed.";
    case "too_precise":
      return `The stake has more decimals than ${currency || "the currency"}.`;
    case "no_bets":
      return "You have no bets to take back.";
    case "table_full":
      return joining ? "The table is full. Please choose another." : "The table is full for this round. You can watch.";
    case "table_closed":
      return "The table is closed. Open stakes are returned.";
    case "excluded":
      return "You are on a break from play.";
    case "reality_check_due":
      return "Please look first at how long you have played.";
    case "start_too_soon":
      return "A moment, please: the next round may not be begun yet.";
    case "exclusion_stands":
      return "Your break stays as it is.";
    case "bad_duration":
      return "The operator has other bounds for such a break. Please choose another.";
    case "limit_reached":
      return reached(error.reached);
    case "limit_change_waits":
      return "You have asked for a looser limit already. It can be confirmed when it has waited.";
    case "limit_change_early":
      return "It is too early to confirm that.";
    case "limit_change_late":
      return "It is too late to confirm that. Please ask for it again.";
    case "no_limit":
      return "There is no such limit, or nothing of it to confirm.";
    case "account_frozen":
      return "Your account is frozen.";
    case "busy":
    case "rate_limited":
      return "The hub is busy. Please try again in a moment.";
    case "closed":
    case "disconnected":
    case "timeout":
      return "The hub cannot be reached just now.";
    default:
      return sentence(error.message);
  }
}

/** Which limit it is, and when more is allowed. */
function reached(limit) {
  if (limit === undefined) return "A limit of yours is reached.";
  const { kind, period, currency, used, limit: allowed, frees_at } = limit;
  const title = `${(KINDS[kind] ?? kind).toLowerCase()} ${PERIODS[period] ?? period}`;
  return `Your limit of ${title} is reached: ${amountOf(used, currency)} of ${amountOf(allowed, currency)}. More from ${timeOf(frees_at)}.`;
}

/** What a balance is by the operator's thresholds; `null` when there is nothing to say. */
export function levelled(level, currency) {
  switch (level) {
    case "low":
      return `Your balance in ${currency} is low.`;
    case "critical_low":
      return `Your balance in ${currency} is very low.`;
    case "high":
      return `Your balance in ${currency} is high.`;
    case "critical_high":
      return `Your balance in ${currency} is very high.`;
    default:
      return null;
  }
}

function article(kind) {
  const name = kind.replace("_", " ");
  return /^(red|black|odd|even|low|high)$/.test(kind) ? name : `a ${name}`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
