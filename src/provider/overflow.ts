import { asCount, defined, type JsonObject } from "./json.ts";

const overflowText =
  /context (?:length|size|window)|maximum context|context the overflows|(?:prompt|input) (?:is )?too long|too many tokens|longer than the maximum model length|exceeds the maximum number of tokens|exceeds? (?:the )?max(?:imum)? context/i;

/** Whether an error's text says that the prompt does not fit. */
export const saysOverflow = (message: string): boolean => overflowText.test(message);

/** After OpenAI, vLLM, llama.cpp, LM Studio, OpenRouter, Anthropic, Google and Mistral, in the order of trust. */
const contextTexts: readonly RegExp[] = [
  /n_ctx\D{1,3}(\d+)/,
  /(?:context (?:length|size|window)|model length)\D{1,30}(\d+)/i,
  /tokens allowed \((\d+)/i,
  /(\d+) (?:tokens? )?maximum/i,
  /maximum (?:of )?(\d+) tokens/i,
];
const promptTexts: readonly RegExp[] = [
  /n_keep\D{1,3}(\d+)/,
  /(\d+) (?:in the messages|in the prompt|of text input|input tokens)/i,
  /resulted in (\d+) tokens/i,
  /request \((\d+) tokens/i,
  /prompt \(length (\d+)/i,
  /token count \((\d+)/i,
  /too long: (\d+) tokens/i,
  /keep the first (\d+) tokens/i,
  /contains (\d+) tokens/i,
  /requested (?:about )?(\d+) tokens/i,
];

/** Looking for numbers in a text of nothing but digits takes the square of its length. */
const readChars = 4096;

const firstNumber = (text: string, patterns: readonly RegExp[]): number | undefined => {
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return Number(found);
  }
  return undefined;
};

/** The two sizes that an error about a prompt that does not fit tells, as fields or in words. */
export const readOverflow = (
  error: JsonObject,
  message: string,
): { readonly contextTokens?: number; readonly promptTokens?: number } => {
  const text = message.slice(0, readChars).replaceAll(/(?<=\d),(?=\d{3})/g, "");
  return defined({
    contextTokens: asCount(error["n_ctx"]) ?? firstNumber(text, contextTexts),
    promptTokens: asCount(error["n_prompt_tokens"]) ?? firstNumber(text, promptTexts),
  });
};
