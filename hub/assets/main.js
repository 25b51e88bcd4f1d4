/**
 * The page: signs in, keeps the connection, and shows the lobby or a table, as the address says.
 */

import { HubClient } from "/client/hub.js";
import { Break } from "./break.js";
import { h } from "./dom.js";
import { Lobby } from "./lobby.js";
import { pretty } from "./money.js";
import { PlayPanel } from "./play.js";
import { ended, signIn } from "./signin.js";
import { TablePage } from "./table.js";
import { levelled } from "./messages.js";
import { toast } from "./toast.js";
import { Wallet } from "./wallet.js";

const main = document.getElementById("main");
const header = {
  pill: document.getElementById("connection"),
  balance: document.getElementById("balance"),
  name: document.getElementById("who"),
  out: document.getElementById("sign-out"),
  rest: document.getElementById("break"),
};

const STATES = {
  connecting: "Connecting",
  online: "Online",
  waiting: "Reconnecting",
  closed: "Offline",
  idle: "",
};

let hub = null;
let page = null;
/** The hub's log, by the epoch of the personal channel. */
let log = null;
const wallet = new Wallet(drawBalance, (level, currency) => {
  const text = levelled(level, currency);
  if (text !== null) toast(text);
});
const panel = new PlayPanel({
  element: document.getElementById("play"),
  wallet,
  hub: () => hub,
  reload: readBalance,
  leave: () => header.out.click(),
});

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem("hub.session"));
  } catch {
    return null;
  }
}

async function info() {
  try {
    const response = await fetch("/api/info");
    return response.ok ? await response.json() : {};
  } catch {
    return {};
  }
}

async function door(notice) {
  leave();
  const { demo = false } = await info();
  show(
    signIn({
      demo,
      notice,
      onToken: (session) => {
        sessionStorage.setItem("hub.session", JSON.stringify(session));
        enter(session);
      },
    }),
  );
}

function enter({ token, name }) {
  header.name.textContent = name;
  header.out.hidden = false;
  header.rest.hidden = false;
  hub = new HubClient();
  hub.on("state", connection);
  hub.on("welcome", ({ personal }) => {
    if (log !== null && log !== personal.e) wallet.restart();
    log = personal.e;
    readBalance();
  });
  hub.on("resync", ({ channel }) => channel === hub.personal && readBalance());
  hub.on("publication", ({ channel, data }) => {
    if (channel !== hub.personal) return;
    if (data.ev === "balance") wallet.take(data);
    if (data.ev === "bet_settled") wallet.settled(data);
  });
  hub.on("drain", () => toast("The hub is restarting. Bets that stand are kept.", "info"));
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  hub.connect(`${scheme}://${location.host}/ws`, { token, client: "hub-page/0.1" }).catch(() => {}); // told by `state`
  route();
}

function leave() {
  page?.destroy?.();
  page = null;
  const old = hub;
  hub = null;
  old?.close();
  log = null;
  wallet.restart();
  document.title = "Hub";
  header.out.hidden = true;
  header.rest.hidden = true;
  header.name.textContent = "";
  header.pill.hidden = true;
}

async function readBalance() {
  try {
    await wallet.load(hub);
  } catch {
    // The next welcome reads again.
  }
}

function connection({ state, error }) {
  if (hub === null) return;
  header.pill.hidden = false;
  header.pill.textContent = STATES[state];
  header.pill.className = `connection ${state}`;
  if (state !== "closed") return;
  const reason = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
  if (error.retry === "authenticate") {
    sessionStorage.removeItem("hub.session");
    door(`${reason} Please sign in again.`);
  } else {
    leave();
    show(ended({ reason, onAgain: () => location.reload() }));
  }
}

function tableInAddress() {
  const match = /^#\/table\/([^/]+)$/.exec(location.hash);
  try {
    return match === null ? null : decodeURIComponent(match[1]);
  } catch {
    return null; // no table has such a name: the lobby shows those there are
  }
}

function route() {
  if (hub === null) return;
  page?.destroy?.();
  const table = tableInAddress();
  if (location.hash === "#/break") page = new Break({ hub, wallet });
  else if (table === null) page = new Lobby({ hub });
  else page = new TablePage({ hub, wallet, table, onGone: () => (location.hash = "#/") });
  document.body.classList.toggle("at-table", table !== null);
  document.title = `${table ?? (page instanceof Break ? "A break" : "Tables")} · Hub`;
  show(page.element);
  page.focus();
}

function show(element) {
  main.replaceChildren(element);
  window.scrollTo(0, 0);
}

function drawBalance() {
  panel.draw();
  const away = wallet.exclusion !== null;
  header.rest.classList.toggle("away", away);
  header.rest.replaceChildren(h("span", { class: "roomy" }, away ? "On a " : "Take a "), "break");
  header.balance.replaceChildren(
    ...[...wallet.balances].map(([currency, { available, held }]) =>
      h(
        "span",
        { class: `balance-chip ${wallet.level(currency)}`, title: levelled(wallet.level(currency), currency) ?? "", "data-testid": `balance-${currency}` },
        h(
          "span",
          { class: "amount" },
          h("span", { class: "label" }, "Available"),
          h("output", { "data-testid": "available" }, pretty(available)),
          h("span", { class: "currency" }, currency),
        ),
        h(
          "span",
          { class: "amount held" },
          h("span", { class: "label" }, "Held"),
          h("output", { "data-testid": "held" }, pretty(held)),
          h("span", { class: "currency" }, currency),
        ),
      ),
    ),
  );
}

header.out.addEventListener("click", () => {
  sessionStorage.removeItem("hub.session");
  location.hash = "#/";
  door();
});
addEventListener("hashchange", route);
addEventListener("online", () => hub?.probe());
document.addEventListener(
  "visibilitychange",
  () => document.visibilityState === "visible" && hub?.probe(),
);

const session = stored();
if (session === null) door();
else enter(session);
