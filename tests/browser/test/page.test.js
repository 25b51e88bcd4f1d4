/** The page against the real hub, in headless Chromium. */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";

import { SPOTS } from "../../../hub/assets/layout.js";
import { toMinor } from "../../../hub/assets/money.js";
import { Cable } from "../support/cable.js";
import { Hub, TABLES } from "../support/hub.js";
import { openBrowser, Player } from "../support/player.js";

/** What a demo player is given, minor units. */
const DEPOSIT = 100_000n;

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

let tables = 0;

/** A table at which nobody has sat yet. */
function freeTable() {
  tables += 1;
  assert.ok(tables <= TABLES, "the hub of the tests needs more tables");
  return `table-${tables}`;
}

/** Runs a test with players who sit at one table, and ends them; the page must have had nothing to complain of. */
function withPlayers(names, options, body) {
  return async () => {
    const table = freeTable();
    const players = await both(names, () => Player.open(browser, hub.url, options));
    try {
      await both(players, (player, index) => player.sit(names[index], table));
      await body(...players);
      for (const player of players) assert.deepEqual(player.complaints, []);
    } finally {
      await both(players, (player) => player.close());
    }
  };
}

/** Runs a test with a player whose page hangs on a cable. */
function withCable(name, body) {
  return async () => {
    const cable = await Cable.lay(hub.port);
    const player = await Player.open(browser, cable.url);
    try {
      const table = freeTable();
      await player.sit(name, table);
      await body(player, cable, table);
    } finally {
      await player.close();
      cable.remove();
    }
  };
}

/** What a set of chips of one value returns when a number comes. */
function returned(names, chip, number) {
  return names.reduce((sum, name) => {
    const [kind, ...n] = name.split("-");
    const spot = SPOTS.find((each) => each.kind === kind && each.n.join("-") === n.join("-"));
    return spot.covers.includes(number) ? sum + (chip * 36n) / BigInt(spot.covers.length) : sum;
  }, 0n);
}

/** Does something with each, at the same time. */
function both(players, act) {
  return Promise.all(players.map(act));
}

test(
  "two players bet, one is killed and comes back, the round settles, and the balances are those of the log",
  withPlayers(["Ada", "Blaise"], {}, async (ada, blaise) => {
    const stakes = new Map([
      [ada, ["straight-17", "split-17-20", "red", "column-1"]],
      [blaise, ["corner-25-26-28-29", "six_line-1-2-3-4-5-6", "black", "dozen-2", "even"]],
    ]);
    await both([ada, blaise], (player) => player.expectBalance(DEPOSIT, 0n));
    const round = await ada.open();
    for (const player of [ada, blaise]) {
      await player.chip("1.00");
      for (const name of stakes.get(player)) await player.bet(name);
      const staked = BigInt(stakes.get(player).length) * 100n;
      await player.expectBalance(DEPOSIT - staked, staked);
    }
    await ada.spot("black").locator(".others").waitFor();
    await blaise.spot("straight-17").locator(".others").waitFor();
    await ada.shot("betting");
    const session = await blaise.session();
    await blaise.close();
    const back = await Player.open(browser, ada.page.url(), { session });
    stakes.set(back, stakes.get(blaise));
    stakes.delete(blaise);
    await back.page.goto(back.url);
    for (const name of stakes.get(back)) await back.accepted(name);
    await back.expectBalance(DEPOSIT - 500n, 500n);
    assert.equal(await ada.round(), round, "the bets of this test fit into one round");
    assert.equal(await back.round(), round);

    await ada.phase("locked", round);
    await ada.shot("spinning");
    const outcome = await ada.outcome(round);
    assert.equal(await back.outcome(round), outcome);
    for (const [player, names] of stakes) {
      await player.expectBalance(DEPOSIT - BigInt(names.length) * 100n + returned(names, 100n, outcome), 0n);
      await player.verdict(round, "verified");
    }
    await ada.shot("result");

    const proof = await hub.run("verify");
    assert.equal(proof.code, 0, proof.output);
    const shown = (await both([ada, back], (player) => player.balance())).reduce(
      (sum, { available }) => sum + available,
      0n,
    );
    const [, cash, held, accounts] = /^ +cash +([\d.]+) EUR +held +([\d.]+) +(\d+) account/m.exec(
      proof.output,
    );
    assert.deepEqual([toMinor(cash, 2), toMinor(held, 2), Number(accounts)], [shown, 0n, 2], proof.output);
    const check = await hub.run("verify-round", `table-1:${round}`);
    assert.equal(check.code, 0, check.output);
    assert.match(check.output, new RegExp(`outcome +${outcome}$`, "m"));
    assert.deepEqual(back.complaints, []);
    await back.close();
  }),
);

test(
  "a refused bet says why, leaves no chip and takes no money",
  withPlayers(["Carla"], {}, async (carla) => {
    await carla.open();
    await carla.chip("25.00");
    await carla.spot("straight-8").click();
    assert.match(await carla.toast("error", "Above the limit"), /at most 20\.00 EUR on a straight/);
    await carla.chip("0.50");
    await carla.spot("red").click();
    assert.match(await carla.toast("error", "Below the limit"), /at least 1\.00 EUR on red/);
    assert.deepEqual(await carla.chips(), {});
    await carla.expectBalance(DEPOSIT, 0n);
    await carla.shot("refused");
    await carla.phase("locked");
    await carla.spot("red").click({ force: true }); // it says that it is disabled, but answers
    await carla.toast("info", "Bets are closed");
  }),
);

test(
  "undo, double, clear and repeat do what they say",
  withPlayers(["Daniel"], {}, async (daniel) => {
    const { page } = daniel;
    const does = async (button, chips, held) => {
      await page.getByTestId(button).click();
      await daniel.expectBalance(DEPOSIT - held, held);
      await page.waitForFunction(() => document.querySelector(".chip.ghost") === null);
      assert.deepEqual(await daniel.chips(), chips);
    };
    await daniel.open();
    await daniel.chip("1.00");
    await daniel.bet("straight-5");
    await daniel.bet("red");
    await daniel.bet("dozen-1");
    await does("undo", { "straight-5": "1", red: "1" }, 200n);
    await does("double", { "straight-5": "2", red: "2" }, 400n);
    await does("clear", {}, 0n);
    await daniel.bet("even");
    const round = await daniel.round();
    await daniel.outcome(round);
    await daniel.phase("betting", round + 1);
    const { available } = await daniel.balance();
    await page.getByTestId("repeat").click();
    await daniel.accepted("even");
    await daniel.expectBalance(available - 100n, 100n);
  }),
);

test(
  "the whole layout can be bet on from the keyboard",
  withPlayers(["Elena"], {}, async (elena) => {
    const { page } = elena;
    await elena.open();
    await elena.spot("straight-0").focus();
    await page.keyboard.press("ArrowRight");
    const label = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    assert.match(label, /^split 0\/2|^trio/);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".spot:focus > .chip:not(.ghost)");
    const labels = await page.$$eval(".board button", (spots) =>
      spots.map((spot) => spot.getAttribute("aria-label").split(",")[0]),
    );
    assert.equal(new Set(labels).size, 157);
  }),
);

test(
  "a page that loses its connection comes back by itself, with its bets, while the round goes on",
  withCable("Felix", async (felix, cable) => {
    const round = await felix.open();
    await felix.chip("5.00");
    await felix.bet("straight-23");
    cable.pull();
    await felix.connection("waiting");
    await felix.shot("reconnecting");
    cable.plug();
    await felix.connection("online");
    await felix.phase("betting", round);
    assert.deepEqual(await felix.chips(), { "straight-23": "5" });
    const outcome = await felix.outcome(round);
    await felix.expectBalance(DEPOSIT - 500n + returned(["straight-23"], 500n, outcome), 0n);
    await felix.verdict(round, "verified");
  }),
);

test(
  "bets whose receipts are lost with the connection are placed exactly once",
  withCable("Greta", async (greta, cable, table) => {
    const names = ["straight-1", "straight-2", "straight-3"];
    const witness = await Player.open(browser, hub.url);
    try {
      await witness.sit("Witness", table);
      await greta.open();
      await greta.chip("1.00");
      cable.mute();
      for (const name of names) await greta.spot(name).click();
      for (const name of names) await witness.spot(name).locator(".others").waitFor();
      assert.equal(await greta.page.locator(".chip.ghost").count(), 3, "no receipt has come through");
      cable.pull();
      await greta.connection("waiting");
      cable.plug();
      await greta.connection("online");
      for (const name of names) await greta.accepted(name);
      await greta.page.waitForFunction(() => document.querySelector(".chip.ghost") === null);
      await greta.expectBalance(DEPOSIT - 300n, 300n);
      assert.deepEqual(await greta.chips(), { "straight-1": "1", "straight-2": "1", "straight-3": "1" });
    } finally {
      await witness.close();
    }
  }),
);

test(
  "a player takes a time-out on the page, and no bet is taken after it",
  withPlayers(["Tom"], {}, async (tom) => {
    const { page } = tom;
    await tom.open();
    const table = page.url();
    await page.getByTestId("break").click();
    await page.getByTestId("time_out-days").selectOption("7");
    await page.getByTestId("time_out").click();
    assert.equal(await page.getByTestId("break").textContent(), "Take a break", "the first press asks whether it is meant");
    await page.getByText("cannot be taken back").waitFor();
    await tom.shot("break");
    await page.getByTestId("time_out").click();
    await page.getByText("On a break").waitFor();
    assert.match(await page.getByTestId("standing").textContent(), /^You are on a time-out until /);
    await page.goto(table);
    await tom.open();
    await tom.chip("1.00");
    await tom.spot("red").click();
    await tom.toast("error", "You are on a break from play.");
    assert.deepEqual(await tom.chips(), {});
    // A shorter one is refused, and a self-exclusion is stricter.
    await page.getByTestId("break").click();
    await page.getByTestId("time_out-days").selectOption("1");
    await page.getByTestId("time_out").click();
    await page.getByTestId("time_out").click();
    await page.getByText("Your break stays as it is.").waitFor();
    await page.getByTestId("self_exclusion-days").selectOption("");
    await page.getByTestId("self_exclusion").click();
    await page.getByTestId("self_exclusion").click();
    await page.getByText("You are excluded from play for good.").waitFor();
    assert.equal(await page.getByTestId("time_out").count(), 0);
    assert.equal(await page.getByTestId("self_exclusion").count(), 0);
    await tom.shot("excluded");
  }),
);

test("after a time of play a player looks at it before betting on, also after a reload", async () => {
  const strict = await Hub.start("[play_sessions]\nreality_check_seconds = 6\n");
  const rita = await Player.open(browser, strict.url);
  try {
    const { page } = rita;
    await rita.sit("Rita", "table-1");
    await rita.open();
    assert.equal(await page.getByTestId("play").isVisible(), false, "nothing is played yet");
    await rita.chip("1.00");
    await rita.bet("red");
    await page.getByTestId("play").waitFor();
    assert.match(await page.getByTestId("elapsed").textContent(), /^0:00:\d\d$/);
    await rita.shot("playing");
    const dialog = page.getByTestId("reality-check");
    await dialog.waitFor();
    assert.match(await page.getByTestId("check-told").textContent(), /^You have played for 0:00:\d\d/);
    await page.keyboard.press("Escape");
    assert.ok(await dialog.isVisible(), "no key closes it");
    await page.reload();
    await dialog.waitFor();
    await rita.shot("reality-check");
    await page.getByTestId("check-break").click();
    await page.getByTestId("time_out").waitFor();
    await dialog.waitFor({ state: "hidden" });
    await page.goBack();
    await dialog.waitFor();
    await page.getByTestId("acknowledge").click();
    await dialog.waitFor({ state: "hidden" });
    assert.deepEqual(rita.complaints, []);
  } finally {
    await rita.close();
    await strict.remove();
  }
});

test(
  "a player sets a limit, is told at the table when it is reached, and a looser one waits",
  withPlayers(["Lena"], {}, async (lena) => {
    const { page } = lena;
    await lena.open();
    const table = page.url();
    await page.getByTestId("break").click();
    await page.getByTestId("limit-kind").selectOption("stake");
    await page.getByTestId("limit-period").selectOption("day");
    await page.getByTestId("limit-value").fill("1.50");
    await page.getByTestId("set-limit").click();
    const limit = page.getByTestId("limit-stake-day");
    await limit.getByText("0.00 EUR of 1.50 EUR used, 1.50 EUR left").waitFor();
    await lena.shot("limit");
    await page.goto(table);
    await lena.open();
    await lena.chip("1.00");
    await lena.bet("red");
    await lena.spot("black").click();
    await lena.toast("error", "Your limit of stakes a day is reached: 1.00 EUR of 1.50 EUR.");
    await page.getByTestId("break").click();
    await page.getByTestId("limit-kind").selectOption("stake");
    await page.getByTestId("limit-value").fill("9");
    await page.getByTestId("set-limit").click();
    await limit.getByText("You have asked for 9.00 EUR.").waitFor();
    assert.ok(await page.getByTestId("confirm-stake-day").isDisabled(), "it has not waited");
    await page.getByTestId("limit-value").fill("0");
    await page.getByTestId("set-limit").click();
    await page.getByText("above zero").waitFor();
    await page.getByTestId("limit-kind").selectOption("play_time");
    await page.getByTestId("limit-value").fill("90");
    await page.getByTestId("set-limit").click();
    await page.getByTestId("limit-play_time-day").getByText("0 min of 1 h 30 min used").waitFor();
    await lena.shot("limits");
  }),
);

test("a player whose browser dies comes back to the same balance and bets", async () => {
  const table = freeTable();
  const hugo = await Player.open(browser, hub.url);
  await hugo.sit("Hugo", table);
  const session = await hugo.session();
  await hugo.open();
  await hugo.chip("5.00");
  await hugo.bet("corner-1-2-4-5");
  await hugo.close();
  const again = await Player.open(browser, `${hub.url}/#/table/${table}`, { session });
  try {
    await again.page.goto(again.url);
    await again.accepted("corner-1-2-4-5");
    await again.expectBalance(DEPOSIT - 500n, 500n);
  } finally {
    await again.close();
  }
});

test(
  "a hub killed in the middle of a round is found again by both pages, and the round finishes",
  withPlayers(["Iris", "Jonas"], {}, async (iris, jonas) => {
    const players = [iris, jonas];
    const round = await iris.open();
    await both(players, (player) => player.chip("5.00"));
    await iris.bet("straight-7");
    await jonas.bet("high");
    await hub.end("SIGKILL");
    await both(players, (player) => player.connection("waiting"));
    await hub.serve();
    await both(players, (player) => player.connection("online"));
    const outcome = await iris.outcome(round);
    assert.equal(await jonas.outcome(round), outcome);
    await iris.expectBalance(DEPOSIT - 500n + returned(["straight-7"], 500n, outcome), 0n);
    await jonas.expectBalance(DEPOSIT - 500n + returned(["high"], 500n, outcome), 0n);
    await both(players, (player) => player.verdict(round, "verified"));
    assert.equal((await hub.run("verify")).code, 0);
  }),
);

for (const [name, width, height] of [
  ["phone", 360, 740],
  ["large phone", 430, 932],
  ["tablet", 820, 1180],
]) {
  test(
    `nothing sticks out on a ${name}, and a finger finds every spot`,
    withPlayers(["Klara"], { width, height, hasTouch: true, deviceScaleFactor: 2 }, async (klara) => {
      const { page } = klara;
      const fits = async () =>
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      await page.locator(".back").click();
      await page.getByTestId("lobby").waitFor();
      await klara.expectBalance(DEPOSIT, 0n);
      await klara.shot(`lobby-${width}`);
      await fits();
      await page.goBack();
      await klara.open();
      await klara.chip("1.00");
      await klara.spot("split-11-14").tap();
      await klara.accepted("split-11-14");
      await klara.shot(`at-${width}`, { fullPage: true });
      await fits();
      await page.locator(".fairness summary").click();
      await fits();
      const sizes = await page.$$eval(".board .spot", (spots) =>
        spots.map((spot) => {
          const { width: across, height: down } = spot.getBoundingClientRect();
          return Math.min(across, down);
        }),
      );
      assert.ok(Math.min(...sizes) >= 20, `the smallest spot is ${Math.min(...sizes)} pixels`);
    }),
  );
}

test(
  "the page says where it is, speaks the time, and survives an address that is none",
  withPlayers(["Ina"], {}, async (ina) => {
    const { page } = ina;
    assert.match(await page.title(), /^Salon .* · Hub$/);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
    await ina.open();
    assert.match(await page.getByTestId("spoken-time").textContent(), /^\d+ seconds to bet$/);
    await page.evaluate(() => (location.hash = "#/table/%zz"));
    await page.getByTestId("lobby").waitFor();
    assert.equal(await page.title(), "Tables · Hub");
  }),
);

test(
  "bets of one tab are seen in another tab of the same player",
  withPlayers(["Jana"], {}, async (jana) => {
    await jana.open();
    const other = await Player.open(browser, jana.page.url(), { session: await jana.session() });
    try {
      await other.page.goto(other.url);
      await other.open();
      await other.chip("1.00");
      await other.bet("straight-9");
      await jana.accepted("straight-9");
      assert.equal(await jana.page.getByTestId("undo").getAttribute("aria-disabled"), "true");
      await other.page.getByTestId("clear").click();
      await jana.page.waitForFunction(() => document.querySelector(".board .spot > .chip") === null);
      await jana.expectBalance(DEPOSIT, 0n);
    } finally {
      await other.close();
    }
  }),
);

test(
  "the fairness panel shows what it checked",
  withPlayers(["Leo"], {}, async (leo) => {
    const { page } = leo;
    const round = await leo.open();
    await leo.chip("1.00");
    await leo.bet("red");
    const shown = await page.getByTestId("fairness-now").textContent();
    await leo.verdict(round, "verified");
    await page.locator(".fairness summary").click();
    assert.equal(await page.getByTestId("fair-commit").textContent(), shown);
    for (const check of ["commit_seen", "commit_matches", "mix_seen", "share_mixed", "outcome_matches"]) {
      await page.locator(`[data-testid="check-${check}"].good`).waitFor();
    }
    await leo.shot("fairness", { fullPage: true });
  }),
);

test(
  "whoever wants less motion sees the number at once",
  withPlayers(["Nils"], { reducedMotion: "reduce" }, async (nils) => {
    const round = await nils.open();
    await nils.phase("settled", round);
    const number = await nils.page.getByTestId("wheel-centre").textContent();
    assert.match(number, /^\d+$/);
    assert.equal(await nils.outcome(round), Number(number));
  }),
);

test("a forged token is sent back to the door with a reason", async () => {
  const mallory = await Player.open(browser, hub.url, {
    session: JSON.stringify({ token: "eyJhbGciOiJub25lIn0.e30.", name: "Mallory" }),
  });
  try {
    await mallory.page.goto(mallory.url);
    await mallory.page.getByTestId("signin-problem").filter({ hasText: "sign in again" }).waitFor();
  } finally {
    await mallory.close();
  }
});

test("the page is served under a policy that lets in no foreign code", async () => {
  const response = await fetch(hub.url);
  const policy = response.headers.get("content-security-policy");
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"])
    assert.ok(policy.includes(part), policy);
  assert.ok(!/unsafe|https?:|\*/.test(policy), policy);
});

test(
  "a hub that is told to stop says so, and the page is back after its restart",
  withPlayers(["Mira"], {}, async (mira) => {
    await mira.open();
    await mira.chip("1.00");
    await mira.bet("low");
    const ended = hub.end("SIGTERM");
    await mira.toast("info", "restarting");
    assert.equal(await ended, 0);
    await hub.serve();
    await mira.connection("online");
    await mira.accepted("low");
  }),
);
