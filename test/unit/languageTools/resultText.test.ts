import assert from "node:assert/strict";
import { test } from "node:test";
import { listLines, pickLines, resultRoom, shortLine } from "../../../src/languageTools/resultText.ts";

test("a caller's budget counts, within limits", () => {
  assert.deepEqual([undefined, 100, 1, 1e9].map(resultRoom), [16_000, 300, 200, 16_000]);
});

test("lists end where the room does, and say so", () => {
  assert.equal(listLines("Two:", ["a", "b"], 100), "Two:\na\nb");
  const text = listLines(
    "Many:",
    Array.from({ length: 100 }, (_, index) => `line ${index}`),
    60,
  );
  assert.match(text, /^Many:\nline 0\n[^]*\n… 9\d more not shown; ask for less at once\.$/);
  assert.ok(text.length < 120);
});

test("long lines show the place that counts", () => {
  const line = `${"x".repeat(1000)}needle${"y".repeat(1000)}`;
  assert.match(shortLine(line, 1000), /^…x+needley+…$/);
  assert.match(shortLine(line), /^x+…$/);
  assert.ok(shortLine(line, 1000).length < 260);
  assert.equal(shortLine("   a  "), "a");
});

test("lines of a file come below their numbers", () => {
  const text = "a\r\nb\nc\n";
  const room = { roomUnits: 1000 };
  assert.equal(pickLines("f", text, room), "f, lines 1-3 of 3:\na\nb\nc");
  assert.equal(pickLines("f", text, { ...room, startLine: 2, endLine: 99 }), "f, lines 2-3 of 3:\nb\nc");
  assert.equal(pickLines("f", "", room), "f, lines 1-1 of 1:\n");
  assert.throws(() => pickLines("f", text, { ...room, startLine: 4 }), /f has only 3 lines/);
  assert.throws(() => pickLines("f", "one", { ...room, startLine: 4 }), /f has only 1 line\./);
  assert.throws(() => pickLines("f", text, { ...room, startLine: 3, endLine: 2 }), /"endLine"/);
});

test("what does not fit is asked for next", () => {
  const text = Array.from({ length: 50 }, (_, index) => `line ${index + 1}`).join("\n");
  const first = pickLines("f", text, { roomUnits: 100 });
  assert.match(first, /^f, lines 1-13 of 50:\n[^]*line 13\n… cut: ask for lines from 14 on\.$/);
  assert.match(pickLines("f", "x".repeat(5000), { roomUnits: 100 }), /^f, lines 1-1 of 1:\nx{100}…$/);
});
