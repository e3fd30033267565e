import type { Clock } from "../base/clock.ts";
import { pause } from "../base/wait.ts";
import type { LoadedModel, ModelServer } from "./modelServer.ts";

/** Sends one JSON request to a server, with its key and deadline; undefined for an empty answer. */
export type AskServer = (
  method: "GET" | "POST",
  path: string,
  body: object | undefined,
  signal: AbortSignal,
) => Promise<unknown>;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;

const withCounts = (
  model: string,
  sizeBytes: number,
  graphicsBytes: number | undefined,
  contextTokens: number | undefined,
  expiresAtMs?: number,
): LoadedModel => ({
  model,
  sizeBytes,
  ...(graphicsBytes === undefined ? {} : { graphicsBytes }),
  ...(contextTokens === undefined ? {} : { contextTokens }),
  ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
});

/** What a load says of the model beside its name: what requests say, or Ollama would load it anew for the first one. */
export type OllamaLoad = { readonly contextTokens: number; readonly keepAlive: string; readonly more?: object };

/**
 * Ollama. `load` is read anew for each load. `nameOf` gives a listed model the name that requests use for it: Ollama
 * lists `qwen` as `qwen:latest`.
 * @see https://github.com/ollama/ollama/blob/main/docs/api.md (2026-08)
 */
export const ollamaServer = (
  origin: string,
  ask: AskServer,
  load: () => OllamaLoad,
  nameOf: (listed: string) => string = (listed) => listed,
): ModelServer => ({
  origin,
  tellsLastUse: true,
  async loaded(signal) {
    const answer = fieldsOf(await ask("GET", "/api/ps", undefined, signal));
    return listOf(answer["models"]).map((entry) =>
      withCounts(
        nameOf(textOf(entry["model"]) || textOf(entry["name"])),
        countOf(entry["size"]) ?? 0,
        countOf(entry["size_vram"]),
        countOf(entry["context_length"]),
        countOf(Date.parse(textOf(entry["expires_at"]))),
      ),
    );
  },
  // Without a prompt nothing is generated.
  load: async (model, signal) => {
    const { contextTokens, keepAlive, more } = load();
    const body = { model, stream: false, options: { num_ctx: contextTokens }, keep_alive: keepAlive, ...more };
    await ask("POST", "/api/generate", body, signal);
  },
  unload: async (model, signal) => {
    await ask("POST", "/api/generate", { model, stream: false, keep_alive: 0 }, signal);
  },
});

/** States of a router's model in which it takes memory. */
const residentStates = new Set(["loaded", "loading"]);

const stateOf = (entry: Fields | undefined): string => textOf(fieldsOf(entry?.["status"])["value"]);

const argsOf = (entry: Fields): Pick<LoadedModel, "args"> => {
  const args = fieldsOf(entry["status"])["args"];
  return Array.isArray(args) && args.length > 0 ? { args: args.map(textOf) } : {};
};

const pollMs = 250;

/**
 * llama.cpp's router. It tells no sizes: `sizeOf` does, 0 where nobody knows. It agrees to a load at once and loads
 * afterwards, so this looks until the model is there.
 * @see https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md (2026-08)
 */
export const llamaRouterServer = (
  origin: string,
  ask: AskServer,
  { clock, sizeOf }: { clock: Clock; sizeOf: (model: string) => number },
): ModelServer => {
  const entries = async (signal: AbortSignal): Promise<readonly Fields[]> =>
    listOf(fieldsOf(await ask("GET", "/models", undefined, signal))["data"]);
  return {
    origin,
    loaded: async (signal) =>
      (await entries(signal))
        .filter((entry) => residentStates.has(stateOf(entry)))
        .map((entry) =>
          Object.assign(
            withCounts(textOf(entry["id"]), sizeOf(textOf(entry["id"])), undefined, undefined),
            argsOf(entry),
          ),
        ),
    argsFor: async (model, signal) => {
      const entry = (await entries(signal)).find((one) => textOf(one["id"]) === model);
      return entry && argsOf(entry).args;
    },
    async load(model, signal) {
      await ask("POST", "/models/load", { model }, signal);
      for (;;) {
        const state = stateOf((await entries(signal)).find((entry) => textOf(entry["id"]) === model));
        if (state === "loaded") return;
        if (state !== "loading") throw new Error("The server did not load the model");
        await pause(clock, pollMs, signal);
      }
    },
    unload: async (model, signal) => {
      await ask("POST", "/models/unload", { model }, signal);
    },
  };
};

/**
 * LM Studio 0.4 and later. A model may be loaded several times; unloading takes all copies, so that the memory is back.
 * `contextTokensFor`: the context to load a model with; undefined: what LM Studio's own settings say.
 * @see https://lmstudio.ai/docs/developer/rest (2026-04)
 */
export const lmStudioServer = (
  origin: string,
  ask: AskServer,
  contextTokensFor: (model: string) => number | undefined = () => undefined,
): ModelServer => {
  const entries = async (signal: AbortSignal): Promise<readonly Fields[]> =>
    listOf(fieldsOf(await ask("GET", "/api/v1/models", undefined, signal))["models"]);
  return {
    origin,
    loaded: async (signal) =>
      (await entries(signal)).flatMap((entry) => {
        const copies = listOf(entry["loaded_instances"]);
        if (copies.length === 0) return [];
        const context = countOf(fieldsOf(copies[0]!["config"])["context_length"]);
        return [
          withCounts(textOf(entry["key"]), copies.length * (countOf(entry["size_bytes"]) ?? 0), undefined, context),
        ];
      }),
    load: async (model, signal) => {
      const context = contextTokensFor(model);
      const body = { model, ...(context === undefined ? {} : { context_length: context }) };
      await ask("POST", "/api/v1/models/load", body, signal);
    },
    async unload(model, signal) {
      const entry = (await entries(signal)).find((found) => textOf(found["key"]) === model);
      for (const copy of listOf(entry?.["loaded_instances"])) {
        await ask("POST", "/api/v1/models/unload", { instance_id: textOf(copy["id"]) }, signal);
      }
    },
  };
};
