/**
 * A person at the page, in a browser context of their own.
 */

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the system's Chromium. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
  });
}

export class Player {
  /** What the page said on its console and what it threw: a test wants this empty but for lost connections. */
  complaints = [];

  /** @param {import("playwright-core").Browser} browser */
  static async open(browser, url, { width = 1280, height = 880, session, ...more } = {}) {
    const player = new Player();
    player.url = url;
    player.context = await browser.newContext({ viewport: { width, height }, ...more });
    player.page = await player.context.newPage();
    player.page.setDefaultTimeout(45_000);
    if (session !== undefined)
      await player.page.addInitScript((kept) => sessionStorage.setItem("hub.session", kept), session);
    player.page.on("pageerror", (error) => player.complaints.push(String(error)));
    player.page.on("console", (message) => {
      // The browser itself reports every connection that fails, which is what some tests are about.
      if (message.type() === "error" && !/WebSocket connection|ERR_/.test(message.text()))
        player.complaints.push(message.text());
    });
    return player;
  }

  /** Signs in under a name and sits down at a table. */
  async sit(name, table) {
    await this.page.goto(this.url);
    await this.page.getByTestId("name").fill(name);
    await this.page.getByTestId("signin").click();
    await this.page.getByTestId(`table-${table}`).click();
    await this.page.waitForSelector('[data-testid="table-page"][data-round]:not([data-phase="away"])');
  }

  /** What the tab keeps: the same person, when it is put into another tab. */
  session() {
    return this.page.evaluate(() => sessionStorage.getItem("hub.session"));
  }

  get #table() {
    return this.page.getByTestId("table-page");
  }

  async round() {
    return Number(await this.#table.getAttribute("data-round"));
  }

  /** Waits for a phase, of a certain round when one is given. */
  async phase(phase, round) {
    const which = round === undefined ? "" : `[data-round="${round}"]`;
    await this.page.waitForSelector(`[data-testid="table-page"][data-phase="${phase}"]${which}`);
  }

  /** Waits until bets are taken, and tells the round's number. */
  async open() {
    await this.phase("betting");
    return this.round();
  }

  chip(value) {
    return this.page.getByTestId(`chip-${value}`).click();
  }

  spot(name) {
    return this.page.getByTestId(`spot-${name}`);
  }

  /** Bets a chip on a spot and waits until the hub has accepted it. */
  async bet(name) {
    await this.spot(name).click();
    await this.accepted(name);
  }

  /** Waits for an own chip on a spot that is no ghost any more. */
  accepted(name) {
    return this.spot(name).locator(".chip:not(.ghost)").waitFor();
  }

  /** Faces of the own chips by spot. */
  chips() {
    return this.page.$$eval(".board .spot:has(> .chip)", (spots) =>
      Object.fromEntries(
        spots.map((spot) => [
          spot.dataset.testid.replace("spot-", ""),
          spot.querySelector(".chip").textContent,
        ]),
      ),
    );
  }

  /** Available and held balance in minor units. */
  async balance() {
    const read = async (name) =>
      BigInt((await this.page.getByTestId(name).textContent()).replace(/[^0-9]/g, ""));
    return { available: await read("available"), held: await read("held") };
  }

  /** Waits until the balance is what it should be. */
  async expectBalance(available, held) {
    await this.page
      .waitForFunction(
        ([a, b]) =>
          ["available", "held"]
            .map((name) =>
              document
                .querySelector(`[data-testid="${name}"]`)
                ?.textContent.replace(/[^0-9]/g, "")
                .replace(/^0+(?=\d)/, ""),
            )
            .join() === `${a},${b}`,
        [String(available), String(held)],
      )
      .catch(async (error) => {
        const { available: a, held: b } = await this.balance();
        throw new Error(`the page shows ${a} available and ${b} held, not ${available} and ${held}`, {
          cause: error,
        });
      });
  }

  /** Waits until the wheel has shown a round's number, and tells it. */
  async outcome(round) {
    const pill = this.page.locator(`[data-testid="history"] [data-round="${round}"]`);
    await pill.waitFor();
    return Number(await pill.textContent());
  }

  async connection(state) {
    await this.page.waitForSelector(`[data-testid="connection"].${state}`);
  }

  /** Waits for a message and tells it. */
  async toast(tone, text) {
    const note = this.page.getByTestId(`toast-${tone}`).filter({ hasText: text });
    await note.first().waitFor();
    return note.first().textContent();
  }

  /** Waits for the verdict on a round in the fairness panel. */
  async verdict(round, verdict) {
    await this.page
      .getByTestId("fairness-verdict")
      .filter({ hasText: `round ${round}: ${verdict}` })
      .waitFor();
  }

  shot(name, options = {}) {
    return this.page.screenshot({
      path: new URL(`../out/${name}.png`, import.meta.url).pathname,
      ...options,
    });
  }

  close() {
    return this.context.close();
  }
}
