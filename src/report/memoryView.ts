import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import type { ShownModel } from "../memory/describe.ts";
import type { MemoryStatistics } from "../memory/monitor.ts";
import type { ResidencyStatistics } from "../memory/residency.ts";
import type { Trend } from "../memory/trend.ts";
import { modelLabel } from "./formats.ts";
import type { ReportView } from "./messages.ts";

/** What the report shows of memory beside the newest sample. */
export type MemoryReport = {
  readonly statistics: MemoryStatistics;
  /** Undefined until there are samples enough. */
  readonly trend: Trend | undefined;
  readonly models: readonly ShownModel[];
  /** Undefined while no model server was asked. */
  readonly residency: ResidencyStatistics | undefined;
  readonly nextUnload: { readonly model: string; readonly at: string } | undefined;
  readonly tip: string | undefined;
};

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const trendFact = (
  { trend, bytesPerHour, possibleLeak }: Trend,
  formatBytes: (bytes: number) => string,
  t: Translate,
) => {
  const rate = formatBytes(Math.abs(bytesPerHour));
  if (possibleLeak) return t("extension host memory keeps growing by {0} an hour", rate);
  if (trend === "stable") return t("extension host stable");
  return trend === "increasing"
    ? t("extension host increasing by {0} an hour", rate)
    : t("extension host decreasing by {0} an hour", rate);
};

/** What became of models, without what did not happen. */
const residencyFacts = (residency: ResidencyStatistics | undefined, t: Translate): string[] => {
  if (!residency) return [];
  const { hits, misses, evictions, expired, refused } = residency;
  return [
    ...(hits > 0 ? [t("requests that found their model loaded: {0}", formatCount(hits))] : []),
    ...(misses > 0 ? [t("models loaded: {0}", formatCount(misses))] : []),
    ...(evictions > 0 ? [t("unloaded to make room: {0}", formatCount(evictions))] : []),
    ...(expired > 0 ? [t("unloaded because unused: {0}", formatCount(expired))] : []),
    ...(refused > 0 ? [t("models refused: {0}", formatCount(refused))] : []),
  ];
};

/** The report's section about memory. Pure. */
export const memoryView = (
  report: MemoryReport | undefined,
  formatBytes: (sizeBytes: number) => string,
  t: Translate,
): ReportView["memory"] => {
  const view = {
    heading: t("Memory"),
    columns: [t("Loaded model"), t("Size"), t("Context"), t("In use by the last request"), t("State")],
    empty: t("No loaded model is known. Ollama, LM Studio and llama.cpp tell of theirs once they are asked."),
  };
  if (!report) return { ...view, facts: [], rows: [] };
  const { statistics, trend, models, residency, nextUnload, tip } = report;
  const hostAlerts = statistics.hostWarnings + statistics.hostCriticals;
  return {
    ...view,
    facts: [
      t(
        "extension host {0} on average, {1} at most",
        formatBytes(statistics.hostAverageBytes),
        formatBytes(statistics.hostPeakBytes),
      ),
      t(
        "machine {0} on average, {1} at most",
        percent(statistics.machineAverageShare),
        percent(statistics.machinePeakShare),
      ),
      ...(trend ? [trendFact(trend, formatBytes, t)] : []),
      ...(statistics.machineAlerts + hostAlerts > 0
        ? [
            t(
              "alerts: {0} of the machine, {1} of the extension host",
              formatCount(statistics.machineAlerts),
              formatCount(hostAlerts),
            ),
          ]
        : []),
      ...residencyFacts(residency, t),
      ...(tip === undefined ? [] : [tip]),
    ],
    rows: models.map(({ model, sizeBytes, contextTokens, usedTokens, isOurs, isInUse }) => [
      modelLabel(model),
      sizeBytes > 0 ? formatBytes(sizeBytes) : "–",
      contextTokens === undefined ? "–" : t("{0} tokens", formatCount(contextTokens)),
      usedTokens === undefined ? "–" : t("{0} tokens", formatCount(usedTokens)),
      isInUse
        ? t("working")
        : nextUnload?.model === model
          ? t("unloaded at {0} unless it is used", nextUnload.at)
          : isOurs
            ? t("ready")
            : t("loaded by another program"),
    ]),
  };
};
