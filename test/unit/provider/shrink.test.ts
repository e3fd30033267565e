import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatMessage, ChatRequest, CompletionRequest } from "../../../src/provider/provider.ts";
import { shrinkChat, shrinkCompletion } from "../../../src/provider/shrink.ts";

const lines = (count: number, mark: string): string =>
  Array.from({ length: count }, (_, index) => `${mark} line ${String(index).padStart(4, "0")}\n`).join("");

const completion = (prefix: string, suffix: string, maxTokens = 100): CompletionRequest => ({
  prefix,
  suffix,
  maxTokens,
  stop: ["\n\n"],
});

test("keeps the text around the cursor, in whole lines, and all else of the request", () => {
  // 2 000 lines of 15 units; the server counts three units a token.
  const request = completion(lines(1_000, "pre"), lines(1_000, "suf"));
  const shorter = shrinkCompletion(request, { contextTokens: 4_096, promptTokens: 10_000 });
  assert.ok(shorter);
  const units = shorter.prefix.length + shorter.suffix.length;
  assert.ok(units / 3 + 100 < 4_096, `${units} units are too many`);
  assert.ok(units / 3 + 100 > 4_096 * 0.85, `${units} units are needlessly few`);
  assert.ok(request.prefix.endsWith(shorter.prefix));
  assert.ok(request.suffix.startsWith(shorter.suffix));
  assert.match(shorter.prefix, /^pre line/);
  assert.match(shorter.suffix, /\d{4}$/);
  assert.ok(shorter.prefix.length > 3 * shorter.suffix.length);
  assert.deepEqual(shorter.stop, ["\n\n"]);
  assert.equal(shorter.maxTokens, 100);
});

test("what the one side does not need, the other gets", () => {
  const budget = { contextTokens: 2_000, promptTokens: 5_000 };
  const noSuffix = shrinkCompletion(completion(lines(1_000, "pre"), ""), budget);
  assert.ok(noSuffix && noSuffix.prefix.length > 0.85 * 1_900 * 3);
  const noPrefix = shrinkCompletion(completion("", lines(1_000, "suf")), budget);
  assert.ok(noPrefix && noPrefix.suffix.length > 0.85 * 1_900 * 3);
});

test("never cuts a character in two", () => {
  for (const extra of ["", "x"]) {
    const shorter = shrinkCompletion(completion("😀".repeat(500) + extra, extra + "😀".repeat(500)), {
      contextTokens: 300,
      promptTokens: 2_001,
    });
    assert.ok(shorter);
    assert.ok(shorter.prefix.isWellFormed(), "prefix");
    assert.ok(shorter.suffix.isWellFormed(), "suffix");
  }
});

test("an answer may take half of the context at most", () => {
  const shorter = shrinkCompletion(completion(lines(1_000, "pre"), "", 4_000), {
    contextTokens: 2_048,
    promptTokens: 5_000,
  });
  assert.equal(shorter?.maxTokens, 1_024);
  assert.ok(shorter && shorter.prefix.length / 3 < 1_024);
});

test("without figures half of the text goes, and with a context that seems wide enough a tenth", () => {
  const request = completion("a".repeat(1_000), "");
  assert.equal(shrinkCompletion(request, { contextTokens: undefined, promptTokens: undefined })?.prefix.length, 500);
  assert.equal(shrinkCompletion(request, { contextTokens: 8_192, promptTokens: undefined })?.prefix.length, 900);
});

test("an empty request cannot be made shorter", () => {
  assert.equal(shrinkCompletion(completion("", ""), { contextTokens: 10, promptTokens: 20 }), undefined);
});

const text = (mark: string, units = 300): string => mark.padEnd(units, ".");
const user = (mark: string): ChatMessage => ({ role: "user", content: text(mark) });
const assistant = (mark: string): ChatMessage => ({ role: "assistant", content: text(mark) });
const system: ChatMessage = { role: "system", content: text("rules") };
const call = (id: string): ChatMessage => ({
  role: "assistant",
  content: "",
  toolCalls: [{ id, name: "read", argumentsJson: JSON.stringify({ path: text(id) }) }],
});
const result = (id: string): ChatMessage => ({
  role: "tool",
  toolCallId: id,
  toolName: "read",
  content: text(`of ${id}`),
});

/** What is left, by the first word of each message. */
const left = (request: ChatRequest | undefined): readonly string[] | undefined =>
  request?.messages.map((message) => {
    if (message.role === "assistant" && message.toolCalls) return message.toolCalls.map(({ id }) => id).join();
    const content = typeof message.content === "string" ? message.content : "parts";
    return content.replace(/\.+$/, "");
  });

/** Each message counts for 100 tokens. */
const shrunk = (messages: readonly ChatMessage[], contextTokens: number, promptTokens = messages.length * 100) =>
  left(shrinkChat({ messages, maxTokens: 1 }, { contextTokens, promptTokens }));

test("the oldest turns of a chat go first, whole; the system's words and the last question stay", () => {
  const messages = [system, user("one"), assistant("1"), user("two"), assistant("2"), user("three")];
  assert.deepEqual(shrunk(messages, 600), ["rules", "two", "2", "three"]);
  assert.deepEqual(shrunk(messages, 450), ["rules", "two", "2", "three"]);
  assert.deepEqual(shrunk(messages, 400), ["rules", "three"]);
  assert.deepEqual(shrunk(messages, 230), ["rules", "three"]);
});

test("when the last question alone does not fit, nothing is sent", () => {
  assert.equal(shrunk([system, user("one"), assistant("1"), user("two")], 150), undefined);
  assert.equal(shrunk([system, user("one")], 150), undefined);
});

test("a call and its results go together", () => {
  const messages = [
    system,
    user("one"),
    call("a"),
    result("a"),
    assistant("1"),
    user("two"),
    call("b"),
    result("b"),
    result("c"),
    call("d"),
    result("d"),
  ];
  assert.deepEqual(shrunk(messages, 1_000, 1_100), ["rules", "two", "b", "of b", "of c", "d", "of d"]);
  // The last turn alone is too long: its oldest step goes, the question and the last step stay.
  assert.deepEqual(shrunk(messages, 600, 1_100), ["rules", "two", "d", "of d"]);
  assert.equal(shrunk(messages, 400, 1_100), undefined);
});

test("pictures and tools count", () => {
  const picture: ChatMessage = {
    role: "user",
    content: [
      { type: "text", text: "look" },
      { type: "image", mediaType: "image/png", base64: "A".repeat(1_000_000) },
    ],
  };
  const messages = [picture, assistant("1"), user("two")];
  assert.deepEqual(left(shrinkChat({ messages }, { contextTokens: 800, promptTokens: 1_000 })), ["two"]);
  const tools = [{ name: "read", description: text("reads", 3_000), parameters: { type: "object" } }];
  assert.equal(
    shrinkChat(
      { messages: [user("one"), assistant("1"), user("two")], tools },
      { contextTokens: 500, promptTokens: 1_300 },
    ),
    undefined,
    "tools are not taken away",
  );
});
