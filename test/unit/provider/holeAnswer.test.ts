import assert from "node:assert/strict";
import { test } from "node:test";
import { createHoleAnswer } from "../../../src/provider/holeAnswer.ts";
import { fillHole, holeRequest } from "../../../src/provider/holeFill.ts";
import type { StreamPart } from "../../../src/provider/provider.ts";
import { collectParts } from "./harness.ts";

const clean = (prefix: string, pieces: readonly string[]): string => {
  const answer = createHoleAnswer(prefix);
  return pieces.map((piece) => answer.push(piece)).join("") + answer.flush();
};

const line = "  const total = ";
const before = `const rows = [1, 2];\nfunction sum() {\n${line}`;

const cases: readonly (readonly [name: string, prefix: string, answer: string, wanted: string])[] = [
  ["the text alone", before, "rows.length;", "rows.length;"],
  ["several lines", before, "rows.length;\n  return total;\n}", "rows.length;\n  return total;\n}"],
  ["a fence with a language", before, "```ts\nrows.length;\n```", "rows.length;"],
  ["a fence and what follows it", before, "```\nrows.length;\n```\nThis counts the rows.", "rows.length;"],
  ["a fence that is never closed", before, "```ts\nrows.length;\nreturn total;", "rows.length;\nreturn total;"],
  ["a fence of tildes", before, "~~~ts\nrows.length;\n~~~\n", "rows.length;"],
  ["talk before a fence", before, "Here is the missing code:\n\n```ts\nrows.length;\n```", "rows.length;"],
  ["talk without a fence", before, "I'm sorry, but there is nothing to complete.", ""],
  ["talk of several lines", before, "Sure! Let me explain.\nIt is a sum.", ""],
  ["the line repeated", before, `${line}rows.length;`, "rows.length;"],
  ["the line repeated without its indentation", before, "const total = rows.length;", "rows.length;"],
  [
    "several lines repeated in a fence",
    before,
    `\`\`\`ts\nfunction sum() {\n${line}rows.length;\n\`\`\``,
    "rows.length;",
  ],
  ["the whole text repeated", before, `${before}rows.length;\n}`, "rows.length;\n}"],
  ["a repetition that goes another way is none", before, "const total_ = 1;", "const total_ = 1;"],
  ["a repetition that breaks off is kept", before, "function sum() {\n  const", "function sum() {\n  const"],
  ["thinking", before, "<think>\nThe rows?\n</think>\n\nrows.length;", "rows.length;"],
  ["thinking on one line", before, "<think>rows</think>rows.length;", "rows.length;"],
  ["thinking that never ends", before, "<think>\nrows or no rows", ""],
  ["indentation that stands there already", "def f():\n    ", "    return 1\n    # end", "return 1\n    # end"],
  ["other indentation stays", "def f():\n    ", "\treturn 1", "\treturn 1"],
  [
    "a fence inside of a text stays",
    "# Title\n",
    "Text.\n\n```js\na();\n```\nMore.",
    "Text.\n\n```js\na();\n```\nMore.",
  ],
  ["a word of Go that is no talk", "func f() {\n\t", "ok, err := g()\n", "ok, err := g()\n"],
  ["too short to be a repetition", "a\n(", "(b)", "(b)"],
  ["a blank line first", "x = 1", "\ny = 2\n", "\ny = 2\n"],
  ["nothing", before, "", ""],
  ["a backtick in code", before, "`a`;\nb", "`a`;\nb"],
];

for (const [name, prefix, answer, wanted] of cases) {
  test(`an answer to a hole: ${name}, however it is split`, () => {
    assert.equal(clean(prefix, [answer]), wanted);
    assert.equal(clean(prefix, answer.split("")), wanted, "letter by letter");
    for (let at = 0; at <= answer.length; at++) {
      assert.equal(clean(prefix, [answer.slice(0, at), answer.slice(at)]), wanted, `split at ${at}`);
    }
  });
}

test("what is clear is given at once, line by line", () => {
  const answer = createHoleAnswer(before);
  assert.equal(answer.push("rows.length;\n"), "rows.length;\n");
  assert.equal(answer.push("ret"), "ret");
  const fenced = createHoleAnswer(before);
  assert.equal(fenced.push("```ts\nrows"), "rows");
  assert.equal(fenced.push(";\n"), ";");
  assert.equal(fenced.push("}\n``"), "\n}");
  assert.equal(fenced.isOver(), false);
  assert.equal(fenced.push("`\nThat"), "");
  assert.equal(fenced.isOver(), true);
});

test("an empty document and one of very many lines cost nothing to speak of", () => {
  assert.equal(clean("", ["```\na\n```"]), "a");
  const long = "value;\n".repeat(200_000);
  assert.equal(clean(long, ["next();\n"]), "next();\n");
});

const request = { prefix: before, suffix: "\n}\n", maxTokens: 32 };

test("the model is asked to fill a mark that stands nowhere in the text", () => {
  const { messages, maxTokens } = holeRequest(request);
  assert.equal(messages.at(-1)?.content, `${before}<FILL_HERE>\n}\n`);
  assert.equal(maxTokens, 48);
  const typing = { ...request, prefix: before.slice(0, -6), typed: before.slice(-6) };
  assert.deepEqual(holeRequest(typing), holeRequest(request));
  const odd = holeRequest({ ...request, prefix: "<FILL_HERE> " });
  assert.equal(odd.messages.at(-1)?.content, "<FILL_HERE> <FILL_HERE_2>\n}\n");
  assert.ok(JSON.stringify(odd.messages[0]).includes("<FILL_HERE_2>"));
});

const answering = (...texts: readonly string[]) =>
  async function* chat(): AsyncGenerator<StreamPart> {
    for (const text of texts) yield { type: "text", text };
    yield { type: "end", reason: "length", usage: { generatedTokens: 5 } };
  };

test("stop texts count in what is left, and end the stream", async () => {
  const fenced = await collectParts(
    fillHole({ ...request, stop: ["\n"] }, answering("```ts\nrows", ".length;\n", "}")),
  );
  assert.equal(fenced.text, "rows.length;");
  assert.equal(fenced.end?.reason, "stop");
  const whole = await collectParts(fillHole({ ...request, stop: ["\n\n"] }, answering("rows\n", "+ 1")));
  assert.equal(whole.text, "rows\n+ 1");
  assert.deepEqual(whole.end, { type: "end", reason: "length", usage: { generatedTokens: 5 } });
  const typing = { ...request, prefix: before.slice(0, -6), typed: before.slice(-6) };
  const repeated = await collectParts(fillHole(typing, answering(`${line}rows\n`)));
  assert.equal(repeated.text, "rows\n");
  const marked = await collectParts(fillHole(request, answering("rows<FILL_HERE>", "more")));
  assert.equal(marked.text, "rows");
});

test("after the closing fence nothing more is read", async () => {
  let isLeft = false;
  const chat = async function* chat(): AsyncGenerator<StreamPart> {
    try {
      yield { type: "text", text: "```\nrows\n```\n" };
      assert.fail("was read on");
    } finally {
      isLeft = true;
    }
  };
  const { text, end } = await collectParts(fillHole(request, chat));
  assert.equal(text, "rows");
  assert.equal(end?.reason, "stop");
  assert.ok(isLeft);
});
