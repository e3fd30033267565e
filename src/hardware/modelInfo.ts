import type { GgufValue } from "./gguf.ts";
import { factsFromHeader, type ModelFacts } from "./modelFacts.ts";

/** A list with one value for each layer. Yes and no count as 1 and 0, as a header has them. */
const numbersOf = (value: unknown): readonly number[] | undefined => {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const isUsable = value.every((item) => typeof item === "number" || typeof item === "boolean");
  return isUsable ? value.map(Number) : undefined;
};

/** The values that are of use: a server sends null or an empty list for what it found too long. */
const usable = (info: Readonly<Record<string, unknown>>): Map<string, GgufValue> => {
  const values = new Map<string, GgufValue>();
  for (const [key, value] of Object.entries(info)) {
    if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") values.set(key, value);
    const numbers = numbersOf(value);
    if (numbers) values.set(key, numbers);
  }
  return values;
};

/**
 * Facts from what Ollama's `/api/show` tells of a model (`model_info`: a GGUF header's keys without its tensors) and from
 * the size that it lists. What one token uses of a mixture of experts is worked out from the experts' widths. Undefined
 * when no layers are told. Layers whose heads differ need the verbose form of the answer.
 */
export const factsFromModelInfo = (
  info: Readonly<Record<string, unknown>>,
  { name, weightsBytes }: { readonly name: string; readonly weightsBytes: number },
): ModelFacts | undefined => {
  const values = usable(info);
  const facts = factsFromHeader({ values, tensors: [], fileBytes: 0 }, name);
  if (facts.layers === 0) return undefined;
  const number = (key: string): number => {
    const value = values.get(key);
    return typeof value === "number" && value > 0 ? value : 0;
  };
  const parametersTotal = number("general.parameter_count");
  const ofModel = (key: string) => number(`${facts.architecture}.${key}`);
  const experts = ofModel("expert_count");
  // Each expert has three matrices: in, gate and out.
  const inExperts = 3 * facts.layers * experts * ofModel("embedding_length") * ofModel("expert_feed_forward_length");
  const idle = experts > 0 ? Math.min(parametersTotal, inExperts) * (1 - ofModel("expert_used_count") / experts) : 0;
  const parametersActive = Math.max(0, parametersTotal - idle);
  const share = parametersTotal > 0 ? parametersActive / parametersTotal : 1;
  return { ...facts, name, parametersTotal, parametersActive, weightsBytes, activeWeightsBytes: weightsBytes * share };
};
