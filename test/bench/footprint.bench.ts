// What Hotpath takes while nobody does anything, and what memory typing adds, in a real VS Code with the predictor ready.
//   node test/bench/footprint.bench.ts [--long] [--idle SECONDS] [--typing SECONDS] [--json FILE] [--heap FILE]
// `--long`: ten minutes idle, five of typing. Exits with 1 when a limit is passed. Build first: node esbuild.mjs --production
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runTests } from "@vscode/test-electron";
import { createModelServer } from "../fake/modelServer.ts";
import { quietSettings } from "../host/quietSettings.ts";
import { writeSettings } from "../host/server.ts";
import { copyWorkspace, repositoryFolder, sampleFolder } from "../host/workspace.ts";
import { footprintEnvironment, type FootprintFigures } from "./footprintFigures.ts";

const { values: options } = parseArgs({
  options: {
    long: { type: "boolean", default: false },
    idle: { type: "string" },
    typing: { type: "string" },
    json: { type: "string" },
    heap: { type: "string" },
  },
});
const idleSeconds = Number(options.idle ?? (options.long ? 600 : 30));
const typingSeconds = Number(options.typing ?? (options.long ? 300 : 20));
if (!(idleSeconds >= 1 && typingSeconds >= 1)) throw new Error("--idle and --typing take a number from 1");

const limits = { idleCoreShare: 0.005 };
/** From here on all of the idle time counts. */
const longSeconds = 300;
/** Around the idle time and the typing, with room for a busy machine. */
const aroundSeconds = 180;

type Variant = "without" | "with";
const variants: readonly Variant[] = ["without", "with"];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** The extension as it is built, which the probe activates by hand. */
const makeExtension = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const manifest = JSON.parse(await readFile(path.join(repositoryFolder, "package.json"), "utf8")) as object;
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ ...manifest, activationEvents: [] }));
  for (const name of ["package.nls.json", "media", "dist"]) {
    await cp(path.join(repositoryFolder, name), path.join(folder, name), { recursive: true });
  }
};

const measure = async (variant: Variant, root: string, serverUrl: string): Promise<FootprintFigures> => {
  const folder = path.join(root, variant);
  const resultPath = path.join(folder, "figures.json");
  const workspace = await copyWorkspace(sampleFolder, path.join(folder, "sample"));
  const userData = path.join(folder, "userData");
  await writeSettings(userData, {
    ...quietSettings,
    "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
    "editor.suggestOnTriggerCharacters": false,
    "hotpath.completion.provider": "llamacpp",
    "hotpath.completion.baseUrl": serverUrl,
  });
  process.env["HEADLESS_TIMEOUT_S"] = String(idleSeconds + typingSeconds + aroundSeconds);
  await runTests({
    vscodeExecutablePath: path.join(repositoryFolder, "test/host/headlessVscode.ts"),
    extensionDevelopmentPath: path.join(root, "extension"),
    extensionTestsPath: path.join(import.meta.dirname, "footprintProbe.ts"),
    launchArgs: [workspace, `--user-data-dir=${userData}`, `--extensions-dir=${folder}/extensions`],
    extensionTestsEnv: {
      [footprintEnvironment.result]: resultPath,
      [footprintEnvironment.activates]: String(variant === "with"),
      [footprintEnvironment.idleSeconds]: String(idleSeconds),
      [footprintEnvironment.typingSeconds]: String(typingSeconds),
      ...(options.heap === undefined ? {} : { [footprintEnvironment.heapSnapshot]: `${options.heap}-${variant}` }),
    },
  });
  return JSON.parse(await readFile(resultPath, "utf8")) as FootprintFigures;
};

/** The predictor saves what it has learned: then it was ready. */
const hasLearned = async (folder: string): Promise<boolean> =>
  (await readdir(folder, { recursive: true })).some((file) => path.basename(file) === "predictor.index");

const root = await mkdtemp(path.join(tmpdir(), "hotpath-footprint-"));
const server = await createModelServer({ modelId: "m", tokenDelayMs: 5, firstTokenDelayMs: 60 });
try {
  await makeExtension(path.join(root, "extension"));
  const figures = new Map<Variant, FootprintFigures>();
  for (const variant of variants) figures.set(variant, await measure(variant, root, server.url));
  const without = figures.get("without")!;
  const hotpath = figures.get("with")!;
  const row = (variant: Variant) => {
    const { afterActivation, afterTyping, idleCpuMs, idleMainCpuMs } = figures.get(variant)!;
    const memory = [afterActivation, afterTyping].map(
      ({ heapMb, rssMb }) => `heap ${heapMb.toFixed(1)} MB, resident ${rssMb.toFixed(1)} MB`,
    );
    return [
      `${variant} Hotpath: idle ${(idleCpuMs / idleSeconds / 10).toFixed(3)} % of a core`,
      `main thread ${(idleMainCpuMs / idleSeconds / 10).toFixed(3)} %`,
      `after activation ${memory[0]}`,
      `after typing ${memory[1]}`,
    ].join("; ");
  };
  for (const variant of variants) {
    console.log(row(variant));
    const { threads, slicesMs } = figures.get(variant)!;
    console.log(`  ms of each ten seconds: ${slicesMs.join(" ")}`);
    console.log(`  ms of each thread: ${JSON.stringify(threads)}`);
  }
  // In a short time VS Code's own work now and then is more than the limit: there the usual ten seconds count.
  const coreShare = ({ idleCpuMs, slicesMs }: FootprintFigures) =>
    idleSeconds >= longSeconds
      ? idleCpuMs / (idleSeconds * 1000)
      : median(slicesMs) / (Math.min(idleSeconds, 10) * 1000);
  const idleCoreShare = Math.max(0, coreShare(hotpath) - coreShare(without));
  console.log(
    `Hotpath alone, ${idleSeconds} s idle, ${hotpath.isFocused ? "focused" : "not focused"}: ` +
      `${(idleCoreShare * 100).toFixed(3)} % of a core; ${typingSeconds} s of typing`,
  );
  for (const timer of hotpath.timers) console.log(`still set: ${timer}`);
  for (const [place, times] of Object.entries(hotpath.fired)) console.log(`fired ${times} times: ${place}`);
  if (options.json) {
    const raw = Object.fromEntries(figures);
    await writeFile(options.json, JSON.stringify({ idleSeconds, typingSeconds, idleCoreShare, raw }, undefined, 2));
  }
  const failures = [
    (await hasLearned(path.join(root, "with"))) ? "" : "the predictor was not ready",
    idleCoreShare > limits.idleCoreShare ? `more than ${limits.idleCoreShare} of a core` : "",
  ].filter((failure) => failure !== "");
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  await server.close();
  await rm(root, { recursive: true, force: true });
}
