// One way to send requests, in a process of its own: whoever shares a process pays for its neighbours' garbage, too.
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { OpenAI } from "openai";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { createTransportClient, type TransportClient } from "../../src/transport/client.ts";
import { createDirectConnector } from "../../src/transport/connector.ts";
import { createEventDecoder } from "../../src/transport/sse.ts";
import { testAuthority } from "../fake/tls.ts";

/** "socket" is the floor: a bare TLS socket whose bytes nobody looks at. */
export type WayName = "hotpath" | "fetch" | "openai" | "socket";

/** What to do, and how often: whole answers one after the other, or the events of one streamed answer. */
export type Work =
  | { readonly kind: "answers"; readonly count: number }
  | { readonly kind: "events"; readonly count: number; readonly perWrite: number };

/** A process that sends requests to one origin in one way. */
export type RequestWay = {
  /** Does the work and tells its processor time, user and system, in microseconds. */
  cpuUs(work: Work): Promise<number>;
  close(): Promise<void>;
};

const path = "/v1/chat/completions";
const payload = { model: "bench", messages: [{ role: "user" as const, content: "y".repeat(1900) }] };
const headers = { "content-type": "application/json", authorization: "Bearer bench" };
const answerMaxBytes = 100_000;

/** A client as the extension makes it for a public host. */
export const createBenchClient = (): TransportClient =>
  createTransportClient({
    clock: systemClock,
    log: silentLog,
    connectorFor: () => createDirectConnector({ ca: testAuthority() }),
    http2: () => true,
  });

/** One chat request without streaming, of some 2 kB. */
export const ask = async (client: TransportClient, origin: string, signal?: AbortSignal): Promise<unknown> => {
  const response = await client.request({
    method: "POST",
    url: origin + path,
    headers,
    body: JSON.stringify(payload),
    ...(signal ? { signal } : {}),
  });
  return response.json(answerMaxBytes);
};

const streamed = (count: number, perWrite: number) => ({
  ...payload,
  stream: true as const,
  n: count,
  // The openai SDK has no room for a query.
  metadata: { perWrite: String(perWrite) },
});

const doWork = (name: WayName, origin: string): ((work: Work) => Promise<unknown>) => {
  const client = createBenchClient();
  const openai = new OpenAI({ apiKey: "bench", baseURL: `${origin}/v1` });
  const body = JSON.stringify(payload);
  const answers = {
    hotpath: () => ask(client, origin),
    fetch: async () => (await fetch(origin + path, { method: "POST", headers, body })).json(),
    openai: () => openai.chat.completions.create(payload),
  };
  const readOwnEvents = async (count: number, perWrite: number): Promise<void> => {
    const wanted = JSON.stringify(streamed(count, perWrite));
    const response = await client.request({ method: "POST", url: origin + path, headers, body: wanted });
    const decoder = createEventDecoder();
    for await (const chunk of response.body) {
      for (const { data } of decoder.push(chunk)) if (data !== "[DONE]") JSON.parse(data);
    }
  };
  const readOpenAiEvents = async (count: number, perWrite: number): Promise<void> => {
    const answer = await openai.chat.completions.create(streamed(count, perWrite));
    const iterator = answer[Symbol.asyncIterator]();
    while (!(await iterator.next()).done);
  };
  const readBareEvents = async (count: number, perWrite: number): Promise<void> => {
    const { hostname, port } = new URL(origin);
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, ca: testAuthority() });
    const wanted = JSON.stringify(streamed(count, perWrite));
    socket.resume();
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\ncontent-length: ${wanted.length}\r\n\r\n`,
    );
    socket.write(wanted);
    await once(socket, "end");
  };
  const events = { hotpath: readOwnEvents, openai: readOpenAiEvents, socket: readBareEvents };
  return async (work) => {
    if (work.kind === "events") return events[name as keyof typeof events](work.count, work.perWrite);
    for (let index = 0; index < work.count; index++) await answers[name as keyof typeof answers]();
  };
};

const serve = (name: WayName, origin: string): void => {
  const run = doWork(name, origin);
  const measure = async (work: Work): Promise<void> => {
    const before = process.cpuUsage();
    await run(work);
    const { user, system } = process.cpuUsage(before);
    process.send?.(user + system);
  };
  process.on("message", (work: Work) => void measure(work));
  process.on("disconnect", () => process.exit());
};

/** Starts the process. The caller closes it. */
export const startRequestWay = (name: WayName, origin: string): RequestWay => {
  const child = fork(fileURLToPath(import.meta.url), [name, origin], { execArgv: [] });
  return {
    async cpuUs(work) {
      child.send(work);
      const [us] = (await once(child, "message")) as [number];
      return us;
    },
    async close() {
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
};

if (import.meta.main) serve(process.argv[2] as WayName, process.argv[3] ?? "");
