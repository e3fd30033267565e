import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import { formatBytes, formatShare } from "./format.ts";
import { usedShare } from "./levels.ts";
import type { Alert, Levels } from "./monitor.ts";
import type { MemorySample } from "./sample.ts";
import type { Trend } from "./trend.ts";

/** A loaded model as it is shown. */
export type ShownModel = {
  readonly model: string;
  /** 0: the server does not tell. */
  readonly sizeBytes: number;
  readonly contextTokens?: number | undefined;
  /** Tokens that the last request read and wrote. */
  readonly usedTokens?: number | undefined;
  readonly isOurs: boolean;
  readonly isInUse: boolean;
};

/** What the indicator knows; what is not known is left out. */
export type MemoryFacts = {
  readonly sample: MemorySample;
  readonly levels: Levels;
  readonly trend?: Trend | undefined;
  readonly models?: readonly ShownModel[] | undefined;
  /** What models take of graphics memory, and what there is. */
  readonly graphicsUsedBytes?: number | undefined;
  readonly graphicsTotalBytes?: number | undefined;
  /** What is in use of the cards' own memory, by whomever, as the drivers told at a time of day. */
  readonly graphicsReading?:
    | { readonly usedBytes: number; readonly totalBytes: number; readonly at: string }
    | undefined;
  /** A time of day. */
  readonly nextUnload?: { readonly model: string; readonly at: string } | undefined;
  readonly tip?: string | undefined;
  /** What to set for a loaded model, in one line, once somebody has looked. */
  readonly batchTip?: string | undefined;
  /** The machine that is measured, where it is not the one that the window is on. */
  readonly remote?: string | undefined;
};

/** What the indicator shows. */
export type MemoryView = {
  /** Beside the icon, with the trend's arrow as VS Code writes icons. */
  readonly text: string;
  readonly level: "normal" | "warning" | "critical";
  /** What a screen reader says. */
  readonly label: string;
  /** Paragraphs of lines, as plain text. */
  readonly details: readonly (readonly string[])[];
  /** What the link to the tables of batch tips says; undefined where there is no model to look up. */
  readonly tables?: string;
};

const arrows = { increasing: "arrow-small-up", decreasing: "arrow-small-down", stable: "arrow-small-right" } as const;

const usedBytes = ({ machineTotalBytes, machineAvailableBytes }: MemorySample): number =>
  machineTotalBytes - machineAvailableBytes;

const trendWords = ({ trend, bytesPerHour, possibleLeak }: Trend, t: Translate): string => {
  const rate = formatBytes(Math.abs(bytesPerHour));
  if (possibleLeak) return t("keeps growing by {0} an hour; an extension may be leaking", rate);
  if (trend === "increasing") return t("increasing by {0} an hour", rate);
  return trend === "decreasing" ? t("decreasing by {0} an hour", rate) : t("stable");
};

const modelLine = (
  { model, sizeBytes, contextTokens, usedTokens, isOurs, isInUse }: ShownModel,
  nextUnload: MemoryFacts["nextUnload"],
  t: Translate,
): string => {
  const context =
    contextTokens === undefined
      ? []
      : usedTokens === undefined
        ? [t("context of {0} tokens", formatCount(contextTokens))]
        : [t("{0} of {1} context tokens in use", formatCount(usedTokens), formatCount(contextTokens))];
  const facts = [
    ...(sizeBytes > 0 ? [formatBytes(sizeBytes)] : []),
    ...context,
    ...(isInUse ? [t("working")] : []),
    ...(isOurs || isInUse ? [] : [t("loaded by another program")]),
    ...(nextUnload?.model === model ? [t("unloaded at {0} unless it is used", nextUnload.at)] : []),
  ];
  return facts.length === 0 ? model : `${model}: ${facts.join(", ")}`;
};

const graphicsLine = (
  { graphicsUsedBytes, graphicsTotalBytes, graphicsReading }: MemoryFacts,
  t: Translate,
): readonly string[] => {
  if (graphicsReading) {
    const used = formatBytes(graphicsReading.usedBytes);
    const total = formatBytes(graphicsReading.totalBytes);
    const { at } = graphicsReading;
    return graphicsUsedBytes
      ? [t("Graphics memory: {0} of {1} in use at {2}, {3} by models", used, total, at, formatBytes(graphicsUsedBytes))]
      : [t("Graphics memory: {0} of {1} in use at {2}", used, total, at)];
  }
  if (graphicsUsedBytes !== undefined && graphicsTotalBytes !== undefined) {
    return [
      t("Graphics memory: {0} of {1} by models", formatBytes(graphicsUsedBytes), formatBytes(graphicsTotalBytes)),
    ];
  }
  if (graphicsUsedBytes) return [t("Graphics memory: {0} by models", formatBytes(graphicsUsedBytes))];
  return graphicsTotalBytes ? [t("Graphics memory: {0}", formatBytes(graphicsTotalBytes))] : [];
};

const activityLine = ({ activity }: MemorySample, t: Translate): readonly string[] => {
  if (!activity) return [];
  const { machineCpuShare, longestGcMs, gcShare } = activity;
  const collecting = t(
    "garbage collection {0}, longest pause {1} ms",
    `${(100 * gcShare).toFixed(1)} %`,
    formatCount(longestGcMs),
  );
  return machineCpuShare === undefined
    ? [collecting]
    : [t("Processor: {0}; {1}", formatShare(machineCpuShare), collecting)];
};

/** Says what there is to say about memory now. Pure; plain text, which the adapter makes safe to render. */
export const describeMemory = (facts: MemoryFacts, t: Translate): MemoryView => {
  const { sample, levels, trend, models = [], nextUnload, tip, batchTip, remote } = facts;
  const host = formatBytes(sample.hostRssBytes);
  const share = formatShare(usedShare(sample));
  const total = formatBytes(sample.machineTotalBytes);
  const words = trend && trendWords(trend, t);
  const level = levels.host === "critical" ? "critical" : levels.host === "warning" ? "warning" : levels.machine;
  const machine = remote === undefined ? t("Machine") : t("Machine ({0})", remote);
  const label = [
    remote === undefined
      ? t("Memory: extension host {0}, machine {1} in use", host, share)
      : t("Memory of {0}: extension host {1}, machine {2} in use", remote, host, share),
    ...(words === undefined ? [] : [words]),
    ...(level === "normal" ? [] : [t("warning")]),
  ].join(", ");
  return {
    text: `${trend ? `$(${arrows[trend.trend]})` : ""}${host} · ${share}`,
    level,
    label,
    details: [
      [
        t("Extension host: {0} (all extensions together)", host) + (words === undefined ? "" : `, ${words}`),
        `${machine}: ${t("{0} of {1} in use ({2})", formatBytes(usedBytes(sample)), total, share)}`,
        ...activityLine(sample, t),
        ...graphicsLine(facts, t),
      ],
      models.map((model) => modelLine(model, nextUnload, t)),
      // What is wrong comes first.
      [...(tip === undefined ? [] : [t("Tip: {0}", tip)]), ...(batchTip === undefined ? [] : [batchTip])],
      [t("Click for what can be done")],
    ].filter((lines) => lines.length > 0),
    ...(models.length > 0 ? { tables: t("Show batch and context tables") } : {}),
  };
};

/** One plain sentence for an alert: what is full, and how much. `modelBytes`: what loaded models take, if known. */
export const alertSentence = (
  { of, sample }: Alert,
  modelBytes: number,
  remote: string | undefined,
  t: Translate,
): string => {
  if (of === "host") {
    return t(
      "VS Code's extension host uses {0} of memory; all extensions share it.",
      formatBytes(Math.max(sample.hostRssBytes, sample.hostHeapBytes)),
    );
  }
  const share = formatShare(usedShare(sample));
  const used = formatBytes(usedBytes(sample));
  const total = formatBytes(sample.machineTotalBytes);
  const machine = remote ?? t("this machine");
  return modelBytes > 0
    ? t(
        "{0} of the memory of {1} is in use ({2} of {3}), {4} of it by loaded models.",
        share,
        machine,
        used,
        total,
        formatBytes(modelBytes),
      )
    : t("{0} of the memory of {1} is in use ({2} of {3}).", share, machine, used, total);
};
