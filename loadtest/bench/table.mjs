// Prints the rounds of fanout.sh as a table: medians with their range, and the hub's ratio to Bun round by round.
//
//   node table.mjs FOLDER     with files IN_FLIGHT-ROUND-SERVER.json

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { spread } from "./spread.mjs";

const names = { hub: "hub, HTTP", bun: "Bun, WebSocket", raw: "Bun, HTTP" };
const folder = process.argv[2];
const rounds = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  const [inFlight, round, server] = file.replace(".json", "").split("-");
  const key = `${inFlight}-${round}`;
  const result = JSON.parse(readFileSync(join(folder, file)));
  rounds.set(key, { ...rounds.get(key), inFlight: Number(inFlight), [server]: result });
}
const whole = [...rounds.values()].filter((round) => Object.keys(names).every((server) => round[server]));

console.log("| in flight | server | deliveries/s | CPU s per million | p50 ms | p99 ms | cores of others | lost | misplaced |");
console.log("|---:|---|---:|---:|---:|---:|---:|---:|---:|");
for (const inFlight of [16, 1]) {
  for (const [server, name] of Object.entries(names)) {
    const runs = whole.filter((round) => round.inFlight === inFlight).map((round) => round[server]);
    const cells = [
      inFlight,
      name,
      spread(runs.map((run) => run.per_second), 0),
      spread(runs.map((run) => run.processor_seconds_per_million), 3),
      spread(runs.map((run) => run.latency.p50_ms), 2),
      spread(runs.map((run) => run.latency.p99_ms), 2),
      spread(runs.map((run) => run.outside_cores), 2),
      runs.reduce((sum, run) => sum + run.lost, 0),
      runs.reduce((sum, run) => sum + run.misplaced, 0),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
console.log();
for (const inFlight of [16, 1]) {
  for (const peer of ["bun", "raw"]) {
    const cost = (run) => run.processor_seconds_per_million;
    const ratios = whole
      .filter((round) => round.inFlight === inFlight)
      .map((round) => cost(round.hub) / cost(round[peer]));
    console.log(
      `${inFlight} in flight: the hub's CPU per delivery is ${spread(ratios, 2)} times that of ${names[peer]}; ` +
        `median of ${ratios.length} rounds`,
    );
  }
}
