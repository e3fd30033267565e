// Types real code in virtual time and counts what the typing yardstick counts: what a typist sees, with the predictor
// alone or with the yardstick's model server beside it.
//   node test/bench/typing.bench.ts --without-model [--confidence balanced] FILE[:LINE[-LAST]] ...
//   HOTPATH_SHARED=... node test/bench/typing.bench.ts [--profiles laptop,gpu] [--errors 69,18] [--rate 0.12]
//     [--wire llamacpp] [--confidence balanced | --no-predictor] FILE[:LINE[-LAST]] ...
// Both: [--seeds 1,2] [--chars 600] [--show] [--pauses] [--json], and in the place of files --sample 14 FOLDER EXTENSION
// [FOLDER EXTENSION ...], or nothing at all for a sample of Hotpath's own source.
// From each file so many characters are cut out at the line, or a third into the file, and typed again. Files given by
// name are one workspace, and the predictor knows all of them; each sampled file is one of its own. The engine, its
// prompts and the predictor are the real ones; VS Code's debounce and redrawing are imitated. --show prints each right
// text that vanished, --pauses each pause. With HOTPATH_SHARED set the yardstick counts, too, and has to agree.
import path from "node:path";
import { parseArgs } from "node:util";
import { confidenceNames } from "../../src/predictor/predictorMessages.ts";
import { count, type Counted } from "./typing/counting.ts";
import { figures, kindShares, kindsOf, sums } from "./typing/figures.ts";
import { holeAt, sampledHoles, type Hole } from "./typing/holes.ts";
import { wireNames } from "./typing/oracleProvider.ts";
import { replay, type ReplayModel } from "./typing/replay.ts";
import { loadYardstick, type Counts, type Metrics } from "./typing/yardstick.ts";

const { values, positionals } = parseArgs({
  options: {
    "without-model": { type: "boolean", default: false },
    "no-predictor": { type: "boolean", default: false },
    confidence: { type: "string", default: "balanced" },
    profiles: { type: "string", default: "laptop,gpu" },
    seeds: { type: "string" },
    errors: { type: "string", default: "69,18" },
    rate: { type: "string", default: "0.12" },
    chars: { type: "string", default: "600" },
    wire: { type: "string", default: "llamacpp" },
    sample: { type: "string" },
    show: { type: "boolean", default: false },
    pauses: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const refuse = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(2);
};
const oneOf = <Name extends string>(option: string, names: readonly Name[], value: string): Name =>
  names.find((name) => name === value) ?? refuse(`--${option} is one of ${names.join(", ")}`);

const wire = oneOf("wire", wireNames, values.wire);
const confidence = values["no-predictor"] ? undefined : oneOf("confidence", confidenceNames, values.confidence);
const leastUnits = Number(values.chars);
const seeds = (values.seeds ?? (values["without-model"] ? "1" : "1,2")).split(",").map(Number);
const shared = process.env["HOTPATH_SHARED"];
const yardstick = shared === undefined ? undefined : await loadYardstick(shared);

/** What is typed: the holes of each workspace, in groups that get a row of their own. */
type Group = { readonly name: string; readonly workspaces: readonly (readonly Hole[])[] };

const ownSource = path.join(import.meta.dirname, "../../src");
const groups = (): Group[] => {
  if (values.sample === undefined && positionals.length > 0) {
    const holes = positionals.map((argument, number) => holeAt(argument, leastUnits, number));
    return [{ name: "files", workspaces: [holes] }];
  }
  const found: Group[] = [];
  const places = positionals.length > 0 ? positionals : [ownSource, ".ts"];
  for (let i = 0; i + 1 < places.length; i += 2) {
    const [folder, extension] = [places[i]!, places[i + 1]!];
    const holes = sampledHoles(folder, extension, Number(values.sample ?? 14), leastUnits);
    found.push({ name: path.basename(folder) + extension, workspaces: holes.map((hole) => [hole]) });
  }
  return found;
};

const models = (): (ReplayModel | undefined)[] => {
  if (values["without-model"]) return [undefined];
  if (!yardstick) return refuse("HOTPATH_SHARED must name the folder with bench/typing, except --without-model");
  return values.profiles.split(",").flatMap((profile) =>
    values.errors.split(",").map((seed) => ({
      yardstick,
      profile: `${profile},errRate=${values.rate},seed=${seed}`,
      wire,
    })),
  );
};

/** What the yardstick says of the same; it must not see anything else than `counted`. */
const yardstickOf = (of: NonNullable<typeof yardstick>, runs: readonly Run[]): Metrics => {
  const all = of.zero();
  for (const { counts } of runs) if (counts) of.add(all, counts);
  for (const [name, value] of Object.entries(sums(runs.map(({ counted }) => counted)))) {
    const theirs = all[name];
    if (typeof theirs !== "number" || Math.abs(theirs - value) > 1e-3)
      throw new Error(`${name} is ${value} here, but the yardstick counts ${String(theirs)}`);
  }
  return of.metrics(all);
};

/** What one hole brought; `counts` is the yardstick's. */
type Run = { readonly counted: Counted; readonly counts: Counts | undefined };

const askedOf = ({ knowable, ...all }: Metrics) => ({
  knowable: knowable["pauses"],
  knowableRight: knowable["pauseShown"],
  p50Ms: knowable["p50"],
  p75Ms: knowable["p75"],
  p90Ms: knowable["p90"],
  requestsPer1000: all["requestsPer1000"],
  chargedPer1000: all["chargedPer1000"],
  generatedPer1000: all["generatedPer1000"],
});

const everything: Run[] = [];
const table: Record<string, ReturnType<typeof figures>> = {};
const model: Record<string, ReturnType<typeof askedOf>> = {};
const tell = (name: string, runs: readonly Run[]) => {
  table[name] = figures(runs.map(({ counted }) => counted));
  const metrics = yardstick && yardstickOf(yardstick, runs);
  if (metrics && !values["without-model"]) model[name] = askedOf(metrics);
};
const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

const rowName = (name: string, by: ReplayModel | undefined, seed: number): string =>
  [name, by?.profile, seeds.length > 1 ? `typing seed ${seed}` : ""].filter(Boolean).join(", ");

const typed = groups();
for (const by of models()) {
  for (const seed of seeds) {
    for (const { name, workspaces } of typed) {
      const runs: Run[] = [];
      for (const holes of workspaces) {
        for (const recording of await replay({ holes, seed, model: by, confidence })) {
          const counted = count(recording);
          runs.push({ counted, counts: yardstick?.one(recording.f, recording) });
          if (values.show) counted.vanished.forEach(print);
          if (values.pauses) counted.pauses.forEach(print);
        }
      }
      everything.push(...runs);
      // Of few files each is worth a look; with a model the same files come once for each profile and error seed.
      if (values["without-model"] && values.sample === undefined && positionals.length > 1) {
        for (const [index, run] of runs.entries()) tell(rowName(positionals[index]!, by, seed), [run]);
        continue;
      }
      tell(rowName(name, by, seed), runs);
    }
  }
}
tell("all", everything);
const counted = everything.map((run) => run.counted);
if (values.json) print({ table, kinds: kindsOf(counted), ...(values["without-model"] ? {} : { model }) });
else {
  console.table(table);
  if (!values["without-model"]) console.table(model);
  console.table(kindShares(counted));
}
