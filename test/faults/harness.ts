import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createServer } from "node:tls";
import { inspect } from "node:util";
import type { Log } from "../../src/base/log.ts";
import type { ProviderKind } from "../../src/provider/provider.ts";
import { createServers, type ServersOptions } from "../../src/provider/servers.ts";
import { createNetworkClient, type NetworkOptions as ClientOptions } from "../../src/transport/network.ts";
import { createFakeClock, type FakeClock } from "../fake/clock.ts";
import { createModelServer, type ModelServer, type ModelServerOptions } from "../fake/modelServer.ts";
import type { TlsPair } from "../fake/tls.ts";

export const providerKinds = ["llamacpp", "ollama", "openai-compatible", "openrouter"] as const;

/** A log that keeps its lines. */
export const createKeptLog = (): Log & { readonly lines: readonly string[] } => {
  const lines: string[] = [];
  const keep = (message: string): void => void lines.push(message);
  return { lines, debug: keep, info: keep, warn: keep, error: keep };
};

/** Where a provider of this kind finds the fake server. */
export const baseUrlOf = (kind: ProviderKind, server: Pick<ModelServer, "url">): string =>
  kind === "openai-compatible" || kind === "openrouter" ? `${server.url}/v1` : server.url;

/** The route of a chat, the request that tests of streams make. */
export const chatPathOf = (kind: ProviderKind): string => (kind === "ollama" ? "/api/chat" : "/v1/chat/completions");

/** A model whose name tells how it fills in the middle. */
export const modelId = "qwen2.5-coder-7b";

/** A key that must not be found anywhere but in requests to the server that it is for. */
export const plantedKey = "sk-planted-0123456789abcdef";

export type NetworkOptions = {
  readonly transport?: Partial<ClientOptions>;
  readonly servers?: Partial<ServersOptions>;
};

/**
 * The program's client and its list of servers, on a clock that stands still; no server yet. `random` is 0.5, so that
 * the first wait before a quick retry is 125 ms. Closed after the test.
 */
export const createNetwork = (context: TestContext, options: NetworkOptions = {}) => {
  const clock = createFakeClock();
  const log = createKeptLog();
  const transport = createNetworkClient({
    clock,
    log,
    settings: {},
    env: {},
    systemTrust: () => Promise.resolve(undefined),
    ...options.transport,
  });
  const servers = createServers({
    transport,
    clock,
    log,
    apiKeyFor: () => Promise.resolve(plantedKey),
    random: () => 0.5,
    ...options.servers,
  });
  context.after(async () => {
    servers.dispose();
    await transport.close();
  });
  return { clock, log, transport, servers };
};

export type HarnessOptions = NetworkOptions & { readonly server?: ModelServerOptions };

/** A fake server and a guarded provider for it, on a clock that stands still. All closed after the test. */
export const createHarness = async (context: TestContext, kind: ProviderKind, options: HarnessOptions = {}) => {
  const server = await createModelServer({ modelId, ...(kind === "ollama" ? { ollama: {} } : {}), ...options.server });
  context.after(() => server.close());
  const network = createNetwork(context, options);
  const provider = await network.servers.open({ provider: kind, baseUrl: baseUrlOf(kind, server), model: modelId });
  return { ...network, server, provider };
};

/** Requests that make a model work, out of all that a server got. */
export const generatingRequests = ({ requests }: Pick<ModelServer, "requests">) =>
  requests.filter(({ method, path }) => method === "POST" && path !== "/api/show");

/** Only a test that fails waits for so long. */
const patienceMs = 8_000;

/** Waits until something holds that no event tells of. @throws when it never does. */
export const until = async (holds: () => boolean): Promise<void> => {
  const givenUpAt = performance.now() + patienceMs;
  while (!holds()) {
    assert.ok(performance.now() < givenUpAt, `In vain: ${holds.toString()}`);
    await turn();
  }
};

/** Waits until a timer runs whose delay is as wanted, and gives its delay. */
export const timerWhere = async (clock: FakeClock, isWanted: (delayMs: number) => boolean): Promise<number> => {
  await until(() => clock.pending().some(isWanted));
  return clock.pending().find(isWanted)!;
};

/**
 * Waits for a result and moves the clock whenever a timer runs that is no longer than `timerMs`: pauses between
 * attempts, but no deadlines. Gives how long that took by the clock.
 */
export const drive = async <T>(
  clock: FakeClock,
  work: Promise<T>,
  timerMs: number,
): Promise<{ readonly result: T; readonly waitedMs: number }> => {
  const startMs = clock.nowMs();
  let isOver = false;
  void work.catch(() => {}).then(() => void (isOver = true));
  await until(() => {
    if (!isOver && clock.pending().some((delayMs) => delayMs <= timerMs)) clock.advance(1);
    return isOver;
  });
  return { result: await work, waitedMs: clock.nowMs() - startMs };
};

/** Lets everything happen that needs no timer: sockets, promises, the other side's answers. */
export const settle = async (turns = 20): Promise<void> => {
  for (let count = 0; count < turns; count++) await turn();
};

/** The one chat that most cases send. */
export const question = { messages: [{ role: "user", content: "Say something." }] } as const;

/** An event of a chat in the OpenAI format. */
export const chunk = (content: string | null, finish_reason: string | null = null) => ({
  id: "chat-1",
  object: "chat.completion.chunk",
  created: 0,
  model: modelId,
  choices: [{ index: 0, delta: content === null ? {} : { content }, finish_reason }],
});

/** A line of a chat in Ollama's format. */
export const line = (content: string) => ({
  model: modelId,
  created_at: "2026-01-01T00:00:00Z",
  message: { role: "assistant", content },
  done: false,
});

/** The last line of a chat in Ollama's format. */
export const lastLine = { ...line(""), done: true, done_reason: "stop", prompt_eval_count: 7, eval_count: 2 };

/** Everything that a person or a log could read of an error: messages, stacks, causes, JSON. */
export const everythingOf = (error: unknown): string => {
  const parts: string[] = [];
  for (let current = error; current !== undefined && current !== null;) {
    assert.ok(parts.length < 40, "a cause that causes itself");
    parts.push(JSON.stringify(current), inspect(current));
    if (!(current instanceof Error)) break;
    parts.push(current.message, current.stack ?? "", JSON.stringify(Object.entries(current)));
    if (current instanceof AggregateError) parts.push(...current.errors.map(everythingOf));
    current = current.cause;
  }
  return parts.join("\n");
};

/** TLS in front of a server that speaks none, on 127.0.0.1. Closed after the test. */
export const createTlsFront = async (context: TestContext, port: number, pair: TlsPair) => {
  const sockets = new Set<Socket>();
  const front = createServer({ ...pair, ALPNProtocols: ["http/1.1"] }, (socket) => {
    const behind = connect({ port, host: "127.0.0.1" });
    for (const end of [socket, behind]) {
      end.on("error", () => {});
      end.once("close", () => {
        socket.destroy();
        behind.destroy();
      });
    }
    socket.pipe(behind).pipe(socket);
  });
  front.on("tlsClientError", () => {});
  front.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    front.listen(0, "127.0.0.1", () => resolve());
  });
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      front.close(() => resolve());
    });
  });
  const address = front.address();
  assert.ok(typeof address === "object" && address !== null);
  return { port: address.port, opened: () => sockets.size };
};
