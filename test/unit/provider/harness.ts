import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { startSpan } from "../../../src/metrics/spans.ts";
import { ProviderError } from "../../../src/provider/provider.ts";
import type {
  ProviderErrorKind,
  ProviderKind,
  ProviderOptions,
  StreamPart,
  Usage,
} from "../../../src/provider/provider.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import {
  createModelServer,
  type ModelServerOptions,
  type ReplyStep,
  type ScriptedReply,
} from "../../fake/modelServer.ts";

/** A provider that talks to a fake server, on a clock that stands still. All closed after the test. */
export const createProviderHarness = async (
  context: TestContext,
  kind: ProviderKind,
  { server: serverOptions, ...options }: Partial<ProviderOptions> & { readonly server?: ModelServerOptions } = {},
) => {
  const clock = createFakeClock();
  const server = await createModelServer(kind === "ollama" ? { ollama: {}, ...serverOptions } : serverOptions);
  const transport = createTransportClient({ clock, log: silentLog });
  context.after(async () => {
    await transport.close();
    await server.close();
  });
  const hasPath = kind === "openai-compatible" || kind === "openrouter";
  const baseUrl = hasPath ? `${server.url}/v1` : server.url;
  const provider = await createProvider(kind, { baseUrl, model: "", ...options }, { transport, clock, log: silentLog });
  return { clock, server, transport, provider };
};

/** What most tests ask. */
export const request = { prefix: "const a = ", suffix: ";\n", maxTokens: 32 };
export const messages = [{ role: "user", content: "Hi" }] as const;

/** What came of a stream. */
export type Outcome = {
  readonly text: string;
  readonly parts: readonly StreamPart[];
  readonly end: Extract<StreamPart, { type: "end" }> | undefined;
  readonly error: unknown;
};

/** Reads a stream to its end or its fault, as a consumer that keeps what came before. */
export const collectParts = async (stream: AsyncIterable<StreamPart>): Promise<Outcome> => {
  const parts: StreamPart[] = [];
  let error: unknown;
  try {
    for await (const part of stream) parts.push(part);
  } catch (caught) {
    error = caught;
  }
  const texts = parts.map((part) => (part.type === "text" ? part.text : ""));
  return { text: texts.join(""), parts, end: parts.find((part) => part.type === "end"), error };
};

/** Checks that this is a {@link ProviderError} of this kind. */
export const assertFault: (error: unknown, kind: ProviderErrorKind) => asserts error is ProviderError = (
  error,
  kind,
) => {
  assert.ok(error instanceof ProviderError, `expected a ProviderError, got ${String(error)}`);
  assert.equal(error.kind, kind, error.message);
};

/** Expects a {@link ProviderError} of this kind. */
export const rejectsWithFault = async (promise: Promise<unknown>, kind: ProviderErrorKind): Promise<void> => {
  await assert.rejects(promise, (error) => {
    assertFault(error, kind);
    return true;
  });
};

/** The body of a recorded request. */
export const bodyOf = (sent: { readonly body: string } | undefined): Readonly<Record<string, unknown>> => {
  const value: unknown = JSON.parse(sent?.body ?? "null");
  assert.ok(typeof value === "object" && value !== null);
  return { ...value };
};

/** How one wire format writes a stream of ghost text. */
export type StreamFormat = {
  readonly kind: ProviderKind;
  /** With a model whose family is Qwen's. */
  readonly server?: ModelServerOptions;
  readonly path: string;
  readonly reply: (body: readonly ReplyStep[], finish?: NonNullable<ScriptedReply["finish"]>) => ScriptedReply;
  readonly token: (text: string) => string;
  /** The piece that ends an answer, and the usage that it tells. */
  readonly last: string;
  readonly usage: Usage;
  /** A piece of a thousand characters that is not JSON, and one that does not end. */
  readonly broken: string;
  readonly endless: string;
};

/** What holds for the streams of every wire format. */
export const testStreams = ({
  kind,
  path,
  reply,
  token,
  last,
  usage,
  broken,
  endless,
  ...more
}: StreamFormat): void => {
  const open = (context: TestContext) => createProviderHarness(context, kind, more);

  test(`${kind}: a stream that ends without its last piece is truncated, and its text stays`, async (context) => {
    const { server, provider } = await open(context);
    server.script(path, reply([token("one"), token(" two"), last.slice(0, 20)]));
    const { text, end, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "one two");
    assert.equal(end, undefined);
    assertFault(error, "truncated");
  });

  test(`${kind}: a stream whose connection is cut is truncated, and is not asked for again`, async (context) => {
    const { server, provider } = await open(context);
    server.script(path, reply([token("one\n")], "cut"));
    const { text, error } = await collectParts(provider.streamCompletion({ ...request, stop: ["\n\n"] }));
    assert.equal(text, "one\n");
    assertFault(error, "truncated");
    assert.equal(server.requests.filter((sent) => sent.path === path).length, 1);
  });

  test(`${kind}: a stream that is cut after its last piece is complete`, async (context) => {
    const { server, provider } = await open(context);
    server.script(path, reply([token("one") + last], "cut"));
    const { text, end, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(error, undefined);
    assert.equal(text, "one");
    assert.deepEqual(end, { type: "end", reason: "stop", usage });
  });

  test(`${kind}: a stop text that comes all the same is cut here and closes the socket`, async (context) => {
    const { server, provider } = await open(context);
    server.script(path, reply([token("one <|fim_"), token("suffix|> two")], "hang"));
    const { text, end } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "one ");
    assert.equal(end?.reason, "stop");
    const sent = await server.nextRequest(path);
    await sent.closedByClient;
  });

  test(`${kind}: a piece that is not JSON is a bad response with a short excerpt`, async (context) => {
    const { server, provider } = await open(context);
    server.script(path, reply([token("one"), broken]));
    const { text, error } = await collectParts(provider.streamCompletion(request));
    assert.equal(text, "one");
    assertFault(error, "bad-response");
    assert.ok(error.message.length < 260);
  });

  test(`${kind}: one endless piece is a bad response and closes the socket`, async (context) => {
    const { server, provider } = await open(context);
    server.script(path, reply([endless], "hang"));
    assertFault((await collectParts(provider.streamCompletion(request))).error, "bad-response");
    const sent = await server.nextRequest(path);
    await sent.closedByClient;
  });

  test(`${kind}: a redirect is a bad response`, async (context) => {
    const { server, provider } = await open(context);
    for (const status of [302, 307]) {
      server.script(path, { status, headers: { location: "http://127.0.0.1:1/" } });
      assertFault((await collectParts(provider.streamCompletion(request))).error, "bad-response");
    }
  });

  test(`${kind}: cancelling a stream and leaving its loop close the socket`, async (context) => {
    const { server, provider, clock } = await open(context);
    server.script(path, reply([token("one")], "hang"), reply([token("one")], "hang"));
    const controller = new AbortController();
    const stream = provider.streamCompletion(request, { signal: controller.signal })[Symbol.asyncIterator]();
    await stream.next();
    const pending = stream.next();
    controller.abort();
    await assert.rejects(pending, { name: "AbortError" });
    const cancelled = await server.nextRequest(path);
    await cancelled.closedByClient;
    for await (const part of provider.streamCompletion(request)) {
      assert.deepEqual(part, { type: "text", text: "one" });
      break;
    }
    const left = await server.nextRequest(path);
    await left.closedByClient;
    assert.deepEqual(clock.pending(), []);
  });

  test(`${kind}: the span of a call shows its own request only`, async (context) => {
    const { provider, clock } = await open(context);
    const span = startSpan(clock, "completion");
    await collectParts(provider.streamCompletion(request, { span }));
    span.end();
    assert.deepEqual(
      span.record.children.map(({ name }) => name),
      ["wait", "body"],
    );
  });
};
