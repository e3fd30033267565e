import { asCount, asObject } from "./json.ts";

/** Words that no tokenizer joins: a suffix that is read is charged with at least one token for each. */
const words = "one two three four five six seven eight nine ten eleven twelve".split(" ");
const repeats = 5;
const suffixTokensMin = words.length * repeats;
const suffix = `\n${`${words.join(" ")}\n`.repeat(repeats)}`;

/**
 * A request that shows whether a server reads the suffix, whatever the model knows: its prompt is far shorter than its
 * suffix, so the count of prompt tokens tells. One token is written.
 */
export const suffixCheck = (model: string): object => ({
  model,
  prompt: "count = ",
  suffix,
  max_tokens: 1,
  temperature: 0,
  stream: false,
});

/**
 * Whether the suffix was read; undefined: the answer does not count its prompt. A chat template that a server wraps
 * around has fewer tokens than the suffix.
 */
export const readsSuffix = (answer: unknown): boolean | undefined => {
  const promptTokens = asCount(asObject(asObject(answer)["usage"])["prompt_tokens"]);
  return promptTokens === undefined || promptTokens === 0 ? undefined : promptTokens >= suffixTokensMin;
};
