import { localFile } from "../hardware/localFile.ts";
import { computesOnProcessor } from "../hardware/machineDevice.ts";
import { factsFromGguf, memoryNeed, type CacheType, type MemoryNeed } from "../hardware/memoryNeed.ts";
import type { ModelFacts } from "../hardware/modelFacts.ts";
import { serverOptions, type ServerOptions } from "../hardware/serverProcess.ts";
import type { LoadedModel } from "../memory/modelServer.ts";
import { requestFacts } from "../memory/requestFacts.ts";
import type { TipFacts } from "../memory/tips.ts";
import type { RequestRow } from "../metrics/ledger.ts";
import { normalizeName } from "../provider/ollamaName.ts";
import type { MachineReading } from "./memoryReading.ts";
import type { LoadedResident, UsedServer } from "./memoryResidency.ts";

/** What is known now, beside the model itself. */
export type TipSources = {
  readonly nowMs: number;
  readonly rows: readonly RequestRow[];
  readonly reading: MachineReading | undefined;
  readonly machineAvailableBytes: number;
};

/** A loaded model, where it runs, and all that can be told of it. */
export type TipSubject = {
  readonly server: TipFacts["server"];
  readonly loaded: LoadedModel;
  /** Whether it runs on this machine. */
  readonly isHere: boolean;
  /** All names that requests may have had for it. */
  readonly names: readonly string[];
  readonly options?: ServerOptions | undefined;
  /** Requests that its server works on at the same time, where it tells. */
  readonly slots?: number | undefined;
  /** Bytes of its file. */
  readonly fileBytes?: number | undefined;
  readonly need?: MemoryNeed | undefined;
};

const cacheTypes = new Set(["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]);
const isCacheType = (name: string): name is CacheType => cacheTypes.has(name);
const typeOf = (name = "f16"): CacheType => (isCacheType(name) ? name : "f16");

const bitsOf = ({ keyType = "f16" }: ServerOptions): number => (/^b?f/.test(keyType) ? 16 : 8);

/** A server's own names are paths as often as not. */
const namesOf = (name: string): readonly string[] =>
  name === "" ? [] : [normalizeName(name), normalizeName(name.split(/[/\\]/).at(-1) ?? "")];

/** Requests for a model, by any of its names. */
export const rowsOf = (rows: readonly RequestRow[], names: readonly string[]): readonly RequestRow[] => {
  const known = new Set(names.flatMap(namesOf));
  return rows.filter(({ model }) => namesOf(model).some((name) => known.has(name)));
};

/** What llama.cpp takes for a model, by its header and its arguments. `contextTokens`: of one slot, as the server tells. */
export const needOf = (
  facts: ModelFacts,
  options: ServerOptions,
  contextTokens: number | undefined,
): MemoryNeed | undefined => {
  const { slots, keyType, valueType, flashAttention } = options;
  const whole = options.contextTokens ?? (contextTokens === undefined ? undefined : contextTokens * (slots ?? 1));
  if (whole === undefined) return undefined;
  return memoryNeed(facts, {
    contextTokens: whole,
    keyType: typeOf(keyType),
    valueType: typeOf(valueType),
    ...(slots === undefined ? {} : { slots }),
    ...(flashAttention === undefined ? {} : { flashAttention }),
  });
};

/** Reads the header of a file here that a server names, once; what cannot be read is not asked for again. */
export const createHeaders = (
  read: (file: string) => Promise<ModelFacts> = factsFromGguf,
): ((file: string | undefined) => Promise<ModelFacts | undefined>) => {
  const known = new Map<string, Promise<ModelFacts | undefined>>();
  return (told) => {
    const file = localFile(told);
    if (file === undefined) return Promise.resolve(undefined);
    const found = known.get(file) ?? read(file).catch(() => undefined);
    known.set(file, found);
    return found;
  };
};

/**
 * What a llama-server that is started so will take, by its file's header; undefined where that cannot be read. Without
 * a context among the arguments the server takes what fits, which nobody can know beforehand.
 */
export const startedBytes = async (
  args: readonly string[],
  readHeader = createHeaders(),
): Promise<number | undefined> => {
  const options = serverOptions(args);
  const facts = await readHeader(options.file);
  return facts && (needOf(facts, options, undefined)?.totalBytes ?? facts.weightsBytes);
};

/**
 * The options of the process that Ollama runs a model in, where it is clear which one that is: the only one beside the
 * only model, or the only one with as much context.
 */
export const ollamasOptions = (
  { contextTokens }: LoadedModel,
  modelsLoaded: number,
  reading: MachineReading | undefined,
): ServerOptions | undefined => {
  const own = reading?.servers.filter(({ isOllamas }) => isOllamas) ?? [];
  if (own.length === 1 && modelsLoaded === 1) return own[0];
  const same = own.filter(
    (one) => contextTokens !== undefined && one.contextTokens === contextTokens * (one.slots ?? 1),
  );
  return same.length === 1 ? same[0] : undefined;
};

/** The options of the server that listens at a port of this machine. */
export const optionsAtPort = (origin: string, reading: MachineReading | undefined): ServerOptions | undefined => {
  const port = Number(new URL(origin).port);
  return reading?.servers.find((server) => !server.isOllamas && server.port === port);
};

/** The options of a model that a server loads on request. */
export const residentOptions = (
  { server, args, ...loaded }: LoadedResident,
  modelsLoaded: number,
  reading: MachineReading | undefined,
): ServerOptions | undefined => {
  if (args) return serverOptions(args);
  return server.kind === "ollama" && server.host === "" ? ollamasOptions(loaded, modelsLoaded, reading) : undefined;
};

/** What a server's lists tell of its models' files, asked for once. */
export const createFileSizes = () => {
  const known = new Map<string, number | undefined>();
  return async (
    { provider, managed }: Pick<UsedServer, "provider" | "managed">,
    model: string,
    signal: AbortSignal,
  ): Promise<number | undefined> => {
    const key = `${provider.origin}\n${model}`;
    if (!known.has(key)) {
      const list = await provider.models({ signal }).catch(() => undefined);
      if (!list) return undefined;
      // A server that tells no size now tells none later.
      known.set(key, (managed ? list.find(({ id }) => managed.isNamed(id, model)) : list[0])?.sizeBytes);
    }
    return known.get(key);
  };
};

/** Where a llama.cpp server's model lies, which it does not tell: in main memory where there is no card, or none is used. */
const graphicsBytesOf = (
  { loaded, server, isHere, options }: TipSubject,
  reading: MachineReading | undefined,
): number | undefined => {
  if (loaded.graphicsBytes !== undefined || server !== "llamacpp") return loaded.graphicsBytes;
  const hasNoCard = isHere && reading !== undefined && computesOnProcessor(reading);
  return options?.graphicsLayers === 0 || hasNoCard ? 0 : undefined;
};

/** All that is known of a loaded model, for the rules; nothing is guessed that a server, a process or the ledger does not tell. */
export const tipFactsOf = (subject: TipSubject, sources: TipSources): TipFacts => {
  const { server, loaded, isHere, names, options, need, fileBytes } = subject;
  const { nowMs, rows, reading, machineAvailableBytes } = sources;
  const graphicsBytes = graphicsBytesOf(subject, reading);
  // Ollama tells what all of it takes: beside the file that is mostly the context.
  const beside = server === "ollama" && fileBytes !== undefined ? Math.max(0, loaded.sizeBytes - fileBytes) : undefined;
  const cacheBytes = need ? need.kvBytes + need.stateBytes : beside;
  const slots = options?.slots ?? subject.slots;
  const { flashAttention, threads, promptCacheBytes, contextTokens: contextTotalTokens } = options ?? {};
  return {
    server,
    loaded: { ...loaded, ...(graphicsBytes === undefined ? {} : { graphicsBytes }) },
    // Where a part lies elsewhere there are two memories; Apple's machines have one.
    hasOwnGraphicsMemory: !isHere || process.platform !== "darwin",
    ...requestFacts(rowsOf(rows, names), nowMs),
    ...(loaded.contextTokens === undefined ? {} : { contextTokens: loaded.contextTokens }),
    ...(contextTotalTokens === undefined ? {} : { contextTotalTokens }),
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
    ...(options === undefined ? {} : { cacheBits: bitsOf(options) }),
    ...(flashAttention === undefined ? {} : { flashAttention }),
    ...(threads === undefined ? {} : { threads }),
    ...(isHere && reading ? { physicalCores: reading.physicalCores } : {}),
    ...(slots === undefined ? {} : { slots }),
    ...(promptCacheBytes === undefined ? {} : { promptCacheBytes }),
    ...(isHere ? { machineAvailableBytes } : {}),
  };
};
