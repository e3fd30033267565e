import type { Clock } from "../base/clock.ts";
import type { Disposable } from "../base/disposable.ts";
import { createHistogram, type Histogram } from "./histogram.ts";
import { startSpan, type Span, type SpanRecord } from "./spans.ts";
import type { ToolSelectionTotals } from "./toolTally.ts";

/** What a request was made for. */
export type RequestFeature = "completion" | "chat";

/** How a request ended; `running` until it has. */
export type RequestOutcome = "running" | "ok" | "cancelled" | "failed";

/** The rungs of the ladder that ghost text can come from, fastest first; then edits offered elsewhere. */
export const suggestionSources = [
  "live",
  "cache",
  "stream",
  "speculation",
  "predictor",
  "network",
  "nextEdit",
] as const;
export type SuggestionSource = (typeof suggestionSources)[number];

/** What one request took, as far as the server told; cached tokens are a part of the prompt tokens. */
export type TokenUsage = {
  promptTokens?: number;
  cachedTokens?: number;
  generatedTokens?: number;
  /** What was charged, in US dollars. */
  costUsd?: number;
};

/** One request to a model server: never its text, only what it took. */
export type RequestRow = {
  readonly id: number;
  readonly feature: RequestFeature;
  readonly provider: string;
  readonly model: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly outcome: RequestOutcome;
  /** Kind of the fault when the outcome is `failed`. */
  readonly errorKind: string | undefined;
  readonly usage: TokenUsage;
  readonly trace: SpanRecord;
};

/** A request under way. The span takes its timing parts; `end` closes it, later calls are ignored. */
export type OpenRequest = {
  readonly span: Span;
  /** The model that answers, once the server has told its name. */
  named(model: string): void;
  usage(usage: TokenUsage): void;
  /** What the server tells after the end, for instance what a cancelled request cost. */
  lateUsage(usage: TokenUsage): void;
  end(outcome: Exclude<RequestOutcome, "running">, errorKind?: string): void;
};

export type SuggestionCounts = {
  readonly source: SuggestionSource;
  /** Answers to VS Code, one for each of its calls. */
  readonly offered: number;
  /** Texts that appeared on the screen; what is left while typing along is no new one. */
  readonly shown: number;
  /** Taken as a whole, if need be in several parts. */
  readonly accepted: number;
  /** Taken in part only, by word or line. */
  readonly acceptedInPart: number;
  readonly acceptedCharacters: number;
  /** Accepts taken back by Undo. */
  readonly undone: number;
  /** Share (0..1) of the accepted characters that stood after 30 s; undone ones do not stand. Undefined: none yet. */
  readonly keptShare: number | undefined;
  /** From VS Code's call to our answer. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
};

export type LedgerSnapshot = {
  /** Newest first; rows of running requests change until they end. */
  readonly requests: readonly RequestRow[];
  readonly requestTotals: {
    readonly started: number;
    readonly ok: number;
    readonly cancelled: number;
    readonly failed: number;
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly generatedTokens: number;
    /** Sum of what servers said they charged; undefined: none said anything. */
    readonly costUsd: number | undefined;
  };
  readonly firstTokenP50Ms: number | undefined;
  readonly firstTokenP95Ms: number | undefined;
  readonly suggestions: readonly SuggestionCounts[];
  /** Undefined: no tools were chosen yet. */
  readonly tools: ToolSelectionTotals | undefined;
};

/** The record of what Hotpath did in this window. Kept in memory, bounded, never sent anywhere. */
export type Ledger = {
  startRequest(about: { feature: RequestFeature; provider: string; model: string }): OpenRequest;
  /** Counts ghost text that was handed to VS Code. */
  offered(source: SuggestionSource, latencyMs: number): void;
  /** Counts a text that appeared on the screen. */
  shown(source: SuggestionSource): void;
  /** Counts what was taken. `isFirst`: nothing of this suggestion was taken before. */
  accepted(source: SuggestionSource, characters: number, how?: { isWhole: boolean; isFirst: boolean }): void;
  /** Counts an accepted text that was taken back. */
  undone(source: SuggestionSource, characters: number): void;
  /** Counts an accepted text of which `share` (0..1) still stands after 30 s. */
  kept(source: SuggestionSource, characters: number, share: number): void;
  /** Takes the sums over all answers so far for which tools were chosen; who chooses adds them up. */
  toolsChosen(totals: ToolSelectionTotals): void;
  snapshot(): LedgerSnapshot;
  /** Keeps the newest `capacity` requests from now on; what was counted stays. */
  setCapacity(capacity: number): void;
  /** When a request was begun last, by the program's clock; `-Infinity`: none was. */
  lastUsedMs(): number;
  /** What the kept requests take, estimated. */
  sizeBytes(): number;
  /** Drops the oldest ended requests until at most `toBytes` are left; what was counted stays. */
  shrink(toBytes: number): void;
  /** Requests that are under way now. */
  runningCount(): number;
  /** Calls back after every change; the caller throttles. */
  onDidChange(listener: () => void): Disposable;
};

/** Name of the span that ends when the first text of an answer is there. */
export const firstTokenSpan = "first token";

type MutableRow = { -readonly [K in keyof RequestRow]: RequestRow[K] };
type SourceTally = {
  offered: number;
  shown: number;
  accepted: number;
  acceptedInPart: number;
  acceptedCharacters: number;
  undone: number;
  settledCharacters: number;
  keptCharacters: number;
  readonly latency: Histogram;
};

const emptyTally = (): SourceTally => ({
  offered: 0,
  shown: 0,
  accepted: 0,
  acceptedInPart: 0,
  acceptedCharacters: 0,
  undone: 0,
  settledCharacters: 0,
  keptCharacters: 0,
  latency: createHistogram(),
});

/** Makes an empty ledger that keeps the newest `capacity` requests; totals cover all of them. */
export const createLedger = ({ clock, capacity: firstCapacity = 500 }: { clock: Clock; capacity?: number }): Ledger => {
  let rows: MutableRow[] = [];
  let capacity = firstCapacity;
  let lastStartMs = -Infinity;
  const totals = { started: 0, ok: 0, cancelled: 0, failed: 0, promptTokens: 0, cachedTokens: 0, generatedTokens: 0 };
  let costUsd: number | undefined;
  /** Adds a request's usage to the totals; -1 takes it out again. */
  const count = (usage: TokenUsage, sign: 1 | -1) => {
    totals.promptTokens += sign * (usage.promptTokens ?? 0);
    totals.cachedTokens += sign * (usage.cachedTokens ?? 0);
    totals.generatedTokens += sign * (usage.generatedTokens ?? 0);
    if (isAmount(usage.costUsd)) costUsd = (costUsd ?? 0) + sign * usage.costUsd;
  };
  const firstToken = createHistogram();
  const tallies = new Map<SuggestionSource, SourceTally>(suggestionSources.map((source) => [source, emptyTally()]));
  let tools: ToolSelectionTotals | undefined;
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };

  return {
    startRequest({ feature, provider, model }) {
      const span = startSpan(clock, feature);
      const row: MutableRow = {
        id: ++totals.started,
        feature,
        provider,
        model,
        startedAtMs: clock.dateMs(),
        outcome: "running",
        errorKind: undefined,
        usage: {},
        trace: span.record,
      };
      rows.push(row);
      lastStartMs = clock.nowMs();
      if (rows.length > capacity) rows.shift();
      changed();
      return {
        span,
        named(answeringModel) {
          row.model = answeringModel;
        },
        usage(usage) {
          if (row.outcome === "running") row.usage = { ...row.usage, ...usage };
        },
        lateUsage(usage) {
          if (row.outcome !== "running") count(row.usage, -1);
          row.usage = { ...row.usage, ...usage };
          if (row.outcome !== "running") count(row.usage, 1);
          changed();
        },
        end(outcome, errorKind) {
          if (row.outcome !== "running") return;
          row.outcome = outcome;
          row.errorKind = errorKind;
          span.end();
          totals[outcome]++;
          count(row.usage, 1);
          const first = span.record.children.find((child) => child.name === firstTokenSpan);
          if (first?.endMs !== undefined) firstToken.add(first.endMs - span.record.startMs);
          changed();
        },
      };
    },
    offered(source, latencyMs) {
      const tally = tallies.get(source)!;
      tally.offered++;
      tally.latency.add(latencyMs);
      changed();
    },
    shown(source) {
      tallies.get(source)!.shown++;
      changed();
    },
    accepted(source, characters, { isWhole, isFirst } = { isWhole: true, isFirst: true }) {
      const tally = tallies.get(source)!;
      if (isWhole) tally.accepted++;
      // What was begun in parts and is whole now is counted once.
      if (isWhole && !isFirst) tally.acceptedInPart--;
      if (!isWhole && isFirst) tally.acceptedInPart++;
      tally.acceptedCharacters += characters;
      changed();
    },
    undone(source, characters) {
      const tally = tallies.get(source)!;
      tally.undone++;
      tally.settledCharacters += characters;
      changed();
    },
    kept(source, characters, share) {
      const tally = tallies.get(source)!;
      tally.settledCharacters += characters;
      tally.keptCharacters += characters * share;
      changed();
    },
    toolsChosen(newest) {
      tools = newest;
      changed();
    },
    snapshot: () => ({
      requests: rows.toReversed(),
      requestTotals: { ...totals, costUsd },
      firstTokenP50Ms: firstToken.percentileMs(0.5),
      firstTokenP95Ms: firstToken.percentileMs(0.95),
      suggestions: suggestionSources.map((source) => {
        const tally = tallies.get(source)!;
        const { latency, settledCharacters } = tally;
        return {
          source,
          offered: tally.offered,
          shown: tally.shown,
          accepted: tally.accepted,
          acceptedInPart: tally.acceptedInPart,
          acceptedCharacters: tally.acceptedCharacters,
          undone: tally.undone,
          keptShare: settledCharacters === 0 ? undefined : tally.keptCharacters / settledCharacters,
          p50Ms: latency.percentileMs(0.5),
          p95Ms: latency.percentileMs(0.95),
        };
      }),
      tools,
    }),
    setCapacity(wanted) {
      capacity = wanted;
      if (rows.length <= capacity) return;
      rows = rows.slice(-capacity);
      changed();
    },
    lastUsedMs: () => lastStartMs,
    sizeBytes: () => rows.reduce((sum, row) => sum + bytesOf(row), 0),
    shrink(toBytes) {
      let leftBytes = rows.reduce((sum, row) => sum + bytesOf(row), 0);
      if (leftBytes <= toBytes) return;
      rows = rows.filter((row) => {
        if (leftBytes <= toBytes || row.outcome === "running") return true;
        leftBytes -= bytesOf(row);
        return false;
      });
      changed();
    },
    runningCount: () => totals.started - totals.ok - totals.cancelled - totals.failed,
    onDidChange(listener) {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
};

// As a heap profile shows them, with the objects around their texts.
const rowBytes = 500;
const spanBytes = 180;

const spansOf = ({ children }: SpanRecord): number => children.reduce((sum, child) => sum + spansOf(child), 1);

const bytesOf = ({ trace }: RequestRow): number => rowBytes + spanBytes * spansOf(trace);

/** A server may say anything: a sum stays a sum. */
const isAmount = (value: number | undefined): value is number =>
  value !== undefined && Number.isFinite(value) && value >= 0;
