// A model server for benches, in a process of its own so that its work is not counted as the client's.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { testCertificate } from "../fake/tls.ts";
import { startDelayProxy } from "./delayProxy.ts";

/** Where the server listens: HTTP/1 over TLS, and HTTP/2 or HTTP/1 over TLS; the same with 30 ms of round trip. */
export type BenchPorts = {
  readonly https: number;
  readonly h2: number;
  readonly distantHttps: number;
  readonly distantH2: number;
};

/** A bench server in a child process. */
export type BenchServer = {
  readonly ports: BenchPorts;
  /** How many connections were made to it so far. */
  opened(): Promise<number>;
  close(): Promise<void>;
};

const oneWayMs = 15;

/** Bytes of a chat's answer without streaming. */
const answer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "bench",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "x".repeat(400) } }],
  usage: { prompt_tokens: 500, completion_tokens: 100, total_tokens: 600 },
});

const event = (index: number): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "bench",
    choices: [{ index: 0, delta: { content: `token ${index} ${"x".repeat(60)}` }, finish_reason: null }],
  })}\n\n`;

const answerTo = async (
  request: IncomingMessage | Http2ServerRequest,
  // Node's HTTP/2 answers in the same way; the two types just do not go together.
  response: ServerResponse,
): Promise<void> => {
  const url = new URL(request.url ?? "/", "http://bench");
  let body = "";
  for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString();
  // The openai SDK has no room for a query: what is wanted stands in the request.
  const wanted =
    body === "" ? {} : (JSON.parse(body) as { stream?: boolean; n?: number; metadata?: { perWrite?: string } });
  if (wanted.stream) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const count = wanted.n ?? 1000;
    const perWrite = Number(wanted.metadata?.perWrite ?? 1);
    for (let index = 0; index < count; index += perWrite) {
      let text = "";
      for (let step = 0; step < perWrite; step++) text += event(index + step);
      const hasRoom = response.write(text);
      if (!hasRoom) await once(response, "drain");
      // One write is one piece on the wire, as with a model's tokens.
      else await new Promise((resolve) => setImmediate(resolve));
    }
    response.end("data: [DONE]\n\n");
    return;
  }
  const delayMs = Number(url.searchParams.get("delay") ?? 0);
  if (delayMs > 0) await sleep(delayMs);
  response.writeHead(200, { "content-type": "application/json", "content-length": String(answer.length) });
  response.end(answer);
};

const listener = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) =>
  void answerTo(request, response as ServerResponse).catch(() => response.destroy());

const serve = async (): Promise<void> => {
  const pair = testCertificate("localhost");
  const tls = createServer(pair, listener);
  const h2 = createSecureServer({ ...pair, allowHTTP1: true }, listener);
  // As hosted providers do: Node's 64 KiB would let fifty requests at once wait for a further round trip.
  h2.on("session", (session) => session.setLocalWindowSize(1024 * 1024));
  let opened = 0;
  const ports: number[] = [];
  for (const server of [tls, h2] as readonly Server[]) {
    server.on("connection", () => opened++);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ports.push((server.address() as AddressInfo).port);
  }
  // No hint, so that the client's own keep-alive counts.
  tls.keepAliveTimeout = 0;
  process.on("message", () => process.send?.(opened));
  process.on("disconnect", () => process.exit());
  const [https = 0, http2 = 0] = ports;
  process.send?.({
    https,
    h2: http2,
    distantHttps: await startDelayProxy(https, oneWayMs),
    distantH2: await startDelayProxy(http2, oneWayMs),
  });
};

/** Starts the server. The caller closes it. */
export const startBenchServer = async (): Promise<BenchServer> => {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), { execArgv: [] });
  const [ports] = (await once(child, "message")) as [BenchPorts];
  return {
    ports,
    async opened() {
      child.send("opened");
      const [opened] = (await once(child, "message")) as [number];
      return opened;
    },
    async close() {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
};

if (import.meta.main) await serve();
