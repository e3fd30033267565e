import assert from "node:assert/strict";
import { test } from "node:test";
import { createNativeReader } from "../../../src/provider/llamaCpp.ts";
import { createOpenAiReader } from "../../../src/provider/openAiStream.ts";
import type { StreamPart, Usage } from "../../../src/provider/provider.ts";
import type { StreamReader } from "../../../src/provider/wireFormat.ts";
import { readServerSentEvents } from "../../../src/transport/sse.ts";
import { readRecording } from "../../fake/recordings.ts";
import { streamReply } from "../../fake/modelServer.ts";
import { collectParts, createProviderHarness } from "./harness.ts";

type Route = "native" | "completions" | "chat";

/** What the streams must give, read off the recordings by hand. */
const recordings: readonly {
  readonly name: string;
  readonly route: Route;
  readonly reason: "stop" | "length" | "other";
  readonly usage: Usage;
  /** Arguments of the calls in it. */
  readonly calls?: readonly string[];
}[] = [
  {
    name: "06-completion-stream",
    route: "native",
    reason: "length",
    usage: { promptTokens: 4, cachedTokens: 0, generatedTokens: 12 },
  },
  {
    name: "08-completion-stream-plain",
    route: "native",
    reason: "length",
    usage: { promptTokens: 4, cachedTokens: 3, generatedTokens: 12 },
  },
  {
    name: "77-stop-word-hit-stream",
    route: "native",
    reason: "stop",
    usage: { promptTokens: 10, cachedTokens: 0, generatedTokens: 2 },
  },
  {
    name: "78a-stop-eos-stream",
    route: "native",
    reason: "stop",
    usage: { promptTokens: 3, cachedTokens: 0, generatedTokens: 2 },
  },
  {
    name: "78b-special-tokens-empty-content-stream",
    route: "native",
    reason: "length",
    usage: { promptTokens: 8, cachedTokens: 0, generatedTokens: 40 },
  },
  {
    name: "79b-infill-stream-one-token",
    route: "native",
    reason: "length",
    usage: { promptTokens: 21, cachedTokens: 0, generatedTokens: 1 },
  },
  {
    name: "11-v1-completions-stream",
    route: "completions",
    reason: "length",
    usage: { promptTokens: 2, cachedTokens: 1, generatedTokens: 8 },
  },
  {
    name: "13-chat-stream",
    route: "chat",
    reason: "stop",
    usage: { promptTokens: 20, cachedTokens: 0, generatedTokens: 1 },
  },
  {
    name: "79a-chat-stream-stop-length",
    route: "chat",
    reason: "length",
    usage: { promptTokens: 20, cachedTokens: 0, generatedTokens: 3 },
  },
  {
    name: "79e-chat-stop-eos",
    route: "chat",
    reason: "stop",
    usage: { promptTokens: 20, cachedTokens: 0, generatedTokens: 3 },
  },
  {
    name: "60-tool-call-stream",
    route: "chat",
    reason: "length",
    usage: { promptTokens: 561, cachedTokens: 0, generatedTokens: 120 },
    calls: ['{\n \t \t "path" : "src/b.ts","line" :4 }'],
  },
  {
    name: "62-tool-call-truncated",
    route: "chat",
    reason: "length",
    usage: { promptTokens: 507, cachedTokens: 506, generatedTokens: 12 },
  },
];

const createReader = (route: Route): StreamReader =>
  route === "native" ? createNativeReader() : createOpenAiReader(route);

/** The text of a recording, found without the code under test: every content or text field of its data lines. */
const textIn = (body: Buffer): string => {
  const fields = /"(?:content|text)":("(?:[^"\\]|\\.)*")/;
  const lines = body.toString("utf8").match(/^data: \{.*$/gm) ?? [];
  return lines.map((line) => String(JSON.parse(fields.exec(line)?.[1] ?? '""'))).join("");
};

const parse = async (route: Route, chunks: readonly Uint8Array[]) => {
  const bytes = async function* () {
    yield* chunks;
  };
  const reader = createReader(route);
  const texts: string[] = [];
  let isMarked = false;
  for await (const { data } of readServerSentEvents(bytes())) {
    if (data === "[DONE]") isMarked = true;
    else texts.push(reader.read(JSON.parse(data)));
  }
  return { texts, result: reader.result(isMarked), calls: reader.calls?.() ?? [], isMarked };
};

/** Every position up to 4 KiB, then the bytes around each event's end. */
const splitsOf = (body: Buffer): readonly number[] => {
  const positions = new Set<number>();
  for (let at = 0; at <= Math.min(4096, body.length); at++) positions.add(at);
  for (let at = body.indexOf("\n\n"); at >= 0; at = body.indexOf("\n\n", at + 1)) {
    for (let near = at - 4; near <= at + 8; near++) if (near > 0 && near < body.length) positions.add(near);
  }
  return [...positions];
};

for (const { name, route, reason, usage, calls = [] } of recordings) {
  test(`${name} reads the same wherever it is split`, async () => {
    const { body } = await readRecording(name);
    const whole = await parse(route, [body]);
    assert.equal(whole.texts.join(""), textIn(body));
    assert.deepEqual(whole.result, { reason, usage });
    assert.deepEqual(
      whole.calls.map(({ argumentsJson }) => argumentsJson),
      calls,
    );
    assert.equal(whole.isMarked, route !== "native");
    for (const at of splitsOf(body)) {
      const split = await parse(route, [body.subarray(0, at), body.subarray(at)]);
      assert.deepEqual(split, whole, `split at ${at}`);
    }
  });
}

test("a recorded stream that is replayed over a socket gives text and usage", async (context) => {
  const { server, provider } = await createProviderHarness(context, "llamacpp");
  const { body } = await readRecording("06-completion-stream");
  const pieces = Array.from({ length: Math.ceil(body.length / 97) }, (_, index) =>
    body.subarray(index * 97, (index + 1) * 97),
  );
  server.script("/completion", streamReply(pieces));
  const { text, end } = await collectParts(provider.streamCompletion({ prefix: "a", suffix: "", maxTokens: 12 }));
  assert.equal(text, textIn(body));
  const usage = { promptTokens: 4, cachedTokens: 0, generatedTokens: 12 };
  assert.deepEqual(end, { type: "end", reason: "length", usage } satisfies StreamPart);
});
