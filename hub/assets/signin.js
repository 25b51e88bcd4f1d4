/**
 * The sign-in form: a name in demo mode, a token of the operator otherwise.
 */

import { h } from "./dom.js";

const NAMES = [
  "Ada",
  "Blaise",
  "Carla",
  "Daniel",
  "Elena",
  "Felix",
  "Greta",
  "Hugo",
  "Iris",
  "Jonas",
  "Klara",
  "Leo",
  "Mira",
  "Nils",
  "Olga",
  "Pavel",
];

/**
 * @param {{demo: boolean, notice?: string, onToken: (session: {token: string, name: string}) => void}} options
 * @returns {HTMLElement}
 */
export function signIn({ demo, notice, onToken }) {
  const suggested = NAMES[Math.floor(Math.random() * NAMES.length)];
  const field = demo
    ? h("input", {
        id: "name",
        name: "name",
        value: suggested,
        maxlength: "24",
        autocomplete: "nickname",
        required: true,
        "data-testid": "name",
      })
    : h("input", {
        id: "token",
        name: "token",
        autocomplete: "off",
        spellcheck: "false",
        required: true,
        "data-testid": "token",
      });
  const problem = h("p", { class: "problem", role: "alert", "data-testid": "signin-problem" }, notice ?? "");
  const button = h(
    "button",
    { class: "primary", type: "submit", "data-testid": "signin" },
    demo ? "Take a seat" : "Sign in",
  );
  const submit = async (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === "") return;
    button.disabled = true;
    problem.textContent = "";
    try {
      onToken(demo ? { token: await demoToken(text), name: text } : { token: text, name: "" });
    } catch (error) {
      problem.textContent = error.message;
      button.disabled = false;
    }
  };
  return h(
    "section",
    { class: "door" },
    h("img", { src: "/icon.svg", alt: "", width: "72", height: "72" }),
    h("h1", {}, "Welcome to the Hub"),
    h(
      "p",
      { class: "lead" },
      demo
        ? "Play with demo money. Open a second tab to sit across from yourself."
        : "Sign in with the token your operator gave you.",
    ),
    h(
      "form",
      { class: "door-form", onsubmit: submit },
      h("label", { for: field.id }, demo ? "Your name" : "Token"),
      field,
      button,
      problem,
    ),
  );
}

/**
 * What is shown when the connection ended for a reason that a new token does not solve.
 * @param {{reason: string, onAgain: () => void}} options
 * @returns {HTMLElement}
 */
export function ended({ reason, onAgain }) {
  return h(
    "section",
    { class: "door" },
    h("img", { src: "/icon.svg", alt: "", width: "72", height: "72" }),
    h("h1", {}, "The connection has ended"),
    h("p", { class: "lead", "data-testid": "ended" }, `${reason} Bets that stand are kept.`),
    h(
      "div",
      { class: "door-form" },
      h("button", { class: "primary", type: "button", onclick: onAgain }, "Connect again"),
    ),
  );
}

async function demoToken(name) {
  const response = await fetch("/api/demo", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  }).catch(() => null);
  if (response === null) throw new Error("The hub cannot be reached just now.");
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? body.title ?? `The hub gave no token (HTTP ${response.status}).`);
  return body.token;
}
