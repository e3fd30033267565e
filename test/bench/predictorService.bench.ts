// What the predictor's service costs the thread that starts it, on a large generated workspace; prints JSON lines.
//   node test/bench/predictorService.bench.ts [--files 20000] [--megabytes 200] [--folder <existing folder>]
// The worker is the built one: `node esbuild.mjs --production` first.
// cold: nothing saved. warm: a restart that finds its index. Measured on the host's thread: the most processor time that it
// took between two ticks of a millisecond (other programs do not count in that, as they do in the delay by the clock),
// and when the first useful answer came. Exit code 1: it was held for 20 ms or more.
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { silentLog } from "../../src/base/log.ts";
import { createPredictorService } from "../../src/predictor/predictorService.ts";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "20000" },
    megabytes: { type: "string", default: "200" },
    folder: { type: "string" },
  },
});
const files = Number(values.files);
const fileBytes = (Number(values.megabytes) * 1e6) / files;
const maxBlockMs = 20;
const workerUrl = new URL("../../dist/predictorWorker.js", import.meta.url);
const memoryMb = 256;

/** The same numbers for the same seed (mulberry32). */
const createRandom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

const syllables = "ra lo min ter ka sol ven dar pi qua zen mar tol fi gus hep".split(" ");

/** Text with names that recur in the file and in its folder, as in a program. */
const makeText = (random: () => number, own: string): string => {
  const name = () => syllables[Math.floor(random() * 16)]! + syllables[Math.floor(random() * 16)]!;
  const names = Array.from({ length: 12 }, name);
  const pick = () => names[Math.floor(random() * names.length)]!;
  let text = `import { ${own} } from "./${own}.ts";\n`;
  while (text.length < fileBytes) {
    text += `export const ${pick()}${Math.floor(random() * 100)} = compute${own}(${pick()}, ${pick()}.${name()});\n`;
    if (random() < 0.3) text += `  if (${pick()} === undefined) throw new Error("${name()} is missing");\n`;
    if (random() < 0.2) text += `  return ${pick()}.map((entry) => entry.${pick()});\n`;
  }
  return text;
};

const makeWorkspace = async (root: string): Promise<void> => {
  const random = createRandom(7);
  for (let at = 0; at < files; at++) {
    const folder = path.join(root, `area${at % 20}`, `part${Math.floor(at / 20) % 50}`);
    if (at < 1000) await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, `file${at}.ts`), makeText(random, `Area${at % 20}Part${at}`));
  }
  await writeFile(path.join(root, ".gitignore"), "dist/\n*.log\n");
};

const open = (root: string) => path.join(root, "area7", "part3", "file67.ts");

const mb = (bytes: number) => Math.round(bytes / 1e5) / 10;

/** Processor time of this thread. */
const cpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

const measure = async (name: string, root: string, indexFile: string): Promise<boolean> => {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const rssBeforeBytes = process.memoryUsage().rss;
  const startedMs = performance.now();
  delay.enable();
  const startCpuMs = cpuMs();
  let lastCpuMs = startCpuMs;
  let blockMs = 0;
  const ticks = setInterval(() => {
    blockMs = Math.max(blockMs, cpuMs() - lastCpuMs);
    lastCpuMs = cpuMs();
  }, 1);
  const learned: { atMs?: number } = {};
  const service = createPredictorService({
    workerUrl,
    log: silentLog,
    maxBytes: memoryMb * 1024 * 1024,
    indexFile,
    onLearned: () => (learned.atMs = performance.now() - startedMs),
  });
  service.learnFolders([{ root, exclude: [{ glob: "**/.git" }, { glob: "**/node_modules" }] }], {
    first: [open(root)],
  });
  let firstAnswerMs: number | undefined;
  const answersMs: number[] = [];
  let n = 0;
  // Somebody types all the time: the document of the open file grows, and is learned after each line.
  while (learned.atMs === undefined) {
    const askedMs = performance.now();
    const prefix = `// ${n++}\nexport const x = computeArea7Par`;
    const prediction = await service.predict({ path: open(root), prefix, suffix: "\n" });
    answersMs.push(performance.now() - askedMs);
    if (prediction?.text.startsWith("t67(") === true) firstAnswerMs ??= performance.now() - startedMs;
    if (n % 50 === 0) service.update(open(root), makeText(createRandom(n), "Area7Part67"));
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  const { files: known, textBytes, memoryBytes, restoredFiles } = await service.stats();
  delay.disable();
  clearInterval(ticks);
  const hostCpuMs = cpuMs() - startCpuMs;
  const rssBytes = process.memoryUsage().rss - rssBeforeBytes;
  await service.dispose();
  const sorted = answersMs.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)]! * 10) / 10;
  console.log(
    JSON.stringify({
      run: name,
      longestBlockMs: Math.round(blockMs * 10) / 10,
      longestDelayMs: Math.round(delay.max / 1e6),
      hostCpuMs: Math.round(hostCpuMs),
      firstAnswerMs: firstAnswerMs === undefined ? undefined : Math.round(firstAnswerMs),
      learnedMs: Math.round(learned.atMs),
      answerP50Ms: at(0.5),
      answerP99Ms: at(0.99),
      files: known,
      restoredFiles,
      textMb: mb(textBytes),
      memoryMb: mb(memoryBytes),
      rssMb: mb(rssBytes),
      indexMb: mb((await stat(indexFile).catch(() => undefined))?.size ?? 0),
    }),
  );
  if (known === 0) throw new Error("nothing was learned: is the worker built?");
  return blockMs < maxBlockMs;
};

const scratch = await mkdtemp(path.join(tmpdir(), "hotpath-bench-"));
try {
  const root = values.folder ?? path.join(scratch, "workspace");
  if (values.folder === undefined) await makeWorkspace(root);
  const indexFile = path.join(scratch, "predictor.index");
  const isGood = [await measure("cold", root, indexFile), await measure("warm", root, indexFile)];
  if (!isGood.every(Boolean)) process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}
