import { completionUnits } from "./completionText.ts";
import { messageUnits, toolUnits } from "./messageUnits.ts";
import { ProviderError } from "./provider.ts";
import type { Capabilities, ChatRequest, CompletionRequest } from "./provider.ts";
import { shrinkCompletion } from "./shrink.ts";

/**
 * English text has about four characters a token (https://help.openai.com/en/articles/4936856), code and other languages
 * have fewer: there are at least as many tokens as this says, so nothing is skipped that might fit.
 */
const unitsPerToken = 4;
/** The fewest tokens that a picture takes in a model that is in use: Gemma 3 turns each into 256. */
const imageTokens = 256;

/** What a chat takes at least, in tokens. */
const promptTokensOf = ({ messages, tools }: ChatRequest): number =>
  Math.floor(
    messages.reduce((sum, message) => sum + messageUnits(message, imageTokens * unitsPerToken), toolUnits(tools)) /
      unitsPerToken,
  );

const hasImage = ({ messages }: ChatRequest): boolean =>
  messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === "image"));

/** Why this model is known not to be able to answer this chat; undefined: it is able, or that is not known. */
export const whyNotChat = (capabilities: Capabilities, request: ChatRequest): ProviderError | undefined => {
  const { model, tools, vision, contextTokens } = capabilities;
  if (tools === false && request.tools && request.tools.length > 0) {
    return new ProviderError("unsupported", `The model ${model} cannot call tools`);
  }
  if (vision === false && hasImage(request)) {
    return new ProviderError("unsupported", `The model ${model} cannot read images`);
  }
  const promptTokens = promptTokensOf(request);
  if (contextTokens === undefined || promptTokens <= contextTokens) return undefined;
  return new ProviderError(
    "context-overflow",
    `The model ${model} takes ${contextTokens} tokens, and this is at least ${promptTokens}`,
    { contextTokens, promptTokens },
  );
};

/** Why this model is known not to be able to complete; undefined: it is able, or that is not known. */
export const whyNotCompletion = (
  { model, fillInMiddle }: Capabilities,
  { isRaw = false }: CompletionRequest,
): ProviderError | undefined =>
  fillInMiddle === "none" && !isRaw
    ? new ProviderError("unsupported", `The model ${model} cannot fill in the middle`)
    : undefined;

/**
 * The same completion, cut where this model is known to take less: the text was chosen for another model, and what is
 * far from the cursor matters least.
 */
export const fitCompletion = ({ contextTokens }: Capabilities, request: CompletionRequest): CompletionRequest => {
  const promptTokens = Math.floor(completionUnits(request) / unitsPerToken);
  if (contextTokens === undefined || promptTokens + request.maxTokens <= contextTokens) return request;
  return shrinkCompletion(request, { contextTokens, promptTokens: undefined }) ?? request;
};
