import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ModelServer } from "../memory/modelServer.ts";
import { llamaRouterServer, lmStudioServer, ollamaServer, type AskServer } from "../memory/modelServers.ts";
import { parseBaseUrl } from "../provider/baseUrl.ts";
import { ollamaRunner } from "../provider/ollamaModel.ts";
import { normalizeName } from "../provider/ollamaName.ts";
import { ollamaFormat } from "../provider/ollamaStream.ts";
import { ProviderError, type ProviderKind } from "../provider/provider.ts";
import { createWire, defaultLoadMs, type Wire } from "../provider/wire.ts";
import type { TransportClient } from "../transport/client.ts";
import { isLoopbackHost, isPrivateHost } from "../transport/route.ts";
import type { ModelSetting } from "./settingsSchema.ts";

/** A server that loads and unloads models when it is told to. */
export type ManagedServer = ModelServer & {
  readonly kind: "ollama" | "llamacpp" | "lmstudio";
  /** Servers of one host share its memory; "" is the machine that this program runs on. */
  readonly host: string;
  /** Whether a list's name means a model of the settings. */
  isNamed(listed: string, model: string): boolean;
};

export type ManagedServerOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: () => Promise<TransportClient>;
  readonly apiKeyFor: (origin: string) => Promise<string | undefined>;
  /** What requests to Ollama ask for. */
  readonly ollamaContextTokens: () => number;
  /** What a model is loaded with in LM Studio, where a person has chosen. */
  readonly contextTokensFor: (model: string) => number | undefined;
  /** The names that the settings use. */
  readonly modelNames: () => readonly string[];
  /** What a model took when it was loaded last; 0: nobody knows. */
  readonly sizeOf: (model: string) => number;
};

/** A kind of server whose routes say nothing about memory, or that is not on a network of one's own. */
const mayBeManaged = (kind: ProviderKind, hostname: string): boolean =>
  kind === "ollama" || kind === "llamacpp" || (kind === "openai-compatible" && isPrivateHost(hostname));

const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

/**
 * Finds out whether a server of the settings loads and unloads models by request: Ollama, llama.cpp's router and LM
 * Studio do. Undefined: it keeps the model that it was started with, or is another one. Asks only those that cannot be
 * told by their kind. @throws {ProviderError} when the server does not answer.
 */
export const findManagedServer = async (
  { provider: kind, baseUrl }: ModelSetting,
  options: ManagedServerOptions,
): Promise<ManagedServer | undefined> => {
  const { origin, href } = parseBaseUrl(baseUrl);
  const { hostname } = new URL(origin);
  if (!mayBeManaged(kind, hostname)) return undefined;
  const { clock, log, apiKeyFor } = options;
  const root = href.replace(kind === "ollama" ? /\/(?:v1|api)$/ : /\/v1$/, "");
  const host = isLoopbackHost(hostname) ? "" : hostname;
  // The client is another one after some changes of the settings, and what was made with the old one is closed.
  const openWire = async (): Promise<Wire> =>
    createWire(
      root,
      { baseUrl: root, model: "", apiKey: () => apiKeyFor(origin) },
      { transport: await options.transport(), clock, log },
      ...(kind === "ollama" ? [ollamaFormat] : []),
    );
  const ask: AskServer = async (method, path, body, signal) => {
    const wire = await openWire();
    return method === "GET"
      ? wire.getJson(path, { signal }, questionMs)
      : // A load answers when the model is there.
        wire.postJson(path, body ?? {}, { signal }, defaultLoadMs);
  };
  const read = async (path: string) => recordOf(await (await openWire()).getJson(path, {}, questionMs));
  const managed = (server: ModelServer, name: ManagedServer["kind"]): ManagedServer => ({
    ...server,
    // A server that is not there holds no model; whoever wants one from it hears so from the request.
    loaded: (signal) => server.loaded(signal).catch(orNone),
    kind: name,
    host,
    isNamed: name === "ollama" ? isSameName : (listed, model) => listed === model,
  });

  switch (kind) {
    case "ollama": {
      const { num_ctx: _, keep_alive: keepAlive, ...more } = ollamaRunner;
      const load = () => ({ contextTokens: options.ollamaContextTokens(), keepAlive, more });
      const nameOf = (listed: string) => options.modelNames().find((name) => isSameName(listed, name)) ?? listed;
      return managed(ollamaServer(origin, ask, load, nameOf), "ollama");
    }
    case "llamacpp": {
      const props = await read("/props");
      if (props["role"] !== "router") return undefined;
      return managed(llamaRouterServer(origin, ask, { clock, sizeOf: options.sizeOf }), "llamacpp");
    }
    case "openai-compatible": {
      const list = await read("/api/v1/models").catch(orNothing);
      if (!Array.isArray(list?.["models"])) return undefined;
      return managed(lmStudioServer(origin, ask, options.contextTokensFor), "lmstudio");
    }
    case "openrouter":
      return undefined;
  }
};

const isSameName = (listed: string, model: string): boolean => normalizeName(listed) === normalizeName(model);

/** Nobody waits longer to hear what is loaded; a load has all the time it takes. */
const questionMs = 5_000;

const orNone = (error: unknown): readonly [] => {
  if (error instanceof ProviderError && (error.kind === "unreachable" || error.kind === "offline")) return [];
  throw error;
};

/** A server without this route is another one. */
const orNothing = (error: unknown): undefined => {
  if (error instanceof ProviderError && error.status !== undefined) return undefined;
  throw error;
};
