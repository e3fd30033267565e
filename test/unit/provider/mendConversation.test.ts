import assert from "node:assert/strict";
import { test } from "node:test";
import { mendConversation } from "../../../src/provider/mendConversation.ts";
import type { ChatMessage } from "../../../src/provider/provider.ts";

const user = (content: string): ChatMessage => ({ role: "user", content });
const says = (content: string): ChatMessage => ({ role: "assistant", content });
const system = (content: string): ChatMessage => ({ role: "system", content });
const calls = (...ids: readonly string[]): ChatMessage => ({
  role: "assistant",
  content: "",
  toolCalls: ids.map((id) => ({ id, name: `tool_${id}`, argumentsJson: "{}" })),
});
const result = (toolCallId: string, content = `result ${toolCallId}`): ChatMessage => ({
  role: "tool",
  toolCallId,
  toolName: `tool_${toolCallId}`,
  content,
});
const noResult = (id: string) => result(id, "No result: the call was not made.");

const cases: readonly {
  readonly name: string;
  readonly before: readonly ChatMessage[];
  readonly after: readonly ChatMessage[];
}[] = [
  {
    name: "a sound conversation stays as it is",
    before: [system("s"), user("1"), calls("a", "b"), result("a"), result("b"), says("2"), user("3")],
    after: [system("s"), user("1"), calls("a", "b"), result("a"), result("b"), says("2"), user("3")],
  },
  {
    name: "several system messages are one, and it comes first",
    before: [system("s"), user("1"), system(" "), system("t"), says("2")],
    after: [system("s\n\nt"), user("1"), says("2")],
  },
  {
    name: "neighbours of one role are one message",
    before: [user("1"), user("2"), says("3"), says("4"), user("5")],
    after: [user("1\n\n2"), says("3\n\n4"), user("5")],
  },
  {
    name: "text and the calls behind it are one message",
    before: [user("1"), says("2"), calls("a"), result("a")],
    after: [user("1"), { ...calls("a"), content: "2" }, result("a")],
  },
  {
    name: "empty messages are left out, and what they stood between is joined",
    before: [user(""), user("1"), says("\n"), user("2"), { role: "user", content: [] }],
    after: [user("1\n\n2")],
  },
  {
    name: "parallel results come in the calls' order, before what the user says",
    before: [user("1"), calls("a", "b"), user("2"), result("b"), result("a"), user("3")],
    after: [user("1"), calls("a", "b"), result("a"), result("b"), user("2\n\n3")],
  },
  {
    name: "a call without a result gets one that says so",
    before: [user("1"), calls("a", "b"), result("b"), says("2"), calls("c")],
    after: [user("1"), calls("a", "b"), noResult("a"), result("b"), { ...calls("c"), content: "2" }, noResult("c")],
  },
  {
    name: "a result without its call is told by the user",
    before: [result("x"), user("1"), says("2"), result("a"), user("3")],
    after: [
      user("Result of the tool tool_x:\nresult x\n\n1"),
      says("2"),
      user("Result of the tool tool_a:\nresult a\n\n3"),
    ],
  },
  {
    name: "ids that are used again belong to the calls before them",
    before: [user("1"), calls("a"), result("a", "one"), calls("a"), result("a", "two")],
    after: [user("1"), calls("a"), result("a", "one"), calls("a"), result("a", "two")],
  },
  { name: "nothing stays nothing", before: [user(" "), says("")], after: [] },
];

for (const { name, before, after } of cases) {
  test(name, () => {
    assert.deepEqual(mendConversation(before), after);
    assert.deepEqual(mendConversation(after), after, "what is mended is sound");
  });
}

test("images stay in their place when messages are joined", () => {
  const image = { type: "image", mediaType: "image/png", base64: "AA==" } as const;
  assert.deepEqual(mendConversation([user("1"), { role: "user", content: [image] }, user("2")]), [
    { role: "user", content: [{ type: "text", text: "1" }, image, { type: "text", text: "2" }] },
  ]);
});

test("a conversation that goes on begins as before", () => {
  const first = [system("s"), user("1"), calls("a"), result("a"), user("more"), says("2"), user("3")];
  const once = mendConversation(first);
  const twice = mendConversation([...first, says("4"), user("5")]);
  assert.deepEqual(twice.slice(0, once.length), once);
});
