import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import {
  readIndexFile,
  removeAbandonedDrafts,
  removeIndexFile,
  writeIndexFile,
} from "../../../src/predictor/indexFile.ts";
import { contentOf } from "./indexWriter.ts";

const writerFile = path.join(import.meta.dirname, "indexWriter.ts");

const makeFile = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "hotpath-index-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, "deep", "predictor.index");
};

const startWriter = (t: TestContext, file: string, name: string) => {
  const child: ChildProcess = spawn(process.execPath, [writerFile, file, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.after(() => child.kill("SIGKILL"));
  let begun = 0;
  let waiting: { until: number; resolve: () => void } | undefined;
  child.stdout!.on("data", (data: Buffer) => {
    begun += data.toString().split("\n").length - 1;
    if (waiting && begun >= waiting.until) waiting.resolve();
  });
  return {
    begun: () => begun,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    /** Resolves when the save of this number has begun. */
    until: async (generation: number) => {
      const reached = new Promise<void>((resolve) => {
        waiting = { until: generation, resolve };
        if (begun >= generation) resolve();
      });
      await Promise.race([reached, exited]);
      assert.ok(begun >= generation, "the writer ended by itself");
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
};

/** Throws unless all of it is what one save wrote. */
const generationIn = async (file: string): Promise<{ generation: number; writer: string }> => {
  const content = await readIndexFile(file);
  assert.ok(content, "the index is damaged");
  const head = content.head as { generation: number; writer: string };
  const expected = contentOf(head.generation, head.writer);
  assert.deepEqual(content.head, expected.head);
  assert.equal(content.blobs.length, expected.blobs.length);
  for (const [i, blob] of content.blobs.entries()) assert.ok(expected.blobs[i]!.equals(blob), `blob ${i}`);
  return head;
};

test("what was written is read, and takes the place of what was there", async (t) => {
  const file = await makeFile(t);
  assert.equal(await readIndexFile(file), undefined);
  for (const generation of [1, 2]) {
    const bytes = await writeIndexFile(file, contentOf(generation, "a"));
    assert.equal((await readFile(file)).byteLength, bytes);
    assert.equal((await generationIn(file)).generation, generation);
  }
  const empty = { head: [], blobs: [] };
  await writeIndexFile(file, empty);
  assert.deepEqual(await readIndexFile(file), empty);
  assert.deepEqual(await readdir(path.dirname(file)), ["predictor.index"]);
});

test("an index that is damaged anywhere, cut off, or of another version is none", async (t) => {
  const file = await makeFile(t);
  await writeIndexFile(file, { head: { a: 1 }, blobs: [Buffer.from("one"), Buffer.from("two")] });
  const good = await readFile(file);
  for (let at = 0; at < good.byteLength; at++) {
    const bad = Buffer.from(good);
    bad[at]! ^= 0x10;
    await writeFile(file, bad);
    assert.equal(await readIndexFile(file), undefined, `byte ${at}`);
    await writeFile(file, good.subarray(0, at));
    assert.equal(await readIndexFile(file), undefined, `first ${at} bytes`);
  }
  await writeFile(file, Buffer.concat([good, Buffer.from([0])]));
  assert.equal(await readIndexFile(file), undefined);
  await writeFile(file, good);
  assert.ok(await readIndexFile(file));
});

test("a writer that is killed at any moment leaves the old index or the new one", async (t) => {
  const file = await makeFile(t);
  let last = 0;
  await writeIndexFile(file, contentOf(0, "first"));
  for (let round = 0; round < 24; round++) {
    const writer = startWriter(t, file, String(round));
    // Kills at another moment each time: the save that has begun is somewhere between its first byte and its rename.
    await writer.until(1 + (round % 4));
    for (let turn = 0; turn < round * 40; turn++) await new Promise((resolve) => void setImmediate(resolve));
    await writer.kill();
    const { generation, writer: name } = await generationIn(file);
    if (name === String(round)) {
      assert.ok(
        generation >= writer.begun() - 1 && generation <= writer.begun() + 1,
        `${generation} of ${writer.begun()}`,
      );
      last++;
    }
  }
  assert.ok(last > 0, "no round saved anything");
  await removeIndexFile(file);
  assert.deepEqual(await readdir(path.dirname(file)), []);
});

test("two windows that save at the same time leave a whole index at every moment", async (t) => {
  const file = await makeFile(t);
  await writeIndexFile(file, contentOf(0, "first"));
  const writers = [startWriter(t, file, "a"), startWriter(t, file, "b")];
  await Promise.all(writers.map((writer) => writer.until(2)));
  const seen = new Set<string>();
  while (writers.some((writer) => writer.begun() < 12)) {
    assert.ok(
      writers.every((writer) => !writer.hasEnded()),
      "a writer ended by itself",
    );
    seen.add((await generationIn(file)).writer);
  }
  await Promise.all(writers.map((writer) => writer.kill()));
  await generationIn(file);
  assert.ok(seen.has("a") || seen.has("b"));
});

test("only drafts that nobody can be writing any more are removed", async (t) => {
  const file = await makeFile(t);
  await writeIndexFile(file, contentOf(1, "a"));
  for (const name of ["old", "new"]) await writeFile(`${file}.${name}.tmp`, "half");
  const nowMs = Date.now();
  await utimes(`${file}.old.tmp`, (nowMs - 700_000) / 1000, (nowMs - 700_000) / 1000);
  await removeAbandonedDrafts(file, nowMs);
  assert.deepEqual((await readdir(path.dirname(file))).toSorted(), ["predictor.index", "predictor.index.new.tmp"]);
  await removeAbandonedDrafts(path.join(file, "nowhere", "x"), nowMs);
});

test("a folder that cannot be written is an error, and leaves nothing behind", async (t) => {
  const file = await makeFile(t);
  await writeIndexFile(file, contentOf(1, "a"));
  await assert.rejects(writeIndexFile(path.join(file, "below", "a"), contentOf(1, "a")), { code: "ENOTDIR" });
});
