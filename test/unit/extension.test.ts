import assert from "node:assert/strict";
import path from "node:path";
import { before, test } from "node:test";
import { build, type Metafile } from "esbuild";
// @ts-expect-error The build script is JavaScript and has no types.
import { extensionBuild } from "../../esbuild.mjs";

const maxEntryBytes = 50_000;
const heavyPackages = ["undici", "systeminformation", "lru-cache", "eventsource-parser", "ignore"];
const heavyRooms = ["transport", "provider", "completion", "predictor", "nextEdit", "report"];
/** What is loaded by the first question, or the first sign that somebody edits. */
const lateAdapters = ["ghostText.ts", "ghostTextEngine.ts", "nextEdit.ts", "predictorFeed.ts", "relatedFiles.ts"];

let outputs: Metafile["outputs"];

before(async () => {
  const config = extensionBuild({ production: true, quiet: true });
  ({ outputs } = (await build({ ...config, write: false, metafile: true })).metafile!);
});

const outputOf = (source: string): string => {
  const found = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === source);
  assert.ok(found, source);
  return found[0];
};

/** The output files that are loaded with this one, itself included. */
const staticClosure = (name: string, seen = new Set<string>()): Set<string> => {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const { path: imported, kind } of outputs[name]?.imports ?? []) {
    if (kind === "import-statement" && outputs[imported]) staticClosure(imported, seen);
  }
  return seen;
};

const sourcesOf = (names: Iterable<string>): string[] =>
  [...names].flatMap((name) => Object.keys(outputs[name]!.inputs));

test("what VS Code loads at start-up is small", () => {
  const closure = [...staticClosure(outputOf("src/extension.ts"))];
  const bytes = closure.reduce((sum, name) => sum + outputs[name]!.bytes, 0);
  assert.ok(bytes < maxEntryBytes, `${bytes} bytes in ${closure.join(", ")}`);
});

test("nothing heavy is loaded at start-up", () => {
  const sources = sourcesOf(staticClosure(outputOf("src/extension.ts")));
  assert.ok(sources.includes("src/host/compose.ts"));
  for (const source of sources) {
    for (const name of heavyPackages) assert.ok(!source.includes(`node_modules/${name}/`), source);
    // Types leave nothing behind, so a room that shows up here came in as code.
    for (const room of heavyRooms) assert.ok(!source.startsWith(`src/${room}/`), source);
    for (const adapter of lateAdapters) assert.notEqual(source, `src/host/${adapter}`);
  }
});

test("each heavy package is in a file of its own that something loads later", () => {
  for (const [name, importer] of [
    ["undici", "src/transport/network.ts"],
    ["lru-cache", "src/host/ghostTextEngine.ts"],
  ] as const) {
    const chunk = Object.keys(outputs).find((output) =>
      Object.keys(outputs[output]!.inputs).some((source) => source.includes(`node_modules/${name}/`)),
    );
    assert.ok(chunk, name);
    assert.ok(staticClosure(outputOf(importer)).has(chunk), `${importer} loads ${path.basename(chunk)}`);
  }
});

test("workers are files of their own, and the probe alone holds systeminformation", () => {
  const isProbe = (name: string) => name === outputOf("src/hardware/probeWorker.ts");
  assert.ok(outputOf("src/predictor/predictorWorker.ts"));
  for (const [name, { inputs }] of Object.entries(outputs)) {
    const holds = Object.keys(inputs).some((source) => source.includes("node_modules/systeminformation/"));
    assert.equal(holds, isProbe(name), name);
  }
});
