import * as vscode from "vscode";
import { counted, listLines } from "../languageTools/resultText.ts";
import { formatBytes, formatShare } from "../memory/format.ts";
import { usedShare } from "../memory/levels.ts";
import type { MemoryMonitor } from "../memory/monitor.ts";
import type { Ledger, LedgerSnapshot, RequestRow } from "../metrics/ledger.ts";
import { formatDuration, formatUsd, modelLabel } from "../report/formats.ts";
import { createOwnTool, type OwnToolTable } from "./ownTool.ts";

export type StatusServices = {
  readonly ledger: Ledger;
  readonly memory: () => Promise<{ readonly monitor: MemoryMonitor }>;
};

const shownRequests = 10;

const memoryText = (monitor: MemoryMonitor): string => {
  const now = monitor.latest();
  const { host, machine } = monitor.levels();
  const { samples, hostAverageBytes, hostPeakBytes } = monitor.statistics();
  return [
    `Machine: ${formatShare(usedShare(now))} of ${formatBytes(now.machineTotalBytes)} in use, ${formatBytes(now.machineAvailableBytes)} available (${machine}).`,
    `Extension host, shared by all extensions: ${formatBytes(now.hostRssBytes)} resident (${host}), heap ${formatBytes(now.hostHeapBytes)} of at most ${formatBytes(now.hostHeapLimitBytes)}.`,
    ...(samples > 0
      ? [
          `Of ${counted(samples, "sample")}: extension host ${formatBytes(hostAverageBytes)} on average, ${formatBytes(hostPeakBytes)} at most.`,
        ]
      : []),
  ].join("\n");
};

const requestLine = ({ feature, model, outcome, errorKind, usage, trace }: RequestRow): string => {
  const tookMs = trace.endMs === undefined ? undefined : trace.endMs - trace.startMs;
  const tokens = `${usage.promptTokens ?? "?"} tokens read, ${usage.generatedTokens ?? "?"} written`;
  return `${feature}, ${modelLabel(model)}: ${errorKind ? `${outcome} (${errorKind})` : outcome}, ${formatDuration(tookMs)}, ${tokens}`;
};

const performanceText = (
  { requests, requestTotals: totals, suggestions, ...times }: LedgerSnapshot,
  roomUnits: number,
) => {
  const shownSources = suggestions.filter(({ offered, shown, accepted }) => offered + shown + accepted > 0);
  const cost = totals.costUsd === undefined ? "" : ` Cost: ${formatUsd(totals.costUsd)}.`;
  return listLines(
    "This window, until now.",
    [
      `Requests to model servers: ${totals.started} (${totals.ok} answered, ${totals.cancelled} cancelled, ${totals.failed} failed). First token p50 ${formatDuration(times.firstTokenP50Ms)}, p95 ${formatDuration(times.firstTokenP95Ms)}.`,
      `Tokens: ${totals.promptTokens} read, ${totals.cachedTokens} of them cached, ${totals.generatedTokens} written.${cost}`,
      ...shownSources.map(
        ({ source, offered, shown, accepted, p50Ms, p95Ms }) =>
          `Ghost text from ${source}: ${counted(offered, "answer")} (p50 ${formatDuration(p50Ms)}, p95 ${formatDuration(p95Ms)}), ${shown} shown, ${accepted} accepted.`,
      ),
      ...(requests.length === 0 ? [] : ["The last requests, the newest first:"]),
      ...requests.slice(0, shownRequests).map(requestLine),
    ],
    roomUnits,
  );
};

/** Tools that tell how Hotpath and this machine are doing. Times, counts and names only: no code, no prompts. */
export const statusTools = ({
  ledger,
  memory,
}: StatusServices): OwnToolTable<"hotpath_memoryStatus" | "hotpath_performanceReport"> => ({
  hotpath_memoryStatus: createOwnTool("hotpath_memoryStatus", {
    says: () => vscode.l10n.t("Reading memory figures"),
    run: async () => memoryText((await memory()).monitor),
  }),
  hotpath_performanceReport: createOwnTool("hotpath_performanceReport", {
    says: () => vscode.l10n.t("Reading performance figures"),
    run: (_input, { roomUnits }) => performanceText(ledger.snapshot(), roomUnits),
  }),
});
