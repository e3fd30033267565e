// Runs every benchmark, one after the other, and tells at the end which missed a limit.
//   npm run bench [-- transport memory]
import { spawnSync } from "node:child_process";

// predictorStandardText makes files and does not belong here; typing against a model needs material from outside.
const names = [
  "predictor",
  "predictorService",
  "typing",
  "transport",
  "limiter",
  "hedging",
  "ladder",
  "prompt",
  "tools",
  "assistant",
  "memory",
  "residency",
  "advice",
  "speedFit",
  "activation",
  "footprint",
];

const argumentsOf: Readonly<Record<string, readonly string[]>> = { typing: ["--without-model"] };

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`There is no bench ${unknown.join(", ")}; there are ${names.join(", ")}`);

const missed = names
  .filter((name) => wanted.length === 0 || wanted.includes(name))
  .filter((name) => {
    console.log(`\n# ${name}`);
    const file = `${import.meta.dirname}/${name}.bench.ts`;
    return spawnSync(process.execPath, [file, ...(argumentsOf[name] ?? [])], { stdio: "inherit" }).status !== 0;
  });
console.log(missed.length === 0 ? "\nAll limits hold." : `\nMissed a limit, or failed: ${missed.join(", ")}`);
process.exitCode = missed.length === 0 ? 0 : 1;
