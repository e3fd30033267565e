import { formatCount } from "../base/numbers.ts";
import type { Translate } from "../base/translate.ts";
import type { LedgerSnapshot, RequestRow } from "../metrics/ledger.ts";
import type { SpanRecord } from "../metrics/spans.ts";
import { formatDuration, formatUsd, modelLabel } from "./formats.ts";
import type { ReportView, RequestView, TimingPart } from "./messages.ts";

export type RequestsInput = {
  readonly ledger: Pick<LedgerSnapshot, "requests">;
  readonly nowMs: number;
  readonly t: Translate;
};

const shownRequests = 60;

/** The report's section about requests to model servers, with their cost where a server names one. Pure. */
export const requestsView = (input: RequestsInput, hasCost: boolean): ReportView["requests"] => {
  const { t } = input;
  return {
    heading: t("Requests to model servers"),
    columns: [
      t("Time"),
      t("For"),
      t("Model"),
      t("Outcome"),
      t("First token"),
      t("Total"),
      t("Tokens"),
      ...(hasCost ? [t("Cost")] : []),
      t("Timing"),
    ],
    rows: rowViews(input.ledger.requests.slice(0, shownRequests), input, hasCost),
    legend: ["connect", "wait", "first token", "generation", "body"].map((name) => ({
      name,
      label: partLabel(name, t),
    })),
    empty: t("No requests yet. The embedded predictor needs none; set up a model server to see its requests here."),
  };
};

const rowViews = (rows: readonly RequestRow[], { nowMs, t }: RequestsInput, hasCost: boolean): RequestView[] => {
  const durationMs = ({ trace }: RequestRow) => (trace.endMs ?? nowMs) - trace.startMs;
  // One that hangs grows without end, and would press all others into a corner.
  const ended = rows.filter(({ trace }) => trace.endMs !== undefined);
  const longestMs = Math.max(1, ...(ended.length > 0 ? ended : rows).map(durationMs));
  return rows.map((row) => {
    const firstToken = row.trace.children.find(({ name }) => name === "first token");
    const { promptTokens, generatedTokens, costUsd } = row.usage;
    const parts = timingParts(row.trace, longestMs, nowMs, t);
    return {
      outcome: row.outcome,
      cells: [
        new Date(row.startedAtMs).toLocaleTimeString(),
        row.feature === "completion" ? t("Ghost text") : t("Chat"),
        modelLabel(row.model),
        outcomeLabel(row, t),
        formatDuration(firstToken?.endMs === undefined ? undefined : firstToken.endMs - row.trace.startMs),
        formatDuration(durationMs(row)),
        promptTokens === undefined && generatedTokens === undefined
          ? "–"
          : `${tokensLabel(promptTokens)} → ${tokensLabel(generatedTokens)}`,
        ...(hasCost ? [costUsd === undefined ? "–" : formatUsd(costUsd)] : []),
      ],
      parts,
      timing: parts.map(({ title }) => title).join(", "),
    };
  });
};

const tokensLabel = (tokens: number | undefined): string => (tokens === undefined ? "?" : formatCount(tokens));

const outcomeLabel = (row: RequestRow, t: Translate): string => {
  switch (row.outcome) {
    case "running":
      return t("running");
    case "ok":
      return t("answered");
    case "cancelled":
      return t("cancelled");
    case "failed":
      return row.errorKind ? t("failed: {0}", faultLabel(row.errorKind, t)) : t("failed");
  }
};

/** A fault in a few words. One that has none here is named as the log names it. */
const faultLabel = (kind: string, t: Translate): string => {
  const labels: { readonly [kind: string]: string } = {
    unreachable: t("nobody answers there"),
    offline: t("address not found"),
    certificate: t("certificate not trusted"),
    proxy: t("stopped at a proxy"),
    moderated: t("text refused"),
    paused: t("left alone after faults"),
    unauthorized: t("API key refused"),
    "payment-required": t("no credit left"),
    "rate-limited": t("asked for a pause"),
    "model-not-found": t("no such model"),
    "context-overflow": t("text too long"),
    "bad-request": t("request refused"),
    "bad-response": t("answer not understood"),
    "server-error": t("fault of the server"),
    truncated: t("broke off"),
    timeout: t("took too long"),
    loading: t("model still loading"),
    unsupported: t("cannot do this"),
    unknown: t("unexpected fault"),
  };
  return labels[kind] ?? kind;
};

/** What a part of a request's time went to. */
const partLabel = (name: string, t: Translate): string => {
  const labels: { readonly [name: string]: string } = {
    connect: t("Connect"),
    wait: t("Wait for the server"),
    "first token": t("Until the first token"),
    generation: t("Generation"),
    body: t("Answer on the wire"),
    queue: t("Wait for a place"),
    "model load": t("Loading the model"),
    "retry wait": t("Wait before the next attempt"),
  };
  const attempt = /^attempt (\d+)$/.exec(name)?.[1];
  return labels[name] ?? (attempt === undefined ? name : t("Attempt {0}", attempt));
};

const timingParts = (trace: SpanRecord, longestMs: number, nowMs: number, t: Translate): TimingPart[] => {
  const laneEnds: number[] = [];
  /** A place on the scale, which ends before what hangs does. */
  const placed = (ms: number): number => Math.min(ms - trace.startMs, longestMs);
  return trace.children
    .toSorted((a, b) => a.startMs - b.startMs)
    .map((span) => {
      const endMs = span.endMs ?? trace.endMs ?? nowMs;
      const free = laneEnds.findIndex((laneEndMs) => laneEndMs <= span.startMs);
      const lane = free < 0 ? laneEnds.length : free;
      laneEnds[lane] = endMs;
      return {
        name: span.name,
        start: placed(span.startMs) / longestMs,
        width: (placed(endMs) - placed(span.startMs)) / longestMs,
        lane,
        title: `${partLabel(span.name, t)}: ${formatDuration(endMs - span.startMs)}`,
      };
    });
};
