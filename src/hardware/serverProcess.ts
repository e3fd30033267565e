import { listedArguments, type ListedProcess } from "./processArguments.ts";

/** How a llama.cpp server was started, as far as its arguments tell; undefined is the program's default. */
export type ServerOptions = {
  /** The server's whole context, over all slots. */
  readonly contextTokens?: number | undefined;
  /** Requests at the same time, each with a part of the context. */
  readonly slots?: number | undefined;
  readonly threads?: number | undefined;
  /** Undefined: the server decides. */
  readonly flashAttention?: boolean | undefined;
  /** llama.cpp's names of the types of keys and values. */
  readonly keyType?: string | undefined;
  readonly valueType?: string | undefined;
  /** What may be taken of main memory for prompts that were read before; Infinity: there is no limit. */
  readonly promptCacheBytes?: number | undefined;
  /** Layers in graphics memory; undefined: the server decides. */
  readonly graphicsLayers?: number | undefined;
  /** The model's file. */
  readonly file?: string | undefined;
};

/** A llama.cpp server that runs on this machine. */
export type ServerProcess = ServerOptions & {
  readonly port: number;
  /** Whether Ollama has started it for one of its models. */
  readonly isOllamas: boolean;
};

const mib = 1024 ** 2;

/** llama-server's names, and those of Ollama's older runner. */
const names = {
  port: ["--port"],
  file: ["-m", "--model"],
  context: ["-c", "--ctx-size"],
  slots: ["-np", "--parallel"],
  threads: ["-t", "--threads"],
  flashAttention: ["-fa", "--flash-attn"],
  keyType: ["-ctk", "--cache-type-k", "--kv-cache-type"],
  valueType: ["-ctv", "--cache-type-v", "--kv-cache-type"],
  promptCache: ["-cram", "--cache-ram"],
  layers: ["-ngl", "--gpu-layers", "--n-gpu-layers"],
} as const;

/** The value behind the last of the names; "" where the next argument is another name. */
const valueOf = (args: readonly string[], of: keyof typeof names): string | undefined => {
  const at = args.findLastIndex((argument) => (names[of] as readonly string[]).includes(argument));
  if (at < 0) return undefined;
  const value = args[at + 1] ?? "";
  return /^-[a-z-]/.test(value) ? "" : value;
};

const countOf = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;

/** Older versions take no value behind it. */
const flagOf = (value: string | undefined): boolean | undefined => {
  if (value === undefined || value === "auto") return undefined;
  return !["off", "0", "false", "disabled"].includes(value);
};

/** llama-server's own, since 2025. */
const usualPromptCacheBytes = 8192 * mib;

const promptCacheOf = (value: string | undefined): number => {
  if (value === "-1") return Infinity;
  const count = countOf(value);
  return count === undefined ? usualPromptCacheBytes : count * mib;
};

/** Reads a llama-server's arguments. Whatever else they hold, keys among it, is passed over. */
export const serverOptions = (args: readonly string[]): ServerOptions => {
  // 0 is the model's own context, and -1 threads or slots of the server's choice.
  const positive = (of: "context" | "slots" | "threads") => countOf(valueOf(args, of)) || undefined;
  return {
    contextTokens: positive("context"),
    slots: positive("slots"),
    threads: positive("threads"),
    flashAttention: flagOf(valueOf(args, "flashAttention")),
    keyType: valueOf(args, "keyType") || undefined,
    valueType: valueOf(args, "valueType") || undefined,
    promptCacheBytes: promptCacheOf(valueOf(args, "promptCache")),
    graphicsLayers: countOf(valueOf(args, "layers")),
    file: valueOf(args, "file") || undefined,
  };
};

/** Without words behind it, which a Mac takes for a part of the name. */
const programName = ({ name }: ListedProcess): string =>
  name
    .toLowerCase()
    .replace(/\s.*$/s, "")
    .replace(/\.exe$/, "");

/** Those of all processes that may be a llama.cpp server, with whether Ollama has started it. */
export const findServers = (
  processes: readonly ListedProcess[],
  platform: NodeJS.Platform,
): readonly (ListedProcess & { readonly isOllamas: boolean })[] => {
  const ollamas = new Set(processes.filter((one) => programName(one) === "ollama").map(({ pid }) => pid));
  return processes.flatMap((one) => {
    const name = programName(one);
    const isOllamas = ollamas.has(one.parentPid);
    // Ollama's older runner has its own program's name, as has the server that Ollama's app starts.
    const isRunner = name === "ollama" && isOllamas && listedArguments(one, platform)?.includes("runner") === true;
    return name === "llama-server" || isRunner ? [{ ...one, isOllamas }] : [];
  });
};

const usualPort = 8080;

/** What a server's arguments say of it. */
export const serverProcess = (args: readonly string[], isOllamas: boolean): ServerProcess => ({
  ...serverOptions(args),
  port: countOf(valueOf(args, "port")) ?? usualPort,
  isOllamas,
});
