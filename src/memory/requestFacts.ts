import type { RequestRow } from "../metrics/ledger.ts";
import type { TipFacts } from "./tips.ts";

const hourMs = 3_600_000;
/** With fewer requests in the hour nobody knows how many come at once. */
const leastRequests = 20;

type Stretch = { readonly startMs: number; readonly endMs: number };

const stretchOf = ({ startMs, endMs = startMs }: RequestRow["trace"]): Stretch => ({ startMs, endMs });

/** How many of these there were at the busiest moment. */
const mostAtOnce = (stretches: readonly Stretch[]): number => {
  const changes = stretches.flatMap(({ startMs, endMs }) => [
    { atMs: startMs, by: 1 },
    { atMs: endMs, by: -1 },
  ]);
  let now = 0;
  let most = 0;
  // What ends as another begins was not there with it.
  for (const { by } of changes.toSorted((a, b) => a.atMs - b.atMs || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
};

const wasTooLong = ({ errorKind, trace }: RequestRow): boolean =>
  errorKind === "context-overflow" || trace.attributes["shortened"] === true;

/**
 * What the last hour's requests to one model tell: prompts that were too long for its context, whether they failed or
 * were sent anew in a shorter form, and how many requests ran or waited at once. Requests wait in the queue of this
 * program, which knows a server's slots; what other programs send is not in it. What has not ended is left out: that a
 * request waited is known afterwards, until then it looks as if it ran. `nowMs` is on the spans' scale.
 */
export const requestFacts = (
  rows: readonly RequestRow[],
  nowMs: number,
): Pick<TipFacts, "truncatedPrompts" | "usedSlots" | "waitedForSlots"> => {
  const recent = rows.filter(({ trace }) => trace.endMs !== undefined && nowMs - trace.startMs <= hourMs);
  const queues = recent.map(({ trace }) => trace.children.filter(({ name }) => name === "queue").map(stretchOf));
  const running = recent.map(({ trace }, index) => {
    const { startMs, endMs } = stretchOf(trace);
    return { startMs: Math.max(startMs, ...queues[index]!.map((queue) => queue.endMs)), endMs };
  });
  return {
    truncatedPrompts: recent.filter(wasTooLong).length,
    waitedForSlots: mostAtOnce(queues.flat()),
    ...(recent.length < leastRequests ? {} : { usedSlots: mostAtOnce(running) }),
  };
};
