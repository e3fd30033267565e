import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelInput } from "../../../src/nextEdit/modelInput.ts";
import { findModelFormat } from "../../../src/nextEdit/modelFormats.ts";

const lines = ["import a", "", "def run(n):", "    total = a.one(n)", "    return t", ""];
const input: ModelInput = {
  path: "src/run.py",
  lines,
  cursor: { line: 4, column: 12 },
  edits: [{ line: 3, removed: ["    t = a.one(n)"], added: ["    total = a.one(n)"] }],
};

const formatOf = (name: string) => {
  const format = findModelFormat(name);
  assert.ok(format, name);
  return format;
};

const rawPrompt = (name: string, of = input): string => {
  const question = formatOf(name).ask(of);
  assert.ok(question?.kind === "raw", name);
  return question.prompt;
};

test("the format is chosen by the model's name, and none for models that predict no edits", () => {
  const expected: Record<string, string | undefined> = {
    zeta: "zeta1",
    "zed-industries/zeta": "zeta1",
    "hf.co/bartowski/zed-industries_zeta-GGUF:Q4_K_M": "zeta1",
    "zeta-2": "zeta2",
    "zed-industries/zeta-2.1": "zeta2.1",
    "/models/zeta2.Q8_0.gguf": "zeta2",
    "sweepai/sweep-next-edit-1.5B": "sweep",
    "sweep-next-edit-v2": "sweep",
    "nate/instinct": "instinct",
    "continuedev/instinct": "instinct",
    "qwen2.5-coder:7b": undefined,
    "/zeta/llama-3.gguf": undefined,
    "": undefined,
  };
  for (const [name, format] of Object.entries(expected)) assert.equal(findModelFormat(name)?.name, format, name);
});

test("Zeta 1: an instruction, the edits as diffs, the excerpt with its editable region", () => {
  assert.equal(
    rawPrompt("zeta"),
    `### Instruction:
You are a code completion assistant and your task is to analyze user edits and then rewrite an excerpt that the user provides, suggesting the appropriate edits within the excerpt, taking into account the cursor location.

### User Edits:

User edited src/run.py:
\`\`\`diff
@@ -4,1 +4,1 @@
-    t = a.one(n)
+    total = a.one(n)
\`\`\`

### User Excerpt:

\`\`\`src/run.py
<|start_of_file|>
<|editable_region_start|>
import a

def run(n):
    total = a.one(n)
    return t<|user_cursor_is_here|>
<|editable_region_end|>
\`\`\`

### Response:
`,
  );
});

test("Zeta 1: a long document gives the lines around the cursor, and more around those to read", () => {
  const many = Array.from({ length: 500 }, (_, line) => `line ${line} ${"x".repeat(40)}`);
  const question = formatOf("zeta").ask({ ...input, lines: many, cursor: { line: 250, column: 0 }, edits: [] });
  assert.ok(question?.kind === "raw");
  const { from, to } = question.editable;
  assert.ok(from > 225 && to < 275 && from <= 250 && to > 250, JSON.stringify(question.editable));
  assert.ok(!question.prompt.includes("<|start_of_file|>"));
  assert.ok(question.prompt.includes(`line ${from - 1} `) && question.prompt.includes(`line ${to} `));
  assert.ok(question.prompt.length < 3000);
});

test("Zeta 2: what follows, the history, then the lines as one side of a merge conflict", () => {
  assert.equal(
    rawPrompt("zeta-2"),
    `<[fim-suffix]>
<[fim-prefix]><filename>edit_history
--- a/src/run.py
+++ b/src/run.py
@@ -4,1 +4,1 @@
-    t = a.one(n)
+    total = a.one(n)

<filename>src/run.py
<<<<<<< CURRENT
import a

def run(n):
    total = a.one(n)
    return t<|user_cursor|>
=======
<[fim-middle]>`,
  );
  assert.match(
    rawPrompt("zeta-2.1"),
    /<filename>src\/run\.py\n<\|marker_1\|>\nimport a\n[^]*\n<\|marker_2\|>\n<\[fim-middle\]>$/,
  );
});

test("Sweep: edits as pairs, then the window before, now, and to be written", () => {
  assert.equal(
    rawPrompt("sweep-next-edit-1.5b"),
    `<|file_sep|>src/run.py.diff
original:
    t = a.one(n)
updated:
    total = a.one(n)
<|file_sep|>original/src/run.py
import a

def run(n):
    t = a.one(n)
    return t
<|file_sep|>current/src/run.py
import a

def run(n):
    total = a.one(n)
    return t
<|file_sep|>updated/src/run.py
`,
  );
});

test("Sweep: the window before an edit above it shows the same lines", () => {
  const many = Array.from({ length: 60 }, (_, line) => `line ${line}`);
  const now = many.toSpliced(2, 0, "new", "lines");
  const edits = [{ line: 2, removed: [], added: ["new", "lines"] }];
  const prompt = rawPrompt("sweep-next-edit", { path: "a", lines: now, cursor: { line: 40, column: 0 }, edits });
  const [, original, current] = prompt.split("<|file_sep|>").slice(1);
  assert.equal(original!.replace("original/", ""), current!.replace("current/", ""));
});

test("the end of a document is a line of its own only with the cursor in it", () => {
  const atEnd = { ...input, cursor: { line: 5, column: 0 } };
  assert.match(rawPrompt("zeta-2", atEnd), /return t\n<\|user_cursor\|>\n=======/);
});

test("Instinct: a chat whose excerpt has seven editable lines at most", () => {
  const question = formatOf("instinct").ask(input);
  assert.ok(question?.kind === "chat");
  assert.deepEqual(question.editable, { from: 3, to: 5 });
  assert.equal(
    question.user,
    `### Context:

### User Edits:

User edited file "src/run.py"

\`\`\`diff
@@ -4,1 +4,1 @@
-    t = a.one(n)
+    total = a.one(n)
\`\`\`

### User Excerpt:
src/run.py

import a

def run(n):
<|editable_region_start|>
    total = a.one(n)
    return t<|user_cursor_is_here|>
<|editable_region_end|>
### Response:`,
  );
});

test("a document that contains a family's own marks is not asked about", () => {
  const marks: Record<string, string> = {
    zeta: "<|editable_region_end|>",
    "zeta-2": "<[fim-middle]>",
    "zeta-2.1": "<|marker_2|>",
    "sweep-next-edit": "<|file_sep|>",
    instinct: "<|user_cursor_is_here|>",
  };
  for (const [name, mark] of Object.entries(marks)) {
    const format = formatOf(name);
    assert.equal(format.ask({ ...input, lines: [...lines, `x ${mark} y`] }), undefined, name);
    assert.equal(format.ask({ ...input, edits: [{ line: 0, removed: [mark], added: [] }] }), undefined, name);
    assert.ok(format.ask(input), name);
  }
});

test("answers are read up to their marks, without the cursor", () => {
  const cases: readonly (readonly [string, string, readonly string[] | undefined])[] = [
    ["zeta", "<|editable_region_start|>\na\nb<|user_cursor_is_here|>c\n<|editable_region_end|>\n```", ["a", "bc"]],
    ["zeta", "a\n<|editable_region_end|>", ["a"]],
    ["zeta", "<|editable_region_start|>\na\n", undefined],
    ["zeta", "<|editable_region_end|><|editable_region_start|>", undefined],
    ["zeta", "<|editable_region_start|>\na\n<|editable_region_start|>\nb\n<|editable_region_end|>", undefined],
    ["zeta-2", "a\nb<|user_cursor|>\n>>>>>>> UPDATED\nmore", ["a", "b"]],
    ["zeta-2", "a\r\nb\r\n", ["a", "b"]],
    ["zeta-2", "NO_EDITS\n>>>>>>> UPDATED\n", undefined],
    ["zeta-2.1", "<|marker_1|>\na\n<|user_cursor|>b\n<|marker_2|>", ["a", "b"]],
    ["zeta-2.1", "a\nb\n<|marker_2|>", ["a", "b"]],
    ["zeta-2.1", "NO_EDITS", undefined],
    ["sweep-next-edit", "a\n\nb\n<|file_sep|>x", ["a", "", "b"]],
    ["sweep-next-edit", "a\n</s>", ["a"]],
    ["instinct", "a\nb", ["a", "b"]],
    ["instinct", "```python\na\nb\n```\n", ["a", "b"]],
    ["instinct", "<|editable_region_start|>\na\n<|editable_region_end|>\n", ["a"]],
  ];
  for (const [name, answer, expected] of cases)
    assert.deepEqual(formatOf(name).read(answer), expected, `${name} ${answer}`);
});
