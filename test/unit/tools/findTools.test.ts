import assert from "node:assert/strict";
import { test } from "node:test";
import { answerFindTools, describeTools, oneLine } from "../../../src/tools/findTools.ts";
import { createSelector } from "../../../src/tools/selector.ts";
import { sampleTools } from "./sampleTools.ts";

const find = (input: unknown, known: readonly string[] = []) =>
  answerFindTools(createSelector(sampleTools), input, new Set(known));

test("what is asked for is described with its arguments, best first", () => {
  const { text, ids } = find({ query: "take a picture of the page" });
  assert.equal(ids[0], "web/take_screenshot");
  assert.match(
    text,
    /^These tools can be used with call_tool:\n- take_screenshot: Take a picture of the page\.\n {2}arguments: \{\}\n/,
  );
  assert.match(text, /- fetch_page: .*\n {2}arguments: \{url\?: string \(Address\)\}/);
  assert.equal(text.match(/^- /gm)?.length, ids.length);
});

test("what the model has is not told again, but named if it fits best", () => {
  const { text, ids } = find({ query: "click" }, ["web/click"]);
  assert.match(text, /^You already have click, which fits best\./);
  assert.ok(!ids.includes("web/click"));
});

test("a question that nothing fits, or that is none, gets a sentence and no tools", () => {
  assert.deepEqual(find({ query: "zzz" }), {
    text: "No other tool fits. Try other words, or answer without.",
    ids: [],
  });
  for (const input of [undefined, null, 3, {}, { query: 4 }, { query: "  " }, []]) {
    assert.deepEqual(find(input).ids, []);
    assert.match(find(input).text, /Give "query"/);
  }
  assert.equal(find("click").ids[0], "web/click");
});

test("at most twenty tools are told, whatever there are", () => {
  const many = Array.from({ length: 200 }, (_, at) => ({
    id: `t${at}`,
    name: `read_file_${at}`,
    description: "Reads a file.",
    parameters: {},
  }));
  const known = new Set(many.slice(0, 150).map(({ id }) => id));
  const { ids } = answerFindTools(createSelector(many), { query: "read a file" }, known);
  assert.equal(ids.length, 20);
  assert.ok(ids.every((id) => !known.has(id)));
});

test("descriptions are cut to a length and to one line", () => {
  assert.equal(oneLine(" a\n b ", 9), "a b");
  assert.equal(oneLine("abcdef", 4), "abc…");
  const text = describeTools([{ id: "a", name: "a", description: `one\ntwo ${"x".repeat(5_000)}`, parameters: {} }]);
  assert.ok(text.length < 400);
  assert.match(text, /\n- a: one two x+…\n {2}arguments: \{\}$/);
});
