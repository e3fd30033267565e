import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { makeFolder, startService, statement, writeFiles } from "./predictorHarness.ts";

const setUp = async (t: TestContext, files: Record<string, string>) => {
  const folder = await makeFolder(t, files);
  const indexFile = path.join(await makeFolder(t, {}), "storage", "predictor.index");
  return { folder, indexFile, near: path.join(folder, "new.ts") };
};

test("a restart reads nothing that did not change, and forgets what is gone or excluded since", async (t) => {
  const { folder, indexFile, near } = await setUp(t, {
    "a.ts": statement("Alpha"),
    "b/b.ts": statement("Beta"),
    "gone.ts": statement("Gone"),
    "out/x.ts": statement("Excluded"),
    "changed.ts": statement("Before"),
  });
  const first = startService(t, { indexFile });
  await first.learnAll([folder]);
  assert.equal((await first.stats()).restoredFiles, 0);
  await first.dispose();
  await rm(path.join(folder, "gone.ts"));
  await writeFiles(folder, { "changed.ts": statement("Later"), ".gitignore": "out\n" });
  // Another text of the same size that keeps its times would go unseen; nothing on the disk has that here.
  const second = startService(t, { indexFile });
  await second.learnAll([folder]);
  const stats = await second.stats();
  assert.deepEqual([stats.files, stats.restoredFiles], [4, 2]);
  for (const word of ["Alpha", "Beta", "Later"]) assert.ok(await second.knows(near, word), word);
  for (const word of ["Gone", "Excluded", "Before"]) assert.ok(!(await second.knows(near, word)), word);
  await second.dispose();
  const text = (await readFile(indexFile)).toString("latin1");
  for (const name of ["gone.ts", "out/x.ts"]) assert.ok(!text.includes(name), `${name} is still in the index`);
});

test("a damaged index is made anew", async (t) => {
  const { folder, indexFile, near } = await setUp(t, { "a.ts": statement("Alpha") });
  const first = startService(t, { indexFile });
  await first.learnAll([folder]);
  await first.dispose();
  const good = await readFile(indexFile);
  const bad = Buffer.from(good);
  bad[bad.byteLength - 40]! ^= 1;
  await writeFile(indexFile, bad);
  const second = startService(t, { indexFile });
  await second.learnAll([folder]);
  assert.equal((await second.stats()).restoredFiles, 0);
  assert.ok(await second.knows(near, "Alpha"));
  await second.dispose();
  const third = startService(t, { indexFile });
  await third.learnAll([folder]);
  assert.equal((await third.stats()).restoredFiles, 1);
});

test("what was never saved to the disk is not in the index", async (t) => {
  const { folder, indexFile } = await setUp(t, { "a.ts": statement("Alpha") });
  const service = startService(t, { indexFile });
  await service.learnAll([folder]);
  service.update(path.join(folder, "a.ts"), statement("Unsaved"));
  await service.until(path.join(folder, "b.ts"), "Unsaved");
  await service.dispose();
  const again = startService(t, { indexFile });
  await again.learnAll([folder]);
  assert.ok(await again.knows(path.join(folder, "b.ts"), "Alpha"));
  assert.ok(!(await again.knows(path.join(folder, "b.ts"), "Unsaved")));
});

test("clearing leaves nothing, in memory or on the disk, and only rebuilding saves again", async (t) => {
  const { folder, indexFile, near } = await setUp(t, { "a.ts": statement("Alpha") });
  const first = startService(t, { indexFile });
  await first.learnAll([folder]);
  await first.dispose();
  assert.ok(existsSync(indexFile));
  const service = startService(t, { indexFile });
  await service.learnAll([folder]);
  await service.clear();
  assert.deepEqual(await readdir(path.dirname(indexFile)), []);
  assert.equal((await service.stats()).files, 0);
  assert.ok(!(await service.knows(near, "Alpha")));
  service.update(path.join(folder, "b.ts"), statement("Beta"));
  await service.until(near, "Beta");
  await service.dispose();
  assert.deepEqual(await readdir(path.dirname(indexFile)), []);
  const rebuilt = startService(t, { indexFile });
  await rebuilt.clear();
  await rebuilt.learnAll([folder]);
  assert.ok(await rebuilt.knows(near, "Alpha"));
  await rebuilt.dispose();
  assert.ok(existsSync(indexFile));
});

test("what is excluded is not learned after clearing either, also when nothing was learned before", async (t) => {
  const folder = await makeFolder(t, { ".gitignore": "build/\n", "a.ts": statement("Alpha"), "build/b.ts": "" });
  const service = startService(t);
  await service.clear();
  service.learnFolders([{ root: folder, exclude: [] }], { reads: false });
  service.update(path.join(folder, "build/b.ts"), statement("Built"));
  service.update(path.join(folder, "c.ts"), statement("Edited"));
  const near = path.join(folder, "near.ts");
  await service.until(near, "Edited");
  while ((await service.stats()).indexing);
  for (const word of ["Alpha", "Built"]) assert.ok(!(await service.knows(near, word)), word);
});

test("clearing while the index is loaded leaves nothing of it", async (t) => {
  const { folder, indexFile, near } = await setUp(t, { "a.ts": statement("Alpha") });
  const first = startService(t, { indexFile });
  await first.learnAll([folder]);
  await first.dispose();
  const service = startService(t, { indexFile });
  service.learnFolders([{ root: folder, exclude: [] }]);
  await service.clear();
  while ((await service.stats()).indexing);
  assert.ok(!(await service.knows(near, "Alpha")));
  await service.dispose();
  assert.ok(!existsSync(indexFile));
});

test("clearing removes the index even when the thread stays off", async (t) => {
  const { indexFile } = await setUp(t, {});
  await mkdir(path.dirname(indexFile));
  await writeFile(indexFile, "what an earlier session has kept");
  const code = `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(3));`;
  const service = startService(t, {
    indexFile,
    workerUrl: new URL(`data:text/javascript,${encodeURIComponent(code)}`),
  });
  for (let i = 0; i < 2; i++) await service.predict({ path: "a.ts", prefix: "a", suffix: "" });
  assert.notEqual((await service.stats()).problem, undefined);
  await service.clear();
  assert.ok(!existsSync(indexFile));
});

test("a folder that cannot be written costs no prediction", async (t) => {
  const { folder, near } = await setUp(t, { "a.ts": statement("Alpha") });
  const lines: string[] = [];
  const log = { debug() {}, info() {}, warn: (line: string) => void lines.push(line), error() {} };
  const service = startService(t, { indexFile: path.join(folder, "a.ts", "predictor.index"), log });
  await service.learnAll([folder]);
  while (lines.length === 0 && !t.signal.aborted) assert.ok(await service.knows(near, "Alpha"));
  assert.match(lines[0]!, /index could not be kept: E(EXIST|NOTDIR)/);
});

test("two services that keep the same index leave one that can be used", async (t) => {
  const { folder, indexFile } = await setUp(t, { "a.ts": statement("Alpha"), "b.ts": statement("Beta") });
  const both = [startService(t, { indexFile }), startService(t, { indexFile })];
  await Promise.all(both.map((service) => service.learnAll([folder])));
  await Promise.all(both.map((service) => service.dispose()));
  const third = startService(t, { indexFile });
  await third.learnAll([folder]);
  assert.equal((await third.stats()).restoredFiles, 2);
  assert.deepEqual(await readdir(path.dirname(indexFile)), ["predictor.index"]);
});
