import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { ProviderError } from "../../../src/provider/provider.ts";
import type { ProviderErrorKind, ProviderKind, ProviderOptions, StreamPart } from "../../../src/provider/provider.ts";
import { createProvider } from "../../../src/provider/registry.ts";
import { createTransportClient } from "../../../src/transport/client.ts";
import { createFakeClock } from "../../fake/clock.ts";
import { createModelServer, type ModelServerOptions } from "../../fake/modelServer.ts";

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
