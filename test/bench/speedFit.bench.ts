// Fits the constants of speed predictions to the measured rows, and says how far off they are on GPUs they were not
// fitted to.
//   node test/bench/speedFit.bench.ts [--rows]
// Prints the fitted constants, the error with one GPU left out at a time, and with --rows every row of that. Exits with
// 1 when the error is above its limit or the constants in src/hardware/speed.ts are not the fitted ones.
import { parseArgs } from "node:util";
import { speedConstants, tokenSeconds, type SpeedConstants } from "../../src/hardware/speed.ts";
import { readSpeedRows, type SpeedRow } from "./speedRows.ts";

const { values: options } = parseArgs({ options: { rows: { type: "boolean", default: false } } });
const rows = await readSpeedRows();

/** What one would expect before looking: a row more or less must not move a constant far from it. */
const expected: SpeedConstants = {
  nvidia: 0.86,
  apple: 0.84,
  amd: 0.84,
  nvidiaLayerMs: 0.05,
  appleLayerMs: 0.1,
  amdLayerMs: 0.06,
  expertLayer: 2,
  stackedMemoryLayer: 3,
  newNvidia: 1,
  oldApple: 1.3,
  intel: 1.5,
};
const names = Object.keys(expected) as (keyof SpeedConstants)[];

const predicted = ({ facts, device, contextTokens }: SpeedRow, constants: SpeedConstants): number => {
  const { weights, cache, layers } = tokenSeconds(facts, device, contextTokens, constants);
  return 1 / (weights + cache + layers);
};

/** Absolute errors of the logarithm, so that a few odd rows count little, plus the distance from what was expected. */
const loss = (constants: SpeedConstants, among: readonly SpeedRow[]): number => {
  const errors = among.map((row) => Math.hypot(Math.log(predicted(row, constants) / row.tokensPerSecond), 0.02));
  const distances = names.map((name) => Math.log(constants[name] / expected[name]) ** 2);
  return [...errors, ...distances].reduce((sum, value) => sum + value, 0);
};

/** Coordinate descent: one constant at a time, in steps that get smaller. */
const fit = (among: readonly SpeedRow[]): SpeedConstants => {
  let best = expected;
  let bestLoss = loss(best, among);
  for (let step = 0.2; step > 0.0005; step /= 1.5) {
    for (let round = 0, better = true; better && round < 50; round++) {
      better = false;
      for (const name of names) {
        for (const factor of [1 + step, 1 / (1 + step)]) {
          const tried = { ...best, [name]: best[name] * factor };
          const triedLoss = loss(tried, among);
          if (triedLoss >= bestLoss - 1e-9) continue;
          [best, bestLoss, better] = [tried, triedLoss, true];
        }
      }
    }
  }
  return best;
};

const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low = 0, high = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
};
const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits));

const constants = fit(rows);
const left = [...new Set(rows.map(({ gpu }) => gpu))].flatMap((gpu) => {
  const others = fit(rows.filter((row) => row.gpu !== gpu));
  return rows
    .filter((row) => row.gpu === gpu)
    .map((row) => ({ row, ratio: predicted(row, others) / row.tokensPerSecond }));
});
if (options.rows) {
  for (const { row, ratio } of left.toSorted((a, b) => a.ratio - b.ratio)) {
    console.log(`${ratio.toFixed(2)}  ${row.gpu}  ${row.facts.name}`);
  }
}

const summary = (ratios: readonly number[]) => ({
  rows: ratios.length,
  median: rounded(
    quantile(
      ratios.map((ratio) => Math.abs(ratio - 1)),
      0.5,
    ),
  ),
  p90: rounded(
    quantile(
      ratios.map((ratio) => Math.abs(ratio - 1)),
      0.9,
    ),
  ),
  // What is shown reaches from predicted / 1.35 to predicted x 1.3.
  inRange: rounded(ratios.filter((ratio) => ratio <= 1.35 && ratio >= 1 / 1.3).length / ratios.length),
});
const all = summary(left.map(({ ratio }) => ratio));
console.log(JSON.stringify({ fitted: Object.fromEntries(names.map((name) => [name, rounded(constants[name])])) }));
console.log(JSON.stringify({ leftOut: all }));
for (const vendor of ["nvidia", "apple", "amd"]) {
  const of = left.filter(({ row }) => row.device.vendor === vendor);
  console.log(JSON.stringify({ [vendor]: summary(of.map(({ ratio }) => ratio)) }));
}
console.log(
  JSON.stringify({ fittedRows: summary(rows.map((row) => predicted(row, speedConstants) / row.tokensPerSecond)) }),
);
const moved = names.filter((name) => Math.abs(constants[name] / speedConstants[name] - 1) > 0.02);
if (moved.length > 0) console.log(`Not the constants of src/hardware/speed.ts: ${moved.join(", ")}`);
if (moved.length > 0 || all.median > 0.08 || all.p90 > 0.26 || all.inRange < 0.85) process.exitCode = 1;
