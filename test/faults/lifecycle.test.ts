// Requests that end early, connections that end early, and what stays behind: cases 31, 40, 41, 43, 46 and 48.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import type { Socket } from "node:net";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import {
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  brotliCompressSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { createServers } from "../../src/provider/servers.ts";
import {
  createModelServer,
  hangReply,
  jsonReply,
  linesReply,
  ndjson,
  sse,
  streamReply,
  type ReplyStep,
  type ScriptedReply,
} from "../fake/modelServer.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import { createRawServer } from "../unit/transport/harness.ts";
import {
  baseUrlOf,
  chatPathOf,
  chunk,
  createHarness,
  createNetwork,
  generatingRequests,
  lastLine,
  line,
  modelId,
  providerKinds,
  question,
  settle,
  until,
} from "./harness.ts";

const run = promisify(execFile);

for (const kind of providerKinds) {
  test(`#31 ${kind}: thirty aborted completions reach the server, and leave no socket and no timer`, async (context) => {
    const { clock, server, transport, provider } = await createHarness(context, kind);
    const path = kind === "ollama" ? "/api/generate" : kind === "llamacpp" ? "/completion" : "/v1/completions";
    const begun: ScriptedReply[] = [
      hangReply,
      { headers: { "content-type": kind === "ollama" ? "application/x-ndjson" : "text/event-stream" }, finish: "hang" },
      kind === "ollama"
        ? linesReply([ndjson({ response: "x", done: false })], "hang")
        : streamReply([sse({ content: "x", stop: false, choices: [{ index: 0, text: "x" }] })], "hang"),
    ];
    // What is asked once only is asked before.
    await provider.capabilities();
    const openedBefore = transport.counters().opened;
    const delays: number[] = [];
    for (let count = 0; count < 30; count++) {
      server.script(path, begun[count % begun.length]!);
      const controller = new AbortController();
      const request = { prefix: "x".repeat(count), suffix: "\n", maxTokens: 10 };
      const outcome = collectParts(provider.streamCompletion(request, { signal: controller.signal }));
      const got = await server.nextRequest(path);
      if (count % begun.length > 0) await settle(3);
      const abortedAt = performance.now();
      controller.abort();
      await got.closedByClient;
      delays.push(performance.now() - abortedAt);
      const { error } = await outcome;
      assert.ok(error instanceof Error);
      assert.equal(error.name, "AbortError");
      clock.advance(33);
    }
    assert.equal(generatingRequests(server).length, 30);
    await until(() => transport.counters().openNow <= 1);
    // The clock stands still while it happens, so no timer is involved; the median shrugs off a busy machine.
    const median = delays.toSorted((a, b) => a - b)[15]!;
    assert.ok(median < 50, `${median} ms`);
    await settle();
    assert.deepEqual(clock.pending(), []);
    assert.ok(server.connections().open <= 1, `${server.connections().open} connections are open`);
    const opened = transport.counters().opened - openedBefore;
    assert.ok(opened <= 31, `${opened} connections for 30 aborted requests`);
    const after = await collectParts(provider.streamCompletion({ prefix: "a", suffix: "\n", maxTokens: 10 }));
    assert.equal(after.error, undefined);
  });
}

for (const { name, keepAlive, headers, reuses } of [
  { name: "Keep-Alive: timeout=1", keepAlive: "timeout=1", headers: {}, reuses: false },
  { name: "Keep-Alive: timeout=5", keepAlive: "timeout=5, max=100", headers: {}, reuses: true },
  { name: "Connection: close", keepAlive: "", headers: { connection: "close" }, reuses: false },
]) {
  test(`#40 a server that answers ${name} is followed, and the counters show it`, async (context) => {
    const { server, transport } = await createHarness(context, "llamacpp", { server: { keepAlive } });
    for (let count = 0; count < 4; count++) {
      server.script("/v1/models", jsonReply(200, { data: [] }, headers));
      const response = await transport.request({ method: "GET", url: `${server.url}/v1/models` });
      assert.equal(response.status, 200);
      await response.text(1000);
      await settle();
    }
    const { requests, opened, reused } = transport.counters();
    assert.equal(requests, 4);
    assert.equal(opened, reuses ? 1 : 4);
    assert.equal(reused, reuses ? 3 : 0);
    assert.equal(server.connections().opened, opened);
  });
}

test("#40 a connection that the server closes after five seconds is closed here before", async (context) => {
  const { server, transport } = await createHarness(context, "llamacpp", { server: { keepAlive: "timeout=5" } });
  // The HTTP parser's own timers look after idle connections; they are moved here instead of the program's clock.
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const response = await transport.request({ method: "GET", url: `${server.url}/health` });
  await response.text(1000);
  await settle();
  assert.equal(server.connections().open, 1);
  for (let atMs = 0; atMs < 5_000; atMs += 250) {
    context.mock.timers.tick(250);
    await settle(3);
  }
  await server.allClosed();
  assert.equal(transport.counters().openNow, 0);
});

test("#40 a server that closes after each answer is told of in the log, once", async (context) => {
  const { log, server, transport } = await createHarness(context, "llamacpp", { server: { keepAlive: "timeout=1" } });
  for (let count = 0; count < 8; count++) {
    const response = await transport.request({ method: "GET", url: `${server.url}/health` });
    await response.text(1000);
    await settle();
  }
  const warnings = log.lines.filter((text) => text.includes(server.url));
  assert.equal(warnings.length, 1, warnings.join("\n"));
  assert.match(warnings[0]!, /clos/);
});

const encodings = {
  gzip: { whole: gzipSync, stream: createGzip },
  br: { whole: brotliCompressSync, stream: createBrotliCompress },
  zstd: { whole: zstdCompressSync, stream: createZstdCompress },
} as const;
/** What packs many megabytes in no time. */
const fastest = {
  gzip: { level: 1 },
  br: { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } },
  zstd: { params: { [constants.ZSTD_c_compressionLevel]: 1 } },
} as const;
const encodingNames = ["gzip", "br", "zstd"] as const;

/** Each piece as a server sends it that compresses a stream: flushed, so that it can be read at once. */
const compressPieces = async (encoding: keyof typeof encodings, pieces: readonly string[]): Promise<Buffer[]> => {
  const stream = encodings[encoding].stream();
  const compressed: Buffer[] = [];
  let current: Buffer[] = [];
  stream.on("data", (bytes: Buffer) => current.push(bytes));
  for (const piece of pieces) {
    stream.write(piece);
    await new Promise<void>((resolve) => {
      stream.flush(() => resolve());
    });
    await settle(3);
    compressed.push(Buffer.concat(current));
    current = [];
  }
  const ended = new Promise((resolve) => void stream.once("end", resolve));
  stream.end();
  await ended;
  return [...compressed, Buffer.concat(current)];
};

for (const kind of providerKinds) {
  for (const encoding of encodingNames) {
    test(`#41 ${kind}: a stream that comes as ${encoding} is read, piece by piece`, async (context) => {
      const { server, provider } = await createHarness(context, kind);
      const pieces =
        kind === "ollama"
          ? [ndjson(line("Grüße")), ndjson(line(" 世界")), ndjson(lastLine)]
          : [sse(chunk("Grüße")), sse(chunk(" 世界")), sse(chunk(null, "stop")) + sse("[DONE]")];
      const [first, ...rest] = await compressPieces(encoding, pieces);
      const hasFirst = Promise.withResolvers<void>();
      const steps: ReplyStep[] = [first!, () => hasFirst.promise, ...rest];
      const reply = kind === "ollama" ? linesReply(steps) : streamReply(steps);
      server.script(chatPathOf(kind), { ...reply, headers: { ...reply.headers, "content-encoding": encoding } });
      let text = "";
      let isEnded = false;
      for await (const part of provider.streamChat(question)) {
        if (part.type === "text") text += part.text;
        // Nothing more is sent before the first piece was read.
        if (text === "Grüße") hasFirst.resolve();
        isEnded = part.type === "end";
      }
      assert.equal(text, "Grüße 世界");
      assert.ok(isEnded);
    });
  }
}

for (const encoding of encodingNames) {
  test(`#41 JSON that comes as ${encoding} is read, and so is an error`, async (context) => {
    const { server, provider } = await createHarness(context, "openai-compatible");
    const headers = { "content-type": "application/json", "content-encoding": encoding };
    const compress = (value: unknown): Buffer => encodings[encoding].whole(JSON.stringify(value));
    server.script("/v1/models", { headers, body: [compress({ data: [{ id: "squeezed" }] })] });
    assert.deepEqual(
      (await provider.models()).map(({ id }) => id),
      ["squeezed"],
    );
    server.script("/v1/chat", { status: 400, headers, body: [compress({ error: { message: "squeezed fault" } })] });
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "bad-request");
    assert.match(outcome.error.message, /squeezed fault/);
  });

  test(`#41 ${encoding} that is broken is an error, not a crash`, async (context) => {
    const { server, provider } = await createHarness(context, "openai-compatible");
    const reply = streamReply([Buffer.from("this is no compressed text at all, it only says so")]);
    server.script("/v1/chat", { ...reply, headers: { ...reply.headers, "content-encoding": encoding } });
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "bad-response");
  });

  test(`#41 an answer in ${encoding} that unpacks to far more than is read does not fill the memory`, async (context) => {
    const { server, provider } = await createHarness(context, "openai-compatible");
    const bomb = encodings[encoding].whole(Buffer.alloc(64 * 1024 * 1024, " "), fastest[encoding]);
    server.script("/v1/models", {
      headers: { "content-type": "application/json", "content-encoding": encoding },
      body: [bomb],
    });
    const before = process.memoryUsage().arrayBuffers;
    await assert.rejects(provider.models(), (error) => {
      assertFault(error, "bad-response");
      return true;
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 40 * 1024 * 1024);
  });
}

test("#43 after an hour of sleep no connection from before is used", async (context) => {
  let isAsleep = false;
  const asked: number[] = [];
  let connections = 0;
  // A sleeping machine hears nothing of a connection's end: the old ones are open, and nobody answers there.
  const server = await createRawServer(context, (socket: Socket) => {
    const number = ++connections;
    const isOld = !isAsleep;
    socket.on("data", () => {
      asked.push(number);
      if (isAsleep && isOld) return;
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    });
  });
  const { clock, transport } = createNetwork(context);
  const get = async (): Promise<string> => {
    const response = await transport.request({ method: "GET", url: `http://127.0.0.1:${server.port}/` });
    return response.text(100);
  };
  const before = await Promise.all([get(), get(), get()]);
  assert.deepEqual(before, ["{}", "{}", "{}"]);
  await settle();
  isAsleep = true;
  clock.advance(3_600_000);
  assert.equal(await get(), "{}");
  assert.ok(asked.at(-1)! > 3, "it went over a new connection");
  await until(() => transport.counters().openNow === 1);
});

test("#46 ten equal questions at the same time are asked once", async (context) => {
  for (const kind of providerKinds) {
    const { server, provider } = await createHarness(context, kind);
    const path = kind === "ollama" ? "/api/tags" : "/v1/models";
    const [first, second] = [new AbortController(), new AbortController()];
    const answers = Array.from({ length: 10 }, (_, index) =>
      provider.models(index === 0 ? { signal: first.signal } : index === 1 ? { signal: second.signal } : {}),
    );
    const [left, ...others] = answers;
    // Whoever leaves takes nobody along, not even the one who came first.
    first.abort();
    await assert.rejects(left!, { name: "AbortError" });
    for (const models of await Promise.all(others)) assert.deepEqual(models, await others[0]);
    assert.equal(server.requests.filter((request) => request.path.startsWith(path)).length, 1, kind);
    // What is over is asked anew.
    await provider.models();
    assert.equal(server.requests.filter((request) => request.path.startsWith(path)).length, 2, kind);
  }
});

test("#46 two keys never share an answer", async (context) => {
  const server = await createModelServer({ modelId });
  context.after(() => server.close());
  const { transport, clock, log } = createNetwork(context);
  const providers = await Promise.all(
    ["sk-one", "sk-two"].map(async (key) => {
      const servers = createServers({ transport, clock, log, apiKeyFor: () => Promise.resolve(key) });
      const baseUrl = baseUrlOf("openai-compatible", server);
      return servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
    }),
  );
  const asked = providers.map(async (provider) => provider.models());
  const [one, two] = [await server.nextRequest("/v1/models"), await server.nextRequest("/v1/models")];
  await Promise.all(asked);
  assert.deepEqual(
    new Set([one.headers["authorization"], two.headers["authorization"]]),
    new Set(["Bearer sk-one", "Bearer sk-two"]),
  );
});

const transportPath = fileURLToPath(new URL("../../src/transport/client.ts", import.meta.url));
const registryPath = fileURLToPath(new URL("../../src/provider/registry.ts", import.meta.url));
/** In a process of its own: what ran before in this one may have set the dispatchers. */
const program = `
const keys = [1, 2].map((version) => Symbol.for("undici.globalDispatcher." + version));
const foreign = { dispatch() {} };
if (process.env.PRESET === "yes") for (const key of keys) globalThis[key] = foreign;
const look = () => keys.map((key) => [Object.hasOwn(globalThis, key), globalThis[key]]);
const before = look();
const isSame = () => look().every(([has, value], index) => has === before[index][0] && value === before[index][1]);
const { createTransportClient } = await import(process.env.TRANSPORT);
const { createProvider } = await import(process.env.REGISTRY);
const afterImport = isSame();
const log = { debug() {}, info() {}, warn() {}, error() {} };
const clock = { nowMs: () => performance.now(), dateMs: () => Date.now(), after: () => ({ dispose() {} }) };
const transport = createTransportClient({ clock, log });
const provider = await createProvider("llamacpp", { baseUrl: process.env.URL, model: "" }, { transport, clock, log });
let text = "";
for await (const part of provider.streamChat({ messages: [{ role: "user", content: "Hi" }] })) text += part.text ?? "";
const afterRequest = isSame();
await transport.close();
console.log(JSON.stringify({ text, afterImport, afterRequest, afterClose: isSame() }));
`;
for (const preset of ["no", "yes"]) {
  test(`#48 the process-wide dispatchers stay as they were (set by somebody before: ${preset})`, async (context) => {
    const server = await createModelServer();
    context.after(() => server.close());
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      env: {
        ...process.env,
        TRANSPORT: pathToFileURL(transportPath).href,
        REGISTRY: pathToFileURL(registryPath).href,
        URL: server.url,
        PRESET: preset,
      },
    });
    assert.deepEqual(JSON.parse(stdout), {
      text: "Hello from the model.",
      afterImport: true,
      afterRequest: true,
      afterClose: true,
    });
  });
}
