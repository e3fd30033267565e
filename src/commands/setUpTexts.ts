import { formatBytes } from "../memory/format.ts";
import type { OfferedModel } from "../provider/discover.ts";
import { fitOf, isPaid, type MachineMemory } from "../provider/modelChoice.ts";
import type { Translate } from "../host/sentences.ts";
import { formatDuration, formatUsd } from "../report/model.ts";

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

/** The model as a list shows it: llama.cpp names it by its file, and the folders say nothing. */
export const modelName = (id: string): string =>
  id.endsWith(".gguf") ? (id.split(/[\\/]/).at(-1) ?? id).replace(/\.gguf$/, "") : id;

/** What the live test found: "qwen2.5-coder answered in 180 ms; this test cost nothing." */
export const testSentence = (results: readonly TestResult[], isMetered: boolean, t: Translate): string => {
  const answered = results
    .map(({ model, firstTokenMs }) => t("{0} answered in {1}", modelName(model), formatDuration(firstTokenMs)))
    .join(", ");
  if (!isMetered) return t("{0}; this test cost nothing.", answered);
  if (results.some(({ costUsd }) => costUsd === undefined))
    return t("{0}; what this test cost is not known.", answered);
  const costUsd = results.reduce((sum, result) => sum + (result.costUsd ?? 0), 0);
  if (costUsd === 0) return t("{0}; this test cost nothing.", answered);
  return t("{0}; this test cost {1}.", answered, formatUsd(costUsd));
};
