// Connections that do not come about, or break before the answer: cases 1 to 7.
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { faultSentence } from "../../src/host/sentences.ts";
import type { ToolDefinition } from "../../src/provider/provider.ts";
import { createDirectConnector, type Connector } from "../../src/transport/connector.ts";
import { createModelServer, resetReply, sse, streamReply, linesReply, ndjson } from "../fake/modelServer.ts";
import { testAuthority, testCertificate } from "../fake/tls.ts";
import { assertFault, collectParts } from "../unit/provider/harness.ts";
import { createRawServer } from "../unit/transport/harness.ts";
import {
  chatPathOf,
  chunk,
  createHarness,
  createNetwork,
  createTlsFront,
  drive,
  generatingRequests,
  lastLine,
  line,
  modelId,
  providerKinds,
  question,
  settle,
  until,
} from "./harness.ts";

/** Counts the connections that are tried. */
const countingConnector = (connector: Connector = createDirectConnector()) => {
  const tried = { count: 0 };
  const connect = (): Connector => (target, callback) => {
    tried.count++;
    return connector(target, callback);
  };
  return { tried, connect };
};

const refusedPort = async (): Promise<number> => {
  const server = await createModelServer();
  await server.close();
  return server.port;
};

/** The longest wait before a quick retry. */
const quickRetryMs = 250;

for (const kind of ["llamacpp", "ollama"] as const) {
  test(`#01 ${kind}: a server that is not running is tried once more, then left alone until it is back`, async (context) => {
    const port = await refusedPort();
    const { tried, connect } = countingConnector();
    const { clock, servers } = createNetwork(context, { transport: { connect } });
    const baseUrl = `http://127.0.0.1:${port}`;
    const provider = await servers.open({ provider: kind, baseUrl, model: modelId });
    const ask = async () => {
      const { result, waitedMs } = await drive(clock, collectParts(provider.streamChat(question)), quickRetryMs);
      return { ...result, waitedMs };
    };
    const first = await ask();
    assertFault(first.error, "unreachable");
    assert.equal(tried.count, 2);
    assert.ok(first.waitedMs > 0 && first.waitedMs <= quickRetryMs);
    assert.match(
      faultSentence(first.error.kind, `127.0.0.1:${port}`, (text) => text),
      /Start it/,
    );

    let calls = 1;
    while (servers.states()[0]?.breaker === "closed") {
      await ask();
      calls++;
      assert.ok(calls < 10, "the breaker opens");
    }
    const triedBefore = tried.count;
    for (let count = 0; count < 20; count++) assertFault((await ask()).error, "paused");
    assert.equal(tried.count, triedBefore);
    assert.deepEqual(clock.pending(), []);

    const server = await createModelServer({ port, modelId, ...(kind === "ollama" ? { ollama: {} } : {}) });
    context.after(() => server.close());
    clock.advance(servers.states()[0]!.openMs);
    assert.equal((await ask()).error, undefined);
    assert.equal(servers.states()[0]?.breaker, "closed");
  });
}

test("#02 without a network nothing counts against the server, and it goes on as soon as there is one", async (context) => {
  const server = await createModelServer({ modelId });
  context.after(() => server.close());
  let isOnline = false;
  // What Node reports for an unknown name. Real ones take as long as the machine's resolver likes.
  const direct = createDirectConnector();
  const { tried, connect } = countingConnector((target, callback) => {
    assert.equal(target.hostname, "models.home.arpa");
    if (isOnline) return direct({ ...target, hostname: "127.0.0.1" }, callback);
    const error = Object.assign(new Error("getaddrinfo ENOTFOUND models.home.arpa"), { code: "ENOTFOUND" });
    queueMicrotask(() => callback(error));
    return { destroy() {} };
  });
  const { clock, servers } = createNetwork(context, { transport: { connect } });
  const baseUrl = `http://models.home.arpa:${server.port}`;
  const provider = await servers.open({ provider: "llamacpp", baseUrl, model: modelId });
  for (let count = 0; count < 10; count++) {
    const outcome = await collectParts(provider.streamChat(question));
    assertFault(outcome.error, "offline");
  }
  assert.equal(tried.count, 10);
  assert.equal(servers.states()[0]?.breaker, "closed");
  assert.deepEqual(clock.pending(), []);
  isOnline = true;
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
});

test("#03 a server that takes the connection and says nothing is given up within ten seconds", async (context) => {
  const sockets: Socket[] = [];
  const closed = Promise.withResolvers<void>();
  const { port } = await createRawServer(context, (socket) => {
    sockets.push(socket);
    // Reads, or it would not learn of the end.
    socket.resume();
    socket.once("close", () => closed.resolve());
  });
  const { tried, connect } = countingConnector();
  const { clock, transport, servers } = createNetwork(context, { transport: { connect } });
  const baseUrl = `https://127.0.0.1:${port}/v1`;
  const provider = await servers.open({ provider: "openai-compatible", baseUrl, model: modelId });
  const outcome = collectParts(provider.streamCompletion({ prefix: "a", suffix: "\n", maxTokens: 5 }));
  await until(() => sockets.length === 1);
  clock.advance(10_000);
  assertFault((await outcome).error, "unreachable");
  await closed.promise;
  assert.equal(tried.count, 1);
  assert.equal(transport.counters().openNow, 0);
  assert.deepEqual(clock.pending(), []);
});

for (const name of ["self-signed", "wrong-host", "expired"] as const) {
  test(`#04 a certificate that is ${name} is refused once and for all, and the message names the setting`, async (context) => {
    const server = await createModelServer({ modelId });
    context.after(() => server.close());
    const front = await createTlsFront(context, server.port, testCertificate(name));
    const { tried, connect } = countingConnector(createDirectConnector({ ca: testAuthority() }));
    const { clock, servers } = createNetwork(context, { transport: { connect } });
    const baseUrl = `https://127.0.0.1:${front.port}/v1`;
    const provider = await servers.open({ provider: "openrouter", baseUrl, model: modelId });
    for (let count = 1; count <= 6; count++) {
      const outcome = await collectParts(provider.streamChat(question));
      assertFault(outcome.error, "certificate");
      assert.match(outcome.error.message, /http\.(?:systemCertificates|proxyStrictSSL)/);
      assert.equal(tried.count, count);
    }
    assert.deepEqual(clock.pending(), []);
    // Not without TLS either.
    assert.equal(server.connections().opened, 0);
    assert.equal(servers.states()[0]?.breaker, "closed");
    assert.match(
      faultSentence("certificate", "host", (text) => text),
      /http\.systemCertificates/,
    );
  });
}

test("#04 a certificate that a trusted authority has signed is taken", async (context) => {
  const server = await createModelServer({ modelId });
  context.after(() => server.close());
  const front = await createTlsFront(context, server.port, testCertificate("localhost"));
  const { servers } = createNetwork(context, {
    transport: { connect: () => createDirectConnector({ ca: testAuthority() }) },
  });
  const baseUrl = `https://127.0.0.1:${front.port}/v1`;
  const provider = await servers.open({ provider: "openrouter", baseUrl, model: modelId });
  const outcome = await collectParts(provider.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.equal(outcome.text, "Hello from the model.");
});

for (const kind of providerKinds) {
  test(`#05 ${kind}: a reset before any byte of the answer is sent once more, on a new connection`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), resetReply);
    const { result: outcome } = await drive(clock, collectParts(provider.streamChat(question)), quickRetryMs);
    const { error, text } = outcome;
    assert.equal(error, undefined);
    assert.equal(text, "Hello from the model.");
    const [first, second, ...more] = generatingRequests(server);
    assert.deepEqual(more, []);
    assert.equal(second?.body, first?.body);
    assert.notEqual(second?.connection, first?.connection);
  });

  test(`#05 ${kind}: a second reset is the end`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    server.script(chatPathOf(kind), resetReply, resetReply);
    const { result: outcome } = await drive(clock, collectParts(provider.streamChat(question)), quickRetryMs);
    assertFault(outcome.error, "unreachable");
    clock.advance(600_000);
    await settle();
    assert.equal(generatingRequests(server).length, 2);
    assert.deepEqual(clock.pending(), []);
  });
}

test("#06 a kept-alive connection that is gone when the request is written costs nothing and nobody notices", async (context) => {
  let connections = 0;
  let processed = 0;
  const { port } = await createRawServer(context, (socket) => {
    const isFirst = ++connections === 1;
    let requests = 0;
    socket.on("data", (bytes) => {
      const text = bytes.toString();
      if (!/^(?:GET|POST) /.test(text)) return;
      requests++;
      // The server has closed the connection just before: it never sees what was written to it.
      if (isFirst && requests === 2) {
        socket.resetAndDestroy();
        return;
      }
      processed++;
      const body = sse(chunk("Hello")) + sse(chunk(null, "stop")) + sse("[DONE]");
      const isPost = text.startsWith("POST");
      const answer = isPost ? body : JSON.stringify({ default_generation_settings: { n_ctx: 100 }, total_slots: 1 });
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: ${isPost ? "text/event-stream" : "application/json"}\r\n` +
          `content-length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`,
      );
    });
  });
  const { clock, transport, servers } = createNetwork(context);
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const provider = await servers.open({ provider: "openrouter", baseUrl, model: modelId });
  assert.equal((await collectParts(provider.streamChat(question))).error, undefined);
  await settle();
  const second = await collectParts(provider.streamChat(question));
  assert.equal(second.error, undefined);
  assert.equal(second.text, "Hello");
  assert.equal(processed, 2);
  assert.equal(connections, 2);
  assert.deepEqual(clock.pending(), []);
  assert.equal(transport.counters().opened, 2);
  assert.equal(servers.counters().retries, 0);
});

const tools: readonly ToolDefinition[] = [{ name: "write", description: "", parameters: { type: "object" } }];
for (const kind of providerKinds) {
  for (const finish of ["reset", "cut"] as const) {
    const headOnly = kind === "ollama" ? linesReply([() => settle(5)], finish) : streamReply([() => settle(5)], finish);

    test(`#07 ${kind}: a ${finish} after the head, before any text, is sent once more at most`, async (context) => {
      const { clock, server, provider } = await createHarness(context, kind);
      server.script(chatPathOf(kind), headOnly);
      const { result: outcome } = await drive(clock, collectParts(provider.streamChat(question)), quickRetryMs);
      assert.equal(outcome.error, undefined);
      assert.equal(generatingRequests(server).length, 2);

      server.script(chatPathOf(kind), headOnly, headOnly, headOnly);
      const { result: failed } = await drive(clock, collectParts(provider.streamChat(question)), quickRetryMs);
      assertFault(failed.error, "truncated");
      clock.advance(600_000);
      await settle();
      assert.equal(generatingRequests(server).length, 4);
    });

    test(`#07 ${kind}: with tools it is not sent again: it may have been charged`, async (context) => {
      const { clock, server, provider } = await createHarness(context, kind);
      server.script(chatPathOf(kind), headOnly);
      const outcome = await collectParts(provider.streamChat({ ...question, tools }));
      assertFault(outcome.error, "truncated");
      clock.advance(600_000);
      await settle();
      assert.equal(generatingRequests(server).length, 1);
    });
  }

  test(`#07 ${kind}: a ${kind === "ollama" ? "line" : "event"} without text before the reset changes nothing`, async (context) => {
    const { clock, server, provider } = await createHarness(context, kind);
    const empty = kind === "ollama" ? ndjson(line("")) : sse(chunk(""));
    const steps = [empty, () => settle(5)];
    server.script(chatPathOf(kind), kind === "ollama" ? linesReply(steps, "reset") : streamReply(steps, "reset"));
    const { result: outcome } = await drive(clock, collectParts(provider.streamChat(question)), quickRetryMs);
    assert.equal(outcome.error, undefined);
    assert.equal(generatingRequests(server).length, 2);
  });
}

test("#07 what came after the last text of Ollama's is no longer a reset", async (context) => {
  const { server, provider } = await createHarness(context, "ollama");
  server.script("/api/chat", linesReply([ndjson(line("Hello")) + ndjson(lastLine), () => settle(5)], "reset"));
  const outcome = await collectParts(provider.streamChat(question));
  assert.equal(outcome.error, undefined);
  assert.equal(outcome.text, "Hello");
  assert.equal(generatingRequests(server).length, 1);
});
