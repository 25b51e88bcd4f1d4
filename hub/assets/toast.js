/**
 * Short messages that come and go. Errors interrupt a screen reader, the others wait their turn.
 */

import { h } from "./dom.js";

/** How long a message stays, milliseconds. */
const STAYS_MS = 4_500;
/** Most messages at a time; the oldest goes first. */
const SHOWN_MAX = 3;

const polite = h("div", { class: "toasts-lane", role: "status" });
const urgent = h("div", { class: "toasts-lane", role: "alert" });
const shelf = h("div", { class: "toasts", "data-testid": "toasts" }, polite, urgent);
document.body.append(shelf);

/**
 * Shows a message.
 * @param {string} text
 * @param {"error"|"info"|"win"} tone
 */
export function toast(text, tone = "info") {
  const lane = tone === "error" ? urgent : polite;
  const same = [...lane.children].find(
    (note) => note.textContent === text && !note.classList.contains("leaving"),
  );
  if (same !== undefined) same.remove();
  const note = h("div", { class: `toast ${tone}`, "data-testid": `toast-${tone}` }, text);
  note.addEventListener("click", () => leave(note));
  lane.append(note);
  while (lane.children.length > SHOWN_MAX) lane.firstElementChild.remove();
  setTimeout(() => leave(note), STAYS_MS);
}

function leave(note) {
  note.classList.add("leaving");
  setTimeout(() => note.remove(), 250);
}
