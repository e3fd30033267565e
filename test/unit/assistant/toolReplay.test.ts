import assert from "node:assert/strict";
import { test } from "node:test";
import { replay, type Exchange } from "../../../src/assistant/toolReplay.ts";
import type { ChatMessage, ToolCall } from "../../../src/provider/provider.ts";

const user = (content: string): ChatMessage => ({ role: "user", content });
const call = (id: string, name: string): ToolCall => ({ id, name, argumentsJson: "{}" });
const assistant = (content: string, ...toolCalls: ToolCall[]): ChatMessage => ({
  role: "assistant",
  content,
  ...(toolCalls.length > 0 ? { toolCalls } : {}),
});
const result = (toolCallId: string, content = "ok"): ChatMessage => ({
  role: "tool",
  toolCallId,
  toolName: "x",
  content,
});

const asked = assistant("Let me see. ", call("f", "find_tools"));
const inner = [asked, result("f", "told")];
const keyOf = (messages: readonly ChatMessage[]) => replay(messages, new Map()).lastKey;
const withExchange = (messages: readonly ChatMessage[], exchange: Exchange) => new Map([[keyOf(messages), exchange]]);

test("what VS Code does not know comes back where it was, and the answer as the model gave it", () => {
  const start = [user("go")];
  const said = [assistant("Now.", call("c", "call_tool"))];
  const exchanges = withExchange(start, {
    inner,
    told: ["a"],
    answer: { shownText: "Let me see. Now.", shownCalls: [call("c", "a")], said },
  });
  const { messages, told } = replay(
    [...start, assistant("Let me see. Now.", call("c", "a")), result("c"), user("and?")],
    exchanges,
  );
  assert.deepEqual(messages, [...start, ...inner, ...said, result("c"), user("and?")]);
  assert.deepEqual(told, ["a"]);
});

test("results of calls that VS Code does not know follow the answer that made them", () => {
  const start = [user("go")];
  const said = [assistant("", call("f", "find_tools"), call("r", "read")), result("f", "told")];
  const exchanges = withExchange(start, {
    inner: [],
    told: [],
    answer: { shownText: "", shownCalls: [call("r", "read")], said },
  });
  const { messages } = replay([...start, assistant("", call("r", "read")), result("r")], exchanges);
  assert.deepEqual(messages, [...start, ...said, result("r")]);
});

test("an answer in words is known by its text, another one stays as VS Code has it", () => {
  const start = [user("go")];
  const answer = { shownText: "Let me see. It is 4.", shownCalls: [], said: [assistant("It is 4.")] };
  const exchanges = withExchange(start, { inner, told: [], answer });
  assert.deepEqual(replay([...start, assistant("Let me see. It is 4.\n")], exchanges).messages, [
    ...start,
    ...inner,
    assistant("It is 4."),
  ]);
  const other = [...start, assistant("It is 5.")];
  assert.deepEqual(replay(other, exchanges).messages, [...start, ...inner, assistant("It is 5.")]);
  const calls = [...start, assistant("Let me see. It is 4.", call("z", "z"))];
  assert.deepEqual(replay(calls, exchanges).messages, [...start, ...inner, ...calls.slice(1)]);
});

test("of two equal messages only the one that it followed has an exchange", () => {
  const both = [user("continue"), assistant("one"), user("continue")];
  const exchanges = withExchange(both, { inner, told: [] });
  assert.deepEqual(replay(both, exchanges).messages, [...both, ...inner]);
  assert.deepEqual(replay(both.slice(0, 2), exchanges).messages, both.slice(0, 2));
  assert.notEqual(keyOf([result("1")]), keyOf([result("2")]));
});
