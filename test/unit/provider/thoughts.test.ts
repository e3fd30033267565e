import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamPart } from "../../../src/provider/provider.ts";
import { withoutThoughts } from "../../../src/provider/thoughts.ts";

const end = { type: "end", reason: "stop", usage: {} } as const satisfies StreamPart;
const call = { type: "tool-call", call: { id: "1", name: "look", argumentsJson: "{}" } } as const;

async function* streamOf(parts: readonly StreamPart[]): AsyncGenerator<StreamPart> {
  yield* parts;
}

const pieces = (text: string, size: number): readonly StreamPart[] =>
  (text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []).map((piece) => ({ type: "text", text: piece }));

const read = async (parts: readonly StreamPart[]) => {
  let text = "";
  const others: StreamPart[] = [];
  for await (const part of withoutThoughts(streamOf(parts))) {
    if (part.type === "text") {
      assert.notEqual(part.text, "");
      text += part.text;
    } else others.push(part);
  }
  return { text, others };
};

const cases: readonly (readonly [before: string, after: string])[] = [
  ["<think>a</think>b", "b"],
  ["\n<thinking>\na < b\n</thinking>\n\n  b", "b"],
  ["<think></think>", ""],
  ["<think>never closed", ""],
  ["<thi", "<thi"],
  ["<table>x</table>", "<table>x</table>"],
  ["Use <think>tags</think>.", "Use <think>tags</think>."],
  ["<think>a</think>b <think>c</think>", "b <think>c</think>"],
  ["<reasoning>a</think>b</reasoning>c", "c"],
  ["  plain", "  plain"],
  ["", ""],
];

for (const size of [1, 2, 3, 7, 100]) {
  test(`thinking at the beginning is left out, in pieces of ${size}`, async () => {
    for (const [before, after] of cases) {
      const { text, others } = await read([...pieces(before, size), end]);
      assert.equal(text, after, before);
      assert.deepEqual(others, [end]);
    }
  });
}

test("a call and the end come through, and text behind a call is the answer", async () => {
  const { text, others } = await read([...pieces("<think>a", 3), call, ...pieces("<think>b", 3), end]);
  assert.equal(text, "<think>b");
  assert.deepEqual(others, [call, end]);
});

test("text is given as soon as it can be no tag", async () => {
  const stream = withoutThoughts(streamOf([...pieces("Hello", 2), end]));
  assert.deepEqual(await stream.next(), { done: false, value: { type: "text", text: "He" } });
  await stream.return(undefined);
});
