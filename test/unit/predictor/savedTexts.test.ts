import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { writeIndexFile } from "../../../src/predictor/indexFile.ts";
import { createSavedTexts } from "../../../src/predictor/savedTexts.ts";

const nowMs = 1_000_000_000_123;
const stamp = { sizeBytes: 3, modifiedMs: 5000.5, changedMs: 6000.25 };
const create = (maxBytes = 1e6) => createSavedTexts(maxBytes, () => nowMs);

const makeFile = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), "hotpath-texts-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, "predictor.index");
};

test("what was saved is found again, as long as the file's stamp is the same", async (t) => {
  const file = await makeFile(t);
  const texts = create();
  texts.add("/a", stamp, "text ü\n");
  texts.add("/image", stamp, undefined);
  texts.edited("/old");
  texts.edited("/new");
  assert.equal(texts.isChanged, true);
  await texts.save(file);
  assert.equal(texts.isChanged, false);
  const loaded = create();
  assert.equal(await loaded.load(file), true);
  assert.equal(loaded.isChanged, false);
  assert.deepEqual(loaded.find("/a", stamp), { text: "text ü\n" });
  assert.deepEqual(loaded.find("/image", stamp), { text: undefined });
  assert.equal(loaded.find("/b", stamp), undefined);
  for (const other of [{ sizeBytes: 4 }, { modifiedMs: 5000.75 }, { changedMs: 6001 }]) {
    assert.equal(loaded.find("/a", { ...stamp, ...other }), undefined);
  }
  assert.deepEqual(loaded.recent(), ["/new", "/old"]);
});

test("a file that was changed shortly before it was read is read again", () => {
  const texts = create();
  const rows = [
    [{ ...stamp, changedMs: nowMs - 49 }, false],
    [{ ...stamp, modifiedMs: nowMs - 49 }, false],
    [{ ...stamp, changedMs: nowMs - 51 }, true],
    // A file system that counts whole seconds.
    [{ ...stamp, changedMs: nowMs - 2123 }, false],
    [{ ...stamp, changedMs: nowMs - 3123 }, true],
  ] as const;
  for (const [when, isKept] of rows) {
    texts.add("/a", when, "text");
    assert.equal(texts.find("/a", when) !== undefined, isKept, JSON.stringify(when));
  }
});

const noise = (seed: number) =>
  Array.from({ length: 30 }, (_, i) => String.fromCharCode(33 + ((i * seed) % 90))).join("");

test("no more is kept than the limit, and what is newer than the file stays", async (t) => {
  const file = await makeFile(t);
  const texts = create(40);
  texts.add("/a", stamp, noise(7));
  texts.add("/b", stamp, noise(11));
  assert.deepEqual([...texts.files()], ["/a"]);
  texts.add("/a", stamp, "short");
  texts.remove("/gone");
  await texts.save(file);
  const loaded = create();
  loaded.add("/a", stamp, "newer");
  await loaded.load(file);
  assert.deepEqual(loaded.find("/a", stamp), { text: "newer" });
});

test("an index with something else in it is not used", async (t) => {
  const file = await makeFile(t);
  const row = ["/a", 1, 2, 3];
  const good = { recent: [], files: [row] };
  const heads: unknown[] = [null, 5, [], {}, { recent: [] }, { recent: [1], files: [row] }, { recent: [], files: [5] }];
  heads.push(
    { recent: [], files: [["/a", 1, 2]] },
    { recent: [], files: [["/a", 1, 2, "3"]] },
    { recent: [], files: [] },
  );
  for (const head of heads) {
    await writeIndexFile(file, { head, blobs: [Buffer.from([3, 0])] });
    const texts = create();
    assert.equal(await texts.load(file), false, JSON.stringify(head));
    assert.deepEqual([...texts.files()], []);
  }
  await writeIndexFile(file, { head: good, blobs: [Buffer.from([255, 255, 255])] });
  const texts = create();
  assert.equal(await texts.load(file), true);
  assert.equal(texts.find("/a", { sizeBytes: 1, modifiedMs: 2, changedMs: 3 }), undefined, "damaged text is read anew");
});
