import type { Clock } from "../base/clock.ts";

/** A finished or running piece of work, as plain data. Times are the clock's monotonic milliseconds. */
export type SpanRecord = {
  readonly name: string;
  readonly startMs: number;
  /** Undefined while the span is open. */
  endMs: number | undefined;
  readonly attributes: Record<string, string | number | boolean>;
  readonly children: SpanRecord[];
};

/** A handle on a running piece of work. What is done to it after `end()` is ignored. */
export type Span = {
  readonly record: SpanRecord;
  /** Opens a part of this work; `startMs` (default: now) may lie in the past. */
  child(name: string, startMs?: number): Span;
  set(key: string, value: string | number | boolean): void;
  /** Closes the span and every open child. */
  end(endMs?: number): void;
};

/** Opens a span tree. `onEnd` gets the whole record when the root is closed. */
export const startSpan = (
  clock: Clock,
  name: string,
  onEnd?: (record: SpanRecord) => void,
  startMs = clock.nowMs(),
): Span => {
  const record: SpanRecord = { name, startMs, endMs: undefined, attributes: {}, children: [] };
  const open: Span[] = [];
  return {
    record,
    child(childName, childStartMs) {
      const child = startSpan(clock, childName, undefined, childStartMs ?? clock.nowMs());
      if (record.endMs === undefined) {
        record.children.push(child.record);
        open.push(child);
      }
      return child;
    },
    set(key, value) {
      if (record.endMs === undefined) record.attributes[key] = value;
    },
    end(endMs = clock.nowMs()) {
      if (record.endMs !== undefined) return;
      for (const child of open) child.end(endMs);
      record.endMs = endMs;
      onEnd?.(record);
    },
  };
};

/** A span that records nothing, for callers that keep no trace. */
export const silentSpan = (): Span => {
  const span: Span = {
    record: { name: "", startMs: 0, endMs: 0, attributes: {}, children: [] },
    child: () => span,
    set() {},
    end() {},
  };
  return span;
};
