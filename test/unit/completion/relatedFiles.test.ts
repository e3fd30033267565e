import assert from "node:assert/strict";
import { test } from "node:test";
import { createRelatedFiles, type RelatedFiles } from "../../../src/completion/relatedFiles.ts";

const options = { windowText: "", maxUnits: 5400, isFresh: false };

const paths = (related: RelatedFiles, current = "cur.ts", more: Partial<typeof options> = {}): string[] =>
  related.list(current, { ...options, ...more }).map(({ path }) => path);

const text = (lines: number) => Array.from({ length: lines }, (_, n) => `line ${n}`).join("\n");

test("what changes least stands first: imports, open files, edits", () => {
  const related = createRelatedFiles();
  related.offer({ path: "edited.ts", text: "e", source: "edited" });
  related.offer({ path: "open.ts", text: "o", source: "open" });
  related.offer({ path: "imported.ts", text: "i", source: "imported", importer: "cur.ts" });
  assert.deepEqual(paths(related), ["imported.ts", "open.ts", "edited.ts"]);
});

test("the list only grows at its end while it is not made afresh", () => {
  const related = createRelatedFiles();
  related.offer({ path: "edited.ts", text: "e", source: "edited" });
  const first = related.list("cur.ts", options);
  related.offer({ path: "imported.ts", text: "i", source: "imported", importer: "cur.ts" });
  related.offer({ path: "edited.ts", text: "e\n", source: "edited" });
  const second = related.list("cur.ts", options);
  assert.equal(second[0], first[0]);
  assert.deepEqual(paths(related), ["edited.ts", "imported.ts"]);
  assert.deepEqual(paths(related, "cur.ts", { isFresh: true }), ["imported.ts", "edited.ts"]);
});

test("a changed piece goes to the end, with its new text", () => {
  const related = createRelatedFiles();
  related.offer({ path: "a.ts", text: "a", source: "edited" });
  related.offer({ path: "b.ts", text: "b", source: "edited" });
  const [first] = paths(related);
  assert.ok(first);
  related.offer({ path: first, text: "new", source: "edited" });
  assert.equal(related.list("cur.ts", options).at(-1)?.text, "new");
  assert.equal(related.list("cur.ts", options).length, 2);
});

test("neither the current file, nor what its window holds, nor another file's imports", () => {
  const related = createRelatedFiles();
  related.offer({ path: "cur.ts", text: "mine", source: "edited" });
  related.offer({ path: "copy.ts", text: "same text", source: "edited" });
  related.offer({ path: "other.ts", text: "not here", source: "imported", importer: "elsewhere.ts" });
  assert.deepEqual(paths(related, "cur.ts", { windowText: "has the same text in it" }), []);
});

test("of one file there is an import or a view, and beside it only what is being edited", () => {
  const related = createRelatedFiles();
  related.offer({ path: "a.ts", text: "open", source: "open" });
  related.offer({ path: "a.ts", text: "imported", source: "imported", importer: "cur.ts" });
  related.offer({ path: "a.ts", text: "edited", source: "edited" });
  assert.deepEqual(
    related.list("cur.ts", options).map((piece) => piece.text),
    ["imported", "edited"],
  );
});

test("the budget holds; imports come before edits, edits before views", () => {
  const related = createRelatedFiles();
  related.offer({ path: "edited.ts", text: text(60), source: "edited" });
  related.offer({ path: "open.ts", text: text(60), source: "open" });
  related.offer({ path: "imported.ts", text: text(60), source: "imported", importer: "cur.ts" });
  const pieces = related.list("cur.ts", { ...options, maxUnits: 1200 });
  assert.deepEqual(
    pieces.map(({ path }) => path),
    ["imported.ts", "edited.ts"],
  );
  assert.ok(pieces.reduce((sum, piece) => sum + piece.path.length + piece.text.length, 0) <= 1200);
  assert.deepEqual(paths(related, "cur.ts", { maxUnits: 0 }), []);
});

test("when something that the file imports finds no room, the list is made afresh", () => {
  const related = createRelatedFiles();
  related.offer({ path: "old.ts", text: text(100), source: "open" });
  assert.deepEqual(paths(related, "cur.ts", { maxUnits: 1200 }), ["old.ts"]);
  related.offer({ path: "imported.ts", text: text(100), source: "imported", importer: "cur.ts" });
  assert.deepEqual(paths(related, "cur.ts", { maxUnits: 1200 }), ["imported.ts"]);
});

test("a long piece is cut to whole lines, and a single endless line is nothing", () => {
  const related = createRelatedFiles();
  related.offer({ path: "a.ts", text: text(1000), source: "edited" });
  related.offer({ path: "b.ts", text: "x".repeat(5000), source: "edited" });
  const [piece, none] = related.list("cur.ts", options);
  assert.ok(piece && piece.text.length <= 1800 && /line \d+$/.test(piece.text));
  assert.equal(none, undefined);
});

test("forgotten files are gone, by source or altogether; an empty piece takes back its offer", () => {
  const related = createRelatedFiles();
  related.offer({ path: "a.ts", text: "o", source: "open" });
  related.offer({ path: "a.ts", text: "e", source: "edited" });
  related.offer({ path: "b.ts", text: "b", source: "open" });
  paths(related);
  related.forget("a.ts", "open");
  related.offer({ path: "b.ts", text: " \n", source: "open" });
  assert.deepEqual(paths(related), ["a.ts"]);
  related.forget("a.ts");
  assert.deepEqual(paths(related), []);
});

test("the number of pieces on offer is limited; the oldest go", () => {
  const related = createRelatedFiles();
  for (let n = 0; n < 200; n++) related.offer({ path: `${n}.ts`, text: `${n}`, source: "open" });
  const found = paths(related);
  assert.equal(found.length, 40);
  assert.ok(found.includes("199.ts") && !found.includes("159.ts"));
});

test("giving back forgets what was offered longest ago", () => {
  const related = createRelatedFiles();
  for (const path of ["a.ts", "b.ts", "c.ts"]) related.offer({ path, text: `text of ${path}`, source: "open" });
  assert.equal(paths(related).length, 3);
  related.shrink(related.sizeBytes());
  assert.equal(paths(related).length, 3);
  related.shrink(related.sizeBytes() - 1);
  assert.deepEqual(paths(related).toSorted(), ["b.ts", "c.ts"]);
  related.shrink(0);
  assert.deepEqual([paths(related), related.sizeBytes()], [[], 0]);
});
