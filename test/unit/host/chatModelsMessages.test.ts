import assert from "node:assert/strict";
import { test } from "node:test";
import type * as vscode from "vscode";
import {
  LanguageModelDataPart as Data,
  LanguageModelPromptTsxPart as Tsx,
  LanguageModelTextPart as Text,
  LanguageModelToolCallPart as Call,
  LanguageModelToolResultPart as Result,
} from "../../fake/vscodeChat.ts";

const { readRequest } = await import("../../../src/host/chatModelsMessages.ts");

const user = (...content: readonly unknown[]) => ({ role: 1, content, name: undefined });
const assistant = (...content: readonly unknown[]) => ({ role: 2, content, name: undefined });
const system = (...content: readonly unknown[]) => ({ role: 3 as number, content, name: undefined });
const auto = { toolMode: 1 } as vscode.ProvideLanguageModelChatResponseOptions;

const read = (...messages: readonly vscode.LanguageModelChatRequestMessage[]) => readRequest(messages, auto).messages;
const image = (type = "image/png", bytes = 3) => new Data(new Uint8Array(bytes).fill(1), type);
const large = () => image("image/png", 8 * 1024 * 1024);
const png = { type: "image", mediaType: "image/png", base64: "AQEB" };
const bytesOf = (text: string) => new TextEncoder().encode(text);

test("text, calls and results keep their order, their ids and their names", () => {
  assert.deepEqual(
    read(
      system(new Text("Be brief.")),
      user(new Text("a"), new Text("b")),
      assistant(new Text("c"), new Call("1", "look", { at: 1 }), new Call("2", "list", {})),
      user(new Result("1", [new Text("x"), new Text("y")]), new Result("2", [])),
      user(new Text("go on")),
    ),
    [
      { role: "system", content: "Be brief." },
      { role: "user", content: "ab" },
      {
        role: "assistant",
        content: "c",
        toolCalls: [
          { id: "1", name: "look", argumentsJson: '{"at":1}' },
          { id: "2", name: "list", argumentsJson: "{}" },
        ],
      },
      { role: "tool", toolCallId: "1", toolName: "look", content: "xy" },
      { role: "tool", toolCallId: "2", toolName: "list", content: "" },
      { role: "user", content: "go on" },
    ],
  );
});

test("images stay in their place between texts", () => {
  assert.deepEqual(
    read(user(new Text("See "), new Text("this: "), image(), new Text(" and this: "), image("image/jpg"))),
    [
      {
        role: "user",
        content: [
          { type: "text", text: "See this: " },
          png,
          { type: "text", text: " and this: " },
          { ...png, mediaType: "image/jpeg" },
        ],
      },
    ],
  );
});

test("images in a tool's result follow it, as no format has a place for them there", () => {
  const messages = read(
    user(new Text("Draw")),
    assistant(new Call("1", "draw", {})),
    user(new Result("1", [new Text("done"), image()])),
  );
  assert.deepEqual(messages.slice(2), [
    { role: "tool", toolCallId: "1", toolName: "draw", content: "done\n(Its images follow.)" },
    { role: "user", content: [{ type: "text", text: "Images that draw returned:" }, png] },
  ]);
});

test("what other programs render and encode is read as text", () => {
  const tree = {
    node: {
      type: 1,
      children: [
        { type: 2, text: "one" },
        { type: 2, text: "two", lineBreakBefore: true },
      ],
    },
  };
  const content = [
    new Tsx(tree),
    new Data(bytesOf("|plain"), "text/plain"),
    new Data(bytesOf('|{"a":1}'), "application/json"),
    new Data(bytesOf("|v"), "application/vnd.x+json"),
    "|string",
  ];
  const [, , result] = read(user(new Text("a")), assistant(new Call("1", "t", {})), user(new Result("1", content)));
  assert.equal(result?.content, 'one\ntwo|plain|{"a":1}|v|string');
});

test("parts that nobody knows are left out, and strange ones break nothing", () => {
  let deep: object = { text: "bottom" };
  for (let level = 0; level < 10_000; level++) deep = { children: [deep] };
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  const messages = read(
    user(
      new Text("a"),
      undefined,
      null,
      7,
      {},
      { value: "thinking" },
      new Data(bytesOf("ephemeral"), "cache_control"),
      new Data(bytesOf("x"), "stateful_marker"),
      new Tsx(deep),
      new Tsx(undefined),
    ),
    assistant(new Call("1", "t", loop), new Call("2", "t", undefined as never)),
    { role: 99 as never, content: [new Text("odd")], name: undefined },
  );
  assert.deepEqual(messages[0], { role: "user", content: "a" });
  assert.deepEqual(
    messages
      .flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []))
      .map(({ argumentsJson }) => argumentsJson),
    ["{}", "{}"],
  );
  assert.deepEqual(messages.at(-1), { role: "user", content: "odd" });
});

test("an image of another kind or size is refused in one sentence", () => {
  assert.throws(() => read(user(image("image/svg+xml"))), { message: /^Images must be PNG, JPEG, GIF or WebP\./ });
  assert.throws(() => read(user(image("image/png", 10 * 1024 * 1024 + 1))), {
    message: /^An image may have 10 MB at most/,
  });
  assert.equal(read(user(large(), large())).length, 1);
  assert.throws(() => read(user(large(), large()), user(large())), { message: /^All images together may have 20 MB/ });
});

test("a message without anything in it is refused in one sentence", () => {
  for (const messages of [[], [user()], [user(new Text(" ")), assistant()]]) {
    assert.throws(() => read(...messages), { message: "There is nothing to send: the message is empty." });
  }
});

test("tools come with a schema, and have to be called where that is asked; other options go nowhere", () => {
  const options = {
    toolMode: 2,
    tools: [{ name: "now", description: "Tells the time", inputSchema: undefined }],
    modelOptions: { temperature: 2, _conversationId: "private" },
    requestInitiator: "somebody",
  } as unknown as vscode.ProvideLanguageModelChatResponseOptions;
  assert.deepEqual(readRequest([user(new Text("a"))], options), {
    messages: [{ role: "user", content: "a" }],
    tools: [{ name: "now", description: "Tells the time", parameters: { type: "object", properties: {} } }],
    toolChoice: "required",
  });
  const { toolChoice } = readRequest([user(new Text("a"))], { ...options, toolMode: 1 });
  assert.equal(toolChoice, "auto");
  assert.deepEqual(Object.keys(readRequest([user(new Text("a"))], { ...options, tools: [] })), ["messages"]);
});
