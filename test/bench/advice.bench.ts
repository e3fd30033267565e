// Measures how long advice takes once the facts are known, on every machine of the golden tables.
//   node test/bench/advice.bench.ts [--json]
// Exits with 1 when ranking all models for a purpose, or both tables, take 5 ms or more.
import { parseArgs } from "node:util";
import { adviceMarkdown, adviceRows } from "../../src/hardware/adviceTables.ts";
import { recommend } from "../../src/hardware/recommend.ts";
import { adviceDevices, adviceModels, english } from "./adviceCases.ts";

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const limitMs = 5;
const rounds = 40;

const round = (value: number): number => Number(value.toFixed(2));

/** The middle of several, and the first, which the compiler has not seen before: milliseconds. */
const measure = (run: () => void) => {
  const times = Array.from({ length: rounds }, () => {
    const startMs = performance.now();
    run();
    return performance.now() - startMs;
  });
  const sorted = times.toSorted((a, b) => a - b);
  return { firstMs: round(times[0]!), medianMs: round(sorted[rounds / 2]!), bestMs: round(sorted[0]!) };
};

const figures = Object.entries(adviceDevices).map(([name, device]) => ({
  name,
  completion: measure(() => void recommend("completion", { device })),
  chat: measure(() => void recommend("chat", { device })),
  tables: measure(() => void adviceMarkdown(adviceRows(adviceModels, device), device, english)),
}));

if (options.json) console.log(JSON.stringify(figures));
else {
  for (const { name, ...kinds } of figures) {
    const texts = Object.entries(kinds).map(
      ([kind, { firstMs, medianMs, bestMs }]) => `${kind} ${medianMs} ms (best ${bestMs}, first ${firstMs})`,
    );
    console.log(`${name}: ${texts.join(", ")}`);
  }
}
const slow = figures.filter((one) =>
  [one.completion, one.chat, one.tables].some(({ medianMs }) => medianMs >= limitMs),
);
if (slow.length > 0) {
  console.log(`Slower than ${limitMs} ms: ${slow.map(({ name }) => name).join(", ")}`);
  process.exitCode = 1;
}
