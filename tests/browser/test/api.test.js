/** The page that shows the API, in headless Chromium: offline, and under the strict policy. */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";

import { Hub } from "../support/hub.js";
import { openBrowser } from "../support/player.js";

let browser;
let hub;

before(async () => {
  mkdirSync(new URL("../out/", import.meta.url), { recursive: true });
  browser = await openBrowser();
  hub = await Hub.start();
});

after(async () => {
  await browser?.close();
  await hub?.remove();
});

test("the page shows every operation, loads nothing from elsewhere, and keeps to its policy", async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  page.setDefaultTimeout(45_000);
  const complaints = [];
  const foreign = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("request", (request) => {
    if (!request.url().startsWith(hub.url) && !request.url().startsWith("data:")) foreign.push(request.url());
  });
  await page.goto(`${hub.url}/api/docs`);
  await page.waitForSelector(".opblock");
  const document = await (await fetch(`${hub.url}/api/openapi.json`)).json();
  const described = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
  assert.equal(await page.locator(".opblock").count(), described);
  // One of them opened, with its fields and the form to try it.
  await page.locator("#operations-balance-changeBalance .opblock-summary-control").click();
  await page.getByRole("button", { name: "Try it out" }).click();
  await page.getByRole("button", { name: "Execute" }).waitFor();
  await page.screenshot({ path: new URL("../out/api.png", import.meta.url).pathname });
  assert.deepEqual(complaints, []);
  assert.deepEqual(foreign, []);
  await page.close();
});
