// Prints the runs of pairs.sh: of each figure the median and range of both builds, and the ratio pair by pair.
//
//   node pairs.mjs FOLDER     with files PAIR-SIDE.LOAD.json

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { spread } from "./spread.mjs";

const figures = [
  ["bets/s, 256 in flight", "crowd", (run) => run.accepted_per_second, 0],
  ["ms, one bet alone, median", "alone", (run) => run.bet_answered.p50_ms, 3],
  ["ms, p50 at 10,000/s", "rate", (run) => run.bet_answered.p50_ms, 2],
  ["ms, p99 at 10,000/s", "rate", (run) => run.bet_answered.p99_ms, 2],
  ["deliveries/s of the fan-out", "fanout", (run) => run.per_second, 0],
  ["CPU s per million deliveries", "fanout", (run) => run.processor_seconds_per_million, 3],
];

const folder = process.argv[2];
const runs = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
  runs.set(file.replace(".json", ""), JSON.parse(readFileSync(join(folder, file))));
}
const pairs = new Set([...runs.keys()].map((name) => name.split("-")[0]));

console.log("| figure | old | new | new ÷ old, pair by pair |");
console.log("|---|---|---|---|");
for (const [name, load, figure, digits] of figures) {
  const of = (pair, side) => runs.get(`${pair}-${side}.${load}`);
  const whole = [...pairs].filter((pair) => of(pair, "old") && of(pair, "new"));
  const old = whole.map((pair) => figure(of(pair, "old")));
  const now = whole.map((pair) => figure(of(pair, "new")));
  const ratios = whole.map((_, at) => now[at] / old[at]);
  console.log(`| ${name} | ${spread(old, digits)} | ${spread(now, digits)} | ${spread(ratios, 3)} |`);
}
console.log(`\n${pairs.size} pairs; the median, and the range in brackets`);
