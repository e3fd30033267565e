import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "../../../src/assistant/toolRequest.ts";
import { askWithTools, createToolTurn, type ToolTurn } from "../../../src/assistant/toolTurn.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { ProviderError, type ChatRequest, type ToolCall } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createAnswerProvider } from "../../fake/toolSession.ts";

const call = (id: string, name: string, value: unknown = {}): ToolCall => ({
  id,
  name,
  argumentsJson: JSON.stringify(value),
});
const base: ChatRequest = { messages: [{ role: "user", content: "go" }], tools: [] };

type Answer = { readonly text?: string; readonly calls?: readonly ToolCall[] };

/** Asks a model that gives these answers, the last one again and again. */
const ask = async (answers: readonly Answer[], { finds = true, abortAt = Infinity } = {}) => {
  const requests: ChatRequest[] = [];
  const shown: unknown[] = [];
  const ended: { turn: ToolTurn; isWhole: boolean }[] = [];
  const controller = new AbortController();
  const ledger = createLedger({ clock: createFakeClock() });
  const provider = createAnswerProvider((request) => {
    requests.push(request);
    if (requests.length === abortAt) {
      controller.abort();
      throw new DOMException("aborted", "AbortError");
    }
    const { text = "", calls = [] } = answers[Math.min(requests.length, answers.length) - 1]!;
    return { text, toolCalls: calls };
  });
  const outcome = await askWithTools({
    begin: (request) =>
      createToolTurn({
        request,
        canCall: (name) => ["read", "write"].includes(name),
        ...(finds ? { find: (input: unknown) => `found ${JSON.stringify(input)}` } : {}),
      }),
    end: (turn, isWhole) => void ended.push({ turn, isWhole }),
  })({
    ledger,
    provider,
    model: "m",
    signal: controller.signal,
    compose: () => base,
    onText: (text) => void shown.push(text),
    onToolCall: ({ id, name, argumentsJson }) => void shown.push([id, name, argumentsJson]),
  }).catch((error: unknown) => error);
  return { outcome, requests, shown, ended, rows: ledger.snapshot().requests };
};

test("a question for tools is answered inside, and the model goes on behind it", async () => {
  const { outcome, requests, shown, ended, rows } = await ask([
    { text: "Let me see. ", calls: [call("1", "find_tools", { query: "x" })] },
    { text: "Now.", calls: [call("2", "call_tool", { name: "read", arguments: { path: "a" } })] },
  ]);
  assert.equal(outcome, "answered");
  assert.deepEqual(shown, ["Let me see. ", "Now.", ["2", "read", '{"path":"a"}']]);
  assert.deepEqual(requests[0], base);
  assert.deepEqual(requests[1]!.messages, [
    ...base.messages,
    { role: "assistant", content: "Let me see. ", toolCalls: [call("1", "find_tools", { query: "x" })] },
    { role: "tool", toolCallId: "1", toolName: "find_tools", content: 'found {"query":"x"}' },
  ]);
  assert.equal(requests[1]!.tools, base.tools);
  assert.equal(rows.length, 2, "each is a request of its own in the ledger");
  assert.deepEqual(
    ended.map(({ isWhole }) => isWhole),
    [true],
  );
  assert.deepEqual(ended[0]!.turn.exchange()?.answer, {
    shownText: "Let me see. Now.",
    shownCalls: [call("2", "read", { path: "a" })],
    said: [
      {
        role: "assistant",
        content: "Now.",
        toolCalls: [call("2", "call_tool", { name: "read", arguments: { path: "a" } })],
      },
    ],
  });
});

test("what VS Code did not offer never reaches it: the model gets an error and can go on", async () => {
  const { requests, shown } = await ask([
    { calls: [call("1", "delete_everything", { path: "/" })] },
    { calls: [call("2", "call_tool", { name: "also_not_there", arguments: {} })] },
    { text: "I cannot." },
  ]);
  assert.deepEqual(shown, ["I cannot."]);
  const results = requests[2]!.messages.filter(({ role }) => role === "tool").map(textOf);
  assert.match(results[0]!, /^There is no tool "delete_everything"\. Use one of your tools, or find_tools\.$/);
  assert.match(results[1]!, /^There is no tool "also_not_there"\./);
});

test("where no tools are found, find_tools and call_tool are names like any other", async () => {
  const { requests, shown } = await ask(
    [{ calls: [call("1", "find_tools", { query: "x" })] }, { calls: [call("2", "read")] }],
    { finds: false },
  );
  assert.deepEqual(shown, [["2", "read", "{}"]]);
  assert.match(textOf(requests[1]!.messages.at(-1)!), /There is no tool "find_tools"\. Use one of your tools\.$/);
});

test("call_tool takes arguments as an object, as text, or none; what cannot be read is an error", async () => {
  const { shown, requests } = await ask([
    { calls: [call("1", "call_tool", { name: "read", arguments: "not json" })] },
    { calls: [call("2", "call_tool", { arguments: {} })] },
    { calls: [call("3", "call_tool", { name: "read", arguments: [1] })] },
    {
      calls: [
        call("4", "call_tool", { name: "read", arguments: '{"a":1}' }),
        call("5", "call_tool", { name: "write" }),
        call("6", "call_tool", { name: "write", arguments: null }),
      ],
    },
  ]);
  assert.deepEqual(shown, [
    ["4", "read", '{"a":1}'],
    ["5", "write", "{}"],
    ["6", "write", "{}"],
  ]);
  const errors = requests[3]!.messages.filter(({ role }) => role === "tool");
  assert.equal(errors.length, 3);
  assert.ok(errors.every(({ content }) => content === 'Give "name" and "arguments", an object.'));
});

test("find_tools called by way of call_tool is found, too", async () => {
  const { requests } = await ask([
    { calls: [call("1", "call_tool", { name: "find_tools", arguments: { query: "x" } })] },
    { text: "Done." },
  ]);
  assert.equal(textOf(requests[1]!.messages.at(-1)!), 'found {"query":"x"}');
});

test("a call for VS Code ends the answer, with what was asked beside it kept for later", async () => {
  const { requests, shown, ended } = await ask([
    { calls: [call("1", "find_tools", { query: "x" }), call("2", "read")] },
  ]);
  assert.equal(requests.length, 1);
  assert.deepEqual(shown, [["2", "read", "{}"]]);
  const answer = ended[0]!.turn.exchange()?.answer;
  assert.deepEqual(answer?.shownCalls, [call("2", "read")]);
  assert.deepEqual(
    answer?.said.map(({ role }) => role),
    ["assistant", "tool"],
  );
});

test("an answer that VS Code sees as it was leaves nothing to keep", async () => {
  const words = await ask([{ text: "Yes." }]);
  const calls = await ask([{ text: "Yes.", calls: [call("1", "read"), call("2", "write")] }]);
  for (const { ended } of [words, calls]) assert.equal(ended[0]!.turn.exchange(), undefined);
});

test("a model that only asks for tools is told to stop, and stopped", async () => {
  const { outcome, requests } = await ask([{ calls: [call("1", "find_tools", { query: "x" })] }]);
  assert.equal(outcome, "answered");
  assert.equal(requests.length, 5);
  const results = requests
    .at(-1)!
    .messages.filter(({ role }) => role === "tool")
    .map(textOf);
  assert.deepEqual(
    results.map((text) => text.includes("Do not search again")),
    [false, false, false, true],
  );
});

test("cancelling between two answers ends it, and is told", async () => {
  const { outcome, requests, ended } = await ask([{ calls: [call("1", "find_tools", { query: "x" })] }], {
    abortAt: 2,
  });
  assert.equal(outcome, "cancelled");
  assert.equal(requests.length, 2);
  assert.equal(ended[0]!.isWhole, false);
  assert.equal(ended[0]!.turn.exchange()?.inner.length, 2);
});

test("a fault is thrown, and the turn ended", async () => {
  const fault = new ProviderError("context-overflow", "too long");
  let ended = 0;
  const asking = askWithTools({
    begin: (request) => createToolTurn({ request, canCall: () => true }),
    end: () => void ended++,
  })({
    ledger: createLedger({ clock: createFakeClock() }),
    provider: createAnswerProvider(() => {
      throw fault;
    }),
    model: "m",
    signal: new AbortController().signal,
    compose: () => base,
    onText: () => {},
  });
  await assert.rejects(asking, fault);
  assert.equal(ended, 1);
});
