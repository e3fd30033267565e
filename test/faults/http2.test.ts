// HTTP/2: case 39, and what it changes for case 31.
import assert from "node:assert/strict";
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { createDirectConnector } from "../../src/transport/connector.ts";
import { sse } from "../fake/modelServer.ts";
import { testAuthority, testCertificate } from "../fake/tls.ts";
import { collectParts } from "../unit/provider/harness.ts";
import { chunk, createNetwork, drive, modelId, settle, until } from "./harness.ts";

/** One request as the server sees it. */
type Call = {
  readonly stream: ServerHttp2Stream;
  readonly session: Http2Session;
  /** What its chat says: tells the requests apart. */
  readonly prompt: string;
  /** Computes and answers: from here on it is charged. */
  readonly answer: () => void;
};

const events = (text: string): string => sse(chunk(text)) + sse(chunk(null, "stop")) + sse("[DONE]");
const promptIn = (body: string): string => /prompt-\d+/.exec(body)?.[0] ?? "";
/** Longer than the pauses between attempts, shorter than deadlines. */
const pausesMs = 2_000;

/** A server that speaks HTTP/2, and HTTP/1 when the client offers no other; each call is handled by the test. */
const createH2Server = async (
  context: TestContext,
  handle: (call: Call) => void,
  settings: { readonly maxConcurrentStreams?: number } = {},
) => {
  const sockets = new Set<Socket>();
  const sessions: Http2Session[] = [];
  /** What was computed, by its prompt: twice would be charged twice. */
  const charged: string[] = [];
  let overHttp1 = 0;
  const server = createSecureServer({ ...testCertificate("localhost"), allowHTTP1: true, settings });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream) => {
    let body = "";
    stream.on("error", () => {});
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => void (body += text));
    stream.on("end", () => {
      const prompt = promptIn(body);
      const { session } = stream;
      if (!session) return;
      handle({
        stream,
        session,
        prompt,
        answer() {
          charged.push(prompt);
          stream.respond({ ":status": 200, "content-type": "text/event-stream" });
          stream.end(events(`answer to ${prompt}`));
        },
      });
    });
  });
  server.on("request", (request: Http2ServerRequest, response) => {
    if (request.httpVersionMajor === 2) return;
    overHttp1++;
    let body = "";
    request.on("data", (bytes: Buffer) => void (body += String(bytes)));
    request.on("end", () => {
      charged.push(promptIn(body));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(events(`answer to ${promptIn(body)}`));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve());
  });
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const network = createNetwork(context, {
    transport: { http2: () => true, connect: () => createDirectConnector({ ca: testAuthority() }) },
  });
  const baseUrl = `https://localhost:${address.port}/v1`;
  const provider = await network.servers.open({ provider: "openrouter", baseUrl, model: modelId });
  const ask = (number: number, signal?: AbortSignal) =>
    collectParts(
      provider.streamChat(
        { messages: [{ role: "user", content: `prompt-${number}` }] },
        { priority: "interactive", ...(signal ? { signal } : {}) },
      ),
    );
  return { ...network, provider, ask, charged, sessions, overHttp1: () => overHttp1, open: () => sockets.size };
};

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);
const promptsOf = (count: number): readonly string[] => numbers(count).map((number) => `prompt-${number}`);

test("#39 a GOAWAY in the middle of a burst: everything is answered, and charged once", async (context) => {
  let calls = 0;
  const server = await createH2Server(context, ({ session, answer }) => {
    calls++;
    // An orderly end: what came until now is still answered, what comes later goes elsewhere.
    if (calls === 3) session.goaway(constants.NGHTTP2_NO_ERROR);
    answer();
  });
  const { result } = await drive(server.clock, Promise.all(numbers(6).map((number) => server.ask(number))), pausesMs);
  for (const [index, { error, text }] of result.entries()) {
    assert.equal(error, undefined);
    assert.equal(text, `answer to prompt-${index + 1}`);
  }
  assert.deepEqual(server.charged.toSorted(), promptsOf(6));
  assert.equal((await server.ask(7)).error, undefined);
  assert.equal(server.overHttp1(), 0, "an orderly end is no fault of HTTP/2");
});

test("#39 a GOAWAY that leaves requests unanswered: those are sent again, and only those", async (context) => {
  let hasGone = false;
  const held: Call[] = [];
  const server = await createH2Server(context, (call) => {
    if (hasGone) return call.answer();
    held.push(call);
    if (held.length < 4) return;
    hasGone = true;
    held.sort((a, b) => a.stream.id! - b.stream.id!);
    // The first two were worked on, says the frame; the others never will be.
    call.session.goaway(constants.NGHTTP2_NO_ERROR, held[1]!.stream.id);
    held[0]!.answer();
    held[1]!.answer();
  });
  const { result } = await drive(server.clock, Promise.all(numbers(4).map((number) => server.ask(number))), pausesMs);
  for (const { error } of result) assert.equal(error, undefined);
  assert.deepEqual(server.charged.toSorted(), promptsOf(4));
});

test("#39 a refused stream was not worked on, so it is sent again", async (context) => {
  let refusals = 0;
  const server = await createH2Server(context, ({ stream, answer }) => {
    if (refusals < 2) {
      refusals++;
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    answer();
  });
  const { result } = await drive(server.clock, Promise.all(numbers(3).map((number) => server.ask(number))), pausesMs);
  for (const { error } of result) assert.equal(error, undefined);
  assert.deepEqual(server.charged.toSorted(), promptsOf(3));
});

test("#39 a stream that fails inside of the server may be charged: it is not sent again, the next one is", async (context) => {
  let hasFailed = false;
  const server = await createH2Server(context, ({ stream, prompt, answer }) => {
    if (prompt !== "prompt-1" || hasFailed) return answer();
    hasFailed = true;
    server.charged.push(prompt);
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  const { result } = await drive(server.clock, server.ask(1), pausesMs);
  assert.ok(result.error instanceof Error);
  server.clock.advance(60_000);
  await settle();
  assert.deepEqual(server.charged, ["prompt-1"]);
  assert.equal((await server.ask(2)).error, undefined);
});

test("#39 ENHANCE_YOUR_CALM ends the connection: no hang, nothing charged twice, the next request works", async (context) => {
  let hasFailed = false;
  const server = await createH2Server(context, ({ session, prompt, answer }) => {
    if (hasFailed) return answer();
    hasFailed = true;
    server.charged.push(prompt);
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  });
  const { result } = await drive(server.clock, server.ask(1), pausesMs);
  assert.ok(result.error instanceof Error);
  assert.deepEqual(server.charged, ["prompt-1"]);
  const next = await drive(server.clock, server.ask(2), pausesMs);
  assert.equal(next.result.error, undefined);
  assert.deepEqual(server.charged, ["prompt-1", "prompt-2"]);
});

test("#39 a server that takes one stream at a time serves ten", async (context) => {
  let running = 0;
  let most = 0;
  const server = await createH2Server(
    context,
    ({ answer, stream }) => {
      running++;
      most = Math.max(most, running);
      stream.once("close", () => void running--);
      setImmediate(answer);
    },
    { maxConcurrentStreams: 1 },
  );
  const { result } = await drive(server.clock, Promise.all(numbers(10).map((number) => server.ask(number))), pausesMs);
  for (const { error } of result) assert.equal(error, undefined);
  assert.deepEqual(server.charged.toSorted(), promptsOf(10).toSorted());
  assert.ok(server.transport.counters().opened <= 10);
});

test("#39 after repeated errors of the protocol the origin is spoken to in HTTP/1", async (context) => {
  const server = await createH2Server(context, ({ session }) => {
    session.goaway(constants.NGHTTP2_PROTOCOL_ERROR);
    session.destroy();
  });
  for (const number of numbers(4)) await drive(server.clock, server.ask(number), pausesMs);
  const last = await drive(server.clock, server.ask(5), pausesMs);
  assert.equal(last.result.error, undefined);
  assert.equal(last.result.text, "answer to prompt-5");
  assert.ok(server.overHttp1() > 0);
  assert.ok(server.sessions.length <= 4, `${server.sessions.length} connections spoke HTTP/2`);
});

test("#31 over HTTP/2 thirty aborted requests keep one connection, and disturb no other", async (context) => {
  const reset: string[] = [];
  let lastCall: Call | undefined;
  const server = await createH2Server(context, (call) => {
    call.stream.once("close", () => {
      if (call.stream.rstCode !== 0) reset.push(call.prompt);
    });
    if (call.prompt === "prompt-100") lastCall = call;
  });
  const other = server.ask(100);
  await until(() => lastCall !== undefined);
  for (const number of numbers(30)) {
    const controller = new AbortController();
    const outcome = server.ask(number, controller.signal);
    await until(() => server.transport.counters().requests === number + 1);
    await settle(3);
    controller.abort();
    const { error } = await outcome;
    assert.ok(error instanceof Error);
    assert.equal(error.name, "AbortError");
    await until(() => reset.includes(`prompt-${number}`));
  }
  lastCall?.answer();
  assert.equal((await other).text, "answer to prompt-100");
  assert.equal(server.transport.counters().opened, 1);
  assert.equal(server.open(), 1);
  await settle();
  assert.deepEqual(server.clock.pending(), []);
});
