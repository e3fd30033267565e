import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { createMemoryLog } from "../../../src/memory/memoryLog.ts";

const temporary = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "hotpath-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

test("writes JSON lines in order, without paths", async (t) => {
  const folder = path.join(await temporary(t), "new");
  const memoryLog = createMemoryLog({ folder, log: silentLog });
  memoryLog.add({ atMs: 1, kind: "sample", hostRssBytes: 5 });
  memoryLog.add({ atMs: 2, kind: "processes", first: "/usr/bin/node --token x", second: "C:\\Users\\me\\code.exe" });
  await memoryLog.flush();
  const lines = (await readFile(path.join(folder, "memory.jsonl"), "utf8")).trim().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { atMs: 1, kind: "sample", hostRssBytes: 5 },
      { atMs: 2, kind: "processes", first: "…", second: "…" },
    ],
  );
});

test("nobody else on the machine may read it", { skip: process.platform === "win32" }, async (t) => {
  const folder = await temporary(t);
  const memoryLog = createMemoryLog({ folder, log: silentLog });
  memoryLog.add({ atMs: 1, kind: "sample" });
  await memoryLog.flush();
  assert.equal((await stat(path.join(folder, "memory.jsonl"))).mode & 0o077, 0);
});

test("three files at most, each within its size, the newest lines in the first", async (t) => {
  const folder = await temporary(t);
  const memoryLog = createMemoryLog({ folder, log: silentLog, maxBytes: 200 });
  for (let atMs = 0; atMs < 100; atMs++) {
    memoryLog.add({ atMs, kind: "sample" });
    await memoryLog.flush();
  }
  const names = (await readdir(folder)).toSorted();
  assert.deepEqual(names, ["memory.1.jsonl", "memory.2.jsonl", "memory.jsonl"]);
  const texts = await Promise.all(names.map((name) => readFile(path.join(folder, name), "utf8")));
  for (const text of texts) assert.ok(text.length > 0 && text.length <= 200, `${text.length}`);
  assert.match(texts[2]!, /"atMs":99,/);
  const again = createMemoryLog({ folder, log: silentLog, maxBytes: 200 });
  for (let atMs = 100; atMs < 110; atMs++) again.add({ atMs, kind: "sample" });
  await again.flush();
  assert.match(await readFile(path.join(folder, "memory.jsonl"), "utf8"), /"atMs":109,/);
});

test("a folder that cannot be written is reported once, without its path", async (t) => {
  const folder = await temporary(t);
  const file = path.join(folder, "file");
  await writeFile(file, "");
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const memoryLog = createMemoryLog({ folder: path.join(file, "inside"), log });
  memoryLog.add({ atMs: 1, kind: "sample" });
  await memoryLog.flush();
  memoryLog.add({ atMs: 2, kind: "sample" });
  await memoryLog.flush();
  assert.equal(warnings.length, 1);
  assert.ok(!warnings[0]!.includes(folder), warnings[0]);
});
