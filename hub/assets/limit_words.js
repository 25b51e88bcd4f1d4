/**
 * The words for limits of a player.
 */

import { pretty } from "./money.js";

export const KINDS = {
  deposit: "Deposits",
  loss: "Losses",
  stake: "Stakes",
  play_time: "Playing time",
};

export const PERIODS = { day: "a day", week: "a week", month: "a month" };

const MINUTE = 60_000;

/**
 * A value of a limit for people: money with its currency, time in hours and minutes.
 * @param {string|number} value text of money, or milliseconds
 * @param {string} [currency]
 */
export function amountOf(value, currency) {
  if (typeof value === "string") return `${pretty(value)} ${currency}`;
  const minutes = Math.floor(value / MINUTE);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}

/** A time for people, in the zone of this device. */
export function timeOf(ms) {
  return new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
