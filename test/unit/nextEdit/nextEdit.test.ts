import assert from "node:assert/strict";
import { test } from "node:test";
import { createNextEdit } from "../../../src/nextEdit/nextEdit.ts";
import { applyPlace } from "../../../src/nextEdit/rule.ts";

/** Makes an edit, takes every offer that follows, and gives the document at the end. */
const takeAll = (before: string, after: string, languageId: string): string => {
  const nextEdit = createNextEdit(before, languageId);
  let text = after;
  for (let taken = 0; taken < 20; taken++) {
    nextEdit.update(text);
    const edit = nextEdit.next();
    if (!edit) return text;
    text = applyPlace(text, edit);
  }
  throw new Error("The offers never end");
};

test("a rename is offered until its scope is done, and nowhere else", () => {
  const before = `function sum(values: number[]) {
  let s = 0;
  for (const value of values) {
    s += value;
    log(\`now \${s}, s\`);
  }
  return { s: order.s, all: s };
}

function other(s: string) {
  return s;
}
`;
  const after = takeAll(before, before.replace("let s", "let total"), "typescript");
  assert.equal(
    after,
    `function sum(values: number[]) {
  let total = 0;
  for (const value of values) {
    total += value;
    log(\`now \${total}, s\`);
  }
  return { s: order.s, all: total };
}

function other(s: string) {
  return s;
}
`,
  );
});

test("what was changed is not changed once more", () => {
  const before = "const a = read(one);\nconst b = read(two);\n";
  const after = takeAll(before, before.replace("read(one)", "await read(one)"), "typescript");
  assert.equal(after, "const a = await read(one);\nconst b = await read(two);\n");
  const console = 'console.log("a");\nmy.console.log("b");\n';
  const wrapped = console.replace('console.log("a")', 'my.console.log("a")');
  assert.equal(takeAll(console, wrapped, "typescript"), wrapped);
  const nextEdit = createNextEdit("f(a)\ng(a)\n", "typescript");
  nextEdit.update("f(clone(a))\ng(a)\n");
  nextEdit.update("f(clone(a))\ng(clone(a))\n");
  assert.equal(nextEdit.next(), undefined);
});

test("a call with more arguments than the changed one had is another call", () => {
  const text = "one := store.Find(id)\ntwo := store.Find(context.TODO(), id)\n";
  const changed = text.replace("Find(id)", "Find(ctx, id)");
  assert.equal(takeAll(text, changed, "go"), changed);
});

test("a name that is typed in several goes counts as one edit", () => {
  const nextEdit = createNextEdit("let s = 0;\nprint(s);\n", "javascript");
  nextEdit.update("let  = 0;\nprint(s);\n");
  assert.equal(nextEdit.next(), undefined);
  nextEdit.update("let to = 0;\nprint(s);\n");
  nextEdit.update("let total = 0;\nprint(s);\n");
  assert.deepEqual(nextEdit.next(), { line: 1, column: 6, endLine: 1, endColumn: 7, text: "total" });
  assert.equal(nextEdit.edits().length, 1);
});

test("a rename inside of lines that were pasted just now is a change of its own", () => {
  const nextEdit = createNextEdit("start();\n", "javascript");
  nextEdit.update("start();\nlet s = 0;\nprint(s);\n");
  nextEdit.update("start();\nlet total = 0;\nprint(s);\n");
  assert.deepEqual(nextEdit.next(), { line: 2, column: 6, endLine: 2, endColumn: 7, text: "total" });
});

test("many long lines cost no more than a moment: what is near counts", () => {
  const row = `const d = [${"p(1, 2, 3), ".repeat(150)}];`;
  const lines = ["const a = p(one);", ...Array.from({ length: 600 }, () => row), "const b = p(two);"];
  const farAway = createNextEdit(lines.join("\n"), "javascript");
  farAway.update(lines.with(0, "const a = p(one, x);").join("\n"));
  assert.equal(farAway.next(), undefined);
  const near = [...lines.slice(0, 2), ...lines.slice(-1)];
  const nearBy = createNextEdit(near.join("\n"), "javascript");
  nearBy.update(near.with(0, "const a = p(one, x);").join("\n"));
  assert.equal(nearBy.next()?.line, 2);
});

test("a large paste, a huge line and an empty document offer nothing and break nothing", () => {
  const nextEdit = createNextEdit("", "typescript");
  assert.equal(nextEdit.next(), undefined);
  nextEdit.update("x\n".repeat(10_000));
  assert.equal(nextEdit.next(), undefined);
  nextEdit.update("y".repeat(1_000_000));
  assert.equal(nextEdit.next(), undefined);
  nextEdit.update("");
  assert.equal(nextEdit.next(), undefined);
});

test("minified lines are passed over, however often they contain what is looked for", () => {
  const lines = ["let foo = 1;", "foo.bar(1); ".repeat(70_000), "foo();"];
  const nextEdit = createNextEdit(lines.join("\n"), "javascript");
  nextEdit.update(lines.with(0, "let other = 1;").join("\n"));
  assert.deepEqual(nextEdit.next(), { line: 2, column: 0, endLine: 2, endColumn: 3, text: "other" });
});

test("applying every offer of any two edits never leaves the document's bounds", () => {
  const text = "a.b(1)\n  a.b(2)\n\n\ta.b(3, [x])\n`${a}` 'q' // a.b\n";
  const pieces = ["", "a", "a.", " ", "\n", "(", "await ", "\n\n", "😀", '"', "}"];
  for (let at = 0; at <= text.length; at++) {
    for (const piece of pieces) {
      for (const gone of [0, 1, 3, 8]) {
        const nextEdit = createNextEdit(text, "typescript");
        const after = text.slice(0, at) + piece + text.slice(at + gone);
        nextEdit.update(after);
        const edit = nextEdit.next();
        if (!edit) continue;
        const lines = after.split("\n");
        assert.ok(edit.endLine <= lines.length - 1, JSON.stringify({ at, piece, gone, edit }));
        assert.ok(edit.column <= lines[edit.line]!.length && edit.endColumn <= lines[edit.endLine]!.length);
        assert.notEqual(applyPlace(after, edit), after);
      }
    }
  }
});
