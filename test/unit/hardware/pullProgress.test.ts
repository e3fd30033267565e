import assert from "node:assert/strict";
import { test } from "node:test";
import { createPullReader, PullError } from "../../../src/hardware/pullProgress.ts";

const part = (digest: string, total: number, completed?: number) => ({
  status: `pulling ${digest}`,
  digest,
  total,
  ...(completed === undefined ? {} : { completed }),
});

test("the parts of a model are one sum, from the manifest to the success", () => {
  const read = createPullReader();
  assert.deepEqual(read({ status: "pulling manifest" }), { totalBytes: 0, completedBytes: 0, phase: "starting" });
  // The first line of a part may come without what is there.
  assert.deepEqual(read(part("a", 1000)), { totalBytes: 1000, completedBytes: 0, phase: "downloading" });
  assert.equal(read(part("a", 1000, 400)).completedBytes, 400);
  assert.deepEqual(read(part("b", 100, 100)), { totalBytes: 1100, completedBytes: 500, phase: "downloading" });
  assert.equal(read({ status: "verifying sha256 digest" }).phase, "checking");
  assert.equal(read({ status: "writing manifest" }).phase, "checking");
  assert.equal(read({ status: "success" }).phase, "done");
});

test("the sums never go back, and never beyond the whole", () => {
  const read = createPullReader();
  read(part("a", 1000, 600));
  assert.equal(read(part("a", 1000, 100)).completedBytes, 600);
  assert.equal(read(part("a", 1000, 5000)).completedBytes, 1000);
});

test("a fault of the server's own ends it with its words", () => {
  const read = createPullReader();
  assert.throws(() => read({ error: "pull model manifest: file does not exist" }), PullError);
});

test("what makes no sense changes nothing", () => {
  const read = createPullReader();
  const before = read(part("a", 1000, 600));
  for (const line of [
    null,
    undefined,
    7,
    "text",
    [],
    { status: 3 },
    { digest: 4, total: 9 },
    { status: "new words" },
  ]) {
    assert.deepEqual(read(line), before);
  }
  assert.deepEqual(read({ digest: "b", total: -5, completed: Number.NaN }), before);
  assert.deepEqual(read({ digest: "c", total: "9" }), before);
});

test("a server that names parts without end fills no memory", () => {
  const read = createPullReader();
  for (let index = 0; index < 5000; index++) read(part(`d${index}`, 1, 1));
  assert.equal(read({ status: "success" }).totalBytes, 1000);
});
