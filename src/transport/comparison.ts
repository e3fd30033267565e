/** How a request went, as far as it is known. */
export type Finished = {
  /** From its start to its last token. */
  readonly totalMs: number;
  /** How many requests ran when it started, itself included. */
  readonly startRunning: number;
  /** How many requests ran while it did, itself included, on average over its time. */
  readonly meanRunning: number;
  readonly firstTokenMs?: number | undefined;
  /** Tokens that the server had to read anew. */
  readonly promptTokens?: number | undefined;
  readonly generatedTokens?: number | undefined;
};

// The numbers below were chosen by simulation, for several kinds of servers: test/bench/limiter.bench.ts.

/** How many times its likely error a difference has to be for a judgement that calls for no further requests. */
const sureness = 1.3;
/** So much faster, as a logarithm, cannot be chance: by a fifth. */
const fasterBy = Math.log(0.8);
/** The value, or the nearest one between `low` and `high`. */
export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** The average; NaN of nothing. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** The slope of a line through points as the median over all pairs (Theil and Sen), which single outliers do not bend. */
const slopeOf = (points: readonly { readonly x: number; readonly y: number }[]): number => {
  const slopes: number[] = [];
  for (const [index, a] of points.entries()) {
    for (const b of points.slice(0, index)) {
      if (Math.abs(b.x - a.x) > 0.1 * (a.x + b.x)) slopes.push((b.y - a.y) / (b.x - a.x));
    }
  }
  return slopes.length === 0 ? 0 : Math.max(0, median(slopes));
};

const restOf = ({ totalMs, firstTokenMs = 0 }: Finished): number => Math.max(0, totalMs - firstTokenMs);

/** The logarithm of a ratio of times; too short ones are no reason for infinity. */
const logRatio = (tookMs: number, expectedMs: number): number =>
  Math.log(Math.max(tookMs, 0.1) / Math.max(expectedMs, 0.1));

/** How much slower than expected a request was, as logarithms, by what is known about it. */
type Slowdown = {
  /** For its lengths of prompt and answer; undefined: they are not known. */
  readonly byLength: number | undefined;
  /** Its first token, for the length of the prompt as far as that is known. */
  readonly first: number | undefined;
  /** All of it, if what its first token was late by is all that it lost. */
  readonly queued: number;
  /** All of it, for the length of the prompt as far as that is known. */
  readonly total: number;
};

/** Learns from requests what one takes, to say of another how much slower it was. */
const fit = (requests: readonly Finished[]): ((request: Finished) => Slowdown) => {
  const firsts = requests.filter((request) => request.firstTokenMs !== undefined);
  const points = firsts
    .filter((request) => request.promptTokens !== undefined)
    .map((request) => ({ x: request.promptTokens!, y: request.firstTokenMs! }));
  const slope = slopeOf(points);
  const typicalFirstMs = firsts.length > 0 ? median(firsts.map((request) => request.firstTokenMs!)) : 0;
  const offsetMs = points.length > 0 ? median(points.map(({ x, y }) => y - slope * x)) : 0;
  const counted = requests.filter((request) => (request.generatedTokens ?? 0) > 0);
  const msPerToken =
    counted.length > 0 ? median(counted.map((request) => restOf(request) / request.generatedTokens!)) : undefined;
  const typicalRestMs = median(requests.map(restOf));

  return (request) => {
    const { totalMs, firstTokenMs, promptTokens, generatedTokens = 0 } = request;
    const hasFirst = firsts.length > 0 && firstTokenMs !== undefined;
    const expectedFirstMs =
      points.length > 0 && promptTokens !== undefined
        ? Math.max(offsetMs + slope * promptTokens, typicalFirstMs / 5)
        : typicalFirstMs;
    return {
      byLength:
        msPerToken !== undefined && generatedTokens > 0
          ? logRatio(totalMs, (hasFirst ? expectedFirstMs : 0) + msPerToken * generatedTokens)
          : undefined,
      first: hasFirst ? logRatio(firstTokenMs, expectedFirstMs) : undefined,
      queued: hasFirst ? logRatio(totalMs, expectedFirstMs + restOf(request)) : 0,
      total: logRatio(totalMs, typicalRestMs + expectedFirstMs),
    };
  };
};

/** Whether a higher number of running requests was more than the server has room for. */
export type Verdict = {
  readonly isOver: boolean;
  readonly isSure: boolean;
  /** Requests were faster at the higher number: what is known about the lower one is outdated. */
  readonly isFaster: boolean;
  /** How many requests the server seems to have room for. */
  readonly room: number;
};

/**
 * Compares requests at `high` running ones with others at `low`. Halfway between no slower (room for all) and slower in
 * proportion (no more done than with fewer) is the line.
 */
export const compare = (
  atHigh: readonly Finished[],
  high: number,
  atLow: readonly Finished[],
  low: number,
): Verdict => {
  const most = Math.log(high / low);
  const slowdownOf = fit(atLow);
  const lows = atLow.map(slowdownOf);
  const highs = atHigh.map(slowdownOf);

  const judge = (pick: (slowdown: Slowdown) => number): Verdict => {
    const level = median(lows.map(pick));
    const slowdowns = highs.map((slowdown) => pick(slowdown) - level);
    // Cut off on both sides, so that a single very slow request does not decide.
    const votes = slowdowns.map((value) => clamp(value / most - 0.5, -1.5, 1.5));
    const vote = mean(votes);
    const spread = Math.sqrt(mean(votes.map((value) => (value - vote) ** 2)));
    const typical = median(slowdowns);
    const error = spread * Math.sqrt(1 / atHigh.length + 1 / atLow.length);
    return {
      isOver: vote > 0,
      isSure: Math.abs(vote) > sureness * error,
      isFaster: typical < fasterBy && vote < -0.5 - 2 * error,
      room: high * Math.exp(-typical),
    };
  };

  const known = highs.filter((slowdown) => slowdown.byLength !== undefined).length;
  if (known * 2 > highs.length) return judge((slowdown) => slowdown.byLength ?? slowdown.queued);
  const total = judge((slowdown) => slowdown.total);
  const firsts = highs.map(({ first }) => first).filter((first) => first !== undefined);
  if (firsts.length * 2 <= highs.length) return total;
  // How long the answers were is not known, so the first token has to tell. Where it is later than slow computing
  // explains it has waited for its turn, and its delay counts as a part of the whole.
  const isQueue = median(firsts) > 2 * most;
  const first = judge((slowdown) => (isQueue ? slowdown.queued : (slowdown.first ?? slowdown.queued)));
  return total.isOver && total.isSure && !first.isOver ? total : first;
};
