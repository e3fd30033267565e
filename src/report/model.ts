import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import type { HardwareFacts } from "../hardware/probe.ts";
import type { MemorySample } from "../memory/sample.ts";
import type { LedgerSnapshot, SuggestionCounts, SuggestionSource } from "../metrics/ledger.ts";
import type { ResilienceCounters } from "../provider/counters.ts";
import type { ServerState } from "../provider/servers.ts";
import type { TransportCounters } from "../transport/pool.ts";
import { formatDuration, formatUsd, modelLabel } from "./formats.ts";
import { memoryView, type MemoryReport } from "./memoryView.ts";
import type { MachineSection, ReportView, TableView } from "./messages.ts";
import { requestsView } from "./requestsView.ts";
import { toolsView } from "./toolsView.ts";

/** How the way to the model servers is doing. */
export type ConnectionFacts = {
  readonly transport: TransportCounters;
  readonly resilience: ResilienceCounters;
  readonly servers: readonly ServerState[];
};

export type ReportInput = {
  readonly ledger: LedgerSnapshot;
  readonly memory: MemorySample;
  /** Default: only the newest sample is shown. */
  readonly memoryReport?: MemoryReport;
  /** Undefined while the probe runs; a string says why it failed. */
  readonly hardware: HardwareFacts | string | undefined;
  readonly predictor: { readonly files: number; readonly textBytes: number; readonly memoryBytes: number } | undefined;
  /** Undefined while no model server was asked. */
  readonly connections: ConnectionFacts | undefined;
  /** Undefined: nobody has asked; "reading" while it is looked at; another text says why that failed. */
  readonly machine?: MachineTables | "reading" | { readonly problem: string };
  readonly nowMs: number;
  readonly formatBytes: (sizeBytes: number) => string;
  readonly t: Translate;
};

/** What fits this machine, as tables of texts, and the same as Markdown for whoever copies it. */
export type MachineTables = {
  readonly sentences: readonly string[];
  readonly tables: readonly TableView[];
  readonly markdown: string;
};

/** Turns this window's numbers into what the report page shows. Pure. */
export const buildReport = (input: ReportInput): ReportView => {
  const { t } = input;
  return {
    title: t("Performance report"),
    subtitle: t("This window, until now. Everything here stays on this machine."),
    cards: cards(input),
    suggestions: {
      heading: t("Where ghost text came from"),
      columns: [
        t("Source"),
        t("Answered"),
        t("Answer time p50"),
        t("p95"),
        t("Shown"),
        t("Accepted"),
        t("In part"),
        t("Characters"),
        t("Kept after 30 s"),
      ],
      rows: input.ledger.suggestions
        .filter(({ offered, shown, accepted, acceptedInPart }) => offered + shown + accepted + acceptedInPart > 0)
        .map((row) => [
          sourceLabel(row.source, t),
          countLabel(row.offered),
          formatDuration(row.p50Ms),
          formatDuration(row.p95Ms),
          countLabel(row.shown),
          countLabel(row.accepted),
          countLabel(row.acceptedInPart),
          countLabel(row.acceptedCharacters),
          keptLabel(row, t),
        ]),
      empty: t("No ghost text yet. Type in a file, and it will be counted here."),
    },
    memory: memoryView(input.memoryReport, input.formatBytes, t),
    connections: connectionsView(input.connections, t),
    tools: toolsView(input.ledger.tools, t),
    requests: requestsView(input, isMetered(input)),
    machine: machineSection(input.machine, t),
    privacy: t("Only times, counts and names are kept, in memory, until this window closes. No code, no prompts."),
  };
};

const cards = ({ ledger, memory, hardware, predictor, formatBytes, t }: ReportInput): ReportView["cards"] => {
  const totals = ledger.requestTotals;
  const usedBytes = memory.machineTotalBytes - memory.machineAvailableBytes;
  return [
    {
      label: t("Extension host"),
      value: formatBytes(memory.hostRssBytes),
      detail: t("heap {0} of {1}", formatBytes(memory.hostHeapBytes), formatBytes(memory.hostHeapLimitBytes)),
    },
    {
      label: t("Machine"),
      value: `${Math.round((100 * usedBytes) / memory.machineTotalBytes)} %`,
      detail: t("{0} of {1} in use", formatBytes(usedBytes), formatBytes(memory.machineTotalBytes)),
    },
    {
      label: t("Requests"),
      value: formatCount(totals.started),
      detail: t(
        "{0} answered, {1} cancelled, {2} failed",
        formatCount(totals.ok),
        formatCount(totals.cancelled),
        formatCount(totals.failed),
      ),
    },
    {
      label: t("First token p50"),
      value: formatDuration(ledger.firstTokenP50Ms),
      detail: t("p95 {0}", formatDuration(ledger.firstTokenP95Ms)),
    },
    {
      label: t("Tokens"),
      value: formatCount(totals.promptTokens + totals.generatedTokens),
      detail: t(
        "{0} read, {1} of them cached, {2} written",
        formatCount(totals.promptTokens),
        formatCount(totals.cachedTokens),
        formatCount(totals.generatedTokens),
      ),
    },
    ...(totals.costUsd === undefined
      ? []
      : [{ label: t("Cost"), value: formatUsd(totals.costUsd), detail: t("as the model servers said") }]),
    {
      label: t("Predictor"),
      value: predictor ? (predictor.files === 1 ? t("1 file") : t("{0} files", formatCount(predictor.files))) : "–",
      detail: predictor
        ? t("{0} of text in {1}", formatBytes(predictor.textBytes), formatBytes(predictor.memoryBytes))
        : t("not started yet"),
    },
    ...hardwareCards(hardware, formatBytes, t),
  ];
};

const machineSection = (machine: ReportInput["machine"], t: Translate): MachineSection => {
  const heading = t("Models on this machine");
  const nothing = { heading, sentences: [], tables: [] };
  if (machine === undefined) {
    return { ...nothing, button: { label: t("Show what fits this machine"), asks: "machine" } };
  }
  if (machine === "reading") {
    return { ...nothing, button: undefined, sentences: [t("Looking at this machine and its model servers …")] };
  }
  if ("problem" in machine) {
    return { ...nothing, button: { label: t("Look again"), asks: "machine" }, sentences: [machine.problem] };
  }
  const { sentences, tables } = machine;
  return { heading, button: { label: t("Copy as Markdown"), asks: "copyMachine" }, sentences, tables };
};

const hardwareCards = (
  hardware: ReportInput["hardware"],
  formatBytes: (sizeBytes: number) => string,
  t: Translate,
): ReportView["cards"] => {
  if (hardware === undefined) return [{ label: t("Processor"), value: "…", detail: t("reading this machine's facts") }];
  if (typeof hardware === "string") return [{ label: t("Processor"), value: "–", detail: hardware }];
  const { cpu, physicalCores } = hardware;
  const cores = physicalCores === 1 ? t("1 physical core") : t("{0} physical cores", physicalCores);
  return [
    { label: t("Processor"), value: cpu, detail: cores },
    ...(hardware.gpus.length === 0
      ? [{ label: t("Graphics"), value: "–", detail: t("no graphics processor found") }]
      : hardware.gpus.map(({ name, memoryBytes }) => ({
          label: t("Graphics"),
          value: name,
          detail: memoryBytes ? formatBytes(memoryBytes) : t("memory shared or unknown"),
        }))),
  ];
};

/** Whether a server has said what a request cost. */
const isMetered = ({ ledger }: ReportInput): boolean => ledger.requestTotals.costUsd !== undefined;

const connectionsView = (facts: ConnectionFacts | undefined, t: Translate): ReportView["connections"] => {
  const view = {
    heading: t("Connections"),
    columns: [t("Server"), t("Model"), t("Running"), t("Waiting"), t("State")],
    empty: t("No model server was asked yet."),
  };
  if (!facts) return { ...view, facts: [], rows: [] };
  return {
    ...view,
    facts: connectionFacts(facts, t),
    rows: facts.servers.map((server) => [
      new URL(server.origin).host,
      server.model === "" ? t("the server's own") : modelLabel(server.model),
      t("{0} of at most {1}", server.running, server.limit),
      formatCount(server.queued),
      serverState(server, t),
    ]),
  };
};

const connectionFacts = ({ transport, resilience }: ConnectionFacts, t: Translate): string[] => [
  t(
    "open now: {0}, opened: {1}, requests that found one open: {2}",
    formatCount(transport.openNow),
    formatCount(transport.opened),
    formatCount(transport.reused),
  ),
  ...(transport.queued > 0 ? [t("requests that wait for a connection: {0}", formatCount(transport.queued))] : []),
  ...(resilience.retries > 0
    ? [
        t(
          "requests sent again: {0}, answered then: {1}",
          formatCount(resilience.retries),
          formatCount(resilience.retriesSucceeded),
        ),
      ]
    : []),
  ...(resilience.hedges > 0
    ? [
        t(
          "second requests because the first was late: {0}, answered first: {1}",
          formatCount(resilience.hedges),
          formatCount(resilience.hedgesWon),
        ),
      ]
    : []),
  ...(resilience.unusedUsd > 0 ? [t("charged for answers that nobody got: {0}", formatUsd(resilience.unusedUsd))] : []),
  ...(resilience.fallbacks > 0 ? [t("requests given to another model: {0}", formatCount(resilience.fallbacks))] : []),
];

const serverState = ({ breaker, openMs, pausedMs }: ServerState, t: Translate): string => {
  if (pausedMs > 0) return t("asks for a pause, {0} left", formatDuration(pausedMs));
  switch (breaker) {
    case "closed":
      return t("OK");
    case "half-open":
      return t("being tried again");
    case "open":
      return t("left alone after faults, {0} left", formatDuration(openMs));
  }
};

/** Nothing to count is no number to read. */
const countLabel = (count: number): string => (count === 0 ? "–" : formatCount(count));

const keptLabel = ({ keptShare, undone }: SuggestionCounts, t: Translate): string => {
  if (keptShare === undefined) return "–";
  const share = `${Math.round(100 * keptShare)} %`;
  return undone === 0 ? share : t("{0}, {1} undone", share, formatCount(undone));
};

const sourceLabel = (source: SuggestionSource, t: Translate): string => {
  switch (source) {
    case "live":
      return t("Typed through the text on screen");
    case "cache":
      return t("Remembered suggestion");
    case "stream":
      return t("Request already under way");
    case "speculation":
      return t("Asked for ahead");
    case "predictor":
      return t("Embedded predictor");
    case "network":
      return t("Model");
    case "nextEdit":
      return t("Next edit");
  }
};
