import type { OfferedModel } from "./discover.ts";
import { findFimTemplate } from "./fim.ts";

/** Memory of the machine that the server runs on. */
export type MachineMemory = { readonly totalBytes: number; readonly availableBytes: number };

/** Whether a model finds room, as far as its size tells. */
export type Fit = {
  /** Weights, working memory and context. */
  readonly needsBytes: number;
  /** `loaded`: it is in memory already; `tight`: only when other programs give some back. */
  readonly verdict: "loaded" | "fits" | "tight" | "too-large";
};

/** Ids of the models to begin with; undefined: none fits the purpose. */
export type ModelChoice = {
  readonly completion: string | undefined;
  readonly chat: string | undefined;
  readonly background: string | undefined;
};

// Around the weights a server keeps buffers in proportion to them, and the context. The share and the allowance are for
// some 8k tokens of context; a longer one takes more.
const overheadShare = 1.2;
const contextBytes = 512 * 1024 * 1024;
// What is chosen for somebody leaves them a quarter of the free memory: other programs want to be started, too.
const chatShare = 0.75;
// Ghost text from a smaller model is quick and wrong.
const minGhostTextParameters = 1e9;
// About 4.5 bits for each parameter, as most files are quantised.
const bytesPerParameter = 0.6;

/** What a model needs, and whether this machine has it; undefined: the server does not tell its size. */
export const fitOf = (model: OfferedModel, memory: MachineMemory): Fit | undefined => {
  if (model.sizeBytes === undefined || model.isElsewhere) return undefined;
  const needsBytes = model.sizeBytes * overheadShare + contextBytes;
  if (model.isLoaded) return { needsBytes, verdict: "loaded" };
  if (needsBytes <= memory.availableBytes) return { needsBytes, verdict: "fits" };
  return { needsBytes, verdict: needsBytes <= memory.totalBytes ? "tight" : "too-large" };
};

/** Whether a request to this model costs money; unknown prices count as free on servers that name none. */
export const isPaid = ({ promptUsdPerToken, completionUsdPerToken }: OfferedModel): boolean =>
  (promptUsdPerToken ?? 0) > 0 || (completionUsdPerToken ?? 0) > 0;

/** Whether the server says that requests to this model cost nothing. */
export const isFree = (model: OfferedModel): boolean => !isPaid(model) && model.completionUsdPerToken !== undefined;

/** Whether the model's family is known to fill in the middle. */
export const fillsInMiddle = ({ id }: OfferedModel): boolean => findFimTemplate(plainId(id)) !== undefined;

/** Whether the model writes text at all, by what the server says and else by its name. */
export const writesText = ({ id, writesText: says }: OfferedModel): boolean =>
  says ?? !/embed|(?:^|[-_/])(?:bge|e5|gte|minilm)[-_:]|rerank|whisper|(?:^|[-_/])tts/i.test(id);

/**
 * What to begin with. Ghost text: a family that fills in the middle, in memory already if one is, else the smallest of
 * at least a billion parameters. Chat: the largest that fits and was taught to follow instructions. Background: the
 * chat's. Nothing that costs money and nothing that another machine would answer is chosen unasked.
 */
export const chooseModels = (
  models: readonly OfferedModel[],
  {
    memory,
    alsoFillsIn = new Set(),
    mayCharge = false,
  }: {
    /** Undefined: the server is on another machine, or its memory does not matter. */
    readonly memory?: MachineMemory | undefined;
    /** Ids that the server itself says fill in the middle. */
    readonly alsoFillsIn?: ReadonlySet<string>;
    /** Requests may cost money: a model without a price is not taken for free. */
    readonly mayCharge?: boolean;
  } = {},
): ModelChoice => {
  const mayTake = (model: OfferedModel): boolean => (mayCharge ? isFree(model) : !isPaid(model));
  const candidates = models.filter((model) => writesText(model) && !model.isElsewhere && mayTake(model));
  const fits = (model: OfferedModel): boolean => {
    const verdict = memory && fitOf(model, memory)?.verdict;
    return verdict !== "tight" && verdict !== "too-large";
  };
  const fitting = candidates.filter(fits);

  const completion = fitting
    .filter((model) => fillsInMiddle(model) || alsoFillsIn.has(model.id))
    .toSorted(
      (a, b) =>
        Number(b.isLoaded === true) - Number(a.isLoaded === true) ||
        Number(isTooSmall(a)) - Number(isTooSmall(b)) ||
        sizeOf(a) - sizeOf(b) ||
        Number(isBase(b)) - Number(isBase(a)),
    )[0];
  // What ghost text takes is not there for the chat.
  const leftBytes = (memory?.availableBytes ?? 0) - needOf(completion, memory);
  const chat = fitting
    .filter((model) => {
      if (!memory || model === completion || model.isLoaded) return true;
      return needOf(model, memory) <= leftBytes * chatShare;
    })
    .toSorted(
      (a, b) =>
        Number(isBase(a)) - Number(isBase(b)) ||
        Number(a.tools === false) - Number(b.tools === false) ||
        sizeOf(b) - sizeOf(a) ||
        Number(b.isLoaded === true) - Number(a.isLoaded === true) ||
        (b.contextTokens ?? 0) - (a.contextTokens ?? 0),
    )[0];
  return { completion: completion?.id, chat: chat?.id, background: chat?.id };
};

/** OpenRouter's variants (`:free`, `:nitro`) and folders say nothing about the family; Ollama's tags do. */
const plainId = (id: string): string => id.replace(/:(?:free|nitro|floor|extended|thinking|exacto|online)$/, "");

/** Not taught to follow instructions. */
const isBase = ({ id }: OfferedModel): boolean => /[-_:.]base\b/i.test(id);

/** Parameters as the name tells ("7b", "30b-a3b", "270m"), else by the size of the weights; unknown: 0. */
const parametersOf = ({ id, sizeBytes }: OfferedModel): number => {
  const [, count, unit] = /(?:^|[-_:/])(\d+(?:\.\d+)?)([bm])(?:$|[-_:.])/i.exec(id) ?? [];
  if (count !== undefined) return Number(count) * (unit?.toLowerCase() === "b" ? 1e9 : 1e6);
  return (sizeBytes ?? 0) / bytesPerParameter;
};

const sizeOf = (model: OfferedModel): number => model.sizeBytes ?? parametersOf(model) * bytesPerParameter;

const isTooSmall = (model: OfferedModel): boolean => {
  const parameters = parametersOf(model);
  return parameters > 0 && parameters < minGhostTextParameters;
};

const needOf = (model: OfferedModel | undefined, memory: MachineMemory | undefined): number =>
  (model && memory && !model.isLoaded ? fitOf(model, memory)?.needsBytes : 0) ?? 0;
