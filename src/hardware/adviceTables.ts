import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import { advise, bestFit, type Advice } from "./advice.ts";
import { gigabytes, rough } from "./adviceTexts.ts";
import { withMeasured, type MeasuredSpeed } from "./measured.ts";
import type { ModelFacts } from "./modelFacts.ts";
import { factsFromRow, findModel, quantisations, type Quantisation } from "./models.ts";
import type { ModelRow } from "./modelTable.ts";
import type { DeviceFacts } from "./speed.ts";

/** A model to give advice for: one that is here, or a published one, for which the best quantisation that fits is taken. */
export type Candidate =
  | { readonly label: string; readonly facts: ModelFacts; readonly measured?: MeasuredSpeed }
  | { readonly label: string; readonly row: ModelRow };

export type AdviceRow = {
  readonly label: string;
  readonly quantisation: Quantisation | undefined;
  readonly advice: Advice;
  /** Whether the throughput comes from what was seen here, and is not predicted. */
  readonly isMeasured?: boolean;
};

/** The size that nearly every model is published in, and what is smaller. */
const preferred = quantisations.slice(quantisations.indexOf("Q4_K_M"));

/** Advice for each candidate on a device, in the order given. */
export const adviceRows = (candidates: readonly Candidate[], device: DeviceFacts): AdviceRow[] =>
  candidates.map((candidate) => {
    if ("facts" in candidate) {
      const { label, facts, measured } = candidate;
      const isMeasured = measured?.tokensPerSecond !== undefined;
      return { label, quantisation: undefined, advice: withMeasured(advise(facts, device), measured), isMeasured };
    }
    const versions = preferred.map((quantisation) => ({
      quantisation,
      facts: factsFromRow(candidate.row, quantisation),
    }));
    const best = bestFit(versions, device);
    if (best) return { label: candidate.label, quantisation: best.version.quantisation, advice: best.advice };
    const smallest = factsFromRow(candidate.row, "Q2_K");
    return { label: candidate.label, quantisation: "Q2_K", advice: advise(smallest, device) };
  });

/** The best quantisation of a published model that fits a device, from eight bits down. */
export const bestQuantisation = (row: ModelRow, device: DeviceFacts): Quantisation | undefined =>
  bestFit(
    quantisations.map((quantisation) => ({ quantisation, facts: factsFromRow(row, quantisation) })),
    device,
  )?.version.quantisation;

const nameOf = ({ label, quantisation, advice }: AdviceRow, t: Translate): string => {
  const small = advice.fits && advice.keyValueType !== "f16" ? t("8-bit cache") : undefined;
  const tight = advice.fits && advice.tight ? t("only just") : undefined;
  const details = [quantisation, small, tight].filter((detail) => detail !== undefined);
  return details.length > 0 ? `${label} (${details.join(", ")})` : label;
};

const refusal = ({ because, needBytes, budgetBytes }: Advice & { readonly fits: false }, t: Translate): string =>
  because === "weights"
    ? t("does not fit: needs {0} of {1}", gigabytes(needBytes), gigabytes(budgetBytes))
    : t(
        "does not fit: its weights would, but no useful context ({0} of {1})",
        gigabytes(needBytes),
        gigabytes(budgetBytes),
      );

const throughput = ({ advice, isMeasured }: AdviceRow, t: Translate): string => {
  if (!advice.fits) return refusal(advice, t);
  const { low, high } = advice.batch;
  if (high === 0) return t("not known");
  return isMeasured ? t("{0} tokens/s, measured", rough(high)) : t("{0}–{1} tokens/s", rough(low), rough(high));
};

/** A table as plain text, cell by cell. */
export type PlainTable = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** The two tables of batch tips. Throughput: tokens a second of all requests together. */
export const adviceCells = (
  rows: readonly AdviceRow[],
  t: Translate,
): { readonly batch: PlainTable; readonly context: PlainTable } => ({
  batch: {
    head: [t("Model"), t("Recommended batch"), t("Max"), t("Throughput")],
    rows: rows.map((row) => {
      const { advice } = row;
      const numbers = advice.fits ? [formatCount(advice.batch.recommended), formatCount(advice.batch.max)] : ["–", "–"];
      return [nameOf(row, t), ...numbers, throughput(row, t)];
    }),
  },
  context: {
    head: [t("Model"), t("Context max"), t("Recommended"), t("Safe")],
    rows: rows.map((row) => {
      const { advice } = row;
      if (!advice.fits) return [nameOf(row, t), "–", "–", "–"];
      const { maxTokens, recommendedTokens, safeTokens } = advice.context;
      return [nameOf(row, t), formatCount(maxTokens), formatCount(recommendedTokens), formatCount(safeTokens)];
    }),
  },
});

/** A cell of a Markdown table: a model's name comes from outside. */
const cell = (text: string): string => text.replaceAll(/[\r\n]+/g, " ").replaceAll(/[\\|`<>[\]]/g, "\\$&");

const markdownTable = ({ head, rows }: PlainTable): string[] => [
  `| ${head.join(" | ")} |`,
  `|${"---|".repeat(head.length)}`,
  ...rows.map((cells) => `| ${cells.map(cell).join(" | ")} |`),
];

/** The two tables as Markdown. Safe to render: what comes from outside is escaped. */
export const adviceMarkdown = (rows: readonly AdviceRow[], device: DeviceFacts, t: Translate): string => {
  const { batch, context } = adviceCells(rows, t);
  return [
    `## ${cell(device.name)}, ${gigabytes(device.memoryBytes)}`,
    "",
    ...markdownTable(batch),
    "",
    ...markdownTable(context),
    "",
  ].join("\n");
};

/** The published models that the tables always show, by the names that people use. */
const shownModels: Readonly<Record<string, string>> = {
  "Qwen3-Coder 30B": "Qwen3-Coder-30B-A3B",
  "Phi-4 14B": "Phi-4 14B",
  "Gemma 3 27B": "Gemma-3-27B",
  "Ministral 14B": "Ministral-3-14B",
  "Dolphin 8B": "Dolphin-3.0-8B",
  "Mistral 7B": "Mistral-7B-v0.3",
};

export const publishedCandidates: readonly Candidate[] = Object.entries(shownModels).flatMap(([label, name]) => {
  const row = findModel(name);
  return row ? [{ label, row }] : [];
});
