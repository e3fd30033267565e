import assert from "node:assert/strict";
import { test } from "node:test";
import { follow, standingUnits, type TextChange } from "../../../src/completion/followedText.ts";

const accepted = "one(two, three);";

/** What of `accepted` stands in "let a = one(two, three);\n" after changes, and where. */
const after = (...changes: readonly TextChange[]) =>
  changes
    .reduce<ReturnType<typeof follow>>(follow, [{ offset: 8, text: accepted }])
    .map(({ offset, text }) => [offset, text]);
const change = (offset: number, removedUnits: number, text: string): TextChange => ({ offset, removedUnits, text });

test("edits before move it, edits behind leave it", () => {
  assert.deepEqual(after(change(0, 0, "// x\n")), [[13, accepted]]);
  assert.deepEqual(after(change(0, 4, "")), [[4, accepted]]);
  assert.deepEqual(after(change(8, 0, "await ")), [[14, accepted]]);
  assert.deepEqual(after(change(24, 0, " // x")), [[8, accepted]]);
});

test("what is removed is gone, what is typed inside does not count", () => {
  assert.deepEqual(after(change(15, 7, "")), [
    [8, "one(two"],
    [15, ");"],
  ]);
  assert.deepEqual(after(change(12, 3, "2")), [
    [8, "one("],
    [13, ", three);"],
  ]);
  assert.deepEqual(after(change(12, 0, "x, ")), [
    [8, "one("],
    [15, "two, three);"],
  ]);
  assert.deepEqual(after(change(6, 40, "")), []);
  assert.deepEqual(after(change(6, 4, "xy")), [[8, "e(two, three);"]]);
});

test("a formatter that puts the same lines somewhere else leaves them standing", () => {
  assert.deepEqual(after(change(0, 24, "  let a = one(two, three);")), [[10, accepted]]);
  // As a whole document, where the same text stands elsewhere too.
  const before = "x".repeat(500);
  assert.deepEqual(follow([{ offset: 500, text: accepted }], change(0, 516, `${accepted}${before}${accepted}`)), [
    { offset: 516, text: accepted },
  ]);
});

test("a replaced text that is not there again is gone", () => {
  assert.deepEqual(after(change(0, 24, "let a = one(2, 3);")), []);
  // So short a text stands in many places by chance.
  assert.deepEqual(follow([{ offset: 8, text: "a);" }], change(0, 11, "b(a);")), []);
});

test("counts what stands of several pieces", () => {
  assert.equal(
    standingUnits([
      { offset: 0, text: "ab" },
      { offset: 9, text: "c" },
    ]),
    3,
  );
});
