import assert from "node:assert/strict";
import { test } from "node:test";
import { editKind, type EditEvent } from "../../../src/completion/edits.ts";

const edit = (offset: number, removedUnits: number, text: string, more: Partial<EditEvent> = {}): EditEvent => ({
  changes: [{ offset, removedUnits, text }],
  cause: "edit",
  isLineBlank: text.trim() === "",
  atMs: 1000,
  ...more,
});

test("blanks on a blank line are indentation, by Tab, by blanks and by outdenting", () => {
  assert.equal(editKind(edit(10, 0, "  "), undefined), "indentation");
  assert.equal(editKind(edit(10, 0, "\t"), edit(9, 0, "\t", { atMs: 990 })), "indentation");
  assert.equal(editKind(edit(10, 6, "    "), undefined), "indentation");
});

test("the editor's own indentation behind Enter is not, in one edit or in two", () => {
  assert.equal(editKind(edit(10, 0, "\n    "), undefined), "other");
  assert.equal(editKind(edit(11, 0, "    "), edit(10, 0, "\n", { atMs: 995 })), "other");
  assert.equal(editKind(edit(11, 0, "    "), edit(10, 0, "\n", { atMs: 800 })), "indentation");
});

test("the editor's own indentation may come letter by letter", () => {
  const first = { ...edit(11, 0, " ", { atMs: 995 }), kind: "other" } as const;
  assert.equal(editKind(edit(12, 0, " "), first), "other");
  assert.equal(editKind(edit(12, 0, " ", { atMs: 1200 }), first), "indentation");
  assert.equal(editKind(edit(12, 0, " "), { ...first, kind: "indentation" }), "indentation");
});

test("blanks that come at once are no keys, however late the host is told of them", () => {
  const late = { ...edit(11, 0, " ", { atMs: 999 }), kind: "indentation" } as const;
  assert.equal(editKind(edit(12, 0, " "), late), "other");
  assert.equal(editKind(edit(12, 0, " "), { ...late, isLineBlank: false }), "indentation");
  assert.equal(editKind(edit(12, 0, "  "), late), "indentation");
});

test("blanks within a line are typing, and so is taking indentation away", () => {
  assert.equal(editKind(edit(10, 0, " ", { isLineBlank: false }), undefined), "other");
  assert.equal(editKind(edit(10, 2, ""), undefined), "other");
});

test("Undo and Redo are not typing", () => {
  assert.equal(editKind(edit(10, 0, "a", { cause: "undo" }), undefined), "undone");
  assert.equal(editKind(edit(10, 0, "a", { cause: "redo" }), undefined), "undone");
});

test("replacing what was entered just before is an input method's step", () => {
  assert.equal(editKind(edit(10, 1, "ni"), edit(10, 0, "n")), "composition");
  assert.equal(editKind(edit(10, 5, "你好"), edit(10, 4, "nihao")), "composition");
  assert.equal(editKind(edit(10, 1, "하"), edit(10, 0, "ㅎ")), "composition");
});

test("a closing bracket that indents its line anew is none", () => {
  assert.equal(editKind(edit(10, 1, "\t}"), edit(10, 0, "\t")), "other");
});

test("an item of the suggest widget is none, nor is a letter that is set right", () => {
  assert.equal(editKind(edit(10, 1, "console"), edit(10, 0, "c")), "other");
  assert.equal(editKind(edit(10, 1, "b"), edit(9, 0, "x")), "other");
  assert.equal(editKind(edit(10, 1, ""), edit(10, 0, "x")), "other");
  assert.equal(editKind(edit(31, 1, ")"), edit(30, 0, "()")), "other");
});
