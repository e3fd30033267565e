// What Hotpath costs before anybody uses it, in a real VS Code, beside a build that imports everything at once.
//   node test/bench/activation.bench.ts [--runs 5] [--json FILE]
// Exits with 1 when a limit is passed. Build first: node esbuild.mjs --production
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runTests } from "@vscode/test-electron";
import { build } from "esbuild";
import { copyWorkspace, repositoryFolder, sampleFolder } from "../host/workspace.ts";
import { probeEnvironment, type ActivationFigures } from "./activationFigures.ts";

const { values: options } = parseArgs({
  options: { runs: { type: "string", default: "5" }, json: { type: "string" } },
});
const runs = Number(options.runs);
if (!(runs >= 1)) throw new Error("--runs takes a number from 1");

type Variant = "without" | "lazy" | "eager";
const variants: readonly Variant[] = ["without", "lazy", "eager"];
const limits = { activateMs: 10, busyMs: 50, longestBusyMs: 5, addedRssMb: 15 };

/** Everything that the program reaches by `import()`, and what a worker imports. */
const lazyModules = [
  "src/transport/client.ts",
  "src/provider/registry.ts",
  "src/provider/llamaCpp.ts",
  "src/provider/openAiCompatible.ts",
  "src/completion/engine.ts",
  "src/predictor/predictorService.ts",
  "src/predictor/predictor.ts",
  "src/hardware/probe.ts",
  "src/report/panel.ts",
  "src/commands/explainSelection.ts",
  "src/commands/setApiKey.ts",
];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const makeExtension = async (variant: Variant, folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const manifest = JSON.parse(await readFile(path.join(repositoryFolder, "package.json"), "utf8")) as object;
  // The probe activates it by hand, to have its clock and profiler running before.
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ ...manifest, activationEvents: [] }));
  await cp(path.join(repositoryFolder, "package.nls.json"), path.join(folder, "package.nls.json"));
  await cp(path.join(repositoryFolder, "media"), path.join(folder, "media"), { recursive: true });
  await cp(path.join(repositoryFolder, "dist"), path.join(folder, "dist"), { recursive: true });
  if (variant !== "eager") return;
  const names = lazyModules.map((_, index) => `module${index}`);
  const source = [
    'export { activate, deactivate } from "./src/extension.ts";',
    'import * as systeminformation from "systeminformation";',
    ...lazyModules.map((file, index) => `import * as ${names[index]} from "./${file}";`),
    `globalThis.hotpathEager = [systeminformation, ${names.join(", ")}];`,
  ].join("\n");
  await build({
    stdin: { contents: source, resolveDir: repositoryFolder, loader: "ts" },
    outfile: path.join(folder, "dist/extension.js"),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    external: ["vscode"],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    logLevel: "error",
  });
};

const measure = async (variant: Variant, root: string, run: number): Promise<ActivationFigures> => {
  const folder = path.join(root, `${variant}-${run}`);
  const resultPath = path.join(folder, "figures.json");
  const workspace = await copyWorkspace(sampleFolder, path.join(folder, "sample"));
  await runTests({
    vscodeExecutablePath: path.join(repositoryFolder, "test/host/headlessVscode.ts"),
    extensionDevelopmentPath: path.join(root, variant),
    extensionTestsPath: path.join(import.meta.dirname, "activationProbe.ts"),
    launchArgs: [workspace, `--user-data-dir=${folder}/userData`, `--extensions-dir=${folder}/extensions`],
    extensionTestsEnv: {
      [probeEnvironment.result]: resultPath,
      [probeEnvironment.activates]: String(variant !== "without"),
    },
  });
  return JSON.parse(await readFile(resultPath, "utf8")) as ActivationFigures;
};

const root = await mkdtemp(path.join(tmpdir(), "hotpath-activation-"));
try {
  const figures = new Map<Variant, ActivationFigures[]>(variants.map((variant) => [variant, []]));
  for (const variant of variants) await makeExtension(variant, path.join(root, variant));
  for (let run = 0; run < runs; run++) {
    for (const variant of variants) figures.get(variant)!.push(await measure(variant, root, run));
  }
  const of = (variant: Variant, pick: (figure: ActivationFigures) => number) => median(figures.get(variant)!.map(pick));
  const driftMb = of("without", ({ addedRssMb }) => addedRssMb);
  const rows = (["lazy", "eager"] as const).map((variant) => ({
    build: variant,
    activateMs: of(variant, (figure) => figure.activateMs),
    loadAndActivateMs: of(variant, (figure) => figure.loadAndActivateMs),
    busyMs: of(variant, (figure) => figure.busyMs),
    longestBusyMs: of(variant, (figure) => figure.longestBusyMs),
    addedRssMb: of(variant, (figure) => figure.addedRssMb) - driftMb,
    addedHeapMb: of(variant, (figure) => figure.addedHeapMb),
  }));
  for (const row of rows) {
    const numbers = Object.entries(row).map(
      ([name, value]) => `${name} ${typeof value === "number" ? value.toFixed(2) : value}`,
    );
    console.log(numbers.join("  "));
  }
  console.log(
    `median of ${runs}; resident memory moves by ${driftMb.toFixed(1)} MB without Hotpath, which is taken off`,
  );
  if (options.json)
    await writeFile(
      options.json,
      JSON.stringify({ runs, driftMb, rows, raw: Object.fromEntries(figures) }, undefined, 2),
    );
  const [lazyRow] = rows;
  const passed = Object.entries(limits).filter(
    ([name, limit]) => (lazyRow as unknown as Record<string, number>)[name]! > limit,
  );
  for (const [name, limit] of passed) console.error(`${name} is over its limit of ${limit}`);
  process.exitCode = passed.length > 0 ? 1 : 0;
} finally {
  await rm(root, { recursive: true, force: true });
}
