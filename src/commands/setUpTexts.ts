import { inNotice } from "../base/notice.ts";
import type { Translate } from "../base/translate.ts";
import { formatBytes } from "../memory/format.ts";
import type { FoundServer, OfferedModel } from "../provider/discover.ts";
import { fitOf, isPaid, type MachineMemory } from "../provider/modelChoice.ts";
import { faultSentence } from "../host/sentences.ts";
import type { ProviderErrorKind } from "../provider/provider.ts";
import { formatDuration, formatUsd, modelLabel } from "../report/formats.ts";

/** One live test that went well. */
export type TestResult = {
  readonly model: string;
  readonly firstTokenMs: number;
  readonly costUsd: number | undefined;
};

/** How large a model is and whether it finds room: "needs about 5.2 GB, 12.0 GB free"; "" when nobody knows. */
export const fitText = (model: OfferedModel, memory: MachineMemory | undefined, t: Translate): string => {
  if (model.isElsewhere) return t("answered by another machine");
  const fit = memory && fitOf(model, memory);
  if (!fit) return model.sizeBytes === undefined ? "" : formatBytes(model.sizeBytes);
  const needs = formatBytes(fit.needsBytes);
  switch (fit.verdict) {
    case "loaded":
      return t("in memory, about {0}", needs);
    case "fits":
      return t("needs about {0}, {1} free", needs, formatBytes(memory.availableBytes));
    case "tight":
      return t("tight: needs about {0}, {1} free", needs, formatBytes(memory.availableBytes));
    case "too-large":
      return t("too large: needs about {0}, this machine has {1}", needs, formatBytes(memory.totalBytes));
  }
};

const perMillion = (usdPerToken = 0): string => `$${(usdPerToken * 1e6).toFixed(2)}`;

/** What a model costs: "$0.20 read, $0.80 written per million tokens", "free", or "" where no price is named. */
export const priceText = (model: OfferedModel, t: Translate): string => {
  const { promptUsdPerToken, completionUsdPerToken } = model;
  if (promptUsdPerToken === undefined && completionUsdPerToken === undefined) return "";
  if (!isPaid(model)) return t("free");
  return t(
    "{0} read, {1} written per million tokens",
    perMillion(promptUsdPerToken),
    perMillion(completionUsdPerToken),
  );
};

/** A server's words as a list may show them, where `$(name)` would be an icon. */
export const inList = (text: string): string => text.replaceAll("$(", "\\$(");

/**
 * What the live test found: "qwen2.5-coder answered in 180 ms; this test cost nothing." `mayCharge`: a server that does
 * not say what it cost may still have charged.
 */
export const testSentence = (results: readonly TestResult[], mayCharge: boolean, t: Translate): string => {
  const answered = results
    .map(({ model, firstTokenMs }) =>
      t("{0} answered in {1}", inNotice(modelLabel(model)), formatDuration(firstTokenMs)),
    )
    .join(", ");
  if (!mayCharge) return t("{0}; this test cost nothing.", answered);
  if (results.some(({ costUsd }) => costUsd === undefined))
    return t("{0}; what this test cost is not known.", answered);
  const costUsd = results.reduce((sum, result) => sum + (result.costUsd ?? 0), 0);
  if (costUsd === 0) return t("{0}; this test cost nothing.", answered);
  return t("{0}; this test cost {1}.", answered, formatUsd(costUsd));
};

/** A fault while somebody sets up a server: nothing is tried again by itself, and what to do is at hand. */
export const setUpSentence = (kind: ProviderErrorKind | "unknown", host: string, t: Translate): string => {
  const sentences: { readonly [kind in typeof kind]?: string } = {
    loading: t("The model server at {0} is still loading its model. Try again in a moment.", host),
    offline: t("The address of {0} was not found. Check it, and whether this machine is online.", host),
    "rate-limited": t("The model server at {0} asks for a pause. Try again later.", host),
    unauthorized: t("The model server at {0} refused the API key. Go back and enter another.", host),
  };
  return sentences[kind] ?? faultSentence(kind, host, t);
};

/** What to do about a server without a model to choose. */
export const noModelSentence = ({ kind, name }: FoundServer, t: Translate): string =>
  kind === "ollama"
    ? t("Ollama has no model yet. Run 'ollama pull qwen2.5-coder:1.5b', then look again.")
    : t("{0} has no model that writes text yet. Load one there, then look again.", name);
