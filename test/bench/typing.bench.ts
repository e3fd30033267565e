// Types real code in virtual time, against the typing yardstick's model server, and counts what the yardstick counts.
//   HOTPATH_SHARED=... node test/bench/typing.bench.ts [--profiles laptop,gpu] [--seeds 1,2] [--errors 69,18]
//     [--rate 0.12] [--chars 600] [--wire llamacpp] [--no-predictor] [--show] FILE:LINE [FILE:FIRST-LAST ...]
// The engine, its prompts and the predictor are the real ones; VS Code's debounce and redrawing are imitated, so single
// figures differ from a real window's, and hundreds of runs take minutes. Every run types all files, one after the
// other. Prints one JSON line for each run and one for all; --show also prints each text that vanished.
import fs from "node:fs";
import { parseArgs } from "node:util";
import { languageOf, replay, wireNames, type Hole } from "./typing/replay.ts";
import { vanishings } from "./typing/vanishings.ts";
import { loadYardstick, type Metrics } from "./typing/yardstick.ts";

const { values, positionals } = parseArgs({
  options: {
    profiles: { type: "string", default: "laptop,gpu" },
    seeds: { type: "string", default: "1,2" },
    errors: { type: "string", default: "69,18" },
    rate: { type: "string", default: "0.12" },
    chars: { type: "string", default: "600" },
    wire: { type: "string", default: "llamacpp" },
    "no-predictor": { type: "boolean", default: false },
    show: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const shared = process.env["HOTPATH_SHARED"];
if (shared === undefined || positionals.length === 0) {
  process.stderr.write("HOTPATH_SHARED must name the folder with bench/typing, and FILE:LINE what is typed\n");
  process.exit(2);
}

const wire = wireNames.find((name) => name === values.wire);
if (wire === undefined) {
  process.stderr.write(`--wire is one of ${wireNames.join(", ")}\n`);
  process.exit(2);
}

const holeOf = (argument: string): Hole => {
  const [, file = argument, first = "1", last] = /^(.*):(\d+)(?:-(\d+))?$/.exec(argument) ?? [];
  const text = fs.readFileSync(file, "utf8");
  const before = (line: number) => text.split("\n", line).reduce((sum, { length }) => sum + length + 1, 0);
  const start = before(Number(first) - 1);
  const end = last === undefined ? text.indexOf("\n", start + Number(values.chars)) : before(Number(last)) - 1;
  return { path: file, languageId: languageOf(file), text, start, end: end < 0 ? text.length : end };
};

const shown = ({ knowable, ...all }: Metrics): object => ({
  keys: all["keys"],
  knowable: knowable["pauses"],
  knowableShown: knowable["pauseShown"],
  p50: knowable["p50"],
  p75: knowable["p75"],
  p90: knowable["p90"],
  right: all["visibleShare"],
  wrong: all["wrongShare"],
  requests: all["requestsPer1000"],
  charged: all["chargedPer1000"],
  generated: all["generatedPer1000"],
  flickers: all["flickersPer1000"],
  vanishings: all["vanishPer1000"],
  reshaped: all["reshapePer1000"],
  wrongTexts: all["wrongPer1000"],
});

const yardstick = await loadYardstick(shared);
const holes = positionals.map(holeOf);
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const all = yardstick.zero();
for (const profile of values.profiles.split(",")) {
  for (const errorSeed of values.errors.split(",")) {
    for (const seed of values.seeds.split(",")) {
      const name = `${profile},errRate=${values.rate},seed=${errorSeed}`;
      const recordings = await replay({
        yardstick,
        holes,
        profile: name,
        seed: Number(seed),
        hasPredictor: !values["no-predictor"],
        wire,
      });
      const run = yardstick.zero();
      for (const recording of recordings) {
        const counts = yardstick.one(recording.f, recording);
        yardstick.add(run, counts);
        yardstick.add(all, counts);
        if (values.show) for (const vanished of vanishings(recording)) print(vanished);
      }
      print({ run: name, seed: Number(seed), ...shown(yardstick.metrics(run)) });
    }
  }
}
print({ run: "all", ...shown(yardstick.metrics(all)) });
