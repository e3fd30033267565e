import assert from "node:assert/strict";
import { test } from "node:test";
import { askModel } from "../../../src/assistant/ask.ts";
import { createLedger } from "../../../src/metrics/ledger.ts";
import { ProviderError, type Provider, type StreamPart } from "../../../src/provider/provider.ts";
import { createFakeClock } from "../../fake/clock.ts";

const end: StreamPart = { type: "end", reason: "stop", usage: { promptTokens: 9, generatedTokens: 2 }, model: "m-2" };

/** A provider that streams these parts, or throws what stands among them. */
const streaming = (...parts: readonly (StreamPart | Error)[]) =>
  ({
    kind: "llamacpp",
    capabilities: async () => ({ model: "m-1", fillInMiddle: "none", slots: 1, contextTokens: 4096 }),
    async *streamChat() {
      for (const part of parts) {
        if (part instanceof Error) throw part;
        yield part;
      }
    },
  }) as unknown as Provider;

const ask = async (provider: Provider, controller = new AbortController()) => {
  const ledger = createLedger({ clock: createFakeClock() });
  const heard: unknown[] = [];
  const answered = askModel({
    ledger,
    provider,
    model: "set",
    signal: controller.signal,
    compose: ({ contextTokens }) => {
      heard.push(contextTokens);
      return { messages: [] };
    },
    onText: (text) => {
      heard.push(text);
      if (text === "stop me") controller.abort();
    },
    onToolCall: ({ name }) => heard.push({ call: name }),
  });
  const outcome = await answered.catch((error: unknown) => error);
  const [row] = ledger.snapshot().requests;
  return { outcome, heard, row: row! };
};

test("an answer is handed on piece by piece and counted as chat", async () => {
  const call: StreamPart = { type: "tool-call", call: { id: "1", name: "read", argumentsJson: "{}" } };
  const { outcome, heard, row } = await ask(
    streaming({ type: "text", text: "He" }, { type: "text", text: "" }, call, end),
  );
  assert.equal(outcome, "answered");
  assert.deepEqual(heard, [4096, "He", { call: "read" }]);
  const { feature, model, outcome: counted, usage } = row;
  assert.deepEqual({ feature, model, counted }, { feature: "chat", model: "m-2", counted: "ok" });
  assert.deepEqual(usage, { promptTokens: 9, generatedTokens: 2 });
  assert.deepEqual(
    row.trace.children.map(({ name, endMs }) => [name, endMs !== undefined]),
    [
      ["first token", true],
      ["generation", true],
    ],
  );
});

test("an answer that used up its room is told from one that ended", async () => {
  const { outcome } = await ask(streaming({ ...end, reason: "length" }));
  assert.equal(outcome, "length");
});

test("a cancelled one is no fault, whatever the provider throws then", async () => {
  const { outcome, heard, row } = await ask(
    streaming({ type: "text", text: "stop me" }, new ProviderError("truncated", "closed")),
  );
  assert.equal(outcome, "cancelled");
  assert.deepEqual(heard, [4096, "stop me"]);
  assert.equal(row.outcome, "cancelled");
});

test("a fault is counted by its kind and thrown", async () => {
  const fault = new ProviderError("context-overflow", "too long");
  const { outcome, row } = await ask(streaming(fault));
  assert.equal(outcome, fault);
  assert.deepEqual([row.outcome, row.errorKind], ["failed", "context-overflow"]);
});
