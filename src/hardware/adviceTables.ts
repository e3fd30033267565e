import type { Translate } from "../base/translate.ts";
import { advise, bestFit, type Advice } from "./advice.ts";
import { count, gibText, rough } from "./adviceTexts.ts";
import type { ModelFacts } from "./modelFacts.ts";
import { factsFromRow, quantisations, type Quantisation } from "./models.ts";
import type { ModelRow } from "./modelTable.ts";
import type { DeviceFacts } from "./speed.ts";

/** A model to give advice for: one that is here, or a published one, for which the best quantisation that fits is taken. */
export type Candidate =
  | { readonly label: string; readonly facts: ModelFacts }
  | { readonly label: string; readonly row: ModelRow };

export type AdviceRow = {
  readonly label: string;
  readonly quantisation: Quantisation | undefined;
  readonly advice: Advice;
};

/** The size that nearly every model is published in, and what is smaller. */
const preferred = quantisations.slice(quantisations.indexOf("Q4_K_M"));

/** Advice for each candidate on a device, in the order given. */
export const adviceRows = (candidates: readonly Candidate[], device: DeviceFacts): AdviceRow[] =>
  candidates.map((candidate) => {
    if ("facts" in candidate) {
      return { label: candidate.label, quantisation: undefined, advice: advise(candidate.facts, device) };
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

/** A cell of a Markdown table: a model's name comes from outside. */
const cell = (text: string): string => text.replaceAll(/[\r\n]+/g, " ").replaceAll(/[\\|`<>[\]]/g, "\\$&");

const nameOf = ({ label, quantisation, advice }: AdviceRow, t: Translate): string => {
  const small = advice.fits && advice.keyValueType !== "f16" ? t("8-bit cache") : undefined;
  const tight = advice.fits && advice.tight ? t("only just") : undefined;
  const details = [quantisation, small, tight].filter((detail) => detail !== undefined);
  return cell(details.length > 0 ? `${label} (${details.join(", ")})` : label);
};

const refusal = ({ because, needBytes, budgetBytes }: Advice & { readonly fits: false }, t: Translate): string =>
  because === "weights"
    ? t("does not fit: needs {0} of {1}", gibText(needBytes), gibText(budgetBytes))
    : t(
        "does not fit: its weights would, but no useful context ({0} of {1})",
        gibText(needBytes),
        gibText(budgetBytes),
      );

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(" | ")} |`,
  `|${"---|".repeat(head.length)}`,
  ...rows.map((cells) => `| ${cells.join(" | ")} |`),
];

/**
 * The two tables of batch tips as Markdown. Throughput: tokens a second of all requests together. Safe to render: what
 * comes from outside is escaped.
 */
export const adviceMarkdown = (rows: readonly AdviceRow[], device: DeviceFacts, t: Translate): string => {
  const batch = rows.map((row) => {
    const { advice } = row;
    if (!advice.fits) return [nameOf(row, t), "–", "–", refusal(advice, t)];
    const { recommended, max, low, high } = advice.batch;
    return [nameOf(row, t), count(recommended), count(max), t("{0}–{1} tokens/s", rough(low), rough(high))];
  });
  const context = rows.map((row) => {
    const { advice } = row;
    if (!advice.fits) return [nameOf(row, t), "–", "–", "–"];
    const { maxTokens, recommendedTokens, safeTokens } = advice.context;
    return [nameOf(row, t), count(maxTokens), count(recommendedTokens), count(safeTokens)];
  });
  return [
    `## ${cell(device.name)}, ${gibText(device.memoryBytes)}`,
    "",
    ...table([t("Model"), t("Recommended batch"), t("Max"), t("Throughput")], batch),
    "",
    ...table([t("Model"), t("Context max"), t("Recommended"), t("Safe")], context),
    "",
  ].join("\n");
};
