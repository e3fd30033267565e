import assert from "node:assert/strict";
import { test } from "node:test";
import { batch } from "../../../src/provider/batch.ts";
import { ProviderError } from "../../../src/provider/provider.ts";
import type { CallOptions, ChatRequest, StreamPart } from "../../../src/provider/provider.ts";
import { hangReply, sse, streamReply } from "../../fake/modelServer.ts";
import { createProviderHarness } from "./harness.ts";

const requestFor = (content: string): ChatRequest => ({ messages: [{ role: "user", content }] });

const nameOf = ({ messages }: ChatRequest): string => {
  const content = messages[0]?.content;
  assert.ok(typeof content === "string");
  return content;
};

/** Answers that the test ends one by one. */
const createStub = () => {
  const started: string[] = [];
  const calls: CallOptions[] = [];
  const endings = new Map<string, PromiseWithResolvers<void>>();
  let left = 0;
  return {
    started,
    calls,
    left: () => left,
    end: (name: string, error?: Error): void => {
      const ending = endings.get(name)!;
      if (error) ending.reject(error);
      else ending.resolve();
    },
    async *streamChat(request: ChatRequest, options: CallOptions = {}): AsyncGenerator<StreamPart> {
      const name = nameOf(request);
      const ending = Promise.withResolvers<void>();
      const onAbort = (): void => ending.reject(new DOMException("", "AbortError"));
      options.signal?.addEventListener("abort", onAbort, { once: true });
      started.push(name);
      calls.push(options);
      endings.set(name, ending);
      try {
        yield { type: "text", text: `Answer to ` };
        await ending.promise;
        yield { type: "text", text: name };
        yield { type: "tool-call", call: { id: "1", name: "look", argumentsJson: "{}" } };
        yield { type: "end", reason: "tool-calls", usage: { generatedTokens: 3 } };
      } finally {
        left++;
      }
    },
  };
};

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

const resultFor = (name: string) => ({
  ok: true,
  text: `Answer to ${name}`,
  toolCalls: [{ id: "1", name: "look", argumentsJson: "{}" }],
  usage: { generatedTokens: 3 },
});

test("whole answers come back in the order of the requests, with as many at a time as asked for", async () => {
  const stub = createStub();
  const progress: string[] = [];
  const running = batch(stub, ["a", "b", "c"].map(requestFor), {
    concurrency: 2,
    onProgress: (done, total) => progress.push(`${done} of ${total}`),
  });
  await settle();
  assert.deepEqual(stub.started, ["a", "b"]);
  stub.end("b");
  await settle();
  assert.deepEqual([stub.started, progress], [["a", "b", "c"], ["1 of 3"]]);
  stub.end("c");
  stub.end("a");
  assert.deepEqual(await running, ["a", "b", "c"].map(resultFor));
  assert.deepEqual(progress, ["1 of 3", "2 of 3", "3 of 3"]);
  assert.deepEqual(
    stub.calls.map(({ priority }) => priority),
    ["background", "background", "background"],
  );
});

test("one failure does not stop the others", async () => {
  const stub = createStub();
  const running = batch(stub, ["a", "b"].map(requestFor));
  await settle();
  const error = new ProviderError("server-error", "broken");
  stub.end("a", error);
  stub.end("b");
  assert.deepEqual(await running, [{ ok: false, error }, resultFor("b")]);
});

test("nothing to do is done at once, and a batch that was cancelled before asks for nothing", async () => {
  const stub = createStub();
  assert.deepEqual(await batch(stub, []), []);
  await assert.rejects(batch(stub, [requestFor("a")], { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(stub.started, []);
});

test("an error of the caller's own ends the other requests", async () => {
  const stub = createStub();
  const running = batch(stub, ["a", "b"].map(requestFor), {
    onProgress() {
      throw new Error("mine");
    },
  });
  await settle();
  stub.end("a");
  await assert.rejects(running, { message: "mine" });
  await settle();
  assert.equal(stub.left(), 2);
});

test("cancelling closes every socket, and what has not begun is never sent", async (context) => {
  const { server, provider } = await createProviderHarness(context, "openai-compatible", { model: "oracle" });
  const delta = sse({ choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: null }] });
  server.script("/v1/chat/completions", hangReply, streamReply([delta], "hang"));
  const leaving = new AbortController();
  const running = batch(provider, ["a", "b", "c"].map(requestFor), { concurrency: 2, signal: leaving.signal });
  const sent = [await server.nextRequest("/v1/chat"), await server.nextRequest("/v1/chat")];
  leaving.abort();
  await assert.rejects(running, { name: "AbortError" });
  await Promise.all(sent.map(({ closedByClient }) => closedByClient));
  await server.allClosed();
  assert.equal(server.requests.filter(({ path }) => path.startsWith("/v1/chat")).length, 2);
});
