import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { systemClock } from "../../../src/base/clock.ts";
import { scan, type ScanRequest } from "../../../src/languageTools/scan.ts";
import { scanInWorker } from "../../../src/languageTools/scanService.ts";
import { ToolError } from "../../../src/languageTools/toolError.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createWorkspace, type WorkspaceFixture } from "./workspaceFixture.ts";

const workerUrl = new URL("../../../src/languageTools/scanWorker.ts", import.meta.url);
const signal = new AbortController().signal;

const requestFor = (root: string, changes: Partial<ScanRequest> = {}): ScanRequest => ({
  folders: [{ root, prefix: "", exclude: [{ glob: "**/dist" }] }],
  readsAbove: true,
  isShallow: false,
  openTexts: {},
  maxHits: 100,
  timeoutMs: 10_000,
  ...changes,
});

const needle = { source: "needle", flags: "i" };

const fill = async (workspace: WorkspaceFixture) => {
  await workspace.write("src/a.ts", "one\nconst needle = 1;\nthree NEEDLE\n");
  await workspace.write("src/deep/b.ts", "needle()\n");
  await workspace.write("README.md", "A needle.\n");
  await workspace.write(".gitignore", "ignored/\n");
  for (const file of [
    ".env",
    "ignored/x.ts",
    "dist/y.ts",
    "node_modules/p/z.ts",
    ".git/config",
    "secrets/k.ts",
    "id_rsa",
  ]) {
    await workspace.write(file, "needle\n");
  }
  await workspace.write("picture.png", "needle");
  await workspace.write("data.txt", "needle\0");
  await workspace.link("../../outside", "src/away");
  await workspace.link(path.join(workspace.root, ".env"), "plain.txt");
};

test("lines are found in order, not in what is ignored, excluded, secret, binary or behind links", async () => {
  await using workspace = await createWorkspace();
  await fill(workspace);
  const result = await scan(requestFor(workspace.root, { line: needle }), systemClock);
  assert.deepEqual(result.hits, [
    "README.md:1: A needle.",
    "src/a.ts:2: const needle = 1;",
    "src/a.ts:3: three NEEDLE",
    "src/deep/b.ts:1: needle()",
  ]);
  assert.equal(result.end, "complete");
});

test("what is typed and not saved counts instead of the disk", async () => {
  await using workspace = await createWorkspace();
  await fill(workspace);
  const openTexts = { [path.join(workspace.root, "src/a.ts")]: "typed needle" };
  const { hits } = await scan(requestFor(workspace.root, { line: needle, openTexts, files: "a.ts" }), systemClock);
  assert.deepEqual(hits, ["src/a.ts:1: typed needle"]);
});

test("globs go by the name, or by the whole path where they have a slash", async () => {
  await using workspace = await createWorkspace();
  await fill(workspace);
  const list = async (changes: Partial<ScanRequest>) =>
    (await scan(requestFor(workspace.root, changes), systemClock)).hits;
  assert.deepEqual(await list({ files: "*.ts" }), ["src/a.ts", "src/deep/b.ts"]);
  assert.deepEqual(await list({ files: "src/*.ts" }), ["src/a.ts"]);
  assert.deepEqual(await list({ isShallow: true }), [".gitignore", "README.md", "data.txt", "secrets/", "src/"]);
  assert.deepEqual(await list({ isShallow: true, under: path.join(workspace.root, "src") }), ["src/a.ts", "src/deep/"]);
  assert.deepEqual(await list({ isShallow: true, under: path.join(workspace.root, "ignored") }), []);
});

test("a scan ends when it has enough, or when its time is over, with what it has", async () => {
  await using workspace = await createWorkspace();
  for (let index = 10; index < 40; index++) await workspace.write(`f${index}.ts`, "needle\n".repeat(50));
  const full = await scan(requestFor(workspace.root, { line: needle, maxHits: 45 }), systemClock);
  assert.deepEqual([full.hits.length, full.end, full.hits.at(-1)], [45, "full", "f12.ts:5: needle"]);
  let nowMs = 0;
  const slow = { nowMs: () => nowMs++ };
  const late = await scan(requestFor(workspace.root, { line: needle, timeoutMs: 5 }), slow);
  assert.equal(late.end, "timeout");
  assert.ok(late.hits.length > 0 && late.hits.length < 600);
});

test("several folders tell their names, and one that lies in another has its own", async () => {
  await using workspace = await createWorkspace();
  await workspace.write("a.ts", "needle");
  await workspace.write("lib/b.ts", "needle");
  const folders = [
    { root: workspace.root, prefix: "app/", exclude: [] },
    { root: path.join(workspace.root, "lib"), prefix: "lib/", exclude: [] },
  ];
  const { hits } = await scan(requestFor(workspace.root, { folders, line: needle }), systemClock);
  assert.deepEqual(hits, ["app/a.ts:1: needle", "lib/b.ts:1: needle"]);
});

test("the worker answers the same and ends", async () => {
  await using workspace = await createWorkspace();
  await fill(workspace);
  const { hits } = await scanInWorker(
    { workerUrl, clock: systemClock },
    requestFor(workspace.root, { line: needle, files: "b.ts" }),
    signal,
  );
  assert.deepEqual(hits, ["src/deep/b.ts:1: needle()"]);
});

test("an expression that never ends is given up, and cancelling ends the worker at once", async () => {
  await using workspace = await createWorkspace();
  await workspace.write("a.ts", `${"a".repeat(60)}!\n`);
  const endless = requestFor(workspace.root, { line: { source: "^(a+)+$", flags: "" } });
  const clock = createFakeClock();
  const givenUp = scanInWorker({ workerUrl, clock }, endless, signal);
  clock.advance(13_000);
  await assert.rejects(givenUp, (error: unknown) => error instanceof ToolError && error.kind === "too-slow");
  const controller = new AbortController();
  const cancelled = scanInWorker({ workerUrl, clock }, endless, controller.signal);
  controller.abort();
  await assert.rejects(cancelled, { name: "AbortError" });
  await assert.rejects(scanInWorker({ workerUrl, clock }, endless, AbortSignal.abort()), { name: "AbortError" });
  assert.deepEqual(clock.pending(), []);
});

test("a worker that fails is an error without its words", async () => {
  const broken = new URL("data:text/javascript,throw new Error('/home/me')");
  await assert.rejects(
    scanInWorker({ workerUrl: broken, clock: systemClock }, requestFor("/"), signal),
    (error: unknown) => error instanceof ToolError && error.kind === "unavailable" && !error.message.includes("/home"),
  );
});

test("a file with more hits than are taken, and a last file cut short, are told; exactly as many are not", async () => {
  await using workspace = await createWorkspace();
  const endOf = async (lines: number, maxHits = 100) => {
    await workspace.write("a.ts", "needle\n".repeat(lines));
    const { hits, end } = await scan(requestFor(workspace.root, { line: needle, maxHits }), systemClock);
    return [hits.length, end];
  };
  assert.deepEqual(await endOf(20), [20, "complete"]);
  assert.deepEqual(await endOf(21), [20, "full"]);
  assert.deepEqual(await endOf(5, 5), [5, "complete"]);
  assert.deepEqual(await endOf(6, 5), [5, "full"]);
});
