// The soak's model servers, in a process of their own: their sockets and memory must not count as the client's.
import { createModelServer, jsonReply, resetReply, type Disturbance, type ModelCall } from "../fake/modelServer.ts";
import { faultOf, idIn, textOf, type FaultKind } from "./plan.ts";

/** What the client tells: how many servers, and how fast they write. */
export type ServersRequest = {
  readonly servers: readonly { readonly isOllama: boolean; readonly slots: number }[];
  readonly tokenDelayMs: number;
  readonly modelId: string;
};

/** What it is told: first the addresses, then, when it asks, what was seen. */
export type ServersReport = {
  readonly urls?: readonly string[];
  readonly seen?: { readonly requests: number; readonly running: number; readonly connections: number };
};

const stallMs = 1_000;

const disturbances: Readonly<Record<FaultKind, Disturbance>> = {
  reset: { reply: resetReply },
  unavailable: { reply: jsonReply(503, { error: { code: 503, message: "overloaded", type: "overloaded" } }) },
  "rate-limited": {
    reply: jsonReply(429, { error: { code: 429, message: "slow down" } }, { "retry-after-ms": "300" }),
  },
  "stalled-head": { headDelayMs: stallMs },
  "stalled-middle": { atToken: { index: 3, pauseMs: stallMs } },
  cut: { atToken: { index: 3, cut: true } },
};

const send = (report: ServersReport): void => void process.send?.(report);

const textFor = ({ json }: ModelCall): string => {
  const id = idIn(JSON.stringify(json));
  return id === undefined ? "unknown stream" : textOf(id);
};

const start = async ({ servers: wanted, tokenDelayMs, modelId }: ServersRequest): Promise<void> => {
  const asked = new Set<number>();
  const disturb = ({ json }: ModelCall): Disturbance | undefined => {
    const id = idIn(JSON.stringify(json));
    if (id === undefined || asked.has(id)) return undefined;
    asked.add(id);
    const fault = faultOf(id);
    return fault && disturbances[fault];
  };
  const servers = await Promise.all(
    wanted.map(({ isOllama, slots }) =>
      createModelServer({
        modelId,
        slots,
        tokenDelayMs,
        disturb,
        complete: textFor,
        chat: textFor,
        ...(isOllama ? { ollama: {} } : {}),
      }),
    ),
  );
  process.on("message", () => {
    let [requests, running, connections] = [0, 0, 0];
    for (const server of servers) {
      requests += server.requests.length;
      running += server.busy();
      connections += server.connections().open;
    }
    send({ seen: { requests, running, connections } });
  });
  send({ urls: servers.map(({ url }) => url) });
};

process.once("message", (request: ServersRequest) => void start(request));
// The client's end is this process's end, however it comes.
process.once("disconnect", () => process.exit());
