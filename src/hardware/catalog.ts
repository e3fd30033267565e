import { findModel } from "./models.ts";
import type { ModelRow } from "./modelTable.ts";

/** A published model that can be recommended: where its files are, and what it is good for. */
export type CatalogEntry = {
  readonly label: string;
  /** Its name in Ollama's library, there in four bits. */
  readonly ollama: string;
  /** A repository of GGUF files on huggingface.co, with a file for each quantisation. */
  readonly repository: string;
  readonly row: ModelRow;
};

type Source = readonly [row: string, ollama: string, repository: string];

const qwenCoder = (size: string, tag: string): Source => [
  `Qwen2.5-Coder-${size}`,
  `qwen2.5-coder:${tag}`,
  `bartowski/Qwen2.5-Coder-${size}-Instruct-GGUF`,
];
const coder30: Source = ["Qwen3-Coder-30B-A3B", "qwen3-coder:30b", "unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF"];

/**
 * For ghost text, the ablest first: each fills in the middle, has an open licence, and has a billion parameters or more,
 * because what smaller ones write is quick and wrong. The order is the publishers' own results, newer models before
 * older ones of the same size; this machine's speed has the last word.
 */
const forCompletion: readonly Source[] = [
  coder30,
  qwenCoder("32B", "32b"),
  qwenCoder("14B", "14b"),
  qwenCoder("7B", "7b"),
  ["DeepSeek-Coder-V2-Lite", "deepseek-coder-v2:16b", "bartowski/DeepSeek-Coder-V2-Lite-Instruct-GGUF"],
  qwenCoder("3B", "3b"),
  qwenCoder("1.5B", "1.5b"),
];

/** For chat about code, the ablest first, by the same order. */
const forChat: readonly Source[] = [
  ["Qwen3-Coder-Next", "qwen3-coder-next", "unsloth/Qwen3-Coder-Next-GGUF"],
  ["gpt-oss-120b", "gpt-oss:120b", "ggml-org/gpt-oss-120b-GGUF"],
  ["Devstral-Small-2-24B", "devstral-small-2:24b", "unsloth/Devstral-Small-2-24B-Instruct-2512-GGUF"],
  coder30,
  ["gpt-oss-20b", "gpt-oss:20b", "ggml-org/gpt-oss-20b-GGUF"],
  qwenCoder("32B", "32b"),
  ["Gemma-3-27B", "gemma3:27b", "unsloth/gemma-3-27b-it-GGUF"],
  ["Ministral-3-14B", "ministral-3:14b", "unsloth/Ministral-3-14B-Instruct-2512-GGUF"],
  qwenCoder("14B", "14b"),
  ["Phi-4 14B", "phi4:14b", "bartowski/phi-4-GGUF"],
  ["Qwen3-8B", "qwen3:8b", "unsloth/Qwen3-8B-GGUF"],
  qwenCoder("7B", "7b"),
  ["Dolphin-3.0-8B", "dolphin3:8b", "bartowski/Dolphin3.0-Llama3.1-8B-GGUF"],
  ["Mistral-7B-v0.3", "mistral:7b", "bartowski/Mistral-7B-Instruct-v0.3-GGUF"],
  ["Qwen3-4B", "qwen3:4b", "unsloth/Qwen3-4B-GGUF"],
  qwenCoder("3B", "3b"),
  qwenCoder("1.5B", "1.5b"),
];

const entries = (sources: readonly Source[]): readonly CatalogEntry[] =>
  sources.flatMap(([name, ollama, repository]) => {
    const row = findModel(name);
    return row ? [{ label: name, ollama, repository, row }] : [];
  });

/** What can be recommended, the ablest first. */
export const catalog = { completion: entries(forCompletion), chat: entries(forChat) } as const;
